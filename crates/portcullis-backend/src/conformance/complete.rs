//! Completing multipart uploads.

use bytes::Bytes;

use super::check::{Outcome, body_refused, holds, refused, same, same_bytes};
use super::store::{MIN_PART, Store, data, digest, key, md5_hex, name};
use super::uploads::unknown;
use crate::{
    BackendErrorKind, BodyFault, CompleteOptions, CompletedPart, ContentHeaders, DigestAlgorithm, PutOptions,
    UploadOptions, WriteConditions,
};

/// The entity tag of an object that came in these parts.
fn etag_of(parts: &[&Bytes]) -> String {
    let md5s: Vec<u8> = parts.iter().flat_map(|part| digest(DigestAlgorithm::Md5, part).value).collect();
    format!("{}-{}", md5_hex(&md5s), parts.len())
}

/// Parts in any order of arrival, with gaps in their numbers, make one object; parts not named are dropped.
pub(super) async fn making_an_object(store: Store) -> Outcome {
    let content = ContentHeaders { content_type: Some("text/x".into()), ..ContentHeaders::default() };
    let options = UploadOptions { content: content.clone(), ..UploadOptions::default() };
    let upload = store.backend().create_upload(&key("k")?, options).await?;
    let (first, second, last) = (data(MIN_PART, 1), data(MIN_PART + 1, 2), data(10, 3));
    let named_last = store.part("k", &upload, 9000, last.clone()).await?;
    store.part("k", &upload, 7, "replaced by another").await?;
    let named_first = store.part("k", &upload, 2, first.clone()).await?;
    store.part("k", &upload, 5, "never named").await?;
    let named_second = store.part("k", &upload, 7, second.clone()).await?;
    let named = [name(&named_first), name(&named_second), name(&named_last)];

    let told = store.complete("k", &upload, &named).await?;
    let got = store.read("k").await?;
    same_bytes("bytes", &got.bytes, &[first.clone(), second.clone(), last.clone()].concat())?;
    same("ETag", &told.etag.to_string(), &etag_of(&[&first, &second, &last]))?;
    same("size", &told.size, &got.meta.size)?;
    same("ETag read", &got.meta.etag, &told.etag)?;
    same("version", &got.meta.version, &told.version)?;
    same("time", &got.meta.modified, &told.modified)?;
    same("headers", &got.meta.content, &content)?;
    same("parts", &got.meta.parts, &vec![named_first, named_second, named_last])?;
    same("a head says the same", &store.head("k").await?, &got.meta)?;
    unknown(&store, "k", &upload).await
}

/// One part is enough, even an empty one.
pub(super) async fn a_single_part(store: Store) -> Outcome {
    for (at, bytes) in [("empty", Bytes::new()), ("small", data(3, 1)), ("large", data(70_000, 2))] {
        let told = store.put_in_parts(at, UploadOptions::default(), std::slice::from_ref(&bytes)).await?;
        same("ETag", &told.etag.to_string(), &etag_of(&[&bytes]))?;
        let got = store.read(at).await?;
        same_bytes(at, &got.bytes, &bytes)?;
        same("parts", &got.meta.parts.len(), &1)?;
    }
    Ok(())
}

/// What does not fit together is refused, and the upload stays as it was.
pub(super) async fn refusals(store: Store) -> Outcome {
    let before = store.put("k", "what was there").await?;
    let upload = store.begin("k").await?;
    let first = name(&store.part("k", &upload, 1, data(MIN_PART, 1)).await?);
    let second = name(&store.part("k", &upload, 2, data(MIN_PART - 1, 2)).await?);
    let third = name(&store.part("k", &upload, 3, "end").await?);
    let missing = CompletedPart { number: 4, ..third.clone() };
    let wrong = CompletedPart { number: 1, ..third.clone() };
    let sha = digest(DigestAlgorithm::Sha256, b"end");
    let with_checksum = CompletedPart { checksum: Some(sha), ..third.clone() };
    for (what, parts, expected) in [
        ("no parts", vec![], BackendErrorKind::InvalidPart),
        ("a part that was not uploaded", vec![first.clone(), missing], BackendErrorKind::InvalidPart),
        ("a part with another ETag", vec![wrong], BackendErrorKind::InvalidPart),
        ("a checksum that was not kept", vec![with_checksum], BackendErrorKind::InvalidPart),
        ("descending", vec![third.clone(), first.clone()], BackendErrorKind::InvalidPartOrder),
        ("twice the same", vec![first.clone(), first.clone()], BackendErrorKind::InvalidPartOrder),
        (
            "a small part in the middle",
            vec![first.clone(), second, third.clone()],
            BackendErrorKind::PartTooSmall,
        ),
    ] {
        refused(what, store.complete("k", &upload, &parts).await, expected)?;
    }
    let size = u64::try_from(MIN_PART + 3).unwrap_or(0);
    let parts = [first, third];
    for (told, fault) in [(size + 1, BodyFault::Incomplete), (size - 1, BodyFault::TooLong)] {
        let options = CompleteOptions { size: Some(told), ..CompleteOptions::default() };
        let result = store.backend().complete_upload(&key("k")?, &upload, &parts, options).await;
        body_refused("another size", result, fault)?;
    }
    same("what was there", &store.head("k").await?.version, &before.version)?;
    let listed = store.backend().list_parts(&key("k")?, &upload, 0, 10).await?;
    same("the upload is whole", &listed.parts.len(), &3)?;
    let options = CompleteOptions { size: Some(size), ..CompleteOptions::default() };
    let told = store.backend().complete_upload(&key("k")?, &upload, &parts, options).await?;
    same("in the end", &store.head("k").await?.etag, &told.etag)
}

