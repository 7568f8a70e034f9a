//! Removing.

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use portcullis_access::{
    AccessError, BackendErrorKind, Delete, DeleteOptions, EtagCondition, List, ListPosition, ListedObject,
};
use portcullis_domain::ObjectKey;

use super::Tree;
use crate::place::{Spot, key, prefix};
use crate::{FileError, Result, TreePath};

/// How many objects are removed at the same time.
const AT_ONCE: usize = 16;

impl Tree {
    /// Removes a file. The folder that it was in stays, also if it was the last.
    ///
    /// # Errors
    /// `NotFound`, `IsFolder`, `Denied`, `Changed`.
    pub async fn remove_file(&self, path: &TreePath, if_match: Option<EtagCondition>) -> Result<()> {
        let spot = self.spot(path).await?;
        if spot.says_folder() {
            return Err(self.why_no_file(&spot).await?);
        }
        if spot.delete(spot.key()?, if_match).await? {
            self.keep_parent(&spot).await
        } else {
            Err(self.why_no_file(&spot).await?)
        }
    }

    async fn why_no_file(&self, spot: &Spot) -> Result<FileError> {
        let is_folder = spot.is_top() || self.stat_folder(spot).await?.is_some();
        Ok(if is_folder { FileError::IsFolder } else { FileError::NotFound })
    }

    /// Removes an empty folder.
    ///
    /// # Errors
    /// `NotFound`, `NotFolder`, `NotEmpty`, `Denied`.
    pub async fn remove_folder(&self, path: &TreePath) -> Result<()> {
        let spot = self.spot(path).await?;
        if spot.is_top() {
            return Err(FileError::Unsupported("the top folder stays"));
        }
        let inside = spot.inside();
        let marker = key(&inside)?;
        if spot.is_blind(&marker) {
            return if self.memory().unmade(spot.storage(), &inside) {
                Ok(())
            } else {
                Err(FileError::Denied)
            };
        }
        let delete = spot.at.grant::<Delete>(marker.clone())?;
        let held = spot.first(prefix(&inside)?, 2).await?;
        match held.as_slice() {
            [] if !spot.says_folder() && self.stat_file(&spot).await?.is_some() => Err(FileError::NotFolder),
            [] => Err(FileError::NotFound),
            // A marker with bytes is somebody's file: no path shows it, and nothing removes it by the way.
            [ListedObject { key, size: 0, etag, .. }] if *key == marker => {
                drop(delete);
                let tag = EtagCondition::OneOf(vec![etag.to_string()]);
                spot.delete(marker, Some(tag)).await?;
                self.keep_parent(&spot).await
            }
            _ => Err(FileError::NotEmpty),
        }
    }

    /// Removes a folder with everything in it, or a file. What was removed before something failed is gone.
    ///
    /// # Errors
    /// `NotFound`, `Denied`.
    pub async fn remove_all(&self, path: &TreePath) -> Result<()> {
        let spot = self.spot(path).await?;
        if spot.is_top() {
            return Err(FileError::Unsupported("the top folder stays"));
        }
        if !spot.says_folder() && spot.delete(spot.key()?, None).await? {
            return self.keep_parent(&spot).await;
        }
        let keys = prefix(&spot.inside())?;
        // Asked for before anything is read: the right to remove the folder itself.
        drop(spot.at.grant::<Delete>(key(&spot.inside())?)?);
        let mut after: Option<ListPosition> = None;
        let mut any = false;
        loop {
            let page = spot.at.grant::<List>(keys.clone())?.page(None, after.clone(), 1_000).await?;
            any |= !page.objects.is_empty();
            let removed = stream::iter(page.objects).map(|object| spot.delete(object.key, None));
            removed.buffer_unordered(AT_ONCE).try_for_each(|_| async { Ok(()) }).await?;
            match page.next {
                Some(next) => after = Some(next),
                None if any => return self.keep_parent(&spot).await,
                None => return Err(FileError::NotFound),
            }
        }
    }
}

impl Spot {
    /// Removes an object; false if there was none. The condition is decided by the storage, or just before where it decides none.
    pub(crate) async fn delete(&self, key: ObjectKey, if_match: Option<EtagCondition>) -> Result<bool> {
        let grant = self.at.grant::<Delete>(key.clone())?;
        let mut options = DeleteOptions { if_match, ..DeleteOptions::default() };
        if options.if_match.is_some() && !self.at.capabilities().conditional_deletes {
            let wanted = options.if_match.take();
            match self.head(key).await? {
                None => return Ok(false),
                Some(meta) if wanted.is_some_and(|wanted| !wanted.matches(&meta.etag)) => {
                    return Err(FileError::Changed);
                }
                Some(_) => {}
            }
        }
        match grant.delete(options).await {
            Ok(outcome) => Ok(outcome.existed),
            Err(AccessError::Backend(error)) if error.kind == BackendErrorKind::NotFound => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}
