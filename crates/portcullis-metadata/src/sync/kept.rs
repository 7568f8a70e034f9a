//! Bytes that runs kept before they replaced or deleted them.

use portcullis_domain::{KeptId, SiteId, StorageId, SyncPairId, SyncRunId, Timestamp};
use sqlx::QueryBuilder;

use super::running::HeldRun;
use super::{BATCH, stored};
use crate::db::{Metadata, Tx, reading, within, writing};
use crate::error::{During, Fault, Result};
use crate::page::{Page, PageRequest, fold, pattern};
use crate::row::{number, read, row};

/// What a run keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewKept {
    /// Its id.
    pub id: KeptId,
    /// The number of the step that keeps it.
    pub seq: u64,
    /// In which storage.
    pub storage: StorageId,
    /// Of which key; the whole key in that storage.
    pub key: String,
    /// Where in that storage it is, as the run says it.
    pub place: String,
    /// Bytes.
    pub size: u64,
    /// Now.
    pub kept: Timestamp,
    /// Until when it is promised to be there.
    pub expires: Timestamp,
}

/// What a run has kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptRow {
    /// Its id.
    pub id: KeptId,
    /// The site.
    pub site: SiteId,
    /// The two sides of the run.
    pub pair: SyncPairId,
    /// The run.
    pub run: SyncRunId,
    /// The number of the step that kept it.
    pub seq: u64,
    /// In which storage.
    pub storage: StorageId,
    /// Of which key; the whole key in that storage.
    pub key: String,
    /// Where in that storage it is, as the run said it.
    pub place: String,
    /// Bytes.
    pub size: u64,
    /// Since when.
    pub kept: Timestamp,
    /// Until when it is promised to be there.
    pub expires: Timestamp,
}

/// Which of what was kept a list holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptFilter {
    /// That of this site.
    pub site: SiteId,
    /// That in this storage.
    pub storage: Option<StorageId>,
    /// That of this run.
    pub run: Option<SyncRunId>,
    /// That with this in the key, upper and lower case alike.
    pub search: Option<String>,
}

impl KeptFilter {
    /// All of a site.
    #[must_use]
    pub const fn of(site: SiteId) -> Self {
        Self { site, storage: None, run: None, search: None }
    }
}

/// How much is kept in a storage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeptSpace {
    /// Objects.
    pub files: u64,
    /// Bytes.
    pub bytes: u64,
}

macro_rules! columns {
    () => {
        "k.id, k.site_id, k.pair_id, k.run_id, k.seq, k.storage_id, k.key, k.place, k.size, k.kept_us, k.expires_us"
    };
}

row! {
    Row {
        id: String,
        site_id: String,
        pair_id: String,
        run_id: String,
        seq: i64,
        storage_id: String,
        key: String,
        place: String,
        size: i64,
        kept_us: i64,
        expires_us: i64,
    }
}
row! {
    SpaceRow { files: i64, bytes: i64 }
}

impl Row {
    fn read(self) -> Result<KeptRow, Fault> {
        Ok(KeptRow {
            id: read("id", &self.id)?,
            site: read("site_id", &self.site_id)?,
            pair: read("pair_id", &self.pair_id)?,
            run: read("run_id", &self.run_id)?,
            seq: number("seq", self.seq)?,
            storage: read("storage_id", &self.storage_id)?,
            key: self.key,
            place: self.place,
            size: number("size", self.size)?,
            kept: Timestamp::from_micros(self.kept_us),
            expires: Timestamp::from_micros(self.expires_us),
        })
    }
}

impl Metadata {
    /// A page of what was kept, newest first.
    ///
    /// # Errors
    /// [`BadCursor`](crate::MetadataErrorKind::BadCursor); what any verb may give.
    pub async fn kept_files(&self, filter: &KeptFilter, page: &PageRequest) -> Result<Page<KeptRow>> {
        let work = async {
            let before = page.before_id()?;
            let rows = reading!(self, pool => {
                let mut query =
                    QueryBuilder::new(concat!("SELECT ", columns!(), " FROM sync_kept k WHERE k.id < "));
                query.push_bind(before);
                // As an expression the site takes no index, so that SQLite takes that of the storage or the run: a site may have kept
                // a million things elsewhere.
                let narrow = filter.storage.is_some() || filter.run.is_some();
                query.push(if narrow { " AND k.site_id || '' = " } else { " AND k.site_id = " });
                query.push_bind(filter.site.to_string());
                if let Some(storage) = filter.storage {
                    query.push(" AND k.storage_id = ").push_bind(storage.to_string());
                }
                if let Some(run) = filter.run {
                    query.push(" AND k.run_id = ").push_bind(run.to_string());
                }
                if let Some(pattern) = pattern(filter.search.as_deref()) {
                    query.push(" AND k.folded LIKE ").push_bind(pattern).push(" ESCAPE '!'");
                }
                query.push(" ORDER BY k.id DESC LIMIT ").push_bind(page.rows());
                query.build_query_as::<Row>().fetch_all(pool).await
            })?;
            Page::of(rows, page, |row| row.id.clone(), Row::read)
        };
        work.await.during("list what was kept")
    }

