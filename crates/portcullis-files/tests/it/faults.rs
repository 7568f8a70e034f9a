//! What goes wrong in the middle.

use bytes::Bytes;
use futures_util::StreamExt as _;
use portcullis_backend::BackendErrorKind;
use portcullis_domain::{Permission, Scope};
use portcullis_files::{FileError, OpenOptions, WriteOptions};

use crate::world::{World, names, noise, path, read, write, write_with};

/// A right that is taken away ends uploads, of which nothing is stored, and downloads.
#[tokio::test]
async fn revoked_in_the_middle() {
    for resumable in [false, true] {
        let world = World::on_disk().await;
        let (storage, tree) = world.open().await;
        let holder = world.key(Scope::Storage(storage.id), |_| {}).await;
        let theirs = world.tree(&holder).await;
        write(&tree, "/old", &noise(9 << 20)).await.unwrap();
        let options = WriteOptions { resumable, length: Some(40 << 20), ..WriteOptions::default() };
        let mut upload = theirs.write(&path("/old"), options).await.unwrap();
        upload.write(Bytes::from(noise(3 << 20))).await.unwrap();
        let mut file = theirs.open(&path("/old"), OpenOptions::default()).await.unwrap();
        let mut download = file.stream(0, None).await.unwrap();
        download.next().await.unwrap().unwrap();
        file.read_at(0, 1000).await.unwrap();

        assert!(world.revoke(&holder).await >= 2);
        let mut outcome = Ok(());
        for _ in 0..37 {
            outcome = upload.write(Bytes::from(noise(1 << 20))).await;
            if outcome.is_err() {
                break;
            }
        }
        let outcome = match outcome {
            Ok(()) => upload.finish().await.map(drop),
            Err(error) => Err(error),
        };
        assert!(matches!(outcome, Err(FileError::Denied)), "{outcome:?}");
        let mut ended = None;
        while let Some(piece) = download.next().await {
            ended = piece.err();
        }
        assert!(matches!(ended, Some(FileError::Denied)), "{ended:?}");
        assert!(
            matches!(file.read_at(1000, 10).await, Err(FileError::Denied)),
            "what was read ahead is not given out"
        );
        assert!(matches!(theirs.stat(&path("/old")).await, Err(FileError::Denied)));
        world.settled().await;
        assert_eq!(read(&tree, "/old").await.unwrap().len(), 9 << 20);
    }
}

/// A small upload is decided when it is finished.
#[tokio::test]
async fn narrowed_before_the_end() {
    let world = World::new().await;
    let storage = world.storage("files", |_| {}).await;
    let holder = world.key(Scope::Storage(storage.id), |_| {}).await;
    let tree = world.tree(&holder).await;
    let mut upload = tree.write(&path("/file"), WriteOptions::default()).await.unwrap();
    upload.write(Bytes::from_static(b"small")).await.unwrap();
    world.change(&holder, |key| key.permission = Permission::Read).await;
    assert!(matches!(upload.finish().await, Err(FileError::Denied)));
    assert_eq!(names(&tree, "/").await, Vec::<String>::new());
    assert!(
        world.reasons().await.iter().any(|reason| reason == "key_permission"),
        "{:?}",
        world.reasons().await
    );
}

#[tokio::test]
async fn storages_that_fail() {
    for (call, length) in [
        ("put", 10),
        ("put", 3 << 20),
        ("create_upload", 20 << 20),
        ("upload_part", 20 << 20),
        ("complete_upload", 20 << 20),
        ("list_uploads", 20 << 20),
    ] {
        let world = World::on_disk().await;
        let (storage, tree) = world.open().await;
        world.spy.fail(call, 1, BackendErrorKind::Unavailable);
        let known = (call == "put").then(|| u64::try_from(length).unwrap());
        let options = || WriteOptions { length: known, resumable: true, ..WriteOptions::default() };
        let bytes = noise(length);
        let outcome = write_with(&tree, "/file", &bytes, options()).await;
        assert!(matches!(outcome, Err(FileError::Unavailable)), "{call} {outcome:?}");
        world.settled().await;
        assert_eq!(names(&tree, "/").await, Vec::<String>::new(), "{call}");
        // Once more, from where it can go on.
        let at = tree.partial(&path("/file")).await.unwrap().unwrap_or(0);
        let rest = &bytes[usize::try_from(at).unwrap()..];
        let again = WriteOptions { offset: at, ..options() };
        write_with(&tree, "/file", rest, again).await.unwrap();
        assert!(read(&tree, "/file").await.unwrap() == bytes, "{call}");
        assert_eq!(world.uploads(&storage).await, 0);
    }
}

/// Every kind of failure of a storage has its word.
#[test]
fn words_for_failures() {
    use BackendErrorKind as Kind;
    use portcullis_access::BodyFault;
    let told: Vec<(Kind, &str)> = vec![
        (Kind::NotFound, "NotFound"),
        (Kind::PreconditionFailed, "Changed"),
        (Kind::InvalidRange { size: 1 }, "Changed"),
        (Kind::QuotaExceeded, "Full"),
        (Kind::Full, "Full"),
        (Kind::TooLarge, "TooLarge"),
        (Kind::Archived, "Archived"),
        (Kind::Reserved, "Denied"),
        (Kind::Corrupt, "Unavailable"),
        (Kind::Unavailable, "Unavailable"),
        (Kind::NoSuchUpload, "Broken"),
        (Kind::InvalidPart, "Broken"),
        (Kind::Unsupported, "Unsupported"),
        (Kind::Body(BodyFault::Cut), "Denied"),
        (Kind::Body(BodyFault::Incomplete), "Mismatch"),
        (Kind::Body(BodyFault::Disconnected), "Broken"),
    ];
    for (kind, word) in told {
        let error = FileError::from(portcullis_access::AccessError::from(kind));
        let shown = format!("{error:?}");
        assert_eq!(shown.split(['(', ' ']).next(), Some(word));
    }
}
