//! Multipart uploads under way and their parts.

use portcullis_domain::{KeyId, ObjectKey, Timestamp};
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::super::blob::{BlobId, NewBlob};
use super::codec::{self, StoredPart, signed};
use super::objects::check_quota;
use super::page::{Page, Step, after_key};
use super::row::{Name, invalid, key_of, parse_key};
use super::{Batch, Fault};
use crate::listing::MAX_PAGE;
use crate::{
    BackendErrorKind, ContentHeaders, Etag, ListPosition, ListedUpload, Part, PartsPage, Tags, UploadId,
    UploadMeta, UploadOptions, UploadsPage, UploadsRequest,
};

/// Begins an upload.
pub(in super::super) fn create(
    batch: &mut Batch<'_>,
    key: &ObjectKey,
    options: &UploadOptions,
) -> Result<UploadId, Fault> {
    let name = batch.next_name()?;
    batch
        .conn
        .prepare_cached(
            "INSERT INTO uploads(k, id, created, owner, sum, whole, content, tags, revision)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 0)",
        )?
        .execute(params![
            key.as_str().as_bytes(),
            name,
            batch.now.micros(),
            options.owner.as_ref().map(|owner| owner.as_bytes().as_slice()),
            options.checksum.map(|(algorithm, _)| codec::algorithm_code(algorithm)),
            options.checksum.is_some_and(|(_, whole)| whole),
            codec::write_json(&options.content)?,
            codec::write_json(&options.tags)?,
        ])?;
    Ok(name.upload())
}

/// An upload under way.
pub(super) struct Upload {
    pub(super) meta: UploadMeta,
    pub(super) content: ContentHeaders,
    pub(super) tags: Tags,
    pub(super) revision: i64,
}

/// The upload of this name, if it is one of this key.
pub(super) fn find(conn: &Connection, key: &ObjectKey, name: Name) -> Result<Upload, Fault> {
    conn.prepare_cached(
        "SELECT created, owner, sum, whole, content, tags, revision FROM uploads WHERE k = ?1 AND id = ?2",
    )?
    .query_row(params![key.as_str().as_bytes(), name], |row| {
        Ok(Upload {
            meta: read_meta(row, 0)?,
            content: codec::read_json(row.get_ref(4)?)?,
            tags: codec::read_json(row.get_ref(5)?)?,
            revision: row.get(6)?,
        })
    })
    .optional()?
    .ok_or(Fault::Refused(BackendErrorKind::NoSuchUpload))
}

fn read_meta(row: &Row<'_>, at: usize) -> rusqlite::Result<UploadMeta> {
    let owner: Option<[u8; 16]> = row.get(at + 1)?;
    let whole: bool = row.get(at + 3)?;
    Ok(UploadMeta {
        owner: owner.map(|bytes| KeyId::from_u128(u128::from_be_bytes(bytes))),
        created: Timestamp::from_micros(row.get(at)?),
        checksum: codec::read_algorithm(row.get_ref(at + 2)?)?.map(|algorithm| (algorithm, whole)),
    })
}

/// What is known of an upload.
///
/// # Errors
/// `NoSuchUpload`.
pub(in super::super) fn upload(
    conn: &Connection,
    key: &ObjectKey,
    upload: &UploadId,
) -> Result<UploadMeta, Fault> {
    Ok(find(conn, key, name_of(upload)?)?.meta)
}

/// The same, with the size of the part that has a number already, zero if there is none.
///
/// # Errors
/// `NoSuchUpload`.
pub(in super::super) fn upload_with_part(
    conn: &Connection,
    (key, upload): (&ObjectKey, &UploadId),
    number: u16,
) -> Result<(UploadMeta, u64), Fault> {
    let name = name_of(upload)?;
    let meta = find(conn, key, name)?.meta;
    Ok((meta, part_there(conn, name, number)?.0))
}

/// Size and file of the part that has a number.
fn part_there(conn: &Connection, name: Name, number: u16) -> rusqlite::Result<(u64, Option<BlobId>)> {
    let mut statement = conn.prepare_cached("SELECT size, blob FROM parts WHERE upload = ?1 AND no = ?2")?;
    let read = |row: &Row<'_>| Ok((codec::unsigned(row.get(0)?)?, row.get(1)?));
    Ok(statement.query_row(params![name, number], read).optional()?.unwrap_or((0, None)))
}

pub(super) fn name_of(upload: &UploadId) -> Result<Name, Fault> {
    Name::of_upload(upload).ok_or(Fault::Refused(BackendErrorKind::NoSuchUpload))
}

