//! Tags.

use super::check::{Outcome, refused, same, same_bytes};
use super::store::{Store, at_version, key};
use crate::{BackendErrorKind, CopyOptions, PutOptions, Tags, UploadOptions, VersionId};

fn tags(pairs: &[(&str, &str)]) -> Tags {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// Tags are kept in their order; setting them changes nothing else.
pub(super) async fn kept_and_replaced(store: Store) -> Outcome {
    let first = tags(&[("z", "1"), ("a", ""), ("näme", "vålue +-=._:/@")]);
    store.put_with("k", "x", PutOptions { tags: first.clone(), ..PutOptions::default() }).await?;
    let before = store.head("k").await?;
    same("as put", &before.tags, &first)?;

    let second = tags(&[("b", "2")]);
    store.backend().set_tags(&key("k")?, None, second.clone()).await?;
    let after = store.head("k").await?;
    same("as set", &after.tags, &second)?;
    same("nothing else", &crate::ObjectMeta { tags: first, ..after }, &before)?;
    same_bytes("nor the bytes", &store.read("k").await?.bytes, b"x")?;

    let version = before.version.clone();
    store.backend().set_tags(&key("k")?, Some(&version), Tags::new()).await?;
    same("by version", &store.read_with("k", &at_version(&version)).await?.meta.tags, &Tags::new())?;
    store.backend().set_tags(&key("k")?, None, second).await?;
    store.put("k", "y").await?;
    same("a write without tags", &store.head("k").await?.tags, &Tags::new())
}

/// What is not there has no tags.
pub(super) async fn of_missing_objects(store: Store) -> Outcome {
    let backend = store.backend();
    let unknown = VersionId("no-such-version".into());
    refused("a key", backend.set_tags(&key("k")?, None, Tags::new()).await, BackendErrorKind::NotFound)?;
    store.put("k", "x").await?;
    let told = backend.set_tags(&key("k")?, Some(&unknown), tags(&[("a", "b")])).await;
    refused("a version", told, BackendErrorKind::NotFound)?;
    same("untouched", &store.head("k").await?.tags, &Tags::new())
}

/// Tags come along with copies and uploads, unless others are given.
pub(super) async fn of_copies_and_uploads(store: Store) -> Outcome {
    let own = tags(&[("a", "1"), ("b", "2")]);
    store.put_with("k", "x", PutOptions { tags: own.clone(), ..PutOptions::default() }).await?;
    store.backend().copy(&key("k")?, &key("same")?, CopyOptions::default()).await?;
    same("copied", &store.head("same").await?.tags, &own)?;
    for other in [tags(&[("c", "3")]), Tags::new()] {
        let options = CopyOptions { tags: Some(other.clone()), ..CopyOptions::default() };
        store.backend().copy(&key("k")?, &key("other")?, options).await?;
        same("replaced", &store.head("other").await?.tags, &other)?;
    }
    let options = UploadOptions { tags: own.clone(), ..UploadOptions::default() };
    store.put_in_parts("parts", options, &["x".into()]).await?;
    same("of an upload", &store.head("parts").await?.tags, &own)
}
