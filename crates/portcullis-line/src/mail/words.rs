//! Text of header fields: encoded words (RFC 2047), character sets, and what comes with neither.
//!
//! Clients put encoded words where the RFC forbids them (within quotes, beside other text) and cut characters in two between them. Both are
//! understood.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};

/// In header fields a missing `=` hurts nobody.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The RFC ends them after 75 characters; not every client does. For a text full of `=?` it bounds how often it is read.
const LONGEST_WORD: usize = 4 * 1024;

/// Bytes of a field as text: UTF-8, else the Western character set that old clients send unsaid.
pub(super) fn text(bytes: &[u8]) -> String {
    match str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => WINDOWS_1252.decode_without_bom_handling(bytes).0.into_owned(),
    }
}

/// Bytes in a character set by its name; as [`text`] if the name is empty or not known.
pub(super) fn in_charset(bytes: &[u8], label: &str) -> String {
    match charset(label) {
        Some(encoding) if !(encoding == UTF_8 && str::from_utf8(bytes).is_err()) => {
            encoding.decode_without_bom_handling(bytes).0.into_owned()
        }
        Some(_) | None => text(bytes),
    }
}

/// The character set of this name, a language behind it left out (RFC 2231, 5). What calls itself ASCII is not looked up: it may hold anything.
pub(super) fn charset(label: &str) -> Option<&'static Encoding> {
    let label = label.split('*').next().unwrap_or_default().trim();
    if label.eq_ignore_ascii_case("us-ascii") || label.eq_ignore_ascii_case("ascii") {
        return None;
    }
    Encoding::for_label_no_replacement(label.as_bytes())
}

/// Text with its encoded words decoded. What is none, or in a character set that is not known, stays as it is.
pub(super) fn decode(raw: &str) -> String {
    let (mut out, mut run) = (String::with_capacity(raw.len()), Run::default());
    let mut rest = raw;
    while let Some((before, from)) = rest.split_once("=?") {
        let Some((word, behind)) = Word::read(from) else {
            run.end(&mut out);
            out.push_str(before);
            out.push_str("=?");
            rest = from;
            continue;
        };
        // Blanks between two words are there to part them.
        if !(run.begun && before.chars().all(char::is_whitespace)) {
            run.end(&mut out);
            out.push_str(before);
        }
        run.add(&word, &mut out);
        rest = behind;
    }
    run.end(&mut out);
    out.push_str(rest);
    out
}

/// One encoded word.
#[derive(Debug)]
struct Word<'a> {
    charset: &'a str,
    encoding: &'static Encoding,
    bytes: Vec<u8>,
}

impl<'a> Word<'a> {
    /// The word whose `=?` was just read, and what comes behind it.
    fn read(text: &'a str) -> Option<(Self, &'a str)> {
        let (charset, _) = near(text, 64).split_once('?')?;
        let mut signs = text.get(charset.len() + 1..)?.chars();
        let kind = signs.next()?;
        let coded = signs.as_str().strip_prefix('?')?;
        let (coded, _) = near(coded, LONGEST_WORD).split_once("?=")?;
        let behind = signs.as_str().get(1 + coded.len() + 2..)?;
        let encoding = match self::charset(charset) {
            Some(encoding) => encoding,
            None if charset.to_ascii_lowercase().starts_with("us-ascii") => WINDOWS_1252,
            None => return None,
        };
        let bytes = match kind {
            'B' | 'b' => {
                let signs: Vec<u8> = coded.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
                BASE64.decode(signs).ok()?
            }
            'Q' | 'q' => quoted(coded),
            _ => return None,
        };
        Some((Self { charset, encoding, bytes }, behind))
    }
}

/// The beginning of a text, at most so many bytes.
fn near(text: &str, bytes: usize) -> &str {
    text.get(..text.floor_char_boundary(bytes)).unwrap_or(text)
}

/// Words one after the other in one character set, whose bytes belong together.
#[derive(Debug, Default)]
struct Run {
    begun: bool,
    bytes: Vec<u8>,
    charset: String,
    encoding: Option<&'static Encoding>,
}

impl Run {
    fn add(&mut self, word: &Word<'_>, out: &mut String) {
        if self.begun && !self.charset.eq_ignore_ascii_case(word.charset) {
            self.end(out);
        }
        self.begun = true;
        self.charset = word.charset.to_owned();
        self.encoding = Some(word.encoding);
        self.bytes.extend_from_slice(&word.bytes);
    }

    fn end(&mut self, out: &mut String) {
        let done = std::mem::take(self);
        if let Some(encoding) = done.encoding {
            out.push_str(&encoding.decode_without_bom_handling(&done.bytes).0);
        }
    }
}

