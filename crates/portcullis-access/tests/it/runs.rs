//! Runs between two storages: what they reach, and what nobody else does.

use bytes::Bytes;
use futures_util::StreamExt as _;
use portcullis_access::{
    AccessError, Body, BodyFault, Change, CopyOptions, Delete, DeleteOptions, Denial, Get, GetOptions,
    GetOutcome, List, ListPage, Principal, Put, PutOptions, StorageAccess, UploadOptions, UploadsAfter,
    VersionsAfter,
};
use portcullis_backend::BackendErrorKind;
use portcullis_domain::{
    DenyReason, KeyPrefix, Permission, Provider, RESERVED_PREFIX, RunPass, RunSide, SiteId, Storage,
    StorageState, Timestamp,
};
use tokio::sync::mpsc;

use crate::world::{World, denial, full, grant, object, put, read};

/// A body that comes when the test says so.
fn slow() -> (mpsc::UnboundedSender<Bytes>, Body) {
    let (sender, receiver) = mpsc::unbounded_channel::<Bytes>();
    let pieces = futures_util::stream::unfold(receiver, async |mut receiver| {
        let piece = receiver.recv().await?;
        Some((Ok::<_, BodyFault>(piece), receiver))
    });
    (sender, Body::Stream(Box::pin(pieces)))
}

fn prefix(text: &str) -> KeyPrefix {
    KeyPrefix::parse(text).unwrap()
}

fn side(storage: &Storage, part: &str, permission: Permission) -> RunSide {
    RunSide { storage: storage.id, prefix: prefix(part), permission }
}

impl World {
    fn run(&self, one: RunSide, other: RunSide) -> Principal {
        let pass = RunPass { run: "run-1".to_owned(), site: self.admin.site(), sides: [one, other] };
        self.access.run_principal(&self.system, pass)
    }

    async fn entered(&self, who: &Principal, storage: &Storage) -> StorageAccess {
        self.access.storage_by_id(who, storage.id).await.unwrap()
    }

    /// A storage in somebody else's bucket, as far as the core can tell.
    async fn outside(&self, label: &str) -> Storage {
        self.storage(|new| {
            new.provider = Provider::S3;
            new.endpoint = Some("https://s3.example.com".to_owned());
            new.bucket = Some(label.to_owned());
        })
        .await
    }

    async fn detach(&self, storage: &Storage) {
        let mut changed = storage.clone();
        changed.state = StorageState::Detached;
        self.metadata.update_storage_if_same(storage, &changed).await.unwrap();
        self.access.applied(Change::Storage(storage.id)).await.unwrap();
    }
}

fn kind<T: std::fmt::Debug>(outcome: Result<T, AccessError>) -> BackendErrorKind {
    let error = outcome.unwrap_err();
    let AccessError::Backend(error) = error else { panic!("not of the backend: {error:?}") };
    error.kind
}

#[tokio::test]
async fn a_run_reaches_its_two_places_and_nothing_else() {
    let world = World::new().await;
    let (one, other, third) =
        (world.storage(|_| {}).await, world.storage(|_| {}).await, world.storage(|_| {}).await);
    let who = world.run(side(&one, "in/", Permission::ReadWrite), side(&other, "", Permission::Read));
    let (at, source) = (world.entered(&who, &one).await, world.entered(&who, &other).await);
    put(&at, "in/file", "text").await;
    assert_eq!(read(&at, "in/file").await.unwrap(), "text");
    grant::<Delete>(&at, object("in/file")).delete(DeleteOptions::default()).await.unwrap();
    let outside = Denial::Policy(DenyReason::OutsidePrefix);
    assert_eq!(denial(at.grant::<Get>(object("out/file")).map(drop)), outside);
    assert_eq!(denial(at.grant::<Put>(object("file")).map(drop)), outside);
    assert_eq!(denial(at.grant::<List>(prefix("")).map(drop)), outside);
    assert_eq!(denial(at.grant::<Get>(object(".portcullis/kept/1")).map(drop)), outside, "builtin");
    drop(source.grant::<List>(prefix("")).unwrap());
    let read_only = Denial::Policy(DenyReason::KeyPermission);
    assert_eq!(denial(source.grant::<Put>(object("file")).map(drop)), read_only);
    assert_eq!(denial(source.grant::<Delete>(object("file")).map(drop)), read_only);
    let nowhere = world.access.storage_by_id(&who, third.id).await;
    assert!(matches!(nowhere, Err(AccessError::NotFound)));
    assert!(world.access.admin(&who).is_err());
    assert!((who.key_id(), who.user_id(), who.session_id(), who.link_id()) == (None, None, None, None));
    let events = world.events().await;
    assert!(events.iter().filter(|event| !event.allowed).all(|event| event.actor == "sync:run-1"));
    assert_eq!(events.iter().filter(|event| event.reason == "outside_prefix").count(), 4);
}

