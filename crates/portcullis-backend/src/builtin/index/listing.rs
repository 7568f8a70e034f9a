//! Pages of objects.

use rusqlite::{Connection, params};

use super::Fault;
use super::codec;
use super::page::{Page, Step};
use super::row::{key_of, parse_key};
use crate::{ListPage, ListRequest, ListedObject};
use portcullis_domain::Timestamp;

/// One page. Reads the rows it lists and one for each common prefix, by seeking past everything under it.
pub(in super::super) fn list(conn: &Connection, request: &ListRequest) -> Result<ListPage, Fault> {
    let mut page = Page::<_, ()>::new(&request.prefix, request.delimiter.as_deref(), request.limit);
    let end = page.end();
    let mut seek = page.start(request.after.as_ref());
    let mut statement =
        conn.prepare_cached("SELECT k, size, mtime, etag, sum FROM objects WHERE k >= ?1 AND k < ?2 ORDER BY k")?;
    while let Some(from) = seek.take() {
        let mut rows = statement.query(params![from, end])?;
        while let Some(row) = rows.next()? {
            let key = key_of(row.get_ref(0)?)?;
            match page.take(key, None, || listed(row, key, 1))? {
                Step::On => {}
                Step::Seek(next) => {
                    seek = Some(next);
                    break;
                }
                Step::Stop => break,
            }
        }
    }
    let next = page.next().map(|(position, _)| position);
    Ok(ListPage { objects: page.entries, prefixes: page.prefixes, next })
}

/// An entry of a listing, from the columns size, mtime, etag and sum, which begin at `at`.
pub(super) fn listed(row: &rusqlite::Row<'_>, key: &str, at: usize) -> rusqlite::Result<ListedObject> {
    Ok(ListedObject {
        key: parse_key(key)?,
        size: codec::unsigned(row.get(at)?)?,
        modified: Timestamp::from_micros(row.get(at + 1)?),
        etag: codec::read_etag(row.get_ref(at + 2)?)?,
        checksum: codec::read_algorithm(row.get_ref(at + 3)?)?,
    })
}
