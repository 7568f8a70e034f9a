//! Why there is no plan.

use portcullis_domain::ObjectKey;

use crate::{Side, StoreError};

/// Why there is no plan. None of these can be approved away.
#[derive(Debug, thiserror::Error)]
pub enum PlanFault {
    /// A side does not answer, refuses, or answers with what cannot be.
    #[error("the {} cannot be read", side.as_str())]
    Side {
        /// Which.
        side: Side,
        /// What it said.
        #[source]
        error: StoreError,
    },
    /// A side lists its keys out of order, or one twice: what is missing in such a list may well be there.
    #[error("the {} lists its keys out of order, after {after:?}", side.as_str())]
    Order {
        /// Which.
        side: Side,
        /// The key after which it went wrong.
        after: ObjectKey,
    },
    /// What both sides had agreed on cannot be read.
    #[error("what both sides had agreed on cannot be read")]
    Base(#[source] StoreError),
    /// The plan cannot be written down.
    #[error("the plan cannot be written down")]
    Sink(#[source] StoreError),
    /// It was stopped.
    #[error("planning was stopped")]
    Stopped,
}
