//! The two sides of a pair, as records.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use portcullis_access::SiteAdmin;
use portcullis_domain::{KeyPrefix, SiteId, Storage, StorageId, StorageState, SyncPairId};
use portcullis_metadata::{NewSyncPair, PagesOf, SyncPairRow};
use portcullis_sync::Sides;

use super::SideView;
use super::check::Ends;
use crate::{Control, ControlError, Result};

/// A pair with the records of its storages; a storage that has ended is among them.
#[derive(Clone, Debug)]
pub(super) struct Pair {
    pub(super) row: SyncPairRow,
    pub(super) storages: Sides<Storage>,
    pub(super) prefixes: Sides<KeyPrefix>,
}

impl Pair {
    /// The pages of what both sides agreed on at this time.
    pub(super) const fn base_of(&self, generation: u64) -> PagesOf {
        PagesOf::Base { pair: self.row.id, generation }
    }

    /// Both sides, for people.
    pub(super) fn views(&self) -> Sides<SideView> {
        let view = |storage: &Storage, prefix: &KeyPrefix| SideView {
            id: storage.id,
            name: storage.name.to_string(),
            bucket_name: storage.bucket.to_string(),
            prefix: prefix.clone(),
            provider: storage.connection.provider,
            active: storage.state == StorageState::Active,
        };
        Sides {
            storage: view(&self.storages.storage, &self.prefixes.storage),
            bucket: view(&self.storages.bucket, &self.prefixes.bucket),
        }
    }

    /// Both sides in a few words, for the audit trail.
    pub(super) fn named(&self) -> String {
        let side = |storage: &Storage, prefix: &KeyPrefix| {
            if prefix.is_empty() { storage.name.to_string() } else { format!("{}/{prefix}", storage.name) }
        };
        format!(
            "{} and {}",
            side(&self.storages.storage, &self.prefixes.storage),
            side(&self.storages.bucket, &self.prefixes.bucket)
        )
    }
}

/// The pairs of a list: each is looked up once.
pub(super) struct Pairs<'a> {
    control: &'a Control,
    site: SiteId,
    known: HashMap<SyncPairId, Pair>,
}

impl<'a> Pairs<'a> {
    pub(super) fn new(control: &'a Control, site: SiteId) -> Self {
        Self { control, site, known: HashMap::new() }
    }

    pub(super) async fn of(&mut self, id: SyncPairId) -> Result<&Pair> {
        match self.known.entry(id) {
            Entry::Occupied(place) => Ok(place.into_mut()),
            Entry::Vacant(place) => Ok(place.insert(self.control.pair_of(self.site, id).await?)),
        }
    }
}

impl Control {
    /// The pair of these ends, made if it is not there yet.
    pub(super) async fn pair_for(&self, admin: &SiteAdmin, ends: Ends) -> Result<Pair> {
        let Ends { storages, prefixes } = ends;
        let new = NewSyncPair {
            site: admin.site(),
            storage: storages.storage.id,
            storage_prefix: prefixes.storage.as_str().to_owned(),
            bucket: storages.bucket.id,
            bucket_prefix: prefixes.bucket.as_str().to_owned(),
            created: self.access.now(),
        };
        let row = self.metadata.sync_pair_for(&new).await?;
        Ok(Pair { row, storages, prefixes })
    }

    /// A pair of a site, by its id.
    pub(super) async fn pair_of(&self, site: SiteId, id: SyncPairId) -> Result<Pair> {
        let row = self.metadata.sync_pair(site, id).await?.ok_or(ControlError::NotFound)?;
        let storages = Sides {
            storage: self.any_storage(row.storage).await?,
            bucket: self.any_storage(row.bucket).await?,
        };
        // They were checked when the pair was made.
        let prefix = |text: &str| KeyPrefix::parse(text).map_err(|_| ControlError::NotFound);
        let prefixes = Sides { storage: prefix(&row.storage_prefix)?, bucket: prefix(&row.bucket_prefix)? };
        Ok(Pair { row, storages, prefixes })
    }

    async fn any_storage(&self, id: StorageId) -> Result<Storage> {
        self.metadata.storage(id).await?.ok_or(ControlError::NotFound)
    }
}
