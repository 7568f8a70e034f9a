//! Bodies on their way out: files, read piece by piece and compared with their checksums.
//!
//! A piece that the kernel has in memory is copied at once, where it is asked for (`RWF_NOWAIT` promises not to wait). One that
//! it does not have is read on the blocking pool, and from then on the next piece is read while the client takes this one,
//! until the kernel's own read-ahead is faster again.

mod buffers;
mod pins;
mod reader;

use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_core::Stream;
use tokio::task::{JoinHandle, spawn_blocking};

pub(super) use buffers::Buffers;
pub(super) use pins::Pins;
pub(super) use reader::{Files, Reader, extents};

use crate::{Body, BodyFault};

/// A body that goes on after its first piece.
fn sending(first: Bytes, reader: Reader) -> Body {
    Body::Stream(Box::pin(Sending { first: Some(first), state: State::Idle(reader) }))
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
    use std::sync::Arc;

    use futures_util::StreamExt as _;
    use portcullis_domain::{SystemClock, Timestamp};

    use super::super::blob::{BlobId, Blobs};
    use super::super::index::{Segment, crc};
    use super::buffers::PIECE;
    use super::*;
    use crate::ByteRange;

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
