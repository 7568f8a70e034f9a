//! The audit trail: who did or tried what, when, from where, and what the answer was.

use std::collections::BTreeMap;

use portcullis_domain::trail::{Head, chain_of};
use portcullis_domain::{AuditEvent, KeyId, SiteId, StorageId, Timestamp};
use sqlx::QueryBuilder;

use crate::db::{Metadata, Tx, reading, within, writing};
use crate::error::{During, Fault, Result};
use crate::page::{Page, PageRequest};
use crate::row::{Both, clip, hash, number, read, read_optional, row};

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

/// The advisory lock under which PostgreSQL adds entries; the letters of "auditlog".
const LOCK: i64 = i64::from_be_bytes(*b"auditlog");

/// How many rows one statement takes: within the parameters that both engines allow.
const BATCH: usize = 500;

macro_rules! columns {
    () => {
        "at_us, request_id, site_id, actor, key_id, storage_id, channel, peer, tool, action, object, allowed, reason, \
         detail"
    };
}
pub(crate) use columns;

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
        detail: String,
    }
}
row! {
    NumberRow { id: i64 }
}
row! {
    HeadRow { chain: String, seq: i64, hash: Vec<u8> }
}

impl EventRow {
    pub(crate) fn read(self) -> Result<AuditEvent, Fault> {
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
            detail: self.detail,
        })
    }
}

impl Metadata {
    /// Adds entries to the trail, in the order given, in one transaction: each to the end of the chain of its site.
    ///
    /// # Errors
    /// What any verb may give; then none of them was added.
    pub async fn append_audit(&self, events: &[AuditEvent]) -> Result<()> {
        if events.is_empty() {
            return Ok(());
        }
        let work = async {
            let mut tx = self.begin().await?;
            append_within(&mut tx, events).await?;
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

    /// Removes up to `limit` of the oldest entries that stand before the chains and are from before this moment, and says how
    /// many they were; call again until it says fewer than `limit`. For what is in a chain there is
    /// [`Metadata::remove_audited`].
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn purge_audit(&self, before: Timestamp, limit: u32) -> Result<u64> {
        let sql = "DELETE FROM audit WHERE id IN \
                   (SELECT id FROM audit WHERE seq = 0 AND at_us < $1 ORDER BY at_us, id LIMIT $2)";
        let done = writing!(self, pool => {
            let query = sqlx::query(sql).bind(before.micros()).bind(i64::from(limit));
            query.execute(pool).await.map(|done| done.rows_affected())
        });
        done.during("purge the audit trail")
    }
}

/// Adds entries to the ends of their chains, which stay locked until the transaction ends.
pub(crate) async fn append_within(tx: &mut Tx, events: &[AuditEvent]) -> Result<(), Fault> {
    let events: Vec<AuditEvent> = events.iter().map(kept).collect();
    if let Tx::Pg(tx) = tx {
        // SQLite has one writer anyway. Here numbers must be committed in their order too: who has read up to one has missed none below.
        sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(LOCK).execute(&mut **tx).await?;
    }
    let mut heads = lock_heads(tx, &events).await?;
    for batch in events.chunks(BATCH) {
        insert(tx, batch, &mut heads).await?;
    }
    let ends: Vec<_> = heads.values().collect();
    for batch in ends.chunks(BATCH) {
        upsert_heads(tx, batch, "seq = excluded.seq, hash = excluded.hash").await?;
    }
    Ok(())
}

/// An entry as it is kept, and hashed.
fn kept(event: &AuditEvent) -> AuditEvent {
    AuditEvent {
        request_id: clip(&event.request_id, 64),
        actor: clip(&event.actor, 128),
        peer: clip(&event.peer, 64),
        tool: clip(&event.tool, 200),
        action: clip(&event.action, 64),
        object: event.object.as_deref().map(|object| clip(object, 1024)),
        reason: clip(&event.reason, 500),
        detail: clip(&event.detail, 500),
        ..*event
    }
}

/// The heads of the chains of these entries, locked until the transaction ends: always in the order of their names, so that no
/// two wait for each other.
async fn lock_heads(tx: &mut Tx, events: &[AuditEvent]) -> Result<BTreeMap<Option<SiteId>, Head>, Fault> {
    let mut heads: BTreeMap<_, _> =
        events.iter().map(|event| (event.site, Head::empty(chain_of(event.site)))).collect();
    let empty: Vec<_> = heads.values().cloned().collect();
    let mut found = BTreeMap::new();
    for batch in empty.chunks(BATCH) {
        let rows = upsert_heads(tx, &batch.iter().collect::<Vec<_>>(), "seq = audit_heads.seq").await?;
        found.extend(rows.into_iter().map(|row| (row.chain.clone(), row)));
    }
    for head in heads.values_mut() {
        let row = found.remove(&head.chain).ok_or_else(|| Fault::corrupt("a chain without a head"))?;
        head.seq = number("seq", row.seq)?;
        head.hash = hash("hash", &row.hash)?;
    }
    Ok(heads)
}

/// Puts heads in their table, or does this with those that are there; gives what is there then, in whatever order.
async fn upsert_heads(tx: &mut Tx, heads: &[&Head], with_old: &'static str) -> Result<Vec<HeadRow>, Fault> {
    let seqs: Vec<_> = heads.iter().map(|head| as_stored(head.seq)).collect::<Result<_, Fault>>()?;
    Ok(within!(*tx, c => {
        let mut query = QueryBuilder::new("INSERT INTO audit_heads (chain, seq, hash) ");
        query.push_values(heads.iter().zip(seqs), |mut row, (head, seq)| {
            row.push_bind(&head.chain).push_bind(seq).push_bind(head.hash.as_slice());
        });
        query.push(" ON CONFLICT (chain) DO UPDATE SET ").push(with_old).push(" RETURNING chain, seq, hash");
        query.build_query_as::<HeadRow>().persistent(heads.len() == 1).fetch_all(c).await
    })?)
}

async fn insert(
    tx: &mut Tx,
    batch: &[AuditEvent],
    heads: &mut BTreeMap<Option<SiteId>, Head>,
) -> Result<(), Fault> {
    let mut links = Vec::with_capacity(batch.len());
    for event in batch {
        let head = heads.entry(event.site).or_insert_with(|| Head::empty(chain_of(event.site)));
        let (seq, hash) = head.append(event);
        links.push((event, head.chain.clone(), as_stored(seq)?, hash));
    }
    within!(*tx, c => {
        let mut query = QueryBuilder::new(concat!("INSERT INTO audit (", columns!(), ", chain, seq, hash) "));
        query.push_values(&links, |mut row, (event, chain, seq, hash)| {
            row.push_bind(event.at.micros())
                .push_bind(&event.request_id)
                .push_bind(event.site.map(|id| id.to_string()))
                .push_bind(&event.actor)
                .push_bind(event.key.map(|id| id.to_string()))
                .push_bind(event.storage.map(|id| id.to_string()))
                .push_bind(event.channel.as_str())
                .push_bind(&event.peer)
                .push_bind(&event.tool)
                .push_bind(&event.action)
                .push_bind(event.object.as_deref())
                .push_bind(i64::from(event.allowed))
                .push_bind(&event.reason)
                .push_bind(&event.detail)
                .push_bind(chain)
                .push_bind(*seq)
                .push_bind(hash.as_slice());
        });
        query.build().persistent(false).execute(c).await.map(drop)
    })?;
    Ok(())
}

/// A number of an entry as the database takes it.
pub(crate) fn as_stored(seq: u64) -> Result<i64, Fault> {
    i64::try_from(seq).map_err(|_| Fault::corrupt("column seq: number out of range"))
}
