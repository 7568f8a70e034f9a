//! Pages that say no, in plain words.

use askama::Template;
use axum::response::{IntoResponse, Redirect, Response};
use http::header::RETRY_AFTER;
use http::{HeaderValue, StatusCode};
use portcullis_access::AccessError;
use portcullis_control::ControlError;

use super::fields::sentence;
use super::page::{Chrome, page};
use super::words::{self, filters};

/// Why there is no page as asked.
#[derive(Debug)]
pub(super) enum PanelError {
    /// Another site made the request.
    Foreign,
    /// The form does not carry the token of this session.
    Forged,
    /// The form cannot be read.
    Malformed,
    /// The form is too long.
    TooLarge,
    /// There is no such page, or nothing that this person may know of.
    NotFound,
    /// This person may not.
    Denied,
    /// This person has to prove once more who they are.
    Unconfirmed,
    /// Somebody else changed it meanwhile.
    Stale,
    /// Its state does not allow it; the words say why.
    NotNow(String),
    /// Too many attempts; seconds to wait.
    Throttled(u64),
    /// The server cannot answer at the moment.
    Unavailable,
    /// The server failed.
    Failed,
}

impl From<ControlError> for PanelError {
    /// [`ControlError::Invalid`] is for the form's own page; here it is only a request that no page of ours makes.
    fn from(error: ControlError) -> Self {
        match error {
            ControlError::Invalid(_) | ControlError::Conflict { .. } | ControlError::InUse(_) => {
                Self::Malformed
            }
            ControlError::Stale | ControlError::OverlapRuns { .. } => Self::Stale,
            ControlError::NotNow(why) => Self::NotNow(why),
            ControlError::ConfirmationNeeded => Self::Unconfirmed,
            ControlError::NotFound | ControlError::Access(AccessError::NotFound) => Self::NotFound,
            ControlError::Access(AccessError::Denied(_)) | ControlError::KeysByAdminsOnly => Self::Denied,
            ControlError::Access(AccessError::Throttled { retry_after }) => {
                Self::Throttled(retry_after.as_secs().max(1))
            }
            ControlError::Access(AccessError::Unavailable) => Self::Unavailable,
            ControlError::Access(AccessError::Backend(error)) => {
                tracing::error!(error = %error, "a page failed");
                Self::Unavailable
            }
            ControlError::Access(AccessError::Metadata(error)) | ControlError::Metadata(error) => {
                tracing::error!(error = %error, "a page failed");
                Self::Failed
            }
        }
    }
}

/// In the frame of the person it is shown to.
#[derive(Template)]
#[template(path = "error.html")]
struct FramedError<'a> {
    chrome: &'a Chrome,
    home: &'static str,
    title: &'static str,
    detail: String,
}

/// For somebody of whom nothing is known.
#[derive(Template)]
#[template(path = "error_bare.html")]
struct BareError {
    home: &'static str,
    title: &'static str,
    detail: String,
}

impl PanelError {
    fn status(&self) -> StatusCode {
        match self {
            Self::Foreign | Self::Forged | Self::Denied | Self::Unconfirmed => StatusCode::FORBIDDEN,
            Self::Stale | Self::NotNow(_) => StatusCode::CONFLICT,
            Self::Malformed => StatusCode::BAD_REQUEST,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Throttled(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::Failed => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    pub(super) fn detail(&self) -> String {
        match self {
            Self::Foreign => words::text("error.foreign.detail").to_owned(),
            Self::Forged => words::text("error.forged.detail").to_owned(),
            Self::Malformed => words::text("error.malformed.detail").to_owned(),
            Self::TooLarge => words::text("error.too_large.detail").to_owned(),
            Self::NotFound => words::text("error.not_found.detail").to_owned(),
            Self::Denied | Self::Unconfirmed => words::text("error.denied.detail").to_owned(),
            Self::Stale => words::text("error.stale.detail").to_owned(),
            Self::NotNow(why) => sentence(why),
            Self::Throttled(seconds) => words::count("error.throttled.detail", *seconds),
            Self::Unavailable => words::text("error.unavailable.detail").to_owned(),
            Self::Failed => words::text("error.failed.detail").to_owned(),
        }
    }

    fn title(&self) -> &'static str {
        match self {
            Self::Foreign | Self::Forged => words::text("error.forged.title"),
            Self::Malformed => words::text("error.malformed.title"),
            Self::TooLarge => words::text("error.too_large.title"),
            Self::NotFound => words::text("error.not_found.title"),
            Self::Denied | Self::Unconfirmed => words::text("error.denied.title"),
            Self::Stale => words::text("error.stale.title"),
            Self::NotNow(_) => words::text("error.not_now.title"),
            Self::Throttled(_) => words::text("error.throttled.title"),
            Self::Unavailable => words::text("error.unavailable.title"),
            Self::Failed => words::text("error.failed.title"),
        }
    }

    /// The page, in the frame of whoever asked; or on to the one that asks who they are, and from there back to the page that was asked for.
    /// So an address to which a form is sent leads to the form's page when it is only asked for.
    pub(super) fn show(&self, chrome: &Chrome) -> Response {
        if let Self::Unconfirmed = self {
            return confirm(&chrome.path);
        }
        self.finish(page(
            self.status(),
            &FramedError { chrome, home: chrome.home(), title: self.title(), detail: self.detail() },
        ))
    }

    fn finish(&self, mut response: Response) -> Response {
        if let Self::Throttled(seconds) = self {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(*seconds));
        }
        response
    }
}

impl IntoResponse for PanelError {
    fn into_response(self) -> Response {
        let template = BareError { home: "/", title: self.title(), detail: self.detail() };
        self.finish(page(self.status(), &template))
    }
}

/// On to the page that asks a person who they are, and from there to `next`.
pub(super) fn confirm(next: &str) -> Response {
    let next: String = form_urlencoded::byte_serialize(next.as_bytes()).collect();
    Redirect::to(&format!("/confirm?next={next}")).into_response()
}

/// The page for an address that is none.
pub(crate) fn not_found() -> Response {
    PanelError::NotFound.into_response()
}
