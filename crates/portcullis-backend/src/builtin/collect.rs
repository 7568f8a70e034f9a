//! Tidying up: files that were discarded, files that nothing ever referred to, uploads that nobody finished.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use portcullis_domain::Timestamp;
use tokio::task::spawn_blocking;

use super::BuiltinBackend;
use super::blob::{BlobId, Blobs, day_of};
use super::error::{disk_error, task_error};
use super::index;
use crate::Result;

/// What a round of housekeeping did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Housekeeping {
    /// Files removed of what was replaced or deleted.
    pub collected: u64,
    /// Files removed that nothing ever referred to: left over from uploads that a crash cut off.
    pub orphans: u64,
    /// Uploads given up because of their age.
    pub expired_uploads: u64,
    /// Storages closed.
    pub closed: u64,
}

impl Housekeeping {
    /// Counts what another round did, too.
    pub(super) fn add(&mut self, other: &Self) {
        self.collected += other.collected;
        self.orphans += other.orphans;
        self.expired_uploads += other.expired_uploads;
        self.closed += other.closed;
    }
}

/// Files removed in one go; between two the disk is free for others.
const COLLECT_AT_ONCE: u32 = 500;

/// Goes of a round.
const COLLECT_ROUNDS: usize = 20;

/// Directories that a round of the sweep looks into: a quarter of what a day has at most.
const SWEEP_AT_ONCE: usize = 64;

/// Uploads given up in one go.
const EXPIRE_AT_ONCE: u32 = 16;

/// The name under which the index notes the day before which no orphans are left.
const SWEPT: &str = "swept";

/// How far the search for orphans is.
///
/// It goes through the directories of the days from the last one that was left clean: at first after the storage was
/// opened, then once per grace period, since what a cut-off upload leaves is only removed after that.
#[derive(Debug, Default)]
pub(super) struct Sweep {
    /// Directories still to be looked into in this search, the last one first.
    left: Vec<PathBuf>,
    /// The first day in which something was left for later.
    unclean: Option<String>,
    /// When the next search begins.
    due: Timestamp,
    /// Whether a search is under way.
    running: bool,
}

impl BuiltinBackend {
    /// Tidies this storage up; what it does not finish the next round goes on with.
    ///
    /// # Errors
    /// A fault of the disk or the index.
    pub async fn housekeep(&self) -> Result<Housekeeping> {
        let expired_uploads = self.expire().await?;
        let orphans = self.sweep_orphans().await?;
        let collected = self.collect().await?;
        self.index.rest();
        Ok(Housekeeping { collected, orphans, expired_uploads, closed: 0 })
    }

    /// Removes files to which nothing has referred for the grace period, and that nobody is still sending.
    async fn collect(&self) -> Result<u64> {
        let mut collected = 0u64;
        for _ in 0..COLLECT_ROUNDS {
            let before = self.clock.now().before(self.options.grace);
            // What was discarded at the very moment a body was opened may be part of it.
            let needed = self.pins.oldest().map(|oldest| oldest.before(Duration::from_micros(1)));
            let before = needed.map_or(before, |needed| needed.min(before));
            let ids = self
                .index
                .read("collect", move |conn| index::collectable(conn, before, COLLECT_AT_ONCE))
                .await?;
            if ids.is_empty() {
                break;
            }
            let blobs = Arc::clone(&self.files.blobs);
            let removed = spawn_blocking(move || remove(&blobs, &ids).map(|()| ids));
            let ids = removed.await.map_err(task_error("collect"))?.map_err(disk_error("collect"))?;
            collected = collected.saturating_add(u64::try_from(ids.len()).unwrap_or(0));
            self.index.write("collect", move |batch| index::collected(batch, &ids)).await?;
        }
        Ok(collected)
    }

    async fn expire(&self) -> Result<u64> {
        let now = self.clock.now();
        let (begun, completed) =
            (now.before(self.options.upload_expiry), now.before(self.options.completed_retention));
        self.index
            .write("expire", move |batch| index::drop_expired(batch, begun, completed, EXPIRE_AT_ONCE))
            .await
    }

    /// Looks for files that nothing refers to.
    async fn sweep_orphans(&self) -> Result<u64> {
        let mut sweep = self.sweep.lock().await;
        let now = self.clock.now();
        if !sweep.running {
            if now < sweep.due {
                return Ok(0);
            }
            self.begin_sweep(&mut sweep).await?;
        }
        let mut orphans = 0u64;
        for _ in 0..SWEEP_AT_ONCE {
            let Some(directory) = sweep.left.pop() else {
                self.end_sweep(&mut sweep, now).await?;
                break;
            };
            let (removed, clean) = self.sweep_directory(directory.clone(), now).await?;
            orphans = orphans.saturating_add(removed);
            if !clean && sweep.unclean.is_none() {
                sweep.unclean = day_of_directory(&directory);
            }
        }
        Ok(orphans)
    }

