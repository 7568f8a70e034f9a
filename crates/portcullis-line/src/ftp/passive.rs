//! Ports that wait for one data connection.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;

use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// How many ports of the range are tried.
const TRIES: u32 = 256;
/// Connections that the system holds for us. More than one, so that a stranger who was first does not keep the client out.
const BACKLOG: u32 = 16;

/// A port that waits for the client's data connection.
#[derive(Debug)]
pub(super) struct Passive {
    listener: TcpListener,
    port: u16,
}

impl Passive {
    /// Waits at this address of ours, on a port of the range or on any.
    ///
    /// # Errors
    /// If no port is free.
    pub(super) fn open(at: IpAddr, ports: Option<&RangeInclusive<u16>>) -> io::Result<Self> {
        let Some(ports) = ports else { return Self::on(SocketAddr::new(at, 0)) };
        let (first, many) = (u32::from(*ports.start()), u32::try_from(ports.len()).unwrap_or(1).max(1));
        // From a place of chance: who guesses at it does not get in, but would be in the way.
        let mut chance = [0; 4];
        getrandom::fill(&mut chance).map_err(io::Error::other)?;
        let start = u32::from_ne_bytes(chance) % many;
        let mut last = io::ErrorKind::AddrInUse.into();
        for step in 0..many.min(TRIES) {
            let port = first + (start + step) % many;
            match Self::on(SocketAddr::new(at, u16::try_from(port).unwrap_or(0))) {
                Ok(passive) => return Ok(passive),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    fn on(at: SocketAddr) -> io::Result<Self> {
        let socket = if at.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        // A port on which a connection ended lately can be used again.
        socket.set_reuseaddr(true)?;
        socket.bind(at)?;
        let listener = socket.listen(BACKLOG)?;
        let port = listener.local_addr()?.port();
        Ok(Self { listener, port })
    }

    pub(super) const fn port(&self) -> u16 {
        self.port
    }

    /// The next connection, whoever it is from.
    pub(super) async fn accept(&self) -> io::Result<TcpStream> {
        let (stream, _) = self.listener.accept().await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }
}

/// What PASV tells of an address and a port (RFC 959 section 4.1.2).
pub(super) fn host_port(address: Ipv4Addr, port: u16) -> String {
    let [a, b, c, d] = address.octets();
    let [high, low] = port.to_be_bytes();
    format!("{a},{b},{c},{d},{high},{low}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn six_numbers() {
        assert_eq!(host_port(Ipv4Addr::new(192, 0, 2, 7), 50_001), "192,0,2,7,195,81");
    }

    #[tokio::test]
    async fn a_range_is_used_up_and_not_left() {
        let here = IpAddr::from([127, 0, 0, 1]);
        // A port that is free now; nothing else is promised of it.
        let free = Passive::open(here, None).unwrap().port();
        let range = free..=free;
        if let Ok(first) = Passive::open(here, Some(&range)) {
            assert_eq!(first.port(), free);
            assert!(Passive::open(here, Some(&range)).is_err());
        }
    }
}
