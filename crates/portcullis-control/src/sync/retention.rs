//! What goes when its time is over: kept bytes, pages, steps, history.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use portcullis_access::System;
use portcullis_domain::{KeptId, ObjectKey, StorageId, StorageState};
use portcullis_metadata::KeptRow;
use portcullis_sync::{StoreFault, purge};

use super::journal::place_of;
use super::store::GrantStore;
use crate::{Control, Result};

/// What is removed in one round of each kind; what is left comes in the next.
const ROWS: u32 = 1_000;
/// Rounds of a kind at a time.
const ROUNDS: u32 = 200;
/// Kept bytes that are removed in one round.
const KEPT: u32 = 500;
/// Of which so many are removed at the same time.
const AT_ONCE: usize = 16;
/// When to try again what could not be removed.
const AGAIN: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// For how long a plan waits for somebody to run it.
const PLANS_WAIT: u32 = 30;
/// For how long runs and plans stand in the lists.
const HISTORY: u32 = 120;

/// Calls a verb until it finds no more, or often enough for now.
macro_rules! until_none {
    ($call:expr) => {
        for _ in 0..ROUNDS {
            if $call.await? == 0 {
                break;
            }
        }
    };
}

impl Control {
    /// One round of removing what is over.
    pub(super) async fn retire(&self, system: &System) -> Result<()> {
        until_none!(self.purge_kept(system));
        let now = self.access.now();
        let unused = "nobody ran it for 30 days; make a new plan";
        until_none!(self.metadata.retire_sync_plans(now.before(DAY * PLANS_WAIT), unused, ROWS));
        until_none!(self.metadata.drop_sync_steps(now, ROWS));
        until_none!(self.metadata.drop_sync_pages(ROWS));
        until_none!(self.metadata.forget_kept_of_deleted(ROWS));
        until_none!(self.metadata.purge_sync_history(now.before(DAY * HISTORY), ROWS));
        Ok(())
    }

    /// Removes some of what was kept for long enough; gives how much was looked at.
    async fn purge_kept(&self, system: &System) -> Result<usize> {
        let now = self.access.now();
        let due = self.metadata.kept_due(now, KEPT).await?;
        let mut hands = HashMap::new();
        for row in &due {
            if let Entry::Vacant(place) = hands.entry(row.storage) {
                place.insert(self.purging_hand(system, row.storage).await?);
            }
        }
        let one = |row: &KeptRow| {
            let (id, row, store) = (row.id, row.clone(), hands.get(&row.storage).cloned().flatten());
            async move {
                match store {
                    Some(store) => (id, purged(&store, &row).await),
                    None => (id, false),
                }
            }
        };
        let done: Vec<_> = stream::iter(due.iter().map(one)).buffer_unordered(AT_ONCE).collect().await;
        let (gone, later): (Vec<_>, Vec<_>) = done.into_iter().partition(|(_, gone)| *gone);
        let ids = |all: Vec<(KeptId, bool)>| all.into_iter().map(|(id, _)| id).collect::<Vec<_>>();
        let (gone, later) = (ids(gone), ids(later));
        if !gone.is_empty() {
            let removed = self.metadata.forget_kept(&gone).await?;
            tracing::info!(removed, "what runs had kept was removed, its time was over");
        }
        if !later.is_empty() {
            self.metadata.postpone_kept(&later, now.after(AGAIN)).await?;
        }
        Ok(due.len())
    }

    async fn purging_hand(&self, system: &System, id: StorageId) -> Result<Option<GrantStore>> {
        let found = self.metadata.storage(id).await?;
        let Some(storage) = found.filter(|storage| storage.state == StorageState::Active) else {
            return Ok(None);
        };
        Ok(self.hand(system, "retention".to_owned(), &storage).await.ok())
    }
}

/// Whether it is gone now.
async fn purged(store: &GrantStore, row: &KeptRow) -> bool {
    let (Some(place), Ok(key)) = (place_of(&row.place), ObjectKey::parse(&row.key)) else { return true };
    match purge(store, &place, &key).await {
        Ok(()) => true,
        Err(error) => {
            // It cannot be reached by any name: there is nothing to try again.
            let never = error.fault == StoreFault::Unsupported;
            tracing::warn!(%error, storage = %row.storage, never, "what a run had kept could not be removed");
            never
        }
    }
}
