//! What is done.

use std::collections::VecDeque;

use bytes::Bytes;
use portcullis_files::{Entry, FileError, IfThere, OpenOptions, Tree, TreePath, WriteOptions};

use super::attrs::{Attrs, Told};
use super::channel::Working;
use super::handles::{After, Folder, MOST_OPEN, Open};
use super::reply::{Code, Failed, MOST_READ, Reply};
use super::request::{Asked, OpenFlags};
use super::writing::Writing;

/// How many entries of a folder are read at once.
const PAGE: usize = 500;
/// How many entries, and about how many bytes of names, one answer holds.
const NAMES: usize = 128;
const NAME_BYTES: usize = 48 * 1024;

type Answer = Result<Reply, Failed>;

impl Working<'_> {
    pub(super) async fn answer(&mut self, asked: Asked) -> Answer {
        match asked {
            Asked::Open { path, flags, attrs } => self.open(&path, flags, attrs).await,
            Asked::Close { handle } => self.close(&handle).await,
            Asked::Read { handle, offset, length } => self.read(&handle, offset, length).await,
            Asked::Write { handle, offset, data } => self.write(&handle, offset, data).await,
            Asked::Stat { path } => self.stat(&path).await,
            Asked::Fstat { handle } => self.fstat(&handle),
            Asked::Setstat { path, attrs } => self.setstat(&path, attrs).await,
            Asked::Fsetstat { handle, attrs } => self.fsetstat(&handle, attrs).await,
            Asked::Opendir { path } => self.opendir(&path).await,
            Asked::Readdir { handle } => self.readdir(&handle).await,
            Asked::Remove { path } => done(self.tree().remove_file(&place(&path)?, None).await),
            Asked::Mkdir { path } => done(self.tree().make_folder(&place(&path)?).await),
            Asked::Rmdir { path } => done(self.tree().remove_folder(&place(&path)?).await),
            Asked::Realpath { path } => Ok(Reply::Path(place(&path)?.to_string())),
            Asked::Rename { from, to, replace } => {
                let there = if replace { IfThere::Replace } else { IfThere::Refuse };
                done(self.tree().rename(&place(&from)?, &place(&to)?, there).await.map(drop))
            }
            Asked::Statvfs { path } => Ok(Reply::Space(self.tree().space(&place(&path)?).await?)),
            Asked::Fstatvfs { handle } => self.fstatvfs(&handle).await,
            Asked::Limits => Ok(Reply::Limits { handles: MOST_OPEN }),
            Asked::Refused(why) => Err(Failed::new(Code::Unsupported, why)),
            Asked::Init { .. } => Err(Failed::new(Code::BadMessage, "the version was agreed on")),
        }
    }

    fn tree(&self) -> &Tree {
        &self.login.tree
    }

    async fn open(&mut self, path: &[u8], flags: OpenFlags, attrs: Attrs) -> Answer {
        let path = place(path)?;
        let written = flags.has(OpenFlags::WRITE) || flags.has(OpenFlags::APPEND);
        if !written && !flags.has(OpenFlags::READ) {
            return Err(Failed::new(Code::BadMessage, "to be read or written, one of them"));
        }
        let room = self.shared.counts.take(written)?;
        let open = if written {
            let mut writing = Writing::open(self.tree(), path, flags).await?;
            if let Some(modified) = attrs.modified() {
                writing.set_modified(modified).await?;
            }
            Open::Writing(Box::new(writing))
        } else {
            Open::Reading(Box::new(self.tree().open(&path, OpenOptions::default()).await?))
        };
        let under_way = self.shared.activity.open();
        Ok(Reply::Handle(self.handles.add(open, room, Some(under_way))))
    }

    async fn close(&mut self, handle: &[u8]) -> Answer {
        // Its place is kept until it is stored.
        let (open, _place) = self.handles.remove(handle)?;
        match open {
            Open::Writing(writing) => writing.close().await?,
            Open::Reading(_) | Open::Folder(_) => {}
        }
        Ok(Reply::Done)
    }

    async fn read(&mut self, handle: &[u8], offset: u64, length: u32) -> Answer {
        let length = usize::try_from(length).unwrap_or(MOST_READ).min(MOST_READ);
        let data = match self.handles.get(handle)? {
            Open::Reading(reader) => reader.read_at(offset, length).await?,
            Open::Writing(writing) => writing.read_at(offset, length).await?,
            Open::Folder(_) => return Err(Failed::no_handle()),
        };
        if data.is_empty() && length > 0 { Err(Failed::eof()) } else { Ok(Reply::Data(data)) }
    }

    async fn write(&mut self, handle: &[u8], offset: u64, data: Bytes) -> Answer {
        match self.handles.get(handle)? {
            Open::Writing(writing) => writing.write(offset, data).await?,
            Open::Reading(_) => return Err(Failed::new(Code::PermissionDenied, "it was opened to be read")),
            Open::Folder(_) => return Err(Failed::no_handle()),
        }
        Ok(Reply::Done)
    }

    /// What is kept of an upload that broke off is told as a file: from its size clients know where to go on.
    async fn stat(&mut self, path: &[u8]) -> Answer {
        let path = place(path)?;
        if let Some(writing) = self.handles.written(&path) {
            let (size, modified) = writing.told();
            return Ok(Reply::Attrs(Told::coming(size, modified)));
        }
        match self.tree().stat(&path).await {
            Ok(entry) => Ok(Reply::Attrs(Told::of(&entry))),
            Err(FileError::NotFound) => match self.tree().partial(&path).await {
                Ok(Some(kept)) => Ok(Reply::Attrs(Told::coming(kept, None))),
                Ok(None) | Err(_) => Err(FileError::NotFound.into()),
            },
            Err(error) => Err(error.into()),
        }
    }

    fn fstat(&mut self, handle: &[u8]) -> Answer {
        let told = match self.handles.get(handle)? {
            Open::Reading(reader) => Told::of(reader.entry()),
            Open::Writing(writing) => {
                let (size, modified) = writing.told();
                Told::coming(size, modified)
            }
            Open::Folder(folder) => Told::of(&folder_of(&folder.path)),
        };
        Ok(Reply::Attrs(told))
    }

    async fn setstat(&mut self, path: &[u8], attrs: Attrs) -> Answer {
        let path = place(path)?;
        if let Some(writing) = self.handles.written(&path) {
            return change(writing, attrs).await;
        }
        if let Some(size) = attrs.size {
            cut(self.tree(), &path, size).await?;
        }
        if let Some(modified) = attrs.modified() {
            self.tree().set_modified(&path, modified).await?;
        }
        Ok(Reply::Done)
    }

    async fn fsetstat(&mut self, handle: &[u8], attrs: Attrs) -> Answer {
        match self.handles.get(handle)? {
            Open::Writing(writing) => change(writing, attrs).await,
            // Modes and owners are accepted and forgotten; what would change the file is not.
            Open::Reading(_) | Open::Folder(_) if attrs == Attrs::default() => Ok(Reply::Done),
            Open::Reading(_) | Open::Folder(_) => {
                Err(Failed::new(Code::PermissionDenied, "it was opened to be read"))
            }
        }
    }

    async fn opendir(&mut self, path: &[u8]) -> Answer {
        let path = place(path)?;
        let room = self.shared.counts.take(false)?;
        self.tree().enter(&path).await?;
        let folder = Folder { path, entries: VecDeque::new(), after: After::Nothing };
        Ok(Reply::Handle(self.handles.add(Open::Folder(folder), room, None)))
    }

    async fn readdir(&mut self, handle: &[u8]) -> Answer {
        let tree = self.login.tree.clone();
        let Open::Folder(folder) = self.handles.get(handle)? else { return Err(Failed::no_handle()) };
        while folder.entries.is_empty() {
            let after = match &folder.after {
                After::All => return Err(Failed::eof()),
                After::Nothing => None,
                After::Some(after) => Some(after.as_str()),
            };
            let page = tree.page(&folder.path, after, PAGE).await?;
            folder.after = page.next.map_or(After::All, After::Some);
            folder.entries = page.entries.into();
        }
        let (mut names, mut bytes) = (Vec::new(), 0);
        while bytes < NAME_BYTES
            && names.len() < NAMES
            && let Some(entry) = folder.entries.pop_front()
        {
            // Twice: alone, and in the line that is shown.
            bytes += 2 * entry.name.len() + 100;
            let told = Told::of(&entry);
            names.push((entry.name, told));
        }
        Ok(Reply::Names(names))
    }

    async fn fstatvfs(&mut self, handle: &[u8]) -> Answer {
        let path = match self.handles.get(handle)? {
            Open::Writing(writing) => writing.path().clone(),
            Open::Folder(folder) => folder.path.clone(),
            Open::Reading(_) => TreePath::top(),
        };
        Ok(Reply::Space(self.tree().space(&path).await?))
    }
}

