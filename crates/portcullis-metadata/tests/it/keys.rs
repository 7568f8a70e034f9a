//! Keys, their secrets, their pages and their last use.

use std::collections::BTreeSet;

use portcullis_domain::{
    Channel, Key, KeyId, KeyPrefix, KeyState, NetworkEntry, Networks, Overwrite, Permission, Scope, Timestamp,
};
use portcullis_metadata::{
    KeyFilter, KeyUse, Metadata, MetadataErrorKind, NewStorage, PageRequest, SealedOwner, StoredSecret,
};

use crate::world::{World, at, key_for, name, new_storage};

pub(crate) async fn keys_of_every_scope(world: &World) {
    let (metadata, _, admin) = world.home().await;
    let storage = metadata.create_storage(new_storage(&admin, "files")).await.unwrap();
    let mut full = key_for(&storage, "Büro 🗝");
    full.permission = Permission::Write;
    full.overwrite = Overwrite::CreateOnly;
    full.networks = Networks::new(vec![NetworkEntry::parse("198.51.100.1", "desk").unwrap()]).unwrap();
    full.prefix = KeyPrefix::parse("in//box/ü%").unwrap();
    full.expires = Some(Timestamp::from_micros(-1));
    let mut of_user = key_for(&storage, "same name");
    of_user.scope = Scope::User(admin.id);
    let mut of_site = key_for(&storage, "same name");
    of_site.scope = Scope::Site;
    of_site.channel = Channel::Rest;
    of_site.permission = Permission::Full;
    let all = [
        (full, StoredSecret::Sealed(vec![0, 255, 7])),
        (of_user, StoredSecret::Sealed(Vec::new())),
        (of_site, StoredSecret::Hash([9; 32])),
    ];
    for (key, secret) in &all {
        metadata.create_key(key, secret).await.unwrap();
        assert_eq!(metadata.key(key.id).await.unwrap().as_ref(), Some(key));
        assert_eq!(metadata.key_with_secret(key.id).await.unwrap(), Some((key.clone(), secret.clone())));
    }
    assert_eq!(metadata.all_keys().await.unwrap(), all);
    assert_eq!(metadata.key(KeyId::generate()).await.unwrap(), None);
    assert_eq!(metadata.key_with_secret(KeyId::generate()).await.unwrap(), None);

    let mut again = key_for(&storage, "again");
    again.credential = all[0].0.credential;
    let error = metadata.create_key(&again, &all[0].1).await.unwrap_err();
    assert_eq!(error.kind, MetadataErrorKind::Conflict("credential"));
    let error = metadata.create_key(&Key { id: all[0].0.id, ..key_for(&storage, "again") }, &all[0].1).await;
    assert_eq!(error.unwrap_err().kind, MetadataErrorKind::Conflict("id"));
}

pub(crate) async fn changing_and_deleting(world: &World) {
    let (metadata, site, admin) = world.home().await;
    let storage = metadata.create_storage(new_storage(&admin, "files")).await.unwrap();
    let secret = StoredSecret::Sealed(vec![1, 2, 3]);
    let key = key_for(&storage, "before");
    metadata.create_key(&key, &secret).await.unwrap();
    let mut changed = key.clone();
    changed.name = name("after");
    changed.permission = Permission::Write;
    changed.overwrite = Overwrite::KeepPrevious;
    changed.networks = Networks::new(vec![NetworkEntry::parse("10.0.0.0/8", "").unwrap()]).unwrap();
    changed.prefix = KeyPrefix::parse("a/").unwrap();
    changed.expires = Some(at(9));
    let expected = changed.clone();
    // None of this may change, whatever a caller hands in.
    changed.channel = Channel::Ftp;
    changed.scope = Scope::Site;
    changed.state = KeyState::Deleted;
    metadata.update_key_if_same(&key, &changed).await.unwrap();
    assert_eq!(metadata.key_with_secret(key.id).await.unwrap(), Some((expected.clone(), secret)));
    let mut forever = expected.clone();
    forever.expires = None;
    metadata.update_key_if_same(&expected, &forever).await.unwrap();
    assert_eq!(metadata.key(key.id).await.unwrap(), Some(forever.clone()));

    assert!(metadata.delete_key(key.id, at(10)).await.unwrap());
    assert!(!metadata.delete_key(key.id, at(11)).await.unwrap());
    assert!(!metadata.delete_key(KeyId::generate(), at(11)).await.unwrap());
    let tombstone = Key { state: KeyState::Deleted, ..forever.clone() };
    assert_eq!(metadata.all_keys().await.unwrap(), [(tombstone.clone(), StoredSecret::None)]);
    assert_eq!(world.numbers("SELECT deleted_us FROM keys").await, [at(10).micros()]);
    let error = metadata.update_key_if_same(&forever, &expected).await.unwrap_err();
    assert_eq!(error.kind, MetadataErrorKind::NotFound);
    assert_eq!(metadata.key(key.id).await.unwrap(), Some(tombstone));
    let listed = metadata.keys(&KeyFilter::of(site.id), &PageRequest::first(10)).await.unwrap();
    assert_eq!((listed.items, listed.next), (vec![], None));
    // The id of a deleted key is never given again.
    let mut again = key_for(&storage, "again");
    again.credential = key.credential;
    let error = metadata.create_key(&again, &StoredSecret::Sealed(vec![1])).await.unwrap_err();
    assert_eq!(error.kind, MetadataErrorKind::Conflict("credential"));
}

