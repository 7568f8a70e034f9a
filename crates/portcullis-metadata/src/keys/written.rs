//! Where a key has put something lately.

use portcullis_domain::{KeyId, StorageId, Timestamp};

use crate::db::{Metadata, reading};
use crate::error::{During, Fault, Result};
use crate::row::read;

/// No key writes to more places than are looked through.
const MOST: i64 = 100;

impl Metadata {
    /// The storages in which a key has put something, as far as its use is kept; at most 100.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn storages_written_by(&self, key: KeyId) -> Result<Vec<StorageId>> {
        let work = async {
            let sql = "SELECT DISTINCT storage_id FROM key_activity \
                       WHERE key_id = $1 AND kind = 'used' AND what = 'put' AND storage_id <> '' LIMIT $2";
            let key = key.to_string();
            let rows: Vec<String> = reading!(self, pool => {
                sqlx::query_scalar(sql).bind(key).bind(MOST).fetch_all(pool).await
            })?;
            rows.iter().map(|id| read("storage_id", id)).collect::<Result<Vec<_>, Fault>>()
        };
        work.await.during("find where a key has written")
    }

    /// Keys whose expiry was reached after the first moment and up to the second; at most 10,000.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn keys_expired_between(&self, after: Timestamp, until: Timestamp) -> Result<Vec<KeyId>> {
        let work = async {
            let sql = "SELECT id FROM keys WHERE expires_us > $1 AND expires_us <= $2 LIMIT 10000";
            let rows: Vec<String> = reading!(self, pool => {
                sqlx::query_scalar(sql).bind(after.micros()).bind(until.micros()).fetch_all(pool).await
            })?;
            rows.iter().map(|id| read("id", id)).collect::<Result<Vec<_>, Fault>>()
        };
        work.await.during("find keys that have expired")
    }
}
