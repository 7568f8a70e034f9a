//! What is stored in a batch, and taken back without a right.

use portcullis_access::{
    AccessError, BackendErrorKind, Batch, CopyOptions, Delete, DeliveryFile, Denial, Get, GetOptions,
    GetOutcome, List, ObjectMeta, Put, PutOptions, StorageAccess, UploadId, UploadOptions, VersionsAfter,
    WriteConditions,
};
use portcullis_domain::{DenyReason, KeyPrefix, Permission, StorageId};

use crate::world::{World, denial, full, object, put, read};

async fn store(at: &StorageAccess, key: &str) -> Result<String, AccessError> {
    let outcome = at.grant::<Put>(object(key)).unwrap().put(full("mine"), PutOptions::default()).await?;
    Ok(outcome.version.0.into())
}

fn file(batch: &Batch, storage: StorageId, key: &str) -> DeliveryFile {
    let (batch, object, none) = (batch.word().to_owned(), object(key), String::new());
    DeliveryFile { batch, storage, object, upload: none.clone(), version: none }
}

async fn look(at: &StorageAccess, key: &str) -> ObjectMeta {
    match at.grant::<Get>(object(key)).unwrap().head(&GetOptions::default()).await.unwrap() {
        GetOutcome::Found(meta) => meta,
        GetOutcome::NotModified(meta) => *meta,
    }
}

async fn versions(owner: &StorageAccess) -> Vec<String> {
    let all = owner.grant::<List>(KeyPrefix::default()).unwrap();
    let all = all.versions(VersionsAfter { limit: 100, ..VersionsAfter::default() }).await.unwrap();
    all.versions.iter().map(|of| of.object.key.to_string()).collect()
}

/// A batch gives no right: it takes some, and answers whether a name is free.
#[tokio::test]
async fn nothing_replaces_anything() {
    for world in [World::new().await, World::on_disk().await] {
        let storage = world.storage(|_| {}).await;
        let owner = world.key(&storage, |_| {}).await;
        let owner = world.at(&owner, &storage).await;
        put(&owner, "there", "theirs").await;
        put(&owner, "folder/file", "theirs").await;
        for permission in [Permission::Write, Permission::ReadWrite] {
            let holder = world.key(&storage, |key| key.permission = permission).await;
            let outside = world.at(&holder, &storage).await;
            assert_eq!(denial(outside.is_free(&object("there")).await), Denial::ConditionalWrite);
            let at = outside.within(&Batch::fresh().unwrap());
            for (key, free) in [("there", false), ("folder", false), ("none", true), ("fold", true)] {
                assert_eq!(at.is_free(&object(key)).await.unwrap(), free, "{key}");
            }
            let taken = store(&at, "there").await.unwrap_err();
            let AccessError::Backend(taken) = taken else { panic!("{taken:?}") };
            assert_eq!(taken.kind, BackendErrorKind::PreconditionFailed);
            let upload = at.grant::<Put>(object("there")).unwrap();
            let upload = upload.create_upload(UploadOptions::default()).await.unwrap();
            let part = at.grant::<Put>(object("there")).unwrap();
            let part = part.upload_part(&upload, 1, full("mine"), Default::default()).await.unwrap();
            let parts =
                [portcullis_access::CompletedPart { number: 1, etag: part.etag.to_string(), checksum: None }];
            let whole = at.grant::<Put>(object("there")).unwrap();
            let taken = whole.complete_upload(&upload, &parts, Default::default()).await.unwrap_err();
            let AccessError::Backend(taken) = taken else { panic!("{taken:?}") };
            assert_eq!(taken.kind, BackendErrorKind::PreconditionFailed);
            assert_eq!(read(&owner, "there").await.unwrap(), "theirs");
            at.grant::<Put>(object("there")).unwrap().abort_upload(&upload).await.unwrap();
        }
        let holder = world.key(&storage, |key| key.permission = Permission::Write).await;
        let at = world.at(&holder, &storage).await.within(&Batch::fresh().unwrap());
        assert_eq!(denial(at.grant::<Get>(object("there"))), Denial::Policy(DenyReason::KeyPermission));
        assert_eq!(denial(at.grant::<Delete>(object("there"))), Denial::Policy(DenyReason::KeyPermission));
        let conditions = WriteConditions { if_absent: true, if_match: None };
        let options = PutOptions { conditions, ..PutOptions::default() };
        let asked = at.grant::<Put>(object("x")).unwrap().put(full("mine"), options).await;
        assert_eq!(denial(asked), Denial::ConditionalWrite, "a condition of its own it may still not set");
        let reader = world.key(&storage, |key| key.permission = Permission::Read).await;
        let at = world.at(&reader, &storage).await.within(&Batch::fresh().unwrap());
        assert_eq!(denial(at.is_free(&object("x")).await), Denial::Policy(DenyReason::KeyPermission));
    }
}

