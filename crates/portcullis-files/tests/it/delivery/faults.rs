//! Storages that fail at any step.

use std::time::Duration;

use bytes::Bytes;
use portcullis_access::ContentHeaders;
use portcullis_backend::BackendErrorKind;
use portcullis_files::{Begun, Delivery, FileError};

use super::{begin, deliver, file, keys, message, open, versions};
use crate::world::{World, noise, path};

/// Every call of a delivery of a small and a large file fails once; then the delivery is repeated.
#[tokio::test]
async fn each_call_fails() {
    let large = noise(20 << 20);
    let files: [(&str, &[u8]); 3] = [("small", b"small"), ("large", &large), ("last", b"last")];
    for poor in [false, true] {
        let calls: &[(&str, usize)] = &[
            ("head", 1),
            ("head", 2),
            ("list", 1),
            ("put", 1),
            ("put", 2),
            ("create_upload", 1),
            ("upload_part", 1),
            ("upload_part", 3),
            ("complete_upload", 1),
        ];
        for (call, nth) in calls {
            let world = World::on_disk().await;
            let (storage, tree) = open(&world).await;
            world.put(&storage, &[("small", "theirs")]).await;
            world.spy.poor.store(poor, std::sync::atomic::Ordering::Relaxed);
            world.spy.fail(call, *nth, BackendErrorKind::Unavailable);
            let outcome = deliver(&tree, 1, &files).await;
            assert!(matches!(outcome, Err(FileError::Unavailable)), "{call} {nth} {outcome:?}");
            world.settled().await;
            assert_eq!(versions(&world, &storage).await, [("small".to_owned(), true)], "{call} {nth}");
            assert_eq!(world.uploads(&storage).await, 0, "{call} {nth}");
            assert_eq!(deliver(&tree, 1, &files).await.unwrap(), 3, "{call} {nth}");
            // A provider that said nothing may still store what was sent, so that name is kept free for a while.
            let unsure = poor && (*call, *nth) == ("put", 1);
            let small = if unsure { "small (3)" } else { "small (2)" };
            let keys = keys(&world, &storage).await;
            assert!(keys.contains(&small.to_owned()) && keys.len() == 4, "{call} {nth} {keys:?}");
            assert_eq!(world.content(&storage, "small").await.unwrap(), b"theirs");
        }
    }
}

/// The quota is full in the middle: nothing stays, and what was there before stays.
#[tokio::test]
async fn full_in_the_middle() {
    let world = World::on_disk().await;
    let storage = world.storage("files", |new| new.quota_bytes = Some(2 << 20)).await;
    let holder = super::mail_key(&world, &storage, |_| {}).await;
    let tree = world.tree(&holder).await;
    world.put(&storage, &[("kept", "theirs")]).await;
    for length in [3 << 20, 20 << 20] {
        let bytes = noise(length);
        let outcome = deliver(&tree, 1, &[("a", b"small"), ("b", &bytes)]).await;
        assert!(matches!(outcome, Err(FileError::Full)), "{outcome:?}");
        world.settled().await;
        assert_eq!(versions(&world, &storage).await, [("kept".to_owned(), true)]);
        assert_eq!(world.uploads(&storage).await, 0);
    }
    assert_eq!(deliver(&tree, 1, &[("a", b"small"), ("b", b"small")]).await.unwrap(), 2);
    assert_eq!(keys(&world, &storage).await, ["a", "b", "kept"]);
}

