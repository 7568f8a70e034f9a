//! Pages of versions: current objects and the others, merged.

use std::cmp::Reverse;

use rusqlite::{Connection, Rows, params};

use super::Fault;
use super::listing::listed;
use super::page::{Page, Step, after_key};
use super::row::{Name, key_of};
use crate::{ListPosition, ListedVersion, VersionId, VersionsPage, VersionsRequest};

const CURRENT: &str = "SELECT k, v, size, mtime, etag, sum FROM objects WHERE k >= ?1 AND k < ?2 ORDER BY k";
const OTHERS: &str =
    "SELECT k, v, size, mtime, etag, sum FROM versions WHERE k >= ?1 AND k < ?2 ORDER BY k, v DESC";
const CURRENT_OF: &str = "SELECT k, v, size, mtime, etag, sum FROM objects WHERE k = ?1 AND v < ?2";
const OTHERS_OF: &str =
    "SELECT k, v, size, mtime, etag, sum FROM versions WHERE k = ?1 AND v < ?2 ORDER BY v DESC";

type Filling<'a> = Page<'a, ListedVersion, VersionId>;

/// One page of versions.
pub(in super::super) fn list_versions(
    conn: &Connection,
    request: &VersionsRequest,
) -> Result<VersionsPage, Fault> {
    let mut page = Filling::new(&request.prefix, request.delimiter.as_deref(), request.limit);
    let end = page.end();
    let mut seek = page.start(request.after.as_ref());
    if let (Some(_), Some(ListPosition::AfterKey(key)), Some(version)) =
        (&seek, &request.after, &request.after_version)
    {
        // A name that is none of ours comes after no version of the key: the page goes on with the next key.
        if let Some(name) = Name::of_version(version).filter(|_| key.starts_with(request.prefix.as_str())) {
            let (mut current, mut others) =
                (conn.prepare_cached(CURRENT_OF)?, conn.prepare_cached(OTHERS_OF)?);
            let current = current.query(params![key.as_bytes(), name])?;
            let others = others.query(params![key.as_bytes(), name])?;
            match merge(&mut page, current, others)? {
                Step::On => {}
                Step::Seek(next) => seek = Some(next.max(after_key(key))),
                Step::Stop => seek = None,
            }
        }
    }
    let (mut current, mut others) = (conn.prepare_cached(CURRENT)?, conn.prepare_cached(OTHERS)?);
    while let Some(from) = seek.take() {
        let step = merge(&mut page, current.query(params![from, end])?, others.query(params![from, end])?)?;
        seek = match step {
            Step::Seek(next) => Some(next),
            Step::On | Step::Stop => None,
        };
    }
    let next = page.next();
    Ok(VersionsPage { versions: page.entries, prefixes: page.prefixes, next })
}

/// Takes rows of both tables in order, until there are none, a prefix is to be passed, or the page is done.
fn merge(page: &mut Filling<'_>, mut current: Rows<'_>, mut others: Rows<'_>) -> Result<Step, Fault> {
    let mut next_current = read(&mut current, true)?;
    let mut next_other = read(&mut others, false)?;
    loop {
        let first = match (&next_current, &next_other) {
            (None, None) => return Ok(Step::On),
            (Some(a), Some(b)) if order(a) < order(b) => {
                std::mem::replace(&mut next_current, read(&mut current, true)?)
            }
            (Some(_), None) => std::mem::replace(&mut next_current, read(&mut current, true)?),
            (_, Some(_)) => std::mem::replace(&mut next_other, read(&mut others, false)?),
        };
        let Some((_, version)) = first else { return Ok(Step::On) };
        let key = version.object.key.clone();
        let mark = version.version.clone();
        match page.take(key.as_str(), Some(mark), || Ok::<_, Fault>(version))? {
            Step::On => {}
            step @ (Step::Seek(_) | Step::Stop) => return Ok(step),
        }
    }
}

fn order((name, version): &(Name, ListedVersion)) -> (&str, Reverse<Name>) {
    (version.object.key.as_str(), Reverse(*name))
}

fn read(rows: &mut Rows<'_>, current: bool) -> Result<Option<(Name, ListedVersion)>, Fault> {
    let Some(row) = rows.next()? else { return Ok(None) };
    let name: Name = row.get(1)?;
    let object = listed(row, key_of(row.get_ref(0)?)?, 2)?;
    Ok(Some((name, ListedVersion { object, version: name.version(), current })))
}
