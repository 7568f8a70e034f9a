//! Two storages made one: what has to be done, how it is done, and the way back.
//!
//! * **Planned first.** [`make_plan`] compares two listings and what both sides last agreed on, all three in the order of their keys
//!   and in constant memory, and says for every key what is to be done, why, and how that is known.
//! * **Same is proven, different is assumed.** A wrong "different" costs a copy, a wrong "same" costs data.
//! * **A deletion is never derived from absence alone.** It takes an agreement that was once there, a listing that was whole, and
//!   an answer of the very key that it is gone.
//! * **Every deed carries what it was planned on.** If that no longer holds the key is left as it is and planned anew.
//! * **Nothing is lost.** Before bytes are replaced or removed they have a second home that is written down.
//!
//! Nothing here knows a database, a protocol or a right: the two sides are [`Store`]s, what was done is written to a
//! [`Journal`], and time is an argument. So every way in which the world can fail is played through in the tests.

mod action;
mod agreed;
mod codec;
mod fault;
mod journal;
mod listing;
mod name;
mod plan;
mod restore;
mod run;
mod same;
mod settle;
mod side;
mod store;

pub use action::{Action, Choice, Evidence, Mode, Op, Policy, Reason};
pub use agreed::{Agreed, Mark, Seen};
pub use codec::{PAGE, decode, encode};
pub use fault::{StoreError, StoreFault};
pub use journal::{Copied, Journal, Kept, Place, Step, StepState, Underway};
pub use name::{SHORT, conflict_name, is_conflict_name};
pub use plan::{
    BasePages, BaseUse, ChoiceRule, Choices, Cost, Count, Equal, Guard, GuardHit, GuardLimits, InvalidRule,
    Judgement, NewPage, NoBase, PageSink, PlanFault, PlanProgress, PlanResult, PlanTerms, Planned, Risk, Row,
    SKEW_ALARM, SKEW_KNOWN, Since, Totals, Verdict, actions_of, cannot, choice_for, decide_choice, guards,
    is_open, judge, make_plan, risks, totals_with,
};
pub use restore::{Pick, make_restore};
pub use run::{
    ActionPages, AsPlanned, Choose, Pace, Phase, RESERVED, RunEnd, RunProgress, RunTerms, Snapshot, Transfer,
    Wish, kept_key, purge, run,
};
pub use settle::{Settled, settle};
pub use side::{Side, Sides};
pub use store::{Abilities, Store};
