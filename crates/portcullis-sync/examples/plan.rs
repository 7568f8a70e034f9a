//! How long a plan takes, and how much memory: two sides of so many keys, made up as they are listed, one of them so many milliseconds away.
//!
//! `cargo run --release -p portcullis-sync --example plan -- 1000000 50` (keys, milliseconds for each request to the bucket, and as a third
//! word `first` for a plan without an agreement)

#![expect(clippy::print_stdout, reason = "that is what it is for")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use portcullis_backend::{
    Body, CompleteOptions, CompletedPart, CopyOptions, DeleteOptions, DeleteOutcome, Etag, GetOptions,
    ListPage, ListPosition, ListRequest, ListedObject, Object, ObjectMeta, Part, PartOptions, PartsPage,
    PutOptions, PutOutcome, UploadId, UploadOptions,
};
use portcullis_domain::{ObjectKey, Timestamp};
use portcullis_sync::{
    Abilities, Agreed, BasePages, BaseUse, GuardLimits, Mark, Mode, NewPage, PAGE, PageSink, PlanProgress,
    PlanTerms, Policy, Sides, Store, StoreError, StoreFault, encode, make_plan,
};
use tokio_util::sync::CancellationToken;

/// A side that holds the keys from 0 to `count`.
#[derive(Debug)]
struct MadeUp {
    count: u64,
    away: Duration,
}

fn refused<T>() -> Result<T, StoreError> {
    Err(StoreError::new(StoreFault::Unsupported, "measure"))
}

fn corrupt<E>(_: E) -> StoreError {
    StoreError::new(StoreFault::Corrupt, "measure")
}

fn key(at: u64) -> Result<ObjectKey, StoreError> {
    ObjectKey::parse(&format!("folder-{:05}/file-{at:010}.dat", at / 1000)).map_err(corrupt)
}

/// The number of a key.
fn number(key: &str) -> Option<u64> {
    key.rsplit_once("file-")?.1.strip_suffix(".dat")?.parse().ok()
}

fn mark(at: u64) -> Mark {
    let mut digest = [0; 16];
    for (byte, from) in digest.iter_mut().zip(at.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes()) {
        *byte = from;
    }
    Mark { etag: Etag::Md5 { digest, parts: None }, size: at % 100_000 + 1 }
}

#[async_trait]
impl Store for MadeUp {
    fn abilities(&self) -> Abilities {
        Abilities {
            conditional_writes: true,
            conditional_copies: true,
            conditional_deletes: true,
            keeps_versions: true,
            remote: !self.away.is_zero(),
            longest_key: 1024,
            largest_object: u64::MAX,
            largest_copy: u64::MAX,
            folds_unicode: false,
            folds_case: false,
            file_beside_folder: true,
            etag_is_md5: true,
        }
    }

    async fn list(&self, request: &ListRequest) -> Result<ListPage, StoreError> {
        if !self.away.is_zero() {
            tokio::time::sleep(self.away).await;
        }
        let first = match &request.after {
            None => 0,
            Some(ListPosition::AfterKey(key) | ListPosition::AfterPrefix(key)) => {
                number(key).ok_or(()).map_err(corrupt)? + 1
            }
        };
        let end = self.count.min(first + 1000);
        let objects: Result<Vec<_>, StoreError> = (first..end)
            .map(|at| {
                let Mark { etag, size } = mark(at);
                let modified = Timestamp::from_seconds(1_800_000_000);
                Ok(ListedObject {
                    key: key(at)?,
                    size,
                    modified,
                    etag,
                    checksum: None,
                    archived: false,
                    user_modified: None,
                })
            })
            .collect();
        let objects = objects?;
        let next = objects.last().filter(|_| end < self.count);
        let next = next.map(|last| ListPosition::AfterKey(last.key.as_str().to_owned()));
        Ok(ListPage { objects, prefixes: Vec::new(), next })
    }

    async fn head(&self, _: &ObjectKey, _: &GetOptions) -> Result<ObjectMeta, StoreError> {
        refused()
    }

    async fn get(&self, _: &ObjectKey, _: GetOptions) -> Result<Object, StoreError> {
        refused()
    }

