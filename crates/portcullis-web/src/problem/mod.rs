//! Problem documents (RFC 9457): the one form in which this door says no.

mod from;
mod kinds;

use std::borrow::Cow;
use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_RANGE, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use portcullis_control::FieldProblem;
use serde::Serialize;
use utoipa::ToSchema;

pub(crate) use kinds::{KINDS, PREFIX};

/// What handlers give instead of an answer.
pub(crate) type Result<T, E = Problem> = std::result::Result<T, E>;

/// Why a request was not answered as asked. It becomes a document when the request's id is known, in
/// [`finish`](crate::finish).
#[derive(Clone, Debug)]
pub(crate) struct Problem(Box<Facts>);

#[derive(Clone, Debug)]
struct Facts {
    status: StatusCode,
    /// The last part of the problem's type.
    name: &'static str,
    title: &'static str,
    detail: Cow<'static, str>,
    errors: Vec<FieldProblem>,
    /// The address that the document names.
    location: Option<String>,
    headers: HeaderMap,
    /// Whether it is told as a line of text, for somebody at a terminal or in a browser.
    in_text: bool,
    /// For the server's log, not for the client.
    cause: Option<String>,
}

/// The document. `application/problem+json`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct ProblemBody<'a> {
    /// Names the kind of problem: `urn:portcullis:problem:` and a word.
    #[serde(rename = "type")]
    #[schema(example = "urn:portcullis:problem:invalid-fields")]
    kind: String,
    /// The kind in words; the same for every problem of the kind.
    title: &'a str,
    /// The HTTP status.
    #[schema(example = 422)]
    status: u16,
    /// What was wrong this time, and what to do.
    detail: &'a str,
    /// Names the request; the audit trail knows it.
    request_id: &'a str,
    /// The fields that are wrong, each with what would be right.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldError<'a>>,
    /// Where that is which the problem is about, if it has an address.
    #[serde(skip_serializing_if = "Option::is_none")]
    location: Option<&'a str>,
}

/// What is wrong with one field.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FieldError<'a> {
    /// The field; one inside another as `scope.storage` or `networks[2]`.
    field: &'a str,
    /// What would be right.
    message: &'a str,
}

impl Problem {
    pub(crate) fn new(
        status: StatusCode,
        name: &'static str,
        title: &'static str,
        detail: impl Into<Cow<'static, str>>,
    ) -> Self {
        let detail = detail.into();
        let (errors, headers) = (Vec::new(), HeaderMap::new());
        let (location, cause, in_text) = (None, None, false);
        Self(Box::new(Facts { status, name, title, detail, errors, location, headers, in_text, cause }))
    }

    pub(crate) fn not_found() -> Self {
        let detail = "There is nothing here, or nothing that you may know of.";
        Self::new(StatusCode::NOT_FOUND, "not-found", "Not found", detail)
    }

    /// The record is not as whoever asked for a change has read it.
    pub(crate) fn changed() -> Self {
        let detail =
            "This was changed since you read it: read it again, and decide anew. Nothing was changed now.";
        Self::new(StatusCode::PRECONDITION_FAILED, "changed", "Changed meanwhile", detail)
    }

