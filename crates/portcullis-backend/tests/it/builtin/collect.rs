//! What is no longer needed goes, and nothing else.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use portcullis_backend::builtin::StoreOptions;
use portcullis_backend::{
    Backend, BackendErrorKind, Body, CopyOptions, DeleteOptions, GetOptions, GetOutcome, PartOptions,
    PutOptions, UploadOptions,
};
use portcullis_domain::{Clock, ManualClock, Overwrite, StorageId, SystemClock};

use super::world::{World, data, files, key};

const LARGE: usize = 100_000;

/// A clock that begins now, since files have the times of the system.
fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::at(SystemClock.now()))
}

fn at_once() -> StoreOptions {
    StoreOptions { grace: Duration::ZERO, ..StoreOptions::default() }
}

/// The path of a file that was made at the same moment as this one.
fn stray(file: &Path) -> PathBuf {
    let name = file.file_name().unwrap().to_str().unwrap();
    let digit = if name.as_bytes()[30] == b'0' { "1" } else { "0" };
    file.with_file_name(format!("{}{digit}{}", &name[..30], &name[31..]))
}

#[tokio::test]
async fn files_of_what_was_replaced_go_after_the_grace() {
    let clock = clock();
    let world = World::at(StoreOptions::default(), clock.clone()).await;
    world.put("a", data(LARGE, 1)).await;
    world.put("a", data(LARGE, 2)).await;
    world.put("small", data(100, 3)).await;
    assert_eq!(files(&world.home().join("data")).len(), 2);
    clock.advance(Duration::from_secs(59 * 60));
    assert_eq!(world.store.housekeep().await.unwrap().collected, 0);
    clock.advance(Duration::from_secs(2 * 60));
    assert_eq!(world.store.housekeep().await.unwrap().collected, 1);
    let recount = world.recount();
    assert_eq!(recount.files, recount.referred);
    assert_eq!(recount.known, recount.referred);
    assert_eq!(world.get("a").await.unwrap(), data(LARGE, 2));
}

#[tokio::test]
async fn versions_copies_and_parts_keep_their_files() {
    let world = World::new(at_once()).await;
    let whole = world.put_in_parts("parts", LARGE).await;
    world.put("a", data(LARGE, 1)).await;
    world.backend.copy(&key("a"), &key("b"), CopyOptions::default()).await.unwrap();
    world.backend.copy(&key("parts"), &key("copy of parts"), CopyOptions::default()).await.unwrap();
    let keep = PutOptions { overwrite: Some(Overwrite::KeepPrevious), ..PutOptions::default() };
    world.backend.put(&key("a"), Body::Full(data(LARGE, 2)), keep).await.unwrap();
    world.backend.delete(&key("parts"), &DeleteOptions::default()).await.unwrap();
    assert_eq!(world.store.housekeep().await.unwrap().collected, 2, "the parts of what was deleted");
    let recount = world.recount();
    assert_eq!((&recount.files, &recount.known), (&recount.referred, &recount.referred));
    assert_eq!(recount.usage, world.backend.usage().await.unwrap());
    assert_eq!(world.get("b").await.unwrap(), data(LARGE, 1));
    assert_eq!(world.get("copy of parts").await.unwrap(), whole);
}

#[tokio::test]
async fn a_body_that_is_being_sent_keeps_its_files() {
    let world = World::new(at_once()).await;
    let whole = world.put_in_parts("a", 3 << 20).await;
    let GetOutcome::Found(object) = world.backend.get(&key("a"), &GetOptions::default()).await.unwrap()
    else {
        panic!("not found");
    };
    let Body::Stream(mut stream) = object.body else { panic!("in one piece") };
    let mut got = stream.next().await.unwrap().unwrap().to_vec();
    world.backend.delete(&key("a"), &DeleteOptions::default()).await.unwrap();
    assert_eq!(world.store.housekeep().await.unwrap().collected, 0);
    while let Some(piece) = stream.next().await {
        got.extend_from_slice(&piece.unwrap());
    }
    assert!(got == whole);
    drop(stream);
    assert_eq!(world.store.housekeep().await.unwrap().collected, 2);
    assert!(files(&world.home().join("data")).is_empty());
}

#[tokio::test]
async fn files_that_nothing_refers_to_are_found() {
    let world = World::new(at_once()).await;
    world.put("a", data(LARGE, 1)).await;
    let [file] = files(&world.home().join("data")).try_into().unwrap();
    let stray = stray(&file);
    std::fs::copy(&file, &stray).unwrap();
    let foreign = file.with_file_name("README");
    std::fs::write(&foreign, "not ours").unwrap();
    assert_eq!(world.store.housekeep().await.unwrap().orphans, 1);
    assert!(!stray.exists());
    assert!(foreign.exists() && file.exists());
    let misplaced = file.with_file_name("01930000-0000-7000-8000-0000000000ff");
    std::fs::copy(&file, &misplaced).unwrap();
    assert_eq!(world.store.housekeep().await.unwrap().orphans, 0);
    assert!(misplaced.exists(), "it does not lie where we would have put it");
    assert_eq!(world.get("a").await.unwrap(), data(LARGE, 1));
}

