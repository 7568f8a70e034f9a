//! Credentials that keys had before: those that still work beside the present ones, and those that are only remembered.

use futures_util::TryStreamExt;
use portcullis_domain::{CredentialId, KeyId, LoginName, Timestamp};

use super::{SecretRow, StoredSecret};
use crate::changes::ChangeKind;
use crate::db::{Metadata, Write, reading, within};
use crate::error::{During, Fault, Result};
use crate::row::{Both, number, read, read_optional, row};

/// Credentials that a key had before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetiredSecret {
    /// The key.
    pub key: KeyId,
    /// Which of its credentials, counted from 0.
    pub generation: u32,
    /// The public half; the present one if only the secret was changed.
    pub credential: CredentialId,
    /// The user name that somebody had chosen.
    pub login: Option<LoginName>,
    /// What is kept of the secret half; nothing after a while.
    pub stored: StoredSecret,
    /// When they were replaced, or the key was deleted.
    pub retired: Timestamp,
    /// The first moment at which they no longer work.
    pub until: Timestamp,
    /// Whether it was noted that they stopped: then they have, whatever the clock says.
    pub ended: bool,
}

impl RetiredSecret {
    /// Whether they work beside the present ones at that moment.
    #[must_use]
    pub fn works(&self, now: Timestamp) -> bool {
        !self.ended && now < self.until
    }
}

macro_rules! columns {
    () => {
        "key_id, generation, credential, login, retired_us, until_us, ended, secret_sealed, secret_hash, secret_phc"
    };
}

row! {
    RetiredRow {
        key_id: String,
        generation: i64,
        credential: String,
        login: Option<String>,
        retired_us: i64,
        until_us: i64,
        ended: i64,
    }
}
row! {
    IdRow { key_id: String }
}

impl Both<RetiredRow, SecretRow> {
    fn read(self) -> Result<RetiredSecret, Fault> {
        let Self(row, secret) = self;
        Ok(RetiredSecret {
            key: read("key_id", &row.key_id)?,
            generation: number("generation", row.generation)?,
            credential: read("credential", &row.credential)?,
            login: read_optional("login", row.login.as_deref())?,
            stored: secret.read()?,
            retired: Timestamp::from_micros(row.retired_us),
            until: Timestamp::from_micros(row.until_us),
            ended: row.ended != 0,
        })
    }
}

/// Puts the credentials that a key has among the retired ones.
pub(super) async fn retire(
    write: &mut Write,
    id: KeyId,
    until: Timestamp,
    now: Timestamp,
) -> Result<(), Fault> {
    let sql = "INSERT INTO retired_secrets \
               (key_id, generation, credential, login, secret_sealed, secret_hash, secret_phc, retired_us, until_us, ended) \
               SELECT id, generation, credential, login, secret_sealed, secret_hash, secret_phc, $2, $3, 0 FROM keys \
               WHERE id = $1 AND state <> 'deleted'";
    within!(write.tx, c => {
        let query = sqlx::query(sql).bind(id.to_string()).bind(now.micros()).bind(until.micros());
        query.execute(c).await.map(drop)
    })?;
    if until <= now { end_overlap(write, id, now).await.map(drop) } else { Ok(()) }
}

/// Ends credentials that still work beside the present ones; says how many there were.
pub(super) async fn end_overlap(write: &mut Write, id: KeyId, now: Timestamp) -> Result<u64, Fault> {
    let sql = "UPDATE retired_secrets SET ended = 1, until_us = CASE WHEN until_us > $2 THEN $2 ELSE until_us END \
               WHERE key_id = $1 AND ended = 0";
    Ok(within!(write.tx, c => {
        let query = sqlx::query(sql).bind(id.to_string()).bind(now.micros());
        query.execute(c).await.map(|done| done.rows_affected())
    })?)
}

/// How many credentials of a key work beside the present ones.
pub(super) async fn overlaps(write: &mut Write, id: KeyId, now: Timestamp) -> Result<i64, Fault> {
    let sql = "SELECT COUNT(*) FROM retired_secrets WHERE key_id = $1 AND ended = 0 AND until_us > $2";
    Ok(within!(write.tx, c => {
        sqlx::query_scalar(sql).bind(id.to_string()).bind(now.micros()).fetch_one(c).await
    })?)
}

impl Metadata {
    /// The credentials that a key had before, the latest first.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn retired_secrets(&self, key: KeyId) -> Result<Vec<RetiredSecret>> {
        let sql = concat!(
            "SELECT ",
            columns!(),
            " FROM retired_secrets WHERE key_id = $1 ORDER BY generation DESC"
        );
        let rows = reading!(self, pool => {
            sqlx::query_as::<_, Both<RetiredRow, SecretRow>>(sql).bind(key.to_string()).fetch_all(pool).await
        });
        rows.map_err(Fault::from)
            .and_then(|rows| rows.into_iter().map(Both::<RetiredRow, SecretRow>::read).collect())
            .during("read the earlier credentials of a key")
    }

    /// The credentials that any key had before, the latest of each key first; in one pass, so that a node can hold them in memory.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn all_retired_secrets(&self) -> Result<Vec<RetiredSecret>> {
        let sql = concat!("SELECT ", columns!(), " FROM retired_secrets ORDER BY key_id, generation DESC");
        let work = async {
            let mut all = Vec::new();
            reading!(self, pool => {
                let mut rows = sqlx::query_as::<_, Both<RetiredRow, SecretRow>>(sql).fetch(pool);
                while let Some(row) = rows.try_next().await? {
                    all.push(row.read()?);
                }
            });
            Ok::<_, Fault>(all)
        };
        work.await.during("read all earlier credentials")
    }

    /// Erases up to `limit` (1 to 1,000) secrets of credentials that stopped before this moment, and says how many; call again until
    /// it says fewer. That a key had these credentials is remembered for good.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn forget_secrets(&self, before: Timestamp, limit: u32) -> Result<u64> {
        let work = async {
            let mut write = self.write().await?;
            let sql = "UPDATE retired_secrets SET secret_sealed = NULL, secret_hash = NULL, secret_phc = NULL \
                       WHERE (key_id, generation) IN (SELECT key_id, generation FROM retired_secrets \
                       WHERE ended = 1 AND until_us < $1 AND (secret_sealed IS NOT NULL OR secret_hash IS NOT NULL OR secret_phc IS NOT NULL) LIMIT $2) \
                       RETURNING key_id";
            let limit = i64::from(limit.clamp(1, 1_000));
            let rows: Vec<IdRow> = within!(write.tx, c => {
                sqlx::query_as::<_, IdRow>(sql).bind(before.micros()).bind(limit).fetch_all(c).await
            })?;
            if rows.is_empty() {
                return Ok(0);
            }
            for row in &rows {
                write.note(ChangeKind::Key, &row.key_id);
            }
            self.commit(write).await?;
            Ok::<_, Fault>(u64::try_from(rows.len()).unwrap_or(u64::MAX))
        };
        work.await.during("erase earlier secrets")
    }
}
