//! The core itself: what it holds, how it is opened, and whether it may decide at the moment.

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use portcullis_backend::Drivers;
use portcullis_domain::{
    Clock, DisplayName, Lease, Role, Secret, Site, SiteId, SiteRules, Timestamp, UserState, Username,
};
use portcullis_metadata::{Metadata, NewUser, Rollup};
use portcullis_vault::{MasterKey, Passwords, Vault};
use tokio::time::Instant;

use crate::admin::{fresh_number, fresh_secret};
use crate::audit::AuditQueue;
use crate::checkpoint::TrailKey;
use crate::directory::Directory;
use crate::feed::Change;
use crate::proofs::Prover;
use crate::registry::Registry;
use crate::usage::{LastUsed, Touched};
use crate::vault::{self, Purpose};
use crate::watch::Watch;
use crate::{AccessError, OpenError, checkpoint};
use portcullis_signin::throttle::{Throttle, ThrottleConfig};

/// How the core behaves. The defaults are right for a machine of any size.
#[derive(Clone, Copy, Debug)]
pub struct AccessConfig {
    /// Storages that are kept open; more are opened and closed as needed.
    pub max_open_storages: NonZeroUsize,
    /// When to slow down who guesses.
    pub throttle: ThrottleConfig,
    /// Audit events that may wait for the database; more are dropped and counted.
    pub audit_queue: usize,
    /// After so long without word from the database nothing is admitted: a revocation could have been missed.
    pub feed_lag_limit: Duration,
    /// Passwords that are hashed at a time, 19 MiB each.
    pub sign_in_concurrency: usize,
}

impl Default for AccessConfig {
    fn default() -> Self {
        Self {
            max_open_storages: NonZeroUsize::new(1024).unwrap_or(NonZeroUsize::MIN),
            throttle: ThrottleConfig::default(),
            audit_queue: 4096,
            feed_lag_limit: Duration::from_secs(5),
            sign_in_concurrency: 2,
        }
    }
}

/// The trusted core: the one way from a credential to bytes. Cheap to clone.
#[derive(Clone)]
pub struct Access(Arc<Inner>);

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Access")
    }
}

/// The capability of the process itself: first start and background work. [`Access::open`] gives one to its caller.
#[derive(Debug)]
pub struct System {
    _private: (),
}

pub(crate) struct Inner {
    pub(crate) metadata: Metadata,
    pub(crate) directory: Directory,
    pub(crate) registry: Registry,
    pub(crate) vault: Vault,
    pub(crate) trail_key: TrailKey,
    pub(crate) passwords: Passwords,
    pub(crate) prover: Prover,
    /// A sealed secret that nobody has: what the signatures of unknown keys are compared with, in vain.
    pub(crate) nobody: Vec<u8>,
    pub(crate) throttle: Throttle,
    pub(crate) watch: Arc<Watch>,
    pub(crate) last_used: LastUsed,
    pub(crate) touched: Mutex<Touched>,
    /// What keys were used for and refused since it was last written.
    pub(crate) activity: Rollup,
    pub(crate) audit: AuditQueue,
    /// Held while last use or the audit trail is written: who waits for it finds what was noted before in the database.
    pub(crate) writing: tokio::sync::Mutex<()>,
    /// The last change of the feed that the directory has; held while the feed is followed.
    pub(crate) seen: tokio::sync::Mutex<i64>,
    /// Held from reading a record to putting it in the directory, so that an older state never comes after a newer.
    pub(crate) reloading: tokio::sync::Mutex<()>,
    /// Changes whose records could not be read; what they concern is refused until they can.
    pub(crate) unsettled: Mutex<Vec<Change>>,
    clock: Arc<dyn Clock>,
    heard: Arc<Heard>,
    /// Whether this node has heard of changes lately, for whoever hands out what was admitted.
    pub(crate) lease: Lease,
}

/// When the database was last heard.
struct Heard {
    opened: Instant,
    /// In milliseconds since `opened`.
    last: AtomicU64,
    lag_limit: Duration,
}

impl Heard {
    fn new(lag_limit: Duration) -> Self {
        Self { opened: Instant::now(), last: AtomicU64::new(0), lag_limit }
    }

    /// How long it still holds; zero if it does no more. The clock is the machine's own that is never set: it goes on while the
    /// process is stopped.
    fn left(&self) -> Duration {
        let last = Duration::from_millis(self.last.load(Ordering::Acquire));
        self.lag_limit.saturating_sub(self.opened.elapsed().saturating_sub(last))
    }
}

impl Access {
    pub(crate) fn inner(&self) -> &Arc<Inner> {
        &self.0
    }

