//! How much there is in each site.

use portcullis_domain::SiteId;

use crate::db::{Metadata, reading};
use crate::error::{During, Fault, Result};
use crate::row::{number, read, row};

/// How much there is in a site, those below it aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SiteHoldings {
    /// The site.
    pub site: SiteId,
    /// People, whatever their state.
    pub users: u64,
    /// Storages in use; detached and deleted ones are not counted.
    pub storages: u64,
    /// Keys, deleted ones aside.
    pub keys: u64,
}

row! {
    HoldingsRow { id: String, users: i64, storages: i64, keys: i64 }
}

impl HoldingsRow {
    fn read(self) -> Result<SiteHoldings, Fault> {
        Ok(SiteHoldings {
            site: read("id", &self.id)?,
            users: number("users", self.users)?,
            storages: number("storages", self.storages)?,
            keys: number("keys", self.keys)?,
        })
    }
}

impl Metadata {
    /// How much there is in every site, the oldest site first. Every record is counted: for a page about sites, not for every page.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn site_holdings(&self) -> Result<Vec<SiteHoldings>> {
        let sql = "SELECT s.id, \
                   (SELECT COUNT(*) FROM users u WHERE u.site_id = s.id) AS users, \
                   (SELECT COUNT(*) FROM storages t WHERE t.site_id = s.id AND t.state = 'active') AS storages, \
                   (SELECT COUNT(*) FROM keys k WHERE k.site_id = s.id AND k.state <> 'deleted') AS keys \
                   FROM sites s ORDER BY s.id";
        let rows = reading!(self, pool => sqlx::query_as::<_, HoldingsRow>(sql).fetch_all(pool).await);
        rows.map_err(Fault::from)
            .and_then(|rows| rows.into_iter().map(HoldingsRow::read).collect())
            .during("count what is in the sites")
    }
}
