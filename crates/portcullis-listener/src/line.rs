//! Ending a connection from outside, with everything that its client has not received.
//!
//! To close a socket hands what is in its buffers to the kernel, which goes on delivering it to a slow client for as long as
//! that takes. A right that was taken away must not be used up that way, so the socket is reset: the kernel forgets what it holds.

use std::any::Any;
use std::fmt;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering::Acquire, Ordering::Release};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll};

use futures_util::task::AtomicWaker;
use portcullis_domain::{Lease, Line};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use crate::progress::Progress;

/// A transport that can be made to forget what it holds.
pub(crate) trait Reset: AsyncRead + AsyncWrite + Unpin {
    /// When it is dropped, what it has not delivered is not delivered.
    fn reset_on_drop(&self);
}

impl Reset for TcpStream {
    fn reset_on_drop(&self) {
        if let Err(error) = self.set_zero_linger() {
            tracing::debug!(%error, "a connection that is cut is only closed");
        }
    }
}

#[cfg(test)]
impl Reset for tokio::io::DuplexStream {
    fn reset_on_drop(&self) {}
}

/// How one connection is ended from outside.
pub(crate) struct Ending {
    /// Told to end, or the lease did not hold when something was to leave.
    told: AtomicBool,
    /// None once the connection is gone.
    held: Mutex<Option<Vec<Box<dyn Any + Send>>>>,
    lease: OnceLock<Lease>,
    waker: AtomicWaker,
}

impl fmt::Debug for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ending").field("told", &self.told).finish_non_exhaustive()
    }
}

impl Default for Ending {
    fn default() -> Self {
        let held = Mutex::new(Some(Vec::new()));
        Self { told: AtomicBool::new(false), held, lease: OnceLock::new(), waker: AtomicWaker::new() }
    }
}

impl Ending {
    /// Ready when the connection is to end now.
    pub(crate) fn poll_told(&self, cx: &mut Context<'_>) -> Poll<()> {
        // Before the flag is read: who sets it after this line wakes this task.
        self.waker.register(cx.waker());
        if self.is_told() { Poll::Ready(()) } else { Poll::Pending }
    }

    pub(crate) fn is_told(&self) -> bool {
        self.told.load(Acquire)
    }

    /// Refuses to write what a lease no longer covers.
    pub(crate) fn check(&self) -> io::Result<()> {
        if self.lease.get().is_some_and(|holds| !holds()) {
            self.told.store(true, Release);
        }
        if self.is_told() { Err(io::ErrorKind::ConnectionAborted.into()) } else { Ok(()) }
    }

    fn tell(&self, held: Box<dyn Any + Send>) {
        if let Some(all) = &mut *self.held.lock().unwrap_or_else(PoisonError::into_inner) {
            all.push(held);
        }
        self.told.store(true, Release);
        self.waker.wake();
    }
}

/// Lets go, when it is dropped, of what is held until the connection is gone.
pub(crate) struct Over(pub(crate) Arc<Progress>);

impl Drop for Over {
    fn drop(&mut self) {
        let held = self.0.ending.held.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(held);
    }
}

/// The connection, for one of its requests.
pub(crate) struct ThisLine {
    pub(crate) progress: Arc<Progress>,
    /// Which of the connection's requests it is, counted from one.
    pub(crate) request: u64,
}

impl fmt::Debug for ThisLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Line").field("request", &self.request).finish_non_exhaustive()
    }
}

impl Line for ThisLine {
    fn end(&self, held: Box<dyn Any + Send>) {
        if self.progress.requests() == self.request {
            self.progress.ending.tell(held);
        }
    }

    fn bind(&self, lease: Lease) {
        drop(self.progress.ending.lease.set(lease));
    }
}
