//! How a message is divided: which bytes of it are the content of which part (RFC 2046, 5.1).
//!
//! | what clients send | what is made of it |
//! |---|---|
//! | a boundary within another that is not closed before the outer one comes | closed by it |
//! | a boundary that begins like another | another: they are compared whole |
//! | parts behind the boundary that closes | parts |
//! | no boundary that closes the outermost | damage: the last part may be cut, or others may be missing |

use super::Damage;
use super::head::{self, Fields, Head, Top};
use super::lines::{self, Line, Lines};

/// How deep parts may be nested in parts.
pub(super) const MOST_LEVELS: usize = 20;
/// How many parts there may be, those that hold others included.
pub(super) const MOST_PARTS: usize = 1_000;

/// A part that holds content rather than parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Leaf {
    /// From 1.
    pub(super) number: usize,
    pub(super) head: Head,
    /// Where its content begins in the message, and where it ends.
    pub(super) begin: u64,
    pub(super) end: u64,
    /// Whether it is one of several forms of the same.
    pub(super) choice: bool,
}

/// A message, divided.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Parts {
    pub(super) top: Top,
    pub(super) leaves: Vec<Leaf>,
}

/// Divides a message as it comes.
#[derive(Debug, Default)]
pub(super) struct Split {
    lines: Lines,
    structure: Structure,
}

impl Split {
    /// Takes the next bytes of the message.
    pub(super) fn push(&mut self, input: &[u8]) -> Result<(), Damage> {
        let structure = &mut self.structure;
        self.lines.push(input, |line| structure.line(line))
    }

    /// The message has ended.
    pub(super) fn end(mut self) -> Result<Parts, Damage> {
        let structure = &mut self.structure;
        self.lines.end(|line| structure.line(line))?;
        self.structure.end()
    }
}

/// Parts within a part.
#[derive(Debug)]
struct Open {
    /// `--` and the boundary.
    delimiter: Vec<u8>,
    /// What its parts are if they do not say it.
    usual: &'static str,
    /// Whether they are forms of the same.
    choice: bool,
    come: Come,
}

/// What has come of the parts within a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Come {
    /// No boundary yet; and nothing else.
    Nothing,
    /// No boundary yet, but text before it.
    Text,
    /// A boundary, but not the one that closes.
    Parts,
    /// The one that closes.
    All,
}

#[derive(Debug)]
enum At {
    /// In a header, with what has come of it.
    Header(Vec<u8>),
    /// Before the first boundary, or behind the last.
    Between,
    /// In the content of a part.
    Content(Leaf),
}

#[derive(Debug)]
struct Structure {
    /// From the outermost.
    open: Vec<Open>,
    at: At,
    /// Of the message itself, once its header has come.
    top: Option<Top>,
    leaves: Vec<Leaf>,
    parts: usize,
    /// Where the next line begins, and the length of the line end before it.
    here: u64,
    line_end: u8,
}

impl Default for Structure {
    fn default() -> Self {
        let at = At::Header(Vec::new());
        Self { open: Vec::new(), at, top: None, leaves: Vec::new(), parts: 1, here: 0, line_end: 0 }
    }
}

impl Structure {
    fn line(&mut self, line: Line<'_>) -> Result<(), Damage> {
        match self.delimiter(&line) {
            Some((level, closes)) => self.divide(level, closes)?,
            None => match &mut self.at {
                At::Header(_) if line.begins && line.text().is_empty() => {
                    self.header_ended(line.behind())?;
                }
                At::Header(block) => {
                    if block.len() + line.bytes.len() > head::LONGEST {
                        return Err(Damage::HeaderTooLong { limit: head::LONGEST });
                    }
                    block.extend_from_slice(line.bytes);
                }
                At::Between => {
                    let innermost = self.open.last_mut().filter(|open| open.come == Come::Nothing);
                    if let Some(open) = innermost.filter(|_| !line.text().trim_ascii().is_empty()) {
                        open.come = Come::Text;
                    }
                }
                At::Content(_) => {}
            },
        }
        self.here = line.behind();
        self.line_end = line.end;
        Ok(())
    }