pub(crate) async fn deletion_erases_the_secret(world: &World) {
    let (metadata, _, admin) = world.home().await;
    let storage = metadata.create_storage(new_storage(&admin, "files")).await.unwrap();
    let key = key_for(&storage, "key");
    // Longer than the rest of the row, so that what is written in its place cannot cover it.
    let secret: Vec<u8> =
        (0..1_000_u32).flat_map(|i| i.wrapping_mul(2_654_435_761).to_be_bytes()).take(3_000).collect();
    metadata.create_key(&key, &StoredSecret::Sealed(secret.clone())).await.unwrap();
    let parts: BTreeSet<&[u8]> = secret.windows(16).collect();
    let held = |bytes: &[u8]| bytes.windows(16).any(|window| parts.contains(window));
    let on_disk = world.dir.is_some();
    if on_disk {
        metadata.close().await;
        assert!(held(&world.file_bytes()), "the test looks for the wrong bytes");
    }
    let metadata = world.open().await;
    assert!(metadata.delete_key(key.id, at(9)).await.unwrap());
    let sql = "SELECT COUNT(*) FROM keys WHERE secret_sealed IS NOT NULL OR secret_hash IS NOT NULL";
    assert_eq!(world.numbers(sql).await, [0]);
    // For a while it is remembered who still uses it; then nothing of it is left.
    assert_eq!(metadata.forget_secrets(at(9), 10).await.unwrap(), 0);
    assert_eq!(metadata.forget_secrets(at(10), 10).await.unwrap(), 1);
    metadata.close().await;
    if on_disk {
        assert!(!held(&world.file_bytes()), "some of the secret is still in the file");
    }
}

pub(crate) async fn search_and_filters_of_keys(world: &World) {
    let (metadata, site, admin) = world.home().await;
    let first = metadata.create_storage(new_storage(&admin, "first")).await.unwrap();
    let second = metadata.create_storage(new_storage(&admin, "second")).await.unwrap();
    let a = key_for(&first, "50% in-box Ärger");
    let b = key_for(&second, "50 in-box");
    let mut c = key_for(&second, "c");
    c.channel = Channel::Rest;
    c.scope = Scope::User(admin.id);
    for key in [&a, &b, &c] {
        metadata.create_key(key, &StoredSecret::Hash([1; 32])).await.unwrap();
    }
    let all = KeyFilter::of(site.id);
    let search = |text: &str| KeyFilter { search: Some(text.to_owned()), ..all.clone() };
    let cases = [
        (all.clone(), vec![&a, &b, &c]),
        (KeyFilter { storage: Some(first.id), ..all.clone() }, vec![&a]),
        (KeyFilter { user: Some(admin.id), ..all.clone() }, vec![&c]),
        (KeyFilter { without_storage: true, ..all.clone() }, vec![&c]),
        (KeyFilter { channel: Some(Channel::S3), ..all.clone() }, vec![&a, &b]),
        (KeyFilter { channel: Some(Channel::S3), storage: Some(second.id), ..all.clone() }, vec![&b]),
        (KeyFilter { channel: Some(Channel::Rest), storage: Some(second.id), ..all.clone() }, vec![]),
        (search("50%"), vec![&a]),
        (search("äRGER"), vec![&a]),
        (search("IN-BOX"), vec![&a, &b]),
        (search(&b.credential.as_str().to_lowercase()), vec![&b]),
        (KeyFilter::of(portcullis_domain::SiteId::generate()), vec![]),
    ];
    for (filter, expected) in cases {
        let found = metadata.keys(&filter, &PageRequest::first(100)).await.unwrap().items;
        assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{filter:?}");
    }
}

