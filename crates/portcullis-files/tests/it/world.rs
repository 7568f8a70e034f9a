//! A core with storages and keys, and trees over them.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::TryStreamExt as _;
use portcullis_access::{
    Access, AccessConfig, Body, Change, Get, GetOptions, GetOutcome, MasterKey, Origin, Principal, Put,
    PutOptions, SiteAdmin, System,
};
use portcullis_backend::Drivers;
use portcullis_backend::builtin::{Store, StoreOptions};
use portcullis_backend::memory::MemoryDrivers;
use portcullis_domain::{
    Channel, Clock, DisplayName, GrantId, Grantee, Key, KeyId, KeyPrefix, KeyState, Label, ManualClock,
    Networks, ObjectKey, OnLeak, Overwrite, Permission, Provider, Role, Scope, Secret, Storage, StorageGrant,
    StorageId, Timestamp, User, UserState, Username,
};
use portcullis_files::{Entry, FileError, Top, Tree, TreeConfig, TreePath, WriteOptions};
use portcullis_metadata::{Metadata, NewStorage, NewUser};
use tokio_util::task::TaskTracker;

use crate::spy::{Spy, SpyDrivers};

const PASSWORD: &str = "correct horse battery staple";

pub(crate) struct World {
    pub(crate) access: Access,
    pub(crate) system: System,
    pub(crate) metadata: Metadata,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) admin: SiteAdmin,
    pub(crate) spy: Arc<Spy>,
    pub(crate) tasks: TaskTracker,
    /// Removed when the world ends.
    _folder: tempfile::TempDir,
}

/// A key with its secret, as its holder has it.
pub(crate) struct Holder {
    pub(crate) key: Key,
    secret: Secret,
}

impl Holder {
    pub(crate) fn secret(&self) -> &Secret {
        &self.secret
    }
}

pub(crate) fn path(raw: &str) -> TreePath {
    TreePath::top().join(raw.as_bytes()).unwrap()
}

pub(crate) fn object(raw: &str) -> ObjectKey {
    ObjectKey::parse(raw).unwrap()
}

impl World {
    /// Over the reference driver, which knows everything and hands bodies out whole.
    pub(crate) async fn new() -> Self {
        Self::over(|_, clock| Arc::new(MemoryDrivers::new(clock))).await
    }

    /// Over the embedded store.
    pub(crate) async fn on_disk() -> Self {
        Self::over(|at, clock| Store::open(&at.join("store"), StoreOptions::default(), clock).unwrap()).await
    }

    pub(crate) async fn over(
        drivers: impl FnOnce(&std::path::Path, Arc<dyn Clock>) -> Arc<dyn Drivers>,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = format!("sqlite://{}", folder.path().join("portcullis.db").display());
        let metadata = Metadata::open(&database).await.unwrap();
        let clock = Arc::new(ManualClock::at(Timestamp::from_seconds(1_800_000_000)));
        let spy = Arc::new(Spy::default());
        let inner = drivers(folder.path(), Arc::<ManualClock>::clone(&clock));
        let drivers =
            Arc::new(SpyDrivers { inner, spy: Arc::clone(&spy), open: std::sync::Mutex::default() });
        let config = AccessConfig { feed_lag_limit: Duration::from_secs(3600), ..AccessConfig::default() };
        let master = MasterKey::parse(&"5a".repeat(32)).unwrap();
        let (access, system) =
            Access::open(config, metadata.clone(), drivers, &master, Arc::<ManualClock>::clone(&clock))
                .await
                .unwrap();
        let password = Secret::foreign(PASSWORD.to_owned());
        assert!(access.bootstrap(&system, &password).await.unwrap());
        let day = Duration::from_secs(24 * 3600);
        let signed_in = access.sign_in(origin(Channel::Rest), "admin", &password, day).await.unwrap();
        let admin = access.admin(&signed_in.principal).unwrap();
        Self { access, system, metadata, clock, admin, spy, tasks: TaskTracker::new(), _folder: folder }
    }

