//! Where parts wait that come before the envelope that says what they are.

use std::fs::{DirBuilder, File};
use std::io::{self, SeekFrom};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use tokio::fs;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _, AsyncWriteExt as _};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::fault::RelatedFault;

/// Room is given out in pieces of this many bytes.
const UNIT: u64 = 64 * 1024;
/// The most bytes of all requests together.
const ALL: u64 = 1024 * 1024 * 1024;
/// The most bytes of one request.
const ONE: u64 = 256 * 1024 * 1024;
/// The most parts of one request.
const PARTS: usize = 10;
/// Read from a file at a time.
const PIECE: usize = 64 * 1024;

/// A directory for files without a name, and the room in it: 1 GiB, of which a request has 256 MiB at most. What is in such a file is
/// gone with the process.
#[derive(Debug)]
pub(crate) struct Spool {
    dir: PathBuf,
    room: Arc<Semaphore>,
    one: u64,
}

/// The parts of one request that wait.
#[derive(Debug)]
pub(super) struct Waiting {
    spool: Arc<Spool>,
    parts: Vec<(String, fs::File)>,
    length: u64,
    /// The room that they have, in units.
    taken: Option<OwnedSemaphorePermit>,
}

impl Spool {
    /// Room in this directory, which is made when it is first needed.
    pub(crate) fn new(dir: PathBuf) -> Arc<Self> {
        Self::with(dir, ALL, ONE)
    }

    pub(super) fn with(dir: PathBuf, all: u64, one: u64) -> Arc<Self> {
        let units = usize::try_from(all / UNIT).unwrap_or(Semaphore::MAX_PERMITS);
        Arc::new(Self { dir, room: Arc::new(Semaphore::new(units.min(Semaphore::MAX_PERMITS))), one })
    }
}

impl Waiting {
    pub(super) fn new(spool: &Arc<Spool>) -> Self {
        Self { spool: Arc::clone(spool), parts: Vec::new(), length: 0, taken: None }
    }

    /// A place for the part with this content id, to be filled with [`Self::write`].
    ///
    /// # Errors
    /// `TooLarge` if too many wait already, `Unavailable` if no file can be made.
    pub(super) async fn begin(&mut self, id: String) -> Result<(), RelatedFault> {
        if self.parts.len() == PARTS {
            return Err(RelatedFault::TooLarge(
                "Send the part with the envelope first: only 10 parts may come before it.",
            ));
        }
        let dir = self.spool.dir.clone();
        let made = tokio::task::spawn_blocking(move || unnamed(&dir)).await;
        let file = made.map_err(io::Error::other).flatten().map_err(|error| trouble(&error))?;
        self.parts.push((id, fs::File::from_std(file)));
        Ok(())
    }

    /// More bytes of the part that was begun last.
    ///
    /// # Errors
    /// `TooLarge` if the request has no more room, `Unavailable` if nobody has.
    pub(super) async fn write(&mut self, piece: &Bytes) -> Result<(), RelatedFault> {
        self.take(piece.len())?;
        let Some((_, file)) = self.parts.last_mut() else { return Ok(()) };
        file.write_all(piece).await.map_err(|error| trouble(&error))
    }

    fn take(&mut self, more: usize) -> Result<(), RelatedFault> {
        self.length = self.length.saturating_add(u64::try_from(more).unwrap_or(u64::MAX));
        if self.length > self.spool.one {
            return Err(RelatedFault::TooLarge(
                "Send the part with the envelope first: only 256 MiB of parts may come before it.",
            ));
        }
        let has = self.taken.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let needed = usize::try_from(self.length.div_ceil(UNIT)).unwrap_or(usize::MAX);
        let Some(missing) = needed.checked_sub(has).filter(|missing| *missing > 0) else { return Ok(()) };
        let missing = u32::try_from(missing).map_err(|_| RelatedFault::Unavailable)?;
        let room = Arc::clone(&self.spool.room).try_acquire_many_owned(missing);
        let room = room.map_err(|_| RelatedFault::Unavailable)?;
        match &mut self.taken {
            Some(taken) => taken.merge(room),
            None => self.taken = Some(room),
        }
        Ok(())
    }

    /// The part with this content id, from its beginning; none if it is not among those that wait.
    ///
    /// # Errors
    /// `Unavailable` if its file cannot be read.
    pub(super) async fn part(
        &mut self,
        is_wanted: impl Fn(&str) -> bool,
    ) -> Result<Option<fs::File>, RelatedFault> {
        let Some(at) = self.parts.iter().position(|(id, _)| is_wanted(id)) else { return Ok(None) };
        let (_, mut file) = self.parts.swap_remove(at);
        let rewound = async {
            file.flush().await?;
            file.seek(SeekFrom::Start(0)).await
        };
        rewound.await.map_err(|error| trouble(&error))?;
        Ok(Some(file))
    }
}

/// The next piece of a part that waited; none at its end.
///
/// # Errors
/// `Unavailable` if its file cannot be read.
pub(super) async fn next_piece(file: &mut fs::File) -> Result<Option<Bytes>, RelatedFault> {
    let mut piece = BytesMut::with_capacity(PIECE);
    let read = file.read_buf(&mut piece).await.map_err(|error| trouble(&error))?;
    Ok(Some(piece.freeze()).filter(|_| read > 0))
}

fn unnamed(dir: &Path) -> io::Result<File> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    tempfile::tempfile_in(dir)
}

fn trouble(error: &io::Error) -> RelatedFault {
    tracing::error!(%error, "a part of a request cannot be kept until its envelope comes");
    RelatedFault::Unavailable
}
