use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use portcullis_domain::{
    Action, BucketName, Channel, CredentialId, DisplayName, Key, KeyId, KeyPrefix, KeyState, NetworkEntry,
    Networks, ObjectKey, OnLeak, Overwrite, Permission, Request, Scope, SiteId, Storage, StorageId, Subject,
    Target, Timestamp, decide,
};
use portcullis_metadata::{ActivityKind, DeedSeen, FolderSeen, Noted, Rollup, UseSeen};

use super::*;

const STORAGE: StorageId = StorageId::from_u128(2);

/// Noon of a day.
pub(super) fn day(number: i64) -> Timestamp {
    Timestamp::from_seconds((20_000 + number) * DAYS + DAYS / 2)
}

pub(super) const TODAY: i64 = 200;

pub(super) fn key() -> Key {
    Key {
        id: KeyId::from_u128(1),
        site: SiteId::from_u128(1),
        credential: CredentialId::from_entropy([1; 16]),
        name: DisplayName::parse("key").unwrap(),
        channel: Channel::S3,
        scope: Scope::Storage(STORAGE),
        permission: Permission::ReadWrite,
        overwrite: Overwrite::Replace,
        networks: Networks::anywhere(),
        prefix: KeyPrefix::default(),
        expires: None,
        state: KeyState::Active,
        created: day(0),
        generation: 0,
        on_leak: OnLeak::Disable,
        leaked: None,
        trial: None,
        login: None,
        public_keys: Vec::new(),
        mail: portcullis_domain::MailRules::default(),
    }
}

pub(super) fn networks(list: &[&str]) -> Networks {
    Networks::new(list.iter().map(|text| NetworkEntry::parse(text, "").unwrap()).collect()).unwrap()
}

/// A request of a key.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) at: Timestamp,
    pub(super) peer: IpAddr,
    pub(super) action: Action,
    pub(super) place: String,
}

pub(super) fn asked(at: Timestamp, peer: &str, action: Action, place: &str) -> Asked {
    Asked { at, peer: peer.parse().unwrap(), action, place: place.to_owned() }
}

fn storage() -> Storage {
    Storage {
        id: STORAGE,
        site: SiteId::from_u128(1),
        owner: UserId::from_u128(1),
        number: 1,
        name: DisplayName::parse("files").unwrap(),
        label: portcullis_domain::Label::suggested_by(&DisplayName::parse("files").unwrap()),
        bucket: BucketName::parse("files-1").unwrap(),
        connection: portcullis_domain::Connection {
            id: portcullis_domain::ConnectionId::from_u128(1),
            provider: portcullis_domain::Provider::Builtin,
            region: "local".to_owned(),
            endpoint: None,
            bucket: None,
            path_style: false,
        },
        permission: Permission::ReadWrite,
        networks: Networks::anywhere(),
        s3_access: true,
        quota_bytes: None,
        state: portcullis_domain::StorageState::Active,
        created: day(0),
        paused_until: None,
        trial: None,
    }
}

/// Whether the policy lets the key do this.
pub(super) fn may(key: &Key, asked: &Asked) -> bool {
    let storage = storage();
    let subject = Subject::Key { key, owner: None, narrowing: None, replaced: None };
    let (object, prefix);
    let target = match asked.action {
        Action::Enter | Action::Administer => Target::Storage(&storage),
        Action::List => {
            prefix = KeyPrefix::parse(&asked.place).unwrap();
            Target::Prefix(&storage, &prefix)
        }
        Action::Get | Action::Put | Action::Delete => {
            object = ObjectKey::parse(&asked.place).unwrap();
            Target::Object(&storage, &object)
        }
    };
    let Asked { at: now, peer, action, .. } = *asked;
    decide(&Request { subject, channel: Channel::S3, peer, now, action, target }).is_ok()
}

