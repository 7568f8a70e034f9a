//! Where a path leads: a storage, a key in it, and how far the caller reaches there.

use portcullis_access::{AccessError, Batch, Get, Home, List, Put, StorageAccess};
use portcullis_domain::{BucketName, KeyPrefix, ObjectKey, StorageId};

use crate::tree::{Top, Tree};
use crate::{FileError, InvalidPath, Result, TreePath, name};

/// What is told of what would make, rename or remove a storage.
const NO_STORAGE: FileError = FileError::Unsupported("storages are made, named and removed in the panel");

/// What a path names.
#[derive(Debug)]
pub(crate) enum Place {
    /// The top of a tree with storages as its folders.
    Storages,
    /// Something in a storage.
    In(Box<Spot>),
}

/// A place in a storage, whether or not there is anything.
#[derive(Clone, Debug)]
pub(crate) struct Spot {
    pub(crate) at: StorageAccess,
    /// The beginnings of keys that the caller has something to do with.
    reach: Vec<KeyPrefix>,
    /// The beginning of all keys that a path can name here; ends with `/` or is empty.
    base: String,
    /// The beginning of all keys in the folder that this is in; ends with `/` or is empty.
    pub(crate) folder: String,
    /// The part of the key in that folder; none for the top folder of what is shown of the storage, which is `folder`.
    last: Option<Last>,
}

#[derive(Clone, Debug)]
struct Last {
    /// As the path says it.
    name: String,
    segment: String,
    /// Whether it can be a file.
    file: bool,
}

/// What stands at a place of a folder's listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// Every key with this beginning, which the policy is asked about.
    Keys(KeyPrefix),
    /// A folder, by its key, that leads to what the caller reaches.
    Lead(String),
}

impl Spot {
    /// Whether it is the top folder of what is shown of its storage.
    pub(crate) fn is_top(&self) -> bool {
        self.last.is_none()
    }

    pub(crate) fn storage(&self) -> StorageId {
        self.at.storage().id
    }

    /// Its name as the path says it.
    pub(crate) fn name(&self) -> &str {
        self.last.as_ref().map_or("", |last| &last.name)
    }

    /// Whether the path says that it is a folder.
    pub(crate) fn says_folder(&self) -> bool {
        self.last.as_ref().is_none_or(|last| !last.file)
    }

    /// Whether something new may be called so: escapes are for what is there already.
    pub(crate) fn is_plain(&self) -> bool {
        self.last.as_ref().is_some_and(|last| last.name == last.segment)
    }

    /// The key of the file.
    pub(crate) fn key(&self) -> Result<ObjectKey> {
        let last = self.last.as_ref().ok_or(FileError::IsFolder)?;
        key(&format!("{}{}", self.folder, last.segment))
    }

    /// The beginning of the keys in the folder; also the key of its marker.
    pub(crate) fn inside(&self) -> String {
        match &self.last {
            None => self.folder.clone(),
            Some(last) => format!("{}{}/", self.folder, last.segment),
        }
    }

    /// Whether it is directly in the top folder.
    pub(crate) fn is_in_top(&self) -> bool {
        self.folder == self.base
    }

    /// A file in this folder.
    pub(crate) fn child(&self, name: &str) -> Self {
        let last = Last { name: name.to_owned(), segment: name.to_owned(), file: true };
        Self { folder: self.inside(), last: Some(last), ..self.clone() }
    }

    /// The same place, for what belongs to a batch.
    pub(crate) fn within(&self, batch: &Batch) -> Self {
        Self { at: self.at.within(batch), ..self.clone() }
    }

    /// A key that a file in this folder could have, as far as the caller reaches.
    pub(crate) fn probe(&self) -> Result<ObjectKey> {
        let inside = self.inside();
        let whole = prefix(&inside)?;
        let is_around = self.reach.iter().any(|reach| reach.holds_all_of(&whole));
        let below = self.reach.iter().find(|reach| {
            let rest = reach.as_str().strip_prefix(inside.as_str());
            rest.is_some_and(|rest| !rest.contains('/'))
        });
        match below.filter(|_| !is_around) {
            Some(reach) => key(&format!("{reach}x")),
            None => key(&format!("{inside}x")),
        }
    }

    /// The folder that it is in.
    pub(crate) fn above(&self) -> Self {
        Self { last: None, ..self.clone() }
    }

    /// Whether the caller may put this file and not look at it.
    pub(crate) fn is_blind(&self, key: &ObjectKey) -> bool {
        self.at.permits::<Put>(key) && !self.at.permits::<Get>(key)
    }

