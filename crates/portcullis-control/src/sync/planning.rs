//! Making plans, in the background.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use portcullis_access::System;
use portcullis_domain::{ObjectKey, Provider, StorageState, SyncRunId};
use portcullis_metadata::{
    Fenced, PageRequest, PlanFinish, PlanState, SyncPlanEnd, SyncPlanRow, SyncRunFilter,
};
use portcullis_sync::{
    BasePages, BaseUse, GuardLimits, Journal, NoBase, Pick, PlanFault, PlanProgress, PlanResult, PlanTerms,
    Policy, Side, Sides, Store, StoreError, StoreFault, Totals, make_plan, make_restore,
};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::check::overlap;
use super::journal::RunJournal;
use super::marker;
use super::pages::{Pages, PlanSink};
use super::said;
use super::sides::Pair;
use super::stored::{Made, ReadPlan, RunAsked, Undo, json, read};
use crate::{Control, Result};

/// How long a process has a plan to itself without saying so again. After a crash it is made anew when that is over.
const PLAN_HELD: Duration = Duration::from_secs(20);
/// The same of a run, with which another process goes on then.
pub(super) const HELD: Duration = Duration::from_secs(3);
/// How often it says so.
pub(super) const RENEW: Duration = Duration::from_secs(1);
/// Bytes that are read to find out whether files are the same, if nobody says.
const READ_BUDGET: u64 = 1 << 30;
/// Requests under way at a time on each side.
const PARALLEL: usize = 32;
/// How often a plan is begun that never comes to its end.
const MOST_TRIES: u64 = 10;
/// Runs of a pair that are looked through for one that left a marker.
const LOOKED_THROUGH: u32 = 100;

/// Why there is no plan.
enum NoPlan {
    /// In words.
    Told(String),
    /// This process was told to stop, or another one makes it.
    Stopped,
}

impl From<crate::ControlError> for NoPlan {
    fn from(error: crate::ControlError) -> Self {
        tracing::warn!(%error, "a plan could not be made");
        Self::Told(
            "the plan could not be made, because the database or a storage did not answer; try again"
                .to_owned(),
        )
    }
}

/// What a plan is made with.
struct Work<'a> {
    plan: &'a ReadPlan,
    pair: &'a Pair,
    stores: Sides<Arc<dyn Store>>,
    terms: PlanTerms,
    progress: Arc<PlanProgress>,
}

impl Control {
    /// Takes the next plan that is to be made.
    pub(super) async fn take_plan(&self) -> Result<Option<SyncPlanRow>> {
        let now = self.access.now();
        Ok(self.metadata.take_sync_plan(&self.sync.holder, now, now.after(PLAN_HELD)).await?)
    }

    /// Makes a plan that was taken.
    pub(super) async fn make_taken(&self, system: &System, row: SyncPlanRow, stop: &CancellationToken) {
        let (id, fence) = (row.id, row.fence);
        let (progress, own) = (Arc::<PlanProgress>::default(), stop.child_token());
        let making = self.plan_taken(system, row, Arc::clone(&progress), &own);
        let outcome = tokio::select! {
            outcome = making => outcome,
            () = self.hold_plan(id, fence, &progress) => return,
        };
        if let Err(error) = outcome {
            tracing::error!(%error, plan = %id, "a plan could not be made; it is tried again");
        }
    }

    /// Says again and again that a plan is being made here; returns if it is not any more.
    async fn hold_plan(&self, id: portcullis_domain::SyncPlanId, fence: u64, progress: &PlanProgress) {
        loop {
            sleep(RENEW).await;
            let told = serde_json::to_string(&progress.snapshot()).ok();
            let until = self.access.now().after(PLAN_HELD);
            match self.metadata.renew_sync_plan(id, fence, until, told.as_deref()).await {
                Ok(Fenced::Held(())) => {}
                Ok(Fenced::Lost) => return,
                Err(error) => tracing::warn!(%error, plan = %id, "how far a plan is could not be noted"),
            }
        }
    }

