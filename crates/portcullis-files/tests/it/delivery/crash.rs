//! Processes that end in the middle, and others that look after what they left.

use std::time::Duration;

use portcullis_access::ContentHeaders;
use portcullis_backend::BackendErrorKind;
use portcullis_domain::Timestamp;
use portcullis_files::{Begun, Delivery, FileError, Tree, keep_deliveries, undo_left};
use tokio_util::sync::CancellationToken;

use super::{begin, deliver, file, keys, message, open, versions};
use crate::world::{World, noise, path};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

/// The first look of a process that has just begun.
async fn restarted(world: &World) {
    undo_left(&world.access, &world.system, world.access.now()).await.unwrap();
}

/// A look of a process that has been there for long.
async fn looked(world: &World) {
    undo_left(&world.access, &world.system, Timestamp::default()).await.unwrap();
}

/// Delivers on a runtime of its own, which ends with everything on it when the storage has been asked so often. True if it came to its end before.
fn until(tree: &Tree, stopped: &tokio::sync::Notify, files: Vec<(&'static str, Vec<u8>)>) -> bool {
    let process = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let tree = tree.clone();
    let delivering = process.spawn(async move {
        let files: Vec<(&str, &[u8])> = files.iter().map(|(name, bytes)| (*name, bytes.as_slice())).collect();
        deliver(&tree, 1, &files).await.unwrap()
    });
    let ended = process.block_on(async {
        tokio::select! {
            count = delivering => count.unwrap() > 0,
            () = stopped.notified() => false,
        }
    });
    process.shutdown_background();
    ended
}

/// The process ends before or after any call to the storage; the next one finds what it left, and the message comes again.
#[test]
fn ended_at_any_step() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    for poor in [false, true] {
        for nth in 1.. {
            assert!(nth < 100, "it never came to its end");
            let world = runtime.block_on(World::on_disk());
            let (storage, tree) = runtime.block_on(open(&world));
            runtime.block_on(world.put(&storage, &[("small", "theirs")]));
            world.spy.poor.store(poor, std::sync::atomic::Ordering::Relaxed);
            let files =
                || vec![("small", b"small".to_vec()), ("large", noise(9 << 20)), ("last", b"last".to_vec())];
            let stopped = world.spy.stop(nth);
            let ended = until(&tree, &stopped, files());
            world.spy.go_on();
            runtime.block_on(async {
                if !ended {
                    // The lease of who is gone still holds: for others it is busy.
                    let again = Delivery::begin(&tree, message(1, &["/"])).await.unwrap();
                    assert!(matches!(again, Begun::Busy), "step {nth} {again:?}");
                    world.clock.advance(SECOND);
                    restarted(&world).await;
                    let there = versions(&world, &storage).await;
                    assert_eq!(there, [("small".to_owned(), true)], "step {nth}");
                }
                let files = files();
                let files: Vec<(&str, &[u8])> =
                    files.iter().map(|(name, bytes)| (*name, bytes.as_slice())).collect();
                match Delivery::begin(&tree, message(1, &["/"])).await.unwrap() {
                    Begun::Done { files } => assert!(ended && files == 3, "step {nth}"),
                    Begun::New(mut delivery) => {
                        for (name, bytes) in files {
                            file(&mut delivery, name, bytes).await.unwrap();
                        }
                        assert_eq!(delivery.commit().await.unwrap(), 3);
                    }
                    other @ (Begun::Busy | Begun::TooMany { .. }) => panic!("step {nth} {other:?}"),
                }
                assert_eq!(world.content(&storage, "small").await.unwrap(), b"theirs");
                assert_eq!(keys(&world, &storage).await.len(), 4, "step {nth}");
                // Of an upload whose name was not noted yet its storage's own tidying is left.
                assert!(world.uploads(&storage).await <= 1, "step {nth}");
            });
            if ended {
                break;
            }
        }
    }
}

/// Another node undoes what nobody gives a sign of life for, and whoever was only slow takes the rest back.
#[tokio::test]
async fn whose_time_is_over() {
    let world = World::new().await;
    let (storage, tree) = open(&world).await;
    let mut slow = begin(&tree, 1, &["/"]).await;
    file(&mut slow, "a", b"a").await.unwrap();
    let mut second = slow.file(&path("/"), "b", ContentHeaders::default()).await.unwrap();
    second.write(b"b".as_slice().into()).await.unwrap();
    world.clock.advance(4 * MINUTE);
    looked(&world).await;
    assert_eq!(keys(&world, &storage).await, ["a"], "it is not over yet");
    world.clock.advance(2 * MINUTE);
    looked(&world).await;
    assert_eq!(keys(&world, &storage).await, Vec::<String>::new());
    // Somebody else stores the message now, while the slow one goes on.
    let mut quick = begin(&tree, 1, &["/"]).await;
    file(&mut quick, "a", b"a").await.unwrap();
    let outcome = second.finish().await;
    assert!(matches!(outcome, Err(FileError::Unavailable)), "{outcome:?}");
    slow.abandon().await;
    file(&mut quick, "b", b"b").await.unwrap();
    assert_eq!(quick.commit().await.unwrap(), 2);
    assert_eq!(keys(&world, &storage).await, ["a", "b"]);
    assert_eq!(versions(&world, &storage).await.len(), 2);
}

