//! Multipart uploads.

use std::collections::BTreeMap;

use bytes::{Bytes, BytesMut};
use portcullis_domain::{ObjectKey, Overwrite, Timestamp};

use super::receive::{Bounds, received};
use super::state::{Draft, State};
use crate::listing::MAX_PAGE;
use crate::{
    BackendErrorKind, BodyFault, Checksum, ChecksumKind, CompleteOptions, CompletedPart, ContentHeaders,
    Digest, DigestAlgorithm, Digester, Etag, Part, PartsPage, PutOutcome, Tags, UploadId, UploadMeta,
    UploadOptions,
};

/// Least bytes of a part that is not the last (S3 reference, "Amazon S3 multipart upload limits"): 5 MiB.
const MIN_PART: u64 = 5 << 20;

/// How many completed uploads are remembered.
const REMEMBERED: usize = 1000;

/// An upload under way.
pub(super) struct Upload {
    pub(super) key: ObjectKey,
    pub(super) meta: UploadMeta,
    content: ContentHeaders,
    tags: Tags,
    parts: BTreeMap<u16, (Part, Bytes)>,
}

impl Upload {
    /// Bytes of all its parts.
    pub(super) fn bytes(&self) -> u64 {
        self.parts.values().map(|(part, _)| part.size).sum()
    }

    /// The parts that a client names, if they are what it thinks they are.
    fn named(&self, named: &[CompletedPart]) -> Result<Vec<&(Part, Bytes)>, BackendErrorKind> {
        if !named.is_sorted_by(|a, b| a.number < b.number) {
            return Err(BackendErrorKind::InvalidPartOrder);
        }
        let parts: Vec<_> = named
            .iter()
            .map(|named| {
                let stored = self.parts.get(&named.number).ok_or(BackendErrorKind::InvalidPart)?;
                let same_checksum = named.checksum.is_none() || named.checksum == stored.0.checksum;
                let same = stored.0.etag.to_string() == named.etag && same_checksum;
                if same { Ok(stored) } else { Err(BackendErrorKind::InvalidPart) }
            })
            .collect::<Result<_, _>>()?;
        let (_, all_but_last) = parts.split_last().ok_or(BackendErrorKind::InvalidPart)?;
        if all_but_last.iter().any(|(part, _)| part.size < MIN_PART) {
            return Err(BackendErrorKind::PartTooSmall);
        }
        Ok(parts)
    }

    /// The object that these parts make.
    fn draft(&self, parts: &[&(Part, Bytes)]) -> Result<Draft, BackendErrorKind> {
        let mut bytes = BytesMut::new();
        for (_, part) in parts {
            bytes.extend_from_slice(part);
        }
        let mut draft = Draft {
            bytes: bytes.freeze(),
            etag: etag_of_parts(parts)?,
            content: self.content.clone(),
            checksum: None,
            tags: self.tags.clone(),
            parts: parts.iter().map(|(part, _)| part.clone()).collect(),
        };
        draft.checksum = match self.meta.checksum {
            None => None,
            Some((algorithm, true)) => {
                received(draft.bytes.clone(), vec![algorithm]).full_checksum(algorithm)
            }
            Some((algorithm, false)) => Some(composite_checksum(parts, algorithm)?),
        };
        Ok(draft)
    }
}

fn count(parts: &[&(Part, Bytes)]) -> Result<u16, BackendErrorKind> {
    u16::try_from(parts.len()).map_err(|_| BackendErrorKind::InvalidPart)
}

/// MD5 of the parts' MD5s, with their number.
fn etag_of_parts(parts: &[&(Part, Bytes)]) -> Result<Etag, BackendErrorKind> {
    let mut md5 = Digester::new(&[DigestAlgorithm::Md5]);
    for (part, _) in parts {
        match &part.etag {
            Etag::Md5 { digest, .. } => md5.update(digest),
            Etag::Opaque(_) => return Err(BackendErrorKind::Corrupt),
        }
    }
    let value = md5.finish().pop().and_then(|md5| md5.value.try_into().ok());
    Ok(Etag::Md5 { digest: value.ok_or(BackendErrorKind::Corrupt)?, parts: Some(count(parts)?) })
}

/// The checksum of the parts' checksums.
fn composite_checksum(
    parts: &[&(Part, Bytes)],
    algorithm: DigestAlgorithm,
) -> Result<Checksum, BackendErrorKind> {
    let mut digester = Digester::new(&[algorithm]);
    for (part, _) in parts {
        let own = part.checksum.as_ref().filter(|own| own.algorithm == algorithm);
        digester.update(&own.ok_or(BackendErrorKind::Corrupt)?.value);
    }
    let digest = digester.finish().pop().ok_or(BackendErrorKind::Corrupt)?;
    Ok(Checksum { digest, kind: ChecksumKind::Composite(count(parts)?) })
}

