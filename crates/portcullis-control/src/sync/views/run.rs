//! What is shown of runs and of what they keep.

use std::time::Duration;

use portcullis_domain::{KeptId, StorageId, SyncJobId, SyncPairId, SyncPlanId, SyncRunId, Timestamp};
use portcullis_metadata::{RunState, RunWish};
use portcullis_sync::{Sides, StepState};

use super::{Amount, PlanKind, SideView};

/// A run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunView {
    /// Its id.
    pub id: SyncRunId,
    /// The plan that it carries out.
    pub plan: SyncPlanId,
    /// The two sides, as what is remembered of them.
    pub pair: SyncPairId,
    /// What the plan does.
    pub kind: PlanKind,
    /// The job that started it.
    pub job: Option<SyncJobId>,
    /// The run that it takes back.
    pub restores: Option<SyncRunId>,
    /// The two sides.
    pub sides: Sides<SideView>,
    /// How far it is.
    pub state: RunState,
    /// What people want of it.
    pub wish: RunWish,
    /// 1: what is new; 2: what is written over; 3: what is deleted. 0 before it began.
    pub phase: u8,
    /// Files done.
    pub files_done: u64,
    /// Files to do.
    pub files_total: u64,
    /// Bytes moved.
    pub bytes_done: u64,
    /// Bytes to move.
    pub bytes_total: u64,
    /// Bytes per second, lately.
    pub rate: u64,
    /// How long it may still take; none if that cannot be told.
    pub time_left: Option<Duration>,
    /// Keys that were changed by others since the plan, and were left alone.
    pub changed: u64,
    /// Keys at which it failed.
    pub failed: u64,
    /// Keys that were left out by choice, or because the plan says so.
    pub skipped: u64,
    /// What was kept before it was replaced or deleted, and is still there.
    pub kept: Amount,
    /// The guards that were approved.
    pub approved: Vec<String>,
    /// What there is to say about it, in words; may be empty.
    pub told: String,
    /// Who started it.
    pub actor: String,
    /// When somebody said that it be run.
    pub created: Timestamp,
    /// When it began.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// Until when what it kept can be put back; none if it kept nothing.
    pub restorable_until: Option<Timestamp>,
}

/// One step of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepView {
    /// The number of the action.
    pub seq: u64,
    /// The key.
    pub key: String,
    /// How far it is.
    pub state: StepState,
    /// Bytes that it moved.
    pub moved: u64,
    /// How many things it kept.
    pub kept: usize,
    /// The other name under which it put a conflicting object.
    pub copy: Option<String>,
    /// What went wrong; empty if nothing did.
    pub told: String,
}

/// Bytes that a run kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptView {
    /// Its id.
    pub id: KeptId,
    /// The run.
    pub run: SyncRunId,
    /// The storage that it is kept in.
    pub storage: StorageId,
    /// What people call that.
    pub storage_name: String,
    /// The whole key in that storage.
    pub key: String,
    /// Bytes.
    pub size: u64,
    /// Whether it is a previous version at its key; otherwise a copy that clients do not see.
    pub is_version: bool,
    /// When it was kept.
    pub kept: Timestamp,
    /// When it goes.
    pub expires: Timestamp,
}

/// What is kept in one storage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptSpace {
    /// The storage.
    pub storage: StorageId,
    /// What people call it.
    pub storage_name: String,
    /// How much.
    pub held: Amount,
}
