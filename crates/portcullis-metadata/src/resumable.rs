//! Uploads over HTTP that can be gone on with: what has to be known of them besides the parts that lie in the storage.

use portcullis_domain::{KeyId, ObjectKey, StorageId, Timestamp};

use crate::db::{Metadata, reading, writing};
use crate::error::{During, Fault, MetadataErrorKind, Result};
use crate::row::{number, read, row};

/// How far an upload is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResumableState {
    /// Bytes are missing.
    Open,
    /// All bytes came, and they are being made a file.
    Completing,
    /// It is a file.
    Done,
}

impl ResumableState {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Completing => "completing",
            Self::Done => "done",
        }
    }

    fn read(text: &str) -> Result<Self, Fault> {
        [Self::Open, Self::Completing, Self::Done]
            .into_iter()
            .find(|state| state.as_str() == text)
            .ok_or_else(|| Fault::corrupt("column state: unknown word"))
    }
}

/// An upload that can be gone on with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResumableUpload {
    /// Names it in its address: made by chance.
    pub id: String,
    /// The key that began it, the only one that may go on.
    pub key: KeyId,
    /// Where it goes.
    pub storage: StorageId,
    /// What it becomes.
    pub object: ObjectKey,
    /// The multipart upload that holds its parts; empty if it has one part, which is put as a whole.
    pub upload: String,
    /// Bytes that it has when it is complete.
    pub length: u64,
    /// Bytes of each of its parts but the last.
    pub part_size: u64,
    /// What the client told of it, as it was told.
    pub told: String,
    /// Where the kept tail begins.
    pub tail_at: u64,
    /// Bytes of the tail.
    pub tail_length: u64,
    /// If there is one, only the bytes before it count.
    pub held_at: Option<u64>,
    /// How far it is.
    pub state: ResumableState,
    /// The moment from which on it cannot be gone on with.
    pub expires: Timestamp,
}

row! {
    ResumableRow {
        id: String,
        key_id: String,
        storage_id: String,
        object: String,
        upload: String,
        length: i64,
        part_size: i64,
        told: String,
        tail_at: i64,
        tail_length: i64,
        held_at: Option<i64>,
        state: String,
        expires_us: i64,
    }
}
row! {
    TailRow { tail: Vec<u8> }
}

impl ResumableRow {
    fn read(self) -> Result<ResumableUpload, Fault> {
        Ok(ResumableUpload {
            id: self.id,
            key: read("key_id", &self.key_id)?,
            storage: read("storage_id", &self.storage_id)?,
            object: ObjectKey::parse(&self.object).map_err(|error| Fault::corrupt(error.to_string()))?,
            upload: self.upload,
            length: number("length", self.length)?,
            part_size: number("part_size", self.part_size)?,
            told: self.told,
            tail_at: number("tail_at", self.tail_at)?,
            tail_length: number("tail", self.tail_length)?,
            held_at: self.held_at.map(|at| number("held_at", at)).transpose()?,
            state: ResumableState::read(&self.state)?,
            expires: Timestamp::from_micros(self.expires_us),
        })
    }
}

macro_rules! columns {
    () => {
        "id, key_id, storage_id, object, upload, length, part_size, told, tail_at, \
         CAST(LENGTH(tail) AS BIGINT) AS tail_length, held_at, state, expires_us"
    };
}

