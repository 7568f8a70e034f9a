//! Multipart uploads that nobody may finish any more.

use std::net::{IpAddr, Ipv4Addr};

use portcullis_backend::{UploadsPage, UploadsRequest};
use portcullis_domain::{
    Action, DenyReason, Key, KeyId, KeyPrefix, Networks, ObjectKey, Request, Scope, Storage, StorageId,
    StorageState, Subject, Target, Timestamp, decide,
};

use crate::lock::locked;
use crate::{Access, AccessError};

/// Uploads that are looked at on one page.
const PAGE: usize = 1_000;
/// Pages that are read in one call; what is left waits for the next.
const PAGES: usize = 10;

impl Access {
    /// Gives up the multipart uploads that this key began in a storage and may not finish: because it was deleted, disabled, has
    /// expired, or may not put there any more. From where it comes plays no part, nor do new credentials, nor a storage that is switched
    /// off for a while. Of a storage whose connection was deleted nothing is touched. Says how many there were.
    ///
    /// # Errors
    /// [`AccessError::Metadata`]; [`AccessError::Backend`]; [`AccessError::Unavailable`] if it is not known at the moment what is allowed.
    pub async fn give_up_uploads(&self, id: KeyId, storage: StorageId) -> Result<u32, AccessError> {
        let inner = self.inner();
        let Some(storage) = inner.directory.storage(storage) else { return Ok(0) };
        if storage.state != StorageState::Active {
            return Ok(0);
        }
        let key = inner.metadata.key(id).await?;
        self.heard()?;
        if !locked(&inner.unsettled).is_empty() {
            return Err(AccessError::Unavailable);
        }
        let backend = inner.registry.backend(&storage, self.provider_credentials(storage.id)).await?.shown;
        let mut request = UploadsRequest {
            prefix: KeyPrefix::default(),
            delimiter: None,
            after: None,
            limit: PAGE,
            owner: Some(id),
        };
        let mut given_up = 0u32;
        for _ in 0..PAGES {
            let UploadsPage { uploads, next, .. } = backend.list_uploads(&request).await?;
            for upload in uploads.iter().filter(|upload| upload.meta.owner == Some(id)) {
                if self.may_finish(key.as_ref(), self.now(), &storage, &upload.key) {
                    continue;
                }
                backend.abort_upload(&upload.key, &upload.upload).await?;
                given_up = given_up.saturating_add(1);
            }
            let Some(next) = next else { break };
            request.after = Some(next);
        }
        Ok(given_up)
    }

    fn may_finish(&self, key: Option<&Key>, now: Timestamp, storage: &Storage, object: &ObjectKey) -> bool {
        let Some(key) = key else { return false };
        let owner = match key.scope {
            Scope::User(user) => Some(user),
            Scope::Storage(_) | Scope::Site => None,
        };
        let key = Key { networks: Networks::anywhere(), ..key.clone() };
        self.inner().directory.with_person(owner, |owner| {
            let request = Request {
                subject: Subject::Key { key: &key, owner, narrowing: None, replaced: None },
                channel: key.channel,
                peer: IpAddr::V4(Ipv4Addr::LOCALHOST),
                now,
                action: Action::Put,
                target: Target::Object(storage, object),
            };
            decide(&request).map_or_else(is_of_the_storage, |()| true)
        })
    }
}

/// Whether a refusal says nothing of the key.
const fn is_of_the_storage(reason: DenyReason) -> bool {
    matches!(
        reason,
        DenyReason::StorageDetached
            | DenyReason::StoragePaused
            | DenyReason::StorageS3Off
            | DenyReason::StorageNetwork
            | DenyReason::StoragePermission
    )
}
