use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use portcullis_access::{
    Access, AccessConfig, Change, EtagCondition, MasterKey, ReadConditions, System, WriteConditions,
};
use portcullis_backend::memory::MemoryDrivers;
use portcullis_domain::{
    DisplayName, Label, Networks, Permission, Provider, Role, RunPass, RunSide, Secret, Site, SiteId,
    SiteRules, Storage, StorageId, StorageState, SystemClock, Timestamp, UserId, UserState, Username,
};
use portcullis_metadata::{Metadata, NewStorage, NewUser};

use super::*;

struct World {
    access: Access,
    system: System,
    metadata: Metadata,
    site: SiteId,
    owner: UserId,
    _folder: tempfile::TempDir,
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("portcullis.db").display());
        let metadata = Metadata::open(&url).await.unwrap();
        let clock = Arc::new(SystemClock);
        let drivers = Arc::new(MemoryDrivers::new(Arc::<SystemClock>::clone(&clock)));
        let config = AccessConfig {
            max_open_storages: NonZeroUsize::MIN,
            feed_lag_limit: Duration::from_secs(3_600),
            ..AccessConfig::default()
        };
        let master = MasterKey::generate().unwrap();
        let (access, system) = Access::open(config, metadata.clone(), drivers, &master, clock).await.unwrap();
        let (name, created) = (DisplayName::parse("main").unwrap(), Timestamp::default());
        let site = Site { id: SiteId::generate(), parent: None, name, rules: SiteRules::OPEN, created };
        let admin = NewUser {
            site: site.id,
            username: Username::parse("admin").unwrap(),
            role: Role::Admin,
            state: UserState::Active,
            password_phc: Some(
                access.hash_password(&Secret::foreign("correct horse battery".to_owned())).await.unwrap(),
            ),
            created,
        };
        let owner = metadata.create_site_with_admin(&site, admin).await.unwrap().unwrap().id;
        access.applied(Change::Site(site.id)).await.unwrap();
        Self { access, system, metadata, site: site.id, owner, _folder: folder }
    }

    async fn storage(&self, provider: Provider) -> Storage {
        let remote = provider != Provider::Builtin;
        let id = StorageId::generate();
        let new = NewStorage {
            id,
            site: self.site,
            owner: self.owner,
            name: DisplayName::parse("Files").unwrap(),
            label: Label::parse("files").unwrap(),
            provider,
            region: "us-east-1".to_owned(),
            endpoint: remote.then(|| "https://s3.example.com".to_owned()),
            bucket: remote.then(|| id.to_string()),
            path_style: true,
            provider_credentials: None,
            permission: Permission::ReadWrite,
            networks: Networks::anywhere(),
            s3_access: true,
            quota_bytes: None,
            created: Timestamp::default(),
        };
        let storage = self.metadata.create_storage(new).await.unwrap();
        self.access.applied(Change::Storage(id)).await.unwrap();
        storage
    }

    /// A side of a run that may do this there.
    async fn side(&self, storage: &Storage, prefix: &str, permission: Permission) -> GrantStore {
        let prefix = KeyPrefix::parse(prefix).unwrap();
        let side = RunSide { storage: storage.id, prefix: prefix.clone(), permission };
        let pass = RunPass { run: "r".to_owned(), site: self.site, sides: [side.clone(), side] };
        let who = self.access.run_principal(&self.system, pass);
        GrantStore::new(self.access.storage_by_id(&who, storage.id).await.unwrap(), prefix)
    }
}

fn key(text: &str) -> ObjectKey {
    ObjectKey::parse(text).unwrap()
}

async fn put(store: &GrantStore, at: &str) {
    store.put(&key(at), Body::Full("text".into()), PutOptions::default()).await.unwrap();
}

/// All that a listing shows, in pages of so many.
async fn listed(store: &GrantStore, prefix: &str, delimiter: Option<&str>, limit: usize) -> Vec<String> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let prefix = KeyPrefix::parse(prefix).unwrap();
        let delimiter = delimiter.map(str::to_owned);
        let page =
            store.list(&ListRequest { prefix, delimiter, after, limit, user_times: false }).await.unwrap();
        all.extend(page.objects.iter().map(|object| object.key.to_string()));
        all.extend(page.prefixes);
        after = page.next;
        if after.is_none() {
            return all;
        }
    }
}

