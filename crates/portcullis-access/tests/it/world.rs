//! A core with a database of its own, and what tests need to speak to it.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use portcullis_access::{
    Access, AccessConfig, AccessError, Body, Change, Denial, Get, GetOptions, GetOutcome, Grant, MasterKey,
    Origin, Permitted, Principal, Put, PutOptions, SignedPrincipal, SiteAdmin, StorageAccess, System,
};
use portcullis_backend::Drivers;
use portcullis_backend::builtin::{Store, StoreOptions};
use portcullis_backend::memory::MemoryDrivers;
use portcullis_domain::{
    Channel, Clock, DisplayName, GrantId, Grantee, Key, KeyId, KeyPrefix, KeyState, Label, ManualClock,
    Networks, ObjectKey, Overwrite, Permission, Provider, Role, Scope, Secret, Site, SiteId, SiteRules,
    Storage, StorageGrant, StorageId, Timestamp, User, UserState, Username,
};
use portcullis_metadata::{Metadata, NewStorage, NewUser};
use portcullis_sigv4::{AmzDate, Payload, RawRequest, Signer, parse};

pub(crate) const PASSWORD: &str = "correct horse battery staple";

pub(crate) struct World {
    pub(crate) access: Access,
    pub(crate) system: System,
    pub(crate) metadata: Metadata,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) admin: SiteAdmin,
    pub(crate) folder: tempfile::TempDir,
}

/// A key with its secret, as its holder has it.
pub(crate) struct Holder {
    pub(crate) key: Key,
    pub(crate) secret: Secret,
}

pub(crate) fn master() -> MasterKey {
    MasterKey::parse(&"5a".repeat(32)).unwrap()
}

pub(crate) fn ip(raw: &str) -> IpAddr {
    raw.parse().unwrap()
}

pub(crate) fn object(raw: &str) -> ObjectKey {
    ObjectKey::parse(raw).unwrap()
}

pub(crate) fn origin(channel: Channel) -> Origin<'static> {
    Origin { channel, peer: ip("203.0.113.7"), request_id: "REQ1", tool: "test/1", line: None }
}

/// The tests move the clock by hours and have no background work: they never stop hearing.
pub(crate) fn config() -> AccessConfig {
    AccessConfig { feed_lag_limit: Duration::from_secs(3600), ..AccessConfig::default() }
}

