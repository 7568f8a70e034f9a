//! One file: up, down, look at, delete. The name is a query parameter, so that nothing on the way can bend it.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use futures_util::TryStreamExt as _;
use http::header::{CONTENT_LENGTH, HeaderValue};
use http::{HeaderMap, StatusCode};
use portcullis_access::{
    AccessError, Body as FileBody, BodyFault, Delete, DeleteOptions, Get, GetOptions, GetOutcome, Grant,
    Object, ObjectMeta, Put, PutOptions,
};
use portcullis_domain::{ObjectKey, StorageId};
use serde::Deserialize;
use utoipa::IntoParams;

use super::ok;
use crate::app::App;
use crate::dto::StoredOut;
use crate::extract::{Caller, Id, Params, from_text};
use crate::headers::{self, download};
use crate::problem::{Problem, Result};

/// Which file.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct FileQuery {
    /// Its name: 1 to 1,024 bytes of UTF-8, percent-encoded. Taken as it is: `a//b`, `a/` and `a` are three names.
    #[serde(default, deserialize_with = "from_text")]
    #[param(value_type = String, required)]
    key: Option<ObjectKey>,
}

impl FileQuery {
    fn key(self) -> Result<ObjectKey> {
        self.key.ok_or_else(|| Problem::invalid_field("key", "the name of the file is needed"))
    }
}

/// Download a file. `Range` and the conditional headers of RFC 9110 are honoured.
///
/// What comes is never to be shown by a browser as a page of this server: it is sent as an attachment, in a sandbox.
#[utoipa::path(
    get, path = "/api/v1/storages/{id}/file", tag = "files", operation_id = "getFile",
    params(
        ("id" = String, Path, description = "The storage."), FileQuery,
        ("Range" = Option<String>, Header, description = "One range of bytes."),
        ("If-Match" = Option<String>, Header, description = "Only if the file has one of these entity tags."),
        ("If-None-Match" = Option<String>, Header, description = "Only if the file has none of these entity tags."),
    ),
    responses(
        (status = 200, description = "The bytes.", body = [u8], content_type = "application/octet-stream"),
        (status = 206, description = "Some of the bytes.", body = [u8], content_type = "application/octet-stream"),
        (status = 304, description = "The file is the one that the client has."),
    )
)]
pub(crate) async fn get(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    Id(id): Id<StorageId>,
    Params(query): Params<FileQuery>,
    given: HeaderMap,
) -> Result<Response> {
    let key = query.key()?;
    let grant = app.access.storage_by_id(&who, id).await?.grant::<Get>(key)?;
    Ok(read(grant, &given, false).await?)
}

/// The answer to a download, or to a look at what it would say.
///
/// # Errors
/// As [`Grant::get`].
pub(crate) async fn read(grant: Grant<Get>, given: &HeaderMap, head: bool) -> Result<Response, AccessError> {
    let key = grant.target().clone();
    let conditions = headers::read_conditions(given);
    let unchanged =
        |meta: &ObjectMeta| (StatusCode::NOT_MODIFIED, download::validators(meta)).into_response();
    if head {
        let options = GetOptions { conditions, ..GetOptions::default() };
        return Ok(match grant.head(&options).await? {
            GetOutcome::Found(meta) => {
                let mut told = download::of_file(&key, &meta);
                told.insert(CONTENT_LENGTH, HeaderValue::from(meta.size));
                (told, Body::empty()).into_response()
            }
            GetOutcome::NotModified(meta) => unchanged(&meta),
        });
    }
    let options = GetOptions { range: headers::range(given), conditions, ..GetOptions::default() };
    Ok(match grant.get(options).await? {
        GetOutcome::Found(object) => downloaded(&key, object),
        GetOutcome::NotModified(meta) => unchanged(&meta),
    })
}

