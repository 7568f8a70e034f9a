//! Users and how they sign in.

mod external;
mod list;
mod login;

use std::fmt;

use portcullis_domain::{Role, SiteId, Timestamp, User, UserId, UserState, Username};

use crate::changes::ChangeKind;
use crate::db::{Metadata, Write, reading, within};
use crate::error::{During, Fault, MetadataErrorKind, Result};
use crate::row::{number, read, row};

pub use list::{UserQuery, UserRow};
pub use login::Login;

/// A user to be made.
#[derive(Clone)]
pub struct NewUser {
    /// The site they will belong to.
    pub site: SiteId,
    /// Their name at sign-in, unique in the installation.
    pub username: Username,
    /// What they are in the site.
    pub role: Role,
    /// Whether they may come in.
    pub state: UserState,
    /// The Argon2 hash of their password, in PHC form; none for who is invited, or comes in another way.
    pub password_phc: Option<String>,
    /// When the record is made.
    pub created: Timestamp,
}

impl fmt::Debug for NewUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewUser")
            .field("site", &self.site)
            .field("username", &self.username)
            .field("role", &self.role)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

/// The columns of a user, without what they sign in with.
macro_rules! columns {
    () => {
        "id, site_id, number, username, role, state, created_us"
    };
}
pub(crate) use columns;

row! {
    UserRecord {
        id: String,
        site_id: String,
        number: i64,
        username: String,
        role: String,
        state: String,
        created_us: i64,
    }
}
impl UserRecord {
    pub(crate) fn read(self) -> Result<User, Fault> {
        Ok(User {
            id: read("id", &self.id)?,
            site: read("site_id", &self.site_id)?,
            number: number("number", self.number)?,
            username: read("username", &self.username)?,
            role: read("role", &self.role)?,
            state: read("state", &self.state)?,
            created: Timestamp::from_micros(self.created_us),
        })
    }

    pub(crate) fn read_all(rows: Vec<Self>) -> Result<Vec<User>, Fault> {
        rows.into_iter().map(Self::read).collect()
    }
}

impl Metadata {
    /// Makes a user with the next user number (the first is 10001).
    ///
    /// # Errors
    /// [`Conflict("username")`](MetadataErrorKind::Conflict); [`NotFound`](MetadataErrorKind::NotFound) if the site
    /// does not exist; what any verb may give.
    pub async fn create_user(&self, new: NewUser) -> Result<User> {
        let work = async {
            let mut write = self.write().await?;
            let user = write.insert_user(new).await?;
            self.commit(write).await?;
            Ok::<_, Fault>(user)
        };
        work.await.during("create a user")
    }

    /// The user with this id.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn user(&self, id: UserId) -> Result<Option<User>> {
        let sql = concat!("SELECT ", columns!(), " FROM users WHERE id = $1");
        let row = reading!(self, pool => {
            sqlx::query_as::<_, UserRecord>(sql).bind(id.to_string()).fetch_optional(pool).await
        });
        row.map_err(Fault::from).and_then(|row| row.map(UserRecord::read).transpose()).during("read a user")
    }

    /// The users of a site, oldest first.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn users(&self, site: SiteId) -> Result<Vec<User>> {
        let sql = concat!("SELECT ", columns!(), " FROM users WHERE site_id = $1 ORDER BY id");
        let rows = reading!(self, pool => {
            sqlx::query_as::<_, UserRecord>(sql).bind(site.to_string()).fetch_all(pool).await
        });
        rows.map_err(Fault::from).and_then(UserRecord::read_all).during("list the users")
    }

    /// The users of all sites, oldest first.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn all_users(&self) -> Result<Vec<User>> {
        let sql = concat!("SELECT ", columns!(), " FROM users ORDER BY id");
        let rows = reading!(self, pool => sqlx::query_as::<_, UserRecord>(sql).fetch_all(pool).await);
        rows.map_err(Fault::from).and_then(UserRecord::read_all).during("list all users")
    }

    /// The number that the next storage would get at this moment.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn next_storage_number(&self) -> Result<u32> {
        let sql = "SELECT next FROM counters WHERE name = 'storage'";
        let next: Result<i64, _> = reading!(self, pool => sqlx::query_scalar(sql).fetch_one(pool).await);
        next.map_err(Fault::from).and_then(|next| number("next", next)).during("read the next number")
    }

    /// Keeps what may change of a user: role and state. The rest of the record is not looked at. Their sessions stay, but for somebody
    /// who is let in again: what was left of before they were kept out does not come back.
    ///
    /// # Errors
    /// [`Stale`](MetadataErrorKind::Stale) if the user is no longer as `before`;
    /// [`Conflict("last_admin")`](MetadataErrorKind::Conflict) if a site with none above it would be left without an active admin;
    /// [`NotFound`](MetadataErrorKind::NotFound); what any verb may give.
    pub async fn update_user(&self, before: &User, after: &User) -> Result<()> {
        let work = async {
            let mut write = self.write().await?;
            let select = concat!("SELECT ", columns!(), " FROM users WHERE id = $1");
            let row = within!(write.tx, c => {
                sqlx::query_as::<_, UserRecord>(select).bind(before.id.to_string()).fetch_optional(c).await
            })?;
            if row.ok_or(MetadataErrorKind::NotFound)?.read()? != *before {
                return Err(MetadataErrorKind::Stale.into());
            }
            if runs_the_site(before) && !runs_the_site(after) && write.is_last_admin(before).await? {
                return Err(MetadataErrorKind::Conflict("last_admin").into());
            }
            let sql = "UPDATE users SET role = $2, state = $3 WHERE id = $1";
            let (role, state) = (after.role.as_str(), after.state.as_str());
            within!(write.tx, c => {
                sqlx::query(sql)
                    .bind(before.id.to_string())
                    .bind(role)
                    .bind(state)
                    .execute(c)
                    .await
                    .map(drop)
            })?;
            if before.state == UserState::Disabled && after.state != UserState::Disabled {
                write.end_sessions_of(before.id, None).await?;
            }
            write.note(ChangeKind::User, &before.id);
            self.commit(write).await
        };
        work.await.during("change a user")
    }
}

