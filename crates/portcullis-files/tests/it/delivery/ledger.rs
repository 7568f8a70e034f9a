//! What is known of messages: stored once, by one, as many as may be.

use std::time::Duration;

use portcullis_access::ContentHeaders;
use portcullis_domain::Permission;
use portcullis_files::{Begun, Delivery, DeliveryId, FileError};

use super::{begin, deliver, file, keys, mail_key, message, open};
use crate::world::{World, names, path, read};

const DAY: Duration = Duration::from_secs(24 * 3600);

#[tokio::test]
async fn a_message_is_stored_once() {
    let world = World::new().await;
    let (storage, tree) = open(&world).await;
    assert_eq!(deliver(&tree, 1, &[("a.txt", b"one"), ("b.txt", b"two")]).await.unwrap(), 2);
    assert_eq!(keys(&world, &storage).await, ["a.txt", "b.txt"]);
    for days in [0, 1, 28] {
        world.clock.advance(DAY * days);
        let again = Delivery::begin(&tree, message(1, &["/"])).await.unwrap();
        assert!(matches!(again, Begun::Done { files: 2 }), "{again:?}");
    }
    // Other content, another name, another folder, another key: another message.
    let id = message(1, &["/"]);
    let other = DeliveryId { content: [9; 32], ..id.clone() };
    let named = DeliveryId { message: "<other>".to_owned(), ..id.clone() };
    let moved = DeliveryId { folders: vec![path("/in")], ..id.clone() };
    for id in [other, named, moved] {
        let Begun::New(delivery) = Delivery::begin(&tree, id).await.unwrap() else { panic!() };
        delivery.abandon().await;
    }
    let holder = mail_key(&world, &storage, |_| {}).await;
    begin(&world.tree(&holder).await, 1, &["/"]).await.abandon().await;
    // After 30 days it is a new one.
    world.clock.advance(DAY * 2);
    assert_eq!(deliver(&tree, 1, &[("a.txt", b"one")]).await.unwrap(), 1);
    assert_eq!(names(&tree, "/").await, ["a (2).txt", "a.txt", "b.txt"]);
}

#[tokio::test]
async fn folders_that_have_it_are_left_out() {
    let world = World::new().await;
    let (storage, tree) = open(&world).await;
    let mut delivery = begin(&tree, 1, &["/in", "/in/", "/in"]).await;
    assert_eq!(delivery.folders(), [path("/in")], "equal folders are one");
    file(&mut delivery, "a", b"a").await.unwrap();
    assert_eq!(delivery.commit().await.unwrap(), 1);
    let mut delivery = begin(&tree, 1, &["/out", "/in", "/"]).await;
    assert_eq!(delivery.folders(), [path("/out"), path("/")]);
    for folder in delivery.folders().to_vec() {
        for name in ["a", "b"] {
            let file = delivery.file(&folder, name, ContentHeaders::default()).await.unwrap();
            assert_eq!(file.finish().await.unwrap(), 0);
        }
    }
    let elsewhere = delivery.file(&path("/in"), "a", ContentHeaders::default()).await.map(drop);
    assert!(matches!(elsewhere, Err(FileError::NotFound)), "{elsewhere:?}");
    assert_eq!(delivery.commit().await.unwrap(), 4);
    assert_eq!(keys(&world, &storage).await, ["a", "b", "in/a", "out/a", "out/b"]);
    let again = Delivery::begin(&tree, message(1, &["/in", "/out"])).await.unwrap();
    assert!(matches!(again, Begun::Done { files: 3 }), "{again:?}");
}

