//! Completing an upload: most of the work is done while reading, so that the writing thread only has to compare a number.

use portcullis_domain::{ObjectKey, Overwrite, Timestamp};
use rusqlite::{Connection, OptionalExtension as _, params};

use super::super::blob::BlobId;
use super::codec::{self, StoredPart, signed};
use super::objects::{NewBody, NewObject, Overwriting, store};
use super::row::{Name, current, invalid};
use super::uploads::{find, md5_of, name_of, read_parts, remove};
use super::{Batch, Fault};
use crate::{
    BackendErrorKind, BodyFault, Checksum, ChecksumKind, CompleteOptions, CompletedPart, Digest,
    DigestAlgorithm, Digester, Etag, PutOutcome, UploadId,
};

/// Least bytes of a part that is not the last (S3 reference, "Amazon S3 multipart upload limits"): 5 MiB.
const MIN_PART: u64 = 5 << 20;

/// An upload that can be completed, as long as its parts stay what they were.
#[derive(Debug)]
pub(in super::super) struct Completion {
    name: Name,
    revision: i64,
    fingerprint: Vec<u8>,
    object: NewObject,
    /// Bytes of all parts, also those that were not named.
    uploaded: u64,
    /// Files of parts that were not named.
    unnamed: Vec<BlobId>,
}

/// What became of looking at an upload.
#[derive(Debug)]
pub(in super::super) enum Prepared {
    /// It was completed before, with this outcome.
    Done(PutOutcome),
    /// It can be completed.
    Ready(Box<Completion>),
}

/// Looks at an upload that is to be completed with these parts.
///
/// # Errors
/// As [`Backend::complete_upload`](crate::Backend::complete_upload), but for conditions.
pub(in super::super) fn prepare(
    conn: &Connection,
    (key, upload): (&ObjectKey, &UploadId),
    named: &[CompletedPart],
    options: &CompleteOptions,
) -> Result<Prepared, Fault> {
    let name = name_of(upload)?;
    let fingerprint = fingerprint(named);
    if let Some((before, outcome)) = completed(conn, key, name)? {
        let same = before == fingerprint;
        return if same { Ok(Prepared::Done(outcome)) } else { Err(BackendErrorKind::NoSuchUpload.into()) };
    }
    let upload = find(conn, key, name)?;
    let stored = read_parts(conn, name, 0, u32::MAX)?;
    let uploaded = stored.iter().map(|part| part.part.size).sum();
    let (parts, unnamed) = select(stored, named)?;
    let size = parts.iter().map(|part| part.part.size).sum();
    let checksum = match upload.meta.checksum {
        None => None,
        Some((algorithm, true)) => Some(whole_checksum(&parts, algorithm)?),
        Some((algorithm, false)) => Some(composite_checksum(&parts, algorithm)?),
    };
    check_told(size, checksum.as_ref(), options)?;
    let object = NewObject {
        key: key.clone(),
        size,
        etag: etag_of_parts(&parts)?,
        content: upload.content,
        tags: upload.tags,
        checksum,
        body: NewBody::Parts(parts),
    };
    let revision = upload.revision;
    Ok(Prepared::Ready(Box::new(Completion { name, revision, fingerprint, object, uploaded, unnamed })))
}

/// Makes the object. None if the upload changed since it was looked at: then look again.
///
/// # Errors
/// `PreconditionFailed`, `NotFound` (`If-Match` on a missing key).
pub(in super::super) fn complete(
    batch: &mut Batch<'_>,
    completion: Completion,
    overwriting: &Overwriting,
) -> Result<Option<PutOutcome>, Fault> {
    let Completion { name, revision, fingerprint, object, uploaded, unnamed } = completion;
    let key = object.key.clone();
    match find(batch.conn, &key, name) {
        Ok(upload) if upload.revision == revision => {}
        Ok(_) | Err(Fault::Refused(_)) => return Ok(None),
        Err(fault @ Fault::Index(_)) => return Err(fault),
    }
    let there = current(batch.conn, &key)?;
    overwriting.conditions.check(there.as_ref().map(|head| &head.etag))?;
    remove(batch, &key, name, uploaded)?;
    for blob in unnamed {
        batch.discard_blob(blob)?;
    }
    let outcome = store(batch, object, overwriting.rule.unwrap_or(Overwrite::Replace), there)?;
    remember(batch, &key, name, &fingerprint, &outcome)?;
    Ok(Some(outcome))
}

