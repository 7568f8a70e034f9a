//! What a part of a key is called in a path, and which part a name means.
//!
//! A name is the part itself but for what a path cannot say. That is written as an escape: `%` and two hex digits in upper case.
//!
//! | escape | stands for |
//! |---|---|
//! | `%01` to `%1F`, `%7F` | the control character |
//! | `%2E`, `%2E%2E`, as the whole name | `.`, `..` |
//! | `%2F` at the end | nothing: it says that the name is of a folder. `%2F` alone is the folder without a name |
//! | `%25` before what would else be read as an escape | `%` |
//!
//! Everything else that looks like an escape is none: `100%25` is a file of just that name. Each part has one name that is shown for it, and one
//! more that says that it is a folder; no two parts share a name.

/// Says at the end of a name that it is one of a folder.
const FOLDER: &str = "%2F";

/// What a name means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Meant {
    /// The part of a key.
    pub(crate) segment: String,
    /// Whether it can only be a folder.
    pub(crate) folder: bool,
}

/// The name that is shown for a part of a key; without a text it is always one of a folder.
pub(crate) fn show(segment: &str) -> String {
    if segment.is_empty() { FOLDER.to_owned() } else { body(segment, true) }
}

/// The name of a folder that has a file of the same name beside it.
pub(crate) fn show_folder(segment: &str) -> String {
    let mut name = body(segment, false);
    name.push_str(FOLDER);
    name
}

/// Whether a name is the very part of a key that it means, and can be one of a file.
pub(crate) fn is_plain(name: &str) -> bool {
    read(name).is_some_and(|meant| !meant.folder && meant.segment == name)
}

/// What a name means; none if it is shown for nothing.
pub(crate) fn read(name: &str) -> Option<Meant> {
    if name.is_empty() || matches!(name, "." | "..") {
        return None;
    }
    match name.strip_suffix(FOLDER) {
        Some(rest) => read_body(rest, false).map(|segment| Meant { segment, folder: true }),
        None => read_body(name, true).map(|segment| Meant { segment, folder: false }),
    }
}

/// `last` says that nothing follows: then `%2F` at the end has to be told from the one that says "folder".
fn body(segment: &str, last: bool) -> String {
    match segment {
        "." => return "%2E".to_owned(),
        ".." => return "%2E%2E".to_owned(),
        _ => {}
    }
    let mut name = String::with_capacity(segment.len());
    for (at, sign) in segment.char_indices() {
        if sign.is_ascii_control() {
            name.push_str(&format!("%{:02X}", u32::from(sign)));
            continue;
        }
        name.push(sign);
        if sign == '%' && escape(segment.get(at..).unwrap_or_default(), at == 0, last).is_some() {
            name.push_str("25");
        }
    }
    name
}

fn read_body(name: &str, last: bool) -> Option<String> {
    match name {
        "%2E" => return Some(".".to_owned()),
        "%2E%2E" => return Some("..".to_owned()),
        // These have escapes, and are shown for nothing without them.
        "." | ".." => return None,
        _ => {}
    }
    let mut segment = String::with_capacity(name.len());
    let mut at = 0;
    while let Some(rest) = name.get(at..).filter(|rest| !rest.is_empty()) {
        let sign = rest.chars().next()?;
        if sign.is_ascii_control() {
            return None;
        }
        match escape(rest, at == 0, last) {
            Some(Escape::Percent) => {
                segment.push('%');
                at += "%25".len();
            }
            Some(Escape::Sign(control)) => {
                segment.push(control);
                at += "%00".len();
            }
            None => {
                segment.push(sign);
                at += sign.len_utf8();
            }
        }
    }
    Some(segment)
}

/// What a text begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Escape {
    /// `%25` before what would be an escape.
    Percent,
    /// A control character, or for [`body`], which only asks whether there is one, any other escape.
    Sign(char),
}