    async fn plan_taken(
        &self,
        system: &System,
        row: SyncPlanRow,
        progress: Arc<PlanProgress>,
        stop: &CancellationToken,
    ) -> Result<()> {
        let (id, fence) = (row.id, row.fence);
        let (site, begun) = (row.site, row.fence);
        let made = if begun > MOST_TRIES {
            Err(NoPlan::Told(
                "whoever made this plan stopped in the middle of it, again and again".to_owned(),
            ))
        } else {
            let plan = ReadPlan::of(row)?;
            Box::pin(self.compute(system, &plan, progress, stop)).await
        };
        let end = match made {
            Ok((result, terms)) => SyncPlanEnd {
                state: PlanState::Ready,
                totals: json(&result.totals)?,
                guards: json(&result.guards)?,
                cost: json(&Made { cost: result.cost, terms })?,
                risks: json(&result.risks)?,
                told: String::new(),
                planned: self.access.now(),
            },
            Err(NoPlan::Stopped) => return Ok(()),
            Err(NoPlan::Told(told)) => SyncPlanEnd {
                state: PlanState::Failed,
                totals: json(&Totals::default())?,
                guards: "[]".to_owned(),
                cost: "{}".to_owned(),
                risks: "[]".to_owned(),
                told,
                planned: self.access.now(),
            },
        };
        match self.metadata.finish_sync_plan(id, fence, &end).await? {
            PlanFinish::Finished => self.follow_up(site, id).await,
            PlanFinish::BaseMoved => {
                self.sync.wake();
                Ok(())
            }
            PlanFinish::Lost => Ok(()),
        }
    }

    async fn compute(
        &self,
        system: &System,
        plan: &ReadPlan,
        progress: Arc<PlanProgress>,
        stop: &CancellationToken,
    ) -> Result<(PlanResult, PlanTerms), NoPlan> {
        let pair = self.pair_of(plan.row.site, plan.row.pair).await?;
        for side in Side::BOTH {
            let storage = pair.storages.of(side);
            if storage.state != StorageState::Active {
                return Err(NoPlan::Told(format!("{} is no longer connected", storage.name)));
            }
        }
        let (one, other) = (&pair.storages.storage, &pair.storages.bucket);
        if let Some(why) = overlap(one, &pair.prefixes.storage, other, &pair.prefixes.bucket) {
            return Err(NoPlan::Told(why));
        }
        // Only to learn what time it is there: a plan writes nothing else.
        let asks_time = plan.policy == Policy::Newest && plan.asked.undo.is_none();
        let writes = if asks_time { plan.writes() } else { Vec::new() };
        let stores = self.hands(system, plan.row.id.to_string(), &pair, &writes).await?;
        let terms = self.terms(system, plan, &pair, &stores, &writes).await?;
        let work = Work { plan, pair: &pair, stores, terms, progress };
        let made = match &plan.asked.undo {
            None => self.compare(&work, stop).await,
            Some(undo) => self.take_back(&work, undo, stop).await?,
        };
        match made {
            Ok(result) => Ok((result, terms)),
            Err(PlanFault::Stopped) => Err(NoPlan::Stopped),
            Err(PlanFault::Sink(StoreError { fault: StoreFault::Stopped, .. })) => Err(NoPlan::Stopped),
            Err(fault) => {
                let source = std::error::Error::source(&fault).map(ToString::to_string);
                tracing::warn!(%fault, source, plan = %plan.row.id, "there is no plan");
                Err(NoPlan::Told(said::plan_fault(&fault, &pair.views())))
            }
        }
    }

    async fn compare(&self, work: &Work<'_>, stop: &CancellationToken) -> Result<PlanResult, PlanFault> {
        let row = &work.plan.row;
        let base: Arc<dyn BasePages> = if work.terms.base.is_known() {
            Arc::new(Pages { metadata: self.metadata.clone(), of: work.pair.base_of(row.base_generation) })
        } else {
            Arc::new(NoBase)
        };
        let sink = self.plan_sink(row);
        make_plan(&work.stores, base, &sink, &work.terms, Arc::clone(&work.progress), stop).await
    }

    fn plan_sink(&self, row: &SyncPlanRow) -> PlanSink {
        PlanSink { metadata: self.metadata.clone(), plan: row.id, fence: row.fence }
    }

    async fn take_back(
        &self,
        work: &Work<'_>,
        undo: &Undo,
        stop: &CancellationToken,
    ) -> Result<Result<PlanResult, PlanFault>, NoPlan> {
        let Some(run) = work.plan.row.restores else {
            return Err(NoPlan::Told("the run that is to be taken back is not known".to_owned()));
        };
        let last = self.last_step(work, run).await?;
        let journal: Arc<dyn Journal> =
            Arc::new(self.journal_of(run, None, work.pair, work.plan.keep_days()));
        let pick = match undo {
            Undo { kept: Some((seq, side)), .. } => Pick::Kept { seq: *seq, side: *side },
            Undo { keys: Some(keys), .. } => {
                Pick::Keys(keys.iter().filter_map(|key| ObjectKey::parse(key).ok()).collect::<BTreeSet<_>>())
            }
            Undo { keys: None, kept: None } => Pick::All,
        };
        let sink = self.plan_sink(&work.plan.row);
        let progress = Arc::clone(&work.progress);
        Ok(make_restore(&work.stores, journal, last, &pick, &sink, &work.terms, progress, stop).await)
    }

