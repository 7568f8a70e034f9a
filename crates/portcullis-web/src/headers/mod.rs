//! Reads the headers that files come and go with (RFC 9110).

pub(crate) mod download;

use std::time::UNIX_EPOCH;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::{
    AsHeaderName, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LENGTH,
    CONTENT_RANGE, CONTENT_TYPE, EXPIRES, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE,
    IF_UNMODIFIED_SINCE, RANGE,
};
use portcullis_access::{
    ContentHeaders, Digest, DigestAlgorithm, DigestPlan, EtagCondition, IfRange, RangeRequest,
    ReadConditions, WriteConditions,
};
use portcullis_domain::Timestamp;

use crate::problem::{Problem, Result};

/// The longest content header that is kept with a file, in bytes.
const LONGEST_KEPT: usize = 1024;

fn text(headers: &HeaderMap, name: impl AsHeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim)
}

/// All lines of a header as one list.
fn list(headers: &HeaderMap, name: impl AsHeaderName) -> Option<String> {
    let lines: Vec<_> = headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect();
    (!lines.is_empty()).then(|| lines.join(","))
}

/// The one range that is asked for. A header that is malformed, of another unit or with several ranges is ignored, as
/// section 14.2 allows: all of the file is sent.
pub(crate) fn range(headers: &HeaderMap) -> Option<RangeRequest> {
    let (unit, set) = text(headers, RANGE)?.split_once('=')?;
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return None;
    }
    let number = |digits: &str| {
        let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        plain.then(|| digits.parse::<u64>().unwrap_or(u64::MAX))
    };
    match set.trim().split_once('-')? {
        ("", last) => number(last).map(RangeRequest::Suffix),
        (first, "") => number(first).map(RangeRequest::From),
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            (first <= last).then_some(RangeRequest::FromTo(first, last))
        }
    }
}

/// Entity tags (section 8.8.3), weak ones by their opaque part. One that is malformed matches nothing.
fn etags(value: &str) -> EtagCondition {
    if value.trim() == "*" {
        return EtagCondition::Any;
    }
    let tag = |item: &str| item.trim().strip_prefix("W/").unwrap_or(item.trim()).trim_matches('"').to_owned();
    EtagCondition::OneOf(value.split(',').map(tag).filter(|tag| !tag.is_empty()).collect())
}

/// The header `If-Match`.
pub(crate) fn if_match(headers: &HeaderMap) -> Option<EtagCondition> {
    list(headers, IF_MATCH).as_deref().map(etags)
}

/// A date (section 5.6.7). One that is malformed is as good as none.
fn date(headers: &HeaderMap, name: impl AsHeaderName) -> Option<Timestamp> {
    parse_date(text(headers, name)?)
}

fn parse_date(text: &str) -> Option<Timestamp> {
    let since = httpdate::parse_http_date(text).ok()?.duration_since(UNIX_EPOCH).ok()?;
    i64::try_from(since.as_secs()).ok().map(Timestamp::from_seconds)
}

/// The conditions of a download.
pub(crate) fn read_conditions(headers: &HeaderMap) -> ReadConditions {
    let if_range = text(headers, IF_RANGE).map(|value| match parse_date(value) {
        Some(date) => IfRange::Date(date),
        // A weak tag never holds here (section 13.1.5); with its mark it equals none of ours.
        None => IfRange::Etag(value.trim_matches('"').to_owned()),
    });
    ReadConditions {
        if_match: if_match(headers),
        if_none_match: list(headers, IF_NONE_MATCH).as_deref().map(etags),
        if_modified_since: date(headers, IF_MODIFIED_SINCE),
        if_unmodified_since: date(headers, IF_UNMODIFIED_SINCE),
        if_range,
    }
}

/// The conditions of an upload. One that this API does not have is refused: it must not be ignored.
pub(crate) fn write_conditions(headers: &HeaderMap) -> Result<WriteConditions> {
    let unknown = [IF_MODIFIED_SINCE, IF_UNMODIFIED_SINCE, CONTENT_RANGE]
        .into_iter()
        .find(|name| headers.contains_key(name));
    if let Some(name) = unknown {
        return Err(Problem::malformed(format!("An upload cannot have the header {name}.")));
    }
    let if_absent = match list(headers, IF_NONE_MATCH).as_deref().map(etags) {
        None => false,
        Some(EtagCondition::Any) => true,
        Some(EtagCondition::OneOf(_)) => {
            return Err(Problem::malformed("For an upload, If-None-Match can only be *."));
        }
    };
    Ok(WriteConditions { if_absent, if_match: if_match(headers) })
}

/// The length that was announced, if one was.
pub(crate) fn length(headers: &HeaderMap) -> Result<Option<u64>> {
    let Some(value) = headers.get(CONTENT_LENGTH) else { return Ok(None) };
    let length = value.to_str().ok().and_then(|digits| digits.parse().ok());
    length.map(Some).ok_or_else(|| Problem::malformed("The header Content-Length is not a number."))
}

