//! The folder of a message's files: what an address or a subject names.

use portcullis_files::TreePath;
use unicode_normalization::UnicodeNormalization as _;

use super::name;

/// The longest path that mail can name, in bytes: a name finds room behind it, and the folder that a key may be bound to before it.
const LONGEST: usize = 512;
/// The most folders in one another.
const MOST: usize = 32;
/// What clients put before the subject of an answer or of what they pass on.
const ANSWERS: &[&str] = &["re", "aw", "fw", "fwd", "wg"];

/// Why a text names no folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidFolder {
    /// A name in it is none that a folder could have.
    #[error(
        "names of folders have no control characters, none of % \\ : * ? \" < > |, no dot at an end and no blank at one"
    )]
    Name,
    /// Too long, or too many folders in one another.
    #[error("a folder's path has at most {LONGEST} bytes and {MOST} names")]
    TooLong,
}

/// The folder that the tag of an address names: what stands between `+` and `@`, quotes removed and nothing decoded. `/` stands between names,
/// those at the ends mean nothing; the empty tag is the top.
///
/// A name must be one under which a file could be kept everywhere: nothing is replaced, so that two addresses never mean one folder but for
/// the form of their letters (NFC).
///
/// # Errors
/// Says what is wrong with it.
pub fn folder_of_tag(tag: &str) -> Result<TreePath, InvalidFolder> {
    if tag.len() > 2 * LONGEST {
        return Err(InvalidFolder::TooLong);
    }
    let composed: String = tag.nfc().collect();
    let names: Vec<&str> = composed.split('/').filter(|name| !name.is_empty()).collect();
    if names.iter().any(|name| name.contains('%') || name::safe(name).as_deref() != Some(*name)) {
        return Err(InvalidFolder::Name);
    }
    path(names)
}

/// The folder that a subject names; the top if nothing is left of it. People write subjects, so what no folder can be called is replaced.
pub(super) fn folder_of_subject(subject: &str) -> Result<TreePath, InvalidFolder> {
    let names = without_answers(subject).split('/').filter_map(|part| name::safe(&part.replace('\\', "_")));
    path(names)
}

/// `Re: AW: what it is about` is about the same.
fn without_answers(subject: &str) -> &str {
    let mut rest = subject.trim();
    while let Some((front, behind)) = rest.split_once(':') {
        if !ANSWERS.iter().any(|answer| front.trim().eq_ignore_ascii_case(answer)) {
            break;
        }
        rest = behind.trim_start();
    }
    rest
}

fn path<S: AsRef<str>>(names: impl IntoIterator<Item = S>) -> Result<TreePath, InvalidFolder> {
    let (mut path, mut length) = (TreePath::top(), 0);
    for name in names {
        let name = name.as_ref();
        length += name.len() + 1;
        path = path.child(name);
        if length > LONGEST || path.names().len() > MOST {
            return Err(InvalidFolder::TooLong);
        }
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn tags() {
        for (tag, shown) in [
            ("", "/"),
            ("/", "/"),
            ("invoices", "/invoices"),
            ("/invoices//2026/", "/invoices/2026"),
            ("請求書/11月", "/請求書/11月"),
            ("me\u{301}", "/mé"),
            ("a b", "/a b"),
        ] {
            assert_eq!(folder_of_tag(tag).unwrap().to_string(), shown, "{tag}");
        }
        for wrong in [
            "..",
            "a/../b",
            ".",
            ".hidden",
            "a.",
            " a",
            "a\0",
            "a\tb",
            "a%2Fb",
            "a:b",
            "a\\b",
            "nul",
            "a\u{202e}b",
            "a?",
        ] {
            assert_eq!(folder_of_tag(wrong), Err(InvalidFolder::Name), "{wrong:?}");
        }
        for long in ["a/".repeat(MOST + 1), format!("{0}/{0}/{0}", "a".repeat(190)), "a".repeat(5_000)] {
            assert_eq!(folder_of_tag(&long), Err(InvalidFolder::TooLong), "{long}");
        }
        assert!(folder_of_tag(&"a/".repeat(MOST)).is_ok());
    }

    #[test]
    fn subjects() {
        for (subject, shown) in [
            ("", "/"),
            (" Re: AW: ", "/"),
            ("Invoices/2026", "/Invoices/2026"),
            ("Re: FWD : aw: Invoices", "/Invoices"),
            ("Regarding: all", "/Regarding_ all"),
            ("../../etc/.ssh", "/etc/_ssh"),
            ("a\\b / c ", "/a_b/c"),
            ("100% / a%2F", "/100%/a_2F"),
        ] {
            assert_eq!(folder_of_subject(subject).unwrap().to_string(), shown, "{subject}");
        }
        assert_eq!(folder_of_subject(&"a/".repeat(MOST + 1)), Err(InvalidFolder::TooLong));
        assert!(folder_of_subject(&"a".repeat(5_000)).is_ok());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1024))]

        /// Whatever is said, the path stays below the top, and its names are safe.
        #[test]
        fn folders_are_safe(said in "([./\\\\% :a2EF]|\u{0}|\u{202e}|é){0,20}") {
            for path in [folder_of_tag(&said), folder_of_subject(&said)].into_iter().flatten() {
                for name in path.names() {
                    prop_assert_eq!(name::safe(name), Some(name.clone()));
                }
                prop_assert_eq!(folder_of_subject(&path.to_string()), Ok(path));
            }
        }
    }
}
