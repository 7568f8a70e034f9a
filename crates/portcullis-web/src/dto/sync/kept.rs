//! What runs have kept.

use portcullis_control::{KeptSpace, KeptView};
use serde::Serialize;
use utoipa::ToSchema;

use super::totals::AmountOut;

/// Bytes that a run kept before it replaced or deleted them.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = KeptVersion)]
pub(crate) struct KeptOut {
    /// Identifies it.
    id: String,
    /// The run that kept it.
    run: String,
    /// The id of the storage that it is kept in.
    storage: String,
    /// What people call that.
    storage_name: String,
    /// The whole key in that storage.
    key: String,
    /// Bytes.
    size: u64,
    /// Whether it is a previous version at its key; otherwise a copy of its own, which clients do not see.
    is_version: bool,
    /// When it was kept.
    #[schema(format = DateTime)]
    kept_at: String,
    /// When it is deleted.
    #[schema(format = DateTime)]
    expires_at: String,
}

impl From<KeptView> for KeptOut {
    fn from(kept: KeptView) -> Self {
        Self {
            id: kept.id.to_string(),
            run: kept.run.to_string(),
            storage: kept.storage.to_string(),
            storage_name: kept.storage_name,
            key: kept.key,
            size: kept.size,
            is_version: kept.is_version,
            kept_at: kept.kept.to_string(),
            expires_at: kept.expires.to_string(),
        }
    }
}

/// How much is kept in one storage.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = KeptSpace)]
pub(crate) struct KeptSpaceOut {
    /// The storage's id.
    storage: String,
    /// What people call it.
    storage_name: String,
    /// How much; it takes up space there.
    held: AmountOut,
}

impl From<KeptSpace> for KeptSpaceOut {
    fn from(space: KeptSpace) -> Self {
        let KeptSpace { storage, storage_name, held } = space;
        Self { storage: storage.to_string(), storage_name, held: held.into() }
    }
}

/// A page of what is kept, and how much there is of it in all.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = KeptVersions)]
pub(crate) struct KeptListOut {
    /// The items, in the order of the list.
    pub(crate) items: Vec<KeptOut>,
    /// What to send as `cursor` for the next page; null on the last.
    pub(crate) next_cursor: Option<String>,
    /// How much is kept in each storage of the site, whatever the filters.
    pub(crate) space: Vec<KeptSpaceOut>,
}
