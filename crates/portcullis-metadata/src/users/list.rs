//! Lists of people with what an admin wants to know of them.

use std::collections::BTreeMap;

use portcullis_domain::{DisplayName, GroupId, Role, SiteId, Timestamp, User, UserId, UserState};
use sqlx::QueryBuilder;

use super::{UserRecord, columns};
use crate::db::{Metadata, reading};
use crate::error::{During, Fault, Result};
use crate::page::{Page, PageRequest, name_cursor, pattern};
use crate::row::{Both, number, read, row};

/// Which users a list holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserQuery {
    /// Those of this site.
    pub site: SiteId,
    /// Those with this text in the name; letter case does not matter.
    pub search: Option<String>,
    /// Those in this role.
    pub role: Option<Role>,
    /// Those in this state.
    pub state: Option<UserState>,
}

impl UserQuery {
    /// All users of a site.
    #[must_use]
    pub const fn of(site: SiteId) -> Self {
        Self { site, search: None, role: None, state: None }
    }
}

/// A user with what an admin wants to know of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserRow {
    /// The user.
    pub user: User,
    /// When they last signed in; none if never.
    pub last_sign_in: Option<Timestamp>,
    /// Whether they have a password.
    pub has_password: bool,
    /// Whether they set up one-time codes.
    pub totp: bool,
    /// How many passkeys they have.
    pub passkeys: u32,
    /// How many keys of theirs there are, deleted ones aside.
    pub keys: u32,
    /// The groups they are in, by name.
    pub groups: Vec<(GroupId, DisplayName)>,
}

macro_rules! select {
    () => {
        concat!(
            "SELECT ",
            columns!(),
            ", last_sign_in_us, CASE WHEN password = '' THEN 0 ELSE 1 END AS with_password, \
             CASE WHEN totp_sealed IS NULL THEN 0 ELSE 1 END AS with_totp, \
             (SELECT COUNT(*) FROM passkeys p WHERE p.user_id = users.id) AS passkeys, \
             (SELECT COUNT(*) FROM keys k WHERE k.user_id = users.id AND k.state <> 'deleted') AS key_count \
             FROM users WHERE "
        )
    };
}

row! {
    DetailRow {
        last_sign_in_us: i64,
        with_password: i32,
        with_totp: i32,
        passkeys: i64,
        key_count: i64,
    }
}
row! {
    GroupNameRow { user_id: String, group_id: String, name: String }
}

type Rows = Both<UserRecord, DetailRow>;

fn read_both(Both(user, detail): Rows) -> Result<UserRow, Fault> {
    Ok(UserRow {
        user: user.read()?,
        last_sign_in: (detail.last_sign_in_us > 0).then(|| Timestamp::from_micros(detail.last_sign_in_us)),
        has_password: detail.with_password != 0,
        totp: detail.with_totp != 0,
        passkeys: number("passkeys", detail.passkeys)?,
        keys: number("key_count", detail.key_count)?,
        groups: Vec::new(),
    })
}

impl Metadata {
    /// A page of the users of a site, by name.
    ///
    /// # Errors
    /// [`BadCursor`](crate::MetadataErrorKind::BadCursor); what any verb may give.
    pub async fn users_page(&self, query: &UserQuery, page: &PageRequest) -> Result<Page<UserRow>> {
        let work = async {
            let after = page.after_name()?;
            let rows = reading!(self, pool => {
                let mut sql = QueryBuilder::new(concat!(select!(), "site_id = "));
                sql.push_bind(query.site.to_string()).push(" AND username > ").push_bind(after);
                if let Some(pattern) = pattern(query.search.as_deref()) {
                    sql.push(" AND username LIKE ").push_bind(pattern).push(" ESCAPE '!'");
                }
                if let Some(role) = query.role {
                    sql.push(" AND role = ").push_bind(role.as_str());
                }
                if let Some(state) = query.state {
                    sql.push(" AND state = ").push_bind(state.as_str());
                }
                sql.push(" ORDER BY username LIMIT ").push_bind(page.rows());
                sql.build_query_as::<Rows>().fetch_all(pool).await
            })?;
            let mut page = Page::of(rows, page, |Both(user, _)| name_cursor(&user.username), read_both)?;
            self.add_groups(&mut page.items).await?;
            Ok::<_, Fault>(page)
        };
        work.await.during("list the users")
    }

    /// The user with this id and what an admin wants to know of them.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn user_row(&self, id: UserId) -> Result<Option<UserRow>> {
        let work = async {
            let sql = concat!(select!(), "id = $1");
            let row = reading!(self, pool => {
                sqlx::query_as::<_, Rows>(sql).bind(id.to_string()).fetch_optional(pool).await
            })?;
            let Some(row) = row else { return Ok(None) };
            let mut rows = [read_both(row)?];
            self.add_groups(&mut rows).await?;
            let [row] = rows;
            Ok::<_, Fault>(Some(row))
        };
        work.await.during("read a user")
    }

    async fn add_groups(&self, users: &mut [UserRow]) -> Result<(), Fault> {
        if users.is_empty() {
            return Ok(());
        }
        let rows = reading!(self, pool => {
            let mut sql = QueryBuilder::new(
                "SELECT m.user_id, m.group_id, g.name FROM group_members m JOIN user_groups g ON g.id = m.group_id \
                 WHERE m.user_id IN (",
            );
            let mut list = sql.separated(", ");
            for row in users.iter() {
                list.push_bind(row.user.id.to_string());
            }
            sql.push(") ORDER BY g.folded, g.id");
            sql.build_query_as::<GroupNameRow>().persistent(false).fetch_all(pool).await
        })?;
        let mut groups: BTreeMap<UserId, Vec<(GroupId, DisplayName)>> = BTreeMap::new();
        for row in rows {
            let group = (read("group_id", &row.group_id)?, read("name", &row.name)?);
            groups.entry(read("user_id", &row.user_id)?).or_default().push(group);
        }
        for row in users {
            row.groups = groups.remove(&row.user.id).unwrap_or_default();
        }
        Ok(())
    }

    /// How many active admins a site has.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn count_active_admins(&self, site: SiteId) -> Result<u64> {
        let sql = "SELECT COUNT(*) FROM users WHERE site_id = $1 AND role = 'admin' AND state = 'active'";
        let count: Result<i64, _> =
            reading!(self, pool => sqlx::query_scalar(sql).bind(site.to_string()).fetch_one(pool).await);
        count
            .map_err(Fault::from)
            .and_then(|count| number("count", count))
            .during("count the admins of a site")
    }
}
