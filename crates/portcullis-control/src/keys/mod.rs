//! Keys: make, look at, list, change, delete.

mod change;
mod chosen;
mod create;
mod draft;
mod idle;
mod mail;
mod old;
mod overlap;
mod rotate;
mod rules;
mod temporary;

use std::collections::HashMap;

use portcullis_access::{Oneself, Proof, SiteAdmin};
use portcullis_domain::{
    Channel, Key, KeyId, KeyState, Permission, Scope, Secret, Storage, StorageId, Timestamp, UserId,
};
use portcullis_metadata::{KeyFilter, KeyUse, Overlap, Page, PageRequest};

use crate::audit::Deed;
use crate::authority::storage_of;
use crate::{Control, ControlError, Result};

pub use chosen::check_chosen_secret;
pub use draft::{KeyChange, KeyDraft, ScopeDraft};
pub use mail::MailDraft;
pub use overlap::{Moved, OverlapChange, OverlapView};
pub use rotate::{LONGEST_OVERLAP, ROTATION_REASONS, Rotation};
pub use rules::KeyRules;
pub use temporary::{LONGEST_TEMPORARY, SHORTEST_TEMPORARY, TemporaryCredentials, TemporaryDraft};

/// Which keys to list.
#[derive(Clone, Debug, Default)]
pub struct KeyQuery {
    /// Only those for this storage.
    pub storage: Option<StorageId>,
    /// Only those of this user.
    pub user: Option<UserId>,
    /// Only those of this channel.
    pub channel: Option<Channel>,
    /// Only those whose name, access key or user name contains it.
    pub search: Option<String>,
    /// Only those that are not for one storage alone: of users and of the whole site.
    pub without_storage: bool,
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
    /// The credentials that it had before and that still work beside its own, if there are any.
    pub overlap: Option<Overlap>,
}

/// A key that was just made or got new credentials, with the secret that is told this once.
pub struct CreatedKey {
    /// The key.
    pub view: KeyView,
    /// What authenticates it; none if a person chose it, who knows it.
    pub secret: Option<Secret>,
    /// The storage it is for, if it is for one.
    pub storage: Option<Storage>,
}

impl std::fmt::Debug for CreatedKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CreatedKey").field("view", &self.view).finish_non_exhaustive()
    }
}

/// One key that was just made, or the two of a user: one for REST, one for S3.
#[derive(Debug)]
pub struct CreatedKeys {
    /// The key that was asked for.
    pub key: CreatedKey,
    /// The one for S3 beside it.
    pub s3: Option<CreatedKey>,
}

impl Control {
    /// A key of the admin's site.
    ///
    /// # Errors
    /// [`ControlError::NotFound`], also for a deleted one; [`ControlError::Metadata`].
    pub async fn key(&self, admin: &SiteAdmin, id: KeyId) -> Result<KeyView> {
        let key = self.find_key(admin, None, id).await?;
        self.look_at(admin, key).await
    }

    /// A key of the person who asks.
    ///
    /// # Errors
    /// [`ControlError::NotFound`], also for a deleted one and for the key of somebody else; [`ControlError::Metadata`].
    pub async fn own_key(&self, me: &Oneself, id: KeyId) -> Result<KeyView> {
        let key = self.find_key(me, Some(me.user()), id).await?;
        self.look_at(me, key).await
    }

    async fn look_at(&self, proof: &impl Proof, key: Key) -> Result<KeyView> {
        self.access.written(proof).await;
        let last_used = self.metadata.last_use(&[key.id]).await?.pop();
        let overlap = self.overlap_of(key.id).await?;
        Ok(self.view_key(key, last_used, overlap))
    }

    /// The keys for files that are for this storage alone, of all channels but REST, the oldest first, with how they are and when they
    /// were last used: the first thousand, and whether there are more. Those of users, which open it too, are not among them.
    ///
    /// # Errors
    /// [`ControlError::NotFound`], [`ControlError::Metadata`].
    pub async fn keys_of_storage(&self, admin: &SiteAdmin, id: StorageId) -> Result<Page<KeyView>> {
        self.find_storage(admin, id).await?;
        let query = KeyQuery { storage: Some(id), ..KeyQuery::default() };
        let mut page = self.keys(admin, query, &PageRequest::first(PageRequest::MAX)).await?;
        page.items.retain(|view| view.key.channel != Channel::Rest);
        Ok(page)
    }

    /// A key of the site for which there is proof, of this user alone if one is named.
    pub(crate) async fn find_key(&self, proof: &impl Proof, only: Option<UserId>, id: KeyId) -> Result<Key> {
        let found = self.metadata.key(id).await?;
        let lives = |key: &Key| {
            let theirs = only.is_none_or(|user| key.scope == Scope::User(user));
            key.site == proof.site() && key.state == KeyState::Active && theirs
        };
        found.filter(lives).ok_or(ControlError::NotFound)
    }

    fn view_key(&self, key: Key, last_used: Option<KeyUse>, overlap: Option<Overlap>) -> KeyView {
        KeyView { status: KeyStatus::of(&key, self.access.now()), key, last_used, overlap }
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
        self.list_keys(admin, query, page).await
    }

    /// One page of the keys of the person who asks, the oldest first. Those of storages and of other people are not theirs: a query for
    /// them finds nothing.
    ///
    /// # Errors
    /// As [`Control::keys`].
    pub async fn own_keys(&self, me: &Oneself, query: KeyQuery, page: &PageRequest) -> Result<Page<KeyView>> {
        if query.storage.is_some() || query.user.is_some_and(|user| user != me.user()) {
            return Ok(Page { items: Vec::new(), next: None });
        }
        self.list_keys(me, KeyQuery { user: Some(me.user()), ..query }, page).await
    }

    async fn list_keys(
        &self,
        proof: &impl Proof,
        query: KeyQuery,
        page: &PageRequest,
    ) -> Result<Page<KeyView>> {
        let KeyQuery { storage, user, channel, search, without_storage } = query;
        let site = proof.site();
        let filter = KeyFilter { site, storage, user, channel, search, without_storage };
        let found = self.metadata.keys(&filter, page).await?;
        self.access.written(proof).await;
        let ids: Vec<_> = found.items.iter().map(|key| key.id).collect();
        let uses = self.metadata.last_use(&ids).await?;
        let mut uses: HashMap<KeyId, KeyUse> = uses.into_iter().map(|used| (used.key, used)).collect();
        let overlaps = self.metadata.overlaps(&ids, self.access.now()).await?;
        let mut overlaps: HashMap<KeyId, Overlap> =
            overlaps.into_iter().map(|overlap| (overlap.key, overlap)).collect();
        let items = found.items.into_iter().map(|key| {
            let (used, overlap) = (uses.remove(&key.id), overlaps.remove(&key.id));
            self.view_key(key, used, overlap)
        });
        Ok(Page { items: items.collect(), next: found.next })
    }
}

fn deed_of<'a>(action: &'a str, key: &'a Key) -> Deed<'a> {
    Deed { action, key: Some(key.id), storage: storage_of(key), object: Some(key.name.as_str()) }
}
