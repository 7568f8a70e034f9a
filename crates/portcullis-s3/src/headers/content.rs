//! What a client stores with an object: content headers, user metadata, tags.

use std::borrow::Cow;

use http::header::{
    CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_TYPE, EXPIRES,
};
use http::{HeaderMap, HeaderName, HeaderValue};
use portcullis_access::{ContentHeaders, Tags};
use portcullis_sigv4::encode::{decode_component, query_pairs};

use super::one;
use crate::error::{Code, S3Error};

/// The most that names and values of user metadata have together, in bytes (S3 reference, "Working with object metadata").
const MAX_METADATA: usize = 2048;
const MAX_TAGS: usize = 10;
const USER: &str = "x-amz-meta-";

/// The content headers and the user metadata of a request.
///
/// # Errors
/// `MetadataTooLarge`.
pub(crate) fn content_headers(headers: &HeaderMap) -> Result<ContentHeaders, S3Error> {
    let get = |name: HeaderName| headers.get(name).map(text_of).filter(|text| !text.is_empty());
    let mut content = ContentHeaders {
        content_type: get(CONTENT_TYPE),
        content_encoding: get(CONTENT_ENCODING).and_then(|codings| without_chunking(&codings)),
        content_disposition: get(CONTENT_DISPOSITION),
        content_language: get(CONTENT_LANGUAGE),
        cache_control: get(CACHE_CONTROL),
        expires: get(EXPIRES),
        user: Vec::new(),
    };
    for (name, value) in headers {
        if let Some(name) = name.as_str().strip_prefix(USER) {
            add_user_metadata(&mut content, name, &text_of(value));
        }
    }
    check_metadata_size(&content)?;
    Ok(content)
}

/// Adds a piece of user metadata; a name that came before gets the values joined, as HTTP has it.
fn add_user_metadata(content: &mut ContentHeaders, name: &str, value: &str) {
    match content.user.iter_mut().find(|(known, _)| known == name) {
        Some((_, known)) => {
            known.push(',');
            known.push_str(value);
        }
        None => content.user.push((name.to_owned(), value.to_owned())),
    }
}

/// Whether the user metadata is not too large.
///
/// # Errors
/// `MetadataTooLarge`.
fn check_metadata_size(content: &ContentHeaders) -> Result<(), S3Error> {
    let size: usize = content.user.iter().map(|(name, value)| name.len() + value.len()).sum();
    if size > MAX_METADATA { Err(Code::MetadataTooLarge.into()) } else { Ok(()) }
}

/// A value as text: UTF-8 if it is, Latin-1 otherwise, so that nothing a client sends is lost.
pub(crate) fn text_of(value: &HeaderValue) -> String {
    str::from_utf8(value.as_bytes())
        .map_or_else(|_| value.as_bytes().iter().copied().map(char::from).collect(), str::to_owned)
}

/// `aws-chunked` is how the body travels, not what it is.
fn without_chunking(codings: &str) -> Option<String> {
    let kept: Vec<&str> = codings
        .split(',')
        .map(str::trim)
        .filter(|coding| !coding.is_empty() && !coding.eq_ignore_ascii_case("aws-chunked"))
        .collect();
    (!kept.is_empty()).then(|| kept.join(","))
}

/// Refuses what would change the meaning of a write and is not offered.
///
/// # Errors
/// `AccessControlListNotSupported`, `InvalidStorageClass`.
pub(crate) fn refuse_unsupported(headers: &HeaderMap) -> Result<(), S3Error> {
    match one(headers, "x-amz-acl")? {
        None | Some("" | "private" | "bucket-owner-full-control") => {}
        Some(_) => return Err(Code::AccessControlListNotSupported.into()),
    }
    match one(headers, "x-amz-storage-class")? {
        None | Some("" | "STANDARD") => Ok(()),
        Some(_) => Err(Code::InvalidStorageClass.into()),
    }
}

