//! Other names, and copies.

use portcullis_backend::BackendErrorKind;
use portcullis_domain::{Permission, Scope, Timestamp};
use portcullis_files::{CopyDepth, FileError, IfThere, Tree};

use crate::world::{World, names, noise, path, read, write};

async fn rename(tree: &Tree, from: &str, to: &str, there: IfThere) -> Result<bool, FileError> {
    tree.rename(&path(from), &path(to), there).await
}

#[tokio::test]
async fn files() {
    for (world, poor) in
        [(World::new().await, false), (World::on_disk().await, false), (World::on_disk().await, true)]
    {
        let (storage, tree) = world.open().await;
        world.spy.poor.store(poor, std::sync::atomic::Ordering::Relaxed);
        world.put(&storage, &[("a/one", "1"), ("b/two", "2"), ("dir/x", "x")]).await;
        tree.set_modified(&path("/a/one"), Timestamp::from_seconds(77)).await.unwrap();
        assert!(!rename(&tree, "/a/one", "/b/uno", IfThere::Refuse).await.unwrap());
        assert_eq!(read(&tree, "/b/uno").await.unwrap(), b"1");
        assert_eq!(tree.stat(&path("/b/uno")).await.unwrap().modified, Some(Timestamp::from_seconds(77)));
        assert_eq!(names(&tree, "/").await, ["a/", "b/", "dir/"], "the folder stays");
        assert!(matches!(rename(&tree, "/b/uno", "/b/two", IfThere::Refuse).await, Err(FileError::Exists)));
        assert!(rename(&tree, "/b/uno", "/b/two", IfThere::Replace).await.unwrap());
        assert_eq!(read(&tree, "/b/two").await.unwrap(), b"1");
        assert_eq!(names(&tree, "/b").await, ["two"]);
        for (from, to) in [("/b/two", "/b/two"), ("/b", "/b/")] {
            assert!(!rename(&tree, from, to, IfThere::Refuse).await.unwrap(), "to itself");
        }
        for there in [IfThere::Refuse, IfThere::Replace] {
            assert!(matches!(rename(&tree, "/b/two", "/dir", there).await, Err(FileError::Exists)));
            assert!(matches!(rename(&tree, "/none", "/b/x", there).await, Err(FileError::NotFound)));
            assert!(matches!(rename(&tree, "/b/two", "/none/x", there).await, Err(FileError::NoParent)));
            assert!(matches!(rename(&tree, "/b/two", "/b/%0A", there).await, Err(FileError::Escaped)));
        }
        assert!(
            !tree.copy(&path("/b/two"), &path("/b/three"), IfThere::Refuse, CopyDepth::All).await.unwrap()
        );
        assert_eq!(names(&tree, "/b").await, ["three", "two"]);
        assert_eq!(read(&tree, "/b/three").await.unwrap(), b"1");
    }
}

#[tokio::test]
async fn folders() {
    for poor in [false, true] {
        let world = World::on_disk().await;
        let (storage, tree) = world.open().await;
        world.spy.poor.store(poor, std::sync::atomic::Ordering::Relaxed);
        let objects = [("d/", ""), ("d/a", "a"), ("d/e/", ""), ("d/e/b", "b"), ("d/f//g", "g"), ("q/z", "z")];
        world.put(&storage, &objects).await;
        assert!(!rename(&tree, "/d", "/moved", IfThere::Refuse).await.unwrap());
        let moved = |name: &str, size| (format!("moved/{name}"), size);
        let rest = ("q/z".to_owned(), 1);
        let all =
            [moved("", 0), moved("a", 1), moved("e/", 0), moved("e/b", 1), moved("f//g", 1), rest.clone()];
        assert_eq!(world.keys(&storage).await, all);
        // One that nobody made needs no marker of its own under its new name either.
        rename(&tree, "/q", "/moved/q", IfThere::Refuse).await.unwrap();
        assert_eq!(names(&tree, "/moved").await, ["a", "e/", "f/", "q/"]);
        assert!(world.keys(&storage).await.contains(&moved("q/z", 1)));
        assert!(!world.keys(&storage).await.iter().any(|(key, _)| key == "moved/q/" || key.starts_with("q")));
        for there in [IfThere::Refuse, IfThere::Replace] {
            let into = rename(&tree, "/moved", "/moved/e/x", there).await;
            assert!(matches!(into, Err(FileError::Unsupported(_))), "{into:?}");
            assert!(matches!(rename(&tree, "/moved/e", "/moved/q", there).await, Err(FileError::Exists)));
            assert!(matches!(rename(&tree, "/moved/e", "/moved/a", there).await, Err(FileError::Exists)));
        }
        tree.copy(&path("/moved"), &path("/copy"), IfThere::Refuse, CopyDepth::All).await.unwrap();
        assert_eq!(names(&tree, "/copy").await, ["a", "e/", "f/", "q/"]);
        assert_eq!(names(&tree, "/moved").await, ["a", "e/", "f/", "q/"]);
        tree.copy(&path("/moved"), &path("/empty"), IfThere::Refuse, CopyDepth::Itself).await.unwrap();
        assert_eq!(names(&tree, "/empty").await, Vec::<String>::new());
        rename(&tree, "/empty", "/still-empty", IfThere::Refuse).await.unwrap();
        assert!(tree.stat(&path("/still-empty")).await.unwrap().is_folder());
        assert!(matches!(tree.stat(&path("/empty")).await, Err(FileError::NotFound)));
    }
}

