//! Jobs: plans that are made and run again and again.

use portcullis_control::{JobChange, JobDraft, JobSettings, JobView, ScheduleDraft, ScheduleView};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{SideIn, SideOut, side};
use crate::dto::present;

/// When a job runs by itself.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewSyncSchedule)]
pub(crate) struct ScheduleIn {
    /// Minute, hour, day of the month, month, day of the week: `15 3 * * *` is a quarter past three, every night.
    #[schema(example = "15 3 * * *")]
    cron: String,
    /// The time zone by its name; UTC if left out.
    #[schema(example = "Europe/Vienna")]
    zone: Option<String>,
}

impl From<ScheduleIn> for ScheduleDraft {
    fn from(given: ScheduleIn) -> Self {
        Self { cron: given.cron, zone: given.zone }
    }
}

/// When a job runs by itself.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SyncSchedule)]
pub(crate) struct ScheduleOut {
    /// Minute, hour, day of the month, month, day of the week.
    cron: String,
    /// The time zone.
    zone: String,
    /// The next time; null if the job is switched off or stopped.
    #[schema(format = DateTime)]
    next_at: Option<String>,
}

impl From<ScheduleView> for ScheduleOut {
    fn from(schedule: ScheduleView) -> Self {
        let ScheduleView { cron, zone, next } = schedule;
        Self { cron, zone, next_at: next.map(|at| at.to_string()) }
    }
}

/// A job to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewSyncJob)]
pub(crate) struct JobIn {
    /// What to call it.
    #[schema(min_length = 1)]
    name: String,
    /// The id of the storage; the source of a copy and of a mirror.
    storage: String,
    /// The part of it that is meant, as the beginning of keys; all of it if left out.
    #[serde(default)]
    prefix: String,
    /// The other side.
    with: SideIn,
    /// As of a plan: `two_way`, `copy` or `mirror`.
    #[schema(pattern = "^(two_way|copy|mirror)$", example = "mirror")]
    mode: String,
    /// As of a plan. With `ask`, files that differ are left as they are.
    #[schema(pattern = "^(keep_both|newest|storage|bucket|ask)$", example = "storage")]
    conflicts: Option<String>,
    /// When it runs by itself; only when somebody says so if left out.
    schedule: Option<ScheduleIn>,
    /// Whether it is switched on; it is if left out.
    enabled: Option<bool>,
    /// As of a plan.
    read_budget_bytes: Option<u64>,
    /// As of a plan.
    #[schema(minimum = 1)]
    keep_days: Option<u32>,
    /// As of a plan. More than that stops the job until somebody approves.
    #[schema(maximum = 100)]
    max_delete_percent: Option<u8>,
    /// As of a plan. More than that stops the job until somebody approves.
    max_delete_files: Option<u64>,
    /// As of a plan. More than that stops the job until somebody approves.
    #[schema(maximum = 100)]
    max_change_percent: Option<u8>,
    /// As of a run.
    #[schema(minimum = 1, maximum = 128)]
    in_flight: Option<u32>,
    /// As of a run.
    #[schema(minimum = 1)]
    bytes_per_second: Option<u64>,
}

impl From<JobIn> for JobDraft {
    fn from(given: JobIn) -> Self {
        let settings = JobSettings {
            read_budget_bytes: given.read_budget_bytes,
            keep_days: given.keep_days,
            max_delete_percent: given.max_delete_percent,
            max_delete_files: given.max_delete_files,
            max_change_percent: given.max_change_percent,
            in_flight: given.in_flight,
            bytes_per_second: given.bytes_per_second,
        };
        Self {
            name: given.name,
            storage: side(&given.storage, given.prefix),
            bucket: given.with.into(),
            mode: given.mode,
            conflicts: given.conflicts,
            schedule: given.schedule.map(ScheduleDraft::from),
            settings,
            enabled: given.enabled,
        }
    }
}

/// What to change of a job; what is left out stays. Its two sides never change.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SyncJobChange)]
pub(crate) struct JobPatch {
    /// What to call it.
    #[schema(min_length = 1)]
    name: Option<String>,
    /// As of a plan.
    #[schema(pattern = "^(two_way|copy|mirror)$")]
    mode: Option<String>,
    /// As of a plan.
    #[schema(pattern = "^(keep_both|newest|storage|bucket|ask)$")]
    conflicts: Option<String>,
    /// When it runs by itself; null for only when somebody says so.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<ScheduleIn>)]
    schedule: Option<Option<ScheduleIn>>,
    /// Whether it is switched on. Switching on a job that was stopped lets it try again.
    enabled: Option<bool>,
    /// As of a plan; null for the default.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<u64>)]
    read_budget_bytes: Option<Option<u64>>,
    /// As of a plan; null for the default.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<u32>, minimum = 1)]
    keep_days: Option<Option<u32>>,
    /// As of a plan; null for the default.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<u8>, maximum = 100)]
    max_delete_percent: Option<Option<u8>>,
    /// As of a plan; null for the default.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<u64>)]
    max_delete_files: Option<Option<u64>>,
    /// As of a plan; null for the default.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<u8>, maximum = 100)]
    max_change_percent: Option<Option<u8>>,
    /// As of a run; null for the default.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 128)]
    in_flight: Option<Option<u32>>,
    /// As of a run; null for no limit.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<u64>, minimum = 1)]
    bytes_per_second: Option<Option<u64>>,
}

