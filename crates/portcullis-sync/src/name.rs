//! The other name of an object that stays beside another one.

use portcullis_backend::{DigestAlgorithm, Digester};
use portcullis_domain::ObjectKey;

use crate::{Seen, Side};

/// What every other name has after the stem.
const OPENS: &str = " (conflict ";

/// Digits of the hash in a name.
pub const SHORT: usize = 8;

/// The name under which `side`'s object at `key` stays: `report (conflict storage 20261121-014950Z 1a2b3c4d).xlsx`. It says whose it was,
/// when it was written, and which one it was, all of it as the plan saw it, so that the same plan always gives the same name. Such an
/// addition that is there already is replaced. The stem is cut so that the name has at most `longest` bytes.
///
/// `digits` are those of the hash, at most 64: [`SHORT`], or more if that name turns out to be taken by something else.
///
/// None if the folders alone leave no room for it.
#[must_use]
pub fn conflict_name(
    key: &ObjectKey,
    side: Side,
    seen: &Seen,
    longest: usize,
    digits: usize,
) -> Option<ObjectKey> {
    let (folder, file) = split_folder(key.as_str());
    let (stem, ending) = split_ending(file);
    let stem = without_addition(stem);
    let addition = format!("{OPENS}{} {} {})", side.as_str(), moment(seen), hash(seen, digits));
    let longest = longest.min(1024);
    let room = |ending: &str| longest.checked_sub(folder.len() + addition.len() + ending.len());
    // An ending that leaves nothing of the stem is none.
    let whole = format!("{stem}{ending}");
    let (stem, ending, room) = match room(ending).filter(|room| *room > 0 || stem.is_empty()) {
        Some(room) => (stem, ending, room),
        None => (whole.as_str(), "", room("")?),
    };
    let stem = cut(stem, room);
    ObjectKey::parse(&format!("{folder}{stem}{addition}{ending}")).ok()
}

/// Whether a key is such a name.
#[must_use]
pub fn is_conflict_name(key: &ObjectKey) -> bool {
    let (_, file) = split_folder(key.as_str());
    let (stem, _) = split_ending(file);
    without_addition(stem).len() < stem.len() || without_addition(file).len() < file.len()
}

/// The folders with their last `/`, and the rest. Of a key that ends with `/` the last folder is the rest.
fn split_folder(key: &str) -> (&str, &str) {
    let body = key.strip_suffix('/').unwrap_or(key);
    body.rfind('/').and_then(|at| key.split_at_checked(at + 1)).unwrap_or(("", key))
}

/// The stem and the ending with its dot: what follows the last dot, if something stands before it. A `/` at the end belongs to the ending.
fn split_ending(file: &str) -> (&str, &str) {
    let body = file.strip_suffix('/').unwrap_or(file);
    let slash = body.len();
    let at = body.rfind('.').filter(|at| {
        *at > 0 && *at + 1 < body.len() && !body.get(*at..).is_some_and(|ending| ending.contains([' ', ')']))
    });
    file.split_at_checked(at.unwrap_or(slash)).unwrap_or((file, ""))
}

/// The stem without an addition of this kind at its end, and without several of them.
fn without_addition(stem: &str) -> &str {
    let mut rest = stem;
    while let Some(shorter) = strip_one(rest) {
        rest = shorter;
    }
    rest
}

fn strip_one(stem: &str) -> Option<&str> {
    let inner = stem.strip_suffix(')')?;
    let at = inner.rfind(OPENS)?;
    let (before, addition) = inner.split_at_checked(at)?;
    let mut words = addition.strip_prefix(OPENS)?.split(' ');
    let (side, time, hash) = (words.next()?, words.next()?, words.next()?);
    let fits = Side::BOTH.iter().any(|one| one.as_str() == side)
        && is_moment(time)
        && (SHORT..=64).contains(&hash.len())
        && hash.bytes().all(|byte| byte.is_ascii_hexdigit())
        && words.next().is_none();
    fits.then_some(before)
}

fn is_moment(text: &str) -> bool {
    text.len() == 16
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 => byte == b'-',
            15 => byte == b'Z',
            _ => byte.is_ascii_digit(),
        })
}

/// `20261121-014950Z`, whole seconds. What lies outside the years 1 to 9999 is the epoch: the hash still tells it apart.
fn moment(seen: &Seen) -> String {
    let text = portcullis_domain::Timestamp::from_seconds(seen.modified.seconds()).to_string();
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    match (digits.get(..8), digits.get(8..)) {
        (Some(day), Some(time)) if digits.len() == 14 && !text.starts_with('-') => format!("{day}-{time}Z"),
        _ => "19700101-000000Z".to_owned(),
    }
}

/// Of the object's state: entity tag and size.
fn hash(seen: &Seen, digits: usize) -> String {
    let mut digester = Digester::new(&[DigestAlgorithm::Sha256]);
    digester.update(&seen.mark.size.to_be_bytes());
    digester.update(seen.mark.etag.to_string().as_bytes());
    let value = digester.finish().pop().map(|digest| digest.value).unwrap_or_default();
    let text: String = value.iter().map(|byte| format!("{byte:02x}")).collect();
    text.get(..digits.clamp(SHORT, 64)).unwrap_or_default().to_owned()
}

