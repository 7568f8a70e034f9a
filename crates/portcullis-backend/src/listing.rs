//! What every driver does to keys to make a listing of them: roll up, and find where a page goes on.

use crate::ListPosition;

/// The most entries of a page, whatever is asked for (S3 reference, `ListObjectsV2`).
pub(crate) const MAX_PAGE: usize = 1000;

/// The common prefix into which `key` is rolled up: everything up to and with the first `delimiter` after `prefix`.
/// None if the key stands for itself. An empty delimiter is no delimiter.
///
/// All keys with the same common prefix stand side by side in key order, and nothing else stands between them.
pub(crate) fn common_prefix<'a>(key: &'a str, prefix: &str, delimiter: Option<&str>) -> Option<&'a str> {
    let delimiter = delimiter.filter(|delimiter| !delimiter.is_empty())?;
    let at = key.strip_prefix(prefix)?.find(delimiter)?;
    key.get(..prefix.len() + at + delimiter.len())
}

/// Whether a listing that goes on from `position` has `key` still before it.
pub(crate) fn is_after(position: Option<&ListPosition>, key: &str) -> bool {
    match position {
        None => true,
        Some(ListPosition::AfterKey(after)) => key > after.as_str(),
        Some(ListPosition::AfterPrefix(prefix)) => key > prefix.as_str() && !key.starts_with(prefix.as_str()),
    }
}

/// The smallest text that is greater than every text beginning with `prefix`: where an index goes on after a common
/// prefix, and where it ends under a prefix. None if there is no such text.
pub(crate) fn end_of_prefix(prefix: &str) -> Option<String> {
    let mut end = prefix.to_owned();
    while let Some(last) = end.pop() {
        // The order of UTF-8 bytes is the order of code points; a range of `char` steps over the surrogates.
        if let Some(next) = (last..=char::MAX).nth(1) {
            end.push(next);
            return Some(end);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn rolled_up_at_the_first_delimiter_after_the_prefix() {
        for (key, prefix, delimiter, told) in [
            ("a/b/c", "", Some("/"), Some("a/")),
            ("a/b/c", "a/", Some("/"), Some("a/b/")),
            ("a/b/c", "a", Some("/"), Some("a/")),
            ("a/b/c", "a/b/", Some("/"), None),
            ("a/", "a/", Some("/"), None),
            ("a/", "a", Some("/"), Some("a/")),
            ("a//b", "a/", Some("/"), Some("a//")),
            ("/a", "", Some("/"), Some("/")),
            ("abc", "", Some("/"), None),
            ("abc", "", None, None),
            ("abc", "", Some(""), None),
            ("xaaab", "", Some("aa"), Some("xaa")),
            ("foo--bar--baz", "foo", Some("--"), Some("foo--")),
            ("äöü", "ä", Some("ö"), Some("äö")),
            ("other", "a", Some("h"), None),
        ] {
            assert_eq!(common_prefix(key, prefix, delimiter), told, "{key} {prefix} {delimiter:?}");
        }
    }

    #[test]
    fn positions() {
        let key = |text: &str| Some(ListPosition::AfterKey(text.to_owned()));
        let prefix = |text: &str| Some(ListPosition::AfterPrefix(text.to_owned()));
        for (position, next, told) in [
            (None, "", true),
            (key("a"), "a", false),
            (key("a"), "a/", true),
            (key("b"), "a", false),
            (prefix("a/"), "a/", false),
            (prefix("a/"), "a/z", false),
            (prefix("a/"), "a", false),
            (prefix("a/"), "a0", true),
        ] {
            assert_eq!(is_after(position.as_ref(), next), told, "{position:?} {next}");
        }
    }

    #[test]
    fn ends_of_prefixes() {
        assert_eq!(end_of_prefix("a/").as_deref(), Some("a0"));
        assert_eq!(end_of_prefix("a\u{d7ff}").as_deref(), Some("a\u{e000}"));
        assert_eq!(end_of_prefix("a\u{10ffff}").as_deref(), Some("b"));
        assert_eq!(end_of_prefix("\u{10ffff}"), None);
        assert_eq!(end_of_prefix(""), None);
    }

    proptest! {
        #[test]
        fn the_end_separates_the_prefix_from_the_rest(prefix in "[ab\u{7f}\u{80}\u{10ffff}]{1,3}", key in "[ab\u{7f}\u{80}\u{81}\u{10ffff}]{0,5}") {
            let below = end_of_prefix(&prefix).is_none_or(|end| key < end);
            prop_assert_eq!(key.starts_with(&prefix), key >= prefix && below);
        }
    }
}
