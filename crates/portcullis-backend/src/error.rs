//! One error for all drivers: a kind to act on, the operation, and a source for the log.

use std::error::Error;

use crate::DigestAlgorithm;

/// The result of a backend call.
pub type Result<T, E = BackendError> = std::result::Result<T, E>;

/// What went wrong, as far as a caller can act on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackendErrorKind {
    /// No such object or version.
    NotFound,
    /// No such multipart upload.
    NoSuchUpload,
    /// A condition of the request does not hold.
    PreconditionFailed,
    /// The range or part asked for does not exist.
    InvalidRange {
        /// The object's size in bytes.
        size: u64,
    },
    /// A part that was named was not uploaded, or has another ETag or checksum.
    InvalidPart,
    /// Parts were not named in ascending order.
    InvalidPartOrder,
    /// A part that is not the last has less than 5 MiB.
    PartTooSmall,
    /// The object or part would be larger than may be.
    TooLarge,
    /// The storage's quota would be passed.
    QuotaExceeded,
    /// What the client sent is not what it said it would send.
    Body(BodyFault),
    /// The disk is full.
    Full,
    /// Stored data does not match its checksum, or the index cannot be read.
    Corrupt,
    /// The object's bytes lie in a provider's archive and have to be fetched from there first.
    Archived,
    /// The key is reserved: it is for runs between storages, and nobody else writes there.
    Reserved,
    /// The driver cannot do this.
    Unsupported,
    /// A fault that may pass: too much queued, the disk or the provider does not answer.
    Unavailable,
}

/// What is wrong with a body that a client sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyFault {
    /// It ended before the length that was announced.
    Incomplete,
    /// It went on past the length that was announced.
    TooLong,
    /// A digest that the client gave does not match the bytes.
    Digest(DigestAlgorithm),
    /// The signature of a chunk or trailer does not match.
    Signature,
    /// The chunked framing is broken.
    Chunk,
    /// A chunk that is not the last has less than 8 KiB, or one is too large.
    ChunkSize,
    /// The trailer is missing or broken.
    Trailer,
    /// The right under which it came was taken away while it came.
    Cut,
    /// The client stopped sending or went away.
    Disconnected,
}

/// An error of a backend. Foreign error types do not cross this crate but as `source`, for the log.
#[derive(Debug, thiserror::Error)]
#[error("{kind:?} during {operation}")]
pub struct BackendError {
    /// What to act on.
    pub kind: BackendErrorKind,
    /// The operation, for the log.
    pub operation: &'static str,
    /// What caused it, for the log.
    #[source]
    pub source: Option<Box<dyn Error + Send + Sync>>,
}

impl BackendError {
    /// An error that needs no further explanation.
    #[must_use]
    pub const fn new(kind: BackendErrorKind, operation: &'static str) -> Self {
        Self { kind, operation, source: None }
    }

    /// An error with its cause.
    #[must_use]
    pub fn with(
        kind: BackendErrorKind,
        operation: &'static str,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self { kind, operation, source: Some(source.into()) }
    }

    /// Whether the same call may succeed later.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        matches!(self.kind, BackendErrorKind::Unavailable)
    }
}

impl From<BodyFault> for BackendError {
    fn from(fault: BodyFault) -> Self {
        Self::new(BackendErrorKind::Body(fault), "body")
    }
}