/// The path that a request names. One that is relative begins at the top, where every session is.
fn place(path: &[u8]) -> Result<TreePath, Failed> {
    TreePath::top().join(path).map_err(|error| FileError::Path(error).into())
}

fn done(result: Result<(), FileError>) -> Answer {
    Ok(result.map(|()| Reply::Done)?)
}

async fn change(writing: &mut Writing, attrs: Attrs) -> Answer {
    if let Some(size) = attrs.size {
        writing.set_size(size).await?;
    }
    if let Some(modified) = attrs.modified() {
        writing.set_modified(modified).await?;
    }
    Ok(Reply::Done)
}

fn folder_of(path: &TreePath) -> Entry {
    let name = path.name().unwrap_or_default().to_owned();
    Entry { name, kind: portcullis_files::Kind::Folder, modified: None }
}

/// Cuts a file to nothing, which makes an empty one in its place.
async fn cut(tree: &Tree, path: &TreePath, size: u64) -> Result<(), Failed> {
    let entry = tree.stat(path).await?;
    if entry.is_folder() {
        return Err(FileError::IsFolder.into());
    }
    if entry.size() == size {
        return Ok(());
    }
    if size > 0 {
        return Err(Failed::new(Code::Unsupported, "a file is cut to nothing, or not at all"));
    }
    let upload = tree.write(path, WriteOptions::default()).await?;
    upload.finish().await?;
    Ok(())
}
