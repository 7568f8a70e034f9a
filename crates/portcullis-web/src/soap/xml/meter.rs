//! A bound on how much is read.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncBufRead, AsyncRead, ReadBuf};

use crate::soap::source::read_of_buffer;

/// A reader that gives out no more than was set.
#[derive(Debug)]
pub(super) struct Metered<R> {
    inner: R,
    /// Bytes that may still be read; none is without a bound.
    left: Option<usize>,
}

/// More came than may come.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("more than may come")]
pub(super) struct OverLimit;

impl<R> Metered<R> {
    pub(super) fn new(inner: R, left: usize) -> Self {
        Self { inner, left: Some(left) }
    }

    /// Sets how much may be read from now on, and says how much might have been.
    pub(super) fn limit(&mut self, left: Option<usize>) -> Option<usize> {
        std::mem::replace(&mut self.left, left)
    }

    pub(super) fn into_inner(self) -> R {
        self.inner
    }
}

impl<R: AsyncBufRead + Unpin> AsyncBufRead for Metered<R> {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        let this = self.get_mut();
        let bytes = ready!(Pin::new(&mut this.inner).poll_fill_buf(cx))?;
        let Some(left) = this.left else { return Poll::Ready(Ok(bytes)) };
        if left == 0 && !bytes.is_empty() {
            return Poll::Ready(Err(io::Error::other(OverLimit)));
        }
        Poll::Ready(Ok(bytes.get(..left).unwrap_or(bytes)))
    }

    fn consume(self: Pin<&mut Self>, amount: usize) {
        let this = self.get_mut();
        this.left = this.left.map(|left| left.saturating_sub(amount));
        Pin::new(&mut this.inner).consume(amount);
    }
}

impl<R: AsyncBufRead + Unpin> AsyncRead for Metered<R> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, to: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        read_of_buffer(self, cx, to)
    }
}
