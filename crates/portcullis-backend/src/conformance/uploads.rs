//! Multipart uploads until they are completed: beginning, parts, listings, giving up.

use portcullis_domain::KeyId;

use super::check::{Outcome, Pages, holds, refused, same, some};
use super::store::{Store, data, key, md5_hex, name, prefix};
use crate::{
    BackendErrorKind, DigestAlgorithm, ListPosition, Part, PutOptions, UploadId, UploadMeta, UploadOptions,
    UploadsRequest,
};

/// An upload is known under its key until it is over.
pub(super) async fn beginning_and_giving_up(store: Store) -> Outcome {
    let (at, backend) = (key("k")?, store.backend());
    let options = UploadOptions {
        checksum: Some((DigestAlgorithm::Crc32c, true)),
        owner: Some(KeyId::from_u128(7)),
        ..UploadOptions::default()
    };
    let upload = backend.create_upload(&at, options).await?;
    holds("a name is 1 to 1024 characters", (1..=1024).contains(&upload.0.len()))?;
    let UploadMeta { owner, checksum, .. } = backend.upload(&at, &upload).await?;
    same("owner", &owner, &Some(KeyId::from_u128(7)))?;
    same("checksum", &checksum, &Some((DigestAlgorithm::Crc32c, true)))?;
    let other = store.begin("k").await?;
    holds("names differ", other != upload)?;
    store.part("k", &upload, 1, data(9000, 1)).await?;
    refused("nothing is visible", store.head("k").await, BackendErrorKind::NotFound)?;
    same("nor listed", &store.keys().await?.len(), &0)?;

    backend.abort_upload(&at, &upload).await?;
    unknown(&store, "k", &upload).await?;
    same("the other goes on", &backend.upload(&at, &other).await?.owner, &None)?;
    backend.abort_upload(&at, &other).await?;
    Ok(())
}

/// No call knows this upload of this key.
pub(super) async fn unknown(store: &Store, at: &str, upload: &UploadId) -> Outcome {
    let (backend, none) = (store.backend(), BackendErrorKind::NoSuchUpload);
    let at_key = key(at)?;
    refused("upload", backend.upload(&at_key, upload).await, none)?;
    refused("upload part", store.part(at, upload, 1, "x").await, none)?;
    refused("list parts", backend.list_parts(&at_key, upload, 0, 10).await, none)?;
    refused("abort", backend.abort_upload(&at_key, upload).await, none)?;
    let page = backend.list_uploads(&UploadsRequest { limit: 1000, ..UploadsRequest::default() }).await?;
    holds("not listed", !page.uploads.iter().any(|listed| listed.upload == *upload && listed.key == at_key))
}

/// Uploads that never were, and uploads under another key, do not exist.
pub(super) async fn wrong_names(store: Store) -> Outcome {
    for never in ["", "x", "../../etc/passwd", "'; drop table uploads; --", &"9".repeat(300)] {
        unknown(&store, "k", &UploadId(never.into())).await?;
    }
    let upload = store.begin("k").await?;
    let part = name(&store.part("k", &upload, 1, "x").await?);
    for other in ["other", "k/", "K"] {
        unknown(&store, other, &upload).await?;
        let told = store.complete(other, &upload, std::slice::from_ref(&part)).await;
        refused("complete", told, BackendErrorKind::NoSuchUpload)?;
    }
    let told = store.backend().list_parts(&key("k")?, &upload, 0, 10).await?;
    same("the upload is whole", &told.parts.len(), &1)
}

