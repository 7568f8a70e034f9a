//! Storing, reading and removing single objects.

use bytes::Bytes;

use super::check::{Outcome, holds, refused, same, same_bytes};
use super::model::odd_keys;
use super::store::{Store, at_version, collect, data, key, md5_hex};
use crate::{
    BackendErrorKind, ContentHeaders, DeleteOptions, GetOptions, GetOutcome, ListPosition, PutOptions,
    VersionId,
};

/// Sizes around which drivers change how they store: nothing, a little, a block, more than fits a buffer.
pub(super) const SIZES: &[usize] = &[0, 1, 255, 4096, 8191, 8192, 8193, 16_384, 65_537, (1 << 20) + 3];

/// What was stored comes back, with an MD5 as its ETag.
pub(super) async fn round_trip(store: Store) -> Outcome {
    for (seed, size) in (1u64..).zip(SIZES) {
        let bytes = data(*size, seed);
        let at = format!("size-{size}");
        let told = store.put(&at, bytes.clone()).await?;
        same("size", &told.size, &u64::try_from(*size).unwrap_or(0))?;
        same("ETag", &told.etag.to_string(), &md5_hex(&bytes))?;
        same("checksum", &told.checksum, &None)?;
        let named = told.version.0.as_ref();
        holds("a version is 1 to 64 characters", (1..=64).contains(&named.len()))?;
        holds("a version is never null", named != "null")?;

        let got = store.read(&at).await?;
        same_bytes(&at, &got.bytes, &bytes)?;
        same("range", &got.range, &None)?;
        let meta = got.meta;
        same("size read", &meta.size, &told.size)?;
        same("ETag read", &meta.etag, &told.etag)?;
        same("version read", &meta.version, &told.version)?;
        same("time read", &meta.modified, &told.modified)?;
        same("headers", &meta.content, &ContentHeaders::default())?;
        holds(
            "no tags, parts or checksum",
            meta.tags.is_empty() && meta.parts.is_empty() && meta.checksum.is_none(),
        )?;
        same("head", &store.head(&at).await?, &meta)?;
        let by_version = store.read_with(&at, &at_version(&told.version)).await?;
        same("by its version", &by_version.meta, &meta)?;
    }
    Ok(())
}

/// Headers and user metadata come back as they were given.
pub(super) async fn content_headers(store: Store) -> Outcome {
    let content = ContentHeaders {
        content_type: Some("text/plain; charset=utf-8".into()),
        content_encoding: Some("gzip".into()),
        content_disposition: Some("attachment; filename=\"ü.txt\"".into()),
        content_language: Some("de, en".into()),
        cache_control: Some("no-cache".into()),
        expires: Some("not even a date".into()),
        user: vec![
            ("z-first".into(), "1".into()),
            ("a-second".into(), " kept  as it is ".into()),
            ("empty".into(), String::new()),
            ("name".into(), "Łódź \u{1f600}".into()),
        ],
    };
    let options = PutOptions { content: content.clone(), ..PutOptions::default() };
    store.put_with("k", "x", options).await?;
    same("get", &store.read("k").await?.meta.content, &content)?;
    same("head", &store.head("k").await?.content, &content)?;
    store.put("k", "y").await?;
    same("after a write without", &store.head("k").await?.content, &ContentHeaders::default())
}

/// A write replaces all of what was there.
pub(super) async fn replacing(store: Store) -> Outcome {
    let mut before: Option<VersionId> = None;
    for (seed, size) in (1u64..).zip(SIZES.iter().rev().chain(SIZES)) {
        let bytes = data(*size, seed);
        let told = store.put("k", bytes.clone()).await?;
        same_bytes("the new bytes", &store.read("k").await?.bytes, &bytes)?;
        if let Some(before) = before.replace(told.version.clone()) {
            holds("every write has a version of its own", before != told.version)?;
            let old = store.read_with("k", &at_version(&before)).await;
            refused("the replaced version", old, BackendErrorKind::NotFound)?;
        }
    }
    same("one key", &store.keys().await?, &vec!["k".to_owned()])
}

