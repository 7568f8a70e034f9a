//! Small binary forms: entity tags, checksums, lists of parts.

use portcullis_domain::Timestamp;
use rusqlite::types::ValueRef;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::super::blob::BlobId;
use super::row::{Segment, damage, invalid};
use crate::{Checksum, ChecksumKind, Digest, DigestAlgorithm, Etag, Part};

/// How many bytes these are.
pub(in super::super) fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

/// A size as a column holds it.
pub(super) fn signed(size: u64) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}

/// A size as it was before [`signed`].
pub(super) fn unsigned(column: i64) -> rusqlite::Result<u64> {
    u64::try_from(column).map_err(|error| damage(Box::new(error)))
}

/// CRC-64/NVME.
pub(in super::super) fn crc(bytes: &[u8]) -> u64 {
    crc_fast::checksum(crc_fast::CrcAlgorithm::Crc64Nvme, bytes)
}

/// The number that stands for an algorithm on disk. Never changes.
pub(super) const fn algorithm_code(algorithm: DigestAlgorithm) -> u8 {
    match algorithm {
        DigestAlgorithm::Md5 => 1,
        DigestAlgorithm::Sha1 => 2,
        DigestAlgorithm::Sha256 => 3,
        DigestAlgorithm::Crc32 => 4,
        DigestAlgorithm::Crc32c => 5,
        DigestAlgorithm::Crc64Nvme => 6,
    }
}

fn algorithm_of(code: u8) -> rusqlite::Result<DigestAlgorithm> {
    DigestAlgorithm::ALL.iter().copied().find(|known| algorithm_code(*known) == code).ok_or_else(invalid)
}

pub(super) fn read_algorithm(value: ValueRef<'_>) -> rusqlite::Result<Option<DigestAlgorithm>> {
    match value.as_i64_or_null().map_err(|error| damage(Box::new(error)))? {
        None => Ok(None),
        Some(code) => algorithm_of(u8::try_from(code).map_err(|_| invalid())?).map(Some),
    }
}

/// 16 bytes, and the number of parts of an object that came in parts. None for a tag that is no MD5: we make no others.
pub(super) fn write_etag(etag: &Etag) -> Option<Vec<u8>> {
    match etag {
        Etag::Md5 { digest, parts } => {
            let parts = parts.map(u16::to_be_bytes);
            Some(digest.iter().copied().chain(parts.into_iter().flatten()).collect())
        }
        Etag::Opaque(_) => None,
    }
}

pub(super) fn read_etag(value: ValueRef<'_>) -> rusqlite::Result<Etag> {
    let bytes = value.as_blob().map_err(|error| damage(Box::new(error)))?;
    let (digest, parts) = bytes.split_first_chunk::<16>().ok_or_else(invalid)?;
    let parts = match parts {
        [] => None,
        [high, low] => Some(u16::from_be_bytes([*high, *low])),
        _ => return Err(invalid()),
    };
    Ok(Etag::Md5 { digest: *digest, parts })
}

/// Algorithm, number of parts (zero for the whole object), value.
pub(super) fn write_checksum(checksum: &Checksum) -> Vec<u8> {
    let parts = match checksum.kind {
        ChecksumKind::FullObject => 0,
        ChecksumKind::Composite(parts) => parts,
    };
    let mut bytes = vec![algorithm_code(checksum.digest.algorithm)];
    bytes.extend_from_slice(&parts.to_be_bytes());
    bytes.extend_from_slice(&checksum.digest.value);
    bytes
}

pub(super) fn read_checksum(value: ValueRef<'_>) -> rusqlite::Result<Option<Checksum>> {
    let Some(bytes) = value.as_blob_or_null().map_err(|error| damage(Box::new(error)))? else {
        return Ok(None);
    };
    let ([code, high, low], value) = bytes.split_first_chunk::<3>().ok_or_else(invalid)?;
    let kind = match u16::from_be_bytes([*high, *low]) {
        0 => ChecksumKind::FullObject,
        parts => ChecksumKind::Composite(parts),
    };
    Ok(Some(Checksum { digest: digest_of(*code, value)?, kind }))
}

