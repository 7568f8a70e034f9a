//! The bytes of a request, handed on part by part.

use std::sync::{Arc, Mutex as Short, PoisonError};

use axum::body::{Body, BodyDataStream};
use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt as _, stream};
use portcullis_access::{BodyFault, BodyStream, Digest, Digester};
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};

/// The bytes that come, and the digest that they are to have.
pub(super) struct Source {
    stream: BodyDataStream,
    /// What has come and was not handed on.
    left: Bytes,
    check: Option<(Digester, Digest)>,
}

impl Source {
    pub(super) fn new(body: Body, checksum: Option<Digest>) -> Self {
        let check = checksum.map(|digest| (Digester::new(&[digest.algorithm]), digest));
        Self { stream: body.into_data_stream(), left: Bytes::new(), check }
    }

    /// Whether there are more bytes, once that is known.
    pub(super) async fn has_more(&mut self) -> Result<bool, BodyFault> {
        while self.left.is_empty() {
            match self.stream.next().await {
                None => return Ok(false),
                Some(bytes) => self.left = bytes.map_err(|_| BodyFault::Disconnected)?,
            }
        }
        Ok(true)
    }

    /// The next bytes, at most so many; none at the end.
    pub(super) async fn next(&mut self, most: u64) -> Result<Option<Bytes>, BodyFault> {
        if !self.has_more().await? {
            return Ok(None);
        }
        let taken = self.left.len().min(usize::try_from(most).unwrap_or(usize::MAX));
        let bytes = self.left.split_to(taken);
        if let Some((digester, _)) = &mut self.check {
            digester.update(&bytes);
        }
        Ok(Some(bytes))
    }

    /// Compares what has come with the digest that it was to have.
    pub(super) fn check(&mut self) -> Result<(), BodyFault> {
        let Some((digester, wanted)) = self.check.take() else { return Ok(()) };
        if digester.finish().first() == Some(&wanted) {
            return Ok(());
        }
        Err(BodyFault::Digest(wanted.algorithm))
    }
}

/// What has come of a part that is not whole yet, to be kept if it breaks off; nothing where there is no room for it.
#[derive(Clone, Default)]
pub(super) struct Kept(Option<Arc<Short<Held>>>);

struct Held {
    length: u64,
    bytes: Vec<Bytes>,
    /// The room that the part takes.
    _room: OwnedSemaphorePermit,
}

impl Kept {
    /// The memory for what has come of parts, in MiB, for all requests together.
    pub(super) const ROOM: usize = 512;

    /// For a part of so many bytes, of which `head` was kept before. Takes its room from what all requests share.
    pub(super) fn after(head: &Bytes, part_size: u64, room: &Arc<Semaphore>) -> Self {
        let needed = u32::try_from(part_size >> 20).unwrap_or(u32::MAX).max(1);
        let Ok(room) = Arc::clone(room).try_acquire_many_owned(needed) else { return Self(None) };
        let kept = Self(Some(Arc::new(Short::new(Held { length: 0, bytes: Vec::new(), _room: room }))));
        kept.push(head.clone());
        kept
    }

    /// Whether there is room.
    pub(super) fn has_room(&self) -> bool {
        self.0.is_some()
    }

    pub(super) fn push(&self, bytes: Bytes) {
        let Some(held) = &self.0 else { return };
        let mut held = held.lock().unwrap_or_else(PoisonError::into_inner);
        held.length += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        held.bytes.push(bytes);
    }

    pub(super) fn length(&self) -> u64 {
        let length = |held: &Arc<Short<Held>>| held.lock().unwrap_or_else(PoisonError::into_inner).length;
        self.0.as_ref().map_or(0, length)
    }

    pub(super) fn joined(&self) -> Bytes {
        let Some(held) = &self.0 else { return Bytes::new() };
        let held = held.lock().unwrap_or_else(PoisonError::into_inner);
        let mut joined = BytesMut::with_capacity(usize::try_from(held.length).unwrap_or_default());
        for bytes in &held.bytes {
            joined.extend_from_slice(bytes);
        }
        joined.freeze()
    }
}

/// A part on its way: what was kept of it, and then what comes.
struct Piece {
    source: Arc<Mutex<Source>>,
    head: Option<Bytes>,
    kept: Kept,
    need: u64,
    /// Whether the upload ends with it: nothing may be made a file before its bytes are checked.
    last: bool,
}

/// The bytes of a part: `head`, and then `need` bytes of those that come, each of which is noted in `kept`.
pub(super) fn piece(
    source: &Arc<Mutex<Source>>,
    head: Bytes,
    need: u64,
    last: bool,
    kept: Kept,
) -> BodyStream {
    let head = Some(head).filter(|head| !head.is_empty());
    let piece = Piece { source: Arc::clone(source), head, kept, need, last };
    Box::pin(stream::try_unfold(piece, |mut piece| async move {
        if let Some(head) = piece.head.take() {
            return Ok(Some((head, piece)));
        }
        if piece.need == 0 {
            return Ok(None);
        }
        let bytes = {
            let mut source = piece.source.lock().await;
            let bytes = source.next(piece.need).await?.ok_or(BodyFault::Incomplete)?;
            piece.need = piece.need.saturating_sub(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
            if piece.need == 0 && piece.last {
                source.check()?;
            }
            bytes
        };
        piece.kept.push(bytes.clone());
        Ok(Some((bytes, piece)))
    }))
}