    /// One thing that was kept.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn kept_file(&self, site: SiteId, id: KeptId) -> Result<Option<KeptRow>> {
        let sql = concat!("SELECT ", columns!(), " FROM sync_kept k WHERE k.site_id = $1 AND k.id = $2");
        let row = reading!(self, pool => {
            let query = sqlx::query_as::<_, Row>(sql).bind(site.to_string()).bind(id.to_string());
            query.fetch_optional(pool).await
        });
        row.map_err(Fault::from).and_then(|row| row.map(Row::read).transpose()).during("read what was kept")
    }

    /// What a step of a run kept: at most one on each side, and for its other name.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn kept_at(&self, run: SyncRunId, seq: u64) -> Result<Vec<KeptRow>> {
        let work = async {
            let sql = concat!(
                "SELECT ",
                columns!(),
                " FROM sync_kept k WHERE k.run_id = $1 AND k.seq = $2 ORDER BY k.storage_id, k.key"
            );
            let seq = stored(seq)?;
            let rows: Vec<Row> = reading!(self, pool => {
                sqlx::query_as(sql).bind(run.to_string()).bind(seq).fetch_all(pool).await
            })?;
            rows.into_iter().map(Row::read).collect::<Result<Vec<_>, Fault>>()
        };
        work.await.during("read what a step kept")
    }

    /// Up to `limit` (1 to 1,000) things to remove by now, of runs that cannot be taken back any more, in storages that are in use.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn kept_due(&self, now: Timestamp, limit: u32) -> Result<Vec<KeptRow>> {
        let work = async {
            let sql = concat!(
                "SELECT ",
                columns!(),
                " FROM sync_kept k JOIN sync_runs r ON r.id = k.run_id JOIN storages s ON s.id = k.storage_id \
                 WHERE k.due_us <= $1 AND r.keep_until_us <= $1 AND s.state = 'active' ORDER BY k.due_us LIMIT $2"
            );
            let limit = i64::from(limit.clamp(1, 1_000));
            let rows: Vec<Row> = reading!(self, pool => {
                sqlx::query_as(sql).bind(now.micros()).bind(limit).fetch_all(pool).await
            })?;
            rows.into_iter().map(Row::read).collect::<Result<Vec<_>, Fault>>()
        };
        work.await.during("look for what is kept no longer")
    }

    /// Notes that these could not be removed and are to be tried again at a moment.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn postpone_kept(&self, ids: &[KeptId], until: Timestamp) -> Result<()> {
        let work = async {
            for batch in ids.chunks(BATCH) {
                writing!(self, pool => {
                    let mut query = QueryBuilder::new("UPDATE sync_kept SET due_us = ");
                    query.push_bind(until.micros()).push(" WHERE id IN (");
                    let mut list = query.separated(", ");
                    for id in batch {
                        list.push_bind(id.to_string());
                    }
                    query.push(")");
                    query.build().persistent(false).execute(pool).await.map(drop)
                })?;
            }
            Ok::<_, Fault>(())
        };
        work.await.during("put off removing what was kept")
    }

    /// Forgets these, which are no longer there, and says how many there were.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn forget_kept(&self, ids: &[KeptId]) -> Result<u64> {
        let work = async {
            let mut gone = 0;
            for batch in ids.chunks(BATCH) {
                gone += writing!(self, pool => {
                    let mut query = QueryBuilder::new("DELETE FROM sync_kept WHERE id IN (");
                    let mut list = query.separated(", ");
                    for id in batch {
                        list.push_bind(id.to_string());
                    }
                    query.push(")");
                    query.build().persistent(false).execute(pool).await.map(|done| done.rows_affected())
                })?;
            }
            Ok::<_, Fault>(gone)
        };
        work.await.during("forget what was kept")
    }

    /// How much is kept in a storage.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn kept_space(&self, storage: StorageId) -> Result<KeptSpace> {
        let work = async {
            let sql = "SELECT COUNT(*) AS files, CAST(COALESCE(SUM(size), 0) AS BIGINT) AS bytes \
                       FROM sync_kept WHERE storage_id = $1";
            let row: SpaceRow =
                reading!(self, pool => sqlx::query_as(sql).bind(storage.to_string()).fetch_one(pool).await)?;
            Ok::<_, Fault>(KeptSpace {
                files: number("files", row.files)?,
                bytes: number("bytes", row.bytes)?,
            })
        };
        work.await.during("count what is kept")
    }
}

/// Adds what a run keeps.
pub(crate) async fn keep(tx: &mut Tx, run: SyncRunId, held: &HeldRun, kept: &[NewKept]) -> Result<(), Fault> {
    let run = run.to_string();
    for batch in kept.chunks(BATCH) {
        // One row a statement can be written once only; the last one counts.
        let mut last = std::collections::BTreeMap::new();
        for one in batch {
            last.insert((one.seq, one.storage, one.key.as_str()), one);
        }
        let numbers = last.values().map(|one| Ok((stored(one.seq)?, stored(one.size)?)));
        let numbers: Vec<(i64, i64)> = numbers.collect::<Result<_, Fault>>()?;
        within!(*tx, c => {
            let mut query = QueryBuilder::new(
                "INSERT INTO sync_kept (id, site_id, pair_id, run_id, seq, storage_id, key, folded, place, size, kept_us, \
                 expires_us, due_us) ",
            );
            query.push_values(last.values().zip(numbers), |mut row, (one, (seq, size))| {
                row.push_bind(one.id.to_string())
                    .push_bind(held.site_id.as_str())
                    .push_bind(held.pair_id.as_str())
                    .push_bind(run.as_str())
                    .push_bind(seq)
                    .push_bind(one.storage.to_string())
                    .push_bind(one.key.as_str())
                    .push_bind(fold(&one.key))
                    .push_bind(one.place.as_str())
                    .push_bind(size)
                    .push_bind(one.kept.micros())
                    .push_bind(one.expires.micros())
                    .push_bind(one.expires.micros());
            });
            query.push(
                " ON CONFLICT (run_id, seq, storage_id, key) DO UPDATE SET place = excluded.place, size = excluded.size",
            );
            query.build().persistent(false).execute(c).await.map(drop)
        })?;
    }
    Ok(())
}
