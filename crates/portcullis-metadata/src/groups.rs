//! Groups of people and who is in them.

use portcullis_domain::{Group, GroupId, SiteId, Timestamp, User, UserId};
use sqlx::QueryBuilder;

use crate::changes::ChangeKind;
use crate::db::{Metadata, Write, reading, within};
use crate::error::{During, Fault, MetadataErrorKind, Result};
use crate::page::{Page, PageRequest, fold, name_cursor, pattern};
use crate::row::{Both, number, read, row};
use crate::users::UserRecord;

/// A group and how many are in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupRow {
    /// The group.
    pub group: Group,
    /// How many people are in it, whatever their state.
    pub members: u32,
}

macro_rules! columns {
    () => {
        "id, site_id, name, created_us"
    };
}

row! {
    GroupRecord { id: String, site_id: String, name: String, created_us: i64 }
}
row! {
    MembersRow { members: i64, folded: String }
}

impl GroupRecord {
    fn read(self) -> Result<Group, Fault> {
        Ok(Group {
            id: read("id", &self.id)?,
            site: read("site_id", &self.site_id)?,
            name: read("name", &self.name)?,
            created: Timestamp::from_micros(self.created_us),
        })
    }
}

fn read_both(Both(group, row): Both<GroupRecord, MembersRow>) -> Result<GroupRow, Fault> {
    Ok(GroupRow { group: group.read()?, members: number("members", row.members)? })
}

impl Metadata {
    /// Makes a group. Not in the change feed: nobody is in it.
    ///
    /// # Errors
    /// [`Conflict("name")`](MetadataErrorKind::Conflict) if the site has a group of that name, letter case aside, or
    /// `Conflict("id")`; [`NotFound`](MetadataErrorKind::NotFound) if the site does not exist; what any verb may give.
    pub async fn create_group(&self, group: &Group) -> Result<()> {
        let work = async {
            let mut write = self.write().await?;
            let sql =
                concat!("INSERT INTO user_groups (", columns!(), ", folded) VALUES ($1, $2, $3, $4, $5)");
            within!(write.tx, c => {
                sqlx::query(sql)
                    .bind(group.id.to_string())
                    .bind(group.site.to_string())
                    .bind(group.name.as_str())
                    .bind(group.created.micros())
                    .bind(fold(group.name.as_str()))
                    .execute(c)
                    .await
                    .map(drop)
            })?;
            self.commit(write).await
        };
        work.await.during("create a group")
    }

    /// Keeps what may change of a group: its name. Not in the change feed: nobody may do more or less by it.
    ///
    /// # Errors
    /// [`Stale`](MetadataErrorKind::Stale) if the group is no longer as `before`;
    /// [`Conflict("name")`](MetadataErrorKind::Conflict); [`NotFound`](MetadataErrorKind::NotFound); what any verb may give.
    pub async fn update_group(&self, before: &Group, after: &Group) -> Result<()> {
        let work = async {
            let mut write = self.write().await?;
            if write.group(before.id).await? != *before {
                return Err(MetadataErrorKind::Stale.into());
            }
            let sql = "UPDATE user_groups SET name = $2, folded = $3 WHERE id = $1";
            within!(write.tx, c => {
                sqlx::query(sql)
                    .bind(before.id.to_string())
                    .bind(after.name.as_str())
                    .bind(fold(after.name.as_str()))
                    .execute(c)
                    .await
                    .map(drop)
            })?;
            self.commit(write).await
        };
        work.await.during("change a group")
    }

    /// Deletes a group with what was shared with it, and gives who was in it.
    ///
    /// # Errors
    /// [`NotFound`](MetadataErrorKind::NotFound); what any verb may give.
    pub async fn delete_group(&self, id: GroupId) -> Result<Vec<UserId>> {
        let work = async {
            let mut write = self.write().await?;
            let members = write.members(id).await?;
            for sql in [
                "DELETE FROM storage_grants WHERE group_id = $1",
                "DELETE FROM group_members WHERE group_id = $1",
            ] {
                within!(write.tx, c => sqlx::query(sql).bind(id.to_string()).execute(c).await.map(drop))?;
            }
            let sql = "DELETE FROM user_groups WHERE id = $1";
            let rows = within!(write.tx, c => {
                sqlx::query(sql).bind(id.to_string()).execute(c).await.map(|done| done.rows_affected())
            })?;
            if rows == 0 {
                return Err(MetadataErrorKind::NotFound.into());
            }
            for user in &members {
                write.note(ChangeKind::User, user);
            }
            self.commit(write).await?;
            Ok::<_, Fault>(members)
        };
        work.await.during("delete a group")
    }