    pub(crate) fn malformed(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "malformed", "Malformed request", detail)
    }

    pub(crate) fn invalid(errors: Vec<FieldProblem>) -> Self {
        let detail = "Some fields are not valid; each is named in errors.";
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid-fields", "Invalid fields", detail)
            .with_errors(errors)
    }

    pub(crate) fn invalid_field(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::invalid(vec![FieldProblem::new(field, message)])
    }

    /// A fault of the server's own, with what the log is to say of it.
    pub(crate) fn internal(cause: impl Into<String>) -> Self {
        let detail =
            "The server failed. Whoever runs it finds the reason in its log under this request's id.";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Internal error", detail).caused_by(cause)
    }

    pub(crate) fn unavailable(cause: impl Into<String>) -> Self {
        let detail = "The server cannot answer at the moment; try again.";
        let problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "Unavailable", detail);
        problem.retry_after(Duration::from_secs(1)).caused_by(cause)
    }

    /// The problem for a status that some part of the HTTP stack chose.
    pub(crate) fn of_status(status: StatusCode) -> Self {
        match status {
            StatusCode::NOT_FOUND => Self::not_found(),
            StatusCode::METHOD_NOT_ALLOWED => Self::new(
                status,
                "method-not-allowed",
                "Method not allowed",
                "This address does not have this method; the header Allow names those it has.",
            ),
            status if status.is_server_error() => Self::internal(status.to_string()).with_status(status),
            status => Self::malformed("The request cannot be understood.").with_status(status),
        }
    }

    fn with_status(mut self, status: StatusCode) -> Self {
        self.0.status = status;
        self
    }

    pub(crate) fn with_errors(mut self, errors: Vec<FieldProblem>) -> Self {
        self.0.errors = errors;
        self
    }

    /// Names the address of what it is about.
    pub(crate) fn at(mut self, location: &str) -> Self {
        self.0.location = Some(location.to_owned()).filter(|at| !at.is_empty());
        self
    }

    pub(crate) fn challenge(mut self, invalid_token: bool) -> Self {
        let value = if invalid_token { "Bearer error=\"invalid_token\"" } else { "Bearer" };
        self.0.headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(value));
        self
    }

    /// The status that it is told with.
    pub(crate) fn status(&self) -> StatusCode {
        self.0.status
    }

    /// Asks for credentials in other ways, and in other words.
    pub(crate) fn asking_for(mut self, challenges: Vec<HeaderValue>, detail: &'static str) -> Self {
        self.0.headers.remove(WWW_AUTHENTICATE);
        for challenge in challenges {
            self.0.headers.append(WWW_AUTHENTICATE, challenge);
        }
        self.0.detail = detail.into();
        self
    }

    /// Tells this in a header, too.
    pub(crate) fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.insert(name, value);
        self
    }

    /// Tells it as a line of text.
    pub(crate) fn in_text(mut self) -> Self {
        self.0.in_text = true;
        self
    }

    pub(crate) fn retry_after(mut self, span: Duration) -> Self {
        let seconds = span.as_secs().saturating_add(u64::from(span.subsec_nanos() > 0)).max(1);
        self.0.headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        self
    }

    /// The size of which the range that was asked for is no part (RFC 9110 section 14.4).
    pub(crate) fn unsatisfied_range(mut self, size: u64) -> Self {
        if let Ok(value) = HeaderValue::try_from(format!("bytes */{size}")) {
            self.0.headers.insert(CONTENT_RANGE, value);
        }
        self
    }

    pub(crate) fn caused_by(mut self, cause: impl Into<String>) -> Self {
        self.0.cause = Some(cause.into());
        self
    }

    /// The document and its headers. What the server is to blame for is logged here, once.
    pub(crate) fn render(self, request_id: &str, kept: HeaderMap) -> Response {
        let Facts { status, name, title, detail, errors, location, headers: own, in_text, cause } = *self.0;
        if let Some(cause) = cause {
            tracing::error!(request_id, status = status.as_u16(), cause, "a request failed");
        }
        let errors = errors.iter().map(|error| FieldError { field: &error.field, message: &error.message });
        let body = ProblemBody {
            kind: format!("{PREFIX}{name}"),
            title,
            status: status.as_u16(),
            detail: &detail,
            request_id,
            errors: errors.collect(),
            location: location.as_deref(),
        };
        let (kind, text) = if in_text {
            ("text/plain; charset=utf-8", format!("{title}. {detail} ({request_id})\n").into_bytes())
        } else {
            ("application/problem+json", serde_json::to_vec(&body).unwrap_or_default())
        };
        let mut response = (status, text).into_response();
        let headers = response.headers_mut();
        headers.extend(kept);
        headers.extend(own);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}

/// Carries the problem to [`finish`](crate::finish) in the extensions of an empty answer.
impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.0.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}
