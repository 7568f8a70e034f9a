//! Who may deliver, and whose right goes while they do.

use portcullis_access::ContentHeaders;
use portcullis_domain::{KeyPrefix, Overwrite, Permission};
use portcullis_files::{FileError, OpenOptions};

use super::{begin, deliver, file, keys, mail_key, versions};
use crate::world::{World, names, noise, path};

/// Keys that may only write, and only create: free names for them too, of which they learn nothing.
#[tokio::test]
async fn who_may_only_write() {
    for overwrite in [Overwrite::KeepPrevious, Overwrite::CreateOnly] {
        let world = World::on_disk().await;
        let storage = world.storage("files", |_| {}).await;
        world.put(&storage, &[("a.txt", "theirs"), ("in/b", "theirs")]).await;
        let holder = mail_key(&world, &storage, |key| {
            key.permission = Permission::Write;
            key.overwrite = overwrite;
        })
        .await;
        let tree = world.tree(&holder).await;
        deliver(&tree, 1, &[("a.txt", b"1"), ("a.txt", b"2")]).await.unwrap();
        let mut delivery = begin(&tree, 2, &["/in"]).await;
        file(&mut delivery, "b", &noise(9 << 20)).await.unwrap();
        delivery.commit().await.unwrap();
        let all = ["a (2).txt", "a (3).txt", "a.txt", "in/b", "in/b (2)"];
        assert_eq!(keys(&world, &storage).await, all);
        assert_eq!(versions(&world, &storage).await.len(), all.len(), "nothing has a previous version");
        assert_eq!(world.content(&storage, "a.txt").await.unwrap(), b"theirs");
        assert_eq!(world.content(&storage, "in/b").await.unwrap(), b"theirs");
        // Another session of the same key sees none of it.
        let other = world.tree(&holder).await;
        assert_eq!(names(&other, "/").await, Vec::<String>::new());
        for file in ["/a.txt", "/a (2).txt"] {
            let outcome = other.open(&path(file), OpenOptions::default()).await.map(drop);
            assert!(matches!(outcome, Err(FileError::Denied)), "{outcome:?}");
        }
        // What did not come to its end is taken back, though they may not delete.
        let mut delivery = begin(&tree, 3, &["/"]).await;
        file(&mut delivery, "a.txt", b"3").await.unwrap();
        delivery.abandon().await;
        assert_eq!(versions(&world, &storage).await.len(), all.len());
    }
}

#[tokio::test]
async fn who_may_not() {
    let world = World::new().await;
    let storage = world.storage("files", |_| {}).await;
    let reader = mail_key(&world, &storage, |key| key.permission = Permission::Read).await;
    let tree = world.tree(&reader).await;
    assert!(matches!(tree.takes(&path("/in")).await, Err(FileError::Denied)));
    assert_eq!(world.reasons().await[0], "key_permission");
    // Within a part of the storage: a folder, or names that begin alike.
    let part = mail_key(&world, &storage, |key| key.prefix = KeyPrefix::parse("in/").unwrap()).await;
    let tree = world.tree(&part).await;
    tree.takes(&path("/")).await.unwrap();
    deliver(&tree, 1, &[("a", b"a")]).await.unwrap();
    let begins = mail_key(&world, &storage, |key| key.prefix = KeyPrefix::parse("in/ab").unwrap()).await;
    let tree = world.tree(&begins).await;
    tree.takes(&path("/")).await.unwrap();
    deliver(&tree, 1, &[("abc", b"a")]).await.unwrap();
    assert!(matches!(deliver(&tree, 2, &[("abd", b"a"), ("x", b"a")]).await, Err(FileError::Denied)));
    assert!(matches!(tree.takes(&path("/out")).await, Err(FileError::Denied)));
    world.settled().await;
    assert_eq!(keys(&world, &storage).await, ["in/a", "in/abc"]);
    // A session is no key.
    let config =
        portcullis_files::TreeConfig { top: portcullis_files::Top::Home, tasks: world.tasks.clone() };
    let session = portcullis_files::Tree::new(world.access.clone(), world.admin.principal().clone(), config);
    let outcome = portcullis_files::Delivery::begin(&session, super::message(1, &["/"])).await.map(drop);
    assert!(matches!(outcome, Err(FileError::Denied)), "{outcome:?}");
}

/// A right that is taken away in the middle: nothing stays, though there is no key any more.
#[tokio::test]
async fn revoked_in_the_middle() {
    for large in [false, true] {
        let world = World::on_disk().await;
        let storage = world.storage("files", |_| {}).await;
        world.put(&storage, &[("a", "theirs")]).await;
        let holder = mail_key(&world, &storage, |key| key.permission = Permission::Write).await;
        let tree = world.tree(&holder).await;
        let mut delivery = begin(&tree, 1, &["/"]).await;
        file(&mut delivery, "a", b"mine").await.unwrap();
        file(&mut delivery, "b", &noise(9 << 20)).await.unwrap();
        let mut last = delivery.file(&path("/"), "c", ContentHeaders::default()).await.unwrap();
        last.write(noise(if large { 20 << 20 } else { 10 }).into()).await.unwrap();
        world.revoke(&holder).await;
        assert!(matches!(last.finish().await, Err(FileError::Denied)));
        drop(delivery);
        world.settled().await;
        assert_eq!(versions(&world, &storage).await, [("a".to_owned(), true)]);
        assert_eq!(world.content(&storage, "a").await.unwrap(), b"theirs");
        assert_eq!(world.uploads(&storage).await, 0, "large: {large}");
    }
}
