//! Uploads: visible as a whole or not at all.

use bytes::Bytes;
use portcullis_access::ContentHeaders;
use portcullis_domain::{Clock as _, Overwrite, Permission, Scope, Timestamp};
use portcullis_files::{FileError, Kind, WriteOptions};

use crate::world::{World, names, noise, path, read, write, write_with};

#[tokio::test]
async fn of_every_size() {
    for world in [World::new().await, World::on_disk().await] {
        let (storage, tree) = world.open().await;
        for (length, known, resumable) in [
            (0, false, false),
            (0, true, true),
            (10, false, false),
            (1 << 20, false, true),
            ((1 << 20) + 1, false, false),
            ((1 << 20) + 1, true, false),
            (3 << 20, true, true),
            (8 << 20, false, true),
            ((8 << 20) + 1, true, true),
            ((17 << 20) + 3, false, true),
            ((17 << 20) + 3, true, true),
        ] {
            let bytes = noise(length);
            let told = known.then(|| u64::try_from(length).unwrap());
            let options = WriteOptions { length: told, resumable, ..WriteOptions::default() };
            let entry = write_with(&tree, "/file", &bytes, options).await.unwrap();
            assert_eq!(entry.size(), u64::try_from(length).unwrap());
            assert_eq!(read(&tree, "/file").await.unwrap(), bytes, "{length} {known} {resumable}");
            assert_eq!(tree.stat(&path("/file")).await.unwrap().kind, entry.kind);
            world.settled().await;
            assert_eq!(world.uploads(&storage).await, 0);
        }
    }
}

#[tokio::test]
async fn until_the_end_nothing_is_there() {
    let world = World::on_disk().await;
    let (storage, tree) = world.open().await;
    write(&tree, "/file", b"old").await.unwrap();
    for resumable in [false, true] {
        let options = WriteOptions { resumable, ..WriteOptions::default() };
        let mut upload = tree.write(&path("/file"), options).await.unwrap();
        for _ in 0..40 {
            upload.write(Bytes::from(noise(300_000))).await.unwrap();
        }
        assert_eq!(upload.position(), 12_000_000);
        assert_eq!(read(&tree, "/file").await.unwrap(), b"old");
        assert_eq!(names(&tree, "/").await, ["file"]);
        drop(upload);
        world.settled().await;
        assert_eq!(read(&tree, "/file").await.unwrap(), b"old");
        assert_eq!(world.uploads(&storage).await, usize::from(resumable));
    }
    // Given up for good.
    let options = WriteOptions { resumable: true, ..WriteOptions::default() };
    let mut upload = tree.write(&path("/other"), options).await.unwrap();
    upload.write(Bytes::from(noise(20 << 20))).await.unwrap();
    upload.abandon().await;
    world.settled().await;
    assert_eq!(world.uploads(&storage).await, 1);
    assert_eq!(tree.partial(&path("/other")).await.unwrap(), None);
}

#[tokio::test]
async fn what_was_said_must_come() {
    let world = World::on_disk().await;
    let (_, tree) = world.open().await;
    for (said, came) in [(10, 9), (10, 11), (0, 1), (3 << 20, (3 << 20) - 1), (3 << 20, (3 << 20) + 1)] {
        let options = WriteOptions { length: Some(said), ..WriteOptions::default() };
        let outcome = write_with(&tree, "/file", &noise(came), options).await;
        assert!(matches!(outcome, Err(FileError::Mismatch)), "{said} {came} {outcome:?}");
    }
    // A caller that goes on after an error finishes nothing.
    let options = WriteOptions { length: Some(3), ..WriteOptions::default() };
    let mut upload = tree.write(&path("/file"), options).await.unwrap();
    assert!(matches!(upload.write(Bytes::from_static(b"four")).await, Err(FileError::Mismatch)));
    assert!(matches!(upload.write(Bytes::from_static(b"one")).await, Err(FileError::Broken)));
    assert!(upload.finish().await.is_err());
    assert_eq!(names(&tree, "/").await, Vec::<String>::new());
}