/// An answer with the bytes of a file, as something to be stored and never shown.
pub(crate) fn downloaded(key: &ObjectKey, object: Object) -> Response {
    let Object { meta, range, body } = object;
    let mut told = download::of_file(key, &meta);
    let (status, length) = match range {
        Some(range) => {
            told.extend(download::content_range(range, meta.size));
            (StatusCode::PARTIAL_CONTENT, range.last.saturating_sub(range.first).saturating_add(1))
        }
        None => (StatusCode::OK, meta.size),
    };
    told.insert(CONTENT_LENGTH, HeaderValue::from(length));
    let body = match body {
        FileBody::Full(bytes) => Body::from(bytes),
        // The length was told: a client sees that a body which ends here was cut off.
        FileBody::Stream(stream) => {
            Body::from_stream(stream.map_err(|fault| std::io::Error::other(format!("{fault:?}"))))
        }
    };
    (status, told, body).into_response()
}

/// Look at a file: what a download would say of it, without its bytes.
#[utoipa::path(
    head, path = "/api/v1/storages/{id}/file", tag = "files", operation_id = "headFile",
    params(("id" = String, Path, description = "The storage."), FileQuery),
    responses(
        (status = 200, description = "It is there; the headers say what is known of it."),
        (status = 304, description = "The file is the one that the client has."),
    )
)]
pub(crate) async fn head(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    Id(id): Id<StorageId>,
    Params(query): Params<FileQuery>,
    given: HeaderMap,
) -> Result<Response> {
    let key = query.key()?;
    let grant = app.access.storage_by_id(&who, id).await?.grant::<Get>(key)?;
    Ok(read(grant, &given, true).await?)
}

/// How an upload is to be stored, as its headers say.
///
/// # Errors
/// A problem with status 400 for a header that is malformed, or that an upload cannot have.
pub(crate) fn put_options(given: &HeaderMap) -> Result<PutOptions> {
    Ok(PutOptions {
        length: headers::length(given)?,
        content: headers::content(given),
        digests: headers::digests(given)?,
        conditions: headers::write_conditions(given)?,
        ..PutOptions::default()
    })
}

/// Upload a file. When this answers, the bytes are durable; when it fails, nothing changed.
///
/// `Content-Type` and the other content headers are kept. `Content-MD5` is checked. `If-Match` and `If-None-Match: *`
/// are decided in the same moment as the file is stored; they need the right to read.
#[utoipa::path(
    put, path = "/api/v1/storages/{id}/file", tag = "files", operation_id = "putFile",
    params(
        ("id" = String, Path, description = "The storage."), FileQuery,
        ("Content-MD5" = Option<String>, Header, pattern = "^[A-Za-z0-9+/]{21}[AQgw]==$", description = "The MD5 that the bytes have to have, in base64."),
        ("If-Match" = Option<String>, Header, description = "Only if the file that is there has one of these entity tags."),
        ("If-None-Match" = Option<String>, Header, pattern = r"^\*$", description = "`*`: only if there is no such file."),
    ),
    request_body(content = [u8], content_type = "application/octet-stream"),
    responses((status = 200, description = "Stored.", body = StoredOut))
)]
pub(crate) async fn put(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    Id(id): Id<StorageId>,
    Params(query): Params<FileQuery>,
    request: Request,
) -> Result<Response> {
    let key = query.key()?;
    let (parts, body) = request.into_parts();
    let options = put_options(&parts.headers)?;
    let grant = app.access.storage_by_id(&who, id).await?.grant::<Put>(key)?;
    let name = grant.target().to_string();
    let stream = body.into_data_stream().map_err(|_| BodyFault::Disconnected);
    let outcome = grant.put(FileBody::Stream(Box::pin(stream)), options).await?;
    ok(&StoredOut::new(name, &outcome))
}

/// Delete a file. Deleting one that is not there succeeds.
#[utoipa::path(
    delete, path = "/api/v1/storages/{id}/file", tag = "files", operation_id = "deleteFile",
    params(
        ("id" = String, Path, description = "The storage."), FileQuery,
        ("If-Match" = Option<String>, Header, description = "Only if the file has one of these entity tags."),
    ),
    responses((status = 204, description = "It is not there any more."))
)]
pub(crate) async fn delete(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    Id(id): Id<StorageId>,
    Params(query): Params<FileQuery>,
    given: HeaderMap,
) -> Result<StatusCode> {
    let key = query.key()?;
    let options = DeleteOptions { if_match: headers::if_match(&given), ..DeleteOptions::default() };
    let grant = app.access.storage_by_id(&who, id).await?.grant::<Delete>(key)?;
    grant.delete(options).await?;
    Ok(StatusCode::NO_CONTENT)
}
