//! The bytes of a message as `DATA` sends them (RFC 5321 section 4.5.2).

/// What is between the bytes that came and those of the message: the dot that hides a line's own, and the line that is the end.
///
/// The end is CR LF `.` CR LF and nothing else. Whoever takes LF `.` LF for it as well sees two messages where others see one, which is how
/// messages are smuggled; so both CR and LF alone are told, and who reads this refuses the message.
#[derive(Debug, Default)]
pub(super) struct Body {
    at: At,
    bare: bool,
}

/// What came just before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum At {
    /// CR LF, or nothing yet.
    #[default]
    Start,
    /// Something within a line.
    Within,
    /// CR, within a line or as its first.
    Cr,
    /// A dot as the first of a line.
    Dot,
    /// A dot and CR, as a line.
    DotCr,
}

/// What became of a piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Taken {
    /// How many bytes of it belong to the message and its end.
    pub(super) bytes: usize,
    /// Whether this was the end.
    pub(super) ended: bool,
}

impl Body {
    /// Takes a piece, and puts behind `message` what it says.
    pub(super) fn take(&mut self, piece: &[u8], message: &mut Vec<u8>) -> Taken {
        let mut rest = piece;
        while let Some((&byte, after)) = rest.split_first() {
            match (self.at, byte) {
                (At::Start, b'.') => self.at = At::Dot,
                (At::Start | At::Within, b'\r') => self.at = At::Cr,
                (At::Dot, b'\r') => self.at = At::DotCr,
                (At::Cr, b'\n') => {
                    message.extend_from_slice(b"\r\n");
                    self.at = At::Start;
                }
                (At::DotCr, b'\n') => {
                    return Taken { bytes: piece.len() - after.len(), ended: true };
                }
                (At::Cr | At::DotCr, _) => {
                    self.bare = true;
                    self.at = At::Within;
                    // This byte is looked at once more: it may be CR again.
                    continue;
                }
                (At::Start | At::Within | At::Dot, _) => {
                    let end = memchr::memchr2(b'\r', b'\n', rest).unwrap_or(rest.len());
                    let (text, after) = rest.split_at_checked(end).unwrap_or((rest, &[]));
                    message.extend_from_slice(text);
                    self.at = At::Within;
                    rest = after;
                    if let Some(after) = rest.strip_prefix(b"\n") {
                        self.bare = true;
                        rest = after;
                    }
                    continue;
                }
            }
            rest = after;
        }
        Taken { bytes: piece.len(), ended: false }
    }

    /// Whether CR or LF came alone.
    pub(super) const fn is_bare(&self) -> bool {
        self.bare
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use smtp_proto::request::receiver::DataReceiver;

    use super::*;

    /// What a message says, whether something was alone, and what follows it; none if it does not end.
    fn read(pieces: &[&[u8]]) -> Option<(Vec<u8>, bool, Vec<u8>)> {
        let (mut body, mut message) = (Body::default(), Vec::new());
        let mut pieces = pieces.iter();
        while let Some(piece) = pieces.next() {
            let taken = body.take(piece, &mut message);
            if taken.ended {
                let rest = pieces.fold(piece[taken.bytes..].to_vec(), |rest, piece| [&rest, *piece].concat());
                return Some((message, body.is_bare(), rest));
            }
            assert_eq!(taken.bytes, piece.len());
        }
        None
    }

    fn whole(bytes: &[u8]) -> Option<(String, bool, String)> {
        let (message, bare, rest) = read(&[bytes])?;
        Some((String::from_utf8(message).unwrap(), bare, String::from_utf8(rest).unwrap()))
    }

    fn told(message: &str, bare: bool, rest: &str) -> Option<(String, bool, String)> {
        Some((message.to_owned(), bare, rest.to_owned()))
    }

    #[test]
    fn messages() {
        assert_eq!(whole(b".\r\nQUIT\r\n"), told("", false, "QUIT\r\n"));
        assert_eq!(whole(b"a\r\n..\r\n..b\r\n.c\r\n\r\n.\r\n"), told("a\r\n.\r\n.b\r\nc\r\n\r\n", false, ""));
        assert_eq!(whole(b"a.\r\n.b.\r\n.\r\n"), told("a.\r\nb.\r\n", false, ""));
    }

    #[test]
    fn nothing_else_is_the_end() {
        for end in [
            "\n.\n",
            "\n.\r\n",
            "\r.\r",
            "\r.\r\n",
            "\r\n.\n",
            "\r\n.\r",
            "\r\n.\rX",
            "\r\n.\r\r\n",
            "\n\n.\n\n",
            "\r\n..\r\n",
        ] {
            let bytes = format!("a{end}MAIL FROM:<b@c>\r\n.\r\nQUIT\r\n");
            let (message, bare, rest) = whole(bytes.as_bytes()).unwrap();
            assert!(message.contains("MAIL FROM") && rest == "QUIT\r\n", "{end:?}: {message:?}");
            assert_eq!(bare, end != "\r\n..\r\n", "{end:?}");
        }
        for bytes in ["a\r\n.", "a\r\n.\r", "a\n.\n", "a.\r\n", ".", ""] {
            assert_eq!(whole(bytes.as_bytes()), None, "{bytes:?}");
        }
    }

    fn bytes() -> impl Strategy<Value = Vec<u8>> {
        prop::collection::vec(
            prop_oneof![Just(b'\n'), Just(b'\r'), Just(b'.'), Just(b'a'), any::<u8>()],
            0..60,
        )
    }

    proptest! {
        #[test]
        fn pieces_do_not_matter(bytes in bytes(), cut in 0_usize..60) {
            let (first, second) = bytes.split_at(cut.min(bytes.len()));
            prop_assert_eq!(read(&[&bytes]), read(&[first, second]));
        }

        /// What a client makes of a message is read as that message.
        #[test]
        fn there_and_back(lines in prop::collection::vec("[ab.]{0,4}", 0..8)) {
            let mut sent: String = lines.iter().map(|line| format!("{}{line}\r\n", if line.starts_with('.') { "." } else { "" })).collect();
            sent.push_str(".\r\nNOOP\r\n");
            let message: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
            prop_assert_eq!(whole(sent.as_bytes()), told(&message, false, "NOOP\r\n"));
        }

        /// Of what has no CR or LF alone another implementation sees the same end and the same message.
        #[test]
        fn others_agree(tokens in prop::collection::vec(prop_oneof![Just("\r\n"), Just("."), Just("a"), Just("\0")], 0..40)) {
            let bytes = tokens.concat().into_bytes();
            let mut receiver = DataReceiver::new();
            let mut theirs = Vec::new();
            // It does not see the end of an empty message unless a line comes before.
            receiver.ingest(&mut b"\r\n".iter(), &mut theirs);
            let mut rest = bytes.iter();
            let ended = receiver.ingest(&mut rest, &mut theirs);
            match read(&[&bytes]) {
                Some((ours, bare, after)) => {
                    prop_assert!(ended && !bare);
                    prop_assert_eq!(&theirs[2..], ours);
                    prop_assert_eq!(rest.as_slice(), after);
                }
                None => prop_assert!(!ended),
            }
        }
    }
}
