//! From the errors of the layers below to problem documents: one exhaustive function for each.

use std::error::Error;

use http::StatusCode;
use portcullis_access::{AccessError, BackendError, BackendErrorKind, BodyFault, Denial, MetadataError};
use portcullis_control::{ControlError, FieldProblem, MetadataErrorKind};
use portcullis_domain::DenyReason;

use super::Problem;

impl From<ControlError> for Problem {
    fn from(error: ControlError) -> Self {
        match error {
            ControlError::Invalid(errors) => Self::invalid(errors),
            ControlError::NotFound => Self::not_found(),
            ControlError::Conflict { field } => conflict(field),
            ControlError::InUse(what) => in_use(&what),
            ControlError::OverlapRuns { until } => {
                let detail = format!(
                    "The credentials before these still work, until {until}. End that (DELETE /api/v1/keys/{{id}}/overlap), or wait; \
                     without an overlap new ones end them too."
                );
                Self::new(StatusCode::CONFLICT, "overlap-runs", "An overlap runs", detail)
            }
            ControlError::Stale => Self::changed(),
            ControlError::NotNow(why) => Self::new(StatusCode::CONFLICT, "not-now", "Not now", why),
            ControlError::ConfirmationNeeded => {
                let detail = "Prove once more who you are (POST /api/v1/sessions/current/confirm), then send this again.";
                Self::new(StatusCode::FORBIDDEN, "confirmation-needed", "Confirmation needed", detail)
            }
            ControlError::KeysByAdminsOnly => {
                let detail = "In this site only admins make keys; ask one of them.";
                Self::new(StatusCode::FORBIDDEN, "keys-by-admins-only", "Keys are made by admins", detail)
            }
            ControlError::Access(error) => error.into(),
            ControlError::Metadata(error) => metadata(&error),
        }
    }
}

impl From<AccessError> for Problem {
    fn from(error: AccessError) -> Self {
        match error {
            AccessError::Denied(denial) => denied(denial),
            AccessError::NotFound => Self::not_found(),
            AccessError::Throttled { retry_after } => {
                let detail = "Too many failed attempts came from this address; wait before the next.";
                Self::new(StatusCode::TOO_MANY_REQUESTS, "throttled", "Too many attempts", detail)
                    .retry_after(retry_after)
            }
            AccessError::Backend(error) => backend(&error),
            AccessError::Metadata(error) => metadata(&error),
            AccessError::Unavailable => Self::unavailable("this node cannot decide at the moment"),
        }
    }
}

fn conflict(field: &'static str) -> Problem {
    let detail = format!("Another one has the same {field}.");
    let errors = vec![FieldProblem::new(field, "has to be unique")];
    Problem::new(StatusCode::CONFLICT, "conflict", "Conflict", detail).with_errors(errors)
}

fn in_use(what: &str) -> Problem {
    let detail = format!("It cannot go: it still has {what}.");
    Problem::new(StatusCode::CONFLICT, "in-use", "In use", detail)
}

/// Credentials that do not hold ask for others (401); credentials that hold and do not suffice do not (403).
fn denied(denial: Denial) -> Problem {
    match denial {
        Denial::NoCredentials => {
            let detail = "Send the header Authorization: Bearer with a key (its access key, a dot, its secret) or a session's token.";
            Problem::new(StatusCode::UNAUTHORIZED, "unauthenticated", "Credentials needed", detail)
                .challenge(false)
        }
        Denial::SecondFactorMissing => {
            let detail = "A second factor is set up: send its code as otp.";
            Problem::new(StatusCode::UNAUTHORIZED, "second-factor-needed", "Second factor needed", detail)
                .challenge(false)
        }
        Denial::Policy(DenyReason::SecondFactorNeeded) => {
            let detail = "This site asks for a second factor: sign in with it, or set one up under your own account first.";
            Problem::new(StatusCode::FORBIDDEN, "second-factor-required", "Second factor required", detail)
        }
        Denial::Malformed
        | Denial::UnknownKey
        | Denial::OldSecret
        | Denial::BadSignature
        | Denial::BadSecret
        | Denial::UnknownUser
        | Denial::TimeSkew { .. }
        | Denial::Replayed
        | Denial::NotYetValid
        | Denial::RequestExpired { .. }
        | Denial::HeadersNotSigned
        | Denial::BadSessionToken
        | Denial::BadCode
        | Denial::Policy(
            DenyReason::KeyDeleted
            | DenyReason::KeyExpired
            | DenyReason::SessionExpired
            | DenyReason::CredentialsReplaced
            | DenyReason::CredentialsExpired,
        ) => {
            let detail = "The credentials are wrong, or no longer hold.";
            Problem::new(StatusCode::UNAUTHORIZED, "invalid-credentials", "Invalid credentials", detail)
                .challenge(true)
        }
        Denial::WrongCredentialKind
        | Denial::ConditionalWrite
        | Denial::GrantMismatch
        | Denial::CutOff
        | Denial::LinkLocked
        | Denial::Policy(
            DenyReason::KeyDisabled
            | DenyReason::WrongChannel
            | DenyReason::KeyNetwork
            | DenyReason::OtherSite
            | DenyReason::OutOfScope
            | DenyReason::OutsidePrefix
            | DenyReason::KeyPermission
            | DenyReason::UserDisabled
            | DenyReason::NotGranted
            | DenyReason::GrantPermission
            | DenyReason::LinkEnded
            | DenyReason::LinkExpired
            | DenyReason::LinkNetwork
            | DenyReason::LinkPermission
            | DenyReason::StorageDetached
            | DenyReason::StoragePaused
            | DenyReason::StorageS3Off
            | DenyReason::StorageNetwork
            | DenyReason::StoragePermission,
        ) => {
            let detail =
                "Access denied. An admin finds the reason in the audit trail under this request's id.";
            Problem::new(StatusCode::FORBIDDEN, "access-denied", "Access denied", detail)
        }
    }
}