#[tokio::test]
async fn conditions() {
    let world = World::on_disk().await;
    let (_, tree) = world.open().await;
    for length in [3, 20 << 20] {
        let name = format!("/file-{length}");
        let new = || WriteOptions { only_if: Some(None), resumable: true, ..WriteOptions::default() };
        let first = write_with(&tree, &name, &noise(length), new()).await.unwrap();
        assert!(matches!(write_with(&tree, &name, &noise(length), new()).await, Err(FileError::Changed)));
        let Kind::File { etag, .. } = first.kind else { panic!("a file") };
        let same = || WriteOptions { only_if: Some(Some(vec![etag.clone()])), ..WriteOptions::default() };
        write_with(&tree, &name, b"another", same()).await.unwrap();
        assert!(matches!(write_with(&tree, &name, b"third", same()).await, Err(FileError::Changed)));
        assert_eq!(read(&tree, &name).await.unwrap(), b"another");
    }
    let missing = WriteOptions { only_if: Some(Some(Vec::new())), ..WriteOptions::default() };
    assert!(matches!(write_with(&tree, "/missing", b"x", missing).await, Err(FileError::Changed)));
}

#[tokio::test]
async fn places_that_take_no_file() {
    let world = World::new().await;
    let (storage, tree) = world.open().await;
    world.put(&storage, &[("dir/a", "a"), ("file", "f")]).await;
    for folder in ["/", "/dir", "/dir/", "/new/"] {
        assert!(matches!(write(&tree, folder, b"x").await, Err(FileError::IsFolder)), "{folder}");
    }
    let needed = || WriteOptions { parent_needed: true, ..WriteOptions::default() };
    assert!(matches!(write_with(&tree, "/none/a", b"x", needed()).await, Err(FileError::NoParent)));
    write_with(&tree, "/dir/b", b"x", needed()).await.unwrap();
    write_with(&tree, "/b", b"x", needed()).await.unwrap();
    write(&tree, "/none/a", b"x").await.unwrap();
    // A file beside a folder is replaced as any other.
    world.put(&storage, &[("dir", "beside")]).await;
    write(&tree, "/dir", b"replaced").await.unwrap();
    assert_eq!(names(&tree, "/").await, ["b", "dir", "dir%2F/", "file", "none/"]);
    let long = format!("/{}", "a".repeat(1025));
    assert!(matches!(write(&tree, &long, b"x").await, Err(FileError::Path(_))));
}

#[tokio::test]
async fn what_is_kept_with_a_file() {
    let world = World::on_disk().await;
    let (_, tree) = world.open().await;
    let then = Timestamp::from_micros(1_700_000_000_500_000);
    let later = Timestamp::from_seconds(1_700_000_001);
    for length in [10, 9 << 20] {
        let options = WriteOptions {
            content: ContentHeaders { content_type: Some("text/plain".into()), ..ContentHeaders::default() },
            modified: Some(then),
            ..WriteOptions::default()
        };
        let told = write_with(&tree, "/file", &noise(length), options.clone()).await.unwrap();
        let found = tree.stat(&path("/file")).await.unwrap();
        assert_eq!(found, told);
        assert_eq!(found.modified, Some(then));
        let Kind::File { content_type, .. } = found.kind else { panic!("a file") };
        assert_eq!(content_type.as_deref(), Some("text/plain"));

        // Told when the bytes were on their way already.
        let mut upload = tree.write(&path("/file"), options).await.unwrap();
        upload.write(Bytes::from(noise(length))).await.unwrap();
        upload.set_modified(later);
        assert_eq!(upload.finish().await.unwrap().modified, Some(later));
        assert_eq!(tree.stat(&path("/file")).await.unwrap().modified, Some(later));
        assert_eq!(read(&tree, "/file").await.unwrap(), noise(length));

        // Told afterwards.
        tree.set_modified(&path("/file"), then).await.unwrap();
        let found = tree.stat(&path("/file")).await.unwrap();
        assert_eq!(found.modified, Some(then));
        let Kind::File { content_type, .. } = found.kind else { panic!("a file") };
        assert_eq!(content_type.as_deref(), Some("text/plain"));
        let page = tree.page(&path("/"), None, 10).await.unwrap();
        assert_eq!(page.entries[0].modified, Some(then), "listings tell it too");
    }
    write(&tree, "/plain", b"").await.unwrap();
    assert_eq!(tree.stat(&path("/plain")).await.unwrap().modified, Some(world.clock.now()));
    tree.make_folder(&path("/folder")).await.unwrap();
    tree.set_modified(&path("/folder"), then).await.unwrap();
    assert!(matches!(tree.set_modified(&path("/none"), then).await, Err(FileError::NotFound)));
}