/// What is not there is not found.
pub(super) async fn missing(store: Store) -> Outcome {
    let unknown = VersionId("no-such-version".into());
    refused("get", store.read("k").await, BackendErrorKind::NotFound)?;
    refused("head", store.head("k").await, BackendErrorKind::NotFound)?;
    refused("a version", store.read_with("k", &at_version(&unknown)).await, BackendErrorKind::NotFound)?;
    same("delete", &store.delete("k").await?.existed, &false)?;
    let one = DeleteOptions { version: Some(unknown.clone()), ..DeleteOptions::default() };
    refused(
        "delete of a version",
        store.backend().delete(&key("k")?, &one).await,
        BackendErrorKind::NotFound,
    )?;

    store.put("k", "x").await?;
    refused(
        "another version",
        store.read_with("k", &at_version(&unknown)).await,
        BackendErrorKind::NotFound,
    )?;
    refused("its version", store.backend().delete(&key("k")?, &one).await, BackendErrorKind::NotFound)?;
    refused("a key that begins so", store.read("k/").await, BackendErrorKind::NotFound)?;
    refused("a longer key", store.read("kk").await, BackendErrorKind::NotFound)
}

/// A deleted object is gone, and only it.
pub(super) async fn deleting(store: Store) -> Outcome {
    for at in ["a", "a/", "a/b", "b"] {
        store.put(at, data(9000, 1)).await?;
    }
    same("the first time", &store.delete("a/").await?.existed, &true)?;
    same("the second time", &store.delete("a/").await?.existed, &false)?;
    refused("get", store.read("a/").await, BackendErrorKind::NotFound)?;
    same("the others", &store.keys().await?, &["a", "a/b", "b"].map(str::to_owned).to_vec())?;
    store.put("a/", "again").await?;
    same_bytes("written again", &store.read("a/").await?.bytes, b"again")
}

/// No key is changed, and none is taken for another.
pub(super) async fn odd_keys_are_literal(store: Store) -> Outcome {
    let mut keys = odd_keys();
    for at in &keys {
        store.put(at, at.clone()).await?;
    }
    for at in &keys {
        same_bytes(format!("{at:?}"), &store.read(at).await?.bytes, at.as_bytes())?;
    }
    keys.sort();
    same("all keys", &store.keys().await?, &keys)?;
    for (gone, at) in (1usize..).zip(&keys) {
        same(format!("deleting {at:?}"), &store.delete(at).await?.existed, &true)?;
        same("what is left", &store.keys().await?.len(), &(keys.len() - gone))?;
    }
    Ok(())
}

/// A body that is being read does not change, whatever happens to the object.
pub(super) async fn a_body_belongs_to_its_metadata(store: Store) -> Outcome {
    let bytes = data(3 << 20, 7);
    for what in ["replaced", "deleted"] {
        let told = store.put("k", bytes.clone()).await?;
        let GetOutcome::Found(object) = store.backend().get(&key("k")?, &GetOptions::default()).await? else {
            return holds("an unconditional read finds", false);
        };
        match what {
            "replaced" => drop(store.put("k", data(3 << 20, 8)).await?),
            _ => drop(store.delete("k").await?),
        }
        same("ETag", &object.meta.etag, &told.etag)?;
        same_bytes(format!("a body that was {what}"), &collect(object.body).await?, &bytes)?;
    }
    Ok(())
}

/// A listing tells of an object what a read tells.
pub(super) async fn listed_as_stored(store: Store) -> Outcome {
    for at in ["a", "b"] {
        store.put(at, Bytes::from_static(b"some")).await?;
    }
    store.put("b", data(20_000, 1)).await?;
    let page = store.list("", None, Some(ListPosition::AfterKey("a".into())), 10).await?;
    let meta = store.head("b").await?;
    let listed: Vec<_> =
        page.objects.iter().map(|o| (o.size, o.modified, o.etag.clone(), o.checksum)).collect();
    same("the listed object", &listed, &vec![(meta.size, meta.modified, meta.etag, None)])
}
