//! What the list says storages hold, against what they hold.

use std::time::Duration;

use bytes::Bytes;
use portcullis_access::{
    Body, CompleteOptions, CompletedPart, CopyOptions, Delete, DeleteOptions, Get, GetOptions, List,
    PartOptions, Principal, Put, PutOptions, StorageAccess, UploadOptions,
};
use portcullis_control::{ConnectionRow, ConnectionSort, ConnectionsQuery, ScopeDraft};
use portcullis_domain::{Clock as _, Health, KeyPrefix, ObjectKey, Storage, Timestamp, Usage};
use tokio_util::sync::CancellationToken;

use crate::world::World;

fn object(text: &str) -> ObjectKey {
    ObjectKey::parse(text).unwrap()
}

fn body(size: usize) -> Body {
    Body::Full(Bytes::from(vec![7; size]))
}

async fn put(at: &StorageAccess, key: &str, size: usize) {
    at.grant::<Put>(object(key)).unwrap().put(body(size), PutOptions::default()).await.unwrap();
}

impl World {
    async fn row(&self, storage: &Storage) -> ConnectionRow {
        let page = self.control.connections(&self.admin, &ConnectionsQuery::default()).await.unwrap();
        page.rows.into_iter().find(|row| row.storage.id == storage.id).unwrap()
    }

    async fn listed_usage(&self, storage: &Storage) -> Usage {
        self.row(storage).await.usage.unwrap().usage
    }

    async fn refresh(&self) {
        self.control.refresh_facts(&self.system).await.unwrap();
    }

    async fn at(&self, who: &Principal, storage: &Storage) -> StorageAccess {
        self.access.storage_by_id(who, storage.id).await.unwrap()
    }

    async fn key_holder(&self, storage: &Storage) -> Principal {
        let id = storage.id.to_string();
        let key = self
            .key(|key| (key.scope, key.permission) = (ScopeDraft::Storage(id), "read_write".into()))
            .await;
        self.bearer(&key).await.unwrap()
    }
}

#[tokio::test]
async fn a_new_storage_has_numbers_at_once() {
    let world = World::new().await;
    let storage = world.storage("new").await;
    let row = world.row(&storage).await;
    let usage = row.usage.unwrap();
    assert_eq!((usage.usage, usage.at), (Usage::default(), world.clock.now()));
    assert_eq!((row.health, row.health_since), (Some(Health::Reachable), Some(world.clock.now())));
    assert_eq!(row.last_used, None);
    let live = world.control.storage(&world.admin, storage.id).await.unwrap();
    assert_eq!(row.available, live.available);
}

/// The clock stands, so nothing is due: each of these is measured because it was noted, or not at all.
#[tokio::test]
async fn whatever_changes_a_storage_shows_after_a_round() {
    let world = World::new().await;
    let (storage, other) = (world.storage("files").await, world.storage("other").await);
    world.refresh().await;
    let at = world.at(world.admin.principal(), &storage).await;
    let mut before = Usage::default();
    let mut changes = 0;
    let mut check = async |what: &str| {
        let after = world.control.storage(&world.admin, storage.id).await.unwrap().usage.unwrap();
        assert_ne!(after, before, "{what} changed nothing");
        assert_eq!(world.listed_usage(&storage).await, before, "{what} is in the list before a round");
        world.refresh().await;
        assert_eq!(world.listed_usage(&storage).await, after, "{what}");
        before = after;
        changes += 1;
    };
    put(&at, "a/b", 100).await;
    check("put").await;
    let (from, to) = (at.grant::<Get>(object("a/b")).unwrap(), at.grant::<Put>(object("c")).unwrap());
    from.copy_to(to, CopyOptions::default()).await.unwrap();
    check("copy").await;
    at.grant::<Delete>(object("c")).unwrap().delete(DeleteOptions::default()).await.unwrap();
    check("delete").await;
    let grant = || at.grant::<Put>(object("large")).unwrap();
    let upload = grant().create_upload(UploadOptions::default()).await.unwrap();
    let part = grant().upload_part(&upload, 1, body(50), PartOptions::default()).await.unwrap();
    check("upload of a part").await;
    let parts = [CompletedPart { number: 1, etag: part.etag.to_string(), checksum: None }];
    grant().complete_upload(&upload, &parts, CompleteOptions::default()).await.unwrap();
    check("completion").await;
    let upload = grant().create_upload(UploadOptions::default()).await.unwrap();
    grant().upload_part(&upload, 1, body(60), PartOptions::default()).await.unwrap();
    check("upload of another part").await;
    grant().abort_upload(&upload).await.unwrap();
    check("abort").await;
    let elsewhere = world.at(world.admin.principal(), &other).await;
    let source = elsewhere.grant::<Put>(object("x")).unwrap();
    source.put(body(9), PutOptions::default()).await.unwrap();
    world.refresh().await;
    let source = elsewhere.grant::<Get>(object("x")).unwrap();
    source.copy_to(at.grant::<Put>(object("y")).unwrap(), CopyOptions::default()).await.unwrap();
    check("copy from another storage").await;
    assert_eq!(changes, 8);
    assert_eq!(world.listed_usage(&other).await.bytes, 9);
}

