//! Writing down what was measured of storages, and when they were used.

use std::collections::{BTreeMap, HashSet};

use portcullis_domain::{Health, SiteId, StorageId, Timestamp, Usage};
use sqlx::QueryBuilder;

use crate::db::{Metadata, Tx, within};
use crate::error::{During, Fault, Result};

/// One look at a storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measurement {
    /// The storage.
    pub storage: StorageId,
    /// Its site.
    pub site: SiteId,
    /// When it was looked at. One that is older than what is kept changes nothing.
    pub at: Timestamp,
    /// What it held and how many more bytes fit; none if it did not tell: then the numbers before stay, with their age.
    pub usage: Option<(Usage, Option<u64>)>,
    /// How its connection was found.
    pub health: Health,
    /// When to look again, if nothing touches it before.
    pub due: Timestamp,
}

/// That a key did something on a storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StorageUse {
    /// The storage.
    pub storage: StorageId,
    /// Its site.
    pub site: SiteId,
    /// When.
    pub at: Timestamp,
}

/// How many rows one statement takes: within the parameters that both engines allow.
const BATCH: usize = 500;

fn kept(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// A failed look keeps the numbers of the last one that succeeded.
const MEASURED: &str = " ON CONFLICT (storage_id) DO UPDATE SET \
    bytes = CASE WHEN excluded.measured_us IS NULL THEN storage_facts.bytes ELSE excluded.bytes END, \
    version_bytes = CASE WHEN excluded.measured_us IS NULL THEN storage_facts.version_bytes \
        ELSE excluded.version_bytes END, \
    upload_bytes = CASE WHEN excluded.measured_us IS NULL THEN storage_facts.upload_bytes \
        ELSE excluded.upload_bytes END, \
    files = CASE WHEN excluded.measured_us IS NULL THEN storage_facts.files ELSE excluded.files END, \
    folders = CASE WHEN excluded.measured_us IS NULL THEN storage_facts.folders ELSE excluded.folders END, \
    free_bytes = CASE WHEN excluded.measured_us IS NULL THEN storage_facts.free_bytes \
        ELSE excluded.free_bytes END, \
    measured_us = COALESCE(excluded.measured_us, storage_facts.measured_us), \
    health_since_us = CASE WHEN storage_facts.health = excluded.health THEN storage_facts.health_since_us \
        ELSE excluded.health_since_us END, \
    health = excluded.health, checked_us = excluded.checked_us, due_us = excluded.due_us \
    WHERE excluded.checked_us >= storage_facts.checked_us";

impl Metadata {
    /// Keeps what was measured of active storages, in one transaction. Batches may come late and from many nodes: an older
    /// measurement than the one that is kept changes nothing.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn record_measurements(&self, measured: &[Measurement]) -> Result<()> {
        // One a storage, and always in the same order, so that two nodes cannot wait for each other.
        let mut last: BTreeMap<StorageId, &Measurement> = BTreeMap::new();
        for one in measured {
            let kept = last.entry(one.storage).or_insert(one);
            if one.at >= kept.at {
                *kept = one;
            }
        }
        if last.is_empty() {
            return Ok(());
        }
        let last: Vec<&Measurement> = last.into_values().collect();
        let work = async {
            let mut tx = self.begin().await?;
            for batch in last.chunks(BATCH) {
                let active = active_of(&mut tx, batch.iter().map(|one| one.storage)).await?;
                let batch: Vec<_> =
                    batch.iter().filter(|one| active.contains(&one.storage.to_string())).collect();
                if !batch.is_empty() {
                    upsert_measurements(&mut tx, &batch).await?;
                }
            }
            tx.commit().await
        };
        work.await.during("record what storages hold")
    }

    /// Keeps when active storages were last used, in one transaction; an older use than the one that is kept changes nothing.
    ///
    /// # Errors
    /// As [`Metadata::record_measurements`].
    pub async fn record_storage_use(&self, uses: &[StorageUse]) -> Result<()> {
        let mut last: BTreeMap<StorageId, StorageUse> = BTreeMap::new();
        for used in uses {
            let kept = last.entry(used.storage).or_insert(*used);
            kept.at = kept.at.max(used.at);
        }
        if last.is_empty() {
            return Ok(());
        }
        let last: Vec<StorageUse> = last.into_values().collect();
        let work = async {
            let mut tx = self.begin().await?;
            for batch in last.chunks(BATCH) {
                let active = active_of(&mut tx, batch.iter().map(|used| used.storage)).await?;
                let batch: Vec<_> =
                    batch.iter().filter(|used| active.contains(&used.storage.to_string())).collect();
                if batch.is_empty() {
                    continue;
                }
                within!(tx, c => {
                    let mut query =
                        QueryBuilder::new("INSERT INTO storage_facts (storage_id, site_id, last_used_us) ");
                    query.push_values(batch, |mut row, used| {
                        row.push_bind(used.storage.to_string())
                            .push_bind(used.site.to_string())
                            .push_bind(used.at.micros());
                    });
                    query.push(
                        " ON CONFLICT (storage_id) DO UPDATE SET last_used_us = excluded.last_used_us \
                         WHERE excluded.last_used_us > storage_facts.last_used_us",
                    );
                    query.build().persistent(false).execute(c).await.map(drop)
                })?;
            }
            tx.commit().await
        };
        work.await.during("record the use of storages")
    }
}

/// Which of these storages are active, so that nothing is kept of others.
async fn active_of(tx: &mut Tx, ids: impl Iterator<Item = StorageId>) -> Result<HashSet<String>, Fault> {
    let rows: Vec<String> = within!(*tx, c => {
        let mut query = QueryBuilder::new("SELECT id FROM storages WHERE state = 'active' AND id IN (");
        let mut list = query.separated(", ");
        for id in ids {
            list.push_bind(id.to_string());
        }
        query.push(")");
        query.build_query_scalar().persistent(false).fetch_all(c).await
    })?;
    Ok(rows.into_iter().collect())
}

async fn upsert_measurements(tx: &mut Tx, batch: &[&&Measurement]) -> Result<(), Fault> {
    within!(*tx, c => {
        let mut query = QueryBuilder::new(
            "INSERT INTO storage_facts (storage_id, site_id, bytes, version_bytes, upload_bytes, files, folders, \
             free_bytes, measured_us, health, health_since_us, checked_us, due_us) ",
        );
        query.push_values(batch, |mut row, one| {
            let (usage, free) = one.usage.unwrap_or_default();
            row.push_bind(one.storage.to_string())
                .push_bind(one.site.to_string())
                .push_bind(kept(usage.bytes))
                .push_bind(kept(usage.version_bytes))
                .push_bind(kept(usage.upload_bytes))
                .push_bind(kept(usage.files))
                .push_bind(kept(usage.folders))
                .push_bind(free.map(kept))
                .push_bind(one.usage.map(|_| one.at.micros()))
                .push_bind(one.health.as_str())
                .push_bind(one.at.micros())
                .push_bind(one.at.micros())
                .push_bind(one.due.micros());
        });
        query.push(MEASURED);
        query.build().persistent(false).execute(c).await.map(drop)
    })?;
    Ok(())
}
