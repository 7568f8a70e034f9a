//! Conditional requests (RFC 9110 section 13), decided in one place for all drivers.

use portcullis_domain::Timestamp;

use crate::{Etag, ObjectMeta};

/// Entity tags to compare with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EtagCondition {
    /// `*`: anything that exists.
    Any,
    /// One of these, without quotes; a weak tag matches by its opaque part, as S3 does.
    OneOf(Vec<String>),
}

impl EtagCondition {
    /// Whether an object with this tag satisfies it.
    #[must_use]
    pub fn matches(&self, etag: &Etag) -> bool {
        match self {
            Self::Any => true,
            Self::OneOf(tags) => {
                let own = etag.to_string();
                tags.iter().any(|tag| *tag == own)
            }
        }
    }
}

/// The validator of an `If-Range` header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IfRange {
    /// An entity tag.
    Etag(String),
    /// A modification time, whole seconds.
    Date(Timestamp),
}

/// Conditions of a read.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct ReadConditions {
    /// `If-Match`.
    pub if_match: Option<EtagCondition>,
    /// `If-None-Match`.
    pub if_none_match: Option<EtagCondition>,
    /// `If-Modified-Since`, whole seconds.
    pub if_modified_since: Option<Timestamp>,
    /// `If-Unmodified-Since`, whole seconds.
    pub if_unmodified_since: Option<Timestamp>,
    /// `If-Range`: if it fails, the whole object is sent.
    pub if_range: Option<IfRange>,
}

/// What the conditions of a read say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadVerdict {
    /// Go on.
    Proceed,
    /// Answer 304.
    NotModified,
    /// Answer 412.
    Failed,
}

impl ReadConditions {
    /// The verdict, in the order of RFC 9110 section 13.2.2.
    #[must_use]
    pub fn check(&self, meta: &ObjectMeta) -> ReadVerdict {
        match (&self.if_match, self.if_unmodified_since) {
            (Some(tags), _) if !tags.matches(&meta.etag) => return ReadVerdict::Failed,
            (None, Some(since)) if meta.modified.seconds() > since.seconds() => return ReadVerdict::Failed,
            (Some(_) | None, _) => {}
        }
        match (&self.if_none_match, self.if_modified_since) {
            (Some(tags), _) if tags.matches(&meta.etag) => ReadVerdict::NotModified,
            (None, Some(since)) if meta.modified.seconds() <= since.seconds() => ReadVerdict::NotModified,
            (Some(_) | None, _) => ReadVerdict::Proceed,
        }
    }

    /// Whether a range that was asked for is still the range of this object.
    #[must_use]
    pub fn range_holds(&self, meta: &ObjectMeta) -> bool {
        match &self.if_range {
            None => true,
            Some(IfRange::Etag(tag)) => meta.etag.to_string() == *tag,
            Some(IfRange::Date(date)) => meta.modified.seconds() == date.seconds(),
        }
    }
}

/// Conditions of a write.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct WriteConditions {
    /// `If-None-Match: *`: only if nothing is there.
    pub if_absent: bool,
    /// `If-Match`: only if this is there.
    pub if_match: Option<EtagCondition>,
}

impl WriteConditions {
    /// Whether there is nothing to check.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        !self.if_absent && self.if_match.is_none()
    }

    /// Checks the conditions against what is there.
    ///
    /// # Errors
    /// `NotFound` for `If-Match` on a missing object, `PreconditionFailed` otherwise.
    pub fn check(&self, current: Option<&Etag>) -> Result<(), crate::BackendErrorKind> {
        use crate::BackendErrorKind::{NotFound, PreconditionFailed};
        if self.if_absent && current.is_some() {
            return Err(PreconditionFailed);
        }
        match (&self.if_match, current) {
            (Some(_), None) => Err(NotFound),
            (Some(tags), Some(etag)) if !tags.matches(etag) => Err(PreconditionFailed),
            (Some(_), Some(_)) | (None, _) => Ok(()),
        }
    }
}