/// What is counted of these requests, as the core counts them, put together as the database does.
fn seen(key: &Key, requests: &[Asked], window: Timestamp) -> UseSeen {
    let rollup = Rollup::default();
    let mut requests = requests.to_vec();
    requests.sort_by_key(|asked| asked.at);
    for asked in requests.iter().filter(|asked| may(key, asked)) {
        let noted = |action: Action| Noted {
            key: key.id,
            storage: Some(STORAGE),
            peer: asked.peer,
            tool: "tool/1",
            kind: ActivityKind::Used,
            what: action.as_str(),
            generation: 0,
            bytes: 0,
            proved: true,
        };
        rollup.note(asked.at, &noted(Action::Enter));
        if asked.action != Action::Enter {
            rollup.note(asked.at, &noted(asked.action));
            rollup.note_place(asked.at, key.id, STORAGE, &asked.place);
        }
    }
    let (rows, folders) = rollup.take();
    let first = window.seconds().div_euclid(DAYS);
    let mut deeds: BTreeMap<(String, String), DeedSeen> = BTreeMap::new();
    let mut days = BTreeSet::new();
    for (of, count) in rows {
        let (what, network) = (of.what.to_owned(), of.network.clone());
        let empty = DeedSeen { what, network, recent: 0, requests: 0, last: count.last };
        let deed = deeds.entry((of.what.to_owned(), of.network)).or_insert(empty);
        deed.requests += count.requests;
        deed.last = deed.last.max(count.last);
        if of.hour >= first * 24 {
            deed.recent += count.requests;
            days.insert(of.hour / 24);
        }
    }
    let mut places: BTreeMap<String, FolderSeen> = BTreeMap::new();
    for (of, requests) in folders {
        let empty = FolderSeen {
            storage: STORAGE,
            folder: of.folder.clone(),
            recent: 0,
            requests: 0,
            last_day: of.day,
        };
        let place = places.entry(of.folder).or_insert(empty);
        place.requests += requests;
        place.last_day = place.last_day.max(of.day);
        place.recent += if of.day >= first { requests } else { 0 };
    }
    UseSeen {
        deeds: deeds.into_values().collect(),
        folders: places.into_values().collect(),
        days: u32::try_from(days.len()).unwrap(),
        is_clipped: false,
    }
}

pub(super) fn advised(key: &Key, requests: &[Asked], window: AdviceWindow) -> Advised {
    let now = day(TODAY);
    let last_used = requests.iter().filter(|asked| may(key, asked)).map(|asked| asked.at).max();
    let seen = seen(key, requests, now.before(window.span()));
    advise(&Observed { key, seen: &seen, last_used, counted_since: Some(day(TODAY - 90)), window, now })
}

fn quarter(key: &Key, requests: &[Asked]) -> Advised {
    advised(key, requests, AdviceWindow::Quarter)
}

fn find(advised: &Advised, what: AdviceWhat) -> Option<&Advice> {
    advised.advice.iter().find(|advice| advice.what == what)
}

fn because(advised: &Advised, what: AdviceWhat) -> Option<WithheldBecause> {
    advised.withheld.iter().find(|withheld| withheld.what == what).map(|withheld| withheld.because)
}

/// Reads in one folder from one address, every day of a month, and something older.
fn backup() -> Vec<Asked> {
    let daily = (TODAY - 29..=TODAY).map(|n| asked(day(n), "192.0.2.7", Action::Get, "backup/db/dump"));
    daily.chain([asked(day(TODAY - 50), "198.51.100.9", Action::Put, "other/file")]).collect()
}

