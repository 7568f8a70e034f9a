//! What can go wrong on the road to bytes, and what an outsider is told of it.

use std::time::Duration;

use portcullis_backend::{BackendError, BackendErrorKind};
use portcullis_domain::{DenyReason, Timestamp};
use portcullis_metadata::{MetadataError, SealedOwner};
use portcullis_vault::{NoRandomness, PasswordError};

/// Why a call of this crate gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// Refused. The text is always the same; the reason goes to the audit trail, under the id of the request.
    #[error("access denied")]
    Denied(Denial),
    /// No such storage, or none that this principal may know of.
    #[error("not found")]
    NotFound,
    /// Too many failures from there; nothing was looked at.
    #[error("too many attempts")]
    Throttled {
        /// When it is worth trying again.
        retry_after: Duration,
    },
    /// The object store refused or failed.
    #[error(transparent)]
    Backend(#[from] BackendError),
    /// The database failed.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
    /// This node cannot decide at the moment: it has not heard of revocations for too long, or something that it needs
    /// does not answer. Worth a retry.
    #[error("temporarily unavailable")]
    Unavailable,
}

impl From<PasswordError> for AccessError {
    fn from(error: PasswordError) -> Self {
        match error {
            PasswordError::Busy => Self::Throttled { retry_after: Duration::from_secs(1) },
            PasswordError::Failed => Self::Unavailable,
        }
    }
}

impl From<BackendErrorKind> for AccessError {
    fn from(kind: BackendErrorKind) -> Self {
        Self::Backend(BackendError::new(kind, "grant"))
    }
}

/// Why a request was refused. A protocol picks its error code by it; it never shows it as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denial {
    /// The policy refused. Only a holder of the secret, or of a session, ever gets this far.
    Policy(DenyReason),
    /// Nothing that could authenticate was presented.
    NoCredentials,
    /// What was presented has the form of no credential.
    Malformed,
    /// No such key. Deleted keys, and keys of another channel whose secret was not shown to be known, look like this too.
    UnknownKey,
    /// A secret that the key had once, and no longer has. Told as an unknown key or a wrong secret is.
    OldSecret,
    /// The signature is not the one that the key makes.
    BadSignature,
    /// Wrong secret, password or token; an unknown user looks like this too.
    BadSecret,
    /// No such user. Never told, only written down.
    UnknownUser,
    /// The principal is of a kind that cannot do this: a key cannot sign out.
    WrongCredentialKind,
    /// The request's date is too far from now.
    TimeSkew {
        /// The time here.
        server: Timestamp,
    },
    /// The presigned request or the form is dated in the future.
    NotYetValid,
    /// The presigned request or the form is past its end.
    RequestExpired {
        /// The last moment at which it held.
        at: Timestamp,
    },
    /// A password digest that was taken before.
    Replayed,
    /// A header that has to be signed was not.
    HeadersNotSigned,
    /// A conditional write by a principal that may not read: the answer would tell what exists.
    ConditionalWrite,
    /// What is shown with temporary credentials is not what was given out with them.
    BadSessionToken,
    /// A second factor is set up, and the sign-in came without it.
    SecondFactorMissing,
    /// The code of the second factor is wrong, or was used before.
    BadCode,
    /// The link asks for a password.
    LinkLocked,
    /// Two grants that do not belong together: of two objects, storages or principals.
    GrantMismatch,
    /// An admin cut this one transfer off.
    CutOff,
}

impl Denial {
    /// The word for it in the audit trail.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Policy(reason) => reason.as_str(),
            Self::NoCredentials => "no_credentials",
            Self::Malformed => "malformed_credentials",
            Self::UnknownKey => "unknown_key",
            Self::OldSecret => "old_secret",
            Self::BadSignature => "bad_signature",
            Self::BadSecret => "bad_secret",
            Self::UnknownUser => "unknown_user",
            Self::WrongCredentialKind => "wrong_credential_kind",
            Self::TimeSkew { .. } => "time_skew",
            Self::NotYetValid => "not_yet_valid",
            Self::RequestExpired { .. } => "request_expired",
            Self::Replayed => "replayed",
            Self::HeadersNotSigned => "headers_not_signed",
            Self::ConditionalWrite => "conditional_write",
            Self::BadSessionToken => "bad_session_token",
            Self::SecondFactorMissing => "second_factor_missing",
            Self::BadCode => "bad_code",
            Self::LinkLocked => "link_locked",
            Self::GrantMismatch => "grant_mismatch",
            Self::CutOff => "cut_off",
        }
    }

    /// The reason in words, for the person who looks the request up.
    #[must_use]
    pub const fn explanation(self) -> &'static str {
        match self {
            Self::Policy(reason) => reason.explanation(),
            Self::NoCredentials => "the request carried no credentials",
            Self::Malformed => "what was presented has the form of no credential",
            Self::UnknownKey => "there is no such key",
            Self::OldSecret => {
                "the secret is one that this key had before its credentials were changed or it was deleted"
            }
            Self::BadSignature => {
                "the signature does not match: wrong secret, or something changed the request on its way"
            }
            Self::BadSecret => "the secret, password or token is wrong",
            Self::UnknownUser => "there is no such user",
            Self::WrongCredentialKind => "this kind of credential cannot do that",
            Self::TimeSkew { .. } => {
                "the clock of the client is off: more than 15 minutes, or 5 for a password digest"
            }
            Self::NotYetValid => "the presigned request is dated in the future",
            Self::RequestExpired { .. } => "the presigned request has expired",
            Self::Replayed => {
                "the password digest was used before: the message was sent again, or its nonce is not made anew"
            }
            Self::HeadersNotSigned => "a header that has to be signed was not",
            Self::ConditionalWrite => "a conditional write would tell a write-only key what exists",
            Self::BadSessionToken => "the session token is not the one of these temporary credentials",
            Self::SecondFactorMissing => "a second factor is set up, and the sign-in came without it",
            Self::BadCode => "the code of the second factor is wrong, or was used before",
            Self::LinkLocked => "the link asks for a password that was not given",
            Self::GrantMismatch => "the two rights that this needs are not for the same object",
            Self::CutOff => "an admin cut this transfer off",
        }
    }
}

impl From<NoRandomness> for OpenError {
    fn from(_: NoRandomness) -> Self {
        Self::System
    }
}

/// Why the trusted core could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The master key is not the one under which this database was sealed.
    #[error(
        "the master key does not fit this database: give the key that the database was made with \
         (nothing was changed); without it, the S3 secrets in it cannot be read"
    )]
    MasterKeyMismatch,
    /// A sealed secret cannot be opened although the master key fits.
    #[error(
        "a sealed secret is damaged ({0:?}); delete what it belongs to, or restore the database from a backup"
    )]
    DamagedSecret(SealedOwner),
    /// The database failed.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
    /// The system gives no random numbers, or the password hash could not be computed.
    #[error("the system's source of randomness or its memory failed")]
    System,
}