/// What a crash leaves is found by a later search even though its day was searched before.
#[tokio::test]
async fn a_young_orphan_is_found_when_it_is_old() {
    let clock = clock();
    let world = World::at(StoreOptions::default(), clock.clone()).await;
    world.put("a", data(LARGE, 1)).await;
    let [file] = files(&world.home().join("data")).try_into().unwrap();
    std::fs::copy(&file, stray(&file)).unwrap();
    for (days, orphans) in [(0, 0), (3, 1), (3, 0)] {
        clock.advance(Duration::from_secs(days * 24 * 60 * 60));
        let mut found = 0;
        for _ in 0..8 {
            found += world.store.housekeep().await.unwrap().orphans;
        }
        assert_eq!(found, orphans);
    }
    assert_eq!(files(&world.home().join("data")), [file]);
}

#[tokio::test]
async fn an_upload_under_way_is_no_orphan() {
    let world = World::new(at_once()).await;
    let (sender, receiver) = tokio::sync::mpsc::channel::<Bytes>(1);
    let stream = futures_util::stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|bytes| (Ok(bytes), receiver))
    });
    let backend = Arc::clone(&world.backend);
    let put = tokio::task::spawn(async move {
        backend.put(&key("slow"), Body::Stream(stream.boxed()), PutOptions::default()).await
    });
    for _ in 0..4 {
        sender.send(data(1 << 20, 1)).await.unwrap();
    }
    assert_eq!(files(&world.home().join("data")).len(), 1, "it is being written");
    for _ in 0..8 {
        assert_eq!(world.store.housekeep().await.unwrap().orphans, 0);
    }
    drop(sender);
    assert_eq!(put.await.unwrap().unwrap().size, 4 << 20);
    assert_eq!(world.get("slow").await.unwrap().len(), 4 << 20);
}

#[tokio::test]
async fn old_uploads_are_given_up_and_completed_ones_forgotten() {
    let clock = clock();
    let world =
        World::at(StoreOptions { grace: Duration::ZERO, ..StoreOptions::default() }, clock.clone()).await;
    let upload = world.backend.create_upload(&key("a"), UploadOptions::default()).await.unwrap();
    let body = Body::Full(data(LARGE, 1));
    let part = world.backend.upload_part(&key("a"), &upload, 1, body, PartOptions::default()).await.unwrap();
    let done = world.backend.create_upload(&key("b"), UploadOptions::default()).await.unwrap();
    let body = Body::Full(data(LARGE, 1));
    world.backend.upload_part(&key("b"), &done, 1, body, PartOptions::default()).await.unwrap();
    let named =
        [portcullis_backend::CompletedPart { number: 1, etag: part.etag.to_string(), checksum: None }];
    let first = world.backend.complete_upload(&key("b"), &done, &named, Default::default()).await.unwrap();
    assert_eq!(world.backend.usage().await.unwrap().upload_bytes, 100_000);
    clock.advance(Duration::from_secs(6 * 24 * 60 * 60));
    assert_eq!(world.store.housekeep().await.unwrap().expired_uploads, 0);
    let again = world.backend.complete_upload(&key("b"), &done, &named, Default::default()).await.unwrap();
    assert_eq!(again, first);
    clock.advance(Duration::from_secs(2 * 24 * 60 * 60));
    assert_eq!(world.store.housekeep().await.unwrap().expired_uploads, 1);
    let refused =
        |error: portcullis_backend::BackendError| assert_eq!(error.kind, BackendErrorKind::NoSuchUpload);
    refused(world.backend.upload(&key("a"), &upload).await.unwrap_err());
    refused(world.backend.complete_upload(&key("b"), &done, &named, Default::default()).await.unwrap_err());
    let recount = world.recount();
    assert_eq!(recount.usage, world.backend.usage().await.unwrap());
    assert_eq!((recount.usage.upload_bytes, recount.files.len()), (0, 1));
    assert_eq!(recount.files, recount.referred);
}

#[tokio::test]
async fn storages_that_nobody_holds_are_closed_and_come_back() {
    let world = World::new(StoreOptions { max_open: 2, ..StoreOptions::default() }).await;
    let id = |number| StorageId::from_u128(number);
    let held = world.store.backend(id(1)).await.unwrap();
    for number in 2..10 {
        let backend = world.store.backend(id(number)).await.unwrap();
        backend.put(&key("k"), Body::Full(data(10, 1)), PutOptions::default()).await.unwrap();
    }
    assert!(
        Arc::ptr_eq(&held, &world.store.backend(id(1)).await.unwrap()),
        "one that is held stays the same"
    );
    for number in 2..10 {
        let backend = world.store.backend(id(number)).await.unwrap();
        assert_eq!(backend.usage().await.unwrap().files, 1, "{number}");
    }
}

/// Whoever opens a storage first may go away meanwhile: the next one waits for that opening, and does not begin another beside it.
#[tokio::test]
async fn an_opening_that_nobody_waits_for_is_there_for_the_next_one() {
    let world = World::new(StoreOptions::default()).await;
    for number in 2..40 {
        let id = StorageId::from_u128(number);
        tokio::select! {
            biased;
            _ = world.store.backend(id) => panic!("it was open at once"),
            () = std::future::ready(()) => {}
        }
        let backend = world.store.backend(id).await.unwrap();
        backend.put(&key("k"), Body::Full(data(10, 1)), PutOptions::default()).await.unwrap();
        assert!(Arc::ptr_eq(&backend, &world.store.backend(id).await.unwrap()), "{number}");
    }
}
