//! One-time links by which somebody chooses a password.

use portcullis_domain::{Timestamp, User, UserId};

use crate::db::{Metadata, reading, within};
use crate::error::{During, Fault, Result};
use crate::row::{Both, read, row};
use crate::users::{UserRecord, columns};

/// An invitation that is out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invitation {
    /// Who is invited.
    pub user: User,
    /// The first moment at which it no longer holds. The caller compares: reading does not look at the clock.
    pub expires: Timestamp,
}

row! {
    ExpiryRow { expires_us: i64 }
}

impl Metadata {
    /// Keeps an invitation of a user, by the SHA-256 of its token, in place of the one that was out. Not in the change feed.
    ///
    /// # Errors
    /// [`Conflict("token")`](crate::MetadataErrorKind::Conflict) if the hash is another invitation's;
    /// [`NotFound`](crate::MetadataErrorKind::NotFound) if there is no such user; what any verb may give.
    pub async fn set_invitation(
        &self,
        user: UserId,
        token_hash: &[u8; 32],
        created: Timestamp,
        expires: Timestamp,
    ) -> Result<()> {
        let work = async {
            let mut write = self.write().await?;
            let sql = "INSERT INTO invitations (user_id, token_hash, created_us, expires_us) VALUES ($1, $2, $3, $4) \
                       ON CONFLICT (user_id) DO UPDATE SET token_hash = excluded.token_hash, \
                       created_us = excluded.created_us, expires_us = excluded.expires_us";
            within!(write.tx, c => {
                sqlx::query(sql)
                    .bind(user.to_string())
                    .bind(token_hash.to_vec())
                    .bind(created.micros())
                    .bind(expires.micros())
                    .execute(c)
                    .await
                    .map(drop)
            })?;
            self.commit(write).await
        };
        work.await.during("keep an invitation")
    }

    /// The invitation whose token has this SHA-256, expired or not; none for a disabled user.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn invitation(&self, token_hash: &[u8; 32]) -> Result<Option<Invitation>> {
        let sql = concat!(
            "SELECT ",
            columns!(),
            ", expires_us FROM (SELECT user_id, token_hash, expires_us FROM invitations) i \
             JOIN users ON users.id = i.user_id WHERE i.token_hash = $1 AND state <> 'disabled'"
        );
        let row = reading!(self, pool => {
            sqlx::query_as::<_, Both<UserRecord, ExpiryRow>>(sql)
                .bind(token_hash.to_vec())
                .fetch_optional(pool)
                .await
        });
        let invitation = |Both(user, expiry): Both<UserRecord, ExpiryRow>| {
            Ok(Invitation { user: user.read()?, expires: Timestamp::from_micros(expiry.expires_us) })
        };
        row.map_err(Fault::from).and_then(|row| row.map(invitation).transpose()).during("read an invitation")
    }

    /// Takes an invitation up, in one step: the user gets this password, is active, and their sessions end; the invitation
    /// is gone. None if it is unknown or expired or the user is disabled. Of many who take up the same one, one is told the user.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn accept_invitation(
        &self,
        token_hash: &[u8; 32],
        phc: &str,
        now: Timestamp,
    ) -> Result<Option<User>> {
        let work = async {
            let mut write = self.write().await?;
            let sql = "DELETE FROM invitations WHERE token_hash = $1 AND expires_us > $2 AND user_id NOT IN \
                       (SELECT id FROM users WHERE state = 'disabled') RETURNING user_id";
            let user: Option<String> = within!(write.tx, c => {
                sqlx::query_scalar(sql).bind(token_hash.to_vec()).bind(now.micros()).fetch_optional(c).await
            })?;
            let Some(user) = user else { return Ok(None) };
            let user: UserId = read("user_id", &user)?;
            write.set_password(user, phc).await?;
            write.end_sessions_of(user, None).await?;
            let sql = concat!("SELECT ", columns!(), " FROM users WHERE id = $1");
            let row = within!(write.tx, c => {
                sqlx::query_as::<_, UserRecord>(sql).bind(user.to_string()).fetch_one(c).await
            })?;
            let user = row.read()?;
            self.commit(write).await?;
            Ok::<_, Fault>(Some(user))
        };
        work.await.during("take up an invitation")
    }
}
