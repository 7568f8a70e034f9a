//! Reads the headers of tus.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use portcullis_access::{ContentHeaders, Digest, DigestAlgorithm};

use super::{UPLOAD_LENGTH, UPLOAD_METADATA, UPLOAD_OFFSET};
use crate::problem::{Problem, Result};

/// The digests that a piece can be checked by, as they are told.
pub(super) const ALGORITHMS: &str = "sha1,sha256,md5,crc32";
/// The kind of content that bytes of an upload are.
const PIECE: &str = "application/offset+octet-stream";
/// The longest `Upload-Metadata`, in bytes.
const LONGEST: usize = 4096;
/// The longest content type that is kept, in bytes.
const LONGEST_KIND: usize = 255;

fn number(headers: &HeaderMap, name: &HeaderName) -> Result<Option<u64>> {
    let mut given = headers.get_all(name).iter();
    let Some(value) = given.next() else { return Ok(None) };
    let text = value.to_str().ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    let number = text.and_then(|text| text.parse().ok()).filter(|_| given.next().is_none());
    number.map(Some).ok_or_else(|| Problem::malformed(format!("The header {name} is not a number of bytes.")))
}

/// How many bytes it will have.
pub(super) fn length(headers: &HeaderMap) -> Result<u64> {
    for unknown in ["upload-defer-length", "upload-concat"] {
        if headers.contains_key(unknown) {
            return Err(Problem::malformed(format!(
                "The header {unknown} is not understood here: an upload has a length."
            )));
        }
    }
    number(headers, &UPLOAD_LENGTH)?.ok_or_else(|| Problem::malformed("The header Upload-Length is needed."))
}

/// Where the bytes begin that come.
pub(super) fn offset(headers: &HeaderMap) -> Result<u64> {
    number(headers, &UPLOAD_OFFSET)?.ok_or_else(|| Problem::malformed("The header Upload-Offset is needed."))
}

/// Whether the body is bytes of the upload.
pub(super) fn has_bytes(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    kind.trim_ascii().eq_ignore_ascii_case(PIECE.as_bytes())
}

/// The digest that the bytes which come have to have.
pub(super) fn checksum(headers: &HeaderMap) -> Result<Option<Digest>> {
    let Some(value) = headers.get("upload-checksum") else { return Ok(None) };
    let read = || {
        let (name, value) = value.to_str().ok()?.trim().split_once(' ')?;
        let algorithm = match name.to_ascii_lowercase().as_str() {
            "sha1" => DigestAlgorithm::Sha1,
            "sha256" => DigestAlgorithm::Sha256,
            "md5" => DigestAlgorithm::Md5,
            "crc32" => DigestAlgorithm::Crc32,
            _ => return None,
        };
        let value = STANDARD.decode(value.trim()).ok().filter(|value| value.len() == algorithm.length())?;
        Some(Digest { algorithm, value })
    };
    let wrong = || {
        Problem::malformed(format!(
            "Upload-Checksum is one of {ALGORITHMS}, a space, and the value in base64."
        ))
    };
    read().map(Some).ok_or_else(wrong)
}

/// What a client tells of the file.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// As it was told.
    pub(super) text: String,
    /// Its name.
    pub(super) filename: Option<String>,
    /// What to keep with it.
    pub(super) content: ContentHeaders,
}

/// The header `Upload-Metadata`: names, each with a value in base64.
pub(super) fn told(headers: &HeaderMap) -> Result<Told> {
    let Some(value) = headers.get(UPLOAD_METADATA) else { return Ok(Told::default()) };
    told_text(value.to_str().map_err(|_| wrong_metadata())?)
}

fn wrong_metadata() -> Problem {
    Problem::malformed(format!(
        "Upload-Metadata is a list of names, each with a space and a value in base64, with commas between; at most {LONGEST} bytes."
    ))
}

/// The same, as it was kept.
pub(super) fn told_text(text: &str) -> Result<Told> {
    if text.len() > LONGEST {
        return Err(wrong_metadata());
    }
    let mut told = Told { text: text.to_owned(), ..Told::default() };
    for pair in text.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once(' ').unwrap_or((pair, ""));
        let value = STANDARD.decode(value.trim()).map_err(|_| wrong_metadata())?;
        match name {
            "filename" => told.filename = Some(String::from_utf8(value).map_err(|_| wrong_metadata())?),
            "filetype" => told.content.content_type = content_type(value),
            _ => {}
        }
    }
    Ok(told)
}

fn content_type(value: Vec<u8>) -> Option<String> {
    let plain = |text: &String| {
        (1..=LONGEST_KIND).contains(&text.len()) && text.bytes().all(|b| (b' '..=b'~').contains(&b))
    };
    String::from_utf8(value).ok().filter(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: &'static str, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(HeaderName::from_static(name), HeaderValue::try_from(value).unwrap())])
    }

    #[test]
    fn numbers_are_only_digits() {
        assert_eq!(offset(&with("upload-offset", "12")).unwrap(), 12);
        assert_eq!(length(&with("upload-length", "0")).unwrap(), 0);
        for wrong in ["", "-1", "+1", " 1", "1.0", "99999999999999999999"] {
            assert!(offset(&with("upload-offset", wrong)).is_err(), "{wrong}");
        }
        assert!(offset(&HeaderMap::new()).is_err() && length(&HeaderMap::new()).is_err());
        assert!(length(&with("upload-defer-length", "1")).is_err());
    }

    #[test]
    fn checksums() {
        let value = "sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=";
        assert_eq!(
            checksum(&with("upload-checksum", value)).unwrap().unwrap().algorithm,
            DigestAlgorithm::Sha1
        );
        assert!(checksum(&HeaderMap::new()).unwrap().is_none());
        for wrong in ["", "sha1", "sha1 AAAA", "sha512 Kq5sNclPz7QV2+lfQIuc6R7oRu0=", "sha1 *"] {
            assert!(checksum(&with("upload-checksum", wrong)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_told_of_a_file() {
        let told =
            told(&with("upload-metadata", "filename w7wudHh0,filetype dGV4dC9wbGFpbg==, is_confidential"))
                .unwrap();
        assert_eq!(told.filename.as_deref(), Some("\u{fc}.txt"));
        assert_eq!(told.content.content_type.as_deref(), Some("text/plain"));
        for wrong in ["filename *", "filename /w==", &format!("a {}", "A".repeat(LONGEST))] {
            assert!(super::told(&with("upload-metadata", wrong)).is_err(), "{wrong}");
        }
    }
}
