//! What the sessions of all line protocols have: an id, and for each key a bound on how many there are.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use portcullis_domain::KeyId;

/// The id under which a session is found in the audit trail: the protocol, and 16 hexadecimal digits of chance.
///
/// # Errors
/// If the system gives no random numbers.
pub(crate) fn fresh_id(protocol: &str) -> io::Result<String> {
    let mut id = [0; 8];
    getrandom::fill(&mut id).map_err(io::Error::other)?;
    Ok(format!("{protocol}{:016X}", u64::from_ne_bytes(id)))
}

/// Counts the sessions of each key. Clones count together.
#[derive(Clone, Debug)]
pub struct KeySessions {
    most: usize,
    counts: Arc<Mutex<HashMap<KeyId, usize>>>,
}

impl Default for KeySessions {
    fn default() -> Self {
        Self::new(64)
    }
}

impl KeySessions {
    /// At most so many at once for each key.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self { most, counts: Arc::default() }
    }

    /// One more for this key, until it is dropped; none if it has all it may have.
    pub(crate) fn take(&self, key: KeyId) -> Option<KeySession> {
        let mut counts = self.counts();
        let count = counts.get(&key).copied().unwrap_or(0);
        if count >= self.most {
            return None;
        }
        counts.insert(key, count + 1);
        Some(KeySession { key, of: self.clone() })
    }

    fn counts(&self) -> MutexGuard<'_, HashMap<KeyId, usize>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One session of a key.
#[derive(Debug)]
pub(crate) struct KeySession {
    key: KeyId,
    of: KeySessions,
}

impl Drop for KeySession {
    fn drop(&mut self) {
        let mut counts = self.of.counts();
        match counts.get_mut(&self.key) {
            Some(count) if *count > 1 => *count -= 1,
            Some(_) | None => drop(counts.remove(&self.key)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_has_its_own_and_gives_them_back() {
        let (sessions, a, b) = (KeySessions::new(2), KeyId::from_u128(1), KeyId::from_u128(2));
        let first = sessions.take(a).unwrap();
        let shared = sessions.clone();
        let _second = shared.take(a).unwrap();
        assert!(sessions.take(a).is_none() && shared.take(a).is_none());
        drop(sessions.take(b).unwrap());
        drop(first);
        drop(sessions.take(a).unwrap());
        assert_eq!(sessions.counts().len(), 1);
    }
}
