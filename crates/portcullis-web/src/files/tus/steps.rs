//! Uploads in steps for other doors of this server: the same uploads, begun and gone on with by other means than headers.

use std::sync::Arc;

use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::HeaderMap;
use portcullis_access::{
    Body as FileBody, ContentHeaders, Principal, Put, PutOptions, StorageAccess, UploadOptions,
};
use portcullis_control::ResumableState;
use portcullis_domain::{ObjectKey, Timestamp};

use super::progress::{Progress, part_size};
use super::{Open, create, give_up, headers, patch, refused};
use crate::app::App;
use crate::problem::{Problem, Result};

/// An upload under way.
pub(crate) struct Steps(Open);

/// What it becomes.
pub(crate) struct NewSteps<'a> {
    /// What its sender calls the place, to be told again.
    pub(crate) path: &'a str,
    /// Bytes.
    pub(crate) length: u64,
    /// What is kept with it.
    pub(crate) content_type: Option<String>,
}

impl Steps {
    /// Begins an upload of this key. One of no bytes is a file at once.
    ///
    /// # Errors
    /// 403, 413 for more than an upload may have, 429 for more uploads than a key may have under way.
    pub(crate) async fn begin(
        (app, who): (&Arc<App>, &Principal),
        at: StorageAccess,
        key: ObjectKey,
        new: NewSteps<'_>,
    ) -> Result<Self> {
        let NewSteps { path, length, content_type } = new;
        let Some(part_size) = part_size(length) else {
            let detail = "This is more than an upload in steps may have.";
            return Err(Problem::new(http::StatusCode::PAYLOAD_TOO_LARGE, "too-large", "Too large", detail));
        };
        let mut told = format!("filename {}", STANDARD.encode(path));
        if let Some(kind) = &content_type {
            told.push_str(&format!(",filetype {}", STANDARD.encode(kind)));
        }
        // As it will be read.
        headers::told_text(&told)?;
        let content = ContentHeaders { content_type, ..ContentHeaders::default() };
        let grant = at.grant::<Put>(key.clone()).map_err(refused)?;
        let upload = if length > part_size {
            let options = UploadOptions { content: content.clone(), ..UploadOptions::default() };
            Some(grant.create_upload(options).await.map_err(refused)?)
        } else {
            drop(grant);
            None
        };
        let open = create::begin((app, who), &at, &key, (length, part_size), (upload, &told)).await?;
        if length == 0 {
            let options = PutOptions { length: Some(0), content, ..PutOptions::default() };
            open.grant()?.put(FileBody::Full(Bytes::new()), options).await.map_err(refused)?;
            open.app.control.settle_resumable(&open.upload, ResumableState::Done).await?;
        }
        Ok(Self(open))
    }

    /// The upload with this id, if this key began it and may still put there.
    ///
    /// # Errors
    /// 403; 404 for one of somebody else, as for none.
    pub(crate) async fn find((app, who): (&Arc<App>, &Principal), id: &str) -> Result<Self> {
        let upload = app.control.resumable(who, id).await?.ok_or_else(Problem::not_found)?;
        let at = app.access.storage_by_id(who, upload.storage).await.map_err(refused)?;
        let key = upload.object.clone();
        drop(at.grant::<Put>(key.clone()).map_err(refused)?);
        Ok(Self(Open { app: Arc::clone(app), at, key, upload }))
    }

    pub(crate) fn id(&self) -> &str {
        &self.0.upload.id
    }

    /// What its sender called the place.
    pub(crate) fn path(&self) -> Result<String> {
        Ok(headers::told_text(&self.0.upload.told)?.filename.unwrap_or_default())
    }

    pub(crate) fn length(&self) -> u64 {
        self.0.upload.length
    }

    /// Until when it can be gone on with.
    pub(crate) fn expires(&self) -> Timestamp {
        self.0.upload.expires
    }

    /// Where it goes on, and whether it is a file.
    ///
    /// # Errors
    /// 410 if it was given up elsewhere.
    pub(crate) async fn progress(&self) -> Result<(u64, bool)> {
        let progress = Progress::of(&self.0).await?;
        Ok((progress.offset, progress.done))
    }

    /// Takes the next bytes, from where it goes on; says where it does then. It is a file when all have come.
    ///
    /// # Errors
    /// 400 if they break off: what came until then is kept. 403, 413, 507.
    pub(crate) async fn take(self, offset: u64, body: Body) -> Result<u64> {
        patch::receive(self.0, offset, &HeaderMap::new(), body).await
    }

    /// Gives it up.
    ///
    /// # Errors
    /// 403.
    pub(crate) async fn give_up(&self) -> Result<()> {
        give_up(&self.0).await
    }
}
