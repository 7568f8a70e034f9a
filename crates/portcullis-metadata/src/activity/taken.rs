//! Advice that was followed, so that it can be taken back.

use portcullis_domain::{AdviceId, Key, KeyId, KeyPrefix, Networks, Permission, SiteId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::db::{Metadata, reading, within};
use crate::error::{During, Fault, MetadataErrorKind, Result};
use crate::keys::change_if_same;
use crate::page::{Page, PageRequest};
use crate::row::{networks_from_text, networks_to_text, read, row};

/// How wide a key is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breadth {
    /// What it allows.
    pub permission: Permission,
    /// Where it may be used from.
    pub networks: Networks,
    /// The only part of the storage that it reaches.
    pub prefix: KeyPrefix,
}

impl Breadth {
    /// How wide this key is.
    #[must_use]
    pub fn of(key: &Key) -> Self {
        Self { permission: key.permission, networks: key.networks.clone(), prefix: key.prefix.clone() }
    }

    /// The key with this breadth.
    #[must_use]
    pub fn put_on(&self, key: &Key) -> Key {
        let Self { permission, networks, prefix } = self.clone();
        Key { permission, networks, prefix, ..key.clone() }
    }
}

/// Advice that was followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdviceTaken {
    /// Identifies it.
    pub id: AdviceId,
    /// The site.
    pub site: SiteId,
    /// The key.
    pub key: KeyId,
    /// What was advised, in a word.
    pub what: String,
    /// How wide the key was.
    pub before: Breadth,
    /// How wide it was made.
    pub after: Breadth,
    /// Who followed it, as the audit trail says it.
    pub actor: String,
    /// When.
    pub taken: Timestamp,
    /// When it was taken back.
    pub undone: Option<Timestamp>,
}

#[derive(Serialize, Deserialize)]
struct StoredBreadth {
    permission: String,
    networks: String,
    prefix: String,
}

macro_rules! columns {
    () => {
        "id, site_id, key_id, what, before, after, actor, taken_us, undone_us"
    };
}

row! {
    TakenRow {
        id: String,
        site_id: String,
        key_id: String,
        what: String,
        before: String,
        after: String,
        actor: String,
        taken_us: i64,
        undone_us: Option<i64>,
    }
}

fn to_text(breadth: &Breadth) -> Result<String, Fault> {
    let stored = StoredBreadth {
        permission: breadth.permission.as_str().to_owned(),
        networks: networks_to_text(&breadth.networks)?,
        prefix: breadth.prefix.as_str().to_owned(),
    };
    serde_json::to_string(&stored).map_err(|error| Fault::corrupt(error.to_string()))
}

fn from_text(column: &'static str, text: &str) -> Result<Breadth, Fault> {
    let stored: StoredBreadth =
        serde_json::from_str(text).map_err(|error| Fault::corrupt(format!("column {column}: {error}")))?;
    Ok(Breadth {
        permission: read(column, &stored.permission)?,
        networks: networks_from_text(&stored.networks)?,
        prefix: read(column, &stored.prefix)?,
    })
}

impl TakenRow {
    fn read(self) -> Result<AdviceTaken, Fault> {
        Ok(AdviceTaken {
            id: read("id", &self.id)?,
            site: read("site_id", &self.site_id)?,
            key: read("key_id", &self.key_id)?,
            what: self.what,
            before: from_text("before", &self.before)?,
            after: from_text("after", &self.after)?,
            actor: self.actor,
            taken: Timestamp::from_micros(self.taken_us),
            undone: self.undone_us.map(Timestamp::from_micros),
        })
    }
}

