//! Runs: started, looked at, paused, cancelled.

use std::time::Duration;

use portcullis_access::SiteAdmin;
use portcullis_domain::{StorageState, SyncPlanId, SyncRunId, Timestamp};
use portcullis_metadata::{
    NewSyncRun, Page, PageRequest, PlanState, RunStart, RunState, RunWish, SyncRunFilter, SyncRunRow,
};
use portcullis_sync::{Guard, Phase, Side, Snapshot, Step, StepState};

use super::check::{IN_FLIGHT, check_pace};
use super::journal::{step_of, word};
use super::sides::{Pair, Pairs};
use super::stored::{ReadPlan, RunAsked, json, told};
use super::{Amount, PlanKind, RunDraft, RunQuery, RunView, StepView, said};
use crate::audit::Deed;
use crate::check::Check;
use crate::{Control, ControlError, Result};

impl Control {
    /// Runs a plan. It begins within seconds, in the background: look at it again, or follow it, until its state has ended.
    ///
    /// # Errors
    /// [`ControlError::NotFound`]; [`ControlError::Invalid`] naming `approve` once for every guard that stops the plan and was not
    /// approved, and for every one that does not stop it, `in_flight` and `bytes_per_second`; [`ControlError::NotNow`] if the plan
    /// is not ready, there is nothing to do, or another run is in the way; [`ControlError::Stale`] if it no longer has the version;
    /// [`ControlError::Metadata`].
    pub async fn run_sync_plan(
        &self,
        admin: &SiteAdmin,
        plan: SyncPlanId,
        draft: &RunDraft,
    ) -> Result<RunView> {
        let plan = self.find_plan(admin, plan).await?;
        if draft.version.is_some_and(|version| version != plan.row.version) {
            return Err(ControlError::Stale);
        }
        let pair = self.pair_of(admin.site(), plan.row.pair).await?;
        may_run(&plan, &pair)?;
        check_run(&plan, &pair, draft)?;
        let settings = RunAsked {
            in_flight: draft.in_flight.or(plan.asked.settings.in_flight).unwrap_or(IN_FLIGHT),
            bytes_per_second: draft.bytes_per_second.or(plan.asked.settings.bytes_per_second),
            keep_days: plan.keep_days(),
            writes: plan.writes(),
        };
        let new = NewSyncRun {
            id: SyncRunId::generate(),
            site: admin.site(),
            plan: plan.row.id,
            approved: json(&draft.approve)?,
            settings: json(&settings)?,
            actor: admin.actor().to_owned(),
            created: self.access.now(),
        };
        let mut object = pair.named();
        if !draft.approve.is_empty() {
            object = format!("{object}; approved: {}", draft.approve.join(", "));
        }
        let action = if plan.row.restores.is_some() { "run_sync_restore" } else { "run_sync" };
        let deed = Deed { action, storage: Some(pair.row.storage), object: Some(&object), ..Deed::default() };
        let commit = async { started(self.metadata.create_sync_run(&new).await) };
        let row = match Box::pin(self.carry_out(admin, deed, commit)).await {
            Err(ControlError::Stale) => {
                return Err(ControlError::NotNow("the plan was run or discarded meanwhile".to_owned()));
            }
            other => other?,
        };
        self.sync.wake();
        Ok(self.view_run(row, &pair))
    }

    /// A run of the admin's site.
    ///
    /// # Errors
    /// [`ControlError::NotFound`], [`ControlError::Metadata`].
    pub async fn sync_run(&self, admin: &SiteAdmin, id: SyncRunId) -> Result<RunView> {
        let row = self.find_run(admin, id).await?;
        let pair = self.pair_of(admin.site(), row.pair).await?;
        Ok(self.view_run(row, &pair))
    }

    /// One page of the runs of the admin's site, the latest first. A page may hold fewer than were asked for, if only those in one state are
    /// wanted.
    ///
    /// # Errors
    /// [`ControlError::Invalid`] for a cursor that no list gave, [`ControlError::Metadata`].
    pub async fn sync_runs(
        &self,
        admin: &SiteAdmin,
        query: RunQuery,
        page: &PageRequest,
    ) -> Result<Page<RunView>> {
        let filter = SyncRunFilter {
            storage: query.storage,
            live: query.state.map(|state| !state.has_ended()),
            ..SyncRunFilter::of(admin.site())
        };
        let found = self.metadata.sync_runs(&filter, page).await?;
        let (mut pairs, mut items) = (Pairs::new(self, admin.site()), Vec::with_capacity(found.items.len()));
        for row in found.items {
            if query.state.is_none_or(|state| state == row.state) {
                let pair = pairs.of(row.pair).await?;
                items.push(self.view_run(row, pair));
            }
        }
        Ok(Page { items, next: found.next })
    }

