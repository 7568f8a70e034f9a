//! The trailer: headers that come after the data.

use super::ChunkedError;

pub(super) const TRAILER_SIGNATURE: &str = "x-amz-trailer-signature";

/// One header of the trailer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trailer {
    /// In lower case.
    pub name: String,
    /// Printable ASCII without white space around it.
    pub value: String,
}

impl Trailer {
    /// Reads `NAME:VALUE`, the line break already taken off.
    pub(super) fn parse(line: &[u8]) -> Option<Self> {
        let (name, value) = std::str::from_utf8(line).ok()?.split_once(':')?;
        let name_byte = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        let value_byte = |byte: u8| byte.is_ascii_graphic() || byte == b' ';
        let value = value.trim_matches([' ', '\t']);
        if name.is_empty() || !name.bytes().all(name_byte) || !value.bytes().all(value_byte) {
            return None;
        }
        Some(Self { name: name.to_ascii_lowercase(), value: value.to_owned() })
    }
}

/// The bytes that the signature of a trailer covers: `name:value` and a line feed each, sorted by name.
#[must_use]
pub fn canonical_trailers(trailers: &[Trailer]) -> Vec<u8> {
    let mut sorted: Vec<&Trailer> = trailers.iter().collect();
    sorted.sort_by(|one, other| one.name.cmp(&other.name));
    let mut text = Vec::new();
    for trailer in sorted {
        for piece in [&trailer.name, ":", &trailer.value, "\n"] {
            text.extend_from_slice(piece.as_bytes());
        }
    }
    text
}

/// Compares the trailers that came with those that the `x-amz-trailer` header announced (`None` without that header):
/// exactly these, no more, no less. A checksum that was promised and left out must not pass as verified.
///
/// # Errors
/// [`ChunkedError::Trailer`].
pub fn check_trailers(announced: Option<&str>, trailers: &[Trailer]) -> Result<(), ChunkedError> {
    let names = || announced.unwrap_or_default().split(',').map(str::trim).filter(|name| !name.is_empty());
    let expected = |trailer: &Trailer| names().any(|name| name.eq_ignore_ascii_case(&trailer.name));
    if names().count() == trailers.len() && trailers.iter().all(expected) {
        Ok(())
    } else {
        Err(ChunkedError::Trailer)
    }
}

#[cfg(test)]
mod tests {
    use super::{Trailer, canonical_trailers, check_trailers};
    use crate::aws_chunked::ChunkedError;

    fn trailer(line: &str) -> Trailer {
        Trailer::parse(line.as_bytes()).unwrap()
    }

    #[test]
    fn lines() {
        let plain = trailer("X-Amz-Checksum-Crc32: AAAA== ");
        assert_eq!((plain.name.as_str(), plain.value.as_str()), ("x-amz-checksum-crc32", "AAAA=="));
        for line in ["", "name", ":value", "na me:value", "name:va\rlue", "name:v\u{e9}", "name :v"] {
            assert_eq!(Trailer::parse(line.as_bytes()), None, "{line:?}");
        }
    }

    #[test]
    fn canonical_form_is_sorted() {
        assert_eq!(canonical_trailers(&[trailer("b:2"), trailer("a: 1")]), b"a:1\nb:2\n");
    }

    #[test]
    fn announced_and_sent_must_agree() {
        let (one, two) = (trailer("a:1"), trailer("b:2"));
        assert_eq!(check_trailers(None, &[]), Ok(()));
        assert_eq!(check_trailers(Some("A"), std::slice::from_ref(&one)), Ok(()));
        assert_eq!(check_trailers(Some("b, a"), &[one.clone(), two.clone()]), Ok(()));
        for (announced, sent) in [
            (None, vec![one.clone()]),
            (Some("a"), vec![]),
            (Some("a"), vec![two.clone()]),
            (Some("a"), vec![one.clone(), two]),
            (Some("a,b"), vec![one]),
        ] {
            assert_eq!(check_trailers(announced, &sent), Err(ChunkedError::Trailer));
        }
    }
}
