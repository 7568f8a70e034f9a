//! One file of a delivery.

use std::pin::pin;

use bytes::Bytes;
use portcullis_access::{AccessError, ContentHeaders, Put, WriteConditions};

use super::name::Wish;
use super::{Delivery, LEASE, Name, SIGN, Work, over};
use crate::place::Spot;
use crate::upload::{State, Target};
use crate::{FileError, Result, TreePath};

/// What is kept of a file, so that it can be stored under another name if somebody takes this one meanwhile.
const KEPT: usize = 1024 * 1024;
/// How often.
const TRIES: u32 = 8;

/// A file of a delivery on its way. It is there, for all who may look, once [`DeliveredFile::finish`] has returned.
#[derive(Debug)]
pub struct DeliveredFile<'a> {
    work: &'a mut Work,
    folder: usize,
    wish: Wish,
    number: u32,
    content: ContentHeaders,
    state: Option<State>,
    /// All bytes so far, while they are few.
    kept: Option<Vec<Bytes>>,
    kept_bytes: usize,
}

impl Delivery {
    /// Begins a file in one of [`Delivery::folders`]. `name` is what it is to be called; if there is something of that name it gets a number.
    /// Nobody is told which, or whether.
    ///
    /// # Errors
    /// [`FileError::Denied`] if the right is gone, [`FileError::Escaped`] for what is no name, [`FileError::NotFound`] for another
    /// folder, [`FileError::Path`] if the key would be too long, [`FileError::Unavailable`].
    pub async fn file(
        &mut self,
        folder: &TreePath,
        name: &str,
        content: ContentHeaders,
    ) -> Result<DeliveredFile<'_>> {
        let folder = self.folders.iter().position(|one| one == folder).ok_or(FileError::NotFound)?;
        let work = self.work.as_mut().ok_or(FileError::Broken)?;
        work.sound = false;
        let (wish, kept) = (Wish::parse(name)?, Some(Vec::new()));
        let mut file =
            DeliveredFile { work, folder, wish, number: 1, content, state: None, kept, kept_bytes: 0 };
        file.begin(1).await?;
        Ok(file)
    }
}

impl DeliveredFile<'_> {
    /// Takes the next bytes.
    ///
    /// # Errors
    /// Whatever ended the upload: [`FileError::Denied`] if the right is gone, `Full`, `TooLarge`, `Unavailable`.
    pub async fn write(&mut self, bytes: Bytes) -> Result<()> {
        self.work.sign().await?;
        self.kept_bytes = self.kept_bytes.saturating_add(bytes.len());
        if self.kept_bytes > KEPT {
            self.kept = None;
        } else if let Some(kept) = &mut self.kept {
            kept.push(bytes.clone());
        }
        self.send(bytes).await
    }

    /// Makes it a file, and says how many bytes it has. When this returns it is durable, and visible; it is gone again if the delivery is
    /// not committed.
    ///
    /// # Errors
    /// As [`DeliveredFile::write`]; [`FileError::Exists`] if a file of more than 1 MiB came and somebody has taken its name
    /// meanwhile: it may be begun again.
    pub async fn finish(mut self) -> Result<u64> {
        for _ in 0..TRIES {
            let outcome = self.end().await;
            match (outcome, self.kept.clone()) {
                (Err(FileError::Exists), Some(kept)) => {
                    self.begin(self.number.saturating_add(1)).await?;
                    for bytes in kept {
                        self.send(bytes).await?;
                    }
                }
                (outcome, _) => return outcome,
            }
        }
        Err(FileError::Exists)
    }

    /// Begins to store it under the first name that is free from this number on.
    async fn begin(&mut self, number: u32) -> Result<()> {
        let folder = self.work.places.get(self.folder).ok_or(FileError::NotFound)?.spot.clone();
        let (spot, number) = self.work.place(&folder, &self.wish, number).await?;
        let grant = spot.at.grant::<Put>(spot.key()?)?;
        let target = target(self.work, spot, self.content.clone())?;
        (self.state, self.number) = (Some(State::new(target, grant)), number);
        Ok(())
    }

    async fn send(&mut self, bytes: Bytes) -> Result<()> {
        let state = self.state.as_mut().ok_or(FileError::Broken)?;
        {
            // A storage that takes nothing for a while is no reason for others to undo this.
            let mut writing = pin!(state.write(bytes));
            loop {
                match tokio::time::timeout(SIGN, writing.as_mut()).await {
                    Ok(outcome) => break outcome?,
                    Err(_) => self.work.sign().await?,
                }
            }
        }
        let upload = state.upload().map(|upload| upload.0.to_string());
        match (upload, self.work.names.last_mut()) {
            (Some(upload), Some(Name { file, .. })) if file.upload.is_empty() => {
                file.upload = upload;
                let place = (file.storage, &file.object);
                let noted = self.work.ledger.note_upload(&file.batch, place, &file.upload).await;
                Ok(noted.map_err(AccessError::from)?)
            }
            _ => Ok(()),
        }
    }

    async fn end(&mut self) -> Result<u64> {
        let state = self.state.take().ok_or(FileError::Broken)?;
        let entry = self.work.end(state).await?;
        if let Some(place) = self.work.places.get_mut(self.folder) {
            place.files = place.files.saturating_add(1);
        }
        self.work.sound = true;
        Ok(entry.size())
    }
}

impl Work {
    /// The last step of a file: it comes to its end, whoever waits for it, and what came of it is noted.
    async fn end(&mut self, state: State) -> Result<crate::Entry> {
        self.certain(false);
        let mut ending = self.tree.tasks().spawn(state.finish_version());
        let outcome = loop {
            // Kept where whoever undoes this finds it, but for the moment in which it is looked at.
            let waiting = self.ending.insert(ending);
            if let Ok(outcome) = tokio::time::timeout(SIGN, waiting).await {
                self.ending = None;
                break outcome.unwrap_or(Err(FileError::Unavailable));
            }
            self.sign().await?;
            let Some(same) = self.ending.take() else { return Err(FileError::Broken) };
            ending = same;
        };
        // A fault of the storage says nothing of what may still arrive there.
        self.certain(!matches!(outcome, Err(FileError::Unavailable | FileError::Broken)));
        let (entry, version) = outcome?;
        let now = self.tree.access().now();
        let Some(Name { file, .. }) = self.names.last_mut() else { return Err(FileError::Broken) };
        file.version = version.0.into();
        let place = (file.storage, &file.object);
        let noted = self.ledger.stored(&file.batch, place, &file.version, now.after(LEASE)).await;
        self.signed = now;
        if noted.map_err(AccessError::from)? { Ok(entry) } else { Err(over()) }
    }

    fn certain(&mut self, certain: bool) {
        if let Some(name) = self.names.last_mut() {
            name.certain = certain;
        }
    }
}

fn target(work: &Work, spot: Spot, content: ContentHeaders) -> Result<Target> {
    Ok(Target {
        tree: work.tree.clone(),
        key: spot.key()?,
        spot,
        length: None,
        resumable: false,
        conditions: WriteConditions::default(),
        watched: None,
        content,
        tags: Vec::new(),
        modified: None,
        late: false,
    })
}
