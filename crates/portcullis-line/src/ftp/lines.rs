//! Lines of the control connection, with what Telnet puts between (RFC 959 section 4.1.3, RFC 854).

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt as _};
use zeroize::{Zeroize as _, Zeroizing};

/// The longest line, in bytes, its end included: a path of the longest key has a kilobyte.
pub(super) const LONGEST: usize = 4096;

const IAC: u8 = 255;
/// The first of Telnet's commands.
const FIRST: u8 = 240;
/// The first of the four Telnet commands that have an option behind them: WILL, WONT, DO, DONT.
const WILL: u8 = 251;

/// One line, or that it was too long. What is too long is read and forgotten up to its end.
#[derive(Debug)]
pub(super) enum Line {
    /// Without its end.
    Whole(Zeroizing<Vec<u8>>),
    TooLong,
}

/// Lines as they come. Holds at most one line and what came behind it in the same piece.
pub(super) struct Lines {
    /// What came and was not taken yet.
    buffer: Zeroizing<Vec<u8>>,
    /// How much of it was looked through for an end of line.
    seen: usize,
    /// Whether the rest of a line that was too long is still coming.
    skipping: bool,
}

impl Lines {
    pub(super) fn new() -> Self {
        Self { buffer: Zeroizing::new(Vec::with_capacity(LONGEST)), seen: 0, skipping: false }
    }

    /// Forgets what came and was not taken: it was said before TLS, perhaps by somebody else.
    pub(super) fn forget(&mut self) {
        self.buffer.zeroize();
        self.seen = 0;
        self.skipping = false;
    }

