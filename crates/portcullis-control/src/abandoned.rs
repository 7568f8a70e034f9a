//! Multipart uploads that nobody may finish any more: given up at once where that is quick, and otherwise here, one key after another.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use portcullis_access::System;
use portcullis_domain::{KeyId, Scope};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::{Control, Result};

/// Keys that wait for it; more are found again at the next look for those that have expired.
const MOST: usize = 10_000;
/// How often it is tried.
const EVERY: Duration = Duration::from_secs(10);
/// Keys that are looked at each time.
const AT_A_TIME: usize = 100;

/// Keys whose uploads are still to be given up.
#[derive(Debug, Default)]
pub(crate) struct Abandoned(Mutex<HashSet<KeyId>>);

impl Abandoned {
    pub(crate) fn later(&self, id: KeyId) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() < MOST {
            waiting.insert(id);
        }
    }

    fn some(&self) -> Vec<KeyId> {
        let waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.iter().take(AT_A_TIME).copied().collect()
    }

    fn done(&self, id: KeyId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
    }
}

impl Control {
    /// Gives up the multipart uploads of a key that it may not finish any more, wherever it has written.
    pub(crate) async fn give_up_uploads_of(&self, id: KeyId) -> Result<u32> {
        let mut storages = self.metadata.storages_written_by(id).await?;
        if let Some(key) = self.metadata.key(id).await?
            && let Scope::Storage(storage) = key.scope
            && !storages.contains(&storage)
        {
            storages.push(storage);
        }
        let mut given_up = 0u32;
        for storage in storages {
            given_up = given_up.saturating_add(self.access.give_up_uploads(id, storage).await?);
        }
        Ok(given_up)
    }

    /// The background work: gives up what could not be given up at once, and what keys left that have expired since the last look.
    /// Returns after `stop`.
    pub async fn keep_uploads(&self, _: &System, stop: CancellationToken) {
        let mut tick = interval(EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut looked = self.access.now();
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = tick.tick() => {}
            }
            let now = self.access.now();
            match self.metadata.keys_expired_between(looked, now).await {
                Ok(expired) => {
                    expired.into_iter().for_each(|id| self.abandoned.later(id));
                    looked = now;
                }
                Err(error) => tracing::debug!(%error, "keys that have expired are looked for again"),
            }
            for id in self.abandoned.some() {
                self.give_up_now(id).await;
            }
        }
    }

    async fn give_up_now(&self, id: KeyId) {
        match self.give_up_uploads_of(id).await {
            Ok(count) => {
                self.abandoned.done(id);
                if count > 0 {
                    tracing::info!(key = %id, count, "multipart uploads were given up");
                }
            }
            Err(error) => tracing::debug!(key = %id, %error, "uploads are given up later"),
        }
    }
}
