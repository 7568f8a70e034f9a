//! Who may only write moves what they have just written, and nothing else.

use std::sync::Arc;

use async_trait::async_trait;
use portcullis_access::{
    AccessConfig, AccessError, BackendErrorKind, Change, CompleteOptions, CompletedPart, Denial, List,
    PartOptions, Put, PutOptions, StorageAccess, UploadOptions, VersionsAfter, Written,
};
use portcullis_backend::memory::MemoryBackend;
use portcullis_backend::{
    Backend, Body, Capabilities, CopyOptions, DeleteOptions, DeleteOutcome, Drivers, GetOptions, GetOutcome,
    ListPage, ListRequest, Object, ObjectMeta, Part, PartsPage, ProviderCredentials, PutOutcome, Result,
    Tags, UploadId, UploadMeta, UploadsPage, UploadsRequest, VersionId, VersionsPage, VersionsRequest,
};
use portcullis_domain::{Clock, KeyPrefix, ObjectKey, Overwrite, Permission, Storage, Usage};

use crate::world::{Holder, World, config, denial, full, object, put, read};

async fn dropbox(world: &World, storage: &Storage, rule: Overwrite) -> (Holder, StorageAccess) {
    let set = |key: &mut portcullis_domain::Key| (key.permission, key.overwrite) = (Permission::Write, rule);
    let holder = world.key(storage, set).await;
    let at = world.at(&holder, storage).await;
    (holder, at)
}

async fn store(at: &StorageAccess, key: &str, text: &'static str) -> Written {
    let grant = at.grant::<Put>(object(key)).unwrap();
    grant.put_written(full(text), PutOptions::default()).await.unwrap().1
}

async fn rename(at: &StorageAccess, written: &Written, key: &str) -> Result<Written, AccessError> {
    written.move_to(at.grant::<Put>(object(key)).unwrap()).await
}

/// All versions, as `key size`, in the order of the listing.
async fn versions(owner: &StorageAccess) -> Vec<String> {
    let all = owner.grant::<List>(KeyPrefix::default()).unwrap();
    let all = all.versions(VersionsAfter { limit: 100, ..VersionsAfter::default() }).await.unwrap();
    all.versions.iter().map(|of| format!("{} {}", of.object.key, of.object.size)).collect()
}

fn failed<T: std::fmt::Debug>(outcome: Result<T, AccessError>) -> BackendErrorKind {
    let error = outcome.unwrap_err();
    let AccessError::Backend(error) = error else { panic!("{error:?}") };
    error.kind
}

#[tokio::test]
async fn an_upload_gets_its_name_and_nobody_elses_file_is_touched() {
    for world in [World::new().await, World::on_disk().await] {
        let storage = world.storage(|_| {}).await;
        let owner = world.key(&storage, |_| {}).await;
        let owner = world.at(&owner, &storage).await;
        for rule in [Overwrite::KeepPrevious, Overwrite::CreateOnly] {
            let (_, at) = dropbox(&world, &storage, rule).await;
            let (_, other) = dropbox(&world, &storage, Overwrite::KeepPrevious).await;
            let (part, name, free) = (format!("{rule}/part"), format!("{rule}/name"), format!("{rule}/free"));
            put(&owner, &part, "a part of the owner").await;
            put(&owner, &name, "precious").await;
            let written = store(&at, &part, "mine").await;
            let moved = rename(&at, &written, &name).await.unwrap();
            assert_eq!(moved.target().as_str(), name);
            // What an upload has replaced does not disappear with it.
            let aside = rule == Overwrite::CreateOnly;
            let now = |own: &'static str| if aside { own } else { "mine" };
            assert_eq!(read(&owner, &part).await.unwrap(), now("a part of the owner"));
            assert_eq!(read(&owner, &name).await.unwrap(), now("precious"));
            let again = rename(&at, &moved, &free).await.unwrap();
            assert_eq!(read(&owner, &free).await.unwrap(), "mine");
            assert_eq!(read(&owner, &name).await.unwrap(), now("precious"));
            let stays = rename(&at, &again, &free).await.unwrap();
            assert_eq!(read(&owner, &free).await.unwrap(), "mine", "to its own name");
            let last = rename(&at, &stays, &format!("{rule}/last")).await.unwrap();
            assert!(read(&owner, &free).await.is_err(), "nothing was there before");
            let gone = rename(&at, &stays, &part).await;
            assert_eq!(failed(gone), BackendErrorKind::NotFound, "it is moved");
            // What somebody puts over it stays, and only what was written moves.
            put(&other, last.target().as_str(), "theirs").await;
            rename(&at, &last, &free).await.unwrap();
            assert_eq!(read(&owner, last.target().as_str()).await.unwrap(), "theirs");
            assert_eq!(read(&owner, &free).await.unwrap(), "mine");
            let own = format!("{rule}/");
            let all: Vec<_> = versions(&owner).await.into_iter().filter(|of| of.starts_with(&own)).collect();
            assert_eq!(all.len(), if aside { 4 } else { 6 }, "no more is left behind: {all:?}");
        }
    }
}

