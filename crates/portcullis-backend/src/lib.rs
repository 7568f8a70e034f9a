//! Drivers for object stores, behind one trait.
//!
//! A [`Backend`] is one storage's bytes. It knows nothing of keys, permissions or protocols: those who may call it hold a
//! grant from `portcullis-access`, and no protocol crate depends on this one. A driver is trusted to do what the doc comments of
//! the trait promise, and [`conformance`] is that promise as a test suite.

pub mod builtin;
mod conditions;
pub mod conformance;
mod digest;
mod error;
mod listed;
mod listing;
pub mod memory;
mod modified;
mod range;
mod reserved;
pub mod s3;
mod types;
mod upload;

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use portcullis_domain::{ObjectKey, Storage, Usage};

pub use conditions::{EtagCondition, IfRange, ReadConditions, ReadVerdict, WriteConditions};
pub use digest::{Digest, DigestAlgorithm, DigestPlan, Digester, LateDigests};
pub use error::{BackendError, BackendErrorKind, BodyFault, Result};
pub use listed::{
    ListPage, ListPosition, ListRequest, ListedObject, ListedVersion, VersionsPage, VersionsRequest,
};
pub use reserved::Reserved;
pub use s3::{ProviderCredentials, RemoteCapabilities};
pub use types::{
    Body, BodyStream, ByteRange, Capabilities, Checksum, ChecksumKind, ContentHeaders, CopyOptions,
    DeleteOptions, DeleteOutcome, Etag, GetOptions, GetOutcome, MetadataDirective, Object, ObjectMeta,
    PutOptions, PutOutcome, RangeRequest, Tags, UploadId, VersionId,
};
pub use upload::{
    CompleteOptions, CompletedPart, ListedUpload, Part, PartOptions, PartsPage, UploadMeta, UploadOptions,
    UploadsPage, UploadsRequest,
};

