//! Runs over the driver in memory, with parts as large as real ones: what travels, pauses, sides that do not answer, pace.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use portcullis_backend::memory::MemoryBackend;
use portcullis_backend::{
    Backend, Body, CompleteOptions, CompletedPart, ContentHeaders, CopyOptions, DeleteOptions, DeleteOutcome,
    GetOptions, GetOutcome, ListPage, ListRequest, Object, ObjectMeta, Part, PartOptions, PartsPage,
    PutOptions, PutOutcome, UploadId, UploadOptions, UploadsRequest,
};
use portcullis_domain::{ManualClock, ObjectKey, Overwrite, Timestamp};
use portcullis_sync::{
    Abilities, Action, AsPlanned, Evidence, Journal, Mark, Mode, Op, Pace, Place, Reason, RunEnd,
    RunProgress, RunTerms, Seen, Side, Sides, Step, StepState, Store, StoreError, StoreFault, Transfer, Wish,
    purge, run,
};
use tokio::sync::watch;

use crate::plans::Pages;

/// What a test says to a request, by its name and key and how often there was one of that name: a fault, or nothing.
type Word = Box<dyn Fn(&str, &str, u64) -> Option<StoreFault> + Send + Sync>;

/// A driver as a side.
struct Wired {
    backend: MemoryBackend,
    word: Word,
    calls: Mutex<BTreeMap<&'static str, u64>>,
    keeps_tags: bool,
}

impl fmt::Debug for Wired {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wired")
    }
}

impl Wired {
    fn new(word: Word) -> Arc<Self> {
        let clock = ManualClock::at(Timestamp::from_seconds(1_700_000_000));
        let backend = MemoryBackend::new(Arc::new(clock));
        Arc::new(Self { backend, word, calls: Mutex::default(), keeps_tags: true })
    }

    fn calm() -> Arc<Self> {
        Self::new(Box::new(|_, _, _| None))
    }

    fn ask(&self, name: &'static str, key: &str) -> Result<(), StoreError> {
        let count = {
            let mut calls = self.calls.lock().unwrap();
            let count = calls.entry(name).or_default();
            *count += 1;
            *count
        };
        match (self.word)(name, key, count) {
            Some(fault) => Err(StoreError::new(fault, name)),
            None => Ok(()),
        }
    }

    fn calls(&self, name: &str) -> u64 {
        self.calls.lock().unwrap().get(name).copied().unwrap_or_default()
    }
}

fn found<T>(outcome: GetOutcome<T>) -> Result<T, StoreError> {
    match outcome {
        GetOutcome::Found(found) => Ok(found),
        GetOutcome::NotModified(_) => Err(StoreError::new(StoreFault::Changed, "read")),
    }
}

#[async_trait]
impl Store for Wired {
    fn abilities(&self) -> Abilities {
        Abilities {
            conditional_writes: true,
            conditional_copies: true,
            conditional_deletes: true,
            keeps_versions: true,
            remote: false,
            longest_key: 1024,
            largest_object: 5 << 40,
            largest_copy: 5 << 30,
            folds_unicode: false,
            folds_case: false,
            file_beside_folder: true,
            etag_is_md5: true,
        }
    }

    async fn list(&self, request: &ListRequest) -> Result<ListPage, StoreError> {
        self.ask("list", "")?;
        Ok(self.backend.list(request).await?)
    }

    async fn head(&self, key: &ObjectKey, options: &GetOptions) -> Result<ObjectMeta, StoreError> {
        self.ask("head", key.as_str())?;
        found(self.backend.head(key, options).await?)
    }

    async fn get(&self, key: &ObjectKey, options: GetOptions) -> Result<Object, StoreError> {
        self.ask("get", key.as_str())?;
        found(self.backend.get(key, &options).await?)
    }

    async fn put(&self, key: &ObjectKey, body: Body, options: PutOptions) -> Result<PutOutcome, StoreError> {
        self.ask("put", key.as_str())?;
        if !self.keeps_tags && !options.tags.is_empty() {
            return Err(StoreError::new(StoreFault::Unsupported, "put"));
        }
        Ok(self.backend.put(key, body, options).await?)
    }

    async fn copy(
        &self,
        from: &ObjectKey,
        to: &ObjectKey,
        options: CopyOptions,
    ) -> Result<PutOutcome, StoreError> {
        self.ask("copy", to.as_str())?;
        Ok(self.backend.copy(from, to, options).await?)
    }

    async fn delete(&self, key: &ObjectKey, options: &DeleteOptions) -> Result<DeleteOutcome, StoreError> {
        self.ask("delete", key.as_str())?;
        Ok(self.backend.delete(key, options).await?)
    }