    async fn put(&self, _: &ObjectKey, _: Body, _: PutOptions) -> Result<PutOutcome, StoreError> {
        refused()
    }

    async fn copy(&self, _: &ObjectKey, _: &ObjectKey, _: CopyOptions) -> Result<PutOutcome, StoreError> {
        refused()
    }

    async fn delete(&self, _: &ObjectKey, _: &DeleteOptions) -> Result<DeleteOutcome, StoreError> {
        refused()
    }

    async fn create_upload(&self, _: &ObjectKey, _: UploadOptions) -> Result<UploadId, StoreError> {
        refused()
    }

    async fn upload_part(
        &self,
        _: &ObjectKey,
        _: &UploadId,
        _: u16,
        _: Body,
        _: PartOptions,
    ) -> Result<Part, StoreError> {
        refused()
    }

    async fn list_parts(
        &self,
        _: &ObjectKey,
        _: &UploadId,
        _: u16,
        _: usize,
    ) -> Result<PartsPage, StoreError> {
        refused()
    }

    async fn complete_upload(
        &self,
        _: &ObjectKey,
        _: &UploadId,
        _: &[CompletedPart],
        _: CompleteOptions,
    ) -> Result<PutOutcome, StoreError> {
        refused()
    }

    async fn abort_upload(&self, _: &ObjectKey, _: &UploadId) -> Result<(), StoreError> {
        refused()
    }
}

#[async_trait]
impl BasePages for MadeUp {
    async fn page(&self, no: u64) -> Result<Option<Vec<u8>>, StoreError> {
        let size = u64::try_from(PAGE).map_err(corrupt)?;
        let (first, end) = (no * size, self.count.min((no + 1) * size));
        if first >= end {
            return Ok(None);
        }
        let entries: Result<Vec<_>, StoreError> = (first..end)
            .map(|at| Ok(Agreed { key: key(at)?, marks: Sides { storage: mark(at), bucket: mark(at) } }))
            .collect();
        encode(&entries?).map(Some)
    }
}

/// Pages that are counted and dropped.
#[derive(Debug)]
struct Nowhere;

#[async_trait]
impl PageSink for Nowhere {
    async fn page(&self, _: NewPage) -> Result<(), StoreError> {
        Ok(())
    }
}

/// The most memory that this process ever had, in MB.
fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kib| kib / 1024)
}

#[tokio::main(worker_threads = 2)]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize, other| words.get(at).map_or(Ok(other), |word| word.parse::<u64>());
    let (count, away) = (number(0, 1_000_000)?, Duration::from_millis(number(1, 50)?));
    let first = words.get(2).is_some_and(|word| word == "first");
    let side = |away| -> Arc<dyn Store> { Arc::new(MadeUp { count, away }) };
    let stores = Sides { storage: side(Duration::ZERO), bucket: side(away) };
    let terms = PlanTerms {
        mode: Mode::TwoWay,
        policy: Policy::KeepBoth,
        abilities: Sides { storage: stores.storage.abilities(), bucket: stores.bucket.abilities() },
        skew: None,
        read_budget: 0,
        base: if first { BaseUse::None } else { BaseUse::Known },
        now: Timestamp::default(),
        limits: GuardLimits::default(),
        quota_left: Sides::default(),
        parallel: 16,
    };
    let base = Arc::new(MadeUp { count, away: Duration::ZERO });
    let began = Instant::now();
    let result = make_plan(
        &stores,
        base,
        &Nowhere,
        &terms,
        Arc::new(PlanProgress::default()),
        &CancellationToken::new(),
    )
    .await?;
    let took = began.elapsed().as_secs_f64();
    println!(
        "{count} against {count} keys in {took:.2} s; {} unchanged, {} actions; {} + {} listings, {} looks; {} MB at most",
        result.totals.unchanged,
        result.totals.actions,
        result.cost.list_requests.storage,
        result.cost.list_requests.bucket,
        result.cost.head_requests.storage + result.cost.head_requests.bucket,
        peak().unwrap_or(0),
    );
    Ok(())
}
