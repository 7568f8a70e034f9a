//! Pages of objects.

use portcullis_domain::Timestamp;
use rusqlite::{Connection, params};

use super::Fault;
use super::batch::parent;
use super::codec;
use super::page::{Page, Step};
use super::row::{invalid, key_of, parse_key};
use crate::listing::end_of_prefix;
use crate::{ContentHeaders, ListPage, ListRequest, ListedObject, modified};

/// One page. Reads the rows it lists and one for each common prefix, by seeking past everything under it.
///
/// With the delimiter `/`, where no object lies beside the folders, the folders are read instead: their names stand next to each
/// other, and a page of a thousand takes a fifth of the time.
pub(in super::super) fn list(conn: &Connection, request: &ListRequest) -> Result<ListPage, Fault> {
    let mut page = Filling::new(&request.prefix, request.delimiter.as_deref(), request.limit);
    let end = page.end();
    let mut seek = page.start(request.after.as_ref());
    let only_folders =
        request.delimiter.as_deref() == Some("/") && has_only_folders(conn, request.prefix.as_str())?;
    let mut statement = conn.prepare_cached(if request.user_times { WITH_TIMES } else { NARROW })?;
    while let Some(from) = seek.take() {
        let mut rows = statement.query(params![from, end])?;
        while let Some(row) = rows.next()? {
            let key = key_of(row.get_ref(0)?)?;
            let entry = || -> rusqlite::Result<ListedObject> {
                let user_modified = if request.user_times { user_modified(row)? } else { None };
                Ok(ListedObject { user_modified, ..listed(row, key, 1)? })
            };
            match page.take(key, None, entry)? {
                Step::On => {}
                Step::Seek(next) => {
                    seek = Some(next);
                    break;
                }
                Step::Stop => break,
            }
        }
        // The first prefix had to be found by a key: the position may be anywhere below it.
        if only_folders && let Some(from) = seek.take() {
            list_folders(conn, &mut page, from, &end)?;
        }
    }
    let next = page.next().map(|(position, _)| position);
    Ok(ListPage { objects: page.entries, prefixes: page.prefixes, next })
}

const NARROW: &str = "SELECT k, size, mtime, etag, sum FROM objects WHERE k >= ?1 AND k < ?2 ORDER BY k";
/// What the client stored with an object stands in another table, before its bytes.
const WITH_TIMES: &str =
    "SELECT k, size, mtime, etag, sum, (SELECT content FROM ext WHERE ext.id = objects.ext) FROM objects
     WHERE k >= ?1 AND k < ?2 ORDER BY k";

/// When the writer last modified it. What does not name a time is not taken apart for it.
fn user_modified(row: &rusqlite::Row<'_>) -> rusqlite::Result<Option<Timestamp>> {
    let content = row.get_ref(5)?;
    if content.as_str_or_null().is_ok_and(|text| text.is_some_and(|text| text.contains(modified::NAME))) {
        return codec::read_json::<ContentHeaders>(content).map(|content| content.user_modified());
    }
    Ok(None)
}

type Filling<'a> = Page<'a, ListedObject, ()>;

/// Whether every key with this prefix lies in some folder below the one that the prefix is in.
fn has_only_folders(conn: &Connection, prefix: &str) -> Result<bool, Fault> {
    let mut statement = conn.prepare_cached("SELECT 1 FROM folders WHERE p = ?1 AND f = 0")?;
    Ok(statement.exists(params![parent(prefix).as_bytes()])?)
}

/// Fills the page with folders from one on. Those inside another are passed.
fn list_folders(conn: &Connection, page: &mut Filling<'_>, from: Vec<u8>, end: &[u8]) -> Result<(), Fault> {
    let mut statement = conn.prepare_cached("SELECT p FROM folders WHERE p >= ?1 AND p < ?2 ORDER BY p")?;
    let mut seek = Some(from);
    while let Some(from) = seek.take() {
        let mut rows = statement.query(params![from, end])?;
        let mut passed = String::new();
        while let Some(row) = rows.next()? {
            let folder = key_of(row.get_ref(0)?)?;
            if !passed.is_empty() && folder.starts_with(&passed) {
                seek = end_of_prefix(&passed).map(String::into_bytes);
                break;
            }
            match page.take(folder, None, || Err(invalid()))? {
                Step::Stop => break,
                Step::On | Step::Seek(_) => passed = folder.to_owned(),
            }
        }
    }
    Ok(())
}

/// An entry of a listing, from the columns size, mtime, etag and sum, which begin at `at`.
pub(super) fn listed(row: &rusqlite::Row<'_>, key: &str, at: usize) -> rusqlite::Result<ListedObject> {
    Ok(ListedObject {
        key: parse_key(key)?,
        size: codec::unsigned(row.get(at)?)?,
        modified: Timestamp::from_micros(row.get(at + 1)?),
        etag: codec::read_etag(row.get_ref(at + 2)?)?,
        checksum: codec::read_algorithm(row.get_ref(at + 3)?)?,
        archived: false,
        user_modified: None,
    })
}
