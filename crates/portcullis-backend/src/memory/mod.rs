//! Objects in memory: for tests, and for learning what the trait asks of a driver.
//!
//! One lock over ordered maps. Bodies are received before the lock is taken, so every call takes effect at one moment.
//! Nothing outlives the process.

mod listing;
mod read;
mod receive;
mod state;
mod uploads;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use portcullis_domain::{Clock, ObjectKey, Overwrite, Storage, StorageId, Usage};

use crate::{
    Backend, BackendError, BackendErrorKind, Body, Capabilities, CompleteOptions, CompletedPart, CopyOptions,
    DeleteOptions, DeleteOutcome, Drivers, GetOptions, GetOutcome, ListPage, ListRequest, Object, ObjectMeta,
    Part, PartOptions, PartsPage, ProviderCredentials, PutOptions, PutOutcome, Result, Tags, UploadId,
    UploadMeta, UploadOptions, UploadsPage, UploadsRequest, VersionId, VersionsPage, VersionsRequest,
};
use receive::{Bounds, receive};
use state::{Draft, State};

/// A storage in memory.
pub struct MemoryBackend {
    clock: Arc<dyn Clock>,
    limit: Option<u64>,
    state: Mutex<State>,
}

impl MemoryBackend {
    /// An empty storage that tells the time by this clock.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, limit: None, state: Mutex::default() }
    }

    /// The same, which holds at most this many bytes, previous versions and uploads included, and is
    /// [`Full`](BackendErrorKind::Full) for more.
    #[must_use]
    pub fn with_limit(mut self, bytes: u64) -> Self {
        self.limit = Some(bytes);
        self
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No state is left half-changed by a panic: changes are made after everything that can fail.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for MemoryBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryBackend").field("limit", &self.limit).finish_non_exhaustive()
    }
}

/// The error of an operation, from its kind alone.
fn fail(operation: &'static str) -> impl Fn(BackendErrorKind) -> BackendError {
    move |kind| BackendError::new(kind, operation)
}

#[async_trait]
impl Backend for MemoryBackend {
    fn capabilities(&self) -> Capabilities {
        Capabilities::WHOLE
    }

    async fn head(&self, key: &ObjectKey, options: &GetOptions) -> Result<GetOutcome<ObjectMeta>> {
        self.state().head(key, options).map_err(fail("head"))
    }

    async fn get(&self, key: &ObjectKey, options: &GetOptions) -> Result<GetOutcome<Object>> {
        self.state().get(key, options).map_err(fail("get"))
    }

    async fn put(&self, key: &ObjectKey, body: Body, options: PutOptions) -> Result<PutOutcome> {
        let bounds = Bounds { length: options.length, quota: options.quota, limit: self.limit };
        let received = receive(body, &bounds, &options.digests, None).await?;
        let draft = Draft {
            etag: received.etag()?,
            checksum: options.digests.keep.and_then(|algorithm| received.full_checksum(algorithm)),
            bytes: received.bytes,
            content: options.content,
            tags: options.tags,
            parts: Vec::new(),
        };
        let overwrite = options.overwrite.unwrap_or(Overwrite::Replace);
        let mut state = self.state();
        state.check_conditions(key, &options.conditions).map_err(fail("put"))?;
        state.check_room(key, draft.size(), overwrite, &bounds).map_err(fail("put"))?;
        Ok(state.commit(key, draft, overwrite, self.clock.now()))
    }

    async fn delete(&self, key: &ObjectKey, options: &DeleteOptions) -> Result<DeleteOutcome> {
        self.state().delete(key, options).map_err(fail("delete"))
    }

    async fn copy(&self, from: &ObjectKey, to: &ObjectKey, options: CopyOptions) -> Result<PutOutcome> {
        let mut state = self.state();
        let draft = state.draft_of_copy(from, &options)?;
        let overwrite = options.overwrite.unwrap_or(Overwrite::Replace);
        let bounds = Bounds { length: None, quota: options.quota, limit: self.limit };
        state.check_conditions(to, &options.conditions).map_err(fail("copy"))?;
        state.check_room(to, draft.size(), overwrite, &bounds).map_err(fail("copy"))?;
        Ok(state.commit(to, draft, overwrite, self.clock.now()))
    }

