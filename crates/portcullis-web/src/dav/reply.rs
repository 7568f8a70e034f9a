//! How WebDAV says no, and answers about several things at once.

use std::borrow::Cow;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, StatusCode};
use portcullis_files::FileError;

use super::methods::ALLOWED;
use super::xml::Xml;
use crate::channel::status_of;
use crate::problem::Problem;

/// What methods give instead of an answer.
pub(crate) type Result<T, E = Refusal> = std::result::Result<T, E>;

pub(crate) const XML_TYPE: HeaderValue = HeaderValue::from_static("application/xml; charset=utf-8");

/// Why a request was not carried out.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// In the words of this door.
    Dav {
        status: StatusCode,
        /// The condition of RFC 4918 section 16 that does not hold, as markup.
        condition: String,
        /// For whoever looks at the answer.
        detail: Cow<'static, str>,
    },
    /// An error of the tree, where the method has no words of its own for it.
    File(FileError),
    /// In the words of all doors: who asks is not known, or came from another site.
    Problem(Box<Problem>),
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::Dav { status, condition: String::new(), detail: detail.into() }
    }

    /// A condition without anything in it.
    pub(crate) fn condition(
        status: StatusCode,
        condition: &str,
        detail: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self::Dav { status, condition: format!("<D:{condition}/>"), detail: detail.into() }
    }

    pub(crate) fn bad(detail: &'static str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    pub(crate) fn forbidden(detail: &'static str) -> Self {
        Self::new(StatusCode::FORBIDDEN, detail)
    }

    /// A condition of the request does not hold.
    pub(crate) fn precondition() -> Self {
        Self::new(StatusCode::PRECONDITION_FAILED, "A condition of the request does not hold.")
    }

    /// Somebody else's lock is in the way: its token was not sent along.
    pub(crate) fn locked(root: &str) -> Self {
        let mut xml = Xml::new();
        xml.raw("<D:lock-token-submitted>").field("href", root).raw("</D:lock-token-submitted>");
        let detail =
            "It is locked, and the token of the lock was not sent along by the key that holds it.".into();
        Self::Dav { status: StatusCode::LOCKED, condition: xml.into_string(), detail }
    }

    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::Dav { status, .. } => *status,
            // Clients take 501 for a server that has no such method at all, and some give up on it.
            Self::File(FileError::Unsupported(_)) => StatusCode::FORBIDDEN,
            Self::File(error) => status_of(error),
            Self::Problem(problem) => problem.status(),
        }
    }
}

impl From<FileError> for Refusal {
    fn from(error: FileError) -> Self {
        Self::File(error)
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self::Problem(Box::new(problem))
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = self.status();
        let (condition, detail, wait) = match self {
            Self::Problem(problem) => return problem.into_response(),
            Self::Dav { condition, detail, .. } => (condition, detail, None),
            Self::File(FileError::Throttled { retry_after }) => {
                (String::new(), "Too many requests; wait.".into(), Some(retry_after.as_secs().max(1)))
            }
            Self::File(error) => (String::new(), error.to_string().into(), None),
        };
        let mut xml = Xml::document("error");
        xml.raw(&condition)
            .raw("<message xmlns=\"urn:portcullis:dav\">")
            .text(&detail)
            .raw("</message></D:error>\n");
        let mut response = (status, [(CONTENT_TYPE, XML_TYPE)], xml.into_string()).into_response();
        let headers = response.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if status == StatusCode::METHOD_NOT_ALLOWED {
            headers.insert(ALLOW, ALLOWED);
        }
        if let Some(seconds) = wait {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// A document about several things, as it comes.
pub(crate) fn multistatus(body: Body) -> Response {
    let headers = [(CONTENT_TYPE, XML_TYPE), (CACHE_CONTROL, HeaderValue::from_static("private, no-cache"))];
    (StatusCode::MULTI_STATUS, headers, body).into_response()
}

/// A status as XML says it.
pub(crate) fn status_line(status: StatusCode) -> String {
    format!("HTTP/1.1 {} {}", status.as_u16(), status.canonical_reason().unwrap_or("Error"))
}
