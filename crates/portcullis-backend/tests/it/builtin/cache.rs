//! No reader ever sees the past.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use portcullis_backend::builtin::StoreOptions;
use portcullis_backend::{
    Backend, BackendErrorKind, Body, DeleteOptions, GetOptions, GetOutcome, PutOptions,
};

use super::world::{World, get, key};

const KEYS: usize = 8;
const WRITES: u64 = 400;
const READERS: usize = 4;

/// What was acknowledged last for each key.
type Acknowledged = Arc<Vec<AtomicU64>>;

fn number(bytes: &Bytes) -> u64 {
    u64::from_be_bytes(bytes[..8].try_into().unwrap())
}

/// Writers replace bodies with ever greater numbers; every reader must see numbers that never fall, and at least the one
/// that was acknowledged before it asked. Bodies are small (cached) or, every fifth, in files.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_reader_never_goes_back_in_time() {
    let world = World::new(StoreOptions { cache_bytes: 1 << 20, ..StoreOptions::default() }).await;
    let acknowledged: Acknowledged = Arc::new((0..KEYS).map(|_| AtomicU64::new(0)).collect());
    let mut tasks = tokio::task::JoinSet::new();
    for at in 0..KEYS {
        world.put(&at.to_string(), 0u64.to_be_bytes().to_vec()).await;
        let (backend, acknowledged) = (Arc::clone(&world.backend), Arc::clone(&acknowledged));
        tasks.spawn(async move {
            for number in 1..=WRITES {
                let mut bytes = number.to_be_bytes().to_vec();
                bytes.resize(if number % 5 == 0 { 20_000 } else { 500 }, 1);
                let body = Body::Full(bytes.into());
                backend.put(&key(&at.to_string()), body, PutOptions::default()).await.unwrap();
                acknowledged[at].store(number, Ordering::SeqCst);
            }
        });
    }
    for _ in 0..READERS {
        let (backend, acknowledged) = (Arc::clone(&world.backend), Arc::clone(&acknowledged));
        tasks.spawn(async move {
            let mut seen = [0u64; KEYS];
            while seen.iter().any(|seen| *seen < WRITES) {
                for (at, seen) in seen.iter_mut().enumerate() {
                    let at_least = acknowledged[at].load(Ordering::SeqCst).max(*seen);
                    let got = number(&get(&backend, &at.to_string()).await.unwrap());
                    assert!(got >= at_least, "key {at}: {got} after {at_least}");
                    *seen = got;
                }
                tokio::task::yield_now().await;
            }
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended.unwrap();
    }
    assert_eq!(world.recount().usage, world.backend.usage().await.unwrap());
}

#[tokio::test]
async fn every_kind_of_change_is_seen_at_once() {
    let world = World::new(StoreOptions::default()).await;
    let tags = || vec![("a".to_owned(), "b".to_owned())];
    world.put("k", "one").await;
    assert_eq!(world.get("k").await.unwrap(), "one");
    world.put("k", "two").await;
    assert_eq!(world.get("k").await.unwrap(), "two");
    world.backend.set_tags(&key("k"), None, tags()).await.unwrap();
    let GetOutcome::Found(meta) = world.backend.head(&key("k"), &GetOptions::default()).await.unwrap() else {
        panic!("not found");
    };
    assert_eq!(meta.tags, tags());
    world.put("other", "three").await;
    world.backend.copy(&key("other"), &key("k"), Default::default()).await.unwrap();
    assert_eq!(world.get("k").await.unwrap(), "three");
    let version =
        DeleteOptions { version: Some(world.put("k", "four").await.version), ..DeleteOptions::default() };
    assert_eq!(world.get("k").await.unwrap(), "four");
    world.backend.delete(&key("k"), &version).await.unwrap();
    assert_eq!(world.get("k").await.unwrap_err().kind, BackendErrorKind::NotFound);
    let whole = world.put_in_parts("k", 10).await;
    assert!(world.get("k").await.unwrap() == whole);
}
