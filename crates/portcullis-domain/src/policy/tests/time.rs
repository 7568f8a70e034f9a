//! What ends by itself, and what is only tried out.

use super::*;

#[test]
fn replaced_credentials_hold_until_their_time_is_over() {
    let (key, storage) = (key(), storage());
    let asked = |replaced| {
        decide(&Request {
            subject: Subject::Key { key: &key, owner: None, narrowing: None, replaced },
            channel: Channel::S3,
            peer: "203.0.113.7".parse().unwrap(),
            now: NOW,
            action: Action::Get,
            target: Target::Object(&storage, &object("file")),
        })
    };
    assert_eq!(asked(Some(Timestamp::from_micros(NOW.micros() + 1))), Ok(()));
    assert_eq!(asked(Some(NOW)), Err(DenyReason::CredentialsReplaced));
    assert_eq!(asked(Some(Timestamp::default())), Err(DenyReason::CredentialsReplaced));
}

proptest! {
    /// What is tried out never changes a verdict, and says of what is allowed just what the policy will say when it is in force.
    #[test]
    fn a_trial_says_what_will_be(peer: u32, first: u32, length in 0u8..=32, on_key: bool, own in prop::bool::ANY) {
        let peer = IpAddr::V4(peer.into());
        let tried = networks(&[&format!("{}/{length}", std::net::Ipv4Addr::from(first))]);
        let (mut key, mut storage) = (key(), storage());
        if own {
            key.networks = networks(&["0.0.0.0/1"]);
        }
        let file = object("file");
        let request = |key: &Key, storage: &Storage| {
            let request = Request {
                subject: Subject::Key { key, owner: None, narrowing: None, replaced: None },
                channel: Channel::S3,
                peer,
                now: NOW,
                action: Action::Get,
                target: Target::Object(storage, &file),
            };
            (decide(&request), trial(&request))
        };
        let (before, nothing) = request(&key, &storage);
        prop_assert_eq!(nothing, None);
        let candidate = Some(Trial { networks: tried.clone(), since: NOW });
        if on_key { key.trial = candidate } else { storage.trial = candidate }
        let (during, said) = request(&key, &storage);
        prop_assert_eq!(before, during);
        if on_key { key.networks = tried } else { storage.networks = tried }
        let (after, _) = request(&key, &storage);
        if before.is_ok() {
            prop_assert_eq!(after, said.map_or(Ok(()), Err));
        }
    }
}
