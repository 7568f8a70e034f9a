//! How a storage is: what it holds, what is left, whether it answers, whether a key opens it.

use portcullis_access::{AccessError, BackendErrorKind, SiteAdmin};
use portcullis_domain::{Health, Storage, StorageId, Usage};
use portcullis_metadata::Measurement;

use crate::connections::{Openers, S3Connection};
use crate::facts::next_look;
use crate::grants::{ShareStatus, Shares};
use crate::{Control, Result};

/// A storage with how it is.
#[derive(Clone, Debug)]
pub struct StorageView {
    /// The record.
    pub storage: Storage,
    /// What it holds; none if that cannot be told at the moment.
    pub usage: Option<Usage>,
    /// How many more bytes fit, by the quota and the space there is; none if that cannot be told.
    pub available: Option<u64>,
    /// How its connection is.
    pub health: Health,
    /// Whether an S3 tool can reach it: the S3 door is open for it, and there is a key that works.
    pub s3_active: bool,
    /// With whom it is shared.
    pub share: ShareStatus,
}

impl Control {
    /// A storage as it is at this moment.
    pub(crate) async fn view_storage(&self, admin: &SiteAdmin, storage: Storage) -> Result<StorageView> {
        let ids = [storage.id];
        let (openers, shares) = tokio::try_join!(self.openers(admin.site(), &ids), self.shares(&ids))?;
        Ok(self.view_opened(admin, storage, &openers, &shares).await)
    }

    pub(super) async fn view_opened(
        &self,
        admin: &SiteAdmin,
        storage: Storage,
        openers: &Openers,
        shares: &Shares,
    ) -> StorageView {
        let measured = self.measure(admin, storage.id).await;
        let share = shares.of(storage.id);
        view_of(storage, measured, openers, share)
    }

    /// A storage that was just made; the list of connections knows it from now on.
    pub(crate) async fn view_new(&self, admin: &SiteAdmin, storage: Storage) -> Result<StorageView> {
        let openers = self.openers(admin.site(), &[storage.id]).await?;
        let measured = self.measure(admin, storage.id).await;
        let (at, health) =
            (self.access.now(), measured.as_ref().err().map_or(Health::Reachable, health_after));
        let measurement = Measurement {
            storage: storage.id,
            site: storage.site,
            at,
            usage: measured.as_ref().ok().copied(),
            health,
            due: next_look(storage.connection.provider, health, at),
        };
        if let Err(error) = self.keep_measured(&[measurement]).await {
            tracing::warn!(%error, "a new storage is shown without numbers until it is measured");
        }
        Ok(view_of(storage, measured, &openers, ShareStatus::Private))
    }

    async fn measure(&self, admin: &SiteAdmin, id: StorageId) -> Result<(Usage, Option<u64>), AccessError> {
        let entered = self.access.storage_by_id(admin.principal(), id).await?;
        Ok((entered.usage().await?, entered.available().await?))
    }
}

fn view_of(
    storage: Storage,
    measured: Result<(Usage, Option<u64>), AccessError>,
    openers: &Openers,
    share: ShareStatus,
) -> StorageView {
    let (usage, free, health) = match measured {
        Ok((usage, free)) => (Some(usage), free, Health::Reachable),
        Err(error) => (None, None, health_after(&error)),
    };
    StorageView {
        available: available(usage, storage.quota_bytes, free),
        s3_active: S3Connection::is_open(&storage, openers),
        storage,
        usage,
        health,
        share,
    }
}

/// How many more bytes fit, by the quota and the space there is.
pub(crate) fn available(usage: Option<Usage>, quota: Option<u64>, free: Option<u64>) -> Option<u64> {
    match (usage, quota) {
        (Some(usage), Some(quota)) => {
            let left = quota.saturating_sub(usage.stored_bytes());
            Some(free.map_or(left, |free| free.min(left)))
        }
        (Some(_) | None, _) => free,
    }
}

/// How a connection is that failed with this.
pub(crate) fn health_after(error: &AccessError) -> Health {
    match error {
        AccessError::Backend(error) => match error.kind {
            BackendErrorKind::Unavailable | BackendErrorKind::Unsupported => Health::Unreachable,
            BackendErrorKind::NotFound
            | BackendErrorKind::NoSuchUpload
            | BackendErrorKind::PreconditionFailed
            | BackendErrorKind::InvalidRange { .. }
            | BackendErrorKind::InvalidPart
            | BackendErrorKind::Archived
            | BackendErrorKind::Reserved
            | BackendErrorKind::InvalidPartOrder
            | BackendErrorKind::PartTooSmall
            | BackendErrorKind::TooLarge
            | BackendErrorKind::QuotaExceeded
            | BackendErrorKind::Body(_)
            | BackendErrorKind::Full
            | BackendErrorKind::Corrupt => Health::Degraded,
        },
        AccessError::Unavailable | AccessError::Metadata(_) => Health::Unreachable,
        // The storage's own settings keep this key out: nothing is known of the connection that would be bad.
        AccessError::Denied(_) | AccessError::NotFound | AccessError::Throttled { .. } => Health::Reachable,
    }
}
