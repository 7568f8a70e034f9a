//! Looking around: names, folders, pages.

use futures_util::TryStreamExt as _;
use portcullis_domain::{Clock as _, Permission, Scope};
use portcullis_files::{Entry, FileError, Kind, TreePath};
use proptest::prelude::*;

use crate::world::{World, names, path, read, write};

#[tokio::test]
async fn files_and_folders() {
    for world in [World::new().await, World::on_disk().await] {
        let (storage, tree) = world.open().await;
        world
            .put(&storage, &[("a.txt", "one"), ("sub/b.txt", "two"), ("sub/deep/c", "3"), ("empty/", "")])
            .await;
        assert_eq!(names(&tree, "/").await, ["a.txt", "empty/", "sub/"]);
        assert_eq!(names(&tree, "/sub").await, ["b.txt", "deep/"]);
        assert_eq!(names(&tree, "/empty/").await, Vec::<String>::new());
        assert_eq!(read(&tree, "/sub/deep/c").await.unwrap(), b"3");

        let file = tree.stat(&path("/sub/b.txt")).await.unwrap();
        assert_eq!((file.name.as_str(), file.size(), file.is_folder()), ("b.txt", 3, false));
        assert_eq!(file.modified, Some(world.clock.now()));
        for folder in ["/", "/sub", "/sub/", "/sub/deep", "/empty"] {
            assert!(tree.stat(&path(folder)).await.unwrap().is_folder(), "{folder}");
            tree.enter(&path(folder)).await.unwrap();
        }
        for missing in ["/nothing", "/sub/b", "/a.txt/", "/sub/deep/c/d", "/emp"] {
            assert!(matches!(tree.stat(&path(missing)).await, Err(FileError::NotFound)), "{missing}");
            let listed = tree.list(&path(missing)).try_collect::<Vec<_>>().await;
            assert!(matches!(listed, Err(FileError::NotFound)), "{missing}");
        }
        assert!(matches!(tree.enter(&path("/a.txt")).await, Err(FileError::NotFolder)));
        let listed = tree.list(&path("/a.txt")).try_collect::<Vec<_>>().await;
        assert!(matches!(listed, Err(FileError::NotFolder)));
        assert!(matches!(read(&tree, "/sub").await, Err(FileError::IsFolder)));
        assert!(matches!(read(&tree, "/").await, Err(FileError::IsFolder)));
        assert!(matches!(read(&tree, "/nothing").await, Err(FileError::NotFound)));
    }
}

/// What a path cannot say is shown, and each name leads to what it is shown for.
#[tokio::test]
async fn keys_that_are_no_paths() {
    let world = World::new().await;
    let (storage, tree) = world.open().await;
    let keys =
        ["/lead", "a//b", "a/../c", "x\ny", "p%2F", "p%252F", "%2E", "../up", "both", "both/in", "full/"];
    world.put(&storage, &keys.map(|key| (key, key))).await;
    let shown =
        ["%252E", "%2E%2E/", "%2F/", "a/", "both", "both%2F/", "full/", "p%25252F", "p%252F", "x%0Ay"];
    assert_eq!(names(&tree, "/").await, shown);
    assert_eq!(names(&tree, "/a").await, ["%2E%2E/", "%2F/"]);
    assert_eq!(names(&tree, "/both%2F").await, ["in"]);
    assert_eq!(read(&tree, "/a/%2F/b").await.unwrap(), b"a//b");
    assert_eq!(read(&tree, "/a/%2E%2E/c").await.unwrap(), b"a/../c");
    assert_eq!(read(&tree, "/both").await.unwrap(), b"both");
    assert_eq!(read(&tree, "/both/in").await.unwrap(), b"both/in");
    // A marker that holds bytes is somebody's file: no path shows it, and none removes it by the way.
    assert_eq!(names(&tree, "/full").await, Vec::<String>::new());
    assert!(matches!(tree.remove_folder(&path("/full")).await, Err(FileError::NotEmpty)));
    assert_eq!(world.content(&storage, "full/").await.unwrap(), b"full/");

    // What is there under an escape can be replaced; nothing new is made under one.
    write(&tree, "/x%0Ay", b"new").await.unwrap();
    assert_eq!(world.content(&storage, "x\ny").await.unwrap(), b"new");
    for escaped in ["/new%0A", "/%2E", "/p%25252525252F", "/raw\nname"] {
        assert!(matches!(write(&tree, escaped, b"").await, Err(FileError::Escaped)), "{escaped}");
        assert!(matches!(tree.make_folder(&path(escaped)).await, Err(FileError::Escaped)), "{escaped}");
    }
    assert!(matches!(write(&tree, "/new%2F", b"").await, Err(FileError::IsFolder)));
    // And what only looks like an escape is a name as any other.
    write(&tree, "/100%25", b"").await.unwrap();
    assert!(world.content(&storage, "100%25").await.is_some());
}

