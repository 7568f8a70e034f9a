//! Keys: make, look at, list, change, delete.

mod draft;
mod rotate;

use std::collections::HashMap;

use portcullis_access::{Change, SiteAdmin};
use portcullis_domain::{
    Channel, Key, KeyId, KeyState, Permission, Role, Scope, Secret, Storage, StorageId, Timestamp, UserId,
};
use portcullis_metadata::{KeyFilter, KeyUse, Page, PageRequest};

use crate::audit::Deed;
use crate::authority::storage_of;
use crate::{Control, ControlError, Result};

pub use draft::{KeyChange, KeyDraft, ScopeDraft};
use draft::{no_storage, no_user};
pub use rotate::Rotation;

/// Which keys to list.
#[derive(Clone, Debug, Default)]
pub struct KeyQuery {
    /// Only those for this storage.
    pub storage: Option<StorageId>,
    /// Only those of this user.
    pub user: Option<UserId>,
    /// Only those of this channel.
    pub channel: Option<Channel>,
    /// Only those whose name or access key contains it.
    pub search: Option<String>,
}

/// Whether a key works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyStatus {
    /// It does, as far as its settings go.
    Active,
    /// Its time is over.
    Expired,
    /// Its permission is `none`.
    Disabled,
}

impl KeyStatus {
    /// How this key is at that moment.
    #[must_use]
    pub fn of(key: &Key, now: Timestamp) -> Self {
        if key.permission == Permission::None {
            Self::Disabled
        } else if key.expires.is_some_and(|end| end <= now) {
            Self::Expired
        } else {
            Self::Active
        }
    }

    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Expired => "expired",
            Self::Disabled => "disabled",
        }
    }
}

/// A key with how it is. Its secret is nowhere to be had.
#[derive(Clone, Debug)]
pub struct KeyView {
    /// The record.
    pub key: Key,
    /// Whether it works.
    pub status: KeyStatus,
    /// When, from where and with which tool it was last used. Of other nodes a use may show some seconds later.
    pub last_used: Option<KeyUse>,
}

/// A key that was just made, with the secret that is told this once.
pub struct CreatedKey {
    /// The key.
    pub view: KeyView,
    /// What authenticates it.
    pub secret: Secret,
    /// The storage it is for, if it is for one.
    pub storage: Option<Storage>,
}

impl std::fmt::Debug for CreatedKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CreatedKey").field("view", &self.view).finish_non_exhaustive()
    }
}

impl Control {
    /// Makes a key. Its secret is in the answer and nowhere else, ever.
    ///
    /// # Errors
    /// [`ControlError::Invalid`], also for a key wider than the key that asks for it; [`ControlError::Metadata`];
    /// [`ControlError::Access`] if no secret could be made, or the key is committed but not in force: then it is of no use, and
    /// may be deleted.
    pub async fn create_key(&self, admin: &SiteAdmin, draft: &KeyDraft) -> Result<CreatedKey> {
        let mut key = draft.check(admin, KeyId::generate(), self.access.now())?;
        let storage = self.check_scope(admin, &key).await?;
        self.check_authority(admin, "create_key", &key, None).await?;
        let deed = Deed {
            action: "create_key",
            key: Some(key.id),
            storage: storage_of(&key),
            object: Some(key.name.as_str()),
        };
        self.record(admin, deed).await?;
        let minted = self.access.mint(admin, key.id, key.channel)?;
        key.credential = minted.credential;
        if let Err(error) = self.metadata.create_key(&key, &minted.stored).await {
            let error = ControlError::from(error);
            self.note_failure(admin, Deed { object: None, ..deed_of("create_key", &key) }, &error);
            return Err(error);
        }
        self.access.applied(Change::Key(key.id)).await?;
        Ok(CreatedKey { view: self.view_key(key, None), secret: minted.secret, storage })
    }

    /// The storage or user of the scope has to be of the admin's site; one of another site is as good as none.
    async fn check_scope(&self, admin: &SiteAdmin, key: &Key) -> Result<Option<Storage>> {
        match key.scope {
            Scope::Storage(id) => match self.find_storage(admin, id).await {
                Ok(storage) => Ok(Some(storage)),
                Err(ControlError::NotFound) => {
                    let (field, message) = no_storage();
                    Err(ControlError::invalid(field, message))
                }
                Err(other) => Err(other),
            },
            Scope::User(id) => {
                let user = self.metadata.user(id).await?.filter(|user| user.site == admin.site());
                let (field, message) = no_user();
                let user = user.ok_or_else(|| ControlError::invalid(field, message))?;
                if key.permission == Permission::Full && user.role != Role::Admin {
                    return Err(ControlError::invalid(
                        "permission",
                        "full is for keys of admins; this user is a member",
                    ));
                }
                Ok(None)
            }
            Scope::Site => Ok(None),
        }
    }

    /// A key of the admin's site.
    ///
    /// # Errors
    /// [`ControlError::NotFound`], also for a deleted one; [`ControlError::Metadata`].
    pub async fn key(&self, admin: &SiteAdmin, id: KeyId) -> Result<KeyView> {
        let key = self.find_key(admin, id).await?;
        self.access.written(admin).await;
        let last_used = self.metadata.last_use(&[id]).await?.pop();
        Ok(self.view_key(key, last_used))
    }

