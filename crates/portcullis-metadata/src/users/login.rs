//! What people sign in with, but for their second factors.

use std::fmt;

use portcullis_domain::{SessionId, Timestamp, User, UserId, Username};

use super::{UserRecord, columns};
use crate::changes::ChangeKind;
use crate::db::{Metadata, Write, reading, within, writing};
use crate::error::{During, Fault, MetadataErrorKind, Result};
use crate::row::{Both, number, row};

/// What a sign-in of a user is checked against.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// The user, whatever their state.
    pub user: User,
    /// The Argon2 hash of their password in PHC form; none if they have no password.
    pub password_phc: Option<String>,
    /// The seed of their one-time codes, sealed; none if they have set none up.
    pub totp_sealed: Option<Vec<u8>>,
    /// The last time step whose code was taken, 0 for none.
    pub totp_step: i64,
    /// How many passkeys they have.
    pub passkeys: u32,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login")
            .field("user", &self.user)
            .field("has_password", &self.password_phc.is_some())
            .field("totp", &self.totp_sealed.is_some())
            .field("passkeys", &self.passkeys)
            .finish_non_exhaustive()
    }
}

macro_rules! select {
    ($condition:literal) => {
        concat!(
            "SELECT ",
            columns!(),
            ", password, totp_sealed, totp_step, \
             (SELECT COUNT(*) FROM passkeys p WHERE p.user_id = users.id) AS passkeys FROM users WHERE ",
            $condition
        )
    };
}

row! {
    LoginRow { password: String, totp_sealed: Option<Vec<u8>>, totp_step: i64, passkeys: i64 }
}

fn read_both(Both(user, row): Both<UserRecord, LoginRow>) -> Result<Login, Fault> {
    Ok(Login {
        user: user.read()?,
        password_phc: Some(row.password).filter(|phc| !phc.is_empty()),
        totp_sealed: row.totp_sealed,
        totp_step: row.totp_step,
        passkeys: number("passkeys", row.passkeys)?,
    })
}

/// A new password is nobody's printed one, and whoever has one is no longer waited for.
const SET_PASSWORD: &str = "UPDATE users SET password = $2, password_printed = 0, \
    state = CASE WHEN state = 'invited' THEN 'active' ELSE state END WHERE id = $1";

