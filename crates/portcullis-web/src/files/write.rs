//! Uploads that come whole, and deletions.

use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use futures_util::TryStreamExt as _;
use http::StatusCode;
use http::header::{ETAG, HeaderValue};
use portcullis_access::{
    AccessError, BackendErrorKind, Body as FileBody, BodyFault, Delete, DeleteOptions, Get, GetOptions, Put,
    PutOutcome, StorageAccess,
};
use portcullis_domain::{BucketName, ObjectKey};

use super::{Call, refused, target};
use crate::app::App;
use crate::dav::Change;
use crate::handlers::file;
use crate::headers;
use crate::problem::{Problem, Result};

/// `PUT`: when it is answered the file is durable; when it is refused nothing has changed.
pub(super) async fn put(call: &Call<'_>, bucket: &BucketName, name: &str, body: Body) -> Result<Response> {
    let key = target::key(name)?;
    let options = file::put_options(&call.parts.headers)?;
    let at = call.enter(bucket).await?;
    let grant = at.grant::<Put>(key.clone()).map_err(refused)?;
    let before = Before::of(call.app, &at, &key).await?;
    let stream = body.into_data_stream().map_err(|_| BodyFault::Disconnected);
    let outcome = grant.put(FileBody::Stream(Box::pin(stream)), options).await.map_err(refused)?;
    Ok(stored(before, &outcome))
}

/// What was there before something is written, as far as the caller may know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Before {
    /// Nothing, or nothing that the caller may know of.
    Nothing,
    /// A file.
    File,
}

impl Before {
    /// Looks, and refuses if somebody else has a lock on it.
    pub(super) async fn of(app: &App, at: &StorageAccess, key: &ObjectKey) -> Result<Self> {
        if !at.permits::<Get>(key) {
            return Ok(Self::Nothing);
        }
        let grant = at.grant::<Get>(key.clone()).map_err(refused)?;
        let before = match grant.head(&GetOptions::default()).await {
            Ok(_) => Self::File,
            Err(AccessError::Backend(error)) if error.kind == BackendErrorKind::NotFound => Self::Nothing,
            Err(error) => return Err(refused(error)),
        };
        let change = match before {
            Self::Nothing => Change::Create,
            Self::File => Change::Write,
        };
        if app.locks.allows(at.storage().id, key.as_str(), change) { Ok(before) } else { Err(locked()) }
    }
}

/// The answer to an upload that is complete.
pub(super) fn stored(before: Before, outcome: &PutOutcome) -> Response {
    let status = match before {
        Before::Nothing => StatusCode::CREATED,
        Before::File => StatusCode::NO_CONTENT,
    };
    let mut response = status.into_response();
    if let Ok(etag) = HeaderValue::try_from(format!("\"{}\"", outcome.etag)) {
        response.headers_mut().insert(ETAG, etag);
    }
    response
}

/// `DELETE`: of what is not there it is the same.
pub(super) async fn delete(call: &Call<'_>, bucket: &BucketName, name: &str) -> Result<Response> {
    let key = target::key(name)?;
    let options =
        DeleteOptions { if_match: headers::if_match(&call.parts.headers), ..DeleteOptions::default() };
    let at = call.enter(bucket).await?;
    let grant = at.grant::<Delete>(key.clone()).map_err(refused)?;
    if !call.app.locks.allows(at.storage().id, key.as_str(), Change::Remove) {
        return Err(locked());
    }
    grant.delete(options).await.map_err(refused)?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// The problem of a file that somebody has locked over WebDAV.
fn locked() -> Problem {
    let detail = "Somebody has locked this over WebDAV; try again when they are done.";
    Problem::new(StatusCode::LOCKED, "locked", "Locked", detail)
}