impl JobPatch {
    /// The change of a job with these settings.
    pub(crate) fn change(&self, settings: &JobSettings) -> JobChange {
        let changed = JobSettings {
            read_budget_bytes: self.read_budget_bytes.unwrap_or(settings.read_budget_bytes),
            keep_days: self.keep_days.unwrap_or(settings.keep_days),
            max_delete_percent: self.max_delete_percent.unwrap_or(settings.max_delete_percent),
            max_delete_files: self.max_delete_files.unwrap_or(settings.max_delete_files),
            max_change_percent: self.max_change_percent.unwrap_or(settings.max_change_percent),
            in_flight: self.in_flight.unwrap_or(settings.in_flight),
            bytes_per_second: self.bytes_per_second.unwrap_or(settings.bytes_per_second),
        };
        let schedule = self.schedule.as_ref().map(|schedule| {
            let draft =
                |given: &ScheduleIn| ScheduleDraft { cron: given.cron.clone(), zone: given.zone.clone() };
            schedule.as_ref().map(draft)
        });
        JobChange {
            name: self.name.clone(),
            mode: self.mode.clone(),
            conflicts: self.conflicts.clone(),
            schedule,
            settings: (changed != *settings).then_some(changed),
            enabled: self.enabled,
        }
    }
}

/// A job.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SyncJob)]
pub(crate) struct JobOut {
    /// Identifies it.
    id: String,
    /// Identifies the two sides.
    pair: String,
    /// What people call it.
    name: String,
    /// The side that was named first.
    storage: SideOut,
    /// The other side.
    bucket: SideOut,
    /// `two_way`, `copy` or `mirror`.
    mode: &'static str,
    /// What becomes of files that differ when nothing says which is right.
    conflicts: &'static str,
    /// When it runs by itself; null for only when somebody says so.
    schedule: Option<ScheduleOut>,
    /// Whether it is switched on.
    enabled: bool,
    /// `waiting`, `planning`, `running`, `stopped` (it waits for somebody: `told` says why and what to do) or `off`.
    state: &'static str,
    /// Why it was stopped and what to do; empty if it was not.
    told: String,
    /// How many bytes may be read to find out whether files are the same; null for the default.
    read_budget_bytes: Option<u64>,
    /// For how many days what is replaced or deleted is kept; null for the default.
    keep_days: Option<u32>,
    /// More deletions than so many percent stop it; null for the default.
    max_delete_percent: Option<u8>,
    /// More deletions than so many stop it; null for the default.
    max_delete_files: Option<u64>,
    /// More changes on one side than so many percent stop it; null for the default.
    max_change_percent: Option<u8>,
    /// How many files may be under way at the same time; null for the default.
    in_flight: Option<u32>,
    /// How many bytes per second at most; null for no limit.
    bytes_per_second: Option<u64>,
    /// The last plan that it made.
    last_plan: Option<String>,
    /// The last run that it started.
    last_run: Option<String>,
    /// Who made it.
    actor: String,
    /// When.
    #[schema(format = DateTime)]
    created_at: String,
}

impl From<JobView> for JobOut {
    fn from(job: JobView) -> Self {
        let JobSettings {
            read_budget_bytes,
            keep_days,
            max_delete_percent,
            max_delete_files,
            max_change_percent,
            in_flight,
            bytes_per_second,
        } = job.settings;
        Self {
            id: job.id.to_string(),
            pair: job.pair.to_string(),
            name: job.name,
            storage: job.sides.storage.into(),
            bucket: job.sides.bucket.into(),
            mode: job.mode.as_str(),
            conflicts: job.conflicts.as_str(),
            schedule: job.schedule.map(ScheduleOut::from),
            enabled: job.enabled,
            state: job.state.as_str(),
            told: job.told,
            read_budget_bytes,
            keep_days,
            max_delete_percent,
            max_delete_files,
            max_change_percent,
            in_flight,
            bytes_per_second,
            last_plan: job.last_plan.map(|id| id.to_string()),
            last_run: job.last_run.map(|id| id.to_string()),
            actor: job.actor,
            created_at: job.created.to_string(),
        }
    }
}