    async fn begin_sweep(&self, sweep: &mut Sweep) -> Result<()> {
        let from = self.index.read("sweep", |conn| index::mark(conn, SWEPT)).await?.unwrap_or(0);
        let root = self.files.blobs.root().to_owned();
        let listed = spawn_blocking(move || directories(&root, &format!("{from:08}")));
        sweep.left = listed.await.map_err(task_error("sweep"))?.map_err(disk_error("sweep"))?;
        sweep.unclean = None;
        sweep.running = true;
        Ok(())
    }

    /// Notes how far everything is clean. Today and yesterday never are: more files come, and a clock may be set back.
    async fn end_sweep(&self, sweep: &mut Sweep, now: Timestamp) -> Result<()> {
        sweep.running = false;
        sweep.due = now.after(self.options.grace);
        let yesterday = day_of(now.before(Duration::from_secs(24 * 60 * 60)));
        let clean_before =
            sweep.unclean.take().map_or_else(|| yesterday.clone(), |unclean| unclean.min(yesterday.clone()));
        let Ok(day) = clean_before.parse::<i64>() else { return Ok(()) };
        let known = self.index.read("sweep", |conn| index::mark(conn, SWEPT)).await?;
        if known != Some(day) {
            self.index.write("sweep", move |batch| index::set_mark(batch, SWEPT, day)).await?;
        }
        Ok(())
    }

    /// Removes the orphans of one directory. Says how many, and whether nothing was left for later.
    async fn sweep_directory(&self, directory: PathBuf, now: Timestamp) -> Result<(u64, bool)> {
        let blobs = Arc::clone(&self.files.blobs);
        let before = now.before(self.options.grace);
        let listed = spawn_blocking(move || candidates(&blobs, &directory, before));
        let found = listed.await.map_err(task_error("sweep"))?.map_err(disk_error("sweep"))?;
        if found.old.is_empty() {
            return Ok((0, found.clean));
        }
        // After it was seen that no write is under way for them: a row that comes now is one of another file.
        let old = found.old;
        let orphans = self.index.read("sweep", move |conn| index::unknown_blobs(conn, &old)).await?;
        let count = u64::try_from(orphans.len()).unwrap_or(0);
        let blobs = Arc::clone(&self.files.blobs);
        let removed = spawn_blocking(move || remove(&blobs, &orphans));
        removed.await.map_err(task_error("sweep"))?.map_err(disk_error("sweep"))?;
        Ok((count, found.clean))
    }
}

/// Removes files, durably. Blocks.
fn remove(blobs: &Blobs, ids: &[BlobId]) -> io::Result<()> {
    for id in ids {
        blobs.remove(*id)?;
    }
    // Before the index forgets them: a file that comes back with the power would never be found again.
    blobs.sync_directories(ids.iter().copied())
}

/// Files of a directory that may be orphans.
struct Candidates {
    old: Vec<BlobId>,
    /// Whether none was too young, or under way.
    clean: bool,
}

/// Blocks.
fn candidates(blobs: &Blobs, directory: &Path, before: Timestamp) -> io::Result<Candidates> {
    let mut found = Candidates { old: Vec::new(), clean: true };
    let mut empty = true;
    for entry in entries(directory)? {
        let entry = entry?;
        empty = false;
        let name = entry.file_name();
        // What somebody else put there is not ours to remove.
        let ours = name.to_str().and_then(BlobId::parse).filter(|id| blobs.path(*id) == entry.path());
        let Some(id) = ours else { continue };
        if blobs.is_unfinished(id) || modified(&entry).is_none_or(|modified| modified > before) {
            found.clean = false;
        } else {
            found.old.push(id);
        }
    }
    if empty {
        blobs.remove_empty(directory);
        directory.parent().into_iter().for_each(|day| blobs.remove_empty(day));
    }
    Ok(found)
}

/// When a file was written last; none if it is gone meanwhile.
fn modified(entry: &fs::DirEntry) -> Option<Timestamp> {
    let modified = entry.metadata().ok()?.modified().ok()?;
    let since = modified.duration_since(UNIX_EPOCH).unwrap_or_default();
    Some(Timestamp::default().after(since))
}

/// The entries of a directory; none if it is not there.
fn entries(directory: &Path) -> io::Result<Vec<io::Result<fs::DirEntry>>> {
    match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        entries => Ok(entries?.collect()),
    }
}

/// The directories with files of the days from `first` on, the last one first. Blocks.
fn directories(root: &Path, first: &str) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for day in entries(root)? {
        let day = day?;
        let name: OsString = day.file_name();
        if name.to_str().is_some_and(|name| name.len() == 8 && name >= first) {
            for fan in entries(&day.path())? {
                found.push(fan?.path());
            }
        }
    }
    found.sort_unstable_by(|a, b| b.cmp(a));
    Ok(found)
}

fn day_of_directory(directory: &Path) -> Option<String> {
    directory.parent()?.file_name()?.to_str().map(str::to_owned)
}
