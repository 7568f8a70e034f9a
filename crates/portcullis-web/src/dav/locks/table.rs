//! The table of locks.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use portcullis_domain::{KeyId, StorageId, Timestamp};

use super::{Change, LONGEST, NoLock, Place, Shown};

/// The most locks of one key.
const MOST_OF_KEY: usize = 256;
/// The most locks of this node.
const MOST: usize = 16_384;

/// A lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Lock {
    /// `urn:uuid:` and a random UUID: nobody guesses it.
    pub(crate) token: String,
    /// Which key holds it.
    pub(crate) holder: KeyId,
    /// Whether nobody else may hold one.
    pub(crate) exclusive: bool,
    /// Whether it is also on everything under it.
    pub(crate) deep: bool,
    /// The address of what was locked.
    pub(crate) root: String,
    /// What its holder said of themselves, as markup; empty for nothing.
    pub(crate) owner: String,
    pub(crate) expires: Timestamp,
}

/// A lock that is asked for.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) token: String,
    pub(crate) holder: KeyId,
    pub(crate) exclusive: bool,
    pub(crate) deep: bool,
    pub(crate) root: String,
    pub(crate) owner: String,
    pub(crate) time: Duration,
}

impl Lock {
    fn is_live(&self, now: Timestamp) -> bool {
        now < self.expires
    }

    fn is_shown(&self, shown: &Shown) -> bool {
        shown.key == Some(self.holder) && shown.tokens.contains(&self.token)
    }
}

/// The locks on one key.
type OnKey = Vec<Lock>;

#[derive(Debug, Default)]
pub(super) struct Table {
    storages: HashMap<StorageId, BTreeMap<String, OnKey>>,
    count: usize,
}

/// A key and the folders around it, from the inside out; the storage itself, `""`, is the last.
fn upwards(key: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(key), |key| match key.rsplit_once('/') {
        Some((folder, _)) => Some(folder),
        None => (!key.is_empty()).then_some(""),
    })
}

impl Table {
    pub(super) fn any(&self) -> bool {
        !self.storages.is_empty()
    }

    pub(super) fn covering<'a>(&'a self, place: &'a Place, now: Timestamp) -> impl Iterator<Item = &'a Lock> {
        let keys = self.storages.get(&place.storage);
        upwards(&place.key).flat_map(move |at| {
            let on = keys.and_then(|keys| keys.get(at)).into_iter().flatten();
            on.filter(move |lock| lock.is_live(now) && (lock.deep || at == place.key))
        })
    }

    fn within<'a>(&'a self, place: &'a Place, now: Timestamp) -> impl Iterator<Item = &'a Lock> {
        let below = if place.key.is_empty() { String::new() } else { format!("{}/", place.key) };
        let keys = self.storages.get(&place.storage).into_iter();
        let from = below.clone();
        let under = keys.flat_map(move |keys| keys.range(from.clone()..));
        let under = under.take_while(move |(key, _)| key.starts_with(&below));
        under
            .filter(|(key, _)| **key != place.key)
            .flat_map(|(_, locks)| locks)
            .filter(move |lock| lock.is_live(now))
    }

    pub(super) fn blocking(
        &self,
        place: &Place,
        change: Change,
        shown: &Shown,
        now: Timestamp,
    ) -> Option<String> {
        self.storages.get(&place.storage)?;
        if let Some(root) = unshown(self.covering(place, now), shown) {
            return Some(root);
        }
        if change == Change::Write {
            return None;
        }
        // Whoever locks a folder, even without what is in it, keeps its list of names as it is.
        if let Some((folder, _)) =
            place.key.rsplit_once('/').or_else(|| (!place.key.is_empty()).then_some(("", "")))
        {
            let folder = Place { storage: place.storage, key: folder.to_owned() };
            if let Some(root) = unshown(self.covering(&folder, now), shown) {
                return Some(root);
            }
        }
        let all = (change == Change::Remove).then(|| self.within(place, now)).into_iter().flatten();
        let mut others = all.filter(|lock| !lock.is_shown(shown));
        others.next().map(|lock| lock.root.clone())
    }