    /// Checks the master key against the database and loads the directory. The first open of a database binds it to its
    /// master key.
    ///
    /// # Errors
    /// [`OpenError::MasterKeyMismatch`], [`OpenError::Metadata`], [`OpenError::System`].
    pub async fn open(
        config: AccessConfig,
        metadata: Metadata,
        drivers: Arc<dyn Drivers>,
        master: &MasterKey,
        clock: Arc<dyn Clock>,
    ) -> Result<(Self, System), OpenError> {
        let vault = Vault::new(master);
        vault::check(&vault, &metadata).await?;
        let trail_key = checkpoint::open(&vault, &metadata).await?;
        let heard = Arc::new(Heard::new(config.feed_lag_limit));
        let lease = Arc::clone(&heard);
        // Before the records: who makes a change from now on waits for this node, and what changes while they are read is heard again.
        metadata.join(clock.now()).await?;
        let seen = metadata.latest_change().await?;
        let directory = Directory::default();
        directory.load(&metadata).await?;
        let inner = Inner {
            directory,
            registry: Registry::new(drivers, config.max_open_storages),
            nobody: secret_of_nobody(&vault)?,
            vault,
            trail_key,
            passwords: Passwords::new(config.sign_in_concurrency).await.map_err(|_| OpenError::System)?,
            prover: Prover::new().map_err(|_| OpenError::System)?,
            throttle: Throttle::new(config.throttle),
            watch: Arc::new(Watch::new(fresh_number().map_err(|_| OpenError::System)?)),
            last_used: LastUsed::default(),
            touched: Mutex::default(),
            activity: Rollup::default(),
            audit: AuditQueue::new(config.audit_queue),
            writing: tokio::sync::Mutex::new(()),
            seen: tokio::sync::Mutex::new(seen),
            reloading: tokio::sync::Mutex::new(()),
            unsettled: Mutex::default(),
            clock,
            lease: Arc::new(move || !lease.left().is_zero()),
            heard,
            metadata,
        };
        Ok((Self(Arc::new(inner)), System { _private: () }))
    }

    /// On the first start makes the site `main` and the admin `admin` with this password; false if there is a site already.
    /// Several processes may try at once.
    ///
    /// # Errors
    /// [`AccessError::Denied`] for a password that is empty or too long, [`AccessError::Metadata`].
    pub async fn bootstrap(&self, _system: &System, password: &Secret) -> Result<bool, AccessError> {
        if !self.0.metadata.sites().await?.is_empty() {
            return Ok(false);
        }
        let (Ok(name), Ok(username)) = (DisplayName::parse("main"), Username::parse("admin")) else {
            return Err(AccessError::Unavailable);
        };
        let created = self.now();
        let password_phc = Some(self.hash_password(password).await?);
        // Closed by default: whether members make keys of their own is for the admin to say.
        let rules = SiteRules { members_make_keys: false, ..SiteRules::OPEN };
        let site = Site { id: SiteId::generate(), parent: None, name, rules, created };
        let admin = NewUser {
            site: site.id,
            username,
            role: Role::Admin,
            state: UserState::Active,
            password_phc,
            created,
        };
        let Some(user) = self.0.metadata.create_site_with_admin(&site, admin).await? else {
            return Ok(false);
        };
        self.applied(Change::Site(site.id)).await?;
        self.applied(Change::User(user.id)).await?;
        Ok(true)
    }

    /// The present moment, of the clock that all decisions use.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    /// Whether this node may decide: it has heard of the latest revocations.
    ///
    /// # Errors
    /// [`AccessError::Unavailable`] if not.
    pub fn ready(&self) -> Result<(), AccessError> {
        self.heard()
    }

    pub(crate) fn heard(&self) -> Result<(), AccessError> {
        if self.0.heard.left().is_zero() { Err(AccessError::Unavailable) } else { Ok(()) }
    }

    /// After so long without word from the database a node admits nothing and has ended what was under way.
    #[must_use]
    pub fn lease(&self) -> Duration {
        self.0.heard.lag_limit
    }

    /// How long this node may still decide without hearing anything.
    pub(crate) fn lease_left(&self) -> Duration {
        self.0.heard.left()
    }

    /// Notes that everything up to this moment was heard.
    pub(crate) fn heard_at(&self, moment: Instant) {
        let since = moment.saturating_duration_since(self.0.heard.opened).as_millis();
        self.0.heard.last.fetch_max(u64::try_from(since).unwrap_or(u64::MAX), Ordering::AcqRel);
    }
}

fn secret_of_nobody(vault: &Vault) -> Result<Vec<u8>, OpenError> {
    let secret = fresh_secret().map_err(|_| OpenError::System)?;
    Ok(vault.seal(&Purpose::Nobody.associated(), secret.reveal().as_bytes())?)
}
