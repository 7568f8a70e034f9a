//! Ending a connection for good, setting a storage of the embedded store aside, and taking it back.

mod pause;

use portcullis_access::{Change, SiteAdmin};
use portcullis_domain::{Provider, Storage, StorageId, StorageState};
use portcullis_metadata::{DetachedStorage, EndedStorage, Page, PageRequest};

use crate::audit::Deed;
use crate::{Control, ControlError, Done, Result, StorageView};

pub use pause::{LONGEST_PAUSE_MINUTES, SHORTEST_PAUSE_MINUTES};

impl Control {
    /// Deletes a connection: when this returns, nothing reaches the storage any more, and transfers under way have ended. Its own
    /// keys, the links into it and what was shared of it are gone for good, and the provider's credentials are erased; nothing is
    /// asked of the provider. A storage of the embedded store is detached and keeps its files
    /// ([`Control::attach_storage`]). `confirm` is the storage's name, typed once more. None, and nothing is done, if it is no
    /// longer as whoever decided on it saw it.
    ///
    /// # Errors
    /// [`ControlError::Invalid`] if `confirm` is not the name; [`ControlError::ConfirmationNeeded`]; [`ControlError::NotFound`];
    /// [`ControlError::Stale`]; [`ControlError::Metadata`]; [`ControlError::Access`] if it is deleted but that could not be put in
    /// force here.
    pub async fn delete_storage_if(
        &self,
        admin: &SiteAdmin,
        id: StorageId,
        confirm: &str,
        is_as_seen: impl Fn(&Storage) -> bool + Send + Sync,
    ) -> Result<Option<Done<EndedStorage>>> {
        let alone = self.changing.lock().await;
        let before = self.find_storage(admin, id).await?;
        if confirm != before.name.as_str() {
            return Err(ControlError::invalid(
                "confirm",
                format!("the name of the storage as it is written: {}", before.name),
            ));
        }
        if !is_as_seen(&before) {
            return Ok(None);
        }
        self.require_confirmed(admin.principal())?;
        let held = Box::pin(self.held(admin, &before)).await;
        let action = match before.connection.provider {
            Provider::Builtin => "detach_storage",
            Provider::Aws | Provider::CloudflareR2 | Provider::S3 => "delete_storage",
        };
        let deed = Deed { action, storage: Some(id), object: Some(before.name.as_str()), ..Deed::default() };
        let cutting = self.cutting();
        let commit = Box::pin(self.metadata.end_storage(&before, held, self.access.now()));
        let ended = self.carry_out(admin, deed, commit).await?;
        // The storage comes first: with it everything under way ends, whatever else is still to be read anew.
        let mut changes = vec![Change::Storage(id)];
        changes.extend(ended.keys.iter().copied().map(Change::Key));
        changes.extend(ended.links.iter().copied().map(Change::Link));
        changes.extend(ended.people.iter().copied().map(Change::User));
        let receipt = Box::pin(self.in_force(cutting, admin, deed, &changes)).await?;
        drop(alone);
        Ok(Some(Done { value: ended, receipt }))
    }

    /// Takes a detached storage of the admin's site back into use: its files and its bucket name are those it had, and there are
    /// no keys for it. It is measured anew.
    ///
    /// # Errors
    /// [`ControlError::NotFound`] if there is no detached storage with this id; [`ControlError::Metadata`];
    /// [`ControlError::Access`] if it is attached but that could not be put in force here.
    pub async fn attach_storage(&self, admin: &SiteAdmin, id: StorageId) -> Result<StorageView> {
        let found = self.metadata.storage(id).await?;
        let detached = found
            .filter(|storage| storage.site == admin.site() && storage.state == StorageState::Detached)
            .ok_or(ControlError::NotFound)?;
        let object = Some(detached.name.as_str());
        let deed = Deed { action: "attach_storage", storage: Some(id), object, ..Deed::default() };
        let commit = self.metadata.attach_storage(id, self.access.now());
        let storage = self.carry_out(admin, deed, commit).await?;
        self.access.applied(Change::Storage(id)).await?;
        self.view_new(admin, storage).await
    }

    /// One page of the detached storages of the admin's site, the oldest first; with what they held when they were detached, which
    /// they hold still.
    ///
    /// # Errors
    /// [`ControlError::Invalid`] for a cursor that no list gave, [`ControlError::Metadata`].
    pub async fn detached_storages(
        &self,
        admin: &SiteAdmin,
        search: Option<&str>,
        page: &PageRequest,
    ) -> Result<Page<DetachedStorage>> {
        Ok(self.metadata.detached_storages(admin.site(), search, page).await?)
    }

    /// What a storage of the embedded store holds, bytes and files: measured now, as last measured if that fails. A provider is not
    /// asked.
    async fn held(&self, admin: &SiteAdmin, storage: &Storage) -> Option<(u64, u64)> {
        if storage.connection.provider != Provider::Builtin {
            return None;
        }
        let now = async { self.access.storage_by_id(admin.principal(), storage.id).await?.usage().await };
        let usage = match now.await {
            Ok(usage) => usage,
            Err(_) => self.metadata.storage_facts(storage.id).await.ok()??.usage?.0,
        };
        Some((usage.stored_bytes(), usage.files))
    }
}
