//! Beginning an upload.

use futures_util::TryStreamExt as _;
use portcullis_access::{Etag, EtagCondition, List, ObjectMeta, Put, WriteConditions};
use portcullis_domain::ObjectKey;

use super::State;
use super::parts::{LEAST, Parts};
use super::target::Target;
use crate::place::{Spot, prefix};
use crate::tree::Tree;
use crate::{FileError, FileReader, Result, TreePath, Upload, WriteOptions};

impl Tree {
    /// Begins an upload.
    ///
    /// # Errors
    /// [`FileError::Denied`], `IsFolder`, `NoParent`, `NoResume`, `Escaped`, `Changed`.
    pub async fn write(&self, path: &TreePath, options: WriteOptions) -> Result<Upload> {
        let spot = self.new_spot(path).await?;
        if spot.says_folder() {
            return Err(FileError::IsFolder);
        }
        let key = spot.key()?;
        let grant = spot.at.grant::<Put>(key.clone())?;
        let blind = spot.is_blind(&key);
        if blind {
            // An escape is for what is there, which is not for this caller to know.
            if !spot.is_plain() {
                return Err(FileError::Escaped);
            }
        } else {
            spot.takes_file(options.parent_needed).await?;
        }
        let offset = options.offset;
        let mut target = target(self, spot, key.clone(), options);
        if offset == 0 {
            return Ok(Upload::new(State::new(target, grant)));
        }
        let file = if blind { None } else { target.spot.head(key.clone()).await? };
        let kept = target.spot.kept(&key).await?.filter(|kept| kept.size > 0);
        let fits_kept = kept.as_ref().is_some_and(|kept| kept.size == offset);
        let fits_file = file.as_ref().is_some_and(|file| file.size == offset);
        // Of a file and an upload of the same size the client means the one that it saw last.
        let newer = file.as_ref().zip(kept.as_ref()).is_none_or(|(file, kept)| kept.created > file.modified);
        match (kept, file) {
            (Some(kept), _) if fits_kept && (newer || !fits_file) => {
                let parts = Parts::go_on(&target, kept);
                Ok(Upload::new(State::going_on(target, parts)))
            }
            (_, Some(file)) if fits_file => {
                target.append_to(&file);
                append(target, grant, file).await
            }
            (kept, file) => {
                let at = file.map_or_else(|| kept.map_or(0, |kept| kept.size), |file| file.size);
                Err(FileError::NoResume { at })
            }
        }
    }
}

fn target(tree: &Tree, spot: Spot, key: ObjectKey, options: WriteOptions) -> Target {
    let WriteOptions { length, offset, resumable, only_if, parent_needed: _, content, modified } = options;
    let one_of = |tags: Vec<Etag>| EtagCondition::OneOf(tags.iter().map(Etag::to_string).collect());
    let conditions = match only_if {
        None => WriteConditions::default(),
        Some(None) => WriteConditions { if_absent: true, if_match: None },
        Some(Some(tags)) => WriteConditions { if_absent: false, if_match: Some(one_of(tags)) },
    };
    Target {
        tree: tree.clone(),
        spot,
        key,
        length: length.map(|length| length.saturating_add(offset)),
        resumable,
        conditions,
        watched: None,
        content,
        tags: Vec::new(),
        modified,
        late: false,
    }
}

impl Target {
    /// The file that is there is what it begins with, and has to be until the end.
    fn append_to(&mut self, file: &ObjectMeta) {
        let own = EtagCondition::OneOf(vec![file.etag.to_string()]);
        if self.conditions.is_empty() {
            if self.spot.at.capabilities().conditional_puts {
                self.conditions.if_match = Some(own);
            } else {
                self.watched = Some(own);
            }
        }
        let told = std::mem::replace(&mut self.content, file.content.clone());
        if told.content_type.is_some() {
            self.content.content_type = told.content_type;
        }
        self.content.set_user_modified(None);
    }
}

/// An upload that begins with the bytes of a file.
async fn append(target: Target, grant: portcullis_access::Grant<Put>, file: ObjectMeta) -> Result<Upload> {
    if file.size >= LEAST {
        let mut parts = Parts::begin(&target, grant).await?;
        parts.copy(&target.spot, &target.key, &file).await.map_err(|error| target.told(error))?;
        return Ok(Upload::new(State::going_on(target, parts)));
    }
    // Too little for a part of its own.
    let entry = crate::tree::look::file(target.spot.name(), &file);
    let old = FileReader::new(target.spot.at.clone(), target.key.clone(), entry, file);
    let mut old = old.stream(0, None).await?;
    let mut upload = Upload::new(State::new(target, grant));
    while let Some(bytes) = old.try_next().await? {
        upload.write(bytes).await?;
    }
    Ok(upload)
}

impl Spot {
    /// Refuses a place that takes no file: where a folder is, under a name that cannot be given, in a folder that is not there.
    async fn takes_file(&self, parent_needed: bool) -> Result<()> {
        let inside = self.inside();
        let is_folder =
            self.at.permits::<List>(&prefix(&inside)?) && self.look_inside(&inside).await?.is_some();
        // A file that is beside a folder can be replaced, and so can one whose name is an escape.
        if (is_folder || !self.is_plain()) && self.head(self.key()?).await?.is_none() {
            return Err(if is_folder { FileError::IsFolder } else { FileError::Escaped });
        }
        // What has something in it is in a folder that is there.
        if parent_needed && !is_folder && !self.has_parent().await? {
            return Err(FileError::NoParent);
        }
        Ok(())
    }
}