fn backend(error: &BackendError) -> Problem {
    let bad = |status, name, title, detail: &'static str| Problem::new(status, name, title, detail);
    match error.kind {
        BackendErrorKind::NotFound | BackendErrorKind::NoSuchUpload => Problem::not_found(),
        BackendErrorKind::PreconditionFailed => bad(
            StatusCode::PRECONDITION_FAILED,
            "precondition-failed",
            "Precondition failed",
            "A condition of the request does not hold; nothing was changed.",
        ),
        BackendErrorKind::InvalidRange { size } => {
            let detail = "The file is shorter than where the range begins.";
            bad(StatusCode::RANGE_NOT_SATISFIABLE, "range", "Range not satisfiable", detail)
                .unsatisfied_range(size)
        }
        BackendErrorKind::TooLarge => bad(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too-large",
            "Too large",
            "The file is larger than a file may be here.",
        ),
        BackendErrorKind::QuotaExceeded => bad(
            StatusCode::PAYLOAD_TOO_LARGE,
            "quota-exceeded",
            "Quota exceeded",
            "The storage would hold more than its quota; nothing was stored.",
        ),
        BackendErrorKind::InvalidPart
        | BackendErrorKind::InvalidPartOrder
        | BackendErrorKind::PartTooSmall => Problem::malformed("The parts do not fit together."),
        BackendErrorKind::Body(fault) => body(fault),
        BackendErrorKind::Full => {
            let detail = "There is no space left; nothing was stored.";
            bad(StatusCode::INSUFFICIENT_STORAGE, "full", "No space left", detail).caused_by(chain(error))
        }
        BackendErrorKind::Archived => bad(
            StatusCode::CONFLICT,
            "archived",
            "In an archive",
            "The file lies in the provider's archive; have it restored there first.",
        ),
        BackendErrorKind::Reserved => {
            Problem::malformed("Names that begin with .portcullis/ are reserved; choose another.")
        }
        BackendErrorKind::Unsupported => bad(
            StatusCode::NOT_IMPLEMENTED,
            "unsupported",
            "Not supported",
            "This storage's provider cannot do this.",
        ),
        BackendErrorKind::Corrupt => Problem::internal(chain(error)),
        BackendErrorKind::Unavailable => Problem::unavailable(chain(error)),
    }
}

/// What was wrong with the bytes that came; nothing of them was stored.
fn body(fault: BodyFault) -> Problem {
    match fault {
        BodyFault::Incomplete | BodyFault::Disconnected => {
            Problem::malformed("The body ended too early; nothing was stored.")
        }
        BodyFault::TooLong => Problem::malformed("The body is longer than was said; nothing was stored."),
        BodyFault::Digest(algorithm) => {
            let detail = format!(
                "The {algorithm:?} that was sent is not that of the bytes that came; nothing was stored."
            );
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "other-bytes", "Other bytes came", detail)
        }
        BodyFault::Signature | BodyFault::Chunk | BodyFault::ChunkSize | BodyFault::Trailer => {
            Problem::malformed("The framing of the body is broken; nothing was stored.")
        }
        BodyFault::Cut => denied(Denial::Policy(DenyReason::KeyPermission)),
    }
}

fn metadata(error: &MetadataError) -> Problem {
    match error.kind {
        MetadataErrorKind::NotFound => Problem::not_found(),
        MetadataErrorKind::Conflict(field) => conflict(field),
        MetadataErrorKind::Stale => Problem::changed(),
        MetadataErrorKind::BadCursor => {
            Problem::invalid_field("cursor", "not a cursor of this list; begin again without one")
        }
        MetadataErrorKind::Full => {
            let detail = "There is no space left; nothing was changed.";
            Problem::new(StatusCode::INSUFFICIENT_STORAGE, "full", "No space left", detail)
                .caused_by(chain(error))
        }
        MetadataErrorKind::Unavailable | MetadataErrorKind::FeedGap => Problem::unavailable(chain(error)),
        MetadataErrorKind::NewerSchema { .. }
        | MetadataErrorKind::Corrupt
        | MetadataErrorKind::BadUrl
        | MetadataErrorKind::Refused => Problem::internal(chain(error)),
    }
}

/// An error with all its causes, for the log.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    text
}
