//! Sign-ins of people.

use std::fmt;

use portcullis_domain::{SessionId, SiteId, Timestamp, UserId};

use crate::changes::ChangeKind;
use crate::db::{Metadata, Write, reading, within, writing};
use crate::error::{During, Fault, MetadataErrorKind, Result};
use crate::row::{clip, hash, read, read_optional, row};

/// A person's sign-in. The token itself is kept nowhere, only its SHA-256.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionRecord {
    /// Identifies the session.
    pub id: SessionId,
    /// Who signed in.
    pub user: UserId,
    /// SHA-256 of the token.
    pub token_hash: [u8; 32],
    /// When it began.
    pub created: Timestamp,
    /// The first moment at which it no longer holds. The caller compares: reading does not look at the clock.
    pub expires: Timestamp,
    /// The address from which the person signed in; at most 64 bytes are kept.
    pub peer: String,
    /// The program with which they did; at most 200 bytes are kept.
    pub tool: String,
    /// The site in which the person acts; none for their own.
    pub site: Option<SiteId>,
    /// Whether a second factor was shown.
    pub second_factor: bool,
    /// When the person last proved who they are; signing in counts.
    pub confirmed: Timestamp,
}

impl fmt::Debug for SessionRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionRecord")
            .field("id", &self.id)
            .field("user", &self.user)
            .field("created", &self.created)
            .field("expires", &self.expires)
            .field("peer", &self.peer)
            .field("tool", &self.tool)
            .field("site", &self.site)
            .field("second_factor", &self.second_factor)
            .field("confirmed", &self.confirmed)
            .finish_non_exhaustive()
    }
}

macro_rules! columns {
    () => {
        "id, user_id, token_hash, created_us, expires_us, peer, tool, site_id, second_factor, confirmed_us"
    };
}

row! {
    SessionRow {
        id: String,
        user_id: String,
        token_hash: Vec<u8>,
        created_us: i64,
        expires_us: i64,
        peer: String,
        tool: String,
        site_id: Option<String>,
        second_factor: i64,
        confirmed_us: i64,
    }
}

impl SessionRow {
    fn read(self) -> Result<SessionRecord, Fault> {
        Ok(SessionRecord {
            id: read("id", &self.id)?,
            user: read("user_id", &self.user_id)?,
            token_hash: hash("token_hash", &self.token_hash)?,
            created: Timestamp::from_micros(self.created_us),
            expires: Timestamp::from_micros(self.expires_us),
            peer: self.peer,
            tool: self.tool,
            site: read_optional("site_id", self.site_id.as_deref())?,
            second_factor: self.second_factor != 0,
            confirmed: Timestamp::from_micros(self.confirmed_us),
        })
    }
}

impl Metadata {
    /// Keeps a sign-in, if the user's password is still `if_password`; true if it was kept. So nobody comes in by a password
    /// that is replaced at the same moment, on whichever node; without `if_password` the password is not looked at. It is not
    /// in the change feed: nobody can have remembered that it does not exist.
    ///
    /// # Errors
    /// [`Conflict`](MetadataErrorKind::Conflict) if the id or the token's hash is taken;
    /// [`NotFound`](MetadataErrorKind::NotFound) if the user or the site does not exist; what any verb may give.
    pub async fn create_session(&self, session: &SessionRecord, if_password: Option<&str>) -> Result<bool> {
        let work = async {
            // The clock's lock: who replaces a password ends the sessions in the same transaction, before this one or after.
            let mut write = self.write().await?;
            if let Some(expected) = if_password {
                let sql = "SELECT password FROM users WHERE id = $1";
                let kept: Option<String> = within!(write.tx, c => {
                    sqlx::query_scalar(sql).bind(session.user.to_string()).fetch_optional(c).await
                })?;
                if kept.ok_or(MetadataErrorKind::NotFound)? != expected {
                    return Ok(false);
                }
            }
            write.insert_session(session).await?;
            self.commit(write).await?;
            Ok::<_, Fault>(true)
        };
        work.await.during("create a session")
    }

