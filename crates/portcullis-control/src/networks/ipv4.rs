//! IPv4 as people write it.

use std::net::Ipv4Addr;

use portcullis_domain::Network;

/// Whether this is an IPv4 address and nothing else.
pub(super) fn is_address(text: &str) -> bool {
    text.parse::<Ipv4Addr>().is_ok()
}

/// Whether this is a network mask that is not the one of a single address.
pub(super) fn is_mask(text: &str) -> bool {
    text.starts_with("255.") && text.parse().is_ok_and(|mask| mask_length(mask).is_some_and(|bits| bits < 32))
}

/// How many bits a mask leaves to the network, be it written as 255.255.255.0 or the other way round, 0.0.0.255.
pub(super) fn mask_length(mask: Ipv4Addr) -> Option<u32> {
    let bits = mask.to_bits();
    let length = if bits.leading_ones() > 0 { bits.leading_ones() } else { bits.leading_zeros() };
    let ones_first = u32::MAX.checked_shl(32 - length).unwrap_or(0);
    // As a mask it would be everybody, the other way round one address: better ask.
    (bits != 0 && (bits == ones_first || bits == !ones_first)).then_some(length)
}

/// What is wrong with a text of digits and dots, and what it may have meant: the first part of an address means its network.
pub(super) fn wrong(text: &str) -> (String, Option<Network>) {
    let parts: Vec<&str> = text.trim_end_matches('.').split('.').collect();
    if parts.len() == 1 {
        return ("not an address: one of IPv4 has four parts, such as 203.0.113.7".to_owned(), None);
    }
    if let Some(part) = parts.iter().find(|part| part.parse::<u64>().is_ok_and(|value| value > 255)) {
        return (format!("{part} is more than 255, the most that a part of an IPv4 address can be"), None);
    }
    if parts.iter().any(|part| part.is_empty() || part.len() > 20) {
        return ("an IPv4 address has four numbers with dots between them".to_owned(), None);
    }
    let values: Vec<String> =
        parts.iter().filter_map(|part| part.parse::<u8>().ok()).map(|value| value.to_string()).collect();
    let plain = values.join(".");
    match values.len() {
        4 => ("an IPv4 address is written without leading zeros".to_owned(), checked(&plain)),
        2 | 3 => ("an IPv4 address has four parts".to_owned(), completed(&plain)),
        more => (format!("an IPv4 address has four parts, this has {more}"), None),
    }
}

/// The network that the first one to three parts of an address stand for.
pub(super) fn completed(parts: &str) -> Option<Network> {
    let missing = 4usize.checked_sub(parts.split('.').count())?;
    checked(&format!("{parts}{}/{}", ".0".repeat(missing), 32 - 8 * missing))
}

/// The network that stars at the end of an address stand for: `203.0.113.*`, `203.0.*`.
pub(super) fn wildcard(text: &str) -> Option<Network> {
    let is_star = |part: &&str| matches!(*part, "*" | "x" | "X");
    let parts: Vec<&str> = text.split('.').collect();
    let fixed: Vec<&str> = parts.iter().copied().take_while(|part| !is_star(part)).collect();
    let rest_are_stars = parts.iter().skip(fixed.len()).all(is_star);
    let right = !fixed.is_empty() && fixed.len() < parts.len() && parts.len() <= 4 && rest_are_stars;
    right.then(|| completed(&fixed.join("."))).flatten()
}

/// The last address of a range of which only the last parts were written: `10.0.0.1-5`.
pub(super) fn end_of_range(first: Ipv4Addr, last: &str) -> Option<Ipv4Addr> {
    let written = last.split('.').count();
    if last.is_empty() || !last.bytes().all(|b| b.is_ascii_digit() || b == b'.') || written > 3 {
        return None;
    }
    let kept: Vec<String> = first.octets().iter().take(4 - written).map(u8::to_string).collect();
    format!("{}.{last}", kept.join(".")).parse().ok()
}

/// The network of this text, if it may be suggested: it would have to be accepted.
pub(super) fn checked(text: &str) -> Option<Network> {
    super::explain::plainly_right(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks() {
        for (mask, length) in [
            ("255.255.255.0", Some(24)),
            ("0.0.0.255", Some(24)),
            ("255.0.0.0", Some(8)),
            ("255.255.255.255", Some(32)),
            ("255.255.255.254", Some(31)),
            ("0.255.255.255", Some(8)),
            ("255.0.255.0", None),
            ("1.2.3.4", None),
            ("255.255.255.1", None),
            ("0.0.0.0", None),
        ] {
            assert_eq!(mask_length(mask.parse().unwrap()), length, "{mask}");
        }
    }
}
