//! What broke off is gone on with.

use bytes::Bytes;
use portcullis_files::{FileError, Tree, WriteOptions};

use crate::world::{World, names, noise, path, read, write, write_with};

const MIB: usize = 1 << 20;

fn options(offset: usize) -> WriteOptions {
    WriteOptions { offset: u64::try_from(offset).unwrap(), resumable: true, ..WriteOptions::default() }
}

/// Sends so much and goes away.
async fn break_off(world: &World, tree: &Tree, at: &str, bytes: &[u8], offset: usize) {
    let mut upload = tree.write(&path(at), options(offset)).await.unwrap();
    for piece in bytes.chunks(200_000) {
        upload.write(Bytes::copy_from_slice(piece)).await.unwrap();
    }
    drop(upload);
    world.settled().await;
}

#[tokio::test]
async fn again_and_again() {
    for world in [World::new().await, World::on_disk().await] {
        let (storage, tree) = world.open().await;
        let bytes = noise(40 * MIB);
        let mut kept = 0;
        for (sent, expected) in [(9 * MIB, 8 * MIB), (15 * MIB, 8 * MIB), (33 * MIB, 32 * MIB)] {
            break_off(&world, &tree, "/big", &bytes[kept..sent], kept).await;
            kept = usize::try_from(tree.partial(&path("/big")).await.unwrap().unwrap()).unwrap();
            assert_eq!(kept, expected);
            assert!(matches!(tree.stat(&path("/big")).await, Err(FileError::NotFound)));
            assert_eq!(world.uploads(&storage).await, 1);
        }
        let last = WriteOptions { length: Some(8 << 20), ..options(kept) };
        let entry = write_with(&tree, "/big", &bytes[kept..], last).await.unwrap();
        assert_eq!(entry.size(), 40 << 20);
        assert!(read(&tree, "/big").await.unwrap() == bytes);
        assert_eq!(tree.partial(&path("/big")).await.unwrap(), None);
        assert_eq!(world.uploads(&storage).await, 0);
    }
}

#[tokio::test]
async fn only_where_it_can() {
    let world = World::on_disk().await;
    let (storage, tree) = world.open().await;
    let bytes = noise(20 * MIB);
    break_off(&world, &tree, "/big", &bytes[..17 * MIB], 0).await;
    for offset in [1, 8 * MIB, 17 * MIB, 20 * MIB] {
        let outcome = tree.write(&path("/big"), options(offset)).await;
        assert!(matches!(outcome, Err(FileError::NoResume { at: 16_777_216 })), "{offset} {outcome:?}");
    }
    let outcome = tree.write(&path("/none"), options(5)).await;
    assert!(matches!(outcome, Err(FileError::NoResume { at: 0 })), "{outcome:?}");
    // Less than a part is not kept, and nothing is left of it.
    break_off(&world, &tree, "/short", &bytes[..3 * MIB], 0).await;
    assert_eq!(tree.partial(&path("/short")).await.unwrap(), None);
    // Who begins from the beginning gives up what was kept.
    break_off(&world, &tree, "/big", &bytes[..9 * MIB], 0).await;
    assert_eq!(tree.partial(&path("/big")).await.unwrap(), Some(8 << 20));
    assert_eq!(world.uploads(&storage).await, 1);
}

#[tokio::test]
async fn more_at_the_end_of_a_file() {
    for poor in [false, true] {
        let world = World::on_disk().await;
        let (storage, tree) = world.open().await;
        world.spy.poor.store(poor, std::sync::atomic::Ordering::Relaxed);
        for (old, new) in
            [(10, 10), (10, 3 * MIB), (MIB, 9 * MIB), (6 * MIB, 10), (6 * MIB, 20 * MIB), (6 * MIB, 0)]
        {
            let bytes = noise(old + new);
            write(&tree, "/log", &bytes[..old]).await.unwrap();
            tree.set_modified(&path("/log"), portcullis_domain::Timestamp::from_seconds(5)).await.unwrap();
            let entry = write_with(&tree, "/log", &bytes[old..], options(old)).await.unwrap();
            assert_eq!(entry.size(), u64::try_from(old + new).unwrap());
            assert!(read(&tree, "/log").await.unwrap() == bytes, "{old} {new}");
            let outcome = tree.write(&path("/log"), options(old + new + 1)).await;
            assert!(matches!(outcome, Err(FileError::NoResume { .. })), "{outcome:?}");
        }
        world.settled().await;
        assert_eq!(world.uploads(&storage).await, 0);
        // What changes meanwhile is not overwritten.
        for old in [10, 6 * MIB] {
            let bytes = noise(old);
            write(&tree, "/log", &bytes).await.unwrap();
            let mut upload = tree.write(&path("/log"), options(old)).await.unwrap();
            upload.write(Bytes::from_static(b"more")).await.unwrap();
            write(&tree, "/log", b"another").await.unwrap();
            assert!(matches!(upload.finish().await, Err(FileError::Changed)));
            assert_eq!(read(&tree, "/log").await.unwrap(), b"another");
        }
    }
}

/// A client that comes back before its old connection is found dead takes over, and nothing of the two is mixed.
#[tokio::test]
async fn taken_over() {
    let world = World::on_disk().await;
    let (storage, tree) = world.open().await;
    let bytes = noise(30 * MIB);
    let mut stale = tree.write(&path("/big"), options(0)).await.unwrap();
    stale.write(Bytes::copy_from_slice(&bytes[..17 * MIB])).await.unwrap();
    while tree.partial(&path("/big")).await.unwrap() != Some(16 << 20) {
        tokio::task::yield_now().await;
    }
    let mut fresh = tree.write(&path("/big"), options(16 * MIB)).await.unwrap();
    fresh.write(Bytes::copy_from_slice(&bytes[16 * MIB..20 * MIB])).await.unwrap();
    let late = Bytes::from(vec![0; 10 * MIB]);
    let mut outcome = stale.write(late).await;
    if outcome.is_ok() {
        outcome = stale.finish().await.map(drop);
    }
    assert!(outcome.is_err(), "it lost it");
    fresh.write(Bytes::copy_from_slice(&bytes[20 * MIB..])).await.unwrap();
    match fresh.finish().await {
        Ok(_) => assert!(read(&tree, "/big").await.unwrap() == bytes),
        // The stale one replaced a part before it was stopped: then nothing is stored rather than a mixture.
        Err(error) => {
            assert!(matches!(error, FileError::Broken), "{error:?}");
            assert_eq!(names(&tree, "/").await, Vec::<String>::new());
        }
    }
    drop(storage);
}
