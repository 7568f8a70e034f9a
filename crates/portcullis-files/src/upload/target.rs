//! What an upload will become.

use std::sync::Arc;

use portcullis_access::{
    ContentHeaders, EtagCondition, PutOptions, PutOutcome, Tags, UploadOptions, WriteConditions, Written,
};
use portcullis_domain::{ObjectKey, Timestamp};
use tokio_util::task::TaskTracker;

use crate::memory::Mine;
use crate::place::Spot;
use crate::tree::Tree;
use crate::{Entry, FileError, Kind, Result};

/// What was stored, and the proof of it for a caller who may do nothing else with it.
#[derive(Debug)]
pub(crate) struct Stored {
    pub(crate) outcome: PutOutcome,
    pub(crate) written: Option<Written>,
}

impl From<(PutOutcome, Written)> for Stored {
    fn from((outcome, written): (PutOutcome, Written)) -> Self {
        Self { outcome, written: Some(written) }
    }
}

/// The file that an upload becomes.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) tree: Tree,
    pub(crate) spot: Spot,
    pub(crate) key: ObjectKey,
    /// All bytes, those before the offset included, if that is known.
    pub(crate) length: Option<u64>,
    pub(crate) resumable: bool,
    pub(crate) conditions: WriteConditions,
    /// What has to be there still, if the storage does not decide it itself.
    pub(crate) watched: Option<EtagCondition>,
    pub(crate) content: ContentHeaders,
    pub(crate) tags: Tags,
    pub(crate) modified: Option<Timestamp>,
    /// Whether `modified` was told too late to go with the bytes.
    pub(crate) late: bool,
}

impl Target {
    pub(super) fn tasks(&self) -> &TaskTracker {
        self.tree.tasks()
    }

    pub(super) fn set_modified(&mut self, modified: Timestamp, sent: bool) {
        self.late |= sent && self.modified != Some(modified);
        self.modified = Some(modified);
    }

    /// What is kept with it.
    fn content(&self) -> ContentHeaders {
        let mut content = self.content.clone();
        if let Some(modified) = self.modified {
            content.set_user_modified(Some(modified));
        }
        content
    }

    pub(super) fn put_options(&self) -> PutOptions {
        PutOptions {
            length: self.length,
            content: self.content(),
            conditions: self.conditions.clone(),
            ..PutOptions::default()
        }
    }

    pub(super) fn upload_options(&self) -> UploadOptions {
        UploadOptions { content: self.content(), tags: self.tags.clone(), ..UploadOptions::default() }
    }

    /// Looks whether what has to be there still is, where the storage does not do that itself.
    pub(super) async fn unchanged(&self) -> Result<()> {
        let Some(watched) = &self.watched else { return Ok(()) };
        match self.spot.head(self.key.clone()).await? {
            Some(meta) if watched.matches(&meta.etag) => Ok(()),
            Some(_) | None => Err(FileError::Changed),
        }
    }

    /// An error as it is told. A condition that fails though none was set is the storage's: this key may only create.
    pub(super) fn told(&self, error: FileError) -> FileError {
        let none_set = self.conditions.is_empty() && self.watched.is_none();
        if matches!(error, FileError::Changed) && none_set {
            FileError::Exists
        } else if matches!(error, FileError::NotFound) {
            FileError::Changed
        } else {
            error
        }
    }

    /// Notes what is to be noted of what was stored.
    pub(super) async fn stored(self, stored: Stored) -> Result<Entry> {
        let Stored { outcome, written } = stored;
        let storage = self.spot.storage();
        let mut modified = self.modified.unwrap_or(outcome.modified);
        let content_type = self.content.content_type.clone();
        if self.spot.is_blind(&self.key) {
            let (size, etag) = (outcome.size, outcome.etag);
            let mine = Mine { size, etag, modified, content_type, written: written.map(Arc::new) };
            self.tree.memory().wrote(storage, self.key.as_str(), mine.clone());
            return Ok(mine.entry(self.spot.name()));
        }
        if self.late {
            let content = self.content();
            let outcome = self.spot.replace_content(&self.key, content, &outcome.etag).await;
            // The file is there and whole; its time is not worth telling the client that it is not.
            if let Err(error) = outcome {
                tracing::debug!(%error, "the time of a file that was uploaded could not be set");
                modified = self.spot.head(self.key.clone()).await?.map_or(modified, |meta| meta.modified);
            }
        }
        let kind = Kind::File { size: outcome.size, etag: outcome.etag, content_type, archived: false };
        Ok(Entry { name: self.spot.name().to_owned(), kind, modified: Some(modified) })
    }
}
