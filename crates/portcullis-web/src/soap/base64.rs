//! Base64 as it stands in an envelope, decoded as it comes: never is more of it held than came at once.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

use super::fault::{Fault, Result};

/// The longest character reference that is looked at, with its `&` and `;`.
const LONGEST_REFERENCE: usize = 12;

/// Decodes the text of an element.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    /// Characters that make no whole group of four yet.
    held: Vec<u8>,
    /// A character reference of which the end has not come; empty outside of one.
    reference: Vec<u8>,
    /// Whether the padding has come: nothing may follow.
    ended: bool,
    /// Whether there was anything but blanks.
    pub(crate) any: bool,
    decoded: Vec<u8>,
}

/// What became of some bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Taken {
    /// How many of them were text of the element.
    pub(crate) bytes: usize,
    /// Whether more may follow; if not, markup does.
    pub(crate) goes_on: bool,
}

fn damaged() -> Fault {
    Fault::invalid("The content is not base64; nothing was stored.")
}

const fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

impl Decoder {
    /// Takes what came, up to where markup begins.
    ///
    /// # Errors
    /// A fault for what is neither base64 nor blank.
    pub(crate) fn take(&mut self, bytes: &[u8]) -> Result<Taken> {
        let markup = memchr::memchr(b'<', bytes);
        let mut text = bytes.get(..markup.unwrap_or(bytes.len())).unwrap_or_default();
        let taken = Taken { bytes: text.len(), goes_on: markup.is_none() };
        if !self.reference.is_empty() {
            text = self.end_of_reference(text)?;
        }
        while let Some(at) = memchr::memchr(b'&', text) {
            let (before, rest) = text.split_at(at);
            self.characters(before);
            self.reference.push(b'&');
            text = self.end_of_reference(rest.get(1..).unwrap_or_default())?;
        }
        self.characters(text);
        self.decode()?;
        if !taken.goes_on && !self.reference.is_empty() {
            return Err(damaged());
        }
        Ok(taken)
    }

    /// What was decoded since this was last asked.
    pub(crate) fn decoded(&mut self) -> Bytes {
        Bytes::from(std::mem::take(&mut self.decoded))
    }

    /// Sees that the text ended with a whole group.
    ///
    /// # Errors
    /// A fault if it did not.
    pub(crate) fn finish(&self) -> Result<()> {
        if self.held.is_empty() { Ok(()) } else { Err(damaged()) }
    }

    fn characters(&mut self, text: &[u8]) {
        self.held.extend(text.iter().copied().filter(|byte| !is_blank(*byte)));
    }

    /// Line breaks come as character references from writers that keep them through normalization.
    fn end_of_reference<'a>(&mut self, text: &'a [u8]) -> Result<&'a [u8]> {
        let end = memchr::memchr(b';', text);
        let part = text.get(..end.map_or(text.len(), |end| end + 1)).unwrap_or_default();
        if self.reference.len() + part.len() > LONGEST_REFERENCE {
            return Err(damaged());
        }
        self.reference.extend_from_slice(part);
        if end.is_none() {
            return Ok(&[]);
        }
        let reference = std::mem::take(&mut self.reference);
        let digits = reference.strip_prefix(b"&#").and_then(|rest| rest.strip_suffix(b";"));
        let number = digits.and_then(|digits| str::from_utf8(digits).ok()).and_then(|text| {
            match text.strip_prefix('x') {
                Some(hex) => u8::from_str_radix(hex, 16).ok(),
                None => text.parse().ok(),
            }
        });
        self.characters(&[number.ok_or_else(damaged)?]);
        text.get(part.len()..).ok_or_else(damaged)
    }

    fn decode(&mut self) -> Result<()> {
        self.any |= !self.held.is_empty();
        let whole = self.held.len() & !3;
        let groups = self.held.get(..whole).unwrap_or_default();
        if groups.is_empty() {
            return if self.ended && !self.held.is_empty() { Err(damaged()) } else { Ok(()) };
        }
        if self.ended {
            return Err(damaged());
        }
        self.ended = groups.ends_with(b"=");
        STANDARD.decode_vec(groups, &mut self.decoded).map_err(|_| damaged())?;
        self.held.drain(..whole);
        if self.ended && !self.held.is_empty() { Err(damaged()) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(pieces: &[&[u8]]) -> Option<(Vec<u8>, bool)> {
        let mut decoder = Decoder::default();
        let mut all = Vec::new();
        let mut goes_on = true;
        for piece in pieces {
            let taken = decoder.take(piece).ok()?;
            goes_on = taken.goes_on;
            all.extend_from_slice(&decoder.decoded());
        }
        decoder.finish().ok()?;
        Some((all, goes_on))
    }

    #[test]
    fn in_whatever_pieces_it_comes() {
        let text = b" aGVs\r\nbG8g&#xD;\n d29y&#13;&#10;bGQ=\n<";
        for size in 1..text.len() {
            let pieces: Vec<&[u8]> = text.chunks(size).collect();
            assert_eq!(decode(&pieces), Some((b"hello world".to_vec(), false)), "{size}");
        }
    }

    #[test]
    fn what_is_not_markup_is_left() {
        let mut decoder = Decoder::default();
        let taken = decoder.take(b"aGk=</f:content>").unwrap();
        assert_eq!(taken, Taken { bytes: 4, goes_on: false });
        assert!(decoder.any);
        let mut blank = Decoder::default();
        blank.take(b" \n <xop").unwrap();
        assert!(!blank.any);
    }

    #[test]
    fn damage_is_never_a_shorter_file() {
        let wrong: [&[&[u8]]; 11] = [
            &[b"aGk<"],
            &[b"aGk=aGk=<"],
            &[b"aGk=", b"aGk=<"],
            &[b"aGk=", b"a<"],
            &[b"a*k=<"],
            &[b"aG=k<"],
            &[b"aGl=<"],
            &[b"aGk=&amp;<"],
            &[b"aGk&#x3D<"],
            &[b"&#00000000000000013;<"],
            &[b"\xc3\xbcaa<"],
        ];
        for pieces in wrong {
            assert_eq!(decode(pieces), None, "{pieces:?}");
        }
    }
}
