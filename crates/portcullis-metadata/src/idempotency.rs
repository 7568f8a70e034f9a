//! Calls that are made once however often they are sent.

use portcullis_domain::Timestamp;

use crate::db::{Metadata, reading, writing};
use crate::error::{During, Fault, MetadataErrorKind, Result};
use crate::row::row;

/// What became of the claim of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// It is the caller's to make: [`Metadata::finish_call`] or [`Metadata::drop_call`] come after.
    New,
    /// The same request was claimed before.
    Same {
        /// What it made; none while it is being made.
        location: Option<String>,
    },
    /// Another request was claimed under the same name.
    Other,
}

row! {
    CallRow { request_hash: Vec<u8>, location: Option<String> }
}

impl Metadata {
    /// Claims a call, named by the SHA-256 of its key, for the request with this SHA-256. Of many who claim it at the same time,
    /// on one node or several, exactly one is told [`Claim::New`].
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn claim_call(
        &self,
        key_hash: &[u8; 32],
        request_hash: &[u8; 32],
        now: Timestamp,
    ) -> Result<Claim> {
        // A claim that is dropped between the two statements can be made anew.
        const ATTEMPTS: u32 = 5;
        let work = async {
            for _ in 0..ATTEMPTS {
                if self.insert_call(key_hash, request_hash, now).await? {
                    return Ok(Claim::New);
                }
                let sql = "SELECT request_hash, location FROM idempotency WHERE key_hash = $1";
                let row = reading!(self, pool => {
                    sqlx::query_as::<_, CallRow>(sql).bind(key_hash.to_vec()).fetch_optional(pool).await
                })?;
                match row {
                    Some(row) if row.request_hash == request_hash => {
                        return Ok(Claim::Same { location: row.location });
                    }
                    Some(_) => return Ok(Claim::Other),
                    None => {}
                }
            }
            Err(Fault::new(MetadataErrorKind::Unavailable, "the claim was made and dropped again and again"))
        };
        work.await.during("claim a call")
    }

    async fn insert_call(&self, key: &[u8; 32], request: &[u8; 32], now: Timestamp) -> Result<bool, Fault> {
        let sql = "INSERT INTO idempotency (key_hash, request_hash, created_us) VALUES ($1, $2, $3) \
                   ON CONFLICT (key_hash) DO NOTHING";
        let rows = writing!(self, pool => {
            sqlx::query(sql)
                .bind(key.to_vec())
                .bind(request.to_vec())
                .bind(now.micros())
                .execute(pool)
                .await
                .map(|done| done.rows_affected())
        })?;
        Ok(rows == 1)
    }

    /// Keeps what a claimed call made. Nothing happens if the claim is gone.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn finish_call(&self, key_hash: &[u8; 32], location: &str) -> Result<()> {
        let sql = "UPDATE idempotency SET location = $2 WHERE key_hash = $1";
        let done = writing!(self, pool => {
            sqlx::query(sql).bind(key_hash.to_vec()).bind(location).execute(pool).await.map(drop)
        });
        done.during("keep what a call made")
    }

    /// Gives a claim up whose call made nothing, so that it can be made again. One that made something stays.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn drop_call(&self, key_hash: &[u8; 32]) -> Result<()> {
        let sql = "DELETE FROM idempotency WHERE key_hash = $1 AND location IS NULL";
        let done =
            writing!(self, pool => sqlx::query(sql).bind(key_hash.to_vec()).execute(pool).await.map(drop));
        done.during("give a call up")
    }

    /// Forgets the calls that were claimed before this moment, and says how many there were.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn purge_calls(&self, before: Timestamp) -> Result<u64> {
        let sql = "DELETE FROM idempotency WHERE created_us < $1";
        let done = writing!(self, pool => {
            sqlx::query(sql).bind(before.micros()).execute(pool).await.map(|done| done.rows_affected())
        });
        done.during("purge claimed calls")
    }
}
