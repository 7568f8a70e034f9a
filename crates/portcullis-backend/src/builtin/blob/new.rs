//! Files that are being written.

use std::fs::File;
use std::io::{self, Write as _};
use std::sync::Arc;

use super::{BlobId, Blobs};

/// A file that no row refers to yet. Unless it is [kept](NewBlob::keep), it is removed when this goes, whoever drops it:
/// a client that went away, a refused condition, an error.
#[derive(Debug)]
pub(in super::super) struct NewBlob {
    id: BlobId,
    file: Option<File>,
    kept: bool,
    blobs: Arc<Blobs>,
}

impl NewBlob {
    pub(super) const fn new(id: BlobId, blobs: Arc<Blobs>) -> Self {
        Self { id, file: None, kept: false, blobs }
    }

    /// The file is there.
    pub(super) fn open(&mut self, file: File) {
        self.file = Some(file);
    }

    pub(in super::super) const fn id(&self) -> BlobId {
        self.id
    }

    /// Appends bytes.
    ///
    /// # Errors
    /// The disk is full or faulty.
    pub(in super::super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.file {
            Some(file) => file.write_all(bytes),
            None => Err(io::Error::other("the file is closed")),
        }
    }

    /// Makes bytes and name durable. A failed sync is final: the kernel may have dropped what it could not write.
    ///
    /// # Errors
    /// The disk is full or faulty.
    pub(in super::super) fn sync(&mut self) -> io::Result<()> {
        self.sync_data()?;
        self.blobs.sync_directories(std::iter::once(self.id))
    }

    /// Takes all bytes of another file, durably but for the name.
    pub(super) fn copy_from(&mut self, source: &mut File) -> io::Result<()> {
        if let Some(file) = &mut self.file {
            io::copy(source, file)?;
        }
        self.sync_data()
    }

    fn sync_data(&mut self) -> io::Result<()> {
        self.file.take().map_or(Ok(()), |file| file.sync_data())
    }

    /// From here on a row may refer to the file: it is no longer removed with this. What a commit with an unknown
    /// outcome leaves behind is for the sweep, which does not touch it while this lives.
    pub(in super::super) const fn keep(&mut self) {
        self.kept = true;
    }
}

impl Drop for NewBlob {
    fn drop(&mut self) {
        let (id, blobs, kept) = (self.id, Arc::clone(&self.blobs), self.kept);
        if kept {
            blobs.unfinished().remove(&id);
            return;
        }
        drop(self.file.take());
        let remove = move || {
            if let Err(error) = blobs.remove(id) {
                tracing::warn!(%error, "the file of a cut-off upload stays until the next sweep");
            }
            blobs.unfinished().remove(&id);
        };
        // Removing a large file takes the file system a while.
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(remove)),
            Err(_) => remove(),
        }
    }
}
