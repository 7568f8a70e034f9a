//! Files: created under their final name, made durable, never changed, removed once.

mod id;
mod new;

use std::collections::HashSet;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use portcullis_domain::Clock;
use rustix::fs::FallocateFlags;

pub(super) use id::{BlobId, day_of, unique};
pub(super) use new::NewBlob;

/// From this length on, room is set aside before the first byte is written: a full disk is told early, and the
/// file lies in one piece.
const PREALLOCATE_FROM: u64 = 1 << 20;

/// The files of one storage. Every method blocks.
#[derive(Debug)]
pub(super) struct Blobs {
    root: PathBuf,
    clock: Arc<dyn Clock>,
    reserve: u64,
    /// Names that were given out and are not committed yet; no sweep takes them for orphans.
    unfinished: Mutex<HashSet<BlobId>>,
    /// Directories that are durable themselves. The lock is held while one is made, so that nobody puts a file into a
    /// directory that may vanish with the power.
    durable: Mutex<HashSet<PathBuf>>,
}

impl Blobs {
    /// The files under `root`, which need not be there yet. `reserve` bytes of the disk stay free.
    pub(super) fn new(root: PathBuf, reserve: u64, clock: Arc<dyn Clock>) -> Self {
        Self { root, clock, reserve, unfinished: Mutex::default(), durable: Mutex::default() }
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    pub(super) fn path(&self, id: BlobId) -> PathBuf {
        let mut path = self.root.join(id.day());
        path.push(format!("{:02x}", id.fan()));
        path.push(id.file_name());
        path
    }

    /// Bytes that may still be written: what the file system has left, without the reserve.
    ///
    /// # Errors
    /// The file system does not answer.
    pub(super) fn available(&self) -> io::Result<u64> {
        let stat = match rustix::fs::statvfs(&self.root) {
            Err(rustix::io::Errno::NOENT) => rustix::fs::statvfs(self.root.parent().unwrap_or(&self.root))?,
            told => told?,
        };
        Ok(stat.f_bavail.saturating_mul(stat.f_frsize).saturating_sub(self.reserve))
    }

    /// An empty file under a new name, with room for `length` bytes if that is known.
    ///
    /// # Errors
    /// The disk is full or faulty.
    pub(super) fn create(self: &Arc<Self>, length: Option<u64>) -> io::Result<NewBlob> {
        if self.available()? < length.unwrap_or(0).max(1) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let mut blob = self.name_new()?;
        let path = self.path(blob.id());
        let file = self.in_durable_directory(&path, |path| {
            File::options().write(true).read(true).create_new(true).open(path)
        })?;
        if let Some(length) = length.filter(|length| *length >= PREALLOCATE_FROM) {
            match rustix::fs::fallocate(&file, FallocateFlags::KEEP_SIZE, 0, length) {
                // Not every file system can; then the room shows itself while writing.
                Ok(()) | Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => {}
                Err(error) => return Err(error.into()),
            }
        }
        blob.open(file);
        Ok(blob)
    }

    /// Another name for the bytes of a file, which both names then hold for as long as either is there. Durable once
    /// [`Blobs::sync_directories`] has returned.
    ///
    /// # Errors
    /// `NotFound` if the file is gone; the disk is full or faulty.
    pub(super) fn link(self: &Arc<Self>, from: BlobId) -> io::Result<NewBlob> {
        let blob = self.name_new()?;
        let (source, path) = (self.path(from), self.path(blob.id()));
        match self.in_durable_directory(&path, |path| std::fs::hard_link(&source, path)) {
            Ok(()) => Ok(blob),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(error),
            // A file has all the names it can have, or the file system knows no second name.
            Err(_) => self.duplicate(&source),
        }
    }

    fn duplicate(self: &Arc<Self>, source: &Path) -> io::Result<NewBlob> {
        let mut source = File::open(source)?;
        let mut blob = self.create(Some(source.metadata()?.len()))?;
        blob.copy_from(&mut source)?;
        Ok(blob)
    }

    /// Opens a file for reading.
    ///
    /// # Errors
    /// `NotFound` if it is gone.
    pub(super) fn open(&self, id: BlobId) -> io::Result<File> {
        File::open(self.path(id))
    }

    /// Tells the kernel that a file will not be needed again soon, so that reading it did not push out what is.
    pub(super) fn let_go(&self, id: BlobId) {
        if let Ok(file) = self.open(id) {
            rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed).unwrap_or_default();
        }
    }

