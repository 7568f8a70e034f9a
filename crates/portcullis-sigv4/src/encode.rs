//! Percent-encoding as S3 signs it.
//!
//! Only `A-Z a-z 0-9 - . _ ~` stand for themselves; everything else is `%XX` with capital hex digits. In a path `/`
//! stands for itself too. A path is decoded once and never normalised: `a//b`, `.` and `..` are ordinary keys.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode, percent_encode};

const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
const PATH: &AsciiSet = &COMPONENT.remove(b'/');

/// Encodes the bytes of a path; `/` stays.
#[must_use]
pub fn encode_path(bytes: &[u8]) -> Cow<'_, str> {
    percent_encode(bytes, PATH).into()
}

/// Encodes the bytes of a query name or value; `/` becomes `%2F`, a space `%20`.
#[must_use]
pub fn encode_component(bytes: &[u8]) -> Cow<'_, str> {
    percent_encode(bytes, COMPONENT).into()
}

/// Decodes a path as it stands on the wire. `+` is a plus, a `%` without two hex digits after it stands for itself.
#[must_use]
pub fn decode_path(raw: &str) -> Cow<'_, [u8]> {
    percent_decode(raw.as_bytes()).into()
}

/// Decodes a query name or value as it stands on the wire. `+` is a space, as in HTML forms.
#[must_use]
pub fn decode_component(raw: &str) -> Cow<'_, [u8]> {
    if !raw.contains('+') {
        return percent_decode(raw.as_bytes()).into();
    }
    let spaced: Vec<u8> = raw.bytes().map(|byte| if byte == b'+' { b' ' } else { byte }).collect();
    Cow::Owned(percent_decode(&spaced).collect())
}

/// The raw `(name, value)` pairs of a query in the order sent. A name without `=` has the empty value; empty pieces
/// between two `&` are skipped. Decode each with [`decode_component`]: the signature is checked over exactly that
/// reading, so a front that reads a query another way would act on something that was not signed.
pub fn query_pairs(query: &str) -> impl Iterator<Item = (&str, &str)> {
    query
        .split('&')
        .filter(|piece| !piece.is_empty())
        .map(|piece| piece.split_once('=').unwrap_or((piece, "")))
}

/// The path in canonical form: decoded once, encoded once. Borrows when it already is.
pub(crate) fn canonical_path(raw: &str) -> Cow<'_, str> {
    if is_canonical(raw, true) {
        return Cow::Borrowed(raw);
    }
    Cow::Owned(encode_path(&decode_path(raw)).into_owned())
}

/// A query name or value in canonical form. Borrows when it already is.
pub(crate) fn canonical_component(raw: &str) -> Cow<'_, str> {
    if is_canonical(raw, false) {
        return Cow::Borrowed(raw);
    }
    Cow::Owned(encode_component(&decode_component(raw)).into_owned())
}

fn is_canonical(raw: &str, slash_stays: bool) -> bool {
    let stays = |byte: u8| {
        byte.is_ascii_alphanumeric()
            || matches!(byte, b'-' | b'.' | b'_' | b'~')
            || (slash_stays && byte == b'/')
    };
    let mut bytes = raw.bytes();
    while let Some(byte) = bytes.next() {
        if stays(byte) {
            continue;
        }
        if byte != b'%' {
            return false;
        }
        let (Some(high), Some(low)) =
            (bytes.next().and_then(capital_hex), bytes.next().and_then(capital_hex))
        else {
            return false;
        };
        let decoded = high << 4 | low;
        // An encoded slash in a path decodes to one, and S3 sees no difference.
        if stays(decoded) {
            return false;
        }
    }
    true
}

const fn capital_hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};

    use super::{
        canonical_component, canonical_path, decode_component, decode_path, encode_component, encode_path,
        query_pairs,
    };

    #[test]
    fn only_the_unreserved_characters_stay() {
        assert_eq!(encode_path(b"/a b+c=*(~)-._/\xc3\xa9%"), "/a%20b%2Bc%3D%2A%28~%29-._/%C3%A9%25");
        assert_eq!(encode_component(b"a/b c"), "a%2Fb%20c");
    }

    #[test]
    fn plus_is_literal_in_a_path_and_a_space_in_a_query() {
        assert_eq!(&*decode_path("/a+b%20c"), b"/a+b c");
        assert_eq!(&*decode_component("a+b%2Bc"), b"a b+c");
        assert_eq!(canonical_path("/a+b"), "/a%2Bb");
        assert_eq!(canonical_component("a+b"), "a%20b");
    }

    #[test]
    fn a_canonical_path_is_decoded_exactly_once() {
        for (raw, canonical) in [
            ("/a//b/../c/.", "/a//b/../c/."),
            ("/%2561", "/%2561"),
            ("/%61", "/a"),
            ("/%2f%2F", "///"),
            ("/%c3%a9", "/%C3%A9"),
            ("/100%", "/100%25"),
            ("/%4", "/%254"),
            ("/%zz", "/%25zz"),
            ("/é", "/%C3%A9"),
        ] {
            assert_eq!(canonical_path(raw), canonical, "{raw}");
        }
    }

    #[test]
    fn query_pairs_keep_order_duplicates_and_empty_values() {
        let pairs: Vec<_> = query_pairs("b=2&a&&b=&=x&c=d=e").collect();
        assert_eq!(pairs, [("b", "2"), ("a", ""), ("b", ""), ("", "x"), ("c", "d=e")]);
    }

    proptest! {
        #[test]
        fn encoding_round_trips_any_bytes(bytes in any::<Vec<u8>>()) {
            assert_eq!(&*decode_path(&encode_path(&bytes)), &bytes[..]);
            assert_eq!(&*decode_component(&encode_component(&bytes)), &bytes[..]);
        }

        #[test]
        fn the_shortcut_agrees_with_decode_and_encode(raw in "[a-c%/+0-9A-F é]{0,12}") {
            assert_eq!(canonical_path(&raw), encode_path(&decode_path(&raw)));
            assert_eq!(canonical_component(&raw), encode_component(&decode_component(&raw)));
        }
    }
}
