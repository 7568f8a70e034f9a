//! What a listing has to say, worked out the slow way: all entries first, pages after.

use std::collections::BTreeSet;

use super::check::{Outcome, Violation, same};
use super::store::Store;
use crate::ListPosition;

/// What to list, and how many entries at a time.
pub(super) struct Listing<'a> {
    pub(super) prefix: &'a str,
    pub(super) delimiter: Option<&'a str>,
    pub(super) after: Option<ListPosition>,
    pub(super) limit: usize,
}

/// An entry of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// A key.
    Key(String),
    /// A common prefix.
    Prefix(String),
}

impl Listing<'_> {
    /// All entries for these keys.
    pub(super) fn entries<'a>(&self, keys: impl Iterator<Item = &'a str>) -> Vec<Entry> {
        let sorted: BTreeSet<&str> = keys.collect();
        let mut entries: Vec<Entry> = sorted.into_iter().filter_map(|key| self.entry(key)).collect();
        entries.dedup();
        entries
    }

    fn entry(&self, key: &str) -> Option<Entry> {
        let rest = key.strip_prefix(self.prefix)?;
        let after = match &self.after {
            None => true,
            Some(ListPosition::AfterKey(after)) => key.as_bytes() > after.as_bytes(),
            Some(ListPosition::AfterPrefix(passed)) => {
                key.as_bytes() > passed.as_bytes() && !key.starts_with(passed.as_str())
            }
        };
        let rolled = self.delimiter.and_then(|delimiter| {
            rest.split_once(delimiter).map(|(head, _)| [self.prefix, head, delimiter].concat())
        });
        after.then(|| rolled.map_or_else(|| Entry::Key(key.to_owned()), Entry::Prefix))
    }
}

/// Walks through all pages and compares each with what it has to be.
pub(super) async fn check<'a>(
    store: &Store,
    keys: impl Iterator<Item = &'a str>,
    listing: Listing<'_>,
) -> Outcome {
    let Listing { prefix, delimiter, limit, .. } = listing;
    let expected = listing.entries(keys);
    let what =
        format!("prefix {prefix:?}, delimiter {delimiter:?}, limit {limit}, after {:?}", listing.after);
    let mut rest = expected.as_slice();
    let mut after = listing.after;
    loop {
        let page = store.list(prefix, delimiter, after.take(), limit).await?;
        let (wanted, left) = rest.split_at(limit.min(rest.len()));
        let (mut keys, mut prefixes) = (Vec::new(), Vec::new());
        for entry in wanted {
            match entry {
                Entry::Key(key) => keys.push(key.as_str()),
                Entry::Prefix(prefix) => prefixes.push(prefix.as_str()),
            }
        }
        let got: Vec<_> = page.objects.iter().map(|object| object.key.as_str()).collect();
        same(format!("{what}: keys"), &got, &keys)?;
        let got: Vec<_> = page.prefixes.iter().map(String::as_str).collect();
        same(format!("{what}: common prefixes"), &got, &prefixes)?;
        match (page.next, left) {
            (None, []) => return Ok(()),
            (Some(next), [_, ..]) => after = Some(next),
            (Some(_), []) => {
                return Err(Violation::new(format!("{what}: another page, but nothing is left")));
            }
            (None, left) => return Err(Violation::new(format!("{what}: ended before {:?}", left.first()))),
        }
        rest = left;
    }
}

/// How many folders these keys lie in.
pub(super) fn folders<'a>(keys: impl Iterator<Item = &'a str>) -> u64 {
    let mut folders = BTreeSet::new();
    for key in keys {
        let mut folder = String::new();
        for piece in key.split_inclusive('/').filter(|piece| piece.ends_with('/')) {
            folder.push_str(piece);
            folders.insert(folder.clone());
        }
    }
    u64::try_from(folders.len()).unwrap_or(u64::MAX)
}

/// Keys that something between a client and a disk might want to change, each a key of its own.
pub(super) fn odd_keys() -> Vec<String> {
    let mut keys: Vec<String> = [
        "a",
        "a/",
        "a//b",
        "a/b",
        "a/b/",
        " a",
        "a ",
        "/a",
        "//",
        "/",
        ".",
        "..",
        "../a",
        "a/../b",
        "a/./b",
        "a\\b",
        "A",
        "é",
        "e\u{301}",
        "%2F",
        "a%2Fb",
        "a%00",
        "a+b",
        "a&b<c>",
        "a'b\"c",
        "a;--",
        "_",
        "%",
        "a*?",
        "[a]",
        "null",
        "\u{1}",
        "a\nb",
        "a\r\nb",
        "a\tb",
        "\u{7f}",
        "\u{85}",
        "\u{feff}a",
        "日本語/キー",
        "😀/x",
        "\u{d7ff}",
        "\u{e000}",
        "\u{ffff}",
        "\u{10ffff}",
        "\u{10ffff}\u{10ffff}",
        "CON",
        "aux.txt",
        "a:b",
        "~",
        "$HOME",
        "-rf",
        ".git/config",
    ]
    .map(str::to_owned)
    .to_vec();
    keys.push("a".repeat(1024));
    keys.push("é".repeat(512));
    keys.push("d/".repeat(512));
    keys
}
