//! Carrying runs out, in the background.

use std::sync::Arc;
use std::time::Duration;

use portcullis_access::System;
use portcullis_domain::{Provider, StorageState};
use portcullis_metadata::{Fenced, RunState, RunWish, SyncRunEnd, SyncRunRow};
use portcullis_sync::{
    BasePages, Choices, Journal, Pace, RunEnd, RunProgress, RunTerms, Side, Sides, Store, StoreError,
    StoreFault, Transfer, Wish, run, settle,
};
use tokio::sync::watch;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::pages::{BaseSink, Pages};
use super::planning::{HELD, RENEW};
use super::sides::Pair;
use super::state::as_wish;
use super::stored::{Ending, Made, ReadPlan, RunAsked, RunTold, foreign, json, read, told};
use super::trail::Did;
use super::{marker, said};
use crate::{Control, ControlError, Result};

/// How long a run waits that could not go on, the first time; it doubles.
const FIRST_PAUSE: Duration = Duration::from_secs(5);
/// The longest such wait.
const LONGEST_PAUSE: Duration = Duration::from_secs(15);
/// How often in a row a run is tried that cannot go on; then it is paused, and people see why.
const TRIES: u32 = 40;

/// A run with everything that belongs to it.
struct Carry {
    row: SyncRunRow,
    plan: ReadPlan,
    made: Made,
    pair: Pair,
    asked: RunAsked,
    told: RunTold,
}

/// What became of carrying a run out.
enum Came {
    /// It came to its end and is to be settled.
    Ended(Ending),
    /// Somebody paused it, or this process ends.
    Rests,
    /// It could not go on; it may later.
    Stuck(StoreError),
    /// Another process has it.
    Lost,
}

impl Control {
    /// Takes the next run that is to be worked on.
    pub(super) async fn take_run(&self) -> Result<Option<SyncRunRow>> {
        let now = self.access.now();
        Ok(self.metadata.take_sync_run(&self.sync.holder, now, now.after(HELD)).await?)
    }

    /// Carries a run out that was taken, until it has ended or rests.
    pub(super) async fn carry_taken(&self, system: &System, row: SyncRunRow, stop: &CancellationToken) {
        let (id, fence, progress) = (row.id, row.fence, row.progress.clone());
        let Err(error) = Box::pin(self.carry(system, row, stop)).await else { return };
        let ControlError::NotNow(told) = error else {
            // It is held for some seconds more, and tried again then.
            tracing::error!(%error, run = %id, "a run could not go on; it is tried again");
            return;
        };
        tracing::error!(told, run = %id, "a run cannot go on");
        let end = SyncRunEnd { state: RunState::Failed, told, progress, now: self.access.now() };
        if let Err(error) = self.metadata.end_sync_run(id, fence, &end).await {
            tracing::error!(%error, run = %id, "the end of a run could not be noted");
        }
    }

    async fn carry(&self, system: &System, row: SyncRunRow, stop: &CancellationToken) -> Result<()> {
        let found = self.metadata.sync_plan(row.site, row.plan).await?.ok_or(ControlError::NotFound)?;
        let plan = ReadPlan::of(found)?;
        let made = plan.made.clone().ok_or_else(foreign)?;
        let pair = self.pair_of(row.site, row.pair).await?;
        let (asked, told) = (read(&row.settings)?, told(&row));
        let mut carry = Carry { row, plan, made, pair, asked, told };
        let stores = self.hands(system, carry.row.id.to_string(), &carry.pair, &carry.asked.writes).await;
        let came = match (carry.told.end, &stores) {
            (Some(end), _) => Came::Ended(end),
            (None, Ok(stores)) => self.drive(&mut carry, stores, stop).await?,
            (None, Err(error)) if is_gone(&carry.pair) => {
                tracing::warn!(%error, run = %carry.row.id, "a storage of the run is no longer connected");
                Came::Ended(Ending::Cancelled)
            }
            (None, Err(_)) => Came::Stuck(StoreError::new(StoreFault::Unavailable, "open both sides")),
        };
        match came {
            Came::Lost => Ok(()),
            Came::Rests => self.rest(&carry, stop).await,
            Came::Stuck(error) => self.stuck(carry, &error).await,
            Came::Ended(end) => {
                carry.told.end = Some(end);
                let hold = self.hold_run(&carry.row, None, None);
                tokio::select! {
                    settled = self.settle(&carry, stores.ok()) => settled,
                    () = hold => Ok(()),
                }
            }
        }
    }