#[tokio::test]
async fn what_a_key_does_is_a_use() {
    let world = World::new().await;
    let (storage, other) = (world.storage("files").await, world.storage("other").await);
    put(&world.at(world.admin.principal(), &storage).await, "a", 1).await;
    let holder = Box::pin(world.key_holder(&storage)).await;
    // To enter, or to ask for the numbers, is not to do something there.
    let at = world.at(&holder, &storage).await;
    at.usage().await.unwrap();
    world.refresh().await;
    assert_eq!(world.row(&storage).await.last_used, None);
    let mut moments: Vec<Timestamp> = Vec::new();
    for round in 0..3 {
        world.clock.advance(Duration::from_secs(5));
        match round {
            0 => drop(at.grant::<List>(KeyPrefix::default()).unwrap().page(None, None, 1).await.unwrap()),
            1 => drop(at.grant::<Get>(object("a")).unwrap().get(GetOptions::default()).await.unwrap()),
            _ => put(&at, "b", 1).await,
        }
        let now = world.clock.now();
        world.clock.advance(Duration::from_secs(5));
        world.refresh().await;
        assert_eq!(world.row(&storage).await.last_used, Some(now), "{round}");
        moments.push(now);
    }
    assert!(moments.is_sorted());
    assert_eq!(world.row(&other).await.last_used, None);
    let query =
        ConnectionsQuery { sort: ConnectionSort::LastUsed, descending: true, ..ConnectionsQuery::default() };
    let page = world.control.connections(&world.admin, &query).await.unwrap();
    let names: Vec<_> = page.rows.iter().map(|row| row.storage.name.as_str()).collect();
    assert_eq!(names, ["files", "other"]);
}

#[tokio::test]
async fn every_storage_is_measured_now_and_then() {
    let world = World::new().await;
    let storage = world.storage("files").await;
    let made = world.clock.now();
    world.clock.advance(Duration::from_secs(59 * 60));
    world.refresh().await;
    assert_eq!(world.row(&storage).await.usage.unwrap().at, made);
    world.clock.advance(Duration::from_secs(60));
    world.refresh().await;
    assert_eq!(world.row(&storage).await.usage.unwrap().at, world.clock.now());
}

#[tokio::test]
async fn the_last_round_comes_after_the_stop() {
    let world = World::new().await;
    let storage = world.storage("files").await;
    let holder = Box::pin(world.key_holder(&storage)).await;
    put(&world.at(&holder, &storage).await, "a", 12).await;
    let stop = CancellationToken::new();
    stop.cancel();
    world.control.keep_facts(&world.system, stop).await;
    let row = world.row(&storage).await;
    assert_eq!((row.usage.unwrap().usage.bytes, row.last_used), (12, Some(world.clock.now())));
}

#[tokio::test]
async fn what_cannot_be_written_waits() {
    let world = World::new().await;
    let storage = world.storage("files").await;
    put(&world.at(world.admin.principal(), &storage).await, "a", 12).await;
    world.execute("ALTER TABLE storage_facts RENAME TO elsewhere").await;
    world.control.refresh_facts(&world.system).await.unwrap_err();
    world.execute("ALTER TABLE elsewhere RENAME TO storage_facts").await;
    assert_eq!(world.listed_usage(&storage).await.bytes, 0);
    world.refresh().await;
    assert_eq!(world.listed_usage(&storage).await.bytes, 12);
}