#[tokio::test]
async fn a_completed_upload_is_ones_own_only_for_who_completed_it() {
    let world = World::new().await;
    let storage = world.storage(|_| {}).await;
    let (_, at) = dropbox(&world, &storage, Overwrite::KeepPrevious).await;
    let (_, other) = dropbox(&world, &storage, Overwrite::KeepPrevious).await;
    let grant = |at: &StorageAccess| at.grant::<Put>(object("large")).unwrap();
    let upload = grant(&at).create_upload(UploadOptions::default()).await.unwrap();
    let part = grant(&at).upload_part(&upload, 1, full("parts"), PartOptions::default()).await.unwrap();
    let parts = [CompletedPart { number: 1, etag: part.etag.to_string(), checksum: None }];
    let stranger = grant(&other).complete_written(&upload, &parts, CompleteOptions::default()).await;
    assert_eq!(failed(stranger.map(drop)), BackendErrorKind::NoSuchUpload);
    let (first, written) =
        grant(&at).complete_written(&upload, &parts, CompleteOptions::default()).await.unwrap();
    for repeated in [&at, &other] {
        let (same, proof) =
            grant(repeated).complete_written(&upload, &parts, CompleteOptions::default()).await.unwrap();
        assert_eq!(same.version, first.version);
        assert!(proof.is_none(), "a repetition tells nothing of who did it");
    }
    let moved = rename(&at, &written.unwrap(), "name").await.unwrap();
    assert_eq!(denial(rename(&other, &moved, "theirs").await), Denial::GrantMismatch);
    let elsewhere = world.storage(|new| new.label = portcullis_domain::Label::parse("other").unwrap()).await;
    let (_, there) = dropbox(&world, &elsewhere, Overwrite::KeepPrevious).await;
    assert_eq!(denial(rename(&there, &moved, "there").await), Denial::GrantMismatch);
}

#[tokio::test]
async fn it_is_worth_what_the_right_to_put_is_worth_at_that_moment() {
    let world = World::new().await;
    let storage = world.storage(|_| {}).await;
    let owner = world.key(&storage, |_| {}).await;
    let owner = world.at(&owner, &storage).await;
    let (holder, at) = dropbox(&world, &storage, Overwrite::KeepPrevious).await;
    let written = store(&at, "in/part", "mine").await;
    let ready = at.grant::<Put>(object("in/name")).unwrap();
    let set = |key: &mut portcullis_domain::Key, prefix: &str| {
        (key.permission, key.prefix) = (Permission::Write, KeyPrefix::parse(prefix).unwrap());
    };
    world.change(&holder, |key| key.permission = Permission::Read).await;
    assert!(matches!(denial(written.move_to(ready).await), Denial::Policy(_)));
    world.change(&holder, |key| set(key, "out/")).await;
    let outside = at.grant::<Put>(object("out/name")).unwrap();
    assert!(matches!(denial(written.move_to(outside).await), Denial::Policy(_)), "not from there any more");
    assert!(at.grant::<Put>(object("in/name")).is_err());
    world.change(&holder, |key| set(key, "")).await;
    let ready = at.grant::<Put>(object("in/name")).unwrap();
    world.delete(&holder).await;
    assert!(matches!(denial(written.move_to(ready).await), Denial::Policy(_)));
    assert_eq!(versions(&owner).await, ["in/part 4"], "nothing happened");
    world.access.applied(Change::Storage(storage.id)).await.unwrap();
}

/// A storage that keeps no versions, as many providers do.
#[derive(Debug)]
struct Plain {
    inner: MemoryBackend,
    conditional_deletes: bool,
}

impl Plain {
    /// Where nothing is kept, what must not be replaced is only created.
    fn only_creates(overwrite: Option<Overwrite>) -> bool {
        matches!(overwrite, Some(Overwrite::KeepPrevious | Overwrite::CreateOnly))
    }
}

