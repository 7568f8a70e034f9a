//! Which storage and which key an address names.
//!
//! It is taken from the request's target as the client sent it, percent-decoded once and nothing else: `//`, `.`, `..`, `%2F` and a `/` at
//! the end are part of a key like any other character.

use http::Uri;
use percent_encoding::percent_decode_str;
use portcullis_domain::{BucketName, KeyPrefix, ObjectKey};

use crate::problem::{Problem, Result};

/// Where everything here begins.
pub(super) const ROOT: &str = "/files";

/// What an address names.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// The storages of the key.
    Top,
    /// Something in a storage; the text is empty for the storage itself.
    In(BucketName, String),
}

impl Target {
    /// What this address names.
    ///
    /// # Errors
    /// A problem with status 400 for an encoding that is none, 404 for a storage that cannot be.
    pub(super) fn of(uri: &Uri) -> Result<Self> {
        let below = uri.path().strip_prefix(ROOT).unwrap_or_default();
        let Some(below) = below.strip_prefix('/').filter(|below| !below.is_empty()) else {
            return Ok(Self::Top);
        };
        let (bucket, key) = below.split_once('/').unwrap_or((below, ""));
        let bucket = BucketName::parse(&decoded(bucket)?).map_err(|_| Problem::not_found())?;
        Ok(Self::In(bucket, decoded(key)?))
    }
}

/// Undoes the percent-encoding, once.
fn decoded(text: &str) -> Result<String> {
    let whole = text.split('%').skip(1).all(|after| {
        after.as_bytes().get(..2).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    });
    if !whole {
        return Err(Problem::malformed(
            "The address holds a % that begins no percent-encoded byte; a % itself is %25.",
        ));
    }
    let text = percent_decode_str(text).decode_utf8();
    text.map(std::borrow::Cow::into_owned)
        .map_err(|_| Problem::malformed("The name in the address is not UTF-8."))
}

/// The key of this name.
///
/// # Errors
/// A problem with status 400 that says which rule it breaks.
pub(super) fn key(name: &str) -> Result<ObjectKey> {
    ObjectKey::parse(name)
        .map_err(|error| Problem::malformed(format!("This cannot be the name of a file: {error}.")))
}

/// The prefix of this text.
///
/// # Errors
/// As [`key`].
pub(super) fn prefix(name: &str) -> Result<KeyPrefix> {
    KeyPrefix::parse(name)
        .map_err(|error| Problem::malformed(format!("This cannot be the name of a folder: {error}.")))
}

/// Characters that stand in a path as they are (RFC 3986 section 3.3), the `/` apart.
const SEGMENT: &percent_encoding::AsciiSet = &percent_encoding::NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'!')
    .remove(b'$')
    .remove(b'(')
    .remove(b')')
    .remove(b'*')
    .remove(b',')
    .remove(b'=')
    .remove(b':')
    .remove(b'@');

/// The address of a key or folder, to be followed by a browser: the slashes beside `.` and `..` are encoded, since a browser would
/// resolve those before it asks.
pub(super) fn address(bucket: &BucketName, name: &str) -> String {
    let mut address = format!("{ROOT}/{bucket}/");
    let mut after_dots = false;
    for (at, segment) in name.split('/').enumerate() {
        let dots = segment == "." || segment == "..";
        if at > 0 {
            address.push_str(if dots || after_dots { "%2F" } else { "/" });
        }
        address.extend(percent_encoding::utf8_percent_encode(segment, SEGMENT));
        after_dots = dots;
    }
    address
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket() -> BucketName {
        BucketName::parse("usr-00001-itm-00001-nas").unwrap()
    }

    fn of(below: &str) -> Result<Target> {
        Target::of(&format!("/files{below}").parse().unwrap())
    }

    #[test]
    fn the_target_is_taken_as_it_came() {
        for top in ["", "/"] {
            assert_eq!(of(top).unwrap(), Target::Top, "{top:?}");
        }
        for (text, name) in [
            ("", ""),
            ("/", ""),
            ("//", "/"),
            ("/a", "a"),
            ("/a/", "a/"),
            ("/a//b", "a//b"),
            ("/a/../b", "a/../b"),
            ("/./a", "./a"),
            ("/%2e%2e/a", "../a"),
            ("/a%2Fb", "a/b"),
            ("/a%252Fb", "a%2Fb"),
            ("/a+b", "a+b"),
            ("/%C3%BC", "\u{fc}"),
        ] {
            let wanted = Target::In(bucket(), name.to_owned());
            assert_eq!(of(&format!("/usr-00001-itm-00001-nas{text}")).unwrap(), wanted, "{text}");
        }
    }

    #[test]
    fn what_is_no_address() {
        for (text, status) in [
            ("/usr-00001-itm-00001-nas/a%", 400),
            ("/usr-00001-itm-00001-nas/a%2", 400),
            ("/usr-00001-itm-00001-nas/a%zz", 400),
            ("/usr-00001-itm-00001-nas/%ff", 400),
            ("//a", 404),
            ("/../a", 404),
            ("/%2e%2e/a", 404),
        ] {
            assert_eq!(of(text).unwrap_err().status().as_u16(), status, "{text}");
        }
    }

    #[test]
    fn addresses_come_back_as_the_name() {
        for name in
            ["a", "a/", "a//b", "a/../b", "..", "./a", "a/.", "a b?#%/\u{fc}", "%2F", "/", "a/...", "a;b&c"]
        {
            let address = address(&bucket(), name);
            let uri: Uri = address.parse().unwrap();
            assert_eq!(Target::of(&uri).unwrap(), Target::In(bucket(), name.to_owned()), "{address}");
            let alone = |segment: &str| segment == "." || segment == "..";
            assert!(name == ".." || !uri.path().split('/').any(alone), "{address} would be resolved");
        }
    }
}
