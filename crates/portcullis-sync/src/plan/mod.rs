//! The plan: what has to be done so that two sides are one.
//!
//! Three streams in the order of their keys are merged: what each side lists, and what both last agreed on. What is as it was
//! agreed on is only counted. For everything else [`judge()`] says what is to be done, from what became of each side since the
//! agreement; it asks whether two objects are the same only where that matters. What cannot be done is found here, before anything runs.

mod cannot;
mod choices;
mod clash;
mod cost;
mod fault;
mod feed;
mod guards;
mod judge;
mod line;
mod make;
mod merge;
mod one_way;
mod pages;
mod progress;
mod renames;
mod row;
mod tally;
mod terms;
mod totals;

pub use cannot::cannot;
pub use choices::{ChoiceRule, Choices, InvalidRule, choice_for, decide_choice, is_open};
pub use cost::{Cost, Risk, risks};
pub use fault::PlanFault;
pub use guards::{Guard, GuardHit, guards};
pub use judge::{Judgement, judge};
pub use make::{PlanResult, make_plan};
pub use pages::{BasePages, NewPage, NoBase, PageSink, actions_of};
pub use progress::{PlanProgress, Planned};
pub use row::{Equal, Row, Since, Verdict};
pub use terms::{BaseUse, GuardLimits, PlanTerms, SKEW_ALARM, SKEW_KNOWN};
pub use totals::{Count, Totals, totals_with};

pub(crate) use pages::Pager;
