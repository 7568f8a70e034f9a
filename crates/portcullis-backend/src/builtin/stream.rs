//! Bodies on their way out: files, read piece by piece and compared with their checksums.
//!
//! A piece that the kernel has in memory is copied at once, where it is asked for (`RWF_NOWAIT` promises not to wait). One that
//! it does not have is read on the blocking pool, and from then on the next piece is read while the client takes this one,
//! until the kernel's own read-ahead is faster again.

use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::future::Future as _;
use std::io::{self, IoSliceMut};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_core::Stream;
use portcullis_domain::Timestamp;
use rustix::io::{Errno, ReadWriteFlags};
use tokio::task::{JoinHandle, spawn_blocking};

use super::blob::{BlobId, Blobs};
use super::index::Segment;
use crate::{Body, BodyFault, ByteRange};

/// Bytes of a piece.
pub(super) const PIECE: usize = 256 * 1024;

/// Buffers for pieces, used again and again: new memory of this size costs more than the copy into it.
#[derive(Debug)]
pub(super) struct Buffers {
    free: Mutex<Vec<Box<[u8]>>>,
    most: usize,
}

impl Buffers {
    /// Keeps at most so many buffers that nobody uses.
    pub(super) const fn new(most: usize) -> Self {
        Self { free: Mutex::new(Vec::new()), most }
    }

    fn take(self: &Arc<Self>) -> Buffer {
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner).pop();
        Buffer {
            bytes: free.unwrap_or_else(|| vec![0; PIECE].into_boxed_slice()),
            length: 0,
            pool: Arc::clone(self),
        }
    }
}

/// A buffer that goes back when the last of its bytes was sent.
struct Buffer {
    bytes: Box<[u8]>,
    length: usize,
    pool: Arc<Buffers>,
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let mut free = self.pool.free.lock().unwrap_or_else(PoisonError::into_inner);
        if free.len() < self.pool.most {
            free.push(std::mem::take(&mut self.bytes));
        }
    }
}

/// Since when bodies are being sent whose files are not all open. The collector takes nothing that was discarded later.
#[derive(Debug, Default)]
pub(super) struct Pins(Mutex<BTreeMap<Timestamp, usize>>);

impl Pins {
    pub(super) fn pin(self: &Arc<Self>, since: Timestamp) -> Pinned {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(since).or_default() += 1;
        Pinned { pins: Arc::clone(self), since }
    }

    /// The oldest moment that still counts.
    pub(super) fn oldest(&self) -> Option<Timestamp> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).keys().next().copied()
    }
}

#[derive(Debug)]
pub(super) struct Pinned {
    pins: Arc<Pins>,
    since: Timestamp,
}

impl Drop for Pinned {
    fn drop(&mut self) {
        let mut pins = self.pins.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = pins.get_mut(&self.since) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                pins.remove(&self.since);
            }
        }
    }
}

/// What reading a storage's files needs.
#[derive(Clone, Debug)]
pub(super) struct Files {
    pub(super) blobs: Arc<Blobs>,
    pub(super) buffers: Arc<Buffers>,
    /// Files that are known to be damaged.
    pub(super) damaged: Arc<Mutex<HashSet<BlobId>>>,
}

impl Files {
    pub(super) fn is_damaged(&self, blob: BlobId) -> bool {
        self.damaged.lock().unwrap_or_else(PoisonError::into_inner).contains(&blob)
    }

    fn report(&self, segment: &Segment, what: &'static str) -> io::Error {
        let path = self.blobs.path(segment.blob);
        tracing::error!(file = %path.display(), "{what}: objects with it are refused until it is put back");
        self.damaged.lock().unwrap_or_else(PoisonError::into_inner).insert(segment.blob);
        io::Error::new(io::ErrorKind::InvalidData, what)
    }
}

/// A stretch of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Extent {
    pub(super) segment: Segment,
    first: u64,
    length: u64,
}

/// The stretches that hold these bytes of an object.
pub(super) fn extents(segments: &[Segment], range: Option<ByteRange>) -> Vec<Extent> {
    let (first, end) = range.map_or((0, u64::MAX), |range| (range.first, range.last.saturating_add(1)));
    let mut at = 0u64;
    let mut extents = Vec::new();
    for segment in segments {
        let (from, to) = (at.max(first), at.saturating_add(segment.size).min(end));
        if from < to {
            extents.push(Extent { segment: *segment, first: from - at, length: to - from });
        }
        at = at.saturating_add(segment.size);
    }
    extents
}

