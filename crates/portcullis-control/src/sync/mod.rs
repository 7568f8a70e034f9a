//! Existing data: two storages, or parts of them, are planned together, run, and taken back.

mod drafts;
mod place;
mod schedule;
mod states;
mod store;
mod verbs;
mod views;

pub use drafts::{
    ActionQuery, ChoiceDraft, JobChange, JobDraft, JobQuery, JobSettings, KeptQuery, PlanDraft, PlanQuery,
    RunDraft, RunQuery, ScheduleDraft, SideDraft,
};
pub use states::{JobState, PlanState, RunState, RunWish};
pub use views::{
    ActionView, Amount, CheckCode, CheckView, ChoiceView, GuardView, JobView, KeptSpace, KeptView, OpWord,
    PlanCost, PlanKind, PlanTotals, PlanView, RunView, ScheduleView, SeenView, SideView, StepView,
};