    /// The next line; none at the end. If this is dropped while it waits, nothing is lost.
    ///
    /// # Errors
    /// Those of the connection.
    pub(super) async fn next(&mut self, from: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<Line>> {
        loop {
            if let Some(line) = self.take() {
                return Ok(Some(line));
            }
            // Room for one more piece; the buffer never grows beyond a line and that.
            let mut piece = Zeroizing::new([0_u8; 1024]);
            let came = from.read(piece.as_mut_slice()).await?;
            if came == 0 {
                return Ok(None);
            }
            self.buffer.extend_from_slice(piece.get(..came).unwrap_or_default());
        }
    }

    /// A line that has come whole.
    fn take(&mut self) -> Option<Line> {
        loop {
            let fresh = self.buffer.get(self.seen..).unwrap_or_default();
            let Some(end) = memchr::memchr(b'\n', fresh).map(|at| self.seen + at) else {
                self.seen = self.buffer.len();
                if self.seen >= LONGEST {
                    self.skipping = true;
                    self.forget_up_to(self.seen);
                }
                return None;
            };
            let line = Zeroizing::new(self.buffer.get(..end).unwrap_or_default().to_vec());
            self.forget_up_to(end + 1);
            if std::mem::take(&mut self.skipping) || line.len() >= LONGEST {
                return Some(Line::TooLong);
            }
            let mut line = without_telnet(&line);
            if line.last() == Some(&b'\r') {
                line.pop();
            }
            // What Telnet said on a line of its own is nothing to answer.
            if !line.is_empty() {
                return Some(Line::Whole(line));
            }
        }
    }

    fn forget_up_to(&mut self, end: usize) {
        let end = end.min(self.buffer.len());
        let kept = self.buffer.len() - end;
        self.buffer.copy_within(end.., 0);
        if let Some(rest) = self.buffer.get_mut(kept..) {
            rest.zeroize();
        }
        self.buffer.truncate(kept);
        self.seen = 0;
    }
}

/// The line without Telnet's commands, such as the Interrupt and Synch that RFC 959 wants before ABOR.
///
fn without_telnet(line: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut clean = Zeroizing::new(Vec::with_capacity(line.len()));
    let mut bytes = line.iter().copied();
    while let Some(byte) = bytes.next() {
        if byte != IAC {
            // 242 is the Data Mark, which comes alone if its IAC came as urgent data.
            if byte != 242 || !clean.is_empty() {
                clean.push(byte);
            }
            continue;
        }
        match bytes.next() {
            Some(WILL..=254) => drop(bytes.next()),
            Some(FIRST..WILL) => {}
            Some(IAC) => clean.push(IAC),
            // No Telnet: it stays, and what it is in is refused as no UTF-8 rather than taken for another name.
            Some(other) => clean.extend([IAC, other]),
            None => clean.push(IAC),
        }
    }
    clean
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    async fn all(mut bytes: &[u8]) -> Vec<Option<String>> {
        let (mut lines, mut found) = (Lines::new(), Vec::new());
        while let Some(line) = lines.next(&mut bytes).await.unwrap() {
            assert!(lines.buffer.len() <= LONGEST + 1024);
            found.push(match line {
                Line::Whole(line) => Some(String::from_utf8_lossy(&line).into_owned()),
                Line::TooLong => None,
            });
        }
        found
    }

    fn text(line: &str) -> Option<String> {
        Some(line.to_owned())
    }

    #[tokio::test]
    async fn lines_end_with_lf_or_crlf_and_empty_ones_are_nothing() {
        assert_eq!(all(b"USER a\r\nPASS b\n\r\n\nQUIT").await, [text("USER a"), text("PASS b")]);
    }

    #[tokio::test]
    async fn telnet_is_taken_out() {
        assert_eq!(all(b"\xff\xf4\xff\xf2ABOR\r\n").await, [text("ABOR")]);
        assert_eq!(all(b"\xff\xf4\xf2ABOR\r\n").await, [text("ABOR")]);
        assert_eq!(all(b"\xff\xfb\x01NO\xff\xfe\x03OP\r\n").await, [text("NOOP")]);
        // In a name it is no Telnet.
        assert_eq!(*without_telnet(b"STOR a\xffb\xff\xff\xff"), b"STOR a\xffb\xff\xff");
    }

    #[tokio::test]
    async fn what_is_too_long_is_one_refusal_and_no_memory() {
        let mut bytes = vec![b'x'; 1024 * 1024];
        bytes.extend_from_slice(b"\r\nNOOP\r\n");
        assert_eq!(all(&bytes).await, [None, text("NOOP")]);
        let longest = format!("{}\r\n", "x".repeat(LONGEST - 2));
        assert_eq!(all(longest.as_bytes()).await.len(), 1);
        assert!(all(longest.as_bytes()).await.iter().all(Option::is_some));
    }

    #[tokio::test]
    async fn what_was_forgotten_does_not_come_back() {
        let mut lines = Lines::new();
        let mut bytes = b"AUTH TLS\r\nUSER a\r\nPASS".as_slice();
        assert!(
            matches!(lines.next(&mut bytes).await.unwrap(), Some(Line::Whole(line)) if *line == b"AUTH TLS")
        );
        lines.forget();
        let mut bytes = b"NOOP\r\n".as_slice();
        assert!(matches!(lines.next(&mut bytes).await.unwrap(), Some(Line::Whole(line)) if *line == b"NOOP"));
    }

    proptest! {
        /// However the bytes are cut into pieces, the lines are the same.
        #[test]
        fn pieces_do_not_matter(bytes in prop::collection::vec(prop_oneof![Just(b'\n'), Just(b'\r'), Just(255), any::<u8>()], 0..300), cut in 0_usize..300) {
            let cut = cut.min(bytes.len());
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let whole = runtime.block_on(all(&bytes));
            let (first, second) = bytes.split_at(cut);
            let pieces = runtime.block_on(async {
                let (mut lines, mut found) = (Lines::new(), Vec::new());
                let mut both = first.chain(second);
                while let Some(line) = lines.next(&mut both).await.unwrap() {
                    found.push(match line {
                        Line::Whole(line) => Some(String::from_utf8_lossy(&line).into_owned()),
                        Line::TooLong => None,
                    });
                }
                found
            });
            prop_assert_eq!(whole, pieces);
        }
    }
}