/// A count as a column holds it.
fn column(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

impl Metadata {
    /// Notes an upload that begins, unless the key has `most` of them that are not done; false then.
    ///
    /// # Errors
    /// [`Conflict("id")`](MetadataErrorKind::Conflict) cannot be: the id is new; what any verb may give.
    pub async fn create_resumable(&self, new: &ResumableUpload, most: u32) -> Result<bool> {
        let sql = "INSERT INTO resumable_uploads (id, key_id, storage_id, object, upload, length, part_size, told, tail, expires_us) \
                   SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10 \
                   WHERE (SELECT COUNT(*) FROM resumable_uploads WHERE key_id = $2 AND state <> 'done') < $11";
        let rows = writing!(self, pool => {
            sqlx::query(sql)
                .bind(new.id.as_str())
                .bind(new.key.to_string())
                .bind(new.storage.to_string())
                .bind(new.object.as_str())
                .bind(new.upload.as_str())
                .bind(column(new.length))
                .bind(column(new.part_size))
                .bind(new.told.as_str())
                .bind(Vec::<u8>::new())
                .bind(new.expires.micros())
                .bind(i64::from(most))
                .execute(pool)
                .await
                .map(|done| done.rows_affected() == 1)
        });
        rows.during("begin an upload")
    }

    /// The upload with this id, if there is one.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn resumable(&self, id: &str) -> Result<Option<ResumableUpload>> {
        let sql = concat!("SELECT ", columns!(), " FROM resumable_uploads WHERE id = $1");
        let work = async {
            let row = reading!(self, pool => {
                sqlx::query_as::<_, ResumableRow>(sql).bind(id).fetch_optional(pool).await
            })?;
            row.map(ResumableRow::read).transpose()
        };
        work.await.during("look up an upload")
    }

    /// Some uploads of a key whose time was over at this moment, the oldest first.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn expired_resumables(
        &self,
        key: KeyId,
        at: Timestamp,
        limit: u32,
    ) -> Result<Vec<ResumableUpload>> {
        let sql = concat!(
            "SELECT ",
            columns!(),
            " FROM resumable_uploads WHERE key_id = $1 AND expires_us <= $2 ORDER BY expires_us, id LIMIT $3"
        );
        let work = async {
            let rows = reading!(self, pool => {
                sqlx::query_as::<_, ResumableRow>(sql)
                    .bind(key.to_string())
                    .bind(at.micros())
                    .bind(i64::from(limit))
                    .fetch_all(pool)
                    .await
            })?;
            rows.into_iter().map(ResumableRow::read).collect::<Result<Vec<_>, Fault>>()
        };
        work.await.during("list expired uploads")
    }

    /// The bytes of an upload's tail.
    ///
    /// # Errors
    /// [`NotFound`](MetadataErrorKind::NotFound); what any verb may give.
    pub async fn resumable_tail(&self, id: &str) -> Result<Vec<u8>> {
        let sql = "SELECT tail FROM resumable_uploads WHERE id = $1";
        let work = async {
            let row = reading!(self, pool => {
                sqlx::query_as::<_, TailRow>(sql).bind(id).fetch_optional(pool).await
            })?;
            Ok::<_, Fault>(row.ok_or(MetadataErrorKind::NotFound)?.tail)
        };
        work.await.during("read the tail of an upload")
    }

    /// Keeps a tail that begins at `at`, unless one that goes further is kept, the upload is no longer open, or the tails of its key would
    /// come to more than `most` bytes. Says whether it was kept.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn keep_resumable_tail(&self, id: &str, at: u64, tail: &[u8], most: u64) -> Result<bool> {
        let sql = "UPDATE resumable_uploads SET tail_at = $2, tail = $3 WHERE id = $1 AND state = 'open' \
                   AND tail_at + LENGTH(tail) < $2 + $4 AND tail_at <= $2 \
                   AND (SELECT COALESCE(SUM(LENGTH(others.tail)), 0) FROM resumable_uploads others \
                        WHERE others.key_id = resumable_uploads.key_id AND others.id <> $1) + $4 <= $5";
        let done = writing!(self, pool => {
            sqlx::query(sql)
                .bind(id)
                .bind(column(at))
                .bind(tail.to_vec())
                .bind(column(u64::try_from(tail.len()).unwrap_or(u64::MAX)))
                .bind(column(most))
                .execute(pool)
                .await
                .map(|done| done.rows_affected() == 1)
        });
        done.during("keep the tail of an upload")
    }

    /// Lets only the bytes before `at` count. It never goes back.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn hold_resumable(&self, id: &str, at: u64) -> Result<()> {
        let sql = "UPDATE resumable_uploads SET held_at = $2 \
                   WHERE id = $1 AND (held_at IS NULL OR held_at < $2)";
        let done = writing!(self, pool => {
            sqlx::query(sql).bind(id).bind(column(at)).execute(pool).await.map(drop)
        });
        done.during("hold an upload")
    }

    /// Notes how far an upload is. One that is done needs no tail and never becomes anything else; until `expires` it can be asked for.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn settle_resumable(&self, id: &str, state: ResumableState, expires: Timestamp) -> Result<()> {
        let sql = match state {
            ResumableState::Done => {
                "UPDATE resumable_uploads SET state = $2, expires_us = $3, tail = $4 WHERE id = $1"
            }
            ResumableState::Open | ResumableState::Completing => {
                "UPDATE resumable_uploads SET state = $2, expires_us = $3 WHERE id = $1 AND state <> 'done' AND $4 = $4"
            }
        };
        let done = writing!(self, pool => {
            sqlx::query(sql)
                .bind(id)
                .bind(state.as_str())
                .bind(expires.micros())
                .bind(Vec::<u8>::new())
                .execute(pool)
                .await
                .map(drop)
        });
        done.during("settle an upload")
    }

    /// Forgets an upload; nothing happens if there is none.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn drop_resumable(&self, id: &str) -> Result<()> {
        let sql = "DELETE FROM resumable_uploads WHERE id = $1";
        let done = writing!(self, pool => sqlx::query(sql).bind(id).execute(pool).await.map(drop));
        done.during("forget an upload")
    }

    /// Forgets the uploads whose time was over before this moment, and says how many there were.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn purge_resumables(&self, before: Timestamp) -> Result<u64> {
        let sql = "DELETE FROM resumable_uploads WHERE expires_us < $1";
        let done = writing!(self, pool => {
            sqlx::query(sql).bind(before.micros()).execute(pool).await.map(|done| done.rows_affected())
        });
        done.during("forget expired uploads")
    }
}
