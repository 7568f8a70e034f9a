//! What is known of objects, and the bytes of small ones, in memory: for reads that do not leave their thread.
//!
//! **A cached answer is always one that SQLite could have given at that moment.** The writer, just before it commits, *bars*
//! the keys it touches: their entries go, and nothing is put in their place until the commit is over. A reader that misses
//! takes a [`Ticket`] before it reads from SQLite, and its row is only put into the cache if no bar was set on the key since:
//!
//! * A row read before the commit became visible had its ticket before the bar (then the bar made it void), or during
//!   the bar (then there was no ticket), for after the bar nothing older than the commit can be read.
//! * While the bar stands all readers go to SQLite, whose snapshots never go back in time. So no reader sees an older version
//!   after a newer one, and after an acknowledgement, which comes after the commit, none sees what was there before it.
//!
//! Bars are kept per stripe of keys, not per key, so that they need no memory of their own; two keys that share a stripe
//! can only make each other's rows less often cached.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hash};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lru::LruCache;
use portcullis_domain::{ObjectKey, StorageId};

use super::index::Row;

const SHARDS: usize = 64;
const STRIPES: usize = 256;

/// The cache of a store, for all its storages.
#[derive(Debug)]
pub(super) struct Cache {
    hasher: RandomState,
    shards: Vec<Mutex<Shard>>,
    shard_bytes: usize,
}

#[derive(Debug)]
struct Shard {
    entries: LruCache<u64, Entry>,
    bytes: usize,
    stripes: Vec<Stripe>,
}

/// The keys whose hashes end alike.
#[derive(Clone, Copy, Debug, Default)]
struct Stripe {
    /// How many bars were ever set.
    version: u32,
    /// How many stand.
    barred: u32,
}

#[derive(Debug)]
struct Entry {
    storage: StorageId,
    key: ObjectKey,
    row: Arc<Row>,
    bytes: usize,
}

/// The right to put a row into the cache that is read from now on.
#[derive(Debug)]
pub(super) struct Ticket {
    hash: u64,
    version: u32,
}

impl Cache {
    /// A cache of about so many bytes.
    pub(super) fn new(bytes: usize) -> Self {
        let shard = || {
            let stripes = vec![Stripe::default(); STRIPES];
            Mutex::new(Shard { entries: LruCache::unbounded(), bytes: 0, stripes })
        };
        let shards = std::iter::repeat_with(shard).take(SHARDS).collect();
        Self { hasher: RandomState::new(), shards, shard_bytes: bytes / SHARDS }
    }

    /// The current row of a key, if it is here.
    pub(super) fn get(&self, storage: StorageId, key: &ObjectKey) -> Option<Arc<Row>> {
        let hash = self.hash(storage, key);
        let mut shard = self.shard(hash)?;
        let entry = shard.entries.get(&hash)?;
        (entry.storage == storage && entry.key == *key).then(|| Arc::clone(&entry.row))
    }

    /// To be asked for before the row is read. None while the key is being written.
    pub(super) fn ticket(&self, storage: StorageId, key: &ObjectKey) -> Option<Ticket> {
        let hash = self.hash(storage, key);
        let mut shard = self.shard(hash)?;
        let stripe = shard.stripe(hash)?;
        (stripe.barred == 0).then_some(Ticket { hash, version: stripe.version })
    }

    /// Puts a row in that was read with this ticket, unless the key was written since.
    pub(super) fn insert(&self, ticket: &Ticket, storage: StorageId, key: &ObjectKey, row: Arc<Row>) {
        let bytes = row.memory() + key.as_str().len() + size_of::<Entry>() + 64;
        // One entry must not push everything else out.
        if bytes > self.shard_bytes / 4 {
            return;
        }
        let Some(mut shard) = self.shard(ticket.hash) else { return };
        if shard
            .stripe(ticket.hash)
            .is_none_or(|stripe| stripe.barred > 0 || stripe.version != ticket.version)
        {
            return;
        }
        shard.remove(ticket.hash);
        shard.bytes += bytes;
        shard.entries.put(ticket.hash, Entry { storage, key: key.clone(), row, bytes });
        while shard.bytes > self.shard_bytes {
            match shard.entries.pop_lru() {
                Some((_, entry)) => shard.bytes = shard.bytes.saturating_sub(entry.bytes),
                None => break,
            }
        }
    }

