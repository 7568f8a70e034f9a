//! Disks that lose bytes, files that are not what they should be, and no room left.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use portcullis_backend::builtin::{ScrubOptions, Store, StoreError, StoreOptions};
use portcullis_backend::{
    Backend, BackendError, BackendErrorKind, Body, CopyOptions, GetOptions, ListRequest, PutOptions,
    RangeRequest,
};
use portcullis_domain::SystemClock;
use rusqlite::Connection;

use super::world::{STORAGE, World, collect, data, files, get, key, recount};

const SCRUB: ScrubOptions = ScrubOptions { bytes_per_second: None, most_named: 100 };

fn flip(path: &Path, at: u64) {
    let file = fs::File::options().read(true).write(true).open(path).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).unwrap();
    file.write_all_at(&[byte[0] ^ 0x10], at).unwrap();
}

#[tokio::test]
async fn a_flipped_bit_in_a_file_is_found_and_never_sent() {
    let world = World::new(StoreOptions::default()).await;
    world.put("whole", data(1 << 20, 1)).await;
    let [first] = files(&world.home().join("data")).try_into().unwrap();
    world.put("other", data(100_000, 2)).await;
    world.put("small", data(100, 3)).await;
    let clean = world.backend.scrub(SCRUB).await.unwrap();
    assert_eq!((clean.files, clean.small_objects, clean.damaged), (2, 1, 0));
    assert_eq!(clean.bytes, (1 << 20) + 100_000 + 100);
    flip(&first, 700_000);
    let found = world.backend.scrub(SCRUB).await.unwrap();
    assert_eq!(found.damaged, 1);
    let named: Vec<_> = found.objects.iter().map(|damage| damage.key.as_str()).collect();
    assert_eq!(named, ["whole"]);
    let refused = |error: BackendError| assert_eq!(error.kind, BackendErrorKind::Corrupt);
    refused(world.get("whole").await.unwrap_err());
    let range = GetOptions { range: Some(RangeRequest::FromTo(0, 9)), ..GetOptions::default() };
    refused(world.backend.get(&key("whole"), &range).await.map(|_| ()).unwrap_err());
    let copy =
        CopyOptions { checksum: Some(portcullis_backend::DigestAlgorithm::Sha256), ..CopyOptions::default() };
    refused(world.backend.copy(&key("whole"), &key("copy"), copy).await.unwrap_err());
    assert_eq!(world.get("other").await.unwrap(), data(100_000, 2));
    // It is known after a restart, and forgotten when the file is whole again.
    let directory = world.close().await;
    let store = Store::open(directory.path(), StoreOptions::default(), Arc::new(SystemClock)).unwrap();
    let backend = store.backend(STORAGE).await.unwrap();
    refused(get(&backend, "whole").await.unwrap_err());
    flip(&first, 700_000);
    assert_eq!(backend.scrub(SCRUB).await.unwrap().restored, 1);
    assert_eq!(get(&backend, "whole").await.unwrap(), data(1 << 20, 1));
}

#[tokio::test]
async fn a_damaged_file_is_noticed_without_a_scrub() {
    let world = World::new(StoreOptions::default()).await;
    world.put("a", data(3 << 20, 1)).await;
    let [file] = files(&world.home().join("data")).try_into().unwrap();
    flip(&file, (3 << 20) - 1);
    let portcullis_backend::GetOutcome::Found(object) =
        world.backend.get(&key("a"), &GetOptions::default()).await.unwrap()
    else {
        panic!("not found");
    };
    assert!(collect(object.body).await.is_empty(), "it breaks off before its last piece");
    assert_eq!(world.get("a").await.unwrap_err().kind, BackendErrorKind::Corrupt);
    world.put("a", data(10, 1)).await;
    assert_eq!(world.get("a").await.unwrap(), data(10, 1), "what replaces it is not concerned");
}

#[tokio::test]
async fn a_file_that_is_cut_off_or_gone_is_refused() {
    let world = World::new(StoreOptions::default()).await;
    for (at, name) in ["cut", "gone"].into_iter().enumerate() {
        let before = files(&world.home().join("data"));
        world.put(name, data(100_000, 1)).await;
        let path = files(&world.home().join("data")).into_iter().find(|path| !before.contains(path)).unwrap();
        match at {
            0 => fs::File::options().write(true).open(path).unwrap().set_len(50_000).unwrap(),
            _ => fs::remove_file(path).unwrap(),
        }
        assert_eq!(world.get(name).await.unwrap_err().kind, BackendErrorKind::Corrupt, "{name}");
    }
    assert_eq!(world.backend.scrub(SCRUB).await.unwrap().damaged, 2);
}

