//! Our own S3 server as the provider, with its storages in memory.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use portcullis_access::{Access, AccessConfig, Change, MasterKey, Origin, SiteAdmin, System, ThrottleConfig};
use portcullis_backend::memory::MemoryDrivers;
use portcullis_backend::s3::{
    Limits, ProviderCredentials, Remote, RemoteCapabilities, S3Backend, S3Drivers, S3Options, Timeouts,
};
use portcullis_domain::{
    Channel, Clock, DisplayName, Key, KeyId, KeyPrefix, KeyState, Label, Networks, Overwrite, Permission,
    Provider, Scope, Secret, Storage, StorageId, SystemClock,
};
use portcullis_metadata::{Metadata, NewStorage};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// What our own server can do as a provider.
pub(crate) const OURS: RemoteCapabilities = RemoteCapabilities {
    conditional_puts: true,
    conditional_completes: true,
    conditional_copies: true,
    conditional_sources: true,
    conditional_deletes: true,
    versioning: false,
    checksums: true,
    tags: true,
    list_v2: true,
    md5_tags: true,
    folds_unicode: false,
    folds_case: false,
    file_or_folder: false,
};

pub(crate) struct World {
    pub(crate) address: SocketAddr,
    access: Access,
    metadata: Metadata,
    admin: SiteAdmin,
    number: AtomicU32,
    shutdown: CancellationToken,
    _system: System,
    _directory: tempfile::TempDir,
}

impl Drop for World {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

/// A bucket of the provider and what opens it.
#[derive(Clone)]
pub(crate) struct Bucket {
    pub(crate) name: String,
    pub(crate) access_key_id: String,
    pub(crate) secret: Secret,
}

impl Bucket {
    pub(crate) fn remote(&self, endpoint: &str, capabilities: RemoteCapabilities) -> Remote {
        Remote {
            endpoint: endpoint.parse().unwrap(),
            region: "us-east-1".to_owned(),
            bucket: self.name.clone(),
            prefix: KeyPrefix::default(),
            path_style: true,
            provider: Provider::S3,
            credentials: ProviderCredentials {
                access_key_id: self.access_key_id.clone(),
                secret_access_key: self.secret.clone(),
                capabilities,
            },
        }
    }
}

/// Options for a provider on the loopback that answers at once or not at all.
pub(crate) fn quick() -> S3Options {
    S3Options {
        allow_private: vec!["127.0.0.0/8".parse().unwrap()],
        timeouts: Timeouts {
            connect: Duration::from_millis(500),
            tls: Duration::from_millis(500),
            head: Duration::from_millis(400),
            idle: Duration::from_millis(400),
            client_idle: Duration::from_millis(800),
            total: Duration::from_secs(3),
            queue: Duration::from_millis(300),
        },
        limits: Limits { pause: Duration::from_millis(1), breaker_failures: 1000, ..Limits::default() },
        ..S3Options::default()
    }
}

/// Options for a provider on the loopback, as patient as they come.
pub(crate) fn patient() -> S3Options {
    S3Options { allow_private: vec!["127.0.0.0/8".parse().unwrap()], ..S3Options::default() }
}

impl World {
    pub(crate) async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", directory.path().join("portcullis.db").display());
        let metadata = Metadata::open(&url).await.unwrap();
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let throttle = ThrottleConfig {
            pair_failures: u32::MAX,
            address_failures: u32::MAX,
            ..ThrottleConfig::default()
        };
        let config =
            AccessConfig { throttle, feed_lag_limit: Duration::from_secs(3_600), ..AccessConfig::default() };
        let drivers = Arc::new(MemoryDrivers::new(Arc::clone(&clock)));
        let master = MasterKey::generate().unwrap();
        let (access, system) = Access::open(config, metadata.clone(), drivers, &master, clock).await.unwrap();
        let password = Secret::foreign("correct horse battery staple".to_owned());
        access.bootstrap(&system, &password).await.unwrap();
        let origin = Origin {
            channel: Channel::Rest,
            peer: IpAddr::from([127, 0, 0, 1]),
            request_id: "test",
            tool: "test",
            line: None,
        };
        let signed_in =
            access.sign_in(origin, "admin", &password, Duration::from_secs(86_400)).await.unwrap();
        let admin = access.admin(&signed_in.principal).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (shutdown, tasks) = (CancellationToken::new(), TaskTracker::new());
        let door = portcullis_s3::Config::default();
        tasks.spawn(portcullis_s3::serve(door, listener, access.clone(), shutdown.clone(), tasks.clone()));
        let number = AtomicU32::new(0);
        Self { address, access, metadata, admin, number, shutdown, _system: system, _directory: directory }
    }

    /// The provider's address.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A new and empty bucket at the provider.
    pub(crate) async fn bucket(&self) -> Bucket {
        self.bucket_with(Permission::ReadWrite).await
    }

    /// A new and empty bucket, and a key that may do this in it.
    pub(crate) async fn bucket_with(&self, permission: Permission) -> Bucket {
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        let storage = self.storage(&format!("bucket-{number}")).await;
        let id = KeyId::generate();
        let minted = self.access.mint(&self.admin, id, Channel::S3).unwrap();
        let key = Key {
            id,
            site: self.admin.site(),
            credential: minted.credential,
            name: DisplayName::parse("test").unwrap(),
            channel: Channel::S3,
            scope: Scope::Storage(storage.id),
            permission,
            overwrite: Overwrite::Replace,
            networks: Networks::anywhere(),
            prefix: KeyPrefix::default(),
            expires: None,
            state: KeyState::Active,
            created: SystemClock.now(),
            generation: 0,
            on_leak: portcullis_domain::OnLeak::Disable,
            leaked: None,
            trial: None,
            login: None,
            public_keys: Vec::new(),
            mail: portcullis_domain::MailRules::default(),
        };
        self.metadata.create_key(&key, &minted.stored).await.unwrap();
        self.access.applied(Change::Key(id)).await.unwrap();
        let access_key_id = minted.credential.to_string();
        Bucket { name: storage.bucket.as_str().to_owned(), access_key_id, secret: minted.secret }
    }

    async fn storage(&self, label: &str) -> Storage {
        let new = NewStorage {
            id: StorageId::generate(),
            site: self.admin.site(),
            owner: self.admin.user().unwrap(),
            name: DisplayName::parse(label).unwrap(),
            label: Label::parse(label).unwrap(),
            provider: Provider::Builtin,
            region: "us-east-1".to_owned(),
            endpoint: None,
            bucket: None,
            path_style: true,
            provider_credentials: None,
            permission: Permission::ReadWrite,
            networks: Networks::anywhere(),
            s3_access: true,
            quota_bytes: None,
            created: SystemClock.now(),
        };
        let storage = self.metadata.create_storage(new).await.unwrap();
        self.access.applied(Change::Storage(storage.id)).await.unwrap();
        storage
    }
}

/// A driver for this connection.
pub(crate) fn connect(options: S3Options, remote: Remote) -> Arc<S3Backend> {
    S3Drivers::new(options, Arc::new(SystemClock)).unwrap().connect(remote)
}
