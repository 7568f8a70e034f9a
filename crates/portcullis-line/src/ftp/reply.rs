//! What is answered.

use portcullis_files::FileError;

/// A reply: a code of three digits and one line, or several (RFC 959 section 4.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reply {
    code: u16,
    /// What stands between the first and the last line.
    between: Vec<String>,
    text: String,
    /// What the first of several lines says.
    head: String,
}

impl Reply {
    pub(super) fn new(code: u16, text: impl Into<String>) -> Self {
        Self { code, between: Vec::new(), text: text.into(), head: String::new() }
    }

    /// Of several lines: the first, those between, the last.
    pub(super) fn lines(
        code: u16,
        head: impl Into<String>,
        between: Vec<String>,
        text: impl Into<String>,
    ) -> Self {
        Self { code, between, text: text.into(), head: head.into() }
    }

    pub(super) const fn code(&self) -> u16 {
        self.code
    }

    /// As it goes over the wire. Whatever the texts hold, it is one reply: what would end a line is shown escaped, and lines
    /// between begin with a space, so that none looks like the last.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut wire = String::with_capacity(self.text.len() + 16);
        if !self.head.is_empty() {
            push_line(&mut wire, &format!("{}-", self.code), &self.head);
            for line in &self.between {
                push_line(&mut wire, " ", line);
            }
        }
        push_line(&mut wire, &format!("{} ", self.code), &self.text);
        wire.into_bytes()
    }
}

fn push_line(wire: &mut String, before: &str, text: &str) {
    wire.push_str(before);
    push_clean(wire, text);
    wire.push_str("\r\n");
}

/// Text that cannot end a line: control characters as `%XX`.
pub(super) fn push_clean(wire: &mut String, text: &str) {
    for character in text.chars() {
        if character.is_control() {
            let mut bytes = [0; 4];
            for byte in character.encode_utf8(&mut bytes).bytes() {
                wire.push_str(&format!("%{byte:02X}"));
            }
        } else {
            wire.push(character);
        }
    }
}

/// A path as 257 tells it: quotes doubled (RFC 959, appendix II).
pub(super) fn quoted(path: &str) -> String {
    format!("\"{}\"", path.replace('"', "\"\""))
}

/// The only way from what went wrong with files to a reply.
///
/// Codes are those of RFC 959 section 4.2 and RFC 3659; 4yz says that the same may work later.
pub(super) fn refusal(error: &FileError) -> Reply {
    let code = match error {
        FileError::NotFound
        | FileError::Denied
        | FileError::Exists
        | FileError::IsFolder
        | FileError::NotFolder
        | FileError::NotEmpty
        | FileError::NoParent
        | FileError::TooMany { .. }
        | FileError::Unsupported(_) => 550,
        FileError::Path(_) | FileError::Escaped => 553,
        FileError::TooLarge | FileError::Full => 552,
        FileError::NoResume { .. } => 554,
        FileError::Changed | FileError::Archived | FileError::Throttled { .. } => 450,
        FileError::Mismatch | FileError::Broken => 426,
        FileError::Unavailable => 451,
    };
    Reply::new(code, sentence(&error.to_string()))
}

/// With a capital letter and a full stop.
fn sentence(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(characters).chain(['.']).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_line_and_several() {
        assert_eq!(Reply::new(200, "Fine.").bytes(), b"200 Fine.\r\n");
        let several = Reply::lines(211, "Features:", vec!["UTF8".to_owned(), "SIZE".to_owned()], "End.");
        assert_eq!(several.bytes(), b"211-Features:\r\n UTF8\r\n SIZE\r\n211 End.\r\n");
    }

    #[test]
    fn a_path_with_quotes() {
        assert_eq!(quoted("/a\"b"), "\"/a\"\"b\"");
    }

    #[test]
    fn what_may_not_be_known_is_told_of_nothing() {
        let told = |error: FileError| String::from_utf8(refusal(&error).bytes()).unwrap();
        assert_eq!(told(FileError::Denied), "550 Permission denied.\r\n");
        assert_eq!(told(FileError::NotFound), "550 No such file or folder.\r\n");
        assert_eq!(told(FileError::Full), "552 No space left.\r\n");
        assert_eq!(refusal(&FileError::Escaped).code(), 553);
        assert_eq!(refusal(&FileError::NoResume { at: 7 }).code(), 554);
        assert_eq!(refusal(&FileError::Unavailable).code(), 451);
        assert_eq!(refusal(&FileError::Throttled { retry_after: Duration::from_secs(1) }).code(), 450);
    }

    proptest! {
        /// Whatever is in the texts: every line but the last begins as one in the middle does, and there is no other end of line.
        #[test]
        fn nothing_can_be_smuggled_into_a_reply(code in 100_u16..600, head in any::<String>(), between in prop::collection::vec(any::<String>(), 0..4), text in any::<String>()) {
            let wire = String::from_utf8(Reply::lines(code, format!("h{head}"), between.clone(), text).bytes()).unwrap();
            let lines: Vec<&str> = wire.strip_suffix("\r\n").unwrap().split("\r\n").collect();
            prop_assert_eq!(lines.len(), between.len() + 2);
            prop_assert!(lines.iter().all(|line| !line.contains(['\r', '\n', '\0'])));
            let (last, before) = lines.split_last().unwrap();
            let prefix = format!("{code} ");
            prop_assert!(last.starts_with(&prefix));
            prop_assert!(before.iter().skip(1).all(|line| line.starts_with(' ')));
        }
    }
}