/// Parts are listed by number, as they were stored last, a page at a time.
pub(super) async fn parts(store: Store) -> Outcome {
    let at = key("k")?;
    let upload = store.begin("k").await?;
    let mut stored: Vec<Part> = Vec::new();
    for number in [10_000, 3, 500, 1, 77] {
        let bytes = data(usize::from(number % 90), u64::from(number));
        let part = store.part("k", &upload, number, bytes.clone()).await?;
        same("number", &part.number, &number)?;
        same("size", &part.size, &u64::from(number % 90))?;
        same("ETag", &part.etag.to_string(), &md5_hex(&bytes))?;
        stored.push(part);
    }
    let again = store.part("k", &upload, 77, data(20_000, 9)).await?;
    stored.retain(|part| part.number != 77);
    stored.push(again);
    stored.sort_by_key(|part| part.number);

    for limit in [1, 2, 4, 5, 1000] {
        let (mut told, mut after, mut pages) = (Vec::new(), 0, Pages::default());
        loop {
            pages.turn()?;
            let page = store.backend().list_parts(&at, &upload, after, limit).await?;
            holds("a page holds at most its limit", page.parts.len() <= limit)?;
            told.extend(page.parts);
            if !page.more {
                break;
            }
            after = some("a page that is followed has parts", told.last())?.number;
        }
        same(format!("pages of {limit}"), &told, &stored)?;
    }
    let after = store.backend().list_parts(&at, &upload, 10_000, 10).await?;
    holds("after the last", after.parts.is_empty() && !after.more)?;
    let none = store.backend().list_parts(&at, &upload, 0, 0).await?;
    holds("no entries", none.parts.is_empty() && !none.more)?;
    for number in [0, 10_001, u16::MAX] {
        let told = store.part("k", &upload, number, "x").await;
        refused(format!("part {number}"), told, BackendErrorKind::InvalidPart)?;
    }
    Ok(())
}

type Told = Vec<(String, UploadId)>;

async fn walk(store: &Store, mut request: UploadsRequest) -> Outcome<(Told, Vec<String>)> {
    let (mut uploads, mut prefixes) = (Told::new(), Vec::new());
    let mut pages = Pages::default();
    loop {
        pages.turn()?;
        let page = store.backend().list_uploads(&request).await?;
        let entries = page.uploads.len() + page.prefixes.len();
        holds("a page holds at most its limit", entries <= request.limit)?;
        uploads
            .extend(page.uploads.into_iter().map(|listed| (listed.key.as_str().to_owned(), listed.upload)));
        prefixes.extend(page.prefixes);
        if page.next.is_none() {
            return Ok((uploads, prefixes));
        }
        same("a page that is followed is full", &entries, &request.limit)?;
        request.after = page.next;
    }
}

/// Uploads are listed by key and then by age, all of them or those of one owner.
pub(super) async fn listing(store: Store) -> Outcome {
    let owner = |number| Some(KeyId::from_u128(number));
    let mut begun: Vec<(String, UploadId, Option<KeyId>)> = Vec::new();
    for (at, owner) in [
        ("c", owner(1)),
        ("a", owner(1)),
        ("b/2", None),
        ("a", owner(2)),
        ("b/1", owner(2)),
        ("a", owner(1)),
        ("b/1", owner(1)),
    ] {
        let options = UploadOptions { owner, ..UploadOptions::default() };
        begun.push((at.to_owned(), store.backend().create_upload(&key(at)?, options).await?, owner));
    }
    store.put_with("a", "an object is no upload", PutOptions::default()).await?;
    begun.sort_by(|left, right| left.0.cmp(&right.0));
    let all = |keep: &dyn Fn(&str, Option<KeyId>) -> bool| -> Told {
        begun.iter().filter(|b| keep(&b.0, b.2)).map(|b| (b.0.clone(), b.1.clone())).collect()
    };
    for limit in [1, 2, 3, 7, 1000] {
        let request = || UploadsRequest { limit, ..UploadsRequest::default() };
        same("all", &walk(&store, request()).await?, &(all(&|_, _| true), vec![]))?;
        for number in [1, 2, 3] {
            let of_one = UploadsRequest { owner: owner(number), ..request() };
            let expected = all(&|_, by| by == owner(number));
            same("of one owner", &walk(&store, of_one).await?, &(expected, vec![]))?;
        }
        let under = UploadsRequest { prefix: prefix("b/")?, delimiter: Some("/".into()), ..request() };
        same("under a prefix", &walk(&store, under).await?, &(all(&|at, _| at.starts_with("b/")), vec![]))?;
        let rolled = UploadsRequest { delimiter: Some("/".into()), ..request() };
        let flat = all(&|at, _| !at.starts_with("b/"));
        same("rolled up", &walk(&store, rolled).await?, &(flat, vec!["b/".to_owned()]))?;
        let after = UploadsRequest { after: Some((ListPosition::AfterKey("a".into()), None)), ..request() };
        same("after a key", &walk(&store, after).await?, &(all(&|at, _| at != "a"), vec![]))?;
    }
    let none = store.backend().list_uploads(&UploadsRequest::default()).await?;
    holds("no entries", none.uploads.is_empty() && none.prefixes.is_empty() && none.next.is_none())
}
