//! One connection, from its first byte to its last.

use std::convert::Infallible;
use std::error::Error as StdError;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use http::{Request, Response};
use http_body::Body;
use hyper::server::conn::http1;
use hyper::service::Service;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::debug;

use crate::accept::DoorConfig;
use crate::body::RequestBody;
use crate::limits::Limits;
use crate::line::{Over, Reset};
use crate::peer::Peer;
use crate::progress::{Progress, Watched};
use crate::proxies::{Arrival, Proxies, Transport, arrive};
use crate::service::Front;
use crate::tls::{Tls, secure};
use crate::watchdog::{Overdue, Watchdog};

#[cfg(test)]
mod tests;

/// The most that hyper reads at once and holds back for a slow reader. It begins with 8 KiB and doubles while bodies
/// come faster than they are taken. Twice or four times as much made uploads no faster when measured, and each
/// connection that ever took a large body keeps about twice this.
const MAX_BUFFER: usize = 64 * 1024;

/// hyper's own limit for header fields. It parses on the stack then; any other limit costs allocations per request.
const HYPER_MAX_HEADERS: usize = 100;

/// How long a client that was refused may go on sending before the connection is closed under it.
const LINGER: Duration = Duration::from_secs(5);

/// What all connections of a listener share.
#[derive(Debug)]
pub(crate) struct Door {
    limits: Limits,
    proxies: Proxies,
    tls: Option<Tls>,
    http1: http1::Builder,
    /// Finish what is under way.
    pub(crate) shutdown: CancellationToken,
    /// End now.
    pub(crate) cut: CancellationToken,
}

/// How a connection ended.
enum End {
    Closed,
    /// hyper answered by itself (400, 414, 431).
    Refused(hyper::Error),
    Failed(hyper::Error),
    Overdue(Overdue),
    Cut,
    /// From outside, see [`portcullis_domain::Line`].
    Told,
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("closed"),
            Self::Refused(error) => write!(f, "refused: {error}"),
            Self::Failed(error) => write!(f, "failed: {error}"),
            Self::Overdue(Overdue::Head) => f.write_str("no head in time"),
            Self::Overdue(Overdue::Idle) => f.write_str("idle for too long"),
            Self::Overdue(Overdue::Write) => f.write_str("the client does not read"),
            Self::Cut => f.write_str("cut off by the end of the drain"),
            Self::Told => f.write_str("cut off: a right under which it was used is gone"),
        }
    }
}

impl Door {
    pub(crate) fn new(config: DoorConfig, shutdown: CancellationToken) -> Self {
        let DoorConfig { limits, proxies, tls } = config;
        let mut http1 = http1::Builder::new();
        // `pipeline_flush` stays off: it copies every body into one buffer that has no bound.
        http1
            .half_close(false)
            .keep_alive(true)
            .header_read_timeout(None::<Duration>)
            .max_header_size(limits.max_header_bytes)
            .max_buf_size(MAX_BUFFER.max(limits.max_header_bytes));
        if limits.max_headers != HYPER_MAX_HEADERS {
            http1.max_headers(limits.max_headers);
        }
        Self { limits, proxies, tls, http1, shutdown, cut: CancellationToken::new() }
    }
}

/// Serves one connection until it ends, is overdue, or is cut.
pub(crate) async fn run<T, S, B>(transport: T, peer: Peer, service: S, door: &Door)
where
    T: Reset,
    S: Service<Request<RequestBody>, Response = Response<B>, Error = Infallible>,
    B: Body + 'static,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    let Some((transport, peer)) = come_in(transport, peer, door).await else { return };
    let Some(tls) = &door.tls else { return talk(transport, peer, service, door).await };
    let secured = tokio::select! {
        biased;
        () = door.shutdown.cancelled() => return,
        secured = secure(transport, tls.http()) => secured,
    };
    match secured {
        // Apart, so that plain connections do not take the room of a TLS session.
        Ok(secured) => Box::pin(talk(secured, peer, service, door)).await,
        Err(error) => debug!(peer = %peer.address, %error, "no TLS session"),
    }
}