pub(crate) async fn pages_of_2500_keys(world: &World) {
    let (metadata, site, admin) = world.home().await;
    let storage = metadata.create_storage(new_storage(&admin, "files")).await.unwrap();
    let mut expected = BTreeSet::new();
    for _ in 0..2_500 {
        let key = key_for(&storage, "key");
        metadata.create_key(&key, &StoredSecret::Hash([1; 32])).await.unwrap();
        expected.insert(key.id);
    }
    let mut seen: Vec<KeyId> = Vec::new();
    let mut page = PageRequest::first(97);
    loop {
        let got = metadata.keys(&KeyFilter::of(site.id), &page).await.unwrap();
        assert!(got.items.len() == 97 || got.next.is_none());
        seen.extend(got.items.iter().map(|key| key.id));
        // A key that goes while somebody turns the pages takes no other with it.
        if seen.len() == 97 {
            metadata.delete_key(seen[50], at(1)).await.unwrap();
        }
        let Some(next) = got.next else { break };
        page.after = Some(next);
    }
    assert_eq!(seen.len(), 2_500);
    assert_eq!(seen.into_iter().collect::<BTreeSet<_>>(), expected);
    let exact = metadata.keys(&KeyFilter::of(site.id), &PageRequest::first(1_000_000)).await.unwrap();
    assert_eq!(exact.items.len(), 1_000);
    assert_eq!(metadata.all_keys().await.unwrap().len(), 2_500);
}

pub(crate) async fn the_master_key_is_exchanged_at_once(world: &World) {
    let (metadata, _, admin) = world.home().await;
    let new = NewStorage { provider_credentials: Some(vec![40]), ..new_storage(&admin, "files") };
    let storage = metadata.create_storage(new).await.unwrap();
    let keys: Vec<Key> = (0..4).map(|_| key_for(&storage, "key")).collect();
    for (key, byte) in keys.iter().zip(0..) {
        metadata.create_key(key, &StoredSecret::Sealed(vec![byte])).await.unwrap();
    }
    metadata.create_key(&key_for(&storage, "bearer"), &StoredSecret::Hash([1; 32])).await.unwrap();
    metadata.set_setting_if_absent("check", b"old").await.unwrap();
    metadata.delete_key(keys[3].id, at(9)).await.unwrap();
    let before = metadata.sealed().await.unwrap();
    let mut expected: Vec<(SealedOwner, Vec<u8>)> =
        keys[..3].iter().zip(0..).map(|(key, byte)| (SealedOwner::Key(key.id), vec![byte])).collect();
    // That of the deleted one is still remembered.
    expected.push((SealedOwner::Retired(keys[3].id, 0), vec![3]));
    expected.push((SealedOwner::Storage(storage.id), vec![40]));
    assert_eq!(before, expected);

    // One that came meanwhile is missing: nothing changes, neither the secrets nor the check.
    let error = metadata.replace_sealed(&resealed(&before[1..]), "check", b"new").await.unwrap_err();
    assert_eq!(error.kind, MetadataErrorKind::Conflict("sealed"));
    assert_eq!(metadata.sealed().await.unwrap(), before);
    assert_eq!(metadata.setting("check").await.unwrap(), Some(b"old".to_vec()));

    // One that moved to the earlier ones meanwhile is missing there; one that was erased meanwhile stays gone.
    metadata.delete_key(keys[1].id, at(9)).await.unwrap();
    let error = metadata.replace_sealed(&resealed(&before), "check", b"new").await.unwrap_err();
    assert_eq!(error.kind, MetadataErrorKind::Conflict("sealed"));
    let before = metadata.sealed().await.unwrap();
    assert_eq!(metadata.forget_secrets(at(10), 10).await.unwrap(), 2);
    metadata.replace_sealed(&resealed(&before), "check", b"new").await.unwrap();
    let mut expected = resealed(&before);
    expected.retain(|(owner, _)| !matches!(owner, SealedOwner::Retired(..)));
    assert_eq!(metadata.sealed().await.unwrap(), expected);
    assert_eq!(metadata.setting("check").await.unwrap(), Some(b"new".to_vec()));
    assert_eq!(metadata.key_with_secret(keys[1].id).await.unwrap().unwrap().1, StoredSecret::None);
}

fn resealed(sealed: &[(SealedOwner, Vec<u8>)]) -> Vec<(SealedOwner, Vec<u8>)> {
    sealed.iter().map(|(owner, bytes)| (*owner, [b"new:".as_slice(), bytes.as_slice()].concat())).collect()
}

async fn last(metadata: &Metadata, keys: &[KeyId]) -> Vec<KeyUse> {
    let mut uses = metadata.last_use(keys).await.unwrap();
    uses.sort_by_key(|used| used.key);
    uses
}

