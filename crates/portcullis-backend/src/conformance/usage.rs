//! Counters: exact after every kind of change.

use portcullis_domain::{Overwrite, Usage};

use super::check::{Outcome, holds, same};
use super::model::{folders, odd_keys};
use super::store::{MIN_PART, Store, data, key, name};
use super::versions::{of_version, rule};
use crate::{CopyOptions, DeleteOptions, MetadataDirective, UploadOptions};

/// Bytes, files and folders, in this order.
async fn counts(store: &Store, what: &str, expected: (u64, u64, u64)) -> Outcome {
    let (bytes, files, folders) = expected;
    let expected = Usage { bytes, files, folders, ..Usage::default() };
    same(what, &store.usage().await?, &expected)
}

/// A change of one key: so many bytes written, or the key deleted.
enum Change {
    Put(usize),
    Delete,
}

/// Objects and the folders that they lie in.
pub(super) async fn of_objects(store: Store) -> Outcome {
    use Change::{Delete, Put};
    counts(&store, "nothing", (0, 0, 0)).await?;
    for (what, at, change, expected) in [
        ("a file in two folders", "a/b/c", Put(3), (3, 1, 2)),
        ("a longer one", "a/b/c", Put(5), (5, 1, 2)),
        ("a much longer one", "a/b/c", Put(100_000), (100_000, 1, 2)),
        ("an empty one", "a/b/c", Put(0), (0, 1, 2)),
        ("beside it", "a/b/d", Put(1), (1, 2, 2)),
        ("a folder's own key lies in it", "a/", Put(0), (1, 3, 2)),
        ("and makes it", "x/", Put(0), (1, 4, 3)),
        ("a key without a folder", "a", Put(1), (2, 5, 3)),
        ("the folder holds another", "a/b/c", Delete, (2, 4, 3)),
        ("the last of a folder", "a/b/d", Delete, (1, 3, 2)),
        ("nothing was there", "missing/key", Delete, (1, 3, 2)),
        ("a folder's own key", "a/", Delete, (1, 2, 1)),
        ("another's", "x/", Delete, (1, 1, 0)),
        ("nothing again", "a", Delete, (0, 0, 0)),
    ] {
        match change {
            Put(size) => drop(store.put(at, data(size, 1)).await?),
            Delete => drop(store.delete(at).await?),
        }
        counts(&store, what, expected).await?;
    }
    Ok(())
}

/// Copies, onto other keys and onto themselves.
pub(super) async fn of_copies(store: Store) -> Outcome {
    store.put("a/b", data(50_000, 1)).await?;
    store.backend().copy(&key("a/b")?, &key("c/d/e")?, CopyOptions::default()).await?;
    counts(&store, "a copy", (100_000, 2, 3)).await?;
    store.put("a/b", "1").await?;
    store.backend().copy(&key("a/b")?, &key("c/d/e")?, CopyOptions::default()).await?;
    counts(&store, "over another", (2, 2, 3)).await?;
    let options =
        CopyOptions { metadata: MetadataDirective::Replace(Box::default()), ..CopyOptions::default() };
    store.backend().copy(&key("a/b")?, &key("a/b")?, options).await?;
    counts(&store, "onto itself", (2, 2, 3)).await
}

/// Folders of keys that look like none.
pub(super) async fn of_odd_folders(store: Store) -> Outcome {
    let keys = odd_keys();
    for at in &keys {
        store.put(at, "x").await?;
    }
    let files = u64::try_from(keys.len()).unwrap_or(0);
    counts(&store, "all", (files, files, folders(keys.iter().map(String::as_str)))).await?;
    let (gone, left) = keys.split_at(keys.len() / 2);
    for at in gone {
        store.delete(at).await?;
    }
    let files = u64::try_from(left.len()).unwrap_or(0);
    counts(&store, "half", (files, files, folders(left.iter().map(String::as_str)))).await
}

