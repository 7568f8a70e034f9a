//! Callers who may only write: nothing is told of what they did not write themselves.

use portcullis_domain::{Permission, Scope, Storage, Timestamp};
use portcullis_files::{CopyDepth, FileError, IfThere, OpenOptions, Tree, WriteOptions};

use crate::world::{World, names, noise, path, read, write, write_with};

async fn open(world: &World) -> (Storage, Tree, Tree) {
    let (storage, all) = world.open().await;
    world.put(&storage, &[("there/file", "secret"), ("file", "secret")]).await;
    let holder = world.key(Scope::Storage(storage.id), |key| key.permission = Permission::Write).await;
    let tree = world.tree(&holder).await;
    (storage, all, tree)
}

/// Every question has the same answer for what is there and for what is not.
#[tokio::test]
async fn nothing_is_told() {
    let world = World::new().await;
    let (storage, _, tree) = open(&world).await;
    let holder = world.key(Scope::Storage(storage.id), |key| key.permission = Permission::Write).await;
    for (there, not) in
        [("/file", "/none"), ("/there", "/none"), ("/there/file", "/none/file"), ("/there/", "/none/")]
    {
        let (there, not) = (path(there), path(not));
        macro_rules! both {
            ($tree:ident, $at:ident => $ask:expr) => {{
                let ($tree, $at) = (world.tree(&holder).await, &there);
                let first = format!("{:?}", $ask);
                let ($tree, $at) = (world.tree(&holder).await, &not);
                assert_eq!(first, format!("{:?}", $ask), "{there}: {}", stringify!($ask));
            }};
        }
        both!(tree, at => tree.stat(at).await);
        both!(tree, at => tree.enter(at).await);
        both!(tree, at => tree.open(at, OpenOptions::default()).await.map(drop));
        both!(tree, at => tree.partial(at).await);
        both!(tree, at => tree.page(at, None, 10).await.map(|page| page.entries));
        both!(tree, at => tree.remove_file(at, None).await.map_err(|error| error.to_string()));
        both!(tree, at => tree.remove_folder(at).await);
        both!(tree, at => tree.remove_all(at).await);
        both!(tree, at => tree.set_modified(at, Timestamp::default()).await);
        both!(tree, at => tree.rename(at, &path("/new"), IfThere::Refuse).await);
        both!(tree, at => tree.copy(at, &path("/new"), IfThere::Refuse, CopyDepth::All).await);
        both!(tree, at => tree.only_writes(at).await);
        let only_new = || WriteOptions { only_if: Some(None), ..WriteOptions::default() };
        both!(tree, at => write_with(&tree, &at.to_string(), b"x", only_new()).await.map(drop));
        let going_on = || WriteOptions { offset: 6, resumable: true, ..WriteOptions::default() };
        both!(tree, at => tree.write(at, going_on()).await.map(drop));
        both!(tree, at => tree.make_folder(&at.child("made")).await);
    }
    assert_eq!(names(&tree, "/").await, Vec::<String>::new());
    assert_eq!(names(&tree, "/there").await, Vec::<String>::new());
    assert!(matches!(tree.space(&path("/")).await, Err(FileError::Denied)));
    assert!(tree.only_writes(&path("/")).await.unwrap());
}