/// The parts that a client names, if they are what it thinks they are, and the files of the others.
fn select(
    stored: Vec<StoredPart>,
    named: &[CompletedPart],
) -> Result<(Vec<StoredPart>, Vec<BlobId>), BackendErrorKind> {
    if !named.is_sorted_by(|a, b| a.number < b.number) {
        return Err(BackendErrorKind::InvalidPartOrder);
    }
    let (mut selected, mut unnamed) = (Vec::with_capacity(named.len()), Vec::new());
    let mut wanted = named.iter().peekable();
    for part in stored {
        match wanted.next_if(|wanted| wanted.number == part.part.number) {
            None => unnamed.extend(part.blob),
            Some(wanted) => {
                let same_checksum = wanted.checksum.is_none() || wanted.checksum == part.part.checksum;
                if part.part.etag.to_string() != wanted.etag || !same_checksum {
                    return Err(BackendErrorKind::InvalidPart);
                }
                selected.push(part);
            }
        }
    }
    if selected.len() != named.len() {
        return Err(BackendErrorKind::InvalidPart);
    }
    let (_, all_but_last) = selected.split_last().ok_or(BackendErrorKind::InvalidPart)?;
    if all_but_last.iter().any(|part| part.part.size < MIN_PART) {
        return Err(BackendErrorKind::PartTooSmall);
    }
    Ok((selected, unnamed))
}

fn count(parts: &[StoredPart]) -> Result<u16, BackendErrorKind> {
    u16::try_from(parts.len()).map_err(|_| BackendErrorKind::InvalidPart)
}

/// MD5 of the parts' MD5s, with their number.
fn etag_of_parts(parts: &[StoredPart]) -> Result<Etag, Fault> {
    let mut md5 = Digester::new(&[DigestAlgorithm::Md5]);
    for part in parts {
        md5.update(md5_of(&part.part)?);
    }
    let value = md5.finish().pop().and_then(|md5| md5.value.try_into().ok());
    Ok(Etag::Md5 { digest: value.ok_or(BackendErrorKind::Corrupt)?, parts: Some(count(parts)?) })
}

fn checksum_of(part: &StoredPart, algorithm: DigestAlgorithm) -> Result<&[u8], BackendErrorKind> {
    let own = part.part.checksum.as_ref().filter(|own| own.algorithm == algorithm);
    own.map(|own| own.value.as_slice()).ok_or(BackendErrorKind::Corrupt)
}

/// The checksum of the parts' checksums.
fn composite_checksum(
    parts: &[StoredPart],
    algorithm: DigestAlgorithm,
) -> Result<Checksum, BackendErrorKind> {
    let mut digester = Digester::new(&[algorithm]);
    for part in parts {
        digester.update(checksum_of(part, algorithm)?);
    }
    let digest = digester.finish().pop().ok_or(BackendErrorKind::Corrupt)?;
    Ok(Checksum { digest, kind: ChecksumKind::Composite(count(parts)?) })
}

/// The checksum of all bytes, from those of the parts: a CRC is linear, so no byte has to be read again.
fn whole_checksum(parts: &[StoredPart], algorithm: DigestAlgorithm) -> Result<Checksum, BackendErrorKind> {
    let crc = crc_of(algorithm).ok_or(BackendErrorKind::Unsupported)?;
    let mut whole: Option<u64> = None;
    for part in parts {
        let own = checksum_of(part, algorithm)?.iter().fold(0u64, |sum, byte| (sum << 8) | u64::from(*byte));
        whole = Some(whole.map_or(own, |whole| crc_fast::checksum_combine(crc, whole, own, part.part.size)));
    }
    let bytes = whole.ok_or(BackendErrorKind::InvalidPart)?.to_be_bytes();
    let value = bytes.get(bytes.len() - algorithm.length()..).unwrap_or_default().to_vec();
    Ok(Checksum { digest: Digest { algorithm, value }, kind: ChecksumKind::FullObject })
}