/// Reads stretches of files one after the other.
pub(super) struct Reader {
    files: Files,
    rest: std::vec::IntoIter<Extent>,
    open: Option<Open>,
    /// Whether the kernel had the last piece in memory.
    warm: bool,
    _pinned: Option<Pinned>,
}

/// The stretch that is being read.
struct Open {
    file: File,
    segment: Segment,
    at: u64,
    left: u64,
    /// The checksum so far, if all of the file is read.
    check: Option<crc_fast::Digest>,
}

impl Reader {
    pub(super) fn new(files: Files, extents: Vec<Extent>, pinned: Option<Pinned>) -> Self {
        Self { files, rest: extents.into_iter(), open: None, warm: false, _pinned: pinned }
    }

    /// Opens the first file and reads the first piece. Blocks.
    ///
    /// # Errors
    /// `NotFound` if the file is gone, `InvalidData` if it is not what it was; the disk is faulty.
    pub(super) fn start(mut self) -> io::Result<Body> {
        let first = self.piece()?;
        match first {
            Some(bytes) if !self.is_done() => {
                Ok(Body::Stream(Box::pin(Sending { first: Some(bytes), state: State::Idle(self) })))
            }
            first => Ok(Body::Full(first.unwrap_or_default())),
        }
    }

    fn is_done(&self) -> bool {
        self.open.is_none() && self.rest.len() == 0
    }

    /// The next piece. Blocks.
    ///
    /// # Errors
    /// As [`Reader::start`].
    pub(super) fn piece(&mut self) -> io::Result<Option<Bytes>> {
        let mut open = match self.open.take() {
            Some(open) => open,
            None => match self.rest.next() {
                Some(extent) => self.open(extent)?,
                None => return Ok(None),
            },
        };
        let mut buffer = self.files.buffers.take();
        self.warm = false;
        let wanted = wanted(&open);
        while buffer.length < wanted {
            let space = buffer.bytes.get_mut(buffer.length..wanted).unwrap_or_default();
            let offset = open.at.saturating_add(u64::try_from(buffer.length).unwrap_or(0));
            if buffer.length == 0 && read_at_once(&open.file, space, offset) == Some(wanted) {
                self.warm = true;
                buffer.length = wanted;
                break;
            }
            let space = buffer.bytes.get_mut(buffer.length..wanted).unwrap_or_default();
            match rustix::io::pread(&open.file, space, offset) {
                Ok(0) => return Err(self.files.report(&open.segment, "a file is shorter than it was")),
                Ok(read) => buffer.length += read,
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let verdict = self.account(&mut open, &buffer);
        self.settle(open, buffer, verdict).map(Some)
    }

    /// The next piece, if the kernel has it in memory.
    fn piece_at_once(&mut self) -> Option<io::Result<Bytes>> {
        let mut open = self.open.take_if(|_| self.warm)?;
        let mut buffer = self.files.buffers.take();
        let wanted = wanted(&open);
        let space = buffer.bytes.get_mut(..wanted).unwrap_or_default();
        match read_at_once(&open.file, space, open.at) {
            Some(read) if read > 0 => {
                buffer.length = read;
                let verdict = self.account(&mut open, &buffer);
                Some(self.settle(open, buffer, verdict))
            }
            Some(_) | None => {
                self.warm = false;
                self.open = Some(open);
                None
            }
        }
    }

    fn open(&self, extent: Extent) -> io::Result<Open> {
        let Extent { segment, first, length } = extent;
        let file = self.files.blobs.open(segment.blob)?;
        if file.metadata()?.len() != segment.size {
            return Err(self.files.report(&segment, "a file does not have its length"));
        }
        if length > u64::try_from(PIECE).unwrap_or(u64::MAX) {
            // Advice; a file system that takes none reads all the same.
            rustix::fs::fadvise(&file, first, None, rustix::fs::Advice::Sequential).unwrap_or_default();
        }
        let whole = length == segment.size;
        let check = whole.then(|| crc_fast::Digest::new(crc_fast::CrcAlgorithm::Crc64Nvme));
        Ok(Open { file, segment, at: first, left: length, check })
    }

    /// Counts a piece that was read, and at the end of a file compares its checksum.
    fn account(&self, open: &mut Open, buffer: &Buffer) -> io::Result<()> {
        let read = u64::try_from(buffer.length).unwrap_or(0);
        open.at = open.at.saturating_add(read);
        open.left = open.left.saturating_sub(read);
        let Some(check) = &mut open.check else { return Ok(()) };
        check.update(buffer.as_ref());
        if open.left == 0 && check.finalize() != open.segment.crc {
            return Err(self.files.report(&open.segment, "a file does not have its checksum"));
        }
        Ok(())
    }

    /// Gives the piece out, unless it is the last one of a file that is damaged.
    fn settle(&mut self, open: Open, buffer: Buffer, verdict: io::Result<()>) -> io::Result<Bytes> {
        verdict?;
        if open.left > 0 {
            self.open = Some(open);
        }
        Ok(Bytes::from_owner(buffer))
    }
}

fn wanted(open: &Open) -> usize {
    usize::try_from(open.left).map_or(PIECE, |left| left.min(PIECE))
}

/// Reads what the kernel has in memory; none if it would have to wait, or cannot tell.
fn read_at_once(file: &File, space: &mut [u8], offset: u64) -> Option<usize> {
    rustix::io::preadv2(file, &mut [IoSliceMut::new(space)], offset, ReadWriteFlags::NOWAIT).ok()
}

/// A body on its way out.
struct Sending {
    first: Option<Bytes>,
    state: State,
}

#[expect(
    clippy::large_enum_variant,
    reason = "one for each download; a box would be one allocation more for each piece"
)]
enum State {
    Idle(Reader),
    Reading(JoinHandle<(Reader, io::Result<Option<Bytes>>)>),
    Done,
}

