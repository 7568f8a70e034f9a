//! Text from people, as each language wants it. All of these write in place: no copy of a secret stays behind.

use std::fmt::{self, Display, Formatter, Write as _};

/// Letters and digits of any script, and what ASCII prints. Everything else could end the text, hide in it or turn its
/// direction, so it is written as an escape.
fn shows_itself(c: char) -> bool {
    if c.is_ascii() { !c.is_ascii_control() } else { c.is_alphanumeric() }
}

/// A word of a shell that is exactly this text, on one line: a set-up may hold it in a comment.
pub(super) struct Shell<'a>(pub(super) &'a str);

impl Display for Shell<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_./:@".contains(&b);
        if !self.0.is_empty() && self.0.bytes().all(plain) {
            return f.write_str(self.0);
        }
        let single = self.0.chars().all(shows_itself);
        // Dollar-single-quotes (POSIX.1-2024, section 2.2.4; bash, zsh and ksh have had them for long).
        f.write_str(if single { "'" } else { "$'" })?;
        for c in self.0.chars() {
            match c {
                '\'' if single => f.write_str(r"'\''")?,
                '\\' | '\'' if !single => write!(f, "\\{c}")?,
                c if shows_itself(c) => f.write_char(c)?,
                c => {
                    let mut bytes = [0; 4];
                    for byte in c.encode_utf8(&mut bytes).bytes() {
                        write!(f, "\\{byte:03o}")?;
                    }
                }
            }
        }
        f.write_char('\'')
    }
}

/// The languages whose strings stand between double quotes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Language {
    /// Python and Go write the same escapes.
    PythonOrGo,
    JavaScript,
    /// Only ASCII, since a compiler may take the file for another encoding.
    Java,
    /// Terraform, where `${` and `%{` begin a template.
    Hcl,
}

/// A string of a language that is exactly this text.
pub(super) struct Quoted<'a>(pub(super) Language, pub(super) &'a str);

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self(language, text) = *self;
        f.write_char('"')?;
        let mut rest = text.chars().peekable();
        while let Some(c) = rest.next() {
            match c {
                '"' | '\\' => write!(f, "\\{c}")?,
                '\n' => f.write_str("\\n")?,
                '\r' => f.write_str("\\r")?,
                '\t' => f.write_str("\\t")?,
                '$' | '%' if language == Language::Hcl && rest.peek() == Some(&'{') => write!(f, "{c}{c}")?,
                c if shows_itself(c) && (c.is_ascii() || language != Language::Java) => f.write_char(c)?,
                c => escape(f, language, c)?,
            }
        }
        f.write_char('"')
    }
}

fn escape(f: &mut Formatter<'_>, language: Language, c: char) -> fmt::Result {
    match language {
        Language::PythonOrGo | Language::Hcl => match u32::from(c) {
            code @ ..=0xffff => write!(f, "\\u{code:04x}"),
            code => write!(f, "\\U{code:08x}"),
        },
        Language::JavaScript | Language::Java => {
            c.encode_utf16(&mut [0; 2]).iter().try_for_each(|unit| write!(f, "\\u{unit:04x}"))
        }
    }
}

/// A value of a configuration file of lines. What would begin another line is left out; no value has such characters.
pub(super) struct Line<'a>(pub(super) &'a str);

impl Display for Line<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.0.chars().filter(|c| !c.is_control()).try_for_each(|c| f.write_char(c))
    }
}

/// A part of a value between double quotes in curl's configuration file.
pub(super) struct Curl<'a>(pub(super) &'a str);

impl Display for Curl<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.0.chars().filter(|c| !c.is_control()).try_for_each(|c| match c {
            '"' | '\\' => write!(f, "\\{c}"),
            c => f.write_char(c),
        })
    }
}

/// Character data of XML 1.0. The characters that it cannot hold are left out: ask [`Xml::can_say`] first.
pub(super) struct Xml<'a>(pub(super) &'a str);

impl Xml<'_> {
    /// Whether XML can hold the whole text.
    pub(super) fn can_say(text: &str) -> bool {
        text.chars().all(|c| !matches!(c, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}'))
    }
}

impl Display for Xml<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '\t' | '\n' | '\r' => write!(f, "&#{};", u32::from(c))?,
                c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => {}
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    const NASTY: [&str; 14] = [
        "",
        "'; echo pwned; '",
        "$(echo pwned)",
        "`echo pwned`",
        "a\necho pwned\n",
        "\"\"\"\nprint('x')",
        "\\'",
        "\\u0041",
        "# ",
        "${path.module} %{ if true }",
        "tab\tand\u{1b}[31mred",
        "\u{202e}gnp.exe\u{2028}",
        "日本 ünï e\u{301} 🦆",
        "!history",
    ];

    #[test]
    fn a_shell_reads_the_same_text() {
        for text in NASTY {
            let word = Shell(text).to_string();
            assert_eq!(word.lines().count(), 1, "{word}");
            let told = Command::new("bash").arg("-c").arg(format!("printf %s {word}")).output().unwrap();
            assert_eq!(String::from_utf8(told.stdout).unwrap(), text, "{word}");
        }
    }

    #[test]
    fn python_reads_the_same_text() {
        for text in NASTY {
            let word = Quoted(Language::PythonOrGo, text).to_string();
            assert_eq!(word.lines().count(), 1, "{word}");
            let told = Command::new("python3")
                .args(["-c", &format!("import sys; sys.stdout.buffer.write({word}.encode())")])
                .output()
                .unwrap();
            assert_eq!(String::from_utf8(told.stdout).unwrap(), text, "{word}");
        }
    }

    #[test]
    fn each_language_has_its_own_escapes() {
        let say = |language, text| Quoted(language, text).to_string();
        assert_eq!(say(Language::Hcl, "${a}%{b}$c%"), r#""$${a}%%{b}$c%""#);
        assert_eq!(say(Language::PythonOrGo, "${a}"), r#""${a}""#);
        assert_eq!(say(Language::Java, "é🦆\"\\u"), r#""\u00e9\ud83e\udd86\"\\u""#);
        assert_eq!(say(Language::JavaScript, "é🦆\u{2028}"), r#""é\ud83e\udd86\u2028""#);
        assert_eq!(say(Language::PythonOrGo, "🦆\u{feff}"), r#""\U0001f986\ufeff""#);
        assert_eq!(Curl("a\"b\\c\nd").to_string(), "a\\\"b\\\\cd");
        assert_eq!(Line("a\nb = c").to_string(), "ab = c");
        assert_eq!(Xml("<a & b>\n\u{1}").to_string(), "&lt;a &amp; b&gt;&#10;");
        assert!(Xml::can_say("a\n🦆") && !Xml::can_say("\u{1b}"));
    }
}
