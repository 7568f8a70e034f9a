//! Folders and files without their bytes.

use portcullis_files::{FileError, IfThere, TreePath};

use super::command::Request;
use super::login::Here;
use super::moment::{self, Moment};
use super::reply::{Reply, quoted};
use super::session::{Answer, Session, say};

impl Session {
    pub(super) async fn cwd(&mut self, here: Here, request: &Request) -> Answer {
        let path = here.path(request)?;
        self.go(&here, path).await
    }

    pub(super) async fn cdup(&mut self, here: Here) -> Answer {
        let path = here.folder.parent();
        self.go(&here, path).await
    }

    async fn go(&mut self, here: &Here, path: TreePath) -> Answer {
        here.tree.enter(&path).await?;
        let told = format!("You are in {}", quoted(&path.to_string()));
        if let Some(login) = &mut self.login {
            login.folder = path;
        }
        Ok(Reply::new(250, told))
    }

    pub(super) async fn rnfr(&mut self, here: Here, request: &Request) -> Answer {
        let path = here.path(request)?;
        here.tree.stat(&path).await?;
        self.settings.rename_from = Some(path);
        Ok(Reply::new(350, "And the new name?"))
    }

    /// The size of a file, or what is kept of an upload that broke off: from there it can be gone on with.
    pub(super) async fn size(&mut self, here: Here, request: &Request) -> Answer {
        let path = here.path(request)?;
        match here.tree.stat(&path).await {
            Ok(entry) if entry.is_folder() => Err(FileError::IsFolder.into()),
            Ok(entry) => Ok(Reply::new(213, entry.size().to_string())),
            Err(FileError::NotFound) => {
                let kept = here.tree.partial(&path).await?.ok_or(FileError::NotFound)?;
                self.settings.kept = Some((path, kept));
                Ok(Reply::new(213, kept.to_string()))
            }
            Err(error) => Err(error.into()),
        }
    }
}

impl Here {
    pub(super) fn pwd(&self) -> Reply {
        Reply::new(257, format!("{} is the folder.", quoted(&self.folder.to_string())))
    }

    pub(super) async fn mkd(self, request: &Request) -> Answer {
        let path = self.path(request)?;
        self.tree.make_folder(&path).await?;
        Ok(Reply::new(257, format!("{} is there now.", quoted(&path.to_string()))))
    }

    pub(super) async fn rmd(self, request: &Request) -> Answer {
        self.tree.remove_folder(&self.path(request)?).await?;
        Ok(Reply::new(250, "The folder is gone."))
    }

    pub(super) async fn dele(self, request: &Request) -> Answer {
        self.tree.remove_file(&self.path(request)?, None).await?;
        Ok(Reply::new(250, "The file is gone."))
    }

    pub(super) async fn rnto(self, from: Option<TreePath>, request: &Request) -> Answer {
        let from = from.ok_or_else(|| say(503, "Say RNFR first."))?;
        self.tree.rename(&from, &self.path(request)?, IfThere::Replace).await?;
        Ok(Reply::new(250, "Renamed."))
    }

    /// When a file was modified; with a time before the name, as some clients send it, the same as MFMT.
    pub(super) async fn mdtm(self, request: &Request) -> Answer {
        let path = self.path(request)?;
        match self.tree.stat(&path).await {
            Ok(entry) => {
                let modified = entry.modified.ok_or_else(|| say(550, "That is not known of this folder."))?;
                Ok(Reply::new(213, Moment::of(modified).fact()))
            }
            Err(FileError::NotFound) if timed(&request.argument).is_some() => self.mfmt(request).await,
            Err(error) => Err(error.into()),
        }
    }

    pub(super) async fn mfmt(self, request: &Request) -> Answer {
        let (time, name) = timed(&request.argument)
            .ok_or_else(|| say(501, "Say it as MFMT YYYYMMDDHHMMSS NAME, in UTC."))?;
        let path = self.path_of(name)?;
        self.tree.set_modified(&path, time).await?;
        let told = format!("Modify={}; {path}", Moment::of(time).fact());
        Ok(Reply::new(213, told))
    }
}

/// A time, a space and a name.
fn timed(argument: &[u8]) -> Option<(portcullis_domain::Timestamp, &[u8])> {
    let space = memchr::memchr(b' ', argument)?;
    let (time, name) = (argument.get(..space)?, argument.get(space + 1..)?);
    Some((moment::parse(str::from_utf8(time).ok()?)?, name))
}
