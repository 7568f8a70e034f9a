//! Writing a file.

use bytes::Bytes;
use portcullis_access::ContentHeaders;
use portcullis_domain::Timestamp;

use crate::upload::State;
use crate::{Entry, FileError, Result};

/// How to write.
#[derive(Clone, Debug, Default)]
pub struct WriteOptions {
    /// Bytes that will come, if that is known; checked at the end.
    pub length: Option<u64>,
    /// Where the first byte that comes belongs. More than 0 goes on: with an upload of this key that broke off if one is kept and has
    /// just so many bytes, else with a file of just so many bytes, which is replaced as a whole when the upload ends.
    pub offset: u64,
    /// Whether what has come is kept when it breaks off, to be gone on with.
    pub resumable: bool,
    /// Only if nothing is there (`Some(None)`) or what is there has one of these entity tags.
    pub only_if: Option<Option<Vec<portcullis_access::Etag>>>,
    /// Whether the folder that it is in must be there.
    pub parent_needed: bool,
    /// What to keep with it.
    pub content: ContentHeaders,
    /// When its writer last modified it.
    pub modified: Option<Timestamp>,
}

/// A file on its way up. It is a file when [`Upload::finish`] has returned; if it is dropped, nothing changed.
#[derive(Debug)]
pub struct Upload {
    state: State,
}

impl Upload {
    pub(crate) fn new(state: State) -> Self {
        Self { state }
    }

    /// Bytes so far, those before the offset included.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.state.position()
    }

    /// Takes the next bytes. Returns when there is room for more. Whoever stops waiting for it ends the upload, as an error does.
    ///
    /// # Errors
    /// Whatever ended the upload: [`FileError::Denied`] if the right is gone,
    /// [`FileError::Full`], [`FileError::TooLarge`].
    pub async fn write(&mut self, bytes: Bytes) -> Result<()> {
        self.state.write(bytes).await
    }

    /// Waits until the upload ends by itself, and says why: the right was taken away, or the storage is full. For whoever waits for
    /// the next bytes of a client that sends none, to wait for both. It may be given up at any time and begun again.
    pub async fn ended(&mut self) -> FileError {
        self.state.ended().await
    }

    /// When its writer last modified it, if that is told after the bytes.
    pub fn set_modified(&mut self, modified: Timestamp) {
        self.state.set_modified(modified);
    }

    /// Makes it a file. When this returns it is durable and visible, and whatever was there is replaced.
    ///
    /// # Errors
    /// As [`Upload::write`]; [`FileError::Mismatch`], [`FileError::Changed`].
    pub async fn finish(self) -> Result<Entry> {
        self.state.finish().await
    }

    /// Gives it up: nothing of it is kept, not even to be gone on with.
    pub async fn abandon(self) {
        self.state.abandon().await;
    }
}
