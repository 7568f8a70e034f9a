//! The tables, and how a file becomes an index that can be trusted.

use std::fs;
use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::super::StoreError;

/// Each step leads from one format to the next; `PRAGMA user_version` counts the steps that were taken.
///
/// * `objects` is narrow and clustered by key: a listing reads nothing else. `v` names the version, `sum` the algorithm
///   of its checksum, `blob` its file, `ext` the row with the rest.
/// * `versions` has the same columns: what is no longer, or never was, current.
/// * `ext` holds what only some objects have: headers and tags (JSON), checksum, parts, or the bytes of a small object with
///   their CRC. The bytes stand last, so that reading the rest does not read them.
/// * `blobs` has a row for every file: in use, or, with `gc`, to be removed after that moment. So that the orphan sweep, the
///   collector and the scrubber need no other table.
/// * `folders` counts for each prefix ending in `/`, and for the empty one, the objects (`f`) and the objects and folders (`n`)
///   directly in it. A listing of a folder that only holds folders reads no objects.
/// * `totals` is the storage's [`Usage`](portcullis_domain::Usage), kept in the transaction of every change, and the last
///   name that was given to a version or an upload.
/// * `uploads` counts in `revision` how often its `parts` changed.
/// * `completed` remembers finished uploads, so that completing one again gives the same answer.
const STEPS: &[&str] = &["
CREATE TABLE objects(
    k BLOB PRIMARY KEY, v BLOB NOT NULL, size INTEGER NOT NULL, mtime INTEGER NOT NULL, etag BLOB NOT NULL,
    sum INTEGER, blob BLOB, ext INTEGER) STRICT, WITHOUT ROWID;
CREATE TABLE versions(
    k BLOB NOT NULL, v BLOB NOT NULL, size INTEGER NOT NULL, mtime INTEGER NOT NULL, etag BLOB NOT NULL,
    sum INTEGER, blob BLOB, ext INTEGER, PRIMARY KEY(k, v DESC)) STRICT, WITHOUT ROWID;
CREATE TABLE ext(
    id INTEGER PRIMARY KEY, content TEXT, tags TEXT, sum BLOB, parts BLOB, crc INTEGER, body BLOB) STRICT;
CREATE TABLE blobs(
    id BLOB PRIMARY KEY, size INTEGER NOT NULL, crc INTEGER NOT NULL, gc INTEGER,
    bad INTEGER NOT NULL DEFAULT 0) STRICT, WITHOUT ROWID;
CREATE INDEX blobs_gc ON blobs(gc) WHERE gc IS NOT NULL;
CREATE INDEX blobs_bad ON blobs(bad) WHERE bad = 1;
CREATE TABLE folders(p BLOB PRIMARY KEY, n INTEGER NOT NULL, f INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE totals(
    one INTEGER PRIMARY KEY CHECK (one = 1), files INTEGER NOT NULL, bytes INTEGER NOT NULL,
    folders INTEGER NOT NULL, version_bytes INTEGER NOT NULL, upload_bytes INTEGER NOT NULL,
    last BLOB NOT NULL) STRICT;
INSERT INTO totals VALUES (1, 0, 0, 0, 0, 0, x'00000000000000000000000000000000');
CREATE TABLE uploads(
    k BLOB NOT NULL, id BLOB NOT NULL, created INTEGER NOT NULL, owner BLOB, sum INTEGER,
    whole INTEGER NOT NULL, content TEXT, tags TEXT, revision INTEGER NOT NULL, PRIMARY KEY(k, id)) STRICT, WITHOUT ROWID;
CREATE INDEX uploads_owner ON uploads(owner, k, id);
CREATE INDEX uploads_created ON uploads(created);
CREATE TABLE parts(
    upload BLOB NOT NULL, no INTEGER NOT NULL, size INTEGER NOT NULL, mtime INTEGER NOT NULL,
    etag BLOB NOT NULL, sum BLOB, blob BLOB, crc INTEGER NOT NULL,
    PRIMARY KEY(upload, no)) STRICT, WITHOUT ROWID;
CREATE TABLE completed(
    k BLOB NOT NULL, id BLOB NOT NULL, at INTEGER NOT NULL, parts BLOB NOT NULL, v BLOB NOT NULL,
    size INTEGER NOT NULL, mtime INTEGER NOT NULL, etag BLOB NOT NULL, sum BLOB,
    PRIMARY KEY(k, id)) STRICT, WITHOUT ROWID;
CREATE INDEX completed_at ON completed(at);
CREATE TABLE marks(name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
"];

/// Says that a SQLite file is one of ours: `PCIX`.
const APPLICATION: i64 = 0x5043_4958;

/// The SQLite in which the WAL-reset bug is fixed.
const MIN_SQLITE: i32 = 3_051_003;

/// Pages in the write-ahead log after which a commit copies them into the database: 12 MiB. Larger logs were measured to
/// make commits that wait for a checkpoint up to ten times slower.
const CHECKPOINT_PAGES: i64 = 3000;

/// Above this size an index is not read through after a crash: that would take minutes.
const MAX_CHECKED: u64 = 128 << 20;

/// How much memory SQLite may use in this process before caches are recycled instead of growing.
const SOFT_HEAP: i64 = 96 << 20;

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Writer,
    Reader,
}

/// A connection with the settings that all of ours have.
pub(super) fn connect(path: &Path, role: Role) -> rusqlite::Result<Connection> {
    let access = match role {
        Role::Writer => OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE,
        Role::Reader => OpenFlags::SQLITE_OPEN_READ_ONLY,
    };
    let conn = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    conn.busy_timeout(Duration::from_secs(5))?;
    // Without the guarantee every new bound value has the statement planned again.
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    conn.set_prepared_statement_cache_capacity(64);
    conn.pragma_update(None, "temp_store", "MEMORY")?;
    conn.pragma_update(None, "soft_heap_limit", SOFT_HEAP)?;
    match role {
        Role::Writer => {
            conn.pragma_update(None, "synchronous", "FULL")?;
            conn.pragma_update(None, "cache_size", -8 * 1024)?;
            conn.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
            conn.pragma_update(None, "journal_size_limit", 64 << 20)?;
        }
        Role::Reader => {
            conn.pragma_update(None, "query_only", true)?;
            conn.pragma_update(None, "cache_size", -2 * 1024)?;
        }
    }
    Ok(conn)
}

/// Opens the index for writing: makes it if the storage is new, refuses what is newer, foreign, cut off or damaged, and
/// takes the migration steps that are missing, all of them in one transaction.
///
/// # Errors
/// [`StoreError::Newer`], [`StoreError::Damaged`], [`StoreError::Sqlite`], [`StoreError::Io`].
pub(super) fn open(path: &Path, data: &Path) -> Result<Connection, StoreError> {
    if rusqlite::version_number() < MIN_SQLITE {
        return Err(StoreError::OldSqlite { found: rusqlite::version() });
    }
    let damaged = |detail: &str| StoreError::Damaged { path: path.to_owned(), detail: detail.to_owned() };
    let length = fs::metadata(path).map_or(0, |file| file.len());
    if length == 0 && data.exists() {
        return Err(damaged("it is missing or empty, though there are files of objects"));
    }
    let crashed = fs::metadata(path.with_extension("db-wal")).is_ok_and(|file| file.len() > 0);
    let sqlite = StoreError::sqlite(path);
    let mut conn = connect(path, Role::Writer).map_err(&sqlite)?;
    check_marks(&conn, path, length)?;
    conn.pragma_update(None, "journal_mode", "WAL").map_err(&sqlite)?;
    if length > 0 {
        check_length(&conn, path)?;
        if crashed && length <= MAX_CHECKED {
            let verdict: String =
                conn.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(&sqlite)?;
            if verdict != "ok" {
                return Err(damaged(&verdict));
            }
        }
    }
    migrate(&mut conn).map_err(&sqlite)?;
    Ok(conn)
}

/// Reads the marks in the header, without changing anything.
fn check_marks(conn: &Connection, path: &Path, length: u64) -> Result<(), StoreError> {
    let pragma = |name| conn.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let read = || Ok((pragma("application_id")?, pragma("user_version")?, pragma("schema_version")?));
    let (application, found, schema) = read().map_err(StoreError::sqlite(path))?;
    if length > 0 && schema > 0 && application != APPLICATION {
        let detail = "it is a SQLite file of another program".to_owned();
        return Err(StoreError::Damaged { path: path.to_owned(), detail });
    }
    let known = i64::try_from(STEPS.len()).unwrap_or(i64::MAX);
    if found > known {
        return Err(StoreError::Newer { path: path.to_owned(), found, known });
    }
    Ok(())
}

/// Empties the write-ahead log; then the file must be as long as its header says.
fn check_length(conn: &Connection, path: &Path) -> Result<(), StoreError> {
    let sqlite = StoreError::sqlite(path);
    let number = |pragma| conn.query_row(pragma, [], |row| row.get::<_, i64>(0)).map_err(&sqlite);
    number("PRAGMA wal_checkpoint(TRUNCATE)")?;
    let expected = number("PRAGMA page_count")?.saturating_mul(number("PRAGMA page_size")?);
    let length = fs::metadata(path).map_err(StoreError::io("read", path))?.len();
    if i64::try_from(length).is_ok_and(|length| length < expected) {
        let detail = format!("it has {length} bytes and should have {expected}");
        return Err(StoreError::Damaged { path: path.to_owned(), detail });
    }
    Ok(())
}

fn migrate(conn: &mut Connection) -> rusqlite::Result<()> {
    let taken: u32 = conn.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let missing = usize::try_from(taken).ok().and_then(|taken| STEPS.get(taken..)).unwrap_or_default();
    if missing.is_empty() {
        return Ok(());
    }
    let change = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for step in missing {
        change.execute_batch(step)?;
    }
    change.pragma_update(None, "application_id", APPLICATION)?;
    change.pragma_update(None, "user_version", i64::try_from(STEPS.len()).unwrap_or(i64::MAX))?;
    change.commit()
}
