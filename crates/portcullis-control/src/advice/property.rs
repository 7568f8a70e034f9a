//! That advice admits every request that was seen, whatever the key and the requests.

use std::net::IpAddr;

use portcullis_domain::{Action, Key, KeyPrefix, Networks, Permission};
use proptest::prelude::*;

use super::tests::{Asked, TODAY, advised, asked, day, key, may, networks};
use super::{AdviceWhat, AdviceWindow};

fn requests() -> impl Strategy<Value = Vec<Asked>> {
    let peers = prop::sample::select(vec![
        vec!["192.0.2.7"],
        vec!["192.0.2.7", "192.0.2.99"],
        vec!["192.0.2.7", "2001:db8::1"],
        vec!["2001:db8::1", "2001:db8::2:0:0:7"],
        vec!["192.0.2.7", "198.51.100.1", "::1"],
    ]);
    let actions = prop::sample::select(vec![
        vec![Action::Get, Action::List],
        vec![Action::Put],
        vec![Action::Enter],
        vec![Action::Put, Action::Get, Action::Delete, Action::Enter],
    ]);
    let places = prop::sample::select(vec![
        vec!["a/b/c/d/file", "a/b/c/e/file", "a/b/c/"],
        vec!["a/b/file", "a/c/file", "a/b/x/y/z/file"],
        vec!["file", "a/file"],
        vec!["/a/file", "/a/b//file"],
    ]);
    // In the window mostly one kind, before it others.
    (peers.clone(), actions.clone(), places.clone(), peers, actions, places, 0u32..400).prop_flat_map(
        |(new_peers, new_actions, new_places, old_peers, old_actions, old_places, crowd)| {
            let some =
                |days: std::ops::Range<i64>, peers: Vec<&'static str>, actions, places: Vec<&'static str>| {
                    let one = (
                        days,
                        prop::sample::select(peers),
                        prop::sample::select(actions),
                        prop::sample::select(places),
                    );
                    prop::collection::vec(
                        one.prop_map(|(n, peer, action, place)| asked(day(n), peer, action, place)),
                        0..40,
                    )
                };
            let new = some(TODAY - 30..TODAY + 1, new_peers, new_actions, new_places);
            let old = some(TODAY - 89..TODAY - 30, old_peers, old_actions, old_places);
            (new, old).prop_map(move |(new, old)| {
                let far = |n: u32| {
                    let peer = IpAddr::V4((0xc612_0000 + n * 7).into());
                    Asked { at: day(TODAY - 45), peer, action: Action::Get, place: format!("x{n}/y/z") }
                };
                new.into_iter().chain(old).chain((0..crowd).map(far)).collect()
            })
        },
    )
}

fn any_key() -> impl Strategy<Value = Key> {
    let permission = prop::sample::select(vec![Permission::Read, Permission::Write, Permission::ReadWrite]);
    let nets = prop::sample::select(vec![
        Networks::anywhere(),
        networks(&["192.0.2.0/24", "2001:db8::/32"]),
        networks(&["192.0.2.7"]),
        networks(&["192.0.2.1-192.0.2.50", "::1"]),
    ]);
    let prefix = prop::sample::select(vec!["", "a/", "a", "/", "a/b/c/d"]);
    let created = prop::sample::select(vec![day(0), day(TODAY - 20), day(TODAY - 2)]);
    (permission, nets, prefix, created).prop_map(|(permission, networks, prefix, created)| Key {
        permission,
        networks,
        prefix: KeyPrefix::parse(prefix).unwrap(),
        created,
        ..key()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// The advice admits every request that was seen in the time that was looked at, each piece by itself and all together; and what
    /// it says of older requests is what the policy does to them.
    #[test]
    fn advice_admits_every_request_seen(
        key in any_key(),
        requests in requests(),
        window in prop::sample::select(vec![AdviceWindow::Month, AdviceWindow::Quarter]),
    ) {
        let admitted: Vec<_> = requests.iter().filter(|asked| may(&key, asked)).collect();
        let since = day(TODAY).before(window.span());
        let advised = advised(&key, &requests, window);
        let mut together = key.clone();
        for advice in &advised.advice {
            let after = advice.after.put_on(&key);
            prop_assert_ne!(&after, &key, "advice to stay as it is");
            prop_assert!(!crate::authority::widens(&after, &key));
            for asked in admitted.iter().filter(|asked| asked.at >= since && asked.at >= key.created) {
                prop_assert!(may(&after, asked), "{:?} refuses {:?}", advice, asked);
            }
            match advice.what {
                AdviceWhat::Permission | AdviceWhat::Disable => together.permission = after.permission,
                AdviceWhat::Networks => together.networks = after.networks.clone(),
                AdviceWhat::Prefix => together.prefix = after.prefix.clone(),
            }
            let would = &advice.would_refuse;
            let deeds = |asked: &&&Asked| asked.action != Action::Enter;
            let refused = admitted.iter().filter(deeds).filter(|asked| !may(&after, asked)).count();
            let refused = u64::try_from(refused).unwrap();
            prop_assert!(refused <= would.requests, "{refused} refused by {advice:?}");
            if !would.at_most && admitted.iter().all(|asked| asked.action != Action::Enter) {
                prop_assert_eq!(refused, would.requests, "{:?}", advice);
            }
            prop_assert_eq!(would.examples.is_empty(), would.requests == 0);
        }
        for asked in admitted.iter().filter(|asked| asked.at >= since && asked.at >= key.created) {
            prop_assert!(may(&together, asked), "{:?} refuses {:?}", together, asked);
        }
    }
}
