//! Rows: how what is known of an object is written into columns and read back.

use bytes::Bytes;
use portcullis_domain::{ObjectKey, Timestamp};
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Connection, OptionalExtension as _, params};

use super::super::blob::BlobId;
use super::{Fault, codec};
use crate::{DigestAlgorithm, Etag, ObjectMeta, Tags, UploadId, VersionId};

/// A version of an object: what is known of it, and where its bytes are.
#[derive(Debug)]
pub(in super::super) struct Row {
    pub(in super::super) meta: ObjectMeta,
    pub(in super::super) place: Place,
}

/// Where the bytes of a version are.
#[derive(Clone, Debug)]
pub(in super::super) enum Place {
    /// Here.
    Inline(Bytes),
    /// In files, one after the other; one file unless the object came in parts.
    Files(Vec<Segment>),
}

/// A file with bytes of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct Segment {
    /// The file.
    pub(in super::super) blob: BlobId,
    /// Its length.
    pub(in super::super) size: u64,
    /// CRC-64/NVME of its bytes.
    pub(in super::super) crc: u64,
}

impl Row {
    /// About how much memory it takes.
    pub(in super::super) fn memory(&self) -> usize {
        let texts =
            |pairs: &[(String, String)]| pairs.iter().map(|(a, b)| a.len() + b.len() + 64).sum::<usize>();
        let content = &self.meta.content;
        let headers = [
            &content.content_type,
            &content.content_encoding,
            &content.content_disposition,
            &content.content_language,
            &content.cache_control,
            &content.expires,
        ];
        let place = match &self.place {
            Place::Inline(bytes) => bytes.len(),
            Place::Files(segments) => size_of_val(segments.as_slice()),
        };
        size_of::<Self>()
            + place
            + headers.into_iter().flatten().map(String::len).sum::<usize>()
            + texts(&content.user)
            + texts(&self.meta.tags)
            + self.meta.parts.len() * 160
    }

    #[cfg(test)]
    pub(in super::super) fn of_bytes(bytes: &[u8]) -> Self {
        let meta = ObjectMeta {
            size: u64::try_from(bytes.len()).unwrap(),
            modified: Timestamp::default(),
            etag: Etag::Md5 { digest: [0; 16], parts: None },
            version: VersionId("0".into()),
            content: crate::ContentHeaders::default(),
            checksum: None,
            tags: Vec::new(),
            parts: Vec::new(),
        };
        Self { meta, place: Place::Inline(Bytes::copy_from_slice(bytes)) }
    }
}

/// The name of a version or an upload: greater than every name that this storage gave before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in super::super) struct Name(pub(super) u128);

impl Name {
    fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; 16];
        // Upper case would name the same bytes twice.
        let lower = text.bytes().all(|byte| !byte.is_ascii_uppercase());
        (lower && hex::decode_to_slice(text, &mut bytes).is_ok()).then(|| Self(u128::from_be_bytes(bytes)))
    }

    fn text(self) -> Box<str> {
        hex::encode(self.0.to_be_bytes()).into()
    }

    /// The version that a client names, if it can be one of ours.
    pub(in super::super) fn of_version(id: &VersionId) -> Option<Self> {
        Self::parse(&id.0)
    }

    /// The upload that a client names, if it can be one of ours.
    pub(in super::super) fn of_upload(id: &UploadId) -> Option<Self> {
        Self::parse(&id.0)
    }

    pub(in super::super) fn version(self) -> VersionId {
        VersionId(self.text())
    }

    pub(in super::super) fn upload(self) -> UploadId {
        UploadId(self.text())
    }
}

impl ToSql for Name {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.0.to_be_bytes().to_vec().into())
    }
}

impl FromSql for Name {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        <[u8; 16]>::column_result(value).map(|bytes| Self(u128::from_be_bytes(bytes)))
    }
}

impl ToSql for BlobId {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.to_bytes().to_vec().into())
    }
}

impl FromSql for BlobId {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        <[u8; 16]>::column_result(value).map(Self::from_bytes)
    }
}

/// The narrow row of a version, as `objects` and `versions` have it.
#[derive(Clone, Debug)]
pub(super) struct Head {
    pub(super) name: Name,
    pub(super) size: u64,
    pub(super) modified: Timestamp,
    pub(super) etag: Etag,
    pub(super) sum: Option<DigestAlgorithm>,
    pub(super) blob: Option<BlobId>,
    pub(super) ext: Option<i64>,
}

impl Head {
    /// The columns in the order in which [`Head::read`] takes them, from `at` on.
    pub(super) fn read(row: &rusqlite::Row<'_>, at: usize) -> rusqlite::Result<Self> {
        Ok(Self {
            name: row.get(at)?,
            size: codec::unsigned(row.get(at + 1)?)?,
            modified: Timestamp::from_micros(row.get(at + 2)?),
            etag: codec::read_etag(row.get_ref(at + 3)?)?,
            sum: codec::read_algorithm(row.get_ref(at + 4)?)?,
            blob: row.get(at + 5)?,
            ext: row.get(at + 6)?,
        })
    }
}

