//! Where a principal finds what it reaches: what protocols with folders show at their top.

use std::sync::Arc;

use portcullis_domain::{Channel, KeyPrefix, KeyState, MailRules, Role, Scope, Storage};

use crate::authorize::StorageAccess;
use crate::principal::{Principal, Who};
use crate::{Access, AccessError, Denial};

/// What a principal has at its top.
#[derive(Clone, Debug)]
pub enum Home {
    /// One storage, or the part of it under this prefix.
    Storage(Arc<Storage>, KeyPrefix),
    /// Every storage that it may enter.
    Storages,
}

impl Access {
    /// What this principal has at its top: for a key for one storage that storage, for all others the storages they may enter.
    ///
    /// # Errors
    /// [`AccessError::NotFound`] if the storage of the key is gone; [`AccessError::Unavailable`].
    pub fn home(&self, who: &Principal) -> Result<Home, AccessError> {
        self.heard()?;
        let directory = &self.inner().directory;
        let Who::Key { id, .. } = who.who() else { return Ok(Home::Storages) };
        let entry = directory.key(id).ok_or(AccessError::NotFound)?;
        match entry.key.scope {
            Scope::User(_) | Scope::Site => Ok(Home::Storages),
            Scope::Storage(storage) => {
                let storage = directory.storage(storage).ok_or(AccessError::NotFound)?;
                Ok(Home::Storage(storage, entry.key.prefix.clone()))
            }
        }
    }

    /// Whether this principal would still be let in: for sessions of protocols that last, before each of their commands. It leaves no
    /// trace.
    ///
    /// # Errors
    /// [`AccessError::Denied`] if their key is gone, over, off, replaced or not for their network; [`AccessError::Unavailable`].
    pub fn still(&self, who: &Principal) -> Result<(), AccessError> {
        self.heard()?;
        let alive = self.inner().directory.alive(who, self.now());
        alive.map_err(|reason| AccessError::Denied(Denial::Policy(reason)))
    }

    /// What the key of this principal makes of messages at this moment; none if it is not for mail, or gone.
    #[must_use]
    pub fn mail_rules(&self, who: &Principal) -> Option<MailRules> {
        let entry = self.inner().directory.key(who.key_id()?)?;
        let is_mail = entry.key.channel == Channel::Email && entry.key.state == KeyState::Active;
        is_mail.then(|| entry.key.mail.clone())
    }
}

impl StorageAccess {
    /// The beginnings of keys that the principal has something to do with here, none of them within another: for folders that lead
    /// to what was shared. They allow nothing; every step is decided anew.
    #[must_use]
    pub fn places(&self) -> Vec<KeyPrefix> {
        let (who, directory) = (self.principal(), &self.access().inner().directory);
        let storage = self.storage().id;
        let own = match who.who() {
            Who::Key { id, .. } => {
                directory.key(id).map(|entry| entry.key.prefix.clone()).unwrap_or_default()
            }
            Who::Session { .. } | Who::Link(_) | Who::Run => KeyPrefix::default(),
        };
        let mut places = directory.with_person(who.user_id(), |person| match person {
            Some(person) if person.user.role != Role::Admin => {
                let shared = person.reach.iter().filter(|reach| reach.storage == storage);
                shared.map(|reach| reach.prefix.clone()).collect()
            }
            Some(_) | None => vec![own],
        });
        places.sort_unstable_by(|a, b| a.as_str().cmp(b.as_str()));
        places.dedup_by(|within, around| around.holds_all_of(within));
        places
    }
}