/// The CRC that an algorithm is. The checksum of a whole cannot be told from those of its parts for any other.
pub(in super::super) const fn crc_of(algorithm: DigestAlgorithm) -> Option<crc_fast::CrcAlgorithm> {
    match algorithm {
        DigestAlgorithm::Crc32 => Some(crc_fast::CrcAlgorithm::Crc32IsoHdlc),
        DigestAlgorithm::Crc32c => Some(crc_fast::CrcAlgorithm::Crc32Iscsi),
        DigestAlgorithm::Crc64Nvme => Some(crc_fast::CrcAlgorithm::Crc64Nvme),
        DigestAlgorithm::Md5 | DigestAlgorithm::Sha1 | DigestAlgorithm::Sha256 => None,
    }
}

/// Compares what the client knows of the whole with what it is.
fn check_told(
    size: u64,
    checksum: Option<&Checksum>,
    options: &CompleteOptions,
) -> Result<(), BackendErrorKind> {
    if options.size.is_some_and(|told| told > size) {
        return Err(BackendErrorKind::Body(BodyFault::Incomplete));
    }
    if options.size.is_some_and(|told| told < size) {
        return Err(BackendErrorKind::Body(BodyFault::TooLong));
    }
    match &options.checksum {
        Some(told) if checksum.is_none_or(|kept| kept.digest != *told) => {
            Err(BackendErrorKind::Body(BodyFault::Digest(told.algorithm)))
        }
        Some(_) | None => Ok(()),
    }
}

/// What makes a repeated request the same: numbers and tags of the parts it names.
fn fingerprint(named: &[CompletedPart]) -> Vec<u8> {
    let mut digester = Digester::new(&[DigestAlgorithm::Sha256]);
    for part in named {
        digester.update(&part.number.to_be_bytes());
        digester.update(&codec::length(part.etag.as_bytes()).to_be_bytes());
        digester.update(part.etag.as_bytes());
    }
    digester.finish().pop().map(|digest| digest.value).unwrap_or_default()
}

/// The fingerprint and the outcome of an upload that was completed.
fn completed(
    conn: &Connection,
    key: &ObjectKey,
    name: Name,
) -> rusqlite::Result<Option<(Vec<u8>, PutOutcome)>> {
    conn.prepare_cached("SELECT parts, v, size, mtime, etag, sum FROM completed WHERE k = ?1 AND id = ?2")?
        .query_row(params![key.as_str().as_bytes(), name], |row| {
            let outcome = PutOutcome {
                size: codec::unsigned(row.get(2)?)?,
                etag: codec::read_etag(row.get_ref(4)?)?,
                version: row.get::<_, Name>(1)?.version(),
                modified: Timestamp::from_micros(row.get(3)?),
                checksum: codec::read_checksum(row.get_ref(5)?)?,
            };
            Ok((row.get(0)?, outcome))
        })
        .optional()
}

fn remember(
    batch: &Batch<'_>,
    key: &ObjectKey,
    name: Name,
    fingerprint: &[u8],
    outcome: &PutOutcome,
) -> rusqlite::Result<()> {
    batch
        .conn
        .prepare_cached(
            "INSERT INTO completed(k, id, at, parts, v, size, mtime, etag, sum)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?
        .execute(params![
            key.as_str().as_bytes(),
            name,
            batch.now.micros(),
            fingerprint,
            Name::of_version(&outcome.version).ok_or_else(invalid)?,
            signed(outcome.size),
            outcome.modified.micros(),
            codec::write_etag(&outcome.etag).ok_or_else(invalid)?,
            outcome.checksum.as_ref().map(codec::write_checksum),
        ])?;
    Ok(())
}
