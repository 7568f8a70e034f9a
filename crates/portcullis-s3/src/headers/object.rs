//! The headers that say what an object is.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_TYPE,
    ETAG, EXPIRES, LAST_MODIFIED,
};
use http::{HeaderMap, HeaderName, HeaderValue};
use portcullis_access::{ContentHeaders, Etag, ObjectMeta, VersionId};

use crate::error::S3Error;
use crate::query::Query;
use crate::reply::Reply;
use crate::time::http_date;

/// What an object is that was stored without a type (S3 reference, `PutObject`).
const DEFAULT_TYPE: HeaderValue = HeaderValue::from_static("binary/octet-stream");

/// `response-*` parameters and the headers that they replace.
const OVERRIDES: [(&str, HeaderName); 6] = [
    ("response-content-type", CONTENT_TYPE),
    ("response-content-language", CONTENT_LANGUAGE),
    ("response-expires", EXPIRES),
    ("response-cache-control", CACHE_CONTROL),
    ("response-content-disposition", CONTENT_DISPOSITION),
    ("response-content-encoding", CONTENT_ENCODING),
];

/// Headers that the request wants instead of those that were stored.
#[derive(Debug, Default)]
pub(crate) struct Overrides(Vec<(HeaderName, HeaderValue)>);

impl Overrides {
    /// Reads the `response-*` parameters. All requests are signed, so nobody else can have put them there.
    ///
    /// # Errors
    /// `InvalidArgument` for a value that cannot stand in a header.
    pub(crate) fn parse(query: &Query<'_>) -> Result<Self, S3Error> {
        let mut found = Vec::new();
        for (parameter, header) in OVERRIDES {
            if let Some(text) = query.filled(parameter) {
                let value = HeaderValue::from_bytes(text.as_bytes())
                    .map_err(|_| S3Error::argument(parameter, "The value cannot stand in a header."))?;
                found.push((header, value));
            }
        }
        Ok(Self(found))
    }
}

/// Sets everything that is known of an object but its length, range and checksum.
pub(crate) fn object_headers(reply: &mut Reply, meta: &ObjectMeta, overrides: Overrides) {
    let headers = reply.headers_mut();
    headers.reserve(10 + meta.content.user.len());
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(LAST_MODIFIED, http_date(meta.modified));
    stored(headers, &meta.content);
    if !meta.tags.is_empty() {
        headers.insert("x-amz-tagging-count", HeaderValue::from(meta.tags.len()));
    }
    for (name, value) in overrides.0 {
        headers.insert(name, value);
    }
    set_etag(reply, &meta.etag);
}

fn stored(headers: &mut HeaderMap, content: &ContentHeaders) {
    let kind = content.content_type.as_deref().and_then(value_of).unwrap_or(DEFAULT_TYPE);
    headers.insert(CONTENT_TYPE, kind);
    for (name, text) in [
        (CONTENT_ENCODING, &content.content_encoding),
        (CONTENT_DISPOSITION, &content.content_disposition),
        (CONTENT_LANGUAGE, &content.content_language),
        (CACHE_CONTROL, &content.cache_control),
        (EXPIRES, &content.expires),
    ] {
        if let Some(value) = text.as_deref().and_then(value_of) {
            headers.insert(name, value);
        }
    }
    let mut full = String::with_capacity(64);
    for (name, text) in &content.user {
        full.clear();
        full.push_str("x-amz-meta-");
        full.push_str(name);
        if let (Ok(name), Some(value)) = (HeaderName::try_from(full.as_str()), value_of(text)) {
            headers.append(name, value);
        }
    }
}

/// ASCII goes out as it came in; anything else as an encoded word (RFC 2047), as S3 does it.
fn value_of(text: &str) -> Option<HeaderValue> {
    if text.is_ascii() {
        return HeaderValue::from_str(text).ok();
    }
    HeaderValue::try_from(format!("=?UTF-8?B?{}?=", STANDARD.encode(text))).ok()
}

/// Sets the entity tag, in quotes.
pub(crate) fn set_etag(reply: &mut Reply, etag: &Etag) {
    let value = match etag {
        Etag::Md5 { digest, parts: None } => {
            let mut text = [b'"'; 34];
            let hex = text.get_mut(1..33).map(|middle| hex::encode_to_slice(digest, middle));
            hex.and_then(Result::ok).and_then(|()| HeaderValue::from_bytes(&text).ok())
        }
        Etag::Md5 { parts: Some(_), .. } | Etag::Opaque(_) => {
            let mut text = String::with_capacity(48);
            write!(text, "\"{etag}\"").ok().and_then(|()| HeaderValue::try_from(text).ok())
        }
    };
    if let Some(value) = value {
        reply.headers_mut().insert(ETAG, value);
    }
}

/// Says which version this is.
pub(crate) fn set_version(reply: &mut Reply, version: &VersionId) {
    crate::reply::set(reply, HeaderName::from_static("x-amz-version-id"), &version.0);
}

#[cfg(test)]
mod tests {
    use http::StatusCode;
    use portcullis_domain::Timestamp;

    use super::*;
    use crate::reply::empty;

    #[test]
    fn an_object_with_everything() {
        let text = |text: &str| Some(text.to_owned());
        let meta = ObjectMeta {
            size: 3,
            modified: Timestamp::from_seconds(784_111_777),
            etag: Etag::Md5 { digest: [0x0f; 16], parts: None },
            version: VersionId("v".into()),
            content: ContentHeaders {
                content_type: text("text/plain"),
                content_encoding: text("gzip"),
                content_disposition: text("attachment; filename=\"ä\""),
                user: vec![("a".to_owned(), "b".to_owned()), ("bad name".to_owned(), "c".to_owned())],
                ..ContentHeaders::default()
            },
            checksum: None,
            tags: vec![("k".to_owned(), "v".to_owned())],
            parts: Vec::new(),
        };
        let query = Query::parse(Some("response-content-type=x%2Fy&response-expires=")).unwrap();
        let mut reply = empty(StatusCode::OK);
        object_headers(&mut reply, &meta, Overrides::parse(&query).unwrap());
        let get = |name: &str| reply.headers().get(name).map(|value| value.to_str().unwrap());
        assert_eq!(get("etag"), Some("\"0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f\""));
        assert_eq!(get("last-modified"), Some("Sun, 06 Nov 1994 08:49:37 GMT"));
        assert_eq!(get("content-type"), Some("x/y"));
        assert_eq!(get("content-encoding"), Some("gzip"));
        assert_eq!(get("content-disposition"), Some("=?UTF-8?B?YXR0YWNobWVudDsgZmlsZW5hbWU9IsOkIg==?="));
        assert_eq!(get("x-amz-meta-a"), Some("b"));
        assert_eq!(get("x-amz-tagging-count"), Some("1"));
        assert_eq!(get("accept-ranges"), Some("bytes"));
    }

    #[test]
    fn other_entity_tags() {
        for (etag, told) in [
            (Etag::Md5 { digest: [0; 16], parts: Some(7) }, "\"00000000000000000000000000000000-7\""),
            (Etag::Opaque("x".into()), "\"x\""),
        ] {
            let mut reply = empty(StatusCode::OK);
            set_etag(&mut reply, &etag);
            assert_eq!(reply.headers()["etag"], told);
        }
    }

    #[test]
    fn an_override_cannot_break_out_of_its_header() {
        let query = Query::parse(Some("response-content-type=a%0D%0AX:b")).unwrap();
        assert!(Overrides::parse(&query).is_err());
    }
}
