//! Where a message waits until all of it has come: files without a name, so that nothing of it is left whatever happens.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sha2::{Digest as _, Sha256};
use tokio::io::AsyncWriteExt as _;
use tokio::task::spawn_blocking;

use crate::mail::Spooled;

/// What is collected before it is written.
const PIECE: usize = 256 * 1024;

/// A directory for messages on their way, and how much all of them may take. Clones share both.
#[derive(Clone, Debug)]
pub struct Spool {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    dir: PathBuf,
    most: u64,
    used: AtomicU64,
}

/// Why a message cannot wait here.
#[derive(Debug)]
pub(super) enum SpoolFault {
    /// The messages on their way take all that they may, or the disk is full.
    Full,
    /// The disk fails.
    Failed(io::Error),
}

impl From<io::Error> for SpoolFault {
    fn from(error: io::Error) -> Self {
        if matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) {
            Self::Full
        } else {
            Self::Failed(error)
        }
    }
}

impl Spool {
    /// Makes the directory, for its owner alone, and tries it. All messages in it together may take `most` bytes. Blocks.
    ///
    /// # Errors
    /// If files cannot be made there.
    pub fn open(dir: &Path, most: u64) -> io::Result<Self> {
        fs::create_dir_all(dir)?;
        for_its_owner(dir)?;
        drop(tempfile::tempfile_in(dir)?);
        Ok(Self { inner: Arc::new(Inner { dir: dir.to_owned(), most, used: AtomicU64::new(0) }) })
    }

    /// Whether so much would fit now.
    pub(super) fn has_room(&self, bytes: u64) -> bool {
        self.inner.used.load(Ordering::Relaxed).saturating_add(bytes) <= self.inner.most
    }

    /// A message begins.
    pub(super) async fn begin(&self) -> Result<Draft, SpoolFault> {
        let spool = self.clone();
        let made = spawn_blocking(move || tempfile::tempfile_in(&spool.inner.dir)).await;
        let file = made.map_err(io::Error::other)??;
        Ok(Draft {
            file: tokio::fs::File::from_std(file),
            room: Room { of: self.clone(), bytes: 0 },
            hash: Sha256::new(),
            length: 0,
            piece: Vec::new(),
        })
    }
}

#[cfg(unix)]
fn for_its_owner(dir: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(dir, fs::Permissions::from_mode(0o700))
}

#[cfg(not(unix))]
fn for_its_owner(_: &Path) -> io::Result<()> {
    Ok(())
}

/// What a message takes of the spool, until this is dropped.
#[derive(Debug)]
pub(super) struct Room {
    of: Spool,
    bytes: u64,
}

impl Room {
    fn grow(&mut self, bytes: u64) -> Result<(), SpoolFault> {
        let inner = &self.of.inner;
        let more = |used: u64| used.checked_add(bytes).filter(|used| *used <= inner.most);
        let grown = inner.used.try_update(Ordering::Relaxed, Ordering::Relaxed, more);
        grown.map_err(|_| SpoolFault::Full)?;
        self.bytes += bytes;
        Ok(())
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.of.inner.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// A message that is coming.
#[derive(Debug)]
pub(super) struct Draft {
    file: tokio::fs::File,
    room: Room,
    hash: Sha256,
    length: u64,
    /// What came and was not written yet.
    piece: Vec<u8>,
}

impl Draft {
    /// How many bytes it has.
    pub(super) fn length(&self) -> u64 {
        self.length + counted(self.piece.len())
    }

    /// Where to put what comes; [`Draft::settle`] is to be called after.
    pub(super) const fn piece(&mut self) -> &mut Vec<u8> {
        &mut self.piece
    }

    /// Writes what was put, if it is enough.
    pub(super) async fn settle(&mut self) -> Result<(), SpoolFault> {
        if self.piece.len() < PIECE { Ok(()) } else { self.write().await }
    }

    async fn write(&mut self) -> Result<(), SpoolFault> {
        let bytes = counted(self.piece.len());
        self.room.grow(bytes)?;
        self.hash.update(&self.piece);
        self.file.write_all(&self.piece).await?;
        self.length += bytes;
        self.piece.clear();
        Ok(())
    }

    /// All has come. The room is taken until what is given beside the message is dropped.
    pub(super) async fn finish(mut self) -> Result<(Spooled, Room), SpoolFault> {
        self.write().await?;
        self.file.flush().await?;
        let file: File = self.file.into_std().await;
        Ok((Spooled { file, length: self.length, sha256: self.hash.finalize().into() }, self.room))
    }
}

/// A number of bytes in memory.
pub(super) fn counted(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Seek as _};

    use super::*;

    async fn write(spool: &Spool, bytes: &[u8]) -> Result<(Spooled, Room), SpoolFault> {
        let mut draft = spool.begin().await?;
        for piece in bytes.chunks(100_000) {
            draft.piece().extend_from_slice(piece);
            draft.settle().await?;
        }
        assert_eq!(draft.length(), counted(bytes.len()));
        draft.finish().await
    }

    #[tokio::test]
    async fn what_comes_is_what_waits_and_nothing_has_a_name() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("mail");
        let spool = Spool::open(&dir, u64::MAX).unwrap();
        let bytes: Vec<u8> = (0..=250).cycle().take(1_000_000).collect();
        let (mut spooled, _room) = write(&spool, &bytes).await.unwrap();
        let mut read = Vec::new();
        spooled.file.rewind().unwrap();
        spooled.file.read_to_end(&mut read).unwrap();
        assert!(read == bytes && spooled.length == 1_000_000);
        assert_eq!(spooled.sha256, <[u8; 32]>::from(Sha256::digest(&bytes)));
        assert_eq!(fs::read_dir(&dir).unwrap().count(), 0);
        let (empty, _) = write(&spool, b"").await.unwrap();
        assert_eq!((empty.length, empty.sha256), (0, Sha256::digest(b"").into()));
    }

    #[tokio::test]
    async fn all_of_them_have_so_much_room_and_give_it_back() {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::open(&folder.path().join("mail"), 1_000_000).unwrap();
        let first = write(&spool, &[0; 600_000]).await.unwrap();
        assert!(spool.has_room(400_000) && !spool.has_room(400_001));
        assert!(matches!(write(&spool.clone(), &[0; 400_001]).await, Err(SpoolFault::Full)));
        let second = write(&spool, &[0; 400_000]).await.unwrap();
        assert!(!spool.has_room(1));
        drop((first, second));
        assert!(spool.has_room(1_000_000));
    }
}
