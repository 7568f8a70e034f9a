//! Who uses the door now and could not any more.

use std::net::IpAddr;
use std::time::Duration;

use portcullis_control::KeyUse;
use portcullis_domain::{DisplayName, Networks, Timestamp};

/// How long after its last use somebody counts as using it.
const RECENT: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Somebody who used a key.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Client<'a> {
    pub(in super::super) name: &'a DisplayName,
    pub(in super::super) used: &'a KeyUse,
    /// The other list that binds the key, which is not being edited.
    pub(in super::super) also_bound: &'a Networks,
}

/// Somebody who would be refused from now on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct CutOff {
    pub(in super::super) name: String,
    pub(in super::super) tool: String,
    pub(in super::super) address: IpAddr,
    pub(in super::super) at: Timestamp,
}

/// Those of the clients that come in by `before`, in the last 30 days did, and would not by `after`.
pub(in super::super) fn cut_off<'a>(
    clients: impl IntoIterator<Item = Client<'a>>,
    before: &Networks,
    after: &Networks,
    now: Timestamp,
) -> Vec<CutOff> {
    let recent = now.before(RECENT);
    let loses = |client: &Client<'_>| {
        let address = client.used.peer;
        client.used.at >= recent
            && client.also_bound.admit(address)
            && before.admit(address)
            && !after.admit(address)
    };
    let told = |client: Client<'a>| CutOff {
        name: client.name.to_string(),
        tool: client.used.tool.clone(),
        address: client.used.peer.to_canonical(),
        at: client.used.at,
    };
    clients.into_iter().filter(loses).map(told).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use portcullis_domain::{KeyId, NetworkEntry};

    fn networks(list: &[&str]) -> Networks {
        Networks::new(list.iter().map(|text| NetworkEntry::parse(text, "").unwrap()).collect()).unwrap()
    }

    #[test]
    fn only_who_came_in_lately_and_could_not_any_more() {
        let now = Timestamp::from_seconds(10_000_000);
        let day = Duration::from_secs(24 * 60 * 60);
        let used = |address: &str, at| KeyUse {
            key: KeyId::from_u128(1),
            at,
            peer: address.parse().unwrap(),
            tool: "tool/1".to_owned(),
        };
        let name = DisplayName::parse("nas").unwrap();
        let anywhere = Networks::anywhere();
        let after = networks(&["203.0.113.0/24"]);
        let cut = |used: &KeyUse, before: &Networks, also_bound: &Networks| {
            cut_off([Client { name: &name, used, also_bound }], before, &after, now).len()
        };
        assert_eq!(cut(&used("198.51.100.1", now), &anywhere, &anywhere), 1);
        assert_eq!(cut(&used("203.0.113.9", now), &anywhere, &anywhere), 0);
        assert_eq!(cut(&used("::ffff:203.0.113.9", now), &anywhere, &anywhere), 0);
        assert_eq!(cut(&used("198.51.100.1", now.before(29 * day)), &anywhere, &anywhere), 1);
        assert_eq!(cut(&used("198.51.100.1", now.before(31 * day)), &anywhere, &anywhere), 0);
        // Whom another list, or the one there was, keeps out already is not cut off by this.
        assert_eq!(cut(&used("198.51.100.1", now), &anywhere, &networks(&["10.0.0.0/8"])), 0);
        assert_eq!(cut(&used("198.51.100.1", now), &networks(&["10.0.0.0/8"]), &anywhere), 0);
    }
}
