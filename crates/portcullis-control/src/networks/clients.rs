//! Who uses a key or a storage, from where, and whom a list would keep out. Pure: what was seen comes in.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use portcullis_domain::{KeyId, Network, Networks, Timestamp};

use super::cover::{is_all, meet, within};

/// How many days back use counts.
pub const WINDOW_DAYS: u16 = 30;

/// Somebody who uses a key from somewhere, or is refused there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// The key.
    pub key: KeyId,
    /// What a person called it.
    pub key_name: String,
    /// From where: one address, or a network of several that were too many to tell apart.
    pub network: Network,
    /// The program, without its version.
    pub tool: String,
    /// How many requests.
    pub requests: u64,
    /// When the first that is looked at.
    pub first: Timestamp,
    /// When the last.
    pub last: Timestamp,
    /// How many of its transfers are under way.
    pub transfers: u32,
    /// Whether it concerns only some of the addresses of `network`.
    pub in_part: bool,
}

/// A client with the lists that bind it beside the one that is looked at.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) client: Client,
    pub(super) also_bound: Arc<Networks>,
}

/// Whom a list would keep out and let in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NetworksPreview {
    /// Who came in and could not any more. The latest first, here and below.
    pub cut_off: Vec<Client>,
    /// Who came in and still could.
    pub kept: Vec<Client>,
    /// Who was refused for their address, and could come in.
    pub let_in: Vec<Client>,
    /// Whether whoever asks, by a key, could not come in any more from where they are.
    pub cuts_off_asker: bool,
    /// Whether there were more clients than are looked at.
    pub has_more: bool,
}

/// Everybody who used a key, or any key at a storage, in the last [`WINDOW_DAYS`].
#[derive(Clone, Debug, Default)]
pub struct Clients {
    /// The list that is in force.
    pub(super) before: Networks,
    pub(super) seen: Vec<Seen>,
    /// Those who were refused for their address.
    pub(super) refused: Vec<Seen>,
    /// Whoever asks, if they come by a key that this list binds.
    pub(super) asker: Option<IpAddr>,
    pub(super) has_more: bool,
}

impl Clients {
    /// Whom `after` in place of the list in force would keep out and let in. Who is kept out by the present list, or by another that
    /// holds as well, is not cut off by this one.
    #[must_use]
    pub fn preview(&self, after: &Networks) -> NetworksPreview {
        let mut preview = NetworksPreview {
            cuts_off_asker: self.asker.is_some_and(|peer| self.before.admit(peer) && !after.admit(peer)),
            has_more: self.has_more,
            ..NetworksPreview::default()
        };
        for Seen { client, also_bound } in &self.seen {
            let now = within(&self.before, within(also_bound, vec![client.network]));
            let (mut stays, mut goes) = (false, false);
            for part in &now {
                let left = within(after, vec![*part]);
                stays |= !left.is_empty();
                goes |= !is_all(&left, part);
            }
            let whole = is_all(&now, &client.network);
            match (goes, stays) {
                (true, _) => preview.cut_off.push(Client { in_part: stays || !whole, ..client.clone() }),
                (false, true) => preview.kept.push(Client { in_part: !whole, ..client.clone() }),
                (false, false) => {}
            }
        }
        for Seen { client, also_bound } in &self.refused {
            let then = within(after, within(also_bound, vec![client.network]));
            let is_new = |part: &Network| !is_all(&within(&self.before, vec![*part]), part);
            if then.iter().any(is_new) {
                let in_part = !is_all(&then, &client.network);
                preview.let_in.push(Client { in_part, ..client.clone() });
            }
        }
        for list in [&mut preview.cut_off, &mut preview.kept, &mut preview.let_in] {
            *list = together(std::mem::take(list));
        }
        preview
    }

    /// When somebody last came in from this network.
    #[must_use]
    pub fn last_seen(&self, network: &Network) -> Option<Timestamp> {
        let there = self.seen.iter().filter(|seen| meet(&seen.client.network, network));
        there.map(|seen| seen.client.last).max()
    }
}

