//! What is shared with people and groups.

mod reach;

use portcullis_domain::{
    DisplayName, GrantId, Grantee, GroupId, SiteId, StorageGrant, StorageId, Timestamp, UserId,
};
use sqlx::QueryBuilder;

use crate::changes::ChangeKind;
use crate::db::{Metadata, Write, reading, within};
use crate::error::{During, Fault, MetadataErrorKind, Result};
use crate::page::{Page, PageRequest};
use crate::row::{Both, read, read_optional, row};

pub use reach::ShareCount;

/// Which grants a list holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GrantFilter {
    /// Those of this site.
    pub site: SiteId,
    /// Those of this storage.
    pub storage: Option<StorageId>,
    /// Those made to this user; what reaches them by a group is not among them.
    pub user: Option<UserId>,
    /// Those made to this group.
    pub group: Option<GroupId>,
}

impl GrantFilter {
    /// All grants of a site.
    #[must_use]
    pub const fn of(site: SiteId) -> Self {
        Self { site, storage: None, user: None, group: None }
    }
}

/// A grant and the names of what it refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantRow {
    /// The grant.
    pub grant: StorageGrant,
    /// The user's name at sign-in, or the group's name.
    pub grantee_name: String,
    /// What the storage is called.
    pub storage_name: DisplayName,
}

macro_rules! columns {
    () => {
        "g.id, g.site_id, g.storage_id, g.user_id, g.group_id, g.prefix, g.permission, g.created_us"
    };
}

row! {
    GrantRecord {
        id: String,
        site_id: String,
        storage_id: String,
        user_id: Option<String>,
        group_id: Option<String>,
        prefix: String,
        permission: String,
        created_us: i64,
    }
}
row! {
    NamesRow { grantee_name: String, storage_name: String }
}

impl GrantRecord {
    fn read(self) -> Result<StorageGrant, Fault> {
        let user = read_optional("user_id", self.user_id.as_deref())?;
        let group = read_optional("group_id", self.group_id.as_deref())?;
        Ok(StorageGrant {
            id: read("id", &self.id)?,
            site: read("site_id", &self.site_id)?,
            storage: read("storage_id", &self.storage_id)?,
            grantee: match (user, group) {
                (Some(user), None) => Grantee::User(user),
                (None, Some(group)) => Grantee::Group(group),
                (None, None) | (Some(_), Some(_)) => {
                    return Err(Fault::corrupt("a grant to nobody or to two"));
                }
            },
            prefix: read("prefix", &self.prefix)?,
            permission: read("permission", &self.permission)?,
            created: Timestamp::from_micros(self.created_us),
        })
    }
}

fn read_both(Both(grant, names): Both<GrantRecord, NamesRow>) -> Result<GrantRow, Fault> {
    Ok(GrantRow {
        grant: grant.read()?,
        grantee_name: names.grantee_name,
        storage_name: read("storage_name", &names.storage_name)?,
    })
}

impl Metadata {
    /// Shares a storage, or a part of it. The feed has an entry for every user whom it reaches.
    ///
    /// # Errors
    /// [`Conflict("prefix")`](MetadataErrorKind::Conflict) if the same part is shared with the same grantee already, or
    /// `Conflict("id")`; [`NotFound`](MetadataErrorKind::NotFound) if the storage or the grantee is not of the site; what any
    /// verb may give.
    pub async fn create_grant(&self, grant: &StorageGrant) -> Result<()> {
        let work = async {
            let mut write = self.write().await?;
            let sql = "INSERT INTO storage_grants \
                       (id, site_id, storage_id, user_id, group_id, grantee, prefix, permission, created_us) \
                       VALUES ($1, $2, $3, $4, $5, COALESCE($4, $5), $6, $7, $8)";
            let (user, group) = match grant.grantee {
                Grantee::User(id) => (Some(id.to_string()), None),
                Grantee::Group(id) => (None, Some(id.to_string())),
            };
            within!(write.tx, c => {
                sqlx::query(sql)
                    .bind(grant.id.to_string())
                    .bind(grant.site.to_string())
                    .bind(grant.storage.to_string())
                    .bind(user)
                    .bind(group)
                    .bind(grant.prefix.as_str())
                    .bind(grant.permission.as_str())
                    .bind(grant.created.micros())
                    .execute(c)
                    .await
                    .map(drop)
            })?;
            write.note_grantees(&grant.grantee).await?;
            self.commit(write).await
        };
        work.await.during("share a storage")
    }

