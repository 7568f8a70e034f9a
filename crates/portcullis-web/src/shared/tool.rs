//! What a tool is told that asks for a link as if it were a page: which calls to make.

use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use http::header::CONTENT_TYPE;

/// A text for a terminal: lines of explanation begin with `#`, the others are addresses.
#[derive(Default)]
pub(super) struct Text(String);

impl Text {
    /// A line that explains.
    pub(super) fn note(mut self, line: &str) -> Self {
        self.0.push_str("# ");
        self.0.extend(line.chars().map(harmless));
        self.0.push('\n');
        self
    }

    /// An address.
    pub(super) fn address(mut self, address: &str) -> Self {
        self.0.extend(address.chars().map(harmless));
        self.0.push('\n');
        self
    }

    pub(super) fn answer(self, status: StatusCode) -> Response {
        (status, [(CONTENT_TYPE, "text/plain; charset=utf-8")], self.0).into_response()
    }
}

/// Names come from others, and a terminal obeys control characters.
fn harmless(c: char) -> char {
    if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_do_nothing_to_a_terminal() {
        let text = Text::default().note("a\u{1b}[2J\nb").address("https://gate.example/s/x");
        assert_eq!(text.0, "# a\u{fffd}[2J\u{fffd}b\nhttps://gate.example/s/x\n");
    }
}