/// Checks what a client knows of the object that it completes.
fn check_whole(draft: &Draft, options: &CompleteOptions) -> Result<(), BackendErrorKind> {
    let size = draft.size();
    if options.size.is_some_and(|told| told > size) {
        return Err(BackendErrorKind::Body(BodyFault::Incomplete));
    }
    if options.size.is_some_and(|told| told < size) {
        return Err(BackendErrorKind::Body(BodyFault::TooLong));
    }
    let kept: Option<&Digest> = draft.checksum.as_ref().map(|checksum| &checksum.digest);
    match &options.checksum {
        Some(told) if Some(told) != kept => Err(BackendErrorKind::Body(BodyFault::Digest(told.algorithm))),
        Some(_) | None => Ok(()),
    }
}

/// A completed upload, to answer a repeated request.
pub(super) struct Completed {
    key: ObjectKey,
    upload: UploadId,
    parts: Vec<(u16, String)>,
    outcome: PutOutcome,
}

fn names(parts: &[CompletedPart]) -> Vec<(u16, String)> {
    parts.iter().map(|part| (part.number, part.etag.clone())).collect()
}

impl State {
    /// Begins an upload.
    pub(super) fn create_upload(
        &mut self,
        key: &ObjectKey,
        options: UploadOptions,
        now: Timestamp,
    ) -> UploadId {
        let id = UploadId(self.next_name());
        let upload = Upload {
            key: key.clone(),
            meta: UploadMeta { owner: options.owner, created: now, checksum: options.checksum },
            content: options.content,
            tags: options.tags,
            parts: BTreeMap::new(),
        };
        self.uploads.entry(key.as_str().into()).or_default().insert(id.clone(), upload);
        id
    }

    /// An upload under way.
    pub(super) fn upload(&self, key: &ObjectKey, upload: &UploadId) -> Result<&Upload, BackendErrorKind> {
        let found = self.uploads.get(key.as_str()).and_then(|uploads| uploads.get(upload));
        found.ok_or(BackendErrorKind::NoSuchUpload)
    }

    /// Stores a part that was received.
    pub(super) fn put_part(
        &mut self,
        key: &ObjectKey,
        upload: &UploadId,
        part: (Part, Bytes),
        bounds: &Bounds,
    ) -> Result<Part, BackendErrorKind> {
        let replaced = self.upload(key, upload)?.parts.get(&part.0.number);
        let freed = replaced.map_or(0, |(replaced, _)| replaced.size);
        bounds.check(self.usage().stored_bytes().saturating_sub(freed).saturating_add(part.0.size))?;
        let uploads = self.uploads.get_mut(key.as_str()).and_then(|uploads| uploads.get_mut(upload));
        let told = part.0.clone();
        uploads.ok_or(BackendErrorKind::NoSuchUpload)?.parts.insert(told.number, part);
        Ok(told)
    }

    /// Parts that are stored.
    pub(super) fn list_parts(
        &self,
        key: &ObjectKey,
        upload: &UploadId,
        after: u16,
        limit: usize,
    ) -> Result<PartsPage, BackendErrorKind> {
        let limit = limit.min(MAX_PAGE);
        let mut rest = self.upload(key, upload)?.parts.values().filter(|(part, _)| part.number > after);
        let parts = rest.by_ref().take(limit).map(|(part, _)| part.clone()).collect();
        Ok(PartsPage { parts, more: limit > 0 && rest.next().is_some() })
    }

    /// Makes an object of an upload.
    pub(super) fn complete_upload(
        &mut self,
        (key, id): (&ObjectKey, &UploadId),
        parts: &[CompletedPart],
        options: &CompleteOptions,
        now: Timestamp,
    ) -> Result<PutOutcome, BackendErrorKind> {
        if let Some(done) = self.completed.iter().find(|done| done.upload == *id && done.key == *key) {
            let same = done.parts == names(parts);
            return if same { Ok(done.outcome.clone()) } else { Err(BackendErrorKind::NoSuchUpload) };
        }
        let upload = self.upload(key, id)?;
        let draft = upload.draft(&upload.named(parts)?)?;
        check_whole(&draft, options)?;
        self.check_conditions(key, &options.conditions)?;
        self.abort_upload(key, id)?;
        let outcome = self.commit(key, draft, options.overwrite.unwrap_or(Overwrite::Replace), now);
        self.completed.truncate(REMEMBERED - 1);
        self.completed.push_front(Completed {
            key: key.clone(),
            upload: id.clone(),
            parts: names(parts),
            outcome: outcome.clone(),
        });
        Ok(outcome)
    }

    /// Drops an upload.
    pub(super) fn abort_upload(
        &mut self,
        key: &ObjectKey,
        upload: &UploadId,
    ) -> Result<(), BackendErrorKind> {
        let uploads = self.uploads.get_mut(key.as_str()).ok_or(BackendErrorKind::NoSuchUpload)?;
        uploads.remove(upload).ok_or(BackendErrorKind::NoSuchUpload)?;
        if uploads.is_empty() {
            self.uploads.remove(key.as_str());
        }
        Ok(())
    }
}
