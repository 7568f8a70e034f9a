//! Runs.

use portcullis_control::{RunDraft, RunView, StepState, StepView};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::SideOut;
use super::totals::AmountOut;

/// How a plan is to be run.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewSyncRun)]
pub(crate) struct RunIn {
    /// The guards of the plan that somebody has looked at and that are right, by their codes. All of them have to be named.
    #[serde(default)]
    approve: Vec<String>,
    /// How many files may be under way at the same time; 16 if left out.
    #[schema(minimum = 1, maximum = 128)]
    in_flight: Option<u32>,
    /// How many bytes per second at most; no limit if left out.
    #[schema(minimum = 1)]
    bytes_per_second: Option<u64>,
}

impl RunIn {
    /// The draft of a run of the plan as it is in this version; whatever it is like for none.
    pub(crate) fn draft(self, version: Option<u64>) -> RunDraft {
        let Self { approve, in_flight, bytes_per_second } = self;
        RunDraft { version, approve, in_flight, bytes_per_second }
    }
}

/// What of a run is to be taken back.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SyncRestore)]
pub(crate) struct RestoreIn {
    /// Only these files; all of them if left out.
    pub(crate) keys: Option<Vec<String>>,
}

/// A run of a plan.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SyncRun)]
pub(crate) struct RunOut {
    /// Identifies it.
    id: String,
    /// The plan that it carries out.
    plan: String,
    /// Identifies the two sides.
    pair: String,
    /// `plan`, or `restore` if it takes another run back.
    kind: &'static str,
    /// The job that started it.
    job: Option<String>,
    /// The run that it takes back.
    restores: Option<String>,
    /// The side that was named first.
    storage: SideOut,
    /// The other side.
    bucket: SideOut,
    /// `waiting`, `running`, `paused`, `settling` (all is done, and is being written down), `done`, `partial` (some files are left as they
    /// were: a new plan sees to them), `cancelled` or `failed`.
    state: &'static str,
    /// What is wanted of it: `go`, `pause` or `cancel`.
    wish: &'static str,
    /// 1: what is new; 2: what is written over; 3: what is deleted; 0 before it began.
    phase: u8,
    /// Files done.
    files_done: u64,
    /// Files to do.
    files_total: u64,
    /// Bytes moved.
    bytes_done: u64,
    /// Bytes to move.
    bytes_total: u64,
    /// Bytes per second, lately.
    rate: u64,
    /// How many seconds it may still take; null if that cannot be told.
    seconds_left: Option<u64>,
    /// Files that others changed since the plan; they were left alone.
    changed: u64,
    /// Files at which it failed.
    failed: u64,
    /// Files that were left out by choice, or because the plan says so.
    skipped: u64,
    /// What was kept before it was replaced or deleted, and is still there.
    kept: AmountOut,
    /// The guards that were approved.
    approved: Vec<String>,
    /// What there is to say about it; may be empty.
    told: String,
    /// Who started it.
    actor: String,
    /// When somebody said that it be run.
    #[schema(format = DateTime)]
    created_at: String,
    /// When it began.
    #[schema(format = DateTime)]
    started_at: Option<String>,
    /// When it ended.
    #[schema(format = DateTime)]
    ended_at: Option<String>,
    /// Until when what it kept can be put back; null if it kept nothing.
    #[schema(format = DateTime)]
    restorable_until: Option<String>,
}

impl From<RunView> for RunOut {
    fn from(run: RunView) -> Self {
        Self {
            id: run.id.to_string(),
            plan: run.plan.to_string(),
            pair: run.pair.to_string(),
            kind: run.kind.as_str(),
            job: run.job.map(|id| id.to_string()),
            restores: run.restores.map(|id| id.to_string()),
            storage: run.sides.storage.into(),
            bucket: run.sides.bucket.into(),
            state: run.state.as_str(),
            wish: run.wish.as_str(),
            phase: run.phase,
            files_done: run.files_done,
            files_total: run.files_total,
            bytes_done: run.bytes_done,
            bytes_total: run.bytes_total,
            rate: run.rate,
            seconds_left: run.time_left.map(|left| left.as_secs()),
            changed: run.changed,
            failed: run.failed,
            skipped: run.skipped,
            kept: run.kept.into(),
            approved: run.approved,
            told: run.told,
            actor: run.actor,
            created_at: run.created.to_string(),
            started_at: run.started.map(|at| at.to_string()),
            ended_at: run.ended.map(|at| at.to_string()),
            restorable_until: run.restorable_until.map(|at| at.to_string()),
        }
    }
}

/// What became of a file in a run.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SyncStep)]
pub(crate) struct SyncStepOut {
    /// Its number in the plan.
    seq: u64,
    /// The key, under both sides' prefixes.
    key: String,
    /// `kept` (what will be replaced or deleted is kept), `done`, `changed` (somebody changed it since the plan: left alone), `failed` or
    /// `skipped`.
    state: &'static str,
    /// Bytes that were moved.
    moved: u64,
    /// How many things were kept.
    kept: usize,
    /// The other name, where both are kept.
    copy: Option<String>,
    /// What went wrong; empty if nothing did.
    told: String,
}

impl From<StepView> for SyncStepOut {
    fn from(step: StepView) -> Self {
        let StepView { seq, key, state, moved, kept, copy, told } = step;
        Self { seq, key, state: word_of(state), moved, kept, copy, told }
    }
}

/// Every state of a step.
const STATES: [StepState; 5] =
    [StepState::Kept, StepState::Done, StepState::Changed, StepState::Failed, StepState::Skipped];

const fn word_of(state: StepState) -> &'static str {
    match state {
        StepState::Kept => "kept",
        StepState::Done => "done",
        StepState::Changed => "changed",
        StepState::Failed => "failed",
        StepState::Skipped => "skipped",
    }
}

/// The state of a step with this word.
pub(crate) fn step_state(word: &str) -> Option<StepState> {
    STATES.into_iter().find(|state| word_of(*state) == word)
}
