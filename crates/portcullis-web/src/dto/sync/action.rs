//! The files of a plan.

use portcullis_control::{ActionView, SeenView};
use serde::Serialize;
use utoipa::ToSchema;

/// What a side has at a key.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SyncSeen)]
pub(crate) struct SeenOut {
    /// Bytes.
    size: u64,
    /// The entity tag.
    etag: String,
    /// When it was written, by that side's clock; null if only an agreement tells of it.
    #[schema(format = DateTime)]
    modified_at: Option<String>,
    /// Whether it lies in an archive of the provider and cannot be read.
    archived: bool,
}

impl From<SeenView> for SeenOut {
    fn from(seen: SeenView) -> Self {
        Self {
            size: seen.size,
            etag: seen.etag,
            modified_at: seen.modified.map(|at| at.to_string()),
            archived: seen.archived,
        }
    }
}

/// A file of a plan: what is done with it, why, and how that is known.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SyncAction)]
pub(crate) struct ActionOut {
    /// Its number in the plan.
    seq: u64,
    /// The key, under both sides' prefixes.
    key: String,
    /// What is done: `unchanged`, `agree`, `forget`, `write_to_storage`, `write_to_bucket`, `delete_in_storage`, `delete_in_bucket`,
    /// `keep_both`, `put_back_in_storage`, `put_back_in_bucket` or `leave`.
    op: &'static str,
    /// Why; null for what is unchanged.
    #[schema(example = "new_bucket")]
    reason: Option<&'static str>,
    /// How it is known: `none` (there was nothing to compare), `agreement`, `size`, `empty`, `etag`, `parts`, `checksum`, `sample` or
    /// `bytes`.
    evidence: &'static str,
    /// What was chosen for it; null if the plan's policy decides.
    chosen: Option<&'static str>,
    /// The other name, where both are kept.
    copy: Option<String>,
    /// Whose file gets the other name: `storage` or `bucket`.
    copy_of: Option<&'static str>,
    /// What the storage has there; null for nothing.
    storage: Option<SeenOut>,
    /// What the bucket has there; null for nothing.
    bucket: Option<SeenOut>,
}

impl From<ActionView> for ActionOut {
    fn from(action: ActionView) -> Self {
        Self {
            seq: action.seq,
            key: action.key,
            op: action.op.as_str(),
            reason: action.reason.map(|reason| reason.as_str()),
            evidence: action.evidence.as_str(),
            chosen: action.chosen.map(|choice| choice.as_str()),
            copy: action.copy,
            copy_of: action.copy_of.map(|side| side.as_str()),
            storage: action.seen.storage.map(SeenOut::from),
            bucket: action.seen.bucket.map(SeenOut::from),
        }
    }
}