/// By its word, and when the version is known that one alone.
#[tokio::test]
async fn taken_back_is_what_was_stored() {
    for world in [World::new().await, World::on_disk().await] {
        let storage = world.storage(|_| {}).await;
        let owner = world.key(&storage, |_| {}).await;
        let owner = world.at(&owner, &storage).await;
        let holder = world.key(&storage, |key| key.permission = Permission::Write).await;
        let batch = Batch::fresh().unwrap();
        let at = world.at(&holder, &storage).await.within(&batch);
        for key in ["a", "b", "c", "d"] {
            store(&at, key).await.unwrap();
        }
        let noted = DeliveryFile { version: store(&at, "e").await.unwrap(), ..file(&batch, storage.id, "e") };
        let upload: UploadId =
            at.grant::<Put>(object("f")).unwrap().create_upload(UploadOptions::default()).await.unwrap();
        let word = ("portcullis-delivery".to_owned(), batch.word().to_owned());
        assert_eq!(look(&owner, "a").await.content.user, [word]);
        world.delete(&holder).await;
        // Somebody else's word, another key, and a storage that is not there.
        let other = Batch::fresh().unwrap();
        world.access.take_back(&file(&other, storage.id, "a")).await.unwrap();
        world.access.take_back(&file(&batch, storage.id, "none")).await.unwrap();
        world.access.take_back(&file(&batch, StorageId::generate(), "a")).await.unwrap();
        assert_eq!(versions(&owner).await, ["a", "b", "c", "d", "e"]);
        // Replaced by others: by other content, and by a copy that took the word over.
        put(&owner, "b", "theirs").await;
        for key in ["c", "e"] {
            let (from, to) =
                (owner.grant::<Get>(object(key)).unwrap(), owner.grant::<Put>(object(key)).unwrap());
            from.copy_to(to, CopyOptions::default()).await.unwrap();
        }
        let unfinished = DeliveryFile { upload: upload.0.into(), ..file(&batch, storage.id, "f") };
        for taken in [file(&batch, storage.id, "a"), file(&batch, storage.id, "b"), noted, unfinished] {
            for _ in 0..2 {
                assert!(!world.access.take_back(&taken).await.unwrap(), "nothing arrives here later");
            }
        }
        assert_eq!(versions(&owner).await, ["b", "c", "d", "e"]);
        assert_eq!(read(&owner, "b").await.unwrap(), "theirs");
        let left = owner.grant::<List>(KeyPrefix::default()).unwrap();
        let page = portcullis_access::UploadsAfter { limit: 10, ..Default::default() };
        assert!(left.uploads(page).await.unwrap().uploads.is_empty());
        world.access.flush(&world.system).await.unwrap();
        let undone = world.events().await.into_iter().filter(|event| event.action == "undo_delivery");
        let undone: Vec<_> = undone.map(|event| (event.actor, event.object, event.allowed)).collect();
        assert_eq!(undone, [("system".to_owned(), Some("a".to_owned()), true)]);
    }
}

/// Where versions are kept, the oldest that carries the word is ours; what others made of it stays.
#[tokio::test]
async fn the_oldest_that_has_the_word() {
    let world = World::on_disk().await;
    let storage = world.storage(|_| {}).await;
    let owner = world.key(&storage, |_| {}).await;
    let owner = world.at(&owner, &storage).await;
    let keeper = world.key(&storage, |key| key.overwrite = portcullis_domain::Overwrite::KeepPrevious).await;
    let keeper = world.at(&keeper, &storage).await;
    let batch = Batch::fresh().unwrap();
    store(&keeper.within(&batch), "a").await.unwrap();
    let ours = look(&owner, "a").await.version;
    drop(keeper);
    let writer = world.key(&storage, |key| key.permission = Permission::Write).await;
    let writer = world.at(&writer, &storage).await;
    for _ in 0..2 {
        put(&writer, "a", "theirs").await;
    }
    assert_eq!(versions(&owner).await.len(), 3);
    world.access.take_back(&file(&batch, storage.id, "a")).await.unwrap();
    assert_eq!(versions(&owner).await.len(), 2);
    let gone = GetOptions { version: Some(ours), ..GetOptions::default() };
    assert!(owner.grant::<Get>(object("a")).unwrap().head(&gone).await.is_err());
    assert_eq!(read(&owner, "a").await.unwrap(), "theirs");
}
