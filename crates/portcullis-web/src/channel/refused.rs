//! From errors to answers, for both doors.

use http::{HeaderValue, StatusCode};
use portcullis_access::AccessError;
use portcullis_files::FileError;

use super::caller::Door;
use crate::problem::Problem;

/// The answer of a door to an error on the way to bytes. Where credentials are asked for, in the way of that door.
pub(crate) fn problem(error: AccessError, door: Door) -> Problem {
    let problem = Problem::from(error);
    if problem.status() != StatusCode::UNAUTHORIZED {
        return problem;
    }
    let basic = HeaderValue::from_static("Basic realm=\"Portcullis\", charset=\"UTF-8\"");
    let detail = "Send the user name and secret of a key for HTTP (Authorization: Basic), as they were given out; they are wrong, not \
                  there, or no longer hold.";
    let challenges = match door {
        Door::Files => vec![basic, HeaderValue::from_static("Bearer realm=\"Portcullis\"")],
        Door::Dav => vec![basic],
    };
    problem.asking_for(challenges, detail)
}

/// The status of an error of the tree, where a method has no status of its own for it.
pub(crate) const fn status_of(error: &FileError) -> StatusCode {
    match error {
        FileError::NotFound => StatusCode::NOT_FOUND,
        FileError::Denied => StatusCode::FORBIDDEN,
        FileError::IsFolder => StatusCode::METHOD_NOT_ALLOWED,
        FileError::Exists
        | FileError::NotFolder
        | FileError::NotEmpty
        | FileError::NoParent
        | FileError::NoResume { .. }
        | FileError::Archived => StatusCode::CONFLICT,
        FileError::Path(_) | FileError::Mismatch | FileError::Broken => StatusCode::BAD_REQUEST,
        FileError::Escaped | FileError::TooMany { .. } => StatusCode::UNPROCESSABLE_ENTITY,
        FileError::Changed => StatusCode::PRECONDITION_FAILED,
        FileError::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        FileError::Full => StatusCode::INSUFFICIENT_STORAGE,
        FileError::Unsupported(_) => StatusCode::NOT_IMPLEMENTED,
        FileError::Throttled { .. } => StatusCode::TOO_MANY_REQUESTS,
        FileError::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
    }
}