/// The digests that the bytes have to have: `Content-MD5` (RFC 1864), `Content-Digest` and `Repr-Digest` (RFC 9530), which of an upload
/// without a content coding of its own are the same. Of algorithms that are not known nothing is checked, as section 2 allows.
pub(crate) fn digests(headers: &HeaderMap) -> Result<DigestPlan> {
    let mut expect = Vec::new();
    if let Some(given) = headers.get("content-md5") {
        let value = STANDARD.decode(given.as_bytes().trim_ascii()).ok().filter(|value| value.len() == 16);
        let value =
            value.ok_or_else(|| Problem::malformed("The header Content-MD5 is not an MD5 in base64."))?;
        expect.push(Digest { algorithm: DigestAlgorithm::Md5, value });
    }
    for name in ["content-digest", "repr-digest"] {
        let Some(given) = list(headers, name) else { continue };
        for item in given.split(',').map(str::trim).filter(|item| !item.is_empty()) {
            let read = digest(item);
            expect.extend(read.map_err(|()| {
                Problem::malformed(format!("The header {name} is not a list such as sha-256=:BASE64:."))
            })?);
        }
    }
    expect.dedup();
    Ok(DigestPlan { expect, ..DigestPlan::default() })
}

/// One member of a list of digests; none of an algorithm that is not known.
fn digest(item: &str) -> Result<Option<Digest>, ()> {
    let (name, value) = item.split_once('=').ok_or(())?;
    let value = value.strip_prefix(':').and_then(|value| value.split_once(':')).ok_or(())?;
    let algorithm = match name.trim() {
        "sha-256" => DigestAlgorithm::Sha256,
        "sha" => DigestAlgorithm::Sha1,
        "md5" => DigestAlgorithm::Md5,
        _ => return Ok(None),
    };
    let value = STANDARD.decode(value.0).ok().filter(|value| value.len() == algorithm.length()).ok_or(())?;
    Ok(Some(Digest { algorithm, value }))
}

/// The headers that are kept with a file.
pub(crate) fn content(headers: &HeaderMap) -> ContentHeaders {
    let kept = |name| {
        text(headers, name).filter(|text| !text.is_empty() && text.len() <= LONGEST_KEPT).map(str::to_owned)
    };
    ContentHeaders {
        content_type: kept(CONTENT_TYPE),
        content_encoding: kept(CONTENT_ENCODING),
        content_disposition: kept(CONTENT_DISPOSITION),
        content_language: kept(CONTENT_LANGUAGE),
        cache_control: kept(CACHE_CONTROL),
        expires: kept(EXPIRES),
        user: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn with(name: &'static str, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(http::HeaderName::from_static(name), HeaderValue::try_from(value).unwrap())])
    }

    #[test]
    fn ranges() {
        for (value, wanted) in [
            ("bytes=0-9", Some(RangeRequest::FromTo(0, 9))),
            ("Bytes=5-", Some(RangeRequest::From(5))),
            ("bytes=-3", Some(RangeRequest::Suffix(3))),
            ("bytes=0-99999999999999999999999", Some(RangeRequest::FromTo(0, u64::MAX))),
            ("bytes=9-0", None),
            ("bytes=0-1,3-4", None),
            ("bytes=-", None),
            ("bytes=+1-2", None),
            ("items=0-1", None),
        ] {
            assert_eq!(range(&with("range", value)), wanted, "{value}");
        }
    }

    #[test]
    fn conditions() {
        assert_eq!(if_match(&with("if-match", "*")), Some(EtagCondition::Any));
        let tags = EtagCondition::OneOf(vec!["a".to_owned(), "b".to_owned()]);
        assert_eq!(if_match(&with("if-match", "\"a\", W/\"b\"")), Some(tags));
        let since =
            read_conditions(&with("if-modified-since", "Sun, 06 Nov 1994 08:49:37 GMT")).if_modified_since;
        assert_eq!(since, Some(Timestamp::from_seconds(784_111_777)));
        assert_eq!(read_conditions(&with("if-modified-since", "soon")).if_modified_since, None);
        assert!(write_conditions(&with("if-none-match", "*")).unwrap().if_absent);
        for (name, value) in
            [("if-none-match", "\"a\""), ("if-unmodified-since", "x"), ("content-range", "bytes 0-1/2")]
        {
            assert!(write_conditions(&with(name, value)).is_err(), "{name}");
        }
    }

    #[test]
    fn digests_and_lengths() {
        assert_eq!(digests(&with("content-md5", "1B2M2Y8AsgTpgAmY7PhCfg==")).unwrap().expect.len(), 1);
        for wrong in ["", "abc", "AAAA", "1B2M2Y8AsgTpgAmY7PhCfg"] {
            assert!(digests(&with("content-md5", wrong)).is_err(), "{wrong}");
        }
        let sha = "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:";
        for (value, known) in
            [(sha.to_owned(), 1), (format!("{sha}, sha-512=:AAAA:"), 1), ("sha-512=:AAAA:".to_owned(), 0)]
        {
            assert_eq!(digests(&with("repr-digest", &value)).unwrap().expect.len(), known, "{value}");
        }
        for wrong in ["x", "sha-256", "sha-256=AAAA", "sha-256=:AAAA:", "sha-256=:*:"] {
            assert!(digests(&with("content-digest", wrong)).is_err(), "{wrong}");
        }
        assert_eq!(length(&with("content-length", "12")).unwrap(), Some(12));
        assert!(length(&with("content-length", "-1")).is_err());
    }
}