/// The same clients at several storages, or with several of a key's credentials, put together; the latest first.
pub(super) fn together(clients: Vec<Client>) -> Vec<Client> {
    let mut all: BTreeMap<(KeyId, Network, String, bool), Client> = BTreeMap::new();
    for client in clients {
        let of = (client.key, client.network, client.tool.clone(), client.in_part);
        match all.get_mut(&of) {
            None => drop(all.insert(of, client)),
            Some(known) => {
                known.requests = known.requests.saturating_add(client.requests);
                known.first = known.first.min(client.first);
                known.last = known.last.max(client.last);
                known.transfers = known.transfers.saturating_add(client.transfers);
            }
        }
    }
    let mut all: Vec<Client> = all.into_values().collect();
    all.sort_by_key(|client| std::cmp::Reverse(client.last));
    all
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

    use portcullis_domain::{
        Action, BucketName, Channel, Connection, CredentialId, DisplayName, Key, KeyPrefix, KeyState, Label,
        NetworkEntry, OnLeak, Overwrite, Permission, Request, Scope, SiteId, Storage, StorageId,
        StorageState, Subject, Target, UserId, decide,
    };
    use proptest::prelude::*;

    use super::*;

    fn key(networks: Networks) -> Key {
        Key {
            id: KeyId::from_u128(1),
            site: SiteId::from_u128(1),
            credential: CredentialId::from_entropy([1; 16]),
            name: DisplayName::parse("nas").unwrap(),
            channel: Channel::S3,
            scope: Scope::Storage(StorageId::from_u128(1)),
            permission: Permission::Read,
            overwrite: Overwrite::Replace,
            networks,
            prefix: KeyPrefix::default(),
            expires: None,
            state: KeyState::Active,
            created: Timestamp::default(),
            generation: 0,
            on_leak: OnLeak::Disable,
            leaked: None,
            trial: None,
            login: None,
            public_keys: Vec::new(),
            mail: portcullis_domain::MailRules::default(),
        }
    }

    fn storage(networks: Networks) -> Storage {
        let label = Label::parse("files").unwrap();
        Storage {
            id: StorageId::from_u128(1),
            site: SiteId::from_u128(1),
            owner: UserId::from_u128(1),
            number: 1,
            name: DisplayName::parse("files").unwrap(),
            bucket: BucketName::new(10_001, 1, &label),
            label,
            connection: Connection::builtin("us-east-1".to_owned()),
            permission: Permission::ReadWrite,
            networks,
            s3_access: true,
            quota_bytes: None,
            state: StorageState::Active,
            created: Timestamp::default(),
            paused_until: None,
            trial: None,
        }
    }

    fn admitted(key: &Key, storage: &Storage, peer: IpAddr) -> bool {
        let subject = Subject::Key { key, owner: None, narrowing: None, replaced: None };
        let (now, action, target) = (Timestamp::default(), Action::Get, Target::Storage(storage));
        let asked = Request { subject, channel: Channel::S3, peer, now, action, target };
        decide(&asked).is_ok()
    }

    fn client(network: &str) -> Client {
        Client {
            key: KeyId::from_u128(1),
            key_name: "nas".to_owned(),
            network: network.parse().unwrap(),
            tool: "rclone".to_owned(),
            requests: 1,
            first: Timestamp::default(),
            last: Timestamp::default(),
            transfers: 0,
            in_part: false,
        }
    }

    fn clients(before: Networks, also_bound: &Networks, networks: &[&str], refused: &[&str]) -> Clients {
        let also_bound = Arc::new(also_bound.clone());
        let seen = |network: &&str| Seen { client: client(network), also_bound: Arc::clone(&also_bound) };
        Clients {
            before,
            seen: networks.iter().map(seen).collect(),
            refused: refused.iter().map(seen).collect(),
            ..Clients::default()
        }
    }

    fn list(texts: &[String]) -> Networks {
        Networks::new(texts.iter().map(|text| NetworkEntry::parse(text, "").unwrap()).collect()).unwrap()
    }

    fn texts(list: &[Client]) -> BTreeSet<String> {
        list.iter().map(|client| client.network.to_string()).collect()
    }

    /// Addresses and networks that often meet.
    fn address() -> impl Strategy<Value = String> {
        let four = (0u32..32).prop_map(|n| Ipv4Addr::from(0xcb00_7100 + n).to_string());
        let six = (0u128..8).prop_map(|n| Ipv6Addr::from((0x2001_0db8 << 96) + n).to_string());
        prop_oneof![3 => four, 1 => six]
    }

    fn entry() -> impl Strategy<Value = String> {
        prop_oneof![
            address(),
            (0u32..32, 27u8..=32).prop_map(|(n, bits)| format!("{}/{bits}", Ipv4Addr::from(0xcb00_7100 + n))),
            (0u32..24, 0u32..8).prop_map(|(n, more)| {
                let at = |n| Ipv4Addr::from(0xcb00_7100 + n);
                format!("{}-{}", at(n), at(n + more))
            }),
            Just("2001:db8::/126".to_owned()),
        ]
    }

    fn entries() -> impl Strategy<Value = Vec<String>> {
        prop::collection::vec(entry(), 0..5)
    }

    proptest! {
        /// For single addresses the preview says exactly what the policy does once the list is in force.
        #[test]
        fn the_preview_says_what_the_policy_does(
            before in entries(), after in entries(), other in entries(),
            seen in prop::collection::btree_set(address(), 0..24),
            of_storage: bool,
        ) {
            let (before, after, other) = (list(&before), list(&after), list(&other));
            let seen: Vec<&str> = seen.iter().map(String::as_str).collect();
            let preview = clients(before.clone(), &other, &seen, &seen).preview(&after);
            let (mut cut, mut kept, mut new) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
            for text in seen {
                let peer: IpAddr = text.parse().unwrap();
                let may = |own: &Networks| match of_storage {
                    true => admitted(&key(other.clone()), &storage(own.clone()), peer),
                    false => admitted(&key(own.clone()), &storage(other.clone()), peer),
                };
                match (may(&before), may(&after)) {
                    (true, false) => drop(cut.insert(text.to_owned())),
                    (true, true) => drop(kept.insert(text.to_owned())),
                    (false, true) => drop(new.insert(text.to_owned())),
                    (false, false) => {}
                }
            }
            prop_assert_eq!(texts(&preview.cut_off), cut);
            prop_assert_eq!(texts(&preview.kept), kept);
            prop_assert_eq!(texts(&preview.let_in), new);
            let all = preview.cut_off.iter().chain(&preview.kept).chain(&preview.let_in);
            prop_assert!(all.into_iter().all(|client| !client.in_part));
        }
    }

    #[test]
    fn of_addresses_that_were_put_together_some_is_said() {
        let own = |text: &str| list(&[text.to_owned()]);
        let anywhere = Networks::anywhere();
        let told = |clients: &Clients, after: &Networks| {
            let preview = clients.preview(after);
            let row = |client: &Client| (client.network.to_string(), client.in_part);
            let list = |list: &[Client]| list.iter().map(row).collect::<Vec<_>>();
            (list(&preview.cut_off), list(&preview.kept))
        };
        let wide = clients(anywhere.clone(), &anywhere, &["203.0.0.0/16"], &[]);
        let row = |in_part| vec![("203.0.0.0/16".to_owned(), in_part)];
        assert_eq!(told(&wide, &own("203.0.113.0/24")), (row(true), vec![]));
        assert_eq!(told(&wide, &own("10.0.0.0/8")), (row(false), vec![]));
        assert_eq!(told(&wide, &own("203.0.0.0/15")), (vec![], row(false)));
        let halves = list(&["203.0.0.0/17".to_owned(), "203.0.128.0/17".to_owned()]);
        assert_eq!(told(&wide, &halves), (vec![], row(false)));
        // What the other list keeps out anyway is not cut off.
        let bound = clients(anywhere.clone(), &own("203.0.113.0/24"), &["203.0.0.0/16"], &[]);
        assert_eq!(told(&bound, &own("203.0.113.0/24")), (vec![], row(true)));
        assert_eq!(told(&bound, &own("203.0.113.7")), (row(true), vec![]));
        // Nor what the list in force does not let in.
        let narrow = clients(own("203.0.113.7"), &anywhere, &["203.0.0.0/16"], &[]);
        assert_eq!(told(&narrow, &own("203.0.113.0/24")), (vec![], row(true)));
    }

    #[test]
    fn the_same_client_at_several_storages_is_one() {
        let mut two =
            clients(Networks::anywhere(), &Networks::anywhere(), &["203.0.113.7", "203.0.113.7"], &[]);
        two.seen[1].client.last = Timestamp::from_seconds(9);
        let preview = two.preview(&list(&["10.0.0.1".to_owned()]));
        assert_eq!((preview.cut_off.len(), preview.cut_off[0].requests), (1, 2));
        assert_eq!(preview.cut_off[0].last, Timestamp::from_seconds(9));
        assert_eq!(two.last_seen(&"203.0.113.0/24".parse().unwrap()), Some(Timestamp::from_seconds(9)));
        assert_eq!(two.last_seen(&"203.0.114.0/24".parse().unwrap()), None);
    }
}
