//! Names that are free, and what is there under others.

use portcullis_access::ContentHeaders;
use portcullis_domain::{Permission, Scope};
use portcullis_files::{FileError, WriteOptions};

use super::{begin, content, deliver, file, keys, open};
use crate::world::{World, noise, path, read, write};

#[tokio::test]
async fn the_first_that_is_free() {
    for on_disk in [false, true] {
        let world = if on_disk { World::on_disk().await } else { World::new().await };
        let (storage, tree) = open(&world).await;
        world.put(&storage, &[("a.txt", "theirs"), ("a (3).txt", "theirs"), ("dir/x", "theirs")]).await;
        let files: [(&str, &[u8]); 5] =
            [("a.txt", b"1"), ("a.txt", b"2"), ("dir", b"3"), ("b", b"4"), ("a.txt", b"5")];
        assert_eq!(deliver(&tree, 1, &files).await.unwrap(), 5);
        let all = ["a (2).txt", "a (3).txt", "a (4).txt", "a (5).txt", "a.txt", "b", "dir (2)", "dir/x"];
        assert_eq!(keys(&world, &storage).await, all);
        for (key, text) in [
            ("a.txt", "theirs"),
            ("a (2).txt", "1"),
            ("a (4).txt", "2"),
            ("a (5).txt", "5"),
            ("dir (2)", "3"),
        ] {
            assert_eq!(world.content(&storage, key).await.unwrap(), text.as_bytes(), "{key}");
        }
    }
}

/// A thousand of one name take a few questions each.
#[tokio::test]
async fn many_of_one_name() {
    let world = World::new().await;
    let (storage, tree) = open(&world).await;
    let mut taken = vec![("x.png".to_owned(), "")];
    taken.extend((2..=1000).map(|number| (format!("x ({number}).png"), "")));
    let all: Vec<(&str, &str)> = taken.iter().map(|(key, text)| (key.as_str(), *text)).collect();
    world.put(&storage, &all).await;
    world.spy.calls();
    deliver(&tree, 1, &[("x.png", b"new")]).await.unwrap();
    let calls = world.spy.calls();
    assert!(calls.iter().all(|(_, count)| *count < 40), "{calls:?}");
    assert_eq!(world.content(&storage, "x (1001).png").await.unwrap(), b"new");
}

/// Messages that come at the same time and want the same names.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn at_the_same_time() {
    for poor in [false, true] {
        let world = World::new().await;
        let (storage, tree) = open(&world).await;
        world.spy.poor.store(poor, std::sync::atomic::Ordering::Relaxed);
        let mut all = tokio::task::JoinSet::new();
        for number in 0..12 {
            let tree = tree.clone();
            all.spawn(async move {
                let text = number.to_string();
                deliver(&tree, number, &[("a.txt", text.as_bytes()), ("a.txt", text.as_bytes())])
                    .await
                    .unwrap()
            });
        }
        assert_eq!(all.join_all().await, [2; 12]);
        let mut texts = Vec::new();
        let keys = keys(&world, &storage).await;
        for key in &keys {
            texts.push(String::from_utf8(world.content(&storage, key).await.unwrap()).unwrap());
        }
        texts.sort_unstable();
        let mut sent: Vec<String> =
            (0..12).flat_map(|number| [number.to_string(), number.to_string()]).collect();
        sent.sort_unstable();
        assert_eq!(texts, sent, "{keys:?}");
    }
}

/// Somebody else who takes the name while the file comes keeps it.
#[tokio::test]
async fn taken_meanwhile() {
    for poor in [false, true] {
        let world = World::on_disk().await;
        let (storage, tree) = open(&world).await;
        world.spy.poor.store(poor, std::sync::atomic::Ordering::Relaxed);
        let mut delivery = begin(&tree, 1, &["/"]).await;
        let mut small = delivery.file(&path("/"), "a", ContentHeaders::default()).await.unwrap();
        small.write(noise(1 << 20).into()).await.unwrap();
        world.put(&storage, &[("a", "theirs")]).await;
        assert_eq!(small.finish().await.unwrap(), 1 << 20);
        // A large one is not kept here; it can be begun again.
        for round in 0..2 {
            let mut large = delivery.file(&path("/"), "b", ContentHeaders::default()).await.unwrap();
            large.write(noise(9 << 20).into()).await.unwrap();
            if round == 0 {
                world.put(&storage, &[("b", "theirs")]).await;
                let outcome = large.finish().await;
                assert!(matches!(outcome, Err(FileError::Exists)), "{poor} {outcome:?}");
            } else {
                assert_eq!(large.finish().await.unwrap(), 9 << 20);
            }
        }
        assert_eq!(delivery.commit().await.unwrap(), 2);
        world.settled().await;
        assert_eq!(keys(&world, &storage).await, ["a", "a (2)", "b", "b (2)"]);
        assert_eq!(world.content(&storage, "a").await.unwrap(), b"theirs");
        assert!(world.content(&storage, "b (2)").await.unwrap() == noise(9 << 20));
        assert_eq!(world.uploads(&storage).await, 0);
    }
}

