//! One socket of a session.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until};

use super::session::SessionLine;
use crate::line::Reset as _;
use crate::seats::Seat;

/// A socket that can be taken away from whoever uses it.
#[derive(Debug)]
pub(super) struct Socket(Mutex<Slot>);

#[derive(Debug)]
struct Slot {
    /// None once it was reset.
    open: Option<(TcpStream, Option<Arc<Seat>>)>,
    /// Who waits for bytes, and who for room. To drop a socket wakes nobody.
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl Socket {
    pub(super) fn new(stream: TcpStream, seat: Option<Arc<Seat>>) -> Self {
        Self(Mutex::new(Slot { open: Some((stream, seat)), reader: None, writer: None }))
    }

    /// Closes it so that the system forgets what it holds.
    pub(super) fn reset(&self) {
        let (open, reader, writer) = {
            let mut slot = self.slot();
            (slot.open.take(), slot.reader.take(), slot.writer.take())
        };
        if let Some((stream, seat)) = open {
            stream.reset_on_drop();
            drop(stream);
            drop(seat);
        }
        for waker in [reader, writer].into_iter().flatten() {
            waker.wake();
        }
    }

    fn slot(&self) -> MutexGuard<'_, Slot> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let mut slot = self.slot();
        let Some((stream, _)) = &mut slot.open else { return Poll::Ready(Err(gone())) };
        let read = Pin::new(stream).poll_read(cx, buf);
        slot.reader = read.is_pending().then(|| cx.waker().clone());
        read
    }

    fn write<R>(
        &self,
        cx: &mut Context<'_>,
        write: impl FnOnce(Pin<&mut TcpStream>, &mut Context<'_>) -> Poll<io::Result<R>>,
    ) -> Poll<io::Result<R>> {
        let mut slot = self.slot();
        let Some((stream, _)) = &mut slot.open else { return Poll::Ready(Err(gone())) };
        let wrote = write(Pin::new(stream), cx);
        slot.writer = wrote.is_pending().then(|| cx.waker().clone());
        wrote
    }
}

fn gone() -> io::Error {
    io::ErrorKind::ConnectionAborted.into()
}

/// A socket of a session, plain. TLS is spoken on top of it, so that what ends the session ends that as well.
///
/// Reading and writing fail once the session was ended, and nothing is written that its lease does not cover. A client that takes no byte for
/// [`Limits::write_stall`](crate::Limits::write_stall) is given up.
pub struct LineStream {
    socket: Arc<Socket>,
    line: Arc<SessionLine>,
    /// What was read too far; empty once it was read again.
    ahead: Vec<u8>,
    /// Since when the client takes nothing, if so, and what tells that it is too long.
    blocked: Option<Instant>,
    alarm: Option<Pin<Box<Sleep>>>,
}

impl fmt::Debug for LineStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LineStream").field("line", &self.line).finish_non_exhaustive()
    }
}

impl LineStream {
    pub(super) fn new(socket: Arc<Socket>, line: Arc<SessionLine>, ahead: Vec<u8>) -> Self {
        Self { socket, line, ahead, blocked: None, alarm: None }
    }

    /// The session that it belongs to.
    #[must_use]
    pub fn line(&self) -> &Arc<SessionLine> {
        &self.line
    }

    /// The socket's own address, canonical.
    ///
    /// # Errors
    /// If the socket is gone.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        let slot = self.socket.slot();
        let (stream, _) = slot.open.as_ref().ok_or_else(gone)?;
        let local = stream.local_addr()?;
        Ok(SocketAddr::new(local.ip().to_canonical(), local.port()))
    }

    /// Forgets what was read too far: after a change to TLS nothing counts that came in plain before it.
    pub fn forget_ahead(&mut self) {
        self.ahead = Vec::new();
    }

    /// Resets this socket, and no other of the session.
    pub fn reset(&self) {
        self.socket.reset();
    }

    /// Keeps account of a write, and gives up a client that takes nothing.
    fn wrote<R>(&mut self, cx: &mut Context<'_>, wrote: Poll<io::Result<R>>) -> Poll<io::Result<R>> {
        if wrote.is_ready() {
            self.blocked = None;
            return wrote;
        }
        let since = *self.blocked.get_or_insert_with(Instant::now);
        let Some(due) = since.checked_add(self.line.write_stall()) else { return Poll::Pending };
        let alarm = self.alarm.get_or_insert_with(|| Box::pin(sleep_until(due)));
        // Moved forward only when it fires.
        while alarm.as_mut().poll(cx).is_ready() {
            if due <= Instant::now() {
                self.socket.reset();
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client does not read")));
            }
            alarm.as_mut().reset(due);
        }
        Poll::Pending
    }
}

impl AsyncRead for LineStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.ahead.is_empty() {
            return self.socket.read(cx, buf);
        }
        let fits = self.ahead.len().min(buf.remaining());
        let rest = self.ahead.split_off(fits);
        buf.put_slice(&self.ahead);
        self.ahead = rest;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for LineStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if !self.line.may_send() {
            return Poll::Ready(Err(gone()));
        }
        let wrote = self.socket.write(cx, |stream, cx| stream.poll_write(cx, bytes));
        self.wrote(cx, wrote)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if !self.line.may_send() {
            return Poll::Ready(Err(gone()));
        }
        let wrote = self.socket.write(cx, |stream, cx| stream.poll_write_vectored(cx, bytes));
        self.wrote(cx, wrote)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket.write(cx, |stream, cx| stream.poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket.write(cx, |stream, cx| stream.poll_shutdown(cx))
    }
}
