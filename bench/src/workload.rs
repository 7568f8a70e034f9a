//! The workloads: what one connection does over and over.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};

use crate::client::{Connection, Payload, Request, Target};
use crate::measure::{Cell, cpu_seconds, percentile};

/// Requests that a connection prepares before the clock starts.
const PREPARED: usize = 512;
const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

/// What a connection does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Workload {
    Put4k,
    Get4k,
    Head,
    List,
    ListDelimiter,
    Put1m,
    Get1m,
    Put64m,
    Get64m,
    Multipart64m,
}

impl Workload {
    pub(crate) const ALL: &'static [Self] = &[
        Self::Put4k,
        Self::Get4k,
        Self::Head,
        Self::List,
        Self::ListDelimiter,
        Self::Put1m,
        Self::Get1m,
        Self::Put64m,
        Self::Get64m,
        Self::Multipart64m,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Put4k => "put4k",
            Self::Get4k => "get4k",
            Self::Head => "head",
            Self::List => "list1000",
            Self::ListDelimiter => "list1000-delimiter",
            Self::Put1m => "put1m",
            Self::Get1m => "get1m",
            Self::Put64m => "put64m",
            Self::Get64m => "get64m",
            Self::Multipart64m => "mpu64m",
        }
    }

    pub(crate) fn named(name: &str) -> anyhow::Result<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|work| work.name() == name)
            .with_context(|| format!("no workload {name}"))
    }

    const fn is_large(self) -> bool {
        matches!(self, Self::Put64m | Self::Get64m | Self::Multipart64m)
    }
}

/// The key of a small object: 1,000 folders, so that a listing with a delimiter has something to roll up.
pub(crate) fn small_key(number: usize) -> String {
    format!("data/{:03}/{:09}.bin", number % 1000, number)
}

/// A cheap, good enough sequence (xorshift); not for secrets.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed ^ 0x9e37_79b9_7f4a_7c15)
    }

    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(limit.max(1)).unwrap_or(1)).unwrap_or(0)
    }

    pub(crate) fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length.div_ceil(8))
            .flat_map(|_| {
                self.below(2);
                self.0.to_le_bytes()
            })
            .take(length)
            .collect()
    }
}

/// Stores the objects that the reading workloads need: `objects` small ones, and a few large.
pub(crate) fn prepare(target: &Target, works: &[Workload], objects: usize) -> anyhow::Result<()> {
    let next = Arc::new(AtomicU64::new(0));
    let body = Payload::signed(Random::new(1).bytes(4 * KIB));
    let reads = |work: &Workload| {
        matches!(work, Workload::Get4k | Workload::Head | Workload::List | Workload::ListDelimiter)
    };
    if works.iter().any(reads) {
        let threads: Vec<_> = (0..64)
            .map(|_| {
                let (target, next, body) = (target.clone(), Arc::clone(&next), body.clone());
                thread::spawn(move || -> anyhow::Result<()> {
                    let mut connection = Connection::open(&target.address)?;
                    loop {
                        let number = usize::try_from(next.fetch_add(1, Ordering::Relaxed))?;
                        if number >= objects {
                            return Ok(());
                        }
                        let answer = connection
                            .exchange(&target.request("PUT", &small_key(number), "", &body), false)?;
                        ensure!(
                            answer.status == 200,
                            "PUT: {} {}",
                            answer.status,
                            String::from_utf8_lossy(&answer.body)
                        );
                    }
                })
            })
            .collect();
        for thread in threads {
            thread.join().map_err(|_| anyhow::anyhow!("a thread panicked"))??;
        }
    }
    let mut connection = Connection::open(&target.address)?;
    for (work, size, name) in [(Workload::Get1m, MIB, "get1m"), (Workload::Get64m, 64 * MIB, "get64m")] {
        if works.contains(&work) {
            let body = Payload::unsigned(Random::new(2).bytes(size));
            for number in 0..4 {
                let answer = connection
                    .exchange(&target.request("PUT", &format!("{name}/{number}"), "", &body), false)?;
                ensure!(
                    answer.status == 200,
                    "PUT {name}: {} {}",
                    answer.status,
                    String::from_utf8_lossy(&answer.body)
                );
            }
        }
    }
    Ok(())
}

/// Runs one workload: `connections` connections for `span`, or longer until each has done one operation.
pub(crate) fn run(
    target: &Target,
    work: Workload,
    connections: usize,
    span: Duration,
    objects: usize,
    pid: Option<u32>,
) -> anyhow::Result<Cell> {
    let barrier = Arc::new(Barrier::new(connections + 1));
    let spans = Arc::new(Mutex::new(Vec::new()));
    let body = shared_body(work);
    let threads: Vec<_> = (0..connections)
        .map(|lane| {
            let (target, barrier, spans, body) =
                (target.clone(), Arc::clone(&barrier), Arc::clone(&spans), body.clone());
            thread::spawn(move || -> anyhow::Result<u64> {
                let mut lane = Lane::new(&target, work, lane, objects, body);
                barrier.wait();
                let lane = lane.as_mut().map_err(|error| anyhow::anyhow!("{error}"))?;
                let end = Instant::now() + span;
                let (mut own, mut errors) = (Vec::new(), 0);
                loop {
                    let begin = Instant::now();
                    match lane.once() {
                        Ok(()) => own.push(begin.elapsed()),
                        Err(error) if errors < 3 => {
                            errors += 1;
                            crate::report::complain(&format!("{}: {error:#}", work.name()));
                            lane.reconnect()?;
                        }
                        Err(error) => return Err(error),
                    }
                    if Instant::now() >= end {
                        break;
                    }
                }
                spans.lock().map_err(|_| anyhow::anyhow!("poisoned"))?.extend(own);
                Ok(errors)
            })
        })
        .collect();
    let pids: Vec<u32> = pid.into_iter().collect();
    barrier.wait();
    let (begin, cpu) = (Instant::now(), cpu_seconds(&pids));
    let mut errors = 0;
    for thread in threads {
        errors += thread.join().map_err(|_| anyhow::anyhow!("a thread panicked"))??;
    }
    let seconds = begin.elapsed().as_secs_f64();
    let cpu_seconds = cpu_seconds(&pids) - cpu;
    let mut spans = std::mem::take(&mut *spans.lock().map_err(|_| anyhow::anyhow!("poisoned"))?);
    spans.sort_unstable();
    Ok(Cell {
        operations: u64::try_from(spans.len())?,
        seconds,
        cpu_seconds,
        p50: percentile(&spans, 50),
        p99: percentile(&spans, 99),
        errors,
    })
}

