//! Carrying a plan out.
//!
//! In three phases: first what only adds (and what only is remembered), then what replaces, deletions last. One key is
//! one step; steps of different keys go side by side. A step keeps what it will replace, has that written down, acts under the condition
//! that the key is still as it was planned on, looks at what came of it, and has that written down. So it can be begun again after a
//! crash at any moment: what is already as wanted is done, what is still as before is done now, and everything else was changed by
//! somebody and is left to the next plan.

mod progress;
mod terms;

use tokio::sync::watch;

pub use progress::{Phase, RunProgress, Snapshot};
pub use terms::{ActionPages, AsPlanned, Choose, Pace, RunEnd, RunTerms, Transfer, Wish};

use std::sync::Arc;

use crate::{Journal, Sides, Store, StoreError};