/// Algorithm and value.
pub(super) fn write_digest(digest: &Digest) -> Vec<u8> {
    std::iter::once(algorithm_code(digest.algorithm)).chain(digest.value.iter().copied()).collect()
}

pub(super) fn read_digest(value: ValueRef<'_>) -> rusqlite::Result<Option<Digest>> {
    let Some(bytes) = value.as_blob_or_null().map_err(|error| damage(Box::new(error)))? else {
        return Ok(None);
    };
    let (code, value) = bytes.split_first().ok_or_else(invalid)?;
    digest_of(*code, value).map(Some)
}

fn digest_of(code: u8, value: &[u8]) -> rusqlite::Result<Digest> {
    let algorithm = algorithm_of(code)?;
    if value.len() != algorithm.length() {
        return Err(invalid());
    }
    Ok(Digest { algorithm, value: value.to_vec() })
}

/// The text of a value, nothing for one that is as if it were not there.
pub(super) fn write_json<T: Serialize + Default + PartialEq>(value: &T) -> rusqlite::Result<Option<String>> {
    if *value == T::default() {
        return Ok(None);
    }
    serde_json::to_string(value)
        .map(Some)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))
}

pub(super) fn read_json<T: DeserializeOwned + Default>(value: ValueRef<'_>) -> rusqlite::Result<T> {
    match value.as_str_or_null().map_err(|error| damage(Box::new(error)))? {
        None => Ok(T::default()),
        Some(text) => serde_json::from_str(text).map_err(|error| damage(Box::new(error))),
    }
}

/// A part with its file. One without bytes has none.
#[derive(Clone, Debug)]
pub(in super::super) struct StoredPart {
    pub(in super::super) part: Part,
    pub(in super::super) blob: Option<BlobId>,
    pub(in super::super) crc: u64,
}

impl StoredPart {
    /// Where its bytes are, if it has any.
    pub(in super::super) fn segment(&self) -> Option<Segment> {
        self.blob.map(|blob| Segment { blob, size: self.part.size, crc: self.crc })
    }
}

/// The form of [`write_parts`].
const PARTS_FORM: u8 = 1;

/// All parts of an object, about 70 bytes each: number, size, time, MD5, CRC, file (zeroes for none), then the length of the
/// digest and the digest.
pub(super) fn write_parts(parts: &[StoredPart]) -> rusqlite::Result<Vec<u8>> {
    let mut bytes = vec![PARTS_FORM];
    for stored in parts {
        let part = &stored.part;
        let Etag::Md5 { digest, .. } = &part.etag else { return Err(invalid()) };
        bytes.extend_from_slice(&part.number.to_be_bytes());
        bytes.extend_from_slice(&part.size.to_be_bytes());
        bytes.extend_from_slice(&part.modified.micros().to_be_bytes());
        bytes.extend_from_slice(digest);
        bytes.extend_from_slice(&stored.crc.to_be_bytes());
        bytes.extend_from_slice(&stored.blob.map_or([0; 16], BlobId::to_bytes));
        let sum = part.checksum.as_ref().map(write_digest).unwrap_or_default();
        bytes.push(u8::try_from(sum.len()).map_err(|_| invalid())?);
        bytes.extend_from_slice(&sum);
    }
    Ok(bytes)
}

pub(super) fn read_parts(bytes: &[u8]) -> rusqlite::Result<(Vec<Part>, Vec<Segment>)> {
    let stored = read_stored_parts(bytes)?;
    let segments = stored.iter().filter_map(StoredPart::segment).collect();
    Ok((stored.into_iter().map(|stored| stored.part).collect(), segments))
}

