//! Object keys: parsed once, never normalised.

use std::fmt;
use std::str::FromStr;

/// Longest key, in UTF-8 bytes (S3 reference, "Creating object key names").
pub(crate) const MAX_KEY_BYTES: usize = 1024;

/// Why a text cannot be an object key or a prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidObjectKey {
    /// A key has at least one byte.
    #[error("an object key is never empty")]
    Empty,
    /// More than 1,024 bytes of UTF-8.
    #[error("an object key has at most 1024 bytes")]
    TooLong,
    /// The bytes are not UTF-8.
    #[error("an object key is UTF-8 text")]
    NotUtf8,
    /// The key holds U+0000, which no listing could carry.
    #[error("an object key never contains the character U+0000")]
    Nul,
}

/// The name of one object, byte for byte as the client said it: 1 to 1,024 bytes of UTF-8 without U+0000.
///
/// `a//b`, ` a`, `a/`, `a` and `a/../b` are five different keys. Nothing in Portcullis trims, folds or
/// resolves them: no driver builds a file path from a key, so `..` has no meaning here.
/// Order is the order of the UTF-8 bytes, which is S3's listing order.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectKey(Box<str>);

impl ObjectKey {
    /// Takes a key as the protocol gave it, after percent-decoding and nothing else.
    ///
    /// # Errors
    /// Says which rule the text breaks.
    pub fn parse(raw: &str) -> Result<Self, InvalidObjectKey> {
        check(raw)?;
        if raw.is_empty() {
            return Err(InvalidObjectKey::Empty);
        }
        Ok(Self(raw.into()))
    }

    /// As [`ObjectKey::parse`], from bytes that may not be UTF-8.
    ///
    /// # Errors
    /// Says which rule the bytes break.
    pub fn parse_bytes(raw: &[u8]) -> Result<Self, InvalidObjectKey> {
        Self::parse(str::from_utf8(raw).map_err(|_| InvalidObjectKey::NotUtf8)?)
    }

    /// The key's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The folders that hold this key, from the top: `a/b/c` has `a/` and `a/b/`; `a/b/` has `a/` and `a/b/`.
    pub fn folders(&self) -> impl Iterator<Item = &str> {
        self.0.match_indices('/').filter_map(|(at, _)| self.0.get(..=at))
    }
}

/// The beginning that a set of keys share: 0 to 1,024 bytes of UTF-8. The empty prefix holds every key.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct KeyPrefix(Box<str>);

impl KeyPrefix {
    /// Takes a prefix as it was given; it is compared byte by byte, with no meaning of `/`.
    ///
    /// # Errors
    /// Says which rule the text breaks; the empty text is a prefix.
    pub fn parse(raw: &str) -> Result<Self, InvalidObjectKey> {
        check(raw).map(|()| Self(raw.into()))
    }

    /// The prefix's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it holds every key.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether this object lies under the prefix.
    #[must_use]
    pub fn holds(&self, key: &ObjectKey) -> bool {
        key.as_str().starts_with(&*self.0)
    }

    /// Whether everything under `other` lies under this prefix too.
    #[must_use]
    pub fn holds_all_of(&self, other: &Self) -> bool {
        other.0.starts_with(&*self.0)
    }
}

fn check(raw: &str) -> Result<(), InvalidObjectKey> {
    if raw.len() > MAX_KEY_BYTES {
        return Err(InvalidObjectKey::TooLong);
    }
    if raw.bytes().any(|byte| byte == 0) {
        return Err(InvalidObjectKey::Nul);
    }
    Ok(())
}

macro_rules! text {
    ($($name:ident),*) => { $(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }
        impl FromStr for $name {
            type Err = InvalidObjectKey;
            fn from_str(raw: &str) -> Result<Self, InvalidObjectKey> {
                Self::parse(raw)
            }
        }
    )* };
}
text!(ObjectKey, KeyPrefix);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_rules() {
        assert_eq!(ObjectKey::parse(""), Err(InvalidObjectKey::Empty));
        assert_eq!(ObjectKey::parse(&"a".repeat(1025)), Err(InvalidObjectKey::TooLong));
        assert_eq!(ObjectKey::parse("a\0b"), Err(InvalidObjectKey::Nul));
        assert_eq!(ObjectKey::parse_bytes(&[0xff]), Err(InvalidObjectKey::NotUtf8));
        assert!(ObjectKey::parse(&"a".repeat(1024)).is_ok());
    }

    #[test]
    fn nothing_is_normalised() {
        let odd = ["a//b", " a", "a/", "a", "/a", "a/../b", "./a", "A", "a\\b", "é", "e\u{301}", "%2F"];
        let parsed: Vec<_> = odd.iter().map(|raw| ObjectKey::parse(raw).unwrap()).collect();
        for (raw, key) in odd.iter().zip(&parsed) {
            assert_eq!(key.as_str(), *raw);
        }
        let distinct: std::collections::BTreeSet<_> = parsed.iter().collect();
        assert_eq!(distinct.len(), odd.len());
    }

    #[test]
    fn folders_of_a_key() {
        let folders =
            |raw: &str| ObjectKey::parse(raw).unwrap().folders().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(folders("a/b/c"), ["a/", "a/b/"]);
        assert_eq!(folders("a/b/"), ["a/", "a/b/"]);
        assert_eq!(folders("/a"), ["/"]);
        assert!(folders("a").is_empty());
    }

    proptest! {
        #[test]
        fn order_is_the_order_of_bytes(a in "\\PC{1,20}", b in "\\PC{1,20}") {
            let (left, right) = (ObjectKey::parse(&a).unwrap(), ObjectKey::parse(&b).unwrap());
            prop_assert_eq!(left.cmp(&right), a.as_bytes().cmp(b.as_bytes()));
        }

        #[test]
        fn a_prefix_holds_what_its_parent_holds(a in "[ab/]{0,6}", b in "[ab/]{0,6}", key in "[ab/]{1,12}") {
            let (outer, inner) = (KeyPrefix::parse(&a).unwrap(), KeyPrefix::parse(&b).unwrap());
            let key = ObjectKey::parse(&key).unwrap();
            if outer.holds_all_of(&inner) && inner.holds(&key) {
                prop_assert!(outer.holds(&key));
            }
        }
    }
}