impl Metadata {
    /// What a sign-in under this name is checked against.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn login(&self, username: &Username) -> Result<Option<Login>> {
        self.look_up(select!("username = $1"), username.as_str()).await
    }

    /// What a sign-in of this user is checked against.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn login_of(&self, user: UserId) -> Result<Option<Login>> {
        self.look_up(select!("id = $1"), &user.to_string()).await
    }

    async fn look_up(&self, sql: &'static str, whom: &str) -> Result<Option<Login>> {
        let row = reading!(self, pool => {
            sqlx::query_as::<_, Both<UserRecord, LoginRow>>(sql).bind(whom).fetch_optional(pool).await
        });
        row.map_err(Fault::from).and_then(|row| row.map(read_both).transpose()).during("look a user up")
    }

    /// The user whom an identity provider knows by this text.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn user_by_external(&self, external: &str) -> Result<Option<User>> {
        let sql = concat!("SELECT ", columns!(), " FROM users WHERE external_id = $1");
        let row = reading!(self, pool => {
            sqlx::query_as::<_, UserRecord>(sql).bind(external).fetch_optional(pool).await
        });
        row.map_err(Fault::from)
            .and_then(|row| row.map(UserRecord::read).transpose())
            .during("look up whom an identity provider knows")
    }

    /// Ties a user to the text by which an identity provider knows them, or unties them. Not in the change feed.
    ///
    /// # Errors
    /// [`Conflict("external")`](MetadataErrorKind::Conflict) if it is another user's;
    /// [`NotFound`](MetadataErrorKind::NotFound); what any verb may give.
    pub async fn set_external(&self, user: UserId, external: Option<&str>) -> Result<()> {
        let work = async {
            let mut write = self.write().await?;
            let sql = "UPDATE users SET external_id = $2 WHERE id = $1";
            found(within!(write.tx, c => {
                sqlx::query(sql)
                    .bind(user.to_string())
                    .bind(external)
                    .execute(c)
                    .await
                    .map(|done| done.rows_affected())
            }))?;
            self.commit(write).await
        };
        work.await.during("tie a user to an identity provider")
    }

    /// Notes when a user signed in; an older sign-in than the one that is kept changes nothing. Not in the change feed. Of
    /// an unknown user nothing is noted.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn note_sign_in(&self, user: UserId, at: Timestamp) -> Result<()> {
        let sql = "UPDATE users SET last_sign_in_us = $2 WHERE id = $1 AND last_sign_in_us < $2";
        let done = writing!(self, pool => {
            sqlx::query(sql).bind(user.to_string()).bind(at.micros()).execute(pool).await.map(drop)
        });
        done.during("note a sign-in")
    }

    /// Replaces the hash of a user's password; an invitation that is out ends, and who was invited is active. Their
    /// sessions stay: end them with [`Metadata::delete_sessions_of`].
    ///
    /// # Errors
    /// [`NotFound`](MetadataErrorKind::NotFound); what any verb may give.
    pub async fn set_password(&self, user: UserId, phc: &str) -> Result<()> {
        let work = async {
            let mut write = self.write().await?;
            write.set_password(user, phc).await?;
            self.commit(write).await
        };
        work.await.during("set a password")
    }

    /// Replaces the hash of a user's password and ends their sessions but for `keep`, in one step; says how many ended. An
    /// invitation that is out ends too.
    ///
    /// # Errors
    /// [`NotFound`](MetadataErrorKind::NotFound); what any verb may give.
    pub async fn change_password(&self, user: UserId, phc: &str, keep: SessionId) -> Result<u64> {
        let work = async {
            let mut write = self.write().await?;
            write.set_password(user, phc).await?;
            let ended = write.end_sessions_of(user, Some(keep)).await?;
            self.commit(write).await?;
            Ok::<_, Fault>(ended)
        };
        work.await.during("change a password")
    }

    /// Takes a user's password away and ends their sessions, in one step; says how many ended. Their state stays, and so does an
    /// invitation that is out.
    ///
    /// # Errors
    /// [`NotFound`](MetadataErrorKind::NotFound); what any verb may give.
    pub async fn clear_password(&self, user: UserId) -> Result<u64> {
        let work = async {
            let mut write = self.write().await?;
            let sql = "UPDATE users SET password = '', password_printed = 0 WHERE id = $1";
            found(within!(write.tx, c => {
                sqlx::query(sql).bind(user.to_string()).execute(c).await.map(|done| done.rows_affected())
            }))?;
            write.note(ChangeKind::User, &user);
            let ended = write.end_sessions_of(user, None).await?;
            self.commit(write).await?;
            Ok::<_, Fault>(ended)
        };
        work.await.during("take a password away")
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
        let work = async {
            let mut write = self.write().await?;
            let sql = "UPDATE users SET password_printed = $2 WHERE id = $1";
            within!(write.tx, c => {
                sqlx::query(sql).bind(user.to_string()).bind(i64::from(printed)).execute(c).await.map(drop)
            })?;
            self.commit(write).await
        };
        work.await.during("note how a password came about")
    }
}

/// That a row was there.
fn found(rows: Result<u64, sqlx::Error>) -> Result<(), Fault> {
    if rows? == 0 { Err(MetadataErrorKind::NotFound.into()) } else { Ok(()) }
}

impl Write {
    /// Gives a user a password in place of what they had, an invitation included.
    pub(crate) async fn set_password(&mut self, user: UserId, phc: &str) -> Result<(), Fault> {
        found(within!(self.tx, c => {
            sqlx::query(SET_PASSWORD)
                .bind(user.to_string())
                .bind(phc)
                .execute(c)
                .await
                .map(|done| done.rows_affected())
        }))?;
        let sql = "DELETE FROM invitations WHERE user_id = $1";
        within!(self.tx, c => sqlx::query(sql).bind(user.to_string()).execute(c).await.map(drop))?;
        self.note(ChangeKind::User, &user);
        Ok(())
    }
}