    /// The group with this id.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn group(&self, id: GroupId) -> Result<Option<Group>> {
        let sql = concat!("SELECT ", columns!(), " FROM user_groups WHERE id = $1");
        let row = reading!(self, pool => {
            sqlx::query_as::<_, GroupRecord>(sql).bind(id.to_string()).fetch_optional(pool).await
        });
        row.map_err(Fault::from).and_then(|row| row.map(GroupRecord::read).transpose()).during("read a group")
    }

    /// The group of a site with this name, letter case aside.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn group_named(&self, site: SiteId, name: &str) -> Result<Option<Group>> {
        let sql = concat!("SELECT ", columns!(), " FROM user_groups WHERE site_id = $1 AND folded = $2");
        let row = reading!(self, pool => {
            sqlx::query_as::<_, GroupRecord>(sql)
                .bind(site.to_string())
                .bind(fold(name.trim()))
                .fetch_optional(pool)
                .await
        });
        row.map_err(Fault::from)
            .and_then(|row| row.map(GroupRecord::read).transpose())
            .during("look a group up")
    }

    /// A page of the groups of a site, by name; with a search those with that text in it, letter case aside.
    ///
    /// # Errors
    /// [`BadCursor`](MetadataErrorKind::BadCursor); what any verb may give.
    pub async fn groups_page(
        &self,
        site: SiteId,
        search: Option<&str>,
        page: &PageRequest,
    ) -> Result<Page<GroupRow>> {
        let work = async {
            let after = page.after_name()?;
            let rows = reading!(self, pool => {
                let mut query = QueryBuilder::new(concat!(
                    "SELECT ",
                    columns!(),
                    ", (SELECT COUNT(*) FROM group_members m WHERE m.group_id = user_groups.id) AS members, folded \
                     FROM user_groups WHERE site_id = "
                ));
                query.push_bind(site.to_string()).push(" AND folded > ").push_bind(after);
                if let Some(pattern) = pattern(search) {
                    query.push(" AND folded LIKE ").push_bind(pattern).push(" ESCAPE '!'");
                }
                query.push(" ORDER BY folded LIMIT ").push_bind(page.rows());
                query.build_query_as::<Both<GroupRecord, MembersRow>>().fetch_all(pool).await
            })?;
            Page::of(rows, page, |Both(_, row)| name_cursor(&row.folded), read_both)
        };
        work.await.during("list groups")
    }

    /// Puts a user in a group; false if they are in it already.
    ///
    /// # Errors
    /// [`NotFound`](MetadataErrorKind::NotFound) if there is no such group, or no such user in its site; what any verb may
    /// give.
    pub async fn add_member(&self, group: GroupId, user: UserId) -> Result<bool> {
        let work = async {
            let mut write = self.write().await?;
            let site = write.group(group).await?.site;
            let sql = "INSERT INTO group_members (site_id, group_id, user_id) VALUES ($1, $2, $3) \
                       ON CONFLICT (group_id, user_id) DO NOTHING";
            let rows = within!(write.tx, c => {
                sqlx::query(sql)
                    .bind(site.to_string())
                    .bind(group.to_string())
                    .bind(user.to_string())
                    .execute(c)
                    .await
                    .map(|done| done.rows_affected())
            })?;
            self.commit_if(write, rows > 0, user).await
        };
        work.await.during("put a user in a group")
    }

    /// Takes a user out of a group; false if they are not in it.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn remove_member(&self, group: GroupId, user: UserId) -> Result<bool> {
        let work = async {
            let mut write = self.write().await?;
            let sql = "DELETE FROM group_members WHERE group_id = $1 AND user_id = $2";
            let rows = within!(write.tx, c => {
                sqlx::query(sql)
                    .bind(group.to_string())
                    .bind(user.to_string())
                    .execute(c)
                    .await
                    .map(|done| done.rows_affected())
            })?;
            self.commit_if(write, rows > 0, user).await
        };
        work.await.during("take a user out of a group")
    }

    async fn commit_if(&self, mut write: Write, changed: bool, user: UserId) -> Result<bool, Fault> {
        if changed {
            write.note(ChangeKind::User, &user);
            self.commit(write).await?;
        }
        Ok(changed)
    }

    /// Who is in a group, by name.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn members_of(&self, group: GroupId) -> Result<Vec<User>> {
        let sql = concat!(
            "SELECT ",
            crate::users::columns!(),
            " FROM users WHERE id IN (SELECT user_id FROM group_members WHERE group_id = $1) ORDER BY username"
        );
        let rows = reading!(self, pool => {
            sqlx::query_as::<_, UserRecord>(sql).bind(group.to_string()).fetch_all(pool).await
        });
        rows.map_err(Fault::from).and_then(UserRecord::read_all).during("list who is in a group")
    }
}

impl Write {
    async fn group(&mut self, id: GroupId) -> Result<Group, Fault> {
        let sql = concat!("SELECT ", columns!(), " FROM user_groups WHERE id = $1");
        let row = within!(self.tx, c => {
            sqlx::query_as::<_, GroupRecord>(sql).bind(id.to_string()).fetch_optional(c).await
        })?;
        row.ok_or(MetadataErrorKind::NotFound)?.read()
    }

    /// The ids of those in a group.
    pub(crate) async fn members(&mut self, id: GroupId) -> Result<Vec<UserId>, Fault> {
        let sql = "SELECT user_id FROM group_members WHERE group_id = $1 ORDER BY user_id";
        let ids: Vec<String> =
            within!(self.tx, c => sqlx::query_scalar(sql).bind(id.to_string()).fetch_all(c).await)?;
        ids.iter().map(|id| read("user_id", id)).collect()
    }
}