/// Two sides come to the end at the same moment: the message that is told to be stored is, and the other is not.
#[tokio::test]
async fn over_between_the_last_file_and_the_end() {
    let world = World::new().await;
    let (storage, tree) = open(&world).await;
    let mut slow = begin(&tree, 1, &["/"]).await;
    file(&mut slow, "a", b"a").await.unwrap();
    world.clock.advance(6 * MINUTE);
    // Whoever brings the message again undoes what is over first.
    let mut quick = begin(&tree, 1, &["/"]).await;
    assert_eq!(keys(&world, &storage).await, Vec::<String>::new());
    file(&mut quick, "a", b"a").await.unwrap();
    assert!(matches!(slow.commit().await, Err(FileError::Unavailable)));
    assert_eq!(keys(&world, &storage).await, ["a"]);
    quick.commit().await.unwrap();
    assert_eq!(keys(&world, &storage).await, ["a"]);
}

/// A provider that says nothing, and stores the file a while later: it is looked for once more, and its name is nobody's meanwhile.
#[tokio::test]
async fn what_arrives_late() {
    let world = World::new().await;
    let (storage, tree) = open(&world).await;
    world.spy.poor.store(true, std::sync::atomic::Ordering::Relaxed);
    let mut delivery = begin(&tree, 1, &["/"]).await;
    file(&mut delivery, "a", b"a").await.unwrap();
    world.spy.hold_up();
    assert!(matches!(file(&mut delivery, "b", b"b").await, Err(FileError::Unavailable)));
    delivery.abandon().await;
    world.spy.arrive().await.unwrap();
    assert_eq!(keys(&world, &storage).await, ["b"]);
    assert_eq!(deliver(&tree, 1, &[("a", b"a"), ("b", b"b")]).await.unwrap(), 2);
    assert_eq!(keys(&world, &storage).await, ["a", "b", "b (2)"]);
    world.clock.advance(16 * MINUTE);
    // The first look at it fails.
    world.spy.fail("head", 1, BackendErrorKind::Unavailable);
    looked(&world).await;
    assert_eq!(keys(&world, &storage).await, ["a", "b", "b (2)"]);
    world.clock.advance(16 * MINUTE);
    looked(&world).await;
    assert_eq!(keys(&world, &storage).await, ["a", "b (2)"]);
    deliver(&tree, 2, &[("b", b"new")]).await.unwrap();
    assert_eq!(world.content(&storage, "b").await.unwrap(), b"new");
}

/// What was taken back stands in the audit trail.
#[tokio::test]
async fn written_down() {
    let world = World::new().await;
    let (storage, tree) = open(&world).await;
    let mut delivery = begin(&tree, 1, &["/in"]).await;
    file(&mut delivery, "a", b"a").await.unwrap();
    delivery.abandon().await;
    world.access.flush(&world.system).await.unwrap();
    let page = portcullis_metadata::PageRequest::first(10);
    let trail = world.metadata.audit(&portcullis_metadata::AuditFilter::default(), &page).await.unwrap();
    let undone = trail.items.iter().find(|event| event.action == "undo_delivery").unwrap();
    assert_eq!((undone.object.as_deref(), undone.storage), (Some("in/a"), Some(storage.id)));
    assert_eq!((undone.actor.as_str(), undone.site, undone.allowed), ("system", Some(storage.site), true));
}

/// The work in the background looks at once when it begins, and ends when it is told.
#[tokio::test]
async fn in_the_background() {
    let world = World::new().await;
    let (storage, tree) = open(&world).await;
    let mut delivery = begin(&tree, 1, &["/"]).await;
    file(&mut delivery, "a", b"a").await.unwrap();
    std::mem::forget(delivery);
    world.clock.advance(SECOND);
    let stop = CancellationToken::new();
    let looking = keep_deliveries(&world.access, &world.system, stop.clone());
    let gone = async {
        while !keys(&world, &storage).await.is_empty() {
            tokio::task::yield_now().await;
        }
        stop.cancel();
    };
    tokio::join!(looking, gone);
    assert_eq!(deliver(&tree, 1, &[("a", b"a")]).await.unwrap(), 1);
}
