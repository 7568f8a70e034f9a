//! What the collector, the orphan sweep and the scrubber ask the index.

use std::collections::HashSet;

use portcullis_domain::{ObjectKey, Timestamp, Usage};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::super::blob::BlobId;
use super::batch::Totals;
use super::codec;
use super::row::{Head, Name, Segment, key_of, parse_key};
use super::{Batch, Fault};
use crate::VersionId;

/// Files, at most so many, to which nothing has referred since `before` or longer.
pub(in super::super) fn collectable(
    conn: &Connection,
    before: Timestamp,
    limit: u32,
) -> Result<Vec<BlobId>, Fault> {
    Ok(conn
        .prepare_cached("SELECT id FROM blobs WHERE gc IS NOT NULL AND gc <= ?1 ORDER BY gc LIMIT ?2")?
        .query_map(params![before.micros(), limit], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?)
}

/// Forgets files that are gone.
pub(in super::super) fn collected(batch: &mut Batch<'_>, ids: &[BlobId]) -> Result<(), Fault> {
    let mut statement = batch.conn.prepare_cached("DELETE FROM blobs WHERE id = ?1 AND gc IS NOT NULL")?;
    for id in ids {
        statement.execute(params![id])?;
    }
    Ok(())
}

/// Those of these files that the index has never heard of.
pub(in super::super) fn unknown_blobs(conn: &Connection, ids: &[BlobId]) -> Result<Vec<BlobId>, Fault> {
    let mut statement = conn.prepare_cached("SELECT 1 FROM blobs WHERE id = ?1")?;
    let mut unknown = Vec::new();
    for id in ids {
        if !statement.exists(params![id])? {
            unknown.push(*id);
        }
    }
    Ok(unknown)
}

/// A file in use.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct BlobRow {
    pub(in super::super) segment: Segment,
    /// Whether it was found damaged.
    pub(in super::super) bad: bool,
}

/// Files in use in the order of their names, after one.
pub(in super::super) fn blobs_after(
    conn: &Connection,
    after: Option<BlobId>,
    limit: u32,
) -> Result<Vec<BlobRow>, Fault> {
    let after = after.map_or_else(Vec::new, |id| id.to_bytes().to_vec());
    Ok(conn
        .prepare_cached(
            "SELECT id, size, crc, bad FROM blobs WHERE id > ?1 AND gc IS NULL ORDER BY id LIMIT ?2",
        )?
        .query_map(params![after, limit], |row| {
            let (size, crc) = (codec::unsigned(row.get(1)?)?, row.get::<_, i64>(2)?.cast_unsigned());
            Ok(BlobRow { segment: Segment { blob: row.get(0)?, size, crc }, bad: row.get(3)? })
        })?
        .collect::<rusqlite::Result<_>>()?)
}

/// Whether something refers to a file.
pub(in super::super) fn is_in_use(conn: &Connection, id: BlobId) -> Result<bool, Fault> {
    Ok(conn.prepare_cached("SELECT 1 FROM blobs WHERE id = ?1 AND gc IS NULL")?.exists(params![id])?)
}

/// What the storage holds.
pub(in super::super) fn usage(conn: &Connection) -> Result<Usage, Fault> {
    Ok(Totals::read(conn)?.usage)
}

/// Files that were found damaged.
pub(super) fn quarantined(conn: &Connection) -> rusqlite::Result<HashSet<BlobId>> {
    conn.prepare_cached("SELECT id FROM blobs WHERE bad = 1")?.query_map([], |row| row.get(0))?.collect()
}

/// Notes whether a file is damaged.
pub(in super::super) fn quarantine(batch: &mut Batch<'_>, id: BlobId, bad: bool) -> Result<(), Fault> {
    batch.conn.prepare_cached("UPDATE blobs SET bad = ?2 WHERE id = ?1")?.execute(params![id, bad])?;
    Ok(())
}

