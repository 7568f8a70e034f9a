//! All storages of an installation: one directory, one lock, one cache.

use std::collections::HashMap;
use std::fmt;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use portcullis_domain::{Clock, Provider, Storage, StorageId, Timestamp};
use rustix::fs::{FlockOperation, flock};
use tokio::task::spawn_blocking;

use super::backend::Shared;
use super::cache::Cache;
use super::error::{disk_error, task_error};
use super::stream::Buffers;
use super::{BuiltinBackend, Housekeeping, StoreError};
use crate::{Backend, BackendError, BackendErrorKind, Drivers, ProviderCredentials, Result};

/// How a store works. The defaults are what was measured to be best on an ordinary machine.
#[derive(Clone, Debug)]
pub struct StoreOptions {
    /// Objects of at most so many bytes are kept in the index itself, 64 KiB at most: they are hashed where they arrive.
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
            inline_max: 16 * 1024,
            cache_bytes: 32 * 1024 * 1024,
            max_open: 256,
            grace: Duration::from_secs(60 * 60),
            upload_expiry: 7 * DAY,
            completed_retention: 7 * DAY,
            reserve_bytes: 64 * 1024 * 1024,
        }
    }
}

/// The embedded store: a directory with one sub-directory per storage.
pub struct Store {
    root: PathBuf,
    shared: Shared,
    open: Mutex<HashMap<StorageId, Slot>>,
    /// Storages that are still to be looked after in this round of housekeeping though nobody uses them.
    round: tokio::sync::Mutex<Round>,
    /// The lock goes when this file is closed.
    _lock: File,
}

/// A storage that is open or being opened.
#[derive(Default)]
struct Opened {
    backend: OnceLock<Arc<BuiltinBackend>>,
    /// Held while it is opened, to the end of that also if nobody waits for it any more: there is one writer of an index.
    turn: Arc<tokio::sync::Mutex<()>>,
}

type Slot = Arc<Opened>;

/// Storages that are closed and looked after in turn, some at a time.
#[derive(Default)]
struct Round {
    left: Vec<StorageId>,
    due: Timestamp,
}

/// How long after everything was looked after it is again.
const ROUND: Duration = Duration::from_secs(6 * 60 * 60);

/// Closed storages that are looked after in one call.
const ROUND_AT_ONCE: usize = 8;

/// Buffers of 256 KiB for bodies that are kept for later.
const BUFFERS: usize = 64;

impl Store {
    /// Opens the store in this directory, which is made if it is not there. Storages are opened when they are first used.
    ///
    /// # Errors
    /// [`StoreError::InUse`] if another process has it open, [`StoreError::Io`].
    pub fn open(
        root: &Path,
        mut options: StoreOptions,
        clock: Arc<dyn Clock>,
    ) -> Result<Arc<Self>, StoreError> {
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
        options.inline_max = options.inline_max.min(64 * 1024);
        let shared = Shared {
            cache: Arc::new(Cache::new(options.cache_bytes)),
            buffers: Arc::new(Buffers::new(BUFFERS)),
            options: Arc::new(options),
            clock,
        };
        let (open, round) = (Mutex::default(), tokio::sync::Mutex::default());
        Ok(Arc::new(Self { root: root.to_owned(), shared, open, round, _lock: lock }))
    }

    /// The backend of the storage with this id, opened or made if it was not.
    ///
    /// # Errors
    /// As [`Drivers::open`].
    pub async fn backend(&self, id: StorageId) -> Result<Arc<BuiltinBackend>> {
        let slot = Arc::clone(self.slots().entry(id).or_default());
        let found = slot.backend.get().map(Arc::clone);
        let opened = found.is_none();
        let backend = match found {
            Some(backend) => backend,
            None => self.open_storage(id, &slot).await?,
        };
        backend.touch();
        drop(slot);
        if opened {
            self.close_idle();
        }
        Ok(backend)
    }

    async fn open_storage(&self, id: StorageId, slot: &Slot) -> Result<Arc<BuiltinBackend>> {
        let turn = Arc::clone(&slot.turn).lock_owned().await;
        if let Some(backend) = slot.backend.get() {
            return Ok(Arc::clone(backend));
        }
        let (directory, shared) = (self.root.join(id.to_string()), self.shared.clone());
        let slot = Arc::clone(slot);
        let opened = spawn_blocking(move || {
            let opened = BuiltinBackend::open(id, directory, &shared);
            let opened = opened.map(|backend| Arc::clone(slot.backend.get_or_init(|| Arc::new(backend))));
            drop((slot, turn));
            opened
        });
        match opened.await.map_err(task_error("open"))? {
            Ok(backend) => Ok(backend),
            Err(error) => {
                tracing::error!(%error, storage = %id, "a storage cannot be opened");
                Err(error.into())
            }
        }
    }

