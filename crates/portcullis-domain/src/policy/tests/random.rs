//! What holds for every request there can be.

use super::*;

prop_compose! {
    fn any_key()(
        permission in prop::sample::select(Permission::ALL),
        channel in prop::sample::select(Channel::ALL),
        state in prop::sample::select(KeyState::ALL),
        scope in prop_oneof![
            Just(Scope::Storage(StorageId::from_u128(5))), Just(Scope::Storage(StorageId::from_u128(6))),
            Just(Scope::User(UserId::from_u128(7))), Just(Scope::Site)],
        nets in prop_oneof![Just(vec![]), Just(vec!["203.0.113.0/24"]), Just(vec!["198.51.100.0/24"])],
        prefix in "(in/|out/|)",
        site in 1u128..3,
        expires in prop_oneof![Just(None), (-5i64..5).prop_map(|s| Some(Timestamp::from_seconds(NOW.seconds() + s)))],
    ) -> Key {
        Key { permission, channel, state, scope, networks: networks(&nets), prefix: KeyPrefix::parse(&prefix).unwrap(),
              site: SiteId::from_u128(site), expires, ..key() }
    }
}

prop_compose! {
    fn any_storage()(
        permission in prop::sample::select(Permission::ALL),
        s3_access: bool,
        nets in prop_oneof![Just(vec![]), Just(vec!["203.0.113.0/24"]), Just(vec!["198.51.100.0/24"])],
        state in prop::sample::select(StorageState::ALL),
    ) -> Storage {
        Storage { permission, s3_access, networks: networks(&nets), state, ..storage() }
    }
}

proptest! {
    /// Deny wins: a request passes if and only if every rule on its own lets it pass, in whatever order they are asked.
    #[test]
    fn the_order_of_the_rules_never_matters(
        key in any_key(), storage in any_storage(), action in prop::sample::select(Action::ALL),
        order in Just((0..RULES.len()).collect::<Vec<_>>()).prop_shuffle(),
    ) {
        let owner = user(Role::Admin, UserState::Active);
        let object = object("in/side");
        let request = Request {
            subject: Subject::Key { key: &key, owner: Some(Person { user: &owner, reach: &[] }), narrowing: None, replaced: None }, channel: Channel::S3,
            peer: "203.0.113.7".parse().unwrap(), now: NOW, action, target: Target::Object(&storage, &object),
        };
        let shuffled = order.iter().find_map(|at| RULES[*at](&request));
        prop_assert_eq!(decide(&request).is_ok(), shuffled.is_none());
    }

    /// Authority never grows: whatever narrows one setting of a key admits nothing that was refused before.
    #[test]
    fn narrowing_never_admits_more(
        key in any_key(), storage in any_storage(), action in prop::sample::select(Action::ALL), which in 0..6,
    ) {
        let mut narrow = key.clone();
        match which {
            0 => narrow.permission = Permission::None,
            1 => if Permission::Read.is_within(key.permission) { narrow.permission = Permission::Read },
            2 => if key.networks.is_anywhere() { narrow.networks = networks(&["198.51.100.0/24"]) },
            3 => narrow.prefix = KeyPrefix::parse(&format!("{}in/", key.prefix)).unwrap(),
            4 => narrow.state = KeyState::Deleted,
            _ => narrow.expires = Some(key.expires.map_or(NOW, |end| end.min(NOW))),
        }
        if ask(&narrow, &storage, action).is_ok() {
            prop_assert_eq!(ask(&key, &storage, action), Ok(()));
        }
    }

    /// The table of permissions bounds every verdict: no combination allows what the key's own permission does not.
    #[test]
    fn nothing_passes_without_permission(
        key in any_key(), storage in any_storage(), action in prop::sample::select(Action::ALL),
    ) {
        if ask(&key, &storage, action).is_ok() {
            prop_assert!(key.permission.permits(action));
            prop_assert!(action == Action::Administer || storage.permission.permits(action));
            prop_assert_eq!(key.state, KeyState::Active);
            prop_assert!(key.scope != Scope::Site);
        }
    }

    /// Temporary credentials admit nothing that their key does not, whatever they say.
    #[test]
    fn temporary_credentials_never_admit_more(
        key in any_key(), storage in any_storage(), action in prop::sample::select(Action::ALL),
        permission in prop::sample::select(Permission::ALL), prefix in "(in/|in/side/|)", other: bool,
        seconds in -5i64..5,
    ) {
        let narrowing = Narrowing {
            storage: other.then(|| StorageId::from_u128(6)), permission,
            prefix: KeyPrefix::parse(&prefix).unwrap(), networks: Networks::anywhere(),
            expires: Timestamp::from_seconds(NOW.seconds() + seconds),
        };
        let object = object("in/side/file");
        let request = |narrowing| Request {
            subject: Subject::Key { key: &key, owner: None, narrowing, replaced: None }, channel: Channel::S3,
            peer: "203.0.113.7".parse().unwrap(), now: NOW, action, target: Target::Object(&storage, &object),
        };
        if decide(&request(Some(&narrowing))).is_ok() {
            prop_assert_eq!(decide(&request(None)), Ok(()));
            prop_assert!(permission.permits(action) && !other && seconds > 0);
        }
    }
}
