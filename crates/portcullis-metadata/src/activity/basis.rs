//! What is known of keys' use, for advice on how they could be narrower.

use std::collections::HashMap;

use futures_util::TryStreamExt as _;
use portcullis_domain::{KeyId, StorageId, Timestamp};

use super::read::{day_of, hour_of};
use crate::db::{Metadata, reading};
use crate::error::{During, Fault, Result};
use crate::row::{number, read, row};
use crate::storages::pieces::{Pieces, assembled};

/// Different deeds from different addresses, and different folders, of one key that are told apart.
const MOST: usize = 2_000;
/// Keys that one statement looks at.
const BATCH: usize = 200;

/// A deed that a key did from one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeedSeen {
    /// What was done: a word of `Action`.
    pub what: String,
    /// An address, or a network of several that were too many to tell apart.
    pub network: String,
    /// How many requests in the window.
    pub recent: u64,
    /// How many in all the time that is kept.
    pub requests: u64,
    /// When the last.
    pub last: Timestamp,
}

/// A folder in which a key worked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FolderSeen {
    /// The storage.
    pub storage: StorageId,
    /// The folder with its slash at the end; empty for the storage as a whole.
    pub folder: String,
    /// How many requests in the window.
    pub recent: u64,
    /// How many in all the time that is kept.
    pub requests: u64,
    /// The last day, in days since the beginning of 1970.
    pub last_day: i64,
}

/// What a key was used for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UseSeen {
    /// What it did, from where.
    pub deeds: Vec<DeedSeen>,
    /// In which folders.
    pub folders: Vec<FolderSeen>,
    /// On how many days of the window, in UTC.
    pub days: u32,
    /// Whether there was more than is told apart here: then nothing may be concluded from what is missing.
    pub is_clipped: bool,
}

row! {
    DeedRow { key_id: String, what: String, network: String, recent: i64, requests: i64, last_us: i64 }
}
row! {
    FolderRow { key_id: String, storage_id: String, folder: String, recent: i64, requests: i64, last_day: i64 }
}
row! {
    DaysRow { key_id: String, days: i64 }
}

/// The end of a statement about some of the keys.
fn among(query: &mut Pieces, keys: &[KeyId]) {
    for (at, key) in keys.iter().enumerate() {
        query.sql(if at == 0 { " WHERE key_id IN (" } else { ", " }).text(key);
    }
    query.sql(")");
}

fn deeds(keys: &[KeyId], window: Timestamp) -> Pieces {
    let mut query = Pieces::default();
    query.sql("SELECT key_id, what, network, CAST(SUM(CASE WHEN hour >= ").number(hour_of(window));
    query.sql(
        " THEN requests ELSE 0 END) AS BIGINT) AS recent, CAST(SUM(requests) AS BIGINT) AS requests, \
         MAX(last_us) AS last_us FROM key_activity",
    );
    among(&mut query, keys);
    query.sql(" AND kind = 'used' GROUP BY key_id, what, network");
    query
}

fn folders(keys: &[KeyId], window: Timestamp) -> Pieces {
    let mut query = Pieces::default();
    query.sql("SELECT key_id, storage_id, folder, CAST(SUM(CASE WHEN day >= ").number(day_of(window));
    query.sql(
        " THEN requests ELSE 0 END) AS BIGINT) AS recent, CAST(SUM(requests) AS BIGINT) AS requests, \
         MAX(day) AS last_day FROM key_folders",
    );
    among(&mut query, keys);
    query.sql(" GROUP BY key_id, storage_id, folder");
    query
}

fn days(keys: &[KeyId], window: Timestamp) -> Pieces {
    let mut query = Pieces::default();
    query.sql("SELECT key_id, COUNT(DISTINCT hour / 24) AS days FROM key_activity");
    among(&mut query, keys);
    query.sql(" AND kind = 'used' AND hour >= ").number(hour_of(window)).sql(" GROUP BY key_id");
    query
}

/// Every row of a statement, one at a time: what is read is bounded by what is kept of it.
macro_rules! each {
    ($metadata:expr, $query:expr, $type:ty, $row:ident => $keep:expr) => {
        reading!($metadata, pool => {
            let mut query = assembled!($query);
            let mut rows = query.build_query_as::<$type>().persistent(false).fetch(pool);
            while let Some($row) = rows.try_next().await? {
                $keep;
            }
        })
    };
}

/// Puts one more on a list, if it is not full.
fn keep<T>(list: &mut Vec<T>, is_clipped: &mut bool, one: T) {
    if list.len() < MOST { list.push(one) } else { *is_clipped = true }
}

impl Metadata {
    /// What these keys were used for since the beginning of what is kept, and how much of it since `window`: the day it lies in
    /// counts whole. Keys that were not used are not in it.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn use_seen(&self, keys: &[KeyId], window: Timestamp) -> Result<HashMap<KeyId, UseSeen>> {
        let window = Timestamp::from_seconds(day_of(window).saturating_mul(86_400));
        let work = async {
            let mut seen: HashMap<KeyId, UseSeen> = HashMap::new();
            for keys in keys.chunks(BATCH) {
                each!(self, deeds(keys, window), DeedRow, row => {
                    let of = seen.entry(read("key_id", &row.key_id)?).or_default();
                    keep(&mut of.deeds, &mut of.is_clipped, row.read()?);
                });
                each!(self, folders(keys, window), FolderRow, row => {
                    let of = seen.entry(read("key_id", &row.key_id)?).or_default();
                    keep(&mut of.folders, &mut of.is_clipped, row.read()?);
                });
                each!(self, days(keys, window), DaysRow, row => {
                    let of = seen.entry(read("key_id", &row.key_id)?).or_default();
                    of.days = number("days", row.days)?;
                });
            }
            Ok::<_, Fault>(seen)
        };
        work.await.during("read what keys were used for")
    }

    /// The beginning of the first hour of which anything is kept: since when use is counted, at the latest. None if nothing is.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn activity_begins(&self) -> Result<Option<Timestamp>> {
        let sql = "SELECT MIN(hour) FROM key_activity";
        let hour = reading!(self, pool => sqlx::query_scalar::<_, Option<i64>>(sql).fetch_one(pool).await);
        hour.map(|hour| hour.map(|hour| Timestamp::from_seconds(hour.saturating_mul(3600))))
            .during("read since when use is counted")
    }
}

impl DeedRow {
    fn read(self) -> Result<DeedSeen, Fault> {
        Ok(DeedSeen {
            what: self.what,
            network: self.network,
            recent: number("recent", self.recent)?,
            requests: number("requests", self.requests)?,
            last: Timestamp::from_micros(self.last_us),
        })
    }
}

impl FolderRow {
    fn read(self) -> Result<FolderSeen, Fault> {
        Ok(FolderSeen {
            storage: read("storage_id", &self.storage_id)?,
            folder: self.folder,
            recent: number("recent", self.recent)?,
            requests: number("requests", self.requests)?,
            last_day: self.last_day,
        })
    }
}