fn read_on(mut reader: Reader) -> State {
    State::Reading(spawn_blocking(move || {
        let piece = reader.piece();
        (reader, piece)
    }))
}

impl Sending {
    /// Gives a piece out and gets ready for the next; reads ahead if the kernel does not.
    fn give(&mut self, reader: Reader, piece: io::Result<Option<Bytes>>) -> Option<Result<Bytes, BodyFault>> {
        match piece {
            Ok(None) => None,
            Ok(Some(bytes)) => {
                self.state =
                    if reader.warm || reader.is_done() { State::Idle(reader) } else { read_on(reader) };
                Some(Ok(bytes))
            }
            Err(error) => {
                tracing::error!(%error, "a body ends early because its file cannot be read");
                Some(Err(BodyFault::Incomplete))
            }
        }
    }
}

impl Stream for Sending {
    type Item = Result<Bytes, BodyFault>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if let Some(first) = this.first.take() {
            return Poll::Ready(Some(Ok(first)));
        }
        match std::mem::replace(&mut this.state, State::Done) {
            State::Idle(mut reader) if !reader.is_done() => {
                if let Some(piece) = reader.piece_at_once() {
                    return Poll::Ready(this.give(reader, piece.map(Some)));
                }
                this.state = read_on(reader);
            }
            State::Idle(_) | State::Done => return Poll::Ready(None),
            reading @ State::Reading(_) => this.state = reading,
        }
        let State::Reading(task) = &mut this.state else { return Poll::Ready(None) };
        match ready!(Pin::new(task).poll(context)) {
            Ok((reader, piece)) => {
                this.state = State::Done;
                Poll::Ready(this.give(reader, piece))
            }
            Err(error) => {
                tracing::error!(%error, "the task that reads a body is gone");
                this.state = State::Done;
                Poll::Ready(Some(Err(BodyFault::Incomplete)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt as _;
    use portcullis_domain::SystemClock;

    use super::super::index::crc;
    use super::*;

    fn segment(size: u64) -> Segment {
        Segment { blob: BlobId::from_bytes([0; 16]), size, crc: 0 }
    }

    #[test]
    fn a_range_becomes_stretches_of_files() {
        let segments = [segment(10), segment(1), segment(5)];
        let stretches = |first, last| {
            extents(&segments, Some(ByteRange { first, last }))
                .iter()
                .map(|extent| (extent.segment.size, extent.first, extent.length))
                .collect::<Vec<_>>()
        };
        assert_eq!(stretches(0, 15), [(10, 0, 10), (1, 0, 1), (5, 0, 5)]);
        assert_eq!(stretches(3, 9), [(10, 3, 7)]);
        assert_eq!(stretches(9, 11), [(10, 9, 1), (1, 0, 1), (5, 0, 1)]);
        assert_eq!(stretches(15, 15), [(5, 4, 1)]);
        assert_eq!(extents(&segments, None).len(), 3);
        assert!(extents(&[], None).is_empty());
    }

    #[test]
    fn pins_hold_the_oldest_moment() {
        let pins = Arc::new(Pins::default());
        let at = Timestamp::from_seconds;
        let (one, two, again) = (pins.pin(at(5)), pins.pin(at(3)), pins.pin(at(3)));
        assert_eq!(pins.oldest(), Some(at(3)));
        drop(two);
        assert_eq!(pins.oldest(), Some(at(3)));
        drop(again);
        assert_eq!(pins.oldest(), Some(at(5)));
        drop(one);
        assert_eq!(pins.oldest(), None);
    }

    /// Files of a directory with one file that holds `bytes` and whose row says `crc` and `size`.
    fn stored(directory: &std::path::Path, bytes: &[u8]) -> (Files, Segment) {
        let blobs = Arc::new(Blobs::new(directory.join("data"), 0, Arc::new(SystemClock)));
        let mut blob = blobs.create(None).unwrap();
        blob.write(bytes).unwrap();
        blob.keep();
        let segment = Segment { blob: blob.id(), size: super::super::index::length(bytes), crc: crc(bytes) };
        (Files { blobs, buffers: Arc::new(Buffers::new(4)), damaged: Arc::default() }, segment)
    }

    async fn read(
        files: &Files,
        segments: &[Segment],
        range: Option<ByteRange>,
    ) -> Result<Vec<u8>, BodyFault> {
        let reader = Reader::new(files.clone(), extents(segments, range), None);
        let body = spawn_blocking(|| reader.start()).await.unwrap().map_err(|_| BodyFault::Incomplete)?;
        match body {
            Body::Full(bytes) => Ok(bytes.to_vec()),
            Body::Stream(mut stream) => {
                let mut all = Vec::new();
                while let Some(piece) = stream.next().await {
                    all.extend_from_slice(&piece?);
                }
                Ok(all)
            }
        }
    }

    #[tokio::test]
    async fn every_range_of_several_files_comes_out_right() {
        let directory = tempfile::tempdir().unwrap();
        let bytes: Vec<u8> = (0..700_001u32).map(|at| at.to_le_bytes()[0] ^ at.to_le_bytes()[1]).collect();
        let (files, segment) = stored(directory.path(), &bytes);
        let segments = [segment, segment];
        let double = [bytes.as_slice(), bytes.as_slice()].concat();
        for (first, last) in [
            (0, 0),
            (0, 699_999),
            (0, 700_000),
            (1, 700_001),
            (262_143, 262_144),
            (700_001, 1_400_001),
            (5, 1_400_000),
        ] {
            let told = read(&files, &segments, Some(ByteRange { first, last })).await.unwrap();
            let (first, last) = (usize::try_from(first).unwrap(), usize::try_from(last).unwrap());
            assert!(told == double[first..=last], "{first}-{last}");
        }
        assert!(read(&files, &segments, None).await.unwrap() == double);
    }

    #[tokio::test]
    async fn a_damaged_file_never_comes_out_whole() {
        let directory = tempfile::tempdir().unwrap();
        let bytes = vec![5; 3 * PIECE + 17];
        let (files, segment) = stored(directory.path(), &bytes);
        let path = files.blobs.path(segment.blob);
        for change in 0..3 {
            let mut damaged = bytes.clone();
            match change {
                0 => damaged[PIECE + 3] ^= 1,
                1 => damaged.truncate(PIECE),
                _ => damaged.push(0),
            }
            std::fs::write(&path, damaged).unwrap();
            assert_eq!(read(&files, &[segment], None).await, Err(BodyFault::Incomplete));
            assert!(files.is_damaged(segment.blob));
            files.damaged.lock().unwrap().clear();
        }
    }
}
