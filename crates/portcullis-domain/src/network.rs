//! Networks: where a key may be used from.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// The text is none of an address, a CIDR network and a range.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidNetwork {
    /// Not an address in any of the forms.
    #[error(
        "not an address or network: write 203.0.113.7, 203.0.113.0/24, 203.0.113.10-203.0.113.20 or 2001:db8::/32"
    )]
    Syntax,
    /// A zone id such as `%eth0` means nothing on another machine.
    #[error("an address with a zone ({0}) is only known on its own machine; leave the zone out")]
    Zone(String),
    /// A prefix length past the end of the address.
    #[error("the prefix length is at most {max} here")]
    PrefixLength {
        /// 32 or 128.
        max: u8,
    },
    /// The first address of a range comes after the last, or one is IPv4 and the other IPv6.
    #[error("a range goes from a lower to a higher address of the same family")]
    Range,
    /// More than a list may hold.
    #[error("at most {max} networks")]
    TooMany {
        /// The most that are allowed.
        max: usize,
    },
    /// A note that is too long or holds control characters.
    #[error("a note has at most 200 characters and no control characters")]
    Note,
}

/// The one form of an address: an IPv4 address written inside IPv6 (`::ffff:203.0.113.7`, RFC 4291 section 2.5.5.2)
/// is that IPv4 address.
#[must_use]
pub fn canonical_address(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

/// A set of neighbouring addresses: one address, a CIDR network, or a range.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Network {
    /// A CIDR network (RFC 4632); one address is a /32 or a /128. Host bits are zero.
    Cidr(IpNet),
    /// From the first to the last address, both included, of one family.
    Range(IpAddr, IpAddr),
}

impl Network {
    /// Takes `203.0.113.7`, `203.0.113.0/24`, `203.0.113.10-203.0.113.20` and their IPv6 forms. Host bits are cleared,
    /// mapped IPv4 becomes IPv4, a range that is one address becomes that address.
    ///
    /// # Errors
    /// Says what is wrong with the text.
    pub fn parse(raw: &str) -> Result<Self, InvalidNetwork> {
        let text = raw.trim();
        if text.len() > 100 {
            return Err(InvalidNetwork::Syntax);
        }
        if let Some((_, zone)) = text.split_once('%') {
            return Err(InvalidNetwork::Zone(zone.to_owned()));
        }
        if let Some((first, last)) = text.split_once('-') {
            return Self::range(address(first)?, address(last)?);
        }
        match text.split_once('/') {
            Some((base, length)) => Self::cidr(base, length),
            None => Ok(Self::Cidr(IpNet::from(address(text)?))),
        }
    }

    fn cidr(base: &str, length: &str) -> Result<Self, InvalidNetwork> {
        let written: IpAddr = base.trim().parse().map_err(|_| InvalidNetwork::Syntax)?;
        let digits = length.trim();
        if digits.is_empty() || digits.len() > 3 || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(InvalidNetwork::Syntax);
        }
        let max = if written.is_ipv4() { 32 } else { 128 };
        let length: u8 = digits.parse().map_err(|_| InvalidNetwork::PrefixLength { max })?;
        let net = IpNet::new(written, length).map_err(|_| InvalidNetwork::PrefixLength { max })?.trunc();
        Ok(Self::Cidr(match (net, written.to_canonical()) {
            (IpNet::V6(_), IpAddr::V4(v4)) if length >= 96 => IpNet::V4(
                Ipv4Net::new(v4, length - 96).map_err(|_| InvalidNetwork::PrefixLength { max })?.trunc(),
            ),
            _ => net,
        }))
    }

    fn range(first: IpAddr, last: IpAddr) -> Result<Self, InvalidNetwork> {
        if first.is_ipv4() != last.is_ipv4() || first > last {
            return Err(InvalidNetwork::Range);
        }
        Ok(if first == last { Self::Cidr(IpNet::from(first)) } else { Self::Range(first, last) })
    }

    /// Whether the address lies in this network. Families do not mix, but for IPv4 inside IPv6, which is IPv4.
    #[must_use]
    pub fn holds(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        match self {
            Self::Cidr(net) => net.contains(&address),
            Self::Range(first, last) => {
                first.is_ipv4() == address.is_ipv4() && (*first..=*last).contains(&address)
            }
        }
    }

    /// The first and the last address.
    #[must_use]
    pub fn bounds(&self) -> (IpAddr, IpAddr) {
        match self {
            Self::Cidr(IpNet::V4(net)) => (IpAddr::V4(net.network()), IpAddr::V4(net.broadcast())),
            Self::Cidr(IpNet::V6(net)) => (IpAddr::V6(net.network()), IpAddr::V6(last_of(net))),
            Self::Range(first, last) => (*first, *last),
        }
    }

    /// Whether every address of `other` lies in this network.
    #[must_use]
    pub fn holds_all_of(&self, other: &Self) -> bool {
        let (first, last) = other.bounds();
        self.holds(first) && self.holds(last)
    }
}

