//! What this process knows of what it is doing.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use portcullis_domain::{SyncRunId, Timestamp};
use portcullis_metadata::RunWish;
use portcullis_sync::{RunProgress, Snapshot, Wish};
use tokio::sync::{Notify, watch};

/// What this process knows of what it is doing.
pub(crate) struct SyncState {
    /// Who this process is where only one of several may do something.
    pub(super) holder: String,
    wake: Notify,
    live: Mutex<HashMap<SyncRunId, Live>>,
}

/// A run that this process carries out.
struct Live {
    progress: Arc<RunProgress>,
    wish: watch::Sender<Wish>,
}

impl fmt::Debug for SyncState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SyncState").field("holder", &self.holder).finish_non_exhaustive()
    }
}

impl Default for SyncState {
    fn default() -> Self {
        let mut random = [0u8; 12];
        // Without random numbers the fences still tell processes apart; only the log does not.
        let holder =
            getrandom::fill(&mut random).map_or_else(|_| "process".to_owned(), |()| hex::encode(random));
        Self { holder, wake: Notify::new(), live: Mutex::default() }
    }
}

impl SyncState {
    /// There is something to do.
    pub(super) fn wake(&self) {
        self.wake.notify_one();
    }

    /// Returns when there is something to do.
    pub(super) async fn woken(&self) {
        self.wake.notified().await;
    }

    /// Tells a run what people want of it, if it is carried out here; if not, whoever does reads it in the database.
    pub(super) fn wish(&self, run: SyncRunId, wish: RunWish) {
        if let Some(live) = self.live.lock().unwrap_or_else(PoisonError::into_inner).get(&run) {
            live.wish.send_replace(as_wish(wish));
        }
    }

    /// How far a run is that is carried out here.
    pub(super) fn snapshot(&self, run: SyncRunId, now: Timestamp) -> Option<Snapshot> {
        let progress = {
            let live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(&live.get(&run)?.progress)
        };
        Some(progress.snapshot(now))
    }

    /// Notes that a run is carried out here, until what is returned is dropped.
    pub(super) fn carry(
        self: &Arc<Self>,
        run: SyncRunId,
        progress: Arc<RunProgress>,
        wish: watch::Sender<Wish>,
    ) -> Carried {
        let live = Live { progress, wish };
        self.live.lock().unwrap_or_else(PoisonError::into_inner).insert(run, live);
        Carried { state: Arc::clone(self), run }
    }
}

/// A run is carried out here as long as this lives.
pub(super) struct Carried {
    state: Arc<SyncState>,
    run: SyncRunId,
}

impl Drop for Carried {
    fn drop(&mut self) {
        self.state.live.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.run);
    }
}

/// What people want, as a run understands it.
pub(super) const fn as_wish(wish: RunWish) -> Wish {
    match wish {
        RunWish::Go => Wish::Go,
        RunWish::Pause => Wish::Pause,
        RunWish::Cancel => Wish::Cancel,
    }
}