#[tokio::test]
async fn keys_are_those_under_the_prefix() {
    let world = World::new().await;
    for provider in [Provider::Builtin, Provider::S3] {
        let storage = world.storage(provider).await;
        let whole = world.side(&storage, "", Permission::ReadWrite).await;
        for at in ["in", "in/", "in/a", "in/b/c", "in/b/d", "in0", "out/a"] {
            put(&whole, at).await;
        }
        let side = world.side(&storage, "in/", Permission::ReadWrite).await;
        for limit in [1, 2, 100] {
            assert_eq!(listed(&side, "", None, limit).await, ["a", "b/c", "b/d"]);
            assert_eq!(listed(&side, "", Some("/"), limit).await, ["a", "b/"]);
            assert_eq!(listed(&side, "b/", None, limit).await, ["b/c", "b/d"]);
        }
        put(&side, "new").await;
        side.copy(&key("new"), &key("copy"), CopyOptions::default()).await.unwrap();
        side.delete(&key("a"), &DeleteOptions::default()).await.unwrap();
        let all = listed(&whole, "", None, 2).await;
        assert_eq!(all, ["in", "in/", "in/b/c", "in/b/d", "in/copy", "in/new", "in0", "out/a"]);
        assert_eq!(side.abilities().longest_key, 1024 - 3);
        let long = key(&"x".repeat(1022));
        let told = side.head(&long, &GetOptions::default()).await.unwrap_err();
        assert_eq!(told.fault, StoreFault::Unsupported);
    }
}

#[tokio::test]
async fn reserved_keys_are_the_storages_own() {
    let world = World::new().await;
    let storage = world.storage(Provider::S3).await;
    let (whole, side) = (
        world.side(&storage, "", Permission::ReadWrite).await,
        world.side(&storage, "in/", Permission::ReadWrite).await,
    );
    for at in ["+", ".portcullis", ".portcullis0", "in/a"] {
        put(&whole, at).await;
    }
    put(&side, ".portcullis/kept/r/1").await;
    side.copy(&key("a"), &key(".portcullis/kept/r/2"), CopyOptions::default()).await.unwrap();
    for limit in [1, 2, 3, 100] {
        assert_eq!(listed(&whole, "", None, limit).await, ["+", ".portcullis", ".portcullis0", "in/a"]);
        assert_eq!(listed(&whole, "", Some("/"), limit).await, ["+", ".portcullis", ".portcullis0", "in/"]);
        assert_eq!(listed(&side, "", None, limit).await, ["a"]);
        let kept = [".portcullis/kept/r/1", ".portcullis/kept/r/2"];
        assert_eq!(listed(&side, RESERVED_PREFIX, None, limit).await, kept);
        assert_eq!(listed(&whole, ".portcullis/kept/", None, limit).await, kept);
    }
    whole.delete(&key(".portcullis/kept/r/1"), &DeleteOptions::default()).await.unwrap();
    side.copy(&key(".portcullis/kept/r/2"), &key("back"), CopyOptions::default()).await.unwrap();
    let ours = world.side(&world.storage(Provider::Builtin).await, "", Permission::ReadWrite).await;
    let told = ours.head(&key(".portcullis/x"), &GetOptions::default()).await.unwrap_err();
    assert_eq!(told.fault, StoreFault::Unsupported);
}

#[tokio::test]
async fn what_goes_wrong_is_told_as_a_run_can_act_on_it() {
    let world = World::new().await;
    let storage = world.storage(Provider::Builtin).await;
    let side = world.side(&storage, "in/", Permission::ReadWrite).await;
    put(&side, "a").await;
    let other = || Some(EtagCondition::OneOf(vec!["other".to_owned()]));
    let read = |conditions| GetOptions { conditions, ..GetOptions::default() };
    let if_match = read(ReadConditions { if_match: other(), ..ReadConditions::default() });
    let same = read(ReadConditions { if_none_match: Some(EtagCondition::Any), ..ReadConditions::default() });
    for options in [if_match, same] {
        assert_eq!(side.head(&key("a"), &options).await.unwrap_err().fault, StoreFault::Changed);
        assert_eq!(side.get(&key("a"), options).await.unwrap_err().fault, StoreFault::Changed);
    }
    let create = PutOptions {
        conditions: WriteConditions { if_absent: true, if_match: None },
        ..PutOptions::default()
    };
    let body = || Body::Full("new".into());
    assert_eq!(side.put(&key("a"), body(), create).await.unwrap_err().fault, StoreFault::Changed);
    let gone = DeleteOptions { if_match: other(), ..DeleteOptions::default() };
    assert_eq!(side.delete(&key("a"), &gone).await.unwrap_err().fault, StoreFault::Changed);
    let missing = side.head(&key("b"), &GetOptions::default()).await.unwrap_err();
    assert_eq!(missing.fault, StoreFault::NotFound);
    let reader = world.side(&storage, "in/", Permission::Read).await;
    let write = reader.put(&key("b"), body(), PutOptions::default()).await.unwrap_err();
    assert_eq!(write.fault, StoreFault::Refused);
    let detached = Storage { state: StorageState::Detached, ..storage.clone() };
    world.metadata.update_storage_if_same(&storage, &detached).await.unwrap();
    world.access.applied(Change::Storage(storage.id)).await.unwrap();
    let closed = side.head(&key("a"), &GetOptions::default()).await.unwrap_err();
    assert_eq!(closed.fault, StoreFault::Refused);
    let list = ListRequest { limit: 1, ..ListRequest::default() };
    assert_eq!(side.list(&list).await.unwrap_err().fault, StoreFault::Refused);
}