#[test]
fn a_key_that_does_one_thing_in_one_place() {
    let advised = advised(&key(), &backup(), AdviceWindow::Month);
    assert_eq!(advised.withheld, []);
    let permission = find(&advised, AdviceWhat::Permission).unwrap();
    assert_eq!(permission.after.permission, Permission::Read);
    assert_eq!((permission.requests, permission.days_used), (30, 30));
    assert_eq!((permission.since, permission.confidence), (day(TODAY - 30), Confidence::High));
    let old = Refusable {
        what: Some("put".to_owned()),
        place: "198.51.100.9".to_owned(),
        requests: 1,
        last: day(TODAY - 50),
    };
    let refused = WouldRefuse { requests: 1, at_most: false, examples: vec![old] };
    assert_eq!(permission.would_refuse, refused);
    let network = find(&advised, AdviceWhat::Networks).unwrap();
    assert_eq!(network.after.networks, networks(&["192.0.2.7"]));
    assert_eq!(network.would_refuse, refused);
    let prefix = find(&advised, AdviceWhat::Prefix).unwrap();
    assert_eq!(prefix.after.prefix.as_str(), "backup/db/");
    assert_eq!((prefix.would_refuse.requests, &*prefix.would_refuse.examples[0].place), (1, "other/"));
    // Looked at for longer, none of it holds.
    let longer = quarter(&key(), &backup());
    assert_eq!(longer.advice.len(), 0);
    assert_eq!(because(&longer, AdviceWhat::Networks), Some(WithheldBecause::ManyNetworks));
    assert_eq!(because(&longer, AdviceWhat::Prefix), Some(WithheldBecause::ManyFolders));
    assert_eq!(because(&longer, AdviceWhat::Permission), Some(WithheldBecause::AllNeeded));
}

#[test]
fn what_was_done_says_what_is_needed() {
    let permission = |given: Permission, actions: &[Action]| {
        let place = |action: &Action| if *action == Action::List { "" } else { "f" };
        let requests: Vec<_> =
            actions.iter().map(|a| asked(day(TODAY - 1), "192.0.2.7", *a, place(a))).collect();
        let advised = advised(&Key { permission: given, ..key() }, &requests, AdviceWindow::Month);
        find(&advised, AdviceWhat::Permission).map(|advice| advice.after.permission)
    };
    let both = Permission::ReadWrite;
    for (actions, narrower) in [
        (&[Action::Get, Action::List][..], Some(Permission::Read)),
        (&[Action::Put], Some(Permission::Write)),
        (&[Action::Enter], Some(Permission::Read)),
        (&[Action::Put, Action::Get], None),
        (&[Action::Delete], None),
        (&[Action::Put, Action::List], None),
    ] {
        assert_eq!(permission(both, actions), narrower, "{actions:?}");
    }
    assert_eq!(permission(Permission::Read, &[Action::Get]), None);
    assert_eq!(permission(Permission::Write, &[Action::Put]), None);
}

#[test]
fn keys_that_nobody_uses() {
    let window = AdviceWindow::Month;
    for (last, confidence) in [
        (30, None),
        (31, Some(Confidence::Low)),
        (60, Some(Confidence::Medium)),
        (90, Some(Confidence::High)),
    ] {
        let requests = [asked(day(TODAY - last), "192.0.2.7", Action::Get, "f")];
        let disable = find(&advised(&key(), &requests, window), AdviceWhat::Disable).cloned();
        assert_eq!(disable.as_ref().map(|advice| advice.confidence), confidence, "{last}");
        if let Some(advice) = disable {
            assert_eq!((advice.after.permission, advice.since), (Permission::None, day(TODAY - last)));
            assert_eq!(advice.would_refuse.requests, 1);
        }
    }
    let never = advised(&key(), &[], window);
    assert_eq!(never.advice.len(), 1);
    assert_eq!((never.advice[0].since, never.advice[0].requests), (day(0), 0), "since it was made");
    let young = Key { created: day(TODAY - 29), ..key() };
    assert_eq!(advised(&young, &[], window), Advised::default());
    let off = Key { permission: Permission::None, ..key() };
    let expired = Key { expires: Some(day(TODAY)), ..key() };
    for done in [off, expired] {
        assert_eq!(advised(&done, &backup(), window), Advised::default());
    }
}

