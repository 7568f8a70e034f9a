//! Storing, copying and removing objects.

use std::io;
use std::sync::Arc;

use portcullis_domain::{ObjectKey, Overwrite};
use tokio::task::spawn_blocking;

use super::BuiltinBackend;
use super::blob::{Blobs, NewBlob};
use super::error::disk_error;
use super::index::{self, NewBody, NewObject, Overwriting, Place, Row, Segment, StoredPart};
use super::ingest::{Bounds, Landed, MAX_PUT, receive};
use super::stream::{Reader, extents};
use crate::{
    BackendError, BackendErrorKind, Body, Checksum, ChecksumKind, CopyOptions, Digest, DigestAlgorithm,
    Digester, Etag, MetadataDirective, PutOptions, PutOutcome, ReadVerdict, Result,
};

impl BuiltinBackend {
    pub(super) async fn write_object(
        &self,
        key: &ObjectKey,
        body: Body,
        options: PutOptions,
    ) -> Result<PutOutcome> {
        let overwriting =
            Overwriting { conditions: options.conditions, rule: options.overwrite, quota: options.quota };
        let room = self.look_ahead(key, &overwriting, options.length).await?;
        let bounds = Bounds { length: options.length, room, inline_max: self.options.inline_max };
        let received = receive(&self.files.blobs, body, bounds, &options.digests, None).await?;
        let kept = options.digests.keep.and_then(|algorithm| received.digest(algorithm));
        let object = NewObject {
            key: key.clone(),
            size: received.size,
            etag: received.etag()?,
            content: options.content,
            tags: options.tags,
            checksum: kept.map(|digest| Checksum { digest: digest.clone(), kind: ChecksumKind::FullObject }),
            body: match received.bytes {
                Landed::Memory(bytes) => NewBody::Inline(bytes),
                Landed::File(file) => NewBody::File(file, received.crc),
            },
        };
        self.index.write("put", move |batch| index::put(batch, object, &overwriting)).await
    }

