//! Storages and their connections.

mod change;
mod end;
mod insert;
mod list;
mod openers;
pub(crate) mod pieces;
mod posture;
mod review;

use std::fmt;

use portcullis_domain::{
    Connection, DisplayName, Label, Networks, Permission, Provider, SiteId, Storage, StorageId, StorageState,
    Timestamp, UserId,
};
use sqlx::QueryBuilder;

use crate::db::{Metadata, reading};
use crate::error::{During, Fault, Result};
use crate::page::{Page, PageRequest, pattern};
use crate::row::{networks_from_text, number, read, row, trial_from};

pub use end::{DetachedStorage, EndedStorage};
pub use list::{ListOrder, ListQuery, OpenedByAdmins, Openness};
pub use openers::OpenerGroup;
pub use posture::{OpenStorages, StoredTotals};
pub use review::{KeyReview, KeysToReview, ReviewExample, ReviewReason};

/// A storage to be made.
#[derive(Clone)]
pub struct NewStorage {
    /// Identifies it; a fresh one. It is known beforehand because credentials are sealed for it.
    pub id: StorageId,
    /// The site it will belong to.
    pub site: SiteId,
    /// The user who makes it, of the same site or of one above it.
    pub owner: UserId,
    /// What a person calls it.
    pub name: DisplayName,
    /// The part of the bucket name that a person chose.
    pub label: Label,
    /// Where the bytes live.
    pub provider: Provider,
    /// The provider's region.
    pub region: String,
    /// The provider's address; none for the embedded store.
    pub endpoint: Option<String>,
    /// The bucket there; none for the embedded store.
    pub bucket: Option<String>,
    /// Whether the bucket stands in the path of the address instead of its host name.
    pub path_style: bool,
    /// The provider's credentials, sealed; none for the embedded store.
    pub provider_credentials: Option<Vec<u8>>,
    /// The most that any key may do here.
    pub permission: Permission,
    /// Where any key may be used from here.
    pub networks: Networks,
    /// Whether the S3 door is open for it.
    pub s3_access: bool,
    /// The most bytes it may hold; what is past 2^63 - 1 is kept as that.
    pub quota_bytes: Option<u64>,
    /// When the record is made.
    pub created: Timestamp,
}

impl fmt::Debug for NewStorage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewStorage")
            .field("site", &self.site)
            .field("owner", &self.owner)
            .field("name", &self.name)
            .field("label", &self.label)
            .field("provider", &self.provider)
            .finish_non_exhaustive()
    }
}

/// Which storages a list holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StorageFilter {
    /// Those of this site.
    pub site: SiteId,
    /// Those with this text in the name, the label or the bucket name; letter case does not matter.
    pub search: Option<String>,
    /// Those in this state.
    pub state: Option<StorageState>,
}

impl StorageFilter {
    /// All storages of a site.
    #[must_use]
    pub const fn of(site: SiteId) -> Self {
        Self { site, search: None, state: None }
    }
}

/// The columns of a storage, without its provider's credentials; of the table with this alias, written `"s."`.
macro_rules! columns {
    () => {
        columns!("")
    };
    ($of:literal) => {
        concat!(
            $of,
            "id, ",
            $of,
            "site_id, ",
            $of,
            "owner_id, ",
            $of,
            "number, ",
            $of,
            "name, ",
            $of,
            "label, ",
            $of,
            "bucket, ",
            $of,
            "connection_id, ",
            $of,
            "provider, ",
            $of,
            "region, ",
            $of,
            "endpoint, ",
            $of,
            "provider_bucket, ",
            $of,
            "path_style, ",
            $of,
            "permission, ",
            $of,
            "networks, ",
            $of,
            "s3_access, ",
            $of,
            "quota_bytes, ",
            $of,
            "state, ",
            $of,
            "created_us, ",
            $of,
            "paused_until_us, ",
            $of,
            "trial_networks, ",
            $of,
            "trial_us",
        )
    };
}
use columns;

row! {
    StorageRow {
        id: String,
        site_id: String,
        owner_id: String,
        number: i64,
        name: String,
        label: String,
        bucket: String,
        connection_id: String,
        provider: String,
        region: String,
        endpoint: Option<String>,
        provider_bucket: Option<String>,
        path_style: i64,
        permission: String,
        networks: String,
        s3_access: i64,
        quota_bytes: Option<i64>,
        state: String,
        created_us: i64,
        paused_until_us: Option<i64>,
        trial_networks: Option<String>,
        trial_us: Option<i64>,
    }
}

