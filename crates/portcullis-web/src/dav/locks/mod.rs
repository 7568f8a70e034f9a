//! Locks: in the memory of this node, bounded, for an hour at most. They are promises among those who write through WebDAV and plain
//! HTTP; other channels do not know them, and a restart forgets them.

mod table;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use portcullis_access::Access;
use portcullis_domain::{Clock, KeyId, StorageId, Timestamp};

use table::Table;
pub(crate) use table::{Lock, Wanted};

/// The longest time for which a lock is given before it is asked for again.
pub(crate) const LONGEST: Duration = Duration::from_secs(3600);
/// The time of a lock for which none was asked for.
pub(crate) const USUAL: Duration = Duration::from_secs(600);

/// What is to be done to something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// It is there, and gets other bytes or properties.
    Write,
    /// It is not there: the folder that it will be in changes too.
    Create,
    /// It goes, with everything under it.
    Remove,
}

/// Why there is no lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NoLock {
    /// Another one is in the way, on what has this address.
    Conflict(String),
    /// This key holds as many as it may, or the node does.
    Full,
}

/// One thing, whichever door or home it is reached by: a storage and the key in it, a folder's without its last `/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) storage: StorageId,
    pub(crate) key: String,
}

/// What somebody shows of the locks that they hold.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shown {
    /// Who they are. A token is of use only to the key that was given it.
    pub(crate) key: Option<KeyId>,
    pub(crate) tokens: Vec<String>,
}

/// The clock by which the core decides.
#[derive(Debug)]
struct ClockOf(Access);

impl Clock for ClockOf {
    fn now(&self) -> Timestamp {
        self.0.now()
    }
}

/// All locks of this node. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Locks {
    table: Arc<Mutex<Table>>,
    clock: Arc<dyn Clock>,
}

impl Locks {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { table: Arc::default(), clock }
    }

    /// With the clock of the core.
    pub(crate) fn of(access: &Access) -> Self {
        Self::new(Arc::new(ClockOf(access.clone())))
    }

    fn table(&self) -> (MutexGuard<'_, Table>, Timestamp) {
        // What a panic left behind is a table like any other: each change of it is one step.
        (self.table.lock().unwrap_or_else(PoisonError::into_inner), self.clock.now())
    }

    /// Whether somebody who shows no token may do this: for plain HTTP.
    pub(crate) fn allows(&self, storage: StorageId, key: &str, change: Change) -> bool {
        let place = Place { storage, key: key.trim_end_matches('/').to_owned() };
        self.blocking(&place, change, &Shown::default()).is_none()
    }

    /// The address of what is locked by somebody else and would be changed; none if nothing is in the way.
    pub(crate) fn blocking(&self, place: &Place, change: Change, shown: &Shown) -> Option<String> {
        let (table, now) = self.table();
        table.blocking(place, change, shown, now)
    }

    /// Locks something.
    ///
    /// # Errors
    /// [`NoLock`].
    pub(crate) fn lock(&self, place: &Place, wanted: Wanted) -> Result<Lock, NoLock> {
        let (mut table, now) = self.table();
        table.lock(place, wanted, now)
    }

    /// Lets a lock that covers this live longer. None if this key holds no such lock there.
    pub(crate) fn refresh(&self, place: &Place, shown: &Shown, time: Duration) -> Option<Lock> {
        let (mut table, now) = self.table();
        table.refresh(place, shown, time, now)
    }

    /// Gives a lock up. False if this key holds no such lock that covers this.
    pub(crate) fn unlock(&self, place: &Place, shown: &Shown) -> bool {
        let (mut table, now) = self.table();
        table.unlock(place, shown, now)
    }

    /// The locks that cover this, those of folders around it included.
    pub(crate) fn covering(&self, place: &Place) -> Vec<Lock> {
        let (table, now) = self.table();
        table.covering(place, now).cloned().collect()
    }

    /// Whether anything is locked: if not, nobody has to look.
    pub(crate) fn any(&self) -> bool {
        self.table().0.any()
    }

    /// What was here is gone, and with it the locks on it and on everything under it.
    pub(crate) fn forget(&self, place: &Place) {
        self.table().0.forget(place);
    }
}

#[cfg(test)]
mod tests;
