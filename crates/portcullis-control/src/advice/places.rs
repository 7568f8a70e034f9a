//! The smallest network and the smallest folder that hold what was seen.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use portcullis_domain::{Network, NetworkEntry, Networks};

/// Whether some address is in both.
pub(super) fn overlap(a: &Network, b: &Network) -> bool {
    a.holds(b.bounds().0) || b.holds(a.bounds().0)
}

/// Whether a key with these networks could be used from there.
pub(super) fn may_come_from(networks: &Networks, network: &Network) -> bool {
    networks.is_anywhere() || networks.entries().iter().any(|entry| overlap(&entry.network, network))
}

/// Whether it is one address, not several that were put together.
fn address_of(network: &Network) -> Option<IpAddr> {
    let (first, last) = network.bounds();
    (first == last).then_some(first)
}

/// Why there is no small network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoNetwork {
    /// They are in several.
    Several,
    /// Some were put together in what is kept.
    NotToldApart,
}

/// The smallest networks that hold all of these: for each family the one address, or the one /24 or /64.
pub(super) fn smallest(seen: &[Network]) -> Result<Vec<Network>, NoNetwork> {
    let addresses: Option<Vec<IpAddr>> = seen.iter().map(address_of).collect();
    let addresses = addresses.ok_or(NoNetwork::NotToldApart)?;
    let (four, six): (Vec<IpAddr>, Vec<IpAddr>) = addresses.into_iter().partition(IpAddr::is_ipv4);
    [four, six].iter().filter(|family| !family.is_empty()).map(|family| one(family)).collect()
}

fn one(addresses: &[IpAddr]) -> Result<Network, NoNetwork> {
    let (Some(first), Some(last)) = (addresses.iter().min(), addresses.iter().max()) else {
        return Err(NoNetwork::Several);
    };
    let text = if first == last {
        first.to_string()
    } else if around(*first) == around(*last) {
        format!("{}/{}", around(*first), if first.is_ipv4() { 24 } else { 64 })
    } else {
        return Err(NoNetwork::Several);
    };
    Network::parse(&text).map_err(|_| NoNetwork::Several)
}

/// The first address of the /24 or /64.
fn around(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(four) => Ipv4Addr::from_bits(four.to_bits() & !0xff).into(),
        IpAddr::V6(six) => Ipv6Addr::from_bits(six.to_bits() & !u128::from(u64::MAX)).into(),
    }
}

/// These networks as a list, if it is narrower than the present one and lies within it; notes that stand beside the same network
/// stay.
pub(super) fn narrower(present: &Networks, networks: &[Network]) -> Option<Networks> {
    let entries = present.entries();
    let within = |network: &Network| entries.iter().any(|entry| entry.network.holds_all_of(network));
    let already = |held: &NetworkEntry| networks.iter().any(|network| network.holds_all_of(&held.network));
    if !entries.is_empty() && (!networks.iter().all(within) || entries.iter().all(already)) {
        return None;
    }
    let noted = |network: &Network| {
        let note = entries.iter().find(|entry| entry.network == *network).map(|entry| entry.note.clone());
        NetworkEntry { network: *network, note: note.unwrap_or_default() }
    };
    // A list of none would be anywhere.
    if networks.is_empty() { None } else { Networks::new(networks.iter().map(noted).collect()).ok() }
}

/// The longest folder that holds all of these, with its slash at the end.
pub(super) fn common<'a>(folders: impl IntoIterator<Item = &'a str>) -> &'a str {
    let mut folders = folders.into_iter();
    let Some(first) = folders.next() else { return "" };
    folders.fold(first, |common, folder| {
        let same = common.bytes().zip(folder.bytes()).take_while(|(a, b)| a == b).count();
        let end = common.as_bytes().get(..same).and_then(|same| same.iter().rposition(|byte| *byte == b'/'));
        end.and_then(|end| common.get(..=end)).unwrap_or_default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn networks(list: &[&str]) -> Vec<Network> {
        list.iter().map(|text| Network::parse(text).unwrap()).collect()
    }

    fn list(entries: &[(&str, &str)]) -> Networks {
        Networks::new(entries.iter().map(|(n, note)| NetworkEntry::parse(n, note).unwrap()).collect())
            .unwrap()
    }

    #[test]
    fn the_smallest_networks() {
        let small = |list: &[&str]| {
            smallest(&networks(list)).map(|found| found.iter().map(Network::to_string).collect::<Vec<_>>())
        };
        for (seen, found) in [
            (&["192.0.2.7"][..], &["192.0.2.7"][..]),
            (&["192.0.2.7", "192.0.2.250"], &["192.0.2.0/24"]),
            (&["2001:db8::1", "2001:db8::ffff:0:0:1", "192.0.2.7"], &["192.0.2.7", "2001:db8::/64"]),
            (&["0.0.0.0", "0.0.0.1"], &["0.0.0.0/24"]),
            (&["255.255.255.255", "255.255.255.0"], &["255.255.255.0/24"]),
        ] {
            assert_eq!(small(seen).unwrap(), found, "{seen:?}");
        }
        assert_eq!(small(&["192.0.2.7", "192.0.3.7"]), Err(NoNetwork::Several));
        assert_eq!(small(&["2001:db8::1", "2001:db8:0:1::1"]), Err(NoNetwork::Several));
        for together in ["10.1.0.0/16", "0.0.0.0/0", "2001:db8::/32", "::/0"] {
            assert_eq!(small(&["192.0.2.7", together]), Err(NoNetwork::NotToldApart), "{together}");
        }
    }

    #[test]
    fn a_list_is_only_ever_narrowed() {
        let seen = networks(&["192.0.2.7"]);
        let office = list(&[("192.0.2.0/24", "office"), ("198.51.100.1", "home")]);
        assert_eq!(narrower(&Networks::anywhere(), &seen), Some(list(&[("192.0.2.7", "")])));
        assert_eq!(narrower(&office, &seen), Some(list(&[("192.0.2.7", "")])));
        assert_eq!(
            narrower(&office, &networks(&["198.51.100.1"])),
            Some(list(&[("198.51.100.1", "home")])),
            "with its note"
        );
        assert_eq!(narrower(&office, &networks(&["203.0.113.1"])), None, "never wider");
        assert_eq!(narrower(&list(&[("192.0.2.7", "")]), &seen), None, "as narrow already");
        let parts = list(&[("192.0.2.1", ""), ("192.0.2.9", "")]);
        assert_eq!(narrower(&parts, &networks(&["192.0.2.0/24"])), None, "two addresses are narrower");
        assert_eq!(narrower(&Networks::anywhere(), &[]), None);
    }

    #[test]
    fn the_folder_that_holds_all() {
        for (folders, found) in [
            (&["a/b/", "a/c/"][..], "a/"),
            (&["a/b/", "a/b/"], "a/b/"),
            (&["a/b/c/", "a/b/"], "a/b/"),
            (&["ab/", "abc/"], ""),
            (&["a/", ""], ""),
            (&["a//", "a/"], "a/"),
            (&["ü/x/", "ü/ß/"], "ü/"),
            (&["é/", "è/"], ""),
            (&[], ""),
        ] {
            assert_eq!(common(folders.iter().copied()), found, "{folders:?}");
        }
    }
}
