//! The names that files of a batch have, or are about to have.

use portcullis_domain::{ObjectKey, StorageId, Timestamp};

use super::{Deliveries, RENEW, Reserved};
use crate::db::{within, writing};
use crate::error::{During, Fault, Result};

impl Deliveries {
    /// Reserves a name for a file of a batch, and keeps the batch from being undone until then. Of many who want the same name one
    /// has it. It tells nothing of what is in the storage.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn reserve(
        &self,
        batch: &str,
        (storage, object): (StorageId, &ObjectKey),
        until: Timestamp,
    ) -> Result<Reserved> {
        let sql = "INSERT INTO delivery_files (storage_id, object, batch) VALUES ($1, $2, $3) \
                   ON CONFLICT (storage_id, object) DO NOTHING";
        let work = async {
            let mut tx = self.0.begin().await?;
            // First: who undoes the batch meanwhile waits for this, and finds the name.
            let goes_on = within!(tx, c => {
                let renewing = sqlx::query(RENEW).bind(batch).bind(until.micros());
                renewing.execute(c).await.map(|done| done.rows_affected() > 0)
            })?;
            if !goes_on {
                return Ok(Reserved::Over);
            }
            let rows = within!(tx, c => {
                let row = sqlx::query(sql).bind(storage.to_string()).bind(object.as_str()).bind(batch);
                row.execute(c).await.map(|done| done.rows_affected())
            })?;
            tx.commit().await?;
            Ok::<_, Fault>(if rows == 1 { Reserved::Yes } else { Reserved::Taken })
        };
        work.await.during("reserve a name")
    }

    /// Notes the upload in parts that is to become a file, so that it can be given up by whoever comes later.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn note_upload(
        &self,
        batch: &str,
        (storage, object): (StorageId, &ObjectKey),
        upload: &str,
    ) -> Result<()> {
        let sql =
            "UPDATE delivery_files SET upload = $4 WHERE storage_id = $1 AND object = $2 AND batch = $3";
        let done = writing!(self.0, pool => {
            let row = sqlx::query(sql).bind(storage.to_string()).bind(object.as_str()).bind(batch);
            row.bind(upload).execute(pool).await.map(drop)
        });
        done.during("note an upload")
    }

    /// Notes which version of a file is there, and keeps the batch from being undone until then; false if it was undone, and whoever stored the file has
    /// to take it back.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn stored(
        &self,
        batch: &str,
        (storage, object): (StorageId, &ObjectKey),
        version: &str,
        until: Timestamp,
    ) -> Result<bool> {
        let sql =
            "UPDATE delivery_files SET version = $4 WHERE storage_id = $1 AND object = $2 AND batch = $3";
        let work = async {
            let mut tx = self.0.begin().await?;
            let goes_on = within!(tx, c => {
                let renewing = sqlx::query(RENEW).bind(batch).bind(until.micros());
                renewing.execute(c).await.map(|done| done.rows_affected() > 0)
            })?;
            within!(tx, c => {
                let row = sqlx::query(sql).bind(storage.to_string()).bind(object.as_str()).bind(batch);
                row.bind(version).execute(c).await.map(drop)
            })?;
            tx.commit().await?;
            Ok::<_, Fault>(goes_on)
        };
        work.await.during("note a file that was stored")
    }
}
