//! A transaction with many changes: what they share.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use portcullis_domain::{ObjectKey, Timestamp, Usage};
use rusqlite::{Connection, OptionalExtension as _, params};

use super::super::blob::{BlobId, NewBlob, unique};
use super::codec::{signed, unsigned};
use super::row::Name;

/// What the storage holds, and the last name given, as the row in `totals`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Totals {
    pub(super) usage: Usage,
    last: Name,
}

impl Totals {
    pub(super) fn read(conn: &Connection) -> rusqlite::Result<Self> {
        let mut statement = conn.prepare_cached(
            "SELECT files, bytes, folders, version_bytes, upload_bytes, last FROM totals WHERE one = 1",
        )?;
        statement.query_row([], |row| {
            let usage = Usage {
                files: unsigned(row.get(0)?)?,
                bytes: unsigned(row.get(1)?)?,
                folders: unsigned(row.get(2)?)?,
                version_bytes: unsigned(row.get(3)?)?,
                upload_bytes: unsigned(row.get(4)?)?,
            };
            Ok(Self { usage, last: row.get(5)? })
        })
    }

    fn write(&self, conn: &Connection) -> rusqlite::Result<()> {
        let usage = &self.usage;
        conn.prepare_cached(
            "UPDATE totals SET files = ?1, bytes = ?2, folders = ?3, version_bytes = ?4, upload_bytes = ?5, last = ?6
             WHERE one = 1",
        )?
        .execute(params![
            signed(usage.files),
            signed(usage.bytes),
            signed(usage.folders),
            signed(usage.version_bytes),
            signed(usage.upload_bytes),
            self.last,
        ])?;
        Ok(())
    }
}

/// A transaction that changes are made in.
///
/// Counters are summed up here and written once. Folder counts, too: five hundred objects in one folder change its
/// row once.
pub(in super::super) struct Batch<'c> {
    pub(super) conn: &'c Connection,
    pub(super) now: Timestamp,
    pub(super) usage: Usage,
    last: Name,
    /// By how much the entries directly in a folder change; deeper folders first.
    folders: BTreeMap<(Reverse<usize>, Box<str>), i64>,
    touched: Vec<ObjectKey>,
    adopted: Vec<NewBlob>,
    changes_before: u64,
}

/// What is left to do around the commit.
pub(super) struct Finished {
    pub(super) totals: Totals,
    /// Keys whose current object changes.
    pub(super) touched: Vec<ObjectKey>,
    /// Files that rows refer to from now on: to be [kept](NewBlob::keep) before the commit is tried and held until it is over.
    pub(super) adopted: Vec<NewBlob>,
    /// Whether there is anything to commit.
    pub(super) changed: bool,
}

impl<'c> Batch<'c> {
    pub(super) fn begin(conn: &'c Connection, now: Timestamp) -> rusqlite::Result<Self> {
        let Totals { usage, last } = Totals::read(conn)?;
        let (folders, touched, adopted) = (BTreeMap::new(), Vec::new(), Vec::new());
        Ok(Self { conn, now, usage, last, folders, touched, adopted, changes_before: conn.total_changes() })
    }

    /// How many rows were changed so far.
    pub(super) fn changes(&self) -> u64 {
        self.conn.total_changes()
    }

    /// A name greater than all before it, whatever the clock says.
    pub(super) fn next_name(&mut self) -> rusqlite::Result<Name> {
        let fresh = unique(self.now).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
        self.last = Name(fresh.max(self.last.0.saturating_add(1)));
        Ok(self.last)
    }

    /// The current object at this key changes.
    pub(super) fn touch(&mut self, key: &ObjectKey) {
        self.touched.push(key.clone());
    }

    /// An object appears at a key that had none.
    pub(super) fn appears(&mut self, key: &ObjectKey) {
        self.usage.files += 1;
        self.count_in_folder(key.as_str(), 1);
    }

    /// A key has no object any more.
    pub(super) fn disappears(&mut self, key: &ObjectKey) {
        self.usage.files = self.usage.files.saturating_sub(1);
        self.count_in_folder(key.as_str(), -1);
    }

    fn count_in_folder(&mut self, text: &str, change: i64) {
        if let Some((folder, _)) = text.rsplit_once('/') {
            // With its slash.
            let folder: Box<str> = text.get(..=folder.len()).unwrap_or(text).into();
            *self.folders.entry((Reverse(folder.len()), folder)).or_default() += change;
        }
    }

    /// Records a new file, which rows may refer to from here on.
    pub(super) fn adopt(&mut self, blob: NewBlob, size: u64, crc: u64) -> rusqlite::Result<BlobId> {
        let id = blob.id();
        self.conn
            .prepare_cached("INSERT INTO blobs(id, size, crc) VALUES (?1, ?2, ?3)")?
            .execute(params![id, signed(size), crc.cast_signed()])?;
        self.adopted.push(blob);
        Ok(id)
    }

    /// Nothing refers to a file any more: the collector may have it. When, is the collector's to say.
    pub(super) fn discard_blob(&self, id: BlobId) -> rusqlite::Result<()> {
        self.conn
            .prepare_cached("UPDATE blobs SET gc = ?2 WHERE id = ?1")?
            .execute(params![id, self.now.micros()])?;
        Ok(())
    }

    /// Writes what was summed up.
    pub(super) fn finish(mut self) -> rusqlite::Result<Finished> {
        self.count_folders()?;
        let totals = Totals { usage: self.usage, last: self.last };
        let changed = self.changes() != self.changes_before;
        if changed {
            totals.write(self.conn)?;
        }
        Ok(Finished { totals, touched: self.touched, adopted: self.adopted, changed })
    }

    /// A folder that comes or goes is an entry of the folder above it, which is shorter and so comes later.
    fn count_folders(&mut self) -> rusqlite::Result<()> {
        while let Some(((_, folder), change)) = self.folders.pop_first() {
            if change == 0 {
                continue;
            }
            let bytes = folder.as_bytes();
            let before: i64 = self
                .conn
                .prepare_cached("SELECT n FROM folders WHERE p = ?1")?
                .query_row(params![bytes], |row| row.get(0))
                .optional()?
                .unwrap_or(0);
            let after = before.saturating_add(change);
            let text = if after > 0 {
                "INSERT INTO folders(p, n) VALUES (?1, ?2) ON CONFLICT(p) DO UPDATE SET n = excluded.n"
            } else {
                "DELETE FROM folders WHERE p = ?1 AND ?2 <= 0"
            };
            self.conn.prepare_cached(text)?.execute(params![bytes, after])?;
            let above = folder.strip_suffix('/').unwrap_or(&folder);
            match (before > 0, after > 0) {
                (false, true) => {
                    self.usage.folders += 1;
                    self.count_in_folder(above, 1);
                }
                (true, false) => {
                    self.usage.folders = self.usage.folders.saturating_sub(1);
                    self.count_in_folder(above, -1);
                }
                (true, true) | (false, false) => {}
            }
        }
        Ok(())
    }
}
