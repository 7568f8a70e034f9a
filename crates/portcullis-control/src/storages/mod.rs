//! Storages: make, look at, list, change.

mod draft;
mod outside;
mod remote;
mod view;

use futures_util::{StreamExt as _, stream};
use portcullis_access::{Change, SiteAdmin};
use portcullis_domain::{Connection, Role, Storage, StorageId, StorageState, UserId};
use portcullis_metadata::{NewStorage, Page, PageRequest, StorageFilter};

use crate::audit::Deed;
use crate::paging::page_of;
use crate::{Control, ControlError, Done, Result};

use draft::Place;
pub use draft::{StorageChange, StorageDraft};
pub use outside::{ConnectionReading, RemoteView};
use remote::Candidate;
pub use remote::RemoteDraft;
pub use view::StorageView;
pub(crate) use view::{available, health_after};

/// The region of a storage for which none was said; what S3 tools take for granted.
pub const DEFAULT_REGION: &str = "us-east-1";

/// As many storages as are asked for their usage at the same time.
const ASKED_AT_ONCE: usize = 16;

/// How often a change is tried again that another node came before.
const TRIES: u32 = 3;

/// In which order storages are listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// The oldest first.
    #[default]
    Created,
    /// By name, upper and lower case alike.
    Name,
}

/// Which storages to list.
#[derive(Clone, Debug, Default)]
pub struct StorageQuery {
    /// Only those whose name, label or bucket name contains it, upper and lower case alike.
    pub search: Option<String>,
    /// In which order.
    pub order: Order,
}

impl Control {
    /// Makes a storage. Nothing from outside can reach it until there is a key for it.
    ///
    /// # Errors
    /// [`ControlError::Invalid`], [`ControlError::Metadata`].
    pub async fn create_storage(&self, admin: &SiteAdmin, draft: &StorageDraft) -> Result<StorageView> {
        let checked = draft.check()?;
        let owner = self.owner_for(admin).await?;
        let id = StorageId::generate();
        let (connection, sealed) = match checked.place {
            Place::Builtin { region } => (Connection::builtin(region), None),
            Place::Remote(candidate) => {
                let Candidate { connection, credentials } =
                    self.connectable(admin, &draft.remote, *candidate).await?;
                (connection, Some(self.access.seal_provider_credentials(admin, id, &credentials)?))
            }
        };
        let new = NewStorage {
            id,
            site: admin.site(),
            owner,
            name: checked.name,
            label: checked.label,
            provider: connection.provider,
            region: connection.region,
            endpoint: connection.endpoint,
            bucket: connection.bucket,
            path_style: connection.path_style,
            provider_credentials: sealed,
            permission: checked.permission,
            networks: checked.networks,
            s3_access: draft.s3_access.unwrap_or(true),
            quota_bytes: draft.quota_bytes,
            created: self.access.now(),
        };
        let name = new.name.clone();
        let deed = Deed {
            action: "create_storage",
            storage: Some(id),
            object: Some(name.as_str()),
            ..Deed::default()
        };
        let storage = self.carry_out(admin, deed, self.metadata.create_storage(new)).await?;
        self.access.applied(Change::Storage(storage.id)).await?;
        self.view_new(admin, storage).await
    }

    /// The user in whose name a storage is made: whoever acts or, for a key of the whole site, the first admin.
    pub(crate) async fn owner_for(&self, admin: &SiteAdmin) -> Result<UserId> {
        if let Some(user) = admin.user() {
            return Ok(user);
        }
        let mut site = Some(admin.site());
        while let Some(id) = site {
            let users = self.metadata.users(id).await?;
            let first = users.iter().filter(|user| user.role == Role::Admin).min_by_key(|user| user.number);
            if let Some(user) = first {
                return Ok(user.id);
            }
            // A site may be run from above, without an admin of its own.
            site = self.metadata.site(id).await?.and_then(|site| site.parent);
        }
        Err(ControlError::NotFound)
    }

    /// A storage of the admin's site.
    ///
    /// # Errors
    /// [`ControlError::NotFound`], [`ControlError::Metadata`].
    pub async fn storage(&self, admin: &SiteAdmin, id: StorageId) -> Result<StorageView> {
        let storage = self.find_storage(admin, id).await?;
        self.view_storage(admin, storage).await
    }