#[tokio::test]
async fn a_flipped_bit_in_a_small_object_is_found_and_never_sent() {
    let world = World::new(StoreOptions::default()).await;
    world.put("small", data(1000, 1)).await;
    let directory = world.close().await;
    let conn = Connection::open(directory.path().join(STORAGE.to_string()).join("index.db")).unwrap();
    conn.execute("UPDATE ext SET body = zeroblob(1000)", []).unwrap();
    drop(conn);
    let store = Store::open(directory.path(), StoreOptions::default(), Arc::new(SystemClock)).unwrap();
    let backend = store.backend(STORAGE).await.unwrap();
    assert_eq!(get(&backend, "small").await.unwrap_err().kind, BackendErrorKind::Corrupt);
    let report = backend.scrub(SCRUB).await.unwrap();
    assert_eq!((report.damaged, report.objects.len()), (1, 1));
}

/// A closed store with something in it, and its index.
async fn closed() -> (tempfile::TempDir, PathBuf) {
    let world = World::new(StoreOptions::default()).await;
    for number in 0..200 {
        world.put(&format!("key {number}"), data(3000, number)).await;
    }
    world.put("large", data(100_000, 1)).await;
    let directory = world.close().await;
    let index = directory.path().join(STORAGE.to_string()).join("index.db");
    (directory, index)
}

async fn refusal(directory: &Path) -> String {
    let store = Store::open(directory, StoreOptions::default(), Arc::new(SystemClock)).unwrap();
    let error = store.backend(STORAGE).await.unwrap_err();
    assert_eq!(error.kind, BackendErrorKind::Corrupt);
    error.source.unwrap().to_string()
}

#[tokio::test]
async fn an_index_of_a_newer_version_is_refused_and_left_alone() {
    let (directory, index) = closed().await;
    Connection::open(&index).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let before = fs::read(&index).unwrap();
    let told = refusal(directory.path()).await;
    assert!(told.contains("newer version (format 99"), "{told}");
    assert!(fs::read(&index).unwrap() == before);
}

#[tokio::test]
async fn damaged_indexes_are_refused_with_advice() {
    let (directory, index) = closed().await;
    let whole = fs::read(&index).unwrap();
    assert!(whole.len() > 200_000);
    let mut garbage = whole.clone();
    garbage[..100].fill(0x55);
    for (what, bytes) in [
        ("cut off", &whole[..whole.len() / 2]),
        ("cut off by a page", &whole[..whole.len() - 4096]),
        ("empty", &[]),
        ("no database", &garbage),
    ] {
        fs::write(&index, bytes).unwrap();
        let told = refusal(directory.path()).await;
        assert!(told.contains("index.db") && told.contains("backup"), "{what}: {told}");
        assert!(fs::read(&index).unwrap() == bytes, "{what}: nothing was changed");
    }
    fs::remove_file(&index).unwrap();
    let told = refusal(directory.path()).await;
    assert!(told.contains("missing"), "{told}");
    fs::write(&index, &whole).unwrap();
    let store = Store::open(directory.path(), StoreOptions::default(), Arc::new(SystemClock)).unwrap();
    let backend = store.backend(STORAGE).await.unwrap();
    assert_eq!(get(&backend, "key 7").await.unwrap(), data(3000, 7));
}

#[tokio::test]
async fn a_page_that_was_lost_in_a_crash_is_found_at_the_next_start() {
    let (directory, index) = closed().await;
    let mut bytes = fs::read(&index).unwrap();
    let middle = bytes.len() / 2 / 4096 * 4096;
    bytes[middle..middle + 4096].fill(0xa5);
    fs::write(&index, bytes).unwrap();
    // What a process leaves that did not close the index.
    fs::write(index.with_extension("db-wal"), "torn").unwrap();
    let told = refusal(directory.path()).await;
    assert!(told.contains("damaged"), "{told}");
}

