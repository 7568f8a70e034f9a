//! What is known of an object, in the headers of requests and answers.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{
    CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LENGTH, CONTENT_TYPE,
    ETAG, EXPIRES, LAST_MODIFIED,
};
use http::{HeaderMap, HeaderName};
use portcullis_domain::Timestamp;
use portcullis_sigv4::encode::encode_component;
use sha2::Digest as _;

use super::names::{algorithms, decode_digest};
use super::wire::header_value;
use crate::{
    BackendError, BackendErrorKind, Checksum, ChecksumKind, ContentHeaders, Digest, DigestAlgorithm, Etag,
    ObjectMeta, Result, Tags, VersionId,
};

const USER: &str = "x-amz-meta-";
/// What S3 calls an object that was stored without a type.
const NO_TYPE: &str = "binary/octet-stream";
/// The longest version id that the trait allows.
const MAX_VERSION: usize = 64;
/// What stands before the ETag in the version of an object in a bucket without versions.
const UNVERSIONED: &str = "etag-";
/// What S3 calls a version from before versioning was turned on, and what it is called here.
const NULL: (&str, &str) = ("null", "v-null");

/// A header's value as text: UTF-8 if it is, Latin-1 otherwise.
pub(super) fn text_of(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let bytes = headers.get(name)?.as_bytes();
    let text =
        str::from_utf8(bytes).map_or_else(|_| bytes.iter().copied().map(char::from).collect(), str::to_owned);
    (!text.is_empty()).then_some(text)
}

pub(super) fn named(headers: &HeaderMap, name: &'static str) -> Option<String> {
    text_of(headers, &HeaderName::from_static(name))
}

/// Text that a header cannot carry as it is goes as an encoded word (RFC 2047), as S3 itself gives it back.
fn encode_text(text: &str) -> String {
    let plain = text.trim() == text && !text.chars().any(char::is_control);
    if plain { text.to_owned() } else { format!("=?UTF-8?B?{}?=", STANDARD.encode(text)) }
}

/// The text of an encoded word, if it is one that had to be.
fn decode_text(text: String) -> String {
    let decoded = text
        .strip_prefix("=?UTF-8?B?")
        .and_then(|rest| rest.strip_suffix("?="))
        .and_then(|inner| STANDARD.decode(inner).ok())
        .and_then(|bytes| String::from_utf8(bytes).ok());
    match decoded {
        Some(decoded) if !decoded.is_ascii() || encode_text(&decoded) != decoded => decoded,
        _ => text,
    }
}

/// Adds what a client stores with an object.
pub(super) fn add_content(
    headers: &mut HeaderMap,
    content: &ContentHeaders,
    operation: &'static str,
) -> Result<()> {
    for (name, value) in [
        (CONTENT_TYPE, &content.content_type),
        (CONTENT_ENCODING, &content.content_encoding),
        (CONTENT_DISPOSITION, &content.content_disposition),
        (CONTENT_LANGUAGE, &content.content_language),
        (CACHE_CONTROL, &content.cache_control),
        (EXPIRES, &content.expires),
    ] {
        if let Some(value) = value {
            headers.insert(name, header_value(&encode_text(value), operation)?);
        }
    }
    for (name, value) in &content.user {
        let name = HeaderName::try_from(format!("{USER}{name}"))
            .map_err(|error| BackendError::with(BackendErrorKind::Unsupported, operation, error))?;
        headers.append(name, header_value(&encode_text(value), operation)?);
    }
    Ok(())
}

/// Tags as the header that sets them has them.
pub(super) fn tags_text(tags: &Tags) -> String {
    let pair = |(name, value): &(String, String)| {
        format!("{}={}", encode_component(name.as_bytes()), encode_component(value.as_bytes()))
    };
    tags.iter().map(pair).collect::<Vec<_>>().join("&")
}

fn content(headers: &HeaderMap) -> ContentHeaders {
    let get = |name: HeaderName| text_of(headers, &name).map(decode_text);
    let mut user: Vec<(String, String)> = Vec::new();
    for (name, value) in headers {
        let Some(name) = name.as_str().strip_prefix(USER) else { continue };
        let text = str::from_utf8(value.as_bytes())
            .map_or_else(|_| value.as_bytes().iter().copied().map(char::from).collect(), str::to_owned);
        user.push((name.to_owned(), decode_text(text)));
    }
    ContentHeaders {
        content_type: get(CONTENT_TYPE).filter(|text| text != NO_TYPE),
        content_encoding: get(CONTENT_ENCODING),
        content_disposition: get(CONTENT_DISPOSITION),
        content_language: get(CONTENT_LANGUAGE),
        cache_control: get(CACHE_CONTROL),
        expires: get(EXPIRES),
        user,
    }
}

