//! Changes of objects: what becomes current, what becomes a version, what goes.

use bytes::Bytes;
use portcullis_domain::{ObjectKey, Overwrite};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, params};

use super::super::blob::{BlobId, NewBlob};
use super::codec::{self, signed};
use super::row::{Head, Name, current, invalid, previous};
use super::{Batch, Fault, StoredPart};
use crate::{
    BackendErrorKind, Checksum, ContentHeaders, DeleteOptions, DeleteOutcome, Etag, PutOutcome, Tags,
    VersionId, WriteConditions,
};

/// A version that is about to be.
#[derive(Debug)]
pub(in super::super) struct NewObject {
    pub(in super::super) key: ObjectKey,
    pub(in super::super) size: u64,
    pub(in super::super) etag: Etag,
    pub(in super::super) content: ContentHeaders,
    pub(in super::super) tags: Tags,
    pub(in super::super) checksum: Option<Checksum>,
    pub(in super::super) body: NewBody,
}

/// Where its bytes are.
#[derive(Debug)]
pub(in super::super) enum NewBody {
    /// Here.
    Inline(Bytes),
    /// In a new file with this CRC.
    File(NewBlob, u64),
    /// In the files of an upload's parts, which the index knows already.
    Parts(Vec<StoredPart>),
    /// In new files, one for each part that has bytes.
    Linked(Vec<(StoredPart, Option<NewBlob>)>),
}

/// What a write does to what is there, and when it is refused.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Overwriting {
    pub(in super::super) conditions: WriteConditions,
    pub(in super::super) rule: Option<Overwrite>,
    pub(in super::super) quota: Option<u64>,
}

/// Bytes that the storage would hold after a write of `size`, that removes `freed`, must be within the quota.
pub(super) fn check_quota(
    batch: &Batch<'_>,
    quota: Option<u64>,
    size: u64,
    freed: u64,
) -> Result<(), BackendErrorKind> {
    let after = batch.usage.stored_bytes().saturating_sub(freed).saturating_add(size);
    if quota.is_some_and(|quota| after > quota) { Err(BackendErrorKind::QuotaExceeded) } else { Ok(()) }
}

/// Stores a version: decides, then changes.
///
/// # Errors
/// `PreconditionFailed`, `NotFound` (`If-Match` on a missing key), `QuotaExceeded`.
pub(in super::super) fn put(
    batch: &mut Batch<'_>,
    object: NewObject,
    overwriting: &Overwriting,
) -> Result<PutOutcome, Fault> {
    let there = current(batch.conn, &object.key)?;
    let rule = overwriting.rule.unwrap_or(Overwrite::Replace);
    overwriting.conditions.check(there.as_ref().map(|head| &head.etag))?;
    let freed = match (rule, &there) {
        (Overwrite::Replace, Some(head)) => head.size,
        (Overwrite::KeepPrevious | Overwrite::CreateOnly, Some(_)) | (_, None) => 0,
    };
    check_quota(batch, overwriting.quota, object.size, freed)?;
    store(batch, object, rule, there)
}

/// Stores a version; everything that may refuse it has been asked.
pub(super) fn store(
    batch: &mut Batch<'_>,
    object: NewObject,
    rule: Overwrite,
    there: Option<Head>,
) -> Result<PutOutcome, Fault> {
    let NewObject { key, size, etag, content, tags, checksum, body } = object;
    let (blob, ext) = store_body(
        batch,
        body,
        &Extension { content: &content, tags: &tags, checksum: checksum.as_ref() },
        size,
    )?;
    let sum = checksum.as_ref().map(|checksum| checksum.digest.algorithm);
    let head = Head { name: batch.next_name()?, size, modified: batch.now, etag, sum, blob, ext };
    match (rule, there) {
        (_, None) => {
            batch.appears(&key);
            make_current(batch, &key, &head)?;
        }
        (Overwrite::Replace, Some(old)) => {
            discard(batch, &old)?;
            batch.usage.bytes = batch.usage.bytes.saturating_sub(old.size);
            make_current(batch, &key, &head)?;
        }
        (Overwrite::KeepPrevious, Some(old)) => {
            keep(batch, &key, &old)?;
            batch.usage.bytes = batch.usage.bytes.saturating_sub(old.size);
            make_current(batch, &key, &head)?;
        }
        (Overwrite::CreateOnly, Some(_)) => keep(batch, &key, &head)?,
    }
    Ok(PutOutcome { size, etag: head.etag, version: head.name.version(), modified: head.modified, checksum })
}

