//! A file that is written.
//!
//! It becomes a file when it is closed. Bytes have to come in their order, as all clients send them for whole files; some of them may overtake
//! others a little, as they do when several requests are under way.

use std::collections::BTreeMap;

use bytes::Bytes;
use portcullis_domain::Timestamp;
use portcullis_files::{FileError, FileReader, OpenOptions, Tree, TreePath, Upload, WriteOptions};

use super::reply::{Code, Failed};
use super::request::OpenFlags;

/// How many bytes may have overtaken others.
const OVERTAKING: usize = 4 * 1024 * 1024;
/// In how many pieces.
const OVERTAKERS: usize = 1024;

/// A file that is written, or will be.
#[derive(Debug)]
pub(super) struct Writing {
    tree: Tree,
    path: TreePath,
    /// Every write goes to the end, wherever the client says.
    append: bool,
    state: State,
    modified: Option<Timestamp>,
    /// What came before its turn, by where it belongs.
    early: BTreeMap<u64, Bytes>,
    early_bytes: usize,
    /// Of what was there before, for a client that reads it first.
    reader: Option<Box<FileReader>>,
}

#[derive(Debug)]
enum State {
    /// Nothing was written yet, so where it begins is not known. `there` is the size of the file that is there, if one is.
    Waiting {
        there: Option<u64>,
    },
    Under(Box<Upload>),
    /// Something failed: what came is not the file.
    Broken(Failed),
}

impl Writing {
    /// Opens a file for writing. One that is made anew is begun at once, so that who may not do that hears of it now.
    pub(super) async fn open(tree: &Tree, path: TreePath, flags: OpenFlags) -> Result<Self, Failed> {
        let mut made = Self {
            tree: tree.clone(),
            path,
            append: flags.has(OpenFlags::APPEND),
            state: State::Waiting { there: None },
            modified: None,
            early: BTreeMap::new(),
            early_bytes: 0,
            reader: None,
        };
        if flags.has(OpenFlags::CREATE) && flags.has(OpenFlags::EXCLUSIVE) {
            match existing(tree, &made.path).await {
                Err(FileError::NotFound) => {}
                Ok(_) | Err(FileError::IsFolder) => return Err(FileError::Exists.into()),
                Err(error) => return Err(error.into()),
            }
            // Asked once more when it is stored: somebody else may be faster.
            made.begin(0, Some(None)).await?;
        } else if flags.has(OpenFlags::TRUNCATE) {
            if !flags.has(OpenFlags::CREATE) {
                existing(tree, &made.path).await?;
            }
            made.begin(0, None).await?;
        } else {
            let there = match existing(tree, &made.path).await {
                Ok(size) => Some(size),
                Err(FileError::NotFound) if flags.has(OpenFlags::CREATE) => None,
                Err(error) => return Err(error.into()),
            };
            made.state = State::Waiting { there };
            if there.is_none() && made.tree.partial(&made.path).await?.is_none() {
                made.begin(0, None).await?;
            }
        }
        Ok(made)
    }

    async fn begin(
        &mut self,
        offset: u64,
        only_if: Option<Option<Vec<portcullis_access::Etag>>>,
    ) -> Result<(), FileError> {
        let options = WriteOptions {
            offset,
            resumable: true,
            only_if,
            parent_needed: true,
            modified: self.modified,
            ..WriteOptions::default()
        };
        let upload = self.tree.write(&self.path, options).await?;
        self.state = State::Under(Box::new(upload));
        Ok(())
    }

    /// Takes bytes for a place in the file.
    pub(super) async fn write(&mut self, offset: u64, data: Bytes) -> Result<(), Failed> {
        let result = self.take(offset, data).await;
        if let Err(failed) = &result {
            self.state = State::Broken(failed.clone());
            self.early.clear();
        }
        result
    }

    async fn take(&mut self, offset: u64, data: Bytes) -> Result<(), Failed> {
        if let State::Waiting { there } = self.state {
            self.begin_at(offset, there).await?;
        }
        let append = self.append;
        let upload = self.upload()?;
        let (at, offset) = (upload.position(), if append { upload.position() } else { offset });
        if offset < at {
            return Err(Failed::new(
                Code::Unsupported,
                "a file is written once, from its beginning to its end; nothing was changed",
            ));
        }
        if offset > at {
            return self.keep(offset, data);
        }
        upload.write(data).await?;
        self.catch_up().await
    }