    /// Keeps what may change of a grant: its part and its permission. The feed has an entry for every user whom it
    /// reaches.
    ///
    /// # Errors
    /// [`Stale`](MetadataErrorKind::Stale) if the grant is no longer as `before`;
    /// [`Conflict("prefix")`](MetadataErrorKind::Conflict); [`NotFound`](MetadataErrorKind::NotFound); what any verb may
    /// give.
    pub async fn update_grant(&self, before: &StorageGrant, after: &StorageGrant) -> Result<()> {
        let work = async {
            let mut write = self.write().await?;
            let found = write.grant(before.id).await?.ok_or(MetadataErrorKind::NotFound)?;
            if found != *before {
                return Err(MetadataErrorKind::Stale.into());
            }
            let sql = "UPDATE storage_grants SET prefix = $2, permission = $3 WHERE id = $1";
            within!(write.tx, c => {
                sqlx::query(sql)
                    .bind(before.id.to_string())
                    .bind(after.prefix.as_str())
                    .bind(after.permission.as_str())
                    .execute(c)
                    .await
                    .map(drop)
            })?;
            write.note_grantees(&before.grantee).await?;
            self.commit(write).await
        };
        work.await.during("change what is shared")
    }

    /// Ends a grant for good; false if there is none such. The feed has an entry for every user whom it reached.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn delete_grant(&self, id: GrantId) -> Result<bool> {
        let work = async {
            let mut write = self.write().await?;
            let Some(grant) = write.grant(id).await? else { return Ok(false) };
            let sql = "DELETE FROM storage_grants WHERE id = $1";
            within!(write.tx, c => sqlx::query(sql).bind(id.to_string()).execute(c).await.map(drop))?;
            write.note_grantees(&grant.grantee).await?;
            self.commit(write).await?;
            Ok::<_, Fault>(true)
        };
        work.await.during("end a grant")
    }

    /// The grant with this id.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn grant(&self, id: GrantId) -> Result<Option<StorageGrant>> {
        let sql = concat!("SELECT ", columns!(), " FROM storage_grants g WHERE g.id = $1");
        let row = reading!(self, pool => {
            sqlx::query_as::<_, GrantRecord>(sql).bind(id.to_string()).fetch_optional(pool).await
        });
        row.map_err(Fault::from).and_then(|row| row.map(GrantRecord::read).transpose()).during("read a grant")
    }

    /// A page of the grants of a site, oldest first.
    ///
    /// # Errors
    /// [`BadCursor`](MetadataErrorKind::BadCursor); what any verb may give.
    pub async fn grants_page(&self, filter: &GrantFilter, page: &PageRequest) -> Result<Page<GrantRow>> {
        let work = async {
            let after = page.after_id()?;
            let rows = reading!(self, pool => {
                let mut query = QueryBuilder::new(concat!(
                    "SELECT ",
                    columns!(),
                    ", COALESCE(u.username, p.name) AS grantee_name, s.name AS storage_name FROM storage_grants g \
                     JOIN storages s ON s.id = g.storage_id LEFT JOIN users u ON u.id = g.user_id \
                     LEFT JOIN user_groups p ON p.id = g.group_id WHERE g.site_id = "
                ));
                query.push_bind(filter.site.to_string()).push(" AND g.id > ").push_bind(after);
                if let Some(storage) = filter.storage {
                    query.push(" AND g.storage_id = ").push_bind(storage.to_string());
                }
                if let Some(user) = filter.user {
                    query.push(" AND g.user_id = ").push_bind(user.to_string());
                }
                if let Some(group) = filter.group {
                    query.push(" AND g.group_id = ").push_bind(group.to_string());
                }
                query.push(" ORDER BY g.id LIMIT ").push_bind(page.rows());
                query.build_query_as::<Both<GrantRecord, NamesRow>>().fetch_all(pool).await
            })?;
            Page::of(rows, page, |Both(grant, _)| grant.id.clone(), read_both)
        };
        work.await.during("list what is shared")
    }
}

impl Write {
    async fn grant(&mut self, id: GrantId) -> Result<Option<StorageGrant>, Fault> {
        let sql = concat!("SELECT ", columns!(), " FROM storage_grants g WHERE g.id = $1");
        let row = within!(self.tx, c => {
            sqlx::query_as::<_, GrantRecord>(sql).bind(id.to_string()).fetch_optional(c).await
        })?;
        row.map(GrantRecord::read).transpose()
    }

    async fn note_grantees(&mut self, grantee: &Grantee) -> Result<(), Fault> {
        let users = match grantee {
            Grantee::User(id) => vec![*id],
            Grantee::Group(id) => self.members(*id).await?,
        };
        for user in &users {
            self.note(ChangeKind::User, user);
        }
        Ok(())
    }
}