fn make_current(batch: &mut Batch<'_>, key: &ObjectKey, head: &Head) -> rusqlite::Result<()> {
    batch.usage.bytes = batch.usage.bytes.saturating_add(head.size);
    batch.touch(key);
    write_head(
        batch.conn,
        "INSERT OR REPLACE INTO objects(k, v, size, mtime, etag, sum, blob, ext) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        key,
        head,
    )
}

/// Puts a version beside the current one.
fn keep(batch: &mut Batch<'_>, key: &ObjectKey, head: &Head) -> rusqlite::Result<()> {
    batch.usage.version_bytes = batch.usage.version_bytes.saturating_add(head.size);
    write_head(
        batch.conn,
        "INSERT INTO versions(k, v, size, mtime, etag, sum, blob, ext) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        key,
        head,
    )
}

fn write_head(conn: &Connection, text: &str, key: &ObjectKey, head: &Head) -> rusqlite::Result<()> {
    conn.prepare_cached(text)?.execute(params![
        key.as_str().as_bytes(),
        head.name,
        signed(head.size),
        head.modified.micros(),
        codec::write_etag(&head.etag).ok_or_else(invalid)?,
        head.sum.map(codec::algorithm_code),
        head.blob,
        head.ext,
    ])?;
    Ok(())
}

/// What a client stored with a version.
struct Extension<'a> {
    content: &'a ContentHeaders,
    tags: &'a Tags,
    checksum: Option<&'a Checksum>,
}