fn last_of(net: &Ipv6Net) -> std::net::Ipv6Addr {
    net.broadcast()
}

fn address(text: &str) -> Result<IpAddr, InvalidNetwork> {
    text.trim().parse::<IpAddr>().map(|a| a.to_canonical()).map_err(|_| InvalidNetwork::Syntax)
}

/// The shortest form: an address without its /32 or /128, a CIDR network, or `first-last`.
impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cidr(net) if net.prefix_len() == net.max_prefix_len() => net.addr().fmt(f),
            Self::Cidr(net) => net.fmt(f),
            Self::Range(first, last) => write!(f, "{first}-{last}"),
        }
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Network {
    type Err = InvalidNetwork;
    fn from_str(raw: &str) -> Result<Self, InvalidNetwork> {
        Self::parse(raw)
    }
}

/// A network with what a person noted beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkEntry {
    /// The addresses.
    pub network: Network,
    /// What they are, in a person's words; at most 200 characters, may be empty.
    pub note: String,
}

impl NetworkEntry {
    /// An entry from its two texts.
    ///
    /// # Errors
    /// Says what is wrong with either.
    pub fn parse(network: &str, note: &str) -> Result<Self, InvalidNetwork> {
        let note = note.trim();
        if note.chars().count() > 200 || note.chars().any(char::is_control) {
            return Err(InvalidNetwork::Note);
        }
        Ok(Self { network: Network::parse(network)?, note: note.to_owned() })
    }
}

/// Where from: a list of networks. The empty list means anywhere.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Networks(Vec<NetworkEntry>);

impl Networks {
    /// The longest list.
    pub const MAX: usize = 500;

    /// A list of networks; one that is there twice is kept once, with the first note.
    ///
    /// # Errors
    /// [`InvalidNetwork::TooMany`] past [`Networks::MAX`].
    pub fn new(entries: Vec<NetworkEntry>) -> Result<Self, InvalidNetwork> {
        let mut kept: Vec<NetworkEntry> = Vec::with_capacity(entries.len().min(Self::MAX));
        for entry in entries {
            if kept.iter().any(|k| k.network == entry.network) {
                continue;
            }
            if kept.len() == Self::MAX {
                return Err(InvalidNetwork::TooMany { max: Self::MAX });
            }
            kept.push(entry);
        }
        Ok(Self(kept))
    }

    /// Anywhere.
    #[must_use]
    pub const fn anywhere() -> Self {
        Self(Vec::new())
    }