/// The bytes of one storage.
///
/// Required core only: there are no default methods, so that a decorator cannot forget one. Every method is safe to cancel:
/// dropping its future leaves either the whole effect or none, and nothing that a later clean-up would not find.
///
/// **Versions.** Every object has a version; a key has at most one current one. There are no delete markers: a previous version
/// never becomes current by itself, it comes back by a copy of it onto its own key. `keep_previous` and the rules
/// [`KeepPrevious`](portcullis_domain::Overwrite::KeepPrevious) and [`CreateOnly`](portcullis_domain::Overwrite::CreateOnly)
/// need [`Capabilities::keeps_versions`]. What a `CreateOnly` write finds in place stays current, with its tags and its time;
/// the write is kept as a version that was never current, and its outcome is made the same way as that of any other write.
/// A driver whose store cannot do that only creates under these rules: `PreconditionFailed` if there is something, and
/// `Unsupported` if the store cannot even tell.
///
/// **Quota.** A write is refused if the storage would hold more than the quota after it, by
/// [`Usage::stored_bytes`]: what the write removes no longer counts.
///
/// **Pages.** A limit above 1,000 means 1,000, zero gives an empty and final page, and a page is only followed by another if
/// that one holds something. Going on at a page's `next` never repeats an entry, common prefixes included.
/// A common prefix is listed if a key after the position is rolled up into it; it counts as one entry.
///
/// Errors of every method: [`BackendErrorKind::Unavailable`] (worth a retry), [`BackendErrorKind::Full`],
/// [`BackendErrorKind::Corrupt`], besides those named.
#[async_trait]
pub trait Backend: Send + Sync + Debug + 'static {
    /// What this driver can do.
    fn capabilities(&self) -> Capabilities;

    /// What is known of an object, without its bytes. Conditions of `options` are honoured; a range is ignored but a
    /// part number is resolved: the metadata is always that of the whole object, but the part must exist.
    ///
    /// # Errors
    /// `NotFound`, `PreconditionFailed`, `InvalidRange` (no such part).
    async fn head(&self, key: &ObjectKey, options: &GetOptions) -> Result<GetOutcome<ObjectMeta>>;

    /// An object's bytes, or a part of them. The body always belongs to exactly the metadata that is returned, however the
    /// object changes while it is read. A part number is the one under which the part was completed. Conditions come before
    /// ranges; a range whose `If-Range` does not hold is ignored.
    ///
    /// # Errors
    /// `NotFound`, `PreconditionFailed`, `InvalidRange`.
    async fn get(&self, key: &ObjectKey, options: &GetOptions) -> Result<GetOutcome<Object>>;

    /// Stores an object. When it returns, the object is durable and visible; when it fails, nothing changed.
    /// Length, digests and conditions are checked before anything becomes visible, conditions atomically with the commit.
    /// A body is read until its stream ends, also when its length is known: only then its late digests are.
    ///
    /// # Errors
    /// `Body`, `PreconditionFailed`, `NotFound` (`If-Match` on a missing key), `QuotaExceeded`.
    async fn put(&self, key: &ObjectKey, body: Body, options: PutOptions) -> Result<PutOutcome>;

    /// Removes an object, or one version of it for good. Removing what is not there succeeds. Removing the current version
    /// by its name leaves the key without a current version. `if_match` always looks at the current object.
    ///
    /// # Errors
    /// `PreconditionFailed`, `NotFound` (no such version, or `if_match` on a key without an object).
    async fn delete(&self, key: &ObjectKey, options: &DeleteOptions) -> Result<DeleteOutcome>;

    /// Copies within this storage, without the bytes passing through the caller. The source may be the target: with a
    /// version, that brings the version back. The copy has a version and a time of its own; a source's condition that
    /// would answer a read with "not modified" fails it.
    ///
    /// The copy of an object that came in parts either keeps the ETag, checksum and parts of its source or has the MD5 of its
    /// bytes, a full-object checksum of the same algorithm and no parts, as Amazon S3 does it. With `checksum`, the
    /// checksum that is kept is of that algorithm and over the whole object.
    ///
    /// # Errors
    /// `NotFound` (the source, or `If-Match` on a missing target), `PreconditionFailed` (of the source or the target),
    /// `QuotaExceeded`, `TooLarge` (over 5 GiB).
    async fn copy(&self, from: &ObjectKey, to: &ObjectKey, options: CopyOptions) -> Result<PutOutcome>;

    /// One page of keys in the order of their UTF-8 bytes. Work grows with the page, not with the storage.
    async fn list(&self, request: &ListRequest) -> Result<ListPage>;

    /// One page of objects with their previous versions: keys in order, of each key the newest first. Newest is the one
    /// stored last, so that a version of a `CreateOnly` write stands before the current one.
    async fn list_versions(&self, request: &VersionsRequest) -> Result<VersionsPage>;

    /// Replaces an object's tags; bytes, ETag, version and modification time stay.
    ///
    /// # Errors
    /// `NotFound`.
    async fn set_tags(&self, key: &ObjectKey, version: Option<&VersionId>, tags: Tags) -> Result<()>;

    /// Begins a multipart upload. Any number of them may be under way for one key.
    async fn create_upload(&self, key: &ObjectKey, options: UploadOptions) -> Result<UploadId>;

    /// What is known of an upload that was not completed or aborted.
    ///
    /// # Errors
    /// `NoSuchUpload`, also if the upload belongs to another key than `key`.
    async fn upload(&self, key: &ObjectKey, upload: &UploadId) -> Result<UploadMeta>;

    /// Stores a part (1 to 10,000); one with the same number is replaced. Durable when it returns; when it fails, a part
    /// that had the number is still there.
    ///
    /// The checksum that is kept with the part is of the upload's algorithm, whether or not `digests.keep` names it; of an
    /// upload without one it is of `digests.keep`.
    ///
    /// # Errors
    /// `NoSuchUpload`, `InvalidPart` (a number out of bounds), `Body`, `QuotaExceeded`.
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
    async fn list_parts(
        &self,
        key: &ObjectKey,
        upload: &UploadId,
        after: u16,
        limit: usize,
    ) -> Result<PartsPage>;

    /// One page of uploads that are not completed, by key and then by age, the oldest first.
    async fn list_uploads(&self, request: &UploadsRequest) -> Result<UploadsPage>;

    /// Makes one object of the parts named, and drops those that are not. The upload is gone when it succeeds and whole when it
    /// fails. Completing again with the same parts answers as the first time did, whatever has become of the object since
    /// and without looking at conditions; drivers may forget completed uploads after a day, then it is `NoSuchUpload`.
    ///
    /// The object keeps the checksum that the upload asked for: over all bytes, or over the checksums of its parts.
    /// `options.checksum` must be that one; `options.size` must be the sum of the parts.
    ///
    /// # Errors
    /// `NoSuchUpload`, `InvalidPart` (also if no part is named), `InvalidPartOrder`, `PartTooSmall` (all but the last have at
    /// least 5 MiB), `Body` (`Digest` for another checksum, `Incomplete` or `TooLong` for another size),
    /// `PreconditionFailed`, `NotFound`.
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
    /// `NoSuchUpload`, also if it was completed or aborted already.
    async fn abort_upload(&self, key: &ObjectKey, upload: &UploadId) -> Result<()>;

    /// What the storage holds, exact at the moment of the answer.
    async fn usage(&self) -> Result<Usage>;

    /// How many more bytes fit, as far as the driver can tell.
    async fn available(&self) -> Result<Option<u64>>;
}

/// Where backends come from: opens the driver for a storage's provider.
#[async_trait]
pub trait Drivers: Send + Sync + Debug + 'static {
    /// The backend of this storage, opened if it was not. The same storage with the same credentials always gives the same
    /// backend while one is held. `credentials` are those of its provider, if it has any.
    ///
    /// # Errors
    /// `Unavailable` if it cannot be opened, `Unsupported` for a provider without a driver and for a connection that the
    /// driver cannot use.
    async fn open(
        &self,
        storage: &Storage,
        credentials: Option<ProviderCredentials>,
    ) -> Result<Arc<dyn Backend>>;
}
