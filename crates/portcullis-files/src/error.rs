//! What can go wrong, in words of files. Each protocol maps it to its own codes, exhaustively.

use std::time::Duration;

use portcullis_access::{AccessError, BackendErrorKind, BodyFault, Denial};

use crate::InvalidPath;

/// The outcome of something done to a tree.
pub type Result<T, E = FileError> = std::result::Result<T, E>;

/// Why something was not done. Its text may be told to the client; it never says what the client may not know.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// No such file or folder, or none that this caller may know of.
    #[error("no such file or folder")]
    NotFound,
    /// Refused; the reason is in the audit trail.
    #[error("permission denied")]
    Denied,
    /// There is something of this name.
    #[error("a file or folder of this name is there already")]
    Exists,
    /// It is a folder where a file is needed.
    #[error("this is a folder")]
    IsFolder,
    /// It is a file where a folder is needed.
    #[error("this is not a folder")]
    NotFolder,
    /// A folder that holds something is not removed.
    #[error("the folder is not empty")]
    NotEmpty,
    /// The folder that it should be in is not there.
    #[error("there is no such folder to put it in")]
    NoParent,
    /// The path names nothing that could be stored.
    #[error(transparent)]
    Path(#[from] InvalidPath),
    /// The name is an escape for a key that is not there: nothing new is made under one.
    #[error("this name is kept for a file that no path can name; choose another")]
    Escaped,
    /// More than this many files: it would be copied file by file.
    #[error(
        "the folder holds more than {limit} files, which would have to be copied one by one; copy and delete it in parts"
    )]
    TooMany {
        /// The most that is done at once.
        limit: usize,
    },
    /// A condition does not hold, or somebody changed the file meanwhile.
    #[error("the file has changed")]
    Changed,
    /// Larger than an object may be, or than what this channel takes.
    #[error("the file is too large")]
    TooLarge,
    /// The quota or the disk is full.
    #[error("no space left")]
    Full,
    /// An upload cannot go on from there.
    #[error("an upload cannot go on there; it can go on at {at} bytes")]
    NoResume {
        /// Where it can; 0 is from the beginning.
        at: u64,
    },
    /// The bytes that came are not those that were told: too few, too many, or another digest.
    #[error("the upload is not what it was said to be; nothing was stored")]
    Mismatch,
    /// The upload's connection ended, or its client gave it up.
    #[error("the upload broke off; nothing was stored")]
    Broken,
    /// The bytes lie in a provider's archive.
    #[error("the file is in its provider's archive and has to be restored there first")]
    Archived,
    /// Not possible with this storage.
    #[error("not possible here: {0}")]
    Unsupported(&'static str),
    /// Too much asked at once.
    #[error("too many requests")]
    Throttled {
        /// When it is worth trying again.
        retry_after: Duration,
    },
    /// It does not work at the moment.
    #[error("temporarily unavailable")]
    Unavailable,
}

impl From<AccessError> for FileError {
    fn from(error: AccessError) -> Self {
        match error {
            AccessError::Denied(denial) => denied(denial),
            AccessError::NotFound => Self::NotFound,
            AccessError::Throttled { retry_after } => Self::Throttled { retry_after },
            AccessError::Backend(error) => {
                let told = of_storage(error.kind);
                if matches!(told, Self::Unavailable) {
                    tracing::warn!(%error, source = ?error.source, "a storage failed");
                }
                told
            }
            AccessError::Metadata(error) => {
                tracing::warn!(%error, "the database failed");
                Self::Unavailable
            }
            AccessError::Unavailable => Self::Unavailable,
        }
    }
}

/// Every refusal is the same to a client; that a new one is thought of is what the match is for.
fn denied(denial: Denial) -> FileError {
    match denial {
        Denial::Policy(_)
        | Denial::NoCredentials
        | Denial::Malformed
        | Denial::UnknownKey
        | Denial::OldSecret
        | Denial::BadSignature
        | Denial::BadSecret
        | Denial::UnknownUser
        | Denial::WrongCredentialKind
        | Denial::TimeSkew { .. }
        | Denial::Replayed
        | Denial::NotYetValid
        | Denial::RequestExpired { .. }
        | Denial::HeadersNotSigned
        | Denial::ConditionalWrite
        | Denial::BadSessionToken
        | Denial::SecondFactorMissing
        | Denial::BadCode
        | Denial::LinkLocked
        | Denial::GrantMismatch
        | Denial::CutOff => FileError::Denied,
    }
}

fn of_storage(kind: BackendErrorKind) -> FileError {
    use BackendErrorKind as Kind;
    match kind {
        Kind::NotFound => FileError::NotFound,
        // Somebody gave it up, or finished it, or replaced its parts.
        Kind::NoSuchUpload | Kind::InvalidPart | Kind::InvalidPartOrder | Kind::PartTooSmall => {
            FileError::Broken
        }
        // A range is asked for only of what has it: it is shorter now.
        Kind::PreconditionFailed | Kind::InvalidRange { .. } => FileError::Changed,
        Kind::TooLarge => FileError::TooLarge,
        Kind::QuotaExceeded | Kind::Full => FileError::Full,
        Kind::Body(fault) => of_body(fault),
        // Damage is no better tomorrow, but a client can do nothing else about it; the log says what it is.
        Kind::Corrupt | Kind::Unavailable => FileError::Unavailable,
        Kind::Archived => FileError::Archived,
        Kind::Reserved => FileError::Denied,
        Kind::Unsupported => FileError::Unsupported("the provider of this storage cannot do it"),
    }
}

/// What a fault of a body means, on its way in or out.
pub(crate) fn of_body(fault: BodyFault) -> FileError {
    match fault {
        BodyFault::Incomplete | BodyFault::TooLong | BodyFault::Digest(_) => FileError::Mismatch,
        BodyFault::Cut => FileError::Denied,
        BodyFault::Disconnected
        | BodyFault::Signature
        | BodyFault::Chunk
        | BodyFault::ChunkSize
        | BodyFault::Trailer => FileError::Broken,
    }
}