    /// The record of a storage of the admin's site.
    pub(crate) async fn find_storage(&self, admin: &SiteAdmin, id: StorageId) -> Result<Storage> {
        let found = self.metadata.storage(id).await?;
        found
            .filter(|storage| storage.site == admin.site() && storage.state == StorageState::Active)
            .ok_or(ControlError::NotFound)
    }

    /// One page of the site's storages.
    ///
    /// # Errors
    /// [`ControlError::Invalid`] for a cursor that no list gave, [`ControlError::Metadata`].
    pub async fn storages(
        &self,
        admin: &SiteAdmin,
        query: StorageQuery,
        page: &PageRequest,
    ) -> Result<Page<StorageView>> {
        let filter = StorageFilter {
            search: query.search,
            state: Some(StorageState::Active),
            ..StorageFilter::of(admin.site())
        };
        let found = match query.order {
            Order::Created => self.metadata.storages(&filter, page).await?,
            Order::Name => self.storages_by_name(&filter, page).await?,
        };
        let ids: Vec<_> = found.items.iter().map(|storage| storage.id).collect();
        let (openers, shares) = tokio::try_join!(self.openers(admin.site(), &ids), self.shares(&ids))?;
        let view = |storage| self.view_opened(admin, storage, &openers, &shares);
        let views = stream::iter(found.items.into_iter().map(view));
        Ok(Page { items: views.buffered(ASKED_AT_ONCE).collect().await, next: found.next })
    }

    /// The database lists by age; ten thousand names are sorted here in a few milliseconds. The cursor is the last id.
    async fn storages_by_name(&self, filter: &StorageFilter, page: &PageRequest) -> Result<Page<Storage>> {
        let mut all = Vec::new();
        let mut request = PageRequest::first(PageRequest::MAX);
        loop {
            let more = self.metadata.storages(filter, &request).await?;
            all.extend(more.items);
            request.after = more.next;
            if request.after.is_none() {
                break;
            }
        }
        all.sort_by_cached_key(|storage| (storage.name.as_str().to_lowercase(), storage.id));
        page_of(all, |storage| storage.id.to_string(), page)
    }

    /// Changes a storage. When this returns, the change holds: for new requests, and for those under way.
    ///
    /// # Errors
    /// [`ControlError::Invalid`], [`ControlError::NotFound`], [`ControlError::Metadata`], [`ControlError::Access`] if the
    /// change is committed but could not be put in force here.
    pub async fn update_storage(
        &self,
        admin: &SiteAdmin,
        id: StorageId,
        change: &StorageChange,
    ) -> Result<Done<StorageView>> {
        self.update_storage_if(admin, id, change, |_| true).await?.ok_or(ControlError::NotFound)
    }

    /// Changes a storage as [`Self::update_storage`] does, but only if it still is as whoever decided on the change saw it; none,
    /// and nothing is changed, if it is not.
    ///
    /// # Errors
    /// As [`Self::update_storage`].
    pub async fn update_storage_if(
        &self,
        admin: &SiteAdmin,
        id: StorageId,
        change: &StorageChange,
        is_as_seen: impl Fn(&Storage) -> bool + Send + Sync,
    ) -> Result<Option<Done<StorageView>>> {
        let alone = self.changing.lock().await;
        for _ in 0..TRIES {
            let before = self.find_storage(admin, id).await?;
            if !is_as_seen(&before) {
                return Ok(None);
            }
            let storage = change.apply(before.clone(), self.access.now())?;
            let deed = Deed { action: change.action(), storage: Some(id), ..Deed::default() };
            let cutting = self.cutting();
            let commit = self.metadata.update_storage_if_same(&before, &storage);
            match self.carry_out(admin, deed, commit).await {
                // Another node came first: what it made of the storage has to be looked at again.
                Err(ControlError::Stale) => {}
                Err(other) => return Err(other),
                Ok(()) => {
                    let receipt = self.in_force(cutting, admin, deed, &[Change::Storage(id)]).await?;
                    drop(alone);
                    let value = self.view_storage(admin, storage).await?;
                    return Ok(Some(Done { value, receipt }));
                }
            }
        }
        Err(ControlError::Stale)
    }
}
