//! Who is at the other end.

use std::net::{IpAddr, SocketAddr};

/// The other end of a connection. [`serve`](crate::serve) puts it into every request's extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Peer {
    /// The address in canonical form: an IPv4 address mapped into IPv6 (`::ffff:192.0.2.1`, RFC 4291 section 2.5.5.2),
    /// as a dual-stack listener sees it, is the IPv4 address.
    pub address: IpAddr,
    /// The TCP port.
    pub port: u16,
}

impl From<SocketAddr> for Peer {
    fn from(remote: SocketAddr) -> Self {
        Self { address: remote.ip().to_canonical(), port: remote.port() }
    }
}

#[cfg(test)]
mod tests {
    use super::Peer;

    #[test]
    fn a_mapped_address_is_the_ipv4_address() {
        for (remote, address) in [
            ("[::ffff:127.0.0.1]:4711", "127.0.0.1"),
            ("127.0.0.1:4711", "127.0.0.1"),
            ("[2001:db8::1]:4711", "2001:db8::1"),
            // The deprecated "compatible" form is an IPv6 address like any other.
            ("[::127.0.0.1]:4711", "::127.0.0.1"),
        ] {
            let peer = Peer::from(remote.parse::<std::net::SocketAddr>().unwrap());
            assert_eq!(peer, Peer { address: address.parse().unwrap(), port: 4711 }, "{remote}");
        }
    }
}
