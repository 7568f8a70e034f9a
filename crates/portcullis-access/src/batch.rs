//! What is stored all or none: objects that carry a word, by which they can be taken back without any right of whoever stored them.

use std::fmt;
use std::sync::Arc;

use portcullis_backend::{
    Backend, BackendErrorKind, ContentHeaders, DeleteOptions, EtagCondition, GetOptions, GetOutcome,
    ListRequest, ObjectMeta, UploadId, VersionId, VersionsRequest, WriteConditions,
};
use portcullis_domain::{KeyPrefix, ObjectKey};
use portcullis_metadata::{Deliveries, DeliveryFile};

use crate::admin::fill;
use crate::authorize::{Permitted as _, Put, Seat, StorageAccess};
use crate::directory::Part;
use crate::lock::locked;
use crate::{Access, AccessError, Denial, audit};

/// The user metadata with the word of an object's batch.
const MARK: &str = "portcullis-delivery";
/// Versions of one key that are looked at to find the one that carries a word.
const VERSIONS: usize = 100;

/// Several objects that one caller stores all or none. Each carries the word of the batch, made by chance: what carries it was stored
/// through a grant of the batch, and can be taken back though the right to put is gone. In a batch nothing replaces anything.
#[derive(Clone)]
pub struct Batch(Arc<str>);

impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Batch")
    }
}

impl Batch {
    /// A new one.
    ///
    /// # Errors
    /// [`AccessError::Unavailable`] if the system gives no random numbers.
    pub fn fresh() -> Result<Self, AccessError> {
        let mut entropy = [0u8; 16];
        fill(&mut entropy)?;
        Ok(Self(hex::encode(entropy).into()))
    }

    /// Its word.
    #[must_use]
    pub fn word(&self) -> &str {
        &self.0
    }
}

impl StorageAccess {
    /// The same caller at the same storage, for what belongs to a batch: each object carries its word, and is only stored where nothing is.
    #[must_use]
    pub fn within(&self, batch: &Batch) -> Self {
        let mut within = self.clone();
        within.seat.batch = Some(batch.clone());
        within
    }

    /// Whether a file could have this name: nothing has this key or lies under it as under a folder. It takes the right to put there
    /// and no other, since a batch finds names for its files: what it tells is for nobody else.
    ///
    /// # Errors
    /// [`AccessError::Denied`] if they may not put there, or outside of a batch; [`AccessError::Backend`].
    pub async fn is_free(&self, key: &ObjectKey) -> Result<bool, AccessError> {
        let seat = &self.seat;
        if seat.batch.is_none() {
            return Err(seat.refuse(Put::ACTION, key, Denial::ConditionalWrite));
        }
        seat.ask(Put::ACTION, Part::Object(key))?;
        if !is_vacant(&*seat.backend, key).await? {
            return Ok(false);
        }
        let Ok(prefix) = KeyPrefix::parse(&format!("{key}/")) else { return Ok(true) };
        let below = seat.backend.list(&ListRequest { prefix, limit: 1, ..ListRequest::default() }).await?;
        Ok(below.objects.is_empty())
    }
}

impl Seat {
    /// Has an object carry the word of its batch.
    pub(crate) fn mark(&self, content: &mut ContentHeaders) {
        let word = self.batch.as_ref().map(|batch| (MARK.to_owned(), batch.word().to_owned()));
        content.user.extend(word);
    }

    /// What belongs to a batch is only stored where nothing is, which the storage decides, or else is looked at just before.
    pub(crate) async fn only_new(
        &self,
        key: &ObjectKey,
        conditions: &mut WriteConditions,
    ) -> Result<(), AccessError> {
        if self.batch.is_none() {
            return Ok(());
        }
        conditions.if_absent = self.backend.capabilities().conditional_puts;
        if conditions.if_absent || is_vacant(&*self.backend, key).await? {
            return Ok(());
        }
        Err(BackendErrorKind::PreconditionFailed.into())
    }
}

impl Access {
    /// The ledger of what is delivered.
    #[must_use]
    pub fn deliveries(&self) -> Deliveries {
        self.inner().metadata.deliveries()
    }