/// What it wrote itself, a session may look up and rename: clients upload under another name first.
#[tokio::test]
async fn its_own_files() {
    for world in [World::new().await, World::on_disk().await] {
        let (storage, all, tree) = open(&world).await;
        let then = Timestamp::from_seconds(1_700_000_000);
        for length in [10, 9 << 20] {
            let bytes = noise(length);
            let options = WriteOptions { resumable: true, parent_needed: true, ..WriteOptions::default() };
            write_with(&tree, "/in/file.part", &bytes, options).await.unwrap();
            assert_eq!(
                tree.stat(&path("/in/file.part")).await.unwrap().size(),
                u64::try_from(length).unwrap()
            );
            assert!(tree.stat(&path("/in")).await.unwrap().is_folder());
            tree.set_modified(&path("/in/file.part"), then).await.unwrap();
            tree.rename(&path("/in/file.part"), &path("/in/file"), IfThere::Replace).await.unwrap();
            assert_eq!(tree.stat(&path("/in/file")).await.unwrap().modified, Some(then));
            assert!(matches!(tree.stat(&path("/in/file.part")).await, Err(FileError::NotFound)));
            assert!(read(&all, "/in/file").await.unwrap() == bytes);
            assert_eq!(world.content(&storage, "in/file.part").await, None);
            // And again.
            tree.rename(&path("/in/file"), &path("/in/third"), IfThere::Replace).await.unwrap();
            assert!(read(&all, "/in/third").await.unwrap() == bytes);
            assert!(matches!(read(&tree, "/in/third").await, Err(FileError::Denied)));
        }
        // Over what somebody else put there: it is kept as a version, and the caller is told nothing.
        write(&tree, "/upload", b"mine").await.unwrap();
        assert!(!tree.rename(&path("/upload"), &path("/file"), IfThere::Refuse).await.unwrap());
        assert_eq!(read(&all, "/file").await.unwrap(), b"mine");
        // Not what another session wrote.
        let other = world.key(Scope::Storage(storage.id), |key| key.permission = Permission::Write).await;
        let other = world.tree(&other).await;
        assert!(matches!(
            other.rename(&path("/file"), &path("/x"), IfThere::Refuse).await,
            Err(FileError::Denied)
        ));
        assert!(matches!(other.stat(&path("/file")).await, Err(FileError::NotFound)));
    }
}

#[tokio::test]
async fn its_own_folders() {
    let world = World::new().await;
    let (storage, _, tree) = open(&world).await;
    tree.make_folder(&path("/made")).await.unwrap();
    assert!(matches!(tree.make_folder(&path("/made")).await, Err(FileError::Exists)));
    assert!(tree.stat(&path("/made")).await.unwrap().is_folder());
    tree.rename(&path("/made"), &path("/renamed"), IfThere::Refuse).await.unwrap();
    assert!(matches!(tree.stat(&path("/made")).await, Err(FileError::NotFound)));
    write(&tree, "/renamed/file", b"1").await.unwrap();
    assert!(matches!(
        tree.rename(&path("/renamed"), &path("/x"), IfThere::Refuse).await,
        Err(FileError::Denied)
    ));
    tree.remove_folder(&path("/renamed")).await.unwrap();
    assert!(matches!(tree.remove_folder(&path("/there")).await, Err(FileError::Denied)));
    assert!(matches!(tree.remove_file(&path("/renamed/file"), None).await, Err(FileError::Denied)));
    assert_eq!(world.content(&storage, "renamed/file").await.unwrap(), b"1");
    assert!(world.keys(&storage).await.iter().all(|(key, _)| !key.ends_with('/')));
}

/// What broke off is gone on with by the key that began it, also if it may only write.
#[tokio::test]
async fn its_own_broken_uploads() {
    let world = World::on_disk().await;
    let (_, all, tree) = open(&world).await;
    let bytes = noise(20 << 20);
    let options = WriteOptions { resumable: true, ..WriteOptions::default() };
    let mut upload = tree.write(&path("/big"), options.clone()).await.unwrap();
    upload.write(bytes::Bytes::copy_from_slice(&bytes[..17 << 20])).await.unwrap();
    drop(upload);
    world.settled().await;
    let kept = tree.partial(&path("/big")).await.unwrap().unwrap();
    assert_eq!(kept, 16 << 20);
    assert_eq!(all.partial(&path("/big")).await.unwrap(), None, "it is another key's");
    let rest = &bytes[usize::try_from(kept).unwrap()..];
    let going_on = WriteOptions { offset: kept, ..options };
    write_with(&tree, "/big", rest, going_on).await.unwrap();
    assert!(read(&all, "/big").await.unwrap() == bytes);
    assert_eq!(tree.partial(&path("/big")).await.unwrap(), None);
}
