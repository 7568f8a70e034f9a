//! Documents that S3 answers with, written straight into one buffer.

use bytes::Bytes;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use portcullis_access::Etag;
use portcullis_domain::Timestamp;

use crate::time::IsoTime;

/// What the URL encoding of a listing leaves as it is; a space becomes `+`.
const LISTED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'*').remove(b'/');

/// How keys are written in a listing (`encoding-type`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyEncoding {
    /// As XML text.
    Plain,
    /// Percent-encoded, for clients whose XML parser refuses control characters.
    Url,
}

/// A document under way.
#[derive(Debug)]
pub(crate) struct Xml {
    out: Vec<u8>,
    time: IsoTime,
}

impl Xml {
    /// A document whose root element opens with this text; `expected` is about how long it gets, in bytes.
    pub(crate) fn begin(root: &'static str, expected: usize) -> Self {
        let mut out = Vec::with_capacity(expected + 160);
        out.extend_from_slice(b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
        out.extend_from_slice(root.as_bytes());
        Self { out, time: IsoTime::new() }
    }

    /// Markup as it is.
    pub(crate) fn raw(&mut self, markup: &'static str) {
        self.out.extend_from_slice(markup.as_bytes());
    }

    /// `<name>text</name>`, the text escaped.
    pub(crate) fn text(&mut self, name: &'static str, text: &str) {
        self.open(name);
        push_escaped(&mut self.out, text);
        self.close(name);
    }

    /// Text without an element around it, escaped.
    pub(crate) fn characters(&mut self, text: &str) {
        push_escaped(&mut self.out, text);
    }

    /// A key, a prefix or a delimiter, in the encoding that the client asked for.
    pub(crate) fn key(&mut self, name: &'static str, key: &str, encoding: KeyEncoding) {
        self.open(name);
        match encoding {
            KeyEncoding::Plain => push_escaped(&mut self.out, key),
            KeyEncoding::Url => push_url_encoded(&mut self.out, key),
        }
        self.close(name);
    }

    /// `<name>123</name>`.
    pub(crate) fn number(&mut self, name: &'static str, value: u64) {
        self.open(name);
        push_number(&mut self.out, value);
        self.close(name);
    }

    /// `<name>true</name>`.
    pub(crate) fn flag(&mut self, name: &'static str, value: bool) {
        self.open(name);
        self.raw(if value { "true" } else { "false" });
        self.close(name);
    }

    /// A moment in ISO 8601.
    pub(crate) fn time(&mut self, name: &'static str, at: Timestamp) {
        self.open(name);
        self.out.extend_from_slice(self.time.text(at));
        self.close(name);
    }

    /// An entity tag with its quotes.
    pub(crate) fn etag(&mut self, etag: &Etag) {
        self.raw("<ETag>&quot;");
        match etag {
            Etag::Md5 { digest, parts } => {
                let mut text = [0; 32];
                if hex::encode_to_slice(digest, &mut text).is_ok() {
                    self.out.extend_from_slice(&text);
                }
                if let Some(parts) = parts {
                    self.out.push(b'-');
                    push_number(&mut self.out, u64::from(*parts));
                }
            }
            Etag::Opaque(text) => push_escaped(&mut self.out, text),
        }
        self.raw("&quot;</ETag>");
    }

    /// Ends the document with the root's closing tag.
    pub(crate) fn end(mut self, root: &'static str) -> Bytes {
        self.raw(root);
        Bytes::from(self.out)
    }

    fn open(&mut self, name: &'static str) {
        self.out.push(b'<');
        self.out.extend_from_slice(name.as_bytes());
        self.out.push(b'>');
    }

    fn close(&mut self, name: &'static str) {
        self.out.extend_from_slice(b"</");
        self.out.extend_from_slice(name.as_bytes());
        self.out.push(b'>');
    }
}

/// Adds text so that a parser reads it back as it was. Characters that XML 1.0 cannot hold are written as references
/// all the same, as AWS does: one odd key never fails a whole listing.
fn push_escaped(out: &mut Vec<u8>, text: &str) {
    let special = |byte: u8| byte < 0x20 || matches!(byte, b'&' | b'<' | b'>' | b'"' | b'\'');
    // Looking at every byte without a way out is what the compiler makes vector instructions of; most keys end here.
    if !text.bytes().fold(false, |found, byte| found | special(byte)) {
        out.extend_from_slice(text.as_bytes());
        return;
    }
    for byte in text.bytes() {
        match byte {
            b'&' => out.extend_from_slice(b"&amp;"),
            b'<' => out.extend_from_slice(b"&lt;"),
            b'>' => out.extend_from_slice(b"&gt;"),
            b'"' => out.extend_from_slice(b"&quot;"),
            b'\'' => out.extend_from_slice(b"&#39;"),
            control if control < 0x20 => {
                out.extend_from_slice(b"&#x");
                let digit = |nibble: u8| if nibble < 10 { b'0' + nibble } else { b'A' + nibble - 10 };
                if control >= 0x10 {
                    out.push(b'1');
                }
                out.push(digit(control & 0xf));
                out.push(b';');
            }
            plain => out.push(plain),
        }
    }
}

fn push_url_encoded(out: &mut Vec<u8>, key: &str) {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() | matches!(byte, b'-' | b'.' | b'_' | b'*' | b'/');
    if key.bytes().fold(true, |all, byte| all & plain(byte)) {
        out.extend_from_slice(key.as_bytes());
        return;
    }
    for (at, piece) in key.split(' ').enumerate() {
        if at > 0 {
            out.push(b'+');
        }
        for encoded in percent_encode(piece.as_bytes(), LISTED) {
            out.extend_from_slice(encoded.as_bytes());
        }
    }
}

fn push_number(out: &mut Vec<u8>, value: u64) {
    let mut text = [b'0'; 20];
    let mut rest = value;
    let mut used = 0;
    for place in text.iter_mut().rev() {
        *place = b'0' + u8::try_from(rest % 10).unwrap_or(0);
        rest /= 10;
        used += 1;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(text.get(20 - used..).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml::parse;

    fn document(fill: impl FnOnce(&mut Xml)) -> String {
        let mut xml = Xml::begin("<R>", 0);
        fill(&mut xml);
        String::from_utf8(xml.end("</R>").to_vec()).unwrap()
    }

    #[test]
    fn what_is_written_is_read_back() {
        for odd in ["", "plain", " a ", "<&>'\"", "a\tb\r\nc", "é\u{301}", "]]>", "&amp;", "\u{10ffff}"] {
            let text = document(|xml| xml.text("K", odd));
            let root = parse(text.as_bytes(), "R").unwrap();
            assert_eq!(root.child("K").unwrap().text, odd);
        }
    }

    #[test]
    fn control_characters_become_references() {
        assert!(document(|xml| xml.text("K", "a\u{1}b\u{1f}")).ends_with("<R><K>a&#x1;b&#x1F;</K></R>"));
    }

    #[test]
    fn url_encoding_of_keys() {
        let text = document(|xml| xml.key("K", "a b+c/é\u{1}~*-._", KeyEncoding::Url));
        assert!(text.ends_with("<K>a+b%2Bc/%C3%A9%01%7E*-._</K></R>"), "{text}");
    }

    #[test]
    fn numbers_and_entity_tags() {
        for (value, told) in [(0, "0"), (10, "10"), (u64::MAX, "18446744073709551615")] {
            assert!(document(|xml| xml.number("N", value)).contains(&format!("<N>{told}</N>")));
        }
        let etag = Etag::Md5 { digest: [0xab; 16], parts: Some(12) };
        let told = "<ETag>&quot;abababababababababababababababab-12&quot;</ETag>";
        assert!(document(|xml| xml.etag(&etag)).contains(told));
    }
}