impl Metadata {
    /// Makes a key as wide as `taken.after` says, if it still is as the caller read it, and remembers how wide it was; both or
    /// neither.
    ///
    /// # Errors
    /// [`Stale`](MetadataErrorKind::Stale) if the key is no longer as `key`;
    /// [`NotFound`](MetadataErrorKind::NotFound) if it is deleted; what any verb may give.
    pub async fn take_advice(&self, key: &Key, taken: &AdviceTaken) -> Result<()> {
        let work = async {
            let mut write = self.write().await?;
            change_if_same(&mut write, key, &taken.after.put_on(key)).await?;
            let sql = concat!(
                "INSERT INTO advice_taken (",
                columns!(),
                ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
            );
            let (before, after) = (to_text(&taken.before)?, to_text(&taken.after)?);
            within!(write.tx, c => {
                sqlx::query(sql)
                    .bind(taken.id.to_string())
                    .bind(taken.site.to_string())
                    .bind(taken.key.to_string())
                    .bind(&taken.what)
                    .bind(before)
                    .bind(after)
                    .bind(&taken.actor)
                    .bind(taken.taken.micros())
                    .bind(taken.undone.map(Timestamp::micros))
                    .execute(c)
                    .await
                    .map(drop)
            })?;
            self.commit(write).await
        };
        work.await.during("follow advice about a key")
    }

    /// Makes a key as wide as `wider`, if it still is as the caller read it, and notes that this advice was taken back, if it was not
    /// before; both or neither.
    ///
    /// # Errors
    /// [`Stale`](MetadataErrorKind::Stale) if the key is no longer as `key`, or the advice was taken back meanwhile;
    /// [`NotFound`](MetadataErrorKind::NotFound) if the key is deleted; what any verb may give.
    pub async fn undo_advice(&self, key: &Key, wider: &Key, id: AdviceId, now: Timestamp) -> Result<()> {
        let work = async {
            let mut write = self.write().await?;
            let sql = "UPDATE advice_taken SET undone_us = $2 WHERE id = $1 AND undone_us IS NULL";
            let rows = within!(write.tx, c => {
                let query = sqlx::query(sql).bind(id.to_string()).bind(now.micros());
                query.execute(c).await.map(|done| done.rows_affected())
            })?;
            if rows == 0 {
                return Err(MetadataErrorKind::Stale.into());
            }
            change_if_same(&mut write, key, wider).await?;
            self.commit(write).await
        };
        work.await.during("take back advice about a key")
    }

    /// Advice that was followed, taken back or not.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn advice_taken(&self, id: AdviceId) -> Result<Option<AdviceTaken>> {
        let sql = concat!("SELECT ", columns!(), " FROM advice_taken WHERE id = $1");
        let row = reading!(self, pool => {
            sqlx::query_as::<_, TakenRow>(sql).bind(id.to_string()).fetch_optional(pool).await
        });
        row.map_err(Fault::from)
            .and_then(|row| row.map(TakenRow::read).transpose())
            .during("read advice that was followed")
    }

    /// A page of the advice that was followed in a site, or on one of its keys, the newest first.
    ///
    /// # Errors
    /// [`BadCursor`](MetadataErrorKind::BadCursor); what any verb may give.
    pub async fn advice_taken_in(
        &self,
        site: SiteId,
        key: Option<KeyId>,
        page: &PageRequest,
    ) -> Result<Page<AdviceTaken>> {
        let work = async {
            // Every id begins with a digit or a letter below g.
            let after = page.after.as_ref().map(|_| page.after_id()).transpose()?.unwrap_or("g".to_owned());
            let rows = reading!(self, pool => {
                let mut query = sqlx::QueryBuilder::new(concat!(
                    "SELECT ",
                    columns!(),
                    " FROM advice_taken WHERE site_id = "
                ));
                query.push_bind(site.to_string()).push(" AND id < ").push_bind(after);
                if let Some(key) = key {
                    query.push(" AND key_id = ").push_bind(key.to_string());
                }
                query.push(" ORDER BY id DESC LIMIT ").push_bind(page.rows());
                query.build_query_as::<TakenRow>().fetch_all(pool).await
            })?;
            Page::of(rows, page, |row| row.id.clone(), TakenRow::read)
        };
        work.await.during("list advice that was followed")
    }
}
