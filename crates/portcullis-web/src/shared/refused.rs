//! What a visitor is told who does not get what they asked for.

use askama::Template;
use axum::response::{IntoResponse as _, Response};
use http::header::RETRY_AFTER;
use http::{HeaderValue, StatusCode};
use portcullis_access::{AccessError, BackendErrorKind, Denial};
use portcullis_control::ControlError;

use crate::panel::page;
use crate::panel::words::{self, filters};
use crate::problem::Problem;

/// What somebody looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// Pages, in a browser.
    Pages,
    /// Texts and documents, in a tool.
    Texts,
}

/// Why a visitor does not get what they asked for.
#[derive(Debug)]
pub(super) enum Refused {
    /// There is nothing here: not any more, not for them, or never.
    Nothing,
    /// A password is asked for.
    Locked,
    /// The page of another site made the request.
    Foreign,
    /// Too many attempts; seconds to wait.
    Throttled(u64),
    /// The bytes of a request are not what they should be; what is wrong.
    Malformed(&'static str),
    /// A form that is too long.
    TooLarge,
    /// The storage takes nothing more.
    NoRoom,
    /// A condition or a range that does not fit the file, in the words of the REST API.
    Told(Problem),
    /// The server cannot answer at the moment; why, for its log.
    Unavailable(String),
    /// The server failed; why, for its log.
    Failed(String),
}

impl From<ControlError> for Refused {
    fn from(error: ControlError) -> Self {
        match error {
            ControlError::Access(error) => error.into(),
            ControlError::NotFound => Self::Nothing,
            other @ (ControlError::Invalid(_)
            | ControlError::Conflict { .. }
            | ControlError::InUse(_)
            | ControlError::Stale
            | ControlError::OverlapRuns { .. }
            | ControlError::NotNow(_)
            | ControlError::ConfirmationNeeded
            | ControlError::KeysByAdminsOnly
            | ControlError::Metadata(_)) => Self::Failed(other.to_string()),
        }
    }
}

impl From<AccessError> for Refused {
    fn from(error: AccessError) -> Self {
        match error {
            AccessError::Denied(Denial::LinkLocked) => Self::Locked,
            AccessError::Denied(_) | AccessError::NotFound => Self::Nothing,
            AccessError::Throttled { retry_after } => Self::Throttled(retry_after.as_secs().max(1)),
            AccessError::Unavailable => Self::Unavailable(error.to_string()),
            AccessError::Metadata(error) => Self::Failed(error.to_string()),
            AccessError::Backend(error) => match error.kind {
                BackendErrorKind::NotFound | BackendErrorKind::NoSuchUpload => Self::Nothing,
                BackendErrorKind::PreconditionFailed | BackendErrorKind::InvalidRange { .. } => {
                    Self::Told(AccessError::Backend(error).into())
                }
                BackendErrorKind::TooLarge | BackendErrorKind::QuotaExceeded | BackendErrorKind::Full => {
                    Self::NoRoom
                }
                BackendErrorKind::Body(_) => Self::Malformed("The body is not what was said of it."),
                BackendErrorKind::Reserved => Self::Malformed("A name must not begin with .portcullis/."),
                BackendErrorKind::Unavailable => Self::Unavailable(error.to_string()),
                BackendErrorKind::InvalidPart
                | BackendErrorKind::InvalidPartOrder
                | BackendErrorKind::PartTooSmall
                | BackendErrorKind::Archived
                | BackendErrorKind::Unsupported
                | BackendErrorKind::Corrupt => Self::Failed(error.to_string()),
            },
        }
    }
}

/// A page that says one thing.
#[derive(Template)]
#[template(path = "shared_notice.html")]
struct NoticePage {
    title: &'static str,
    detail: String,
}

impl Refused {
    fn status(&self) -> StatusCode {
        match self {
            Self::Nothing => StatusCode::NOT_FOUND,
            Self::Locked | Self::Foreign => StatusCode::FORBIDDEN,
            Self::Throttled(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Malformed(_) | Self::Told(_) => StatusCode::BAD_REQUEST,
            Self::TooLarge | Self::NoRoom => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Failed(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn title(&self) -> &'static str {
        match self {
            Self::Nothing => words::text("shared.nothing"),
            Self::Locked => words::text("shared.locked"),
            Self::Foreign => words::text("shared.foreign"),
            Self::Throttled(_) => words::text("error.throttled.title"),
            Self::Malformed(_) | Self::Told(_) => words::text("shared.malformed"),
            Self::TooLarge | Self::NoRoom => words::text("shared.no_room"),
            Self::Unavailable(_) => words::text("error.unavailable.title"),
            Self::Failed(_) => words::text("shared.failed"),
        }
    }

    /// What is wrong, and what to do, in words.
    pub(super) fn detail(&self) -> String {
        let text = match self {
            Self::Nothing => words::text("shared.nothing.detail"),
            Self::Locked => words::text("shared.locked.detail"),
            Self::Foreign => words::text("shared.foreign.detail"),
            Self::Throttled(seconds) => return words::count("error.throttled.detail", *seconds),
            Self::Malformed(_) | Self::Told(_) => words::text("shared.malformed.detail"),
            Self::TooLarge => words::text("shared.too_large.detail"),
            Self::NoRoom => words::text("shared.no_room.detail"),
            Self::Unavailable(_) => words::text("shared.unavailable.detail"),
            Self::Failed(_) => words::text("shared.failed.detail"),
        };
        text.to_owned()
    }

    /// The answer, in the form of whoever asked. What the server is to blame for is logged here, once.
    pub(super) fn show(self, to: Seen) -> Response {
        if to == Seen::Texts || matches!(self, Self::Told(_)) {
            return self.into_problem().into_response();
        }
        if let Self::Unavailable(cause) | Self::Failed(cause) = &self {
            tracing::error!(cause, "a visit to a link failed");
        }
        let notice = NoticePage { title: self.title(), detail: self.detail() };
        let mut response = page(self.status(), &notice);
        if let Self::Throttled(seconds) = self {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }

    fn into_problem(self) -> Problem {
        let (status, detail) = (self.status(), self.detail());
        match self {
            Self::Nothing => Problem::new(status, "not-found", "Not found", detail),
            Self::Locked => Problem::new(
                status,
                "link-locked",
                "Locked",
                "A password is asked for. Send it once to the address of the link, and show the cookie that you get with what follows: \
                 curl -c jar --data-urlencode password@- ADDRESS, then curl -b jar …",
            ),
            Self::Foreign => Problem::new(status, "foreign", "Foreign", detail),
            Self::Throttled(seconds) => {
                let wait = std::time::Duration::from_secs(seconds);
                Problem::new(status, "throttled", "Too many attempts", detail).retry_after(wait)
            }
            Self::Malformed(what) => Problem::malformed(what),
            Self::TooLarge | Self::NoRoom => Problem::new(status, "no-room", "No room", detail),
            Self::Told(problem) => problem,
            Self::Unavailable(cause) => Problem::unavailable(cause),
            Self::Failed(cause) => Problem::internal(cause),
        }
    }
}
