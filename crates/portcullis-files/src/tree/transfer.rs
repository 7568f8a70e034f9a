//! Other names for files, and copies of them.

use portcullis_access::{
    AccessError, BackendErrorKind, ContentHeaders, CopyOptions, Delete, EtagCondition, Get,
    MetadataDirective, ObjectMeta, Put, ReadConditions, WriteConditions,
};
use portcullis_domain::ObjectKey;

use super::{CopyDepth, IfThere, Tree};
use crate::place::{Spot, key};
use crate::upload::{Parts, Target};
use crate::{FileError, Result, TreePath};

impl Spot {
    /// Refuses a rename between names that the provider takes for one: what is removed at the end would be all there is.
    async fn need_two_objects(&self, meta: &ObjectMeta, to: &Self, target: &ObjectKey) -> Result<()> {
        let capabilities = self.at.capabilities();
        let folds = capabilities.folds_case || capabilities.folds_unicode;
        if !folds || self.storage() != to.storage() {
            return Ok(());
        }
        let there = to.head(target.clone()).await?;
        let same = |there: &ObjectMeta| {
            (there.size, &there.etag, &there.version, there.modified)
                == (meta.size, &meta.etag, &meta.version, meta.modified)
        };
        if there.as_ref().is_some_and(same) {
            return Err(FileError::Unsupported("the provider takes both names for one; go by a third"));
        }
        Ok(())
    }
}

/// What becomes of the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Move,
    Copy,
}

impl Tree {
    /// Gives a file or folder another name. A folder is copied file by file, at most [`Tree::MOST_COPIED`], and what is interrupted is gone on with
    /// by the same call once more. True if something was replaced.
    ///
    /// # Errors
    /// `NotFound`, `Exists`, `NoParent`, `TooMany`, `Denied`, `Unsupported`, `Escaped`.
    pub async fn rename(&self, from: &TreePath, to: &TreePath, there: IfThere) -> Result<bool> {
        let (from, to) = (self.spot(from).await?, self.new_spot(to).await?);
        self.transfer(&from, &to, there, (Way::Move, CopyDepth::All)).await
    }

    /// Copies a file or folder, as [`Tree::rename`] does.
    ///
    /// # Errors
    /// As [`Tree::rename`].
    pub async fn copy(
        &self,
        from: &TreePath,
        to: &TreePath,
        there: IfThere,
        depth: CopyDepth,
    ) -> Result<bool> {
        let (from, to) = (self.spot(from).await?, self.new_spot(to).await?);
        self.transfer(&from, &to, there, (Way::Copy, depth)).await
    }

    async fn transfer(&self, from: &Spot, to: &Spot, there: IfThere, how: (Way, CopyDepth)) -> Result<bool> {
        if from.is_top() || to.is_top() {
            return Err(FileError::Unsupported("the top folder stays what it is"));
        }
        let one_storage = from.storage() == to.storage();
        if let Ok(key) = from.key()
            && from.is_blind(&key)
        {
            return self.rename_own(from, to, there, how.0).await;
        }
        let source = match from.says_folder() {
            true => None,
            false => from.head(from.key()?).await?,
        };
        if one_storage && from.inside() == to.inside() {
            return match source {
                Some(_) => Ok(false),
                None => self.stat_folder(from).await?.map(|_| false).ok_or(FileError::NotFound),
            };
        }
        match source {
            Some(meta) => self.transfer_file((from, &meta), to, there, how.0).await,
            None if one_storage && to.inside().starts_with(&from.inside()) => {
                Err(FileError::Unsupported("a folder cannot be put into itself"))
            }
            None => self.transfer_folder(from, to, how).await.map(|()| false),
        }
    }

    async fn transfer_file(
        &self,
        (from, meta): (&Spot, &ObjectMeta),
        to: &Spot,
        there: IfThere,
        way: Way,
    ) -> Result<bool> {
        let (source, target) = (from.key()?, to.key()?);
        if to.says_folder() {
            return Err(FileError::IsFolder);
        }
        // Both rights are asked for before anything is done, so that none is missing half-way.
        let remove = (way == Way::Move).then(|| from.at.grant::<Delete>(source.clone())).transpose()?;
        drop(to.at.grant::<Put>(target.clone())?);
        let replaced = self.stat_file(to).await?.is_some();
        if replaced && there == IfThere::Refuse {
            return Err(FileError::Exists);
        }
        if replaced && way == Way::Move {
            from.need_two_objects(meta, to, &target).await?;
        }
        if !replaced {
            if self.stat_folder(to).await?.is_some() && !to.is_blind(&target) {
                return Err(FileError::Exists);
            }
            if !to.is_plain() {
                return Err(FileError::Escaped);
            }
            self.need_parent(to).await?;
        }
        self.copy_file((from, &source, meta), (to, &target), there == IfThere::Refuse, None).await?;
        if let Some(remove) = remove {
            drop(remove);
            let own = EtagCondition::OneOf(vec![meta.etag.to_string()]);
            match from.delete(source, Some(own)).await {
                // It was written anew meanwhile: after the rename, so to speak.
                Ok(_) | Err(FileError::Changed) => {}
                Err(error) => return Err(error),
            }
            self.keep_parent(from).await?;
        }
        Ok(replaced)
    }

