//! Which keys open storages to S3 tools.

use portcullis_domain::{Networks, Permission, SiteId, StorageId, Timestamp};

use super::pieces::{Pieces, assembled};
use crate::db::{Metadata, reading};
use crate::error::{During, Fault, Result};
use crate::row::{networks_from_text, number, read, read_optional, row};

/// S3 keys that work and have the same scope, permission and networks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenerGroup {
    /// The storage they are for; none for keys of admins, which open every storage of the site.
    pub storage: Option<StorageId>,
    /// What they allow; never `none`.
    pub permission: Permission,
    /// Where they may be used from.
    pub networks: Networks,
    /// How many they are.
    pub keys: u64,
    /// When the last of them ends; none if one has no end.
    pub ends: Option<Timestamp>,
}

row! {
    OpenerRow {
        storage_id: Option<String>,
        permission: String,
        networks: String,
        number_of: i64,
        endless: i64,
        ends_us: Option<i64>,
    }
}

impl OpenerRow {
    fn read(self) -> Result<OpenerGroup, Fault> {
        Ok(OpenerGroup {
            storage: read_optional("storage_id", self.storage_id.as_deref())?,
            permission: read("permission", &self.permission)?,
            networks: networks_from_text(&self.networks)?,
            keys: number("number_of", self.number_of)?,
            ends: self.ends_us.filter(|_| self.endless == 0).map(Timestamp::from_micros),
        })
    }
}

/// The groups of a statement that goes on with the tables and the conditions on the scope.
const GROUPS: &str = "SELECT k.storage_id, k.permission, k.networks, COUNT(*) AS number_of, \
    COUNT(*) - COUNT(k.expires_us) AS endless, MAX(k.expires_us) AS ends_us FROM keys k ";

/// What makes an S3 key one that works, but for its end; worded as the indexes are.
pub(super) const S3_KEY: &str = "k.channel = 's3' AND k.state = 'active' AND k.permission <> 'none'";

impl Metadata {
    /// The S3 keys for these storages that work at that moment, in groups; in no order.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn openers_of(&self, storages: &[StorageId], now: Timestamp) -> Result<Vec<OpenerGroup>> {
        const BATCH: usize = 500;
        let work = async {
            let mut groups = Vec::new();
            for batch in storages.chunks(BATCH) {
                let mut query = Pieces::default();
                query.sql(GROUPS).sql("WHERE ").sql(S3_KEY).sql(" AND k.storage_id IN (");
                for (at, id) in batch.iter().enumerate() {
                    query.sql(if at == 0 { "" } else { ", " }).text(id);
                }
                query.sql(") AND (k.expires_us IS NULL OR k.expires_us > ").number(now.micros());
                query.sql(") GROUP BY k.storage_id, k.permission, k.networks");
                let rows = reading!(self, pool => {
                    assembled!(query).build_query_as::<OpenerRow>().persistent(false).fetch_all(pool).await
                })?;
                for row in rows {
                    groups.push(row.read()?);
                }
            }
            Ok::<_, Fault>(groups)
        };
        work.await.during("read which keys open storages")
    }

    /// The S3 keys of the site's active admins that work at that moment, in groups: they open every storage.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn openers_of_all(&self, site: SiteId, now: Timestamp) -> Result<Vec<OpenerGroup>> {
        let work = async {
            let mut query = Pieces::default();
            query.sql(GROUPS).sql("JOIN users u ON u.id = k.user_id WHERE u.site_id = ").text(&site);
            query.sql(" AND u.role = 'admin' AND u.state = 'active' AND ").sql(S3_KEY);
            query.sql(" AND (k.expires_us IS NULL OR k.expires_us > ").number(now.micros());
            query.sql(") GROUP BY k.storage_id, k.permission, k.networks");
            let rows = reading!(self, pool => {
                assembled!(query).build_query_as::<OpenerRow>().fetch_all(pool).await
            })?;
            rows.into_iter().map(OpenerRow::read).collect::<Result<_, Fault>>()
        };
        work.await.during("read which keys open every storage")
    }
}
