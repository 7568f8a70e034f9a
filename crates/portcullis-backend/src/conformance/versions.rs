//! Previous versions, and what becomes of an object that is in the way.

use bytes::Bytes;
use portcullis_domain::Overwrite;

use super::check::{Outcome, Pages, holds, refused, same, same_bytes, some};
use super::store::{Store, at_version, data, key, prefix};
use crate::{
    BackendErrorKind, CopyOptions, DeleteOptions, ListPosition, PutOptions, PutOutcome, VersionId,
    VersionsPage, VersionsRequest, WriteConditions,
};

pub(super) fn rule(overwrite: Overwrite) -> PutOptions {
    PutOptions { overwrite: Some(overwrite), ..PutOptions::default() }
}

pub(super) fn of_version(version: &VersionId) -> DeleteOptions {
    DeleteOptions { version: Some(version.clone()), ..DeleteOptions::default() }
}

/// All versions of a page: key, version, whether it is current.
type Told = Vec<(String, VersionId, bool)>;

fn told(page: &VersionsPage) -> Told {
    let one = |v: &crate::ListedVersion| (v.object.key.as_str().to_owned(), v.version.clone(), v.current);
    page.versions.iter().map(one).collect()
}

async fn all(store: &Store) -> Outcome<Told> {
    let request = VersionsRequest { limit: 1000, ..VersionsRequest::default() };
    let page = store.backend().list_versions(&request).await?;
    holds("one page is enough", page.next.is_none() && page.prefixes.is_empty())?;
    Ok(told(&page))
}

/// `KeepPrevious` keeps what it replaces, as it was.
pub(super) async fn keeping_what_is_replaced(store: Store) -> Outcome {
    let contents = [Bytes::from_static(b"first"), data(50_000, 1), Bytes::new(), Bytes::from_static(b"last")];
    let mut written: Vec<(PutOutcome, Bytes)> = Vec::new();
    for bytes in contents {
        let outcome = store.put_with("k", bytes.clone(), rule(Overwrite::KeepPrevious)).await?;
        written.push((outcome, bytes));
    }
    let last = some("the last write", written.last())?;
    same_bytes("the current one", &store.read("k").await?.bytes, &last.1)?;
    for (outcome, bytes) in &written {
        let got = store.read_with("k", &at_version(&outcome.version)).await?;
        same_bytes("a version", &got.bytes, bytes)?;
        same("its ETag", &got.meta.etag, &outcome.etag)?;
        same("its time", &got.meta.modified, &outcome.modified)?;
    }
    let newest_first: Told = written
        .iter()
        .rev()
        .map(|(outcome, _)| ("k".to_owned(), outcome.version.clone(), outcome.version == last.0.version))
        .collect();
    same("versions", &all(&store).await?, &newest_first)?;
    same("a listing has the current one only", &store.keys().await?.len(), &1)
}

/// `CreateOnly` leaves what is there, and answers as if it had not been.
pub(super) async fn creating_only(store: Store) -> Outcome {
    let fresh = store.put_with("fresh", "from outside", rule(Overwrite::CreateOnly)).await?;
    same_bytes("where nothing was", &store.read("fresh").await?.bytes, b"from outside")?;

    let kept = store.put("taken", data(20_000, 1)).await?;
    let before = store.head("taken").await?;
    let beside = store.put_with("taken", "from outside", rule(Overwrite::CreateOnly)).await?;
    same("what was there", &store.head("taken").await?, &before)?;
    same_bytes("its bytes", &store.read("taken").await?.bytes, &data(20_000, 1))?;
    let got = store.read_with("taken", &at_version(&beside.version)).await?;
    same_bytes("the upload is a version", &got.bytes, b"from outside")?;

    // The outcomes differ in what is chance or time, and in nothing else.
    holds("a version of its own", beside.version != kept.version && beside.version != fresh.version)?;
    same("as long a version", &beside.version.0.len(), &fresh.version.0.len())?;
    let blank = |outcome: &PutOutcome| (outcome.size, outcome.etag.clone(), outcome.checksum.clone());
    same("the same answer", &blank(&beside), &blank(&fresh))?;
    holds("a time of its own", beside.modified >= kept.modified)?;

    let expected: Told = vec![
        ("fresh".into(), fresh.version, true),
        ("taken".into(), beside.version, false),
        ("taken".into(), kept.version, true),
    ];
    same("versions", &all(&store).await?, &expected)
}

