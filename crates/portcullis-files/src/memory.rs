//! What a session remembers for a caller who may only write: what it wrote itself, since it may look at nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use portcullis_access::{Etag, Written};
use portcullis_domain::{StorageId, Timestamp};

use crate::{Entry, Kind};

/// The most files, and the most folders, that are remembered; the first in the order of keys are forgotten then.
const MOST: usize = 10_000;

/// A file that was written.
#[derive(Clone, Debug)]
pub(crate) struct Mine {
    pub(crate) size: u64,
    pub(crate) etag: Etag,
    pub(crate) modified: Timestamp,
    pub(crate) content_type: Option<String>,
    /// With which it can be renamed.
    pub(crate) written: Option<Arc<Written>>,
}

impl Mine {
    pub(crate) fn entry(self, name: &str) -> Entry {
        let Self { size, etag, modified, content_type, written: _ } = self;
        let kind = Kind::File { size, etag, content_type, archived: false };
        Entry { name: name.to_owned(), kind, modified: Some(modified) }
    }
}

type Key = (StorageId, String);

#[derive(Debug, Default)]
struct Remembered {
    files: BTreeMap<Key, Mine>,
    folders: BTreeSet<Key>,
}

#[derive(Debug, Default)]
pub(crate) struct Memory(Mutex<Remembered>);

impl Memory {
    fn locked(&self) -> MutexGuard<'_, Remembered> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn wrote(&self, storage: StorageId, key: &str, mine: Mine) {
        let mut all = self.locked();
        all.files.insert((storage, key.to_owned()), mine);
        if all.files.len() > MOST {
            all.files.pop_first();
        }
    }

    pub(crate) fn file(&self, storage: StorageId, key: &str) -> Option<Mine> {
        self.locked().files.get(&(storage, key.to_owned())).cloned()
    }

    /// Takes note of a time that the client says; false if it is not a file of this session.
    pub(crate) fn touch(&self, storage: StorageId, key: &str, modified: Timestamp) -> bool {
        let mut all = self.locked();
        let file = all.files.get_mut(&(storage, key.to_owned()));
        file.map(|file| file.modified = modified).is_some()
    }

    pub(crate) fn forget(&self, storage: StorageId, key: &str) {
        self.locked().files.remove(&(storage, key.to_owned()));
    }

    /// Whether a folder, by the beginning of its keys, was made here or holds something that was.
    pub(crate) fn has_folder(&self, storage: StorageId, inside: &str) -> bool {
        let (all, from) = (self.locked(), (storage, inside.to_owned()));
        let begins =
            |key: Option<&Key>| key.is_some_and(|(at, key)| *at == storage && key.starts_with(inside));
        let bounds = (Bound::Included(from), Bound::Unbounded);
        begins(all.folders.range(bounds.clone()).next())
            || begins(all.files.range(bounds).next().map(|(key, _)| key))
    }

    /// Whether something in a folder was written here.
    pub(crate) fn has_files(&self, storage: StorageId, inside: &str) -> bool {
        let all = self.locked();
        let next = all.files.range((storage, inside.to_owned())..).next();
        next.is_some_and(|((at, key), _)| *at == storage && key.starts_with(inside))
    }

    /// Remembers a folder; false if it was known.
    pub(crate) fn made(&self, storage: StorageId, inside: &str) -> bool {
        let mut all = self.locked();
        let new = all.folders.insert((storage, inside.to_owned()));
        if all.folders.len() > MOST {
            all.folders.pop_first();
        }
        new
    }

    /// Forgets a folder; false if it was not made here.
    pub(crate) fn unmade(&self, storage: StorageId, inside: &str) -> bool {
        self.locked().folders.remove(&(storage, inside.to_owned()))
    }
}