    /// One page of the steps of a run, in the order of their keys.
    ///
    /// # Errors
    /// [`ControlError::NotFound`]; [`ControlError::Invalid`] for a cursor that no list gave; [`ControlError::Metadata`].
    pub async fn sync_steps(
        &self,
        admin: &SiteAdmin,
        run: SyncRunId,
        state: Option<StepState>,
        page: &PageRequest,
    ) -> Result<Page<StepView>> {
        let row = self.find_run(admin, run).await?;
        let found = self.metadata.sync_steps_page(row.id, state.map(word), page).await?;
        let mut items = Vec::with_capacity(found.items.len());
        for row in &found.items {
            items.push(view_step(step_of(row).map_err(super::actions::damaged)?));
        }
        Ok(Page { items, next: found.next })
    }

    /// Pauses a run: what is under way is finished or given up within seconds, and it goes on when somebody says so.
    ///
    /// # Errors
    /// [`ControlError::NotFound`]; [`ControlError::NotNow`] if it has ended or is being cancelled; [`ControlError::Metadata`].
    pub async fn pause_sync(&self, admin: &SiteAdmin, id: SyncRunId) -> Result<RunView> {
        self.wish(admin, id, RunWish::Pause, "pause_sync_run").await
    }

    /// Lets a run go on that was paused.
    ///
    /// # Errors
    /// As [`Self::pause_sync`].
    pub async fn resume_sync(&self, admin: &SiteAdmin, id: SyncRunId) -> Result<RunView> {
        self.wish(admin, id, RunWish::Go, "resume_sync_run").await
    }

    /// Ends a run for good. What was done stays, and can be taken back; what was not done is not begun.
    ///
    /// # Errors
    /// As [`Self::pause_sync`]; cancelling one that is being cancelled succeeds.
    pub async fn cancel_sync(&self, admin: &SiteAdmin, id: SyncRunId) -> Result<RunView> {
        self.wish(admin, id, RunWish::Cancel, "cancel_sync_run").await
    }

    async fn wish(
        &self,
        admin: &SiteAdmin,
        id: SyncRunId,
        wish: RunWish,
        action: &'static str,
    ) -> Result<RunView> {
        let row = self.find_run(admin, id).await?;
        let pair = self.pair_of(admin.site(), row.pair).await?;
        let object = pair.named();
        let deed = Deed { action, storage: Some(pair.row.storage), object: Some(&object), ..Deed::default() };
        let wished =
            self.carry_out(admin, deed, self.metadata.wish_for_sync_run(admin.site(), id, wish)).await?;
        let row = self.find_run(admin, id).await?;
        if !wished && row.wish != wish {
            let how = if row.state.has_ended() { row.state.as_str() } else { "being cancelled" };
            return Err(ControlError::NotNow(format!("the run is {how}")));
        }
        if !wished && row.state.has_ended() {
            return Err(ControlError::NotNow(format!("the run is {}", row.state.as_str())));
        }
        self.sync.wish(id, wish);
        self.sync.wake();
        Ok(self.view_run(row, &pair))
    }

    pub(super) async fn find_run(&self, admin: &SiteAdmin, id: SyncRunId) -> Result<SyncRunRow> {
        self.metadata.sync_run(admin.site(), id).await?.ok_or(ControlError::NotFound)
    }

