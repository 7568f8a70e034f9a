//! What was last measured of storages: a copy for lists and sums, a second or two old.

use portcullis_domain::{Health, Provider, SiteId, StorageId, Timestamp, Usage};
use sqlx::QueryBuilder;

use crate::db::{Metadata, reading, writing};
use crate::error::{During, Fault, Result};
use crate::row::{number, read, read_optional, row};

/// What was last measured of a storage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StorageFacts {
    /// What it held, and when; none before the first measure that succeeded.
    pub usage: Option<(Usage, Timestamp)>,
    /// How many more bytes its driver had room for then; none if that could not be told.
    pub free: Option<u64>,
    /// How its connection was found, and since when it is so; none before the first look.
    pub health: Option<(Health, Timestamp)>,
    /// When a key last did something there; none if never.
    pub last_used: Option<Timestamp>,
}

/// Where a storage belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoragePlace {
    /// The storage.
    pub storage: StorageId,
    /// Its site.
    pub site: SiteId,
    /// Where its bytes live.
    pub provider: Provider,
}

/// How many rows one statement takes: within the parameters that both engines allow.
const BATCH: usize = 500;

row! {
    FactsRow {
        bytes: i64,
        version_bytes: i64,
        upload_bytes: i64,
        files: i64,
        folders: i64,
        free_bytes: Option<i64>,
        measured_us: Option<i64>,
        health: Option<String>,
        health_since_us: i64,
        last_used_us: i64,
    }
}
row! {
    PlaceRow { id: String, site_id: String, provider: String }
}

impl PlaceRow {
    fn read(self) -> Result<StoragePlace, Fault> {
        Ok(StoragePlace {
            storage: read("id", &self.id)?,
            site: read("site_id", &self.site_id)?,
            provider: read("provider", &self.provider)?,
        })
    }
}

impl FactsRow {
    pub(crate) fn read(self) -> Result<StorageFacts, Fault> {
        let usage = Usage {
            bytes: number("bytes", self.bytes)?,
            files: number("files", self.files)?,
            folders: number("folders", self.folders)?,
            version_bytes: number("version_bytes", self.version_bytes)?,
            upload_bytes: number("upload_bytes", self.upload_bytes)?,
        };
        let health: Option<Health> = read_optional("health", self.health.as_deref())?;
        Ok(StorageFacts {
            usage: self.measured_us.map(|at| (usage, Timestamp::from_micros(at))),
            free: self.free_bytes.map(|free| number("free_bytes", free)).transpose()?,
            health: health.map(|health| (health, Timestamp::from_micros(self.health_since_us))),
            last_used: (self.last_used_us > 0).then(|| Timestamp::from_micros(self.last_used_us)),
        })
    }
}

impl Metadata {
    /// The active storages, of all sites, that are due for a look, longest due first; at most `limit` (1 to 1,000).
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn storages_due(&self, now: Timestamp, limit: u32) -> Result<Vec<StoragePlace>> {
        let work = async {
            let sql = "SELECT s.id, s.site_id, s.provider FROM storage_facts f \
                       JOIN storages s ON s.id = f.storage_id \
                       WHERE f.due_us <= $1 AND s.state = 'active' ORDER BY f.due_us, f.storage_id LIMIT $2";
            let limit = i64::from(limit.clamp(1, 1_000));
            let rows = reading!(self, pool => {
                sqlx::query_as::<_, PlaceRow>(sql).bind(now.micros()).bind(limit).fetch_all(pool).await
            })?;
            rows.into_iter().map(PlaceRow::read).collect::<Result<_, Fault>>()
        };
        work.await.during("look for storages to measure")
    }

    /// Where these storages belong; those that are not active, or never were, are not in it.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn places_of(&self, storages: &[StorageId]) -> Result<Vec<StoragePlace>> {
        let work = async {
            let mut places = Vec::new();
            for batch in storages.chunks(BATCH) {
                let rows = reading!(self, pool => {
                    let mut query = QueryBuilder::new(
                        "SELECT id, site_id, provider FROM storages WHERE state = 'active' AND id IN (",
                    );
                    let mut list = query.separated(", ");
                    for id in batch {
                        list.push_bind(id.to_string());
                    }
                    query.push(")");
                    query.build_query_as::<PlaceRow>().persistent(false).fetch_all(pool).await
                })?;
                for row in rows {
                    places.push(row.read()?);
                }
            }
            Ok::<_, Fault>(places)
        };
        work.await.during("read where storages belong")
    }

    /// The active storages that live with a provider, the oldest first.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn remote_places(&self) -> Result<Vec<StorageId>> {
        let sql = "SELECT id FROM storages WHERE state = 'active' AND provider <> 'builtin' ORDER BY id";
        let rows = reading!(self, pool => sqlx::query_scalar::<_, String>(sql).fetch_all(pool).await);
        rows.map_err(Fault::from)
            .and_then(|rows| rows.iter().map(|id| read("id", id)).collect())
            .during("list storages of providers")
    }

    /// What was last measured of a storage; none for one that is not active.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn storage_facts(&self, storage: StorageId) -> Result<Option<StorageFacts>> {
        let sql = "SELECT bytes, version_bytes, upload_bytes, files, folders, free_bytes, measured_us, health, \
                   health_since_us, last_used_us FROM storage_facts WHERE storage_id = $1";
        let row = reading!(self, pool => {
            sqlx::query_as::<_, FactsRow>(sql).bind(storage.to_string()).fetch_optional(pool).await
        });
        row.map_err(Fault::from)
            .and_then(|row| row.map(FactsRow::read).transpose())
            .during("read what was measured of a storage")
    }

    /// Makes every storage due for a look, those that were never looked at first; and makes the row of facts of active
    /// storages that have none, as an older version leaves them that still runs while this one is installed.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn all_storages_due(&self) -> Result<()> {
        let work = async {
            let missing = "INSERT INTO storage_facts (storage_id, site_id) SELECT s.id, s.site_id FROM storages s \
                           WHERE s.state = 'active' AND NOT EXISTS \
                           (SELECT 1 FROM storage_facts f WHERE f.storage_id = s.id) \
                           ORDER BY s.id ON CONFLICT (storage_id) DO NOTHING";
            let stray = "DELETE FROM storage_facts WHERE NOT EXISTS \
                         (SELECT 1 FROM storages s WHERE s.id = storage_facts.storage_id AND s.state = 'active')";
            let due = "UPDATE storage_facts SET due_us = 1 WHERE due_us > 1";
            writing!(self, pool => {
                sqlx::query(missing).execute(pool).await?;
                sqlx::query(stray).execute(pool).await?;
                sqlx::query(due).execute(pool).await?;
            });
            Ok::<_, Fault>(())
        };
        work.await.during("make storages due for a look")
    }
}
