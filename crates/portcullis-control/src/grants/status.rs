//! Whether a storage is shared.

use std::collections::HashMap;

use portcullis_domain::StorageId;

use crate::{Control, Result};

/// With whom a storage is shared, besides the site's admins, who see every storage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ShareStatus {
    /// With nobody.
    #[default]
    Private,
    /// With people, by links, or both.
    Shared {
        /// How many people, each counted once however often it is shared with them.
        people: u32,
        /// How many links lead into it that have not ended or expired.
        links: u32,
    },
}

impl ShareStatus {
    /// Whether anybody but the site's admins comes in.
    #[must_use]
    pub const fn is_shared(self) -> bool {
        match self {
            Self::Private => false,
            Self::Shared { .. } => true,
        }
    }
}

/// Of some storages, with whom they are shared.
#[derive(Debug, Default)]
pub(crate) struct Shares(HashMap<StorageId, ShareStatus>);

impl Shares {
    /// With whom this one is.
    pub(crate) fn of(&self, id: StorageId) -> ShareStatus {
        self.0.get(&id).copied().unwrap_or_default()
    }
}

impl Control {
    /// With whom these storages are shared at this moment.
    pub(crate) async fn shares(&self, ids: &[StorageId]) -> Result<Shares> {
        let counts = self.metadata.share_counts(ids, self.access.now()).await?;
        let status = |people: u32, links: u32| {
            if people == 0 && links == 0 {
                ShareStatus::Private
            } else {
                ShareStatus::Shared { people, links }
            }
        };
        let shares = counts.into_iter().map(|count| (count.storage, status(count.people, count.links)));
        Ok(Shares(shares.collect()))
    }
}
