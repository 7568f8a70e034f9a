//! Uploads that can be gone on with: tus 1.0.0, with its extensions creation, creation-with-upload, termination, expiration and checksum.
//!
//! An upload is begun at the address of the file that it becomes, and from then on has an address of its own: the same with `?upload=`.
//! Only the key that began it goes on. What is acknowledged is durable: whole parts lie in the storage as a multipart upload, which
//! any node goes on with, and what came after the last of them in the database. A part has its place in the file by its number and
//! nothing else, so that a request which was believed dead and is not writes the same bytes to the same place.

mod body;
mod create;
mod headers;
mod patch;
mod progress;
mod steps;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use http::header::{ALLOW, CACHE_CONTROL, HeaderName, HeaderValue};
use http::{HeaderMap, Method, StatusCode};
use portcullis_access::{AccessError, BackendErrorKind, Put, StorageAccess, UploadId};
use portcullis_control::{ResumableState, ResumableUpload};
use portcullis_domain::{BucketName, ObjectKey};

use super::target::{self, Target};
use super::{Call, METHODS, not_allowed, refused};
use crate::app::App;
use crate::problem::{Problem, Result};
use progress::Progress;
pub(crate) use steps::{NewSteps, Steps};

/// The header that says which version a request speaks.
pub(super) const RESUMABLE: HeaderName = HeaderName::from_static("tus-resumable");
/// The header by which clients behind some proxies say which method they mean.
const OVERRIDE: HeaderName = HeaderName::from_static("x-http-method-override");
const VERSION: HeaderValue = HeaderValue::from_static("1.0.0");

const UPLOAD_OFFSET: HeaderName = HeaderName::from_static("upload-offset");
const UPLOAD_LENGTH: HeaderName = HeaderName::from_static("upload-length");
const UPLOAD_METADATA: HeaderName = HeaderName::from_static("upload-metadata");
const UPLOAD_EXPIRES: HeaderName = HeaderName::from_static("upload-expires");

/// The memory for parts that have not come as a whole, in MiB.
pub(super) const ROOM: usize = body::Kept::ROOM;

/// Says in an answer which version this is.
pub(super) fn mark(headers: &mut HeaderMap) {
    headers.insert(RESUMABLE, VERSION);
}

/// The method that a request means: some proxies let only GET and POST pass.
pub(super) fn method_of(request: &Request) -> Method {
    let meant = request.headers().get(OVERRIDE).map(HeaderValue::as_bytes);
    let tus = request.method() == Method::POST && request.headers().contains_key(RESUMABLE);
    match meant.filter(|_| tus) {
        Some(b"PATCH") => Method::PATCH,
        Some(b"DELETE") => Method::DELETE,
        Some(_) | None => request.method().clone(),
    }
}

/// What there is to do here, for whoever asks.
pub(super) fn options() -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let told = response.headers_mut();
    told.insert(ALLOW, HeaderValue::from_static(METHODS));
    told.insert("tus-version", VERSION);
    told.insert(
        "tus-extension",
        HeaderValue::from_static("creation,creation-with-upload,termination,expiration,checksum"),
    );
    told.insert("tus-checksum-algorithm", HeaderValue::from_static(headers::ALGORITHMS));
    told.insert("tus-max-size", HeaderValue::from(progress::LARGEST));
    response
}

/// `POST` of a file's address, and everything at the address of an upload.
pub(super) async fn serve(call: &Call<'_>, method: &Method, at: Target, body: Body) -> Result<Response> {
    let Target::In(bucket, name) = at else { return Err(not_allowed()) };
    if call.parts.headers.get(RESUMABLE) != Some(&VERSION) {
        let detail = "Uploads in steps speak tus 1.0.0: send the header Tus-Resumable: 1.0.0. Others are sent with PUT.";
        let problem = Problem::new(StatusCode::PRECONDITION_FAILED, "tus-version", "Unknown version", detail);
        return Err(problem.with_header(HeaderName::from_static("tus-version"), VERSION));
    }
    let Some(id) = &call.query.upload else {
        return match *method {
            Method::POST => create::create(call, &bucket, &name, body).await,
            _ => Err(not_allowed()),
        };
    };
    let open = Open::find(call, id, &bucket, &name).await?;
    match *method {
        Method::HEAD => look(&open).await,
        Method::PATCH => patch::patch(open, call.parts.headers.clone(), body).await,
        Method::DELETE => end(&open).await,
        _ => Err(not_allowed()),
    }
}

/// An upload, and the way to where its bytes go.
#[derive(Clone)]
struct Open {
    app: Arc<App>,
    at: StorageAccess,
    key: ObjectKey,
    upload: ResumableUpload,
}

impl Open {
    /// The upload with this id. One of another key, or of another file, is none.
    async fn find(call: &Call<'_>, id: &str, bucket: &BucketName, name: &str) -> Result<Self> {
        let at = call.enter(bucket).await?;
        let key = target::key(name)?;
        // Whoever may no longer put here is told so, and nothing of the upload.
        drop(at.grant::<Put>(key.clone()).map_err(refused)?);
        let upload = call.app.control.resumable(&call.who, id).await?;
        let upload = upload.filter(|upload| upload.storage == at.storage().id && upload.object == key);
        let upload = upload.ok_or_else(Problem::not_found)?;
        Ok(Self { app: Arc::clone(call.app), at, key, upload })
    }

    fn grant(&self) -> Result<portcullis_access::Grant<Put>> {
        self.at.grant::<Put>(self.key.clone()).map_err(refused)
    }

    /// The multipart upload; none if the file has one part.
    fn multipart(&self) -> Option<UploadId> {
        (!self.upload.upload.is_empty()).then(|| UploadId(self.upload.upload.as_str().into()))
    }
}

/// `HEAD`: how far it is.
async fn look(open: &Open) -> Result<Response> {
    let progress = Progress::of(open).await?;
    let mut response = StatusCode::OK.into_response();
    let told = response.headers_mut();
    told.insert(UPLOAD_OFFSET, HeaderValue::from(progress.offset));
    told.insert(UPLOAD_LENGTH, HeaderValue::from(open.upload.length));
    told.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(metadata) = HeaderValue::try_from(&open.upload.told)
        && !open.upload.told.is_empty()
    {
        told.insert(UPLOAD_METADATA, metadata);
    }
    tell_expiry(&open.upload, told);
    Ok(response)
}

/// `DELETE`: gives it up. A file that it became stays.
async fn end(open: &Open) -> Result<Response> {
    give_up(open).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn give_up(open: &Open) -> Result<()> {
    if let Some(multipart) = open.multipart().filter(|_| open.upload.state != ResumableState::Done) {
        match open.grant()?.abort_upload(&multipart).await {
            Ok(()) => {}
            Err(error) if is_gone(&error) => {}
            Err(error) => return Err(refused(error)),
        }
    }
    Ok(open.app.control.drop_resumable(&open.upload).await?)
}

/// Whether the storage knows of no such upload.
fn is_gone(error: &AccessError) -> bool {
    matches!(error, AccessError::Backend(error) if error.kind == BackendErrorKind::NoSuchUpload)
}

fn tell_expiry(upload: &ResumableUpload, told: &mut HeaderMap) {
    if upload.state == ResumableState::Done {
        return;
    }
    let seconds = std::time::Duration::from_secs(u64::try_from(upload.expires.seconds()).unwrap_or(0));
    if let Some(moment) = std::time::UNIX_EPOCH.checked_add(seconds)
        && let Ok(text) = HeaderValue::try_from(httpdate::fmt_http_date(moment))
    {
        told.insert(UPLOAD_EXPIRES, text);
    }
}