fn shared_body(work: Workload) -> Payload {
    let mut random = Random::new(3);
    match work {
        Workload::Put4k => Payload::signed(random.bytes(4 * KIB)),
        Workload::Put1m => Payload::unsigned(random.bytes(MIB)),
        Workload::Put64m => Payload::unsigned(random.bytes(64 * MIB)),
        Workload::Multipart64m => Payload::unsigned(random.bytes(8 * MIB)),
        Workload::Get4k
        | Workload::Head
        | Workload::List
        | Workload::ListDelimiter
        | Workload::Get1m
        | Workload::Get64m => Payload::empty(),
    }
}

/// One connection with its prepared requests.
struct Lane {
    target: Target,
    work: Workload,
    connection: Connection,
    requests: Vec<Request>,
    next: usize,
    number: usize,
    body: Payload,
}

impl Lane {
    fn new(
        target: &Target,
        work: Workload,
        number: usize,
        objects: usize,
        body: Payload,
    ) -> anyhow::Result<Self> {
        let mut random = Random::new(u64::try_from(number)? + 17);
        let prepared = if work.is_large() { 4 } else { PREPARED };
        let requests = (0..prepared)
            .map(|at| match work {
                Workload::Put4k => target.request("PUT", &format!("put4k/{number}/{at}"), "", &body),
                Workload::Put1m => target.request("PUT", &format!("put1m/{number}/{}", at % 16), "", &body),
                Workload::Put64m => target.request("PUT", &format!("put64m/{number}/{at}"), "", &body),
                Workload::Get4k => target.request("GET", &small_key(random.below(objects)), "", &body),
                Workload::Head => target.request("HEAD", &small_key(random.below(objects)), "", &body),
                Workload::List => {
                    let from = small_key(random.below(objects)).replace('/', "%2F");
                    target.request("GET", "", &format!("list-type=2&max-keys=1000&start-after={from}"), &body)
                }
                Workload::ListDelimiter => {
                    target.request("GET", "", "delimiter=%2F&list-type=2&max-keys=1000&prefix=data%2F", &body)
                }
                Workload::Get1m => target.request("GET", &format!("get1m/{}", at % 4), "", &body),
                Workload::Get64m | Workload::Multipart64m => {
                    target.request("GET", &format!("get64m/{}", at % 4), "", &Payload::empty())
                }
            })
            .collect();
        let connection = Connection::open(&target.address)?;
        Ok(Self { target: target.clone(), work, connection, requests, next: 0, number, body })
    }

    fn reconnect(&mut self) -> anyhow::Result<()> {
        self.connection = Connection::open(&self.target.address)?;
        Ok(())
    }

    fn once(&mut self) -> anyhow::Result<()> {
        self.next += 1;
        if self.work == Workload::Multipart64m {
            return self.multipart();
        }
        let request = self.requests.get(self.next % self.requests.len()).context("nothing prepared")?;
        let answer = self.connection.exchange(request, false)?;
        if answer.status != 200 {
            bail!("status {}: {}", answer.status, String::from_utf8_lossy(&answer.body));
        }
        Ok(())
    }

    /// 8 parts of 8 MiB.
    fn multipart(&mut self) -> anyhow::Result<()> {
        let key = format!("mpu64m/{}/{}", self.number, self.next % 4);
        let begun = self
            .connection
            .exchange(&self.target.request("POST", &key, "uploads=", &Payload::empty()), true)?;
        let text = String::from_utf8_lossy(&begun.body).into_owned();
        let upload = text.split("<UploadId>").nth(1).and_then(|rest| rest.split('<').next());
        let upload = upload.with_context(|| format!("no upload id: {text}"))?.to_owned();
        let mut parts = String::new();
        for number in 1..=8 {
            let query = format!("partNumber={number}&uploadId={upload}");
            let told =
                self.connection.exchange(&self.target.request("PUT", &key, &query, &self.body), false)?;
            ensure!(told.status == 200, "part {number}: {}", told.status);
            let etag = told.etag.context("no ETag")?;
            parts.push_str(&format!(
                "<Part><PartNumber>{number}</PartNumber><ETag>{}</ETag></Part>",
                etag.replace('"', "&quot;")
            ));
        }
        let done = Payload::signed(
            format!("<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>").into_bytes(),
        );
        let told = self
            .connection
            .exchange(&self.target.request("POST", &key, &format!("uploadId={upload}"), &done), true)?;
        ensure!(told.status == 200, "complete: {} {}", told.status, String::from_utf8_lossy(&told.body));
        Ok(())
    }
}
