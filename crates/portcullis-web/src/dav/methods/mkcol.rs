//! `MKCOL`: a folder.

use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use http_body::Body as _;
use portcullis_files::FileError;

use crate::dav::call::Call;
use crate::dav::locks::Change;
use crate::dav::reply::{Refusal, Result};

pub(super) async fn mkcol(call: &Call, body: Body) -> Result<Response> {
    if !body.is_end_stream() {
        let detail = "A folder is made without a document.";
        return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail));
    }
    let there = || Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "There is something of this name.");
    if call.path.is_top() {
        return Err(there());
    }
    if !call.only_writes().await? {
        call.holds().await?;
        call.free(&call.path, Change::Create).await?;
    } else if call.has_condition() {
        return Err(FileError::Denied.into());
    }
    match call.tree.make_folder(&call.path).await {
        Ok(()) => Ok(StatusCode::CREATED.into_response()),
        Err(FileError::Exists) => Err(there()),
        Err(error) => Err(error.into()),
    }
}
