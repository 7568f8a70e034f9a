//! How a part is encoded for transfer (RFC 2045, 6), undone piece by piece.
//!
//! What is damaged is a fault, never a shorter file: characters that do not belong there, a last group that is not whole, an escape that is none.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// Encoders that are sloppy leave bits over that mean nothing; that a group is missing is seen by its length.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireCanonical),
);

/// Blanks before the end of a line are left out; more than these are not held back to see whether a line ends there.
const MOST_BLANKS: usize = 1_000;

/// A way to encode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transfer {
    /// `7bit`, `8bit`, `binary`, or nothing said.
    Identity,
    /// `quoted-printable`.
    QuotedPrintable,
    /// `base64`.
    Base64,
}

impl Transfer {
    /// The one that a header names; none if it is not known.
    pub(super) fn named(value: &str) -> Option<Self> {
        let word = value.split([';', ' ', '\t', '(']).find(|word| !word.is_empty()).unwrap_or_default();
        match word.to_ascii_lowercase().as_str() {
            "" | "7bit" | "8bit" | "binary" | "7-bit" | "8-bit" => Some(Self::Identity),
            "quoted-printable" => Some(Self::QuotedPrintable),
            "base64" => Some(Self::Base64),
            _ => None,
        }
    }
}

/// What comes is not what the encoding says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Broken;

/// Decodes one part.
#[derive(Debug)]
pub(super) enum Decoder {
    Identity,
    QuotedPrintable(Quoted),
    Base64(Groups),
}

impl Decoder {
    pub(super) fn new(transfer: Transfer) -> Self {
        match transfer {
            Transfer::Identity => Self::Identity,
            Transfer::QuotedPrintable => Self::QuotedPrintable(Quoted::default()),
            Transfer::Base64 => Self::Base64(Groups::default()),
        }
    }

    /// Takes the next bytes, and adds what they mean to `out`: never more bytes than came so far.
    pub(super) fn push(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<(), Broken> {
        match self {
            Self::Identity => out.extend_from_slice(input),
            Self::QuotedPrintable(quoted) => {
                for byte in input {
                    quoted.push(*byte, out)?;
                }
            }
            Self::Base64(groups) => groups.push(input, out)?,
        }
        Ok(())
    }

    /// Nothing more comes.
    pub(super) fn end(&mut self, out: &mut Vec<u8>) -> Result<(), Broken> {
        match self {
            Self::Identity => Ok(()),
            Self::QuotedPrintable(quoted) => quoted.end(out),
            Self::Base64(groups) => groups.end(),
        }
    }
}

/// base64: groups of four characters, blanks and line ends anywhere between them.
#[derive(Debug, Default)]
pub(super) struct Groups {
    /// Characters of the group that is not whole yet.
    held: Vec<u8>,
    /// After `=` nothing comes.
    ended: bool,
}

impl Groups {
    fn push(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<(), Broken> {
        let signs = input.iter().copied().filter(|byte| !matches!(byte, b'\r' | b'\n' | b' ' | b'\t'));
        self.held.extend(signs);
        if self.ended && !self.held.is_empty() {
            return Err(Broken);
        }
        let whole = self.held.len() - self.held.len() % 4;
        let groups = self.held.get(..whole).unwrap_or_default();
        self.ended = groups.last() == Some(&b'=') || self.ended;
        BASE64.decode_vec(groups, out).map_err(|_| Broken)?;
        self.held.drain(..whole);
        Ok(())
    }

    fn end(&self) -> Result<(), Broken> {
        if self.held.is_empty() { Ok(()) } else { Err(Broken) }
    }
}

/// quoted-printable.
#[derive(Debug, Default)]
pub(super) struct Quoted {
    at: At,
    /// Blanks that are left out if the line ends behind them.
    blanks: Vec<u8>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum At {
    #[default]
    Text,
    /// After a carriage return that may end a line.
    Return,
    /// After `=`.
    Escape,
    /// After `=` and blanks: a line end has to come.
    SoftBlank,
    /// After `=` and a carriage return: so has the rest of a line end.
    SoftReturn,
    /// After `=` and the upper four bits.
    Low(u8),
}

impl Quoted {
    fn push(&mut self, byte: u8, out: &mut Vec<u8>) -> Result<(), Broken> {
        self.at = match (self.at, byte) {
            (At::Return, b'\n') => {
                self.blanks.clear();
                out.extend_from_slice(b"\r\n");
                At::Text
            }
            (At::Return, _) => {
                self.give(b'\r', out);
                self.at = At::Text;
                return self.push(byte, out);
            }
            (At::Text, b'\r') => At::Return,
            (At::Text, b'\n') => {
                self.blanks.clear();
                out.push(b'\n');
                At::Text
            }
            (At::Text, b'=') => {
                out.append(&mut self.blanks);
                At::Escape
            }
            (At::Text, b' ' | b'\t') => {
                if self.blanks.len() == MOST_BLANKS {
                    out.append(&mut self.blanks);
                }
                self.blanks.push(byte);
                At::Text
            }
            (At::Text, _) => {
                self.give(byte, out);
                At::Text
            }
            (At::Escape | At::SoftBlank, b' ' | b'\t') => At::SoftBlank,
            (At::Escape | At::SoftBlank, b'\r') => At::SoftReturn,
            (At::Escape | At::SoftBlank | At::SoftReturn, b'\n') => At::Text,
            (At::Escape, digit) => At::Low(hex(digit)? << 4),
            (At::Low(high), digit) => {
                out.push(high | hex(digit)?);
                At::Text
            }
            (At::SoftBlank | At::SoftReturn, _) => return Err(Broken),
        };
        Ok(())
    }

