//! The canonical request and the string to sign.
//!
//! Everything is written in pieces into a [`Sink`], which in production is a running hash: no canonical request is
//! ever built in memory.

use std::borrow::Cow;

use sha2::{Digest as _, Sha256};

use crate::encode::{canonical_component, canonical_path, decode_component, query_pairs};
use crate::signature::encode_hex;
use crate::signing_key::SigningKey;
use crate::{ALGORITHM, AmzDate, RawRequest, Scope, Signature};

/// Something that takes bytes in order.
pub(crate) trait Sink {
    fn put(&mut self, bytes: &[u8]);
}

impl Sink for Sha256 {
    fn put(&mut self, bytes: &[u8]) {
        self.update(bytes);
    }
}

impl Sink for Vec<u8> {
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

/// A query in canonical form, its pairs sorted; written once for both readings of the path.
pub(crate) struct CanonicalQuery<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'a> CanonicalQuery<'a> {
    /// Decodes, encodes and sorts by encoded name, then value. `without` drops the parameters of that decoded name.
    pub(crate) fn new(query: Option<&'a str>, without: Option<&str>) -> Self {
        let mut pairs: Vec<_> = query_pairs(query.unwrap_or_default())
            .filter(|(name, _)| without.is_none_or(|dropped| *decode_component(name) != *dropped.as_bytes()))
            .map(|(name, value)| (canonical_component(name), canonical_component(value)))
            .collect();
        pairs.sort_unstable();
        Self(pairs)
    }

    pub(crate) fn write(&self, sink: &mut impl Sink) {
        for (index, (name, value)) in self.0.iter().enumerate() {
            if index > 0 {
                sink.put(b"&");
            }
            sink.put(name.as_bytes());
            sink.put(b"=");
            sink.put(value.as_bytes());
        }
    }
}

/// Which reading of the path is signed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum PathForm {
    /// Decoded once and encoded once, as the reference demands.
    Canonical,
    /// As it stands on the wire, as clients sign that leave `=`, `:` or `*` unescaped.
    AsSent,
}

/// All that a canonical request is made of.
pub(crate) struct Canonical<'a> {
    pub(crate) request: &'a RawRequest<'a>,
    pub(crate) query: CanonicalQuery<'a>,
    /// Lower-case names, sorted, each once, separated by `;`.
    pub(crate) signed_headers: &'a str,
    /// The value of `x-amz-content-sha256`, or what stands for it.
    pub(crate) payload: &'a [u8],
}

impl Canonical<'_> {
    pub(crate) fn write(&self, form: PathForm, sink: &mut impl Sink) {
        sink.put(self.request.method.as_bytes());
        sink.put(b"\n");
        let path = if self.request.path.is_empty() { "/" } else { self.request.path };
        match form {
            PathForm::Canonical => sink.put(canonical_path(path).as_bytes()),
            PathForm::AsSent => sink.put(path.as_bytes()),
        }
        sink.put(b"\n");
        self.query.write(sink);
        sink.put(b"\n");
        for name in self.signed_headers.split(';') {
            sink.put(name.as_bytes());
            sink.put(b":");
            for (index, value) in self.request.values(name).enumerate() {
                if index > 0 {
                    sink.put(b",");
                }
                write_folded(value, sink);
            }
            sink.put(b"\n");
        }
        sink.put(b"\n");
        sink.put(self.signed_headers.as_bytes());
        sink.put(b"\n");
        sink.put(self.payload);
    }

    /// The signature of this request under a key.
    pub(crate) fn sign(&self, form: PathForm, date: &AmzDate, scope: &Scope, key: &SigningKey) -> Signature {
        let mut hash = Sha256::new();
        self.write(form, &mut hash);
        let mut signing = key.start();
        write_preamble(ALGORITHM, date, scope, &mut signing);
        signing.put(&encode_hex(&hash.finalize().into()));
        signing.finish()
    }
}

