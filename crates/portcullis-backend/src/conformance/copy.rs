//! Copies inside a storage (S3 reference, `CopyObject`).

use std::time::Duration;

use super::check::{Outcome, holds, refused, same, same_bytes};
use super::store::{MIN_PART, Store, data, key, md5_hex};
use crate::{
    BackendErrorKind, ContentHeaders, CopyOptions, EtagCondition, MetadataDirective, PutOptions,
    ReadConditions, UploadOptions, WriteConditions,
};

fn typed(content_type: &str) -> ContentHeaders {
    ContentHeaders {
        content_type: Some(content_type.to_owned()),
        user: vec![("of".to_owned(), content_type.to_owned())],
        ..ContentHeaders::default()
    }
}

/// A copy has the bytes, and the headers of its source or those that are given.
pub(super) async fn bytes_and_headers(store: Store) -> Outcome {
    for (size, at) in [(0, "empty"), (10, "small"), (100_000, "large")] {
        let bytes = data(size, 1);
        let options = PutOptions { content: typed("text/source"), ..PutOptions::default() };
        let source = store.put_with(at, bytes.clone(), options).await?;
        let told = store.backend().copy(&key(at)?, &key("copy")?, CopyOptions::default()).await?;
        same("size", &told.size, &source.size)?;
        same("ETag", &told.etag, &source.etag)?;
        holds("a version of its own", told.version != source.version)?;
        let got = store.read("copy").await?;
        same_bytes(at, &got.bytes, &bytes)?;
        same("headers", &got.meta.content, &typed("text/source"))?;
        same("version", &got.meta.version, &told.version)?;
        same("time", &got.meta.modified, &told.modified)?;

        let metadata = MetadataDirective::Replace(Box::new(typed("text/copy")));
        let options = CopyOptions { metadata, ..CopyOptions::default() };
        store.backend().copy(&key(at)?, &key("copy")?, options).await?;
        same("given headers", &store.head("copy").await?.content, &typed("text/copy"))?;
        same("the source's", &store.head(at).await?.content, &typed("text/source"))?;
    }
    Ok(())
}

/// The copy and its source live apart.
pub(super) async fn independent(store: Store) -> Outcome {
    for size in [10, 100_000] {
        let bytes = data(size, 2);
        store.put("a", bytes.clone()).await?;
        store.backend().copy(&key("a")?, &key("b")?, CopyOptions::default()).await?;
        store.backend().copy(&key("b")?, &key("c")?, CopyOptions::default()).await?;
        store.delete("a").await?;
        store.put("b", "replaced").await?;
        same_bytes("the copy of the copy", &store.read("c").await?.bytes, &bytes)?;
        store.delete("c").await?;
        refused("gone", store.read("c").await, BackendErrorKind::NotFound)?;
    }
    Ok(())
}

/// An object copied onto itself is the same with other headers.
pub(super) async fn onto_itself(store: Store) -> Outcome {
    for size in [10, 100_000] {
        let bytes = data(size, 3);
        let before = store.put_with("k", bytes.clone(), PutOptions::default()).await?;
        let metadata = MetadataDirective::Replace(Box::new(typed("text/new")));
        let options = CopyOptions { metadata, ..CopyOptions::default() };
        let told = store.backend().copy(&key("k")?, &key("k")?, options).await?;
        holds("a version of its own", told.version != before.version)?;
        same("ETag", &told.etag, &before.etag)?;
        let got = store.read("k").await?;
        same_bytes("bytes", &got.bytes, &bytes)?;
        same("headers", &got.meta.content, &typed("text/new"))?;
        same("usage", &store.usage().await?.bytes, &told.size)?;
    }
    Ok(())
}

/// Conditions of the source all fail the copy, in the order of RFC 9110.
pub(super) async fn conditions_of_the_source(store: Store) -> Outcome {
    let told = store.put("k", "x").await?;
    let tag = |text: &str| Some(EtagCondition::OneOf(vec![text.to_owned()]));
    let (own, other) = (tag(&told.etag.to_string()), tag(&md5_hex(b"other")));
    let before = Some(told.modified.before(Duration::from_secs(1)));
    let none = ReadConditions::default;
    for (what, source, holds) in [
        ("If-Match", ReadConditions { if_match: own.clone(), ..none() }, true),
        ("If-Match with another", ReadConditions { if_match: other.clone(), ..none() }, false),
        ("If-None-Match", ReadConditions { if_none_match: own.clone(), ..none() }, false),
        ("If-None-Match with another", ReadConditions { if_none_match: other, ..none() }, true),
        ("If-Unmodified-Since", ReadConditions { if_unmodified_since: before, ..none() }, false),
        ("If-Modified-Since", ReadConditions { if_modified_since: Some(told.modified), ..none() }, false),
        ("If-Modified-Since before", ReadConditions { if_modified_since: before, ..none() }, true),
        ("both", ReadConditions { if_match: own, if_unmodified_since: before, ..none() }, true),
    ] {
        let options = CopyOptions { source, ..CopyOptions::default() };
        let result = store.backend().copy(&key("k")?, &key("copy")?, options).await;
        if holds {
            result?;
            same(what, &store.delete("copy").await?.existed, &true)?;
        } else {
            refused(what, result, BackendErrorKind::PreconditionFailed)?;
            refused(what, store.head("copy").await, BackendErrorKind::NotFound)?;
        }
    }
    let missing = store.backend().copy(&key("missing")?, &key("copy")?, CopyOptions::default()).await;
    refused("a missing source", missing, BackendErrorKind::NotFound)
}

/// Conditions of the target are those of a write.
pub(super) async fn conditions_of_the_target(store: Store) -> Outcome {
    let (from, to) = (key("k")?, key("copy")?);
    store.put("k", "x").await?;
    let only = |if_absent, if_match| CopyOptions {
        conditions: WriteConditions { if_absent, if_match },
        ..CopyOptions::default()
    };
    let missing = store.backend().copy(&from, &to, only(false, Some(EtagCondition::Any))).await;
    refused("If-Match on a missing key", missing, BackendErrorKind::NotFound)?;
    let first = store.backend().copy(&from, &to, only(true, None)).await?;
    let taken = store.backend().copy(&from, &to, only(true, None)).await;
    refused("If-None-Match", taken, BackendErrorKind::PreconditionFailed)?;
    let wrong = only(false, Some(EtagCondition::OneOf(vec!["another".into()])));
    refused("If-Match", store.backend().copy(&from, &to, wrong).await, BackendErrorKind::PreconditionFailed)?;
    same("unchanged", &store.head("copy").await?.version, &first.version)?;
    let right = only(false, Some(EtagCondition::OneOf(vec![first.etag.to_string()])));
    holds("written", store.backend().copy(&from, &to, right).await?.version != first.version)
}

/// The copy of an object in parts is either all as its source or all as an object in one piece.
pub(super) async fn of_an_object_in_parts(store: Store) -> Outcome {
    let parts = [data(MIN_PART, 1), data(5, 2)];
    let source = store.put_in_parts("k", UploadOptions::default(), &parts).await?;
    let told = store.backend().copy(&key("k")?, &key("copy")?, CopyOptions::default()).await?;
    store.delete("k").await?;
    let got = store.read("copy").await?;
    same_bytes("bytes", &got.bytes, &parts.concat())?;
    same("ETag", &got.meta.etag, &told.etag)?;
    if got.meta.parts.is_empty() {
        same("ETag of one piece", &told.etag.to_string(), &md5_hex(&parts.concat()))
    } else {
        same("ETag of the source", &told.etag, &source.etag)?;
        same("parts", &got.meta.parts.len(), &parts.len())
    }
}
