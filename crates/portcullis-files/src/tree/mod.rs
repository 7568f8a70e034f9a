//! The tree, and how it is asked.

mod change;
mod folder;
mod listing;
pub(crate) mod look;
mod remove;
mod transfer;
mod transfer_folder;

use std::pin::Pin;
use std::sync::Arc;

use futures_core::Stream;
use portcullis_access::{Access, List, Principal, ReadConditions};
use portcullis_domain::StorageId;
use tokio_util::task::TaskTracker;

use crate::memory::Memory;
use crate::place::{Place, or_nothing, prefix};
use crate::{Entry, FileError, Result, Space, TreePath};

pub use change::UserChange;

/// What is at the top of a tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Top {
    /// What is the caller's: the one storage of their key, or the folder of it; else as `Storages`.
    Home,
    /// The storages that the caller may enter, by bucket name.
    Storages,
}

/// How a tree is made.
#[derive(Clone, Debug)]
pub struct TreeConfig {
    /// What is at its top.
    pub top: Top,
    /// Where uploads under way are tasks.
    pub tasks: TaskTracker,
}

/// Entries as they come, in the order of their keys.
pub type ListStream = Pin<Box<dyn Stream<Item = Result<Entry>> + Send>>;

/// How to open a file for reading.
#[derive(Clone, Debug, Default)]
pub struct OpenOptions {
    /// Only if. One that does not hold, whichever it is, is [`FileError::Changed`].
    pub conditions: ReadConditions,
}

/// What a rename or a copy does if something is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IfThere {
    /// It is refused.
    Refuse,
    /// A file replaces a file, in one step. A folder is never replaced.
    Replace,
}

/// How much of a folder is copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CopyDepth {
    /// The folder itself, empty.
    Itself,
    /// With everything in it.
    All,
}

/// One caller's view of what they reach. Cheap to clone; one per session, since it remembers what a caller who may only write has written.
#[derive(Clone, Debug)]
pub struct Tree {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    access: Access,
    who: Principal,
    config: TreeConfig,
    memory: Memory,
}

impl Tree {
    /// The most files that a folder holds which is renamed or copied; one with a provider may hold a tenth of that, since each is a request.
    pub const MOST_COPIED: usize = 10_000;

    /// The tree of this caller.
    #[must_use]
    pub fn new(access: Access, who: Principal, config: TreeConfig) -> Self {
        Self { inner: Arc::new(Inner { access, who, config, memory: Memory::default() }) }
    }

    /// Whose it is.
    #[must_use]
    pub fn principal(&self) -> &Principal {
        &self.inner.who
    }

    pub(crate) fn access(&self) -> &Access {
        &self.inner.access
    }

    pub(crate) fn top(&self) -> Top {
        self.inner.config.top
    }

    pub(crate) fn tasks(&self) -> &TaskTracker {
        &self.inner.config.tasks
    }

    /// What this tree has written and may not look at.
    pub(crate) fn memory(&self) -> &Memory {
        &self.inner.memory
    }

    /// The storage and the key that a path names, whether or not anything is there; of a folder without the `/` at its end, and empty for
    /// the top of a storage. One and the same for a thing, whatever it is reached by.
    ///
    /// # Errors
    /// [`FileError::NotFound`] for the top of all storages and for names that mean nothing; [`FileError::Denied`] if the caller may
    /// not enter the storage.
    pub async fn place(&self, path: &TreePath) -> Result<(StorageId, String)> {
        match self.locate(path).await? {
            Place::Storages => Err(FileError::NotFound),
            Place::In(spot) => {
                let inside = spot.inside();
                Ok((spot.storage(), inside.strip_suffix('/').unwrap_or_default().to_owned()))
            }
        }
    }

    /// Whether this caller may put here and can neither list nor look, and so is told of nothing that this tree did not write.
    ///
    /// # Errors
    /// As [`Tree::place`]; it is not an error to ask it of the top of all storages.
    pub async fn only_writes(&self, path: &TreePath) -> Result<bool> {
        let Place::In(spot) = self.locate(path).await? else { return Ok(false) };
        let inside = spot.inside();
        let below = spot.sources(&inside)?;
        let keys = below.iter().filter_map(|source| match source {
            crate::place::Source::Keys(prefix) => Some(prefix),
            crate::place::Source::Lead(_) => None,
        });
        let mut keys = keys.peekable();
        if keys.peek().is_some() {
            return Ok(keys.all(|prefix| spot.is_blind_in(prefix)));
        }
        Ok(below.is_empty() && spot.key().is_ok_and(|key| spot.is_blind(&key)))
    }

    /// How much room the storage has in which this is.
    ///
    /// # Errors
    /// `NotFound`, `Denied`.
    pub async fn space(&self, path: &TreePath) -> Result<Space> {
        let Place::In(spot) = self.locate(path).await? else {
            return Err(FileError::Unsupported("each storage has room of its own"));
        };
        // Clients ask this again and again; who may not know is not written down for it each time.
        if !spot.at.permits::<List>(&prefix("")?) {
            return Err(FileError::Denied);
        }
        let used = spot.at.usage().await?.stored_bytes();
        let left = spot.at.storage().quota_bytes.map(|quota| quota.saturating_sub(used));
        let fits = or_nothing(spot.at.available().await)?.flatten();
        let available = match (left, fits) {
            (Some(left), Some(fits)) => Some(left.min(fits)),
            (left, fits) => left.or(fits),
        };
        Ok(Space { used, available })
    }
}
