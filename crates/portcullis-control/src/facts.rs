//! Keeps what is known of storages for lists and sums: measures those that were touched about once a second, and every
//! storage now and then.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use portcullis_access::{AccessError, System, Touched};
use portcullis_domain::{Health, Provider, StorageId, Timestamp};
use portcullis_metadata::{Measurement, StoragePlace, StorageUse};
use tokio::sync::Mutex;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use crate::storages::health_after;
use crate::{Control, Result};

/// How often storages that were touched are measured, and those that are due are looked for.
const EVERY: Duration = Duration::from_secs(1);
/// When keys last used storages is written at every so many of these; remote storages that were touched are measured then,
/// since to ask a provider costs.
const SLOWLY: u32 = 10;
/// Storages that are measured at the same time.
const AT_ONCE: usize = 8;
/// Storages that are measured before what was found is written.
const BATCH: usize = 500;
/// Storages that are due and measured in one round: after a start ten thousand take some minutes and little of the machine.
const DUE: u32 = 100;
/// Storages that wait to be measured; more are left to their turn.
const MOST: usize = 65_536;
/// The longest that one storage may take to tell what it holds.
const PATIENCE: Duration = Duration::from_secs(10);
/// When to look again at what nobody touches: nothing changes in the embedded store without a touch but what it tidies up;
/// of a provider one wants to know whether it still answers.
const BUILTIN_AGAIN: Duration = Duration::from_secs(60 * 60);
const REMOTE_AGAIN: Duration = Duration::from_secs(5 * 60);
const FAILED_AGAIN: Duration = Duration::from_secs(60);
/// The longest that the last round takes.
const LAST: Duration = Duration::from_secs(5);

/// What waits to be measured and written.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    waiting: Mutex<Touched>,
    written: AtomicU64,
}

impl Facts {
    /// How often measurements were written by this process.
    pub(crate) fn written(&self) -> u64 {
        self.written.load(Ordering::Acquire)
    }
}

/// What of the touches is worked off in a round.
#[derive(Clone, Copy, Debug)]
struct Round {
    remote: bool,
    uses: bool,
}

impl Round {
    const ALL: Self = Self { remote: true, uses: true };
}

impl Control {
    /// The background work: measures storages that were touched within a second or two, every storage after a start, and
    /// then every storage rarely. Returns after `stop`, when what was touched is written or could not be within
    /// five seconds.
    pub async fn keep_facts(&self, system: &System, stop: CancellationToken) {
        if let Err(error) = self.metadata.all_storages_due().await {
            tracing::warn!(%error, "storages are not measured anew after this start");
        }
        tokio::join!(
            self.keep_touched(system, &stop),
            self.keep_due(system, &stop),
            self.keep_counted(system, &stop)
        );
        if !matches!(timeout(LAST, self.follow_touched(system, Round::ALL)).await, Ok(Ok(()))) {
            tracing::warn!("what the last requests changed is measured after the next start");
        }
    }

    /// One round of [`Control::keep_facts`], whole: everything touched, and up to a hundred storages that are due.
    ///
    /// # Errors
    /// [`ControlError::Metadata`](crate::ControlError::Metadata); what could not be written waits for the next round.
    pub async fn refresh_facts(&self, system: &System) -> Result<()> {
        self.follow_touched(system, Round::ALL).await?;
        self.follow_due(system).await
    }

