//! WebDAV (RFC 4918, classes 1 and 2) at `/dav`, for file managers and whatever mounts folders.
//!
//! A request is read into a [`Call`](call::Call): who asks, their tree, the path, the conditions. A method does its work on the tree of
//! `portcullis-files` and has no rule of its own about rights.
//!
//! * **Nothing is half done where it can be helped**: a file is replaced when all of the new one has come, and a folder that is to be
//!   replaced is put aside until the new one stands.
//! * **Answers have no length that a client chooses**: listings go out page by page, and nothing is walked to its end in one answer.
//! * **Locks** are promises among those who write here and over plain HTTP ([`locks`]).
//! * **Whoever may only write** puts files and makes folders, and sees an empty one.

mod call;
mod if_header;
mod litter;
pub(crate) mod locks;
mod methods;
mod props;
mod reply;
mod target;
pub(crate) mod xml;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{any, options};
use http::StatusCode;
use portcullis_files::FileError;

pub(crate) use locks::{Change, Locks, Place};
pub use methods::{DAV_METHODS, DavMethod};

use crate::app::App;
use crate::channel::{Door, authenticate, problem, refuse_foreign};
use methods::Method;
use reply::{Refusal, Result};

/// The routes of this door, and what Windows asks of the root before it looks at any of them.
pub(crate) fn router() -> Router<Arc<App>> {
    let root = async || methods::options();
    Router::new()
        .route("/", options(root))
        .route("/dav", any(dav))
        .route("/dav/", any(dav))
        .route("/dav/{*path}", any(dav))
}

async fn dav(State(app): State<Arc<App>>, request: Request) -> Response {
    answer(&app, request).await.unwrap_or_else(Refusal::into_response)
}

async fn answer(app: &Arc<App>, request: Request) -> Result<Response> {
    let (parts, body) = request.into_parts();
    if parts.method == http::Method::OPTIONS {
        return Ok(methods::options());
    }
    // Before anything else is looked at: nobody sends a file twice because they had to be asked for their name.
    let who = authenticate(app, &parts, Door::Dav).await?;
    refuse_foreign(&parts.method, &parts.headers)?;
    let method = Method::of(parts.method.as_str())
        .ok_or_else(|| Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "WebDAV has no such method here."))?;
    let call = call::Call::new(app, who.clone(), parts)?;
    let answered = Box::pin(method.answer(call, body)).await;
    match answered {
        // A key that is gone since asks for another.
        Err(Refusal::File(FileError::Denied)) => {
            app.access.still(&who).map_err(|error| problem(error, Door::Dav))?;
            Err(FileError::Denied.into())
        }
        answered => answered,
    }
}
