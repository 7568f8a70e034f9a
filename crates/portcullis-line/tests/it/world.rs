//! A site with an admin, its storages and keys, for doors of line protocols.

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use portcullis_access::{Access, AccessConfig, Change, MasterKey, Origin, SiteAdmin, ThrottleConfig};
use portcullis_backend::Drivers;
use portcullis_backend::builtin::{Store, StoreOptions};
use portcullis_backend::memory::MemoryDrivers;
use portcullis_domain::{
    Channel, Clock, DisplayName, Key, KeyId, KeyPrefix, KeyState, Label, ManualClock, NetworkEntry, Networks,
    OnLeak, Overwrite, Permission, Provider, Scope, Secret, Storage, StorageId, Timestamp,
};
use portcullis_metadata::{Metadata, NewSecret, NewStorage};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// When everything happens.
pub(crate) const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

pub(crate) struct World {
    pub(crate) access: Access,
    pub(crate) metadata: Metadata,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) admin: SiteAdmin,
    /// Ends its doors.
    pub(crate) shutdown: CancellationToken,
    pub(crate) tasks: TaskTracker,
    pub(crate) folder: tempfile::TempDir,
}

impl Drop for World {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

/// What a client needs to know of a key.
#[derive(Clone)]
pub(crate) struct Credentials {
    pub(crate) key: Key,
    pub(crate) id: String,
    pub(crate) secret: Secret,
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::over(throttle_of_tests(), |_, time| Arc::new(MemoryDrivers::new(time))).await
    }

    /// With the store that keeps files: it sends large objects piece by piece.
    pub(crate) async fn on_disk() -> Self {
        let open = |folder: &Path, time| -> Arc<dyn Drivers> {
            Store::open(&folder.join("store"), StoreOptions::default(), time).unwrap()
        };
        Self::over(throttle_of_tests(), open).await
    }

    pub(crate) async fn over(
        throttle: ThrottleConfig,
        drivers: impl FnOnce(&Path, Arc<dyn Clock>) -> Arc<dyn Drivers>,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("portcullis.db").display());
        let metadata = Metadata::open(&url).await.unwrap();
        let clock = Arc::new(ManualClock::at(NOW));
        let time: Arc<dyn Clock> = Arc::<ManualClock>::clone(&clock);
        // Nothing follows the feed here.
        let config =
            AccessConfig { throttle, feed_lag_limit: Duration::from_secs(3_600), ..AccessConfig::default() };
        let drivers = drivers(folder.path(), Arc::clone(&time));
        let master = MasterKey::generate().unwrap();
        let (access, system) = Access::open(config, metadata.clone(), drivers, &master, time).await.unwrap();
        let password = Secret::foreign("correct horse battery staple".to_owned());
        access.bootstrap(&system, &password).await.unwrap();
        let origin = Origin {
            channel: Channel::Rest,
            peer: IpAddr::from([127, 0, 0, 1]),
            request_id: "test",
            tool: "test",
            line: None,
        };
        let proved = access.prove_password(&origin, "admin", &password).await.unwrap();
        let signed_in = access.begin_session(origin, &proved, Duration::from_secs(86_400)).await.unwrap();
        let admin = access.admin(&signed_in.principal).unwrap();
        let (shutdown, tasks) = (CancellationToken::new(), TaskTracker::new());
        Self { access, metadata, clock, admin, shutdown, tasks, folder }
    }

    pub(crate) async fn storage(&self, label: &str) -> Storage {
        self.storage_with(label, |_| ()).await
    }

    pub(crate) async fn storage_with(&self, label: &str, change: impl FnOnce(&mut NewStorage)) -> Storage {
        let mut new = NewStorage {
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
            created: NOW,
        };
        change(&mut new);
        let storage = self.metadata.create_storage(new).await.unwrap();
        self.access.applied(Change::Storage(storage.id)).await.unwrap();
        storage
    }

    /// A key of the channel of FTP and SFTP.
    pub(crate) async fn key(&self, storage: &Storage, permission: Permission) -> Credentials {
        self.key_with(storage, |key| key.permission = permission).await
    }

    pub(crate) async fn key_with(&self, storage: &Storage, change: impl FnOnce(&mut Key)) -> Credentials {
        self.key_of(Channel::Ftp, Scope::Storage(storage.id), change).await
    }

    pub(crate) async fn key_of(
        &self,
        channel: Channel,
        scope: Scope,
        change: impl FnOnce(&mut Key),
    ) -> Credentials {
        let id = KeyId::generate();
        let minted = self.access.mint(&self.admin, id, channel).unwrap();
        let mut key = Key {
            id,
            site: self.admin.site(),
            credential: minted.credential,
            name: DisplayName::parse("test").unwrap(),
            channel,
            scope,
            permission: Permission::ReadWrite,
            overwrite: Overwrite::Replace,
            networks: Networks::anywhere(),
            prefix: KeyPrefix::default(),
            expires: None,
            state: KeyState::Active,
            created: NOW,
            generation: 0,
            on_leak: OnLeak::Disable,
            leaked: None,
            trial: None,
            login: None,
            public_keys: Vec::new(),
            mail: portcullis_domain::MailRules::default(),
        };
        change(&mut key);
        self.metadata.create_key(&key, &minted.stored).await.unwrap();
        self.access.applied(Change::Key(id)).await.unwrap();
        Credentials { key, id: minted.credential.to_string(), secret: minted.secret }
    }

    pub(crate) async fn change_key(&self, credentials: &Credentials, change: impl FnOnce(&mut Key)) {
        let before = self.metadata.key(credentials.key.id).await.unwrap().unwrap();
        let mut key = before.clone();
        change(&mut key);
        self.metadata.update_key_if_same(&before, &key).await.unwrap();
        self.access.applied(Change::Key(key.id)).await.unwrap();
    }

    pub(crate) async fn delete_key(&self, credentials: &Credentials) {
        self.metadata.delete_key(credentials.key.id, NOW).await.unwrap();
        self.access.applied(Change::Key(credentials.key.id)).await.unwrap();
    }

    /// Gives the key other credentials, as a rotation without overlap does.
    pub(crate) async fn rotate_key(&self, credentials: &Credentials) {
        let (id, generation) = (credentials.key.id, credentials.key.generation);
        let minted = self.access.mint(&self.admin, id, credentials.key.channel).unwrap();
        let new = NewSecret { credential: minted.credential, login: None, stored: minted.stored };
        self.metadata.rotate_key(id, generation, &new, NOW, NOW).await.unwrap();
        self.access.applied(Change::Key(id)).await.unwrap();
    }
}

/// The matrices fail on purpose far more often than anybody may.
fn throttle_of_tests() -> ThrottleConfig {
    ThrottleConfig { pair_failures: u32::MAX, address_failures: u32::MAX, ..ThrottleConfig::default() }
}

/// Clients of this network alone.
pub(crate) fn only(network: &str) -> Networks {
    Networks::new(vec![NetworkEntry::parse(network, "").unwrap()]).unwrap()
}
