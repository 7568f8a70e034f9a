//! What ends with a storage, at once or not at all, and what comes back when one is attached.

use std::collections::BTreeSet;
use std::task::Poll;

use portcullis_domain::{
    GrantId, Grantee, Key, KeyPrefix, KeyState, LinkState, Permission, Provider, Scope, Site, Storage,
    StorageGrant, StorageId, StorageState, Usage, User, UserId,
};
use portcullis_metadata::{
    ChangeKind, Measurement, Metadata, MetadataErrorKind, NewStorage, PageRequest, StorageFilter,
    StoredSecret,
};

use crate::links::link;
use crate::sharing::group;
use crate::world::{World, at, key_for, new_storage, new_user};

/// Everything that hangs on a storage.
struct Full {
    metadata: Metadata,
    site: Site,
    admin: User,
    storage: Storage,
    keys: Vec<Key>,
    /// A key of the admin, which does not go with it.
    other: Key,
    /// Whom grants reach: one directly, one through a group.
    people: BTreeSet<UserId>,
}

async fn full(world: &World, new: impl Fn(&User) -> NewStorage) -> Full {
    let (metadata, site, admin) = world.home().await;
    let storage = metadata.create_storage(new(&admin)).await.unwrap();
    let mut keys = Vec::new();
    for n in 0..3 {
        let key = key_for(&storage, &format!("key {n}"));
        metadata.create_key(&key, &StoredSecret::Sealed(vec![n, 42, 42])).await.unwrap();
        keys.push(key);
    }
    let other = Key { scope: Scope::User(admin.id), ..key_for(&storage, "of the admin") };
    metadata.create_key(&other, &StoredSecret::Sealed(vec![9])).await.unwrap();
    for n in 0..2_u8 {
        metadata.create_link(&link(&storage, &format!("link {n}")), &[n; 32], None).await.unwrap();
    }
    let ada = metadata.create_user(new_user(site.id, "ada")).await.unwrap();
    let bob = metadata.create_user(new_user(site.id, "bob")).await.unwrap();
    let team = group(&site, "team");
    metadata.create_group(&team).await.unwrap();
    metadata.add_member(team.id, bob.id).await.unwrap();
    for grantee in [Grantee::User(ada.id), Grantee::Group(team.id)] {
        metadata.create_grant(&granted(&site, storage.id, grantee)).await.unwrap();
    }
    let usage = Usage { bytes: 5, files: 1, ..Usage::default() };
    let measured = Measurement {
        storage: storage.id,
        site: site.id,
        at: at(1),
        usage: Some((usage, None)),
        health: portcullis_domain::Health::Reachable,
        due: at(100),
    };
    metadata.record_measurements(&[measured]).await.unwrap();
    let people = [ada.id, bob.id].into();
    Full { metadata, site, admin, storage, keys, other, people }
}

fn granted(site: &Site, storage: StorageId, grantee: Grantee) -> StorageGrant {
    StorageGrant {
        id: GrantId::generate(),
        site: site.id,
        storage,
        grantee,
        prefix: KeyPrefix::default(),
        permission: Permission::Read,
        created: at(3),
    }
}

fn remote(admin: &User) -> NewStorage {
    NewStorage {
        provider: Provider::Aws,
        region: "eu-west-1".to_owned(),
        endpoint: Some("https://s3.eu-west-1.amazonaws.com".to_owned()),
        bucket: Some("nas".to_owned()),
        provider_credentials: Some(vec![7; 48]),
        ..new_storage(admin, "NAS")
    }
}

async fn facts_of(world: &World) -> i64 {
    world.numbers("SELECT COUNT(*) FROM storage_facts").await[0]
}

