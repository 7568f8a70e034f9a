//! What a door allows a client.

use std::io;
use std::time::Duration;

use tokio::sync::Semaphore;

/// What a door allows its clients; [`Limits::default`] suits a door on the open internet.
///
/// A time too long to add to the clock means "never".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections at once. While all are taken nothing is accepted, and the kernel's queue holds who comes next.
    pub max_connections: usize,
    /// Connections at once from one canonical address. One more is accepted and closed at once.
    pub max_connections_per_address: usize,
    /// From the connect, or from the first bytes of a later request, to the end of its head.
    pub header_read_timeout: Duration,
    /// How long a connection that was answered may wait for its next request.
    pub idle_timeout: Duration,
    /// How long a service waits for the next bytes of a request body.
    pub read_stall: Duration,
    /// How long the peer may accept no byte of an answer.
    pub write_stall: Duration,
    /// Request line and header fields together, in bytes; trailers have the same bound.
    pub max_header_bytes: usize,
    /// Header fields in one request.
    pub max_headers: usize,
    /// How long requests under way may go on after shutdown began.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_connections: 4096,
            max_connections_per_address: 512,
            header_read_timeout: Duration::from_secs(15),
            idle_timeout: Duration::from_secs(75),
            read_stall: Duration::from_secs(60),
            write_stall: Duration::from_secs(60),
            max_header_bytes: 32 * 1024,
            max_headers: 100,
            drain: Duration::from_secs(30),
        }
    }
}

impl Limits {
    /// Refuses limits under which nothing could ever be served.
    pub(crate) fn check(&self) -> io::Result<()> {
        let told = [
            (self.max_connections == 0, "max_connections is 0"),
            (self.max_connections_per_address == 0, "max_connections_per_address is 0"),
            (self.max_header_bytes == 0, "max_header_bytes is 0"),
            (self.max_headers == 0, "max_headers is 0"),
            (self.max_connections > Semaphore::MAX_PERMITS, "max_connections is beyond what can be counted"),
            (u32::try_from(self.max_connections).is_err(), "max_connections is beyond what can be counted"),
        ];
        match told.iter().find(|(wrong, _)| *wrong) {
            Some((_, what)) => Err(io::Error::new(io::ErrorKind::InvalidInput, *what)),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Limits;

    #[test]
    fn the_defaults_serve_and_a_zero_does_not() {
        assert!(Limits::default().check().is_ok());
        for limits in [
            Limits { max_connections: 0, ..Limits::default() },
            Limits { max_connections: usize::MAX, ..Limits::default() },
            Limits { max_connections_per_address: 0, ..Limits::default() },
            Limits { max_header_bytes: 0, ..Limits::default() },
            Limits { max_headers: 0, ..Limits::default() },
        ] {
            assert!(limits.check().is_err(), "{limits:?}");
        }
    }
}