/// `Replace` drops what it replaces, but not what was kept before.
pub(super) async fn replacing_keeps_older_versions(store: Store) -> Outcome {
    let first = store.put("k", "first").await?;
    let second = store.put_with("k", "second", rule(Overwrite::KeepPrevious)).await?;
    let third = store.put_with("k", "third", rule(Overwrite::Replace)).await?;
    refused(
        "replaced",
        store.read_with("k", &at_version(&second.version)).await,
        BackendErrorKind::NotFound,
    )?;
    same_bytes("kept", &store.read_with("k", &at_version(&first.version)).await?.bytes, b"first")?;
    let expected: Told = vec![("k".into(), third.version, true), ("k".into(), first.version, false)];
    same("versions", &all(&store).await?, &expected)
}

/// A delete keeps what it removes if it is told to; removing a version removes it for good.
pub(super) async fn deleting(store: Store) -> Outcome {
    let at = key("k")?;
    let first = store.put("k", "first").await?;
    let second = store.put_with("k", "second", rule(Overwrite::KeepPrevious)).await?;
    let keep = DeleteOptions { keep_previous: true, ..DeleteOptions::default() };
    same("existed", &store.backend().delete(&at, &keep).await?.existed, &true)?;
    refused("gone", store.head("k").await, BackendErrorKind::NotFound)?;
    same("not listed", &store.keys().await?.len(), &0)?;
    same_bytes("kept", &store.read_with("k", &at_version(&second.version)).await?.bytes, b"second")?;
    same("a second time", &store.backend().delete(&at, &keep).await?.existed, &false)?;

    let third = store.put("k", "third").await?;
    let expected: Told = vec![
        ("k".into(), third.version.clone(), true),
        ("k".into(), second.version.clone(), false),
        ("k".into(), first.version.clone(), false),
    ];
    same("a write after it", &all(&store).await?, &expected)?;

    same("a version", &store.backend().delete(&at, &of_version(&second.version)).await?.existed, &true)?;
    refused(
        "for good",
        store.read_with("k", &at_version(&second.version)).await,
        BackendErrorKind::NotFound,
    )?;
    let again = store.backend().delete(&at, &of_version(&second.version)).await;
    refused("a version twice", again, BackendErrorKind::NotFound)?;
    same_bytes("the current one is untouched", &store.read("k").await?.bytes, b"third")?;

    store.backend().delete(&at, &of_version(&third.version)).await?;
    refused("the current one by its name", store.head("k").await, BackendErrorKind::NotFound)?;
    same("no other takes its place", &all(&store).await?, &vec![("k".into(), first.version.clone(), false)])?;
    store.backend().delete(&at, &of_version(&first.version)).await?;
    same("nothing is left", &all(&store).await?, &Told::new())
}

/// A plain delete leaves older versions alone; a version belongs to its key.
pub(super) async fn versions_belong_to_their_key(store: Store) -> Outcome {
    let first = store.put("k", "first").await?;
    store.put_with("k", "second", rule(Overwrite::KeepPrevious)).await?;
    store.delete("k").await?;
    same("what is left", &all(&store).await?, &vec![("k".into(), first.version.clone(), false)])?;
    store.put("other", "x").await?;
    let elsewhere = store.read_with("other", &at_version(&first.version)).await;
    refused("under another key", elsewhere, BackendErrorKind::NotFound)?;
    let elsewhere = store.backend().delete(&key("other")?, &of_version(&first.version)).await;
    refused("deleted under another key", elsewhere, BackendErrorKind::NotFound)?;
    same_bytes("still there", &store.read_with("k", &at_version(&first.version)).await?.bytes, b"first")
}