/// The escape that a text begins with. `first` says that it is all of the name, `last` is as in [`body`].
fn escape(text: &str, first: bool, last: bool) -> Option<Escape> {
    let mut tail = text.strip_prefix('%')?;
    let mut doubled = false;
    while let Some(rest) = tail.strip_prefix("25") {
        doubled = true;
        tail = rest;
    }
    let dots = first && matches!(tail, "2E" | "2E%2E");
    let folder = last && tail == "2F";
    let sign = match control(tail) {
        Some(sign) => sign,
        None if dots => '.',
        None if folder => '/',
        None => return None,
    };
    Some(if doubled { Escape::Percent } else { Escape::Sign(sign) })
}

/// The control character whose two digits a text begins with.
fn control(text: &str) -> Option<char> {
    let digits = text.get(..2)?;
    if digits.bytes().any(|digit| !matches!(digit, b'0'..=b'9' | b'A'..=b'F')) {
        return None;
    }
    let code = u8::from_str_radix(digits, 16).ok()?;
    (code != 0 && code.is_ascii_control()).then(|| char::from(code))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_of_parts() {
        for (segment, name) in [
            ("a", "a"),
            ("", "%2F"),
            (".", "%2E"),
            ("..", "%2E%2E"),
            ("...", "..."),
            ("a\nb", "a%0Ab"),
            ("\u{7f}", "%7F"),
            ("100%", "100%"),
            ("100%25", "100%25"),
            ("%2E", "%252E"),
            ("%2E%2E", "%252E%2E"),
            ("a%2E", "a%2E"),
            ("a%2F", "a%252F"),
            ("%2F", "%252F"),
            ("a%252F", "a%25252F"),
            ("a%2Fb", "a%2Fb"),
            ("a%0A", "a%250A"),
            ("a%250A", "a%25250A"),
            ("a%0a", "a%0a"),
            ("a%41", "a%41"),
            ("%00", "%00"),
            ("%", "%"),
            ("\u{85}", "\u{85}"),
        ] {
            assert_eq!(show(segment), name, "{segment:?}");
            assert_eq!(
                read(name),
                Some(Meant { segment: segment.into(), folder: segment.is_empty() }),
                "{name:?}"
            );
        }
        assert_eq!(show_folder("a"), "a%2F");
        assert_eq!(show_folder("a%2F"), "a%2F%2F");
        assert_eq!(show_folder("."), "%2E%2F");
        assert_eq!(show_folder(""), "%2F");
        for nothing in ["", ".", "..", "a\nb", "\u{7f}", ".%2F"] {
            assert_eq!(read(nothing), None, "{nothing:?}");
        }
    }

    /// Texts that are full of what is special here.
    fn texts() -> impl Strategy<Value = String> {
        prop::collection::vec(
            prop_oneof![
                Just("%"),
                Just("2"),
                Just("5"),
                Just("25"),
                Just("2F"),
                Just("2E"),
                Just("0A"),
                Just("."),
                Just("a"),
                Just("\n"),
                Just("\u{7f}"),
                Just("7F"),
                Just("é"),
            ],
            0..7,
        )
        .prop_map(|parts| parts.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]

        #[test]
        fn a_part_is_found_again(segment in texts()) {
            let name = show(&segment);
            prop_assert!(!name.bytes().any(|byte| byte == b'/' || byte.is_ascii_control()));
            prop_assert_eq!(read(&name), Some(Meant { folder: segment.is_empty(), segment: segment.clone() }));
            prop_assert_eq!(read(&show_folder(&segment)), Some(Meant { segment, folder: true }));
        }

        #[test]
        fn a_name_is_the_one_that_is_shown(name in texts()) {
            if let Some(Meant { segment, folder }) = read(&name) {
                let shown = if folder { show_folder(&segment) } else { show(&segment) };
                prop_assert_eq!(shown, name);
            }
        }

        #[test]
        fn any_text(segment in "\\PC{0,12}") {
            let name = show(&segment);
            prop_assert_eq!(read(&name).map(|meant| meant.segment), Some(segment));
        }
    }
}
