//! Second factors: one-time codes and the codes that stand in for them.

use portcullis_domain::UserId;

use crate::db::{Metadata, reading, within, writing};
use crate::error::{During, Fault, MetadataErrorKind, Result};
use crate::row::number;

impl Metadata {
    /// Keeps the sealed seed of a user's one-time codes, or removes it; no code of a new seed was taken yet. Recovery codes stay.
    /// Not in the change feed.
    ///
    /// # Errors
    /// [`NotFound`](MetadataErrorKind::NotFound); what any verb may give.
    pub async fn set_totp(&self, user: UserId, sealed: Option<Vec<u8>>) -> Result<()> {
        let work = async {
            // The clock's lock keeps new secrets out while the master key is exchanged.
            let mut write = self.write().await?;
            let sql = "UPDATE users SET totp_sealed = $2, totp_step = 0 WHERE id = $1";
            let rows = within!(write.tx, c => {
                sqlx::query(sql)
                    .bind(user.to_string())
                    .bind(sealed)
                    .execute(c)
                    .await
                    .map(|done| done.rows_affected())
            })?;
            if rows == 0 {
                return Err(MetadataErrorKind::NotFound.into());
            }
            self.commit(write).await
        };
        work.await.during("set up one-time codes")
    }

    /// Takes the code of a time step. Of many who take the code of one step, exactly one is told true, and after it none of an earlier
    /// step is taken any more. False without one-time codes.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn take_totp_step(&self, user: UserId, step: i64) -> Result<bool> {
        let sql =
            "UPDATE users SET totp_step = $2 WHERE id = $1 AND totp_step < $2 AND totp_sealed IS NOT NULL";
        let rows = writing!(self, pool => {
            sqlx::query(sql)
                .bind(user.to_string())
                .bind(step)
                .execute(pool)
                .await
                .map(|done| done.rows_affected())
        });
        rows.map(|rows| rows == 1).during("take a one-time code")
    }

    /// Replaces a user's recovery codes, each by its SHA-256; none for no more codes.
    ///
    /// # Errors
    /// [`NotFound`](MetadataErrorKind::NotFound) if there are codes and no such user; what any verb may give.
    pub async fn set_recovery_codes(&self, user: UserId, codes: &[[u8; 32]]) -> Result<()> {
        let work = async {
            // The clock's lock: of two who replace them at once, the codes of one are left, not of both.
            let mut write = self.write().await?;
            let old = "DELETE FROM recovery_codes WHERE user_id = $1";
            within!(write.tx, c => sqlx::query(old).bind(user.to_string()).execute(c).await.map(drop))?;
            let new = "INSERT INTO recovery_codes (user_id, code_hash) VALUES ($1, $2)";
            for code in codes {
                let code = code.to_vec();
                within!(write.tx, c => {
                    sqlx::query(new).bind(user.to_string()).bind(code).execute(c).await.map(drop)
                })?;
            }
            self.commit(write).await
        };
        work.await.during("replace recovery codes")
    }

    /// Takes a recovery code; false if the user has none such. Of many who take the same, exactly one is told true.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn take_recovery_code(&self, user: UserId, code: &[u8; 32]) -> Result<bool> {
        let sql = "DELETE FROM recovery_codes WHERE user_id = $1 AND code_hash = $2";
        let rows = writing!(self, pool => {
            sqlx::query(sql)
                .bind(user.to_string())
                .bind(code.to_vec())
                .execute(pool)
                .await
                .map(|done| done.rows_affected())
        });
        rows.map(|rows| rows == 1).during("take a recovery code")
    }

    /// How many recovery codes a user has left.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn recovery_codes_left(&self, user: UserId) -> Result<u32> {
        let sql = "SELECT COUNT(*) FROM recovery_codes WHERE user_id = $1";
        let count: Result<i64, _> =
            reading!(self, pool => sqlx::query_scalar(sql).bind(user.to_string()).fetch_one(pool).await);
        count.map_err(Fault::from).and_then(|count| number("count", count)).during("count recovery codes")
    }
}