    /// Takes back what a batch stored under a name, and gives up the upload that would have become it: that very version and nothing that
    /// somebody else stored there. It takes no right of anybody's: the word of the batch shows whose it is. Gives whether something that
    /// was sent may still arrive there later. Where there is nothing to take back, and of a storage that is gone, nothing happens.
    ///
    /// # Errors
    /// [`AccessError::Backend`], [`AccessError::Metadata`]: to be tried again.
    pub async fn take_back(&self, file: &DeliveryFile) -> Result<bool, AccessError> {
        let inner = self.inner();
        let Some(storage) = inner.directory.storage(file.storage) else { return Ok(false) };
        let backend = inner.registry.backend(&storage, self.provider_credentials(storage.id)).await?.shown;
        let key = &file.object;
        if !file.upload.is_empty() {
            match backend.abort_upload(key, &UploadId(file.upload.as_str().into())).await {
                Err(error) if error.kind != BackendErrorKind::NoSuchUpload => return Err(error.into()),
                Ok(()) | Err(_) => {}
            }
        }
        if let Some(options) = stored(&*backend, file).await? {
            match backend.delete(key, &options).await {
                // Replaced or removed by somebody since it was looked at.
                Err(error) if !is_gone(error.kind) => return Err(error.into()),
                Ok(_) | Err(_) => {}
            }
            locked(&inner.touched).entry(storage.id).or_default().0 = true;
            let mut event = audit::of_system(Some(storage.site), "undo_delivery", self.now());
            (event.storage, event.object) = (Some(storage.id), Some(key.as_str().to_owned()));
            event.allowed = true;
            inner.audit.push(event);
        }
        Ok(backend.capabilities().remote)
    }
}

/// How to remove what a batch stored under a key, if it is there.
async fn stored(backend: &dyn Backend, file: &DeliveryFile) -> Result<Option<DeleteOptions>, AccessError> {
    let key = &file.object;
    let has =
        |meta: &ObjectMeta| meta.content.user.iter().any(|(name, of)| name == MARK && *of == file.batch);
    let capabilities = backend.capabilities();
    if !capabilities.keeps_versions {
        let meta = look(backend, key, None).await?.filter(has);
        let own = |meta: ObjectMeta| EtagCondition::OneOf(vec![meta.etag.to_string()]);
        return Ok(meta.map(|meta| DeleteOptions {
            if_match: capabilities.conditional_deletes.then(|| own(meta)),
            ..DeleteOptions::default()
        }));
    }
    let mut versions = vec![VersionId(file.version.as_str().into())];
    if file.version.is_empty() {
        let prefix = KeyPrefix::parse(key.as_str()).map_err(|_| AccessError::Unavailable)?;
        let request = VersionsRequest { prefix, limit: VERSIONS, ..VersionsRequest::default() };
        let listed = backend.list_versions(&request).await?.versions.into_iter();
        versions = listed.filter(|of| of.object.key == *key).map(|of| of.version).collect();
    }
    // The newest come first. Those that somebody made of ours, word and all, are newer than ours, and theirs.
    let mut own = None;
    for version in versions {
        match look(backend, key, Some(version)).await?.filter(has) {
            Some(meta) => own = Some(meta.version),
            None if own.is_some() => break,
            None => {}
        }
    }
    Ok(own.map(|version| DeleteOptions { version: Some(version), ..DeleteOptions::default() }))
}

/// What is known of an object, or of one version of it, if it is there.
async fn look(
    backend: &dyn Backend,
    key: &ObjectKey,
    version: Option<VersionId>,
) -> Result<Option<ObjectMeta>, AccessError> {
    match backend.head(key, &GetOptions { version, ..GetOptions::default() }).await {
        Ok(GetOutcome::Found(meta)) => Ok(Some(meta)),
        Ok(GetOutcome::NotModified(meta)) => Ok(Some(*meta)),
        Err(error) if error.kind == BackendErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

async fn is_vacant(backend: &dyn Backend, key: &ObjectKey) -> Result<bool, AccessError> {
    look(backend, key, None).await.map(|found| found.is_none())
}

const fn is_gone(kind: BackendErrorKind) -> bool {
    matches!(kind, BackendErrorKind::NotFound | BackendErrorKind::PreconditionFailed)
}
