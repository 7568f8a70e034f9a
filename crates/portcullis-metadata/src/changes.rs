//! The change feed: what was changed, in the order of the commits.

use std::fmt;

use tokio::sync::watch;

use crate::db::{Metadata, reading, writing};
use crate::error::{During, Fault, MetadataErrorKind, Result};
use crate::row::row;

/// What kind of record was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ChangeKind {
    /// A key was made, changed or deleted.
    Key,
    /// A storage was made or changed.
    Storage,
    /// A user was made; their password, role or state was changed; or what is shared with them.
    User,
    /// A site was made, changed or deleted.
    Site,
    /// A session was ended before its time, or moved to another site, or confirmed.
    Session,
    /// A link was made, changed or ended.
    Link,
    /// A transfer is to be cut off, on whichever node it is.
    Transfer,
}

impl ChangeKind {
    /// Every kind, in the order of declaration.
    pub const ALL: &'static [Self] =
        &[Self::Key, Self::Storage, Self::User, Self::Site, Self::Session, Self::Link, Self::Transfer];

    /// The word for it in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Storage => "storage",
            Self::User => "user",
            Self::Site => "site",
            Self::Session => "session",
            Self::Link => "link",
            Self::Transfer => "transfer",
        }
    }
}

impl fmt::Display for ChangeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One entry of the feed. It says which record changed, not how: read the record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Its number. Numbers have no gaps, and a higher one was committed later.
    pub seq: i64,
    /// What kind of record.
    pub kind: ChangeKind,
    /// The record's id.
    pub id: String,
}

row! {
    ChangeRow { seq: i64, kind: String, ref_id: String }
}
row! {
    /// The state of the feed.
    Clock { seq: i64, purged: i64 }
}

impl Clock {
    fn reaches(&self, seq: i64) -> bool {
        (self.purged..=self.seq).contains(&seq)
    }
}

impl ChangeRow {
    fn read(self) -> Result<Change, Fault> {
        let kind = ChangeKind::ALL.iter().copied().find(|kind| kind.as_str() == self.kind);
        let kind = kind.ok_or_else(|| Fault::corrupt("column kind: not a kind of change"))?;
        Ok(Change { seq: self.seq, kind, id: self.ref_id })
    }
}

impl Metadata {
    pub(crate) async fn clock(&self) -> Result<Clock, Fault> {
        let sql = "SELECT seq, purged FROM change_clock WHERE one = 1";
        Ok(reading!(self, pool => sqlx::query_as::<_, Clock>(sql).fetch_one(pool).await)?)
    }

    /// The number of the last change, 0 before the first.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn latest_change(&self) -> Result<i64> {
        self.clock().await.during("read the change feed").map(|clock| clock.seq)
    }

    /// The changes after this number, oldest first, at most `limit` (1 to 1,000) of them.
    ///
    /// # Errors
    /// [`MetadataErrorKind::FeedGap`] if changes after `seq` were purged, or the database never reached `seq`
    /// (it was restored from a backup); what any verb may give.
    pub async fn changes_after(&self, seq: i64, limit: u32) -> Result<Vec<Change>> {
        let work = async {
            let sql = "SELECT seq, kind, ref_id FROM change_log WHERE seq > $1 ORDER BY seq LIMIT $2";
            let limit = i64::from(limit.clamp(1, 1_000));
            let rows = reading!(self, pool => {
                sqlx::query_as::<_, ChangeRow>(sql).bind(seq).bind(limit).fetch_all(pool).await
            })?;
            // After the rows: what a purge took away before they were read is seen here.
            if !self.clock().await?.reaches(seq) {
                return Err(Fault::from(MetadataErrorKind::FeedGap));
            }
            rows.into_iter().map(ChangeRow::read).collect()
        };
        work.await.during("read the change feed")
    }

    /// Wakes whoever waits for changes: the value is the number of a change that was committed. A hint that comes
    /// early, not the truth: read [`Metadata::changes_after`] from time to time as well.
    ///
    /// On SQLite it tells of the commits of this [`Metadata`] and its clones; on PostgreSQL of those of all nodes,
    /// as long as the connection that listens stands, and of what was missed as soon as it stands again.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<i64> {
        self.hint.subscribe()
    }

    /// Removes the changes below this number from the feed, and says how many there were. The latest number stays.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn purge_changes(&self, before: i64) -> Result<u64> {
        let work = async {
            // Marked first: a reader that finds entries gone must find the mark too.
            let mark = "UPDATE change_clock SET purged = CASE WHEN $1 - 1 > seq THEN seq ELSE $1 - 1 END \
                        WHERE one = 1 AND purged < $1 - 1";
            writing!(self, pool => sqlx::query(mark).bind(before).execute(pool).await.map(drop))?;
            let sql = "DELETE FROM change_log WHERE seq <= (SELECT purged FROM change_clock WHERE one = 1)";
            Ok::<_, Fault>(
                writing!(self, pool => sqlx::query(sql).execute(pool).await.map(|done| done.rows_affected()))?,
            )
        };
        work.await.during("purge the change feed")
    }
}
