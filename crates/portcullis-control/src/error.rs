//! What can go wrong in administration.

use portcullis_access::AccessError;
use portcullis_domain::Timestamp;
use portcullis_metadata::{MetadataError, MetadataErrorKind};

/// What a verb of [`Control`](crate::Control) gives.
pub type Result<T, E = ControlError> = std::result::Result<T, E>;

/// What is wrong with one field of a draft, for the person who filled it in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldProblem {
    /// The field; one inside another as `scope.storage` or `networks[2].note`.
    pub field: String,
    /// What would be right. Never repeats a secret.
    pub message: String,
}

impl FieldProblem {
    /// A problem with this field.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into() }
    }
}

/// Why a verb did nothing.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// The draft cannot be accepted; every field that is wrong is named.
    #[error("some fields are not valid")]
    Invalid(Vec<FieldProblem>),
    /// There is no such thing in this site.
    #[error("not found")]
    NotFound,
    /// Something else has what has to be unique.
    #[error("another one has the same {field}")]
    Conflict {
        /// The field that has to be unique.
        field: &'static str,
    },
    /// Other things belong to it, so that it cannot go; the words say which.
    #[error("it still has {0}")]
    InUse(String),
    /// The credentials before those that a key has still work beside them, and only one pair at a time may.
    #[error("the credentials before these work until {until}: end that, or wait")]
    OverlapRuns {
        /// The first moment at which they no longer do.
        until: Timestamp,
    },
    /// Its state does not allow it; the words say what it is and what would help.
    #[error("not now: {0}")]
    NotNow(String),
    /// Somebody changed it meanwhile; nothing was done.
    #[error("changed by somebody else meanwhile")]
    Stale,
    /// Who asks has to prove once more who they are: it was too long ago for what cannot be taken back.
    #[error("has to be confirmed")]
    ConfirmationNeeded,
    /// The site lets only its admins make keys.
    #[error("in this site only admins make keys")]
    KeysByAdminsOnly,
    /// The trusted core refused or failed.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// The database failed.
    #[error(transparent)]
    Metadata(MetadataError),
}

impl ControlError {
    /// One field is wrong.
    pub fn invalid(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Invalid(vec![FieldProblem::new(field, message)])
    }
}

impl From<MetadataError> for ControlError {
    fn from(error: MetadataError) -> Self {
        match error.kind {
            MetadataErrorKind::NotFound => Self::NotFound,
            MetadataErrorKind::Conflict("in_use") => Self::InUse("other things that belong to it".to_owned()),
            // Another node rotated the key at the same time.
            MetadataErrorKind::Conflict("overlap") => Self::Stale,
            MetadataErrorKind::Conflict("login") => {
                Self::invalid("login", "is taken on this channel; choose another")
            }
            MetadataErrorKind::Conflict(field) => Self::Conflict { field },
            MetadataErrorKind::Stale => Self::Stale,
            MetadataErrorKind::BadCursor => {
                Self::invalid("cursor", "not a cursor of this list; begin again without one")
            }
            MetadataErrorKind::NewerSchema { .. }
            | MetadataErrorKind::Corrupt
            | MetadataErrorKind::Full
            | MetadataErrorKind::Unavailable
            | MetadataErrorKind::BadUrl
            | MetadataErrorKind::FeedGap
            | MetadataErrorKind::Refused => Self::Metadata(error),
        }
    }
}
