//! Two storages that are planned together, run, and taken back.

mod action;
mod job;
mod kept;
mod plan;
mod run;
mod totals;

pub(crate) use action::ActionOut;
pub(crate) use job::{JobIn, JobOut, JobPatch};
pub(crate) use kept::{KeptListOut, KeptOut, KeptSpaceOut};
pub(crate) use plan::{ChoicesIn, PlanIn, PlanOut};
pub(crate) use run::{RestoreIn, RunIn, RunOut, SyncStepOut, step_state};

use portcullis_control::{SideDraft, SideView};
use portcullis_domain::StorageId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One of the two sides.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SyncSide)]
pub(crate) struct SideOut {
    /// The storage's id.
    id: String,
    /// What people call it.
    name: String,
    /// What S3 tools call it.
    bucket_name: String,
    /// The part of it that is meant, as the beginning of keys; empty for all of it.
    prefix: String,
    /// Who has its bytes: `builtin` or `s3`.
    provider: String,
    /// Whether it is in use; one that was deleted or set aside is only named.
    active: bool,
}

impl From<SideView> for SideOut {
    fn from(side: SideView) -> Self {
        Self {
            id: side.id.to_string(),
            name: side.name,
            bucket_name: side.bucket_name,
            prefix: side.prefix.to_string(),
            provider: side.provider.to_string(),
            active: side.active,
        }
    }
}

/// The other side, to be named.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewSyncSide)]
pub(crate) struct SideIn {
    /// The storage's id.
    storage: String,
    /// The part of it that is meant, as the beginning of keys, byte by byte: `2027/` and not `2027` for a folder. All of it if left out.
    #[serde(default)]
    prefix: String,
}

impl From<SideIn> for SideDraft {
    fn from(given: SideIn) -> Self {
        side(&given.storage, given.prefix)
    }
}

/// A side of this storage. A text that can be no id is the id of nothing: so all that is wrong is named together.
fn side(storage: &str, prefix: String) -> SideDraft {
    let storage = storage.parse().unwrap_or_else(|_| StorageId::from_u128(0));
    SideDraft { storage, prefix }
}
