//! How a storage is: what it holds, what is left, whether it answers, whether a key opens it.

use portcullis_access::{AccessError, BackendErrorKind, SiteAdmin};
use portcullis_domain::{
    Channel, Health, Key, Permission, Role, SiteId, Storage, StorageId, StorageState, Usage, UserState,
};
use portcullis_metadata::{KeyFilter, PageRequest};

use crate::keys::KeyStatus;
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
}

impl Control {
    pub(super) async fn view_storage(
        &self,
        admin: &SiteAdmin,
        storage: Storage,
        site_wide_s3: bool,
    ) -> Result<StorageView> {
        let open = storage.s3_access
            && storage.permission != Permission::None
            && storage.state == StorageState::Active;
        let s3_active = open && (site_wide_s3 || self.has_s3_key(&storage).await?);
        let (usage, free, health) = match self.measure(admin, storage.id).await {
            Ok((usage, free)) => (Some(usage), free, Health::Reachable),
            Err(error) => (None, None, health_after(&error)),
        };
        let available = match (usage, storage.quota_bytes) {
            (Some(usage), Some(quota)) => {
                let left = quota.saturating_sub(usage.stored_bytes());
                Some(free.map_or(left, |free| free.min(left)))
            }
            (Some(_) | None, _) => free,
        };
        Ok(StorageView { storage, usage, available, health, s3_active })
    }

    async fn measure(&self, admin: &SiteAdmin, id: StorageId) -> Result<(Usage, Option<u64>), AccessError> {
        let entered = self.access.storage_by_id(admin.principal(), id).await?;
        Ok((entered.usage().await?, entered.available().await?))
    }

    /// Whether there is an S3 key for this storage that works.
    async fn has_s3_key(&self, storage: &Storage) -> Result<bool> {
        self.any_usable(KeyFilter { storage: Some(storage.id), ..s3_keys(storage.site) }).await
    }

    /// Whether there is an S3 key of an admin that works: it opens every storage of the site.
    pub(super) async fn site_wide_s3(&self, admin: &SiteAdmin) -> Result<bool> {
        for user in self.metadata.users(admin.site()).await? {
            let counts = user.role == Role::Admin && user.state == UserState::Active;
            if counts && self.any_usable(KeyFilter { user: Some(user.id), ..s3_keys(user.site) }).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn any_usable(&self, filter: KeyFilter) -> Result<bool> {
        let now = self.access.now();
        let mut request = PageRequest::first(100);
        loop {
            let page = self.metadata.keys(&filter, &request).await?;
            if page.items.iter().any(|key: &Key| KeyStatus::of(key, now) == KeyStatus::Active) {
                return Ok(true);
            }
            request.after = page.next;
            if request.after.is_none() {
                return Ok(false);
            }
        }
    }
}

fn s3_keys(site: SiteId) -> KeyFilter {
    KeyFilter { channel: Some(Channel::S3), ..KeyFilter::of(site) }
}

/// How a connection is that failed with this.
fn health_after(error: &AccessError) -> Health {
    match error {
        AccessError::Backend(error) => match error.kind {
            BackendErrorKind::Unavailable | BackendErrorKind::Unsupported => Health::Unreachable,
            BackendErrorKind::NotFound
            | BackendErrorKind::NoSuchUpload
            | BackendErrorKind::PreconditionFailed
            | BackendErrorKind::InvalidRange { .. }
            | BackendErrorKind::InvalidPart
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