#[tokio::test]
async fn another_site_is_closed_to_it() {
    let world = World::new().await;
    let storage = world.storage(|_| {}).await;
    let sides = [side(&storage, "", Permission::ReadWrite), side(&storage, "a/", Permission::Read)];
    let pass = RunPass { run: "r".to_owned(), site: SiteId::generate(), sides };
    let who = world.access.run_principal(&world.system, pass);
    assert!(matches!(world.access.storage_by_id(&who, storage.id).await, Err(AccessError::NotFound)));
}

/// What a storage says of keys binds no run: an admin asked for it.
#[tokio::test]
async fn a_storage_that_is_closed_to_keys_is_open_to_it() {
    let world = World::new().await;
    let storage = world
        .storage(|new| {
            new.permission = Permission::Read;
            new.s3_access = false;
        })
        .await;
    let mut closed = storage.clone();
    closed.paused_until = Some(Timestamp::from_seconds(world.now().seconds() + 60));
    world.metadata.update_storage_if_same(&storage, &closed).await.unwrap();
    world.access.applied(Change::Storage(storage.id)).await.unwrap();
    let who = world.run(side(&storage, "", Permission::ReadWrite), side(&storage, "x/", Permission::Read));
    put(&world.entered(&who, &storage).await, "file", "text").await;
}

#[tokio::test]
async fn what_it_overwrites_is_kept() {
    let world = World::new().await;
    let storage = world.storage(|_| {}).await;
    let who = world.run(side(&storage, "", Permission::ReadWrite), side(&storage, "x/", Permission::Read));
    let at = world.entered(&who, &storage).await;
    put(&at, "file", "old").await;
    put(&at, "file", "new").await;
    put(&at, "copied", "before").await;
    let (from, to) = (grant::<Get>(&at, object("file")), grant::<Put>(&at, object("copied")));
    from.copy_to(to, CopyOptions::default()).await.unwrap();
    let delete = DeleteOptions { keep_previous: true, ..DeleteOptions::default() };
    grant::<Delete>(&at, object("file")).delete(delete).await.unwrap();
    let page = VersionsAfter { limit: 100, ..VersionsAfter::default() };
    let versions = grant::<List>(&at, prefix("")).versions(page).await.unwrap().versions;
    let kept: Vec<_> = versions.iter().map(|listed| (listed.object.key.as_str(), listed.current)).collect();
    assert_eq!(kept, [("copied", true), ("copied", false), ("file", false), ("file", false)]);
}

#[tokio::test]
async fn its_bodies_end_when_a_storage_is_detached() {
    let world = World::on_disk().await;
    let (one, other) = (world.storage(|_| {}).await, world.storage(|_| {}).await);
    let who = world.run(side(&one, "", Permission::ReadWrite), side(&other, "", Permission::ReadWrite));
    let (at, kept) = (world.entered(&who, &one).await, world.entered(&who, &other).await);
    let large = Body::Full(vec![7; 4 << 20].into());
    grant::<Put>(&at, object("large")).put(large, PutOptions::default()).await.unwrap();
    let found = grant::<Get>(&at, object("large")).get(GetOptions::default()).await.unwrap();
    let GetOutcome::Found(found) = found else { panic!("no condition was set") };
    let Body::Stream(mut download) = found.body else { panic!("a large file comes piece by piece") };
    let ((sender, body), (other_sender, other_body)) = (slow(), slow());
    sender.send(Bytes::from_static(b"some")).unwrap();
    other_sender.send(Bytes::from_static(b"some")).unwrap();
    let upload = grant::<Put>(&at, object("up")).put(body, PutOptions::default());
    let goes_on = grant::<Put>(&kept, object("up")).put(other_body, PutOptions::default());
    let end = async {
        while world.access.transfers(&world.admin).len() < 3 {
            tokio::task::yield_now().await;
        }
        world.detach(&one).await;
        drop(other_sender);
    };
    let (cut, stored, ()) = tokio::join!(upload, goes_on, end);
    assert_eq!(denial(cut), Denial::Policy(DenyReason::StorageDetached));
    stored.unwrap();
    assert_eq!(download.next().await, Some(Err(BodyFault::Cut)));
    let detached = Denial::Policy(DenyReason::StorageDetached);
    assert_eq!(denial(at.grant::<Get>(object("large")).map(drop)), detached);
    assert_eq!(denial(world.access.storage_by_id(&who, one.id).await.map(drop)), detached);
    drop(sender);
}