    /// Refuses a write that would be refused in the end anyway, before its body is read. Gives how many bytes the quota
    /// leaves, if that may end the body early.
    async fn look_ahead(
        &self,
        key: &ObjectKey,
        overwriting: &Overwriting,
        length: Option<u64>,
    ) -> Result<Option<u64>> {
        let stored = self.index.stored_bytes();
        let fits = |quota| length.is_some_and(|length| stored.saturating_add(length) <= quota);
        let tight = overwriting.quota.filter(|quota| !fits(*quota));
        if tight.is_none() && overwriting.conditions.is_empty() {
            return Ok(None);
        }
        let there = match self.row(key, None).await {
            Ok(row) => Some(row),
            Err(error) if error.kind == BackendErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        let refused = |kind| BackendError::new(kind, "put");
        overwriting.conditions.check(there.as_ref().map(|row| &row.meta.etag)).map_err(refused)?;
        let freed = match (overwriting.rule, &there) {
            (None | Some(Overwrite::Replace), Some(row)) => row.meta.size,
            (Some(Overwrite::KeepPrevious | Overwrite::CreateOnly), _) | (_, None) => 0,
        };
        let room = tight.map(|quota| quota.saturating_sub(stored.saturating_sub(freed)));
        if room.zip(length).is_some_and(|(room, length)| length > room) {
            return Err(refused(BackendErrorKind::QuotaExceeded));
        }
        Ok(room)
    }

    pub(super) async fn copy_object(
        &self,
        from: &ObjectKey,
        to: &ObjectKey,
        options: CopyOptions,
    ) -> Result<PutOutcome> {
        let refused = |kind| BackendError::new(kind, "copy");
        for last_try in [false, true] {
            let source = self.row(from, options.version.as_ref()).await?;
            match options.source.check(&source.meta) {
                ReadVerdict::Proceed => {}
                ReadVerdict::NotModified | ReadVerdict::Failed => {
                    return Err(refused(BackendErrorKind::PreconditionFailed));
                }
            }
            if source.meta.size > MAX_PUT {
                return Err(refused(BackendErrorKind::TooLarge));
            }
            let overwriting = Overwriting {
                conditions: options.conditions.clone(),
                rule: options.overwrite,
                quota: options.quota,
            };
            self.look_ahead(to, &overwriting, Some(source.meta.size)).await?;
            let made = self.duplicate(&source, &options).await;
            match made {
                // The source was replaced and its file collected meanwhile.
                Err(error) if is_gone(&error) && !last_try => {}
                Err(error) if is_gone(&error) => return Err(refused(BackendErrorKind::Corrupt)),
                Err(error) => return Err(disk_or_damage(error)),
                Ok((body, checksum)) => {
                    let object = described(to, &source, &options, body, checksum);
                    return self
                        .index
                        .write("copy", move |batch| index::put(batch, object, &overwriting))
                        .await;
                }
            }
        }
        Err(refused(BackendErrorKind::Unavailable))
    }

    /// Gives the bytes of a version second names; none are copied. Computes a checksum that is asked for and not kept.
    async fn duplicate(
        &self,
        source: &Row,
        options: &CopyOptions,
    ) -> io::Result<(NewBody, Option<Checksum>)> {
        let kept = source.meta.checksum.clone();
        let wanted = options.checksum.filter(|wanted| {
            !kept
                .as_ref()
                .is_some_and(|kept| kept.kind == ChecksumKind::FullObject && kept.digest.algorithm == *wanted)
        });
        let segments = match &source.place {
            Place::Inline(bytes) => {
                let checksum = wanted.and_then(|wanted| {
                    let mut digester = Digester::new(&[wanted]);
                    digester.update(bytes);
                    whole(digester.finish().pop())
                });
                return Ok((NewBody::Inline(bytes.clone()), checksum.or(kept)));
            }
            Place::Files(segments) => segments.clone(),
        };
        let parts = stored_parts(&source.meta.parts, &segments);
        let blobs = Arc::clone(&self.files.blobs);
        let linked = {
            let segments = segments.clone();
            spawn_blocking(move || link(&blobs, &segments)).await.map_err(io::Error::other)??
        };
        let checksum = match wanted {
            None => kept,
            Some(wanted) => whole(self.digest_of(&segments, wanted).await?),
        };
        Ok((linked_body(parts, linked, &segments), checksum))
    }

    /// The digest of all bytes of an object.
    async fn digest_of(
        &self,
        segments: &[Segment],
        algorithm: DigestAlgorithm,
    ) -> io::Result<Option<Digest>> {
        let mut reader = Reader::new(self.files.clone(), extents(segments, None), None);
        spawn_blocking(move || {
            let mut digester = Digester::new(&[algorithm]);
            while let Some(piece) = reader.piece()? {
                digester.update(&piece);
            }
            Ok(digester.finish().pop())
        })
        .await
        .map_err(io::Error::other)?
    }
}

fn whole(digest: Option<Digest>) -> Option<Checksum> {
    digest.map(|digest| Checksum { digest, kind: ChecksumKind::FullObject })
}

fn is_gone(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound
}

fn disk_or_damage(error: io::Error) -> BackendError {
    if error.kind() == io::ErrorKind::InvalidData {
        return BackendError::with(BackendErrorKind::Corrupt, "copy", error);
    }
    disk_error("copy")(error)
}

/// Second names for files, durable. Blocks.
fn link(blobs: &Arc<Blobs>, segments: &[Segment]) -> io::Result<Vec<NewBlob>> {
    let linked = segments.iter().map(|segment| blobs.link(segment.blob)).collect::<io::Result<Vec<_>>>()?;
    blobs.sync_directories(linked.iter().map(NewBlob::id))?;
    Ok(linked)
}

/// Parts with the files that hold them, as they were completed. Empty for an object that did not come in parts.
fn stored_parts(parts: &[crate::Part], segments: &[Segment]) -> Vec<StoredPart> {
    let mut segments = segments.iter();
    parts
        .iter()
        .map(|part| {
            let segment = if part.size > 0 { segments.next() } else { None };
            StoredPart {
                part: part.clone(),
                blob: segment.map(|segment| segment.blob),
                crc: segment.map_or(0, |segment| segment.crc),
            }
        })
        .collect()
}

fn linked_body(parts: Vec<StoredPart>, linked: Vec<NewBlob>, segments: &[Segment]) -> NewBody {
    let mut linked = linked.into_iter();
    if parts.is_empty()
        && let (Some(file), Some(segment)) = (linked.next(), segments.first())
    {
        return NewBody::File(file, segment.crc);
    }
    let with_files = parts.into_iter().map(|part| {
        let file = part.blob.and_then(|_| linked.next());
        (part, file)
    });
    NewBody::Linked(with_files.collect())
}

/// What the copy is, besides its bytes.
fn described(
    to: &ObjectKey,
    source: &Row,
    options: &CopyOptions,
    body: NewBody,
    checksum: Option<Checksum>,
) -> NewObject {
    NewObject {
        key: to.clone(),
        size: source.meta.size,
        etag: Etag::clone(&source.meta.etag),
        content: match &options.metadata {
            MetadataDirective::Copy => source.meta.content.clone(),
            MetadataDirective::Replace(content) => content.as_ref().clone(),
        },
        tags: options.tags.clone().unwrap_or_else(|| source.meta.tags.clone()),
        checksum,
        body,
    }
}
