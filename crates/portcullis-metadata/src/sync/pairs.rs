//! Two sides that are planned and run together.

use portcullis_domain::{SiteId, StorageId, SyncPairId, Timestamp};
use sqlx::QueryBuilder;

use super::PagesOf;
use crate::db::{Metadata, reading, within};
use crate::error::{During, Fault, MetadataErrorKind, Result};
use crate::page::{Page, PageRequest};
use crate::row::{number, read, row};

/// Two sides that are planned and run together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncPairRow {
    /// Its id.
    pub id: SyncPairId,
    /// The site of both storages.
    pub site: SiteId,
    /// The side that was named first.
    pub storage: StorageId,
    /// The keys of it that take part begin so.
    pub storage_prefix: String,
    /// The other side.
    pub bucket: StorageId,
    /// The keys of it that take part begin so.
    pub bucket_prefix: String,
    /// How many runs were settled.
    pub epoch: u64,
    /// Which of the pages hold what both sides last agreed on; 0 before they ever did.
    pub base_generation: u64,
    /// How many keys that is.
    pub base_keys: u64,
    /// For how many days runs keep what they replace and delete.
    pub keep_days: u32,
    /// When it was first planned.
    pub created: Timestamp,
}

impl SyncPairRow {
    /// The pages of what both sides last agreed on.
    #[must_use]
    pub const fn base(&self) -> PagesOf {
        PagesOf::Base { pair: self.id, generation: self.base_generation }
    }
}

/// Which pair is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSyncPair {
    /// The site of both storages.
    pub site: SiteId,
    /// The side that was named first.
    pub storage: StorageId,
    /// The keys of it that take part begin so.
    pub storage_prefix: String,
    /// The other side.
    pub bucket: StorageId,
    /// The keys of it that take part begin so.
    pub bucket_prefix: String,
    /// Now.
    pub created: Timestamp,
}

macro_rules! columns {
    () => {
        "id, site_id, storage_id, storage_prefix, bucket_id, bucket_prefix, epoch, base_generation, base_keys, \
         keep_days, created_us"
    };
}

/// Narrows a query to the pairs that have a storage on either side.
macro_rules! with_storage {
    ($query:expr, $column:literal, $storage:expr) => {
        $query.push(concat!(" AND ", $column, " IN (SELECT p.id FROM sync_pairs p WHERE p.storage_id = "));
        $query
            .push_bind($storage.to_string())
            .push(" UNION ALL SELECT p.id FROM sync_pairs p WHERE p.bucket_id = ");
        $query.push_bind($storage.to_string()).push(")");
    };
}
pub(crate) use with_storage;

row! {
    PairRow {
        id: String,
        site_id: String,
        storage_id: String,
        storage_prefix: String,
        bucket_id: String,
        bucket_prefix: String,
        epoch: i64,
        base_generation: i64,
        base_keys: i64,
        keep_days: i64,
        created_us: i64,
    }
}

impl PairRow {
    fn read(self) -> Result<SyncPairRow, Fault> {
        Ok(SyncPairRow {
            id: read("id", &self.id)?,
            site: read("site_id", &self.site_id)?,
            storage: read("storage_id", &self.storage_id)?,
            storage_prefix: self.storage_prefix,
            bucket: read("bucket_id", &self.bucket_id)?,
            bucket_prefix: self.bucket_prefix,
            epoch: number("epoch", self.epoch)?,
            base_generation: number("base_generation", self.base_generation)?,
            base_keys: number("base_keys", self.base_keys)?,
            keep_days: number("keep_days", self.keep_days)?,
            created: Timestamp::from_micros(self.created_us),
        })
    }
}

impl Metadata {
    /// The pair of these sides, made if it is not there yet. The same two sides the other way round are another pair.
    ///
    /// # Errors
    /// [`NotFound`](MetadataErrorKind::NotFound) if a storage is not an active one of the site; what any verb may give.
    pub async fn sync_pair_for(&self, new: &NewSyncPair) -> Result<SyncPairRow> {
        let work = async {
            let mut tx = self.begin().await?;
            let both =
                "SELECT COUNT(*) FROM storages WHERE site_id = $1 AND id IN ($2, $3) AND state = 'active'";
            let found: i64 = within!(tx, c => {
                let query = sqlx::query_scalar(both).bind(new.site.to_string());
                query.bind(new.storage.to_string()).bind(new.bucket.to_string()).fetch_one(c).await
            })?;
            if found != if new.storage == new.bucket { 1 } else { 2 } {
                return Err(MetadataErrorKind::NotFound.into());
            }
            let insert = "INSERT INTO sync_pairs (id, site_id, storage_id, storage_prefix, bucket_id, bucket_prefix, created_us) \
                          VALUES ($1, $2, $3, $4, $5, $6, $7) \
                          ON CONFLICT (site_id, storage_id, storage_prefix, bucket_id, bucket_prefix) DO NOTHING";
            within!(tx, c => {
                sqlx::query(insert)
                    .bind(SyncPairId::generate().to_string())
                    .bind(new.site.to_string())
                    .bind(new.storage.to_string())
                    .bind(&new.storage_prefix)
                    .bind(new.bucket.to_string())
                    .bind(&new.bucket_prefix)
                    .bind(new.created.micros())
                    .execute(c)
                    .await
                    .map(drop)
            })?;
            let select = concat!(
                "SELECT ",
                columns!(),
                " FROM sync_pairs WHERE site_id = $1 AND storage_id = $2 AND storage_prefix = $3 \
                 AND bucket_id = $4 AND bucket_prefix = $5"
            );
            let row = within!(tx, c => {
                sqlx::query_as::<_, PairRow>(select)
                    .bind(new.site.to_string())
                    .bind(new.storage.to_string())
                    .bind(&new.storage_prefix)
                    .bind(new.bucket.to_string())
                    .bind(&new.bucket_prefix)
                    .fetch_one(c)
                    .await
            })?;
            tx.commit().await?;
            row.read()
        };
        work.await.during("pair two storages")
    }

    /// A pair of a site.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn sync_pair(&self, site: SiteId, id: SyncPairId) -> Result<Option<SyncPairRow>> {
        let sql = concat!("SELECT ", columns!(), " FROM sync_pairs WHERE site_id = $1 AND id = $2");
        let row = reading!(self, pool => {
            let query = sqlx::query_as::<_, PairRow>(sql).bind(site.to_string()).bind(id.to_string());
            query.fetch_optional(pool).await
        });
        row.map_err(Fault::from).and_then(|row| row.map(PairRow::read).transpose()).during("read a pair")
    }

    /// A page of the pairs of a site, or of those with this storage on either side; oldest first.
    ///
    /// # Errors
    /// [`BadCursor`](MetadataErrorKind::BadCursor); what any verb may give.
    pub async fn sync_pairs(
        &self,
        site: SiteId,
        storage: Option<StorageId>,
        page: &PageRequest,
    ) -> Result<Page<SyncPairRow>> {
        let work = async {
            let after = page.after_id()?;
            let rows = reading!(self, pool => {
                let mut query =
                    QueryBuilder::new(concat!("SELECT ", columns!(), " FROM sync_pairs WHERE site_id = "));
                query.push_bind(site.to_string()).push(" AND id > ").push_bind(after);
                if let Some(storage) = storage {
                    with_storage!(query, "id", storage);
                }
                query.push(" ORDER BY id LIMIT ").push_bind(page.rows());
                query.build_query_as::<PairRow>().fetch_all(pool).await
            })?;
            Page::of(rows, page, |row| row.id.clone(), PairRow::read)
        };
        work.await.during("list pairs")
    }
}