    /// Closes storages that nobody holds, those that were not used for longest first, until there are not too many.
    /// Says how many were closed; closing goes on in the background.
    fn close_idle(&self) -> u64 {
        let mut slots = self.slots();
        let excess = slots.len().saturating_sub(self.shared.options.max_open);
        if excess == 0 {
            return 0;
        }
        let mut idle: Vec<(Timestamp, StorageId)> =
            slots.iter().filter_map(|(id, slot)| Some((unused_since(slot)?, *id))).collect();
        idle.sort_unstable();
        let closed: Vec<Slot> = idle.iter().take(excess).filter_map(|(_, id)| slots.remove(id)).collect();
        let count = u64::try_from(closed.len()).unwrap_or(0);
        drop(slots);
        drop(spawn_blocking(move || closed.into_iter().for_each(close)));
        count
    }

    /// Tidies up: collects files that are no longer needed, gives up old uploads, closes what is idle. To be called
    /// every minute or so; a call is short, and what it does not finish the next one goes on with. Every storage in the
    /// directory has its turn within some hours, also those that nobody uses.
    ///
    /// # Errors
    /// The first fault of a disk or an index; the other storages are tidied all the same.
    pub async fn housekeep(&self) -> Result<Housekeeping> {
        let mut done = Housekeeping::default();
        let mut first_fault = None;
        for id in self.to_tend().await? {
            let told = match self.backend(id).await {
                Ok(backend) => backend.housekeep().await,
                Err(error) => Err(error),
            };
            match told {
                Ok(told) => done.add(&told),
                Err(error) => {
                    tracing::warn!(%error, storage = %id, "a storage cannot be tidied");
                    first_fault.get_or_insert(error);
                }
            }
        }
        done.closed = self.close_idle();
        first_fault.map_or(Ok(done), Err)
    }

    /// The storages that are open, and some of the others.
    async fn to_tend(&self) -> Result<Vec<StorageId>> {
        let mut round = self.round.lock().await;
        let now = self.shared.clock.now();
        if round.left.is_empty() && now >= round.due {
            let root = self.root.clone();
            let listed = spawn_blocking(move || storages(&root)).await.map_err(task_error("housekeep"))?;
            round.left = listed.map_err(disk_error("housekeep"))?;
            round.due = now.after(ROUND);
        }
        let mut ids: Vec<StorageId> = self.slots().keys().copied().collect();
        let from = round.left.len().saturating_sub(ROUND_AT_ONCE);
        ids.extend(round.left.drain(from..));
        ids.sort_unstable();
        ids.dedup();
        Ok(ids)
    }

    /// Closes everything that nobody holds and waits for it: the last thing before the process ends. What is still held
    /// is durable all the same.
    pub async fn close(&self) {
        let idle: Vec<Slot> = {
            let mut slots = self.slots();
            let unused: Vec<StorageId> =
                slots.iter().filter(|(_, slot)| unused_since(slot).is_some()).map(|(id, _)| *id).collect();
            unused.iter().filter_map(|id| slots.remove(id)).collect()
        };
        if let Err(error) = spawn_blocking(move || idle.into_iter().for_each(close)).await {
            tracing::error!(%error, "storages could not be closed");
        }
    }

    fn slots(&self) -> MutexGuard<'_, HashMap<StorageId, Slot>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("root", &self.root).finish_non_exhaustive()
    }
}

/// Since when nobody has used a storage that nobody holds. All references to it come from its slot, and those to the slot
/// are made under the lock of the map: what is unused while the lock is held stays so.
fn unused_since(slot: &Slot) -> Option<Timestamp> {
    let backend = slot.backend.get()?;
    (Arc::strong_count(slot) == 1 && Arc::strong_count(backend) == 1).then(|| backend.last_used())
}

/// Closes a storage that nobody holds. Blocks.
fn close(slot: Slot) {
    let opened = Arc::into_inner(slot).and_then(|slot| slot.backend.into_inner());
    let backend = opened.and_then(Arc::into_inner);
    if let Some(backend) = backend {
        backend.close();
    }
}

/// The storages that have a directory. Blocks.
fn storages(root: &Path) -> io::Result<Vec<StorageId>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(root)? {
        found.extend(entry?.file_name().to_str().and_then(|name| name.parse::<StorageId>().ok()));
    }
    Ok(found)
}

#[async_trait]
impl Drivers for Store {
    async fn open(
        &self,
        storage: &Storage,
        _credentials: Option<ProviderCredentials>,
    ) -> Result<Arc<dyn Backend>> {
        match storage.connection.provider {
            Provider::Builtin => Ok(self.backend(storage.id).await?),
            Provider::Aws | Provider::CloudflareR2 | Provider::S3 => {
                Err(BackendError::new(BackendErrorKind::Unsupported, "open"))
            }
        }
    }
}
