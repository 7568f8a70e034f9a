//! Keys that deserve a look: unused, about to end, writing from anywhere.

use portcullis_domain::{
    Channel, Key, KeyId, NetworkEntry, Networks, Permission, Role, Scope, Storage, StorageState, User,
};
use portcullis_metadata::{KeyReview, KeyUse, Metadata, NewStorage, NewUser, ReviewReason, StoredSecret};

use crate::lists::{NOW, neighbours};
use crate::world::{World, at, key_for, new_storage, new_user};

struct Reviewed {
    metadata: Metadata,
    review: KeyReview,
}

impl Reviewed {
    async fn counts(&self) -> (u64, u64, u64, u64) {
        let found = self.metadata.keys_to_review(&self.review).await.unwrap();
        (found.unused, found.expiring, found.writing_from_anywhere, found.any)
    }

    async fn key(&self, storage: &Storage, name: &str, change: impl FnOnce(&mut Key)) -> KeyId {
        let mut key = Key { created: at(600), ..key_for(storage, name) };
        change(&mut key);
        self.metadata.create_key(&key, &StoredSecret::None).await.unwrap();
        key.id
    }
}

pub(crate) async fn keys_that_deserve_a_look(world: &World) {
    let (metadata, main, admin) = world.home().await;
    neighbours(&metadata).await;
    let review = KeyReview { site: main.id, now: at(NOW), unused_since: at(500), ends_before: at(2_000) };
    let office = Networks::new(vec![NetworkEntry::parse("203.0.113.0/24", "").unwrap()]).unwrap();
    let open = metadata.create_storage(new_storage(&admin, "open")).await.unwrap();
    let inside = NewStorage { networks: office.clone(), ..new_storage(&admin, "inside") };
    let inside = metadata.create_storage(inside).await.unwrap();
    let world = Reviewed { metadata: metadata.clone(), review };
    assert_eq!(world.counts().await, (0, 0, 0, 0));

    // Nothing to say of these.
    world.key(&open, "new and narrow", |_| ()).await;
    world.key(&open, "ends late", |key| key.expires = Some(at(2_000))).await;
    world.key(&open, "over", |key| key.expires = Some(at(NOW))).await;
    world.key(&open, "off", |key| key.permission = Permission::None).await;
    world.key(&inside, "bound by its storage", |key| key.permission = Permission::ReadWrite).await;
    let writing = |key: &mut Key| key.permission = Permission::Write;
    world.key(&open, "bound by itself", |key| (writing(key), key.networks = office.clone()).0).await;
    let old = |key: &mut Key| key.created = at(499);
    let used = world.key(&open, "old but used", old).await;
    let use_of =
        |key, seconds| KeyUse { key, at: at(seconds), peer: [192, 0, 2, 1].into(), tool: String::new() };
    metadata.record_use(&[use_of(used, 500)]).await.unwrap();
    assert_eq!(world.counts().await, (0, 0, 0, 0));
    assert_eq!(metadata.keys_to_review(&review).await.unwrap().example, None);

    let ending = world.key(&open, "ends soon", |key| key.expires = Some(at(1_999))).await;
    assert_eq!(world.counts().await, (0, 1, 0, 1));
    let example = metadata.keys_to_review(&review).await.unwrap().example.unwrap();
    assert_eq!((example.key, example.reason), (ending, ReviewReason::Expiring));
    assert_eq!(example.storage.as_ref().map(|(id, name)| (*id, name.as_str())), Some((open.id, "open")));

    let unused = world.key(&open, "never used", old).await;
    let stale = world.key(&open, "used long ago", old).await;
    metadata.record_use(&[use_of(stale, 499)]).await.unwrap();
    assert_eq!(world.counts().await, (2, 1, 0, 3));
    let example = metadata.keys_to_review(&review).await.unwrap().example.unwrap();
    assert_eq!(
        (example.key, example.name.as_str(), example.reason),
        (unused, "never used", ReviewReason::Unused)
    );

    // One key for two reasons counts once among all.
    let wide = world.key(&open, "wide and old", |key| (writing(key), old(key)).0).await;
    assert_eq!(world.counts().await, (3, 1, 1, 4));
    let example = metadata.keys_to_review(&review).await.unwrap().example.unwrap();
    assert_eq!((example.key, example.reason), (wide, ReviewReason::WritesFromAnywhere));
    keys_of_users(&world, &open, &admin).await;

    // A storage that is closed to writing, or to S3, or gone, is written to by nobody.
    let narrowed = |change: &dyn Fn(&mut Storage)| {
        let mut storage = open.clone();
        change(&mut storage);
        storage
    };
    let before = world.counts().await.2;
    for storage in [
        narrowed(&|storage| storage.permission = Permission::Read),
        narrowed(&|storage| storage.s3_access = false),
        narrowed(&|storage| storage.networks = office.clone()),
        narrowed(&|storage| storage.state = StorageState::Detached),
    ] {
        let same = metadata.storage(open.id).await.unwrap().unwrap();
        metadata.update_storage_if_same(&same, &storage).await.unwrap();
        assert_eq!(world.counts().await.2, before - 1, "{storage:?}");
    }

    // One of which the secret was found comes first, switched off or not, and counts once.
    let any = world.counts().await.3;
    let found = |key: &mut Key| key.leaked = Some(at(700));
    let off =
        world.key(&open, "found and off", |key| (found(key), key.permission = Permission::None).0).await;
    world.key(&open, "found and never used", |key| (found(key), old(key)).0).await;
    let review = metadata.keys_to_review(&review).await.unwrap();
    assert_eq!((review.secret_found, review.any), (2, any + 2));
    let example = review.example.unwrap();
    assert_eq!((example.key, example.reason), (off, ReviewReason::SecretFound));
}

async fn keys_of_users(world: &Reviewed, storage: &Storage, admin: &User) {
    let member = NewUser { role: Role::Member, ..new_user(admin.site, "member") };
    let member = world.metadata.create_user(member).await.unwrap();
    let before = world.counts().await.2;
    for (scope, counts) in [(Scope::User(member.id), 0), (Scope::User(admin.id), 1), (Scope::Site, 2)] {
        let full = |key: &mut Key| {
            (key.scope, key.channel, key.permission) = (scope, Channel::Rest, Permission::Full);
        };
        world.key(storage, "of a user", full).await;
        assert_eq!(world.counts().await.2, before + counts, "{scope:?}");
    }
    let found = world.metadata.keys_to_review(&world.review).await.unwrap();
    assert!(found.any <= found.unused + found.expiring + found.writing_from_anywhere);
}
