//! Keys and people who reach a part of a storage.

use portcullis_domain::{KeyPrefix, Permission, Scope};
use portcullis_files::{FileError, IfThere, Top};

use crate::world::{World, names, path, read, write};

const OBJECTS: [(&str, &str); 7] = [
    ("a/inv-1", "1"),
    ("a/inv/2", "2"),
    ("a/other", "o"),
    ("b/c/d/file", "f"),
    ("b/c/secret", "s"),
    ("b/x", "x"),
    ("top", "t"),
];

#[tokio::test]
async fn the_folder_of_a_key_is_its_top() {
    let world = World::new().await;
    let storage = world.storage("files", |_| {}).await;
    world.put(&storage, &OBJECTS).await;
    let of = |prefix: &'static str| {
        world.key(Scope::Storage(storage.id), |key| key.prefix = KeyPrefix::parse(prefix).unwrap())
    };

    let tree = world.tree(&of("b/c/").await).await;
    assert_eq!(names(&tree, "/").await, ["d/", "secret"]);
    assert_eq!(read(&tree, "/d/file").await.unwrap(), b"f");
    assert_eq!(read(&tree, "/../../d/file").await.unwrap(), b"f", "nothing is above the top");
    assert_eq!(tree.place(&path("/d/file")).await.unwrap(), (storage.id, "b/c/d/file".to_owned()));
    write(&tree, "/new", b"n").await.unwrap();
    assert_eq!(world.content(&storage, "b/c/new").await.unwrap(), b"n");
    tree.remove_file(&path("/new"), None).await.unwrap();

    // A beginning that is not a folder: only what begins so is there, in the folder that holds it.
    let tree = world.tree(&of("a/inv").await).await;
    assert_eq!(names(&tree, "/").await, ["inv-1", "inv/"]);
    assert_eq!(names(&tree, "/inv").await, ["2"]);
    assert!(matches!(read(&tree, "/other").await, Err(FileError::Denied)));
    assert!(matches!(tree.stat(&path("/other")).await, Err(FileError::Denied)));
    assert!(matches!(write(&tree, "/out", b"x").await, Err(FileError::Denied)));
    write(&tree, "/invoice", b"n").await.unwrap();
    tree.make_folder(&path("/inv-new")).await.unwrap();
    assert!(matches!(tree.make_folder(&path("/x")).await, Err(FileError::Denied)));
    tree.rename(&path("/invoice"), &path("/inv-new/i"), IfThere::Refuse).await.unwrap();
    let out = tree.rename(&path("/inv-new/i"), &path("/out"), IfThere::Refuse).await;
    assert!(matches!(out, Err(FileError::Denied)), "{out:?}");
    tree.remove_all(&path("/inv-new")).await.unwrap();
    tree.remove_file(&path("/inv-1"), None).await.unwrap();
    tree.remove_all(&path("/inv")).await.unwrap();
    assert_eq!(names(&tree, "/").await, Vec::<String>::new());
    assert_eq!(world.keys(&storage).await.len(), 5);
}

/// Under the bucket's name the way leads through folders that hold nothing else.
#[tokio::test]
async fn the_way_to_what_was_shared() {
    let world = World::new().await;
    let storage = world.storage("files", |_| {}).await;
    world.put(&storage, &OBJECTS).await;
    let user = world.person("maria").await;
    world.share(&storage, &user, "b/c/d/", Permission::ReadWrite).await;
    world.share(&storage, &user, "a/inv", Permission::Read).await;
    let holder = world.key(Scope::User(user.id), |_| {}).await;
    for top in [Top::Home, Top::Storages] {
        let tree = world.tree_at(&holder, top).await;
        let at = |rest: &str| format!("/{}{rest}", storage.bucket);
        assert_eq!(names(&tree, &at("")).await, ["a/", "b/"]);
        assert_eq!(names(&tree, &at("/b")).await, ["c/"]);
        assert_eq!(names(&tree, &at("/b/c")).await, ["d/"]);
        assert_eq!(names(&tree, &at("/b/c/d")).await, ["file"]);
        assert_eq!(names(&tree, &at("/a")).await, ["inv-1", "inv/"]);
        for folder in ["", "/a", "/b", "/b/c", "/b/c/d", "/a/inv"] {
            assert!(tree.stat(&path(&at(folder))).await.unwrap().is_folder(), "{folder}");
            tree.enter(&path(&at(folder))).await.unwrap();
            assert!(!tree.only_writes(&path(&at(folder))).await.unwrap());
        }
        for outside in ["/top", "/b/x", "/b/c/secret", "/a/other", "/z"] {
            assert!(matches!(tree.stat(&path(&at(outside))).await, Err(FileError::Denied)), "{outside}");
            assert!(matches!(read(&tree, &at(outside)).await, Err(FileError::Denied)), "{outside}");
            assert!(matches!(write(&tree, &at(outside), b"x").await, Err(FileError::Denied)), "{outside}");
        }
        assert!(matches!(write(&tree, &at("/a/inv-1"), b"x").await, Err(FileError::Denied)));
        assert!(matches!(write(&tree, &at("/b"), b"x").await, Err(FileError::Denied)));
        write(&tree, &at("/b/c/d/new"), b"n").await.unwrap();
        tree.remove_file(&path(&at("/b/c/d/new")), None).await.unwrap();
        for folder in ["/b", "/b/c"] {
            assert!(
                matches!(tree.remove_folder(&path(&at(folder))).await, Err(FileError::Denied)),
                "{folder}"
            );
            assert!(matches!(tree.remove_all(&path(&at(folder))).await, Err(FileError::Denied)), "{folder}");
            let renamed = tree.rename(&path(&at(folder)), &path(&at("/b/c/d/x")), IfThere::Refuse).await;
            assert!(
                matches!(renamed, Err(FileError::Denied | FileError::Unsupported(_))),
                "{folder} {renamed:?}"
            );
        }
        // One entry a page.
        let mut after = None;
        for expected in ["a", "b"] {
            let page = tree.page(&path(&at("")), after.as_deref(), 1).await.unwrap();
            assert_eq!(page.entries[0].name, expected);
            after = page.next;
        }
        assert_eq!(after, None);
    }
    assert_eq!(world.keys(&storage).await.len(), OBJECTS.len());
}

/// A key for one storage sees it under its name where storages are at the top.
#[tokio::test]
async fn one_storage_by_its_name() {
    let world = World::new().await;
    let storage = world.storage("files", |_| {}).await;
    world.storage("others", |_| {}).await;
    world.put(&storage, &OBJECTS).await;
    let holder =
        world.key(Scope::Storage(storage.id), |key| key.prefix = KeyPrefix::parse("b/c/").unwrap()).await;
    let tree = world.tree_at(&holder, Top::Storages).await;
    assert_eq!(names(&tree, "/").await, [format!("{}/", storage.bucket)]);
    assert_eq!(names(&tree, &format!("/{}", storage.bucket)).await, ["b/"]);
    assert_eq!(names(&tree, &format!("/{}/b/c", storage.bucket)).await, ["d/", "secret"]);
}