fn runs_the_site(user: &User) -> bool {
    user.role == Role::Admin && user.state == UserState::Active
}

impl Write {
    /// Whether nobody else runs the user's site, and none above does.
    async fn is_last_admin(&mut self, user: &User) -> Result<bool, Fault> {
        let sql = "SELECT COUNT(*) FROM sites s WHERE s.id = $1 AND s.parent_id IS NULL AND NOT EXISTS \
                   (SELECT 1 FROM users u WHERE u.site_id = s.id AND u.id <> $2 \
                   AND u.role = 'admin' AND u.state = 'active')";
        let (site, user) = (user.site.to_string(), user.id.to_string());
        let count: i64 =
            within!(self.tx, c => sqlx::query_scalar(sql).bind(site).bind(user).fetch_one(c).await)?;
        Ok(count > 0)
    }

    /// Adds a user with the next number.
    pub(crate) async fn insert_user(&mut self, new: NewUser) -> Result<User, Fault> {
        let user = User {
            id: UserId::generate(),
            site: new.site,
            number: self.next_number("user").await?,
            username: new.username,
            role: new.role,
            state: new.state,
            created: new.created,
        };
        let sql = "INSERT INTO users (id, site_id, number, username, role, state, password, created_us) \
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
        within!(self.tx, c => {
            sqlx::query(sql)
                .bind(user.id.to_string())
                .bind(user.site.to_string())
                .bind(i64::from(user.number))
                .bind(user.username.as_str())
                .bind(user.role.as_str())
                .bind(user.state.as_str())
                .bind(new.password_phc.unwrap_or_default())
                .bind(user.created.micros())
                .execute(c)
                .await
                .map(drop)
        })?;
        self.note(ChangeKind::User, &user.id);
        Ok(user)
    }

    /// The next number of this counter. It is given once: a transaction that is rolled back gives it back unused.
    pub(crate) async fn next_number(&mut self, counter: &'static str) -> Result<u32, Fault> {
        self.next_numbers(counter, 1).await?.next().ok_or_else(no_number)
    }

    /// So many numbers of this counter that follow one another.
    pub(crate) async fn next_numbers(
        &mut self,
        counter: &'static str,
        count: u32,
    ) -> Result<std::ops::Range<u32>, Fault> {
        let sql = "UPDATE counters SET next = next + $2 WHERE name = $1 RETURNING next";
        let next: i64 = within!(self.tx, c => {
            sqlx::query_scalar(sql).bind(counter).bind(i64::from(count)).fetch_one(c).await
        })?;
        let end = u32::try_from(next).map_err(|_| no_number())?;
        Ok(end.saturating_sub(count)..end)
    }
}

fn no_number() -> Fault {
    Fault::new(MetadataErrorKind::Full, "no number is left to give")
}
