//! Uploads over HTTP that can be gone on with.

use portcullis_domain::{KeyId, ObjectKey, StorageId};
use portcullis_metadata::{Metadata, ResumableState, ResumableUpload};

use crate::world::{World, at};

fn upload(id: &str, key: KeyId) -> ResumableUpload {
    ResumableUpload {
        id: id.to_owned(),
        key,
        storage: StorageId::from_u128(7),
        object: ObjectKey::parse("a//\u{fc}").unwrap(),
        upload: "mpu".to_owned(),
        length: 1 << 40,
        part_size: 8 << 20,
        told: "filename eA==".to_owned(),
        tail_at: 0,
        tail_length: 0,
        held_at: None,
        state: ResumableState::Open,
        expires: at(100),
    }
}

async fn found(metadata: &Metadata, id: &str) -> ResumableUpload {
    metadata.resumable(id).await.unwrap().unwrap()
}

pub(crate) async fn an_upload_is_kept_as_it_was_told(world: &World) {
    let metadata = world.open().await;
    let (key, other) = (KeyId::generate(), KeyId::generate());
    let one = upload("one", key);
    assert!(metadata.create_resumable(&one, 2).await.unwrap());
    assert_eq!(found(&metadata, "one").await, one);
    assert_eq!(metadata.resumable("none").await.unwrap(), None);
    // As many as a key may have, whatever others have; those that are done do not count.
    assert!(metadata.create_resumable(&upload("two", key), 2).await.unwrap());
    assert!(!metadata.create_resumable(&upload("three", key), 2).await.unwrap());
    assert!(metadata.create_resumable(&upload("others", other), 2).await.unwrap());
    metadata.settle_resumable("two", ResumableState::Done, at(50)).await.unwrap();
    assert!(metadata.create_resumable(&upload("three", key), 2).await.unwrap());
    let two = found(&metadata, "two").await;
    assert_eq!((two.state, two.expires), (ResumableState::Done, at(50)));
    metadata.settle_resumable("two", ResumableState::Open, at(60)).await.unwrap();
    assert_eq!(found(&metadata, "two").await, two, "what is done stays so");
    // The oldest first, of this key alone.
    let ids = async |key, moment, limit| -> Vec<String> {
        let expired = metadata.expired_resumables(key, moment, limit).await.unwrap();
        expired.into_iter().map(|upload| upload.id).collect()
    };
    assert_eq!(ids(key, at(99), 9).await, ["two"]);
    assert_eq!(ids(key, at(100), 2).await, ["two", "one"]);
    assert_eq!(ids(other, at(100), 9).await, ["others"]);
    metadata.drop_resumable("one").await.unwrap();
    metadata.drop_resumable("one").await.unwrap();
    assert_eq!(metadata.purge_resumables(at(100)).await.unwrap(), 1);
    assert_eq!(metadata.purge_resumables(at(101)).await.unwrap(), 2);
    assert_eq!(metadata.resumable("others").await.unwrap(), None);
}

pub(crate) async fn a_tail_only_grows(world: &World) {
    let (metadata, node) = (world.open().await, world.open().await);
    let key = KeyId::generate();
    for id in ["one", "two"] {
        assert!(metadata.create_resumable(&upload(id, key), 9).await.unwrap());
    }
    let keep = async |id: &str, begins: u64, tail: &[u8]| {
        metadata.keep_resumable_tail(id, begins, tail, 10).await.unwrap()
    };
    assert!(keep("one", 0, b"abc").await);
    assert!(!keep("one", 0, b"ab").await && !keep("one", 0, b"xyz").await, "no shorter, and no other");
    assert!(keep("one", 0, b"abcde").await);
    assert_eq!(node.resumable_tail("one").await.unwrap(), b"abcde");
    assert!(keep("one", 8, b"i").await);
    assert!(!keep("one", 0, b"abcdefghij").await, "it does not begin before it did");
    let one = found(&node, "one").await;
    assert_eq!((one.tail_at, one.tail_length), (8, 1));
    // No more for one key than there is room for.
    assert!(!keep("two", 0, b"abcdefghij").await);
    assert!(keep("two", 0, b"abcdefghi").await);
    // Only up to there, and never less.
    metadata.hold_resumable("one", 5).await.unwrap();
    metadata.hold_resumable("one", 3).await.unwrap();
    assert_eq!(found(&node, "one").await.held_at, Some(5));
    // What is being made a file takes no more bytes, and what is one has no tail.
    metadata.settle_resumable("one", ResumableState::Completing, at(100)).await.unwrap();
    assert!(!keep("one", 8, b"ij").await);
    metadata.settle_resumable("one", ResumableState::Done, at(100)).await.unwrap();
    assert!(metadata.resumable_tail("one").await.unwrap().is_empty());
    assert!(metadata.resumable_tail("none").await.is_err());
    node.close().await;
}