#[async_trait]
impl Backend for Plain {
    fn capabilities(&self) -> Capabilities {
        let conditional_deletes = self.conditional_deletes;
        Capabilities { keeps_versions: false, conditional_deletes, ..Capabilities::WHOLE }
    }
    async fn head(&self, key: &ObjectKey, options: &GetOptions) -> Result<GetOutcome<ObjectMeta>> {
        self.inner.head(key, options).await
    }
    async fn get(&self, key: &ObjectKey, options: &GetOptions) -> Result<GetOutcome<Object>> {
        self.inner.get(key, options).await
    }
    async fn put(&self, key: &ObjectKey, body: Body, mut options: PutOptions) -> Result<PutOutcome> {
        options.conditions.if_absent |= Self::only_creates(options.overwrite);
        self.inner.put(key, body, PutOptions { overwrite: Some(Overwrite::Replace), ..options }).await
    }
    async fn delete(&self, key: &ObjectKey, options: &DeleteOptions) -> Result<DeleteOutcome> {
        assert!(options.version.is_none(), "it has no versions to name");
        assert!(options.if_match.is_none() || self.conditional_deletes);
        self.inner.delete(key, options).await
    }
    async fn copy(&self, from: &ObjectKey, to: &ObjectKey, mut options: CopyOptions) -> Result<PutOutcome> {
        assert!(options.version.is_none(), "it has no versions to name");
        options.conditions.if_absent |= Self::only_creates(options.overwrite);
        self.inner.copy(from, to, CopyOptions { overwrite: Some(Overwrite::Replace), ..options }).await
    }
    async fn list(&self, request: &ListRequest) -> Result<ListPage> {
        self.inner.list(request).await
    }
    async fn list_versions(&self, request: &VersionsRequest) -> Result<VersionsPage> {
        self.inner.list_versions(request).await
    }
    async fn set_tags(&self, key: &ObjectKey, version: Option<&VersionId>, tags: Tags) -> Result<()> {
        self.inner.set_tags(key, version, tags).await
    }
    async fn create_upload(&self, key: &ObjectKey, options: UploadOptions) -> Result<UploadId> {
        self.inner.create_upload(key, options).await
    }
    async fn upload(&self, key: &ObjectKey, upload: &UploadId) -> Result<UploadMeta> {
        self.inner.upload(key, upload).await
    }
    async fn upload_part(
        &self,
        key: &ObjectKey,
        upload: &UploadId,
        number: u16,
        body: Body,
        options: PartOptions,
    ) -> Result<Part> {
        self.inner.upload_part(key, upload, number, body, options).await
    }
    async fn list_parts(
        &self,
        key: &ObjectKey,
        upload: &UploadId,
        after: u16,
        limit: usize,
    ) -> Result<PartsPage> {
        self.inner.list_parts(key, upload, after, limit).await
    }
    async fn list_uploads(&self, request: &UploadsRequest) -> Result<UploadsPage> {
        self.inner.list_uploads(request).await
    }
    async fn complete_upload(
        &self,
        key: &ObjectKey,
        upload: &UploadId,
        parts: &[CompletedPart],
        options: CompleteOptions,
    ) -> Result<PutOutcome> {
        self.inner.complete_upload(key, upload, parts, options).await
    }
    async fn abort_upload(&self, key: &ObjectKey, upload: &UploadId) -> Result<()> {
        self.inner.abort_upload(key, upload).await
    }
    async fn usage(&self) -> Result<Usage> {
        self.inner.usage().await
    }
    async fn available(&self) -> Result<Option<u64>> {
        self.inner.available().await
    }
}

#[derive(Debug)]
struct Only(Arc<Plain>);

#[async_trait]
impl Drivers for Only {
    async fn open(&self, _: &Storage, _: Option<ProviderCredentials>) -> Result<Arc<dyn Backend>> {
        Ok(Arc::<Plain>::clone(&self.0))
    }
}

async fn plain(conditional_deletes: bool) -> World {
    let drivers = |_: &std::path::Path, clock: Arc<dyn Clock>| -> Arc<dyn Drivers> {
        Arc::new(Only(Arc::new(Plain { inner: MemoryBackend::new(clock), conditional_deletes })))
    };
    World::over(AccessConfig { ..config() }, drivers).await
}

#[tokio::test]
async fn without_versions_what_was_replaced_meanwhile_stays() {
    let world = plain(true).await;
    let storage = world.storage(|_| {}).await;
    let owner = world.key(&storage, |_| {}).await;
    let owner = world.at(&owner, &storage).await;
    put(&owner, "taken", "precious").await;
    let (_, at) = dropbox(&world, &storage, Overwrite::KeepPrevious).await;
    let written = store(&at, "part", "mine").await;
    assert_eq!(failed(rename(&at, &written, "taken").await), BackendErrorKind::PreconditionFailed);
    assert_eq!(versions(&owner).await, ["part 4", "taken 8"], "both are there");
    let moved = rename(&at, &written, "name").await.unwrap();
    assert_eq!(versions(&owner).await, ["name 4", "taken 8"]);
    put(&owner, "name", "of the owner").await;
    assert_eq!(failed(rename(&at, &moved, "next").await), BackendErrorKind::PreconditionFailed);
    assert_eq!(read(&owner, "name").await.unwrap(), "of the owner");
    assert!(read(&owner, "next").await.is_err());
}

#[tokio::test]
async fn where_it_could_be_somebody_elses_by_then_nothing_is_done() {
    let world = plain(false).await;
    let storage = world.storage(|_| {}).await;
    let owner = world.key(&storage, |_| {}).await;
    let owner = world.at(&owner, &storage).await;
    let (_, at) = dropbox(&world, &storage, Overwrite::KeepPrevious).await;
    let written = store(&at, "part", "mine").await;
    assert_eq!(failed(rename(&at, &written, "name").await), BackendErrorKind::Unsupported);
    assert_eq!(versions(&owner).await, ["part 4"]);
}