async fn listed(at: &StorageAccess, delimiter: Option<&str>) -> ListPage {
    grant::<List>(at, prefix("")).page(delimiter.map(str::to_owned), None, 100).await.unwrap()
}

/// Everybody but a run: an admin's session no less than a key.
#[tokio::test]
async fn what_is_reserved_is_not_there_for_anybody_else() {
    let world = World::new().await;
    let storage = world.outside("theirs").await;
    let run = world.run(side(&storage, "in/", Permission::ReadWrite), side(&storage, "x/", Permission::Read));
    let run = world.entered(&run, &storage).await;
    let kept = format!("{RESERVED_PREFIX}kept/run-1/1");
    put(&run, "in/file", "text").await;
    put(&run, &kept, "kept").await;
    let upload = grant::<Put>(&run, object(&kept)).create_upload(UploadOptions::default()).await.unwrap();
    let holder = world.key(&storage, |_| {}).await;
    let session = world.sign_in("admin").await;
    for at in [world.at(&holder, &storage).await, world.entered(&session, &storage).await] {
        for delimiter in [None, Some("/"), Some("p")] {
            let page = listed(&at, delimiter).await;
            assert!(page.objects.iter().all(|found| found.key == object("in/file")));
            assert!(page.prefixes.iter().all(|rolled| rolled == "in/"));
            assert_eq!((page.objects.len() + page.prefixes.len(), page.next), (1, None));
        }
        let (versions, uploads) = (
            VersionsAfter { limit: 9, ..VersionsAfter::default() },
            UploadsAfter { limit: 9, ..UploadsAfter::default() },
        );
        assert_eq!(grant::<List>(&at, prefix("")).versions(versions).await.unwrap().versions.len(), 1);
        assert!(grant::<List>(&at, prefix("")).uploads(uploads).await.unwrap().uploads.is_empty());
        assert_eq!(kind(read(&at, &kept).await), BackendErrorKind::NotFound);
        let write = grant::<Put>(&at, object(&kept)).put(full("x"), PutOptions::default());
        assert_eq!(kind(write.await), BackendErrorKind::Reserved);
        let begin = grant::<Put>(&at, object(&kept)).create_upload(UploadOptions::default());
        assert_eq!(kind(begin.await), BackendErrorKind::Reserved);
        let part = grant::<Put>(&at, object(&kept)).abort_upload(&upload);
        assert_eq!(kind(part.await), BackendErrorKind::NoSuchUpload);
        let copy = |from: &str, to: &str| {
            let (from, to) = (grant::<Get>(&at, object(from)), grant::<Put>(&at, object(to)));
            from.copy_to(to, CopyOptions::default())
        };
        assert_eq!(kind(copy(&kept, "in/stolen").await), BackendErrorKind::NotFound);
        assert_eq!(kind(copy("in/file", &kept).await), BackendErrorKind::Reserved);
        let gone = grant::<Delete>(&at, object(&kept)).delete(DeleteOptions::default()).await.unwrap();
        assert!(!gone.existed);
    }
    assert_eq!(read(&run, &kept).await.unwrap(), "kept");
    assert_eq!(
        kind(run.grant::<Get>(object("in/stolen")).unwrap().head(&GetOptions::default()).await),
        BackendErrorKind::NotFound
    );
    let Err(outside) = run.grant::<Get>(object("other")) else {
        panic!("only what is reserved comes with the prefix")
    };
    assert_eq!(denial::<()>(Err(outside)), Denial::Policy(DenyReason::OutsidePrefix));
}

/// Between two storages too, and in the embedded store nothing is reserved.
#[tokio::test]
async fn copies_between_storages_and_the_embedded_store() {
    let world = World::new().await;
    let (theirs, ours) = (world.outside("theirs").await, world.storage(|_| {}).await);
    let run = world.run(side(&theirs, "", Permission::ReadWrite), side(&ours, "", Permission::Read));
    put(&world.entered(&run, &theirs).await, ".portcullis/secret", "kept").await;
    let session = world.sign_in("admin").await;
    let (theirs, ours) = (world.entered(&session, &theirs).await, world.entered(&session, &ours).await);
    put(&ours, ".portcullis/own", "ordinary").await;
    assert_eq!(read(&ours, ".portcullis/own").await.unwrap(), "ordinary");
    let copy = |from: &StorageAccess, key: &str, to: &StorageAccess| {
        let (from, to) = (grant::<Get>(from, object(key)), grant::<Put>(to, object(key)));
        from.copy_to(to, CopyOptions::default())
    };
    assert_eq!(kind(copy(&theirs, ".portcullis/secret", &ours).await), BackendErrorKind::NotFound);
    assert_eq!(kind(copy(&ours, ".portcullis/own", &theirs).await), BackendErrorKind::Reserved);
}
