//! Names of files that come into a drop box.

/// The longest name, in bytes: what file systems take.
const LONGEST: usize = 255;

/// The name under which a file is stored: the last part of the path that some browsers send. None for what is no name for a file.
pub(super) fn of_upload(given: &str) -> Option<&str> {
    let name = given.rsplit(['/', '\\']).next()?;
    is_plain(name).then_some(name)
}

/// The same for a name that is given in an address, which has to be one: what a tool says is not bent.
pub(super) fn of_address(given: &str) -> Option<&str> {
    (is_plain(given) && !given.contains(['/', '\\'])).then_some(given)
}

fn is_plain(name: &str) -> bool {
    let fits = (1..=LONGEST).contains(&name.len()) && !name.chars().all(char::is_whitespace);
    fits && name != "." && name != ".." && !name.chars().any(is_deceptive)
}

/// Control characters, and those that turn the direction of what follows: with them, one ending looks like another.
fn is_deceptive(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_part_counts() {
        for (given, name) in [
            ("report.pdf", Some("report.pdf")),
            ("C:\\Users\\ada\\report.pdf", Some("report.pdf")),
            ("../../etc/passwd", Some("passwd")),
            (" a b ", Some(" a b ")),
            ("\u{fc}.txt", Some("\u{fc}.txt")),
            ("...", Some("...")),
            ("", None),
            ("a/", None),
            ("..", None),
            ("a/.", None),
            (" ", None),
            ("a\nb", None),
            ("a\0", None),
            ("a\u{202e}gpj.exe", None),
        ] {
            assert_eq!(of_upload(given), name, "{given:?}");
        }
        assert_eq!(of_upload(&"a".repeat(255)).map(str::len), Some(255));
        assert_eq!(of_upload(&"a".repeat(256)), None);
    }

    #[test]
    fn an_address_names_what_it_means() {
        assert_eq!(of_address("report.pdf"), Some("report.pdf"));
        for wrong in ["a/b", "../b", "a\\b", "", "..", "a\r"] {
            assert_eq!(of_address(wrong), None, "{wrong:?}");
        }
    }
}
