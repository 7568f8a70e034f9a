//! From a text to its entries.

use super::ipv4;

/// An entry as it stands in the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) typed: String,
    pub(super) note: String,
}

/// What people's programs put around a list or its entries.
const WRAPPERS: &[char] =
    &['"', '\'', '`', '“', '”', '‘', '’', '„', '«', '»', '(', ')', '<', '>', '{', '}', '[', ']'];

/// The entries of a text, in their order.
pub(super) fn pieces(text: &str) -> Vec<Piece> {
    text.split(['\n', '\r']).flat_map(line).collect()
}

/// Separators of other scripts, hyphens that a word processor made, and characters that cannot be seen.
fn plain(c: char) -> Option<char> {
    match c {
        '，' | '、' | '،' => Some(','),
        '；' | '؛' => Some(';'),
        '‐' | '‑' | '‒' | '–' | '—' | '−' => Some('-'),
        '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}' => None,
        other => Some(other),
    }
}

/// An entry without the quotes and brackets around it, and without the full stop of a sentence.
pub(super) fn unwrapped(word: &str) -> &str {
    word.trim().trim_end_matches('.').trim_matches(WRAPPERS).trim_end_matches('.').trim()
}

fn line(text: &str) -> Vec<Piece> {
    let (list, comment) = text.split_once('#').unwrap_or((text, ""));
    let list: String = list.chars().filter_map(plain).collect();
    let mut found: Vec<Piece> = Vec::new();
    for field in list.split([',', ';']) {
        let begins_an_entry = field.split_whitespace().next().is_some_and(looks_like_a_network);
        match found.last_mut().filter(|last| !last.note.is_empty() && !begins_an_entry) {
            // A comma inside a note.
            Some(last) => {
                last.note.push(',');
                last.note.push_str(field);
            }
            None => found.extend(entries(field)),
        }
    }
    for piece in found.iter_mut().filter(|piece| piece.note.is_empty()) {
        comment.trim().clone_into(&mut piece.note);
    }
    found
}

/// The entries of a part of a line; the last one has the note, if there is one.
fn entries(field: &str) -> Vec<Piece> {
    let (words, note) = apart(field.trim());
    let mut found: Vec<Piece> = joined(words)
        .into_iter()
        .map(|typed| Piece { typed: unwrapped(&typed).to_owned(), note: String::new() })
        .filter(|piece| !piece.typed.is_empty())
        .collect();
    if let Some(last) = found.last_mut() {
        note.clone_into(&mut last.note);
    }
    found
}

/// The entries and the note, which begins after a tab or two spaces with a word that is no address.
fn apart(field: &str) -> (&str, &str) {
    let mut after_a_space = false;
    for (at, c) in field.char_indices() {
        let begins = c == '\t' || (c.is_whitespace() && after_a_space);
        after_a_space = c.is_whitespace();
        if !begins {
            continue;
        }
        let (words, rest) = field.split_at_checked(at).unwrap_or((field, ""));
        let is_list = |word: &str| looks_like_a_network(word) || word.starts_with('-') || word == "to";
        if rest.split_whitespace().next().is_some_and(|word| !is_list(word)) {
            return (words, rest.trim());
        }
    }
    (field, "")
}

/// The words of a list, where a range with spaces in it, and an address with its mask, are one.
fn joined(words: &str) -> Vec<String> {
    let mut list: Vec<String> = Vec::new();
    let mut open = false;
    for word in words.split_whitespace() {
        match list.last_mut() {
            Some(last) if open || word.starts_with('-') => last.push_str(word),
            Some(last) if word == "to" && looks_like_a_network(last) => last.push('-'),
            Some(last) if ipv4::is_address(last) && ipv4::is_mask(word) => {
                last.push('/');
                last.push_str(word);
            }
            Some(_) | None => list.push(word.to_owned()),
        }
        open = list.last().is_some_and(|last| last.ends_with('-') && looks_like_a_network(last));
    }
    list
}

/// Whether a word is meant as an address, right or wrong.
fn looks_like_a_network(word: &str) -> bool {
    let word = unwrapped(word);
    word.contains(['.', ':'])
        && word.contains(|c: char| c.is_ascii_digit())
        && word.chars().all(|c| c.is_ascii_hexdigit() || ".:/*-[]".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Vec<(String, String)> {
        pieces(text).into_iter().map(|piece| (piece.typed, piece.note)).collect()
    }

    fn check(text: &str, wanted: &[(&str, &str)]) {
        let wanted: Vec<_> =
            wanted.iter().map(|(typed, note)| ((*typed).to_owned(), (*note).to_owned())).collect();
        assert_eq!(told(text), wanted, "{text:?}");
    }

    #[test]
    fn separators() {
        let three = [("1.1.1.1", ""), ("2.2.2.2", ""), ("::1", "")];
        for text in [
            "1.1.1.1,2.2.2.2;::1",
            "1.1.1.1 2.2.2.2\t::1",
            " 1.1.1.1\r\n\n2.2.2.2 ,\n, ::1 ,",
            "1.1.1.1  2.2.2.2   ::1",
            "[\"1.1.1.1\", \"2.2.2.2\", '::1']",
            "1.1.1.1、2.2.2.2，::1",
            "1.1.1.1\u{200b} 2.2.2.2\u{a0}[::1]",
        ] {
            check(text, &three);
        }
        check("", &[]);
        check(" ,;\n# only a comment\n", &[]);
    }

    #[test]
    fn notes() {
        check("1.1.1.1 # the office, 2nd floor", &[("1.1.1.1", "the office, 2nd floor")]);
        check("1.1.1.1\toffice\n2.2.2.2  desk 4", &[("1.1.1.1", "office"), ("2.2.2.2", "desk 4")]);
        check("1.1.1.1  desk, left, 2.2.2.2  laptop", &[("1.1.1.1", "desk, left"), ("2.2.2.2", "laptop")]);
        check("1.1.1.1, 2.2.2.2 # both", &[("1.1.1.1", "both"), ("2.2.2.2", "both")]);
        check("1.1.1.1#a#b", &[("1.1.1.1", "a#b")]);
        check("1.1.1.1 office", &[("1.1.1.1", ""), ("office", "")]);
    }

    #[test]
    fn what_belongs_together_stays_together() {
        for text in [
            "1.1.1.1-1.1.1.9",
            "1.1.1.1 - 1.1.1.9",
            "1.1.1.1- 1.1.1.9",
            "1.1.1.1 -1.1.1.9",
            "1.1.1.1  –  1.1.1.9",
        ] {
            check(text, &[("1.1.1.1-1.1.1.9", "")]);
        }
        check("1.1.1.1 to 1.1.1.9 ::1", &[("1.1.1.1-1.1.1.9", ""), ("::1", "")]);
        check("1.1.1.0 255.255.255.0, 2.2.2.2", &[("1.1.1.0/255.255.255.0", ""), ("2.2.2.2", "")]);
    }
}