/// A previous version comes back by a copy onto its key.
pub(super) async fn bringing_back(store: Store) -> Outcome {
    let at = key("k")?;
    let bytes = data(30_000, 4);
    let first = store.put("k", bytes.clone()).await?;
    store.backend().delete(&at, &DeleteOptions { keep_previous: true, ..DeleteOptions::default() }).await?;
    refused(
        "a copy of nothing",
        store.backend().copy(&at, &at, CopyOptions::default()).await,
        BackendErrorKind::NotFound,
    )?;
    let options = CopyOptions { version: Some(first.version.clone()), ..CopyOptions::default() };
    let back = store.backend().copy(&at, &at, options).await?;
    holds("a version of its own", back.version != first.version)?;
    same_bytes("its bytes", &store.read("k").await?.bytes, &bytes)?;
    let expected: Told = vec![("k".into(), back.version, true), ("k".into(), first.version, false)];
    same("versions", &all(&store).await?, &expected)
}

/// Conditions look at the current version only, under every rule.
pub(super) async fn conditions_see_the_current_one(store: Store) -> Outcome {
    let absent = |overwrite| PutOptions {
        conditions: WriteConditions { if_absent: true, if_match: None },
        ..rule(overwrite)
    };
    store.put("k", "first").await?;
    for overwrite in [Overwrite::Replace, Overwrite::KeepPrevious, Overwrite::CreateOnly] {
        let taken = store.put_with("k", "x", absent(overwrite)).await;
        refused(format!("{overwrite:?}"), taken, BackendErrorKind::PreconditionFailed)?;
    }
    let keep = DeleteOptions { keep_previous: true, ..DeleteOptions::default() };
    store.backend().delete(&key("k")?, &keep).await?;
    store.put_with("k", "second", absent(Overwrite::KeepPrevious)).await?;
    same_bytes("after a delete", &store.read("k").await?.bytes, b"second")
}

/// Pages of versions go on inside a key, and never repeat.
pub(super) async fn pages(store: Store) -> Outcome {
    let mut expected = Told::new();
    for at in ["a", "b/1", "b/2", "c"] {
        let mut of_key = Told::new();
        for content in ["1", "2", "3"] {
            let outcome = store.put_with(at, content, rule(Overwrite::KeepPrevious)).await?;
            of_key.iter_mut().for_each(|told| told.2 = false);
            of_key.insert(0, (at.to_owned(), outcome.version, true));
        }
        expected.extend(of_key);
    }
    store
        .backend()
        .delete(&key("c")?, &DeleteOptions { keep_previous: true, ..DeleteOptions::default() })
        .await?;
    expected.iter_mut().filter(|told| told.0 == "c").for_each(|told| told.2 = false);
    for limit in [1, 2, 3, 5, 12, 1000] {
        same("keys and versions", &walk(&store, ("", None), limit).await?, &(expected.clone(), vec![]))?;
        let under_b: Told = expected.iter().filter(|told| told.0.starts_with("b/")).cloned().collect();
        same("under a prefix", &walk(&store, ("b/", Some("/")), limit).await?, &(under_b, vec![]))?;
        let flat: Told = expected.iter().filter(|told| !told.0.starts_with("b/")).cloned().collect();
        same("rolled up", &walk(&store, ("", Some("/")), limit).await?, &(flat, vec!["b/".to_owned()]))?;
    }
    let request = VersionsRequest {
        after: Some(ListPosition::AfterKey("a".into())),
        limit: 1,
        ..VersionsRequest::default()
    };
    let page = store.backend().list_versions(&request).await?;
    same("after all of a key", &told(&page), &expected.get(3..4).unwrap_or_default().to_vec())
}

async fn walk(store: &Store, under: (&str, Option<&str>), limit: usize) -> Outcome<(Told, Vec<String>)> {
    let (mut versions, mut prefixes) = (Told::new(), Vec::new());
    let mut request = VersionsRequest {
        prefix: prefix(under.0)?,
        delimiter: under.1.map(str::to_owned),
        limit,
        ..VersionsRequest::default()
    };
    let mut pages = Pages::default();
    loop {
        pages.turn()?;
        let page = store.backend().list_versions(&request).await?;
        let entries = page.versions.len() + page.prefixes.len();
        holds("a page holds at most its limit", entries <= limit)?;
        versions.extend(told(&page));
        prefixes.extend(page.prefixes);
        let Some((after, after_version)) = page.next else { return Ok((versions, prefixes)) };
        same("a page that is followed is full", &entries, &limit)?;
        (request.after, request.after_version) = (Some(after), after_version);
    }
}