/// A storage that does not let go of what has to be taken back: it is tried again until it does, and until then the message is not stored anew.
#[tokio::test]
async fn what_cannot_be_undone_at_once() {
    for (poor, call) in [(false, "head"), (false, "delete"), (true, "head"), (true, "delete")] {
        let world = World::new().await;
        let (storage, tree) = open(&world).await;
        world.spy.poor.store(poor, std::sync::atomic::Ordering::Relaxed);
        let mut delivery = begin(&tree, 1, &["/"]).await;
        file(&mut delivery, "a", b"a").await.unwrap();
        world.spy.fail(call, 1, BackendErrorKind::Unavailable);
        delivery.abandon().await;
        assert_eq!(keys(&world, &storage).await, ["a"], "{call}");
        assert!(matches!(Delivery::begin(&tree, message(1, &["/"])).await.unwrap(), Begun::Busy), "{call}");
        world.clock.advance(Duration::from_secs(5 * 60));
        // Whoever brings it again undoes it first; while that fails there is no telling.
        world.spy.fail(call, 1, BackendErrorKind::Unavailable);
        assert!(matches!(Delivery::begin(&tree, message(1, &["/"])).await.unwrap(), Begun::Busy), "{call}");
        world.clock.advance(Duration::from_secs(5 * 60));
        assert_eq!(deliver(&tree, 1, &[("a", b"a")]).await.unwrap(), 1);
        assert_eq!(keys(&world, &storage).await, ["a"], "{call}");
    }
}

/// What others made of a file meanwhile is theirs.
#[tokio::test]
async fn others_wrote_there_meanwhile() {
    let world = World::on_disk().await;
    let (storage, tree) = open(&world).await;
    let mut delivery = begin(&tree, 1, &["/"]).await;
    for name in ["replaced", "removed", "stays", "noted", "copied"] {
        file(&mut delivery, name, b"mail").await.unwrap();
    }
    world.put(&storage, &[("replaced", "theirs")]).await;
    let holder = world.key(portcullis_domain::Scope::Storage(storage.id), |_| {}).await;
    let other = world.tree(&holder).await;
    other.remove_file(&path("/removed"), None).await.unwrap();
    other
        .copy(
            &path("/stays"),
            &path("/copy"),
            portcullis_files::IfThere::Refuse,
            portcullis_files::CopyDepth::All,
        )
        .await
        .unwrap();
    // Theirs though it has the word: what is kept with it was changed, which makes another version of it.
    other.set_modified(&path("/noted"), portcullis_domain::Timestamp::from_seconds(7)).await.unwrap();
    delivery.abandon().await;
    assert_eq!(keys(&world, &storage).await, ["copy", "noted", "replaced"]);
    assert_eq!(world.content(&storage, "replaced").await.unwrap(), b"theirs");
    assert_eq!(world.content(&storage, "copy").await.unwrap(), b"mail");
}

/// Whoever stops waiting, at whatever moment, leaves nothing behind.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn given_up_at_any_moment() {
    let world = World::on_disk().await;
    let (storage, tree) = open(&world).await;
    let large = Bytes::from(noise(3 << 19));
    assert_eq!(keys(&world, &storage).await, Vec::<String>::new());
    for polls in 0..1000 {
        let (theirs, large) = (tree.clone(), large.clone());
        let delivering = async move {
            let mut delivery = begin(&theirs, 1, &["/"]).await;
            file(&mut delivery, "a", b"a").await.unwrap();
            let mut second = delivery.file(&path("/"), "b", ContentHeaders::default()).await.unwrap();
            second.write(large).await.unwrap();
            second.finish().await.unwrap();
            delivery.commit().await.unwrap()
        };
        // Dropped after so many times that it had to wait.
        let mut delivering = Box::pin(delivering);
        let mut left = polls;
        let outcome = std::future::poll_fn(|context| match delivering.as_mut().poll(context) {
            std::task::Poll::Ready(count) => std::task::Poll::Ready(Some(count)),
            std::task::Poll::Pending if left == 0 => std::task::Poll::Ready(None),
            std::task::Poll::Pending => {
                left -= 1;
                std::task::Poll::Pending
            }
        })
        .await;
        drop(delivering);
        world.settled().await;
        let keys = keys(&world, &storage).await;
        match Delivery::begin(&tree, message(1, &["/"])).await.unwrap() {
            Begun::Done { .. } => {
                assert_eq!(keys, ["a", "b"]);
                return;
            }
            Begun::New(delivery) => {
                assert_eq!(outcome, None);
                assert_eq!(keys, Vec::<String>::new(), "after {polls}");
                delivery.abandon().await;
            }
            other @ (Begun::Busy | Begun::TooMany { .. }) => panic!("{other:?} after {polls}"),
        }
    }
    panic!("it never came to its end");
}
