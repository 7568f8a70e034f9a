//! What was begun and not ended.

use portcullis_domain::{ObjectKey, Timestamp};

use super::{Deliveries, DeliveryFile, Fenced};
use crate::db::{reading, within, writing};
use crate::error::{During, Fault, Result};
use crate::row::{read, row};

row! {
    FileRow { storage_id: String, object: String, batch: String, upload: String, version: String }
}
row! {
    BatchRow { batch: String }
}
row! {
    StateRow { state: String }
}

impl FileRow {
    fn read(self) -> Result<DeliveryFile, Fault> {
        Ok(DeliveryFile {
            batch: self.batch,
            storage: read("storage_id", &self.storage_id)?,
            object: ObjectKey::parse(&self.object).map_err(|error| Fault::corrupt(error.to_string()))?,
            upload: self.upload,
            version: self.version,
        })
    }
}

impl Deliveries {
    /// Sees to it that nobody stores the batch, unless it is stored, and tells what there is to undo. With `over` only a batch whose time
    /// is over at that moment, or that began before the second; others are left alone. It is not tried again by anybody before `again`.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn fence(
        &self,
        batch: &str,
        over: Option<(Timestamp, Timestamp)>,
        again: Timestamp,
    ) -> Result<Fenced> {
        let sql = "UPDATE deliveries SET state = 'undoing', expires_us = $2 WHERE batch = $1 AND state <> 'done' \
                   AND ($3 = 0 OR expires_us <= $4 OR began_us < $5)";
        let (now, before) = over.unwrap_or_default();
        let work = async {
            let mut tx = self.0.begin().await?;
            let fenced = within!(tx, c => {
                let row = sqlx::query(sql).bind(batch).bind(again.micros()).bind(i64::from(over.is_some()));
                let done = row.bind(now.micros()).bind(before.micros()).execute(c).await;
                done.map(|done| done.rows_affected() > 0)
            })?;
            if !fenced {
                let sql = "SELECT state FROM deliveries WHERE batch = $1 LIMIT 1";
                let row = within!(tx, c => {
                    sqlx::query_as::<_, StateRow>(sql).bind(batch).fetch_optional(c).await
                })?;
                let is_done = row.is_some_and(|row| row.state == "done");
                return Ok(if is_done { Fenced::Done } else { Fenced::Nothing });
            }
            let sql = "SELECT storage_id, object, batch, upload, version FROM delivery_files \
                       WHERE batch = $1 ORDER BY storage_id, object";
            let rows = within!(tx, c => sqlx::query_as::<_, FileRow>(sql).bind(batch).fetch_all(c).await)?;
            tx.commit().await?;
            let files: Result<Vec<_>, Fault> = rows.into_iter().map(FileRow::read).collect();
            Ok::<_, Fault>(Fenced::Undo(files?))
        };
        work.await.during("undo a delivery")
    }

    /// Some batches that are not stored and whose time is over at this moment, or that began before `before`.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn left(&self, now: Timestamp, before: Timestamp, limit: u32) -> Result<Vec<String>> {
        let sql = "SELECT DISTINCT batch FROM deliveries \
                   WHERE state <> 'done' AND (expires_us <= $1 OR began_us < $2) \
                   ORDER BY batch LIMIT $3";
        let rows = reading!(self.0, pool => {
            let rows = sqlx::query_as::<_, BatchRow>(sql).bind(now.micros());
            rows.bind(before.micros()).bind(i64::from(limit)).fetch_all(pool).await
        });
        Ok(rows.during("list deliveries")?.into_iter().map(|row| row.batch).collect())
    }

    /// A moment before which nothing that is under way can have begun: this process is the only one, and began then. The beginning of
    /// time if there are others.
    #[must_use]
    pub fn alone_since(&self, started: Timestamp) -> Timestamp {
        if self.0.node().is_none() { started } else { Timestamp::default() }
    }

    /// Lets go of a name of a batch; with a moment it is kept, or taken again, until somebody has looked once more, then or later. What
    /// another batch has stays its own.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn let_go(&self, file: &DeliveryFile, look: Option<Timestamp>) -> Result<()> {
        let gone = "DELETE FROM delivery_files WHERE storage_id = $1 AND object = $2 AND batch = $3";
        let kept = "INSERT INTO delivery_files (storage_id, object, batch, upload, version, look_us) \
                    VALUES ($1, $2, $3, $4, $5, $6) \
                    ON CONFLICT (storage_id, object) DO UPDATE SET look_us = excluded.look_us \
                    WHERE delivery_files.batch = excluded.batch";
        let (storage, object) = (file.storage.to_string(), file.object.as_str());
        let done = writing!(self.0, pool => {
            let row = sqlx::query(if look.is_some() { kept } else { gone });
            let row = row.bind(storage.as_str()).bind(object).bind(file.batch.as_str());
            let row = match look {
                Some(look) => row.bind(file.upload.as_str()).bind(file.version.as_str()).bind(look.micros()),
                None => row,
            };
            row.execute(pool).await.map(drop)
        });
        done.during("let go of a name")
    }

    /// Some names that somebody has to look at once more at this moment.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn to_look_at(&self, now: Timestamp, limit: u32) -> Result<Vec<DeliveryFile>> {
        let sql = "SELECT storage_id, object, batch, upload, version FROM delivery_files \
                   WHERE look_us <= $1 ORDER BY look_us, storage_id, object LIMIT $2";
        let work = async {
            let rows = reading!(self.0, pool => {
                let rows = sqlx::query_as::<_, FileRow>(sql).bind(now.micros()).bind(i64::from(limit));
                rows.fetch_all(pool).await
            })?;
            rows.into_iter().map(FileRow::read).collect::<Result<Vec<_>, Fault>>()
        };
        work.await.during("list names of deliveries")
    }

    /// Forgets a batch that was undone: the same message can be claimed anew.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn drop_batch(&self, batch: &str) -> Result<()> {
        let sql = "DELETE FROM deliveries WHERE batch = $1 AND state = 'undoing'";
        let done = writing!(self.0, pool => sqlx::query(sql).bind(batch).execute(pool).await.map(drop));
        done.during("forget a delivery")
    }
}
