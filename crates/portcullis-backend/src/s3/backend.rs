//! The driver: every method of the trait, each in a file of its kind.

use std::fmt;

use async_trait::async_trait;
use portcullis_domain::{ObjectKey, Provider, Usage};

use super::book::Book;
use super::gate::RemoteHealth;
use super::options::{Remote, RemoteCapabilities};
use super::usage::Ledger;
use super::wire::{MAX_KEY, Wire};
use super::write::MAX_SINGLE;
use crate::{
    Backend, Body, Capabilities, CompleteOptions, CompletedPart, CopyOptions, DeleteOptions, DeleteOutcome,
    GetOptions, GetOutcome, ListPage, ListRequest, Object, ObjectMeta, Part, PartOptions, PartsPage,
    PutOptions, PutOutcome, Result, Tags, UploadId, UploadMeta, UploadOptions, UploadsPage, UploadsRequest,
    VersionId, VersionsPage, VersionsRequest,
};

/// The most bytes of an object (S3 reference, "Amazon S3 multipart upload limits").
const MAX_OBJECT: u64 = 5 << 40;

/// A bucket of a provider, or what lies under a prefix of it.
pub struct S3Backend {
    pub(super) wire: Wire,
    pub(super) ledger: Ledger,
    pub(super) uploads: Book,
    /// Held by whoever counts the bucket for a quota.
    pub(super) counting: tokio::sync::Mutex<()>,
}

impl S3Backend {
    pub(super) fn new(wire: Wire, ledger: Ledger) -> Self {
        Self { wire, ledger, uploads: Book::new(), counting: tokio::sync::Mutex::default() }
    }

    /// The connection that it was made for.
    #[must_use]
    pub fn remote(&self) -> &Remote {
        &self.wire.remote
    }

    /// How the provider is, as far as the calls so far have shown. Asks nobody.
    #[must_use]
    pub fn health(&self) -> RemoteHealth {
        self.wire.gate.health()
    }

    /// What the provider can do, as it was found out when the connection was made.
    pub(super) fn capabilities_of_remote(&self) -> RemoteCapabilities {
        self.wire.remote.credentials.capabilities
    }
}

impl fmt::Debug for S3Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3Backend").field("remote", &self.wire.remote).finish_non_exhaustive()
    }
}

#[async_trait]
impl Backend for S3Backend {
    fn capabilities(&self) -> Capabilities {
        let remote = self.capabilities_of_remote();
        Capabilities {
            // One answer for all writes: what a provider does only for some is used, but not promised.
            conditional_writes: remote.conditional_puts
                && remote.conditional_completes
                && remote.conditional_deletes,
            conditional_puts: remote.conditional_puts && remote.conditional_completes,
            conditional_copies: remote.conditional_copies && remote.conditional_sources,
            conditional_deletes: remote.conditional_deletes,
            keeps_versions: remote.versioning,
            checksums: remote.checksums,
            tags: remote.tags,
            remote: true,
            folds_unicode: remote.folds_unicode || self.wire.remote.provider == Provider::CloudflareR2,
            folds_case: remote.folds_case,
            file_beside_folder: !remote.file_or_folder,
            etag_is_md5: remote.md5_tags,
            longest_key: MAX_KEY.saturating_sub(self.wire.remote.prefix.as_str().len()),
            largest_object: MAX_OBJECT,
            largest_copy: MAX_SINGLE,
        }
    }

    async fn head(&self, key: &ObjectKey, options: &GetOptions) -> Result<GetOutcome<ObjectMeta>> {
        self.do_head(key, options).await
    }

    async fn get(&self, key: &ObjectKey, options: &GetOptions) -> Result<GetOutcome<Object>> {
        self.do_get(key, options).await
    }

    async fn put(&self, key: &ObjectKey, body: Body, options: PutOptions) -> Result<PutOutcome> {
        self.do_put(key, body, options).await
    }

    async fn delete(&self, key: &ObjectKey, options: &DeleteOptions) -> Result<DeleteOutcome> {
        self.do_delete(key, options).await
    }

    async fn copy(&self, from: &ObjectKey, to: &ObjectKey, options: CopyOptions) -> Result<PutOutcome> {
        self.do_copy(from, to, options).await
    }

    async fn list(&self, request: &ListRequest) -> Result<ListPage> {
        self.do_list(request).await
    }

    async fn list_versions(&self, request: &VersionsRequest) -> Result<VersionsPage> {
        self.do_list_versions(request).await
    }

    async fn set_tags(&self, key: &ObjectKey, version: Option<&VersionId>, tags: Tags) -> Result<()> {
        self.do_set_tags(key, version, &tags).await
    }

    async fn create_upload(&self, key: &ObjectKey, options: UploadOptions) -> Result<UploadId> {
        self.do_create_upload(key, &options).await
    }

    async fn upload(&self, key: &ObjectKey, upload: &UploadId) -> Result<UploadMeta> {
        self.do_upload(key, upload).await
    }

    async fn upload_part(
        &self,
        key: &ObjectKey,
        upload: &UploadId,
        number: u16,
        body: Body,
        options: PartOptions,
    ) -> Result<Part> {
        self.do_upload_part(key, upload, number, body, options).await
    }

    async fn list_parts(
        &self,
        key: &ObjectKey,
        upload: &UploadId,
        after: u16,
        limit: usize,
    ) -> Result<PartsPage> {
        self.do_list_parts(key, upload, after, limit).await
    }

    async fn list_uploads(&self, request: &UploadsRequest) -> Result<UploadsPage> {
        self.do_list_uploads(request).await
    }

    async fn complete_upload(
        &self,
        key: &ObjectKey,
        upload: &UploadId,
        parts: &[CompletedPart],
        options: CompleteOptions,
    ) -> Result<PutOutcome> {
        self.do_complete_upload(key, upload, parts, options).await
    }

    async fn abort_upload(&self, key: &ObjectKey, upload: &UploadId) -> Result<()> {
        self.do_abort_upload(key, upload).await
    }

    async fn usage(&self) -> Result<Usage> {
        self.do_usage().await
    }

    /// Providers do not say.
    async fn available(&self) -> Result<Option<u64>> {
        Ok(None)
    }
}