    async fn create_upload(&self, key: &ObjectKey, options: UploadOptions) -> Result<UploadId, StoreError> {
        self.ask("create upload", key.as_str())?;
        Ok(self.backend.create_upload(key, options).await?)
    }

    async fn upload_part(
        &self,
        key: &ObjectKey,
        upload: &UploadId,
        number: u16,
        body: Body,
        options: PartOptions,
    ) -> Result<Part, StoreError> {
        self.ask("upload part", key.as_str())?;
        Ok(self.backend.upload_part(key, upload, number, body, options).await?)
    }

    async fn list_parts(
        &self,
        key: &ObjectKey,
        upload: &UploadId,
        after: u16,
        limit: usize,
    ) -> Result<PartsPage, StoreError> {
        self.ask("list parts", key.as_str())?;
        Ok(self.backend.list_parts(key, upload, after, limit).await?)
    }

    async fn complete_upload(
        &self,
        key: &ObjectKey,
        upload: &UploadId,
        parts: &[CompletedPart],
        options: CompleteOptions,
    ) -> Result<PutOutcome, StoreError> {
        self.ask("complete upload", key.as_str())?;
        Ok(self.backend.complete_upload(key, upload, parts, options).await?)
    }

    async fn abort_upload(&self, key: &ObjectKey, upload: &UploadId) -> Result<(), StoreError> {
        self.ask("abort upload", key.as_str())?;
        Ok(self.backend.abort_upload(key, upload).await?)
    }
}

/// A journal in memory.
#[derive(Debug, Default)]
struct Book {
    steps: Mutex<BTreeMap<u64, Step>>,
    writes: AtomicU64,
}

#[async_trait]
impl Journal for Book {
    async fn steps(&self, of: RangeInclusive<u64>) -> Result<Vec<Step>, StoreError> {
        Ok(self.steps.lock().unwrap().range(of).map(|(_, step)| step.clone()).collect())
    }

    async fn write(&self, steps: &[Step]) -> Result<(), StoreError> {
        self.writes.fetch_add(1, Ordering::Relaxed);
        tokio::task::yield_now().await;
        let mut held = self.steps.lock().unwrap();
        held.extend(steps.iter().map(|step| (step.seq, step.clone())));
        Ok(())
    }
}

impl Book {
    fn step(&self, seq: u64) -> Step {
        self.steps.lock().unwrap()[&seq].clone()
    }
}

fn key(text: &str) -> ObjectKey {
    ObjectKey::parse(text).unwrap()
}

async fn put(store: &Wired, at: &str, bytes: impl Into<Bytes>) -> Seen {
    let options = PutOptions {
        content: ContentHeaders {
            content_type: Some("image/png".to_owned()),
            user: vec![("colour".to_owned(), "blue".to_owned())],
            ..ContentHeaders::default()
        },
        tags: vec![("kind".to_owned(), "picture".to_owned())],
        overwrite: Some(Overwrite::KeepPrevious),
        ..PutOptions::default()
    };
    let outcome = store.backend.put(&key(at), Body::Full(bytes.into()), options).await.unwrap();
    Seen {
        mark: Mark { etag: outcome.etag, size: outcome.size },
        modified: outcome.modified,
        archived: false,
    }
}

async fn read(store: &Wired, at: &str) -> Option<(ObjectMeta, Bytes)> {
    let object = store.backend.get(&key(at), &GetOptions::default()).await.ok()?;
    let object = found(object).unwrap();
    match object.body {
        Body::Full(bytes) => Some((object.meta, bytes)),
        Body::Stream(_) => None,
    }
}

fn action(seq: u64, at: &str, op: Op, seen: Sides<Option<Seen>>) -> Action {
    Action { seq, key: key(at), op, reason: Reason::NewStorage, evidence: Evidence::None, seen, agreed: None }
}

fn to_bucket(seq: u64, at: &str, storage: Seen, bucket: Option<Seen>) -> Action {
    action(seq, at, Op::Write { to: Side::Bucket }, Sides { storage: Some(storage), bucket })
}

struct Setting {
    stores: Sides<Arc<dyn Store>>,
    book: Arc<Book>,
    terms: RunTerms,
    progress: RunProgress,
}

fn setting(storage: &Arc<Wired>, bucket: &Arc<Wired>) -> Setting {
    let transfer = Transfer { single: 6 << 20, buffered: 6 << 20, part: 5 << 20, proof: 64 << 20 };
    let terms = RunTerms {
        run: "run-1".to_owned(),
        mode: Mode::TwoWay,
        choose: Arc::new(AsPlanned),
        pace: Pace::default(),
        transfer,
        restores: None,
    };
    let stores: Sides<Arc<dyn Store>> =
        Sides { storage: Arc::<Wired>::clone(storage), bucket: Arc::<Wired>::clone(bucket) };
    Setting { stores, book: Arc::default(), terms, progress: RunProgress::of(0, 0) }
}

