//! Drivers for object stores, behind one trait.
//!
//! A [`Backend`] is one storage's bytes. It knows nothing of keys, permissions or protocols: those who may call it hold a
//! grant from `portcullis-access`, and no protocol crate depends on this one. A driver is trusted to do what the doc comments of
//! the trait promise, and [`conformance`] is that promise as a test suite.

pub mod builtin;
pub mod conformance;
mod conditions;
mod digest;
mod error;
pub mod memory;
mod types;

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use portcullis_domain::{ObjectKey, Storage, Usage};

pub use conditions::{EtagCondition, IfRange, ReadConditions, ReadVerdict, WriteConditions};
pub use digest::{Digest, DigestAlgorithm, DigestPlan, Digester, LateDigests};
pub use error::{BackendError, BackendErrorKind, BodyFault, Result};
pub use types::{
    Body, BodyStream, ByteRange, Capabilities, Checksum, ChecksumKind, CompleteOptions, CompletedPart, ContentHeaders,
    CopyOptions, DeleteOptions, DeleteOutcome, Etag, GetOptions, GetOutcome, ListPage, ListPosition, ListRequest,
    ListedObject, ListedUpload, ListedVersion, MetadataDirective, Object, ObjectMeta, Part, PartOptions, PartsPage, PutOptions,
    PutOutcome, RangeRequest, Tags, UploadId, UploadMeta, UploadOptions, UploadsPage, UploadsRequest, VersionId,
    VersionsPage, VersionsRequest,
};

/// The bytes of one storage.
///
/// Required core only: there are no default methods, so that a decorator cannot forget one. Every method is safe to cancel:
/// dropping its future leaves either the whole effect or none, and nothing that a later clean-up would not find.
///
/// Errors of every method: [`BackendErrorKind::Unavailable`] (worth a retry), [`BackendErrorKind::Full`],
/// [`BackendErrorKind::Corrupt`], besides those named.
#[async_trait]
pub trait Backend: Send + Sync + Debug + 'static {
    /// What this driver can do.
    fn capabilities(&self) -> Capabilities;

    /// What is known of an object, without its bytes. Conditions of `options` are honoured; a range is ignored but a
    /// part number is resolved.
    ///
    /// # Errors
    /// `NotFound`, `PreconditionFailed`, `InvalidRange` (no such part).
    async fn head(&self, key: &ObjectKey, options: &GetOptions) -> Result<GetOutcome<ObjectMeta>>;

    /// An object's bytes, or a part of them. The body always belongs to exactly the metadata that is returned, however the
    /// object changes while it is read.
    ///
    /// # Errors
    /// `NotFound`, `PreconditionFailed`, `InvalidRange`.
    async fn get(&self, key: &ObjectKey, options: &GetOptions) -> Result<GetOutcome<Object>>;

    /// Stores an object. When it returns, the object is durable and visible; when it fails, nothing changed.
    /// Length, digests and conditions are checked before anything becomes visible, conditions atomically with the commit.
    ///
    /// # Errors
    /// `Body`, `PreconditionFailed`, `NotFound` (`If-Match` on a missing key), `QuotaExceeded`.
    async fn put(&self, key: &ObjectKey, body: Body, options: PutOptions) -> Result<PutOutcome>;

    /// Removes an object, or one version of it for good. Removing what is not there succeeds.
    ///
    /// # Errors
    /// `PreconditionFailed`, `NotFound` (a version that never was).
    async fn delete(&self, key: &ObjectKey, options: &DeleteOptions) -> Result<DeleteOutcome>;

    /// Copies within this storage, without the bytes passing through the caller.
    ///
    /// # Errors
    /// `NotFound`, `PreconditionFailed` (of the source or the target), `QuotaExceeded`, `TooLarge` (over 5 GiB).
    async fn copy(&self, from: &ObjectKey, to: &ObjectKey, options: CopyOptions) -> Result<PutOutcome>;

    /// One page of keys in the order of their UTF-8 bytes. Work grows with the page, not with the storage.
    async fn list(&self, request: &ListRequest) -> Result<ListPage>;

    /// One page of objects with their previous versions: keys in order, of each key the newest first.
    async fn list_versions(&self, request: &VersionsRequest) -> Result<VersionsPage>;

    /// Replaces an object's tags; bytes, ETag and modification time stay.
    ///
    /// # Errors
    /// `NotFound`.
    async fn set_tags(&self, key: &ObjectKey, version: Option<&VersionId>, tags: Tags) -> Result<()>;

    /// Begins a multipart upload.
    async fn create_upload(&self, key: &ObjectKey, options: UploadOptions) -> Result<UploadId>;

    /// What is known of an upload that was not completed or aborted.
    ///
    /// # Errors
    /// `NoSuchUpload`, also if the upload belongs to another key than `key`.
    async fn upload(&self, key: &ObjectKey, upload: &UploadId) -> Result<UploadMeta>;

    /// Stores a part (1 to 10,000); one with the same number is replaced. Durable when it returns.
    ///
    /// # Errors
    /// `NoSuchUpload`, `Body`, `QuotaExceeded`.
    async fn upload_part(
        &self,
        key: &ObjectKey,
        upload: &UploadId,
        number: u16,
        body: Body,
        options: PartOptions,
    ) -> Result<Part>;

    /// One page of an upload's parts, by number, after `after`.
    ///
    /// # Errors
    /// `NoSuchUpload`.
    async fn list_parts(&self, key: &ObjectKey, upload: &UploadId, after: u16, limit: usize) -> Result<PartsPage>;

    /// One page of uploads that are not completed, by key and then by age.
    async fn list_uploads(&self, request: &UploadsRequest) -> Result<UploadsPage>;

    /// Makes one object of the parts named. Completing again with the same parts answers as the first time did.
    ///
    /// # Errors
    /// `NoSuchUpload`, `InvalidPart`, `InvalidPartOrder`, `PartTooSmall` (all but the last have at least 5 MiB),
    /// `Body` (checksum), `PreconditionFailed`, `NotFound`.
    async fn complete_upload(
        &self,
        key: &ObjectKey,
        upload: &UploadId,
        parts: &[CompletedPart],
        options: CompleteOptions,
    ) -> Result<PutOutcome>;

    /// Gives an upload up and drops its parts.
    ///
    /// # Errors
    /// `NoSuchUpload`.
    async fn abort_upload(&self, key: &ObjectKey, upload: &UploadId) -> Result<()>;

    /// What the storage holds, exact at the moment of the answer.
    async fn usage(&self) -> Result<Usage>;

    /// How many more bytes fit, as far as the driver can tell.
    async fn available(&self) -> Result<Option<u64>>;
}

/// Where backends come from: opens the driver for a storage's provider.
#[async_trait]
pub trait Drivers: Send + Sync + Debug + 'static {
    /// The backend of this storage, opened if it was not. The same storage always gives the same backend while one is held.
    ///
    /// # Errors
    /// `Unavailable` if it cannot be opened, `Unsupported` for a provider without a driver.
    async fn open(&self, storage: &Storage) -> Result<Arc<dyn Backend>>;
}
