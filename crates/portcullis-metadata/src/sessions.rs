//! Sign-ins of people.

use std::fmt;

use portcullis_domain::{SessionId, Timestamp, UserId};

use crate::changes::ChangeKind;
use crate::db::{Metadata, reading, within, writing};
use crate::error::{During, Fault, Result};
use crate::row::{clip, hash, read, row};

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
            .finish_non_exhaustive()
    }
}

macro_rules! columns {
    () => {
        "id, user_id, token_hash, created_us, expires_us, peer, tool"
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
        })
    }
}

impl Metadata {
    /// Keeps a sign-in. It is not in the change feed: nobody can have remembered that it does not exist.
    ///
    /// # Errors
    /// [`Conflict`](crate::MetadataErrorKind::Conflict) if the id or the token's hash is taken;
    /// [`NotFound`](crate::MetadataErrorKind::NotFound) if the user does not exist; what any verb may give.
    pub async fn create_session(&self, session: &SessionRecord) -> Result<()> {
        let sql = "INSERT INTO sessions (id, user_id, token_hash, created_us, expires_us, peer, tool) \
                   VALUES ($1, $2, $3, $4, $5, $6, $7)";
        let done = writing!(self, pool => {
            sqlx::query(sql)
                .bind(session.id.to_string())
                .bind(session.user.to_string())
                .bind(session.token_hash.to_vec())
                .bind(session.created.micros())
                .bind(session.expires.micros())
                .bind(clip(&session.peer, 64))
                .bind(clip(&session.tool, 200))
                .execute(pool)
                .await
                .map(drop)
        });
        done.during("create a session")
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
        let sql = "DELETE FROM sessions WHERE id = $1 RETURNING id";
        let ended = self.end_sessions(sql, id.to_string()).await;
        ended.map(|count| count > 0).during("end a session")
    }

    /// Ends all sessions of a user and says how many there were.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn delete_sessions_of(&self, user: UserId) -> Result<u64> {
        let sql = "DELETE FROM sessions WHERE user_id = $1 RETURNING id";
        self.end_sessions(sql, user.to_string()).await.during("end the sessions of a user")
    }

    async fn end_sessions(&self, sql: &'static str, whose: String) -> Result<u64, Fault> {
        let mut write = self.write().await?;
        let ended: Vec<String> =
            within!(write.tx, c => sqlx::query_scalar(sql).bind(whose).fetch_all(c).await)?;
        for id in &ended {
            write.note(ChangeKind::Session, id);
        }
        self.commit(write).await?;
        Ok(u64::try_from(ended.len()).unwrap_or(u64::MAX))
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
