//! Headers of downloads. What people stored is never shown as a page of this server.

use std::time::{Duration, UNIX_EPOCH};

use http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_RANGE,
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderName, LAST_MODIFIED,
};
use http::{HeaderMap, HeaderValue};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use portcullis_access::{ByteRange, ObjectMeta};
use portcullis_domain::ObjectKey;

/// What may stand as it is in an extended parameter (RFC 8187 section 3.2.1).
const ATTR_CHAR: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b'-')
    .remove(b'.')
    .remove(b'^')
    .remove(b'_')
    .remove(b'`')
    .remove(b'|')
    .remove(b'~');

/// What a cache compares: entity tag and time.
pub(crate) fn validators(meta: &ObjectMeta) -> HeaderMap {
    let mut headers = HeaderMap::new();
    put(&mut headers, ETAG, &format!("\"{}\"", meta.etag));
    let modified = Duration::from_secs(u64::try_from(meta.modified.seconds()).unwrap_or(0));
    // The format ends with the year 9999.
    if let Some(modified) = UNIX_EPOCH.checked_add(modified).filter(|_| modified.as_secs() < 253_402_300_800)
    {
        put(&mut headers, LAST_MODIFIED, &httpdate::fmt_http_date(modified));
    }
    // What the one who stored it said of caches is not for this door: no cache may answer for somebody else, or after
    // the right to read was taken away.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    headers
}

/// Everything that is said of a file but its length.
pub(crate) fn of_file(key: &ObjectKey, meta: &ObjectMeta) -> HeaderMap {
    let mut headers = validators(meta);
    let content = &meta.content;
    put(&mut headers, CONTENT_TYPE, content.content_type.as_deref().unwrap_or("application/octet-stream"));
    if !headers.contains_key(CONTENT_TYPE) {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    }
    if let Some(encoding) = &content.content_encoding {
        put(&mut headers, CONTENT_ENCODING, encoding);
    }
    if let Some(language) = &content.content_language {
        put(&mut headers, CONTENT_LANGUAGE, language);
    }
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    put(&mut headers, CONTENT_DISPOSITION, &attachment(key));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox; default-src 'none'"));
    headers
}

/// Which bytes these are (RFC 9110 section 14.4).
pub(crate) fn content_range(range: ByteRange, size: u64) -> HeaderMap {
    let mut headers = HeaderMap::new();
    put(&mut headers, CONTENT_RANGE, &format!("bytes {}-{}/{size}", range.first, range.last));
    headers
}

/// "Save it under the last part of its name" (RFC 6266).
fn attachment(key: &ObjectKey) -> String {
    format!("attachment; filename*=UTF-8''{}", utf8_percent_encode(name_of(key), ATTR_CHAR))
}

/// The last part of a file's name.
pub(crate) fn name_of(key: &ObjectKey) -> &str {
    key.as_str().rsplit('/').find(|part| !part.is_empty()).unwrap_or("file")
}

/// The same for tools too, of which some only read the plain form of the name: there, what is not plain becomes `_`.
pub(crate) fn for_tools(key: &ObjectKey) -> HeaderMap {
    let plain = |c: char| if c.is_ascii_graphic() && !"\"\\%/".contains(c) || c == ' ' { c } else { '_' };
    let name: String = name_of(key).chars().map(plain).collect();
    let extended = utf8_percent_encode(name_of(key), ATTR_CHAR);
    let mut headers = HeaderMap::new();
    put(
        &mut headers,
        CONTENT_DISPOSITION,
        &format!("attachment; filename=\"{name}\"; filename*=UTF-8''{extended}"),
    );
    headers
}

/// Sets a header; a value that can be none is left out.
fn put(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::try_from(value) {
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_attachments() {
        for (key, wanted) in [
            ("a/b c.txt", "b%20c.txt"),
            ("a/b/", "b"),
            ("//", "file"),
            ("ü\"\r\n;.html", "%C3%BC%22%0D%0A%3B.html"),
        ] {
            let told = attachment(&ObjectKey::parse(key).unwrap());
            assert_eq!(told, format!("attachment; filename*=UTF-8''{wanted}"), "{key}");
        }
    }

    #[test]
    fn names_for_tools() {
        for (key, wanted) in [
            ("a/b c.txt", "filename=\"b c.txt\"; filename*=UTF-8''b%20c.txt"),
            ("\u{fc}\"\\\r\n;.html", "filename=\"_____;.html\"; filename*=UTF-8''%C3%BC%22%5C%0D%0A%3B.html"),
        ] {
            let told = for_tools(&ObjectKey::parse(key).unwrap());
            assert_eq!(told[CONTENT_DISPOSITION], format!("attachment; {wanted}"), "{key:?}");
        }
    }
}
