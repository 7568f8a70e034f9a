//! What remote buckets hold: counted in the background, kept current by what passes through, remembered across restarts.

use std::collections::HashMap;
use std::time::Duration;

use portcullis_access::{BackendErrorKind, System};
use portcullis_domain::{StorageId, StorageState, Timestamp};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::Control;

/// How often buckets that should be counted are looked for.
const EVERY: Duration = Duration::from_secs(5);
/// When a bucket is counted again: what other tools did there shows then at the latest.
const AGAIN: Duration = Duration::from_secs(24 * 60 * 60);
/// When a bucket that could not be counted is tried again.
const FAILED_AGAIN: Duration = Duration::from_secs(10 * 60);
/// Buckets whose failure is remembered.
const MOST: usize = 65_536;

impl Control {
    /// Counts remote buckets, one after another, until `stop`.
    pub(crate) async fn keep_counted(&self, system: &System, stop: &CancellationToken) {
        let mut failed = HashMap::new();
        let mut tick = interval(EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! { () = stop.cancelled() => return, _ = tick.tick() => {} }
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.count_due(system, &mut failed) => {}
            }
        }
    }

    async fn count_due(&self, system: &System, failed: &mut HashMap<StorageId, Timestamp>) {
        let places = match self.metadata.remote_places().await {
            Ok(places) => places,
            Err(error) => {
                tracing::warn!(%error, "remote buckets are not counted now");
                return;
            }
        };
        let now = self.access.now();
        failed.retain(|_, again| *again > now);
        for storage in places {
            if failed.contains_key(&storage) || !self.should_count(storage, now) {
                continue;
            }
            self.remember(system, storage).await;
            if !self.should_count(storage, now) {
                continue;
            }
            // A connection that is deleted meanwhile is asked nothing more.
            let counted = tokio::select! {
                counted = self.remotes.count(storage) => counted,
                () = self.ended(storage) => continue,
            };
            match counted {
                Ok(_) => {}
                // Not open: whoever needs it opens it, and its turn comes.
                Err(error) if error.kind == BackendErrorKind::NotFound => {}
                Err(error) => {
                    if failed.len() < MOST {
                        failed.insert(storage, now.after(FAILED_AGAIN));
                    }
                    tracing::warn!(%storage, %error, "a remote bucket could not be counted; it is tried again in ten minutes");
                }
            }
        }
    }

    /// Returns when the storage is no longer in use.
    async fn ended(&self, storage: StorageId) {
        let mut hint = self.metadata.watch();
        while hint.changed().await.is_ok() {
            let found = self.metadata.storage(storage).await;
            if found.is_ok_and(|found| found.is_none_or(|found| found.state != StorageState::Active)) {
                return;
            }
        }
        // The database is closing: whoever counts is stopped too.
        std::future::pending().await
    }

    fn should_count(&self, storage: StorageId, now: Timestamp) -> bool {
        self.remotes.counted_at(storage).is_none_or(|at| at.after(AGAIN) <= now)
    }

    /// Opens a storage and tells it what an earlier process had counted.
    async fn remember(&self, system: &System, storage: StorageId) {
        let facts = self.metadata.storage_facts(storage).await;
        let known = facts.ok().flatten().and_then(|facts| facts.usage);
        // Opens it; that a large one that was never counted tells nothing is what this is about.
        drop(self.access.measure(system, storage).await);
        if let Some((usage, counted_at)) = known
            && self.remotes.counted_at(storage).is_none()
        {
            self.remotes.restore(storage, usage, counted_at);
        }
    }
}
