//! What a request is about: bucket and key, from the host name and the path as they came.

use std::net::IpAddr;

use portcullis_domain::{InvalidObjectKey, ObjectKey};
use portcullis_sigv4::encode::decode_path;

use crate::error::{Code, S3Error, key_error};

/// The bucket and key of a request. The path is decoded once and never normalised: `a//b`, `.` and `a/` are keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    /// The bucket as it was written; none for the service itself. It need not be a possible name.
    pub(crate) bucket: Option<String>,
    /// The key; none for the bucket itself.
    pub(crate) key: Option<ObjectKey>,
}

impl Target {
    /// Reads host and raw path. A host below one of the base domains names the bucket, any other leaves it to the path.
    ///
    /// # Errors
    /// `InvalidURI`, `KeyTooLongError`, `InvalidArgument` for a key that cannot be.
    pub(crate) fn parse(host: Option<&str>, path: &str, base_domains: &[String]) -> Result<Self, S3Error> {
        let path = path.strip_prefix('/').unwrap_or(path);
        if let Some(bucket) = host.and_then(|host| bucket_of_host(host, base_domains)) {
            return Ok(Self { bucket: Some(bucket), key: key(path)? });
        }
        if path.is_empty() {
            return Ok(Self { bucket: None, key: None });
        }
        let (bucket, rest) = path.split_once('/').unwrap_or((path, ""));
        let bucket = String::from_utf8(decode_path(bucket).into_owned()).map_err(|_| Code::InvalidURI)?;
        Ok(Self { bucket: Some(bucket), key: key(rest)? })
    }
}

fn key(raw: &str) -> Result<Option<ObjectKey>, S3Error> {
    match ObjectKey::parse_bytes(&decode_path(raw)) {
        Ok(key) => Ok(Some(key)),
        Err(InvalidObjectKey::Empty) => Ok(None),
        Err(error) => Err(key_error(error)),
    }
}

fn bucket_of_host(host: &str, base_domains: &[String]) -> Option<String> {
    if base_domains.is_empty() {
        return None;
    }
    let name = without_port(host);
    if name.parse::<IpAddr>().is_ok() || name.starts_with('[') {
        return None;
    }
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    // The longest base wins, so that one base below another does not become a bucket.
    let base = base_domains
        .iter()
        .filter(|base| {
            name.strip_suffix(base.as_str()).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        })
        .max_by_key(|base| base.len())?;
    let bucket = name.strip_suffix(base.as_str())?.strip_suffix('.')?;
    (!bucket.is_empty()).then(|| bucket.to_owned())
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        Some(_) | None => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(host: &str, path: &str) -> (Option<String>, Option<String>) {
        let bases = ["s3.example.com".to_owned(), "example.com".to_owned()];
        let target = Target::parse(Some(host), path, &bases).unwrap();
        (target.bucket, target.key.map(|key| key.as_str().to_owned()))
    }

    fn pair(bucket: &str, key: &str) -> (Option<String>, Option<String>) {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        (some(bucket), some(key))
    }

    #[test]
    fn path_style() {
        for host in
            ["127.0.0.1:9000", "[::1]:9000", "localhost", "s3.example.com", "s3.example.com:443", "other.org"]
        {
            assert_eq!(parse(host, "/"), pair("", ""), "{host}");
            assert_eq!(parse(host, "/photos"), pair("photos", ""), "{host}");
            assert_eq!(parse(host, "/photos/"), pair("photos", ""), "{host}");
            assert_eq!(parse(host, "/photos/a/b"), pair("photos", "a/b"), "{host}");
        }
    }

    #[test]
    fn virtual_host_style() {
        for host in ["photos.s3.example.com", "PHOTOS.S3.example.com:9000", "photos.s3.example.com."] {
            assert_eq!(parse(host, "/"), pair("photos", ""), "{host}");
            assert_eq!(parse(host, "/a/b"), pair("photos", "a/b"), "{host}");
        }
    }

    #[test]
    fn keys_are_never_normalised() {
        for (path, key) in [
            ("/b/a//b", "a//b"),
            ("/b//a", "/a"),
            ("/b/../c", "../c"),
            ("/b/./a/", "./a/"),
            ("/b/a%2Fb", "a/b"),
            ("/b/%252F", "%2F"),
            ("/b/a+b", "a+b"),
            ("/b/%20a%20", " a "),
            ("/b/%E2%82%AC", "\u{20ac}"),
            ("/b/100%", "100%"),
        ] {
            assert_eq!(parse("localhost", path), pair("b", key), "{path}");
        }
    }

    #[test]
    fn impossible_keys() {
        let code = |path: &str| Target::parse(None, path, &[]).unwrap_err().code;
        assert_eq!(code("/b/%ff"), Code::InvalidURI);
        assert_eq!(code("/b/%00"), Code::InvalidArgument);
        assert_eq!(code(&format!("/b/{}", "a".repeat(1025))), Code::KeyTooLongError);
    }
}
