//! Plain HTTP for keys of the channel `http`: `GET`, `HEAD`, `PUT` and `DELETE` of `/files/{bucket}/{key}`, lists of folders, and uploads that
//! can be gone on with.
//!
//! * **A key is named exactly**: what stands in the address, percent-decoded once. A name that ends with `/` is a folder to `GET` and
//!   `HEAD`, unless `?object` says that the object of just that name is meant; to `PUT` and `DELETE` it always is that object.
//! * **Nothing is a page of this server** but the lists that it makes itself: files come as attachments, in a sandbox.
//! * **Whoever may not look is told the same** of what is there and of what is not.

mod list;
mod query;
mod read;
mod target;
mod tus;
mod write;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse as _, Response};
use axum::routing::any;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderName, HeaderValue};
use http::request::Parts;
use http::{Method, StatusCode};
use portcullis_access::{AccessError, Principal, StorageAccess};
use portcullis_domain::{Action, BucketName};
use tokio::sync::Semaphore;

use crate::app::App;
use crate::channel::{Accepted, Door, authenticate, problem, refuse_foreign, wanted};
use crate::problem::{Problem, Result};
use query::FilesQuery;
use target::Target;
pub(crate) use tus::{NewSteps, Steps};

/// Every address of this door.
pub(crate) fn router() -> Router<Arc<App>> {
    Router::new()
        .route(target::ROOT, any(serve))
        .route("/files/", any(serve))
        .route("/files/{*below}", any(serve))
        .layer(from_fn(kept_apart))
}

/// Something that can be done under `/files`, for tests that go through all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FilesMethod {
    /// The method.
    pub method: &'static str,
    /// At which address: of a file, of a folder, or of an upload in steps.
    pub at: FilesPlace,
    /// The first right that it needs; none if anybody may ask.
    pub action: Option<Action>,
}

/// What an address under `/files` names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FilesPlace {
    /// `/files/{bucket}/{key}`.
    File,
    /// `/files/{bucket}/{prefix}/`.
    Folder,
    /// `/files/{bucket}/{key}?upload=…`.
    Upload,
}

const fn row(method: &'static str, at: FilesPlace, action: Option<Action>) -> FilesMethod {
    FilesMethod { method, at, action }
}

/// Everything that can be done under `/files`.
pub const FILES_METHODS: &[FilesMethod] = &[
    row("OPTIONS", FilesPlace::File, None),
    row("GET", FilesPlace::File, Some(Action::Get)),
    row("HEAD", FilesPlace::File, Some(Action::Get)),
    row("PUT", FilesPlace::File, Some(Action::Put)),
    row("DELETE", FilesPlace::File, Some(Action::Delete)),
    row("POST", FilesPlace::File, Some(Action::Put)),
    row("GET", FilesPlace::Folder, Some(Action::List)),
    row("HEAD", FilesPlace::Folder, Some(Action::List)),
    row("HEAD", FilesPlace::Upload, Some(Action::Put)),
    row("PATCH", FilesPlace::Upload, Some(Action::Put)),
    row("DELETE", FilesPlace::Upload, Some(Action::Put)),
];

/// The memory that uploads in steps share.
pub(crate) fn kept_parts() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(tus::ROOM))
}

/// What there is to do at every address below `/files`.
const METHODS: &str = "GET, HEAD, PUT, POST, PATCH, DELETE, OPTIONS";

async fn serve(State(app): State<Arc<App>>, request: Request) -> Response {
    let in_text = matches!(
        wanted(request.headers(), &[Accepted::Json, Accepted::Text, Accepted::Html]),
        Some(Accepted::Text | Accepted::Html)
    );
    let is_tus = request.headers().contains_key(tus::RESUMABLE);
    let answered = answer(&app, request).await;
    let mut response =
        answered.unwrap_or_else(|problem| if in_text { problem.in_text() } else { problem }.into_response());
    if is_tus {
        tus::mark(response.headers_mut());
    }
    response
}

async fn answer(app: &Arc<App>, request: Request) -> Result<Response> {
    let method = tus::method_of(&request);
    // What can be done here is no secret, and clients ask before they authenticate.
    if method == Method::OPTIONS {
        return Ok(tus::options());
    }
    let (parts, body) = request.into_parts();
    let who = authenticate(app, &parts, Door::Files).await?;
    refuse_foreign(&method, &parts.headers)?;
    let query = FilesQuery::of(&parts.uri)?;
    let at = Target::of(&parts.uri)?;
    let call = Call { app, who, parts, query };
    if call.query.upload.is_some() || method == Method::POST || method == Method::PATCH {
        return tus::serve(&call, &method, at, body).await;
    }
    match (&method, at) {
        (&Method::GET | &Method::HEAD, Target::Top) => list::storages(&call),
        (&Method::GET | &Method::HEAD, Target::In(bucket, name)) => {
            let folder = (name.is_empty() || name.ends_with('/')) && !call.query.object;
            if folder || call.query.list {
                return list::folder(&call, &bucket, &name).await;
            }
            read::file(&call, &bucket, &name, method == Method::HEAD).await
        }
        (&Method::PUT, Target::In(bucket, name)) if !name.is_empty() => {
            write::put(&call, &bucket, &name, body).await
        }
        (&Method::DELETE, Target::In(bucket, name)) if !name.is_empty() => {
            write::delete(&call, &bucket, &name).await
        }
        _ => Err(not_allowed()),
    }
}

fn not_allowed() -> Problem {
    Problem::of_status(StatusCode::METHOD_NOT_ALLOWED).with_header(ALLOW, HeaderValue::from_static(METHODS))
}

/// A request of a key, as far as every method needs it.
struct Call<'a> {
    app: &'a Arc<App>,
    who: Principal,
    parts: Parts,
    query: FilesQuery,
}

impl Call<'_> {
    /// The storage, if the key may know of it.
    async fn enter(&self, bucket: &BucketName) -> Result<StorageAccess> {
        self.app.access.storage(&self.who, bucket).await.map_err(refused)
    }
}

fn refused(error: AccessError) -> Problem {
    problem(error, Door::Files)
}

/// Keeps what people stored from pages, of this server and of others, and from caches that many share.
async fn kept_apart(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("same-origin"),
    );
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.entry(CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static("sandbox; default-src 'none'"));
    response
}