    /// A byte that stands for itself, and the blanks before it.
    fn give(&mut self, byte: u8, out: &mut Vec<u8>) {
        out.append(&mut self.blanks);
        out.push(byte);
    }

    fn end(&mut self, out: &mut Vec<u8>) -> Result<(), Broken> {
        match self.at {
            At::Text => Ok(()),
            At::Return => {
                self.give(b'\r', out);
                Ok(())
            }
            // The line end behind it belongs to the boundary.
            At::Escape | At::SoftBlank | At::SoftReturn => Ok(()),
            At::Low(_) => Err(Broken),
        }
    }
}

/// The value of a hexadecimal digit; encoders that write them small are understood.
fn hex(digit: u8) -> Result<u8, Broken> {
    let value = char::from(digit).to_digit(16).ok_or(Broken)?;
    u8::try_from(value).map_err(|_| Broken)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decode(transfer: Transfer, pieces: &[&[u8]]) -> Result<Vec<u8>, Broken> {
        let (mut decoder, mut out) = (Decoder::new(transfer), Vec::new());
        for piece in pieces {
            decoder.push(piece, &mut out)?;
        }
        decoder.end(&mut out)?;
        Ok(out)
    }

    fn base64(text: &str) -> Result<Vec<u8>, Broken> {
        decode(Transfer::Base64, &[text.as_bytes()])
    }

    fn quoted(text: &str) -> Result<String, Broken> {
        let decoded = decode(Transfer::QuotedPrintable, &[text.as_bytes()]);
        decoded.map(|bytes| String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn names() {
        for (value, transfer) in [
            ("", Some(Transfer::Identity)),
            ("8BIT", Some(Transfer::Identity)),
            (" Base64 ", Some(Transfer::Base64)),
            ("base64;", Some(Transfer::Base64)),
            ("quoted-printable (as before)", Some(Transfer::QuotedPrintable)),
            ("x-uuencode", None),
            ("base 64", None),
        ] {
            assert_eq!(Transfer::named(value), transfer, "{value:?}");
        }
    }

    #[test]
    fn whole_groups_or_nothing() {
        assert_eq!(base64("").unwrap(), b"");
        assert_eq!(base64("aGVsbG8=\r\n").unwrap(), b"hello");
        assert_eq!(base64("aG Vs\r\nbG\t8\n=").unwrap(), b"hello");
        assert_eq!(base64("YR==").unwrap(), b"a");
        for broken in [
            "aGVsbG8",
            "aGVsbG",
            "aGVsb",
            "aGVs!",
            "aGVs=",
            "=",
            "====",
            "a===",
            "aGVsbG8=aGVs",
            "aGVsbG8==",
            "aG=s",
            "aGVs-_==",
            "aGVs\0",
            "aGVs\r\n--\r\nlist footer",
        ] {
            assert_eq!(base64(broken), Err(Broken), "{broken:?}");
        }
    }

    #[test]
    fn quoted_text() {
        for (text, meant) in [
            ("", ""),
            ("a=3Db=3db", "a=b=b"),
            ("a =\r\n b=  \t\r\nc=\nd", "a  bcd"),
            ("blanks  \t\r\n end \r\n", "blanks\r\n end\r\n"),
            ("kept=20\r\n", "kept \r\n"),
            ("kept =3D", "kept =="),
            ("gr=C3=BC=C3=9Fe", "grüße"),
            ("ü", "ü"),
            ("soft at the end=", "soft at the end"),
            ("soft at the end= ", "soft at the end"),
            ("soft at the end=\r", "soft at the end"),
            ("a\rb \r c\r", "a\rb \r c\r"),
            ("blanks at the end ", "blanks at the end"),
        ] {
            assert_eq!(quoted(text).as_deref(), Ok(meant.replace("==", "=").as_str()), "{text:?}");
        }
        for broken in ["a=", "a=4"]
            .map(|text| format!("{text}G"))
            .into_iter()
            .chain(["=4", "= x", "=\rx", "=\r\r\n", "==3D", "=é"].map(str::to_owned))
        {
            assert_eq!(quoted(&broken), Err(Broken), "{broken:?}");
        }
    }

    #[test]
    fn blanks_are_not_held_without_bound() {
        let (mut decoder, mut out) = (Quoted::default(), Vec::new());
        for _ in 0..10 * MOST_BLANKS {
            decoder.push(b' ', &mut out).unwrap();
            assert!(decoder.blanks.len() <= MOST_BLANKS);
        }
        assert!(out.len() >= 9 * MOST_BLANKS);
    }

    fn cut<'a>(text: &'a [u8], cuts: &[usize]) -> Vec<&'a [u8]> {
        let mut at: Vec<usize> = cuts.iter().map(|cut| cut % (text.len() + 1)).collect();
        at.extend([0, text.len()]);
        at.sort_unstable();
        at.windows(2).map(|pair| &text[pair[0]..pair[1]]).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1024))]

