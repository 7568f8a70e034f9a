//! Measures the embedded store in a directory: all of it, or the parts that are named.
//!
//! ```sh
//! cargo run --release -p portcullis-backend --example measure -- /data/measure digests small large lists
//! ```
//!
//! `inline16k` besides them keeps objects of up to 16 KiB in the index.
//!
//! Rates depend on the disk; the processor time per operation, of this whole process, does much less.
#![allow(clippy::print_stdout, reason = "that is what it is for")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a measurement that fails shall stop")]

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use portcullis_backend::builtin::{BuiltinBackend, Store, StoreOptions};
use portcullis_backend::{
    Backend, Body, ContentHeaders, DigestAlgorithm, Digester, GetOptions, GetOutcome, ListPosition,
    ListRequest, PutOptions,
};
use portcullis_domain::{ObjectKey, StorageId, SystemClock};

fn key(text: &str) -> ObjectKey {
    ObjectKey::parse(text).unwrap()
}

/// Processor time that this process has used, to ten milliseconds.
fn processor_time() -> Duration {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let after_name = stat.rsplit_once(')').unwrap().1;
    let ticks: u64 =
        after_name.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap()).sum();
    Duration::from_millis(ticks * 10)
}

struct Measure {
    name: String,
    wall: Instant,
    processor: Duration,
}

impl Measure {
    fn begin(name: impl Into<String>) -> Self {
        Self { name: name.into(), processor: processor_time(), wall: Instant::now() }
    }

    fn end(self, operations: u32) {
        let wall = self.wall.elapsed();
        let processor = processor_time() - self.processor;
        let rate = f64::from(operations) / wall.as_secs_f64();
        println!(
            "{:<44} {rate:>10.0}/s {:>10.1} us wall {:>10.1} us processor, each",
            self.name,
            wall.as_secs_f64() * 1e6 / f64::from(operations),
            processor.as_secs_f64() * 1e6 / f64::from(operations),
        );
    }
}

/// Stores `count` objects of `size` bytes from `tasks` tasks.
async fn fill(backend: &Arc<BuiltinBackend>, tasks: u32, count: u32, size: usize) {
    let next = Arc::new(AtomicU64::new(0));
    let mut running = tokio::task::JoinSet::new();
    for _ in 0..tasks {
        let (backend, next) = (Arc::clone(backend), Arc::clone(&next));
        running.spawn(async move {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= u64::from(count) {
                    return;
                }
                let at = key(&format!("{size}/folder {:04}/object {number:08}", number % 1000));
                let content_type = Some("application/octet-stream".to_owned());
                let content = ContentHeaders { content_type, ..ContentHeaders::default() };
                let options = PutOptions { content, ..PutOptions::default() };
                backend.put(&at, Body::Full(Bytes::from(vec![7; size])), options).await.unwrap();
            }
        });
    }
    while let Some(ended) = running.join_next().await {
        ended.unwrap();
    }
}

async fn puts(backend: &Arc<BuiltinBackend>) {
    for (size, tasks, count) in [
        (4096, 1, 2000),
        (4096, 8, 20_000),
        (4096, 64, 60_000),
        (16 * 1024, 1, 1000),
        (16 * 1024, 8, 8000),
        (16 * 1024, 64, 20_000),
    ] {
        let measure = Measure::begin(format!("put {size} bytes, {tasks} at a time"));
        fill(backend, tasks, count, size).await;
        measure.end(count);
    }
}

async fn reads(backend: &Arc<BuiltinBackend>) {
    let at = key("4096/folder 0007/object 00000007");
    let options = GetOptions::default();
    let measure = Measure::begin("head, cached");
    for _ in 0..500_000 {
        backend.head(&at, &options).await.unwrap();
    }
    measure.end(500_000);
    let measure = Measure::begin("get 4096 bytes, cached");
    for _ in 0..500_000 {
        backend.get(&at, &options).await.unwrap();
    }
    measure.end(500_000);
    get_uncached(backend, 4096, 20_000, 3).await;
    get_uncached(backend, 16 * 1024, 20_000, 1).await;
}

