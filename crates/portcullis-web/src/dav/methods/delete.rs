//! `DELETE`: a file, or a folder with everything in it.

use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use http::header::IF_MATCH;
use portcullis_files::{FileError, Kind};

use crate::dav::call::{Call, Depth};
use crate::dav::locks::Change;
use crate::dav::reply::{Refusal, Result};
use crate::headers;

pub(super) async fn delete(call: &Call) -> Result<Response> {
    call.needs_to_see().await?;
    let entry = call.tree.stat(&call.path).await?;
    call.holds().await?;
    let wanted = headers::if_match(&call.headers);
    if call.headers.contains_key(IF_MATCH) {
        let holds = match (&entry.kind, &wanted) {
            (Kind::File { etag, .. }, Some(tags)) => tags.matches(etag),
            (Kind::File { .. } | Kind::Folder, _) => false,
        };
        if !holds {
            return Err(Refusal::precondition());
        }
    }
    if entry.is_folder() {
        if call.path.is_top() {
            return Err(FileError::Denied.into());
        }
        if !matches!(call.depth()?, None | Some(Depth::Infinity)) {
            return Err(Refusal::bad("A folder goes with everything in it: the header Depth is infinity."));
        }
        call.free(&call.path, Change::Remove).await?;
        call.tree.remove_all(&call.path).await?;
    } else {
        call.free(&call.path, Change::Remove).await?;
        call.tree.remove_file(&call.path, wanted).await?;
    }
    call.unlocked(&call.path).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
