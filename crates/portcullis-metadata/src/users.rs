//! Users and how they sign in.

use std::fmt;

use portcullis_domain::{Role, SessionId, SiteId, Timestamp, User, UserId, UserState, Username};

use crate::changes::ChangeKind;
use crate::db::{Metadata, Write, reading, within, writing};
use crate::error::{During, Fault, MetadataErrorKind, Result};
use crate::row::{Both, number, read, row};

/// A user to be made.
#[derive(Clone)]
pub struct NewUser {
    /// The site they will belong to.
    pub site: SiteId,
    /// Their name at sign-in, unique in the installation.
    pub username: Username,
    /// What they are in the site.
    pub role: Role,
    /// The Argon2 hash of their password, in PHC form.
    pub password_phc: String,
    /// When the record is made.
    pub created: Timestamp,
}

impl fmt::Debug for NewUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewUser")
            .field("site", &self.site)
            .field("username", &self.username)
            .field("role", &self.role)
            .finish_non_exhaustive()
    }
}

macro_rules! columns {
    () => {
        "id, site_id, number, username, role, state, created_us"
    };
}

row! {
    UserRow {
        id: String,
        site_id: String,
        number: i64,
        username: String,
        role: String,
        state: String,
        created_us: i64,
    }
}
/// A new password is nobody's printed one.
const SET_PASSWORD: &str = "UPDATE users SET password = $2, password_printed = 0 WHERE id = $1";

row! {
    PasswordRow { password: String }
}

impl UserRow {
    fn read(self) -> Result<User, Fault> {
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

    fn read_all(rows: Vec<Self>) -> Result<Vec<User>, Fault> {
        rows.into_iter().map(Self::read).collect()
    }
}

impl Metadata {
    /// Makes a user, active, with the next user number (the first is 10001).
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
            sqlx::query_as::<_, UserRow>(sql).bind(id.to_string()).fetch_optional(pool).await
        });
        row.map_err(Fault::from).and_then(|row| row.map(UserRow::read).transpose()).during("read a user")
    }

    /// The users of a site, oldest first.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn users(&self, site: SiteId) -> Result<Vec<User>> {
        let sql = concat!("SELECT ", columns!(), " FROM users WHERE site_id = $1 ORDER BY id");
        let rows = reading!(self, pool => {
            sqlx::query_as::<_, UserRow>(sql).bind(site.to_string()).fetch_all(pool).await
        });
        rows.map_err(Fault::from).and_then(UserRow::read_all).during("list the users")
    }

    /// The users of all sites, oldest first.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn all_users(&self) -> Result<Vec<User>> {
        let sql = concat!("SELECT ", columns!(), " FROM users ORDER BY id");
        let rows = reading!(self, pool => sqlx::query_as::<_, UserRow>(sql).fetch_all(pool).await);
        rows.map_err(Fault::from).and_then(UserRow::read_all).during("list all users")
    }

    /// The user with this name, whatever their state, and the hash of their password in PHC form.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn login(&self, username: &Username) -> Result<Option<(User, String)>> {
        let sql = concat!("SELECT ", columns!(), ", password FROM users WHERE username = $1");
        let row = reading!(self, pool => {
            sqlx::query_as::<_, Both<UserRow, PasswordRow>>(sql).bind(username.as_str()).fetch_optional(pool).await
        });
        row.map_err(Fault::from)
            .and_then(|row| row.map(|Both(user, secret)| Ok((user.read()?, secret.password))).transpose())
            .during("look a user up")
    }

    /// Replaces the hash of a user's password. Their sessions stay: end them with [`Metadata::delete_sessions_of`].
    ///
    /// # Errors
    /// [`NotFound`](MetadataErrorKind::NotFound); what any verb may give.
    pub async fn set_password(&self, user: UserId, phc: &str) -> Result<()> {
        self.update_user(SET_PASSWORD, user, phc).await.during("set a password")
    }

    /// Replaces the hash of a user's password and ends their sessions but for `keep`, in one step; says how many ended.
    ///
    /// # Errors
    /// [`NotFound`](MetadataErrorKind::NotFound); what any verb may give.
    pub async fn change_password(&self, user: UserId, phc: &str, keep: SessionId) -> Result<u64> {
        let work = async {
            let mut write = self.write().await?;
            write.update_user(SET_PASSWORD, user, phc).await?;
            let sql = "DELETE FROM sessions WHERE user_id = $1 AND id <> $2 RETURNING id";
            let ended: Vec<String> = within!(write.tx, c => {
                sqlx::query_scalar(sql).bind(user.to_string()).bind(keep.to_string()).fetch_all(c).await
            })?;
            for id in &ended {
                write.note(ChangeKind::Session, id);
            }
            self.commit(write).await?;
            Ok::<_, Fault>(u64::try_from(ended.len()).unwrap_or(u64::MAX))
        };
        work.await.during("change a password")
    }

    /// Whether the user's password is still the one that was made up and printed at the first start; false if there is no
    /// such user.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn password_printed(&self, user: UserId) -> Result<bool> {
        let sql = "SELECT password_printed FROM users WHERE id = $1";
        let found: Result<Option<i64>, _> =
            reading!(self, pool => sqlx::query_scalar(sql).bind(user.to_string()).fetch_optional(pool).await);
        found.map(|printed| printed == Some(1)).during("read how a password came about")
    }

    /// Remembers that the user's password was made up and printed, or that nobody needs to be reminded of that any more. A new
    /// password ends it as well. Of an unknown user nothing is remembered.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn set_password_printed(&self, user: UserId, printed: bool) -> Result<()> {
        let sql = "UPDATE users SET password_printed = $2 WHERE id = $1";
        let done = writing!(self, pool => {
            sqlx::query(sql).bind(user.to_string()).bind(i64::from(printed)).execute(pool).await.map(drop)
        });
        done.during("note how a password came about")
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

    /// Lets a user in or keeps them out.
    ///
    /// # Errors
    /// [`NotFound`](MetadataErrorKind::NotFound); what any verb may give.
    pub async fn set_user_state(&self, user: UserId, state: UserState) -> Result<()> {
        let sql = "UPDATE users SET state = $2 WHERE id = $1";
        self.update_user(sql, user, state.as_str()).await.during("set the state of a user")
    }

    async fn update_user(&self, sql: &'static str, user: UserId, to: &str) -> Result<(), Fault> {
        let mut write = self.write().await?;
        write.update_user(sql, user, to).await?;
        self.commit(write).await
    }
}

impl Write {
    async fn update_user(&mut self, sql: &'static str, user: UserId, to: &str) -> Result<(), Fault> {
        let rows = within!(self.tx, c => {
            sqlx::query(sql).bind(user.to_string()).bind(to).execute(c).await.map(|done| done.rows_affected())
        })?;
        if rows == 0 {
            return Err(MetadataErrorKind::NotFound.into());
        }
        self.note(ChangeKind::User, &user);
        Ok(())
    }

    /// Adds a user with the next number.
    pub(crate) async fn insert_user(&mut self, new: NewUser) -> Result<User, Fault> {
        let user = User {
            id: UserId::generate(),
            site: new.site,
            number: self.next_number("user").await?,
            username: new.username,
            role: new.role,
            state: UserState::Active,
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
                .bind(new.password_phc)
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
        let sql = "UPDATE counters SET next = next + 1 WHERE name = $1 RETURNING next - 1";
        let given: i64 = within!(self.tx, c => sqlx::query_scalar(sql).bind(counter).fetch_one(c).await)?;
        u32::try_from(given).map_err(|_| Fault::new(MetadataErrorKind::Full, "no number is left to give"))
    }
}
