//! Reads of one version, in streams and at positions.

use bytes::Bytes;
use futures_util::TryStreamExt as _;
use portcullis_access::{EtagCondition, ReadConditions};
use portcullis_domain::{Overwrite, Permission, Scope};
use portcullis_files::{FileError, FileReader, OpenOptions, Tree};

use crate::world::{World, noise, path, write};

const SIZE: usize = 6 << 20;

async fn open(tree: &Tree, at: &str) -> FileReader {
    tree.open(&path(at), OpenOptions::default()).await.unwrap()
}

async fn stream(file: &FileReader, offset: u64, length: Option<u64>) -> Vec<u8> {
    let pieces: Vec<Bytes> = file.stream(offset, length).await.unwrap().try_collect().await.unwrap();
    pieces.concat()
}

#[tokio::test]
async fn streams() {
    for world in [World::new().await, World::on_disk().await] {
        let (_, tree) = world.open().await;
        let bytes = noise(300_000);
        write(&tree, "/file", &bytes).await.unwrap();
        write(&tree, "/empty", b"").await.unwrap();
        let file = open(&tree, "/file").await;
        for (offset, length) in [
            (0, None),
            (0, Some(10)),
            (100, None),
            (100, Some(0)),
            (100, Some(200_000)),
            (299_999, Some(5)),
            (300_000, None),
            (u64::MAX, Some(u64::MAX)),
        ] {
            let from = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
            let wanted = length.map_or(usize::MAX, |length| usize::try_from(length).unwrap_or(usize::MAX));
            let expected = bytes[from..].iter().copied().take(wanted).collect::<Vec<_>>();
            assert_eq!(stream(&file, offset, length).await, expected, "{offset} {length:?}");
        }
        let mut empty = open(&tree, "/empty").await;
        assert_eq!(stream(&empty, 0, None).await, b"");
        assert_eq!(empty.read_at(0, 10).await.unwrap(), Bytes::new());
    }
}

/// What is read at any position, in any order, is what is there.
#[tokio::test]
async fn positions() {
    for world in [World::new().await, World::on_disk().await] {
        let (_, tree) = world.open().await;
        let bytes = noise(SIZE);
        write(&tree, "/file", &bytes).await.unwrap();
        let mut file = open(&tree, "/file").await;
        let mut state = 42_u64;
        for step in 0..400 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let anywhere = usize::try_from(state >> 33).unwrap() % (SIZE + 1000);
            // Mostly near to where it was, as clients do that send many requests at once.
            let at = if step % 7 == 0 { anywhere } else { (step * 15_000 + anywhere % 200_000) % SIZE };
            let length = anywhere % 70_000;
            let told = file.read_at(u64::try_from(at).unwrap(), length).await.unwrap();
            let expected = bytes.get(at..(at + length).min(SIZE)).unwrap_or_default();
            assert!(told == expected, "{length} bytes at {at}");
        }
    }
}

/// One request for a file that is read from its beginning to its end, and few for one that is read from the middle.
#[tokio::test]
async fn reads_in_a_row_are_few_requests() {
    let world = World::on_disk().await;
    let (_, tree) = world.open().await;
    write(&tree, "/file", &noise(SIZE)).await.unwrap();
    for (from, requests) in [(0, 1), (1 << 20, 3)] {
        world.spy.calls();
        let mut file = open(&tree, "/file").await;
        let mut at = from;
        loop {
            let bytes = file.read_at(at, 32 * 1024).await.unwrap();
            at += u64::try_from(bytes.len()).unwrap();
            if bytes.is_empty() {
                break;
            }
        }
        assert_eq!(at, u64::try_from(SIZE).unwrap());
        assert_eq!(world.spy.calls(), [("get", requests), ("head", 1)], "from {from}");
    }
}

/// A file that is replaced while it is read: what was opened is read on as long as it is kept, and never mixed with what came.
#[tokio::test]
async fn a_reader_keeps_to_its_version() {
    let world = World::on_disk().await;
    let (storage, tree) = world.open().await;
    let old = noise(SIZE);
    write(&tree, "/file", &old).await.unwrap();
    let mut file = open(&tree, "/file").await;
    assert!(file.read_at(0, 10).await.unwrap() == old[..10]);
    write(&tree, "/file", b"another").await.unwrap();
    // What is under way goes on; what would be a new request finds that the version is gone.
    assert!(file.read_at(10, 100_000).await.unwrap() == old[10..100_010]);
    assert!(matches!(file.read_at(5 << 20, 10).await, Err(FileError::Changed)));
    assert!(matches!(file.stream(0, None).await.map(drop), Err(FileError::Changed)));

    // A key that may not delete keeps what it overwrites.
    let keeps = |key: &mut portcullis_domain::Key| {
        (key.permission, key.overwrite) = (Permission::Write, Overwrite::KeepPrevious);
    };
    let writer = world.key(Scope::Storage(storage.id), keeps).await;
    let writer = world.tree(&writer).await;
    let file = open(&tree, "/file").await;
    write(&writer, "/file", b"third").await.unwrap();
    assert_eq!(stream(&file, 0, None).await, b"another");
    assert_eq!(stream(&open(&tree, "/file").await, 0, None).await, b"third");

    // The same bytes under another time are the same.
    let file = open(&tree, "/file").await;
    tree.set_modified(&path("/file"), portcullis_domain::Timestamp::from_seconds(5)).await.unwrap();
    assert_eq!(stream(&file, 1, None).await, b"hird");
}

#[tokio::test]
async fn conditions() {
    let world = World::new().await;
    let (_, tree) = world.open().await;
    write(&tree, "/file", b"1").await.unwrap();
    for (tag, holds) in [(EtagCondition::Any, true), (EtagCondition::OneOf(vec!["x".to_owned()]), false)] {
        let conditions = ReadConditions { if_match: Some(tag), ..ReadConditions::default() };
        let options = OpenOptions { conditions };
        let outcome = tree.open(&path("/file"), options).await;
        assert_eq!(outcome.is_ok(), holds);
        assert!(holds || matches!(outcome, Err(FileError::Changed)));
    }
}