/// A part that was received.
#[derive(Debug)]
pub(in super::super) struct NewPart {
    pub(in super::super) part: Part,
    /// Its file; none if it has no bytes.
    pub(in super::super) file: Option<NewBlob>,
    pub(in super::super) crc: u64,
}

/// Stores a part in the place of the one that has its number.
///
/// # Errors
/// `NoSuchUpload`, `QuotaExceeded`.
pub(in super::super) fn put_part(
    batch: &mut Batch<'_>,
    (key, upload): (&ObjectKey, &UploadId),
    new: NewPart,
    quota: Option<u64>,
) -> Result<Part, Fault> {
    let name = name_of(upload)?;
    find(batch.conn, key, name)?;
    let (freed, old) = part_there(batch.conn, name, new.part.number)?;
    check_quota(batch, quota, new.part.size, freed)?;
    let part = Part { modified: batch.now, ..new.part };
    let blob = new.file.map(|file| batch.adopt(file, part.size, new.crc)).transpose()?;
    batch
        .conn
        .prepare_cached(
            "INSERT OR REPLACE INTO parts(upload, no, size, mtime, etag, sum, blob, crc)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute(params![
            name,
            part.number,
            signed(part.size),
            part.modified.micros(),
            codec::write_etag(&part.etag).ok_or_else(invalid)?,
            part.checksum.as_ref().map(codec::write_digest),
            blob,
            new.crc.cast_signed(),
        ])?;
    batch
        .conn
        .prepare_cached("UPDATE uploads SET revision = revision + 1 WHERE k = ?1 AND id = ?2")?
        .execute(params![key.as_str().as_bytes(), name])?;
    if let Some(old) = old {
        batch.discard_blob(old)?;
    }
    batch.usage.upload_bytes = batch.usage.upload_bytes.saturating_sub(freed).saturating_add(part.size);
    Ok(part)
}

fn read_part(row: &Row<'_>) -> rusqlite::Result<StoredPart> {
    let crc: i64 = row.get(6)?;
    Ok(StoredPart {
        part: Part {
            number: row.get(0)?,
            size: codec::unsigned(row.get(1)?)?,
            modified: Timestamp::from_micros(row.get(2)?),
            etag: codec::read_etag(row.get_ref(3)?)?,
            checksum: codec::read_digest(row.get_ref(4)?)?,
        },
        blob: row.get(5)?,
        crc: crc.cast_unsigned(),
    })
}

/// Parts of an upload by number, after a number, at most so many.
pub(super) fn read_parts(
    conn: &Connection,
    name: Name,
    after: u16,
    limit: u32,
) -> rusqlite::Result<Vec<StoredPart>> {
    conn.prepare_cached(
        "SELECT no, size, mtime, etag, sum, blob, crc FROM parts WHERE upload = ?1 AND no > ?2 ORDER BY no LIMIT ?3",
    )?
    .query_map(params![name, after, limit], read_part)?
    .collect()
}

/// One page of parts.
///
/// # Errors
/// `NoSuchUpload`.
pub(in super::super) fn list_parts(
    conn: &Connection,
    (key, upload): (&ObjectKey, &UploadId),
    after: u16,
    limit: usize,
) -> Result<PartsPage, Fault> {
    let name = name_of(upload)?;
    find(conn, key, name)?;
    let limit = limit.min(MAX_PAGE);
    if limit == 0 {
        return Ok(PartsPage::default());
    }
    let one_more = u32::try_from(limit).unwrap_or(u32::MAX).saturating_add(1);
    let mut parts = read_parts(conn, name, after, one_more)?;
    let more = parts.len() > limit;
    parts.truncate(limit);
    Ok(PartsPage { parts: parts.into_iter().map(|stored| stored.part).collect(), more })
}

const UPLOADS: &str = "SELECT k, id, created, owner, sum, whole FROM uploads
    WHERE (k, id) >= (?1, ?2) AND k < ?3 ORDER BY k, id";
const UPLOADS_OF: &str = "SELECT k, id, created, owner, sum, whole FROM uploads
    WHERE owner = ?4 AND (k, id) >= (?1, ?2) AND k < ?3 ORDER BY k, id";

