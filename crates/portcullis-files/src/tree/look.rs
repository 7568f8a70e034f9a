//! Looking: what is there.

use portcullis_access::{Get, GetOptions, GetOutcome, List, ListedObject, ObjectMeta};
use portcullis_domain::{KeyPrefix, ObjectKey};

use super::Tree;
use crate::place::{Place, Source, Spot, or_nothing, prefix};
use crate::{Entry, FileError, FileReader, Kind, OpenOptions, Result, TreePath};

/// What is known of an object, as a file of this name.
pub(crate) fn file(name: &str, meta: &ObjectMeta) -> Entry {
    Entry {
        name: name.to_owned(),
        kind: Kind::File {
            size: meta.size,
            etag: meta.etag.clone(),
            content_type: meta.content.content_type.clone(),
            archived: false,
        },
        modified: Some(meta.content.user_modified().unwrap_or(meta.modified)),
    }
}

pub(crate) fn folder(name: &str) -> Entry {
    Entry { name: name.to_owned(), kind: Kind::Folder, modified: None }
}

impl Spot {
    /// What is known of the object with this key; none if there is none.
    pub(crate) async fn head(&self, key: ObjectKey) -> Result<Option<ObjectMeta>> {
        match or_nothing(self.at.grant::<Get>(key)?.head(&GetOptions::default()).await)? {
            Some(GetOutcome::Found(meta)) => Ok(Some(meta)),
            Some(GetOutcome::NotModified(_)) | None => Ok(None),
        }
    }

    /// The first objects with this beginning, in the order of their keys.
    pub(crate) async fn first(&self, prefix: KeyPrefix, most: usize) -> Result<Vec<ListedObject>> {
        Ok(self.at.grant::<List>(prefix)?.page(None, None, most).await?.objects)
    }

    /// The folder whose keys have this beginning; none if there is none. For a caller who may only put there, and for one who reaches something
    /// below it, there is one.
    pub(crate) async fn look_inside(&self, inside: &str) -> Result<Option<Inside>> {
        let sources = self.sources(inside)?;
        let whole = match sources.as_slice() {
            [Source::Keys(prefix)] if prefix.as_str() == inside => prefix.clone(),
            // The policy has the last word.
            [] => prefix(inside)?,
            _ => return Ok(Some(Inside::Leads)),
        };
        if self.is_blind_in(&whole) {
            return Ok(Some(Inside::Unknown));
        }
        let first = self.first(whole, 1).await?.into_iter().next();
        Ok(first.map(|object| Inside::Holds(Box::new(object))))
    }
}

/// What shows that a folder is there.
#[derive(Debug)]
pub(crate) enum Inside {
    /// Its first object, which may be its marker.
    Holds(Box<ListedObject>),
    /// It leads to what the caller reaches.
    Leads,
    /// It is not for the caller to know.
    Unknown,
}

impl Tree {
    /// What is at a path. A file comes before a folder of the same name.
    ///
    /// # Errors
    /// [`FileError::NotFound`], [`FileError::Denied`].
    pub async fn stat(&self, path: &TreePath) -> Result<Entry> {
        match self.locate(path).await? {
            Place::Storages => Ok(folder("")),
            Place::In(spot) if spot.is_top() => {
                let modified = (!path.is_top()).then_some(spot.at.storage().created);
                Ok(Entry { modified, ..folder(path.name().unwrap_or_default()) })
            }
            Place::In(spot) => self.stat_in(&spot).await?.ok_or(FileError::NotFound),
        }
    }

    /// What is at a place below the top of a storage.
    pub(crate) async fn stat_in(&self, spot: &Spot) -> Result<Option<Entry>> {
        if !spot.says_folder()
            && let Some(file) = self.stat_file(spot).await?
        {
            return Ok(Some(file));
        }
        self.stat_folder(spot).await
    }

    /// The file at a place.
    pub(crate) async fn stat_file(&self, spot: &Spot) -> Result<Option<Entry>> {
        let key = spot.key()?;
        if spot.is_blind(&key) {
            let mine = self.memory().file(spot.storage(), key.as_str());
            return Ok(mine.map(|mine| mine.entry(spot.name())));
        }
        // A folder that only leads to what the caller reaches has no file beside it that they may know of.
        if !spot.at.permits::<Get>(&key) && !spot.sources(&spot.inside())?.is_empty() {
            return Ok(None);
        }
        Ok(spot.head(key).await?.map(|meta| file(spot.name(), &meta)))
    }

    pub(crate) async fn stat_folder(&self, spot: &Spot) -> Result<Option<Entry>> {
        let inside = spot.inside();
        Ok(match spot.look_inside(&inside).await? {
            None => None,
            Some(Inside::Holds(first)) => {
                let modified = (first.key.as_str() == inside).then_some(first.modified);
                Some(Entry { modified, ..folder(spot.name()) })
            }
            Some(Inside::Leads) => Some(folder(spot.name())),
            Some(Inside::Unknown) => {
                self.memory().has_folder(spot.storage(), &inside).then(|| folder(spot.name()))
            }
        })
    }

    /// Whether somebody may be in this folder: it is there, or it is not for this caller to know.
    ///
    /// # Errors
    /// As [`Tree::stat`]; [`FileError::NotFolder`].
    pub async fn enter(&self, path: &TreePath) -> Result<()> {
        let Place::In(spot) = self.locate(path).await? else { return Ok(()) };
        self.enter_in(&spot).await
    }

    pub(crate) async fn enter_in(&self, spot: &Spot) -> Result<()> {
        if spot.is_top() || spot.look_inside(&spot.inside()).await?.is_some() {
            return Ok(());
        }
        if !spot.says_folder() && self.stat_file(spot).await?.is_some() {
            return Err(FileError::NotFolder);
        }
        Err(FileError::NotFound)
    }

    /// Opens a file.
    ///
    /// # Errors
    /// As [`Tree::stat`]; [`FileError::IsFolder`], [`FileError::Changed`].
    pub async fn open(&self, path: &TreePath, options: OpenOptions) -> Result<FileReader> {
        let Place::In(spot) = self.locate(path).await? else { return Err(FileError::IsFolder) };
        if spot.is_top() || spot.says_folder() {
            self.enter_in(&spot).await?;
            return Err(FileError::IsFolder);
        }
        let key = spot.key()?;
        let options = GetOptions { conditions: options.conditions, ..GetOptions::default() };
        match or_nothing(spot.at.grant::<Get>(key.clone())?.head(&options).await)? {
            Some(GetOutcome::Found(meta)) => {
                Ok(FileReader::new(spot.at.clone(), key, file(spot.name(), &meta), meta))
            }
            Some(GetOutcome::NotModified(_)) => Err(FileError::Changed),
            None if self.stat_folder(&spot).await?.is_some() => Err(FileError::IsFolder),
            None => Err(FileError::NotFound),
        }
    }
}
