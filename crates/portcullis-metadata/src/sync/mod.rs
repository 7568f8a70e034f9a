//! What is to be made the same: pairs of places, plans, runs, and what runs kept. What is in a page or a step is not looked into.
//!
//! * **What people decide is recorded**, under the change clock as everything else: plans, choices, runs, wishes, jobs. What a process notes while it
//!   works does not take the clock, so that a run of a million steps makes nobody wait for it.
//! * **A fence for every process.** Who takes a plan or a run over raises its fence, and every write of its predecessor finds nothing:
//!   [`Fenced::Lost`].
//! * **What is large is deleted a little at a time**, by verbs that are called until they find no more.

mod base;
mod due;
mod end;
mod jobs;
mod kept;
mod pages;
mod pairs;
mod planning;
mod plans;
mod retention;
mod running;
mod runs;
mod start;
mod steps;
mod words;

use crate::error::{Fault, MetadataErrorKind};

pub use jobs::SyncJobRow;
pub use kept::{KeptFilter, KeptRow, KeptSpace, NewKept};
pub use pages::{PagesOf, SyncPageRow};
pub use pairs::{NewSyncPair, SyncPairRow};
pub use planning::SyncPlanEnd;
pub use plans::{NewSyncPlan, SyncPlanFilter, SyncPlanRow};
pub use running::SyncRunEnd;
pub use runs::{SyncRunFilter, SyncRunRow};
pub use start::NewSyncRun;
pub use steps::SyncStepRow;
pub use words::{Fenced, JobState, PlanFinish, PlanState, RunStart, RunState, RunWish, UnknownWord};

/// How many rows one statement takes: within the parameters that both engines allow.
const BATCH: usize = 500;

/// A number as the engines keep it.
fn stored(value: u64) -> Result<i64, Fault> {
    i64::try_from(value)
        .map_err(|_| Fault::new(MetadataErrorKind::Refused, "a number is too large to be kept"))
}
