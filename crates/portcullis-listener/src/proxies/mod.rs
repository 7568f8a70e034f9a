//! Proxies that are believed: whose word on the client's address counts.
//!
//! Nobody else's does. An address that came through a proxy decides whether a key opens, so whatever cannot be read for sure
//! is refused rather than guessed.

mod forwarded;
mod header;

use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;

use http::HeaderMap;
use ipnet::IpNet;

use crate::peer::Peer;

pub(crate) use header::{Arrival, Transport, arrive};

/// How a proxy tells the client's address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ProxyKind {
    /// In the header `X-Forwarded-For`.
    #[default]
    XForwardedFor,
    /// In the header `Forwarded` (RFC 7239).
    Forwarded,
    /// In a header before the first byte of the connection: the PROXY protocol, version 1 or 2.
    ProxyProtocol,
}

impl FromStr for ProxyKind {
    type Err = UnknownProxyKind;

    fn from_str(text: &str) -> Result<Self, UnknownProxyKind> {
        match text {
            "x-forwarded-for" => Ok(Self::XForwardedFor),
            "forwarded" => Ok(Self::Forwarded),
            "proxy-protocol" => Ok(Self::ProxyProtocol),
            _ => Err(UnknownProxyKind),
        }
    }
}

/// The text names no way in which a proxy tells an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("x-forwarded-for, forwarded or proxy-protocol")]
pub struct UnknownProxyKind;

/// The proxies whose word counts, and how they give it. With none, the other end of a connection is the client.
#[derive(Clone, Debug, Default)]
pub struct Proxies {
    trusted: Arc<[IpNet]>,
    kind: ProxyKind,
}

/// The proxy's word on the client cannot be read for sure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unreadable;

impl Proxies {
    /// Those in these networks. One way for all of them: a proxy that sets one header and passes another through would let a client
    /// choose its own address by the other.
    #[must_use]
    pub fn new(trusted: Vec<IpNet>, kind: ProxyKind) -> Self {
        Self { trusted: trusted.into(), kind }
    }

    /// Whether this address is that of a proxy whose word counts.
    #[must_use]
    pub fn trust(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.trusted.iter().any(|network| network.contains(&address))
    }

    /// Whether a connection from there begins with a header of the PROXY protocol.
    fn expect_header(&self, peer: Peer) -> bool {
        self.kind == ProxyKind::ProxyProtocol && self.trust(peer.address)
    }

    /// Whether a connection from there comes from a proxy that cannot tell whose it is, since it would do so in a header of HTTP.
    pub(crate) fn is_silent_about(&self, peer: Peer) -> bool {
        self.kind != ProxyKind::ProxyProtocol && self.trust(peer.address)
    }

    /// Who sent a request that came over a connection from `peer`.
    pub(crate) fn client(&self, peer: Peer, headers: &HeaderMap) -> Result<Peer, Unreadable> {
        if !self.trust(peer.address) {
            return Ok(peer);
        }
        let hops = match self.kind {
            ProxyKind::ProxyProtocol => return Ok(peer),
            ProxyKind::XForwardedFor => forwarded::x_forwarded_for(headers)?,
            ProxyKind::Forwarded => forwarded::forwarded(headers)?,
        };
        // From the nearest on: the first that is no proxy of ours is who the last of ours saw.
        let mut client = peer;
        for hop in hops.iter().rev() {
            client = forwarded::address(hop)?;
            if !self.trust(client.address) {
                break;
            }
        }
        Ok(client)
    }
}