/// One page of uploads.
pub(in super::super) fn list_uploads(
    conn: &Connection,
    request: &UploadsRequest,
) -> Result<UploadsPage, Fault> {
    let mut page = Page::<_, UploadId>::new(&request.prefix, request.delimiter.as_deref(), request.limit);
    let end = page.end();
    let owner = request.owner.as_ref().map(|owner| owner.as_bytes().to_vec());
    let mut statement = conn.prepare_cached(if owner.is_some() { UPLOADS_OF } else { UPLOADS })?;
    let mut seek = start(&page, request);
    while let Some((from, inside)) = seek.take() {
        let mut rows = match &owner {
            Some(owner) => statement.query(params![from, inside, end, owner])?,
            None => statement.query(params![from, inside, end])?,
        };
        while let Some(row) = rows.next()? {
            let key = key_of(row.get_ref(0)?)?;
            let name: Name = row.get(1)?;
            let entry = || {
                let (key, meta) = (parse_key(key)?, read_meta(row, 2)?);
                Ok::<_, rusqlite::Error>(ListedUpload { key, upload: name.upload(), meta })
            };
            match page.take(key, Some(name.upload()), entry)? {
                Step::On => {}
                Step::Seek(next) => {
                    seek = Some((next, Vec::new()));
                    break;
                }
                Step::Stop => break,
            }
        }
    }
    let next = page.next();
    Ok(UploadsPage { uploads: page.entries, prefixes: page.prefixes, next })
}

/// The key, and the name within it, from which the page takes rows.
fn start(page: &Page<'_, ListedUpload, UploadId>, request: &UploadsRequest) -> Option<(Vec<u8>, Vec<u8>)> {
    let position = request.after.as_ref().map(|(position, _)| position);
    let start = page.start(position)?;
    if let Some((ListPosition::AfterKey(key), Some(upload))) = &request.after
        && let Some(name) = Name::of_upload(upload)
        && start == after_key(key)
    {
        // The next name within the key: no name has 17 bytes.
        let mut next = name.0.to_be_bytes().to_vec();
        next.push(0);
        return Some((key.as_bytes().to_vec(), next));
    }
    Some((start, Vec::new()))
}

/// Gives an upload up: its rows go now, its files when the collector comes.
///
/// # Errors
/// `NoSuchUpload`.
pub(in super::super) fn abort(
    batch: &mut Batch<'_>,
    key: &ObjectKey,
    upload: &UploadId,
) -> Result<(), Fault> {
    let name = name_of(upload)?;
    find(batch.conn, key, name)?;
    let parts = read_parts(batch.conn, name, 0, u32::MAX)?;
    for blob in parts.iter().filter_map(|part| part.blob) {
        batch.discard_blob(blob)?;
    }
    remove(batch, key, name, parts.iter().map(|part| part.part.size).sum())?;
    Ok(())
}

/// Removes the rows of an upload whose parts have `size` bytes together.
pub(super) fn remove(batch: &mut Batch<'_>, key: &ObjectKey, name: Name, size: u64) -> rusqlite::Result<()> {
    batch.conn.prepare_cached("DELETE FROM parts WHERE upload = ?1")?.execute(params![name])?;
    batch
        .conn
        .prepare_cached("DELETE FROM uploads WHERE k = ?1 AND id = ?2")?
        .execute(params![key.as_str().as_bytes(), name])?;
    batch.usage.upload_bytes = batch.usage.upload_bytes.saturating_sub(size);
    Ok(())
}

/// Gives up to `limit` uploads up that were begun before `begun`, and forgets completed ones from before `completed`.
/// Says how many were given up.
pub(in super::super) fn drop_expired(
    batch: &mut Batch<'_>,
    begun: Timestamp,
    completed: Timestamp,
    limit: u32,
) -> Result<u64, Fault> {
    let expired: Vec<(ObjectKey, Name)> = batch
        .conn
        .prepare_cached("SELECT k, id FROM uploads WHERE created < ?1 ORDER BY created LIMIT ?2")?
        .query_map(params![begun.micros(), limit], |row| {
            Ok((parse_key(key_of(row.get_ref(0)?)?)?, row.get(1)?))
        })?
        .collect::<rusqlite::Result<_>>()?;
    for (key, name) in &expired {
        abort(batch, key, &name.upload())?;
    }
    batch
        .conn
        .prepare_cached(
            "DELETE FROM completed WHERE (k, id) IN (SELECT k, id FROM completed WHERE at < ?1 LIMIT 1000)",
        )?
        .execute(params![completed.micros()])?;
    Ok(u64::try_from(expired.len()).unwrap_or(u64::MAX))
}

/// The MD5 of a part that we stored.
pub(super) fn md5_of(part: &Part) -> Result<&[u8; 16], Fault> {
    match &part.etag {
        Etag::Md5 { digest, parts: None } => Ok(digest),
        Etag::Md5 { .. } | Etag::Opaque(_) => Err(BackendErrorKind::Corrupt.into()),
    }
}
