use portcullis_domain::ManualClock;

use super::*;

const START: Timestamp = Timestamp::from_seconds(1_000_000);

struct Node {
    locks: Locks,
    clock: Arc<ManualClock>,
    storage: StorageId,
}

impl Node {
    fn new() -> Self {
        let clock = Arc::new(ManualClock::at(START));
        let as_clock: Arc<dyn Clock> = Arc::<ManualClock>::clone(&clock);
        Self { locks: Locks::new(as_clock), clock, storage: StorageId::from_u128(1) }
    }

    fn at(&self, key: &str) -> Place {
        Place { storage: self.storage, key: key.to_owned() }
    }

    fn lock(&self, key: &str, token: &str, (exclusive, deep): (bool, bool)) -> Result<Lock, NoLock> {
        let (token, root, owner) = (token.to_owned(), format!("/dav/{key}"), String::new());
        let time = Duration::from_secs(600);
        let wanted = Wanted { token, holder: KeyId::from_u128(1), exclusive, deep, root, owner, time };
        self.locks.lock(&self.at(key), wanted)
    }

    fn blocked(&self, key: &str, change: Change, tokens: &[&str]) -> Option<String> {
        self.locks.blocking(&self.at(key), change, &shown(1, tokens))
    }
}

fn shown(key: u128, tokens: &[&str]) -> Shown {
    Shown { key: Some(KeyId::from_u128(key)), tokens: tokens.iter().map(|&token| token.to_owned()).collect() }
}

#[test]
fn a_lock_binds_whoever_does_not_show_it() {
    let node = Node::new();
    node.lock("a/b", "t", (true, false)).unwrap();
    for (key, change, free) in [
        ("a/b", Change::Write, false),
        ("a/b", Change::Remove, false),
        ("a", Change::Remove, false),
        ("", Change::Remove, false),
        ("a", Change::Write, true),
        ("a/c", Change::Create, true),
        ("a/bc", Change::Write, true),
        ("a/b/c", Change::Write, true),
        // Without everything under it, but it keeps its list of names.
        ("a/b/c", Change::Create, false),
    ] {
        assert_eq!(node.blocked(key, change, &[]).is_none(), free, "{key} {change:?}");
        assert_eq!(node.locks.allows(node.storage, key, change), free, "{key} {change:?}");
        assert_eq!(node.blocked(key, change, &["x", "t"]), None, "{key} {change:?}");
        // The token of another's lock is of no use.
        let stolen = node.locks.blocking(&node.at(key), change, &shown(2, &["t"]));
        assert_eq!(stolen.is_none(), free, "{key} {change:?}");
    }
    assert_eq!(node.blocked("a/b", Change::Write, &[]).as_deref(), Some("/dav/a/b"));
    let elsewhere = Place { storage: StorageId::from_u128(2), key: "a/b".to_owned() };
    assert_eq!(node.locks.blocking(&elsewhere, Change::Remove, &Shown::default()), None);
}

#[test]
fn a_deep_lock_covers_what_is_under_it() {
    let node = Node::new();
    node.lock("a", "t", (true, true)).unwrap();
    assert_eq!(node.blocked("a/b/c", Change::Write, &[]).as_deref(), Some("/dav/a"));
    assert_eq!(node.blocked("a/b/c", Change::Create, &["t"]), None);
    assert_eq!(node.locks.covering(&node.at("a/b/c")).len(), 1);
    assert_eq!(node.lock("a/b", "u", (true, false)), Err(NoLock::Conflict("/dav/a".to_owned())));
    assert_eq!(node.lock("a/b", "u", (false, false)), Err(NoLock::Conflict("/dav/a".to_owned())));
    assert_eq!(node.lock("", "u", (false, true)), Err(NoLock::Conflict("/dav/a".to_owned())));
    node.lock("", "u", (true, false)).unwrap();
    assert!(node.lock("ab", "v", (true, true)).is_ok());
}

#[test]
fn shared_locks_are_several() {
    let node = Node::new();
    node.lock("a", "t", (false, false)).unwrap();
    node.lock("a", "u", (false, false)).unwrap();
    assert!(matches!(node.lock("a", "v", (true, false)), Err(NoLock::Conflict(_))));
    assert!(node.blocked("a", Change::Write, &[]).is_some());
    assert_eq!(node.blocked("a", Change::Write, &["u"]), None);
    assert!(node.locks.unlock(&node.at("a"), &shown(1, &["u"])));
    assert!(node.blocked("a", Change::Write, &["u"]).is_some());
    assert!(!node.locks.unlock(&node.at("a"), &shown(1, &["u"])));
    assert!(!node.locks.unlock(&node.at("a"), &shown(2, &["t"])));
    assert!(!node.locks.unlock(&node.at("b"), &shown(1, &["t"])));
    assert!(node.locks.unlock(&node.at("a"), &shown(1, &["t"])));
    assert!(!node.locks.any());
}

#[test]
fn locks_end_by_themselves() {
    let node = Node::new();
    node.lock("a", "t", (true, false)).unwrap();
    node.clock.advance(Duration::from_secs(599));
    let lock = node.locks.refresh(&node.at("a"), &shown(1, &["t"]), Duration::from_secs(100_000)).unwrap();
    assert_eq!(lock.expires, START.after(Duration::from_secs(599 + 3600)));
    assert_eq!(node.locks.refresh(&node.at("a"), &shown(2, &["t"]), USUAL), None);
    node.clock.advance(Duration::from_secs(3599));
    assert!(node.blocked("a", Change::Write, &[]).is_some());
    node.clock.advance(Duration::from_secs(1));
    assert_eq!(node.blocked("a", Change::Write, &[]), None);
    assert_eq!(node.locks.refresh(&node.at("a"), &shown(1, &["t"]), USUAL), None);
    node.lock("a", "u", (true, false)).unwrap();
    assert_eq!(node.locks.covering(&node.at("a")).len(), 1);
}

#[test]
fn what_is_gone_has_no_locks() {
    let node = Node::new();
    for key in ["a", "a/b", "a/b/c", "ab", "a-"] {
        node.lock(key, key, (true, false)).unwrap();
    }
    node.locks.forget(&node.at("a"));
    let left: Vec<bool> = ["a", "a/b", "a/b/c", "ab", "a-"]
        .iter()
        .map(|key| node.locks.covering(&node.at(key)).is_empty())
        .collect();
    assert_eq!(left, [true, true, true, false, false]);
}

#[test]
fn there_are_not_more_than_so_many() {
    let node = Node::new();
    for n in 0..256 {
        node.lock(&format!("k{n}"), &format!("t{n}"), (true, false)).unwrap();
    }
    assert_eq!(node.lock("one more", "t", (true, false)), Err(NoLock::Full));
    assert!(node.locks.unlock(&node.at("k7"), &shown(1, &["t7"])));
    node.lock("one more", "t", (true, false)).unwrap();
    // Those that ran out do not count.
    node.clock.advance(Duration::from_secs(601));
    node.lock("another", "t", (true, false)).unwrap();
}
