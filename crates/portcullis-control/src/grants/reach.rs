//! What somebody reaches.

use std::sync::Arc;

use portcullis_access::Principal;
use portcullis_domain::{Key, KeyPrefix, Permission, Reach, Role, Scope, Storage};
use portcullis_metadata::{Page, PageRequest};

use crate::paging::page_of;
use crate::{Control, ControlError, Result};

/// A storage that somebody may enter, with what they may do there.
#[derive(Clone, Debug)]
pub struct OwnStorage {
    /// The storage.
    pub storage: Arc<Storage>,
    /// The parts of it, each with what may be done there. Where several lie in one another, what they allow adds up.
    pub reach: Vec<Reach>,
}

impl Control {
    /// One page of the storages that the principal may enter at this moment, by bucket name; of a search those whose name, label or
    /// bucket name contains it, upper and lower case alike.
    ///
    /// # Errors
    /// [`portcullis_access::AccessError::Denied`] for who may do nothing anywhere; [`ControlError::Invalid`] for a cursor that no list
    /// gave; [`ControlError::Metadata`].
    pub async fn own_reach(
        &self,
        who: &Principal,
        search: Option<&str>,
        page: &PageRequest,
    ) -> Result<Page<OwnStorage>> {
        let wanted = search.map(|text| text.trim().to_lowercase()).unwrap_or_default();
        let contains = |text: &str| text.to_lowercase().contains(&wanted);
        let mut visible = self.access.visible_storages(who)?;
        visible.retain(|storage| {
            [storage.name.as_str(), storage.label.as_str(), storage.bucket.as_str()].into_iter().any(contains)
        });
        visible.sort_by(|one, other| one.bucket.cmp(&other.bucket));
        let found = page_of(visible, |storage| storage.id.to_string(), page)?;
        let bounds = self.bounds(who).await?;
        let items = found.items.into_iter().map(|storage| bounds.within(storage)).collect();
        Ok(Page { items, next: found.next })
    }

    async fn bounds(&self, who: &Principal) -> Result<Bounds> {
        let key = match who.key_id() {
            Some(id) => Some(self.metadata.key(id).await?.ok_or(ControlError::NotFound)?),
            None => None,
        };
        let user = match who.user_id() {
            Some(id) => self.metadata.user(id).await?,
            None => None,
        };
        let (shared, admin) = match user {
            Some(user) if user.role == Role::Member => (Some(self.metadata.reach_of(user.id).await?), false),
            other => (None, key.is_none() && other.is_some()),
        };
        Ok(Bounds { key, shared, admin })
    }
}

/// What bounds a principal wherever it goes.
struct Bounds {
    key: Option<Key>,
    /// What was shared with the member who asks, or whose key asks.
    shared: Option<Vec<Reach>>,
    /// An admin who signed in: the storages' own settings do not bind them.
    admin: bool,
}

impl Bounds {
    fn within(&self, storage: Arc<Storage>) -> OwnStorage {
        let most = self.key.as_ref().map_or(Permission::ReadWrite, |key| key.permission);
        let most = Permission::ReadWrite.common(most);
        let most = if self.admin { most } else { most.common(storage.permission) };
        let reach = match (&self.shared, &self.key) {
            (Some(shared), _) => shared
                .iter()
                .filter(|reach| reach.storage == storage.id)
                .map(|reach| Reach { permission: reach.permission.common(most), ..reach.clone() })
                .collect(),
            (None, Some(Key { scope: Scope::Storage(_), prefix, .. })) => {
                vec![Reach { storage: storage.id, prefix: prefix.clone(), permission: most }]
            }
            (None, _) => vec![Reach { storage: storage.id, prefix: KeyPrefix::default(), permission: most }],
        };
        OwnStorage { storage, reach }
    }
}
