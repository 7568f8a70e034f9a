//! Jobs: begun when their time has come, and carried on when their plan is ready.

use std::time::Duration;

use portcullis_domain::{SiteId, SyncJobId, SyncPlanId, SyncRunId};
use portcullis_metadata::{JobState, MetadataErrorKind, NewSyncRun, PageRequest, PlanState, SyncJobRow};

use super::check::IN_FLIGHT;
use super::jobs::{job_plan, next_of};
use super::runs::started;
use super::said;
use super::schedule::Schedule;
use super::stored::{ReadPlan, RunAsked, json};
use super::trail::Did;
use crate::{Control, ControlError, Result};

/// After so long a plan that was made for a job, and not looked at, was left by its process.
const LEFT: Duration = Duration::from_secs(10);
/// Jobs that are begun in one round.
const AT_ONCE: u32 = 50;

impl Control {
    /// Begins the jobs whose time has come; times that were missed meanwhile count as one.
    pub(super) async fn begin_due_jobs(&self) -> Result<()> {
        let now = self.access.now();
        for row in self.metadata.due_sync_jobs(now, AT_ONCE).await? {
            let next = next_of(Schedule::stored(&row.schedule, &row.zone).as_ref(), row.enabled, now);
            let plan = match job_plan(&row, &format!("sync:{}", row.id), now) {
                Ok(plan) => plan,
                Err(error) => {
                    self.stop_job(&row, &error.to_string()).await?;
                    continue;
                }
            };
            match self.metadata.begin_sync_job(&row, &plan, next).await {
                // Another node was quicker, or somebody changed it.
                Ok(None) => {}
                Ok(Some(_)) => self.sync.wake(),
                Err(error) if error.kind == MetadataErrorKind::NotFound => {
                    self.stop_job(&row, "a storage of this job is no longer connected").await?;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    async fn stop_job(&self, row: &SyncJobRow, told: &str) -> Result<()> {
        self.metadata.note_sync_job(row.id, JobState::Stopped, told).await?;
        let pair = self.pair_of(row.site, row.pair).await?;
        let actor = format!("sync:{}", row.id);
        let object = format!("{}: {told}", row.name);
        self.note_did(Did {
            site: row.site,
            storage: pair.row.storage,
            actor: &actor,
            action: "sync_job_stopped",
            object: &object,
            reason: "stopped",
        })
        .await;
        Ok(())
    }

    /// What a job does with its plan once that is made: runs it, stops because of a guard, or waits for its next time.
    pub(super) async fn follow_up(&self, site: SiteId, plan: SyncPlanId) -> Result<()> {
        let Some(row) = self.metadata.sync_plan(site, plan).await? else { return Ok(()) };
        let Some(job) = row.job else { return Ok(()) };
        let Some(job) = self.metadata.sync_job(site, job).await? else { return Ok(()) };
        if job.last_plan != Some(plan) || job.state != JobState::Planning {
            return Ok(());
        }
        match row.state {
            PlanState::Ready => {}
            PlanState::Failed | PlanState::Discarded => return self.job_waits(job.id, &row.told).await,
            PlanState::Planning | PlanState::Running | PlanState::Done => return Ok(()),
        }
        let plan = ReadPlan::of(row)?;
        let guards = plan.guards();
        if !guards.is_empty() {
            let pair = self.pair_of(site, plan.row.pair).await?;
            let sides = pair.views();
            let said: Vec<_> = guards.iter().map(|hit| said::guard(hit, &sides)).collect();
            let said: Vec<_> =
                said.into_iter().map(|view| format!("{}. {}", view.what, view.press)).collect();
            let told = format!(
                "{}. Open the plan; approve and run it, or discard it and the job waits for its next time",
                said.join(". ")
            );
            return self.stop_job(&job, &told).await;
        }
        if plan.totals.as_ref().is_none_or(|totals| totals.actions == 0 || nothing_to_do(totals)) {
            self.metadata.discard_sync_plan(site, plan.row.id).await?;
            return self.job_waits(job.id, "").await;
        }
        self.run_job_plan(&job, &plan).await
    }

    async fn run_job_plan(&self, job: &SyncJobRow, plan: &ReadPlan) -> Result<()> {
        let settings = RunAsked {
            in_flight: plan.asked.settings.in_flight.unwrap_or(IN_FLIGHT),
            bytes_per_second: plan.asked.settings.bytes_per_second,
            keep_days: plan.keep_days(),
            writes: plan.writes(),
        };
        let new = NewSyncRun {
            id: SyncRunId::generate(),
            site: plan.row.site,
            plan: plan.row.id,
            approved: "[]".to_owned(),
            settings: json(&settings)?,
            actor: format!("sync:{}", job.id),
            created: self.access.now(),
        };
        match started(self.metadata.create_sync_run(&new).await) {
            Ok(_) => {
                self.sync.wake();
                Ok(())
            }
            Err(ControlError::NotNow(told)) => {
                self.metadata.discard_sync_plan(plan.row.site, plan.row.id).await?;
                self.job_waits(job.id, &told).await
            }
            // Somebody ran or discarded it meanwhile.
            Err(ControlError::Stale) => Ok(()),
            Err(other) => Err(other),
        }
    }

    async fn job_waits(&self, job: SyncJobId, told: &str) -> Result<()> {
        self.metadata.note_sync_job(job, JobState::Waiting, told).await?;
        Ok(())
    }

    /// Carries on with jobs that an earlier process left in the middle: after their plan was made, before it was looked at.
    pub(super) async fn mend_jobs(&self) -> Result<()> {
        for site in self.metadata.sites().await? {
            let mut request = PageRequest::first(PageRequest::MAX);
            loop {
                let page = self.metadata.sync_jobs(site.id, None, &request).await?;
                for job in page.items {
                    self.mend_job(&job).await?;
                }
                request.after = page.next;
                if request.after.is_none() {
                    break;
                }
            }
        }
        Ok(())
    }

    async fn mend_job(&self, job: &SyncJobRow) -> Result<()> {
        match (job.state, job.last_plan) {
            (JobState::Planning, Some(plan)) => {
                let Some(row) = self.metadata.sync_plan(job.site, plan).await? else {
                    return self.job_waits(job.id, "").await;
                };
                // Whoever made it may just be about to do it.
                if row.planned.is_some_and(|at| at.after(LEFT) > self.access.now()) {
                    return Ok(());
                }
                self.follow_up(job.site, plan).await
            }
            (JobState::Planning, None) => self.job_waits(job.id, "").await,
            (JobState::Waiting | JobState::Running | JobState::Stopped | JobState::Off, _) => Ok(()),
        }
    }
}

/// Whether a plan only leaves things as they are.
fn nothing_to_do(totals: &portcullis_sync::Totals) -> bool {
    let left: u64 = totals.left.values().map(|count| count.files).sum();
    left == totals.actions
}