#[tokio::test]
async fn many_writers_of_one_file() {
    let world = World::on_disk().await;
    let (storage, tree) = world.open().await;
    let mut uploads = Vec::new();
    for _ in 0..4 {
        let options = WriteOptions { resumable: true, ..WriteOptions::default() };
        uploads.push(tree.write(&path("/file"), options).await.unwrap());
    }
    let contents: Vec<Vec<u8>> = (0..4).map(|number| [vec![number], noise(9 << 20)].concat()).collect();
    for at in 0..3 {
        for (upload, content) in uploads.iter_mut().zip(&contents) {
            let piece = content.chunks(content.len().div_ceil(3)).nth(at).unwrap();
            upload.write(Bytes::copy_from_slice(piece)).await.unwrap();
        }
    }
    for (upload, content) in uploads.into_iter().zip(&contents) {
        upload.finish().await.unwrap();
        assert!(read(&tree, "/file").await.unwrap() == *content);
    }
    world.settled().await;
    assert_eq!(world.uploads(&storage).await, 0);
}

#[tokio::test]
async fn folders() {
    let world = World::on_disk().await;
    let (storage, tree) = world.open().await;
    tree.make_folder(&path("/a")).await.unwrap();
    tree.make_folder(&path("/a/b/")).await.unwrap();
    assert_eq!(world.keys(&storage).await, [("a/".to_owned(), 0), ("a/b/".to_owned(), 0)]);
    assert!(matches!(tree.make_folder(&path("/a")).await, Err(FileError::Exists)));
    assert!(matches!(tree.make_folder(&path("/")).await, Err(FileError::Exists)));
    assert!(matches!(tree.make_folder(&path("/x/y")).await, Err(FileError::NoParent)));
    write(&tree, "/a/b/file", b"1").await.unwrap();
    assert!(matches!(tree.make_folder(&path("/a/b/file")).await, Err(FileError::Exists)));
    assert!(matches!(tree.remove_folder(&path("/a/b")).await, Err(FileError::NotEmpty)));
    assert!(matches!(tree.remove_folder(&path("/a/b/file")).await, Err(FileError::NotFolder)));
    assert!(matches!(tree.remove_folder(&path("/none")).await, Err(FileError::NotFound)));
    assert!(matches!(tree.remove_file(&path("/a/b"), None).await, Err(FileError::IsFolder)));
    assert!(matches!(tree.remove_file(&path("/none"), None).await, Err(FileError::NotFound)));
    tree.remove_file(&path("/a/b/file"), None).await.unwrap();
    tree.remove_folder(&path("/a/b")).await.unwrap();
    assert_eq!(names(&tree, "/a").await, Vec::<String>::new());
    // Nobody made these folders, and they stay when their last file goes.
    world.put(&storage, &[("p/q/r", "1")]).await;
    tree.remove_file(&path("/p/q/r"), None).await.unwrap();
    assert_eq!(names(&tree, "/p").await, ["q/"]);
    tree.remove_folder(&path("/p/q")).await.unwrap();
    assert_eq!(names(&tree, "/").await, ["a/", "p/"]);
    world.put(&storage, &[("p/1", "1"), ("p/2/3", "1"), ("p/2/", "")]).await;
    tree.remove_all(&path("/p")).await.unwrap();
    assert_eq!(names(&tree, "/").await, ["a/"]);
    assert!(matches!(tree.remove_all(&path("/p")).await, Err(FileError::NotFound)));
}

/// What a key that may not delete overwrites is kept.
#[tokio::test]
async fn rules_for_overwriting_are_the_keys() {
    let world = World::on_disk().await;
    let (storage, tree) = world.open().await;
    write(&tree, "/file", b"first").await.unwrap();
    let only = world
        .key(Scope::Storage(storage.id), |key| {
            (key.permission, key.overwrite) = (Permission::Write, Overwrite::CreateOnly);
        })
        .await;
    let drop_box = world.tree(&only).await;
    write(&drop_box, "/file", b"second").await.unwrap();
    assert_eq!(read(&tree, "/file").await.unwrap(), b"first");
}

#[tokio::test]
async fn full() {
    let world = World::on_disk().await;
    let storage = world.storage("files", |storage| storage.quota_bytes = Some(10 << 20)).await;
    let holder = world.key(Scope::Storage(storage.id), |_| {}).await;
    let tree = world.tree(&holder).await;
    write(&tree, "/small", &noise(1 << 20)).await.unwrap();
    let space = tree.space(&path("/")).await.unwrap();
    assert_eq!((space.used, space.available), (1 << 20, Some(9 << 20)));
    for resumable in [false, true] {
        let options = WriteOptions { resumable, ..WriteOptions::default() };
        let outcome = write_with(&tree, "/large", &noise(12 << 20), options).await;
        assert!(matches!(outcome, Err(FileError::Full)), "{outcome:?}");
        world.settled().await;
    }
    assert_eq!(names(&tree, "/").await, ["small"]);
}
