//! What a grant to put can do. Overwriting and the quota are the records' to say, never the protocol's.
//!
//! A principal that may not read learns nothing of what exists: its writes have no conditions, and it meets only the
//! multipart uploads that its own key began.

use std::sync::Arc;

use portcullis_backend::{
    BackendErrorKind, Body, CompleteOptions, CompletedPart, Part as UploadedPart, PartOptions, PartsPage,
    PutOptions, PutOutcome, Tags, UploadId, UploadMeta, UploadOptions, VersionId, WriteConditions,
};
use portcullis_domain::{Action, Overwrite, Storage};
use portcullis_metadata::ActivityKind;

use crate::authorize::{Get, Permitted as _, Put, Seat};
use crate::directory::Part;
use crate::grant::Grant;
use crate::watch::Registration;
use crate::{AccessError, Denial};

/// An upload that was admitted: the body to store, and what keeps it on the watch list until it is stored.
struct Admitted {
    body: Body,
    storage: Arc<Storage>,
    registration: Option<Arc<Registration>>,
}

impl Grant<Put> {
    /// Whether the principal may also read this object. If not, an answer tells nothing that depends on what was there: no
    /// version id, no ETag of another object.
    #[must_use]
    pub fn may_look(&self) -> bool {
        self.seat.allows(Action::Get, Part::Object(&self.target))
    }

    /// Stores the object. `overwrite` and `quota` of the options are set here, whatever they were. A body that comes piece by
    /// piece is cut off when the right is taken away, and nothing of it is stored.
    ///
    /// # Errors
    /// [`AccessError::Denied`] if the right is gone or goes while the body comes, or for a condition that a write-only
    /// principal may not set; [`AccessError::Backend`] as [`portcullis_backend::Backend::put`].
    pub async fn put(self, body: Body, mut options: PutOptions) -> Result<PutOutcome, AccessError> {
        self.refuse_conditions(&options.conditions)?;
        self.seat.only_new(&self.target, &mut options.conditions).await?;
        self.seat.mark(&mut options.content);
        let Admitted { body, storage, registration } = self.admit(body)?;
        options.overwrite = Some(self.overwrite());
        options.quota = storage.quota_bytes;
        let outcome = self.seat.changing().0.backend.put(&self.target, body, options).await;
        settle(outcome, registration.as_deref())
    }

    /// Begins a multipart upload; it belongs to the key of this grant.
    ///
    /// # Errors
    /// [`AccessError::Denied`] if the right is gone, [`AccessError::Backend`].
    pub async fn create_upload(self, mut options: UploadOptions) -> Result<UploadId, AccessError> {
        self.ask()?;
        options.owner = self.seat.who.key_id();
        self.seat.mark(&mut options.content);
        Ok(self.seat.backend.create_upload(&self.target, options).await?)
    }

    /// Stores a part of an upload.
    ///
    /// # Errors
    /// As [`Grant::put`]; `NoSuchUpload`, also for the upload of another key if the principal may not read.
    pub async fn upload_part(
        self,
        upload: &UploadId,
        number: u16,
        body: Body,
        mut options: PartOptions,
    ) -> Result<UploadedPart, AccessError> {
        self.ask()?;
        self.refuse_foreign(upload).await?;
        let Admitted { body, storage, registration } = self.admit(body)?;
        options.quota = storage.quota_bytes;
        let outcome =
            self.seat.changing().0.backend.upload_part(&self.target, upload, number, body, options).await;
        settle(outcome, registration.as_deref())
    }

    /// One page of an upload's parts, by number, after `after`.
    ///
    /// # Errors
    /// [`AccessError::Denied`] if the right is gone; `NoSuchUpload` as [`Grant::upload_part`].
    pub async fn list_parts(
        &self,
        upload: &UploadId,
        after: u16,
        limit: usize,
    ) -> Result<PartsPage, AccessError> {
        self.ask()?;
        self.refuse_foreign(upload).await?;
        Ok(self.seat.backend.list_parts(&self.target, upload, after, limit).await?)
    }

    /// What is known of an upload.
    ///
    /// # Errors
    /// As [`Grant::list_parts`].
    pub async fn upload_meta(&self, upload: &UploadId) -> Result<UploadMeta, AccessError> {
        self.ask()?;
        self.refuse_foreign(upload).await?;
        Ok(self.seat.backend.upload(&self.target, upload).await?)
    }

    /// Makes one object of the parts named. `overwrite` of the options is set here.
    ///
    /// # Errors
    /// [`AccessError::Denied`] as [`Grant::put`]; [`AccessError::Backend`] as
    /// [`portcullis_backend::Backend::complete_upload`]; `NoSuchUpload` as [`Grant::upload_part`].
    pub async fn complete_upload(
        self,
        upload: &UploadId,
        parts: &[CompletedPart],
        mut options: CompleteOptions,
    ) -> Result<PutOutcome, AccessError> {
        self.refuse_conditions(&options.conditions)?;
        self.ask()?;
        match self.refuse_foreign(upload).await {
            // Completed before, or never was: the driver answers a repetition as it did the first time, if the client
            // knows the upload and its parts.
            Err(AccessError::Backend(error))
                if error.kind == BackendErrorKind::NoSuchUpload && error.operation != FOREIGN => {}
            other => other?,
        }
        self.seat.only_new(&self.target, &mut options.conditions).await?;
        self.ask()?;
        options.overwrite = Some(self.overwrite());
        Ok(self.seat.changing().0.backend.complete_upload(&self.target, upload, parts, options).await?)
    }