/// Serves the requests of one connection.
async fn talk<T, S, B>(transport: T, peer: Peer, service: S, door: &Door)
where
    T: Reset,
    S: Service<Request<RequestBody>, Response = Response<B>, Error = Infallible>,
    B: Body + 'static,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    let progress = Arc::new(Progress::default());
    // The first of what is made here, so that it goes last.
    let _over = Over(Arc::clone(&progress));
    let mut watchdog = Watchdog::new(Arc::clone(&progress), door.limits);
    let front = Front {
        service,
        peer,
        proxies: door.proxies.clone(),
        progress: Arc::clone(&progress),
        read_stall: door.limits.read_stall,
    };
    let io = TokioIo::new(Watched::new(transport, Arc::clone(&progress)));
    let mut connection = door.http1.serve_connection(io, front);
    let ended = tokio::select! {
        biased;
        end = drive(&mut connection, &mut watchdog, &progress) => Some(end),
        () = door.shutdown.cancelled() => None,
    };
    let end = if let Some(end) = ended {
        end
    } else {
        Pin::new(&mut connection).graceful_shutdown();
        tokio::select! {
            biased;
            end = drive(&mut connection, &mut watchdog, &progress) => end,
            () = door.cut.cancelled() => End::Cut,
        }
    };
    debug!(peer = %peer.address, port = peer.port, %end, "connection ended");
    if progress.ending.is_told() {
        let transport = connection.into_parts().io.into_inner().into_inner();
        transport.reset_on_drop();
        return;
    }
    let still_sending = match end {
        End::Refused(_) => true,
        End::Closed => progress.left_unread(),
        End::Failed(_) | End::Overdue(_) | End::Cut | End::Told => false,
    };
    if still_sending {
        let mut transport = connection.into_parts().io.into_inner().into_inner();
        tokio::select! {
            biased;
            () = door.cut.cancelled() => {}
            () = linger(&mut transport) => {}
        }
    }
}

/// The connection without what a proxy puts before it, and the client at its end; none if it ended before it began.
async fn come_in<T>(transport: T, peer: Peer, door: &Door) -> Option<(Transport<T>, Peer)>
where
    T: AsyncRead + Unpin,
{
    let arrived = tokio::select! {
        biased;
        () = door.shutdown.cancelled() => return None,
        arrived = arrive(transport, peer, &door.proxies) => arrived,
    };
    let Arrival { transport, peer, .. } =
        arrived.inspect_err(|error| debug!(proxy = %peer.address, %error, "a connection was closed")).ok()?;
    Some((transport, peer))
}

/// Turns the connection until it ends or the watchdog ends it.
async fn drive<T, S, B>(
    connection: &mut http1::Connection<TokioIo<Watched<T>>, Front<S>>,
    watchdog: &mut Watchdog,
    progress: &Progress,
) -> End
where
    T: Reset,
    S: Service<Request<RequestBody>, Response = Response<B>, Error = Infallible>,
    B: Body + 'static,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    poll_fn(|cx| {
        if progress.ending.poll_told(cx).is_ready() {
            return Poll::Ready(End::Told);
        }
        match Pin::new(&mut *connection).poll(cx) {
            Poll::Ready(Ok(())) => Poll::Ready(End::Closed),
            Poll::Ready(Err(error)) if error.is_parse() => Poll::Ready(End::Refused(error)),
            Poll::Ready(Err(error)) => Poll::Ready(End::Failed(error)),
            Poll::Pending => watchdog.poll(cx).map(End::Overdue),
        }
    })
    .await
}

/// Reads and forgets what a refused client still sends, for a while.
///
/// To close a socket with unread bytes resets the connection, and the reset can overtake the answer that says why
/// (RFC 9112, section 9.6).
async fn linger(transport: &mut (impl AsyncRead + Unpin)) {
    let mut bin = vec![0; 16 * 1024];
    let emptied = timeout(LINGER, async { while matches!(transport.read(&mut bin).await, Ok(1..)) {} });
    drop(emptied.await);
}
