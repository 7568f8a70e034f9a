//! Several files that are stored all or none: what a message becomes.
//!
//! The ledger in the database knows a message from its claim on: *pending* while its files are stored one after the other, each under a name that
//! was reserved before; *done* when all of them are there. Whoever stores keeps the claim alive; once its time is over, because the process or its
//! machine is gone, somebody else makes sure that it cannot become done any more, takes back what is there and forgets it. What is taken back is
//! recognised by the word of the delivery, which every object of it carries, so it needs no key that still lives.

mod begin;
mod file;
mod name;
mod undo;

use std::time::Duration;

use portcullis_access::{Batch, Deliveries, DeliveryFile, Reserved, VersionId};
use portcullis_domain::Timestamp;
use tokio::task::JoinHandle;

use crate::place::Spot;
use crate::{Entry, FileError, Result, Tree, TreePath};

pub use file::DeliveredFile;
pub use undo::{keep_deliveries, undo_left};

/// How long nobody else touches a delivery after its last sign of life.
const LEASE: Duration = Duration::from_secs(5 * 60);
/// How often there is one.
const SIGN: Duration = Duration::from_secs(30);
/// How long it is known that a message was delivered.
const KNOWN: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// What is delivered, and where to.
#[derive(Clone, Debug)]
pub struct DeliveryId {
    /// What its sender calls it: a `Message-ID`, or an empty text.
    pub message: String,
    /// The SHA-256 of all of it.
    pub content: [u8; 32],
    /// The folders that its files go to, at least one; equal ones count once.
    pub folders: Vec<TreePath>,
    /// The most that the caller may deliver in an hour.
    pub per_hour: u32,
}

/// What became of the wish to deliver.
#[derive(Debug)]
pub enum Begun {
    /// It is to be stored.
    New(Delivery),
    /// It was delivered before, within the last 30 days, and nothing is to be done.
    Done {
        /// The files that it became.
        files: u32,
    },
    /// It is being stored at this moment, by somebody else; later it is known what became of it.
    Busy,
    /// The caller has delivered as many in the last hour as they may.
    TooMany {
        /// When there is room for another.
        retry_after: Duration,
    },
}

/// A delivery under way: files under names that were free, which are all there once [`Delivery::commit`] has returned. Dropped before, it is
/// undone by a task of its tree.
#[derive(Debug)]
pub struct Delivery {
    folders: Vec<TreePath>,
    /// None once it is settled.
    work: Option<Work>,
}

/// What there is to do, and to undo.
#[derive(Debug)]
struct Work {
    tree: Tree,
    batch: Batch,
    ledger: Deliveries,
    places: Vec<Place>,
    names: Vec<Name>,
    /// The last step of a file, which ends though nobody waits for it: until then it is not known what there is to undo.
    ending: Option<JoinHandle<Result<(Entry, VersionId)>>>,
    /// The last sign of life.
    signed: Timestamp,
    /// Whether every file that was begun is there.
    sound: bool,
}

/// A name that was reserved.
#[derive(Clone, Debug)]
struct Name {
    file: DeliveryFile,
    /// Whether it is known that the file is there, or that it is not and will not be.
    certain: bool,
}

/// A folder that files go to.
#[derive(Debug)]
struct Place {
    spot: Spot,
    digest: [u8; 32],
    /// Files stored.
    files: u32,
}

impl Delivery {
    /// Where it is to be stored: the folders that were named but for those that have it already. Each file is stored in each of them.
    #[must_use]
    pub fn folders(&self) -> &[TreePath] {
        &self.folders
    }

    /// Makes all of its files stay, and says how many there are. If this fails nothing stays, at once or as soon as the storage and the
    /// database answer again.
    ///
    /// # Errors
    /// [`FileError::Unavailable`], also if it took so long between two files that somebody else has undone it; [`FileError::Broken`] if the
    /// last file that was begun was not finished.
    pub async fn commit(mut self) -> Result<u32> {
        let Some(work) = &self.work else { return Err(FileError::Broken) };
        if !work.sound {
            self.undone().await;
            return Err(FileError::Broken);
        }
        let files: Vec<_> = work.places.iter().map(|place| (place.digest, place.files)).collect();
        let count = files.iter().fold(0u32, |sum, (_, files)| sum.saturating_add(*files));
        let until = work.tree.access().now().after(KNOWN);
        match work.ledger.commit(work.batch.word(), &files, until).await {
            Ok(true) => {
                self.work = None;
                return Ok(count);
            }
            Ok(false) => tracing::warn!("a delivery took too long, and was undone"),
            // It may have happened; the ledger knows.
            Err(error) => tracing::warn!(%error, "a delivery could not be ended"),
        }
        if self.undone().await { Ok(count) } else { Err(FileError::Unavailable) }
    }

    /// Undoes it, and waits for that.
    pub async fn abandon(mut self) {
        self.undone().await;
    }

    /// Undoes it; true if it turns out to be stored.
    async fn undone(&mut self) -> bool {
        let Some(work) = self.work.take() else { return false };
        let tasks = work.tree.tasks().clone();
        // In a task: whoever waits for it may go.
        tasks.spawn(work.undo()).await.unwrap_or(false)
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        let Some(work) = self.work.take() else { return };
        // Outside of a runtime it is left to those who look for what was left.
        if tokio::runtime::Handle::try_current().is_ok() {
            let tasks = work.tree.tasks().clone();
            tasks.spawn(work.undo());
        }
    }
}

impl Work {
    /// Gives a sign of life if the last one is a while ago.
    async fn sign(&mut self) -> Result<()> {
        let now = self.tree.access().now();
        if now < self.signed.after(SIGN) {
            return Ok(());
        }
        let goes_on = self.ledger.renew(self.batch.word(), now.after(LEASE)).await;
        self.signed = now;
        if goes_on.map_err(portcullis_access::AccessError::from)? { Ok(()) } else { Err(over()) }
    }

    /// Reserves a name; false if another delivery has it.
    async fn reserve(&mut self, spot: &Spot) -> Result<bool> {
        let (storage, object, now) = (spot.storage(), spot.key()?, self.tree.access().now());
        let name = self.ledger.reserve(self.batch.word(), (storage, &object), now.after(LEASE)).await;
        self.signed = now;
        match name.map_err(portcullis_access::AccessError::from)? {
            Reserved::Yes => {
                let (batch, upload) = (self.batch.word().to_owned(), String::new());
                let file = DeliveryFile { batch, storage, object, upload, version: String::new() };
                self.names.push(Name { file, certain: true });
                Ok(true)
            }
            Reserved::Taken => Ok(false),
            Reserved::Over => Err(over()),
        }
    }
}

fn over() -> FileError {
    tracing::warn!("a delivery took too long, and was undone");
    FileError::Unavailable
}