/// The tags of the `x-amz-tagging` header; none if it is not there.
///
/// # Errors
/// `InvalidTag`, `InvalidArgument`.
pub(crate) fn tags_header(headers: &HeaderMap) -> Result<Option<Tags>, S3Error> {
    let Some(raw) = one(headers, "x-amz-tagging")? else { return Ok(None) };
    let mut tags = Tags::new();
    for (name, value) in query_pairs(raw) {
        let text = |raw| decoded(decode_component(raw)).ok_or(Code::InvalidTag);
        tags.push((text(name)?, text(value)?));
    }
    parse_tags(tags).map(Some)
}

fn decoded(bytes: Cow<'_, [u8]>) -> Option<String> {
    String::from_utf8(bytes.into_owned()).ok()
}

/// Checks tags against the rules of S3.
///
/// # Errors
/// `InvalidTag`.
pub(crate) fn parse_tags(tags: Tags) -> Result<Tags, S3Error> {
    let fits = |(name, value): &(String, String)| {
        (1..=128).contains(&name.chars().count()) && value.chars().count() <= 256
    };
    let mut names: Vec<&str> = tags.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    if tags.len() > MAX_TAGS || names.len() < tags.len() || !tags.iter().all(fits) {
        return Err(Code::InvalidTag.into());
    }
    Ok(tags)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(headers: &[(&'static str, &[u8])]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &[u8])| {
            (HeaderName::from_static(name), HeaderValue::from_bytes(value).unwrap())
        };
        headers.iter().map(pair).collect()
    }

    #[test]
    fn what_is_kept() {
        let content = content_headers(&map(&[
            ("content-type", b"text/plain"),
            ("content-encoding", b"aws-chunked, gzip"),
            ("x-amz-meta-mtime", b"1"),
            ("x-amz-meta-name", "é".as_bytes()),
            ("x-amz-meta-old", b"\xe9"),
            ("x-amz-meta-mtime", b"2"),
            ("x-amz-acl", b"private"),
        ]))
        .unwrap();
        assert_eq!(content.content_type.as_deref(), Some("text/plain"));
        assert_eq!(content.content_encoding.as_deref(), Some("gzip"));
        let mut user = content.user;
        user.sort();
        let expected = [("mtime", "1,2"), ("name", "é"), ("old", "é")];
        assert_eq!(user, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
        let chunked = content_headers(&map(&[("content-encoding", b"AWS-Chunked")])).unwrap();
        assert_eq!(chunked.content_encoding, None);
    }

    #[test]
    fn metadata_has_two_kibibytes() {
        let fits = vec![b'a'; 2047];
        assert!(content_headers(&map(&[("x-amz-meta-a", &fits)])).is_ok());
        let large = vec![b'a'; 2048];
        assert_eq!(
            content_headers(&map(&[("x-amz-meta-a", &large)])).unwrap_err().code,
            Code::MetadataTooLarge
        );
    }

    #[test]
    fn tags() {
        let tags = tags_header(&map(&[("x-amz-tagging", b"a=1&b%20c=%C3%A9+x&d")])).unwrap().unwrap();
        let expected = [("a", "1"), ("b c", "é x"), ("d", "")];
        assert_eq!(tags, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
        let eleven = (0..11).map(|at| format!("k{at}=v")).collect::<Vec<_>>().join("&");
        for wrong in ["a=1&a=2", "=1", "a=%ff", &eleven] {
            let headers = [(HeaderName::from_static("x-amz-tagging"), HeaderValue::from_str(wrong).unwrap())];
            assert_eq!(
                tags_header(&headers.into_iter().collect()).unwrap_err().code,
                Code::InvalidTag,
                "{wrong}"
            );
        }
    }

    #[test]
    fn what_is_not_offered() {
        assert!(
            refuse_unsupported(&map(&[("x-amz-acl", b"private"), ("x-amz-storage-class", b"STANDARD")]))
                .is_ok()
        );
        let code = |headers| refuse_unsupported(&map(headers)).unwrap_err().code;
        assert_eq!(code(&[("x-amz-acl", b"public-read")]), Code::AccessControlListNotSupported);
        assert_eq!(code(&[("x-amz-storage-class", b"GLACIER")]), Code::InvalidStorageClass);
    }
}