    /// Copies this version of an object. `new` says that there must be none under the new key; `content` is kept with it instead of what is
    /// kept with the source.
    pub(super) async fn copy_file(
        &self,
        (from, source, meta): (&Spot, &ObjectKey, &ObjectMeta),
        (to, target): (&Spot, &ObjectKey),
        new: bool,
        content: Option<ContentHeaders>,
    ) -> Result<()> {
        let (here, there) = (from.at.capabilities(), to.at.capabilities());
        let one_storage = from.storage() == to.storage();
        let decides = there.conditional_puts || (one_storage && there.conditional_copies);
        // Where nobody decides it, it was looked at just before.
        let if_absent = new && decides && to.at.permits::<Get>(target);
        let conditions = WriteConditions { if_absent, if_match: None };
        let most = if one_storage { here.largest_copy } else { here.largest_copy.min(there.largest_copy) };
        let outcome = if meta.size > most.min(5 << 30) {
            self.copy_in_parts((from, source, meta), (to, target), conditions).await
        } else {
            let if_match = Some(EtagCondition::OneOf(vec![meta.etag.to_string()]));
            let options = CopyOptions {
                version: here.keeps_versions.then(|| meta.version.clone()),
                source: ReadConditions { if_match, ..ReadConditions::default() },
                metadata: content
                    .map_or(MetadataDirective::Copy, |content| MetadataDirective::Replace(Box::new(content))),
                conditions,
                ..CopyOptions::default()
            };
            let (get, put) = (from.at.grant::<Get>(source.clone())?, to.at.grant::<Put>(target.clone())?);
            get.copy_to(put, options).await.map(drop).map_err(FileError::from)
        };
        match outcome {
            Err(FileError::Changed) if new && to.head(target.clone()).await?.is_some() => {
                Err(FileError::Exists)
            }
            other => other,
        }
    }

    /// Copies what is too large for one step.
    async fn copy_in_parts(
        &self,
        (from, source, meta): (&Spot, &ObjectKey, &ObjectMeta),
        (to, target): (&Spot, &ObjectKey),
        conditions: WriteConditions,
    ) -> Result<()> {
        let target = Target {
            tree: self.clone(),
            spot: to.clone(),
            key: target.clone(),
            length: Some(meta.size),
            resumable: false,
            conditions,
            watched: None,
            content: meta.content.clone(),
            tags: meta.tags.clone(),
            modified: None,
            late: false,
        };
        let grant = to.at.grant::<Put>(target.key.clone())?;
        let mut parts = Parts::begin(&target, grant).await?;
        parts.copy(from, source, meta).await?;
        parts.finish(&target, meta.size).await.map(drop)
    }

    /// Renames what a caller who may only write has written in this session, or a folder that they made and that is empty.
    async fn rename_own(&self, from: &Spot, to: &Spot, there: IfThere, way: Way) -> Result<bool> {
        let (source, target, storage) = (from.key()?, to.key()?, from.storage());
        let mine = self.memory().file(storage, source.as_str()).filter(|_| !from.says_folder());
        let Some(mine) = mine else { return self.rename_own_folder(from, to, way) };
        if !to.is_plain() {
            return Err(FileError::Escaped);
        }
        let replaced = self.memory().file(to.storage(), target.as_str()).is_some();
        if replaced && there == IfThere::Refuse {
            return Err(FileError::Exists);
        }
        let proof = mine.written.clone().filter(|_| way == Way::Move && to.storage() == storage);
        let Some(proof) = proof else {
            // To copy is to read; the refusal is the policy's to write down.
            drop(from.at.grant::<Get>(source)?);
            return Err(FileError::Denied);
        };
        let put = to.at.grant::<Put>(target.clone())?;
        let moved = match proof.move_to(put).await {
            Ok(moved) => moved,
            Err(AccessError::Backend(error)) if error.kind == BackendErrorKind::PreconditionFailed => {
                return Err(FileError::Changed);
            }
            Err(error) => return Err(error.into()),
        };
        self.memory().forget(storage, source.as_str());
        let mine = crate::memory::Mine { written: Some(std::sync::Arc::new(moved)), ..mine };
        self.memory().wrote(storage, target.as_str(), mine);
        Ok(replaced)
    }

    fn rename_own_folder(&self, from: &Spot, to: &Spot, way: Way) -> Result<bool> {
        let (storage, old, new) = (from.storage(), from.inside(), to.inside());
        let is_own = way == Way::Move && storage == to.storage() && to.is_plain();
        if is_own && !self.memory().has_files(storage, &old) && self.memory().unmade(storage, &old) {
            self.memory().made(storage, &new);
            return Ok(false);
        }
        // The refusal is the policy's to write down.
        drop(from.at.grant::<Get>(key(&old)?)?);
        Err(FileError::Denied)
    }
}
