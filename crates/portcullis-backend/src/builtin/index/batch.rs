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

/// What lies directly in a folder, or by how much that changes.
#[derive(Clone, Copy, Debug, Default)]
struct Entries {
    objects: i64,
    /// Objects and folders.
    all: i64,
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
    folders: BTreeMap<(Reverse<usize>, Box<str>), Entries>,
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
        let fresh =
            unique(self.now).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
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
        self.count_in_folder(key.as_str(), Entries { objects: 1, all: 1 });
    }

    /// A key has no object any more.
    pub(super) fn disappears(&mut self, key: &ObjectKey) {
        self.usage.files = self.usage.files.saturating_sub(1);
        self.count_in_folder(key.as_str(), Entries { objects: -1, all: -1 });
    }

    fn count_in_folder(&mut self, text: &str, change: Entries) {
        let folder: Box<str> = parent(text).into();
        let entries = self.folders.entry((Reverse(folder.len()), folder)).or_default();
        entries.objects += change.objects;
        entries.all += change.all;
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
            let before = self.entries_of(&folder)?;
            let after = Entries { objects: before.objects + change.objects, all: before.all + change.all };
            self.write_entries(&folder, after)?;
            let appears = i64::from(after.all > 0) - i64::from(before.all > 0);
            // What has no name is the storage itself.
            let Some(above) = folder.strip_suffix('/').filter(|_| appears != 0) else { continue };
            self.usage.folders = self.usage.folders.saturating_add_signed(appears);
            self.count_in_folder(above, Entries { objects: 0, all: appears });
        }
        Ok(())
    }

    fn entries_of(&self, folder: &str) -> rusqlite::Result<Entries> {
        let mut statement = self.conn.prepare_cached("SELECT f, n FROM folders WHERE p = ?1")?;
        let read = |row: &rusqlite::Row<'_>| Ok(Entries { objects: row.get(0)?, all: row.get(1)? });
        Ok(statement.query_row(params![folder.as_bytes()], read).optional()?.unwrap_or_default())
    }

    fn write_entries(&self, folder: &str, entries: Entries) -> rusqlite::Result<()> {
        if entries.all > 0 {
            let mut statement =
                self.conn.prepare_cached("INSERT OR REPLACE INTO folders(p, f, n) VALUES (?1, ?2, ?3)")?;
            statement.execute(params![folder.as_bytes(), entries.objects, entries.all])?;
        } else {
            let mut statement = self.conn.prepare_cached("DELETE FROM folders WHERE p = ?1")?;
            statement.execute(params![folder.as_bytes()])?;
        }
        Ok(())
    }
}

/// The folder that a key, or a folder's name without its last slash, lies directly in; empty for the storage itself.
pub(super) fn parent(text: &str) -> &str {
    text.rfind('/').and_then(|at| text.get(..=at)).unwrap_or_default()
}