    /// Carries the actions out.
    async fn drive(
        &self,
        carry: &mut Carry,
        stores: &Sides<Arc<dyn Store>>,
        stop: &CancellationToken,
    ) -> Result<Came> {
        let row = &carry.row;
        let totals = carry.plan.totals.clone().unwrap_or_default();
        let progress =
            Arc::new(RunProgress::of(files_of(&totals), totals.moved.storage + totals.moved.bucket));
        let (sender, wish) = watch::channel(as_wish(row.wish));
        let live = self.sync.carry(row.id, Arc::clone(&progress), sender.clone());
        let journal = self.journal_of(row.id, Some(row.fence), &carry.pair, carry.asked.keep_days);
        let restores = row.restores.map(|run| -> Arc<dyn Journal> {
            Arc::new(self.journal_of(run, None, &carry.pair, carry.asked.keep_days))
        });
        let choices = Choices { rules: carry.plan.choices.clone(), terms: carry.made.terms };
        let terms = RunTerms {
            run: row.id.to_string(),
            mode: carry.plan.mode,
            choose: Arc::new(choices),
            pace: Pace {
                in_flight: usize::try_from(carry.asked.in_flight).unwrap_or(1),
                bytes_per_second: carry.asked.bytes_per_second,
            },
            transfer: Transfer::default(),
            restores,
        };
        let actions = Pages { metadata: self.metadata.clone(), of: carry.plan.row.pages() };
        let outcome = {
            let running = run(stores, &actions, &journal, &terms, wish, &progress);
            let stopped = async {
                stop.cancelled().await;
                sender.send_replace(Wish::Pause);
                std::future::pending::<()>().await;
            };
            tokio::select! {
                outcome = running => Some(outcome),
                () = self.hold_run(row, Some(&sender), Some(&progress)) => None,
                () = stopped => None,
            }
        };
        carry.told.at = progress.snapshot(self.access.now());
        drop(live);
        let lost_is_known = |error: &StoreError| error.fault == StoreFault::Stopped;
        Ok(match outcome {
            None => Came::Lost,
            Some(Err(error)) if lost_is_known(&error) => Came::Lost,
            Some(Err(error)) => Came::Stuck(error),
            Some(Ok(RunEnd::Done)) => Came::Ended(Ending::Done),
            Some(Ok(RunEnd::Partial { .. })) => Came::Ended(Ending::Partial),
            Some(Ok(RunEnd::Cancelled)) => Came::Ended(Ending::Cancelled),
            Some(Ok(RunEnd::Paused)) => Came::Rests,
        })
    }

    /// Says again and again that a run is carried out here, notes how far it is, and hears what people want of it; returns if
    /// another process has it.
    async fn hold_run(
        &self,
        row: &SyncRunRow,
        wish: Option<&watch::Sender<Wish>>,
        progress: Option<&RunProgress>,
    ) {
        let tries = told(row).tries;
        loop {
            sleep(RENEW).await;
            let now = self.access.now();
            let held = self.metadata.renew_sync_run(row.id, row.fence, now.after(HELD)).await;
            let held = match (held, progress) {
                (Ok(Fenced::Held(_)), Some(progress)) => {
                    let told = RunTold { at: progress.snapshot(now), tries, ..RunTold::default() };
                    let told = serde_json::to_string(&told).unwrap_or_default();
                    self.metadata.save_sync_progress(row.id, row.fence, &told).await
                }
                (held, _) => held,
            };
            match held {
                Ok(Fenced::Held(wanted)) => {
                    if let Some(wish) = wish {
                        // Once this process ends, that is what counts.
                        wish.send_if_modified(|now| {
                            let changed = *now != as_wish(wanted) && wanted != RunWish::Go;
                            if changed {
                                *now = as_wish(wanted);
                            }
                            changed
                        });
                    }
                }
                Ok(Fenced::Lost) => return,
                Err(error) => tracing::warn!(%error, run = %row.id, "how far a run is could not be noted"),
            }
        }
    }

