//! One storage of the embedded store.

use std::path::PathBuf;

use async_trait::async_trait;
use portcullis_domain::{ObjectKey, Usage};

use crate::{
    Backend, BackendError, BackendErrorKind, Body, Capabilities, CompleteOptions, CompletedPart, CopyOptions,
    DeleteOptions, DeleteOutcome, GetOptions, GetOutcome, ListPage, ListRequest, Object, ObjectMeta, Part, PartOptions,
    PartsPage, PutOptions, PutOutcome, Result, Tags, UploadId, UploadMeta, UploadOptions, UploadsPage, UploadsRequest,
    VersionId, VersionsPage, VersionsRequest,
};

/// One storage of the embedded store.
#[derive(Debug)]
pub struct BuiltinBackend {
    _root: PathBuf,
}

impl BuiltinBackend {
    pub(super) async fn open(root: PathBuf) -> Result<std::sync::Arc<Self>> {
        Ok(std::sync::Arc::new(Self { _root: root }))
    }
}

const fn later<T>() -> Result<T> {
    Err(BackendError::new(BackendErrorKind::Unsupported, "builtin"))
}

#[async_trait]
impl Backend for BuiltinBackend {
    fn capabilities(&self) -> Capabilities {
        Capabilities { conditional_writes: true, keeps_versions: true, checksums: true, tags: true }
    }
    async fn head(&self, _: &ObjectKey, _: &GetOptions) -> Result<GetOutcome<ObjectMeta>> { later() }
    async fn get(&self, _: &ObjectKey, _: &GetOptions) -> Result<GetOutcome<Object>> { later() }
    async fn put(&self, _: &ObjectKey, _: Body, _: PutOptions) -> Result<PutOutcome> { later() }
    async fn delete(&self, _: &ObjectKey, _: &DeleteOptions) -> Result<DeleteOutcome> { later() }
    async fn copy(&self, _: &ObjectKey, _: &ObjectKey, _: CopyOptions) -> Result<PutOutcome> { later() }
    async fn list(&self, _: &ListRequest) -> Result<ListPage> { later() }
    async fn list_versions(&self, _: &VersionsRequest) -> Result<VersionsPage> { later() }
    async fn set_tags(&self, _: &ObjectKey, _: Option<&VersionId>, _: Tags) -> Result<()> { later() }
    async fn create_upload(&self, _: &ObjectKey, _: UploadOptions) -> Result<UploadId> { later() }
    async fn upload(&self, _: &ObjectKey, _: &UploadId) -> Result<UploadMeta> { later() }
    async fn upload_part(&self, _: &ObjectKey, _: &UploadId, _: u16, _: Body, _: PartOptions) -> Result<Part> { later() }
    async fn list_parts(&self, _: &ObjectKey, _: &UploadId, _: u16, _: usize) -> Result<PartsPage> { later() }
    async fn list_uploads(&self, _: &UploadsRequest) -> Result<UploadsPage> { later() }
    async fn complete_upload(&self, _: &ObjectKey, _: &UploadId, _: &[CompletedPart], _: CompleteOptions) -> Result<PutOutcome> { later() }
    async fn abort_upload(&self, _: &ObjectKey, _: &UploadId) -> Result<()> { later() }
    async fn usage(&self) -> Result<Usage> { later() }
    async fn available(&self) -> Result<Option<u64>> { Ok(None) }
}