/// Reads objects that [`fill`] stored, every so many.
async fn get_uncached(backend: &Arc<BuiltinBackend>, size: u32, count: u32, step: usize) {
    let measure = Measure::begin(format!("get {size} bytes, not cached"));
    for number in (0u32..).step_by(step).take(usize::try_from(count).unwrap_or(0)) {
        let at = key(&format!("{size}/folder {:04}/object {number:08}", number % 1000));
        let GetOutcome::Found(object) = backend.get(&at, &GetOptions::default()).await.unwrap() else {
            return;
        };
        if let Body::Stream(mut stream) = object.body {
            while let Some(piece) = stream.next().await {
                piece.unwrap();
            }
        }
    }
    measure.end(count);
}

async fn lists(backend: &Arc<BuiltinBackend>) {
    let count = 300_000;
    let measure = Measure::begin("put 0 bytes, 512 at a time");
    fill(backend, 512, count, 0).await;
    measure.end(count);
    let request = |after: u32, delimiter: Option<&str>| ListRequest {
        after: Some(ListPosition::AfterKey(format!("0/folder {:04}/object {:08}", after % 1000, after))),
        delimiter: delimiter.map(str::to_owned),
        limit: 1000,
        ..ListRequest::default()
    };
    let measure = Measure::begin("list 1000 of 300,000");
    for number in 0..2000u32 {
        let page = backend.list(&request(number * 7919 % 290_000, None)).await.unwrap();
        assert!(page.objects.len() == 1000);
    }
    measure.end(2000);
    let prefix = portcullis_domain::KeyPrefix::parse("0/").unwrap();
    let measure = Measure::begin("list 1000 common prefixes of 300,000");
    for _ in 0..300 {
        let request = ListRequest {
            prefix: prefix.clone(),
            delimiter: Some("/".to_owned()),
            after: None,
            limit: 1000,
            user_times: false,
        };
        assert!(backend.list(&request).await.unwrap().prefixes.len() == 1000);
    }
    measure.end(300);
}

async fn large(backend: &Arc<BuiltinBackend>) {
    let measure = Measure::begin("put 1 MiB, 8 at a time");
    fill(backend, 8, 500, 1 << 20).await;
    measure.end(500);
    get_uncached(backend, 1 << 20, 500, 1).await;
    let piece = Bytes::from(vec![7; 64 * 1024]);
    let body = || Body::Stream(stream::iter(vec![Ok(piece.clone()); 1024]).boxed());
    let length = Some(64 << 20);
    let measure = Measure::begin("put 64 MiB");
    for number in 0..16 {
        let options = PutOptions { length, ..PutOptions::default() };
        backend.put(&key(&format!("large {number}")), body(), options).await.unwrap();
    }
    measure.end(16);
    let measure = Measure::begin("get 64 MiB");
    for number in 0..16 {
        let GetOutcome::Found(object) =
            backend.get(&key(&format!("large {number}")), &GetOptions::default()).await.unwrap()
        else {
            return;
        };
        let Body::Stream(mut stream) = object.body else { return };
        while let Some(piece) = stream.next().await {
            piece.unwrap();
        }
    }
    measure.end(16);
}

fn digests() {
    let bytes = vec![7u8; 64 << 20];
    for algorithm in DigestAlgorithm::ALL {
        let before = processor_time();
        let mut digester = Digester::new(&[*algorithm]);
        for _ in 0..8 {
            for piece in bytes.chunks(256 * 1024) {
                digester.update(piece);
            }
        }
        drop(digester.finish());
        let used = (processor_time() - before).as_secs_f64();
        println!(
            "{:<44} {:>10.0} MB per second of processor",
            format!("{algorithm:?}"),
            8.0 * 67.108_864 / used
        );
    }
}

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args_os().skip(1);
    let root = arguments.next().map_or_else(std::env::temp_dir, PathBuf::from).join("portcullis-measure");
    let parts: Vec<_> = arguments.collect();
    let named = |part: &str| parts.iter().any(|given| given == part);
    let wanted = |part: &str| parts.is_empty() || named(part);
    let mut options = StoreOptions::default();
    if named("inline16k") {
        options.inline_max = 16 * 1024;
    }
    let store = Store::open(&root, options, Arc::new(SystemClock)).unwrap();
    let backend = store.backend(StorageId::generate()).await.unwrap();
    if wanted("digests") {
        digests();
    }
    if wanted("small") {
        puts(&backend).await;
        reads(&backend).await;
    }
    if wanted("large") {
        large(&backend).await;
    }
    if wanted("lists") {
        lists(&backend).await;
    }
    drop(backend);
    let measure = Measure::begin("close");
    store.close().await;
    measure.end(1);
    fs::remove_dir_all(&root).unwrap();
}