    /// The session whose token has this SHA-256, expired or not.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn session_by_token(&self, token_hash: &[u8; 32]) -> Result<Option<SessionRecord>> {
        let sql = concat!("SELECT ", columns!(), " FROM sessions WHERE token_hash = $1");
        let row = reading!(self, pool => {
            sqlx::query_as::<_, SessionRow>(sql).bind(token_hash.to_vec()).fetch_optional(pool).await
        });
        row.map_err(Fault::from)
            .and_then(|row| row.map(SessionRow::read).transpose())
            .during("read a session")
    }

    /// The sessions of a user, expired ones included, oldest first.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn sessions_of(&self, user: UserId) -> Result<Vec<SessionRecord>> {
        let sql = concat!("SELECT ", columns!(), " FROM sessions WHERE user_id = $1 ORDER BY id");
        let rows = reading!(self, pool => {
            sqlx::query_as::<_, SessionRow>(sql).bind(user.to_string()).fetch_all(pool).await
        });
        rows.map_err(Fault::from)
            .and_then(|rows| rows.into_iter().map(SessionRow::read).collect())
            .during("list the sessions of a user")
    }

    /// Ends a session; false if there was none.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn delete_session(&self, id: SessionId) -> Result<bool> {
        let work = async {
            let mut write = self.write().await?;
            let sql = "DELETE FROM sessions WHERE id = $1";
            let rows = within!(write.tx, c => {
                sqlx::query(sql).bind(id.to_string()).execute(c).await.map(|done| done.rows_affected())
            })?;
            if rows == 0 {
                return Ok(false);
            }
            write.note(ChangeKind::Session, &id);
            self.commit(write).await?;
            Ok::<_, Fault>(true)
        };
        work.await.during("end a session")
    }

    /// Moves a session to a site, or home.
    ///
    /// # Errors
    /// [`NotFound`](MetadataErrorKind::NotFound) if there is no such session, or no such site; what any verb may give.
    pub async fn set_session_site(&self, id: SessionId, site: Option<SiteId>) -> Result<()> {
        let work = async {
            let mut write = self.write().await?;
            let sql = "UPDATE sessions SET site_id = $2 WHERE id = $1";
            let rows = within!(write.tx, c => {
                sqlx::query(sql)
                    .bind(id.to_string())
                    .bind(site.map(|site| site.to_string()))
                    .execute(c)
                    .await
                    .map(|done| done.rows_affected())
            })?;
            self.changed(write, id, rows).await
        };
        work.await.during("move a session to a site")
    }

    /// Notes that the person proved anew who they are, and whether with a second factor. That a second factor was shown
    /// before stays true.
    ///
    /// # Errors
    /// [`NotFound`](MetadataErrorKind::NotFound) if there is no such session; what any verb may give.
    pub async fn confirm_session(&self, id: SessionId, now: Timestamp, second_factor: bool) -> Result<()> {
        let work = async {
            let mut write = self.write().await?;
            let sql = "UPDATE sessions SET confirmed_us = $2, \
                       second_factor = CASE WHEN $3 = 1 THEN 1 ELSE second_factor END WHERE id = $1";
            let rows = within!(write.tx, c => {
                sqlx::query(sql)
                    .bind(id.to_string())
                    .bind(now.micros())
                    .bind(i64::from(second_factor))
                    .execute(c)
                    .await
                    .map(|done| done.rows_affected())
            })?;
            self.changed(write, id, rows).await
        };
        work.await.during("confirm a session")
    }

    async fn changed(&self, mut write: Write, id: SessionId, rows: u64) -> Result<(), Fault> {
        if rows == 0 {
            return Err(MetadataErrorKind::NotFound.into());
        }
        write.note(ChangeKind::Session, &id);
        self.commit(write).await
    }

    /// Ends all sessions of a user and says how many there were.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn delete_sessions_of(&self, user: UserId) -> Result<u64> {
        self.end_all_but(user, None).await.during("end the sessions of a user")
    }

    /// Ends the sessions of a user but for `keep` and says how many ended.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn delete_sessions_but(&self, user: UserId, keep: SessionId) -> Result<u64> {
        self.end_all_but(user, Some(keep)).await.during("end the other sessions of a user")
    }

    async fn end_all_but(&self, user: UserId, keep: Option<SessionId>) -> Result<u64, Fault> {
        let mut write = self.write().await?;
        let ended = write.end_sessions_of(user, keep).await?;
        self.commit(write).await?;
        Ok(ended)
    }

    /// Forgets the sessions that expired at this moment or before, and says how many there were. They are not in the
    /// change feed: whoever remembers one knows when it expires.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn purge_sessions(&self, now: Timestamp) -> Result<u64> {
        let sql = "DELETE FROM sessions WHERE expires_us <= $1";
        let done = writing!(self, pool => {
            sqlx::query(sql).bind(now.micros()).execute(pool).await.map(|done| done.rows_affected())
        });
        done.during("purge expired sessions")
    }
}

impl Write {
    async fn insert_session(&mut self, session: &SessionRecord) -> Result<(), Fault> {
        let sql = concat!(
            "INSERT INTO sessions (",
            columns!(),
            ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
        );
        within!(self.tx, c => {
            sqlx::query(sql)
                .bind(session.id.to_string())
                .bind(session.user.to_string())
                .bind(session.token_hash.to_vec())
                .bind(session.created.micros())
                .bind(session.expires.micros())
                .bind(clip(&session.peer, 64))
                .bind(clip(&session.tool, 200))
                .bind(session.site.map(|site| site.to_string()))
                .bind(i64::from(session.second_factor))
                .bind(session.confirmed.micros())
                .execute(c)
                .await
                .map(drop)
        })?;
        Ok(())
    }

    /// Ends the sessions of a user, but for `keep`, and says how many ended.
    pub(crate) async fn end_sessions_of(
        &mut self,
        user: UserId,
        keep: Option<SessionId>,
    ) -> Result<u64, Fault> {
        // No id is the empty text.
        let sql = "DELETE FROM sessions WHERE user_id = $1 AND id <> $2 RETURNING id";
        let keep = keep.map(|keep| keep.to_string()).unwrap_or_default();
        let ended: Vec<String> = within!(self.tx, c => {
            sqlx::query_scalar(sql).bind(user.to_string()).bind(keep).fetch_all(c).await
        })?;
        for id in &ended {
            self.note(ChangeKind::Session, id);
        }
        Ok(u64::try_from(ended.len()).unwrap_or(u64::MAX))
    }
}