    pub(crate) async fn storage(&self, label: &str, change: impl FnOnce(&mut NewStorage)) -> Storage {
        let mut new = NewStorage {
            id: StorageId::generate(),
            site: self.admin.site(),
            owner: self.admin.user().unwrap(),
            name: DisplayName::parse("Files").unwrap(),
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
            created: self.clock.now(),
        };
        change(&mut new);
        let storage = self.metadata.create_storage(new).await.unwrap();
        self.access.applied(Change::Storage(storage.id)).await.unwrap();
        storage
    }

    pub(crate) async fn key(&self, scope: Scope, change: impl FnOnce(&mut Key)) -> Holder {
        let mut key = Key {
            id: KeyId::generate(),
            site: self.admin.site(),
            credential: "PC000000000000000000".parse().unwrap(),
            name: DisplayName::parse("a key").unwrap(),
            channel: Channel::Ftp,
            scope,
            permission: Permission::ReadWrite,
            overwrite: Overwrite::Replace,
            networks: Networks::anywhere(),
            prefix: KeyPrefix::default(),
            expires: None,
            state: KeyState::Active,
            created: self.clock.now(),
            generation: 0,
            on_leak: OnLeak::Disable,
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

    /// Takes a key's right away; how many transfers that cut.
    pub(crate) async fn revoke(&self, holder: &Holder) -> u32 {
        assert!(self.metadata.delete_key(holder.key.id, self.clock.now()).await.unwrap());
        self.access.applied(Change::Key(holder.key.id)).await.unwrap().transfers_cut
    }

    pub(crate) async fn change(&self, holder: &Holder, change: impl FnOnce(&mut Key)) {
        let mut key = holder.key.clone();
        change(&mut key);
        let before = self.metadata.key(key.id).await.unwrap().unwrap();
        self.metadata.update_key_if_same(&before, &key).await.unwrap();
        self.access.applied(Change::Key(key.id)).await.unwrap();
    }

    pub(crate) async fn who(&self, holder: &Holder) -> Principal {
        let origin = origin(holder.key.channel);
        let name = holder.key.credential.as_str();
        self.access.authenticate_password(origin, name, &holder.secret).await.unwrap()
    }

    pub(crate) async fn tree(&self, holder: &Holder) -> Tree {
        self.tree_at(holder, Top::Home).await
    }

    pub(crate) async fn tree_at(&self, holder: &Holder, top: Top) -> Tree {
        let config = TreeConfig { top, tasks: self.tasks.clone() };
        Tree::new(self.access.clone(), self.who(holder).await, config)
    }

    /// A storage, and a tree of a key that may do everything there.
    pub(crate) async fn open(&self) -> (Storage, Tree) {
        let storage = self.storage("files", |_| {}).await;
        let holder = self.key(Scope::Storage(storage.id), |_| {}).await;
        (storage, self.tree(&holder).await)
    }

    /// A member of the site.
    pub(crate) async fn person(&self, name: &str) -> User {
        let new = NewUser {
            site: self.admin.site(),
            username: Username::parse(name).unwrap(),
            role: Role::Member,
            state: UserState::Active,
            password_phc: None,
            created: self.clock.now(),
        };
        let user = self.metadata.create_user(new).await.unwrap();
        self.access.applied(Change::User(user.id)).await.unwrap();
        user
    }

    pub(crate) async fn share(&self, storage: &Storage, user: &User, prefix: &str, permission: Permission) {
        let grant = StorageGrant {
            id: GrantId::generate(),
            site: storage.site,
            storage: storage.id,
            grantee: Grantee::User(user.id),
            prefix: KeyPrefix::parse(prefix).unwrap(),
            permission,
            created: self.clock.now(),
        };
        self.metadata.create_grant(&grant).await.unwrap();
        self.access.applied(Change::User(user.id)).await.unwrap();
    }

    /// Puts objects as S3 clients do, by their keys.
    pub(crate) async fn put(&self, storage: &Storage, objects: &[(&str, &str)]) {
        let at = self.access.storage(self.admin.principal(), &storage.bucket).await.unwrap();
        for (key, text) in objects {
            let body = Body::Full(Bytes::copy_from_slice(text.as_bytes()));
            at.grant::<Put>(object(key)).unwrap().put(body, PutOptions::default()).await.unwrap();
        }
    }

    /// All keys of a storage with their sizes.
    pub(crate) async fn keys(&self, storage: &Storage) -> Vec<(String, u64)> {
        let at = self.access.storage(self.admin.principal(), &storage.bucket).await.unwrap();
        let list = at.grant::<portcullis_access::List>(KeyPrefix::default()).unwrap();
        let page = list.page(None, None, 1000).await.unwrap();
        assert_eq!(page.next, None);
        page.objects.into_iter().map(|object| (object.key.as_str().to_owned(), object.size)).collect()
    }

    pub(crate) async fn content(&self, storage: &Storage, key: &str) -> Option<Vec<u8>> {
        let at = self.access.storage(self.admin.principal(), &storage.bucket).await.unwrap();
        match at.grant::<Get>(object(key)).unwrap().get(GetOptions::default()).await.ok()? {
            GetOutcome::Found(found) => Some(match found.body {
                Body::Full(bytes) => bytes.to_vec(),
                Body::Stream(stream) => {
                    let all = stream.try_fold(Vec::new(), |mut all, piece| async move {
                        all.extend_from_slice(&piece);
                        Ok(all)
                    });
                    all.await.unwrap()
                }
            }),
            GetOutcome::NotModified(_) => None,
        }
    }

    /// The uploads in parts that nobody finished.
    pub(crate) async fn uploads(&self, storage: &Storage) -> usize {
        let at = self.access.storage(self.admin.principal(), &storage.bucket).await.unwrap();
        let list = at.grant::<portcullis_access::List>(KeyPrefix::default()).unwrap();
        let page = portcullis_access::UploadsAfter { limit: 1000, ..Default::default() };
        list.uploads(page).await.unwrap().uploads.len()
    }

    /// The reasons in the audit trail, newest first.
    pub(crate) async fn reasons(&self) -> Vec<String> {
        self.access.flush(&self.system).await.unwrap();
        let filter = portcullis_metadata::AuditFilter::default();
        let page = portcullis_metadata::PageRequest::first(1000);
        self.metadata
            .audit(&filter, &page)
            .await
            .unwrap()
            .items
            .into_iter()
            .map(|event| event.reason)
            .collect()
    }

    /// Waits until every upload's task has ended.
    pub(crate) async fn settled(&self) {
        self.tasks.close();
        self.tasks.wait().await;
        self.tasks.reopen();
    }
}

pub(crate) fn origin(channel: Channel) -> Origin<'static> {
    let peer: IpAddr = "203.0.113.7".parse().unwrap();
    Origin { channel, peer, request_id: "REQ1", tool: "test/1", line: None }
}

/// The names in a folder; those of folders end with `/`.
pub(crate) async fn names(tree: &Tree, at: &str) -> Vec<String> {
    let entries: Vec<Entry> = tree.list(&path(at)).try_collect().await.unwrap();
    entries
        .into_iter()
        .map(|entry| if entry.is_folder() { format!("{}/", entry.name) } else { entry.name })
        .collect()
}

pub(crate) async fn read(tree: &Tree, at: &str) -> Result<Vec<u8>, FileError> {
    let file = tree.open(&path(at), portcullis_files::OpenOptions::default()).await?;
    let mut stream = file.stream(0, None).await?;
    let mut all = Vec::new();
    while let Some(bytes) = stream.try_next().await? {
        all.extend_from_slice(&bytes);
    }
    assert_eq!(u64::try_from(all.len()).unwrap(), file.entry().size());
    Ok(all)
}

pub(crate) async fn write(tree: &Tree, at: &str, text: &[u8]) -> Result<Entry, FileError> {
    write_with(tree, at, text, WriteOptions::default()).await
}

/// Writes in pieces of 100,000 bytes.
pub(crate) async fn write_with(
    tree: &Tree,
    at: &str,
    text: &[u8],
    options: WriteOptions,
) -> Result<Entry, FileError> {
    let mut upload = tree.write(&path(at), options).await?;
    for piece in text.chunks(100_000) {
        upload.write(Bytes::copy_from_slice(piece)).await?;
    }
    upload.finish().await
}

/// Bytes that are not alike.
pub(crate) fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}
