//! The growing text of a set-up, and what the writers say of it.

use std::fmt::{self, Write as _};

use portcullis_domain::KeyPrefix;
use zeroize::Zeroizing;

use super::SetupKind;

/// What a writer says of the text it wrote.
pub(super) struct Draft {
    pub(super) kind: SetupKind,
    pub(super) file_name: Option<&'static str>,
}

impl Draft {
    pub(super) const SHELL: Self = Self { kind: SetupKind::Shell, file_name: None };
    /// Lines to read, each a comment, so that nothing happens where they are pasted.
    pub(super) const NOTE: Self = Self { kind: SetupKind::Text, file_name: None };

    /// Fields to fill in by hand.
    pub(super) const TEXT: Self = Self { kind: SetupKind::Text, file_name: None };

    pub(super) const fn file(kind: SetupKind, name: &'static str) -> Self {
        Self { kind, file_name: Some(name) }
    }
}

/// A text that holds a secret. It is written in place and never grows past its first memory, which is wiped.
pub(super) struct Text(Zeroizing<String>);

/// Room for everything but prefixes. The longest text has about 2,500 bytes.
const ROOM: usize = 8 << 10;
/// The most that a byte of a prefix becomes by quoting, times the most often that a text names the prefix.
const PREFIX_TIMES: usize = 6 * 8;

impl Text {
    pub(super) fn new() -> Self {
        Self(Zeroizing::new(String::with_capacity(ROOM)))
    }

    pub(super) fn for_prefix(prefix: &KeyPrefix) -> Self {
        Self(Zeroizing::new(String::with_capacity(ROOM + PREFIX_TIMES * prefix.as_str().len())))
    }

    /// With room for a token of this many bytes, once, beside everything else.
    pub(super) fn for_token(prefix: &KeyPrefix, bytes: usize) -> Self {
        Self(Zeroizing::new(String::with_capacity(ROOM + PREFIX_TIMES * prefix.as_str().len() + bytes)))
    }

    /// One line, or several with line feeds between them.
    pub(super) fn line(&mut self, line: fmt::Arguments<'_>) {
        // A String takes every text, and none of our Display fails.
        self.0.write_fmt(line).unwrap_or_default();
        self.0.push('\n');
    }

    pub(super) fn into_inner(self) -> Zeroizing<String> {
        self.0
    }
}

/// Writes a line; the arguments are those of `format!`.
macro_rules! put {
    ($out:expr, $($args:tt)*) => { $out.line(format_args!($($args)*)) };
}
pub(super) use put;
