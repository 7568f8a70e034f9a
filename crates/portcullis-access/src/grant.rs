//! Grants: permission for one action on one key, with the means to do it. What was checked is what is used.
//!
//! A grant asks the policy again in the moment it is used, so that nothing that happened since it was given is missed.

use std::fmt;
use std::sync::Arc;

use portcullis_backend::{
    BackendErrorKind, Body, ByteRange, ChecksumKind, CopyOptions, DeleteOptions, DeleteOutcome, DigestPlan,
    GetOptions, GetOutcome, ListPage, ListPosition, ListRequest, MetadataDirective, Object, ObjectMeta,
    Part as UploadedPart, PartOptions, PutOptions, PutOutcome, UploadId, UploadsPage, UploadsRequest,
    VersionId, VersionsPage, VersionsRequest,
};
use portcullis_domain::Storage;

use crate::AccessError;
use crate::authorize::sealed::Place as _;
use crate::authorize::{Delete, Get, List, Permitted, Put, Seat};

/// The largest object that is copied in one step (S3 reference, "CopyObject").
const MOST_COPIED: u64 = 5 * 1024 * 1024 * 1024;

/// Permission for one action on one object, or on the keys under a prefix, and the only means to do it.
///
/// Made by [`crate::StorageAccess::grant`] alone; not `Clone`; methods that change something or hand out bytes consume it.
#[must_use = "a grant does nothing until it is used"]
pub struct Grant<A: Permitted> {
    pub(crate) seat: Seat,
    pub(crate) target: A::Target,
}

impl<A: Permitted> fmt::Debug for Grant<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Grant");
        shown.field("action", &A::ACTION).field("target", &self.target).field("seat", &self.seat);
        shown.finish()
    }
}

/// Where a listing of versions goes on.
#[derive(Clone, Debug, Default)]
pub struct VersionsAfter {
    /// Keys that contain it after the prefix are rolled up into one entry.
    pub delimiter: Option<String>,
    /// From where.
    pub after: Option<ListPosition>,
    /// With a key as `after`: goes on inside that key after this version.
    pub after_version: Option<VersionId>,
    /// The most entries; at most 1,000.
    pub limit: usize,
}

/// Where a listing of multipart uploads goes on.
#[derive(Clone, Debug, Default)]
pub struct UploadsAfter {
    /// Keys that contain it after the prefix are rolled up into one entry.
    pub delimiter: Option<String>,
    /// After this key, or this upload of this key, or this common prefix.
    pub after: Option<(ListPosition, Option<UploadId>)>,
    /// The most entries; at most 1,000.
    pub limit: usize,
}

/// A part of an upload that is a part of an object.
#[derive(Clone, Debug)]
pub struct PartCopy<'a> {
    /// The upload.
    pub upload: &'a UploadId,
    /// The part's number, 1 to 10,000.
    pub number: u16,
    /// Which version and bytes of the source, and only if.
    pub source: GetOptions,
}

impl<A: Permitted> Grant<A> {
    pub(crate) fn new(seat: Seat, target: A::Target) -> Self {
        Self { seat, target }
    }

    /// What it is for.
    #[must_use]
    pub fn target(&self) -> &A::Target {
        &self.target
    }

    /// Asks the policy again; gives the storage as it is now.
    pub(crate) fn ask(&self) -> Result<Arc<Storage>, AccessError> {
        self.seat.ask(A::ACTION, self.target.part())
    }
}

impl Grant<List> {
    /// One page of objects and common prefixes.
    ///
    /// # Errors
    /// [`AccessError::Denied`] if the right is gone, [`AccessError::Backend`].
    pub async fn page(
        &self,
        delimiter: Option<String>,
        after: Option<ListPosition>,
        limit: usize,
    ) -> Result<ListPage, AccessError> {
        self.list(ListRequest { delimiter, after, limit, ..ListRequest::default() }).await
    }

    /// As [`Grant::page`], with [`portcullis_backend::ListedObject::user_modified`] where the driver can tell it.
    ///
    /// # Errors
    /// As [`Grant::page`].
    pub async fn page_with_times(
        &self,
        delimiter: Option<String>,
        after: Option<ListPosition>,
        limit: usize,
    ) -> Result<ListPage, AccessError> {
        self.list(ListRequest { delimiter, after, limit, user_times: true, ..ListRequest::default() }).await
    }

    async fn list(&self, request: ListRequest) -> Result<ListPage, AccessError> {
        self.ask()?;
        Ok(self.seat.backend.list(&ListRequest { prefix: self.target.clone(), ..request }).await?)
    }

    /// One page of objects with their previous versions.
    ///
    /// # Errors
    /// As [`Grant::page`].
    pub async fn versions(&self, page: VersionsAfter) -> Result<VersionsPage, AccessError> {
        self.ask()?;
        let VersionsAfter { delimiter, after, after_version, limit } = page;
        let request = VersionsRequest { prefix: self.target.clone(), delimiter, after, after_version, limit };
        Ok(self.seat.backend.list_versions(&request).await?)
    }

    /// One page of multipart uploads that are not completed, whoever began them.
    ///
    /// # Errors
    /// As [`Grant::page`].
    pub async fn uploads(&self, page: UploadsAfter) -> Result<UploadsPage, AccessError> {
        self.ask()?;
        let UploadsAfter { delimiter, after, limit } = page;
        let request = UploadsRequest { prefix: self.target.clone(), delimiter, after, limit, owner: None };
        Ok(self.seat.backend.list_uploads(&request).await?)
    }
}