    /// The S3 keys that are for this storage alone, the oldest first, with how they are and when they were last used: the first
    /// thousand, and whether there are more. Those of users, which open it too, are not among them.
    ///
    /// # Errors
    /// [`ControlError::NotFound`], [`ControlError::Metadata`].
    pub async fn keys_of_storage(&self, admin: &SiteAdmin, id: StorageId) -> Result<Page<KeyView>> {
        self.find_storage(admin, id).await?;
        let query = KeyQuery { storage: Some(id), channel: Some(Channel::S3), ..KeyQuery::default() };
        self.keys(admin, query, &PageRequest::first(PageRequest::MAX)).await
    }

    async fn find_key(&self, admin: &SiteAdmin, id: KeyId) -> Result<Key> {
        let found = self.metadata.key(id).await?;
        let lives = |key: &Key| key.site == admin.site() && key.state == KeyState::Active;
        found.filter(lives).ok_or(ControlError::NotFound)
    }

    fn view_key(&self, key: Key, last_used: Option<KeyUse>) -> KeyView {
        KeyView { status: KeyStatus::of(&key, self.access.now()), key, last_used }
    }

    /// One page of the site's keys, the oldest first; deleted ones are not among them.
    ///
    /// # Errors
    /// [`ControlError::Invalid`] for a cursor that no list gave, [`ControlError::Metadata`].
    pub async fn keys(
        &self,
        admin: &SiteAdmin,
        query: KeyQuery,
        page: &PageRequest,
    ) -> Result<Page<KeyView>> {
        let KeyQuery { storage, user, channel, search } = query;
        let filter = KeyFilter { storage, user, channel, search, ..KeyFilter::of(admin.site()) };
        let found = self.metadata.keys(&filter, page).await?;
        self.access.written(admin).await;
        let ids: Vec<_> = found.items.iter().map(|key| key.id).collect();
        let uses = self.metadata.last_use(&ids).await?;
        let mut uses: HashMap<KeyId, KeyUse> = uses.into_iter().map(|used| (used.key, used)).collect();
        let items = found.items.into_iter().map(|key| {
            let used = uses.remove(&key.id);
            self.view_key(key, used)
        });
        Ok(Page { items: items.collect(), next: found.next })
    }

    /// Changes a key. When this returns, the change holds: for new requests, and for those under way.
    ///
    /// # Errors
    /// [`ControlError::Invalid`], [`ControlError::NotFound`], [`ControlError::Metadata`], [`ControlError::Access`] if the
    /// change is committed but could not be put in force here.
    pub async fn update_key(&self, admin: &SiteAdmin, id: KeyId, change: &KeyChange) -> Result<KeyView> {
        self.update_key_if(admin, id, change, |_| true).await?.ok_or(ControlError::NotFound)
    }

    /// Changes a key as [`Self::update_key`] does, but only if it still is as whoever decided on the change saw it; none, and
    /// nothing is changed, if it is not.
    ///
    /// # Errors
    /// As [`Self::update_key`].
    pub async fn update_key_if(
        &self,
        admin: &SiteAdmin,
        id: KeyId,
        change: &KeyChange,
        is_as_seen: impl FnOnce(&Key) -> bool + Send,
    ) -> Result<Option<KeyView>> {
        let alone = self.changing.lock().await;
        let before = self.find_key(admin, id).await?;
        if !is_as_seen(&before) {
            return Ok(None);
        }
        let key = change.apply(before.clone(), self.access.now())?;
        if let Scope::User(_) = key.scope {
            self.check_scope(admin, &key).await?;
        }
        self.check_authority(admin, "update_key", &key, Some(&before)).await?;
        let deed = deed_of("update_key", &key);
        self.record(admin, deed).await?;
        let committed = self.metadata.update_key(&key).await.map_err(ControlError::from);
        committed.inspect_err(|error| self.note_failure(admin, deed, error))?;
        self.access.applied(Change::Key(id)).await?;
        drop(alone);
        let last_used = self.metadata.last_use(&[id]).await?.pop();
        Ok(Some(self.view_key(key, last_used)))
    }

    /// Deletes a key for good. When this returns, nothing is admitted under it, and transfers under way have ended.
    ///
    /// # Errors
    /// [`ControlError::NotFound`], also if it was deleted before; [`ControlError::Metadata`]; [`ControlError::Access`] if it is
    /// deleted but that could not be put in force here.
    pub async fn delete_key(&self, admin: &SiteAdmin, id: KeyId) -> Result<()> {
        let alone = self.changing.lock().await;
        let key = self.find_key(admin, id).await?;
        let deed = deed_of("delete_key", &key);
        self.record(admin, deed).await?;
        let committed = self.metadata.delete_key(id, self.access.now()).await.map_err(ControlError::from);
        let deleted = committed.inspect_err(|error| self.note_failure(admin, deed, error))?;
        self.access.applied(Change::Key(id)).await?;
        drop(alone);
        if deleted { Ok(()) } else { Err(ControlError::NotFound) }
    }
}

fn deed_of<'a>(action: &'a str, key: &'a Key) -> Deed<'a> {
    Deed { action, key: Some(key.id), storage: storage_of(key), object: Some(key.name.as_str()) }
}
