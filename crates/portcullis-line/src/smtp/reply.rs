//! What is answered.

/// A reply: a code of three digits, what it means in detail (RFC 3463, RFC 5248), and one line or several (RFC 5321 section 4.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reply {
    code: u16,
    /// Such as `5.7.1`; empty for replies that have none (RFC 2034 section 4).
    detail: &'static str,
    lines: Vec<String>,
}

impl Reply {
    pub(super) fn new(code: u16, detail: &'static str, text: impl Into<String>) -> Self {
        Self { code, detail, lines: vec![text.into()] }
    }

    /// Of several lines, without a detail.
    pub(super) const fn lines(code: u16, lines: Vec<String>) -> Self {
        Self { code, detail: "", lines }
    }

    pub(super) const fn code(&self) -> u16 {
        self.code
    }

    /// As it goes over the wire. Whatever the texts hold, it is one reply in ASCII: what would end a line is shown as `?`.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut wire = String::with_capacity(128);
        for (number, line) in self.lines.iter().enumerate() {
            let last = number + 1 == self.lines.len();
            wire.push_str(&self.code.to_string());
            wire.push(if last { ' ' } else { '-' });
            if !self.detail.is_empty() {
                wire.push_str(self.detail);
                wire.push(' ');
            }
            wire.extend(line.chars().map(|character| match character {
                ' '..='~' => character,
                _ => '?',
            }));
            wire.push_str("\r\n");
        }
        wire.into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_line_and_several() {
        assert_eq!(Reply::new(250, "2.0.0", "Fine.").bytes(), b"250 2.0.0 Fine.\r\n");
        let several = Reply::lines(250, vec!["host".to_owned(), "SIZE 1".to_owned()]);
        assert_eq!(several.bytes(), b"250-host\r\n250 SIZE 1\r\n");
    }

    proptest! {
        #[test]
        fn nothing_can_be_smuggled_into_a_reply(lines in prop::collection::vec(any::<String>(), 1..4)) {
            let wire = String::from_utf8(Reply { code: 550, detail: "5.1.1", lines: lines.clone() }.bytes()).unwrap();
            let told: Vec<&str> = wire.strip_suffix("\r\n").unwrap().split("\r\n").collect();
            prop_assert_eq!(told.len(), lines.len());
            let (last, before) = told.split_last().unwrap();
            prop_assert!(last.starts_with("550 5.1.1 ") && before.iter().all(|line| line.starts_with("550-5.1.1 ")));
            prop_assert!(told.iter().all(|line| line.bytes().all(|byte| (b' '..=b'~').contains(&byte))));
        }
    }
}
