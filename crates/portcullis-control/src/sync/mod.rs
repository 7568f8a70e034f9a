//! Existing data: two storages, or parts of them, are planned together, run, and taken back.

mod drafts;
mod verbs;
mod views;

pub use drafts::{
    ActionQuery, ChoiceDraft, JobChange, JobDraft, JobQuery, JobSettings, KeptQuery, PlanDraft, PlanQuery,
    RunDraft, RunQuery, ScheduleDraft, SideDraft,
};
pub use views::{
    ActionView, Amount, CheckCode, CheckView, ChoiceView, GuardView, JobState, JobView, KeptSpace, KeptView,
    OpWord, PlanCost, PlanKind, PlanState, PlanTotals, PlanView, RunState, RunView, RunWish, ScheduleView,
    SeenView, SideView, StepView,
};
