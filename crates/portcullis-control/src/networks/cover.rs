//! What of a network a list lets in.

use std::net::IpAddr;

use portcullis_domain::{Network, Networks};

/// The parts of these networks that a list lets in; the empty list lets in everything. Of a single address it is all or nothing,
/// and the same as [`Networks::admit`]. Parts may overlap.
pub(super) fn within(list: &Networks, parts: Vec<Network>) -> Vec<Network> {
    if list.is_anywhere() {
        return parts;
    }
    let mut found = Vec::new();
    for part in parts {
        let of_part = list.entries().iter().filter_map(|entry| common(&entry.network, &part));
        let from = found.len();
        for piece in of_part {
            if piece == part {
                found.truncate(from);
                found.push(piece);
                break;
            }
            found.push(piece);
        }
    }
    found
}

/// Whether these parts of a network are together all of it.
pub(super) fn is_all(parts: &[Network], network: &Network) -> bool {
    let (first, last) = bits(network);
    let mut parts: Vec<(u128, u128)> = parts.iter().map(bits).collect();
    parts.sort_unstable();
    // The first address that is in none of the parts so far.
    let mut next = first;
    for (from, to) in parts {
        if from > next {
            return false;
        }
        if to >= last {
            return true;
        }
        next = next.max(to.saturating_add(1));
    }
    false
}

/// Whether the two have an address in common.
pub(super) fn meet(one: &Network, other: &Network) -> bool {
    one.holds(other.bounds().0) || other.holds(one.bounds().0)
}

/// Whether this is one address alone, and not a network of several.
#[must_use]
pub fn is_single(network: &Network) -> bool {
    let (first, last) = network.bounds();
    first == last
}

/// The addresses that two networks have in common.
fn common(one: &Network, other: &Network) -> Option<Network> {
    if !meet(one, other) {
        return None;
    }
    if other.holds_all_of(one) {
        return Some(*one);
    }
    if one.holds_all_of(other) {
        return Some(*other);
    }
    let ((a, b), (c, d)) = (one.bounds(), other.bounds());
    Network::parse(&format!("{}-{}", a.max(c), b.min(d))).ok()
}

fn bits(network: &Network) -> (u128, u128) {
    let number = |address: IpAddr| match address {
        IpAddr::V4(address) => u128::from(address.to_bits()),
        IpAddr::V6(address) => address.to_bits(),
    };
    let (first, last) = network.bounds();
    (number(first), number(last))
}

#[cfg(test)]
mod tests {
    use super::*;
    use portcullis_domain::NetworkEntry;
    use proptest::prelude::*;

    fn list(texts: &[&str]) -> Networks {
        Networks::new(texts.iter().map(|text| NetworkEntry::parse(text, "").unwrap()).collect()).unwrap()
    }

    #[test]
    fn all_a_part_and_nothing() {
        for (texts, network, parts, all) in [
            (&[][..], "203.0.113.0/24", 1, true),
            (&["203.0.113.0/24"], "203.0.113.0/24", 1, true),
            (&["203.0.113.128/25", "203.0.113.0/25"], "203.0.113.0/24", 2, true),
            (&["203.0.113.0/25", "203.0.113.129-203.0.114.0"], "203.0.113.0/24", 2, false),
            (&["203.0.113.7"], "203.0.0.0/16", 1, false),
            (&["203.0.113.7"], "203.0.113.8", 0, false),
            (&["::/0"], "203.0.113.8", 0, false),
            (&["203.0.0.0/16", "::ffff:203.0.113.8"], "203.0.113.8", 1, true),
            (&["2001:db8::/33", "2001:db8:8000::/33"], "2001:db8::/32", 2, true),
            (&["0.0.0.0/1", "128.0.0.0/1"], "0.0.0.0/0", 2, true),
            (&["203.0.113.7-203.0.113.20"], "203.0.113.10-203.0.113.30", 1, false),
        ] {
            let network: Network = network.parse().unwrap();
            let found = within(&list(texts), vec![network]);
            assert_eq!((found.len(), is_all(&found, &network)), (parts, all), "{texts:?} {network}");
        }
    }

    proptest! {
        #[test]
        fn the_same_as_asking_for_every_address(
            entries in prop::collection::vec((0u32..64, 0u32..24), 1..6),
            probe in (0u32..64, 0u32..24),
        ) {
            let address = |n: u32| IpAddr::V4(std::net::Ipv4Addr::from(0xcb00_7100 + n));
            let text = |(from, more): &(u32, u32)| format!("{}-{}", address(*from), address(from + more));
            let texts: Vec<String> = entries.iter().map(text).collect();
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            let list = list(&texts);
            let network: Network = text(&probe).parse().unwrap();
            let found = within(&list, vec![network]);
            for n in 0..96 {
                let wanted = list.admit(address(n)) && network.holds(address(n));
                prop_assert_eq!(found.iter().any(|part| part.holds(address(n))), wanted);
            }
            let all = (probe.0..=probe.0 + probe.1).all(|n| list.admit(address(n)));
            prop_assert_eq!(is_all(&found, &network), all);
        }
    }
}
