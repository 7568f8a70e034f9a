//! What is shown of plans, runs, jobs and what is kept.

mod job;
mod plan;
mod run;

use portcullis_domain::{KeyPrefix, Provider, StorageId};

pub use job::{JobView, ScheduleView};
pub use plan::{
    ActionView, CheckCode, CheckView, ChoiceView, GuardView, OpWord, PlanCost, PlanKind, PlanTotals,
    PlanView, SeenView,
};
pub use run::{KeptSpace, KeptView, RunView, StepView};

/// Files, and the bytes in them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amount {
    /// How many files.
    pub files: u64,
    /// How many bytes.
    pub bytes: u64,
}

/// One of the two sides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SideView {
    /// The storage.
    pub id: StorageId,
    /// What people call it.
    pub name: String,
    /// What S3 tools call it.
    pub bucket_name: String,
    /// The part of it that is meant; empty for all of it.
    pub prefix: KeyPrefix,
    /// Who has its bytes.
    pub provider: Provider,
    /// Whether it is in use; one that was deleted or set aside is only named.
    pub active: bool,
}