pub(crate) async fn open_database(folder: &std::path::Path) -> Metadata {
    Metadata::open(&format!("sqlite://{}", folder.join("portcullis.db").display())).await.unwrap()
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(config()).await
    }

    pub(crate) async fn with(config: AccessConfig) -> Self {
        Self::over(config, |_, clock| Arc::new(MemoryDrivers::new(clock))).await
    }

    /// Over the embedded store, which hands large files out piece by piece.
    pub(crate) async fn on_disk() -> Self {
        Self::on_disk_with(config()).await
    }

    pub(crate) async fn on_disk_with(config: AccessConfig) -> Self {
        let open = |at: &std::path::Path, clock| -> Arc<dyn Drivers> {
            Store::open(&at.join("store"), StoreOptions::default(), clock).unwrap()
        };
        Self::over(config, open).await
    }

    pub(crate) async fn over(
        config: AccessConfig,
        drivers: impl FnOnce(&std::path::Path, Arc<dyn Clock>) -> Arc<dyn Drivers>,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let metadata = open_database(folder.path()).await;
        let clock = Arc::new(ManualClock::at(Timestamp::from_seconds(1_800_000_000)));
        let drivers = drivers(folder.path(), Arc::<ManualClock>::clone(&clock));
        let (access, system) =
            Access::open(config, metadata.clone(), drivers, &master(), Arc::<ManualClock>::clone(&clock))
                .await
                .unwrap();
        assert!(access.bootstrap(&system, &Secret::foreign(PASSWORD.to_owned())).await.unwrap());
        let admin = sign_in(&access).await;
        Self { access, system, metadata, clock, admin, folder }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) async fn storage(&self, change: impl FnOnce(&mut NewStorage)) -> Storage {
        let mut new = NewStorage {
            id: StorageId::generate(),
            site: self.admin.site(),
            owner: self.admin.user().unwrap(),
            name: DisplayName::parse("Files").unwrap(),
            label: Label::parse("files").unwrap(),
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
            created: self.now(),
        };
        change(&mut new);
        let storage = self.metadata.create_storage(new).await.unwrap();
        self.access.applied(Change::Storage(storage.id)).await.unwrap();
        storage
    }

    pub(crate) async fn key(&self, storage: &Storage, change: impl FnOnce(&mut Key)) -> Holder {
        let mut key = Key {
            id: KeyId::generate(),
            site: self.admin.site(),
            credential: "PC000000000000000000".parse().unwrap(),
            name: DisplayName::parse("a key").unwrap(),
            channel: Channel::S3,
            scope: Scope::Storage(storage.id),
            permission: Permission::ReadWrite,
            overwrite: Overwrite::Replace,
            networks: Networks::anywhere(),
            prefix: KeyPrefix::default(),
            expires: None,
            state: KeyState::Active,
            created: self.now(),
            generation: 0,
            on_leak: portcullis_domain::OnLeak::Disable,
            leaked: None,
            trial: None,
            login: None,
            public_keys: Vec::new(),
            mail: portcullis_domain::MailRules::default(),
        };
        change(&mut key);
        let minted = self.access.mint(&self.admin, key.id, key.channel).unwrap();
        key.credential = minted.credential;
        self.metadata.create_key(&key, &minted.stored).await.unwrap();
        self.access.applied(Change::Key(key.id)).await.unwrap();
        Holder { key, secret: minted.secret }
    }

    /// Changes a key's record and waits until it holds; how many transfers that cut.
    pub(crate) async fn change(&self, holder: &Holder, change: impl FnOnce(&mut Key)) -> u32 {
        let mut key = holder.key.clone();
        change(&mut key);
        let before = self.metadata.key(key.id).await.unwrap().unwrap();
        self.metadata.update_key_if_same(&before, &key).await.unwrap();
        self.access.applied(Change::Key(key.id)).await.unwrap().transfers_cut
    }

    pub(crate) async fn delete(&self, holder: &Holder) -> u32 {
        assert!(self.metadata.delete_key(holder.key.id, self.now()).await.unwrap());
        self.access.applied(Change::Key(holder.key.id)).await.unwrap().transfers_cut
    }

    pub(crate) fn signed(&self, holder: &Holder) -> Result<SignedPrincipal, AccessError> {
        self.signed_as(holder.key.credential.as_str(), holder.secret.reveal(), ip("203.0.113.7"))
    }

    /// Authenticates a signed request, as the S3 front does.
    pub(crate) fn signed_as(
        &self,
        id: &str,
        secret: &str,
        peer: IpAddr,
    ) -> Result<SignedPrincipal, AccessError> {
        self.signed_at(id, secret, peer, self.now().seconds())
    }

    pub(crate) fn signed_at(
        &self,
        id: &str,
        secret: &str,
        peer: IpAddr,
        at: i64,
    ) -> Result<SignedPrincipal, AccessError> {
        self.signed_with((id, secret, None), peer, at)
    }

    /// The same with a session token, as temporary credentials need one.
    pub(crate) fn signed_with(
        &self,
        (id, secret, token): (&str, &str, Option<&str>),
        peer: IpAddr,
        at: i64,
    ) -> Result<SignedPrincipal, AccessError> {
        let date = AmzDate::from_unix(at).unwrap();
        let signer = Signer::new(id, secret.as_bytes(), "us-east-1", &date).unwrap();
        let plain = [("host", b"s3.example.com".as_slice())];
        let request = RawRequest { method: "GET", path: "/bucket/key", query: None, headers: &plain };
        let signed = signer.sign(&request, &date, Payload::Unsigned).unwrap();
        let sent = [
            ("host", b"s3.example.com".as_slice()),
            ("x-amz-date", signed.date.as_bytes()),
            ("x-amz-content-sha256", signed.content_sha256.as_bytes()),
            ("authorization", signed.authorization.as_bytes()),
        ];
        let presented = parse(&RawRequest { headers: &sent, ..request }).unwrap().unwrap();
        self.access.authenticate_sigv4(Origin { peer, ..origin(Channel::S3) }, &presented, token)
    }

    /// Keeps somebody out; another admin comes first, so that one is left. It is not put in force here.
    pub(crate) async fn disable(&self, user: portcullis_domain::UserId) {
        self.person(self.admin.site(), "left-in-charge", Role::Admin).await;
        let user = self.metadata.user(user).await.unwrap().unwrap();
        let disabled = User { state: UserState::Disabled, ..user.clone() };
        self.metadata.update_user(&user, &disabled).await.unwrap();
    }

    /// A person of a site with [`PASSWORD`].
    pub(crate) async fn person(&self, site: SiteId, name: &str, role: Role) -> User {
        let password_phc =
            Some(self.access.hash_password(&Secret::foreign(PASSWORD.to_owned())).await.unwrap());
        let new = NewUser {
            site,
            username: Username::parse(name).unwrap(),
            role,
            state: UserState::Active,
            password_phc,
            created: self.now(),
        };
        let user = self.metadata.create_user(new).await.unwrap();
        self.access.applied(Change::User(user.id)).await.unwrap();
        user
    }

    pub(crate) async fn sign_in(&self, name: &str) -> Principal {
        let password = Secret::foreign(PASSWORD.to_owned());
        let day = Duration::from_secs(24 * 3600);
        self.access.sign_in(origin(Channel::Rest), name, &password, day).await.unwrap().principal
    }

    /// A site below another.
    pub(crate) async fn site(&self, parent: SiteId, name: &str) -> Site {
        let (id, name) = (SiteId::generate(), DisplayName::parse(name).unwrap());
        let site = Site { id, parent: Some(parent), name, rules: SiteRules::OPEN, created: self.now() };
        self.metadata.create_site(&site).await.unwrap();
        self.access.applied(Change::Site(id)).await.unwrap();
        site
    }

    /// Shares a part of a storage; how many transfers that cut is none.
    pub(crate) async fn share(
        &self,
        storage: &Storage,
        user: &User,
        prefix: &str,
        permission: Permission,
    ) -> StorageGrant {
        let grant = StorageGrant {
            id: GrantId::generate(),
            site: storage.site,
            storage: storage.id,
            grantee: Grantee::User(user.id),
            prefix: KeyPrefix::parse(prefix).unwrap(),
            permission,
            created: self.now(),
        };
        self.metadata.create_grant(&grant).await.unwrap();
        self.access.applied(Change::User(user.id)).await.unwrap();
        grant
    }

    pub(crate) fn who(&self, holder: &Holder) -> Principal {
        self.signed(holder).unwrap().principal
    }

    pub(crate) async fn at(&self, holder: &Holder, storage: &Storage) -> StorageAccess {
        self.access.storage(&self.who(holder), &storage.bucket).await.unwrap()
    }

    /// The reasons in the audit trail, newest first.
    pub(crate) async fn reasons(&self) -> Vec<String> {
        self.events().await.into_iter().map(|event| event.reason).collect()
    }

    pub(crate) async fn events(&self) -> Vec<portcullis_metadata::AuditEvent> {
        self.access.flush(&self.system).await.unwrap();
        let filter = portcullis_metadata::AuditFilter::default();
        self.metadata.audit(&filter, &portcullis_metadata::PageRequest::first(1000)).await.unwrap().items
    }
}