    /// Lets a run go that was paused, or that another process is to go on with.
    async fn rest(&self, carry: &Carry, stop: &CancellationToken) -> Result<()> {
        let state = if stop.is_cancelled() { RunState::Waiting } else { RunState::Paused };
        let left =
            self.metadata.leave_sync_run(carry.row.id, carry.row.fence, state, &json(&carry.told)?).await?;
        if let Fenced::Held(()) = left {
            // Somebody may have wanted it to go on in the same moment.
            self.sync.wake();
        }
        Ok(())
    }

    /// A run that cannot go on waits a while, and after many tries for somebody.
    async fn stuck(&self, mut carry: Carry, error: &StoreError) -> Result<()> {
        let source = error.source.as_ref().map(ToString::to_string);
        tracing::warn!(%error, source, run = %carry.row.id, "a run cannot go on at the moment");
        // Whoever came further meanwhile is not stuck at the same place.
        let further = carry.told.at.files_done > told(&carry.row).at.files_done;
        carry.told.tries = if further { 1 } else { carry.told.tries.saturating_add(1) };
        carry.told.trouble =
            format!("a side cannot be used at the moment: {}", said::store_fault(error.fault));
        let (id, fence, progress) = (carry.row.id, carry.row.fence, json(&carry.told)?);
        if carry.told.tries < TRIES && error.fault != StoreFault::Refused {
            if self.metadata.save_sync_progress(id, fence, &progress).await?.is_lost() {
                return Ok(());
            }
            let until = self.access.now().after(pause_after(carry.told.tries));
            // Nobody takes it before.
            if self.metadata.renew_sync_run(id, fence, until).await?.is_lost() {
                tracing::debug!(run = %id, "another process goes on with the run");
            }
            return Ok(());
        }
        carry.told.tries = 0;
        let progress = json(&carry.told)?;
        self.metadata.wish_for_sync_run(carry.row.site, id, RunWish::Pause).await?;
        if self.metadata.leave_sync_run(id, fence, RunState::Paused, &progress).await?.is_lost() {
            return Ok(());
        }
        self.note_run(&carry, "sync_run_paused", &carry.told.trouble.clone(), "unavailable").await;
        Ok(())
    }

    /// Writes down what both sides agree on now, leaves the marker, and ends the run.
    async fn settle(&self, carry: &Carry, stores: Option<Sides<Arc<dyn Store>>>) -> Result<()> {
        let (id, fence, progress) = (carry.row.id, carry.row.fence, json(&carry.told)?);
        if self.metadata.save_sync_progress(id, fence, &progress).await?.is_lost()
            || self.metadata.set_sync_run_state(id, fence, RunState::Settling).await?.is_lost()
        {
            return Ok(());
        }
        let Some(epoch) = self.agree(carry).await? else { return Ok(()) };
        if let Some(stores) = stores {
            self.leave_markers(carry, &stores, epoch).await;
        }
        let (state, words) = said_end(carry);
        // Why somebody else ended it stands there already.
        let told = if carry.row.told.is_empty() { words.clone() } else { String::new() };
        let end = SyncRunEnd { state, told, progress, now: self.access.now() };
        if self.metadata.end_sync_run(id, fence, &end).await?.is_lost() {
            return Ok(());
        }
        let at = &carry.told.at;
        let object = format!(
            "{}: {}, {} moved, {} kept{}{words}",
            carry.pair.named(),
            said::files(at.files_done),
            said::size(at.bytes_done),
            said::files(at.kept_files),
            if words.is_empty() { "" } else { "; " },
        );
        let reason = if state == RunState::Failed { "failed" } else { "" };
        self.note_run(carry, &format!("sync_run_{}", state.as_str()), &object, reason).await;
        self.sync.wake();
        Ok(())
    }

