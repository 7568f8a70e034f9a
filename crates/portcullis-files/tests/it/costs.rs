//! How many requests to a storage each step takes.

use portcullis_files::{CopyDepth, IfThere, OpenOptions, WriteOptions};

use crate::world::{World, names, noise, path, read, write, write_with};

#[tokio::test]
async fn requests() {
    let world = World::on_disk().await;
    let (storage, tree) = world.open().await;
    world.put(&storage, &[("d/file", "1"), ("d/other", "2"), ("e/x", "3")]).await;
    let calls = || world.spy.calls();
    calls();

    tree.stat(&path("/d/file")).await.unwrap();
    assert_eq!(calls(), [("head", 1)]);
    tree.stat(&path("/d/")).await.unwrap();
    assert_eq!(calls(), [("list", 1)]);
    tree.stat(&path("/d")).await.unwrap();
    assert_eq!(calls(), [("head", 1), ("list", 1)]);
    tree.enter(&path("/d")).await.unwrap();
    assert_eq!(calls(), [("list", 1)]);
    names(&tree, "/d").await;
    assert_eq!(calls(), [("list", 1)]);
    tree.open(&path("/d/file"), OpenOptions::default()).await.unwrap();
    assert_eq!(calls(), [("head", 1)]);
    read(&tree, "/d/file").await.unwrap();
    assert_eq!(calls(), [("get", 1), ("head", 1)]);
    write(&tree, "/d/new", b"1").await.unwrap();
    assert_eq!(calls(), [("list", 1), ("put", 1)]);
    let needed = WriteOptions { parent_needed: true, resumable: true, ..WriteOptions::default() };
    write_with(&tree, "/d/new", &noise(1 << 20), needed).await.unwrap();
    assert_eq!(calls(), [("list", 2), ("put", 1)]);
    let resumable = WriteOptions { resumable: true, ..WriteOptions::default() };
    write_with(&tree, "/d/new", &noise(20 << 20), resumable).await.unwrap();
    let parts =
        [("complete_upload", 1), ("create_upload", 1), ("list", 1), ("list_uploads", 1), ("upload_part", 3)];
    assert_eq!(calls(), parts);
    tree.remove_file(&path("/d/new"), None).await.unwrap();
    assert_eq!(calls(), [("delete", 1), ("list", 1)]);
    tree.make_folder(&path("/d/sub")).await.unwrap();
    assert_eq!(calls(), [("head", 1), ("list", 2), ("put", 1)]);
    tree.remove_folder(&path("/d/sub")).await.unwrap();
    assert_eq!(calls(), [("delete", 1), ("list", 2)]);
    tree.rename(&path("/d/file"), &path("/e/file"), IfThere::Replace).await.unwrap();
    assert_eq!(calls(), [("copy", 1), ("delete", 1), ("head", 2), ("list", 3)]);
    tree.copy(&path("/d/other"), &path("/other"), IfThere::Replace, CopyDepth::All).await.unwrap();
    assert_eq!(calls(), [("copy", 1), ("head", 2), ("list", 1)]);
    tree.set_modified(&path("/other"), portcullis_domain::Timestamp::from_seconds(1)).await.unwrap();
    assert_eq!(calls(), [("copy", 1), ("head", 1)]);
    tree.set_modified(&path("/other"), portcullis_domain::Timestamp::from_seconds(1)).await.unwrap();
    assert_eq!(calls(), [("head", 1)]);
}