/// An ETag without its quotes: an MD5 with or without a number of parts, or whatever the provider made up.
pub(super) fn parse_etag(text: &str) -> Option<Etag> {
    let text = text.trim();
    let text = text.strip_prefix("W/").unwrap_or(text);
    let text = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    let fits =
        (1..=256).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"');
    if !fits {
        return None;
    }
    let (hash, parts) = match text.split_once('-') {
        None => (text, None),
        Some((hash, parts)) => (hash, Some(parts)),
    };
    let mut digest = [0u8; 16];
    let lower = !hash.bytes().any(|byte| byte.is_ascii_uppercase());
    let is_hash = lower && hex::decode_to_slice(hash, &mut digest).is_ok();
    let number = parts.map(|text| text.parse::<u16>().ok().filter(|number| number.to_string() == text));
    match number {
        None if is_hash => Some(Etag::Md5 { digest, parts: None }),
        Some(Some(parts)) if is_hash => Some(Etag::Md5 { digest, parts: Some(parts) }),
        _ => Some(Etag::Opaque(text.into())),
    }
}

pub(super) fn etag_of(headers: &HeaderMap) -> Option<Etag> {
    etag_told(&text_of(headers, &ETAG)?, headers)
}

/// A tag that an answer with these headers tells. That of an object which is encrypted under a key of the customer's only looks like
/// an MD5.
pub(super) fn etag_told(text: &str, headers: &HeaderMap) -> Option<Etag> {
    let etag = parse_etag(text)?;
    Some(if is_sealed(headers) { Etag::Opaque(etag.to_string().into()) } else { etag })
}

/// Whether an answer is about an object that is encrypted under a key of the customer's: one in a key store, or one of a request.
fn is_sealed(headers: &HeaderMap) -> bool {
    let by = named(headers, "x-amz-server-side-encryption");
    by.is_some_and(|by| by != "AES256")
        || headers.contains_key("x-amz-server-side-encryption-customer-algorithm")
}

/// The version of an object in a bucket that keeps none: another one for other bytes.
pub(super) fn version_of_etag(etag: &Etag) -> VersionId {
    let text = etag.to_string();
    if text.len() + UNVERSIONED.len() <= MAX_VERSION {
        return VersionId(format!("{UNVERSIONED}{text}").into());
    }
    let hash: [u8; 32] = sha2::Sha256::digest(text.as_bytes()).into();
    let short = hash.get(..24).unwrap_or_default();
    VersionId(format!("{UNVERSIONED}{}", hex::encode(short)).into())
}

/// A provider's version id, as it is called here.
pub(super) fn version_from(text: &str) -> Option<VersionId> {
    let text = if text == NULL.0 { NULL.1 } else { text };
    let fits = (1..=MAX_VERSION).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    fits.then(|| VersionId(text.into()))
}

/// A version id as the provider calls it.
pub(super) fn version_to(version: &VersionId) -> String {
    if &*version.0 == NULL.1 { NULL.0.to_owned() } else { version.0.to_string() }
}

/// The version that an answer is about.
pub(super) fn version_in(headers: &HeaderMap, etag: &Etag, versioning: bool) -> VersionId {
    let told = versioning.then(|| named(headers, "x-amz-version-id")).flatten();
    told.as_deref().and_then(version_from).unwrap_or_else(|| version_of_etag(etag))
}

/// An HTTP date, whole seconds.
pub(super) fn http_date(text: &str) -> Option<Timestamp> {
    let time = httpdate::parse_http_date(text.trim()).ok()?;
    let since = time.duration_since(std::time::UNIX_EPOCH).ok()?;
    i64::try_from(since.as_secs()).ok().map(Timestamp::from_seconds)
}

/// The moment of an answer, which is that of what it did.
pub(super) fn date_of(headers: &HeaderMap) -> Option<Timestamp> {
    http_date(&named(headers, "date")?)
}

