//! Where remote backends come from.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use async_trait::async_trait;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioTimer;
use lru::LruCache;
use portcullis_domain::{Clock, Provider, Storage, StorageId};
use tokio_util::task::TaskTracker;

use super::address::Guard;
use super::backend::S3Backend;
use super::connect::Connector;
use super::gate::{Gate, RemoteHealth};
use super::options::{ProviderCredentials, Remote, S3Options};
use super::sending::SendBody;
use super::tls::{S3SetupError, client_config};
use super::usage::{Inventory, Ledger};
use super::wire::Wire;
use crate::builtin::Store;
use crate::{Backend, BackendError, BackendErrorKind, Drivers, Result};

/// How long an idle connection is kept: less than providers keep it, so that it is rarely theirs that ends it.
const IDLE: Duration = Duration::from_secs(10);

/// Runs the connections of a client on a tracker, so that an end of the process can wait for them.
#[derive(Clone)]
struct Tracked(TaskTracker);

impl<F> hyper::rt::Executor<F> for Tracked
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    fn execute(&self, future: F) {
        self.0.spawn(future);
    }
}

/// The drivers of remote buckets. One for the process: operator's options, certificate authorities, open backends.
pub struct S3Drivers {
    options: S3Options,
    connector: Connector,
    clock: Arc<dyn Clock>,
    tasks: TaskTracker,
    open: Mutex<Open>,
}

/// What is known of storages, without their secrets unless somebody holds them.
#[derive(Debug)]
struct Open {
    /// Backends that somebody holds.
    backends: HashMap<StorageId, Weak<S3Backend>>,
    /// Health and inventory, which go on when a storage is opened again.
    known: LruCache<StorageId, Known>,
}

#[derive(Clone, Debug)]
struct Known {
    gate: Arc<Gate>,
    ledger: Ledger,
}

const MOST_KNOWN: NonZeroUsize = NonZeroUsize::new(16_384).unwrap();

impl S3Drivers {
    /// Reads the platform's certificate authorities, which blocks shortly.
    ///
    /// # Errors
    /// See [`S3SetupError`].
    pub fn new(options: S3Options, clock: Arc<dyn Clock>) -> Result<Arc<Self>, S3SetupError> {
        let tls = client_config(&options.extra_roots_pem)?;
        let guard = Guard {
            allow_private: options.allow_private.clone(),
            allow_plain_http: options.allow_plain_http,
        };
        let connector = Connector::new(Arc::new(guard), tls, options.timeouts);
        let tasks = TaskTracker::new();
        let open = Open { backends: HashMap::new(), known: LruCache::new(MOST_KNOWN) };
        Ok(Arc::new(Self { options, connector, clock, tasks, open: Mutex::new(open) }))
    }

    /// A backend for a connection that is not a storage yet. Nothing is asked of the provider.
    #[must_use]
    pub fn connect(&self, remote: Remote) -> Arc<S3Backend> {
        Arc::new(self.make(remote, self.unknown()))
    }

    fn unknown(&self) -> Known {
        let gate = Gate::new(self.options.limits, self.options.timeouts.queue, Arc::clone(&self.clock));
        Known { gate, ledger: Ledger::default() }
    }

    fn make(&self, remote: Remote, known: Known) -> S3Backend {
        let http: Client<Connector, SendBody> = Client::builder(Tracked(self.tasks.clone()))
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(self.options.limits.concurrency)
            .build(self.connector.clone());
        let bounds = (self.options.timeouts, self.options.limits);
        let road = (http, self.connector.clone());
        let wire = Wire::new(road, remote, bounds, known.gate, Arc::clone(&self.clock));
        S3Backend::new(wire, known.ledger)
    }

    /// The backend of a storage, while somebody holds it.
    #[must_use]
    pub fn backend(&self, id: StorageId) -> Option<Arc<S3Backend>> {
        self.opened().backends.get(&id)?.upgrade()
    }

    /// How the provider of a storage is, if the storage was opened since the process began.
    #[must_use]
    pub fn health(&self, id: StorageId) -> Option<RemoteHealth> {
        self.opened().known.peek(&id).map(|known| known.gate.health())
    }

    /// What a storage holds, if it was counted.
    #[must_use]
    pub fn inventory(&self, id: StorageId) -> Option<Inventory> {
        self.opened().known.peek(&id).and_then(|known| known.ledger.inventory())
    }

    /// Goes on from an inventory that was kept elsewhere, unless there is one already.
    pub fn set_inventory(&self, id: StorageId, inventory: Inventory) {
        let unknown = self.unknown();
        let mut open = self.opened();
        let known = open.known.get_or_insert(id, || unknown);
        if known.ledger.inventory().is_none() {
            known.ledger.set(inventory);
        }
    }

    fn opened(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for S3Drivers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3Drivers").field("options", &self.options).finish_non_exhaustive()
    }
}

#[async_trait]
impl Drivers for S3Drivers {
    async fn open(
        &self,
        storage: &Storage,
        credentials: Option<ProviderCredentials>,
    ) -> Result<Arc<dyn Backend>> {
        let unsupported = |why: String| BackendError::with(BackendErrorKind::Unsupported, "open", why);
        match storage.connection.provider {
            Provider::Aws | Provider::CloudflareR2 | Provider::S3 => {}
            Provider::Builtin => return Err(unsupported("this is the driver of remote buckets".to_owned())),
        }
        let credentials = credentials
            .ok_or_else(|| unsupported("the storage has no credentials of its provider".to_owned()))?;
        let remote =
            Remote::of(&storage.connection, credentials).map_err(|error| unsupported(error.to_string()))?;
        let mut open = self.opened();
        // A backend with other credentials is another one.
        if let Some(backend) = open.backends.get(&storage.id).and_then(Weak::upgrade)
            && backend.remote().is_same(&remote)
        {
            return Ok(backend);
        }
        open.backends.retain(|_, backend| backend.strong_count() > 0);
        let known = open.known.get_or_insert(storage.id, || self.unknown()).clone();
        let backend = Arc::new(self.make(remote, known));
        open.backends.insert(storage.id, Arc::downgrade(&backend));
        Ok(backend)
    }
}

/// The embedded store for what is its own, remote buckets for the rest.
#[derive(Debug)]
pub struct ProviderDrivers {
    /// The embedded store.
    pub builtin: Arc<Store>,
    /// Remote buckets.
    pub remote: Arc<S3Drivers>,
}

#[async_trait]
impl Drivers for ProviderDrivers {
    async fn open(
        &self,
        storage: &Storage,
        credentials: Option<ProviderCredentials>,
    ) -> Result<Arc<dyn Backend>> {
        match storage.connection.provider {
            Provider::Builtin => self.builtin.open(storage, credentials).await,
            Provider::Aws | Provider::CloudflareR2 | Provider::S3 => {
                self.remote.open(storage, credentials).await
            }
        }
    }
}
