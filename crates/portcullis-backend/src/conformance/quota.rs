//! Quotas: what would pass them is refused, and nothing of it stays.

use bytes::Bytes;
use portcullis_domain::{Overwrite, Usage};

use super::check::{Outcome, refused, same, same_bytes};
use super::store::{Store, data, key, name, pieces};
use super::versions::rule;
use crate::{BackendErrorKind, Body, CopyOptions, DeleteOptions, PartOptions, PutOptions};

/// What does not fit.
const PASSED: BackendErrorKind = BackendErrorKind::QuotaExceeded;

fn within(quota: u64) -> PutOptions {
    PutOptions { quota: Some(quota), ..PutOptions::default() }
}

/// A storage may be filled to the last byte and no further.
pub(super) async fn of_objects(store: Store) -> Outcome {
    store.put_with("a", data(60, 1), within(100)).await?;
    refused("one too many", store.put_with("b", data(41, 2), within(100)).await, PASSED)?;
    refused("nothing stored", store.head("b").await, BackendErrorKind::NotFound)?;
    store.put_with("b", data(40, 2), within(100)).await?;
    refused("full", store.put_with("c", "x", within(100)).await, PASSED)?;
    store.put_with("c", "", within(100)).await?;

    store.put_with("a", data(60, 3), within(100)).await?;
    same_bytes("as large as what it replaces", &store.read("a").await?.bytes, &data(60, 3))?;
    refused("larger", store.put_with("a", data(61, 4), within(100)).await, PASSED)?;
    same_bytes("unchanged", &store.read("a").await?.bytes, &data(60, 3))?;
    store.put_with("a", data(10, 5), within(100)).await?;
    store.put_with("d", data(50, 6), within(100)).await?;
    let expected = Usage { bytes: 100, files: 4, ..Usage::default() };
    same("full again", &store.usage().await?, &expected)?;
    store.delete("d").await?;
    store.put_with("e", data(50, 7), within(100)).await?;
    refused("another quota", store.put_with("f", "x", within(50)).await, PASSED)?;
    store.put_with("f", "x", PutOptions::default()).await?;
    same("no quota", &store.usage().await?.bytes, &101)
}

/// A body of unknown length is refused when it passes the quota.
pub(super) async fn of_streams(store: Store) -> Outcome {
    store.put("old", data(1000, 1)).await?;
    let before = store.usage().await?;
    for at in ["old", "new"] {
        let sent: Vec<_> = (0..64).map(|seed| Ok(data(64 << 10, seed))).collect();
        let told = store.backend().put(&key(at)?, pieces(sent), within(1 << 20)).await;
        refused(at, told, PASSED)?;
    }
    same("usage", &store.usage().await?, &before)?;
    same_bytes("what was there", &store.read("old").await?.bytes, &data(1000, 1))
}

/// Copies count in full.
pub(super) async fn of_copies(store: Store) -> Outcome {
    store.put("a", data(50_000, 1)).await?;
    let within = |quota| CopyOptions { quota: Some(quota), ..CopyOptions::default() };
    let (from, to) = (key("a")?, key("b")?);
    refused("too large", store.backend().copy(&from, &to, within(99_999)).await, PASSED)?;
    refused("nothing stored", store.head("b").await, BackendErrorKind::NotFound)?;
    store.backend().copy(&from, &to, within(100_000)).await?;
    store.backend().copy(&from, &to, within(100_000)).await?;
    store.backend().copy(&from, &from, within(100_000)).await?;
    same("usage", &store.usage().await?.bytes, &100_000)
}

/// Previous versions count.
pub(super) async fn of_versions(store: Store) -> Outcome {
    let keep = |overwrite, quota| PutOptions { quota: Some(quota), ..rule(overwrite) };
    store.put("k", data(50, 1)).await?;
    for overwrite in [Overwrite::KeepPrevious, Overwrite::CreateOnly] {
        let told = store.put_with("k", data(51, 2), keep(overwrite, 100)).await;
        refused(format!("{overwrite:?}"), told, PASSED)?;
    }
    let kept = store.put_with("k", data(50, 2), keep(Overwrite::KeepPrevious, 100)).await?;
    refused("beside", store.put_with("k", "x", keep(Overwrite::CreateOnly, 100)).await, PASSED)?;
    store.put_with("k", data(50, 3), within(100)).await?;
    store
        .backend()
        .delete(&key("k")?, &DeleteOptions { keep_previous: true, ..DeleteOptions::default() })
        .await?;
    refused("a kept delete frees nothing", store.put_with("j", "x", within(100)).await, PASSED)?;
    let usage = store.usage().await?;
    same("usage", &(usage.bytes, usage.version_bytes, kept.size), &(0, 100, 50))
}

/// Parts count from the moment they are stored; completing asks for nothing more.
pub(super) async fn of_uploads(store: Store) -> Outcome {
    let at = key("k")?;
    let upload = store.begin("k").await?;
    let part = async |number, bytes: Bytes| {
        let options = PartOptions { quota: Some(100), ..PartOptions::default() };
        store.backend().upload_part(&at, &upload, number, Body::Full(bytes), options).await
    };
    store.put_with("a", data(40, 1), within(100)).await?;
    part(1, data(60, 2)).await?;
    refused("one too many", part(2, "x".into()).await, PASSED)?;
    refused("an object beside it", store.put_with("b", "x", within(100)).await, PASSED)?;
    refused("a larger one in its place", part(1, data(61, 3)).await, PASSED)?;
    let named = name(&part(1, data(60, 4)).await?);
    same("usage", &store.usage().await?.upload_bytes, &60)?;
    store.complete("k", &upload, &[named]).await?;
    same_bytes("completed", &store.read("k").await?.bytes, &data(60, 4))?;
    same("usage", &store.usage().await?.bytes, &100)?;

    let upload = store.begin("k").await?;
    let options = PartOptions { quota: Some(200), ..PartOptions::default() };
    store.backend().upload_part(&at, &upload, 1, Body::Full(data(100, 5)), options).await?;
    refused("full", store.put_with("b", "x", within(200)).await, PASSED)?;
    store.backend().abort_upload(&at, &upload).await?;
    store.put_with("b", data(100, 6), within(200)).await?;
    Ok(())
}
