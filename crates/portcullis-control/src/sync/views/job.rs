//! What is shown of jobs.

use portcullis_domain::{SyncJobId, SyncPairId, SyncPlanId, SyncRunId, Timestamp};
use portcullis_metadata::JobState;
use portcullis_sync::{Mode, Policy, Sides};

use super::SideView;

/// When a job runs by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScheduleView {
    /// Minute, hour, day of the month, month, day of the week.
    pub cron: String,
    /// The time zone, by its name.
    pub zone: String,
    /// The next time; none if it is switched off or stopped.
    pub next: Option<Timestamp>,
}

/// A job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobView {
    /// Its id.
    pub id: SyncJobId,
    /// The two sides, as what is remembered of them.
    pub pair: SyncPairId,
    /// What people call it.
    pub name: String,
    /// The two sides.
    pub sides: Sides<SideView>,
    /// What it is for.
    pub mode: Mode,
    /// What becomes of conflicts.
    pub conflicts: Policy,
    /// When it runs by itself.
    pub schedule: Option<ScheduleView>,
    /// Its limits.
    pub settings: crate::sync::JobSettings,
    /// Whether it is switched on.
    pub enabled: bool,
    /// How it is.
    pub state: JobState,
    /// Why it was stopped and what to press; empty if it was not.
    pub told: String,
    /// The last plan that it made.
    pub last_plan: Option<SyncPlanId>,
    /// The last run that it started.
    pub last_run: Option<SyncRunId>,
    /// Who made it.
    pub actor: String,
    /// When.
    pub created: Timestamp,
    /// Grows with every change that people make.
    pub version: u64,
}
