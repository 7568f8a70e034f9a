//! Listings: order, prefixes, delimiters, positions and pages.

use tokio::task::JoinSet;

use super::check::{Outcome, holds, same};
use super::model::{Listing, check, odd_keys};
use super::store::{Store, prefix};
use crate::{ListPosition, VersionsRequest};

async fn fill(store: &Store, keys: &[&str]) -> Outcome {
    for at in keys {
        store.put(at, "x").await?;
    }
    Ok(())
}

/// Keys come in the order of their UTF-8 bytes, however odd they are and however small the pages.
pub(super) async fn order(store: Store) -> Outcome {
    let keys = odd_keys();
    for at in keys.iter().rev() {
        store.put(at, "x").await?;
    }
    for limit in [1, 2, 7, keys.len() - 1, keys.len(), 1000] {
        for delimiter in [None, Some("/")] {
            let listing = Listing { prefix: "", delimiter, after: None, limit };
            check(&store, keys.iter().map(String::as_str), listing).await?;
        }
    }
    Ok(())
}

const TREE: &[&str] = &[
    "a",
    "a/",
    "a//",
    "a//b",
    "a/b",
    "a/b/c",
    "a/b/d",
    "a-b",
    "a.b",
    "a0",
    "ab",
    "ab/c",
    "b--c",
    "b--c--d",
    "b--e",
    "b-c",
    "c/d/e/f",
    "c/d/e/g",
    "c/h",
    "d/x",
    "d0",
    "é/1",
    "é/2",
    "ê",
    "z\u{10ffff}a",
    "z\u{10ffff}b",
];

/// Any text is a prefix and any text that is not empty is a delimiter.
pub(super) async fn prefixes_and_delimiters(store: Store) -> Outcome {
    fill(&store, TREE).await?;
    let prefixes = [
        "",
        "a",
        "a/",
        "a//",
        "a/b",
        "a/b/",
        "b",
        "b--",
        "c/d",
        "d/",
        "é",
        "é/",
        "x",
        "z",
        "z\u{10ffff}",
        "a/b/c/",
    ];
    for prefix in prefixes {
        for delimiter in
            [None, Some("/"), Some("--"), Some("a"), Some("b/"), Some("é"), Some("\u{10ffff}"), Some("none")]
        {
            for limit in [1, 3, 1000] {
                let listing = Listing { prefix, delimiter, after: None, limit };
                check(&store, TREE.iter().copied(), listing).await?;
            }
        }
    }
    Ok(())
}

/// A listing goes on anywhere: at keys that are there, that are not, inside and outside the prefix.
pub(super) async fn positions(store: Store) -> Outcome {
    fill(&store, TREE).await?;
    let beyond = "\u{10ffff}".repeat(3);
    let keys = ["", "a", "a/", "a/a", "a/b", "a/b/cc", "a0", "b", "b--c", "c/", "c/d/e/f", "\u{1}", &beyond];
    let prefixes = ["a/", "a/b/", "b--", "c/", "d/", "x/", "é/", "z\u{10ffff}", "\u{10ffff}"];
    let positions = keys
        .iter()
        .map(|key| ListPosition::AfterKey((*key).to_owned()))
        .chain(prefixes.iter().map(|prefix| ListPosition::AfterPrefix((*prefix).to_owned())));
    for after in positions {
        for (prefix, delimiter) in
            [("", None), ("", Some("/")), ("a/", Some("/")), ("b", Some("--")), ("c", None)]
        {
            let after = Some(after.clone());
            check(&store, TREE.iter().copied(), Listing { prefix, delimiter, after, limit: 4 }).await?;
        }
    }
    Ok(())
}

/// Zero entries are an empty, final page.
pub(super) async fn no_entries(store: Store) -> Outcome {
    fill(&store, &["a", "b/c"]).await?;
    for delimiter in [None, Some("/")] {
        let page = store.list("", delimiter, None, 0).await?;
        let empty = page.objects.is_empty() && page.prefixes.is_empty() && page.next.is_none();
        holds("a page of zero entries", empty)?;
    }
    let request = VersionsRequest { prefix: prefix("")?, ..VersionsRequest::default() };
    let page = store.backend().list_versions(&request).await?;
    holds("of versions", page.versions.is_empty() && page.prefixes.is_empty() && page.next.is_none())
}

/// How many keys are written at a time: many, so that a driver may commit them together.
const AT_ONCE: usize = 64;

/// Thousands of keys: pages of at most 1,000, no entry twice, no entry missing.
pub(super) async fn thousands(store: Store) -> Outcome {
    let keys: Vec<String> = (0..2_345u32)
        .map(|number| match number % 3 {
            0 => format!("flat-{number:05}"),
            1 => format!("dir-{:02}/{number:05}", number % 40),
            _ => format!("deep/{}/{}/{number}", number % 7, number % 11),
        })
        .collect();
    let mut writes = JoinSet::new();
    for at in &keys {
        if writes.len() >= AT_ONCE {
            writes.join_next().await.transpose()?.transpose()?;
        }
        let (store, at) = (store.clone(), at.clone());
        writes.spawn(async move { store.put(&at, "x").await });
    }
    while let Some(written) = writes.join_next().await {
        written??;
    }
    for (prefix, delimiter, limit) in [
        ("", None, 1000),
        ("", None, 999),
        ("", Some("/"), 1000),
        ("", Some("/"), 13),
        ("", Some("-"), 1),
        ("dir-", Some("/"), 10),
        ("deep/", Some("/"), 3),
        ("deep/3/", None, 50),
        ("flat-", Some("1"), 17),
    ] {
        let listing = Listing { prefix, delimiter, after: None, limit };
        check(&store, keys.iter().map(String::as_str), listing).await?;
    }
    let page = store.list("", None, None, 5000).await?;
    same("entries of a page of 5,000", &page.objects.len(), &1000)?;
    holds("another page", page.next.is_some())
}