    /// Which of the open boundaries a line is, from the innermost, and whether it closes.
    fn delimiter(&self, line: &Line<'_>) -> Option<(usize, bool)> {
        let whole = line.begins && (line.end > 0 || line.bytes.len() < lines::LONGEST);
        if !whole || !line.bytes.starts_with(b"--") {
            return None;
        }
        let text = line.text().trim_ascii_end();
        self.open.iter().enumerate().rev().find_map(|(level, open)| {
            match text.strip_prefix(open.delimiter.as_slice())? {
                b"" => Some((level, false)),
                b"--" => Some((level, true)),
                _ => None,
            }
        })
    }

    /// A boundary has come: what was open within its level ends here.
    fn divide(&mut self, level: usize, closes: bool) -> Result<(), Damage> {
        let end = self.here.saturating_sub(u64::from(self.line_end));
        match &self.at {
            At::Header(block) if block.is_empty() => {}
            At::Header(_) => {
                // A header and nothing under it, not even the empty line.
                self.header_ended(self.here)?;
                self.content_ended(self.here);
            }
            At::Content(_) => self.content_ended(end),
            At::Between => {}
        }
        self.close_within(level + 1)?;
        if let Some(open) = self.open.get_mut(level) {
            open.come = if closes { Come::All } else { Come::Parts };
        }
        self.at = At::Between;
        if !closes {
            self.parts += 1;
            if self.parts > MOST_PARTS {
                return Err(Damage::TooManyParts { limit: MOST_PARTS });
            }
            self.at = At::Header(Vec::new());
        }
        Ok(())
    }

    /// Forgets what is open from this level on.
    fn close_within(&mut self, level: usize) -> Result<(), Damage> {
        let inner = self.open.get(level..).unwrap_or_default();
        if inner.iter().any(|open| open.come == Come::Text) {
            return Err(Damage::NoParts);
        }
        self.open.truncate(level);
        Ok(())
    }

    /// The header has come; the content begins at `begin`.
    fn header_ended(&mut self, begin: u64) -> Result<(), Damage> {
        let block = match std::mem::replace(&mut self.at, At::Between) {
            At::Header(block) => block,
            other @ (At::Between | At::Content(_)) => {
                self.at = other;
                return Ok(());
            }
        };
        let fields = Fields::read(&block);
        let around = self.open.last();
        let head = fields.head(around.map_or("text/plain", |open| open.usual));
        if self.top.is_none() {
            self.top = Some(fields.top());
        }
        if !head.is_multipart() {
            let (number, choice) = (self.leaves.len() + 1, around.is_some_and(|open| open.choice));
            let leaf = Leaf { number, head: Head { boundary: None, ..head }, begin, end: begin, choice };
            self.at = At::Content(leaf);
            return Ok(());
        }
        if self.open.len() == MOST_LEVELS {
            return Err(Damage::TooDeep { limit: MOST_LEVELS });
        }
        self.open.push(Open {
            delimiter: head.delimiter()?,
            usual: if head.kind == "multipart/digest" { "message/rfc822" } else { "text/plain" },
            choice: head.kind == "multipart/alternative",
            come: Come::Nothing,
        });
        Ok(())
    }

    /// The content under way, if there is one, ends at `end`.
    fn content_ended(&mut self, end: u64) {
        match std::mem::replace(&mut self.at, At::Between) {
            At::Content(mut leaf) => {
                // The line end before a boundary belongs to it, but not the one that ends the header.
                leaf.end = end.max(leaf.begin);
                self.leaves.push(leaf);
            }
            other @ (At::Header(_) | At::Between) => self.at = other,
        }
    }