#[test]
fn a_store_is_open_once() {
    let directory = tempfile::tempdir().unwrap();
    let open = || Store::open(directory.path(), StoreOptions::default(), Arc::new(SystemClock));
    let first = open().unwrap();
    let told = open().unwrap_err();
    assert!(matches!(told, StoreError::InUse { .. }), "{told}");
    assert!(told.to_string().contains("in use by another process"));
    drop(first);
    assert!(open().is_ok());
}

#[tokio::test]
async fn a_full_disk_refuses_large_bodies_and_still_deletes() {
    // All of the disk is reserve: nothing is left for files.
    let world = World::new(StoreOptions { reserve_bytes: u64::MAX, ..StoreOptions::default() }).await;
    let put =
        async |length| world.backend.put(&key("a"), Body::Full(data(length, 1)), PutOptions::default()).await;
    assert_eq!(put(100_000).await.unwrap_err().kind, BackendErrorKind::Full);
    assert_eq!(world.backend.usage().await.unwrap().files, 0);
    assert_eq!(world.backend.available().await.unwrap(), Some(0));
    put(100).await.unwrap();
    assert!(world.backend.delete(&key("a"), &Default::default()).await.unwrap().existed);
}

/// Where a child finds out that it is one, and what it is to do.
const ROLE: &str = "role-full-disk";

/// Runs as a process of its own that may not write files of more than 2 MiB; otherwise there is nothing to do.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn full_disk_child() {
    if !Path::new(ROLE).exists() {
        return;
    }
    let store = Store::open(Path::new("store"), StoreOptions::default(), Arc::new(SystemClock)).unwrap();
    let backend = store.backend(STORAGE).await.unwrap();
    let put = async |at: String, length: usize, seed: u64| {
        backend.put(&key(&at), Body::Full(data(length, seed)), PutOptions::default()).await
    };
    println!();
    let error = put("too large".into(), 3 << 20, 1).await.unwrap_err();
    println!("large {:?}", error.kind);
    let mut refused = 0;
    for number in 0..2000u64 {
        match put(number.to_string(), 4000, number).await {
            Ok(_) => println!("stored {number}"),
            Err(error) => {
                refused += 1;
                println!("refused {:?}", error.kind);
            }
        }
        if refused == 3 {
            break;
        }
    }
    println!("read {}", get(&backend, "0").await.is_ok());
}

/// The size of files is limited by the system, which is what a disk that refuses to write looks like from inside: what was
/// acknowledged is there afterwards, the rest was refused, and reading goes on.
#[tokio::test]
async fn when_writing_fails_nothing_acknowledged_is_lost() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join(ROLE), "").unwrap();
    let limited = "trap '' XFSZ; ulimit -f 4096; exec \"$0\" \"$@\"";
    let mut child = Command::new("sh")
        .args(["-c", limited])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "builtin::damage::full_disk_child", "--nocapture"])
        .current_dir(directory.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines: Vec<String> =
        BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap).collect();
    child.wait().unwrap();
    let said = |what: &str| lines.iter().filter_map(|line| line.strip_prefix(what)).collect::<Vec<_>>();
    assert_eq!(said("large "), ["Full"], "{lines:?}");
    let stored: Vec<u64> = said("stored ").iter().map(|number| number.parse().unwrap()).collect();
    let refused = said("refused ");
    assert!(stored.len() > 50 && refused.len() == 3, "{} stored, {refused:?}", stored.len());
    assert!(refused.iter().all(|kind| matches!(*kind, "Full" | "Unavailable")), "{refused:?}");
    assert_eq!(said("read "), ["true"]);
    let options = StoreOptions { grace: Duration::ZERO, ..StoreOptions::default() };
    let store = Store::open(&directory.path().join("store"), options, Arc::new(SystemClock)).unwrap();
    let backend = store.backend(STORAGE).await.unwrap();
    for number in &stored {
        assert_eq!(get(&backend, &number.to_string()).await.unwrap(), data(4000, *number));
    }
    assert!(get(&backend, "too large").await.is_err());
    let listed = backend.list(&ListRequest { limit: 1000, ..ListRequest::default() }).await.unwrap();
    assert!(listed.objects.len() >= stored.len());
    store.housekeep().await.unwrap();
    let recount = recount(&directory.path().join("store").join(STORAGE.to_string()));
    assert_eq!(recount.usage, backend.usage().await.unwrap());
    assert!(recount.files.is_empty(), "the large one left nothing");
}