/// The Q encoding: as quoted-printable, with `_` for a blank. An escape that is none stands for itself.
fn quoted(coded: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(coded.len());
    let mut rest = coded.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        rest = behind;
        let escaped = if *first == b'=' { behind.first_chunk::<2>().and_then(hex) } else { None };
        match (first, escaped) {
            (_, Some(byte)) => {
                bytes.push(byte);
                rest = behind.get(2..).unwrap_or_default();
            }
            (b'_', None) => bytes.push(b' '),
            (other, None) => bytes.push(*other),
        }
    }
    bytes
}

/// The byte that two hexadecimal digits say.
pub(super) fn hex(digits: &[u8; 2]) -> Option<u8> {
    let [high, low] = digits.map(|digit| char::from(digit).to_digit(16));
    u8::try_from(high? * 16 + low?).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn encoded_words() {
        for (raw, meant) in [
            ("plain", "plain"),
            ("", ""),
            ("=?utf-8?B?6KuL5rGC5pu4LnBkZg==?=", "請求書.pdf"),
            ("=?ISO-2022-JP?B?GyRCQEE1YT1xGyhC?=.pdf", "請求書.pdf"),
            ("=?shift_jis?B?kL+LgY+R?=", "請求書"),
            ("=?iso-8859-1?Q?Gr=FC=DFe_aus_K=F6ln?=", "Grüße aus Köln"),
            ("=?UTF-8*de?Q?Gr=C3=BC=C3=9Fe?=", "Grüße"),
            // The blank between words is not part of the text, the one beside other text is.
            ("=?utf-8?Q?a?= =?utf-8?Q?b?=", "ab"),
            ("=?utf-8?Q?a?=\t =?iso-8859-1?Q?=FC?=", "aü"),
            ("a =?utf-8?Q?b?= c", "a b c"),
            // A character in two words.
            ("=?utf-8?Q?gr=C3?= =?UTF-8?Q?=BCn?=", "grün"),
            ("=?utf-8?B?Z3LD?= =?utf-8?B?vG4=?=", "grün"),
            // Beside other text, and with a blank inside, as some clients write it.
            ("Re:=?utf-8?Q?=C3=BC?=.txt", "Re:ü.txt"),
            ("=?utf-8?Q?My file=2Epdf?=", "My file.pdf"),
            ("=?utf-8?Q?=3D=3F?=", "=?"),
            ("=?utf-8?B?w7w?=", "ü"),
            // What is none stays.
            ("=?utf-8?X?abc?=", "=?utf-8?X?abc?="),
            ("=?no-such-set?Q?abc?=", "=?no-such-set?Q?abc?="),
            ("=?utf-8?Q?abc", "=?utf-8?Q?abc"),
            ("=?utf-8?B?!!!!?=", "=?utf-8?B?!!!!?="),
            ("a =? b", "a =? b"),
            ("=?utf-8?Q?=4G=?=", "=4G="),
            ("=?us-ascii?Q?x=FC?=", "xü"),
        ] {
            assert_eq!(decode(raw), meant, "{raw:?}");
        }
    }

    #[test]
    fn bytes_without_a_word() {
        assert_eq!(text("grün".as_bytes()), "grün");
        assert_eq!(text(b"gr\xfcn"), "grün");
        assert_eq!(in_charset(b"gr\xfcn", "iso-8859-15"), "grün");
        assert_eq!(in_charset(b"gr\xfcn", "utf-8"), "grün");
        assert_eq!(in_charset("grün".as_bytes(), "no-such-set"), "grün");
        assert_eq!(in_charset("grün".as_bytes(), "us-ascii"), "grün");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1024))]

        #[test]
        fn a_text_comes_back(name in "\\PC{0,30}", cut in any::<usize>()) {
            let bytes = name.as_bytes();
            let (front, back) = bytes.split_at(cut % (bytes.len() + 1));
            let word = |part: &[u8]| format!("=?UTF-8?B?{}?=", BASE64.encode(part));
            prop_assert_eq!(decode(&format!("{}\r\n {}", word(front), word(back))), name);
        }

        #[test]
        fn anything_is_read(raw in "([=?QBqb_ aé]|utf-8){0,40}") {
            let _ = decode(&raw);
        }

        /// Where mailparse reads a word as the RFC says, so is it read here.
        #[test]
        fn as_mailparse_reads_it(name in "[a-zé ü请]{1,20}") {
            let mut line = b"Subject: ".to_vec();
            line.extend_from_slice(format!("=?utf-8?B?{}?=", BASE64.encode(&name)).as_bytes());
            let (header, _) = mailparse::parse_header(&line).unwrap();
            prop_assert_eq!(decode(str::from_utf8(header.get_value_raw()).unwrap()), header.get_value());
        }
    }
}