    /// Removes these keys and lets nobody put them in again until the bar is dropped.
    pub(super) fn bar<'a>(&self, storage: StorageId, keys: impl Iterator<Item = &'a ObjectKey>) -> Bar<'_> {
        let hashes: Vec<u64> = keys.map(|key| self.hash(storage, key)).collect();
        for hash in &hashes {
            if let Some(mut shard) = self.shard(*hash) {
                shard.remove(*hash);
                if let Some(stripe) = shard.stripe(*hash) {
                    stripe.version = stripe.version.wrapping_add(1);
                    stripe.barred = stripe.barred.saturating_add(1);
                }
            }
        }
        Bar { cache: self, hashes }
    }

    fn hash(&self, storage: StorageId, key: &ObjectKey) -> u64 {
        self.hasher.hash_one(HashedKey { storage, key })
    }

    fn shard(&self, hash: u64) -> Option<MutexGuard<'_, Shard>> {
        let at = usize::try_from(hash >> 58).ok()?;
        // A panic between two steps can leave at most an entry that is not counted.
        self.shards.get(at).map(|shard| shard.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[derive(Hash)]
struct HashedKey<'a> {
    storage: StorageId,
    key: &'a ObjectKey,
}

impl Shard {
    fn stripe(&mut self, hash: u64) -> Option<&mut Stripe> {
        let [lowest, ..] = hash.to_le_bytes();
        self.stripes.get_mut(usize::from(lowest))
    }

    fn remove(&mut self, hash: u64) {
        if let Some(entry) = self.entries.pop(&hash) {
            self.bytes = self.bytes.saturating_sub(entry.bytes);
        }
    }
}

/// Keys that are being committed.
#[derive(Debug)]
pub(super) struct Bar<'a> {
    cache: &'a Cache,
    hashes: Vec<u64>,
}

impl Drop for Bar<'_> {
    fn drop(&mut self) {
        for hash in &self.hashes {
            if let Some(mut shard) = self.cache.shard(*hash)
                && let Some(stripe) = shard.stripe(*hash)
            {
                stripe.barred = stripe.barred.saturating_sub(1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> ObjectKey {
        ObjectKey::parse(text).unwrap()
    }

    fn storage() -> StorageId {
        StorageId::from_u128(7)
    }

    fn fill(cache: &Cache, text: &str, row: &Arc<Row>) {
        let ticket = cache.ticket(storage(), &key(text)).unwrap();
        cache.insert(&ticket, storage(), &key(text), Arc::clone(row));
    }

    #[test]
    fn what_was_put_in_comes_out_for_its_own_storage_and_key() {
        let cache = Cache::new(1 << 20);
        let row = Arc::new(Row::of_bytes(b"a"));
        fill(&cache, "a", &row);
        assert!(Arc::ptr_eq(&cache.get(storage(), &key("a")).unwrap(), &row));
        assert!(cache.get(storage(), &key("b")).is_none());
        assert!(cache.get(StorageId::from_u128(8), &key("a")).is_none());
    }

    #[test]
    fn a_row_that_was_read_around_a_commit_stays_out() {
        let cache = Cache::new(1 << 20);
        let row = Arc::new(Row::of_bytes(b"old"));
        fill(&cache, "a", &row);
        let before = cache.ticket(storage(), &key("a")).unwrap();
        let bar = cache.bar(storage(), [key("a")].iter());
        assert!(cache.get(storage(), &key("a")).is_none(), "the bar removes");
        assert!(cache.ticket(storage(), &key("a")).is_none(), "no ticket while it stands");
        cache.insert(&before, storage(), &key("a"), Arc::clone(&row));
        assert!(cache.get(storage(), &key("a")).is_none(), "a ticket from before is void while it stands");
        drop(bar);
        cache.insert(&before, storage(), &key("a"), Arc::clone(&row));
        assert!(cache.get(storage(), &key("a")).is_none(), "and after it");
        fill(&cache, "a", &row);
        assert!(cache.get(storage(), &key("a")).is_some());
    }

    #[test]
    fn two_bars_on_one_key_both_have_to_go() {
        let cache = Cache::new(1 << 20);
        let one = cache.bar(storage(), [key("a"), key("a")].iter());
        let two = cache.bar(storage(), [key("a")].iter());
        drop(one);
        assert!(cache.ticket(storage(), &key("a")).is_none());
        drop(two);
        assert!(cache.ticket(storage(), &key("a")).is_some());
    }

    #[test]
    fn it_never_holds_more_than_it_may() {
        let cache = Cache::new(SHARDS * 16 * 1024);
        let row = Arc::new(Row::of_bytes(&[0; 1000]));
        for number in 0..5000 {
            fill(&cache, &format!("key {number}"), &row);
        }
        let held: usize = cache.shards.iter().map(|shard| shard.lock().unwrap().bytes).sum();
        assert!(held <= SHARDS * 16 * 1024, "{held}");
        let entries: usize = cache.shards.iter().map(|shard| shard.lock().unwrap().entries.len()).sum();
        assert!(entries > 500, "{entries}");
        fill(&cache, "large", &Arc::new(Row::of_bytes(&[0; 8 * 1024])));
        assert!(cache.get(storage(), &key("large")).is_none());
    }
}