/// At most so many bytes, cut between two characters.
fn cut(stem: &str, room: usize) -> &str {
    stem.get(..stem.floor_char_boundary(room)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use portcullis_backend::Etag;
    use portcullis_domain::Timestamp;
    use proptest::prelude::*;

    use super::*;
    use crate::Mark;

    fn seen(tag: &str) -> Seen {
        // 2026-11-21T01:49:50Z
        let modified = Timestamp::from_micros(1_795_225_790_123_456);
        Seen { mark: Mark { etag: Etag::Opaque(tag.into()), size: 7 }, modified, archived: false }
    }

    fn name(key: &str, longest: usize) -> Option<String> {
        let key = ObjectKey::parse(key).unwrap();
        let name = conflict_name(&key, Side::Storage, &seen("x"), longest, SHORT);
        name.map(|name| name.as_str().replace(&hash(&seen("x"), SHORT), "HASH"))
    }

    const ADDED: &str = " (conflict storage 20261121-014950Z HASH)";

    #[test]
    fn names() {
        for (key, told) in [
            ("report.xlsx", format!("report{ADDED}.xlsx")),
            ("a/b.c/report", format!("a/b.c/report{ADDED}")),
            ("a/.profile", format!("a/.profile{ADDED}")),
            ("a.tar.gz", format!("a.tar{ADDED}.gz")),
            ("ends with.", format!("ends with.{ADDED}")),
            ("no. 5 of these", format!("no. 5 of these{ADDED}")),
            ("folder/", format!("folder{ADDED}/")),
            ("a/folder.d/", format!("a/folder{ADDED}.d/")),
            ("a//b", format!("a//b{ADDED}")),
            ("/", format!("{ADDED}/")),
            ("..", format!("..{ADDED}")),
            ("x (conflict storage 20201010-101010Z 0123abcd).txt", format!("x{ADDED}.txt")),
            ("x (conflict bucket 20201010-101010Z 0123abcd0123)", format!("x{ADDED}")),
            ("x (conflict mine).txt", format!("x (conflict mine){ADDED}.txt")),
        ] {
            assert_eq!(name(key, 1024).as_deref(), Some(told.as_str()), "{key}");
        }
    }

    #[test]
    fn the_stem_is_cut_between_characters() {
        let added = ADDED.len() + 4;
        assert_eq!(
            name("d/\u{e9}\u{e9}\u{e9}.txt", 2 + 5 + added + 4).unwrap(),
            format!("d/\u{e9}\u{e9}{ADDED}.txt")
        );
        assert_eq!(name("d/abc.txt", 2 + 1 + added + 4).unwrap(), format!("d/a{ADDED}.txt"));
        assert_eq!(name("d/abc.an ending", 2 + 3 + added), Some(format!("d/abc{ADDED}")));
        let long = format!("a.{}", "e".repeat(100));
        assert_eq!(name(&long, 60).unwrap().len(), 60 - 4, "an ending that is too long is cut as well");
        assert_eq!(name(&format!("{}/f", "d".repeat(60)), 100), None);
    }

    #[test]
    fn the_name_says_which_one_it_was() {
        let key = ObjectKey::parse("k").unwrap();
        let of = |side, tag, digits| conflict_name(&key, side, &seen(tag), 1024, digits).unwrap();
        assert_eq!(of(Side::Storage, "x", 8), of(Side::Storage, "x", 8));
        assert_ne!(of(Side::Storage, "x", 8), of(Side::Storage, "y", 8));
        assert_ne!(of(Side::Storage, "x", 8), of(Side::Bucket, "x", 8));
        assert!(of(Side::Storage, "x", 16).as_str().len() == of(Side::Storage, "x", 8).as_str().len() + 8);
        assert!(is_conflict_name(&of(Side::Storage, "x", 16)));
        assert!(!is_conflict_name(&key));
    }

    #[test]
    fn times_that_no_calendar_has() {
        for micros in [i64::MIN, -1, 0, i64::MAX] {
            let seen = Seen { modified: Timestamp::from_micros(micros), ..seen("x") };
            assert!(is_moment(&moment(&seen)), "{}", moment(&seen));
        }
    }

    proptest! {
        #[test]
        fn a_name_of_a_name_is_as_long(key in "[a-c./ ()\u{e9}\u{1f600}]{1,40}", longest in 45..200usize) {
            let key = ObjectKey::parse(&key).unwrap();
            if let Some(once) = conflict_name(&key, Side::Bucket, &seen("x"), longest, SHORT) {
                prop_assert!(once.as_str().len() <= longest);
                prop_assert!(is_conflict_name(&once), "{once}");
                prop_assert_ne!(&once, &key);
                let twice = conflict_name(&once, Side::Bucket, &seen("x"), longest, SHORT).unwrap();
                prop_assert_eq!(twice, once);
            }
        }
    }
}
