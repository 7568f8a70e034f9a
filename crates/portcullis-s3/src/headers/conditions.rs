//! Conditions and ranges (RFC 9110 sections 13 and 14).

use http::HeaderMap;
use portcullis_access::{EtagCondition, IfRange, RangeRequest, ReadConditions, WriteConditions};
use portcullis_domain::Timestamp;

use super::{filled, one};
use crate::error::{Code, S3Error};
use crate::time::parse_http_date;

/// The conditions of a read.
///
/// # Errors
/// `InvalidArgument` for a header that is repeated or not ASCII.
pub(crate) fn read_conditions(headers: &HeaderMap) -> Result<ReadConditions, S3Error> {
    Ok(ReadConditions {
        if_match: filled(headers, "if-match")?.map(etag_condition),
        if_none_match: filled(headers, "if-none-match")?.map(etag_condition),
        if_modified_since: date(headers, "if-modified-since")?,
        if_unmodified_since: date(headers, "if-unmodified-since")?,
        if_range: filled(headers, "if-range")?.map(if_range),
    })
}

/// The conditions on the source of a copy.
///
/// # Errors
/// As [`read_conditions`].
pub(crate) fn copy_source_conditions(headers: &HeaderMap) -> Result<ReadConditions, S3Error> {
    Ok(ReadConditions {
        if_match: filled(headers, "x-amz-copy-source-if-match")?.map(etag_condition),
        if_none_match: filled(headers, "x-amz-copy-source-if-none-match")?.map(etag_condition),
        if_modified_since: date(headers, "x-amz-copy-source-if-modified-since")?,
        if_unmodified_since: date(headers, "x-amz-copy-source-if-unmodified-since")?,
        if_range: None,
    })
}

/// The conditions of a write. S3 knows `If-None-Match: *` and `If-Match` with one tag.
///
/// # Errors
/// `NotImplemented` for conditions on writes that S3 does not have; they are never ignored.
pub(crate) fn write_conditions(headers: &HeaderMap) -> Result<WriteConditions, S3Error> {
    for name in ["if-modified-since", "if-unmodified-since"] {
        if headers.contains_key(name) {
            return Err(Code::NotImplemented.into());
        }
    }
    let if_absent = match one(headers, "if-none-match")? {
        None => false,
        Some("*") => true,
        Some(_) => return Err(Code::NotImplemented.into()),
    };
    let if_match = match one(headers, "if-match")? {
        None => None,
        Some("*" | "") => return Err(Code::NotImplemented.into()),
        Some(tags) => Some(etag_condition(tags)),
    };
    Ok(WriteConditions { if_absent, if_match })
}

/// The condition of a removal.
///
/// # Errors
/// As [`write_conditions`].
pub(crate) fn delete_condition(headers: &HeaderMap) -> Result<Option<EtagCondition>, S3Error> {
    for name in ["if-none-match", "if-modified-since", "if-unmodified-since"] {
        if headers.contains_key(name) {
            return Err(Code::NotImplemented.into());
        }
    }
    Ok(filled(headers, "if-match")?.map(etag_condition))
}

/// A list of entity tags, quoted or not; `*` is any.
pub(crate) fn etag_condition(text: &str) -> EtagCondition {
    if text == "*" {
        return EtagCondition::Any;
    }
    EtagCondition::OneOf(
        text.split(',').map(|tag| bare(tag).to_owned()).filter(|tag| !tag.is_empty()).collect(),
    )
}

fn bare(tag: &str) -> &str {
    let tag = tag.trim();
    let tag = tag.strip_prefix("W/").unwrap_or(tag);
    tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"')).unwrap_or(tag)
}

fn if_range(text: &str) -> IfRange {
    parse_http_date(text).map_or_else(|| IfRange::Etag(bare(text).to_owned()), IfRange::Date)
}

