//! Makes a plan.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use super::{BasePages, Cost, GuardHit, PageSink, PlanFault, PlanProgress, PlanTerms, Risk, Totals};
use crate::{Sides, Store};

/// What a plan comes to, besides its actions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PlanResult {
    /// What it comes to.
    pub totals: Totals,
    /// What stops it until somebody says that it is right.
    pub guards: Vec<GuardHit>,
    /// What it costs.
    pub cost: Cost,
    /// What to know before it is run.
    pub risks: Vec<Risk>,
}

/// Makes a plan.
///
/// # Errors
/// Whatever makes a plan impossible.
pub async fn make_plan(
    stores: &Sides<Arc<dyn Store>>,
    base: Arc<dyn BasePages>,
    sink: &dyn PageSink,
    terms: &PlanTerms,
    progress: Arc<PlanProgress>,
    stop: &CancellationToken,
) -> Result<PlanResult, PlanFault> {
    let _ = (stores, base, sink, terms, progress, stop);
    Err(PlanFault::Stopped)
}
