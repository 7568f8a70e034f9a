//! The accept loop for protocols that are not HTTP: one session per connection, with as many further sockets as its protocol opens.

mod session;
mod socket;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};

use crate::accept::Entrance;
use crate::limits::Limits;
use crate::peer::Peer;
use crate::proxies::{Arrival, Proxies, arrive};
use crate::seats::Seat;

use session::Over;
pub use session::SessionLine;
pub use socket::LineStream;

/// What a door of a line protocol is, beside what it serves.
#[derive(Clone, Debug, Default)]
pub struct LinesConfig {
    /// What a client may take of connections and time. Of these count [`Limits::max_connections`], [`Limits::max_connections_per_address`],
    /// [`Limits::write_stall`] and [`Limits::drain`]; how long a client may be silent is the protocol's own affair.
    pub limits: Limits,
    /// The proxies whose word on the client's address counts. Those that give it in a header of HTTP cannot here, so a connection
    /// from one of them is closed.
    pub proxies: Proxies,
}

/// A connection that came in.
#[derive(Debug)]
pub struct LineConnection {
    /// What it says. Nothing was said yet.
    pub stream: LineStream,
    /// The client.
    pub peer: Peer,
    /// The address that the client reached: of a proxy's, if it tells it.
    pub local: SocketAddr,
    /// Ends this session, and takes further sockets under it.
    pub line: Arc<SessionLine>,
    /// Cancelled when the process shuts down: what is under way may end, in [`Limits::drain`].
    pub shutdown: CancellationToken,
}

/// Serves a line protocol on a bound listener until `shutdown`, then drains.
///
/// Each connection is one task on `tasks` that runs `handler`. When the session's line is ended, all its sockets are reset at once
/// and the handler is dropped where it stands; what [`Line::end`](portcullis_domain::Line::end) was given is dropped after it.
/// A seat is free again when both the handler and the connection's stream are gone.
///
/// # Errors
/// As [`serve`](crate::serve).
pub async fn serve_lines<H, F>(
    listener: TcpListener,
    config: LinesConfig,
    handler: H,
    shutdown: CancellationToken,
    tasks: TaskTracker,
) -> io::Result<()>
where
    H: Fn(LineConnection) -> F + Clone + Send + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let limits = config.limits;
    limits.check()?;
    let mut entrance = Entrance::new(listener, &limits, config.proxies.clone());
    let door = Arc::new(LinesDoor { config, shutdown, cut: CancellationToken::new() });
    let seats = Arc::clone(&entrance.seats);
    loop {
        let next = tokio::select! {
            biased;
            () = door.shutdown.cancelled() => break,
            next = entrance.next() => next,
        };
        let Some((stream, peer, seat)) = next else { break };
        let (handler, door) = (handler.clone(), Arc::clone(&door));
        tasks.spawn(async move { run(stream, peer, Arc::new(seat), handler, &door).await });
    }
    drop(entrance);
    if timeout(limits.drain, seats.empty()).await.is_err() {
        warn!("sessions still under way after {:?} are cut off", limits.drain);
        door.cut.cancel();
        seats.empty().await;
    }
    Ok(())
}

/// What all connections of a listener share.
#[derive(Debug)]
struct LinesDoor {
    config: LinesConfig,
    shutdown: CancellationToken,
    /// End now.
    cut: CancellationToken,
}

async fn run<H, F>(stream: TcpStream, peer: Peer, seat: Arc<Seat>, handler: H, door: &LinesDoor)
where
    H: Fn(LineConnection) -> F,
    F: Future<Output = ()>,
{
    let Some((arrival, local)) = come_in(stream, peer, door).await else { return };
    let peer = arrival.peer;
    let line = Arc::new(SessionLine::new(door.config.limits.write_stall));
    // Made before the handler's future, so that it goes after it.
    let _over = Over(Arc::clone(&line));
    let (stream, ahead) = arrival.transport.into_parts();
    let stream = line.first(stream, ahead, Arc::clone(&seat));
    let connection =
        LineConnection { stream, peer, local, line: Arc::clone(&line), shutdown: door.shutdown.clone() };
    tokio::select! {
        biased;
        () = line.ended() => debug!(peer = %peer.address, "a session was cut off: a right under which it was used is gone"),
        () = door.cut.cancelled() => {
            line.reset();
            debug!(peer = %peer.address, "a session was cut off by the end of the drain");
        }
        () = handler(connection) => debug!(peer = %peer.address, port = peer.port, "session ended"),
    }
}

/// The connection without what a proxy puts before it, and the address that the client reached.
async fn come_in(
    stream: TcpStream,
    peer: Peer,
    door: &LinesDoor,
) -> Option<(Arrival<TcpStream>, SocketAddr)> {
    let proxies = &door.config.proxies;
    if proxies.is_silent_about(peer) {
        debug!(proxy = %peer.address, "a connection was closed: only the PROXY protocol could tell whose it is");
        return None;
    }
    let local = match stream.local_addr() {
        Ok(local) => SocketAddr::new(local.ip().to_canonical(), local.port()),
        Err(error) => {
            debug!(peer = %peer.address, %error, "the connection ended before it began");
            return None;
        }
    };
    let arrived = tokio::select! {
        biased;
        () = door.shutdown.cancelled() => return None,
        arrived = arrive(stream, peer, proxies) => arrived,
    };
    let arrival =
        arrived.inspect_err(|error| debug!(proxy = %peer.address, %error, "a connection was closed")).ok()?;
    let local = arrival.reached.unwrap_or(local);
    Some((arrival, local))
}