/// What was interrupted is gone on with by the same call, wherever it was interrupted, and nothing is lost on the way.
#[tokio::test]
async fn interrupted() {
    for (call, most) in [("copy", 5), ("delete", 6), ("put", 1), ("head", 12)] {
        for nth in 1..=most {
            let world = World::new().await;
            let (storage, tree) = world.open().await;
            let objects = [("d/", ""), ("d/a", "a"), ("d/b", "bb"), ("d/c", "ccc"), ("d/e/f", "ffff")];
            world.put(&storage, &objects).await;
            world.spy.fail(call, nth, BackendErrorKind::Unavailable);
            if rename(&tree, "/d", "/new", IfThere::Refuse).await.is_err() {
                for (old, text) in objects {
                    let new = format!("new/{}", old.strip_prefix("d/").unwrap());
                    let kept = [world.content(&storage, old).await, world.content(&storage, &new).await];
                    assert!(
                        kept.iter().flatten().any(|content| content == text.as_bytes()),
                        "{old} {call} {nth}"
                    );
                }
                let again = rename(&tree, "/d", "/new", IfThere::Refuse).await;
                again.unwrap_or_else(|error| panic!("{call} {nth}: {error:?}"));
            }
            let keys: Vec<_> = world.keys(&storage).await;
            assert_eq!(
                keys,
                [("new/", 0), ("new/a", 1), ("new/b", 2), ("new/c", 3), ("new/e/f", 4)]
                    .map(|(key, size)| (key.to_owned(), size)),
                "{call} {nth}"
            );
            world.spy.heal();
            // The note is gone: another folder of the old name is another folder.
            world.put(&storage, &[("d/a", "a")]).await;
            assert!(matches!(rename(&tree, "/d", "/new", IfThere::Refuse).await, Err(FileError::Exists)));
        }
    }
}

/// What somebody put under the new name meanwhile is theirs.
#[tokio::test]
async fn going_on_overwrites_nothing() {
    let world = World::new().await;
    let (storage, tree) = world.open().await;
    world.put(&storage, &[("d/a", "a"), ("d/b", "b")]).await;
    world.spy.fail("delete", 1, BackendErrorKind::Unavailable);
    rename(&tree, "/d", "/new", IfThere::Refuse).await.unwrap_err();
    world.put(&storage, &[("new/a", "mine"), ("new/b", "mine")]).await;
    assert!(matches!(rename(&tree, "/d", "/new", IfThere::Refuse).await, Err(FileError::Exists)));
    assert_eq!(world.content(&storage, "new/a").await.unwrap(), b"mine");
    assert!(world.content(&storage, "d/a").await.is_some() || world.content(&storage, "d/b").await.is_some());
}

#[tokio::test]
async fn too_many() {
    let world = World::new().await;
    let (storage, tree) = world.open().await;
    let keys: Vec<String> = (0..=1_000).map(|number| format!("d/{number:05}")).collect();
    let objects: Vec<_> = keys.iter().map(|key| (key.as_str(), "")).collect();
    world.put(&storage, &objects).await;
    world.spy.poor.store(true, std::sync::atomic::Ordering::Relaxed);
    let outcome = rename(&tree, "/d", "/e", IfThere::Refuse).await;
    assert!(matches!(outcome, Err(FileError::TooMany { limit: 1_000 })), "{outcome:?}");
    world.spy.poor.store(false, std::sync::atomic::Ordering::Relaxed);
    rename(&tree, "/d", "/e", IfThere::Refuse).await.unwrap();
    assert_eq!(names(&tree, "/e").await.len(), 1_001);
}

#[tokio::test]
async fn between_storages() {
    let world = World::on_disk().await;
    let user = world.person("maria").await;
    let (one, two) = (world.storage("one", |_| {}).await, world.storage("two", |_| {}).await);
    world.share(&one, &user, "", Permission::ReadWrite).await;
    world.share(&two, &user, "", Permission::ReadWrite).await;
    let holder = world.key(Scope::User(user.id), |_| {}).await;
    let tree = world.tree(&holder).await;
    let (from, to) = (format!("/{}/d", one.bucket), format!("/{}/d", two.bucket));
    let large = noise(2 << 20);
    write(&tree, &format!("{from}/large"), &large).await.unwrap();
    write(&tree, &format!("{from}/sub/small"), b"small").await.unwrap();
    tree.copy(&path(&from), &path(&to), IfThere::Refuse, CopyDepth::All).await.unwrap();
    assert!(read(&tree, &format!("{to}/large")).await.unwrap() == large);
    rename(&tree, &from, &format!("{to}2"), IfThere::Refuse).await.unwrap();
    assert!(read(&tree, &format!("{to}2/sub/small")).await.unwrap() == b"small");
    assert_eq!(world.keys(&one).await, []);
    // What may only be read is copied and not moved.
    let three = world.storage("three", |_| {}).await;
    world.share(&three, &user, "", Permission::Read).await;
    world.put(&three, &[("x/y", "y")]).await;
    let from = format!("/{}/x", three.bucket);
    assert!(matches!(rename(&tree, &from, &format!("{to}3"), IfThere::Refuse).await, Err(FileError::Denied)));
    tree.copy(&path(&from), &path(&format!("{to}3")), IfThere::Refuse, CopyDepth::All).await.unwrap();
    assert_eq!(world.keys(&three).await, [("x/y".to_owned(), 1)]);
}