impl Setting {
    async fn run(&self, actions: &[Action], wish: watch::Receiver<Wish>) -> Result<RunEnd, StoreError> {
        let pages = Pages::of(actions);
        sendable(run(&self.stores, &pages, &*self.book, &self.terms, wish, &self.progress)).await
    }

    async fn go(&self, actions: &[Action]) -> Result<RunEnd, StoreError> {
        self.run(actions, watch::channel(Wish::Go).1).await
    }
}

/// A run can be carried on by any thread.
fn sendable<F: Future + Send>(future: F) -> F {
    future
}

fn large(parts: usize) -> Vec<u8> {
    (0..parts * (5 << 20) + 1000).map(|at| u8::try_from(at * 7 % 251).unwrap()).collect()
}

#[tokio::test(start_paused = true)]
async fn what_a_client_stored_with_an_object_travels_with_it() {
    let (storage, bucket) = (Wired::calm(), Wired::calm());
    let bytes = large(2);
    let small = put(&storage, "small", "hello").await;
    let big = put(&storage, "big", bytes.clone()).await;
    let setting = setting(&storage, &bucket);
    let plan = [to_bucket(0, "big", big, None), to_bucket(1, "small", small, None)];
    assert_eq!(setting.go(&plan).await.unwrap(), RunEnd::Done);
    for (at, meant) in [("small", &b"hello"[..]), ("big", &bytes)] {
        let (meta, held) = read(&bucket, at).await.unwrap();
        assert!(held == meant);
        assert_eq!(meta.content.content_type.as_deref(), Some("image/png"));
        assert_eq!(meta.content.user, [("colour".to_owned(), "blue".to_owned())]);
        assert_eq!(meta.tags, [("kind".to_owned(), "picture".to_owned())]);
    }
    assert_eq!(bucket.calls("upload part"), 3);
    let step = setting.book.step(0);
    assert_eq!((step.state, step.moved, step.upload), (StepState::Done, 10_486_760, None));
    let told = setting.progress.snapshot(Timestamp::from_seconds(0));
    assert_eq!((told.files_done, told.bytes_done, told.failed), (2, 10_486_765, 0));
}

#[tokio::test(start_paused = true)]
async fn a_side_that_keeps_no_tags_gets_the_rest_and_that_is_told() {
    let storage = Wired::calm();
    let mut bucket = Arc::into_inner(Wired::calm()).unwrap();
    bucket.keeps_tags = false;
    let bucket = Arc::new(bucket);
    let seen = put(&storage, "a", "hello").await;
    let setting = setting(&storage, &bucket);
    assert_eq!(setting.go(&[to_bucket(0, "a", seen, None)]).await.unwrap(), RunEnd::Done);
    assert!(read(&bucket, "a").await.unwrap().0.tags.is_empty());
    assert!(setting.book.step(0).told.contains("tags"));
}

