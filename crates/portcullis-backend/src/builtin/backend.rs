//! One storage of the embedded store.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use portcullis_domain::{Clock, ObjectKey, StorageId, Timestamp, Usage};
use tokio::task::spawn_blocking;

use super::blob::{Blobs, sync_directory};
use super::cache::Cache;
use super::collect::Sweep;
use super::error::{disk_error, task_error};
use super::index::{self, Home, Index};
use super::stream::{Buffers, Files, Pins};
use super::{StoreError, StoreOptions};
use crate::{
    Backend, Body, Capabilities, CompleteOptions, CompletedPart, CopyOptions, DeleteOptions, DeleteOutcome,
    GetOptions, GetOutcome, ListPage, ListRequest, Object, ObjectMeta, Part, PartOptions, PartsPage,
    PutOptions, PutOutcome, Result, Tags, UploadId, UploadMeta, UploadOptions, UploadsPage, UploadsRequest,
    VersionId, VersionsPage, VersionsRequest,
};

/// What all storages of a store share.
#[derive(Clone, Debug)]
pub(super) struct Shared {
    pub(super) options: Arc<StoreOptions>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) cache: Arc<Cache>,
    pub(super) buffers: Arc<Buffers>,
}

/// One storage of the embedded store.
#[derive(Debug)]
pub struct BuiltinBackend {
    pub(super) id: StorageId,
    pub(super) index: Index,
    pub(super) files: Files,
    pub(super) pins: Arc<Pins>,
    pub(super) cache: Arc<Cache>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) options: Arc<StoreOptions>,
    pub(super) sweep: tokio::sync::Mutex<Sweep>,
    used: AtomicI64,
}

impl BuiltinBackend {
    /// Opens the storage in this directory, or makes it. Blocks.
    ///
    /// # Errors
    /// [`StoreError::Newer`], [`StoreError::Damaged`], [`StoreError::Sqlite`], [`StoreError::Io`].
    pub(super) fn open(id: StorageId, directory: PathBuf, shared: &Shared) -> Result<Self, StoreError> {
        make_directory(&directory)?;
        let blobs =
            Blobs::new(directory.join("data"), shared.options.reserve_bytes, Arc::clone(&shared.clock));
        let home = Home { storage: id, directory };
        let (index, damaged) = Index::open(&home, Arc::clone(&shared.cache), Arc::clone(&shared.clock))?;
        let files = Files {
            blobs: Arc::new(blobs),
            buffers: Arc::clone(&shared.buffers),
            damaged: Arc::new(Mutex::new(damaged)),
        };
        Ok(Self {
            id,
            index,
            files,
            pins: Arc::default(),
            cache: Arc::clone(&shared.cache),
            clock: Arc::clone(&shared.clock),
            options: Arc::clone(&shared.options),
            sweep: tokio::sync::Mutex::default(),
            used: AtomicI64::new(shared.clock.now().micros()),
        })
    }

    /// Notes that somebody asked for this storage.
    pub(super) fn touch(&self) {
        self.used.store(self.clock.now().micros(), Ordering::Relaxed);
    }

    /// When somebody last asked for this storage.
    pub(super) fn last_used(&self) -> Timestamp {
        Timestamp::from_micros(self.used.load(Ordering::Relaxed))
    }

    /// Whether a disk error stopped changes; they are `Unavailable` until the storage is opened again.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.index.is_stopped()
    }

    /// Waits for changes that are queued and closes the index. Blocks.
    pub(super) fn close(self) {
        self.index.close();
    }
}

/// Makes a directory durably.
fn make_directory(directory: &Path) -> Result<(), StoreError> {
    if directory.is_dir() {
        return Ok(());
    }
    std::fs::create_dir_all(directory).map_err(StoreError::io("make the directory", directory))?;
    let parent = directory.parent().unwrap_or(directory);
    sync_directory(parent).map_err(StoreError::io("sync the directory", parent))
}