/// The first three lines of every string to sign.
pub(crate) fn write_preamble(algorithm: &str, date: &AmzDate, scope: &Scope, sink: &mut impl Sink) {
    sink.put(algorithm.as_bytes());
    sink.put(b"\n");
    sink.put(date.as_bytes());
    sink.put(b"\n");
    scope.write(sink);
    sink.put(b"\n");
}

/// A header value without white space around it and with every run of white space inside as one space. Line breaks
/// count as white space, so that no value can pretend to be a second header.
fn write_folded(value: &[u8], sink: &mut impl Sink) {
    let value = value.trim_ascii();
    let mut after_space = false;
    let plain = value.iter().all(|&byte| {
        let space = byte == b' ';
        let fine = !(space && after_space) && (space || !byte.is_ascii_whitespace());
        after_space = space;
        fine
    });
    if plain {
        return sink.put(value);
    }
    let words = value.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    for (index, word) in words.enumerate() {
        if index > 0 {
            sink.put(b" ");
        }
        sink.put(word);
    }
}

#[cfg(test)]
mod tests {
    use super::{Canonical, CanonicalQuery, PathForm, write_folded};
    use crate::RawRequest;

    fn query(raw: &str) -> String {
        let mut text = Vec::new();
        CanonicalQuery::new(Some(raw), Some("X-Amz-Signature")).write(&mut text);
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn queries_sort_by_encoded_name_then_value() {
        for (raw, canonical) in [
            ("", ""),
            ("acl", "acl="),
            ("b=2&a=1", "a=1&b=2"),
            ("a=2&a=1&a", "a=&a=1&a=2"),
            ("a-=1&a=2", "a=2&a-=1"),
            ("A=1&a=1&%C3%A9=1&~=1", "%C3%A9=1&A=1&a=1&~=1"),
            ("prefix=a%2fb&x=a/b", "prefix=a%2Fb&x=a%2Fb"),
            ("p=a+b&p=a%20b", "p=a%20b&p=a%20b"),
            ("a=b=c", "a=b%3Dc"),
            ("X-Amz-Signature=1&a=1&X%2DAmz-Signature=2", "a=1"),
            ("x-amz-signature=1", "x-amz-signature=1"),
        ] {
            assert_eq!(query(raw), canonical, "{raw}");
        }
    }

    #[test]
    fn values_are_folded() {
        for (raw, folded) in [
            ("", ""),
            ("  ", ""),
            (" a ", "a"),
            ("a b", "a b"),
            ("a  b\t c", "a b c"),
            ("a\tb", "a b"),
            ("x\nhost:evil", "x host:evil"),
            ("\"a  b\"", "\"a b\""),
        ] {
            let mut text = Vec::new();
            write_folded(raw.as_bytes(), &mut text);
            assert_eq!(text, folded.as_bytes(), "{raw:?}");
        }
    }

    #[test]
    fn the_whole_of_it() {
        let headers: [(&str, &[u8]); 4] =
            [("x-amz-meta-a", b" 1 "), ("host", b"h"), ("x-amz-meta-a", b"2  3"), ("unsigned", b"x")];
        let request = RawRequest { method: "PUT", path: "/b/a+b:c", query: Some("z&a=1"), headers: &headers };
        let canonical = Canonical {
            request: &request,
            query: CanonicalQuery::new(request.query, None),
            signed_headers: "host;x-amz-meta-a",
            payload: b"UNSIGNED-PAYLOAD",
        };
        let mut text = Vec::new();
        canonical.write(PathForm::Canonical, &mut text);
        let expected =
            "PUT\n/b/a%2Bb%3Ac\na=1&z=\nhost:h\nx-amz-meta-a:1,2 3\n\nhost;x-amz-meta-a\nUNSIGNED-PAYLOAD";
        assert_eq!(String::from_utf8(text).unwrap(), expected);
        let mut text = Vec::new();
        canonical.write(PathForm::AsSent, &mut text);
        assert_eq!(String::from_utf8(text).unwrap(), expected.replace("%2B", "+").replace("%3A", ":"));
    }
}