    /// Whether every address is admitted.
    #[must_use]
    pub fn is_anywhere(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether this address is admitted.
    #[must_use]
    pub fn admit(&self, peer: IpAddr) -> bool {
        self.0.is_empty() || self.0.iter().any(|entry| entry.network.holds(peer))
    }

    /// The entries, in the order in which they were given.
    #[must_use]
    pub fn entries(&self) -> &[NetworkEntry] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn net(raw: &str) -> Network {
        Network::parse(raw).unwrap_or_else(|e| panic!("{raw}: {e}"))
    }
    fn ip(raw: &str) -> IpAddr {
        raw.parse().unwrap()
    }

    #[test]
    fn canonical_forms() {
        for (raw, canonical) in [
            ("203.0.113.7", "203.0.113.7"),
            (" 203.0.113.7/24 ", "203.0.113.0/24"),
            ("203.0.113.7/32", "203.0.113.7"),
            ("::ffff:203.0.113.7", "203.0.113.7"),
            ("::ffff:203.0.113.7/120", "203.0.113.0/24"),
            ("2001:DB8::1/32", "2001:db8::/32"),
            ("203.0.113.10 - 203.0.113.20", "203.0.113.10-203.0.113.20"),
            ("203.0.113.10-203.0.113.10", "203.0.113.10"),
            ("2001:db8::1-2001:db8::ff", "2001:db8::1-2001:db8::ff"),
            ("0.0.0.0/0", "0.0.0.0/0"),
        ] {
            assert_eq!(net(raw).to_string(), canonical);
            assert_eq!(net(canonical), net(raw));
        }
    }

    #[test]
    fn what_was_typed_wrongly_is_said() {
        assert_eq!(Network::parse("203.0.113"), Err(InvalidNetwork::Syntax));
        assert_eq!(Network::parse("203.0.113.0/33"), Err(InvalidNetwork::PrefixLength { max: 32 }));
        assert_eq!(Network::parse("203.0.113.0/+8"), Err(InvalidNetwork::Syntax));
        assert_eq!(Network::parse("203.0.113.9-203.0.113.1"), Err(InvalidNetwork::Range));
        assert_eq!(Network::parse("203.0.113.9-2001:db8::1"), Err(InvalidNetwork::Range));
        assert_eq!(Network::parse("fe80::1%eth0"), Err(InvalidNetwork::Zone("eth0".into())));
        assert_eq!(Network::parse("203.0.113.07"), Err(InvalidNetwork::Syntax));
        assert_eq!(Network::parse("example.com"), Err(InvalidNetwork::Syntax));
        assert_eq!(Network::parse(""), Err(InvalidNetwork::Syntax));
    }

    #[test]
    fn admission() {
        let list = Networks::new(vec![
            NetworkEntry::parse("203.0.113.0/24", "office").unwrap(),
            NetworkEntry::parse("2001:db8::1-2001:db8::ff", "").unwrap(),
        ])
        .unwrap();
        assert!(list.admit(ip("203.0.113.200")));
        assert!(list.admit(ip("::ffff:203.0.113.200")));
        assert!(list.admit(ip("2001:db8::80")));
        assert!(!list.admit(ip("203.0.114.1")));
        assert!(!list.admit(ip("2001:db8::100")));
        assert!(Networks::anywhere().admit(ip("198.51.100.1")));
        assert!(!net("0.0.0.0/0").holds(ip("2001:db8::1")));
        assert!(!net("::/0").holds(ip("198.51.100.1")));
    }

    proptest! {
        #[test]
        fn mapped_is_the_same_as_plain(bits: u32, length in 0u8..=32, probe: u32) {
            let address = std::net::Ipv4Addr::from(bits);
            let plain = net(&format!("{address}/{length}"));
            let mapped = net(&format!("::ffff:{address}/{}", u32::from(length) + 96));
            prop_assert_eq!(plain, mapped);
            let probe = std::net::Ipv4Addr::from(probe);
            prop_assert_eq!(plain.holds(probe.into()), plain.holds(probe.to_ipv6_mapped().into()));
        }

        #[test]
        fn a_network_is_its_range(bits: u128, length in 0u8..=128, probe: u128) {
            let cidr = net(&format!("{}/{length}", std::net::Ipv6Addr::from(bits)));
            let (first, last) = cidr.bounds();
            let range = net(&format!("{first}-{last}"));
            let probe = IpAddr::V6(std::net::Ipv6Addr::from(probe));
            prop_assert_eq!(cidr.holds(probe), range.holds(probe));
            prop_assert!(range.holds_all_of(&cidr) && cidr.holds_all_of(&range));
        }
    }
}
