//! Values of header fields with parameters: `kind; a=b; c="d"`.

/// RFC 2046 section 5.1.1.
const MAX_BOUNDARY: usize = 70;

/// How a quotation mark is written within quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quoting {
    /// A backslash makes the next character ordinary (RFC 9110 section 5.6.4).
    Escaped,
    /// A browser writes `%22` for a quotation mark and leaves backslashes alone (HTML, "multipart/form-data encoding"); curl
    /// writes a backslash before either.
    Browser,
}

/// A content type, split at its first semicolon and not looked at further.
#[derive(Clone, Copy, Debug)]
pub struct ContentType<'a> {
    kind: &'a str,
    parameters: &'a str,
}

impl<'a> ContentType<'a> {
    /// The content type in the value of a header field, or of a parameter that holds one.
    #[must_use]
    pub fn new(value: &'a str) -> Self {
        let (kind, parameters) = value.split_once(';').unwrap_or((value, ""));
        Self { kind: kind.trim(), parameters }
    }

    /// `type/subtype` as sent.
    #[must_use]
    pub const fn kind(self) -> &'a str {
        self.kind
    }

    /// Whether it is this `type/subtype`; case does not matter.
    #[must_use]
    pub const fn is(self, kind: &str) -> bool {
        self.kind.eq_ignore_ascii_case(kind)
    }

    /// The value of its parameter of this name; none if it has none, or its parameters are none.
    #[must_use]
    pub fn parameter(self, name: &str, quoting: Quoting) -> Option<String> {
        parameter(self.parameters, name, quoting)
    }

    /// Its boundary; none if it has none that RFC 2046 allows.
    #[must_use]
    pub fn boundary(self, quoting: Quoting) -> Option<Boundary> {
        let text = self.parameter("boundary", quoting)?;
        ((1..=MAX_BOUNDARY).contains(&text.len()) && text.is_ascii()).then_some(Boundary(text))
    }
}

/// What stands between the parts of a body: 1 to 70 ASCII characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Boundary(String);

impl Boundary {
    /// Its characters, without the hyphens before it.
    #[must_use]
    pub const fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

/// The value of a parameter in `a=b; c="d"`; none if it is not there, or something before it is no parameter.
#[must_use]
pub fn parameter(parameters: &str, wanted: &str, quoting: Quoting) -> Option<String> {
    let mut rest = parameters.trim_start();
    while !rest.is_empty() {
        let (name, after) = rest.split_once('=')?;
        let (value, after) = match after.strip_prefix('"') {
            Some(quoted) => unquote(quoted, quoting)?,
            None => {
                let end = after.find(';').unwrap_or(after.len());
                let (value, after) = after.split_at_checked(end)?;
                (value.trim().to_owned(), after)
            }
        };
        if name.trim().eq_ignore_ascii_case(wanted) {
            return Some(value);
        }
        rest = after.trim_start().strip_prefix(';').unwrap_or_default().trim_start();
    }
    None
}

/// What stands before the closing quotation mark, and what follows it.
fn unquote(quoted: &str, quoting: Quoting) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = quoted.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        match (character, quoting) {
            ('"', Quoting::Escaped) => return Some((value, quoted.get(at + 1..)?)),
            ('"', Quoting::Browser) => return Some((value.replace("%22", "\""), quoted.get(at + 1..)?)),
            ('\\', Quoting::Escaped) => value.push(characters.next()?.1),
            ('\\', Quoting::Browser) => match characters.next_if(|(_, next)| matches!(next, '"' | '\\')) {
                Some((_, escaped)) => value.push(escaped),
                None => value.push('\\'),
            },
            (other, Quoting::Escaped | Quoting::Browser) => value.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn boundary(text: &str) -> Option<String> {
        ContentType::new(text).boundary(Quoting::Escaped).map(|boundary| boundary.as_str().to_owned())
    }

    #[test]
    fn boundaries() {
        assert_eq!(boundary("multipart/form-data; boundary=abc").as_deref(), Some("abc"));
        assert_eq!(boundary("Multipart/Form-Data;charset=utf-8; Boundary=\"a;b\"").as_deref(), Some("a;b"));
        let related =
            "multipart/related; type=\"application/xop+xml\"; boundary=\"uuid:1+id=2\"; start=\"<a@b>\"";
        assert_eq!(boundary(related).as_deref(), Some("uuid:1+id=2"));
        let long = format!("multipart/form-data; boundary={}", "a".repeat(71));
        for wrong in
            ["", "multipart/form-data", "a/b; boundary=", "a/b; boundary=\"a", "a/b; boundary=é", &long]
        {
            assert_eq!(boundary(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn kinds() {
        assert!(ContentType::new("Multipart/Related ; a=b").is("multipart/related"));
        assert!(ContentType::new("text/xml").is("text/xml"));
        assert!(!ContentType::new("").is("text/xml"));
        assert_eq!(ContentType::new(" text/XML;x=y").kind(), "text/XML");
    }

    #[test]
    fn names_as_browsers_and_tools_write_them() {
        for (text, browser, escaped) in [
            ("name=\"f\"; filename=\"a b.txt\"", "a b.txt", "a b.txt"),
            ("name=f; filename=a.txt", "a.txt", "a.txt"),
            ("filename=\"say %22hi%22.txt\"", "say \"hi\".txt", "say %22hi%22.txt"),
            ("filename=\"say \\\"hi\\\".txt\"", "say \"hi\".txt", "say \"hi\".txt"),
            ("filename=\"C:\\dir\\a.txt\"", "C:\\dir\\a.txt", "C:dira.txt"),
            ("filename=\"C:\\\\dir\\\\a.txt\"", "C:\\dir\\a.txt", "C:\\dir\\a.txt"),
        ] {
            assert_eq!(parameter(text, "filename", Quoting::Browser).as_deref(), Some(browser), "{text}");
            assert_eq!(parameter(text, "FileName", Quoting::Escaped).as_deref(), Some(escaped), "{text}");
        }
        for wrong in ["filename=\"a", "filename", "filename=\"a\\\"", "x\"=\"; filename=a"] {
            assert_eq!(parameter(wrong, "filename", Quoting::Browser), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn what_was_quoted_is_read_back(value in "[a-z;= \"\\\\é]{0,20}") {
            let quoted = value.replace('\\', "\\\\").replace('"', "\\\"");
            let text = format!("a=1; wanted=\"{quoted}\"; b=2");
            for quoting in [Quoting::Escaped, Quoting::Browser] {
                let read = parameter(&text, "wanted", quoting);
                prop_assert_eq!(read.as_deref(), Some(value.as_str()));
            }
        }

        #[test]
        fn nonsense_is_none_or_a_value(text in "[a-z=;\"\\\\ é]{0,40}") {
            for quoting in [Quoting::Escaped, Quoting::Browser] {
                if let Some(value) = parameter(&text, "a", quoting) {
                    prop_assert!(value.len() <= text.len());
                }
            }
        }
    }
}