    /// What both sides agree on now; gives how many runs of the pair were settled. None if another process has the run.
    async fn agree(&self, carry: &Carry) -> Result<Option<u64>> {
        let (id, fence) = (carry.row.id, carry.row.fence);
        if carry.row.settled {
            return Ok(Some(carry.pair.row.epoch));
        }
        let Fenced::Held(generation) = self.metadata.begin_sync_base(id, fence).await? else {
            return Ok(None);
        };
        let plan = &carry.plan.row;
        let before = Pages { metadata: self.metadata.clone(), of: carry.pair.base_of(plan.base_generation) };
        let before: Option<&dyn BasePages> = carry.made.terms.base.is_known().then_some(&before);
        let actions = Pages { metadata: self.metadata.clone(), of: plan.pages() };
        let choices = Choices { rules: carry.plan.choices.clone(), terms: carry.made.terms };
        let journal = self.journal_of(id, None, &carry.pair, carry.asked.keep_days);
        let sink = BaseSink { metadata: self.metadata.clone(), run: id, fence, generation };
        let settled = match settle(before, &actions, &choices, &journal, &sink).await {
            Ok(settled) => settled,
            Err(error) if error.fault == StoreFault::Stopped => return Ok(None),
            Err(error) => {
                tracing::error!(%error, run = %id, "what both sides agree on could not be written down");
                return Err(foreign());
            }
        };
        Ok(self.metadata.switch_sync_base(id, fence, generation, settled.keys).await?.held())
    }

    async fn leave_markers(&self, carry: &Carry, stores: &Sides<Arc<dyn Store>>, epoch: u64) {
        for side in carry.asked.writes.iter().copied() {
            let storage = carry.pair.storages.of(side);
            if storage.connection.provider == Provider::Builtin {
                continue;
            }
            let left =
                marker::leave(stores.of(side).as_ref(), carry.pair.row.id, epoch, self.access.now()).await;
            if let Err(error) = left {
                let storage = storage.name.as_str();
                tracing::warn!(%error, storage, "the marker could not be written; the next plan asks whether it is the same bucket");
            }
        }
    }

    async fn note_run(&self, carry: &Carry, action: &str, object: &str, reason: &str) {
        let actor = format!("sync:{}", carry.row.id);
        let storage = carry.pair.row.storage;
        self.note_did(Did { site: carry.row.site, storage, actor: &actor, action, object, reason }).await;
    }
}

/// Files that a run has something to do with.
fn files_of(totals: &portcullis_sync::Totals) -> u64 {
    let both = |of: &Sides<portcullis_sync::Count>| of.storage.files.saturating_add(of.bucket.files);
    [&totals.write, &totals.overwrite, &totals.delete, &totals.put_back]
        .into_iter()
        .fold(totals.keep_both.files, |sum, of| sum.saturating_add(both(of)))
}

fn is_gone(pair: &Pair) -> bool {
    Side::BOTH.into_iter().any(|side| pair.storages.of(side).state != StorageState::Active)
}

/// How a run ended, and what there is to say about it.
fn said_end(carry: &Carry) -> (RunState, String) {
    let at = &carry.told.at;
    match carry.told.end {
        Some(Ending::Cancelled) => {
            (RunState::Cancelled, "it was cancelled; what was done stays, and can be taken back".to_owned())
        }
        Some(Ending::Partial) => {
            let mut said = Vec::new();
            if at.changed > 0 {
                said.push(format!(
                    "{} changed by others since the plan, and left alone",
                    said::files(at.changed)
                ));
            }
            if at.failed > 0 {
                said.push(format!("{} failed", said::files(at.failed)));
            }
            (RunState::Partial, format!("{}; a new plan sees to them", said.join(", ")))
        }
        Some(Ending::Done) | None => (RunState::Done, String::new()),
    }
}

fn pause_after(tries: u32) -> Duration {
    FIRST_PAUSE.saturating_mul(1 << tries.saturating_sub(1).min(6)).min(LONGEST_PAUSE)
}