/// Stores what does not fit the narrow row. Gives its file, if it has exactly one, and its extension, if it needs one.
fn store_body(
    batch: &mut Batch<'_>,
    body: NewBody,
    extension: &Extension<'_>,
    size: u64,
) -> rusqlite::Result<(Option<BlobId>, Option<i64>)> {
    let (mut blob, mut parts, mut inline) = (None, None, None);
    match body {
        NewBody::Inline(bytes) if bytes.is_empty() => {}
        NewBody::Inline(bytes) => inline = Some(bytes),
        NewBody::File(file, crc) => blob = Some(batch.adopt(file, size, crc)?),
        NewBody::Parts(stored) => parts = Some(codec::write_parts(&stored)?),
        NewBody::Linked(linked) => {
            let mut stored = Vec::with_capacity(linked.len());
            for (mut part, file) in linked {
                part.blob = file.map(|file| batch.adopt(file, part.part.size, part.crc)).transpose()?;
                stored.push(part);
            }
            parts = Some(codec::write_parts(&stored)?);
        }
    }
    let content = codec::write_json(extension.content)?;
    let tags = codec::write_json(extension.tags)?;
    let sum = extension.checksum.map(codec::write_checksum);
    if content.is_none() && tags.is_none() && sum.is_none() && parts.is_none() && inline.is_none() {
        return Ok((blob, None));
    }
    let crc = inline.as_deref().map(|bytes| codec::crc(bytes).cast_signed());
    batch
        .conn
        .prepare_cached(
            "INSERT INTO ext(content, tags, sum, parts, crc, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![content, tags, sum, parts, crc, inline.as_deref()])?;
    Ok((blob, Some(batch.conn.last_insert_rowid())))
}

/// A version goes for good: its extension now, its files when the collector comes.
fn discard(batch: &Batch<'_>, head: &Head) -> rusqlite::Result<()> {
    if let Some(blob) = head.blob {
        batch.discard_blob(blob)?;
    }
    let Some(ext) = head.ext else { return Ok(()) };
    if came_in_parts(&head.etag) {
        let mut statement = batch.conn.prepare_cached("SELECT parts FROM ext WHERE id = ?1")?;
        let parts = statement.query_row(params![ext], |row| match row.get_ref(0)? {
            ValueRef::Blob(bytes) => codec::read_stored_parts(bytes),
            ValueRef::Null | ValueRef::Integer(_) | ValueRef::Real(_) | ValueRef::Text(_) => Ok(Vec::new()),
        })?;
        for blob in parts.into_iter().filter_map(|part| part.blob) {
            batch.discard_blob(blob)?;
        }
    }
    batch.conn.prepare_cached("DELETE FROM ext WHERE id = ?1")?.execute(params![ext])?;
    Ok(())
}

const fn came_in_parts(etag: &Etag) -> bool {
    match etag {
        Etag::Md5 { parts, .. } => parts.is_some(),
        Etag::Opaque(_) => false,
    }
}

/// Removes an object, or one version of it.
///
/// # Errors
/// As [`Backend::delete`](crate::Backend::delete).
pub(in super::super) fn delete(
    batch: &mut Batch<'_>,
    key: &ObjectKey,
    options: &DeleteOptions,
) -> Result<DeleteOutcome, Fault> {
    let there = current(batch.conn, key)?;
    let conditions = WriteConditions { if_absent: false, if_match: options.if_match.clone() };
    conditions.check(there.as_ref().map(|head| &head.etag))?;
    let Some(version) = &options.version else {
        let Some(head) = there else { return Ok(DeleteOutcome { existed: false }) };
        remove_current(batch, key, &head)?;
        if options.keep_previous {
            keep(batch, key, &head)?
        } else {
            discard(batch, &head)?
        }
        return Ok(DeleteOutcome { existed: true });
    };
    let name = Name::of_version(version).ok_or(BackendErrorKind::NotFound)?;
    if let Some(head) = there.filter(|head| head.name == name) {
        remove_current(batch, key, &head)?;
        discard(batch, &head)?;
        return Ok(DeleteOutcome { existed: true });
    }
    let head = previous(batch.conn, key, name)?.ok_or(BackendErrorKind::NotFound)?;
    batch
        .conn
        .prepare_cached("DELETE FROM versions WHERE k = ?1 AND v = ?2")?
        .execute(params![key.as_str().as_bytes(), name])?;
    batch.usage.version_bytes = batch.usage.version_bytes.saturating_sub(head.size);
    discard(batch, &head)?;
    Ok(DeleteOutcome { existed: true })
}

fn remove_current(batch: &mut Batch<'_>, key: &ObjectKey, head: &Head) -> rusqlite::Result<()> {
    batch
        .conn
        .prepare_cached("DELETE FROM objects WHERE k = ?1")?
        .execute(params![key.as_str().as_bytes()])?;
    batch.usage.bytes = batch.usage.bytes.saturating_sub(head.size);
    batch.disappears(key);
    batch.touch(key);
    Ok(())
}

/// Replaces the tags of the current object, or of the version named.
///
/// # Errors
/// `NotFound`.
pub(in super::super) fn set_tags(
    batch: &mut Batch<'_>,
    key: &ObjectKey,
    version: Option<&VersionId>,
    tags: &Tags,
) -> Result<(), Fault> {
    let named =
        version.map(|version| Name::of_version(version).ok_or(BackendErrorKind::NotFound)).transpose()?;
    let there = current(batch.conn, key)?;
    let is_current = there.as_ref().is_some_and(|head| named.is_none_or(|name| name == head.name));
    let head = match (there, named) {
        (Some(head), _) if is_current => Some(head),
        (_, Some(name)) => previous(batch.conn, key, name)?,
        (_, None) => None,
    };
    let head = head.ok_or(BackendErrorKind::NotFound)?;
    let text = codec::write_json(tags)?;
    match head.ext {
        Some(ext) => {
            let mut statement = batch.conn.prepare_cached("UPDATE ext SET tags = ?2 WHERE id = ?1")?;
            statement.execute(params![ext, text])?;
        }
        None => {
            batch.conn.prepare_cached("INSERT INTO ext(tags) VALUES (?1)")?.execute(params![text])?;
            let ext = batch.conn.last_insert_rowid();
            let update = if is_current {
                "UPDATE objects SET ext = ?3 WHERE k = ?1 AND v = ?2"
            } else {
                "UPDATE versions SET ext = ?3 WHERE k = ?1 AND v = ?2"
            };
            batch.conn.prepare_cached(update)?.execute(params![key.as_str().as_bytes(), head.name, ext])?;
        }
    }
    batch.touch(key);
    Ok(())
}
