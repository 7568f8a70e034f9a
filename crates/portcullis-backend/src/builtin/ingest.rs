//! From a body to durable bytes: in constant memory, hashed and written beside the thread that receives.

use std::io;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use tokio::task::{JoinHandle, spawn_blocking};

use super::blob::{Blobs, NewBlob};
use super::error::{disk_error, task_error};
use super::index::length;
use crate::{
    BackendError, BackendErrorKind, Body, BodyFault, BodyStream, Digest, DigestAlgorithm, DigestPlan,
    Digester, Etag, Result,
};

/// The most bytes of one upload (S3 reference, "Amazon S3 multipart upload limits"): 5 GiB.
pub(super) const MAX_PUT: u64 = 5 << 30;

/// So many bytes are collected before they are handed to the blocking pool. While they are hashed and written the next
/// ones are collected, so that an upload holds about twice as much.
const PIECE: usize = 256 * 1024;

/// So many bytes are written and hashed in turn: they stay in the processor's cache between the two, and in the kernel
/// one write of a megabyte was measured to take three times as long as many small ones.
const SLICE: usize = 64 * 1024;

/// Smaller pieces are copied together. Each larger one is written from where it came to lie; a small one would keep all of
/// the network buffer in memory that it is a slice of.
const COPY_BELOW: usize = 8 * 1024;

/// What a body may be.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Bounds {
    /// Exactly so many bytes, if that is known.
    pub(super) length: Option<u64>,
    /// What the quota leaves, if it is known to leave less than is allowed anyway.
    pub(super) room: Option<u64>,
    /// At most so many bytes stay in memory.
    pub(super) inline_max: usize,
}

impl Bounds {
    /// Whether `received` bytes are too many, whatever follows.
    fn check(&self, received: u64) -> Result<()> {
        let refused = |kind| Err(BackendError::new(kind, "receive"));
        if self.length.is_some_and(|length| received > length) {
            return Err(BodyFault::TooLong.into());
        }
        if received > MAX_PUT {
            return refused(BackendErrorKind::TooLarge);
        }
        if self.room.is_some_and(|room| received > room) {
            return refused(BackendErrorKind::QuotaExceeded);
        }
        Ok(())
    }
}

/// A body that came to its end and is what it was said to be.
#[derive(Debug)]
pub(super) struct Received {
    pub(super) size: u64,
    pub(super) crc: u64,
    pub(super) bytes: Landed,
    digests: Vec<Digest>,
}

/// Where the bytes are.
#[derive(Debug)]
pub(super) enum Landed {
    /// Here, to be stored in the index.
    Memory(Bytes),
    /// In a file that is durable.
    File(NewBlob),
}

impl Received {
    fn new(size: u64, digests: Vec<Digest>, bytes: Landed) -> Self {
        let crc = digests.iter().find(|digest| digest.algorithm == DigestAlgorithm::Crc64Nvme);
        let crc = crc.map_or(0, |crc| crc.value.iter().fold(0, |sum, byte| (sum << 8) | u64::from(*byte)));
        Self { size, crc, bytes, digests }
    }

    /// The digest of this algorithm, if it was computed.
    pub(super) fn digest(&self, algorithm: DigestAlgorithm) -> Option<&Digest> {
        self.digests.iter().find(|digest| digest.algorithm == algorithm)
    }

    /// The MD5, as an entity tag.
    pub(super) fn etag(&self) -> Result<Etag> {
        let md5 = self.digest(DigestAlgorithm::Md5).and_then(|md5| md5.value.as_slice().try_into().ok());
        let digest = md5.ok_or(BackendError::new(BackendErrorKind::Corrupt, "etag"))?;
        Ok(Etag::Md5 { digest, parts: None })
    }
}

/// Receives a body to its end. Its MD5 and CRC are computed besides what the plan and `also` ask for. When this fails or is
/// dropped, no file is left.
///
/// # Errors
/// `Body`, `TooLarge`, `QuotaExceeded`, `Full`.
pub(super) async fn receive(
    blobs: &Arc<Blobs>,
    body: Body,
    bounds: Bounds,
    plan: &DigestPlan,
    also: Option<DigestAlgorithm>,
) -> Result<Received> {
    bounds.check(bounds.length.unwrap_or(0))?;
    let mut algorithms = plan.algorithms();
    algorithms.extend([DigestAlgorithm::Md5, DigestAlgorithm::Crc64Nvme]);
    algorithms.extend(also);
    algorithms.sort_unstable();
    algorithms.dedup();
    let mut digester = Digester::new(&algorithms);
    let mut source = Source { body, bounds, received: 0 };
    let first = source.gather().await?;
    if first.last && source.received <= u64::try_from(bounds.inline_max).unwrap_or(u64::MAX) {
        let bytes = first.joined();
        digester.update(&bytes);
        let digests = digester.finish();
        plan.check(&digests)?;
        return Ok(Received::new(source.received, digests, Landed::Memory(bytes)));
    }
    let sink = Sink { blobs: Arc::clone(blobs), file: None, length: bounds.length, digester, written: 0 };
    pump(source, first, sink, plan).await
}