#[async_trait]
impl Backend for BuiltinBackend {
    fn capabilities(&self) -> Capabilities {
        Capabilities::WHOLE
    }

    async fn head(&self, key: &ObjectKey, options: &GetOptions) -> Result<GetOutcome<ObjectMeta>> {
        self.read_head(key, options).await
    }

    async fn get(&self, key: &ObjectKey, options: &GetOptions) -> Result<GetOutcome<Object>> {
        self.read_object(key, options).await
    }

    async fn put(&self, key: &ObjectKey, body: Body, options: PutOptions) -> Result<PutOutcome> {
        self.write_object(key, body, options).await
    }

    async fn delete(&self, key: &ObjectKey, options: &DeleteOptions) -> Result<DeleteOutcome> {
        let (key, options) = (key.clone(), options.clone());
        self.index.write("delete", move |batch| index::delete(batch, &key, &options)).await
    }

    async fn copy(&self, from: &ObjectKey, to: &ObjectKey, options: CopyOptions) -> Result<PutOutcome> {
        self.copy_object(from, to, options).await
    }

    async fn list(&self, request: &ListRequest) -> Result<ListPage> {
        let request = request.clone();
        self.index.read("list", move |conn| index::list(conn, &request)).await
    }

    async fn list_versions(&self, request: &VersionsRequest) -> Result<VersionsPage> {
        let request = request.clone();
        self.index.read("list versions", move |conn| index::list_versions(conn, &request)).await
    }

    async fn set_tags(&self, key: &ObjectKey, version: Option<&VersionId>, tags: Tags) -> Result<()> {
        let (key, version) = (key.clone(), version.cloned());
        self.index.write("set tags", move |batch| index::set_tags(batch, &key, version.as_ref(), &tags)).await
    }

    async fn create_upload(&self, key: &ObjectKey, options: UploadOptions) -> Result<UploadId> {
        self.begin_upload(key, options).await
    }

    async fn upload(&self, key: &ObjectKey, upload: &UploadId) -> Result<UploadMeta> {
        let (key, upload) = (key.clone(), upload.clone());
        self.index.read("upload", move |conn| index::upload(conn, &key, &upload)).await
    }

    async fn upload_part(
        &self,
        key: &ObjectKey,
        upload: &UploadId,
        number: u16,
        body: Body,
        options: PartOptions,
    ) -> Result<Part> {
        self.store_part(key, upload, number, body, options).await
    }

    async fn list_parts(
        &self,
        key: &ObjectKey,
        upload: &UploadId,
        after: u16,
        limit: usize,
    ) -> Result<PartsPage> {
        let (key, upload) = (key.clone(), upload.clone());
        self.index
            .read("list parts", move |conn| index::list_parts(conn, (&key, &upload), after, limit))
            .await
    }

    async fn list_uploads(&self, request: &UploadsRequest) -> Result<UploadsPage> {
        let request = request.clone();
        self.index.read("list uploads", move |conn| index::list_uploads(conn, &request)).await
    }

    async fn complete_upload(
        &self,
        key: &ObjectKey,
        upload: &UploadId,
        parts: &[CompletedPart],
        options: CompleteOptions,
    ) -> Result<PutOutcome> {
        self.finish_upload(key, upload, parts, options).await
    }

    async fn abort_upload(&self, key: &ObjectKey, upload: &UploadId) -> Result<()> {
        let (key, upload) = (key.clone(), upload.clone());
        self.index.write("abort upload", move |batch| index::abort(batch, &key, &upload)).await
    }

    async fn usage(&self) -> Result<Usage> {
        self.index.read("usage", index::usage).await
    }

    async fn available(&self) -> Result<Option<u64>> {
        let blobs = Arc::clone(&self.files.blobs);
        let available = spawn_blocking(move || blobs.available()).await.map_err(task_error("available"))?;
        available.map(Some).map_err(disk_error("available"))
    }
}