/// RFC 9110 section 13.1.3: what is not a date is ignored.
fn date(headers: &HeaderMap, name: &'static str) -> Result<Option<Timestamp>, S3Error> {
    Ok(one(headers, name)?.and_then(parse_http_date))
}

/// One range of bytes. None for another unit, several ranges or what is no range: S3 then sends the whole object.
pub(crate) fn parse_range(text: &str) -> Option<RangeRequest> {
    let (unit, range) = text.split_once('=')?;
    let (first, last) = range.trim().split_once('-')?;
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return None;
    }
    match (number(first)?, number(last)?) {
        (None, None) => None,
        (None, Some(suffix)) => Some(RangeRequest::Suffix(suffix)),
        (Some(first), None) => Some(RangeRequest::From(first)),
        (Some(first), Some(last)) => (first <= last).then_some(RangeRequest::FromTo(first, last)),
    }
}

/// Some number, nothing if there is none, or no answer at all if it is something else. Too large a number is the largest.
fn number(text: &str) -> Option<Option<u64>> {
    if text.is_empty() {
        return Some(None);
    }
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| Some(text.parse().unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(headers: &[(&'static str, &'static str)]) -> HeaderMap {
        headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn ranges() {
        assert_eq!(parse_range("bytes=0-4"), Some(RangeRequest::FromTo(0, 4)));
        assert_eq!(parse_range("BYTES=5-"), Some(RangeRequest::From(5)));
        assert_eq!(parse_range("bytes=-0"), Some(RangeRequest::Suffix(0)));
        assert_eq!(parse_range("bytes=0-99999999999999999999999"), Some(RangeRequest::FromTo(0, u64::MAX)));
        for ignored in [
            "",
            "bytes",
            "bytes=",
            "bytes=-",
            "bytes=5-2",
            "bytes=0-1,3-4",
            "bytes=a-b",
            "lines=1-2",
            "bytes=+1-2",
        ] {
            assert_eq!(parse_range(ignored), None, "{ignored}");
        }
    }

    #[test]
    fn entity_tags() {
        let list = |tags: &[&str]| EtagCondition::OneOf(tags.iter().map(|tag| (*tag).to_owned()).collect());
        assert_eq!(etag_condition("*"), EtagCondition::Any);
        assert_eq!(etag_condition("\"a\", W/\"b\" ,c"), list(&["a", "b", "c"]));
        assert_eq!(etag_condition("\""), list(&["\""]));
    }

    #[test]
    fn conditions_on_writes() {
        let some = write_conditions(&map(&[("if-none-match", "*")])).unwrap();
        assert!(some.if_absent && some.if_match.is_none());
        let some = write_conditions(&map(&[("if-match", "\"a\"")])).unwrap();
        assert!(some.if_match.is_some_and(|tags| tags == etag_condition("a")));
        for wrong in [("if-none-match", "\"a\""), ("if-match", "*"), ("if-unmodified-since", "x")] {
            assert_eq!(write_conditions(&map(&[wrong])).unwrap_err().code, Code::NotImplemented, "{wrong:?}");
        }
        assert!(write_conditions(&map(&[])).unwrap().is_empty());
    }

    #[test]
    fn conditions_on_reads() {
        let all = read_conditions(&map(&[
            ("if-match", "\"a\""),
            ("if-none-match", "*"),
            ("if-modified-since", "Sun, 06 Nov 1994 08:49:37 GMT"),
            ("if-unmodified-since", "no date"),
            ("if-range", "\"b\""),
        ]))
        .unwrap();
        assert_eq!(all.if_none_match, Some(EtagCondition::Any));
        assert_eq!(all.if_modified_since.map(Timestamp::seconds), Some(784_111_777));
        assert_eq!(all.if_unmodified_since, None);
        assert_eq!(all.if_range, Some(IfRange::Etag("b".to_owned())));
        assert!(read_conditions(&map(&[("if-match", "a"), ("if-match", "b")])).is_err());
    }
}
