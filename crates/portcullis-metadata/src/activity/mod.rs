//! What keys were used for and what they were refused, put together by the hour.

mod basis;
mod read;
mod refusals;
mod rollup;
mod taken;
mod usage;

use std::collections::BTreeMap;

use portcullis_domain::{KeyId, StorageId, Timestamp, UnknownWord};
use sqlx::QueryBuilder;

use crate::db::{Metadata, Tx, within, writing};
use crate::error::{During, Fault, Result};
use crate::row::clip;

pub use basis::{DeedSeen, FolderSeen, UseSeen};
pub use read::{ActivityRow, FolderRow};
pub use refusals::{RefusalDay, RefusalFilter, RefusalOf, RefusalRow};
pub use rollup::{Noted, Rollup};
pub use taken::{AdviceTaken, Breadth};
pub use usage::{UsageBy, UsageFilter, UsagePoint, UsageStep, UsageSum, UsageTop};

/// How many rows one statement takes: within the parameters that both engines allow.
const BATCH: usize = 500;

/// Whether something was done, refused, or would have been.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ActivityKind {
    /// It was admitted.
    Used,
    /// It was refused.
    Refused,
    /// It was admitted, and would be refused if what is tried out were in force.
    Tried,
}

impl ActivityKind {
    /// The word for it in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Used => "used",
            Self::Refused => "refused",
            Self::Tried => "tried",
        }
    }
}

impl std::str::FromStr for ActivityKind {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        [Self::Used, Self::Refused, Self::Tried]
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or(UnknownWord { expected: "used, refused, tried" })
    }
}

/// What makes requests alike.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ActivityOf {
    /// The key.
    pub key: KeyId,
    /// Hours since the beginning of 1970.
    pub hour: i64,
    /// The storage, if it is known.
    pub storage: Option<StorageId>,
    /// From where: an address, or a network of several that were too many to tell apart.
    pub network: String,
    /// The client's program, without its version; `other` for what was too much to tell apart.
    pub tool: String,
    /// Whether it was done.
    pub kind: ActivityKind,
    /// What was done (`get`), or why it was refused (`key_expired`).
    pub what: &'static str,
    /// With which of the key's credentials.
    pub generation: u32,
}

/// How much of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ActivityCount {
    /// How many requests.
    pub requests: u64,
    /// Bytes of files, up and down.
    pub bytes: u64,
    /// When the first.
    pub first: Timestamp,
    /// When the last.
    pub last: Timestamp,
}

/// A folder in which a key worked on a day.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FolderOf {
    /// The key.
    pub key: KeyId,
    /// Days since the beginning of 1970.
    pub day: i64,
    /// The storage.
    pub storage: StorageId,
    /// The folder with its slash at the end; empty for the storage as a whole.
    pub folder: String,
}

fn stored(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

impl Metadata {
    /// Adds to what is kept of each of these, in one transaction; from any number of nodes.
    ///
    /// # Errors
    /// What any verb may give; then nothing was added.
    pub async fn record_activity(
        &self,
        activity: &BTreeMap<ActivityOf, ActivityCount>,
        folders: &BTreeMap<FolderOf, u64>,
    ) -> Result<()> {
        if activity.is_empty() && folders.is_empty() {
            return Ok(());
        }
        let work = async {
            let mut tx = self.begin().await?;
            // Maps are in order: two nodes lock the rows in the same one.
            let rows: Vec<_> = activity.iter().collect();
            for batch in rows.chunks(BATCH) {
                add_activity(&mut tx, batch).await?;
            }
            let rows: Vec<_> = folders.iter().collect();
            for batch in rows.chunks(BATCH) {
                add_folders(&mut tx, batch).await?;
            }
            tx.commit().await
        };
        work.await.during("keep what keys were used for")
    }

    /// Removes what is from before this moment, a day at most at a time, and says how many rows it was; call again until it says 0.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn purge_activity(&self, before: Timestamp) -> Result<u64> {
        let seconds = before.seconds();
        let work = async {
            let mut removed = 0;
            for (sql, until) in [
                (
                    "DELETE FROM key_activity WHERE hour < $1 AND hour < (SELECT MIN(hour) FROM key_activity) + 24",
                    seconds.div_euclid(3600),
                ),
                (
                    "DELETE FROM key_folders WHERE day < $1 AND day = (SELECT MIN(day) FROM key_folders)",
                    seconds.div_euclid(86_400),
                ),
            ] {
                removed += writing!(self, pool => {
                    sqlx::query(sql).bind(until).execute(pool).await.map(|done| done.rows_affected())
                })?;
            }
            Ok::<_, Fault>(removed)
        };
        work.await.during("remove what keys were used for long ago")
    }
}

async fn add_activity(tx: &mut Tx, batch: &[(&ActivityOf, &ActivityCount)]) -> Result<(), Fault> {
    within!(*tx, c => {
        let mut query = QueryBuilder::new(
            "INSERT INTO key_activity (key_id, hour, storage_id, network, tool, kind, what, generation, requests, \
             bytes, first_us, last_us) ",
        );
        query.push_values(batch, |mut row, (of, count)| {
            row.push_bind(of.key.to_string())
                .push_bind(of.hour)
                .push_bind(of.storage.map(|id| id.to_string()).unwrap_or_default())
                .push_bind(clip(&of.network, 100))
                .push_bind(clip(&of.tool, 60))
                .push_bind(of.kind.as_str())
                .push_bind(of.what)
                .push_bind(i64::from(of.generation))
                .push_bind(stored(count.requests))
                .push_bind(stored(count.bytes))
                .push_bind(count.first.micros())
                .push_bind(count.last.micros());
        });
        query.push(
            " ON CONFLICT (key_id, hour, storage_id, network, tool, kind, what, generation) DO UPDATE SET \
             requests = key_activity.requests + excluded.requests, bytes = key_activity.bytes + excluded.bytes, \
             first_us = CASE WHEN excluded.first_us < key_activity.first_us THEN excluded.first_us \
             ELSE key_activity.first_us END, \
             last_us = CASE WHEN excluded.last_us > key_activity.last_us THEN excluded.last_us \
             ELSE key_activity.last_us END",
        );
        query.build().persistent(false).execute(c).await.map(drop)
    })?;
    Ok(())
}

async fn add_folders(tx: &mut Tx, batch: &[(&FolderOf, &u64)]) -> Result<(), Fault> {
    within!(*tx, c => {
        let mut query = QueryBuilder::new("INSERT INTO key_folders (key_id, day, storage_id, folder, requests) ");
        query.push_values(batch, |mut row, (of, requests)| {
            row.push_bind(of.key.to_string())
                .push_bind(of.day)
                .push_bind(of.storage.to_string())
                .push_bind(clip(&of.folder, 1024))
                .push_bind(stored(**requests));
        });
        query.push(
            " ON CONFLICT (key_id, day, storage_id, folder) DO UPDATE SET \
             requests = key_folders.requests + excluded.requests",
        );
        query.build().persistent(false).execute(c).await.map(drop)
    })?;
    Ok(())
}
