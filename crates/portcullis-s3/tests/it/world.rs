//! A site with an admin, its storages and keys, and the door.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use portcullis_access::{
    Access, AccessConfig, Change, MasterKey, Origin, SiteAdmin, System, Temporary, ThrottleConfig,
};
use portcullis_backend::Drivers;
use portcullis_backend::builtin::{Store, StoreOptions};
use portcullis_backend::memory::MemoryDrivers;
use portcullis_domain::{
    Channel, Clock, DisplayName, GrantId, Grantee, Key, KeyId, KeyPrefix, KeyState, Label, ManualClock,
    Narrowing, Networks, Overwrite, Permission, Provider, Role, Scope, Secret, Storage, StorageGrant,
    StorageId, Timestamp, UserId, UserState, Username,
};
use portcullis_metadata::{AuditFilter, Metadata, NewSecret, NewStorage, NewUser, PageRequest};
use portcullis_s3::Config;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::client::Client;

/// When everything happens.
pub(crate) const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

pub(crate) struct World {
    pub(crate) address: SocketAddr,
    pub(crate) clock: Arc<ManualClock>,
    access: Access,
    metadata: Metadata,
    admin: SiteAdmin,
    system: System,
    shutdown: CancellationToken,
    _directory: tempfile::TempDir,
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
        Self::start_with(Config { base_domains: vec!["S3.test".to_owned()], ..Config::default() }).await
    }

    pub(crate) async fn start_with(config: Config) -> Self {
        Self::start_on(config, |_, time| Arc::new(MemoryDrivers::new(time))).await
    }

    /// With the store that keeps files: it sends large objects piece by piece.
    pub(crate) async fn on_disk() -> Self {
        let open = |directory: &Path, time| -> Arc<dyn Drivers> {
            Store::open(&directory.join("store"), StoreOptions::default(), time).unwrap()
        };
        Self::start_on(Config::default(), open).await
    }

    async fn start_on(
        config: Config,
        drivers: impl FnOnce(&Path, Arc<dyn Clock>) -> Arc<dyn Drivers>,
    ) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", directory.path().join("portcullis.db").display());
        let metadata = Metadata::open(&url).await.unwrap();
        let clock = Arc::new(ManualClock::at(NOW));
        let time: Arc<dyn Clock> = Arc::<ManualClock>::clone(&clock);
        // Nothing follows the feed here, and the matrices fail on purpose far more often than anybody may.
        let throttle = ThrottleConfig {
            pair_failures: u32::MAX,
            address_failures: u32::MAX,
            ..ThrottleConfig::default()
        };
        let access_config =
            AccessConfig { throttle, feed_lag_limit: Duration::from_secs(3_600), ..AccessConfig::default() };
        let drivers = drivers(directory.path(), Arc::clone(&time));
        let master = MasterKey::generate().unwrap();
        let (access, system) =
            Access::open(access_config, metadata.clone(), drivers, &master, time).await.unwrap();
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
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (shutdown, tasks) = (CancellationToken::new(), TaskTracker::new());
        tasks.spawn(portcullis_s3::serve(config, listener, access.clone(), shutdown.clone(), tasks.clone()));
        Self { address, clock, access, metadata, admin, system, shutdown, _directory: directory }
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

    pub(crate) async fn key(&self, storage: &Storage, permission: Permission) -> Credentials {
        self.key_with(storage, |key| key.permission = permission).await
    }

    pub(crate) async fn key_with(&self, storage: &Storage, change: impl FnOnce(&mut Key)) -> Credentials {
        self.key_for(Scope::Storage(storage.id), change).await
    }

    async fn key_for(&self, scope: Scope, change: impl FnOnce(&mut Key)) -> Credentials {
        let id = KeyId::generate();
        let minted = self.access.mint(&self.admin, id, Channel::S3).unwrap();
        let mut key = Key {
            id,
            site: self.admin.site(),
            credential: minted.credential,
            name: DisplayName::parse("test").unwrap(),
            channel: Channel::S3,
            scope,
            permission: Permission::ReadWrite,
            overwrite: Overwrite::Replace,
            networks: Networks::anywhere(),
            prefix: KeyPrefix::default(),
            expires: None,
            state: KeyState::Active,
            created: NOW,
            generation: 0,
            on_leak: portcullis_domain::OnLeak::Disable,
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
        let mut key = credentials.key.clone();
        change(&mut key);
        let before = self.metadata.key(key.id).await.unwrap().unwrap();
        self.metadata.update_key_if_same(&before, &key).await.unwrap();
        self.access.applied(Change::Key(key.id)).await.unwrap();
    }

    pub(crate) async fn delete_key(&self, credentials: &Credentials) {
        self.metadata.delete_key(credentials.key.id, NOW).await.unwrap();
        self.access.applied(Change::Key(credentials.key.id)).await.unwrap();
    }

    pub(crate) fn owner(&self) -> UserId {
        self.admin.user().unwrap()
    }

    /// A member of the site, to whom nothing is shared yet.
    pub(crate) async fn member(&self, name: &str) -> UserId {
        let new = NewUser {
            site: self.admin.site(),
            username: Username::parse(name).unwrap(),
            role: Role::Member,
            state: UserState::Active,
            password_phc: None,
            created: NOW,
        };
        let user = self.metadata.create_user(new).await.unwrap().id;
        self.access.applied(Change::User(user)).await.unwrap();
        user
    }

    /// An S3 key for whatever this user may do.
    pub(crate) async fn user_key(&self, user: UserId, permission: Permission) -> Credentials {
        self.key_for(Scope::User(user), |key| key.permission = permission).await
    }

    /// Shares a part of a storage.
    pub(crate) async fn share(
        &self,
        storage: &Storage,
        user: UserId,
        prefix: &str,
        permission: Permission,
    ) -> GrantId {
        let id = GrantId::generate();
        let grant = StorageGrant {
            id,
            site: storage.site,
            storage: storage.id,
            grantee: Grantee::User(user),
            prefix: KeyPrefix::parse(prefix).unwrap(),
            permission,
            created: NOW,
        };
        self.metadata.create_grant(&grant).await.unwrap();
        self.access.applied(Change::User(user)).await.unwrap();
        id
    }

    pub(crate) async fn end_share(&self, grant: GrantId, user: UserId) {
        self.metadata.delete_grant(grant).await.unwrap();
        self.access.applied(Change::User(user)).await.unwrap();
    }

    /// Gives the key other credentials, as a rotation does.
    pub(crate) async fn rotate_key(&self, credentials: &Credentials) {
        let (id, generation) = (credentials.key.id, credentials.key.generation);
        let minted = self.access.mint(&self.admin, id, Channel::S3).unwrap();
        let new = NewSecret { credential: minted.credential, login: None, stored: minted.stored };
        self.metadata.rotate_key(id, generation, &new, NOW, NOW).await.unwrap();
        self.access.applied(Change::Key(id)).await.unwrap();
    }

    /// What the audit trail says of a key: action, object and whether it was allowed, the newest first.
    pub(crate) async fn trail(&self, key: KeyId) -> Vec<(String, Option<String>, bool)> {
        self.access.flush(&self.system).await.unwrap();
        let filter = AuditFilter { key: Some(key), ..AuditFilter::default() };
        let page = self.metadata.audit(&filter, &PageRequest::first(100)).await.unwrap();
        page.items.into_iter().map(|event| (event.action, event.object, event.allowed)).collect()
    }

    /// The entries of a key, the newest first.
    pub(crate) async fn events(&self, key: KeyId) -> Vec<portcullis_metadata::AuditEvent> {
        self.access.flush(&self.system).await.unwrap();
        let filter = AuditFilter { key: Some(key), ..AuditFilter::default() };
        self.metadata.audit(&filter, &PageRequest::first(100)).await.unwrap().items
    }

    /// Which uses of files the site keeps, from now on.
    pub(crate) async fn set_data_events(&self, rule: portcullis_domain::DataEvents) {
        let before = self.metadata.site(self.admin.site()).await.unwrap().unwrap();
        let mut after = before.clone();
        after.rules.data_events = rule;
        self.metadata.update_site(&before, &after).await.unwrap();
        self.access.applied(Change::Site(before.id)).await.unwrap();
    }

    /// Why requests with a key were refused, the newest first.
    pub(crate) async fn reasons(&self, key: KeyId) -> Vec<String> {
        self.access.flush(&self.system).await.unwrap();
        let filter = AuditFilter { key: Some(key), verdict: Some(false), ..AuditFilter::default() };
        let page = self.metadata.audit(&filter, &PageRequest::first(100)).await.unwrap();
        page.items.into_iter().map(|event| event.reason).collect()
    }

    /// A key of another channel for this storage.
    pub(crate) async fn key_of_channel(&self, storage: &Storage, channel: Channel) -> Credentials {
        let made = self.key(storage, Permission::ReadWrite).await;
        let id = KeyId::generate();
        let minted = self.access.mint(&self.admin, id, channel).unwrap();
        let key = Key { id, credential: minted.credential, channel, ..made.key };
        self.metadata.create_key(&key, &minted.stored).await.unwrap();
        self.access.applied(Change::Key(id)).await.unwrap();
        Credentials { key, id: minted.credential.to_string(), secret: minted.secret }
    }

    /// Temporary credentials of a key, and a client that has them.
    pub(crate) fn temporary(
        &self,
        credentials: &Credentials,
        change: impl FnOnce(&mut Narrowing),
    ) -> (Temporary, Client) {
        let mut narrowing = Narrowing {
            storage: None,
            permission: Permission::ReadWrite,
            prefix: KeyPrefix::default(),
            networks: Networks::anywhere(),
            expires: self.access.now().after(Duration::from_secs(3_600)),
        };
        change(&mut narrowing);
        let who = self.admin.principal();
        let made = self.access.mint_temporary(who, credentials.key.id, &narrowing);
        // An admin's: nothing is waited for.
        let made = made.now_or_never().unwrap().unwrap();
        let client = Client::new(self.address, made.access_key.as_str(), made.secret.reveal());
        let client = client.with_token(made.session_token.reveal());
        (made, client)
    }

    pub(crate) fn client(&self, credentials: &Credentials) -> Client {
        Client::new(self.address, &credentials.id, credentials.secret.reveal())
    }

    /// A storage and a client that may do everything in it.
    pub(crate) async fn with_storage() -> (Self, Storage, Client) {
        let world = Self::start().await;
        let storage = world.storage("files").await;
        let credentials = world.key(&storage, Permission::ReadWrite).await;
        let client = world.client(&credentials);
        (world, storage, client)
    }
}
