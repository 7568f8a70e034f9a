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
                tags.contains(&own)
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{BackendErrorKind, ContentHeaders, VersionId};

    const OWN: &str = "0123456789abcdef0123456789abcdef-2";

    fn object() -> ObjectMeta {
        ObjectMeta {
            size: 1,
            // Half a second past: only whole seconds count, because that is all a header can say.
            modified: Timestamp::from_micros(1_000_500_000),
            etag: Etag::Opaque(OWN.into()),
            version: VersionId("1".into()),
            content: ContentHeaders::default(),
            checksum: None,
            tags: Vec::new(),
            parts: Vec::new(),
        }
    }

    fn tags(tags: &[&str]) -> Option<EtagCondition> {
        Some(EtagCondition::OneOf(tags.iter().map(|tag| (*tag).to_owned()).collect()))
    }

    /// RFC 9110 section 13.2.2: every way in which two validators of one kind can agree or not.
    #[test]
    fn the_order_of_rfc_9110() {
        let (own, other) = (tags(&["x", OWN]), tags(&["x", "y"]));
        let at = |seconds| Some(Timestamp::from_seconds(seconds));
        let (before, then, after) = (at(999), at(1000), at(1001));
        let none = || None::<EtagCondition>;
        use ReadVerdict::{Failed, NotModified, Proceed};
        for (if_match, if_unmodified_since, if_none_match, if_modified_since, told) in [
            (none(), None, none(), None, Proceed),
            // If-Match alone.
            (own.clone(), None, none(), None, Proceed),
            (other.clone(), None, none(), None, Failed),
            (Some(EtagCondition::Any), None, none(), None, Proceed),
            (tags(&[]), None, none(), None, Failed),
            // If-Unmodified-Since alone.
            (none(), before, none(), None, Failed),
            (none(), then, none(), None, Proceed),
            (none(), after, none(), None, Proceed),
            // Only if there is no If-Match is If-Unmodified-Since looked at.
            (own.clone(), before, none(), None, Proceed),
            (other.clone(), after, none(), None, Failed),
            // If-None-Match alone.
            (none(), None, own.clone(), None, NotModified),
            (none(), None, other.clone(), None, Proceed),
            (none(), None, Some(EtagCondition::Any), None, NotModified),
            // If-Modified-Since alone.
            (none(), None, none(), before, Proceed),
            (none(), None, none(), then, NotModified),
            (none(), None, none(), after, NotModified),
            // Only if there is no If-None-Match is If-Modified-Since looked at.
            (none(), None, own.clone(), before, NotModified),
            (none(), None, other.clone(), after, Proceed),
            // The first two come before the last two.
            (other.clone(), None, own.clone(), None, Failed),
            (own.clone(), None, own.clone(), None, NotModified),
            (own, None, other, None, Proceed),
            (none(), before, none(), after, Failed),
            (none(), then, none(), then, NotModified),
        ] {
            let conditions = ReadConditions {
                if_match,
                if_none_match,
                if_modified_since,
                if_unmodified_since,
                if_range: None,
            };
            assert_eq!(conditions.check(&object()), told, "{conditions:?}");
        }
    }

    #[test]
    fn a_range_holds_for_its_object_only() {
        let second = Duration::from_secs(1);
        let date = Timestamp::from_seconds(1000);
        for (if_range, holds) in [
            (None, true),
            (Some(IfRange::Etag(OWN.into())), true),
            (Some(IfRange::Etag("x".into())), false),
            (Some(IfRange::Date(date)), true),
            (Some(IfRange::Date(date.before(second))), false),
            (Some(IfRange::Date(date.after(second))), false),
        ] {
            let conditions = ReadConditions { if_range, ..ReadConditions::default() };
            assert_eq!(conditions.range_holds(&object()), holds, "{conditions:?}");
            assert_eq!(conditions.check(&object()), ReadVerdict::Proceed, "{conditions:?}");
        }
    }

    #[test]
    fn conditions_of_writes() {
        use BackendErrorKind::{NotFound, PreconditionFailed};
        let own = Etag::Opaque(OWN.into());
        let any = Some(EtagCondition::Any);
        for (if_absent, if_match, missing, present) in [
            (false, None, Ok(()), Ok(())),
            (true, None, Ok(()), Err(PreconditionFailed)),
            (false, tags(&[OWN]), Err(NotFound), Ok(())),
            (false, tags(&["x"]), Err(NotFound), Err(PreconditionFailed)),
            (false, any.clone(), Err(NotFound), Ok(())),
            (true, any, Err(NotFound), Err(PreconditionFailed)),
        ] {
            let conditions = WriteConditions { if_absent, if_match };
            assert_eq!(conditions.check(None), missing, "{conditions:?}");
            assert_eq!(conditions.check(Some(&own)), present, "{conditions:?}");
            assert_eq!(conditions.is_empty(), conditions == WriteConditions::default());
        }
    }
}