    async fn keep_touched(&self, system: &System, stop: &CancellationToken) {
        let mut fault = Fault::new("what storages hold cannot be kept for lists");
        let mut tick = interval(EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut rounds = 0u32;
        loop {
            tokio::select! { () = stop.cancelled() => return, _ = tick.tick() => {} }
            rounds = rounds.wrapping_add(1);
            let slowly = rounds.is_multiple_of(SLOWLY);
            let round = Round { remote: slowly, uses: slowly };
            tokio::select! {
                () = stop.cancelled() => return,
                outcome = self.follow_touched(system, round) => fault.note(outcome.err().as_ref()),
            }
        }
    }

    async fn keep_due(&self, system: &System, stop: &CancellationToken) {
        let mut fault = Fault::new("storages cannot be measured for lists");
        let mut tick = interval(EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! { () = stop.cancelled() => return, _ = tick.tick() => {} }
            tokio::select! {
                () = stop.cancelled() => return,
                outcome = self.follow_due(system) => fault.note(outcome.err().as_ref()),
            }
        }
    }

    async fn follow_touched(&self, system: &System, round: Round) -> Result<()> {
        let mut waiting = self.facts.waiting.lock().await;
        for (storage, (changed, used)) in self.access.take_touched(system) {
            if waiting.len() < MOST || waiting.contains_key(&storage) {
                let known = waiting.entry(storage).or_default();
                *known = (known.0 || changed, known.1.max(used));
            }
        }
        let changed: Vec<StorageId> =
            waiting.iter().filter(|(_, touch)| touch.0).map(|(storage, _)| *storage).collect();
        for batch in changed.chunks(BATCH) {
            let mut places = self.metadata.places_of(batch).await?;
            // What is not active any more needs no measure.
            let later = |place: &StoragePlace| !round.remote && place.provider != Provider::Builtin;
            let postponed: Vec<_> =
                places.iter().filter(|place| later(place)).map(|place| place.storage).collect();
            places.retain(|place| !later(place));
            self.measure_all(system, &places).await?;
            for storage in batch.iter().filter(|storage| !postponed.contains(storage)) {
                if let Some(touch) = waiting.get_mut(storage) {
                    touch.0 = false;
                }
            }
        }
        if round.uses {
            self.write_uses(&mut waiting).await?;
        }
        waiting.retain(|_, (changed, used)| *changed || used.is_some());
        Ok(())
    }

    async fn write_uses(&self, waiting: &mut Touched) -> Result<()> {
        let used: Vec<StorageId> =
            waiting.iter().filter(|(_, touch)| touch.1.is_some()).map(|(storage, _)| *storage).collect();
        for batch in used.chunks(BATCH) {
            let places = self.metadata.places_of(batch).await?;
            let uses = places.iter().filter_map(|place| {
                let at = waiting.get(&place.storage)?.1?;
                Some(StorageUse { storage: place.storage, site: place.site, at })
            });
            self.metadata.record_storage_use(&uses.collect::<Vec<_>>()).await?;
            for storage in batch {
                if let Some(touch) = waiting.get_mut(storage) {
                    touch.1 = None;
                }
            }
        }
        Ok(())
    }

    async fn follow_due(&self, system: &System) -> Result<()> {
        let due = self.metadata.storages_due(self.access.now(), DUE).await?;
        self.measure_all(system, &due).await
    }

    async fn measure_all(&self, system: &System, places: &[StoragePlace]) -> Result<()> {
        let measured = stream::iter(places.iter().copied().map(|place| self.measure_one(system, place)));
        let measured: Vec<_> =
            measured.buffer_unordered(AT_ONCE).filter_map(std::future::ready).collect().await;
        self.keep_measured(&measured).await
    }

    /// Writes what was measured.
    pub(crate) async fn keep_measured(&self, measured: &[Measurement]) -> Result<()> {
        if !measured.is_empty() {
            self.metadata.record_measurements(measured).await?;
            self.facts.written.fetch_add(1, Ordering::AcqRel);
        }
        Ok(())
    }

    async fn measure_one(&self, system: &System, place: StoragePlace) -> Option<Measurement> {
        // Before the measure: what changes meanwhile is newer than it.
        let at = self.access.now();
        let outcome = timeout(PATIENCE, self.access.measure(system, place.storage)).await;
        let (usage, found) = match outcome {
            Ok(Ok(measured)) => (Some(measured), Health::Reachable),
            // Not known here yet, or not any more; the next round knows.
            Ok(Err(AccessError::NotFound)) => return None,
            Ok(Err(error)) => (None, health_after(&error)),
            Err(_) => (None, Health::Unreachable),
        };
        // A large bucket that was not counted yet tells nothing, and answers all the same.
        let health = self.remotes.state(place.storage).map_or(found, |state| state.health);
        Some(Measurement {
            storage: place.storage,
            site: place.site,
            at,
            usage,
            health,
            due: next_look(place.provider, health, at),
        })
    }
}

/// When to look at a storage again that nobody touches.
pub(crate) fn next_look(provider: Provider, health: Health, now: Timestamp) -> Timestamp {
    now.after(match (health, provider) {
        (Health::Degraded | Health::Unreachable, _) => FAILED_AGAIN,
        (Health::Reachable, Provider::Builtin) => BUILTIN_AGAIN,
        (Health::Reachable, Provider::Aws | Provider::CloudflareR2 | Provider::S3) => REMOTE_AGAIN,
    })
}

/// Says in the log when something begins to fail and when it is well again, not how often.
pub(crate) struct Fault {
    what: &'static str,
    failing: bool,
}

impl Fault {
    pub(crate) const fn new(what: &'static str) -> Self {
        Self { what, failing: false }
    }

    pub(crate) fn note(&mut self, error: Option<&crate::ControlError>) {
        match (error, self.failing) {
            (Some(error), false) => tracing::error!(%error, "{}", self.what),
            (None, true) => tracing::info!("well again: {}", self.what),
            (Some(_), true) | (None, false) => {}
        }
        self.failing = error.is_some();
    }
}
