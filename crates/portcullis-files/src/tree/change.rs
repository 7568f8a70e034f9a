//! Changing what is kept of a file besides its bytes.

use portcullis_access::{
    ContentHeaders, CopyOptions, Etag, EtagCondition, Get, MetadataDirective, Put, ReadConditions,
    WriteConditions,
};
use portcullis_domain::{ObjectKey, Timestamp};

use super::Tree;
use crate::place::Spot;
use crate::{FileError, Result, TreePath};

/// What is to become of a file's user metadata.
#[derive(Clone, Debug, Default)]
pub struct UserChange {
    /// Names, in lower case, and the values that they have from now on.
    pub set: Vec<(String, String)>,
    /// Names that go.
    pub remove: Vec<String>,
    /// When its writer last modified it.
    pub modified: Option<Timestamp>,
}

impl Tree {
    /// Notes when the writer of a file last modified it. Of a folder it is accepted and forgotten; of a file that a caller wrote who may only
    /// write, this tree alone remembers it.
    ///
    /// # Errors
    /// `NotFound`, `Denied`, `Unsupported`.
    pub async fn set_modified(&self, path: &TreePath, modified: Timestamp) -> Result<()> {
        self.change_user(path, UserChange { modified: Some(modified), ..UserChange::default() }).await
    }

    /// Changes the user metadata of a file; what is not named stays. Of a folder it is accepted and forgotten.
    ///
    /// It is a copy of the file onto itself, so it needs the rights to read and to put, keeps the earlier state where writes of this key
    /// do, and is no more possible than a copy: of at most 5 GiB.
    ///
    /// # Errors
    /// `NotFound`, `Denied`, `Changed`, `Unsupported`.
    pub async fn change_user(&self, path: &TreePath, change: UserChange) -> Result<()> {
        let spot = self.spot(path).await?;
        if spot.is_top() {
            return Ok(());
        }
        if spot.says_folder() {
            return self.stat_folder(&spot).await?.map(drop).ok_or(FileError::NotFound);
        }
        let key = spot.key()?;
        if spot.is_blind(&key) {
            let known = match change.modified {
                Some(modified) => self.memory().touch(spot.storage(), key.as_str(), modified),
                None => false,
            };
            return if known || self.memory().has_folder(spot.storage(), &spot.inside()) {
                Ok(())
            } else {
                Err(FileError::NotFound)
            };
        }
        let Some(meta) = spot.head(key.clone()).await? else {
            return self.stat_folder(&spot).await?.map(drop).ok_or(FileError::NotFound);
        };
        let mut content = meta.content.clone();
        content.user.retain(|(name, _)| {
            !change.remove.contains(name) && change.set.iter().all(|(new, _)| new != name)
        });
        content.user.extend(change.set);
        if let Some(modified) = change.modified
            && content.user_modified() != Some(modified)
        {
            content.set_user_modified(Some(modified));
        }
        if content == meta.content {
            return Ok(());
        }
        spot.replace_content(&key, content, &meta.etag).await
    }
}

impl Spot {
    /// Replaces what is kept with a file, if it is still this one.
    pub(crate) async fn replace_content(
        &self,
        key: &ObjectKey,
        content: ContentHeaders,
        etag: &Etag,
    ) -> Result<()> {
        let if_match = || Some(EtagCondition::OneOf(vec![etag.to_string()]));
        let decides = self.at.capabilities().conditional_copies;
        let options = CopyOptions {
            source: ReadConditions { if_match: if_match(), ..ReadConditions::default() },
            metadata: MetadataDirective::Replace(Box::new(content)),
            conditions: WriteConditions { if_absent: false, if_match: if_match().filter(|_| decides) },
            ..CopyOptions::default()
        };
        let from = self.at.grant::<Get>(key.clone())?;
        let to = self.at.grant::<Put>(key.clone())?;
        match from.copy_to(to, options).await.map_err(FileError::from) {
            Ok(_) => Ok(()),
            Err(FileError::TooLarge) => {
                Err(FileError::Unsupported("what is kept of a file of more than 5 GiB cannot be changed"))
            }
            Err(error) => Err(error),
        }
    }
}