    /// Gives an upload up and drops its parts.
    ///
    /// # Errors
    /// [`AccessError::Denied`] if the right is gone; `NoSuchUpload` as [`Grant::upload_part`].
    pub async fn abort_upload(self, upload: &UploadId) -> Result<(), AccessError> {
        self.ask()?;
        self.refuse_foreign(upload).await?;
        Ok(self.seat.changing().0.backend.abort_upload(&self.target, upload).await?)
    }

    /// Replaces the object's tags. That tells whether it exists, so it takes the right to read it too, as a value.
    ///
    /// # Errors
    /// [`AccessError::Denied`] if a right is gone or the two are not for the same object and principal;
    /// [`AccessError::Backend`] with `NotFound`.
    pub async fn retag(
        self,
        seen: Grant<Get>,
        version: Option<&VersionId>,
        tags: Tags,
    ) -> Result<(), AccessError> {
        let same_who = self.seat.who.key_id() == seen.seat.who.key_id()
            && self.seat.who.session_id() == seen.seat.who.session_id();
        if !same_who || self.seat.storage != seen.seat.storage || self.target != seen.target {
            return Err(self.seat.refuse(Put::ACTION, &self.target, Denial::GrantMismatch));
        }
        seen.ask()?;
        self.ask()?;
        Ok(self.seat.backend.set_tags(&self.target, version, tags).await?)
    }

    /// What happens to an object that is there: who may not delete it does not destroy it by overwriting it either.
    pub(crate) fn overwrite(&self) -> Overwrite {
        // A run keeps what it replaces, and where that cannot be it has kept it elsewhere before.
        if self.seat.who.pass().is_some() && !self.seat.backend.capabilities().keeps_versions {
            Overwrite::Replace
        } else if self.seat.who.pass().is_some() {
            Overwrite::KeepPrevious
        } else if self.seat.access.inner().directory.only_creates(&self.seat.who) {
            Overwrite::CreateOnly
        } else if self.seat.allows(Action::Delete, Part::Object(&self.target)) {
            Overwrite::Replace
        } else {
            Overwrite::KeepPrevious
        }
    }

    /// A condition asks what exists, which a principal that may not read must not learn.
    pub(crate) fn refuse_conditions(&self, conditions: &WriteConditions) -> Result<(), AccessError> {
        if conditions.is_empty() {
            return Ok(());
        }
        if self.may_look() {
            // It needs the right to read, so it is counted as reading: or a key would seem to do with less than it needs.
            let Seat { access, who, storage, .. } = &self.seat;
            access.count(who, Some(*storage), ActivityKind::Used, Get::ACTION.as_str());
            return Ok(());
        }
        Err(self.seat.refuse(Put::ACTION, &self.target, Denial::ConditionalWrite))
    }

    /// For a principal that may not read, an upload that its own key did not begin does not exist.
    async fn refuse_foreign(&self, upload: &UploadId) -> Result<(), AccessError> {
        if self.may_look() {
            return Ok(());
        }
        let meta = self.seat.backend.upload(&self.target, upload).await?;
        let own = self.seat.who.key_id();
        if own.is_some() && meta.owner == own {
            return Ok(());
        }
        let error = portcullis_backend::BackendError::new(BackendErrorKind::NoSuchUpload, FOREIGN);
        Err(AccessError::Backend(error))
    }

    /// Registers first, asks then: a revocation in between finds the transfer, one before is heard.
    fn admit(&self, body: Body) -> Result<Admitted, AccessError> {
        match body {
            Body::Full(bytes) => {
                let storage = self.ask()?;
                self.seat.moved(Put::ACTION, u64::try_from(bytes.len()).unwrap_or(u64::MAX));
                Ok(Admitted { body: Body::Full(bytes), storage, registration: None })
            }
            Body::Stream(stream) => {
                let registration = self.seat.register(Put::ACTION, &self.target);
                let storage = self.ask()?;
                let body = Body::Stream(registration.upload(stream));
                Ok(Admitted { body, storage, registration: Some(registration) })
            }
        }
    }
}

/// The operation in the error for an upload of another key; for the log, where it tells the two apart.
const FOREIGN: &str = "upload of another key";

/// The outcome of an upload; one that failed because it was cut off was denied.
fn settle<T>(
    outcome: portcullis_backend::Result<T>,
    registration: Option<&Registration>,
) -> Result<T, AccessError> {
    match (outcome, registration.and_then(Registration::reason)) {
        (Err(_), Some(why)) => Err(why.into()),
        (outcome, _) => Ok(outcome?),
    }
}