        #[test]
        fn base64_comes_back(content in prop::collection::vec(any::<u8>(), 0..200), width in 1_usize..80, cuts in prop::collection::vec(any::<usize>(), 0..6)) {
            let encoded = BASE64.encode(&content);
            let lines: Vec<_> = encoded.as_bytes().chunks(width).collect();
            let text = lines.join(&b"\r\n"[..]);
            prop_assert_eq!(decode(Transfer::Base64, &cut(&text, &cuts)), Ok(content));
        }

        /// A last group that is not whole is always seen.
        #[test]
        fn base64_that_is_cut_is_seen(content in prop::collection::vec(any::<u8>(), 1..100), lost in 1_usize..4) {
            let encoded = BASE64.encode(&content);
            prop_assert_eq!(decode(Transfer::Base64, &[&encoded.as_bytes()[..encoded.len() - lost]]), Err(Broken));
        }

        #[test]
        fn quoted_comes_back(content in prop::collection::vec(any::<u8>(), 0..200), soft in 1_usize..20, cuts in prop::collection::vec(any::<usize>(), 0..6)) {
            let mut text = String::new();
            for (at, byte) in content.iter().enumerate() {
                match byte {
                    b'a'..=b'z' | b'A'..=b'Z' => text.push(char::from(*byte)),
                    _ => text.push_str(&format!("={byte:02X}")),
                }
                if at % soft == 0 {
                    text.push_str("=\r\n");
                }
            }
            prop_assert_eq!(decode(Transfer::QuotedPrintable, &cut(text.as_bytes(), &cuts)), Ok(content));
        }

        /// However it comes, the same comes out.
        #[test]
        fn pieces_do_not_matter(text in "[ \t\r\n=3Da]{0,40}", cuts in prop::collection::vec(any::<usize>(), 0..6)) {
            for transfer in [Transfer::Identity, Transfer::QuotedPrintable, Transfer::Base64] {
                let whole = decode(transfer, &[text.as_bytes()]);
                prop_assert_eq!(decode(transfer, &cut(text.as_bytes(), &cuts)), whole);
            }
        }
    }
}