/// Previous versions count as such, and lie in no folder.
pub(super) async fn of_versions(store: Store) -> Outcome {
    let at = key("f/k")?;
    let count = async |what: &str, bytes, files, version_bytes| {
        let expected = Usage { bytes, files, folders: files, version_bytes, upload_bytes: 0 };
        same(what, &store.usage().await?, &expected)
    };
    let first = store.put("f/k", "1").await?;
    let second = store.put_with("f/k", "22", rule(Overwrite::KeepPrevious)).await?;
    count("a version is kept", 2, 1, 1).await?;
    let third = store.put_with("f/k", data(30_000, 1), rule(Overwrite::CreateOnly)).await?;
    count("one beside", 2, 1, 30_001).await?;
    store.put("f/k", "4444").await?;
    count("replaced", 4, 1, 30_001).await?;
    let keep = DeleteOptions { keep_previous: true, ..DeleteOptions::default() };
    store.backend().delete(&at, &keep).await?;
    count("deleted and kept", 0, 0, 30_005).await?;
    store.backend().delete(&at, &of_version(&third.version)).await?;
    count("a version removed", 0, 0, 5).await?;
    let back = CopyOptions { version: Some(first.version.clone()), ..CopyOptions::default() };
    store.backend().copy(&at, &at, back).await?;
    count("brought back", 1, 1, 5).await?;
    let current = store.head("f/k").await?.version;
    store.backend().delete(&at, &of_version(&current)).await?;
    count("the current one by its name", 0, 0, 5).await?;
    store.backend().delete(&at, &of_version(&first.version)).await?;
    count("the oldest", 0, 0, 4).await?;
    holds(
        "the replaced one is gone",
        store.backend().delete(&at, &of_version(&second.version)).await.is_err(),
    )
}

/// Checks the bytes of current objects, their number and the bytes of uploads; each object lies in one folder.
async fn counts_with_uploads(store: &Store, what: &str, expected: (u64, u64, u64)) -> Outcome {
    let (bytes, files, upload_bytes) = expected;
    let expected = Usage { bytes, files, folders: files, version_bytes: 0, upload_bytes };
    same(what, &store.usage().await?, &expected)
}

/// Parts count as unfinished until they are an object.
pub(super) async fn of_uploads(store: Store) -> Outcome {
    let least = u64::try_from(MIN_PART).unwrap_or(0);
    let upload = store.begin("f/k").await?;
    counts_with_uploads(&store, "begun", (0, 0, 0)).await?;
    store.part("f/k", &upload, 1, "123").await?;
    counts_with_uploads(&store, "a part", (0, 0, 3)).await?;
    let first = name(&store.part("f/k", &upload, 1, data(MIN_PART, 1)).await?);
    counts_with_uploads(&store, "replaced", (0, 0, least)).await?;
    let last = name(&store.part("f/k", &upload, 2, "12345").await?);
    store.part("f/k", &upload, 3, data(40_000, 2)).await?;
    counts_with_uploads(&store, "three", (0, 0, least + 40_005)).await?;
    let parts = [first, last];
    store.complete("f/k", &upload, &parts).await?;
    counts_with_uploads(&store, "completed, without the third", (least + 5, 1, 0)).await?;
    store.complete("f/k", &upload, &parts).await?;
    counts_with_uploads(&store, "completed again", (least + 5, 1, 0)).await?;
    store.delete("f/k").await?;
    counts_with_uploads(&store, "deleted", (0, 0, 0)).await
}

/// Parts of an upload that is given up count no longer, nor what an upload replaces.
pub(super) async fn of_uploads_over_objects(store: Store) -> Outcome {
    store.put("f/k", data(50_000, 1)).await?;
    let upload = store.begin("f/k").await?;
    store.part("f/k", &upload, 1, data(40_000, 2)).await?;
    counts_with_uploads(&store, "a part", (50_000, 1, 40_000)).await?;
    store.delete("f/k").await?;
    counts_with_uploads(&store, "without the object", (0, 0, 40_000)).await?;
    store.put("f/k", "123").await?;
    store.backend().abort_upload(&key("f/k")?, &upload).await?;
    counts_with_uploads(&store, "given up", (3, 1, 0)).await?;
    store.put_in_parts("f/k", UploadOptions::default(), &["12".into()]).await?;
    counts_with_uploads(&store, "replaced by an upload", (2, 1, 0)).await
}