    /// Removes a file; one that is gone already is no error.
    ///
    /// # Errors
    /// The disk is faulty.
    pub(super) fn remove(&self, id: BlobId) -> io::Result<()> {
        match std::fs::remove_file(self.path(id)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Makes the names of these files, or their being gone, durable. Every directory is synced once.
    ///
    /// # Errors
    /// The disk is faulty.
    pub(super) fn sync_directories(&self, ids: impl Iterator<Item = BlobId>) -> io::Result<()> {
        let directories: HashSet<PathBuf> =
            ids.filter_map(|id| self.path(id).parent().map(Path::to_owned)).collect();
        for directory in directories {
            match sync_directory(&directory) {
                // Without the directory there is no name left in it.
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                Ok(()) | Err(_) => {}
            }
        }
        Ok(())
    }

    /// Whether the file belongs to a write that is under way.
    pub(super) fn is_unfinished(&self, id: BlobId) -> bool {
        self.unfinished().contains(&id)
    }

    /// Removes a directory that nothing lies in; others stay.
    pub(super) fn remove_empty(&self, directory: &Path) {
        let mut durable = self.durable();
        if std::fs::remove_dir(directory).is_ok() {
            durable.remove(directory);
        }
    }

    fn name_new(self: &Arc<Self>) -> io::Result<NewBlob> {
        let id = BlobId::generate(self.clock.now())?;
        self.unfinished().insert(id);
        Ok(NewBlob::new(id, Arc::clone(self)))
    }

    fn in_durable_directory<T>(&self, path: &Path, make: impl Fn(&Path) -> io::Result<T>) -> io::Result<T> {
        let directory = path.parent().unwrap_or(&self.root);
        self.make_durable(directory)?;
        match make(path) {
            // The sweep has just removed the empty directory; or what is linked is gone, then this fails again.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.durable().clear();
                self.make_durable(directory)?;
                make(path)
            }
            made => made,
        }
    }

    /// Makes `data/<day>/<fan>` and whatever is missing above it, durably, once in the life of this process.
    fn make_durable(&self, directory: &Path) -> io::Result<()> {
        let mut durable = self.durable();
        if durable.contains(directory) {
            return Ok(());
        }
        // Directories of former days are not asked for again.
        if durable.len() > 1024 {
            durable.clear();
        }
        let missing: Vec<&Path> = directory
            .ancestors()
            .take_while(|ancestor| ancestor.starts_with(&self.root) && !durable.contains(*ancestor))
            .collect();
        for directory in missing.into_iter().rev() {
            match std::fs::create_dir(directory) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                Ok(()) | Err(_) => {}
            }
            sync_directory(directory.parent().unwrap_or(directory))?;
            durable.insert(directory.to_owned());
        }
        Ok(())
    }

    fn unfinished(&self) -> MutexGuard<'_, HashSet<BlobId>> {
        self.unfinished.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn durable(&self) -> MutexGuard<'_, HashSet<PathBuf>> {
        self.durable.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes the entries of a directory durable.
///
/// # Errors
/// The disk is faulty.
pub(super) fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

#[cfg(test)]
mod tests {
    use portcullis_domain::ManualClock;

    use super::*;

    fn blobs(directory: &Path) -> Arc<Blobs> {
        let now = "2026-11-21T08:30:00Z".parse().unwrap();
        Arc::new(Blobs::new(directory.join("data"), 0, Arc::new(ManualClock::at(now))))
    }

    #[test]
    fn the_path_follows_from_the_name() {
        let directory = tempfile::tempdir().unwrap();
        let blobs = blobs(directory.path());
        let blob = blobs.create(None).unwrap();
        let path = blobs.path(blob.id());
        assert!(path.is_file());
        let relative = path.strip_prefix(directory.path()).unwrap().to_str().unwrap();
        assert!(relative.starts_with("data/20261121/"), "{relative}");
        assert_eq!(BlobId::parse(path.file_name().unwrap().to_str().unwrap()), Some(blob.id()));
        assert_eq!(BlobId::from_bytes(blob.id().to_bytes()), blob.id());
        assert_eq!(BlobId::parse("README"), None);
    }

    #[test]
    fn what_is_not_kept_goes() {
        let directory = tempfile::tempdir().unwrap();
        let blobs = blobs(directory.path());
        let mut blob = blobs.create(Some(3)).unwrap();
        blob.write(b"abc").unwrap();
        blob.sync().unwrap();
        let (id, path) = (blob.id(), blobs.path(blob.id()));
        assert!(blobs.is_unfinished(id));
        let mut linked = blobs.link(id).unwrap();
        linked.keep();
        let kept = blobs.path(linked.id());
        drop((blob, linked));
        assert!(!path.exists());
        assert!(!blobs.is_unfinished(id));
        assert_eq!(std::fs::read(kept).unwrap(), b"abc");
        assert_eq!(blobs.link(id).unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn a_file_that_cannot_fit_is_refused_before_its_first_byte() {
        let directory = tempfile::tempdir().unwrap();
        let blobs = blobs(directory.path());
        assert_eq!(blobs.create(Some(u64::MAX)).unwrap_err().kind(), io::ErrorKind::StorageFull);
        let reserved =
            Arc::new(Blobs::new(directory.path().join("data"), u64::MAX, Arc::clone(&blobs.clock)));
        assert_eq!(reserved.create(None).unwrap_err().kind(), io::ErrorKind::StorageFull);
    }
}