#[test]
fn nothing_is_concluded_from_too_little() {
    let key = Key { created: day(TODAY - 2), ..key() };
    let requests = [asked(day(TODAY - 1), "192.0.2.7", Action::Get, "f/g")];
    let new = advised(&key, &requests, AdviceWindow::Month);
    assert_eq!(new.advice, []);
    assert!(new.withheld.iter().all(|withheld| withheld.because == WithheldBecause::TooNew));
    // Counted since yesterday only, whatever the key's age.
    let (key, now, window) = (Key { created: day(0), ..key }, day(TODAY), AdviceWindow::Month);
    let seen = seen(&key, &requests, now.before(window.span()));
    let observed = Observed {
        key: &key,
        seen: &seen,
        last_used: None,
        counted_since: Some(day(TODAY - 1)),
        window,
        now,
    };
    assert_eq!(advise(&observed).advice, []);
    let clipped = UseSeen { is_clipped: true, ..seen.clone() };
    let counted_since = Some(day(0));
    let outcome = advise(&Observed { seen: &clipped, counted_since, ..observed });
    assert_eq!(because(&outcome, AdviceWhat::Permission), Some(WithheldBecause::NotToldApart));
    // Folders that were not kept, as when the database was gone for long.
    let lost = UseSeen { folders: Vec::new(), ..seen.clone() };
    let outcome = advise(&Observed { seen: &lost, counted_since, ..observed });
    assert_eq!(because(&outcome, AdviceWhat::Prefix), Some(WithheldBecause::NotToldApart));
    assert!(find(&outcome, AdviceWhat::Networks).is_some());
    // A word of a later version.
    let mut strange = seen.clone();
    strange.deeds[0].what = "levitate".to_owned();
    let outcome = advise(&Observed { seen: &strange, counted_since, ..observed });
    assert_eq!(outcome.advice, []);
}

#[test]
fn addresses_that_were_put_together_are_no_network() {
    let mut requests = backup();
    let hour = |n: u32| {
        asked(day(TODAY - 3), &IpAddr::V4((0x0a01_0000 + n * 300).into()).to_string(), Action::Get, "a/b")
    };
    requests.extend((0..2_000).map(hour));
    let advised = advised(&key(), &requests, AdviceWindow::Month);
    assert_eq!(because(&advised, AdviceWhat::Networks), Some(WithheldBecause::NotToldApart));
    assert!(find(&advised, AdviceWhat::Permission).is_some());
}

#[test]
fn advice_never_widens() {
    // Since it was narrowed, what it did elsewhere no longer counts.
    let narrowed = Key {
        permission: Permission::Read,
        networks: networks(&["192.0.2.0/24"]),
        prefix: KeyPrefix::parse("backup/").unwrap(),
        ..key()
    };
    let mut requests = backup();
    requests.push(asked(day(TODAY - 4), "198.51.100.9", Action::Put, "other/file"));
    let window = day(TODAY).before(AdviceWindow::Month.span());
    let seen = seen(&key(), &requests, window);
    let observed = Observed {
        key: &narrowed,
        seen: &seen,
        last_used: None,
        counted_since: Some(day(0)),
        window: AdviceWindow::Month,
        now: day(TODAY),
    };
    let advised = advise(&observed);
    assert_eq!(find(&advised, AdviceWhat::Permission), None);
    assert_eq!(find(&advised, AdviceWhat::Networks).unwrap().after.networks, networks(&["192.0.2.7"]));
    // The deed outside stands in the counters of folders, too; it does not lie within the prefix.
    assert_eq!(find(&advised, AdviceWhat::Prefix).unwrap().after.prefix.as_str(), "backup/db/");
}

#[test]
fn a_window_is_its_days() {
    assert_eq!("90".parse::<AdviceWindow>().unwrap().span(), Duration::from_secs(90 * DAY));
    assert!("60".parse::<AdviceWindow>().is_err());
    assert_eq!("prefix".parse(), Ok(AdviceWhat::Prefix));
}
