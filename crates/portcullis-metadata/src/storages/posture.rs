//! Sums over a site: what is open to the outside, and what is stored.

use portcullis_domain::{DisplayName, SiteId, StorageId, Timestamp};

use super::OpenedByAdmins;
use super::list::{opened, opened_by};
use super::pieces::{Pieces, assembled};
use crate::db::{Metadata, reading};
use crate::error::{During, Fault, Result};
use crate::row::{number, read, row};

/// The active storages of a site, and how many of them S3 tools can come to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OpenStorages {
    /// All active storages.
    pub total: u64,
    /// Those whose S3 door is open and for which there is a key that works.
    pub open: u64,
    /// Those of them that such a key opens from any address.
    pub open_to_anywhere: u64,
    /// The first by name of these.
    pub example: Option<(StorageId, DisplayName)>,
}

/// What the active storages of a site hold together, as last measured, and what they may hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StoredTotals {
    /// Bytes of current objects.
    pub bytes: u64,
    /// Bytes that count against quotas: previous versions and unfinished uploads included.
    pub stored_bytes: u64,
    /// The sum of the quotas.
    pub quota_bytes: u64,
    /// Storages without a quota.
    pub without_quota: u64,
    /// Storages that were never measured: the sums lack what they hold.
    pub not_measured: u64,
}

row! {
    OpenRow { total: i64, opened: i64 }
}
row! {
    NamedRow { id: String, name: String }
}
row! {
    /// Sums in parts of 2^30, so that neither engine's numbers overflow.
    SumsRow { bytes_high: i64, bytes_low: i64, stored_high: i64, stored_low: i64 }
}
row! {
    QuotasRow { quota_high: i64, quota_low: i64, without_quota: i64 }
}
/// A sum that came in parts of 2^30; what is past 2^64 - 1 is that.
fn joined(column: &'static str, high: i64, low: i64) -> Result<u64, Fault> {
    let (high, low): (u64, u64) = (number(column, high)?, number(column, low)?);
    Ok(high.saturating_mul(1 << 30).saturating_add(low))
}

impl Metadata {
    /// The active storages of a site and how many of them are open, now that keys of admins open what `admins` says, and
    /// `anywhere`, from any address.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn open_storages(
        &self,
        site: SiteId,
        now: Timestamp,
        admins: OpenedByAdmins,
        anywhere: OpenedByAdmins,
    ) -> Result<OpenStorages> {
        let work = async {
            let mut query = Pieces::default();
            query.sql("SELECT COUNT(*) AS total, CAST(COALESCE(SUM(o.opened), 0) AS BIGINT) AS opened FROM ");
            query.sql("(SELECT CASE WHEN ");
            opened(&mut query, admins, now);
            query.sql(
                " THEN 1 ELSE 0 END AS opened FROM storages s WHERE s.state = 'active' AND s.site_id = ",
            );
            query.text(&site).sql(") o");
            let row = reading!(self, pool => {
                assembled!(query).build_query_as::<OpenRow>().fetch_one(pool).await
            })?;
            let mut query = Pieces::default();
            query
                .sql("SELECT COUNT(*) FROM storages s WHERE s.state = 'active' AND s.site_id = ")
                .text(&site);
            query.sql(" AND ");
            opened_to_anywhere(&mut query, anywhere, now);
            let count: i64 = reading!(self, pool => {
                assembled!(query).build_query_scalar().fetch_one(pool).await
            })?;
            let open_to_anywhere = number("count", count)?;
            let example = if open_to_anywhere > 0 {
                self.first_open_to_anywhere(site, now, anywhere).await?
            } else {
                None
            };
            let (total, open) = (number("total", row.total)?, number("opened", row.opened)?);
            Ok::<_, Fault>(OpenStorages { total, open, open_to_anywhere, example })
        };
        work.await.during("count what is open to the outside")
    }

    async fn first_open_to_anywhere(
        &self,
        site: SiteId,
        now: Timestamp,
        admins: OpenedByAdmins,
    ) -> Result<Option<(StorageId, DisplayName)>, Fault> {
        let mut query = Pieces::default();
        query
            .sql("SELECT s.id, s.name FROM storages s WHERE s.state = 'active' AND s.site_id = ")
            .text(&site);
        query.sql(" AND ");
        opened_to_anywhere(&mut query, admins, now);
        query.sql(" ORDER BY s.folded, s.id LIMIT 1");
        let row = reading!(self, pool => {
            assembled!(query).build_query_as::<NamedRow>().fetch_optional(pool).await
        })?;
        row.map(|row| Ok((read("id", &row.id)?, read("name", &row.name)?))).transpose()
    }

    /// What the active storages of a site hold together.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn stored_totals(&self, site: SiteId) -> Result<StoredTotals> {
        // Only active storages have facts.
        let sums = "SELECT CAST(COALESCE(SUM(f.bytes / 1073741824), 0) AS BIGINT) AS bytes_high, \
            CAST(COALESCE(SUM(f.bytes % 1073741824), 0) AS BIGINT) AS bytes_low, \
            CAST(COALESCE(SUM(f.bytes / 1073741824 + f.version_bytes / 1073741824 \
                + f.upload_bytes / 1073741824), 0) AS BIGINT) AS stored_high, \
            CAST(COALESCE(SUM(f.bytes % 1073741824 + f.version_bytes % 1073741824 \
                + f.upload_bytes % 1073741824), 0) AS BIGINT) AS stored_low \
            FROM storage_facts f WHERE f.site_id = $1";
        let not_measured =
            "SELECT COUNT(*) FROM storage_facts f WHERE f.site_id = $1 AND f.measured_us IS NULL";
        let quotas = "SELECT CAST(COALESCE(SUM(s.quota_bytes / 1073741824), 0) AS BIGINT) AS quota_high, \
            CAST(COALESCE(SUM(s.quota_bytes % 1073741824), 0) AS BIGINT) AS quota_low, \
            COUNT(*) - COUNT(s.quota_bytes) AS without_quota \
            FROM storages s WHERE s.site_id = $1 AND s.state = 'active'";
        let work = async {
            let site = site.to_string();
            let row = reading!(self, pool => {
                sqlx::query_as::<_, SumsRow>(sums).bind(&site).fetch_one(pool).await
            })?;
            let not_measured: i64 = reading!(self, pool => {
                sqlx::query_scalar(not_measured).bind(&site).fetch_one(pool).await
            })?;
            let quota = reading!(self, pool => {
                sqlx::query_as::<_, QuotasRow>(quotas).bind(&site).fetch_one(pool).await
            })?;
            Ok::<_, Fault>(StoredTotals {
                bytes: joined("bytes", row.bytes_high, row.bytes_low)?,
                stored_bytes: joined("stored", row.stored_high, row.stored_low)?,
                quota_bytes: joined("quota", quota.quota_high, quota.quota_low)?,
                without_quota: number("without_quota", quota.without_quota)?,
                not_measured: number("not_measured", not_measured)?,
            })
        };
        work.await.during("sum up what storages hold")
    }
}

/// The condition that a key opens the storage to any address.
fn opened_to_anywhere(query: &mut Pieces, admins: OpenedByAdmins, now: Timestamp) {
    query.sql("(s.s3_access = 1 AND s.permission <> 'none' AND s.networks = '[]' AND ");
    opened_by(query, admins, now, " AND k.networks = '[]'");
    query.sql(")");
}