impl StorageRow {
    fn read(self) -> Result<Storage, Fault> {
        Ok(Storage {
            id: read("id", &self.id)?,
            site: read("site_id", &self.site_id)?,
            owner: read("owner_id", &self.owner_id)?,
            number: number("number", self.number)?,
            name: read("name", &self.name)?,
            label: read("label", &self.label)?,
            bucket: read("bucket", &self.bucket)?,
            connection: Connection {
                id: read("connection_id", &self.connection_id)?,
                provider: read("provider", &self.provider)?,
                region: self.region,
                endpoint: self.endpoint,
                bucket: self.provider_bucket,
                path_style: self.path_style != 0,
            },
            permission: read("permission", &self.permission)?,
            networks: networks_from_text(&self.networks)?,
            s3_access: self.s3_access != 0,
            quota_bytes: self.quota_bytes.map(|bytes| number("quota_bytes", bytes)).transpose()?,
            state: read("state", &self.state)?,
            created: Timestamp::from_micros(self.created_us),
            paused_until: self.paused_until_us.map(Timestamp::from_micros),
            trial: trial_from(self.trial_networks.as_deref(), self.trial_us)?,
        })
    }
}

impl Metadata {
    /// The storage with this id, in whatever state.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn storage(&self, id: StorageId) -> Result<Option<Storage>> {
        let sql = concat!("SELECT ", columns!(), " FROM storages WHERE id = $1");
        let row = reading!(self, pool => {
            sqlx::query_as::<_, StorageRow>(sql).bind(id.to_string()).fetch_optional(pool).await
        });
        row.map_err(Fault::from)
            .and_then(|row| row.map(StorageRow::read).transpose())
            .during("read a storage")
    }

    /// The storages of all sites, detached ones included and deleted ones left out, oldest first.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn all_storages(&self) -> Result<Vec<Storage>> {
        let sql = concat!("SELECT ", columns!(), " FROM storages WHERE state <> 'deleted' ORDER BY id");
        let rows = reading!(self, pool => sqlx::query_as::<_, StorageRow>(sql).fetch_all(pool).await);
        rows.map_err(Fault::from)
            .and_then(|rows| rows.into_iter().map(StorageRow::read).collect())
            .during("list all storages")
    }

    /// A page of the storages of a site, oldest first.
    ///
    /// # Errors
    /// [`BadCursor`](crate::MetadataErrorKind::BadCursor); what any verb may give.
    pub async fn storages(&self, filter: &StorageFilter, page: &PageRequest) -> Result<Page<Storage>> {
        let work = async {
            let after = page.after_id()?;
            let rows = reading!(self, pool => {
                let mut query = QueryBuilder::new(concat!("SELECT ", columns!(), " FROM storages WHERE site_id = "));
                query.push_bind(filter.site.to_string()).push(" AND id > ").push_bind(after);
                if let Some(pattern) = pattern(filter.search.as_deref()) {
                    query.push(" AND folded LIKE ").push_bind(pattern).push(" ESCAPE '!'");
                }
                if let Some(state) = filter.state {
                    query.push(" AND state = ").push_bind(state.as_str());
                }
                query.push(" ORDER BY id LIMIT ").push_bind(page.rows());
                query.build_query_as::<StorageRow>().fetch_all(pool).await
            })?;
            Page::of(rows, page, |row| row.id.clone(), StorageRow::read)
        };
        work.await.during("list storages")
    }

    /// The active storages of all sites that live at this address.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn storages_at(&self, endpoint: &str) -> Result<Vec<Storage>> {
        let sql = concat!(
            "SELECT ",
            columns!(),
            " FROM storages WHERE endpoint = $1 AND state = 'active' ORDER BY id"
        );
        let rows = reading!(self, pool => {
            sqlx::query_as::<_, StorageRow>(sql).bind(endpoint).fetch_all(pool).await
        });
        rows.map_err(Fault::from)
            .and_then(|rows| rows.into_iter().map(StorageRow::read).collect())
            .during("list the storages of an address")
    }

    /// The sealed credentials of a storage's provider, if it has any.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn provider_credentials(&self, id: StorageId) -> Result<Option<Vec<u8>>> {
        let sql = "SELECT provider_sealed FROM storages WHERE id = $1";
        let found = reading!(self, pool => {
            sqlx::query_scalar::<_, Option<Vec<u8>>>(sql).bind(id.to_string()).fetch_optional(pool).await
        });
        found.map(Option::flatten).during("read the credentials of a provider")
    }
}