/// Hands piece after piece to the blocking pool, and receives the next one meanwhile.
async fn pump(mut source: Source, first: Batch, sink: Sink, plan: &DigestPlan) -> Result<Received> {
    let mut batch = first;
    let mut sink = sink;
    while !batch.last {
        let write = move || {
            sink.write(&batch)?;
            Ok::<_, io::Error>(sink)
        };
        // When the source fails, or this is dropped here, the sink goes with the last reference to its task, and so does its file.
        let task: JoinHandle<io::Result<Sink>> = spawn_blocking(write);
        batch = source.gather().await?;
        sink = task.await.map_err(task_error("put"))?.map_err(disk_error("put"))?;
    }
    let plan = plan.clone();
    spawn_blocking(move || sink.finish(&batch, &plan)).await.map_err(task_error("put"))?
}

/// Where bytes come from, counted.
struct Source {
    body: Body,
    bounds: Bounds,
    received: u64,
}

impl Source {
    /// The next bytes: about [`PIECE`] of them, or all that remain.
    async fn gather(&mut self) -> Result<Batch> {
        let mut batch = Batch::default();
        match &mut self.body {
            Body::Full(bytes) => {
                batch.take(std::mem::take(bytes));
                batch.last = true;
            }
            Body::Stream(stream) => fill(&mut batch, stream, &self.bounds, self.received).await?,
        }
        batch.seal();
        self.received = self.received.saturating_add(batch.length);
        self.bounds.check(self.received)?;
        if batch.last && self.bounds.length.is_some_and(|length| self.received < length) {
            return Err(BodyFault::Incomplete.into());
        }
        Ok(batch)
    }
}

async fn fill(batch: &mut Batch, stream: &mut BodyStream, bounds: &Bounds, received: u64) -> Result<()> {
    while batch.length < length_of(PIECE) {
        match stream.next().await {
            Some(piece) => {
                batch.take(piece?);
                bounds.check(received.saturating_add(batch.length))?;
            }
            None => {
                batch.last = true;
                break;
            }
        }
    }
    Ok(())
}

fn length_of(size: usize) -> u64 {
    u64::try_from(size).unwrap_or(u64::MAX)
}

/// Pieces that are written together.
#[derive(Default)]
struct Batch {
    pieces: Vec<Bytes>,
    small: BytesMut,
    length: u64,
    last: bool,
}

impl Batch {
    fn take(&mut self, piece: Bytes) {
        self.length = self.length.saturating_add(length(&piece));
        if piece.len() < COPY_BELOW {
            self.small.extend_from_slice(&piece);
        } else {
            self.seal();
            self.pieces.push(piece);
        }
    }

    /// Closes the run of small pieces, so that order is kept.
    fn seal(&mut self) {
        if !self.small.is_empty() {
            self.pieces.push(self.small.split().freeze());
        }
    }

    fn joined(mut self) -> Bytes {
        if self.pieces.len() <= 1 {
            return self.pieces.pop().unwrap_or_default();
        }
        let mut all = BytesMut::new();
        for piece in &self.pieces {
            all.extend_from_slice(piece);
        }
        all.freeze()
    }
}

/// Where bytes go: a file, and a digester. Lives on the blocking pool.
struct Sink {
    blobs: Arc<Blobs>,
    file: Option<NewBlob>,
    length: Option<u64>,
    digester: Digester,
    written: u64,
}

impl Sink {
    fn write(&mut self, batch: &Batch) -> io::Result<()> {
        let mut file = match self.file.take() {
            Some(file) => file,
            None => self.blobs.create(self.length)?,
        };
        for piece in batch.pieces.iter().flat_map(|piece| piece.chunks(SLICE)) {
            file.write(piece)?;
            self.digester.update(piece);
        }
        self.written = self.written.saturating_add(batch.length);
        self.file = Some(file);
        Ok(())
    }

