//! The methods of WebDAV.

mod copy_move;
mod delete;
mod get;
mod lock;
mod mkcol;
mod propfind;
mod proppatch;
mod put;

use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use http::header::{ALLOW, CACHE_CONTROL};
use http::{HeaderMap, HeaderValue, StatusCode};
use portcullis_domain::Action;

use super::call::Call;
use super::reply::Result;

/// A method of this door.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DavMethod {
    /// Its name.
    pub method: &'static str,
    /// The first right that it needs; none if anybody may ask.
    pub action: Option<Action>,
}

/// Every method.
pub const DAV_METHODS: &[DavMethod] = &[
    DavMethod { method: "OPTIONS", action: None },
    DavMethod { method: "GET", action: Some(Action::Get) },
    DavMethod { method: "HEAD", action: Some(Action::Get) },
    DavMethod { method: "PUT", action: Some(Action::Put) },
    DavMethod { method: "DELETE", action: Some(Action::Delete) },
    DavMethod { method: "MKCOL", action: Some(Action::Put) },
    DavMethod { method: "COPY", action: Some(Action::Get) },
    DavMethod { method: "MOVE", action: Some(Action::Delete) },
    DavMethod { method: "PROPFIND", action: Some(Action::List) },
    DavMethod { method: "PROPPATCH", action: Some(Action::Put) },
    DavMethod { method: "LOCK", action: Some(Action::Put) },
    DavMethod { method: "UNLOCK", action: Some(Action::Put) },
];

/// The same for the header `Allow`.
pub(crate) const ALLOWED: HeaderValue = HeaderValue::from_static(
    "OPTIONS, GET, HEAD, PUT, DELETE, MKCOL, COPY, MOVE, PROPFIND, PROPPATCH, LOCK, UNLOCK",
);

/// A method that needs to know who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    Get,
    Head,
    Put,
    Delete,
    MkCol,
    Copy,
    Move,
    PropFind,
    PropPatch,
    Lock,
    Unlock,
}

impl Method {
    /// The method of this name; none if there is none.
    pub(crate) fn of(name: &str) -> Option<Self> {
        Some(match name {
            "GET" => Self::Get,
            "HEAD" => Self::Head,
            "PUT" => Self::Put,
            "DELETE" => Self::Delete,
            "MKCOL" => Self::MkCol,
            "COPY" => Self::Copy,
            "MOVE" => Self::Move,
            "PROPFIND" => Self::PropFind,
            "PROPPATCH" => Self::PropPatch,
            "LOCK" => Self::Lock,
            "UNLOCK" => Self::Unlock,
            _ => return None,
        })
    }

    /// Carries it out.
    pub(crate) async fn answer(self, call: Call, body: Body) -> Result<Response> {
        match self {
            Self::Get => get::get(&call, true).await,
            Self::Head => get::get(&call, false).await,
            Self::Put => put::put(&call, body).await,
            Self::Delete => delete::delete(&call).await,
            Self::MkCol => mkcol::mkcol(&call, body).await,
            Self::Copy => copy_move::copy(&call).await,
            Self::Move => copy_move::rename(&call).await,
            Self::PropFind => propfind::propfind(call, body).await,
            Self::PropPatch => proppatch::proppatch(&call, body).await,
            Self::Lock => lock::lock(&call, body).await,
            Self::Unlock => lock::unlock(&call).await,
        }
    }
}

/// What this door can do, told to whoever asks. Clients ask before they show who they are, and Windows asks the root of the server.
pub(crate) fn options() -> Response {
    let mut headers = HeaderMap::new();
    headers.insert("dav", HeaderValue::from_static("1, 2"));
    headers.insert("ms-author-via", HeaderValue::from_static("DAV"));
    headers.insert(ALLOW, ALLOWED);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    (StatusCode::OK, headers, Body::empty()).into_response()
}
