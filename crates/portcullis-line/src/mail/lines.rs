//! A message cut into lines, as it comes in pieces.

/// The longest line that is given in one piece. Boundaries are far shorter; what is longer is content.
pub(super) const LONGEST: usize = 2 * 1024;

/// A line, or a piece of one that is longer than [`LONGEST`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Line<'a> {
    /// With the line end, if it has come.
    pub(super) bytes: &'a [u8],
    /// Where the message has the first of them.
    pub(super) at: u64,
    /// Whether a line begins here.
    pub(super) begins: bool,
    /// How many bytes the line end has: 2, or 1 of a client that sends no carriage return; 0 if the line goes on, or the message ends here.
    pub(super) end: u8,
}

impl<'a> Line<'a> {
    /// Without the line end.
    pub(super) fn text(&self) -> &'a [u8] {
        let length = self.bytes.len().saturating_sub(usize::from(self.end));
        self.bytes.get(..length).unwrap_or_default()
    }

    /// Where the next one begins.
    pub(super) fn behind(&self) -> u64 {
        self.at.saturating_add(u64::try_from(self.bytes.len()).unwrap_or(u64::MAX))
    }
}

/// Cuts into lines.
#[derive(Debug)]
pub(super) struct Lines {
    /// What has come of a line that has not ended.
    held: Vec<u8>,
    /// Where the message has the first of them.
    at: u64,
    begins: bool,
    /// Whether the last byte given out was a carriage return whose line feed may follow.
    returned: bool,
}

impl Default for Lines {
    fn default() -> Self {
        Self { held: Vec::new(), at: 0, begins: true, returned: false }
    }
}

impl Lines {
    /// Takes the next bytes and gives every line that is whole.
    pub(super) fn push<E>(
        &mut self,
        input: &[u8],
        mut sink: impl FnMut(Line<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut rest = input;
        while !rest.is_empty() {
            let room = LONGEST.saturating_sub(self.held.len());
            let window = rest.get(..room.min(rest.len())).unwrap_or(rest);
            let (piece, ended) = match memchr::memchr(b'\n', window) {
                Some(at) => (window.get(..=at).unwrap_or(window), true),
                None => (window, false),
            };
            rest = rest.get(piece.len()..).unwrap_or_default();
            if !ended && self.held.len() + piece.len() < LONGEST {
                self.held.extend_from_slice(piece);
                continue;
            }
            if self.held.is_empty() {
                self.give(piece, ended, &mut sink)?;
            } else {
                let mut whole = std::mem::take(&mut self.held);
                whole.extend_from_slice(piece);
                self.give(&whole, ended, &mut sink)?;
                whole.clear();
                self.held = whole;
            }
        }
        Ok(())
    }

    /// Nothing more comes: gives the last line, if it has no end.
    pub(super) fn end<E>(&mut self, mut sink: impl FnMut(Line<'_>) -> Result<(), E>) -> Result<(), E> {
        let last = std::mem::take(&mut self.held);
        if last.is_empty() { Ok(()) } else { self.give(&last, false, &mut sink) }
    }

    fn give<E>(
        &mut self,
        bytes: &[u8],
        ended: bool,
        sink: &mut impl FnMut(Line<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let pair = bytes.ends_with(b"\r\n") || (bytes == b"\n" && self.returned && !self.begins);
        let end = match (ended, pair) {
            (true, true) => 2,
            (true, false) => 1,
            (false, _) => 0,
        };
        let line = Line { bytes, at: self.at, begins: self.begins, end };
        self.at = line.behind();
        self.begins = ended;
        self.returned = bytes.last() == Some(&b'\r');
        sink(line)
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use proptest::prelude::*;

    use super::*;

    /// The lines with where they begin, long ones put together.
    fn lines(pieces: &[&[u8]]) -> Vec<(u64, Vec<u8>, u8)> {
        let (mut cutter, mut found) = (Lines::default(), Vec::<(u64, Vec<u8>, u8)>::new());
        let mut sink = |line: Line<'_>| {
            assert!(line.bytes.len() <= LONGEST);
            match found.last_mut() {
                Some((_, text, end)) if !line.begins => {
                    text.extend_from_slice(line.bytes);
                    *end = line.end;
                }
                _ => found.push((line.at, line.bytes.to_vec(), line.end)),
            }
            Ok::<(), Infallible>(())
        };
        for piece in pieces {
            let Ok(()) = cutter.push(piece, &mut sink);
        }
        let Ok(()) = cutter.end(&mut sink);
        found
    }

    #[test]
    fn line_ends() {
        let found = lines(&[b"a\r\n\nb\r", b"\n\r\nc\rd\n", b"e"]);
        let expected: [(u64, &[u8], u8); 6] = [
            (0, b"a\r\n", 2),
            (3, b"\n", 1),
            (4, b"b\r\n", 2),
            (7, b"\r\n", 2),
            (9, b"c\rd\n", 1),
            (13, b"e", 0),
        ];
        assert_eq!(found, expected.map(|(at, text, end)| (at, text.to_vec(), end)));
    }

    /// A line end that is cut by the end of a long piece is still one of two bytes.
    #[test]
    fn the_end_of_a_long_line() {
        for length in LONGEST - 3..LONGEST + 3 {
            let mut line = vec![b'x'; length];
            line.extend_from_slice(b"\r\n");
            assert_eq!(lines(&[&line]), [(0, line.clone(), 2)], "{length}");
        }
    }

    proptest! {
        #[test]
        fn pieces_do_not_matter(lengths in prop::collection::vec((0_usize..3 * LONGEST, any::<bool>()), 0..6), piece in 1_usize..5000) {
            let mut whole = Vec::new();
            for (length, pair) in lengths {
                whole.extend(std::iter::repeat_n(b'x', length));
                whole.extend_from_slice(if pair { b"\r\n" } else { b"\n" });
            }
            let found = lines(&whole.chunks(piece).collect::<Vec<_>>());
            prop_assert_eq!(&found, &lines(&[&whole]));
            prop_assert_eq!(found.into_iter().flat_map(|(_, text, _)| text).collect::<Vec<_>>(), whole);
        }
    }
}