#[tokio::test(start_paused = true)]
async fn a_pause_in_the_middle_of_a_large_object_and_the_rest_of_it_later() {
    let (wish, heard) = watch::channel(Wish::Go);
    let bucket = Wired::new(Box::new(move |name, _, count| {
        if name == "upload part" && count == 6 {
            wish.send_replace(Wish::Pause);
        }
        None
    }));
    let storage = Wired::calm();
    let bytes = large(9);
    let seen = put(&storage, "big", bytes.clone()).await;
    let setting = setting(&storage, &bucket);
    let plan = [to_bucket(0, "big", seen, None)];
    assert_eq!(setting.run(&plan, heard).await.unwrap(), RunEnd::Paused);
    assert!(read(&bucket, "big").await.is_none());
    assert_eq!(setting.book.step(0).state, StepState::Kept);
    let sent = bucket.calls("upload part");
    assert_eq!(setting.go(&plan).await.unwrap(), RunEnd::Done);
    assert!(read(&bucket, "big").await.unwrap().1 == bytes);
    // Those that were on their way when it stopped went once more; the others did not.
    assert!(bucket.calls("upload part") <= 10 + 3 && sent >= 6, "{sent} and {}", bucket.calls("upload part"));
    assert_eq!(bucket.calls("create upload"), 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_cancelled_leaves_no_parts_behind() {
    let (wish, heard) = watch::channel(Wish::Go);
    let bucket = Wired::new(Box::new(move |name, _, count| {
        if name == "upload part" && count == 2 {
            wish.send_replace(Wish::Cancel);
        }
        None
    }));
    let storage = Wired::calm();
    let seen = put(&storage, "big", large(9)).await;
    let later = put(&storage, "later", "x").await;
    let mut setting = setting(&storage, &bucket);
    setting.terms.pace.in_flight = 1;
    let plan = [to_bucket(0, "big", seen, None), to_bucket(1, "later", later, None)];
    assert_eq!(setting.run(&plan, heard).await.unwrap(), RunEnd::Cancelled);
    let uploads = bucket
        .backend
        .list_uploads(&UploadsRequest { limit: 10, ..UploadsRequest::default() })
        .await
        .unwrap();
    assert!(uploads.uploads.is_empty());
    assert!(read(&bucket, "big").await.is_none() && read(&bucket, "later").await.is_none());
}

#[tokio::test(start_paused = true)]
async fn one_key_that_never_works_does_not_stop_the_others_and_a_dead_side_does() {
    let storage = Wired::calm();
    let bucket =
        Wired::new(Box::new(|name, at, _| (name == "put" && at == "bad").then_some(StoreFault::Unavailable)));
    let mut plan = Vec::new();
    for (seq, at) in (0..).zip(["a", "bad", "c"]) {
        plan.push(to_bucket(seq, at, put(&storage, at, at.to_owned()).await, None));
    }
    let one = setting(&storage, &bucket);
    assert_eq!(one.go(&plan).await.unwrap(), RunEnd::Partial { changed: 0, failed: 1 });
    assert_eq!(one.book.step(1).state, StepState::Failed);
    assert_eq!(one.book.step(2).state, StepState::Done);

    let dead = Wired::new(Box::new(|_, _, _| Some(StoreFault::Unavailable)));
    let all = setting(&storage, &dead);
    assert_eq!(all.go(&plan).await.unwrap_err().fault, StoreFault::Unavailable);
    assert!(all.book.steps.lock().unwrap().is_empty(), "what was never tried has not failed");

    let closed = Wired::new(Box::new(|_, _, _| Some(StoreFault::Refused)));
    assert_eq!(setting(&storage, &closed).go(&plan).await.unwrap_err().fault, StoreFault::Refused);
}

#[tokio::test(start_paused = true)]
async fn so_many_bytes_a_second_and_steps_written_many_at_a_time() {
    let (storage, bucket) = (Wired::calm(), Wired::calm());
    let mut plan = Vec::new();
    for seq in 0..1000 {
        let at = format!("k{seq:04}");
        plan.push(to_bucket(seq, &at, put(&storage, &at, vec![7u8; 100]).await, None));
    }
    let mut setting = setting(&storage, &bucket);
    setting.terms.pace = Pace { in_flight: 64, bytes_per_second: Some(10_000) };
    let begin = tokio::time::Instant::now();
    assert_eq!(setting.go(&plan).await.unwrap(), RunEnd::Done);
    let took = begin.elapsed();
    assert!((Duration::from_millis(9500)..Duration::from_secs(11)).contains(&took), "{took:?}");

    let mut quick = self::setting(&storage, &Wired::calm());
    quick.terms.pace.in_flight = 64;
    assert_eq!(quick.go(&plan).await.unwrap(), RunEnd::Done);
    let writes = quick.book.writes.load(Ordering::Relaxed);
    assert!(writes < 200, "{writes} writes for 1000 steps");
}

#[tokio::test(start_paused = true)]
async fn what_is_overwritten_is_kept_and_goes_for_good_only_if_it_is_not_in_use_again() {
    let (storage, bucket) = (Wired::calm(), Wired::calm());
    let (new, old) = (put(&storage, "a", "new").await, put(&bucket, "a", "old").await);
    let setting = setting(&storage, &bucket);
    let plan = [to_bucket(0, "a", new, Some(old))];
    assert_eq!(setting.go(&plan).await.unwrap(), RunEnd::Done);
    let kept = setting.book.step(0).kept.remove(0);
    let version = kept.place.version();
    let at = GetOptions { version: version.clone(), ..GetOptions::default() };
    assert_eq!(found(bucket.backend.head(&kept.key, &at).await.unwrap()).unwrap().size, 3);

    // What is current by its version is in use.
    let current = read(&bucket, "a").await.unwrap().0.version;
    purge(&*bucket, &Place::Version(current.0), &kept.key).await.unwrap();
    assert_eq!(read(&bucket, "a").await.unwrap().1, "new");

    purge(&*bucket, &kept.place, &kept.key).await.unwrap();
    purge(&*bucket, &kept.place, &kept.key).await.unwrap();
    assert!(bucket.backend.head(&kept.key, &at).await.is_err());
    assert_eq!(read(&bucket, "a").await.unwrap().1, "new");
}