    pub(super) fn view_run(&self, row: SyncRunRow, pair: &Pair) -> RunView {
        let now = self.access.now();
        // What runs here is known better than it was last written down.
        let written = told(&row);
        let at = self.sync.snapshot(row.id, now).unwrap_or(written.at);
        let said =
            if row.told.is_empty() && !row.state.has_ended() { written.trouble } else { row.told.clone() };
        let kept = if row.keep_until.is_some_and(|until| until <= now) {
            Amount::default()
        } else {
            Amount { files: at.kept_files, bytes: at.kept_bytes }
        };
        RunView {
            id: row.id,
            plan: row.plan,
            pair: row.pair,
            kind: if row.restores.is_some() { PlanKind::Restore } else { PlanKind::Plan },
            job: row.job,
            restores: row.restores,
            sides: pair.views(),
            phase: phase(&row, &at),
            files_done: at.files_done,
            files_total: at.files_total,
            bytes_done: at.bytes_done,
            bytes_total: at.bytes_total,
            rate: if row.state == RunState::Running { at.bytes_per_second } else { 0 },
            time_left: at.seconds_left.filter(|_| row.state == RunState::Running).map(Duration::from_secs),
            changed: at.changed,
            failed: at.failed,
            skipped: at.skipped,
            restorable_until: restorable(&row, now),
            kept,
            approved: serde_json::from_str(&row.approved).unwrap_or_default(),
            state: row.state,
            wish: row.wish,
            told: said,
            actor: row.actor,
            created: row.created,
            started: row.started,
            ended: row.ended,
        }
    }
}

/// Until when a run can be taken back.
pub(super) fn restorable(row: &SyncRunRow, now: Timestamp) -> Option<Timestamp> {
    row.keep_until.filter(|until| row.state.has_ended() && *until > now)
}

fn phase(row: &SyncRunRow, at: &Snapshot) -> u8 {
    if row.started.is_none() {
        return 0;
    }
    match at.phase {
        Phase::Create => 1,
        Phase::Replace => 2,
        Phase::Delete => 3,
    }
}

fn view_step(step: Step) -> StepView {
    StepView {
        seq: step.seq,
        key: step.key.as_str().to_owned(),
        state: step.state,
        moved: step.moved,
        kept: step.kept.len(),
        copy: step.copy.map(|copied| copied.key.as_str().to_owned()),
        told: step.told,
    }
}

/// Whether a plan can be run at all.
fn may_run(plan: &ReadPlan, pair: &Pair) -> Result<()> {
    let refuse = |words: String| Err(ControlError::NotNow(words));
    match plan.row.state {
        PlanState::Ready => {}
        PlanState::Planning => {
            return refuse("the plan is still being made; wait until it is ready".to_owned());
        }
        PlanState::Failed => return refuse(format!("there is no plan to run: {}", plan.row.told)),
        PlanState::Running | PlanState::Done => {
            return refuse("the plan was run already; a plan is run once, make a new one".to_owned());
        }
        PlanState::Discarded => return refuse("the plan was discarded; make a new one".to_owned()),
    }
    for side in Side::BOTH {
        let storage = pair.storages.of(side);
        if storage.state != StorageState::Active {
            return refuse(format!("{} is no longer connected", storage.name));
        }
    }
    if plan.totals.as_ref().is_none_or(|totals| totals.actions == 0) {
        return refuse("there is nothing to do: both sides are as they were agreed on".to_owned());
    }
    Ok(())
}

/// Whether everything that stops the plan was approved, and nothing else.
fn check_run(plan: &ReadPlan, pair: &Pair, draft: &RunDraft) -> Result<()> {
    let (mut check, guards, sides) = (Check::default(), plan.guards(), pair.views());
    for hit in &guards {
        if !draft.approve.iter().any(|code| code == hit.guard.as_str()) {
            let view = said::guard(hit, &sides);
            check.problem("approve", format!("{}: {}. {}", view.code, view.what, view.press));
        }
    }
    for code in &draft.approve {
        if guards.iter().any(|hit| hit.guard.as_str() == code) {
            continue;
        }
        if Guard::parse(code).is_some() {
            check.problem("approve", format!("{code} does not stop this plan; leave it out"));
        } else {
            let all: Vec<_> = Guard::ALL.iter().map(|guard| guard.as_str()).collect();
            let code: String = code.chars().take(40).collect();
            check.problem("approve", format!("no guard is called \"{code}\": {}", all.join(", ")));
        }
    }
    check_pace(&mut check, draft.in_flight, draft.bytes_per_second);
    check.finish(Some(()))
}

/// The run, or why there is none.
pub(super) fn started(outcome: portcullis_metadata::Result<RunStart>) -> Result<SyncRunRow> {
    match outcome? {
        RunStart::Started(row) => Ok(*row),
        RunStart::Busy(other) => Err(ControlError::NotNow(format!(
            "another run is under way between these storages: wait until it has ended, or cancel it (run {})",
            other.id
        ))),
        RunStart::Outdated => Err(ControlError::NotNow(
            "another run has changed both sides since this plan was made; make a new plan".to_owned(),
        )),
    }
}
