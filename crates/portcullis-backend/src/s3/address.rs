//! Which addresses a provider may have: the guard against being used to reach the gateway's own network.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

/// Why an address may not be connected to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// It is not a public address, and not one that the operator allows.
    NotPublic,
    /// It is public, and without TLS anybody on the way could read along.
    PlainHttp,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotPublic => "the address is not public, and the operator does not allow it",
            Self::PlainHttp => "plain http to a public address is not allowed",
        })
    }
}

/// The operator's rules about addresses.
#[derive(Clone, Debug, Default)]
pub(super) struct Guard {
    /// Addresses that are allowed though they are not public.
    pub(super) allow_private: Vec<IpNet>,
    /// Whether plain http is allowed to any address.
    pub(super) allow_plain_http: bool,
}

impl Guard {
    /// The address to connect to, in its canonical form.
    pub(super) fn check(&self, address: IpAddr, secure: bool) -> Result<IpAddr, Refused> {
        let address = address.to_canonical();
        if self.allow_private.iter().any(|network| network.contains(&address)) {
            return Ok(address);
        }
        if !is_public(address) {
            return Err(Refused::NotPublic);
        }
        if secure || self.allow_plain_http { Ok(address) } else { Err(Refused::PlainHttp) }
    }
}

/// Whether an address belongs to the public internet (IANA's special-purpose registries say which do not), and to no
/// cloud's service for its own machines.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    // The virtual public address of a large cloud's host agent.
    if address.octets() == [168, 63, 129, 16] {
        return false;
    }
    !matches!(
        address.octets(),
        [0 | 10 | 127 | 224..=255, ..]
            | [100, 64..=127, ..]
            | [169, 254, ..]
            | [172, 16..=31, ..]
            | [192, 0, 0 | 2, _]
            | [192, 88, 99, _]
            | [192, 168, ..]
            | [198, 18 | 19, ..]
            | [198, 51, 100, _]
            | [203, 0, 113, _]
    )
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    match address.segments() {
        // NAT64 and 6to4 carry an IPv4 address that counts instead.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => is_public_v4(embedded(high, low)),
        [0x2002, high, low, ..] => is_public_v4(embedded(high, low)),
        // Protocol assignments (Teredo, ORCHID, benchmarking) and documentation.
        [0x2001, 0..=0x01ff, ..] | [0x2001, 0x0db8, ..] | [0x3fff, 0..=0x0fff, ..] => false,
        // What is not global unicast is loopback, link-local, unique local, multicast, or not given to anybody.
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

fn embedded(high: u16, low: u16) -> Ipv4Addr {
    let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
    Ipv4Addr::new(a, b, c, d)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn addresses_that_are_not_public() {
        let guard = Guard::default();
        for text in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "100.100.100.200",
            "127.0.0.1",
            "127.255.255.255",
            "168.63.129.16",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.192",
            "192.0.2.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::127.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::1",
            "2002:7f00:1::",
            "2002:a00:1::1",
            "2001::1",
            "2001:db8::1",
            "3fff::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "100::1",
            "5f00::1",
        ] {
            assert_eq!(guard.check(ip(text), true), Err(Refused::NotPublic), "{text}");
            assert_eq!(guard.check(ip(text), false), Err(Refused::NotPublic), "{text}");
        }
    }

    #[test]
    fn public_addresses_need_tls() {
        let guard = Guard::default();
        for text in [
            "1.1.1.1",
            "52.216.0.1",
            "172.32.0.1",
            "192.1.0.1",
            "::ffff:52.216.0.1",
            "2606:4700::1",
            "64:ff9b::34d8:1",
            "2002:34d8:1::1",
            "2400::1",
        ] {
            assert_eq!(guard.check(ip(text), true), Ok(ip(text).to_canonical()), "{text}");
            assert_eq!(guard.check(ip(text), false), Err(Refused::PlainHttp), "{text}");
        }
        let open = Guard { allow_plain_http: true, ..Guard::default() };
        assert!(open.check(ip("52.216.0.1"), false).is_ok());
        assert!(open.check(ip("10.0.0.1"), false).is_err());
    }

    #[test]
    fn the_operator_allows_networks() {
        let guard = Guard { allow_private: vec!["10.1.0.0/16".parse().unwrap()], allow_plain_http: false };
        assert_eq!(guard.check(ip("10.1.2.3"), false), Ok(ip("10.1.2.3")));
        assert_eq!(guard.check(ip("::ffff:10.1.2.3"), false), Ok(ip("10.1.2.3")));
        assert_eq!(guard.check(ip("10.2.2.3"), true), Err(Refused::NotPublic));
        assert_eq!(guard.check(ip("64:ff9b::a01:203"), true), Err(Refused::NotPublic));
    }
}
