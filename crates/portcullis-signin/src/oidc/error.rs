//! What can go wrong between here and the provider.

use std::fmt;

/// What kind of failure it is: what the person is told depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OidcErrorKind {
    /// The provider cannot be reached, takes too long, or says that it fails.
    Unreachable,
    /// The provider does not know us as we are set up, or is not the one that was named.
    Misconfigured,
    /// The provider said no: the person gave up, or may not.
    Refused,
    /// The answer comes too late, or for the second time.
    Expired,
    /// The answer does not belong to this flow, or its token cannot be believed.
    Untrusted,
    /// Too many sign-ins are under way.
    Busy,
}

/// A failure, with what was being done and what is wrong. The text is for the log of whoever runs the server: it has no token
/// and no secret in it, but words of the provider.
#[derive(Clone, Debug)]
pub struct OidcError {
    /// What kind it is.
    pub kind: OidcErrorKind,
    /// What was being done.
    pub operation: &'static str,
    /// What is wrong.
    pub detail: String,
}

impl OidcError {
    pub(super) fn new(kind: OidcErrorKind, operation: &'static str, detail: impl Into<String>) -> Self {
        Self { kind, operation, detail: detail.into() }
    }

    pub(super) fn untrusted(operation: &'static str, detail: impl Into<String>) -> Self {
        Self::new(OidcErrorKind::Untrusted, operation, detail)
    }

    pub(super) fn misconfigured(operation: &'static str, detail: impl Into<String>) -> Self {
        Self::new(OidcErrorKind::Misconfigured, operation, detail)
    }

    /// Whether trying again soon may help.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        matches!(self.kind, OidcErrorKind::Unreachable | OidcErrorKind::Busy)
    }
}

impl fmt::Display for OidcError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.operation, self.detail)
    }
}

impl std::error::Error for OidcError {}

/// Words of the provider for a log: printable ASCII, and not many.
pub(super) fn quoted(text: &str) -> String {
    text.chars().filter(|c| (' '..='~').contains(c)).take(200).collect()
}
