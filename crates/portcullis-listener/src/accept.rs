//! The accept loop.

use std::convert::Infallible;
use std::error::Error as StdError;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use http::{Request, Response};
use http_body::Body;
use hyper::service::Service;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};

use crate::backoff::{Burst, concerns_one_connection, pause};
use crate::body::RequestBody;
use crate::connection::{self, Door};
use crate::limits::Limits;
use crate::peer::Peer;
use crate::proxies::Proxies;
use crate::seats::{Seat, Seats};
use crate::tls::Tls;

/// What a door is, beside what it serves.
#[derive(Clone, Debug, Default)]
pub struct DoorConfig {
    /// What a client may take of connections, time and memory.
    pub limits: Limits,
    /// The proxies whose word on the client's address counts.
    pub proxies: Proxies,
    /// With what TLS is spoken; without it the door is plain.
    pub tls: Option<Tls>,
}

/// Serves HTTP/1.1 (and 1.0) on a bound listener until `shutdown`, then drains.
///
/// Each request carries a [`Peer`] in its extensions, unless it came through one of the proxies that does not tell it. Each connection is one task on `tasks` with a clone of
/// `service`; a function becomes a service by [`hyper::service::service_fn`], a tower service such as an axum
/// `Router` by [`TowerToHyperService`](crate::TowerToHyperService).
///
/// Once `shutdown` is cancelled the listener is closed, idle connections end, and requests under way have
/// [`Limits::drain`] to end; what is left then is dropped. When this returns, no connection of this listener is left.
///
/// # Errors
/// [`io::ErrorKind::InvalidInput`] if the limits allow nothing at all. Failures of single connections, and a lack of
/// descriptors or memory, are logged and do not end the loop.
pub async fn serve<S, B>(
    listener: TcpListener,
    config: DoorConfig,
    service: S,
    shutdown: CancellationToken,
    tasks: TaskTracker,
) -> io::Result<()>
where
    S: Service<Request<RequestBody>, Response = Response<B>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send + 'static,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    let limits = config.limits;
    limits.check()?;
    let mut entrance = Entrance::new(listener, &limits, config.proxies.clone());
    let door = Arc::new(Door::new(config, shutdown));
    let seats = Arc::clone(&entrance.seats);
    loop {
        let next = tokio::select! {
            biased;
            () = door.shutdown.cancelled() => break,
            next = entrance.next() => next,
        };
        let Some((stream, peer, seat)) = next else {
            break;
        };
        let (service, door) = (service.clone(), Arc::clone(&door));
        tasks.spawn(async move {
            connection::run(stream, peer, service, &door).await;
            drop(seat);
        });
    }
    // The listener closes here: who comes now is refused rather than left waiting.
    drop(entrance);
    if timeout(limits.drain, seats.empty()).await.is_err() {
        warn!("requests still under way after {:?} are cut off", limits.drain);
        door.cut.cancel();
        seats.empty().await;
    }
    Ok(())
}

/// A listener with its seats.
pub(crate) struct Entrance {
    listener: TcpListener,
    proxies: Proxies,
    pub(crate) seats: Arc<Seats>,
    failing: Burst,
    full: Burst,
    crowded: Burst,
}

impl Entrance {
    pub(crate) fn new(listener: TcpListener, limits: &Limits, proxies: Proxies) -> Self {
        Self {
            listener,
            proxies,
            seats: Arc::new(Seats::new(limits)),
            failing: Burst::default(),
            full: Burst::default(),
            crowded: Burst::default(),
        }
    }

    /// The next connection that has a seat. `None` cannot happen, see [`Seats::free`].
    pub(crate) async fn next(&mut self) -> Option<(TcpStream, Peer, Seat)> {
        loop {
            if self.seats.full() && self.full.begins() {
                warn!("every connection is taken; new ones wait");
            }
            let permit = self.seats.free().await?;
            let (stream, remote) = self.accept().await;
            let peer = Peer::from(remote);
            // All that come through a proxy come from one address.
            let shared = self.proxies.trust(peer.address);
            let Some(seat) = self.seats.take(permit, peer.address, shared) else {
                if self.crowded.begins() {
                    warn!(peer = %peer.address, "one address has all the connections it may have; more are closed");
                }
                continue;
            };
            // Head and body of an answer may leave in two writes; the second must not wait for an acknowledgement.
            if let Err(error) = stream.set_nodelay(true) {
                debug!(peer = %peer.address, %error, "the connection ended before it began");
                continue;
            }
            return Some((stream, peer, seat));
        }
    }

    async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        loop {
            match self.listener.accept().await {
                Ok(accepted) => return accepted,
                Err(error) if concerns_one_connection(&error) => {
                    debug!(%error, "a connection was not accepted")
                }
                Err(error) => {
                    if self.failing.begins() {
                        warn!(%error, "connections cannot be accepted; trying on");
                    }
                    sleep(pause()).await;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::{TcpListener, TcpStream};

    use super::Entrance;
    use crate::limits::Limits;
    use crate::peer::Peer;
    use crate::proxies::Proxies;

    #[tokio::test]
    async fn an_accepted_connection_has_a_seat_and_does_not_delay() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut entrance =
            Entrance::new(listener, &Limits { max_connections: 1, ..Limits::default() }, Proxies::default());
        let client = TcpStream::connect(address).await.unwrap();
        let (stream, peer, seat) = entrance.next().await.unwrap();
        assert!(stream.nodelay().unwrap());
        assert_eq!(peer, Peer::from(client.local_addr().unwrap()));
        assert!(entrance.seats.full());
        drop(seat);
        assert!(!entrance.seats.full());
    }
}
