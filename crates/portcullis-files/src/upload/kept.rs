//! What is kept of uploads that broke off.

use portcullis_access::{AccessError, BackendErrorKind, CompletedPart, Put, UploadId, UploadsAfter};
use portcullis_domain::{ObjectKey, Timestamp};

use super::{live, parts};
use crate::place::{Spot, prefix};
use crate::tree::Tree;
use crate::{Result, TreePath};

/// Uploads of one key that are looked at.
const MOST: usize = 100;
/// Parts that are read at once.
const PAGE: usize = 1_000;

/// An upload that broke off.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) upload: UploadId,
    pub(super) created: Timestamp,
    /// Its parts from the first one on, without a gap, all of them large enough to have others behind them.
    pub(super) parts: Vec<CompletedPart>,
    /// Their bytes.
    pub(super) size: u64,
}

impl Spot {
    /// The uploads of this file that this very key began and did not finish, the oldest first.
    async fn own_uploads(&self, key: &ObjectKey) -> Result<Vec<(UploadId, Timestamp)>> {
        let Some(owner) = self.at.principal().key_id() else { return Ok(Vec::new()) };
        let page = UploadsAfter { limit: MOST, ..UploadsAfter::default() };
        let found = self.at.own_uploads(prefix(key.as_str())?, page).await?.uploads.into_iter();
        let own = found.filter(|upload| upload.key == *key && upload.meta.owner == Some(owner));
        Ok(own.map(|upload| (upload.upload, upload.meta.created)).collect())
    }

    /// The last upload of this file that broke off.
    pub(super) async fn kept(&self, key: &ObjectKey) -> Result<Option<Kept>> {
        let Some((upload, created)) = self.own_uploads(key).await?.pop() else { return Ok(None) };
        let mut kept = Kept { upload, created, parts: Vec::new(), size: 0 };
        let mut after = 0;
        loop {
            let grant = self.at.grant::<Put>(key.clone())?;
            let page = match grant.list_parts(&kept.upload, after, PAGE).await {
                Ok(page) => page,
                // Finished or given up while it was looked at.
                Err(AccessError::Backend(error)) if error.kind == BackendErrorKind::NoSuchUpload => {
                    return Ok(None);
                }
                Err(error) => return Err(error.into()),
            };
            for part in &page.parts {
                if part.number != after.saturating_add(1) || part.size < parts::LEAST {
                    return Ok(Some(kept));
                }
                after = part.number;
                kept.size = kept.size.saturating_add(part.size);
                let (number, etag) = (part.number, part.etag.to_string());
                kept.parts.push(CompletedPart { number, etag, checksum: part.checksum.clone() });
            }
            if !page.more {
                break;
            }
        }
        Ok(Some(kept))
    }

    /// Gives up what is kept of this file's uploads, since another one begins from the beginning.
    pub(super) async fn drop_kept(&self, key: &ObjectKey) -> Result<()> {
        for (upload, _) in self.own_uploads(key).await? {
            if !live::is_live(&upload) {
                let gone = self.at.grant::<Put>(key.clone())?.abort_upload(&upload).await;
                if let Err(error) = gone {
                    tracing::debug!(%error, "an upload that broke off could not be given up");
                }
            }
        }
        Ok(())
    }
}

impl Tree {
    /// How many bytes are kept of an upload of this key that broke off, if there is one and no file of that name.
    ///
    /// # Errors
    /// [`FileError::Denied`](crate::FileError::Denied).
    pub async fn partial(&self, path: &TreePath) -> Result<Option<u64>> {
        let spot = self.spot(path).await?;
        if spot.says_folder() {
            return Ok(None);
        }
        let key = spot.key()?;
        if !spot.at.permits::<Put>(&key) || self.stat_file(&spot).await?.is_some() {
            return Ok(None);
        }
        let kept = spot.kept(&key).await?;
        Ok(kept.map(|kept| kept.size).filter(|size| *size > 0))
    }
}
