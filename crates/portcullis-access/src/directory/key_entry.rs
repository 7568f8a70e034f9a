//! A key in memory, with the signing keys that were derived of it.

use std::fmt;
use std::sync::Mutex;

use portcullis_domain::{Key, Scope, UserId};
use portcullis_metadata::StoredSecret;
use portcullis_sigv4::SigningKey;

use crate::throttle::locked;

/// Signing keys that are kept of one key: clients use one region, and two days around midnight.
const SIGNING_KEYS: usize = 4;

/// A key with what is stored of its secret.
pub(crate) struct KeyEntry {
    pub(crate) key: Key,
    pub(crate) stored: StoredSecret,
    signing: Mutex<Vec<(portcullis_sigv4::Scope, SigningKey)>>,
}

impl KeyEntry {
    pub(crate) fn new(key: Key, stored: StoredSecret) -> Self {
        Self { key, stored, signing: Mutex::new(Vec::new()) }
    }

    pub(crate) fn signing_key(&self, scope: &portcullis_sigv4::Scope) -> Option<SigningKey> {
        locked(&self.signing).iter().find(|(known, _)| known == scope).map(|(_, key)| key.clone())
    }

    /// Keeps a signing key that verified a request; the oldest makes room.
    pub(crate) fn keep_signing_key(&self, scope: portcullis_sigv4::Scope, key: SigningKey) {
        let mut signing = locked(&self.signing);
        if signing.iter().any(|(known, _)| *known == scope) {
            return;
        }
        if signing.len() == SIGNING_KEYS {
            signing.remove(0);
        }
        signing.push((scope, key));
    }

    pub(crate) fn owner(&self) -> Option<UserId> {
        match self.key.scope {
            Scope::User(id) => Some(id),
            Scope::Storage(_) | Scope::Site => None,
        }
    }

    pub(super) fn is_same(&self, key: &Key, stored: &StoredSecret) -> bool {
        let same_secret = match (&self.stored, stored) {
            (StoredSecret::None, StoredSecret::None) => true,
            (StoredSecret::Sealed(a), StoredSecret::Sealed(b)) => a == b,
            (StoredSecret::Hash(a), StoredSecret::Hash(b)) => a == b,
            (StoredSecret::None | StoredSecret::Sealed(_) | StoredSecret::Hash(_), _) => false,
        };
        self.key == *key && same_secret
    }
}

impl fmt::Debug for KeyEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyEntry").field("key", &self.key.id).finish_non_exhaustive()
    }
}
