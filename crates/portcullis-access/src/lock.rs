//! Locks that are held for a moment.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// The lock's content, also after a panic elsewhere: none of what this crate keeps under a lock is left half changed by one.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
