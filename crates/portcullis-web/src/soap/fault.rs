//! What went wrong, as a fault of SOAP with a code that programs can tell apart.

use std::borrow::Cow;
use std::time::Duration;

use axum::response::{IntoResponse as _, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use portcullis_access::AccessError;
use portcullis_files::FileError;

use super::answer::Answer;
use super::code::Class;
pub(crate) use super::code::Code;
use super::version::Version;
use crate::problem::Problem;

/// What an operation gives instead of an answer.
pub(crate) type Result<T, E = Fault> = std::result::Result<T, E>;

/// Why a request was not carried out.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    code: Code,
    message: Cow<'static, str>,
    /// Where an upload goes on.
    offset: Option<u64>,
    /// When it is worth trying again.
    wait: Option<Duration>,
}

impl Fault {
    pub(crate) fn new(code: Code, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code, message: message.into(), offset: None, wait: None }
    }

    /// The request is not one that this service knows.
    pub(crate) fn invalid(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::InvalidRequest, message)
    }

    /// What was sent ended before it was whole.
    pub(crate) fn broken() -> Self {
        Self::from(FileError::Broken)
    }

    /// An upload goes on somewhere else.
    pub(crate) fn offset(at: u64) -> Self {
        Self {
            offset: Some(at),
            ..Self::new(Code::InvalidOffset, format!("The upload goes on at byte {at}."))
        }
    }

    /// Whoever asks is not let in. Nothing of it says why.
    pub(crate) fn stranger() -> Self {
        let message = "Send the user name and secret of a key for the web service, by HTTP Basic or in a UsernameToken, as they were \
                       given out; they are wrong, not there, or no longer hold.";
        Self::new(Code::AuthenticationFailed, message)
    }

    /// Why somebody was not let in.
    pub(crate) fn of_entry(error: AccessError) -> Self {
        if matches!(error, AccessError::Denied(_) | AccessError::NotFound) {
            return Self::stranger();
        }
        FileError::from(error).into()
    }

    /// Somebody has it locked over WebDAV.
    pub(crate) fn locked() -> Self {
        Self::new(Code::Locked, "Somebody has locked this over WebDAV; try again when they are done.")
    }

    pub(crate) fn code(&self) -> Code {
        self.code
    }

    /// The status that it goes with: 500 for all in SOAP 1.1 (section 6.2), 400 for what the sender can mend in SOAP 1.2 (part 2, table
    /// 20). Credentials are asked for in the way of HTTP, whichever way they came.
    fn status(&self, version: Version) -> StatusCode {
        match (self.code, self.code.class(), version) {
            (Code::AuthenticationFailed, _, _) => StatusCode::UNAUTHORIZED,
            (_, Class::Sender, Version::V12) => StatusCode::BAD_REQUEST,
            (_, _, _) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The answer that says it.
    pub(super) fn render(self, version: Version, request_id: &str) -> Response {
        let status = self.status(version);
        let mut answer = Answer::envelope(version);
        answer.fault_begins(self.code.class(), &self.message);
        answer.field("code", self.code.name()).field("message", &self.message).field("requestId", request_id);
        if let Some(offset) = self.offset {
            answer.field("offset", &offset.to_string());
        }
        let seconds = self.wait.map(|wait| wait.as_secs().saturating_add(1));
        if let Some(seconds) = seconds {
            answer.field("retryAfter", &seconds.to_string());
        }
        let headers =
            [(CONTENT_TYPE, version.content_type()), (CACHE_CONTROL, HeaderValue::from_static("no-store"))];
        let mut response = (status, headers, answer.fault_ends()).into_response();
        if let Some(seconds) = seconds {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if status == StatusCode::UNAUTHORIZED {
            let basic = HeaderValue::from_static("Basic realm=\"Portcullis\", charset=\"UTF-8\"");
            response.headers_mut().insert(WWW_AUTHENTICATE, basic);
        }
        response
    }
}

/// One code for each error that the other channels know.
impl From<FileError> for Fault {
    fn from(error: FileError) -> Self {
        let code = match &error {
            FileError::NotFound => Code::NotFound,
            FileError::Denied => Code::AccessDenied,
            FileError::Exists => Code::AlreadyExists,
            FileError::IsFolder => Code::IsFolder,
            FileError::NotFolder => Code::NotFolder,
            FileError::NotEmpty => Code::NotEmpty,
            FileError::NoParent => Code::ParentMissing,
            FileError::Path(_) => Code::InvalidPath,
            FileError::Escaped => Code::NameReserved,
            FileError::TooMany { .. } => Code::TooMany,
            FileError::Changed => Code::Changed,
            FileError::TooLarge => Code::TooLarge,
            FileError::Full => Code::Full,
            FileError::NoResume { .. } => Code::InvalidOffset,
            FileError::Mismatch => Code::Mismatch,
            FileError::Broken => Code::Broken,
            FileError::Archived => Code::Archived,
            FileError::Unsupported(_) => Code::Unsupported,
            FileError::Throttled { .. } => Code::Throttled,
            FileError::Unavailable => Code::Unavailable,
        };
        let mut fault = Self::new(code, sentence(&error.to_string()));
        if let FileError::NoResume { at } = error {
            fault.offset = Some(at);
        }
        if let FileError::Throttled { retry_after } = error {
            fault.wait = Some(retry_after);
        }
        fault
    }
}

/// What is shared with plain HTTP says its errors in statuses.
impl From<Problem> for Fault {
    fn from(problem: Problem) -> Self {
        let known = match problem.status().as_u16() {
            401 => return Self::stranger(),
            403 => FileError::Denied,
            404 | 410 => FileError::NotFound,
            412 => FileError::Changed,
            413 => FileError::TooLarge,
            422 => FileError::Mismatch,
            423 => return Self::locked(),
            429 => {
                return Self::new(
                    Code::Throttled,
                    "Too many uploads are under way with this key; finish or end some.",
                );
            }
            501 => FileError::Unsupported("the provider of this storage cannot do it"),
            507 => FileError::Full,
            500.. => FileError::Unavailable,
            _ => FileError::Broken,
        };
        known.into()
    }
}

/// A text that begins like a sentence and ends like one.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
    format!("{first}{}.", letters.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses() {
        for (code, old, new) in [
            (Code::NotFound, 500, 400),
            (Code::AuthenticationFailed, 401, 401),
            (Code::Unavailable, 500, 500),
            (Code::MustUnderstand, 500, 500),
        ] {
            let fault = Fault::new(code, "x");
            assert_eq!(fault.status(Version::V11).as_u16(), old);
            assert_eq!(fault.status(Version::V12).as_u16(), new);
        }
    }
}