/// A stretch of small objects that was read.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct InlineStretch {
    /// Where the next stretch begins; none after the last.
    pub(in super::super) last: Option<i64>,
    /// Small objects.
    pub(in super::super) objects: u64,
    /// Their bytes.
    pub(in super::super) bytes: u64,
    /// Extensions whose bytes are damaged.
    pub(in super::super) damaged: Vec<i64>,
}

/// Compares the bytes of small objects with their CRCs, `limit` extensions after one.
pub(in super::super) fn inline_after(
    conn: &Connection,
    after: i64,
    limit: u32,
) -> Result<InlineStretch, Fault> {
    let mut stretch = InlineStretch::default();
    let mut statement =
        conn.prepare_cached("SELECT id, crc, body FROM ext WHERE id > ?1 ORDER BY id LIMIT ?2")?;
    let mut rows = statement.query(params![after, limit])?;
    while let Some(row) = rows.next()? {
        let id: i64 = row.get(0)?;
        stretch.last = Some(id);
        if let ValueRef::Blob(body) = row.get_ref(2)? {
            stretch.objects += 1;
            stretch.bytes = stretch.bytes.saturating_add(codec::length(body));
            if row.get::<_, Option<i64>>(1)? != Some(codec::crc(body).cast_signed()) {
                stretch.damaged.push(id);
            }
        }
    }
    Ok(stretch)
}

/// Which versions, at most so many, have their bytes in one of these files or extensions. Reads every row.
pub(in super::super) fn references(
    conn: &Connection,
    blobs: &HashSet<BlobId>,
    exts: &HashSet<i64>,
    limit: usize,
) -> Result<Vec<(ObjectKey, VersionId)>, Fault> {
    let mut found = Vec::new();
    for table in [
        "SELECT k, v, size, mtime, etag, sum, blob, ext FROM objects",
        "SELECT k, v, size, mtime, etag, sum, blob, ext FROM versions",
    ] {
        let mut statement = conn.prepare_cached(table)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let head = Head::read(row, 1)?;
            if found.len() < limit && refers(conn, &head, blobs, exts)? {
                let name: Name = head.name;
                found.push((parse_key(key_of(row.get_ref(0)?)?)?, name.version()));
            }
        }
    }
    Ok(found)
}

fn refers(
    conn: &Connection,
    head: &Head,
    blobs: &HashSet<BlobId>,
    exts: &HashSet<i64>,
) -> rusqlite::Result<bool> {
    if head.blob.is_some_and(|blob| blobs.contains(&blob)) || head.ext.is_some_and(|ext| exts.contains(&ext))
    {
        return Ok(true);
    }
    let Some(ext) = head.ext.filter(|_| !blobs.is_empty() && head.blob.is_none()) else { return Ok(false) };
    let mut statement = conn.prepare_cached("SELECT parts FROM ext WHERE id = ?1 AND parts IS NOT NULL")?;
    let parts = statement
        .query_row(params![ext], |row| match row.get_ref(0)? {
            ValueRef::Blob(bytes) => codec::read_stored_parts(bytes),
            ValueRef::Null | ValueRef::Integer(_) | ValueRef::Real(_) | ValueRef::Text(_) => Ok(Vec::new()),
        })
        .optional()?
        .unwrap_or_default();
    Ok(parts.iter().filter_map(|part| part.blob).any(|blob| blobs.contains(&blob)))
}

/// A number that was noted, if it was.
pub(in super::super) fn mark(conn: &Connection, name: &str) -> Result<Option<i64>, Fault> {
    let mut statement = conn.prepare_cached("SELECT value FROM marks WHERE name = ?1")?;
    Ok(statement.query_row(params![name], |row| row.get(0)).optional()?)
}

/// Notes a number.
pub(in super::super) fn set_mark(batch: &mut Batch<'_>, name: &str, value: i64) -> Result<(), Fault> {
    batch
        .conn
        .prepare_cached("INSERT OR REPLACE INTO marks(name, value) VALUES (?1, ?2)")?
        .execute(params![name, value])?;
    Ok(())
}