    async fn list(&self, request: &ListRequest) -> Result<ListPage> {
        Ok(self.state().list(request))
    }

    async fn list_versions(&self, request: &VersionsRequest) -> Result<VersionsPage> {
        Ok(self.state().list_versions(request))
    }

    async fn set_tags(&self, key: &ObjectKey, version: Option<&VersionId>, tags: Tags) -> Result<()> {
        self.state().set_tags(key, version, tags).map_err(fail("set tags"))
    }

    async fn create_upload(&self, key: &ObjectKey, options: UploadOptions) -> Result<UploadId> {
        Ok(self.state().create_upload(key, options, self.clock.now()))
    }

    async fn upload(&self, key: &ObjectKey, upload: &UploadId) -> Result<UploadMeta> {
        self.state().upload(key, upload).map(|upload| upload.meta.clone()).map_err(fail("upload"))
    }

    async fn upload_part(
        &self,
        key: &ObjectKey,
        upload: &UploadId,
        number: u16,
        body: Body,
        options: PartOptions,
    ) -> Result<Part> {
        let fail = fail("upload part");
        if !(1..=10_000).contains(&number) {
            return Err(fail(BackendErrorKind::InvalidPart));
        }
        let kept = {
            let state = self.state();
            let asked = state.upload(key, upload).map_err(&fail)?.meta.checksum;
            asked.map(|(algorithm, _)| algorithm).or(options.digests.keep)
        };
        let bounds = Bounds { length: options.length, quota: options.quota, limit: self.limit };
        let received = receive(body, &bounds, &options.digests, kept).await?;
        let part = Part {
            number,
            size: received.size(),
            etag: received.etag()?,
            modified: self.clock.now(),
            checksum: kept.and_then(|algorithm| received.digest(algorithm)),
        };
        self.state().put_part(key, upload, (part, received.bytes), &bounds).map_err(fail)
    }

    async fn list_parts(
        &self,
        key: &ObjectKey,
        upload: &UploadId,
        after: u16,
        limit: usize,
    ) -> Result<PartsPage> {
        self.state().list_parts(key, upload, after, limit).map_err(fail("list parts"))
    }

    async fn list_uploads(&self, request: &UploadsRequest) -> Result<UploadsPage> {
        Ok(self.state().list_uploads(request))
    }

    async fn complete_upload(
        &self,
        key: &ObjectKey,
        upload: &UploadId,
        parts: &[CompletedPart],
        options: CompleteOptions,
    ) -> Result<PutOutcome> {
        self.state()
            .complete_upload((key, upload), parts, &options, self.clock.now())
            .map_err(fail("complete upload"))
    }

    async fn abort_upload(&self, key: &ObjectKey, upload: &UploadId) -> Result<()> {
        self.state().abort_upload(key, upload).map_err(fail("abort upload"))
    }

    async fn usage(&self) -> Result<Usage> {
        Ok(self.state().usage())
    }

    async fn available(&self) -> Result<Option<u64>> {
        Ok(self.limit.map(|limit| limit.saturating_sub(self.state().usage().stored_bytes())))
    }
}

/// Storages in memory, whatever their provider: each is made when it is first opened and kept as long as this is.
pub struct MemoryDrivers {
    clock: Arc<dyn Clock>,
    open: Mutex<BTreeMap<StorageId, Arc<MemoryBackend>>>,
}

impl MemoryDrivers {
    /// No storages yet; all of them will tell the time by this clock.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, open: Mutex::default() }
    }
}

impl fmt::Debug for MemoryDrivers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryDrivers").finish_non_exhaustive()
    }
}

#[async_trait]
impl Drivers for MemoryDrivers {
    async fn open(
        &self,
        storage: &Storage,
        _credentials: Option<ProviderCredentials>,
    ) -> Result<Arc<dyn Backend>> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let backend =
            open.entry(storage.id).or_insert_with(|| Arc::new(MemoryBackend::new(Arc::clone(&self.clock))));
        Ok(Arc::<MemoryBackend>::clone(backend))
    }
}
