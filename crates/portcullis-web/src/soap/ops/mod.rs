//! The operations.

mod change;
mod entry;
mod get;
mod incoming;
mod look;
mod put;
mod uploads;

use std::sync::Arc;

use axum::response::Response;
use portcullis_access::{Delete, Get, List, Principal};
use portcullis_domain::{KeyPrefix, ObjectKey};
use portcullis_files::{FileError, Tree, TreePath};

use super::answer::Answer;
use super::envelope;
use super::fault::{Fault, Result};
use super::operation::SoapOperation;
use super::params::Params;
use super::source::Source;
use super::version::Version;
use super::xml::XmlReader;
use crate::app::App;
use crate::dav::Change;

/// A request of somebody who is known.
pub(super) struct Call {
    pub(super) app: Arc<App>,
    pub(super) who: Principal,
    pub(super) tree: Tree,
    pub(super) version: Version,
    pub(super) operation: SoapOperation,
    /// Whether bytes may be answered beside the envelope.
    pub(super) takes_mtom: bool,
}

/// Carries an operation out, whose element was just begun.
pub(super) async fn carry_out(call: &Call, reader: XmlReader<Source>) -> Result<Response> {
    match call.operation {
        SoapOperation::ListFolder => {
            look::list(call, whole(reader, &["path", "limit", "cursor"]).await?).await
        }
        SoapOperation::Stat => look::stat(call, whole(reader, &["path"]).await?).await,
        SoapOperation::GetFile => {
            get::get(call, whole(reader, &["path", "offset", "length", "ifMatch"]).await?).await
        }
        SoapOperation::PutFile => put::put(call, reader).await,
        SoapOperation::Delete => {
            change::delete(call, whole(reader, &["path", "recursive", "ifMatch"]).await?).await
        }
        SoapOperation::Move => change::rename(call, whole(reader, &["path", "to", "replace"]).await?).await,
        SoapOperation::MakeFolder => change::make_folder(call, whole(reader, &["path"]).await?).await,
        SoapOperation::BeginUpload => {
            uploads::begin(call, whole(reader, &["path", "length", "contentType"]).await?).await
        }
        SoapOperation::UploadPart => uploads::part(call, reader).await,
        SoapOperation::CompleteUpload => uploads::complete(call, whole(reader, &["uploadId"]).await?).await,
        SoapOperation::AbortUpload => uploads::abort(call, whole(reader, &["uploadId"]).await?).await,
    }
}

/// What an operation without content is given. Nothing is done before all of the request has come.
async fn whole(mut reader: XmlReader<Source>, names: &[&'static str]) -> Result<Params> {
    let (params, _) = Params::read(&mut reader, names).await?;
    envelope::end(reader).await?.end().await?;
    Ok(params)
}

impl Call {
    fn answer(&self) -> Answer {
        Answer::to(self.version, self.operation)
    }

    /// An answer that says no more than that it is done.
    fn done(&self) -> Response {
        self.answer().finish(self.operation)
    }

    /// Whether this caller may only write there.
    async fn is_blind(&self, path: &TreePath) -> Result<bool> {
        match self.tree.only_writes(path).await {
            // Above all storages nobody writes.
            Err(FileError::NotFound) => Ok(false),
            other => Ok(other?),
        }
    }

    /// Refuses a caller who may only write, for the right that they do not have, whatever is there.
    ///
    /// # Errors
    /// `AccessDenied`.
    async fn needs_to_see(&self, path: &TreePath) -> Result<()> {
        if !self.is_blind(path).await? {
            return Ok(());
        }
        let (storage, key) = self.tree.place(path).await?;
        let at = self.app.access.storage_by_id(&self.who, storage).await.map_err(FileError::from)?;
        let object = || ObjectKey::parse(&key).map_err(|_| FileError::Denied);
        // The refusal is in the audit trail with the reason that is the caller's.
        match self.operation {
            SoapOperation::ListFolder => {
                let prefix = if key.is_empty() { String::new() } else { format!("{key}/") };
                let prefix = KeyPrefix::parse(&prefix).map_err(|_| FileError::Denied)?;
                drop(at.grant::<List>(prefix).map_err(FileError::from)?);
            }
            SoapOperation::Delete | SoapOperation::Move => {
                drop(at.grant::<Delete>(object()?).map_err(FileError::from)?)
            }
            SoapOperation::Stat
            | SoapOperation::GetFile
            | SoapOperation::PutFile
            | SoapOperation::MakeFolder
            | SoapOperation::BeginUpload
            | SoapOperation::UploadPart
            | SoapOperation::CompleteUpload
            | SoapOperation::AbortUpload => drop(at.grant::<Get>(object()?).map_err(FileError::from)?),
        }
        Err(FileError::Denied.into())
    }

    /// Refuses a file where somebody has locked what is there, or the folder that it would be new in.
    ///
    /// # Errors
    /// `Locked`.
    async fn free_to_put(&self, path: &TreePath) -> Result<()> {
        if !self.app.locks.any() {
            return Ok(());
        }
        match self.tree.stat(path).await {
            Ok(_) => self.free(path, Change::Write).await,
            Err(FileError::NotFound) => self.free(path, Change::Create).await,
            Err(error) => Err(error.into()),
        }
    }

    /// Refuses what somebody has locked over WebDAV.
    ///
    /// # Errors
    /// `Locked`.
    async fn free(&self, path: &TreePath, change: Change) -> Result<()> {
        if !self.app.locks.any() {
            return Ok(());
        }
        match self.tree.place(path).await {
            Ok((storage, key)) if !self.app.locks.allows(storage, &key, change) => Err(Fault::locked()),
            // Where there is nothing to lock, what follows says so.
            Ok(_) | Err(_) => Ok(()),
        }
    }
}
