//! The driver in memory keeps the promises of the trait.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use portcullis_backend::conformance::suite;
use portcullis_backend::memory::{MemoryBackend, MemoryDrivers};
use portcullis_backend::{
    Backend, BackendErrorKind, Body, CopyOptions, DeleteOptions, Drivers, GetOptions, GetOutcome,
    PartOptions, PutOptions, UploadOptions,
};
use portcullis_domain::{
    BucketName, Clock, Connection, ConnectionId, DisplayName, Label, ManualClock, Networks, ObjectKey,
    Permission, Provider, SiteId, Storage, StorageId, StorageState, SystemClock, Timestamp, UserId,
};

fn key(text: &str) -> ObjectKey {
    ObjectKey::parse(text).unwrap()
}

fn memory(clock: Arc<dyn Clock>) -> Arc<dyn Backend> {
    Arc::new(MemoryBackend::new(clock))
}

fn body(length: usize) -> Body {
    Body::Full(Bytes::from(vec![7; length]))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn conformance() {
    let report = suite(async || memory(Arc::new(SystemClock))).await;
    println!("skipped: {:?}", report.skipped);
    assert!(report.broken.is_empty(), "{report}");
    assert!(report.skipped.is_empty(), "memory can do everything: {:?}", report.skipped);
}

/// A clock that stands still must not change the order of versions and uploads.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn conformance_while_the_clock_stands_still() {
    let clock = Arc::new(ManualClock::at(Timestamp::from_seconds(1_800_000_000)));
    let report = suite(async || memory(clock.clone())).await;
    assert!(report.broken.is_empty(), "{report}");
}

#[tokio::test]
async fn the_clock_dates_what_is_written() {
    let clock = Arc::new(ManualClock::at(Timestamp::from_seconds(1000)));
    let backend = MemoryBackend::new(clock.clone());
    let first = backend.put(&key("k"), body(1), PutOptions::default()).await.unwrap();
    assert_eq!(first.modified, Timestamp::from_seconds(1000));
    clock.advance(Duration::from_secs(5));
    let copy = backend.copy(&key("k"), &key("c"), CopyOptions::default()).await.unwrap();
    assert_eq!(copy.modified, Timestamp::from_seconds(1005));
    backend.set_tags(&key("k"), None, vec![("a".into(), "b".into())]).await.unwrap();
    let GetOutcome::Found(meta) = backend.head(&key("k"), &GetOptions::default()).await.unwrap() else {
        panic!("not found");
    };
    assert_eq!(meta.modified, first.modified);
}

#[tokio::test]
async fn memory_that_is_full_refuses_more() {
    let backend = MemoryBackend::new(Arc::new(SystemClock)).with_limit(100);
    assert_eq!(backend.available().await.unwrap(), Some(100));
    backend.put(&key("a"), body(60), PutOptions::default()).await.unwrap();
    assert_eq!(backend.available().await.unwrap(), Some(40));
    let full = |kind| assert_eq!(kind, BackendErrorKind::Full);
    full(backend.put(&key("b"), body(41), PutOptions::default()).await.unwrap_err().kind);
    full(backend.copy(&key("a"), &key("b"), CopyOptions::default()).await.unwrap_err().kind);
    let upload = backend.create_upload(&key("b"), UploadOptions::default()).await.unwrap();
    let at = key("b");
    let part = |length| backend.upload_part(&at, &upload, 1, body(length), PartOptions::default());
    full(part(41).await.unwrap_err().kind);
    part(40).await.unwrap();
    assert_eq!(backend.available().await.unwrap(), Some(0));
    backend.delete(&key("a"), &DeleteOptions::default()).await.unwrap();
    assert_eq!(backend.available().await.unwrap(), Some(60));
    let unlimited = MemoryBackend::new(Arc::new(SystemClock));
    assert_eq!(unlimited.available().await.unwrap(), None);
}

fn storage(id: u128) -> Storage {
    Storage {
        id: StorageId::from_u128(id),
        site: SiteId::from_u128(1),
        owner: UserId::from_u128(1),
        number: 1,
        name: DisplayName::parse("Papers").unwrap(),
        label: Label::parse("papers").unwrap(),
        bucket: BucketName::parse("papers-1-1").unwrap(),
        connection: Connection {
            id: ConnectionId::from_u128(1),
            provider: Provider::Builtin,
            region: "local".into(),
            endpoint: None,
            bucket: None,
            path_style: true,
        },
        permission: Permission::Full,
        networks: Networks::default(),
        s3_access: true,
        quota_bytes: None,
        state: StorageState::Active,
        created: Timestamp::default(),
        paused_until: None,
        trial: None,
    }
}

#[tokio::test]
async fn every_storage_has_a_backend_of_its_own() {
    let drivers = MemoryDrivers::new(Arc::new(SystemClock));
    let one = drivers.open(&storage(1), None).await.unwrap();
    one.put(&key("k"), body(1), PutOptions::default()).await.unwrap();
    drop(one);
    let again = drivers.open(&storage(1), None).await.unwrap();
    assert_eq!(again.usage().await.unwrap().files, 1);
    let other = drivers.open(&storage(2), None).await.unwrap();
    assert_eq!(other.usage().await.unwrap().files, 0);
}
