//! Keys, their versions, and the one moment in which a write takes effect.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bytes::Bytes;
use portcullis_domain::{ObjectKey, Overwrite, Timestamp, Usage};

use super::receive::{Bounds, received, size_of};
use super::uploads::{Completed, Upload};
use crate::{
    BackendError, BackendErrorKind, Checksum, ContentHeaders, CopyOptions, DeleteOptions, DeleteOutcome,
    Etag, MetadataDirective, ObjectMeta, Part, PutOutcome, ReadVerdict, Result, Tags, UploadId, VersionId,
    WriteConditions,
};

/// The most that one copy takes (S3 reference, `CopyObject`): 5 GiB.
const MAX_COPY: u64 = 5 << 30;

/// Everything that a storage holds.
#[derive(Default)]
pub(super) struct State {
    /// Keys in order. A key with no version left is not here.
    pub(super) objects: BTreeMap<Box<str>, Slot>,
    /// Uploads under way, by key and then by age. A key without any is not here.
    pub(super) uploads: BTreeMap<Box<str>, BTreeMap<UploadId, Upload>>,
    /// What was completed last, to answer it again.
    pub(super) completed: VecDeque<Completed>,
    /// The last number that went into a name.
    sequence: u64,
}

/// The versions of one key.
pub(super) struct Slot {
    /// The key.
    pub(super) key: ObjectKey,
    /// The version that is the object, if there is one.
    pub(super) current: Option<VersionId>,
    /// All versions, the oldest first.
    pub(super) versions: BTreeMap<VersionId, Stored>,
}

/// A version with its bytes.
pub(super) struct Stored {
    pub(super) meta: ObjectMeta,
    pub(super) bytes: Bytes,
}

/// A version that is not committed yet.
pub(super) struct Draft {
    pub(super) bytes: Bytes,
    pub(super) etag: Etag,
    pub(super) content: ContentHeaders,
    pub(super) checksum: Option<Checksum>,
    pub(super) tags: Tags,
    pub(super) parts: Vec<Part>,
}

impl Draft {
    /// Bytes.
    pub(super) fn size(&self) -> u64 {
        size_of(&self.bytes)
    }
}

impl State {
    /// A name that was never given before; later names are greater.
    pub(super) fn next_name(&mut self) -> Box<str> {
        self.sequence += 1;
        format!("{:016x}", self.sequence).into()
    }

    /// The current version of a key, or the one named.
    pub(super) fn find(&self, key: &ObjectKey, version: Option<&VersionId>) -> Option<&Stored> {
        let slot = self.objects.get(key.as_str())?;
        slot.versions.get(version.or(slot.current.as_ref())?)
    }

    /// Checks the conditions of a write against what is there now.
    pub(super) fn check_conditions(
        &self,
        key: &ObjectKey,
        conditions: &WriteConditions,
    ) -> Result<(), BackendErrorKind> {
        conditions.check(self.find(key, None).map(|stored| &stored.meta.etag))
    }

    /// Checks that `size` more bytes at `key` may be stored.
    pub(super) fn check_room(
        &self,
        key: &ObjectKey,
        size: u64,
        overwrite: Overwrite,
        bounds: &Bounds,
    ) -> Result<(), BackendErrorKind> {
        let freed = match overwrite {
            Overwrite::Replace => self.find(key, None).map_or(0, |stored| stored.meta.size),
            Overwrite::KeepPrevious | Overwrite::CreateOnly => 0,
        };
        bounds.check(self.usage().stored_bytes().saturating_sub(freed).saturating_add(size))
    }

    /// Makes a draft a version. Everything that may refuse it has been asked.
    pub(super) fn commit(
        &mut self,
        key: &ObjectKey,
        draft: Draft,
        overwrite: Overwrite,
        now: Timestamp,
    ) -> PutOutcome {
        let version = VersionId(self.next_name());
        let meta = ObjectMeta {
            size: draft.size(),
            modified: now,
            etag: draft.etag,
            version: version.clone(),
            content: draft.content,
            checksum: draft.checksum,
            tags: draft.tags,
            parts: draft.parts,
        };
        let outcome = PutOutcome {
            size: meta.size,
            etag: meta.etag.clone(),
            version: version.clone(),
            modified: now,
            checksum: meta.checksum.clone(),
        };
        let slot = self.objects.entry(key.as_str().into()).or_insert_with(|| Slot {
            key: key.clone(),
            current: None,
            versions: BTreeMap::new(),
        });
        match (overwrite, slot.current.take()) {
            (Overwrite::Replace, Some(replaced)) => {
                slot.versions.remove(&replaced);
                slot.current = Some(version.clone());
            }
            (Overwrite::CreateOnly, Some(stays)) => slot.current = Some(stays),
            (Overwrite::KeepPrevious, Some(_)) | (_, None) => slot.current = Some(version.clone()),
        }
        slot.versions.insert(version, Stored { meta, bytes: draft.bytes });
        outcome
    }

