//! The text of a body as UTF-8, whatever it came in.

use encoding_rs::{Decoder, DecoderResult, Encoding, UTF_8};

use super::words;

/// Says to browsers and editors that a file is UTF-8, above what a page says of itself.
pub(super) const MARK: &[u8] = b"\xef\xbb\xbf";

/// How the text of a part is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Charset {
    encoding: &'static Encoding,
    /// Whether what is written begins with a mark.
    mark: bool,
}

/// Something in a text is not of the character set that it is said to be in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NotInIt;

impl Charset {
    /// The character set of a text, UTF-8 if none is said; none if nobody knows the one that is.
    pub(super) fn of(label: Option<&str>, mark: bool) -> Option<Self> {
        let encoding = match label {
            Some(label) if !label.to_ascii_lowercase().ends_with("ascii") => words::charset(label)?,
            Some(_) | None => UTF_8,
        };
        Some(Self { encoding, mark })
    }

    pub(super) fn reader(self) -> Reader {
        Reader { decoder: self.encoding.new_decoder_with_bom_removal(), mark: self.mark }
    }
}

/// Reads one text.
pub(super) struct Reader {
    decoder: Decoder,
    /// Whether the mark is still to be written.
    mark: bool,
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader").field("encoding", &self.decoder.encoding().name()).finish_non_exhaustive()
    }
}

impl Reader {
    /// Adds to `out` what the next bytes say; `last` that nothing follows them.
    pub(super) fn push(&mut self, input: &[u8], last: bool, out: &mut Vec<u8>) -> Result<(), NotInIt> {
        if std::mem::take(&mut self.mark) {
            out.extend_from_slice(MARK);
        }
        let room = self.decoder.max_utf8_buffer_length_without_replacement(input.len()).ok_or(NotInIt)?;
        let begin = out.len();
        out.resize(begin.saturating_add(room), 0);
        let place = out.get_mut(begin..).unwrap_or_default();
        let (result, _, written) = self.decoder.decode_to_utf8_without_replacement(input, place, last);
        out.truncate(begin.saturating_add(written));
        match result {
            DecoderResult::InputEmpty => Ok(()),
            DecoderResult::OutputFull | DecoderResult::Malformed(..) => Err(NotInIt),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(label: Option<&str>, mark: bool, pieces: &[&[u8]]) -> Option<String> {
        let mut reader = Charset::of(label, mark)?.reader();
        let mut out = Vec::new();
        for piece in pieces {
            reader.push(piece, false, &mut out).ok()?;
        }
        reader.push(&[], true, &mut out).ok()?;
        Some(String::from_utf8(out).unwrap())
    }

    #[test]
    fn texts() {
        assert_eq!(read(None, false, &[b"gr\xc3", b"\xbcn"]).as_deref(), Some("grün"));
        assert_eq!(read(Some("US-ASCII"), false, &["grün".as_bytes()]).as_deref(), Some("grün"));
        assert_eq!(read(Some("iso-8859-1"), true, &[b"gr\xfcn"]).as_deref(), Some("\u{feff}grün"));
        assert_eq!(read(Some("utf-8"), true, &["\u{feff}grün".as_bytes()]).as_deref(), Some("\u{feff}grün"));
        assert_eq!(
            read(Some("iso-2022-jp"), false, &[b"\x1b$B@", b"A5a=q\x1b(B"]).as_deref(),
            Some("請求書")
        );
        assert_eq!(read(Some("utf-16le"), false, &[b"a\0b", b"\0"]).as_deref(), Some("ab"));
        // Nothing is guessed.
        assert_eq!(read(Some("utf-8"), false, &[b"gr\xfcn"]), None);
        assert_eq!(read(None, false, &[b"gr\xc3"]), None);
        assert_eq!(read(Some("x-unknown"), false, &[b"a"]), None);
    }
}