/// The digest of this answer for an algorithm, and of how many parts it is.
pub(super) fn checksum_in(headers: &HeaderMap) -> Option<Checksum> {
    let (algorithm, text) =
        algorithms().find_map(|(algorithm, name, _)| Some((algorithm, named(headers, name)?)))?;
    let composite = named(headers, "x-amz-checksum-type").is_some_and(|kind| kind == "COMPOSITE");
    parse_checksum(algorithm, &text, composite)
}

/// A checksum as S3 writes it: over parts, their number follows.
pub(super) fn parse_checksum(algorithm: DigestAlgorithm, text: &str, composite: bool) -> Option<Checksum> {
    let (value, parts) = match text.split_once('-') {
        Some((value, parts)) => (value, Some(parts.parse().ok()?)),
        None => (text, None),
    };
    let digest = decode_digest(algorithm, value)?;
    let kind = match parts {
        Some(parts) => ChecksumKind::Composite(parts),
        None if composite => return None,
        None => ChecksumKind::FullObject,
    };
    Some(Checksum { digest, kind })
}

/// Whether an answer tells what a checksum is over. Of an object in parts that may be its parts, and not every provider says so.
fn is_told(headers: &HeaderMap, checksum: &Checksum) -> bool {
    let in_parts = text_of(headers, &ETAG).is_some_and(|etag| etag.contains('-'));
    checksum.kind != ChecksumKind::FullObject || !in_parts || headers.contains_key("x-amz-checksum-type")
}

/// The digest of one part in an answer.
pub(super) fn part_digest(headers: &HeaderMap) -> Option<Digest> {
    checksum_in(headers).map(|checksum| checksum.digest)
}

/// A whole number in a header.
pub(super) fn number(headers: &HeaderMap, name: &HeaderName) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

/// What an answer tells of an object of this size; none if it lacks what every object has.
pub(super) fn object_meta(
    headers: &HeaderMap,
    size: u64,
    versioning: bool,
    checksums: bool,
) -> Option<ObjectMeta> {
    let etag = etag_of(headers)?;
    Some(ObjectMeta {
        size,
        modified: http_date(&text_of(headers, &LAST_MODIFIED)?)?,
        version: version_in(headers, &etag, versioning),
        etag,
        content: content(headers),
        checksum: if checksums { checksum_in(headers).filter(|known| is_told(headers, known)) } else { None },
        tags: Tags::new(),
        parts: Vec::new(),
    })
}

/// The length that an answer announces.
pub(super) fn content_length(headers: &HeaderMap) -> Option<u64> {
    number(headers, &CONTENT_LENGTH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn etags() {
        let md5 = "0123456789abcdef0123456789abcdef";
        for text in
            [md5, "0123456789abcdef0123456789abcdef-2", "opaque", "0123456789ABCDEF0123456789ABCDEF", "a-b-c"]
        {
            assert_eq!(parse_etag(&format!("\"{text}\"")).unwrap().to_string(), text);
        }
        assert!(matches!(parse_etag(md5), Some(Etag::Md5 { parts: None, .. })));
        assert!(matches!(parse_etag(&format!("{md5}-07")), Some(Etag::Opaque(_))));
        for wrong in ["", "\"\"", "a b", "a\"b", "\u{e9}", &"x".repeat(300)] {
            assert_eq!(parse_etag(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn texts_that_headers_cannot_carry() {
        for text in ["plain", "=?UTF-8?B?cGxhaW4=?=", " edges ", "\u{141}\u{f3}d\u{17a}", "a\tb", ""] {
            assert_eq!(decode_text(encode_text(text)), text, "{text:?}");
        }
        assert_eq!(decode_text("=?UTF-8?B?w7w=?=".to_owned()), "\u{fc}");
        assert_eq!(decode_text("=?UTF-8?B?%?=".to_owned()), "=?UTF-8?B?%?=");
    }

    #[test]
    fn versions() {
        assert_eq!(version_to(&version_from("null").unwrap()), "null");
        assert_eq!(version_to(&version_from("abc").unwrap()), "abc");
        assert_eq!(version_from(&"x".repeat(65)), None);
        let long = Etag::Opaque("x".repeat(200).into());
        assert!(version_of_etag(&long).0.len() <= MAX_VERSION);
    }
}