const CURRENT: &str = "SELECT v, size, mtime, etag, sum, blob, ext FROM objects WHERE k = ?1";
const VERSION: &str = "SELECT v, size, mtime, etag, sum, blob, ext FROM versions WHERE k = ?1 AND v = ?2";
const EXT: &str = "SELECT content, tags, sum, parts, crc, body FROM ext WHERE id = ?1";
const CRC: &str = "SELECT crc FROM blobs WHERE id = ?1";

/// The narrow row of the current object.
pub(super) fn current(conn: &Connection, key: &ObjectKey) -> rusqlite::Result<Option<Head>> {
    let mut statement = conn.prepare_cached(CURRENT)?;
    statement.query_row(params![key.as_str().as_bytes()], |row| Head::read(row, 0)).optional()
}

/// The narrow row of a version that is not current.
pub(super) fn previous(conn: &Connection, key: &ObjectKey, name: Name) -> rusqlite::Result<Option<Head>> {
    let mut statement = conn.prepare_cached(VERSION)?;
    statement.query_row(params![key.as_str().as_bytes(), name], |row| Head::read(row, 0)).optional()
}

/// Everything of the current object, or of the version named.
///
/// # Errors
/// `Corrupt` if the bytes of a small object are not what they were.
pub(in super::super) fn find(
    conn: &Connection,
    key: &ObjectKey,
    version: Option<Name>,
) -> Result<Option<Row>, Fault> {
    let head = match (current(conn, key)?, version) {
        (Some(head), Some(name)) if head.name != name => previous(conn, key, name)?,
        (None, Some(name)) => previous(conn, key, name)?,
        (head, _) => head,
    };
    head.map(|head| complete(conn, head)).transpose()
}

fn complete(conn: &Connection, head: Head) -> Result<Row, Fault> {
    let mut meta = ObjectMeta {
        size: head.size,
        modified: head.modified,
        etag: head.etag,
        version: head.name.version(),
        content: crate::ContentHeaders::default(),
        checksum: None,
        tags: Tags::new(),
        parts: Vec::new(),
    };
    let mut place = Place::Inline(Bytes::new());
    if let Some(blob) = head.blob {
        let crc: i64 = conn.prepare_cached(CRC)?.query_row(params![blob], |row| row.get(0))?;
        place = Place::Files(vec![Segment { blob, size: head.size, crc: crc.cast_unsigned() }]);
    }
    if let Some(ext) = head.ext {
        let mut statement = conn.prepare_cached(EXT)?;
        let mut rows = statement.query(params![ext])?;
        let row = rows.next()?.ok_or(rusqlite::Error::QueryReturnedNoRows)?;
        meta.content = codec::read_json(row.get_ref(0)?)?;
        meta.tags = codec::read_json(row.get_ref(1)?)?;
        meta.checksum = codec::read_checksum(row.get_ref(2)?)?;
        match (row.get_ref(3)?, row.get_ref(5)?) {
            (ValueRef::Blob(parts), _) => {
                let (parts, segments) = codec::read_parts(parts)?;
                meta.parts = parts;
                place = Place::Files(segments);
            }
            (_, ValueRef::Blob(body)) => {
                let crc: i64 = row.get(4)?;
                if codec::crc(body) != crc.cast_unsigned() {
                    tracing::error!(version = %meta.version.0, "the bytes of a small object are damaged");
                    return Err(crate::BackendErrorKind::Corrupt.into());
                }
                place = Place::Inline(Bytes::copy_from_slice(body));
            }
            (_, _) => {}
        }
    }
    let held = match &place {
        Place::Inline(bytes) => codec::length(bytes),
        Place::Files(segments) => segments.iter().map(|segment| segment.size).sum(),
    };
    if held == meta.size { Ok(Row { meta, place }) } else { Err(crate::BackendErrorKind::Corrupt.into()) }
}

/// A key as a column has it.
pub(super) fn key_of(value: ValueRef<'_>) -> rusqlite::Result<&str> {
    let bytes = value.as_blob().map_err(|error| damage(Box::new(error)))?;
    str::from_utf8(bytes).map_err(|error| damage(Box::new(error)))
}

/// A key that was read is parsed again: rows that somebody else wrote do not become keys.
pub(super) fn parse_key(text: &str) -> rusqlite::Result<ObjectKey> {
    ObjectKey::parse(text).map_err(|error| damage(Box::new(error)))
}

/// A column does not hold what it must.
pub(super) fn damage(source: Box<dyn std::error::Error + Send + Sync>) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Blob, source)
}

/// As [`damage`], in a conversion.
pub(super) fn invalid() -> rusqlite::Error {
    damage(Box::new(FromSqlError::InvalidType))
}