    fn end(mut self) -> Result<Parts, Damage> {
        if self.open.is_empty() {
            self.header_ended(self.here)?;
            self.content_ended(self.here);
        }
        if !matches!(self.at, At::Between) {
            return Err(Damage::Truncated);
        }
        match self.open.pop().map(|innermost| innermost.come) {
            // Nothing within it is as good as all.
            None | Some(Come::All | Come::Nothing) => {}
            Some(Come::Text) => return Err(Damage::NoParts),
            Some(Come::Parts) => return Err(Damage::Truncated),
        }
        if self.open.iter().any(|around| around.come != Come::All) {
            return Err(Damage::Truncated);
        }
        Ok(Parts { top: self.top.unwrap_or_default(), leaves: self.leaves })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn split(message: &[u8], piece: usize) -> Result<Parts, Damage> {
        let mut split = Split::default();
        for piece in message.chunks(piece.max(1)) {
            split.push(piece)?;
        }
        split.end()
    }

    /// The contents of the parts; `|` stands for a line end.
    fn contents(message: &str) -> Result<Vec<String>, Damage> {
        let message = message.replace('|', "\r\n");
        let parts = split(message.as_bytes(), usize::MAX)?;
        let content = |leaf: &Leaf| {
            let range = usize::try_from(leaf.begin).unwrap()..usize::try_from(leaf.end).unwrap();
            str::from_utf8(&message.as_bytes()[range]).unwrap().replace("\r\n", "|")
        };
        Ok(parts.leaves.iter().map(content).collect())
    }

    const MIXED: &str = "Content-Type: multipart/mixed; boundary=a||";

    #[test]
    fn messages_of_one_part() {
        for (message, content) in [
            ("Subject: x||body|", "body|"),
            ("Subject: x||body", "body"),
            ("Subject: x||", ""),
            ("Subject: x", ""),
            ("", ""),
            ("|only a body", "only a body"),
            ("a: b||--a|c|--a--", "--a|c|--a--"),
        ] {
            assert_eq!(contents(message).unwrap(), [content], "{message}");
        }
    }

    #[test]
    fn the_line_end_before_a_boundary_is_its_own() {
        let of = |rest: &str| contents(&format!("{MIXED}{rest}"));
        assert_eq!(of("--a||x|--a||y|||--a--|").unwrap(), ["x", "y||"]);
        assert_eq!(of("before|--a||--a||--a--|after|").unwrap(), ["", ""]);
        assert_eq!(of("--a|Content-Type: x/y|--a||y|--a--").unwrap(), ["", "y"]);
        assert_eq!(of("--a  \t|b: c||x|--a-- ||").unwrap(), ["x"]);
        assert_eq!(of("--a||--ab|--aa--|-- a|--a|--a--").unwrap(), ["--ab|--aa--|-- a"]);
        assert_eq!(of("--a||x|--a--|after|--a||y|--a--|").unwrap(), ["x", "y"]);
        assert_eq!(of("--a--|").unwrap(), [""; 0]);
        assert_eq!(of("").unwrap(), [""; 0]);
    }

    #[test]
    fn parts_within_parts() {
        let inner = "Content-Type: multipart/alternative; boundary=\"a b\"||";
        let whole = format!("{MIXED}--a|{inner}--a b||x|--a b||y|--a b--||--a||z|--a--");
        assert_eq!(contents(&whole).unwrap(), ["x", "y", "z"]);
        let parts = split(whole.replace('|', "\r\n").as_bytes(), 7).unwrap();
        assert_eq!(parts.leaves.iter().map(|leaf| leaf.choice).collect::<Vec<_>>(), [true, true, false]);
        // The inner one is never closed.
        let open = format!("{MIXED}--a|{inner}--a b||x|--a||z|--a--");
        assert_eq!(contents(&open).unwrap(), ["x", "z"]);
        // One boundary that is the beginning of the other.
        let alike =
            format!("{MIXED}--a|Content-Type: multipart/mixed; boundary=aa||--aa||x|--aa--|--a||z|--a--");
        assert_eq!(contents(&alike).unwrap(), ["x", "z"]);
        let digest =
            "Content-Type: multipart/digest; boundary=a||--a||From: x|--a|Content-Type: text/plain||y|--a--";
        let parts = split(digest.replace('|', "\r\n").as_bytes(), 3).unwrap();
        let kinds: Vec<_> = parts.leaves.iter().map(|leaf| leaf.head.kind.as_str()).collect();
        assert_eq!(kinds, ["message/rfc822", "text/plain"]);
    }

    #[test]
    fn what_may_be_cut_is_damage() {
        for cut in [
            "--a||x",
            "--a||x|",
            "--a|Content-Type: x/y",
            "--a|b: c||",
            "--a||x|--a|Content-",
            "--a||x|--a||y",
            "--a||x|--a|",
            "--a||x|--a||",
        ] {
            assert_eq!(contents(&format!("{MIXED}{cut}")), Err(Damage::Truncated), "{cut}");
        }
        let inner = "--a|Content-Type: multipart/mixed; boundary=b||--b||x|--b--|";
        assert_eq!(contents(&format!("{MIXED}{inner}")), Err(Damage::Truncated));
        assert_eq!(contents(&format!("{MIXED}no boundary")), Err(Damage::NoParts));
        let undivided = "--a|Content-Type: multipart/mixed; boundary=b||text|--a--";
        assert_eq!(contents(&format!("{MIXED}{undivided}")), Err(Damage::NoParts));
        assert_eq!(contents("Content-Type: multipart/mixed||x"), Err(Damage::NoBoundary));
    }

    #[test]
    fn bounds() {
        let parts = |number: usize| format!("{MIXED}{}--a--", "--a||x|".repeat(number));
        assert_eq!(contents(&parts(MOST_PARTS - 1)).unwrap().len(), MOST_PARTS - 1);
        assert_eq!(contents(&parts(MOST_PARTS)), Err(Damage::TooManyParts { limit: MOST_PARTS }));
        let nested = |levels: usize| {
            let open =
                |level: usize| format!("Content-Type: multipart/mixed; boundary=b{level}||--b{level}|");
            let close = |level: usize| format!("|--b{level}--");
            let opened: String = (0..levels).map(open).collect();
            let closed: String = (0..levels).rev().map(close).collect();
            format!("{opened}|x{closed}")
        };
        assert_eq!(contents(&nested(MOST_LEVELS)).unwrap(), ["x"]);
        assert_eq!(contents(&nested(MOST_LEVELS + 1)), Err(Damage::TooDeep { limit: MOST_LEVELS }));
        let header = |length: usize| format!("A: {}||x", "b".repeat(length - 5));
        assert_eq!(contents(&header(head::LONGEST)).unwrap(), ["x"]);
        assert_eq!(contents(&header(head::LONGEST + 1)), Err(Damage::HeaderTooLong { limit: head::LONGEST }));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1024))]

        /// Whatever comes, in whatever pieces: the same parts, which lie within the message and follow one another.
        #[test]
        fn pieces_do_not_matter(lines in prop::collection::vec(prop::sample::select(vec![
            "--a", "--b", "--a--", "--b--", "", "x", "Content-Type: multipart/mixed; boundary=b",
            "Content-Type: multipart/alternative; boundary=a", "--a ", "--", "Content-Type: text/plain; name=x",
        ]), 0..24), ends in prop::collection::vec(any::<bool>(), 24), piece in 1_usize..40) {
            let mut message = b"Content-Type: multipart/mixed; boundary=a\r\n".to_vec();
            for (line, pair) in lines.iter().zip(ends) {
                message.extend_from_slice(line.as_bytes());
                message.extend_from_slice(if pair { b"\r\n" } else { b"\n" });
            }
            let whole = split(&message, usize::MAX);
            prop_assert_eq!(&split(&message, piece), &whole);
            let Ok(parts) = whole else { return Ok(()) };
            let mut at = 0;
            for (index, leaf) in parts.leaves.iter().enumerate() {
                prop_assert!(at <= leaf.begin && leaf.begin <= leaf.end);
                prop_assert_eq!(leaf.number, index + 1);
                at = leaf.end;
            }
            prop_assert!(at <= u64::try_from(message.len()).unwrap());
        }
    }
}
