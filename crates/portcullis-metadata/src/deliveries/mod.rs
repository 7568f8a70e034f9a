//! What is stored all or none: which messages were, are being, or have to be undone, and which names their files have.

mod claim;
mod file;
mod undo;

use portcullis_domain::{KeyId, ObjectKey, StorageId, Timestamp};

use crate::db::{Metadata, within, writing};
use crate::error::{During, Result};

/// The ledger of what is delivered, and nothing else of the database.
#[derive(Clone, Debug)]
pub struct Deliveries(Metadata);

/// A message that is to be stored.
#[derive(Clone, Debug)]
pub struct NewDelivery {
    /// The word that its files carry: made by chance.
    pub batch: String,
    /// The key that brings it.
    pub key: KeyId,
    /// One SHA-256 for each folder that it goes to, of the message and the folder; none twice.
    pub digests: Vec<[u8; 32]>,
    /// Now.
    pub began: Timestamp,
    /// Until when nobody else undoes it.
    pub until: Timestamp,
    /// The most messages of the key that may have begun after a moment.
    pub most: (u32, Timestamp),
}

/// What became of the claim of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeliveryClaim {
    /// It is the caller's to store, in the folders with these digests; in the others it is already.
    New(Vec<[u8; 32]>),
    /// It was stored.
    Done {
        /// As so many files.
        files: u32,
    },
    /// Somebody else is at it, or undoes it.
    Busy,
    /// Somebody was at it, and their time is over: this batch is to be undone first.
    Over(String),
    /// The key has as many as it may; the oldest of them began then.
    TooMany(Timestamp),
}

/// What became of the wish to store under a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reserved {
    /// It is the batch's.
    Yes,
    /// Another batch has it.
    Taken,
    /// The batch was undone by somebody else.
    Over,
}

/// What there is to undo of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fenced {
    /// These files; nobody can store the batch any more.
    Undo(Vec<DeliveryFile>),
    /// Nothing, since all of it is stored.
    Done,
    /// Nothing, since it was undone, or is not over yet.
    Nothing,
}

/// A file of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryFile {
    /// The word that it carries.
    pub batch: String,
    /// Where it is.
    pub storage: StorageId,
    /// Its name there.
    pub object: ObjectKey,
    /// The upload in parts that becomes it; empty if there is none.
    pub upload: String,
    /// The version that was stored; empty if that is not known.
    pub version: String,
}

impl Metadata {
    /// The ledger of what is delivered.
    #[must_use]
    pub fn deliveries(&self) -> Deliveries {
        Deliveries(self.clone())
    }
}

impl Deliveries {
    /// Keeps the batch from being undone until then; false if it was.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn renew(&self, batch: &str, until: Timestamp) -> Result<bool> {
        let done = writing!(self.0, pool => {
            let renewing = sqlx::query(RENEW).bind(batch).bind(until.micros());
            renewing.execute(pool).await.map(|done| done.rows_affected() > 0)
        });
        done.during("go on with a delivery")
    }

    /// Makes the batch one that is stored: of each digest as so many files, and to be known as such until then. False, and nothing
    /// happens, if it was undone.
    ///
    /// # Errors
    /// What any verb may give; with [`Unavailable`](crate::MetadataErrorKind::Unavailable) it may have happened.
    pub async fn commit(&self, batch: &str, files: &[([u8; 32], u32)], until: Timestamp) -> Result<bool> {
        let sql = "UPDATE deliveries SET state = 'done', files = $3, expires_us = $4 \
                   WHERE batch = $1 AND digest = $2 AND state = 'pending'";
        let work = async {
            let mut tx = self.0.begin().await?;
            for (digest, count) in files {
                let rows = within!(tx, c => {
                    let digest = sqlx::query(sql).bind(batch).bind(digest.to_vec());
                    let done = digest.bind(i64::from(*count)).bind(until.micros()).execute(c).await;
                    done.map(|done| done.rows_affected())
                })?;
                if rows == 0 {
                    return Ok(false);
                }
            }
            let names = "DELETE FROM delivery_files WHERE batch = $1";
            within!(tx, c => sqlx::query(names).bind(batch).execute(c).await.map(drop))?;
            tx.commit().await.map(|()| true)
        };
        work.await.during("end a delivery")
    }

    /// Forgets what was stored and need not be known any more, and says how many there were.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn purge(&self, now: Timestamp) -> Result<u64> {
        let sql = "DELETE FROM deliveries WHERE state = 'done' AND expires_us <= $1";
        let done = writing!(self.0, pool => {
            sqlx::query(sql).bind(now.micros()).execute(pool).await.map(|done| done.rows_affected())
        });
        done.during("forget deliveries")
    }
}

const RENEW: &str = "UPDATE deliveries SET expires_us = $2 WHERE batch = $1 AND state = 'pending'";
