//! What the parts of one connection tell each other about how far it is.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::line::Ending;

/// How far a connection is. Transport and bodies write it, the watchdog reads it.
///
/// Nearly always all of them run in the connection's own task; the atomics are there because a service may hand a
/// body to another one. No value guards other data, so no order between them is needed.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    /// Heads that were complete.
    requests: AtomicU64,
    /// Halves of an exchange (request body, answer) that are not at their end.
    under_way: AtomicUsize,
    /// Bytes came since the last exchange ended, and no head is complete yet.
    head_begun: AtomicBool,
    /// The last write found the peer's window closed.
    blocked: AtomicBool,
    /// Bytes that were written.
    written: AtomicU64,
    /// The last request's body was given up before its end.
    unread: AtomicBool,
    /// How the connection is ended from outside.
    pub(crate) ending: Ending,
}

/// What a connection waits for. A change of the value, its counter included, is progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// For the client to send the rest of a head (or, on a new connection, anything at all).
    Head { requests: u64 },
    /// For the client to begin its next request.
    Idle { requests: u64 },
    /// For the service, or for body bytes, which the body itself times.
    Exchange { requests: u64 },
    /// For the client to read.
    Blocked { written: u64 },
}

impl Progress {
    pub(crate) fn stage(&self) -> Stage {
        let requests = self.requests.load(Relaxed);
        if self.blocked.load(Relaxed) {
            Stage::Blocked { written: self.written.load(Relaxed) }
        } else if self.under_way.load(Relaxed) > 0 {
            Stage::Exchange { requests }
        } else if requests == 0 || self.head_begun.load(Relaxed) {
            Stage::Head { requests }
        } else {
            Stage::Idle { requests }
        }
    }

    /// A head is complete; the guard stands for the answer.
    pub(crate) fn begin(self: &Arc<Self>) -> Half {
        self.requests.fetch_add(1, Relaxed);
        self.head_begun.store(false, Relaxed);
        self.unread.store(false, Relaxed);
        Half::new(self)
    }

    /// How many heads were complete.
    pub(crate) fn requests(&self) -> u64 {
        self.requests.load(Relaxed)
    }

    /// Whether the last request's body was given up before its end, so that the client may still be sending it.
    pub(crate) fn left_unread(&self) -> bool {
        self.unread.load(Relaxed)
    }

    pub(crate) fn received(&self) {
        if self.under_way.load(Relaxed) == 0 {
            self.head_begun.store(true, Relaxed);
        }
    }

    pub(crate) fn wrote(&self, result: &Poll<io::Result<usize>>) {
        self.blocked.store(result.is_pending(), Relaxed);
        if let Poll::Ready(Ok(bytes)) = result {
            self.written.fetch_add(u64::try_from(*bytes).unwrap_or(u64::MAX), Relaxed);
        }
    }
}

/// One half of an exchange, for as long as it is under way.
#[derive(Debug)]
pub(crate) struct Half(Arc<Progress>);

impl Half {
    fn new(progress: &Arc<Progress>) -> Self {
        progress.under_way.fetch_add(1, Relaxed);
        Self(Arc::clone(progress))
    }

    /// The other half of the same exchange.
    pub(crate) fn other(&self) -> Self {
        Self::new(&self.0)
    }

    /// This half, a request body, is given up before its end.
    pub(crate) fn give_up(&self) {
        self.0.unread.store(true, Relaxed);
    }
}

impl Drop for Half {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Relaxed);
    }
}

/// A transport that tells [`Progress`] what passes through it.
#[derive(Debug)]
pub(crate) struct Watched<T> {
    transport: T,
    progress: Arc<Progress>,
}

impl<T> Watched<T> {
    pub(crate) fn new(transport: T, progress: Arc<Progress>) -> Self {
        Self { transport, progress }
    }

    pub(crate) fn into_inner(self) -> T {
        self.transport
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Watched<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let result = Pin::new(&mut self.transport).poll_read(cx, buf);
        if buf.filled().len() > before {
            self.progress.received();
        }
        result
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Watched<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.progress.ending.check()?;
        let result = Pin::new(&mut self.transport).poll_write(cx, buf);
        self.progress.wrote(&result);
        result
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.progress.ending.check()?;
        let result = Pin::new(&mut self.transport).poll_write_vectored(cx, bufs);
        self.progress.wrote(&result);
        result
    }

    fn is_write_vectored(&self) -> bool {
        self.transport.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.transport).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.transport).poll_shutdown(cx)
    }
}
