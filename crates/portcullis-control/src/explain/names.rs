//! What the ids in entries of the audit trail are called.

use std::collections::{BTreeSet, HashMap};

use portcullis_access::SiteAdmin;
use portcullis_domain::{
    DisplayName, KeyId, KeyState, LinkId, Scope, StorageId, StorageState, UserId, Username,
};
use portcullis_metadata::AuditEvent;

use crate::{Control, Result};

/// The names of what some entries are about, as they are now; only what belongs to the site is among them.
#[derive(Clone, Debug, Default)]
pub struct TrailNames {
    keys: HashMap<KeyId, NamedKey>,
    storages: HashMap<StorageId, (DisplayName, bool)>,
    users: HashMap<UserId, Username>,
    links: HashMap<LinkId, DisplayName>,
}

/// A key by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedKey {
    /// What it is called.
    pub name: DisplayName,
    /// What it is for.
    pub scope: Scope,
    /// Whether it was deleted.
    pub is_deleted: bool,
}

impl TrailNames {
    /// This key.
    #[must_use]
    pub fn key(&self, id: KeyId) -> Option<&NamedKey> {
        self.keys.get(&id)
    }

    /// This storage, and whether its connection is still there.
    #[must_use]
    pub fn storage(&self, id: StorageId) -> Option<(&DisplayName, bool)> {
        self.storages.get(&id).map(|(name, is_there)| (name, *is_there))
    }

    /// This person.
    #[must_use]
    pub fn user(&self, id: UserId) -> Option<&Username> {
        self.users.get(&id)
    }

    /// This link.
    #[must_use]
    pub fn link(&self, id: LinkId) -> Option<&DisplayName> {
        self.links.get(&id)
    }
}

impl Control {
    /// Looks up what the entries of a page are about: a few queries for each thing that differs.
    ///
    /// # Errors
    /// [`ControlError::Metadata`](crate::ControlError::Metadata).
    pub async fn trail_names(&self, admin: &SiteAdmin, events: &[AuditEvent]) -> Result<TrailNames> {
        let site = admin.site();
        let mut names = TrailNames::default();
        let keys: BTreeSet<KeyId> = events.iter().filter_map(|event| event.key).collect();
        let keys: Vec<KeyId> = keys.into_iter().collect();
        for (key, _) in self.metadata.keys_with_end(&keys).await? {
            if key.site == site {
                let is_deleted = key.state == KeyState::Deleted;
                names.keys.insert(key.id, NamedKey { name: key.name, scope: key.scope, is_deleted });
            }
        }
        let storages: BTreeSet<StorageId> = events.iter().filter_map(|event| event.storage).collect();
        for id in storages {
            if let Some(found) = self.metadata.storage(id).await?.filter(|found| found.site == site) {
                names.storages.insert(id, (found.name, found.state == StorageState::Active));
            }
        }
        for id in actors::<UserId>(events, "user:") {
            // Admins from above act here too: their names stand in the trail as those of anybody.
            if let Some(user) = self.metadata.user(id).await? {
                names.users.insert(id, user.username);
            }
        }
        for id in actors::<LinkId>(events, "link:") {
            if let Some(link) = self.metadata.link(id).await?.filter(|link| link.site == site) {
                names.links.insert(id, link.name);
            }
        }
        Ok(names)
    }
}

fn actors<T: std::str::FromStr + Ord>(events: &[AuditEvent], kind: &str) -> BTreeSet<T> {
    events.iter().filter_map(|event| event.actor.strip_prefix(kind)?.parse().ok()).collect()
}
