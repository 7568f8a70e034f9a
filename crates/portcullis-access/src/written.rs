//! What a caller has just stored is theirs to move, also if they may neither read nor delete.

use std::fmt;

use portcullis_backend::{
    BackendErrorKind, Body, CompleteOptions, CompletedPart, CopyOptions, DeleteOptions, Etag, EtagCondition,
    PutOptions, PutOutcome, ReadConditions, UploadId, VersionId, VersionsRequest,
};
use portcullis_domain::{Action, DataEvents, KeyPrefix, ObjectKey};

use crate::authorize::{Permitted as _, Put, Seat};
use crate::directory::Part;
use crate::grant::Grant;
use crate::{AccessError, Denial};

/// Proof that this caller stored this version of this object through a grant that was given to them.
///
/// With it, and a grant to put another key, who may only write renames their own upload: that one version is copied, and that one
/// version is removed. It tells nothing of what else is there, and takes nothing away that somebody else stored. It is worth no more
/// than the caller's right to put is worth at the moment of use. Made by [`Grant::put_written`] and [`Grant::complete_written`] alone.
pub struct Written {
    seat: Seat,
    target: ObjectKey,
    version: VersionId,
    etag: Etag,
}

impl fmt::Debug for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Written").field("target", &self.target).finish_non_exhaustive()
    }
}

impl Grant<Put> {
    /// As [`Grant::put`], with a proof of it.
    ///
    /// # Errors
    /// As [`Grant::put`].
    pub async fn put_written(
        self,
        body: Body,
        options: PutOptions,
    ) -> Result<(PutOutcome, Written), AccessError> {
        let (seat, target) = (self.seat.clone(), self.target.clone());
        let outcome = self.put(body, options).await?;
        let written = Written::of(seat, target, &outcome);
        Ok((outcome, written))
    }

    /// As [`Grant::complete_upload`], with a proof of it; without one if the upload had been completed before, which may have been
    /// done by somebody else.
    ///
    /// # Errors
    /// As [`Grant::complete_upload`].
    pub async fn complete_written(
        self,
        upload: &UploadId,
        parts: &[CompletedPart],
        options: CompleteOptions,
    ) -> Result<(PutOutcome, Option<Written>), AccessError> {
        let (seat, target) = (self.seat.clone(), self.target.clone());
        let is_open = match self.upload_meta(upload).await {
            Ok(_) => true,
            Err(AccessError::Backend(error)) if error.kind == BackendErrorKind::NoSuchUpload => false,
            Err(other) => return Err(other),
        };
        let outcome = self.complete_upload(upload, parts, options).await?;
        let written = is_open.then(|| Written::of(seat, target, &outcome));
        Ok((outcome, written))
    }
}

impl Written {
    fn of(seat: Seat, target: ObjectKey, outcome: &PutOutcome) -> Self {
        Self { seat, target, version: outcome.version.clone(), etag: outcome.etag.clone() }
    }

    /// What was stored.
    #[must_use]
    pub fn target(&self) -> &ObjectKey {
        &self.target
    }

    /// Gives what was stored another key of the same storage: a copy of that version, under the rule for overwriting of the caller, and
    /// then the end of that version. Gives the proof for the new key; this one is worth nothing any more. If it fails
    /// in between, the object has both keys, and the same call may be repeated. To its own key it does nothing.
    ///
    /// A version that replaced another and is still the present one stays where it is, and the caller is not told: without it the
    /// other one would not be there for anybody, and who may only write deletes nothing.
    ///
    /// # Errors
    /// [`AccessError::Denied`] if a right to put, here or there, is gone, or with `GrantMismatch` for the grant of somebody else or
    /// of another storage; [`AccessError::Backend`] with `NotFound` if that version is gone, `PreconditionFailed` if it was replaced where
    /// no versions are kept, `Unsupported` where it could not be removed without the risk of removing somebody else's (no versions, and a
    /// provider that knows no conditions), `TooLarge` over what is copied in one step. Nothing is removed then.
    pub async fn move_to(&self, to: Grant<Put>) -> Result<Self, AccessError> {
        if !self.is_by(&to) {
            return Err(to.seat.refuse(Put::ACTION, &to.target, Denial::GrantMismatch));
        }
        let here = Part::Object(&self.target);
        self.seat.ask(Put::ACTION, here)?;
        let storage = to.ask()?;
        if self.target == to.target {
            return Ok(Self { seat: to.seat, target: to.target, ..self.same() });
        }
        let capabilities = self.seat.backend.capabilities();
        if !capabilities.keeps_versions && !capabilities.conditional_deletes {
            return Err(BackendErrorKind::Unsupported.into());
        }
        let version = capabilities.keeps_versions.then(|| self.version.clone());
        let own = EtagCondition::OneOf(vec![self.etag.to_string()]);
        let options = CopyOptions {
            version: version.clone(),
            source: ReadConditions { if_match: Some(own.clone()), ..ReadConditions::default() },
            overwrite: Some(to.overwrite()),
            quota: storage.quota_bytes,
            ..CopyOptions::default()
        };
        let outcome = to.seat.changing().0.backend.copy(&self.target, &to.target, options).await?;
        if version.is_some() && self.hides_another().await? {
            return Ok(Self::of(to.seat, to.target, &outcome));
        }
        // The copy may have taken a while: what is removed is removed under the right of this moment.
        let storage = self.seat.ask(Put::ACTION, here)?;
        let access = &self.seat.access;
        if access.inner().directory.data_events(storage.site) != DataEvents::None {
            access.note_deed(&self.seat.who, Action::Delete, (storage.id, here), None)?;
        }
        let options = match version {
            Some(version) => DeleteOptions { version: Some(version), ..DeleteOptions::default() },
            None => DeleteOptions { if_match: Some(own), ..DeleteOptions::default() },
        };
        self.seat.changing().0.backend.delete(&self.target, &options).await?;
        Ok(Self::of(to.seat, to.target, &outcome))
    }

    /// Whether it is the present version of a key that had others.
    async fn hides_another(&self) -> Result<bool, AccessError> {
        // Of all keys with this beginning it is the first, and its newest versions come first.
        let prefix = KeyPrefix::parse(self.target.as_str()).map_err(|_| AccessError::Unavailable)?;
        let request = VersionsRequest { prefix, limit: 2, ..VersionsRequest::default() };
        let versions = self.seat.backend.list_versions(&request).await?.versions;
        let mut here = versions.iter().filter(|of| of.object.key == self.target);
        let is_present = here.next().is_some_and(|of| of.version == self.version && of.current);
        Ok(is_present && here.next().is_some())
    }

    fn same(&self) -> Self {
        let Self { seat, target, version, etag } = self;
        let (version, etag) = (version.clone(), etag.clone());
        Self { seat: seat.clone(), target: target.clone(), version, etag }
    }

    /// Whether a grant is of the same caller at the same storage.
    fn is_by(&self, to: &Grant<Put>) -> bool {
        let (own, other) = (&self.seat.who, &to.seat.who);
        self.seat.storage == to.seat.storage
            && own.key_id() == other.key_id()
            && own.session_id() == other.session_id()
            && own.link_id() == other.link_id()
            && own.site() == other.site()
    }
}
