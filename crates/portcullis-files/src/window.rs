//! Reads at positions, made of requests that go on.
//!
//! What was read lately stays for a while, since clients that send many reads at once do not always send them in order.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;

use crate::read::{ReadStream, Source};
use crate::{FileError, Result};

/// The most that is read over, forwards, rather than asked for anew.
const SKIPPED: u64 = 1024 * 1024;
/// What is kept of what was given out.
const KEPT: u64 = 1024 * 1024;
/// What the first request after a jump asks for at least; each one that goes on asks for four times as much.
const FIRST: u64 = 256 * 1024;
/// From here on a request asks for everything.
const WHOLE: u64 = 16 * 1024 * 1024;

/// Some bytes of a file in a row, and the request that goes on behind them.
#[derive(Default)]
pub(crate) struct Window {
    pieces: VecDeque<Bytes>,
    /// Where the first of them is, and where the next will be.
    begin: u64,
    end: u64,
    /// The request that goes on, and where it ends. Behind a lock that is never taken, so that readers can be shared between threads.
    open: Mutex<Option<(ReadStream, u64)>>,
    /// How much the next request asks for; none for the first of all.
    ask: Option<u64>,
}

impl fmt::Debug for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Window").field("begin", &self.begin).field("end", &self.end).finish_non_exhaustive()
    }
}

impl Window {
    pub(crate) async fn read(&mut self, source: &Source, offset: u64, length: usize) -> Result<Bytes> {
        let to = offset.saturating_add(u64::try_from(length).unwrap_or(u64::MAX)).min(source.size());
        if offset >= to {
            return Ok(Bytes::new());
        }
        // A file that is read from its beginning is mostly read to its end; any other begins with a jump.
        let begins = self.ask.is_none() && offset > 0;
        if begins || offset < self.begin || offset > self.end.saturating_add(SKIPPED) {
            *self = Self { begin: offset, end: offset, ask: Some(FIRST), ..Self::default() };
        }
        while self.end < to {
            self.pull(source, to).await?;
            self.forget(offset);
        }
        let bytes = self.cut(offset, to)?;
        self.forget(offset);
        Ok(bytes)
    }

    /// Takes the next piece.
    async fn pull(&mut self, source: &Source, to: u64) -> Result<()> {
        let (mut body, ends) = match self.open.get_mut().unwrap_or_else(PoisonError::into_inner).take() {
            Some(open) if self.end < open.1 => open,
            _ => {
                let ask = self.ask.unwrap_or(u64::MAX);
                let ends = self.end.saturating_add(ask).max(to).min(source.size());
                self.ask = Some(if ask >= WHOLE { u64::MAX } else { ask.saturating_mul(4) });
                (source.stream(self.end, Some(ends.saturating_sub(self.end))).await?, ends)
            }
        };
        let piece = body.next().await.ok_or(FileError::Unavailable)??;
        self.end = self.end.saturating_add(u64::try_from(piece.len()).unwrap_or(u64::MAX));
        self.pieces.push_back(piece);
        self.open = Mutex::new(Some((body, ends)));
        Ok(())
    }

    /// Drops what lies too far before what is read.
    fn forget(&mut self, offset: u64) {
        while let Some(first) = self.pieces.front() {
            let after = self.begin.saturating_add(u64::try_from(first.len()).unwrap_or(u64::MAX));
            if after > offset.saturating_sub(KEPT) {
                return;
            }
            self.begin = after;
            self.pieces.pop_front();
        }
    }

    /// The bytes from `offset` to `to`, which are all there; without a copy if they are in one piece.
    fn cut(&self, offset: u64, to: u64) -> Result<Bytes> {
        let mut at = self.begin;
        let mut whole = BytesMut::new();
        for piece in &self.pieces {
            let after = at.saturating_add(u64::try_from(piece.len()).unwrap_or(u64::MAX));
            if after > offset && at < to {
                let from = usize::try_from(offset.saturating_sub(at)).unwrap_or(usize::MAX);
                let until = usize::try_from(to.min(after).saturating_sub(at)).unwrap_or(usize::MAX);
                let part = piece.get(from..until).ok_or(FileError::Unavailable)?;
                if offset >= at && to <= after {
                    return Ok(piece.slice_ref(part));
                }
                if whole.is_empty() {
                    whole.reserve(usize::try_from(to - offset).unwrap_or(0));
                }
                whole.extend_from_slice(part);
            }
            at = after;
        }
        Ok(whole.freeze())
    }
}
