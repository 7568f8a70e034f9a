//! Existing data: two storages, or parts of them, are planned together, run, and taken back.
//!
//! Verbs write down what is wanted; [`Control::keep_synced`](crate::Control::keep_synced) does it, in whichever process takes it. A
//! plan and a run are held with a lease and a fence: after a crash another process goes on, and what the first one still writes is refused.
//! Both sides are reached by grants of a run's own, for two places and nothing else.

mod actions;
mod check;
mod choices;
mod drafts;
mod follow;
mod hands;
mod jobs;
mod journal;
mod marker;
mod pages;
mod place;
mod planning;
mod plans;
mod prepare;
mod restore;
mod retention;
mod running;
mod runs;
mod said;
mod schedule;
mod sides;
mod state;
mod store;
mod stored;
mod trail;
mod views;
mod worker;

pub(crate) use state::SyncState;

pub use drafts::{
    ActionQuery, ChoiceDraft, JobChange, JobDraft, JobQuery, JobSettings, KeptQuery, PlanDraft, PlanQuery,
    RunDraft, RunQuery, ScheduleDraft, SideDraft,
};
pub use portcullis_metadata::{JobState, PlanState, RunState, RunWish};
pub use views::{
    ActionView, Amount, CheckCode, CheckView, ChoiceView, GuardView, JobView, KeptSpace, KeptView, OpWord,
    PlanCost, PlanKind, PlanTotals, PlanView, RunView, ScheduleView, SeenView, SideView, StepView,
};
