//! Whose a secret is that somebody found.

use std::sync::Arc;

use portcullis_domain::{KeyId, Secret, Timestamp};
use portcullis_metadata::StoredSecret;
use subtle::ConstantTimeEq as _;

use crate::access::System;
use crate::authenticate::hash_of;
use crate::directory::{Generation, KeyEntry, Pair};
use crate::vault::Purpose;
use crate::{Access, AccessError};

/// Whether a secret that was found still opens anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FoundSecret {
    /// It is the key's present one.
    Present,
    /// It was replaced, and works beside the present one for a while.
    Overlapping,
    /// It is only remembered.
    Old,
}

/// A key that has, or had, one of the secrets that are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SecretOwner {
    /// The key.
    pub key: KeyId,
    /// Which of its credentials, counted from 0.
    pub generation: u32,
    /// Whether they work.
    pub state: FoundSecret,
    /// Which of the secrets, in the order in which they were given.
    pub secret: usize,
}

/// A search through the keys of this node. It is work for a thread that may block, in steps, so that it holds none for long.
pub struct SecretSearch {
    access: Access,
    secrets: Vec<(Secret, [u8; 32])>,
    left: Vec<Arc<KeyEntry>>,
    found: Vec<SecretOwner>,
    now: Timestamp,
}

impl std::fmt::Debug for SecretSearch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SecretSearch").field("left", &self.left.len()).finish_non_exhaustive()
    }
}

impl SecretSearch {
    /// Looks at the next keys, at most so many; false once all were looked at.
    pub fn step(&mut self, keys: usize) -> bool {
        let rest = self.left.len().saturating_sub(keys);
        for entry in self.left.split_off(rest) {
            for (pair, state) in entry.secrets(self.now) {
                self.compare(&entry, pair, state);
            }
        }
        !self.left.is_empty()
    }

    fn compare(&mut self, entry: &KeyEntry, pair: Pair<'_>, state: FoundSecret) {
        let sealed = match pair.stored {
            StoredSecret::Sealed(sealed) => {
                let plain = self.access.unseal(Purpose::KeySecret(entry.key.id), sealed);
                let Ok(plain) = plain else { return };
                Some(plain)
            }
            // What people choose has no form by which it is found.
            StoredSecret::Hash(_) | StoredSecret::Stretched(_) | StoredSecret::None => None,
        };
        for (index, (secret, hash)) in self.secrets.iter().enumerate() {
            let same: bool = match (pair.stored, &sealed) {
                (StoredSecret::Hash(stored), _) => hash.ct_eq(stored).into(),
                (_, Some(plain)) => plain.as_slice().ct_eq(secret.reveal().as_bytes()).into(),
                (_, None) => false,
            };
            if same {
                let (key, generation) = (entry.key.id, pair.generation);
                self.found.push(SecretOwner { key, generation, state, secret: index });
            }
        }
    }

    /// What was found so far.
    #[must_use]
    pub fn found(&self) -> &[SecretOwner] {
        &self.found
    }

    /// How many secrets are looked for.
    #[must_use]
    pub fn secrets(&self) -> usize {
        self.secrets.len()
    }
}

impl Access {
    /// Begins to look for the keys that have, or had, these secrets, deleted ones among them.
    ///
    /// # Errors
    /// [`AccessError::Unavailable`] if this node has not heard of changes for too long.
    pub fn search_secrets(&self, _: &System, secrets: Vec<Secret>) -> Result<SecretSearch, AccessError> {
        self.heard()?;
        let secrets = secrets.into_iter().map(|secret| {
            let hash = hash_of(secret.reveal());
            (secret, hash)
        });
        Ok(SecretSearch {
            access: self.clone(),
            secrets: secrets.collect(),
            left: self.inner().directory.all_keys(),
            found: Vec::new(),
            now: self.now(),
        })
    }
}

impl KeyEntry {
    /// All credentials of which something is known.
    fn secrets(&self, now: Timestamp) -> impl Iterator<Item = (Pair<'_>, FoundSecret)> {
        self.known().map(move |pair| {
            let works = |generation: Generation| self.replaced(generation).is_none_or(|until| now < until);
            let alive = self.key.state == portcullis_domain::KeyState::Active;
            let state = match (alive && works(pair.generation), pair.generation == self.key.generation) {
                (true, true) => FoundSecret::Present,
                (true, false) => FoundSecret::Overlapping,
                (false, _) => FoundSecret::Old,
            };
            (pair, state)
        })
    }
}