/// While it is stored, here or on another node, nobody else stores it.
#[tokio::test]
async fn a_resend_while_it_is_stored() {
    let world = World::new().await;
    let (storage, tree) = open(&world).await;
    let mut delivery = begin(&tree, 1, &["/"]).await;
    file(&mut delivery, "a", b"a").await.unwrap();
    for minutes in [0, 4] {
        world.clock.advance(Duration::from_secs(60 * minutes));
        let again = Delivery::begin(&tree, message(1, &["/", "/new"])).await.unwrap();
        assert!(matches!(again, Begun::Busy), "{again:?}");
    }
    // Nothing of the second was claimed.
    begin(&tree, 1, &["/new"]).await.abandon().await;
    // Each file is a sign of life.
    file(&mut delivery, "b", b"b").await.unwrap();
    world.clock.advance(Duration::from_secs(60 * 4));
    assert!(matches!(Delivery::begin(&tree, message(1, &["/"])).await.unwrap(), Begun::Busy));
    assert_eq!(delivery.commit().await.unwrap(), 2);
    assert!(matches!(Delivery::begin(&tree, message(1, &["/"])).await.unwrap(), Begun::Done { files: 2 }));
    assert_eq!(keys(&world, &storage).await, ["a", "b"]);
}

/// Of many who bring it at once one stores it.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_at_once() {
    let world = World::new().await;
    let (storage, tree) = open(&world).await;
    let mut all = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let tree = tree.clone();
        all.spawn(async move {
            match Delivery::begin(&tree, message(1, &["/"])).await.unwrap() {
                Begun::New(mut delivery) => {
                    file(&mut delivery, "a", b"a").await.unwrap();
                    delivery.commit().await.unwrap()
                }
                Begun::Done { files } => {
                    assert_eq!(files, 1);
                    0
                }
                Begun::Busy => 0,
                Begun::TooMany { .. } => panic!("too many"),
            }
        });
    }
    assert_eq!(all.join_all().await.into_iter().sum::<u32>(), 1);
    assert_eq!(keys(&world, &storage).await, ["a"]);
}

#[tokio::test]
async fn as_many_an_hour_as_may_be() {
    let world = World::new().await;
    let (storage, tree) = open(&world).await;
    let few = |number| DeliveryId { per_hour: 2, ..message(number, &["/", "/in"]) };
    for number in [1, 2] {
        let Begun::New(delivery) = Delivery::begin(&tree, few(number)).await.unwrap() else { panic!() };
        delivery.commit().await.unwrap();
        world.clock.advance(Duration::from_secs(600));
    }
    let third = Delivery::begin(&tree, few(3)).await.unwrap();
    let Begun::TooMany { retry_after } = third else { panic!("{third:?}") };
    assert_eq!(retry_after, Duration::from_secs(2400));
    // What is known costs nothing, and other keys have their own.
    assert!(matches!(Delivery::begin(&tree, few(1)).await.unwrap(), Begun::Done { files: 0 }));
    let other = world.tree(&mail_key(&world, &storage, |key| key.permission = Permission::Write).await).await;
    begin(&other, 3, &["/"]).await.abandon().await;
    world.clock.advance(retry_after);
    let Begun::New(delivery) = Delivery::begin(&tree, few(3)).await.unwrap() else { panic!() };
    delivery.abandon().await;
    // What was undone does not count.
    assert!(matches!(Delivery::begin(&tree, few(4)).await.unwrap(), Begun::New(_)));
}

#[tokio::test]
async fn what_is_not_finished_is_not_committed() {
    let world = World::new().await;
    let (storage, tree) = open(&world).await;
    let mut delivery = begin(&tree, 1, &["/"]).await;
    file(&mut delivery, "a", b"a").await.unwrap();
    drop(delivery.file(&path("/"), "b", ContentHeaders::default()).await.unwrap());
    assert!(matches!(delivery.commit().await, Err(FileError::Broken)));
    assert_eq!(keys(&world, &storage).await, Vec::<String>::new());
    // Forgotten, so the same message is new.
    assert_eq!(deliver(&tree, 1, &[("a", b"a"), ("b", b"b")]).await.unwrap(), 2);
    assert_eq!(read(&tree, "/b").await.unwrap(), b"b");
}