impl Grant<Get> {
    /// What is known of the object, its tags included.
    ///
    /// # Errors
    /// [`AccessError::Denied`] if the right is gone, [`AccessError::Backend`] as [`portcullis_backend::Backend::head`].
    pub async fn head(&self, options: &GetOptions) -> Result<GetOutcome<ObjectMeta>, AccessError> {
        self.ask()?;
        Ok(self.seat.backend.head(&self.target, options).await?)
    }

    /// The object's bytes. A body that comes piece by piece ends with [`portcullis_backend::BodyFault::Cut`] when the
    /// right is taken away.
    ///
    /// # Errors
    /// [`AccessError::Denied`] if the right is gone, [`AccessError::Backend`] as [`portcullis_backend::Backend::get`].
    pub async fn get(self, options: GetOptions) -> Result<GetOutcome<Object>, AccessError> {
        self.ask()?;
        match self.seat.backend.get(&self.target, &options).await? {
            GetOutcome::NotModified(meta) => Ok(GetOutcome::NotModified(meta)),
            GetOutcome::Found(object) => {
                let Object { meta, range, body } = object;
                self.seat.bind();
                let body = match body {
                    Body::Full(bytes) => {
                        self.ask()?;
                        self.seat.moved(Get::ACTION, u64::try_from(bytes.len()).unwrap_or(u64::MAX));
                        Body::Full(bytes)
                    }
                    Body::Stream(stream) => {
                        let registration = self.seat.register(Get::ACTION, &self.target);
                        self.ask()?;
                        Body::Stream(registration.download(stream))
                    }
                };
                Ok(GetOutcome::Found(Object { meta, range, body }))
            }
        }
    }

    /// Copies the object; it takes both rights, as values. Within one storage the bytes stay where they are.
    ///
    /// # Errors
    /// As [`Grant::get`] and [`Grant::put`]; `PreconditionFailed` also if the source has not changed since a time
    /// that was given; `TooLarge` over 5 GiB.
    pub async fn copy_to(self, to: Grant<Put>, mut options: CopyOptions) -> Result<PutOutcome, AccessError> {
        if self.seat.storage != to.seat.storage {
            return self.copy_across(to, options).await;
        }
        self.ask()?;
        let storage = to.ask()?;
        to.refuse_conditions(&options.conditions)?;
        options.overwrite = Some(to.overwrite());
        options.quota = storage.quota_bytes;
        Ok(to.seat.changing().0.backend.copy(&self.target, &to.target, options).await?)
    }

    async fn copy_across(self, to: Grant<Put>, options: CopyOptions) -> Result<PutOutcome, AccessError> {
        let CopyOptions { version, source, metadata, tags, conditions, checksum, overwrite: _, quota: _ } =
            options;
        let Object { meta, range: _, body } =
            self.source(GetOptions { version, conditions: source, ..GetOptions::default() }).await?;
        if meta.size > MOST_COPIED {
            return Err(BackendErrorKind::TooLarge.into());
        }
        // What the source is known to have must arrive; a checksum over parts says nothing of the whole.
        let whole = meta.checksum.as_ref().filter(|known| known.kind == ChecksumKind::FullObject);
        let options = PutOptions {
            length: Some(meta.size),
            digests: DigestPlan {
                expect: whole.map(|known| known.digest.clone()).into_iter().collect(),
                late: None,
                keep: checksum.or_else(|| meta.checksum.as_ref().map(|known| known.digest.algorithm)),
            },
            content: match metadata {
                MetadataDirective::Copy => meta.content,
                MetadataDirective::Replace(content) => *content,
            },
            tags: tags.unwrap_or(meta.tags),
            conditions,
            ..PutOptions::default()
        };
        to.put(body, options).await
    }

    /// Copies the object, or a range of it, to a part of an upload.
    ///
    /// # Errors
    /// As [`Grant::get`] and [`Grant::upload_part`]; `PreconditionFailed` as [`Grant::copy_to`].
    pub async fn copy_part_to(self, to: Grant<Put>, part: PartCopy<'_>) -> Result<UploadedPart, AccessError> {
        let object = self.source(part.source).await?;
        let length = match object.range {
            None => object.meta.size,
            Some(ByteRange { first, last }) => last.saturating_sub(first).saturating_add(1),
        };
        if length > MOST_COPIED {
            return Err(BackendErrorKind::TooLarge.into());
        }
        let options = PartOptions { length: Some(length), ..PartOptions::default() };
        to.upload_part(part.upload, part.number, object.body, options).await
    }

    /// The source of a copy, for which "not modified" is a condition that failed.
    async fn source(self, options: GetOptions) -> Result<Object, AccessError> {
        match self.get(options).await? {
            GetOutcome::Found(object) => Ok(object),
            GetOutcome::NotModified(_) => Err(BackendErrorKind::PreconditionFailed.into()),
        }
    }
}

impl Grant<Delete> {
    /// Removes the object, or one version of it for good.
    ///
    /// # Errors
    /// [`AccessError::Denied`] if the right is gone, [`AccessError::Backend`] as [`portcullis_backend::Backend::delete`].
    pub async fn delete(self, options: DeleteOptions) -> Result<DeleteOutcome, AccessError> {
        self.ask()?;
        Ok(self.seat.changing().0.backend.delete(&self.target, &options).await?)
    }
}