pub(crate) async fn sign_in(access: &Access) -> SiteAdmin {
    let password = Secret::foreign(PASSWORD.to_owned());
    let signed_in = access
        .sign_in(origin(Channel::Rest), "admin", &password, Duration::from_secs(24 * 3600))
        .await
        .unwrap();
    access.admin(&signed_in.principal).unwrap()
}

pub(crate) fn denial<T: std::fmt::Debug>(outcome: Result<T, AccessError>) -> Denial {
    let error = outcome.unwrap_err();
    let AccessError::Denied(denial) = error else { panic!("not a denial: {error:?}") };
    denial
}

pub(crate) fn grant<A: Permitted>(at: &StorageAccess, target: A::Target) -> Grant<A> {
    at.grant(target).unwrap()
}

pub(crate) fn full(text: &'static str) -> Body {
    Body::Full(text.into())
}

pub(crate) async fn put(at: &StorageAccess, key: &str, text: &'static str) {
    grant::<Put>(at, object(key)).put(full(text), PutOptions::default()).await.unwrap();
}

pub(crate) async fn read(at: &StorageAccess, key: &str) -> Result<String, AccessError> {
    match at.grant::<Get>(object(key))?.get(GetOptions::default()).await? {
        GetOutcome::Found(found) => match found.body {
            Body::Full(bytes) => Ok(String::from_utf8(bytes.to_vec()).unwrap()),
            Body::Stream(_) => panic!("the memory backend gives whole bodies"),
        },
        GetOutcome::NotModified(_) => panic!("no condition was set"),
    }
}
