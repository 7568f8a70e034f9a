//! What a run writes down, before it acts and after.

use std::fmt::Debug;
use std::ops::RangeInclusive;

use async_trait::async_trait;
use portcullis_backend::{Etag, VersionId};
use portcullis_domain::ObjectKey;
use serde::{Deserialize, Serialize};

use crate::{Mark, Side, Sides, StoreError};

/// Where the bytes are that a run replaced or deleted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// A previous version at the same key.
    Version(Box<str>),
    /// A copy under the reserved prefix of the same side.
    Reserved(#[serde(with = "crate::codec::key")] ObjectKey),
}

impl Place {
    /// The version, if it is one.
    #[must_use]
    pub fn version(&self) -> Option<VersionId> {
        match self {
            Self::Version(id) => Some(VersionId(id.clone())),
            Self::Reserved(_) => None,
        }
    }
}

/// Bytes that were kept before they were replaced or deleted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// On which side.
    pub side: Side,
    /// Of which key, under that side's prefix.
    #[serde(with = "crate::codec::key")]
    pub key: ObjectKey,
    /// Where they are.
    pub place: Place,
    /// What they were.
    pub mark: Mark,
}

/// How far a step is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepState {
    /// What it will replace or delete is kept; whether it acted is not known.
    Kept,
    /// Done: both sides are as the plan said.
    Done,
    /// A side was changed since the plan; nothing was done. A new plan sees to it.
    Changed,
    /// It failed, and the same would fail again.
    Failed,
    /// Left out: by choice, or because the plan says so.
    Skipped,
}

/// One step of a run: what has become of one action. Written whole each time; the last one counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// The action's number.
    pub seq: u64,
    /// The key.
    #[serde(with = "crate::codec::key")]
    pub key: ObjectKey,
    /// How far it is.
    pub state: StepState,
    /// What was kept, of each side at most one at the key itself.
    pub kept: Vec<Kept>,
    /// What each side has at the key now, as far as this step wrote it; outer none: not written, inner none: nothing is there.
    pub wrote: Sides<Option<Option<Mark>>>,
    /// The other name under which this step put a conflicting object, and what is there on each side.
    pub copy: Option<Copied>,
    /// What was agreed on before.
    pub before: Option<Sides<Mark>>,
    /// What is agreed on now.
    pub agreed: Option<Sides<Mark>>,
    /// The upload in parts that is under way for it, to go on with after a crash.
    pub upload: Option<Underway>,
    /// Bytes that this step moved between the sides.
    pub moved: u64,
    /// What went wrong, in words for people; empty if nothing did.
    pub told: String,
}

/// An upload in parts that was begun and whose end is not known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Underway {
    /// On which side.
    pub side: Side,
    /// Of which key there.
    #[serde(with = "crate::codec::key")]
    pub key: ObjectKey,
    /// Its name.
    pub upload: Box<str>,
    /// Bytes of each part but the last.
    pub part: u64,
    /// The entity tag that the object will have, as soon as all parts are there and it can be computed.
    pub expect: Option<Etag>,
    /// Whether the tags of its parts prove nothing: then the object is read when it is there.
    pub unproven: bool,
}

/// A conflicting object under its other name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Copied {
    /// The name.
    #[serde(with = "crate::codec::key")]
    pub key: ObjectKey,
    /// What this step wrote there on each side.
    pub wrote: Sides<Option<Mark>>,
}

/// Where a run writes down what it does. Whoever has lost the run to another process is told so by [`StoreFault::Stopped`](crate::StoreFault::Stopped)
/// and must not go on.
#[async_trait]
pub trait Journal: Send + Sync + Debug + 'static {
    /// Steps that were written, of these numbers, in their order.
    async fn steps(&self, of: RangeInclusive<u64>) -> Result<Vec<Step>, StoreError>;

    /// Writes steps. When it returns they are durable.
    async fn write(&self, steps: &[Step]) -> Result<(), StoreError>;
}
