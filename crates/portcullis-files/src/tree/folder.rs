//! Making folders, and keeping them when they become empty.

use bytes::Bytes;
use portcullis_access::{AccessError, BackendErrorKind, Body, Get, List, Put, PutOptions, WriteConditions};

use super::Tree;
use crate::place::{Spot, key, prefix};
use crate::{FileError, Result, TreePath};

impl Tree {
    /// Makes an empty folder.
    ///
    /// # Errors
    /// `Exists`, `NoParent`, `Denied`, `Escaped`.
    pub async fn make_folder(&self, path: &TreePath) -> Result<()> {
        let spot = self.new_spot(path).await?;
        if spot.is_top() {
            return Err(FileError::Exists);
        }
        let (inside, marker) = (spot.inside(), key(&spot.inside())?);
        if spot.is_blind(&marker) {
            return match spot.is_plain() {
                true if self.memory().made(spot.storage(), &inside) => Ok(()),
                true => Err(FileError::Exists),
                false => Err(FileError::Escaped),
            };
        }
        if !spot.at.permits::<Put>(&marker) {
            // Before anything is looked at: the refusal is what is written down.
            drop(spot.at.grant::<Put>(marker)?);
            return Err(FileError::Denied);
        }
        if self.stat_in(&spot).await?.is_some() {
            return Err(FileError::Exists);
        }
        if !spot.is_plain() {
            return Err(FileError::Escaped);
        }
        self.need_parent(&spot).await?;
        match spot.put_marker(true).await {
            Err(FileError::Changed) => Err(FileError::Exists),
            other => other,
        }
    }

    /// Refuses a place in a folder that is not there.
    pub(crate) async fn need_parent(&self, spot: &Spot) -> Result<()> {
        if spot.has_parent().await? { Ok(()) } else { Err(FileError::NoParent) }
    }

    /// Sees to it that the folder in which something was stays when it was the last in there, where the caller may put.
    pub(crate) async fn keep_parent(&self, spot: &Spot) -> Result<()> {
        let above = spot.above();
        // The top needs nothing to be there.
        if above.is_in_top() {
            return Ok(());
        }
        let (keys, marker) = (prefix(&above.folder)?, key(&above.folder)?);
        if !above.at.permits::<List>(&keys) || !above.at.permits::<Put>(&marker) {
            return Ok(());
        }
        if !above.first(keys, 1).await?.is_empty() {
            return Ok(());
        }
        match above.put_marker(true).await {
            // Somebody was faster, and it is there.
            Ok(()) | Err(FileError::Changed | FileError::Exists) => Ok(()),
            // What was asked for is done; the folder is gone, as it would be without this.
            Err(error) => {
                tracing::debug!(%error, "a folder that became empty was not kept");
                Ok(())
            }
        }
    }
}

impl Spot {
    /// Whether the folder that this is in is there.
    pub(crate) async fn has_parent(&self) -> Result<bool> {
        if self.is_in_top() {
            return Ok(true);
        }
        Ok(self.look_inside(&self.folder).await?.is_some())
    }

    /// Puts the marker of this folder. `new` says that there must be none; it is only said where the storage decides it.
    pub(crate) async fn put_marker(&self, new: bool) -> Result<()> {
        let marker = key(&self.inside())?;
        let decides = self.at.capabilities().conditional_puts && self.at.permits::<Get>(&marker);
        let conditions = WriteConditions { if_absent: new && decides, if_match: None };
        let options = PutOptions { length: Some(0), conditions, ..PutOptions::default() };
        match self.at.grant::<Put>(marker)?.put(Body::Full(Bytes::new()), options).await {
            Ok(_) => Ok(()),
            // Whether or not it was said: some may only create.
            Err(AccessError::Backend(error)) if error.kind == BackendErrorKind::PreconditionFailed => {
                Err(FileError::Changed)
            }
            Err(error) => Err(error.into()),
        }
    }
}
