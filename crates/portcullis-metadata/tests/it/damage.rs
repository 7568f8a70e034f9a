//! Files and addresses that are not right.

use std::error::Error;
use std::os::unix::fs::PermissionsExt;

use portcullis_metadata::{Metadata, MetadataErrorKind, StoredSecret};
use tokio::net::TcpListener;

use crate::world::{World, key_for, new_storage};

fn path(world: &World) -> &str {
    world.url.strip_prefix("sqlite://").unwrap()
}

#[tokio::test]
async fn a_file_that_is_no_database_is_damaged() {
    let world = World::sqlite();
    std::fs::write(path(&world), "this was never a database".repeat(1_000)).unwrap();
    let before = world.file_bytes();
    let error = Metadata::open(&world.url).await.unwrap_err();
    assert_eq!(error.kind, MetadataErrorKind::Corrupt);
    assert!(!error.is_retryable());
    let text = error.to_string();
    assert!(text.contains("damaged") && text.contains("restore a backup"), "{text}");
    assert!(error.source().is_some_and(|source| source.to_string().contains("not a database")));
    assert!(world.file_bytes() == before, "the damaged file was touched");
}

#[tokio::test]
async fn damaged_pages_are_noticed_when_they_are_read() {
    let world = World::sqlite();
    let (metadata, _, admin) = world.home().await;
    let storage = metadata.create_storage(new_storage(&admin, "files")).await.unwrap();
    for _ in 0..100 {
        metadata.create_key(&key_for(&storage, "key"), &StoredSecret::Sealed(vec![7; 100])).await.unwrap();
    }
    metadata.close().await;
    let mut bytes = std::fs::read(path(&world)).unwrap();
    // The last pages hold the last keys.
    let intact = bytes.len() - 4 * 4_096;
    bytes[intact..].fill(0xff);
    std::fs::write(path(&world), bytes).unwrap();

    let metadata = world.open().await;
    let error = metadata.all_keys().await.unwrap_err();
    assert_eq!((error.kind, error.operation), (MetadataErrorKind::Corrupt, "read all keys"));
}

#[tokio::test]
async fn a_word_that_portcullis_never_wrote_is_damage() {
    let world = World::sqlite();
    let (metadata, site, _) = world.home().await;
    world.execute("UPDATE users SET role = 'emperor'").await;
    let error = metadata.users(site.id).await.unwrap_err();
    assert_eq!(error.kind, MetadataErrorKind::Corrupt);
    assert!(error.source().is_some_and(|source| source.to_string().contains("column role")), "{error:?}");
}

#[tokio::test]
async fn the_file_belongs_to_its_owner_alone() {
    let world = World::sqlite();
    let (metadata, ..) = world.home().await;
    let mut files = 0;
    for entry in std::fs::read_dir(world.dir.as_ref().unwrap()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{:?}", entry.file_name());
        files += 1;
    }
    assert_eq!(files, 3, "the database, its write-ahead log and the log's index");
    metadata.close().await;
}

#[tokio::test]
async fn addresses_that_cannot_be() {
    let dir = tempfile::tempdir().unwrap();
    let base = dir.path().display();
    let wrong = [
        String::new(),
        "portcullis.db".to_owned(),
        "mysql://root:hunter2@localhost/x".to_owned(),
        "sqlite:".to_owned(),
        "sqlite::memory:".to_owned(),
        "sqlite://".to_owned(),
        "sqlite:file:portcullis.db".to_owned(),
        format!("sqlite://{base}"),
        format!("sqlite://{base}/missing/portcullis.db"),
        format!("sqlite://{base}/portcullis.db?mode=ro"),
        "postgres://ada:hunter2@[nowhere/x".to_owned(),
        "postgres://ada:hunter2@localhost:port/x".to_owned(),
    ];
    for url in wrong {
        let error = Metadata::open(&url).await.unwrap_err();
        assert_eq!(error.kind, MetadataErrorKind::BadUrl, "{url}");
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
    }
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "something was made");
}

#[tokio::test]
async fn a_server_that_is_not_there_may_come_back() {
    // A port that was free a moment ago.
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let error = Metadata::open(&format!("postgres://ada:hunter2@127.0.0.1:{port}/x")).await.unwrap_err();
    assert_eq!(error.kind, MetadataErrorKind::Unavailable);
    assert!(error.is_retryable());
    assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
    assert!(error.source().is_some_and(|source| source.to_string().contains("refused")), "{error:?}");
}
