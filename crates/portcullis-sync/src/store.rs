//! A side's objects, by the deeds that a run is made of.

use std::fmt::Debug;

use async_trait::async_trait;
use portcullis_backend::{
    Body, CompleteOptions, CompletedPart, CopyOptions, DeleteOptions, DeleteOutcome, GetOptions, ListPage,
    ListRequest, Object, ObjectMeta, Part, PartOptions, PartsPage, PutOptions, PutOutcome, UploadId,
    UploadOptions,
};
use portcullis_domain::ObjectKey;
use serde::{Deserialize, Serialize};

use crate::StoreError;

/// What a side can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "a list of independent abilities")]
pub struct Abilities {
    /// Conditions on writes are decided together with the write.
    pub conditional_writes: bool,
    /// Conditions on copies are.
    pub conditional_copies: bool,
    /// Conditions on deletions are.
    pub conditional_deletes: bool,
    /// What is overwritten or deleted stays as a previous version. If not, it is copied under the reserved prefix first.
    pub keeps_versions: bool,
    /// Whether its listing costs a request to a provider for each thousand keys.
    pub remote: bool,
    /// The longest key, in bytes.
    pub longest_key: usize,
    /// The largest object, in bytes.
    pub largest_object: u64,
    /// The largest object that is copied in one step, in bytes.
    pub largest_copy: u64,
    /// Keys that are the same text in another Unicode normalisation name one object.
    pub folds_unicode: bool,
    /// Keys that differ in upper and lower case only name one object.
    pub folds_case: bool,
    /// There may be an object `a` where there is an object `a/b`.
    pub file_beside_folder: bool,
    /// An entity tag of 32 hexadecimal digits is the MD5 of the bytes, for every object. If that is not known it is not so: a provider that
    /// encrypts with a key of its own gives tags that only look like it.
    pub etag_is_md5: bool,
}

/// A side's objects. Keys are those under the side's prefix. The methods are those of
/// [`Backend`](portcullis_backend::Backend) of the same names with the same promises; conditions that a read or a deletion fails come as
/// [`StoreFault::Changed`](crate::StoreFault::Changed).
#[async_trait]
pub trait Store: Send + Sync + Debug + 'static {
    /// What it can do.
    fn abilities(&self) -> Abilities;

    /// One page of keys in the order of their bytes.
    async fn list(&self, request: &ListRequest) -> Result<ListPage, StoreError>;

    /// What is known of an object.
    async fn head(&self, key: &ObjectKey, options: &GetOptions) -> Result<ObjectMeta, StoreError>;

    /// An object's bytes.
    async fn get(&self, key: &ObjectKey, options: GetOptions) -> Result<Object, StoreError>;

    /// Stores an object; with `overwrite` as [`Overwrite::KeepPrevious`](portcullis_domain::Overwrite::KeepPrevious) what was there is kept as a version.
    async fn put(&self, key: &ObjectKey, body: Body, options: PutOptions) -> Result<PutOutcome, StoreError>;

    /// Copies within this side.
    async fn copy(
        &self,
        from: &ObjectKey,
        to: &ObjectKey,
        options: CopyOptions,
    ) -> Result<PutOutcome, StoreError>;

    /// Removes an object or a version of it.
    async fn delete(&self, key: &ObjectKey, options: &DeleteOptions) -> Result<DeleteOutcome, StoreError>;

    /// Begins an upload in parts.
    async fn create_upload(&self, key: &ObjectKey, options: UploadOptions) -> Result<UploadId, StoreError>;

    /// Stores a part.
    async fn upload_part(
        &self,
        key: &ObjectKey,
        upload: &UploadId,
        number: u16,
        body: Body,
        options: PartOptions,
    ) -> Result<Part, StoreError>;

    /// One page of an upload's parts, after a number.
    async fn list_parts(
        &self,
        key: &ObjectKey,
        upload: &UploadId,
        after: u16,
        limit: usize,
    ) -> Result<PartsPage, StoreError>;

    /// Makes one object of the parts.
    async fn complete_upload(
        &self,
        key: &ObjectKey,
        upload: &UploadId,
        parts: &[CompletedPart],
        options: CompleteOptions,
    ) -> Result<PutOutcome, StoreError>;

    /// Gives an upload up.
    async fn abort_upload(&self, key: &ObjectKey, upload: &UploadId) -> Result<(), StoreError>;
}