    /// Removes an object or a version.
    pub(super) fn delete(
        &mut self,
        key: &ObjectKey,
        options: &DeleteOptions,
    ) -> Result<DeleteOutcome, BackendErrorKind> {
        let conditions = WriteConditions { if_absent: false, if_match: options.if_match.clone() };
        self.check_conditions(key, &conditions)?;
        let Some(slot) = self.objects.get_mut(key.as_str()) else {
            return match options.version {
                Some(_) => Err(BackendErrorKind::NotFound),
                None => Ok(DeleteOutcome { existed: false }),
            };
        };
        let existed = match &options.version {
            Some(version) => {
                slot.versions.remove(version).ok_or(BackendErrorKind::NotFound)?;
                slot.current.take_if(|current| current == version);
                true
            }
            None => match slot.current.take() {
                None => false,
                Some(_) if options.keep_previous => true,
                Some(current) => slot.versions.remove(&current).is_some(),
            },
        };
        if slot.versions.is_empty() {
            self.objects.remove(key.as_str());
        }
        Ok(DeleteOutcome { existed })
    }

    /// What a copy would store: always an object of its own, in one piece.
    pub(super) fn draft_of_copy(&self, from: &ObjectKey, options: &CopyOptions) -> Result<Draft> {
        let fail = |kind| BackendError::new(kind, "copy");
        let source = self.find(from, options.version.as_ref()).ok_or(fail(BackendErrorKind::NotFound))?;
        match options.source.check(&source.meta) {
            ReadVerdict::Proceed => {}
            ReadVerdict::NotModified | ReadVerdict::Failed => {
                return Err(fail(BackendErrorKind::PreconditionFailed));
            }
        }
        if source.meta.size > MAX_COPY {
            return Err(fail(BackendErrorKind::TooLarge));
        }
        let kept = source.meta.checksum.as_ref().map(|checksum| checksum.digest.algorithm);
        let kept = options.checksum.or(kept);
        let received = received(source.bytes.clone(), kept.into_iter().collect());
        Ok(Draft {
            etag: received.etag()?,
            checksum: kept.and_then(|algorithm| received.full_checksum(algorithm)),
            bytes: received.bytes,
            content: match &options.metadata {
                MetadataDirective::Copy => source.meta.content.clone(),
                MetadataDirective::Replace(content) => content.as_ref().clone(),
            },
            tags: options.tags.clone().unwrap_or_else(|| source.meta.tags.clone()),
            parts: Vec::new(),
        })
    }

    /// Replaces tags.
    pub(super) fn set_tags(
        &mut self,
        key: &ObjectKey,
        version: Option<&VersionId>,
        tags: Tags,
    ) -> Result<(), BackendErrorKind> {
        let slot = self.objects.get_mut(key.as_str()).ok_or(BackendErrorKind::NotFound)?;
        let version = version.or(slot.current.as_ref()).ok_or(BackendErrorKind::NotFound)?;
        let stored = slot.versions.get_mut(version).ok_or(BackendErrorKind::NotFound)?;
        stored.meta.tags = tags;
        Ok(())
    }

    /// Counts everything, every time: nothing that could drift.
    pub(super) fn usage(&self) -> Usage {
        let mut usage = Usage::default();
        let mut folders = BTreeSet::new();
        for slot in self.objects.values() {
            for (version, stored) in &slot.versions {
                if slot.current.as_ref() == Some(version) {
                    usage.bytes += stored.meta.size;
                    usage.files += 1;
                    folders.extend(slot.key.folders());
                } else {
                    usage.version_bytes += stored.meta.size;
                }
            }
        }
        usage.folders = u64::try_from(folders.len()).unwrap_or(u64::MAX);
        usage.upload_bytes = self.uploads.values().flat_map(BTreeMap::values).map(Upload::bytes).sum();
        usage
    }
}
