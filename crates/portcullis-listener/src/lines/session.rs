//! A session: the sockets that end together.

use std::any::Any;
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;

use portcullis_domain::{Lease, Line};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use super::socket::{LineStream, Socket};
use crate::peer::Peer;
use crate::proxies::{Proxies, arrive};
use crate::seats::Seat;

/// One session of a line protocol, as seen by whoever may end it.
///
/// To end it resets every socket of it before [`Line::end`] returns: the system forgets what it holds for a slow client.
/// The task that serves the session ends right after.
pub struct SessionLine {
    told: CancellationToken,
    /// None once nothing of the session is left.
    held: Mutex<Option<Vec<Box<dyn Any + Send>>>>,
    lease: OnceLock<Lease>,
    sockets: Mutex<Vec<Weak<Socket>>>,
    write_stall: Duration,
}

impl fmt::Debug for SessionLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionLine").field("told", &self.is_ended()).finish_non_exhaustive()
    }
}

impl SessionLine {
    pub(super) fn new(write_stall: Duration) -> Self {
        Self {
            told: CancellationToken::new(),
            held: Mutex::new(Some(Vec::new())),
            lease: OnceLock::new(),
            sockets: Mutex::default(),
            write_stall,
        }
    }

    /// The connection itself, with what was read of it too far.
    pub(super) fn first(self: &Arc<Self>, stream: TcpStream, ahead: Vec<u8>, seat: Arc<Seat>) -> LineStream {
        self.take(stream, ahead, Some(seat))
    }

    /// Takes a further socket, an FTP data connection for one, under this session: it ends with it, and is bound to the same lease. If the
    /// session was ended already the socket is reset, and whatever is done with it fails.
    pub fn attach(self: &Arc<Self>, stream: TcpStream) -> LineStream {
        self.take(stream, Vec::new(), None)
    }

    /// The same for a socket that was accepted beside the session's own: if it came from a proxy that is believed, the header of the PROXY
    /// protocol is read, and the client that it tells is the peer.
    ///
    /// # Errors
    /// If the header does not come in five seconds or is none, if the proxy could tell the client in a header of HTTP only, or if the
    /// session ends meanwhile.
    pub async fn attach_from(
        self: &Arc<Self>,
        stream: TcpStream,
        proxies: &Proxies,
    ) -> io::Result<(LineStream, Peer)> {
        let peer = Peer::from(stream.peer_addr()?);
        if proxies.is_silent_about(peer) {
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, "the proxy cannot tell whose it is"));
        }
        let arrival = tokio::select! {
            biased;
            () = self.ended() => return Err(io::ErrorKind::ConnectionAborted.into()),
            arrival = arrive(stream, peer, proxies) => arrival?,
        };
        let (stream, ahead) = arrival.transport.into_parts();
        Ok((self.take(stream, ahead, None), arrival.peer))
    }

    /// Ready when the session was ended.
    pub async fn ended(&self) {
        self.told.cancelled().await;
    }

    /// Whether it was ended.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        self.told.is_cancelled()
    }

    /// Ends the session: every socket is reset before this returns.
    pub fn reset(&self) {
        let sockets = {
            let mut sockets = self.sockets();
            // Under the lock, so that no socket comes in between.
            self.told.cancel();
            std::mem::take(&mut *sockets)
        };
        for socket in sockets.iter().filter_map(Weak::upgrade) {
            socket.reset();
        }
    }

    /// Whether something may leave. If the lease does not hold, the session ends here.
    pub(super) fn may_send(&self) -> bool {
        if self.is_ended() {
            return false;
        }
        let holds = self.lease.get().is_none_or(|holds| holds());
        if !holds {
            self.reset();
        }
        holds
    }

    pub(super) fn write_stall(&self) -> Duration {
        self.write_stall
    }

    fn take(self: &Arc<Self>, stream: TcpStream, ahead: Vec<u8>, seat: Option<Arc<Seat>>) -> LineStream {
        let socket = Arc::new(Socket::new(stream, seat));
        let ended = {
            let mut sockets = self.sockets();
            sockets.retain(|socket| socket.strong_count() > 0);
            sockets.push(Arc::downgrade(&socket));
            self.is_ended()
        };
        if ended {
            socket.reset();
        }
        LineStream::new(socket, Arc::clone(self), ahead)
    }

    fn sockets(&self) -> MutexGuard<'_, Vec<Weak<Socket>>> {
        self.sockets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn held(&self) -> MutexGuard<'_, Option<Vec<Box<dyn Any + Send>>>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Line for SessionLine {
    fn end(&self, held: Box<dyn Any + Send>) {
        if let Some(all) = &mut *self.held() {
            all.push(held);
        }
        self.reset();
    }

    fn bind(&self, lease: Lease) {
        drop(self.lease.set(lease));
    }
}

/// When it is dropped the session's task has nothing any more, and what was held is let go of.
pub(super) struct Over(pub(super) Arc<SessionLine>);

impl Drop for Over {
    fn drop(&mut self) {
        let held = self.0.held().take();
        drop(held);
    }
}
