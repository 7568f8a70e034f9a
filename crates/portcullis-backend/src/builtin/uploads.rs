//! Uploads in parts.

use std::sync::Arc;

use portcullis_domain::ObjectKey;

use super::BuiltinBackend;
use super::index::{self, NewPart, Overwriting, Prepared};
use super::ingest::{Bounds, Landed, receive};
use crate::{
    BackendError, BackendErrorKind, Body, CompleteOptions, CompletedPart, Part, PartOptions, PutOutcome,
    Result, UploadId, UploadOptions,
};

/// The highest number of a part (S3 reference, "Amazon S3 multipart upload limits").
const MAX_PART_NUMBER: u16 = 10_000;

/// How often an upload is looked at again that changes while it is being completed.
const TRIES: usize = 5;

impl BuiltinBackend {
    pub(super) async fn begin_upload(&self, key: &ObjectKey, options: UploadOptions) -> Result<UploadId> {
        // Only of a CRC can the value for the whole be told from those of the parts.
        if let Some((algorithm, true)) = options.checksum
            && index::crc_of(algorithm).is_none()
        {
            return Err(BackendError::new(BackendErrorKind::Unsupported, "create upload"));
        }
        let key = key.clone();
        self.index.write("create upload", move |batch| index::create(batch, &key, &options)).await
    }

    pub(super) async fn store_part(
        &self,
        key: &ObjectKey,
        upload: &UploadId,
        number: u16,
        body: Body,
        options: PartOptions,
    ) -> Result<Part> {
        const OPERATION: &str = "upload part";
        let refused = |kind| BackendError::new(kind, OPERATION);
        if !(1..=MAX_PART_NUMBER).contains(&number) {
            return Err(refused(BackendErrorKind::InvalidPart));
        }
        let (key, upload) = (key.clone(), upload.clone());
        let (sought, named) = (key.clone(), upload.clone());
        let found =
            self.index.read(OPERATION, move |conn| index::upload_with_part(conn, (&sought, &named), number));
        let (meta, freed) = found.await?;
        let kept = meta.checksum.map(|(algorithm, _)| algorithm).or(options.digests.keep);
        let others = self.index.stored_bytes().saturating_sub(freed);
        let room = options.quota.map(|quota| quota.saturating_sub(others));
        if room.zip(options.length).is_some_and(|(room, length)| length > room) {
            return Err(refused(BackendErrorKind::QuotaExceeded));
        }
        // Parts always become files: they are large, but for the last one.
        let bounds = Bounds { length: options.length, room, inline_max: 0 };
        let received = receive(&self.files.blobs, body, bounds, &options.digests, kept).await?;
        let part = Part {
            number,
            size: received.size,
            etag: received.etag()?,
            modified: self.clock.now(),
            checksum: kept.and_then(|algorithm| received.digest(algorithm)).cloned(),
        };
        let file = match received.bytes {
            Landed::Memory(_) => None,
            Landed::File(file) => Some(file),
        };
        let new = NewPart { part, file, crc: received.crc };
        let quota = options.quota;
        self.index.write(OPERATION, move |batch| index::put_part(batch, (&key, &upload), new, quota)).await
    }

    pub(super) async fn finish_upload(
        &self,
        key: &ObjectKey,
        upload: &UploadId,
        parts: &[CompletedPart],
        options: CompleteOptions,
    ) -> Result<PutOutcome> {
        const OPERATION: &str = "complete upload";
        let overwriting =
            Overwriting { conditions: options.conditions.clone(), rule: options.overwrite, quota: None };
        let request = Arc::new((key.clone(), upload.clone(), parts.to_vec(), options));
        for _ in 0..TRIES {
            let asked = Arc::clone(&request);
            let looked = self.index.read(OPERATION, move |conn| {
                let (key, upload, parts, options) = &*asked;
                index::prepare(conn, (key, upload), parts, options)
            });
            let completion = match looked.await? {
                Prepared::Done(outcome) => return Ok(outcome),
                Prepared::Ready(completion) => completion,
            };
            let overwriting = overwriting.clone();
            let made = self
                .index
                .write(OPERATION, move |batch| index::complete(batch, *completion, &overwriting))
                .await?;
            if let Some(outcome) = made {
                return Ok(outcome);
            }
        }
        Err(BackendError::with(
            BackendErrorKind::Unavailable,
            OPERATION,
            "its parts are still being replaced",
        ))
    }
}