    /// Whether the caller may put under this beginning and not list it.
    pub(crate) fn is_blind_in(&self, prefix: &KeyPrefix) -> bool {
        !self.at.permits::<List>(prefix)
            && ObjectKey::parse(&format!("{prefix}x")).is_ok_and(|probe| self.at.permits::<Put>(&probe))
    }

    /// What the listing of a folder, given by the beginning of its keys, is made of, in the order of keys. Empty if the caller reaches nothing there.
    pub(crate) fn sources(&self, inside: &str) -> Result<Vec<Source>> {
        let whole = prefix(inside)?;
        if self.reach.iter().any(|reach| reach.holds_all_of(&whole)) {
            return Ok(vec![Source::Keys(whole)]);
        }
        let below = self.reach.iter().filter_map(|reach| Some((reach, reach.as_str().strip_prefix(inside)?)));
        let mut sources: Vec<Source> = below
            .map(|(reach, rest)| match rest.split_once('/') {
                Some((first, _)) => Source::Lead(format!("{inside}{first}/")),
                None => Source::Keys(reach.clone()),
            })
            .collect();
        sources.dedup();
        Ok(sources)
    }
}

/// A text as a key.
pub(crate) fn key(text: &str) -> Result<ObjectKey> {
    ObjectKey::parse(text).map_err(|_| FileError::Path(InvalidPath::TooLong))
}

/// A text as a beginning of keys.
pub(crate) fn prefix(text: &str) -> Result<KeyPrefix> {
    KeyPrefix::parse(text).map_err(|_| FileError::Path(InvalidPath::TooLong))
}

impl Tree {
    /// Where a path leads. Enters the storage, so the policy is asked.
    pub(crate) async fn locate(&self, path: &TreePath) -> Result<Place> {
        let home = match self.top() {
            Top::Home => self.home()?,
            Top::Storages => Home::Storages,
        };
        let (at, base, names) = match home {
            Home::Storage(storage, shown) => {
                let at = self.access().storage_by_id(self.principal(), storage.id).await?;
                let base = shown.as_str().rfind('/').and_then(|end| shown.as_str().get(..=end));
                (at, base.unwrap_or_default().to_owned(), path.names())
            }
            Home::Storages => {
                let Some((bucket, names)) = path.names().split_first() else { return Ok(Place::Storages) };
                let bucket = BucketName::parse(bucket).map_err(|_| FileError::NotFound)?;
                (self.access().storage(self.principal(), &bucket).await?, String::new(), names)
            }
        };
        let reach = at.places();
        let (mut folder, mut last) = (base.clone(), None);
        for name in names {
            if let Some(Last { segment, .. }) = last.take() {
                folder.push_str(&segment);
                folder.push('/');
            }
            let meant = name::read(name).ok_or(FileError::NotFound)?;
            last = Some(Last { name: name.clone(), segment: meant.segment, file: !meant.folder });
        }
        if let Some(last) = &mut last {
            last.file &= !path.says_folder();
        }
        Ok(Place::In(Box::new(Spot { at, reach, base, folder, last })))
    }

    /// What is the caller's. Of a key that is gone it is not its storage that is missing, and the refusal is written down.
    fn home(&self) -> Result<Home> {
        let (access, who) = (self.access(), self.principal());
        match access.home(who) {
            Err(AccessError::NotFound) => {
                access.visible_storages(who)?;
                Err(FileError::NotFound)
            }
            other => Ok(other?),
        }
    }

    /// As [`Tree::locate`], for what can only be done in a storage.
    pub(crate) async fn spot(&self, path: &TreePath) -> Result<Spot> {
        match self.locate(path).await? {
            Place::In(spot) => Ok(*spot),
            Place::Storages => {
                Err(FileError::Unsupported("storages are made, named and removed in the panel"))
            }
        }
    }

    /// As [`Tree::spot`], for something that would be made: a name that means nothing is one that cannot be given.
    pub(crate) async fn new_spot(&self, path: &TreePath) -> Result<Spot> {
        if path.name().is_some_and(|last| name::read(last).is_none()) {
            return Err(FileError::Escaped);
        }
        match self.spot(path).await {
            Err(FileError::NotFound) if path.names().len() == 1 => Err(NO_STORAGE),
            Err(FileError::NotFound) => Err(FileError::NoParent),
            other => other,
        }
    }
}

/// Nothing where it is only asked whether there is something.
pub(crate) fn or_nothing<T>(outcome: Result<T, AccessError>) -> Result<Option<T>> {
    match outcome.map_err(FileError::from) {
        Ok(found) => Ok(Some(found)),
        Err(FileError::NotFound) => Ok(None),
        Err(error) => Err(error),
    }
}
