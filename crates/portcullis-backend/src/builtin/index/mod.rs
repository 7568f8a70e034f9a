//! The index of one storage: a SQLite file with one writing thread and a few read-only connections.

mod batch;
mod codec;
mod collector;
mod completion;
mod listing;
mod objects;
mod page;
mod row;
mod schema;
mod uploads;
mod versions;
mod writer;

use std::collections::HashSet;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use portcullis_domain::{Clock, StorageId};
use rusqlite::Connection;
use tokio::sync::Semaphore;

use super::StoreError;
use super::blob::BlobId;
use super::cache::Cache;
use super::error::{index_error, task_error};
use crate::{BackendError, BackendErrorKind, Result};

pub(super) use batch::Batch;
#[cfg(test)]
pub(super) use codec::crc;
pub(super) use codec::{StoredPart, length};
pub(super) use collector::{
    blobs_after, collectable, collected, inline_after, is_in_use, mark, quarantine, references, set_mark,
    unknown_blobs, usage,
};
pub(super) use completion::{Prepared, complete, crc_of, prepare};
pub(super) use listing::list;
pub(super) use objects::{NewBody, NewObject, Overwriting, delete, put, set_tags};
pub(super) use row::{Name, Place, Row, Segment, find};
pub(super) use uploads::{
    NewPart, abort, create, drop_expired, list_parts, list_uploads, put_part, upload, upload_with_part,
};
pub(super) use versions::list_versions;
use writer::Writer;

/// Why something was not done: the request is refused, or the index is at fault.
#[derive(Debug)]
pub(super) enum Fault {
    /// Nothing was changed, and others are not concerned.
    Refused(BackendErrorKind),
    /// SQLite failed; inside a batch, all of it fails.
    Index(rusqlite::Error),
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Index(error)
    }
}

impl From<BackendErrorKind> for Fault {
    fn from(kind: BackendErrorKind) -> Self {
        Self::Refused(kind)
    }
}

impl Fault {
    fn into_error(self, operation: &'static str) -> BackendError {
        match self {
            Self::Refused(kind) => BackendError::new(kind, operation),
            Self::Index(error) => index_error(operation)(error),
        }
    }
}

/// Where an index works.
#[derive(Clone, Debug)]
pub(super) struct Home {
    /// The storage, as the cache knows it.
    pub(super) storage: StorageId,
    /// The storage's directory.
    pub(super) directory: PathBuf,
}

/// The index of one storage.
pub(super) struct Index {
    readers: Arc<Readers>,
    writer: Writer,
}

impl Index {
    /// Opens the index in this directory, or makes it. Gives the files, too, that were found damaged before. Blocks.
    ///
    /// # Errors
    /// As [`schema::open`].
    pub(super) fn open(
        home: &Home,
        cache: Arc<Cache>,
        clock: Arc<dyn Clock>,
    ) -> Result<(Self, HashSet<BlobId>), StoreError> {
        let path = home.directory.join("index.db");
        let conn = schema::open(&path, &home.directory.join("data"))?;
        let damaged = collector::quarantined(&conn).map_err(StoreError::sqlite(&path))?;
        let writer = Writer::start(conn, home, cache, clock)?;
        Ok((Self { readers: Arc::new(Readers::new(path)), writer }, damaged))
    }

    /// Reads one consistent state.
    ///
    /// # Errors
    /// What `read` refuses, and faults of the index.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        operation: &'static str,
        read: impl FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T> {
        let readers = Arc::clone(&self.readers);
        let permit = Arc::clone(&readers.permits).acquire_owned().await;
        let permit = permit.map_err(|_| BackendError::new(BackendErrorKind::Unavailable, operation))?;
        let work = move || {
            let told = readers.read(read);
            drop(permit);
            told.map_err(|fault| fault.into_error(operation))
        };
        tokio::task::spawn_blocking(work).await.map_err(task_error(operation))?
    }

    /// Changes the index, together with whatever else is queued. When this returns, the change is durable; when it fails,
    /// nothing of it was made. Dropping the future does not take the change back.
    ///
    /// `change` decides first and changes after: what it refuses must not have changed anything.
    ///
    /// # Errors
    /// What `change` refuses; `Unavailable` if too much is queued; faults of the index.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        operation: &'static str,
        change: impl FnOnce(&mut Batch<'_>) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T> {
        self.writer.submit(operation, change).await
    }

    /// Bytes that count against the quota, as of the last commit.
    pub(super) fn stored_bytes(&self) -> u64 {
        self.writer.stored_bytes()
    }

    /// Whether the index stopped taking changes because of a disk error.
    pub(super) fn is_stopped(&self) -> bool {
        self.writer.is_stopped()
    }

    /// Closes connections that nobody uses; they are opened again when they are needed.
    pub(super) fn rest(&self) {
        self.readers.clear();
    }

    /// Ends the writing thread after what is queued, and closes the file. Blocks.
    pub(super) fn close(self) {
        self.readers.clear();
        self.writer.close();
    }
}

impl fmt::Debug for Index {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Index").field("path", &self.readers.path).finish_non_exhaustive()
    }
}

/// The most connections that read one index at the same time: more only take memory from each other.
const READERS: usize = 4;

/// Read-only connections, opened when they are needed.
struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
    permits: Arc<Semaphore>,
}

impl Readers {
    fn new(path: PathBuf) -> Self {
        Self { path, idle: Mutex::default(), permits: Arc::new(Semaphore::new(READERS)) }
    }

    fn read<T>(&self, read: impl FnOnce(&Connection) -> Result<T, Fault>) -> Result<T, Fault> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let conn = match idle {
            Some(conn) => conn,
            None => schema::connect(&self.path, schema::Role::Reader)?,
        };
        // One transaction: all statements see the same moment.
        conn.prepare_cached("BEGIN")?.execute([])?;
        let told = read(&conn);
        conn.prepare_cached("COMMIT")?.execute([])?;
        // A connection that cannot end its transaction was dropped before it comes here.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(conn);
        told
    }

    fn clear(&self) {
        drop(std::mem::take(&mut *self.idle.lock().unwrap_or_else(PoisonError::into_inner)));
    }
}
