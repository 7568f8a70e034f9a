//! Stretches of files, piece by piece.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, IoSliceMut};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use rustix::io::{Errno, ReadWriteFlags};

use super::super::blob::{BlobId, Blobs};
use super::super::index::Segment;
use super::buffers::{Buffer, Buffers, PIECE};
use super::pins::Pinned;
use super::sending;
use crate::{Body, ByteRange};

/// What reading a storage's files needs.
#[derive(Clone, Debug)]
pub(in super::super) struct Files {
    pub(in super::super) blobs: Arc<Blobs>,
    pub(in super::super) buffers: Arc<Buffers>,
    /// Files that are known to be damaged.
    pub(in super::super) damaged: Arc<Mutex<HashSet<BlobId>>>,
}

impl Files {
    pub(in super::super) fn is_damaged(&self, blob: BlobId) -> bool {
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
pub(in super::super) struct Extent {
    pub(in super::super) segment: Segment,
    pub(super) first: u64,
    pub(super) length: u64,
}

/// The stretches that hold these bytes of an object.
pub(in super::super) fn extents(segments: &[Segment], range: Option<ByteRange>) -> Vec<Extent> {
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
pub(in super::super) struct Reader {
    files: Files,
    rest: std::vec::IntoIter<Extent>,
    open: Option<Open>,
    /// Whether the kernel had the last piece in memory.
    pub(super) warm: bool,
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
    pub(in super::super) fn new(files: Files, extents: Vec<Extent>, pinned: Option<Pinned>) -> Self {
        Self { files, rest: extents.into_iter(), open: None, warm: false, _pinned: pinned }
    }

    /// Opens the first file and reads the first piece. Blocks.
    ///
    /// # Errors
    /// `NotFound` if the file is gone, `InvalidData` if it is not what it was; the disk is faulty.
    pub(in super::super) fn start(mut self) -> io::Result<Body> {
        let first = self.piece()?;
        match first {
            Some(first) if !self.is_done() => Ok(sending(first, self)),
            first => Ok(Body::Full(first.unwrap_or_default())),
        }
    }

    pub(super) fn is_done(&self) -> bool {
        self.open.is_none() && self.rest.len() == 0
    }

    /// The next piece. Blocks.
    ///
    /// # Errors
    /// As [`Reader::start`].
    pub(in super::super) fn piece(&mut self) -> io::Result<Option<Bytes>> {
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
    pub(super) fn piece_at_once(&mut self) -> Option<io::Result<Bytes>> {
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
