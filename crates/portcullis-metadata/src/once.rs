//! Tokens that are claimed once, on whichever node.

use portcullis_domain::Timestamp;

use crate::db::{Metadata, writing};
use crate::error::{During, Result};

impl Metadata {
    /// Claims a token, named by its SHA-256; false if it was claimed before and not forgotten since. Of many who claim the same
    /// token at the same time, on one node or several, exactly one is told true.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn claim_once(&self, token_hash: &[u8; 32], now: Timestamp) -> Result<bool> {
        let sql =
            "INSERT INTO once (token_hash, claimed_us) VALUES ($1, $2) ON CONFLICT (token_hash) DO NOTHING";
        let rows = writing!(self, pool => {
            sqlx::query(sql)
                .bind(token_hash.to_vec())
                .bind(now.micros())
                .execute(pool)
                .await
                .map(|done| done.rows_affected())
        });
        rows.map(|rows| rows == 1).during("claim a token")
    }

    /// Forgets the tokens that were claimed before this moment, and says how many there were.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn purge_once(&self, before: Timestamp) -> Result<u64> {
        let sql = "DELETE FROM once WHERE claimed_us < $1";
        let done = writing!(self, pool => {
            sqlx::query(sql).bind(before.micros()).execute(pool).await.map(|done| done.rows_affected())
        });
        done.during("purge claimed tokens")
    }
}
