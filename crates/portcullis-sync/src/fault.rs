//! What goes wrong at a side, as far as a run can act on it.

use std::error::Error;

use portcullis_backend::{BackendError, BackendErrorKind, BodyFault};

/// What went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreFault {
    /// There is no such object, version or upload.
    NotFound,
    /// A condition did not hold: the object is not as it was.
    Changed,
    /// It may work later: the side does not answer, or is busy.
    Unavailable,
    /// The side refuses: its credentials, or a right that is gone.
    Refused,
    /// The object lies in an archive.
    Archived,
    /// The quota would be passed, or the disk is full.
    Full,
    /// Larger than the side takes.
    TooLarge,
    /// The side does not take this, whatever is tried: a key, a length, an operation.
    Unsupported,
    /// Stored data is damaged, or the bytes that came are not those that were promised.
    Corrupt,
    /// The run was stopped.
    Stopped,
}

/// An error of a side.
#[derive(Debug, thiserror::Error)]
#[error("{fault:?} during {operation}")]
pub struct StoreError {
    /// What to act on.
    pub fault: StoreFault,
    /// The operation, for people.
    pub operation: &'static str,
    /// What caused it, for the log.
    #[source]
    pub source: Option<Box<dyn Error + Send + Sync>>,
}

impl StoreError {
    /// An error that needs no further explanation.
    #[must_use]
    pub const fn new(fault: StoreFault, operation: &'static str) -> Self {
        Self { fault, operation, source: None }
    }

    /// An error with its cause.
    #[must_use]
    pub fn with(
        fault: StoreFault,
        operation: &'static str,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self { fault, operation, source: Some(source.into()) }
    }
}

impl From<BackendError> for StoreError {
    fn from(error: BackendError) -> Self {
        let fault = match error.kind {
            BackendErrorKind::NotFound | BackendErrorKind::NoSuchUpload => StoreFault::NotFound,
            BackendErrorKind::PreconditionFailed => StoreFault::Changed,
            BackendErrorKind::QuotaExceeded | BackendErrorKind::Full => StoreFault::Full,
            BackendErrorKind::TooLarge => StoreFault::TooLarge,
            BackendErrorKind::Unsupported => StoreFault::Unsupported,
            BackendErrorKind::Reserved => StoreFault::Refused,
            BackendErrorKind::Archived => StoreFault::Archived,
            BackendErrorKind::Body(BodyFault::Cut) => StoreFault::Stopped,
            BackendErrorKind::Body(BodyFault::Disconnected) | BackendErrorKind::Unavailable => {
                StoreFault::Unavailable
            }
            BackendErrorKind::InvalidRange { .. }
            | BackendErrorKind::InvalidPart
            | BackendErrorKind::InvalidPartOrder
            | BackendErrorKind::PartTooSmall
            | BackendErrorKind::Body(_)
            | BackendErrorKind::Corrupt => StoreFault::Corrupt,
        };
        let operation = error.operation;
        Self::with(fault, operation, error)
    }
}