pub(super) fn read_stored_parts(bytes: &[u8]) -> rusqlite::Result<Vec<StoredPart>> {
    let (form, mut rest) = bytes.split_first().ok_or_else(invalid)?;
    if *form != PARTS_FORM {
        return Err(invalid());
    }
    let mut parts = Vec::with_capacity(rest.len() / 64);
    while !rest.is_empty() {
        let number = u16::from_be_bytes(take(&mut rest)?);
        let size = u64::from_be_bytes(take(&mut rest)?);
        let modified = Timestamp::from_micros(i64::from_be_bytes(take(&mut rest)?));
        let etag = Etag::Md5 { digest: take(&mut rest)?, parts: None };
        let crc = u64::from_be_bytes(take(&mut rest)?);
        let blob: [u8; 16] = take(&mut rest)?;
        let [sum_length] = take(&mut rest)?;
        let (sum, after) = rest.split_at_checked(usize::from(sum_length)).ok_or_else(invalid)?;
        rest = after;
        let checksum = match sum {
            [] => None,
            [code, value @ ..] => Some(digest_of(*code, value)?),
        };
        let part = Part { number, size, etag, modified, checksum };
        parts.push(StoredPart { part, blob: (blob != [0; 16]).then(|| BlobId::from_bytes(blob)), crc });
    }
    Ok(parts)
}

fn take<const N: usize>(rest: &mut &[u8]) -> rusqlite::Result<[u8; N]> {
    let (taken, after) = rest.split_first_chunk::<N>().ok_or_else(invalid)?;
    *rest = after;
    Ok(*taken)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn stored(number: u16, blob: Option<u8>, sum: bool) -> StoredPart {
        let algorithm = DigestAlgorithm::Crc32c;
        StoredPart {
            part: Part {
                number,
                size: u64::from(number) << 33,
                etag: Etag::Md5 { digest: [7; 16], parts: None },
                modified: Timestamp::from_micros(-5),
                checksum: sum.then(|| Digest { algorithm, value: vec![1, 2, 3, 4] }),
            },
            blob: blob.map(|byte| BlobId::from_bytes([byte; 16])),
            crc: u64::MAX - 1,
        }
    }

    #[test]
    fn parts_come_back_as_they_were() {
        let parts = [stored(1, Some(9), true), stored(3, None, false), stored(10_000, Some(1), false)];
        let bytes = write_parts(&parts).unwrap();
        let again = read_stored_parts(&bytes).unwrap();
        for (before, after) in parts.iter().zip(&again) {
            assert_eq!(before.part, after.part);
            assert_eq!((before.blob, before.crc), (after.blob, after.crc));
        }
        let (_, segments) = read_parts(&bytes).unwrap();
        assert_eq!(segments.len(), 2, "a part without bytes has no file");
        for cut in 0..bytes.len() {
            let whole_parts = read_stored_parts(&bytes[..cut]).is_ok_and(|parts| parts.len() < 3);
            assert!(whole_parts || read_stored_parts(&bytes[..cut]).is_err(), "{cut}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(bytes: Vec<u8>) {
            drop(read_stored_parts(&bytes));
            drop(read_etag(ValueRef::Blob(&bytes)));
            drop(read_checksum(ValueRef::Blob(&bytes)));
            drop(read_digest(ValueRef::Blob(&bytes)));
        }

        #[test]
        fn etags_come_back(digest: [u8; 16], parts: Option<u16>) {
            let etag = Etag::Md5 { digest, parts };
            let bytes = write_etag(&etag).unwrap();
            prop_assert_eq!(read_etag(ValueRef::Blob(&bytes)).unwrap(), etag);
        }

        #[test]
        fn checksums_come_back(code in 1u8..=6, parts: u16) {
            let algorithm = algorithm_of(code).unwrap();
            let kind = if parts == 0 { ChecksumKind::FullObject } else { ChecksumKind::Composite(parts) };
            let digest = Digest { algorithm, value: vec![code; algorithm.length()] };
            let checksum = Checksum { digest, kind };
            let bytes = write_checksum(&checksum);
            prop_assert_eq!(read_checksum(ValueRef::Blob(&bytes)).unwrap(), Some(checksum));
        }
    }
}
