//! Which messages are whose to store.

use portcullis_domain::Timestamp;

use super::{Deliveries, DeliveryClaim, NewDelivery};
use crate::db::{Tx, within};
use crate::error::{During, Fault, Result};
use crate::row::{hash, number, row};

row! {
    KnownRow { digest: Vec<u8>, batch: String, state: String, files: i64, expires_us: i64 }
}
row! {
    BegunRow { begun: i64, oldest: Option<i64> }
}

impl Deliveries {
    /// Claims a message for each of its folders. Of many who claim the same at the same time, on one node or several, one is told that
    /// it is new.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn claim(&self, new: &NewDelivery) -> Result<DeliveryClaim> {
        let work = async {
            let mut tx = self.0.begin().await?;
            let mut fresh = Vec::new();
            let mut files = 0u32;
            // In one order, so that two who claim the same wait for each other and not both.
            let mut digests = new.digests.clone();
            digests.sort_unstable();
            for digest in digests {
                match known(&mut tx, new, &digest).await? {
                    None => fresh.push(digest),
                    Some(row) if row.state == "done" => {
                        files = files.saturating_add(number("files", row.files)?);
                    }
                    Some(row) if row.expires_us <= new.began.micros() => {
                        return Ok(DeliveryClaim::Over(row.batch));
                    }
                    Some(_) => return Ok(DeliveryClaim::Busy),
                }
            }
            if fresh.is_empty() {
                return Ok(DeliveryClaim::Done { files });
            }
            if let Some(oldest) = full(&mut tx, new).await? {
                return Ok(DeliveryClaim::TooMany(oldest));
            }
            for digest in &fresh {
                if !insert(&mut tx, new, digest).await? {
                    return Ok(DeliveryClaim::Busy);
                }
            }
            tx.commit().await?;
            Ok::<_, Fault>(DeliveryClaim::New(fresh))
        };
        work.await.during("begin a delivery")
    }
}

/// What is known of a message and a folder. What was stored so long ago that it is to be forgotten is forgotten.
async fn known(tx: &mut Tx, new: &NewDelivery, digest: &[u8; 32]) -> Result<Option<KnownRow>, Fault> {
    let old = "DELETE FROM deliveries \
               WHERE key_id = $1 AND digest = $2 AND state = 'done' AND expires_us <= $3";
    let sql =
        "SELECT digest, batch, state, files, expires_us FROM deliveries WHERE key_id = $1 AND digest = $2";
    let key = new.key.to_string();
    within!(*tx, c => {
        let old = sqlx::query(old).bind(key.as_str()).bind(digest.to_vec()).bind(new.began.micros());
        old.execute(c).await.map(drop)
    })?;
    let found = within!(*tx, c => {
        let row = sqlx::query_as::<_, KnownRow>(sql).bind(key.as_str()).bind(digest.to_vec());
        row.fetch_optional(c).await
    })?;
    if let Some(row) = &found {
        hash("digest", &row.digest)?;
    }
    Ok(found)
}

/// When the oldest of the key's messages began, if there are as many as there may be.
async fn full(tx: &mut Tx, new: &NewDelivery) -> Result<Option<Timestamp>, Fault> {
    let sql = "SELECT COUNT(DISTINCT batch) AS begun, MIN(began_us) AS oldest FROM deliveries \
               WHERE key_id = $1 AND began_us > $2";
    let (most, since) = new.most;
    let row = within!(*tx, c => {
        let row = sqlx::query_as::<_, BegunRow>(sql).bind(new.key.to_string()).bind(since.micros());
        row.fetch_one(c).await
    })?;
    let is_full = row.begun >= i64::from(most);
    Ok(is_full.then(|| row.oldest.map_or(new.began, Timestamp::from_micros)))
}

/// False if somebody else has just claimed it.
async fn insert(tx: &mut Tx, new: &NewDelivery, digest: &[u8; 32]) -> Result<bool, Fault> {
    let sql = "INSERT INTO deliveries (key_id, digest, batch, began_us, expires_us) VALUES ($1, $2, $3, $4, $5) \
               ON CONFLICT (key_id, digest) DO NOTHING";
    let rows = within!(*tx, c => {
        let row = sqlx::query(sql).bind(new.key.to_string()).bind(digest.to_vec()).bind(new.batch.as_str());
        let done = row.bind(new.began.micros()).bind(new.until.micros()).execute(c).await;
        done.map(|done| done.rows_affected())
    })?;
    Ok(rows == 1)
}