    /// Writes the last bytes and, if all of them are what was promised, makes them durable.
    fn finish(mut self, batch: &Batch, plan: &DigestPlan) -> Result<Received> {
        self.write(batch).map_err(disk_error("put"))?;
        let digests = self.digester.finish();
        plan.check(&digests)?;
        let mut file = self.file.ok_or(BackendError::new(BackendErrorKind::Unavailable, "put"))?;
        file.sync().map_err(disk_error("put"))?;
        Ok(Received::new(self.written, digests, Landed::File(file)))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use futures_util::stream;
    use portcullis_domain::SystemClock;

    use super::*;

    fn blobs(directory: &Path) -> Arc<Blobs> {
        Arc::new(Blobs::new(directory.join("data"), 0, Arc::new(SystemClock)))
    }

    fn body(pieces: Vec<Result<Bytes, BodyFault>>) -> Body {
        Body::Stream(stream::iter(pieces).boxed())
    }

    fn files(directory: &Path) -> usize {
        let entries =
            |path: &Path| std::fs::read_dir(path).into_iter().flatten().map(|entry| entry.unwrap().path());
        entries(&directory.join("data"))
            .flat_map(|day| entries(&day).collect::<Vec<_>>())
            .flat_map(|fan| entries(&fan).collect::<Vec<_>>())
            .count()
    }

    #[tokio::test]
    async fn pieces_of_any_size_become_the_same_bytes() {
        let directory = tempfile::tempdir().unwrap();
        let blobs = blobs(directory.path());
        let whole: Vec<u8> = (0..1_000_003u32).map(|at| at.to_le_bytes()[usize::from(at % 7 == 0)]).collect();
        for piece in [1000, COPY_BELOW - 1, COPY_BELOW, 100_000, PIECE, PIECE + 1, whole.len()] {
            let pieces = whole.chunks(piece).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
            let bounds = Bounds { length: Some(length(&whole)), ..Bounds::default() };
            let received = receive(&blobs, body(pieces), bounds, &DigestPlan::default(), None).await.unwrap();
            assert_eq!((received.size, received.crc), (length(&whole), super::super::index::crc(&whole)));
            let Landed::File(file) = received.bytes else { panic!("in memory") };
            assert_eq!(std::fs::read(blobs.path(file.id())).unwrap(), whole, "{piece}");
        }
    }

    #[tokio::test]
    async fn whatever_is_refused_leaves_no_file() {
        let directory = tempfile::tempdir().unwrap();
        let blobs = blobs(directory.path());
        let piece = || Ok(Bytes::from(vec![7; PIECE]));
        let exactly = |length| Bounds { length: Some(length), ..Bounds::default() };
        let three = 3 * length_of(PIECE);
        let wrong = DigestPlan {
            expect: vec![Digest { algorithm: DigestAlgorithm::Crc32, value: vec![0; 4] }],
            ..DigestPlan::default()
        };
        for (pieces, bounds, plan, told) in [
            (
                vec![piece(), piece(), piece()],
                exactly(three + 1),
                DigestPlan::default(),
                BackendErrorKind::Body(BodyFault::Incomplete),
            ),
            (
                vec![piece(), piece(), piece()],
                exactly(three - 1),
                DigestPlan::default(),
                BackendErrorKind::Body(BodyFault::TooLong),
            ),
            (
                vec![piece(), Err(BodyFault::Cut)],
                Bounds::default(),
                DigestPlan::default(),
                BackendErrorKind::Body(BodyFault::Cut),
            ),
            (
                vec![piece(), piece()],
                Bounds { room: Some(three / 2), ..Bounds::default() },
                DigestPlan::default(),
                BackendErrorKind::QuotaExceeded,
            ),
            (
                vec![piece(), piece()],
                Bounds::default(),
                wrong,
                BackendErrorKind::Body(BodyFault::Digest(DigestAlgorithm::Crc32)),
            ),
            (vec![], exactly(MAX_PUT + 1), DigestPlan::default(), BackendErrorKind::TooLarge),
        ] {
            let error = receive(&blobs, body(pieces), bounds, &plan, None).await.unwrap_err();
            assert_eq!(error.kind, told);
        }
        // A client that goes away in the middle.
        let endless = Body::Stream(stream::iter([piece(), piece()]).chain(stream::pending()).boxed());
        let plan = DigestPlan::default();
        let mut put = Box::pin(receive(&blobs, endless, Bounds::default(), &plan, None));
        assert!(futures_util::poll!(&mut put).is_pending());
        drop(put);
        // Removing happens on the blocking pool: a runtime with one such thread works in order.
        spawn_blocking(|| {}).await.unwrap();
        wait_for(|| files(directory.path()) == 0).await;
    }

    async fn wait_for(condition: impl Fn() -> bool) {
        for _ in 0..10_000 {
            if condition() {
                return;
            }
            spawn_blocking(std::thread::yield_now).await.unwrap();
        }
        panic!("it never came");
    }
}