    pub(super) fn lock(&mut self, place: &Place, wanted: Wanted, now: Timestamp) -> Result<Lock, NoLock> {
        let Wanted { token, holder, exclusive, deep, root, owner, time } = wanted;
        let clashes = |lock: &&Lock| exclusive || lock.exclusive;
        let around = self.covering(place, now).find(clashes);
        let under = deep.then(|| self.within(place, now)).into_iter().flatten().find(clashes);
        if let Some(lock) = around.or(under) {
            return Err(NoLock::Conflict(lock.root.clone()));
        }
        if self.count >= MOST {
            self.sweep(now);
        }
        let held = || self.storages.values().flat_map(BTreeMap::values).flatten();
        if self.count >= MOST
            || held().filter(|lock| lock.holder == holder && lock.is_live(now)).count() >= MOST_OF_KEY
        {
            return Err(NoLock::Full);
        }
        let lock =
            Lock { token, holder, exclusive, deep, root, owner, expires: now.after(time.min(LONGEST)) };
        let on = self.storages.entry(place.storage).or_default().entry(place.key.clone()).or_default();
        let before = on.len();
        on.retain(|lock| lock.is_live(now));
        on.push(lock.clone());
        self.count = (self.count + on.len()).saturating_sub(before);
        Ok(lock)
    }

    pub(super) fn refresh(
        &mut self,
        place: &Place,
        shown: &Shown,
        time: Duration,
        now: Timestamp,
    ) -> Option<Lock> {
        let keys = self.storages.get_mut(&place.storage)?;
        for at in upwards(&place.key) {
            let on = keys.get_mut(at).into_iter().flatten();
            let mut covers = on.filter(|lock| lock.is_live(now) && (lock.deep || at == place.key));
            if let Some(lock) = covers.find(|lock| lock.is_shown(shown)) {
                lock.expires = now.after(time.min(LONGEST));
                return Some(lock.clone());
            }
        }
        None
    }

    pub(super) fn unlock(&mut self, place: &Place, shown: &Shown, now: Timestamp) -> bool {
        let found =
            self.covering(place, now).find(|lock| lock.is_shown(shown)).map(|lock| lock.token.clone());
        let Some(token) = found else { return false };
        self.retain(place.storage, |_, lock| lock.token != token);
        true
    }

    pub(super) fn forget(&mut self, place: &Place) {
        let below = format!("{}/", place.key);
        let all = place.key.is_empty();
        self.retain(place.storage, |key, _| !all && key != place.key && !key.starts_with(&below));
    }

    /// Lets go of what has run out.
    fn sweep(&mut self, now: Timestamp) {
        let storages: Vec<StorageId> = self.storages.keys().copied().collect();
        for storage in storages {
            self.retain(storage, |_, lock| lock.is_live(now));
        }
    }

    fn retain(&mut self, storage: StorageId, keep: impl Fn(&str, &Lock) -> bool) {
        let Some(keys) = self.storages.get_mut(&storage) else { return };
        let mut gone = 0;
        keys.retain(|key, locks| {
            let before = locks.len();
            locks.retain(|lock| keep(key, lock));
            gone += before - locks.len();
            !locks.is_empty()
        });
        if keys.is_empty() {
            self.storages.remove(&storage);
        }
        self.count = self.count.saturating_sub(gone);
    }
}

/// What is locked by these locks for somebody who shows none of them. One of several that cover the same is enough: then they
/// are shared.
fn unshown<'a>(covering: impl Iterator<Item = &'a Lock>, shown: &Shown) -> Option<String> {
    let mut root = None;
    for lock in covering {
        if lock.is_shown(shown) {
            return None;
        }
        root.get_or_insert(lock);
    }
    root.map(|lock| lock.root.clone())
}
