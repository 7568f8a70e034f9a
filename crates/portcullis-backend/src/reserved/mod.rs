//! A backend without the keys under one prefix: nobody who goes through here can tell whether there are any.

mod listing;

use std::sync::Arc;

use async_trait::async_trait;
use portcullis_domain::{ObjectKey, Usage};

use crate::{
    Backend, BackendError, BackendErrorKind, Body, Capabilities, CompleteOptions, CompletedPart, CopyOptions,
    DeleteOptions, DeleteOutcome, GetOptions, GetOutcome, ListPage, ListRequest, Object, ObjectMeta, Part,
    PartOptions, PartsPage, PutOptions, PutOutcome, Result, Tags, UploadId, UploadMeta, UploadOptions,
    UploadsPage, UploadsRequest, VersionId, VersionsPage, VersionsRequest,
};

/// Hides the keys under a prefix: they are not listed, reading one answers as a key that is not there, deleting one finds nothing, and
/// writing one is refused as [`BackendErrorKind::Reserved`]. What they hold counts in [`Backend::usage`].
#[derive(Debug)]
pub struct Reserved {
    inner: Arc<dyn Backend>,
    prefix: &'static str,
}

impl Reserved {
    /// Everything but the keys under `prefix`, which is not empty.
    #[must_use]
    pub fn new(inner: Arc<dyn Backend>, prefix: &'static str) -> Self {
        Self { inner, prefix }
    }

    fn hides(&self, key: &ObjectKey) -> bool {
        key.as_str().starts_with(self.prefix)
    }

    /// Fails in this way for a key that is hidden.
    fn unless_hidden(&self, key: &ObjectKey, kind: BackendErrorKind, operation: &'static str) -> Result<()> {
        if self.hides(key) { Err(BackendError::new(kind, operation)) } else { Ok(()) }
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Backend for Reserved {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    async fn head(&self, key: &ObjectKey, options: &GetOptions) -> Result<GetOutcome<ObjectMeta>> {
        self.unless_hidden(key, BackendErrorKind::NotFound, "head")?;
        self.inner.head(key, options).await
    }

    async fn get(&self, key: &ObjectKey, options: &GetOptions) -> Result<GetOutcome<Object>> {
        self.unless_hidden(key, BackendErrorKind::NotFound, "get")?;
        self.inner.get(key, options).await
    }

    async fn put(&self, key: &ObjectKey, body: Body, options: PutOptions) -> Result<PutOutcome> {
        self.unless_hidden(key, BackendErrorKind::Reserved, "put")?;
        self.inner.put(key, body, options).await
    }

    async fn delete(&self, key: &ObjectKey, options: &DeleteOptions) -> Result<DeleteOutcome> {
        if self.hides(key) {
            return if options.version.is_some() || options.if_match.is_some() {
                Err(BackendError::new(BackendErrorKind::NotFound, "delete"))
            } else {
                Ok(DeleteOutcome { existed: false })
            };
        }
        self.inner.delete(key, options).await
    }

    async fn copy(&self, from: &ObjectKey, to: &ObjectKey, options: CopyOptions) -> Result<PutOutcome> {
        self.unless_hidden(from, BackendErrorKind::NotFound, "copy")?;
        self.unless_hidden(to, BackendErrorKind::Reserved, "copy")?;
        self.inner.copy(from, to, options).await
    }

    async fn list(&self, request: &ListRequest) -> Result<ListPage> {
        self.page(request).await
    }

    async fn list_versions(&self, request: &VersionsRequest) -> Result<VersionsPage> {
        self.page(request).await
    }

    async fn set_tags(&self, key: &ObjectKey, version: Option<&VersionId>, tags: Tags) -> Result<()> {
        self.unless_hidden(key, BackendErrorKind::NotFound, "set tags")?;
        self.inner.set_tags(key, version, tags).await
    }

    async fn create_upload(&self, key: &ObjectKey, options: UploadOptions) -> Result<UploadId> {
        self.unless_hidden(key, BackendErrorKind::Reserved, "create upload")?;
        self.inner.create_upload(key, options).await
    }

    async fn upload(&self, key: &ObjectKey, upload: &UploadId) -> Result<UploadMeta> {
        self.unless_hidden(key, BackendErrorKind::NoSuchUpload, "upload")?;
        self.inner.upload(key, upload).await
    }

    async fn upload_part(
        &self,
        key: &ObjectKey,
        upload: &UploadId,
        number: u16,
        body: Body,
        options: PartOptions,
    ) -> Result<Part> {
        self.unless_hidden(key, BackendErrorKind::NoSuchUpload, "upload part")?;
        self.inner.upload_part(key, upload, number, body, options).await
    }

    async fn list_parts(
        &self,
        key: &ObjectKey,
        upload: &UploadId,
        after: u16,
        limit: usize,
    ) -> Result<PartsPage> {
        self.unless_hidden(key, BackendErrorKind::NoSuchUpload, "list parts")?;
        self.inner.list_parts(key, upload, after, limit).await
    }

    async fn list_uploads(&self, request: &UploadsRequest) -> Result<UploadsPage> {
        self.page(request).await
    }

    async fn complete_upload(
        &self,
        key: &ObjectKey,
        upload: &UploadId,
        parts: &[CompletedPart],
        options: CompleteOptions,
    ) -> Result<PutOutcome> {
        self.unless_hidden(key, BackendErrorKind::NoSuchUpload, "complete upload")?;
        self.inner.complete_upload(key, upload, parts, options).await
    }

    async fn abort_upload(&self, key: &ObjectKey, upload: &UploadId) -> Result<()> {
        self.unless_hidden(key, BackendErrorKind::NoSuchUpload, "abort upload")?;
        self.inner.abort_upload(key, upload).await
    }

    async fn usage(&self) -> Result<Usage> {
        self.inner.usage().await
    }

    async fn available(&self) -> Result<Option<u64>> {
        self.inner.available().await
    }
}
