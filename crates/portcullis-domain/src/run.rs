//! What a run between two storages may do.

use crate::{KeyPrefix, Permission, SiteId, StorageId};

/// The authority of a run: two places of one site, and nothing else. An admin asked for it, so what a storage says of keys
/// (networks, permission, pause) does not bind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunPass {
    /// The id under which it stands in the audit trail: that of the run, or of the plan that is being made.
    pub run: String,
    /// The site of both places.
    pub site: SiteId,
    /// The places. Both may be parts of one storage.
    pub sides: [RunSide; 2],
}

/// One of the two places.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunSide {
    /// The storage.
    pub storage: StorageId,
    /// What of it; the storage's reserved prefix comes with it.
    pub prefix: KeyPrefix,
    /// What may be done there: [`Permission::ReadWrite`], or [`Permission::Read`] where a run only reads. More than
    /// [`Permission::ReadWrite`] means that.
    pub permission: Permission,
}
