//! The embedded store: the promises of the trait, and what only a store on a disk can get wrong.

mod cache;
mod collect;
mod crash;
mod damage;
mod listing;
mod world;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use portcullis_backend::Backend;
use portcullis_backend::builtin::{Store, StoreOptions};
use portcullis_backend::conformance::suite;
use portcullis_domain::{Clock, ManualClock, StorageId, SystemClock, Timestamp};

async fn conforms(options: StoreOptions, clock: Arc<dyn Clock>) {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path(), options, clock).unwrap();
    let number = AtomicU64::new(1);
    let report = suite(async || {
        let id = StorageId::from_u128(number.fetch_add(1, Ordering::Relaxed).into());
        let backend: Arc<dyn Backend> = store.backend(id).await.unwrap();
        backend
    })
    .await;
    assert!(report.broken.is_empty(), "{report}");
    assert!(report.skipped.is_empty(), "the embedded store can do everything: {:?}", report.skipped);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn conformance() {
    conforms(StoreOptions::default(), Arc::new(SystemClock)).await;
}

/// Every body becomes a file, nothing is cached, storages are closed as soon as they can be, and time stands still.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn conformance_of_the_other_paths() {
    let clock = Arc::new(ManualClock::at(Timestamp::from_seconds(1_800_000_000)));
    conforms(StoreOptions { inline_max: 0, cache_bytes: 0, max_open: 0, ..StoreOptions::default() }, clock)
        .await;
}
