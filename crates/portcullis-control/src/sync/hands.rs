//! The two sides, as a plan or a run reaches them: by grants of its own, for these places and nothing else.

use std::sync::Arc;

use portcullis_access::System;
use portcullis_domain::{KeyPrefix, Permission, RunPass, RunSide, Storage};
use portcullis_sync::{Side, Sides, Store};

use super::sides::Pair;
use super::store::GrantStore;
use crate::storages::available;
use crate::{Control, Result};

impl Control {
    /// Opens both sides under the name of a plan or a run; `writes` are those that it may write to.
    pub(super) async fn hands(
        &self,
        system: &System,
        name: String,
        pair: &Pair,
        writes: &[Side],
    ) -> Result<Sides<Arc<dyn Store>>> {
        let side = |side: Side| RunSide {
            storage: pair.storages.of(side).id,
            prefix: pair.prefixes.of(side).clone(),
            permission: if writes.contains(&side) { Permission::ReadWrite } else { Permission::Read },
        };
        let pass = RunPass { run: name, site: pair.row.site, sides: Side::BOTH.map(side) };
        let who = self.access.run_principal(system, pass);
        let at = Sides {
            storage: self.access.storage_by_id(&who, pair.storages.storage.id).await?,
            bucket: self.access.storage_by_id(&who, pair.storages.bucket.id).await?,
        };
        let store = |side: Side| -> Arc<dyn Store> {
            Arc::new(GrantStore::new(at.of(side).clone(), pair.prefixes.of(side).clone()))
        };
        Ok(Sides { storage: store(Side::Storage), bucket: store(Side::Bucket) })
    }

    /// A whole storage, open for what the server itself has to remove there.
    pub(super) async fn hand(&self, system: &System, name: String, storage: &Storage) -> Result<GrantStore> {
        let side = || RunSide {
            storage: storage.id,
            prefix: KeyPrefix::default(),
            permission: Permission::ReadWrite,
        };
        let pass = RunPass { run: name, site: storage.site, sides: [side(), side()] };
        let who = self.access.run_principal(system, pass);
        let at = self.access.storage_by_id(&who, storage.id).await?;
        Ok(GrantStore::new(at, KeyPrefix::default()))
    }

    /// Bytes that still fit on each side by its quota and the room there is; none where nothing limits it, or nobody can tell.
    pub(super) async fn room(&self, system: &System, pair: &Pair) -> Sides<Option<u64>> {
        let mut room = Sides { storage: None, bucket: None };
        for side in Side::BOTH {
            let storage = pair.storages.of(side);
            let (usage, free) = match self.access.measure(system, storage.id).await {
                Ok((usage, free)) => (Some(usage), free),
                Err(_) => (None, None),
            };
            *room.of_mut(side) = available(usage, storage.quota_bytes, free);
        }
        room
    }
}
