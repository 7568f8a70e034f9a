//! Deliveries to outside buckets: with conditions and without, and with versions.

use portcullis_access::ContentHeaders;
use portcullis_domain::{Overwrite, Permission};
use portcullis_files::FileError;

use super::{begin, deliver, file, keys, mail_key, open};
use crate::remote::{EVERYTHING, NO_CONDITIONS, remotely};
use crate::world::{noise, path};

#[tokio::test]
async fn all_or_none_over_a_provider() {
    for capabilities in [EVERYTHING, NO_CONDITIONS] {
        let at = remotely(capabilities).await;
        let world = &at.world;
        let (storage, tree) = open(world).await;
        world.put(&storage, &[("in/a", "theirs")]).await;
        // Undone on its way, with an upload in parts.
        let mut delivery = begin(&tree, 1, &["/in"]).await;
        file(&mut delivery, "a", b"small").await.unwrap();
        file(&mut delivery, "b", &noise(17 << 20)).await.unwrap();
        let mut third = delivery.file(&path("/in"), "c", ContentHeaders::default()).await.unwrap();
        third.write(noise(9 << 20).into()).await.unwrap();
        assert_eq!(keys(world, &storage).await, ["in/a", "in/a (2)", "in/b"]);
        drop(third);
        drop(delivery);
        world.settled().await;
        assert_eq!(keys(world, &storage).await, ["in/a"]);
        assert_eq!(world.uploads(&storage).await, 0);
        // And to its end.
        let mut delivery = begin(&tree, 1, &["/in"]).await;
        file(&mut delivery, "a", b"small").await.unwrap();
        file(&mut delivery, "b", &noise(17 << 20)).await.unwrap();
        assert_eq!(delivery.commit().await.unwrap(), 2);
        assert_eq!(keys(world, &storage).await, ["in/a", "in/a (2)", "in/b"]);
        assert_eq!(world.content(&storage, "in/a").await.unwrap(), b"theirs");
        assert!(world.content(&storage, "in/b").await.unwrap() == noise(17 << 20));
    }
}

/// Who may only write, or only create, needs a provider that decides whether something is there; a right that goes in the middle takes all with it.
#[tokio::test]
async fn who_may_only_write_over_a_provider() {
    for overwrite in [Overwrite::KeepPrevious, Overwrite::CreateOnly] {
        for (capabilities, works) in [(EVERYTHING, true), (NO_CONDITIONS, false)] {
            let at = remotely(capabilities).await;
            let world = &at.world;
            let storage = world.storage("files", |_| {}).await;
            world.put(&storage, &[("a", "theirs")]).await;
            let holder = mail_key(world, &storage, |key| {
                key.permission = Permission::Write;
                key.overwrite = overwrite;
            })
            .await;
            let tree = world.tree(&holder).await;
            let outcome = deliver(&tree, 1, &[("a", b"mine"), ("b", b"mine")]).await;
            if works {
                assert_eq!(outcome.unwrap(), 2);
                assert_eq!(keys(world, &storage).await, ["a", "a (2)", "b"]);
                let mut delivery = begin(&tree, 2, &["/"]).await;
                file(&mut delivery, "a", b"more").await.unwrap();
                world.revoke(&holder).await;
                assert!(matches!(file(&mut delivery, "c", b"more").await, Err(FileError::Denied)));
                delivery.abandon().await;
                assert_eq!(keys(world, &storage).await, ["a", "a (2)", "b"]);
            } else {
                assert!(matches!(outcome, Err(FileError::Unsupported(_))), "{outcome:?}");
                world.settled().await;
                assert_eq!(keys(world, &storage).await, ["a"]);
            }
            assert_eq!(world.content(&storage, "a").await.unwrap(), b"theirs");
        }
    }
}