pub(crate) async fn last_use(world: &World) {
    let metadata = world.open().await;
    let used = |key: KeyId, seconds: i64, tool: &str| KeyUse {
        key,
        at: at(seconds),
        peer: "2001:db8::7".parse().unwrap(),
        tool: tool.to_owned(),
    };
    let (a, b) = (KeyId::from_u128(1), KeyId::from_u128(2));
    metadata.record_use(&[]).await.unwrap();
    assert_eq!(last(&metadata, &[a, b]).await, []);
    assert_eq!(last(&metadata, &[]).await, []);
    metadata.record_use(&[used(b, 5, "b"), used(a, 9, "newest"), used(a, 3, "older")]).await.unwrap();
    assert_eq!(last(&metadata, &[a, b, KeyId::generate()]).await, [used(a, 9, "newest"), used(b, 5, "b")]);
    // A batch that comes late changes nothing.
    metadata.record_use(&[used(a, 8, "late"), used(b, 6, "later")]).await.unwrap();
    assert_eq!(last(&metadata, &[a, b]).await, [used(a, 9, "newest"), used(b, 6, "later")]);

    let many: Vec<KeyUse> = (10..1_210).map(|id| used(KeyId::from_u128(id), 1, "rclone")).collect();
    let ids: Vec<KeyId> = many.iter().map(|used| used.key).collect();
    metadata.record_use(&many).await.unwrap();
    assert_eq!(last(&metadata, &ids).await, many);
}

pub(crate) async fn errors_hold_no_secret(world: &World) {
    let (metadata, _, admin) = world.home().await;
    let storage = metadata.create_storage(new_storage(&admin, "files")).await.unwrap();
    // PostgreSQL shows the whole row when a check fails.
    let dead = Key { state: KeyState::Deleted, ..key_for(&storage, "dead") };
    let error = metadata.create_key(&dead, &StoredSecret::Sealed(vec![0xab; 16])).await.unwrap_err();
    assert_eq!(error.kind, MetadataErrorKind::Refused);
    let text = format!("{error:?} {error} {:?}", StoredSecret::Sealed(vec![0xab; 16]));
    assert!(!text.contains("abab") && !text.contains("171"), "{text}");
    assert_eq!(metadata.all_keys().await.unwrap(), []);
}

pub(crate) async fn idle_keys(world: &World) {
    let (metadata, site, admin) = world.home().await;
    let storage = metadata.create_storage(new_storage(&admin, "files")).await.unwrap();
    let make = async |text: &str, change: fn(&mut Key)| {
        let mut key = key_for(&storage, text);
        change(&mut key);
        metadata.create_key(&key, &StoredSecret::None).await.unwrap();
        key
    };
    let idle = make("never used", |_| ()).await;
    let forgotten = make("used long ago", |_| ()).await;
    let used = make("used", |_| ()).await;
    make("off", |key| key.permission = Permission::None).await;
    make("new", |key| key.created = at(100)).await;
    let deleted = make("deleted", |_| ()).await;
    metadata.delete_key(deleted.id, at(50)).await.unwrap();
    let use_of = |key: &Key, seconds| KeyUse {
        key: key.id,
        at: at(seconds),
        peer: [192, 0, 2, 1].into(),
        tool: String::new(),
    };
    metadata.record_use(&[use_of(&forgotten, 99), use_of(&used, 100)]).await.unwrap();
    // One that comes late changes nothing.
    metadata.record_use(&[use_of(&used, 10)]).await.unwrap();
    let found = async |limit| metadata.idle_keys(site.id, at(100), limit).await.unwrap();
    assert_eq!(found(10).await, [idle.clone(), forgotten]);
    assert_eq!(found(1).await, [idle]);
    let elsewhere = portcullis_domain::SiteId::generate();
    assert_eq!(metadata.idle_keys(elsewhere, at(100), 10).await.unwrap(), []);
    let differ =
        "SELECT COUNT(*) FROM keys k JOIN key_uses u ON u.key_id = k.id WHERE u.at_us <> k.last_used_us";
    assert_eq!(world.numbers(differ).await, [0]);
}

pub(crate) async fn living_and_deleted_by_id(world: &World) {
    let (metadata, _, admin) = world.home().await;
    let storage = metadata.create_storage(new_storage(&admin, "files")).await.unwrap();
    let mut keys = Vec::new();
    // More than one statement takes.
    for number in 0..502 {
        let key = key_for(&storage, &format!("key {number}"));
        metadata.create_key(&key, &StoredSecret::None).await.unwrap();
        keys.push(key);
    }
    metadata.delete_key(keys[7].id, at(50)).await.unwrap();
    let ids: Vec<_> = keys.iter().map(|key| key.id).chain([KeyId::generate()]).collect();
    let mut found = metadata.keys_with_end(&ids).await.unwrap();
    found.sort_by_key(|(key, _)| key.id);
    assert_eq!(found.len(), keys.len());
    let ended: Vec<_> = found.iter().filter_map(|(key, end)| Some((key.name.as_str(), (*end)?))).collect();
    assert_eq!(ended, [("key 7", at(50))]);
    assert!(found.iter().all(|(key, end)| (key.state == KeyState::Deleted) == end.is_some()));
    assert!(metadata.keys_with_end(&[]).await.unwrap().is_empty());
}