pub(crate) async fn a_remote_storage_is_deleted(world: &World) {
    let Full { metadata, site, storage, keys, other, people, admin, .. } = full(world, remote).await;
    let neighbour = metadata.create_storage(new_storage(&admin, "neighbour")).await.unwrap();
    let its_key = key_for(&neighbour, "stays");
    metadata.create_key(&its_key, &StoredSecret::None).await.unwrap();
    let before = metadata.latest_change().await.unwrap();

    let ended = metadata.end_storage(&storage, None, at(50)).await.unwrap();
    assert_eq!(ended.storage, Storage { state: StorageState::Deleted, ..storage.clone() });
    assert_eq!(ended.keys, keys.iter().map(|key| key.id).collect::<Vec<_>>());
    assert_eq!((ended.links.len(), ended.grants), (2, 2));
    assert_eq!(ended.people.iter().copied().collect::<BTreeSet<_>>(), people);

    // Every record that is another now is in the feed, and nothing else.
    let feed = metadata.changes_after(before, 100).await.unwrap();
    let told: BTreeSet<_> = feed.iter().map(|change| (change.kind, change.id.clone())).collect();
    let mut expected: BTreeSet<_> = keys.iter().map(|key| (ChangeKind::Key, key.id.to_string())).collect();
    expected.extend(ended.links.iter().map(|link| (ChangeKind::Link, link.to_string())));
    expected.extend(people.iter().map(|user| (ChangeKind::User, user.to_string())));
    expected.insert((ChangeKind::Storage, storage.id.to_string()));
    assert_eq!(told, expected);
    assert_eq!(feed.len(), expected.len());

    assert_eq!(metadata.provider_credentials(storage.id).await.unwrap(), None);
    for key in &keys {
        let (gone, stored) = metadata.key_with_secret(key.id).await.unwrap().unwrap();
        assert_eq!((gone.state, stored), (KeyState::Deleted, StoredSecret::None));
        // Who still knocks with the true secret can be told for a while.
        let retired = metadata.retired_secrets(key.id).await.unwrap();
        assert_eq!((retired.len(), retired[0].until), (1, at(50)));
        assert_ne!(retired[0].stored, StoredSecret::None);
    }
    for kept in [&other, &its_key] {
        assert_eq!(metadata.key(kept.id).await.unwrap().unwrap().state, KeyState::Active);
    }
    for link in &ended.links {
        assert_eq!(metadata.link(*link).await.unwrap().unwrap().state, LinkState::Ended);
    }
    for user in &people {
        assert_eq!(metadata.reach_of(*user).await.unwrap(), []);
    }
    assert_eq!(facts_of(world).await, 1);
    assert_eq!(metadata.remote_places().await.unwrap(), []);
    assert_eq!(metadata.storages_at("https://s3.eu-west-1.amazonaws.com").await.unwrap(), []);
    assert_eq!(metadata.all_storages().await.unwrap(), std::slice::from_ref(&neighbour));
    assert_eq!(metadata.storage(storage.id).await.unwrap(), Some(ended.storage));
    let detached = metadata.detached_storages(site.id, None, &PageRequest::first(9)).await.unwrap();
    assert_eq!(detached.items, []);

    // It does not come back, and it is not ended twice. Its name is free, its bucket name and its number are not.
    let error = metadata.attach_storage(storage.id, at(60)).await.unwrap_err();
    assert_eq!(error.kind, MetadataErrorKind::NotFound);
    let error = metadata.end_storage(&storage, None, at(61)).await.unwrap_err();
    assert_eq!(error.kind, MetadataErrorKind::NotFound);
    let again = metadata.create_storage(remote(&admin)).await.unwrap();
    assert_eq!(again.name, storage.name);
    assert_ne!(again.bucket, storage.bucket);
}

pub(crate) async fn a_builtin_storage_is_detached_and_attached(world: &World) {
    let Full { metadata, site, storage, keys, .. } = full(world, |admin| new_storage(admin, "Photos")).await;
    let paused = Storage { paused_until: Some(at(99)), ..storage.clone() };
    metadata.update_storage_if_same(&storage, &paused).await.unwrap();
    let error = metadata.end_storage(&storage, None, at(50)).await.unwrap_err();
    assert_eq!(error.kind, MetadataErrorKind::Stale);

    let ended = metadata.end_storage(&paused, Some((1_000, 7)), at(50)).await.unwrap();
    assert_eq!((ended.storage.state, ended.storage.paused_until), (StorageState::Detached, None));
    assert_eq!(ended.keys.len(), keys.len());
    assert_eq!(facts_of(world).await, 0);
    let list = async |search: Option<&str>| {
        metadata.detached_storages(site.id, search, &PageRequest::first(9)).await.unwrap().items
    };
    let [found] = &list(None).await[..] else { panic!("one") };
    assert_eq!((found.since, found.bytes, found.files), (Some(at(50)), Some(1_000), Some(7)));
    assert_eq!(found.storage, ended.storage);
    assert_eq!((list(Some("PHOT")).await.len(), list(Some("x")).await.len()), (1, 0));
    assert_eq!(metadata.all_storages().await.unwrap().len(), 1);
    assert_eq!(metadata.site_holdings().await.unwrap()[0].storages, 0);

    // A key that was made for it in the same moment does not come back with it.
    let late = key_for(&storage, "late");
    metadata.create_key(&late, &StoredSecret::None).await.unwrap();
    let attached = metadata.attach_storage(storage.id, at(70)).await.unwrap();
    assert_eq!(attached, storage);
    assert_eq!(metadata.storage(storage.id).await.unwrap(), Some(storage.clone()));
    assert_eq!(metadata.key(late.id).await.unwrap().unwrap().state, KeyState::Deleted);
    assert_eq!((list(None).await.len(), facts_of(world).await), (0, 1));
    assert_eq!(metadata.storages_due(at(1_000), 9).await.unwrap().len(), 1);
    let error = metadata.attach_storage(storage.id, at(71)).await.unwrap_err();
    assert_eq!(error.kind, MetadataErrorKind::NotFound);
    let listed = StorageFilter { state: Some(StorageState::Active), ..StorageFilter::of(site.id) };
    assert_eq!(metadata.storages(&listed, &PageRequest::first(9)).await.unwrap().items, [attached]);
}

