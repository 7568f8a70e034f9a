//! Who would be let in, in numbers and in words.

use std::fmt;
use std::net::IpAddr;

use portcullis_domain::Networks;

/// How many addresses a list lets in; what two entries share is counted once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reach {
    /// IPv4 addresses, at most 2^32.
    pub ipv4: u64,
    /// IPv6 addresses; 2^128, which is all of them, is `u128::MAX`.
    pub ipv6: u128,
}

const ALL_IPV4: u64 = 1 << 32;
/// What one customer's line has: 2^64 addresses.
const SUBNET_BITS: u32 = 64;

/// How many addresses the list lets in.
#[must_use]
pub fn reach(list: &Networks) -> Reach {
    if list.is_anywhere() {
        return Reach { ipv4: ALL_IPV4, ipv6: u128::MAX };
    }
    let (mut ipv4, mut ipv6) = (Vec::new(), Vec::new());
    for entry in list.entries() {
        match entry.network.bounds() {
            (IpAddr::V4(first), IpAddr::V4(last)) => {
                ipv4.push((first.to_bits().into(), last.to_bits().into()))
            }
            (IpAddr::V6(first), IpAddr::V6(last)) => ipv6.push((first.to_bits(), last.to_bits())),
            // No network has two families.
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => {}
        }
    }
    Reach { ipv4: u64::try_from(size(ipv4)).unwrap_or(ALL_IPV4), ipv6: size(ipv6) }
}

/// How many numbers lie in at least one of these intervals, ends included.
fn size(mut intervals: Vec<(u128, u128)>) -> u128 {
    intervals.sort_unstable();
    let mut total = 0u128;
    // The first number past everything counted; none if that is past the last number there is.
    let mut next = Some(0u128);
    for (first, last) in intervals {
        let Some(free) = next else { break };
        if last < free {
            continue;
        }
        total = total.saturating_add(last - first.max(free)).saturating_add(1);
        next = last.checked_add(1);
    }
    total
}

impl fmt::Display for Reach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let four = match self.ipv4 {
            0 => None,
            ALL_IPV4 => Some("every IPv4 address".to_owned()),
            count => Some(counted(count.into(), "IPv4 address", "IPv4 addresses")),
        };
        let six = match self.ipv6 {
            0 => None,
            u128::MAX => Some("every IPv6 address".to_owned()),
            count if count >> SUBNET_BITS == 0 => Some(counted(count, "IPv6 address", "IPv6 addresses")),
            count => Some(counted(count >> SUBNET_BITS, "IPv6 network of /64", "IPv6 networks of /64")),
        };
        match (four, six) {
            (Some(_), Some(_)) if self.ipv4 == ALL_IPV4 && self.ipv6 == u128::MAX => {
                f.write_str("any address")
            }
            (Some(four), Some(six)) => write!(f, "{four} and {six}"),
            (Some(one), None) | (None, Some(one)) => f.write_str(&one),
            (None, None) => f.write_str("no address"),
        }
    }
}

/// `1 thing`, `16,777,216 things`.
fn counted(count: u128, one: &str, many: &str) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3 + many.len() + 1);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    format!("{text} {}", if count == 1 { one } else { many })
}
