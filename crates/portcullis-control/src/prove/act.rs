//! The words of a proof: what is tried, and what was seen.

/// What is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// To list what is there.
    List,
    /// To read a file.
    Read,
    /// To write one.
    Write,
    /// To delete it.
    Delete,
    /// To list another bucket.
    OtherBucket,
    /// To read outside of the only part that the key reaches.
    OutsidePrefix,
}

impl Act {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Read => "read",
            Self::Write => "write",
            Self::Delete => "delete",
            Self::OtherBucket => "other_bucket",
            Self::OutsidePrefix => "outside_prefix",
        }
    }
}

/// One question to a door.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// What is tried.
    pub act: Act,
    /// The bucket.
    pub bucket: &'a str,
    /// The object; for a list the prefix.
    pub key: &'a str,
    /// What to write.
    pub body: &'a [u8],
    /// The version to delete, if it is known.
    pub version: Option<&'a str>,
}

/// What came of something that was tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// It was allowed.
    Allowed,
    /// It was refused.
    Refused,
    /// Neither can be said: there was no answer, or one about something else.
    Unclear,
}

impl Seen {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Refused => "refused",
            Self::Unclear => "unclear",
        }
    }
}

/// The answer of a door.
#[derive(Clone, Debug)]
pub struct Answer {
    /// What it means.
    pub seen: Seen,
    /// The status, if the protocol has one and there was an answer.
    pub status: Option<u16>,
    /// The protocol's own word: of S3 its error code, of REST the kind of the problem, of the policy its reason. Empty if there is
    /// none.
    pub code: String,
    /// The body, cut off where it is long.
    pub body: Vec<u8>,
    /// The version that was written, where there are versions.
    pub version: Option<String>,
}

impl Answer {
    /// No answer, and why.
    #[must_use]
    pub fn none(why: impl Into<String>) -> Self {
        Self { seen: Seen::Unclear, status: None, code: why.into(), body: Vec::new(), version: None }
    }
}

/// One step of a proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProofStep {
    /// What was tried.
    pub act: Act,
    /// Whether it was to be allowed; none if nothing is expected.
    pub expected: Option<bool>,
    /// What came of it.
    pub seen: Seen,
    /// The status of the answer.
    pub status: Option<u16>,
    /// The protocol's own word.
    pub code: String,
    /// What was found, in words; mostly nothing.
    pub detail: &'static str,
}

impl ProofStep {
    /// Whether it is as it was to be; what is unclear never is.
    #[must_use]
    pub fn is_as_expected(&self) -> bool {
        match (self.seen, self.expected) {
            (Seen::Unclear, _) => false,
            (_, None) => true,
            (seen, Some(expected)) => (seen == Seen::Allowed) == expected,
        }
    }
}