/// A process that dies in the middle, at any statement, leaves the storage as it was.
pub(crate) async fn a_storage_ends_whole_or_not_at_all(world: &World) {
    let Full { metadata, storage, keys, .. } = full(world, remote).await;
    let before = metadata.latest_change().await.unwrap();
    for (table, event) in [
        ("storage_grants", "DELETE"),
        ("retired_secrets", "INSERT"),
        ("keys", "UPDATE"),
        ("share_links", "UPDATE"),
        ("storages", "UPDATE"),
        ("storage_facts", "DELETE"),
        ("change_log", "INSERT"),
    ] {
        refuse(world, table, event).await;
        metadata.end_storage(&storage, None, at(50)).await.unwrap_err();
        allow(world, table).await;
        assert_eq!(metadata.storage(storage.id).await.unwrap().as_ref(), Some(&storage), "{table}");
        assert!(metadata.provider_credentials(storage.id).await.unwrap().is_some(), "{table}");
        for key in &keys {
            let (kept, stored) = metadata.key_with_secret(key.id).await.unwrap().unwrap();
            assert_eq!(kept.state, KeyState::Active, "{table}");
            assert_ne!(stored, StoredSecret::None, "{table}");
            assert_eq!(metadata.retired_secrets(key.id).await.unwrap(), [], "{table}");
        }
        assert_eq!(metadata.all_links().await.unwrap().len(), 2, "{table}");
        assert_eq!(metadata.all_reach().await.unwrap().len(), 2, "{table}");
        assert_eq!(facts_of(world).await, 1, "{table}");
        assert_eq!(metadata.latest_change().await.unwrap(), before, "{table}");
    }
    // Given up half-way: the call is dropped after so many steps of it, as when its process ends.
    for steps in 0..400 {
        let call = metadata.end_storage(&storage, None, at(50));
        if let Some(ended) = polled(call, steps).await {
            assert_eq!(ended.unwrap().keys.len(), keys.len());
            break;
        }
        let found = metadata.storage(storage.id).await.unwrap().unwrap();
        let alive = metadata.key(keys[0].id).await.unwrap().unwrap().state == KeyState::Active;
        let links = metadata.all_links().await.unwrap().len();
        match found.state {
            StorageState::Active => assert_eq!((alive, links), (true, 2), "{steps}"),
            // The commit was sent before the call was dropped.
            StorageState::Deleted => {
                assert_eq!((alive, links), (false, 0), "{steps}");
                break;
            }
            StorageState::Detached => panic!("a remote storage is not detached"),
        }
    }
    let ended = metadata.storage(storage.id).await.unwrap().unwrap();
    assert_eq!(ended.state, StorageState::Deleted);
    assert_eq!(metadata.all_reach().await.unwrap(), []);
}

/// What a future gives if it is polled so often; none, and it is dropped, if it takes more.
async fn polled<T>(work: impl Future<Output = T>, steps: usize) -> Option<T> {
    let mut work = std::pin::pin!(work);
    let mut left = steps;
    std::future::poll_fn(move |context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        work.as_mut().poll(context).map(Some)
    })
    .await
}

/// From now on the engine refuses this in the middle of a transaction.
async fn refuse(world: &World, table: &str, event: &str) {
    if world.dir.is_some() {
        let sql =
            format!("CREATE TRIGGER stop BEFORE {event} ON {table} BEGIN SELECT RAISE(ABORT, 'stop'); END");
        return world.execute(&sql).await;
    }
    let function = "CREATE OR REPLACE FUNCTION stop() RETURNS trigger AS 'BEGIN RAISE EXCEPTION ''stop''; END' \
                    LANGUAGE plpgsql;";
    let trigger =
        format!("CREATE TRIGGER stop BEFORE {event} ON {table} FOR EACH ROW EXECUTE FUNCTION stop();");
    world.execute(&format!("{function} {trigger}")).await;
}

async fn allow(world: &World, table: &str) {
    let of = if world.dir.is_some() { String::new() } else { format!(" ON {table}") };
    world.execute(&format!("DROP TRIGGER stop{of}")).await;
}