/// Every key of three odd parts is found by the names that are shown, and under each name just that key.
#[tokio::test]
async fn all_that_is_there_is_reached() {
    let world = World::new().await;
    let (storage, tree) = world.open().await;
    let parts = ["", ".", "..", "a", "a%2F", "%2F", "%2E", "%25", "%2E%2F", "a\n"];
    let mut keys: Vec<String> = parts.iter().map(ToString::to_string).collect();
    for depth in 0..2 {
        let longer = keys.iter().filter(|key| key.matches('/').count() == depth).cloned().collect::<Vec<_>>();
        keys.extend(longer.iter().flat_map(|key| parts.iter().map(move |part| format!("{key}/{part}"))));
    }
    keys.retain(|key| !key.is_empty());
    for key in &keys {
        world.put(&storage, &[(key.as_str(), key.as_str())]).await;
    }
    let mut found = Vec::new();
    let mut folders = vec![TreePath::top()];
    while let Some(folder) = folders.pop() {
        for entry in tree.list(&folder).try_collect::<Vec<Entry>>().await.unwrap() {
            let at = folder.child(&entry.name);
            let again = TreePath::top().join(at.to_string().as_bytes()).unwrap();
            assert_eq!(at, again, "a name is a name in a path too");
            let told = tree.stat(&at).await.unwrap();
            assert_eq!((&told.name, told.is_folder()), (&entry.name, entry.is_folder()), "{at}");
            match entry.kind {
                Kind::Folder => folders.push(at),
                Kind::File { .. } => {
                    found.push(String::from_utf8(read(&tree, &at.to_string()).await.unwrap()).unwrap())
                }
            }
        }
    }
    found.sort_unstable();
    keys.retain(|key| !key.ends_with('/'));
    keys.sort_unstable();
    assert_eq!(found, keys);
}

/// Pages of every size tell the same, also where a file and the folder of its name are on different ones.
#[tokio::test]
async fn pages() {
    let world = World::on_disk().await;
    let (storage, tree) = world.open().await;
    let keys = ["f/", "f/a", "f/a!b", "f/a.txt", "f/a/x", "f/b/y", "f/c", "f/c/", "f/d/e/f", "f/d/g"];
    world.put(&storage, &keys.map(|key| (key, key))).await;
    let whole = names(&tree, "/f").await;
    assert_eq!(whole, ["a", "a!b", "a.txt", "a%2F/", "b/", "c", "c%2F/", "d/"]);
    for limit in 1..=9 {
        let (mut told, mut after) = (Vec::new(), None::<String>);
        loop {
            let page = tree.page(&path("/f"), after.as_deref(), limit).await.unwrap();
            assert!(page.entries.len() <= limit);
            told.extend(page.entries.into_iter().map(|entry| match entry.is_folder() {
                true => format!("{}/", entry.name),
                false => entry.name,
            }));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(told, whole, "pages of {limit}");
    }
    assert!(matches!(tree.page(&path("/f"), Some("nonsense"), 10).await, Err(FileError::NotFound)));
}

#[tokio::test]
async fn many_entries_come_page_by_page() {
    let world = World::new().await;
    let (storage, tree) = world.open().await;
    let keys: Vec<String> = (0..2_500).map(|number| format!("n{number:05}")).collect();
    let objects: Vec<_> = keys.iter().map(|key| (key.as_str(), "")).collect();
    world.put(&storage, &objects).await;
    world.spy.calls();
    assert_eq!(names(&tree, "/").await, keys);
    assert_eq!(world.spy.calls(), [("list", 3)]);
}

/// Keys of users see the storages that they may enter as folders.
#[tokio::test]
async fn storages_at_the_top() {
    let world = World::new().await;
    let user = world.person("maria").await;
    let (one, two, other) = (
        world.storage("one", |_| {}).await,
        world.storage("two", |_| {}).await,
        world.storage("other", |_| {}).await,
    );
    world.share(&one, &user, "", Permission::ReadWrite).await;
    world.share(&two, &user, "", Permission::Read).await;
    world.put(&one, &[("a", "a")]).await;
    let holder = world.key(Scope::User(user.id), |_| {}).await;
    let tree = world.tree(&holder).await;
    assert_eq!(names(&tree, "/").await, [format!("{}/", one.bucket), format!("{}/", two.bucket)]);
    let at = format!("/{}/a", one.bucket);
    assert_eq!(read(&tree, &at).await.unwrap(), b"a");
    assert_eq!(tree.place(&path(&at)).await.unwrap(), (one.id, "a".to_owned()));
    assert!(tree.stat(&path(&format!("/{}", two.bucket))).await.unwrap().is_folder());
    assert!(matches!(tree.stat(&path(&format!("/{}", other.bucket))).await, Err(FileError::NotFound)));
    assert!(matches!(tree.stat(&path("/nothing")).await, Err(FileError::NotFound)));

    // Storages are not made, renamed or removed here, and no file stands beside them.
    for outcome in [
        tree.make_folder(&path("/new-storage")).await,
        tree.remove_folder(&path(&format!("/{}", one.bucket))).await,
        tree.remove_all(&path(&format!("/{}", one.bucket))).await,
        tree.remove_all(&path("/")).await,
        tree.rename(&path(&format!("/{}", one.bucket)), &path("/x"), portcullis_files::IfThere::Refuse)
            .await
            .map(drop),
        write(&tree, "/file", b"x").await.map(drop),
    ] {
        assert!(matches!(outcome, Err(FileError::Unsupported(_))), "{outcome:?}");
    }
    let there = tree.make_folder(&path(&format!("/{}", one.bucket))).await;
    assert!(matches!(there, Err(FileError::Exists)), "{there:?}");
    assert!(matches!(write(&tree, &format!("/{}/b", two.bucket), b"x").await, Err(FileError::Denied)));
    assert!(world.content(&one, "a").await.is_some());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// The path of an entry is the path that a client says for it.
    #[test]
    fn paths_are_what_they_show(names in prop::collection::vec("[a-z%2F.]{1,6}", 0..4)) {
        let at = names.iter().fold(TreePath::top(), |at, name| at.child(name));
        let said = TreePath::top().join(at.to_string().as_bytes()).unwrap();
        let dots = names.iter().any(|name| matches!(name.as_str(), "." | ".."));
        prop_assert!(dots || said == at);
    }
}