    /// The number that no step of a run is beyond.
    async fn last_step(&self, work: &Work<'_>, run: SyncRunId) -> Result<u64> {
        let site = work.plan.row.site;
        let Some(run) = self.metadata.sync_run(site, run).await? else { return Ok(0) };
        let Some(plan) = self.metadata.sync_plan(site, run.plan).await? else { return Ok(0) };
        let totals = ReadPlan::of(plan)?.totals.unwrap_or_default();
        Ok(totals.actions.saturating_sub(1))
    }

    /// The journal of a run of this pair; with a fence to write it.
    pub(super) fn journal_of(
        &self,
        run: SyncRunId,
        fence: Option<u64>,
        pair: &Pair,
        keep_days: u32,
    ) -> RunJournal {
        let side = |side: Side| (pair.storages.of(side).id, pair.prefixes.of(side).clone());
        RunJournal {
            access: self.access.clone(),
            metadata: self.metadata.clone(),
            run,
            fence,
            sides: Sides { storage: side(Side::Storage), bucket: side(Side::Bucket) },
            keep: Duration::from_secs(u64::from(keep_days) * 86_400),
        }
    }

    async fn terms(
        &self,
        system: &System,
        plan: &ReadPlan,
        pair: &Pair,
        stores: &Sides<Arc<dyn Store>>,
        writes: &[Side],
    ) -> Result<PlanTerms, NoPlan> {
        let settings = &plan.asked.settings;
        let (base, skew) = self.look_around(plan, pair, stores, writes).await?;
        let usual = GuardLimits::default();
        let percent = |given: Option<u8>, usual: u64| given.map_or(usual, u64::from);
        Ok(PlanTerms {
            mode: plan.mode,
            policy: plan.policy,
            abilities: Sides { storage: stores.storage.abilities(), bucket: stores.bucket.abilities() },
            skew,
            read_budget: settings.read_budget_bytes.unwrap_or(READ_BUDGET),
            base,
            now: self.access.now(),
            limits: GuardLimits {
                max_delete_percent: percent(settings.max_delete_percent, usual.max_delete_percent),
                max_delete_files: settings.max_delete_files.unwrap_or(usual.max_delete_files),
                max_change_percent: percent(settings.max_change_percent, usual.max_change_percent),
            },
            quota_left: self.room(system, pair).await,
            parallel: PARALLEL,
        })
    }

    /// Whether what was agreed on still counts, and how far the clocks of both sides are off.
    async fn look_around(
        &self,
        plan: &ReadPlan,
        pair: &Pair,
        stores: &Sides<Arc<dyn Store>>,
        writes: &[Side],
    ) -> Result<(BaseUse, Option<Duration>), NoPlan> {
        let mut base = if plan.row.base_generation == 0 { BaseUse::None } else { BaseUse::Known };
        let mut ahead = Sides { storage: None, bucket: None };
        let marked = if plan.asked.undo.is_none() { self.marked(plan, pair).await? } else { Vec::new() };
        for side in Side::BOTH {
            if pair.storages.of(side).connection.provider == Provider::Builtin {
                *ahead.of_mut(side) = Some(0);
                continue;
            }
            let store = stores.of(side).as_ref();
            let found = marker::find(store, pair.row.id).await.map_err(|error| {
                NoPlan::Told(said::plan_fault(&PlanFault::Side { side, error }, &pair.views()))
            })?;
            if base.is_known() && marked.contains(&side) {
                match found.as_ref().and_then(|found| found.marker.as_ref()) {
                    None => base = BaseUse::OtherBucket,
                    Some(marker) if marker.epoch > pair.row.epoch => base = BaseUse::OlderState,
                    Some(_) => {}
                }
            }
            *ahead.of_mut(side) = found.as_ref().and_then(marker::Found::ahead);
            if writes.contains(&side) {
                let measured = marker::clock_of(store, plan.row.id, || self.access.now()).await;
                *ahead.of_mut(side) = measured.or(*ahead.of(side));
            }
        }
        Ok((base, marker::off(ahead.storage, ahead.bucket)))
    }

    /// The sides on which a run left a marker.
    async fn marked(&self, plan: &ReadPlan, pair: &Pair) -> Result<Vec<Side>> {
        let filter =
            SyncRunFilter { pair: Some(pair.row.id), live: Some(false), ..SyncRunFilter::of(plan.row.site) };
        let runs = self.metadata.sync_runs(&filter, &PageRequest::first(LOOKED_THROUGH)).await?;
        let settled = runs.items.iter().filter(|run| run.settled);
        let written = settled.filter_map(|run| read::<RunAsked>(&run.settings).ok());
        let written: Vec<Side> = written.flat_map(|asked| asked.writes).collect();
        Ok(Side::BOTH.into_iter().filter(|side| written.contains(side)).collect())
    }
}
