//! What grants come to: for a person, and for a storage.

use std::collections::BTreeMap;

use futures_util::TryStreamExt;
use portcullis_domain::{Grantee, Reach, StorageId, Timestamp, UserId};
use sqlx::QueryBuilder;

use crate::db::{Metadata, reading};
use crate::error::{During, Fault, Result};
use crate::row::{number, read, row};

/// With how many people a storage is shared, and by how many links.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShareCount {
    /// The storage.
    pub storage: StorageId,
    /// The people who reach something there by a grant, each once; whatever their state.
    pub people: u32,
    /// The links that lead there at the moment.
    pub links: u32,
}

row! {
    ReachRow { user_id: String, storage_id: String, prefix: String, permission: String }
}
row! {
    CountRow { storage_id: String, number_of: i64 }
}

impl ReachRow {
    fn read(self) -> Result<(UserId, Reach), Fault> {
        let reach = Reach {
            storage: read("storage_id", &self.storage_id)?,
            prefix: read("prefix", &self.prefix)?,
            permission: read("permission", &self.permission)?,
        };
        Ok((read("user_id", &self.user_id)?, reach))
    }
}

/// One row for each person and grant that reaches them, but for those that go by a group; then those.
macro_rules! select {
    ($user:literal, $member:literal) => {
        concat!(
            "SELECT g.user_id, g.storage_id, g.prefix, g.permission, g.id FROM storage_grants g \
             WHERE g.user_id IS NOT NULL ",
            $user,
            " UNION ALL SELECT m.user_id, g.storage_id, g.prefix, g.permission, g.id FROM group_members m \
             JOIN storage_grants g ON g.group_id = m.group_id ",
            $member,
            " ORDER BY 1, 5"
        )
    };
}

impl Metadata {
    /// Whom a grant to this grantee reaches: the user, or those in the group at present.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn grantees(&self, grantee: &Grantee) -> Result<Vec<UserId>> {
        let group = match grantee {
            Grantee::User(id) => return Ok(vec![*id]),
            Grantee::Group(id) => id.to_string(),
        };
        let sql = "SELECT user_id FROM group_members WHERE group_id = $1 ORDER BY user_id";
        let ids = reading!(self, pool => {
            sqlx::query_scalar::<_, String>(sql).bind(group).fetch_all(pool).await
        });
        ids.map_err(Fault::from)
            .and_then(|ids| ids.iter().map(|id| read("user_id", id)).collect())
            .during("read whom a grant reaches")
    }

    /// What was shared with a user, directly and by groups, the oldest grant first. What two grants share is in it twice.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn reach_of(&self, user: UserId) -> Result<Vec<Reach>> {
        let sql = select!("AND g.user_id = $1", "WHERE m.user_id = $1");
        let rows = reading!(self, pool => {
            sqlx::query_as::<_, ReachRow>(sql).bind(user.to_string()).fetch_all(pool).await
        });
        rows.map_err(Fault::from)
            .and_then(|rows| rows.into_iter().map(|row| row.read().map(|(_, reach)| reach)).collect())
            .during("read what is shared with a user")
    }

    /// What was shared with every user of every site, in one pass, so that a node can hold it all in memory; by user, then as
    /// [`Metadata::reach_of`].
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn all_reach(&self) -> Result<Vec<(UserId, Reach)>> {
        let work = async {
            let mut all = Vec::new();
            reading!(self, pool => {
                let mut rows = sqlx::query_as::<_, ReachRow>(select!("", "")).fetch(pool);
                while let Some(row) = rows.try_next().await? {
                    all.push(row.read()?);
                }
            });
            Ok::<_, Fault>(all)
        };
        work.await.during("read what is shared with users")
    }

    /// With how many people these storages are shared, and by how many links that work at that moment; those that are not
    /// shared are not in it.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn share_counts(&self, storages: &[StorageId], now: Timestamp) -> Result<Vec<ShareCount>> {
        const BATCH: usize = 500;
        const PEOPLE: &str = "SELECT g.storage_id, COUNT(DISTINCT COALESCE(g.user_id, m.user_id)) AS number_of \
            FROM storage_grants g LEFT JOIN group_members m ON m.group_id = g.group_id WHERE g.storage_id IN (";
        let work = async {
            let mut counts: BTreeMap<StorageId, ShareCount> = BTreeMap::new();
            for batch in storages.chunks(BATCH) {
                for row in self.counted(PEOPLE, batch, None).await? {
                    let storage = read("storage_id", &row.storage_id)?;
                    let people = number("number_of", row.number_of)?;
                    if people > 0 {
                        counts.insert(storage, ShareCount { storage, people, links: 0 });
                    }
                }
                let links = "SELECT storage_id, COUNT(*) AS number_of FROM share_links WHERE state = 'active' \
                             AND storage_id IN (";
                for row in self.counted(links, batch, Some(now)).await? {
                    let storage = read("storage_id", &row.storage_id)?;
                    let none = ShareCount { storage, people: 0, links: 0 };
                    counts.entry(storage).or_insert(none).links = number("number_of", row.number_of)?;
                }
            }
            Ok::<_, Fault>(counts.into_values().collect())
        };
        work.await.during("count with whom storages are shared")
    }

    async fn counted(
        &self,
        sql: &'static str,
        storages: &[StorageId],
        unexpired_at: Option<Timestamp>,
    ) -> Result<Vec<CountRow>, Fault> {
        let rows = reading!(self, pool => {
            let mut query = QueryBuilder::new(sql);
            let mut list = query.separated(", ");
            for id in storages {
                list.push_bind(id.to_string());
            }
            query.push(")");
            if let Some(now) = unexpired_at {
                query.push(" AND (expires_us IS NULL OR expires_us > ").push_bind(now.micros()).push(")");
            }
            query.push(" GROUP BY storage_id");
            query.build_query_as::<CountRow>().persistent(false).fetch_all(pool).await
        });
        Ok(rows?)
    }
}
