//! Open backends, by storage.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};

use lru::LruCache;
use portcullis_backend::{Backend, Drivers, ProviderCredentials, Reserved};
use portcullis_domain::{Storage, StorageId};
use tokio::sync::OnceCell;

use crate::AccessError;
use crate::lock::locked;

type Slot = Arc<OnceCell<Opened>>;

/// An open backend.
#[derive(Clone, Debug)]
pub(crate) struct Opened {
    /// With what the storage reserves: for runs alone.
    pub(crate) whole: Arc<dyn Backend>,
    /// As everybody else has it.
    pub(crate) shown: Arc<dyn Backend>,
}

/// The backends that are open. One that was not used for longest is let go when there are too many; it closes when the last
/// grant on it is gone, and the drivers give the same one again until then.
#[derive(Debug)]
pub(crate) struct Registry {
    drivers: Arc<dyn Drivers>,
    open: Mutex<LruCache<StorageId, Slot>>,
}

impl Registry {
    pub(crate) fn new(drivers: Arc<dyn Drivers>, most: NonZeroUsize) -> Self {
        Self { drivers, open: Mutex::new(LruCache::new(most)) }
    }

    /// The backend of this storage; `credentials` are those of its provider, read only if it has to be opened. Whoever comes
    /// while it is being opened waits for that one opening; a failed one is tried again by the next.
    pub(crate) async fn backend(
        &self,
        storage: &Storage,
        credentials: impl Future<Output = Result<Option<ProviderCredentials>, AccessError>>,
    ) -> Result<Opened, AccessError> {
        let slot = Arc::clone(locked(&self.open).get_or_insert(storage.id, Slot::default));
        if let Some(opened) = slot.get() {
            return Ok(opened.clone());
        }
        let open = || async {
            let whole = self.drivers.open(storage, credentials.await?).await?;
            let shown: Arc<dyn Backend> = match storage.reserved_prefix() {
                None => Arc::clone(&whole),
                Some(prefix) => Arc::new(Reserved::new(Arc::clone(&whole), prefix)),
            };
            Ok::<_, AccessError>(Opened { whole, shown })
        };
        Ok(slot.get_or_try_init(open).await?.clone())
    }

    /// Lets a storage's backend go.
    pub(crate) fn close(&self, id: StorageId) {
        locked(&self.open).pop(&id);
    }
}