    /// Begins where the client does.
    async fn begin_at(&mut self, offset: u64, there: Option<u64>) -> Result<(), Failed> {
        let kept = match there {
            Some(size) => Some(size),
            None => self.tree.partial(&self.path).await?,
        };
        let start = match (kept, there) {
            // Some clients count from where they begin.
            (Some(size), Some(_)) if self.append && offset == 0 => size,
            (Some(size), _) if offset == size => size,
            // What was kept of an upload that broke off may be begun anew; a file may not be written into.
            (_, None) if offset == 0 => 0,
            (Some(0), Some(_)) => 0,
            (kept, _) => {
                let at = kept.unwrap_or(0);
                let text = format!(
                    "a file is written as a whole or gone on with at its end, here at {at}; nothing was changed"
                );
                return Err(Failed::new(Code::Unsupported, text));
            }
        };
        Ok(self.begin(start, None).await?)
    }

    fn upload(&mut self) -> Result<&mut Upload, Failed> {
        match &mut self.state {
            State::Under(upload) => Ok(upload),
            State::Broken(failed) => Err(failed.clone()),
            State::Waiting { .. } => Err(Failed::no_handle()),
        }
    }

    fn keep(&mut self, offset: u64, data: Bytes) -> Result<(), Failed> {
        if data.is_empty() {
            return Ok(());
        }
        self.early_bytes += data.len();
        let full = self.early_bytes > OVERTAKING || self.early.len() >= OVERTAKERS;
        if full || self.early.insert(offset, data).is_some() {
            let text = "a file is written from its beginning to its end, without gaps; nothing was changed";
            return Err(Failed::new(Code::Unsupported, text));
        }
        Ok(())
    }

    /// Writes what came early and is next now.
    async fn catch_up(&mut self) -> Result<(), Failed> {
        loop {
            let at = self.upload()?.position();
            let Some(data) = self.early.remove(&at) else { return Ok(()) };
            self.early_bytes -= data.len();
            self.upload()?.write(data).await?;
        }
    }

    /// How large it is so far.
    pub(super) fn told(&self) -> (u64, Option<Timestamp>) {
        let size = match &self.state {
            State::Waiting { there } => there.unwrap_or(0),
            State::Under(upload) => upload.position(),
            State::Broken(_) => 0,
        };
        (size, self.modified)
    }

    /// Notes when it was modified.
    pub(super) async fn set_modified(&mut self, modified: Timestamp) -> Result<(), Failed> {
        self.modified = Some(modified);
        match &mut self.state {
            State::Under(upload) => upload.set_modified(modified),
            State::Waiting { there: Some(_) } => self.tree.set_modified(&self.path, modified).await?,
            State::Waiting { there: None } | State::Broken(_) => {}
        }
        Ok(())
    }

    /// Cuts it at a size: to nothing before anything was written, or where it ends anyway.
    pub(super) async fn set_size(&mut self, size: u64) -> Result<(), Failed> {
        match &self.state {
            State::Waiting { there } if there.unwrap_or(0) == size => Ok(()),
            State::Waiting { .. } if size == 0 => Ok(self.begin(0, None).await?),
            State::Under(upload) if upload.position() == size && self.early.is_empty() => Ok(()),
            State::Broken(failed) => Err(failed.clone()),
            State::Waiting { .. } | State::Under(_) => Err(Failed::new(
                Code::Unsupported,
                "a file is cut to nothing before it is written, or not at all",
            )),
        }
    }

    /// Bytes of what is there, for a client that reads before it writes.
    pub(super) async fn read_at(&mut self, offset: u64, length: usize) -> Result<Bytes, Failed> {
        match &self.state {
            State::Waiting { there: Some(_) } => {
                let reader = match &mut self.reader {
                    Some(reader) => reader,
                    none @ None => {
                        let opened = self.tree.open(&self.path, OpenOptions::default()).await?;
                        none.insert(Box::new(opened))
                    }
                };
                Ok(reader.read_at(offset, length).await?)
            }
            State::Waiting { there: None } => Ok(Bytes::new()),
            State::Under(_) | State::Broken(_) => {
                Err(Failed::new(Code::Unsupported, "a file is not read while it is written"))
            }
        }
    }

    /// Where it will be.
    pub(super) fn path(&self) -> &TreePath {
        &self.path
    }

    /// Makes it a file.
    pub(super) async fn close(mut self) -> Result<(), Failed> {
        let gap = !self.early.is_empty();
        match self.state {
            // Nothing came: what was there or kept stays.
            State::Waiting { .. } => Ok(()),
            State::Broken(failed) => Err(failed),
            State::Under(_) if gap => {
                self.early.clear();
                Err(Failed::new(Code::Failure, "bytes are missing in the middle; nothing was stored"))
            }
            State::Under(upload) => {
                upload.finish().await?;
                Ok(())
            }
        }
    }
}

/// The size of the file that is there.
async fn existing(tree: &Tree, path: &TreePath) -> Result<u64, FileError> {
    let entry = tree.stat(path).await?;
    if entry.is_folder() { Err(FileError::IsFolder) } else { Ok(entry.size()) }
}
