//! What people ask for, as they typed it.

use portcullis_domain::{StorageId, SyncRunId};
use portcullis_metadata::{JobState, PlanState, RunState};

/// One of the two sides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SideDraft {
    /// The storage.
    pub storage: StorageId,
    /// The part of it that is meant, as the beginning of keys; empty for all of it. Without a `/` at its end it is compared byte by
    /// byte, so that `a` also means `ab/c`.
    pub prefix: String,
}

/// Limits and amounts; whoever leaves one out gets the default.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct JobSettings {
    /// How many bytes may be read to find out whether files are the same, in bytes; 1 GiB.
    pub read_budget_bytes: Option<u64>,
    /// For how many days what is replaced or deleted is kept; 30.
    pub keep_days: Option<u32>,
    /// More deletions than so many percent of what was agreed on need somebody's approval; 10.
    pub max_delete_percent: Option<u8>,
    /// More deletions than so many do too; 1,000.
    pub max_delete_files: Option<u64>,
    /// More changes on one side than so many percent of what was agreed on do too; 30.
    pub max_change_percent: Option<u8>,
    /// Files that are under way at the same time; 16.
    pub in_flight: Option<u32>,
    /// Bytes per second at most; no limit.
    pub bytes_per_second: Option<u64>,
}

/// A plan to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanDraft {
    /// The side that is named first; the source of a copy and of a mirror.
    pub storage: SideDraft,
    /// The other.
    pub bucket: SideDraft,
    /// `two_way`, `copy` or `mirror`.
    pub mode: String,
    /// `keep_both`, `newest`, `storage`, `bucket` or `ask`; both in a two-way plan, the source in the others if left out.
    pub conflicts: Option<String>,
    /// Limits and amounts. Those of the run are the defaults of the run.
    pub settings: JobSettings,
}

/// Which plans to list; the latest first.
#[derive(Clone, Debug, Default)]
pub struct PlanQuery {
    /// Only those of this storage, on either side.
    pub storage: Option<StorageId>,
    /// Only those in this state.
    pub state: Option<PlanState>,
}

/// Which actions of a plan to list.
#[derive(Clone, Debug, Default)]
pub struct ActionQuery {
    /// A word of [`OpWord`](super::OpWord); `unchanged` lists what both sides had agreed on and still have.
    pub op: Option<String>,
    /// A word of [`Reason`](portcullis_sync::Reason).
    pub reason: Option<String>,
    /// Only keys that contain it, upper and lower case alike.
    pub search: Option<String>,
    /// Only what still waits for somebody's decision.
    pub only_open: bool,
}

/// What to do with keys, against the plan's policy. At least one of `key`, `prefix` and `reason` is given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChoiceDraft {
    /// For this key alone.
    pub key: Option<String>,
    /// For every key that begins so.
    pub prefix: Option<String>,
    /// For every key with this reason: a word of [`Reason`](portcullis_sync::Reason).
    pub reason: Option<String>,
    /// `keep_both`, `newest`, `storage`, `bucket` or `skip`.
    pub choice: String,
}

/// How a plan is to be run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunDraft {
    /// The version of the choices that whoever runs it has seen; none to run it whatever they are.
    pub version: Option<u64>,
    /// The guards that are right, by their codes.
    pub approve: Vec<String>,
    /// Files that are under way at the same time, 1 to 128; 16 if left out.
    pub in_flight: Option<u32>,
    /// Bytes per second at most; no limit if left out.
    pub bytes_per_second: Option<u64>,
}

/// Which runs to list; the latest first.
#[derive(Clone, Debug, Default)]
pub struct RunQuery {
    /// Only those of this storage, on either side.
    pub storage: Option<StorageId>,
    /// Only those in this state.
    pub state: Option<RunState>,
}

/// Which kept bytes to list.
#[derive(Clone, Debug, Default)]
pub struct KeptQuery {
    /// Only those in this storage.
    pub storage: Option<StorageId>,
    /// Only those of this run.
    pub run: Option<SyncRunId>,
    /// Only keys that contain it.
    pub search: Option<String>,
}

/// When a job runs by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScheduleDraft {
    /// Minute, hour, day of the month, month, day of the week: `15 3 * * *` is a quarter past three, every night.
    pub cron: String,
    /// The time zone by its name, as `Europe/Vienna`; `UTC` if left out.
    pub zone: Option<String>,
}

/// A job to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobDraft {
    /// What people call it.
    pub name: String,
    /// The side that is named first; the source of a copy and of a mirror.
    pub storage: SideDraft,
    /// The other.
    pub bucket: SideDraft,
    /// As in [`PlanDraft`].
    pub mode: String,
    /// As in [`PlanDraft`].
    pub conflicts: Option<String>,
    /// When it runs by itself; only when somebody says so if left out.
    pub schedule: Option<ScheduleDraft>,
    /// Limits and amounts.
    pub settings: JobSettings,
    /// Whether it is switched on; it is if left out.
    pub enabled: Option<bool>,
}

/// What to change of a job; what is left out stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JobChange {
    /// Its name.
    pub name: Option<String>,
    /// Its mode.
    pub mode: Option<String>,
    /// What becomes of conflicts.
    pub conflicts: Option<String>,
    /// When it runs by itself; inner none: only when somebody says so.
    pub schedule: Option<Option<ScheduleDraft>>,
    /// Limits and amounts, all of them.
    pub settings: Option<JobSettings>,
    /// Whether it is switched on. Switching a stopped job on lets it try again.
    pub enabled: Option<bool>,
}

/// Which jobs to list; by age.
#[derive(Clone, Debug, Default)]
pub struct JobQuery {
    /// Only those of this storage, on either side.
    pub storage: Option<StorageId>,
    /// Only those in this state.
    pub state: Option<JobState>,
}