#[tokio::test]
async fn what_is_kept_with_a_file() {
    let world = World::on_disk().await;
    let (storage, tree) = open(&world).await;
    let mut delivery = begin(&tree, 1, &["/in"]).await;
    let told = ContentHeaders {
        content_type: Some("image/png".to_owned()),
        user: vec![("from".to_owned(), "x".to_owned())],
        ..ContentHeaders::default()
    };
    for (name, length) in [("small", 10), ("large", 20 << 20)] {
        let mut file = delivery.file(&path("/in"), name, told.clone()).await.unwrap();
        file.write(noise(length).into()).await.unwrap();
        file.finish().await.unwrap();
    }
    delivery.commit().await.unwrap();
    for (name, length) in [("small", 10), ("large", 20 << 20)] {
        let kept = content(&world, &storage, &format!("in/{name}")).await;
        assert_eq!(kept.content_type.as_deref(), Some("image/png"));
        assert_eq!(kept.user[0], told.user[0]);
        assert_eq!(kept.user[1].0, "portcullis-delivery");
        assert!(read(&tree, &format!("/in/{name}")).await.unwrap() == noise(length));
    }
}

/// Names that mean something else, and folders that do.
#[tokio::test]
async fn names_that_cannot_be() {
    let world = World::new().await;
    let (storage, tree) = open(&world).await;
    let mut delivery = begin(&tree, 1, &["/"]).await;
    for wrong in ["", ".", "..", "a/b", "../a", "a\nb", "/"] {
        let outcome = file(&mut delivery, wrong, b"x").await;
        assert!(matches!(outcome, Err(FileError::Escaped)), "{wrong:?} {outcome:?}");
    }
    let long = "x".repeat(1100);
    assert!(matches!(file(&mut delivery, &long, b"x").await, Err(FileError::Path(_))));
    file(&mut delivery, "%2E%2E", b"x").await.unwrap();
    delivery.commit().await.unwrap();
    assert_eq!(keys(&world, &storage).await, ["_2E_2E"]);
    for wrong in ["/%2E%2E", "/a%0A/b", "/a%2F"] {
        let outcome = tree.takes(&path(wrong)).await;
        assert!(matches!(outcome, Err(FileError::Escaped)), "{wrong} {outcome:?}");
    }
    // A key for all storages of a person names one first.
    let person = world.person("ada").await;
    world.share(&storage, &person, "", Permission::ReadWrite).await;
    let holder =
        world.key(Scope::User(person.id), |key| key.channel = portcullis_domain::Channel::Email).await;
    let theirs = world.tree(&holder).await;
    assert!(matches!(theirs.takes(&path("/")).await, Err(FileError::Unsupported(_))));
    assert!(matches!(theirs.takes(&path("/none/x")).await, Err(FileError::NotFound)));
    let folder = format!("/{}/in", storage.bucket.as_str());
    let mut delivery = begin(&theirs, 2, &[&folder]).await;
    file(&mut delivery, "a", b"a").await.unwrap();
    delivery.commit().await.unwrap();
    assert_eq!(keys(&world, &storage).await, ["_2E_2E", "in/a"]);
}

/// A file of the same name that goes on being written by others in the ordinary way is theirs.
#[tokio::test]
async fn others_may_replace_what_was_delivered() {
    let world = World::new().await;
    let (storage, tree) = open(&world).await;
    deliver(&tree, 1, &[("a", b"mail")]).await.unwrap();
    let other = world.tree(&world.key(Scope::Storage(storage.id), |_| {}).await).await;
    write(&other, "/a", b"changed").await.unwrap();
    let mut upload = other.write(&path("/a"), WriteOptions::default()).await.unwrap();
    upload.write(b"again".as_slice().into()).await.unwrap();
    upload.finish().await.unwrap();
    assert_eq!(world.content(&storage, "a").await.unwrap(), b"again");
}
