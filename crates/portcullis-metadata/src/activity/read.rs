//! Reading what keys were used for, put together over the hours.

use portcullis_domain::{KeyId, StorageId, Timestamp};

use super::{ActivityCount, ActivityKind};
use crate::db::{Metadata, reading};
use crate::error::{During, Fault, Result};
use crate::row::{number, read, row};
use crate::storages::pieces::{Pieces, assembled};

/// The most rows that one of these verbs gives, whatever is asked for.
const MOST: u32 = 20_000;

/// Requests that are alike, over some time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActivityRow {
    /// The key.
    pub key: KeyId,
    /// The storage, if it is known.
    pub storage: Option<StorageId>,
    /// An address, or a network of several that were too many to tell apart; `Network::parse` reads both.
    pub network: String,
    /// The client's program, without its version.
    pub tool: String,
    /// Whether it was done.
    pub kind: ActivityKind,
    /// What was done (`get`), or why it was refused (`key_expired`).
    pub what: String,
    /// With which of the key's credentials.
    pub generation: u32,
    /// How much of it.
    pub count: ActivityCount,
}

/// A folder in which a key worked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FolderRow {
    /// The storage.
    pub storage: StorageId,
    /// The folder with its slash at the end, of at most three levels; empty for the storage as a whole.
    pub folder: String,
    /// How many requests.
    pub requests: u64,
    /// The first day of them, in days since the beginning of 1970.
    pub first_day: i64,
    /// The last day of them.
    pub last_day: i64,
}

row! {
    AlikeRow {
        key_id: String,
        storage_id: String,
        network: String,
        tool: String,
        kind: String,
        what: String,
        generation: i64,
        requests: i64,
        bytes: i64,
        first_us: i64,
        last_us: i64,
    }
}
row! {
    PlaceRow { storage_id: String, folder: String, requests: i64, first_day: i64, last_day: i64 }
}

/// The storage of a row; the empty text is none.
pub(super) fn storage_of(text: &str) -> Result<Option<StorageId>, Fault> {
    (!text.is_empty()).then(|| read("storage_id", text)).transpose()
}

/// The hour in which this moment lies.
pub(super) fn hour_of(at: Timestamp) -> i64 {
    at.seconds().div_euclid(3600)
}

/// The day in which this moment lies.
pub(super) fn day_of(at: Timestamp) -> i64 {
    at.seconds().div_euclid(86_400)
}

impl AlikeRow {
    fn read(self) -> Result<ActivityRow, Fault> {
        Ok(ActivityRow {
            key: read("key_id", &self.key_id)?,
            storage: storage_of(&self.storage_id)?,
            network: self.network,
            tool: self.tool,
            kind: read("kind", &self.kind)?,
            what: self.what,
            generation: number("generation", self.generation)?,
            count: ActivityCount {
                requests: number("requests", self.requests)?,
                bytes: number("bytes", self.bytes)?,
                first: Timestamp::from_micros(self.first_us),
                last: Timestamp::from_micros(self.last_us),
            },
        })
    }
}

impl PlaceRow {
    fn read(self) -> Result<FolderRow, Fault> {
        Ok(FolderRow {
            storage: read("storage_id", &self.storage_id)?,
            folder: self.folder,
            requests: number("requests", self.requests)?,
            first_day: self.first_day,
            last_day: self.last_day,
        })
    }
}

impl Metadata {
    /// What a key was used for and refused since this moment (the hour it lies in counts whole), the most recent first; of one kind,
    /// or of all. At most `limit` rows (1 to 20,000): as many as that means that there may be more.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn activity_of_key(
        &self,
        key: KeyId,
        kind: Option<ActivityKind>,
        since: Timestamp,
        limit: u32,
    ) -> Result<Vec<ActivityRow>> {
        let mut query = alike();
        query.sql(" WHERE key_id = ").text(&key);
        self.alike(query, kind, since, limit).await.during("read what a key was used for")
    }

    /// What any key was used for and refused at a storage since this moment; otherwise as [`Metadata::activity_of_key`].
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn activity_of_storage(
        &self,
        storage: StorageId,
        kind: Option<ActivityKind>,
        since: Timestamp,
        limit: u32,
    ) -> Result<Vec<ActivityRow>> {
        let mut query = alike();
        query.sql(" WHERE storage_id = ").text(&storage);
        self.alike(query, kind, since, limit).await.during("read what a storage was used for")
    }

    async fn alike(
        &self,
        mut query: Pieces,
        kind: Option<ActivityKind>,
        since: Timestamp,
        limit: u32,
    ) -> Result<Vec<ActivityRow>, Fault> {
        query.sql(" AND hour >= ").number(hour_of(since));
        if let Some(kind) = kind {
            query.sql(" AND kind = ").text(&kind.as_str());
        }
        query.sql(
            " GROUP BY key_id, storage_id, network, tool, kind, what, generation \
             ORDER BY MAX(last_us) DESC, key_id, what, network, tool LIMIT ",
        );
        query.number(i64::from(limit.clamp(1, MOST)));
        let rows = reading!(self, pool => {
            assembled!(query).build_query_as::<AlikeRow>().fetch_all(pool).await
        })?;
        rows.into_iter().map(AlikeRow::read).collect()
    }

    /// The folders in which a key worked since this moment (the day it lies in counts whole), the most used first; at most `limit`
    /// (1 to 20,000).
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn folders_of_key(&self, key: KeyId, since: Timestamp, limit: u32) -> Result<Vec<FolderRow>> {
        let sql = "SELECT storage_id, folder, CAST(SUM(requests) AS BIGINT) AS requests, MIN(day) AS first_day, \
                   MAX(day) AS last_day FROM key_folders WHERE key_id = $1 AND day >= $2 \
                   GROUP BY storage_id, folder ORDER BY SUM(requests) DESC, storage_id, folder LIMIT $3";
        let limit = i64::from(limit.clamp(1, MOST));
        let rows = reading!(self, pool => {
            let query = sqlx::query_as::<_, PlaceRow>(sql).bind(key.to_string()).bind(day_of(since));
            query.bind(limit).fetch_all(pool).await
        });
        rows.map_err(Fault::from)
            .and_then(|rows| rows.into_iter().map(PlaceRow::read).collect())
            .during("read the folders of a key")
    }
}

fn alike() -> Pieces {
    let mut query = Pieces::default();
    query.sql(
        "SELECT key_id, storage_id, network, tool, kind, what, generation, \
         CAST(SUM(requests) AS BIGINT) AS requests, CAST(SUM(bytes) AS BIGINT) AS bytes, \
         MIN(first_us) AS first_us, MAX(last_us) AS last_us FROM key_activity",
    );
    query
}