/// Completing again gives the same answer again, whatever happened since, and does nothing.
pub(super) async fn again(store: Store) -> Outcome {
    let upload = store.begin("k").await?;
    let part = name(&store.part("k", &upload, 1, data(20_000, 1)).await?);
    let parts = [part.clone()];
    let told = store.complete("k", &upload, &parts).await?;
    same("at once", &store.complete("k", &upload, &parts).await?, &told)?;

    let other = [CompletedPart { number: 2, ..part }];
    refused("with other parts", store.complete("k", &upload, &other).await, BackendErrorKind::NoSuchUpload)?;
    refused("under another key", store.complete("j", &upload, &parts).await, BackendErrorKind::NoSuchUpload)?;

    let newer = store.put("k", "newer").await?;
    same("after another write", &store.complete("k", &upload, &parts).await?, &told)?;
    same("which stays", &store.head("k").await?.version, &newer.version)?;
    store.delete("k").await?;
    same("after a delete", &store.complete("k", &upload, &parts).await?, &told)?;
    refused("which holds", store.head("k").await, BackendErrorKind::NotFound)?;
    unknown(&store, "k", &upload).await?;

    let aborted = store.begin("k").await?;
    let parts = [name(&store.part("k", &aborted, 1, "x").await?)];
    store.backend().abort_upload(&key("k")?, &aborted).await?;
    refused("after giving up", store.complete("k", &aborted, &parts).await, BackendErrorKind::NoSuchUpload)
}

/// Conditions hold at the moment of completion; a repeated request does not look at them.
pub(super) async fn conditions(store: Store) -> Outcome {
    let absent = || CompleteOptions {
        conditions: WriteConditions { if_absent: true, if_match: None },
        ..CompleteOptions::default()
    };
    let over = |etag: &str| CompleteOptions {
        conditions: WriteConditions {
            if_absent: false,
            if_match: Some(crate::EtagCondition::OneOf(vec![etag.to_owned()])),
        },
        ..CompleteOptions::default()
    };
    let (at, backend) = (key("k")?, store.backend());
    let upload = store.begin("k").await?;
    let parts = [name(&store.part("k", &upload, 1, "parts").await?)];
    let missing = backend.complete_upload(&at, &upload, &parts, over("any")).await;
    refused("If-Match on a missing key", missing, BackendErrorKind::NotFound)?;
    let there = store.put_with("k", "there", PutOptions::default()).await?;
    let taken = backend.complete_upload(&at, &upload, &parts, absent()).await;
    refused("If-None-Match on one that is there", taken, BackendErrorKind::PreconditionFailed)?;
    let wrong = backend.complete_upload(&at, &upload, &parts, over("another")).await;
    refused("If-Match with another", wrong, BackendErrorKind::PreconditionFailed)?;
    same("unchanged", &store.head("k").await?.version, &there.version)?;
    backend.complete_upload(&at, &upload, &parts, over(&there.etag.to_string())).await?;
    same_bytes("in the end", &store.read("k").await?.bytes, b"parts")?;

    store.delete("k").await?;
    let upload = store.begin("k").await?;
    let parts = [name(&store.part("k", &upload, 1, "new").await?)];
    let told = backend.complete_upload(&at, &upload, &parts, absent()).await?;
    let again = backend.complete_upload(&at, &upload, &parts, absent()).await?;
    same("a repeated request", &again, &told)
}

/// Uploads of one key do not touch each other, nor the object until one is completed.
pub(super) async fn side_by_side(store: Store) -> Outcome {
    let (one, two) = (store.begin("k").await?, store.begin("k").await?);
    let of_one = name(&store.part("k", &one, 1, "one").await?);
    let of_two = name(&store.part("k", &two, 1, "two").await?);
    refused(
        "parts of another",
        store.complete("k", &one, std::slice::from_ref(&of_two)).await,
        BackendErrorKind::InvalidPart,
    )?;
    store.complete("k", &two, &[of_two]).await?;
    same_bytes("the second", &store.read("k").await?.bytes, b"two")?;
    let told = store.complete("k", &one, &[of_one]).await?;
    same_bytes("then the first", &store.read("k").await?.bytes, b"one")?;
    holds("is what is there", store.head("k").await?.version == told.version)
}
