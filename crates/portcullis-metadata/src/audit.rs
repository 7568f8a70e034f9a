//! The audit trail: who did or tried what, when, from where, and what the answer was.

use portcullis_domain::{Channel, KeyId, SiteId, StorageId, Timestamp};
use sqlx::QueryBuilder;

use crate::db::{Metadata, reading, within, writing};
use crate::error::{During, Fault, Result};
use crate::page::{Page, PageRequest};
use crate::row::{Both, clip, read, read_optional, row};

/// One entry of the trail. Text that is longer than its field is cut at the length given there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEvent {
    /// When.
    pub at: Timestamp,
    /// The request's id, as it stands in the answer and the log; 64 bytes.
    pub request_id: String,
    /// The site that it concerns, if it is known.
    pub site: Option<SiteId>,
    /// Who: `key:…`, `user:ada`, `anonymous`; 128 bytes.
    pub actor: String,
    /// The key that was used, or that was changed.
    pub key: Option<KeyId>,
    /// The storage that it concerns.
    pub storage: Option<StorageId>,
    /// Through which protocol.
    pub channel: Channel,
    /// From which address; 64 bytes.
    pub peer: String,
    /// With which program; 200 bytes.
    pub tool: String,
    /// What was done or tried; 64 bytes.
    pub action: String,
    /// The object's key or the like; 1,024 bytes.
    pub object: Option<String>,
    /// Whether it was allowed.
    pub allowed: bool,
    /// Why, or why not; 500 bytes.
    pub reason: String,
}

/// Which entries a list holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Those of this site.
    pub site: Option<SiteId>,
    /// Those of this request.
    pub request_id: Option<String>,
    /// Those with this key.
    pub key: Option<KeyId>,
    /// Those about this storage.
    pub storage: Option<StorageId>,
    /// Those that were allowed, or those that were not.
    pub verdict: Option<bool>,
}

/// How many rows one statement takes: within the parameters that both engines allow.
const BATCH: usize = 500;

macro_rules! columns {
    () => {
        "at_us, request_id, site_id, actor, key_id, storage_id, channel, peer, tool, action, object, allowed, reason"
    };
}

row! {
    EventRow {
        at_us: i64,
        request_id: String,
        site_id: Option<String>,
        actor: String,
        key_id: Option<String>,
        storage_id: Option<String>,
        channel: String,
        peer: String,
        tool: String,
        action: String,
        object: Option<String>,
        allowed: i64,
        reason: String,
    }
}
row! {
    NumberRow { id: i64 }
}

impl EventRow {
    fn read(self) -> Result<AuditEvent, Fault> {
        Ok(AuditEvent {
            at: Timestamp::from_micros(self.at_us),
            request_id: self.request_id,
            site: read_optional("site_id", self.site_id.as_deref())?,
            actor: self.actor,
            key: read_optional("key_id", self.key_id.as_deref())?,
            storage: read_optional("storage_id", self.storage_id.as_deref())?,
            channel: read("channel", &self.channel)?,
            peer: self.peer,
            tool: self.tool,
            action: self.action,
            object: self.object,
            allowed: self.allowed != 0,
            reason: self.reason,
        })
    }
}

impl Metadata {
    /// Adds entries to the trail, in the order given, in one transaction.
    ///
    /// # Errors
    /// What any verb may give; then none of them was added.
    pub async fn append_audit(&self, events: &[AuditEvent]) -> Result<()> {
        if events.is_empty() {
            return Ok(());
        }
        let work = async {
            let mut tx = self.begin().await?;
            for batch in events.chunks(BATCH) {
                within!(tx, c => {
                    let mut query = QueryBuilder::new(concat!("INSERT INTO audit (", columns!(), ") "));
                    query.push_values(batch, |mut row, event| {
                        row.push_bind(event.at.micros())
                            .push_bind(clip(&event.request_id, 64))
                            .push_bind(event.site.map(|id| id.to_string()))
                            .push_bind(clip(&event.actor, 128))
                            .push_bind(event.key.map(|id| id.to_string()))
                            .push_bind(event.storage.map(|id| id.to_string()))
                            .push_bind(event.channel.as_str())
                            .push_bind(clip(&event.peer, 64))
                            .push_bind(clip(&event.tool, 200))
                            .push_bind(clip(&event.action, 64))
                            .push_bind(event.object.as_deref().map(|object| clip(object, 1024)))
                            .push_bind(i64::from(event.allowed))
                            .push_bind(clip(&event.reason, 500));
                    });
                    query.build().persistent(false).execute(c).await.map(drop)
                })?;
            }
            tx.commit().await
        };
        work.await.during("append to the audit trail")
    }

    /// A page of the trail, newest first. Entries that are added meanwhile do not move what is on the next page.
    ///
    /// # Errors
    /// [`BadCursor`](crate::MetadataErrorKind::BadCursor); what any verb may give.
    pub async fn audit(&self, filter: &AuditFilter, page: &PageRequest) -> Result<Page<AuditEvent>> {
        let work = async {
            let before = page.before_number()?;
            let rows = reading!(self, pool => {
                let mut query = QueryBuilder::new(concat!("SELECT id, ", columns!(), " FROM audit WHERE id < "));
                query.push_bind(before);
                if let Some(site) = filter.site {
                    query.push(" AND site_id = ").push_bind(site.to_string());
                }
                if let Some(request_id) = &filter.request_id {
                    query.push(" AND request_id = ").push_bind(clip(request_id, 64));
                }
                if let Some(key) = filter.key {
                    query.push(" AND key_id = ").push_bind(key.to_string());
                }
                if let Some(storage) = filter.storage {
                    query.push(" AND storage_id = ").push_bind(storage.to_string());
                }
                if let Some(allowed) = filter.verdict {
                    query.push(" AND allowed = ").push_bind(i64::from(allowed));
                }
                query.push(" ORDER BY id DESC LIMIT ").push_bind(page.rows());
                query.build_query_as::<Both<NumberRow, EventRow>>().fetch_all(pool).await
            })?;
            Page::of(rows, page, |Both(number, _)| number.id.to_string(), |Both(_, event)| event.read())
        };
        work.await.during("read the audit trail")
    }

    /// Removes up to `limit` of the oldest entries from before this moment, and says how many they were; call again
    /// until it says fewer than `limit`.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn purge_audit(&self, before: Timestamp, limit: u32) -> Result<u64> {
        let sql = "DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE at_us < $1 ORDER BY at_us, id LIMIT $2)";
        let done = writing!(self, pool => {
            let query = sqlx::query(sql).bind(before.micros()).bind(i64::from(limit));
            query.execute(pool).await.map(|done| done.rows_affected())
        });
        done.during("purge the audit trail")
    }
}
