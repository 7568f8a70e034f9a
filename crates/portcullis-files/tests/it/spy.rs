//! A driver that counts what is asked of a storage, holds it up, lets it fail, and can do as little as a provider.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use portcullis_backend::{
    Backend, BackendError, BackendErrorKind, Body, Capabilities, CompleteOptions, CompletedPart, CopyOptions,
    DeleteOptions, DeleteOutcome, Drivers, GetOptions, GetOutcome, ListPage, ListRequest, Object, ObjectMeta,
    Part, PartOptions, PartsPage, ProviderCredentials, PutOptions, PutOutcome, Result, Tags, UploadId,
    UploadMeta, UploadOptions, UploadsPage, UploadsRequest, VersionId, VersionsPage, VersionsRequest,
    WriteConditions,
};
use portcullis_domain::{ObjectKey, Storage, StorageId, Usage};
use tokio::sync::Notify;

/// What a test tells and asks of the storages of a world.
#[derive(Debug, Default)]
pub(crate) struct Spy {
    calls: Mutex<BTreeMap<&'static str, usize>>,
    faults: Mutex<BTreeMap<&'static str, (usize, BackendErrorKind)>>,
    /// How many steps are left until nothing goes on, and who waits for that.
    steps: Mutex<Option<(usize, Arc<Notify>)>>,
    /// A file that is on its way, if it is to be held up.
    late: Mutex<Option<Late>>,
    holds: std::sync::atomic::AtomicBool,
    /// Whether the storages do as little as the least of providers.
    pub(crate) poor: std::sync::atomic::AtomicBool,
}

impl Spy {
    /// The calls since the last time this was asked.
    pub(crate) fn calls(&self) -> Vec<(&'static str, usize)> {
        std::mem::take(&mut *self.calls.lock().unwrap_or_else(PoisonError::into_inner)).into_iter().collect()
    }

    /// Lets the nth call from now on of this kind fail, the first being 1.
    pub(crate) fn fail(&self, call: &'static str, nth: usize, kind: BackendErrorKind) {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).insert(call, (nth, kind));
    }

    /// Nothing fails any more.
    pub(crate) fn heal(&self) {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Stops whoever takes the nth step from now on, the first being 1, for ever: every call is a step before and one after it is done. Tells
    /// when that happens.
    pub(crate) fn stop(&self, nth: usize) -> Arc<Notify> {
        let stopped = Arc::new(Notify::new());
        *self.steps.lock().unwrap_or_else(PoisonError::into_inner) = Some((nth, Arc::clone(&stopped)));
        stopped
    }

    /// Nobody is stopped any more.
    pub(crate) fn go_on(&self) {
        *self.steps.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    async fn step(&self) {
        let stops = {
            let mut steps = self.steps.lock().unwrap_or_else(PoisonError::into_inner);
            match steps.as_mut() {
                None => None,
                Some((0, stopped)) => Some(Arc::clone(stopped)),
                Some((left, stopped)) => {
                    *left -= 1;
                    (*left == 0).then(|| Arc::clone(stopped))
                }
            }
        };
        if let Some(stopped) = stops {
            stopped.notify_one();
            std::future::pending::<()>().await;
        }
    }

    /// Holds up the next file that is put: it is on its way and whoever sent it hears nothing. [`Spy::late`] lets it arrive.
    pub(crate) fn hold_up(&self) {
        self.holds.store(true, std::sync::atomic::Ordering::Relaxed);
    }

    /// Lets the file arrive that was held up.
    pub(crate) async fn arrive(&self) -> Result<PutOutcome> {
        let late = self.late.lock().unwrap_or_else(PoisonError::into_inner).take();
        late.unwrap().0.await
    }

    fn note(&self, call: &'static str) -> Result<()> {
        *self.calls.lock().unwrap_or_else(PoisonError::into_inner).entry(call).or_default() += 1;
        let mut faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((nth, kind)) = faults.get_mut(call) {
            *nth -= 1;
            if *nth == 0 {
                let kind = *kind;
                faults.remove(call);
                return Err(BackendError::new(kind, call));
            }
        }
        Ok(())
    }

    fn is_poor(&self) -> bool {
        self.poor.load(std::sync::atomic::Ordering::Relaxed)
    }

    fn refuse(&self, conditions: bool) -> Result<()> {
        if conditions && self.is_poor() {
            return Err(BackendError::new(BackendErrorKind::Unsupported, "condition"));
        }
        Ok(())
    }
}

/// A file on its way.
struct Late(BoxFuture<'static, Result<PutOutcome>>);

impl std::fmt::Debug for Late {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Late")
    }
}

#[derive(Debug)]
pub(crate) struct SpyDrivers {
    pub(crate) inner: Arc<dyn Drivers>,
    pub(crate) spy: Arc<Spy>,
    pub(crate) open: Mutex<BTreeMap<StorageId, Arc<dyn Backend>>>,
}

#[async_trait]
impl Drivers for SpyDrivers {
    async fn open(
        &self,
        storage: &Storage,
        credentials: Option<ProviderCredentials>,
    ) -> Result<Arc<dyn Backend>> {
        let inner = self.inner.open(storage, credentials).await?;
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let spied =
            open.entry(storage.id).or_insert_with(|| Arc::new(Spied { inner, spy: Arc::clone(&self.spy) }));
        Ok(Arc::clone(spied))
    }
}

#[derive(Debug)]
struct Spied {
    inner: Arc<dyn Backend>,
    spy: Arc<Spy>,
}

fn any(conditions: &WriteConditions) -> bool {
    !conditions.is_empty()
}

#[async_trait]
impl Backend for Spied {
    fn capabilities(&self) -> Capabilities {
        if !self.spy.is_poor() {
            return self.inner.capabilities();
        }
        Capabilities {
            conditional_writes: false,
            conditional_puts: false,
            conditional_copies: false,
            conditional_deletes: false,
            keeps_versions: false,
            remote: true,
            ..Capabilities::WHOLE
        }
    }

    async fn head(&self, key: &ObjectKey, options: &GetOptions) -> Result<GetOutcome<ObjectMeta>> {
        self.spy.note("head")?;
        self.spy.step().await;
        let outcome = self.inner.head(key, options).await;
        self.spy.step().await;
        outcome
    }

    async fn get(&self, key: &ObjectKey, options: &GetOptions) -> Result<GetOutcome<Object>> {
        self.spy.note("get")?;
        self.inner.get(key, options).await
    }

    async fn put(&self, key: &ObjectKey, body: Body, mut options: PutOptions) -> Result<PutOutcome> {
        self.spy.note("put")?;
        self.spy.refuse(any(&options.conditions))?;
        if self.spy.is_poor() {
            options.overwrite = None;
        }
        self.spy.step().await;
        if self.spy.holds.swap(false, std::sync::atomic::Ordering::Relaxed) {
            let (inner, key) = (Arc::clone(&self.inner), key.clone());
            let late = Late(Box::pin(async move { inner.put(&key, body, options).await }));
            *self.spy.late.lock().unwrap_or_else(PoisonError::into_inner) = Some(late);
            return Err(BackendError::new(BackendErrorKind::Unavailable, "put"));
        }
        let outcome = self.inner.put(key, body, options).await;
        self.spy.step().await;
        outcome
    }

    async fn delete(&self, key: &ObjectKey, options: &DeleteOptions) -> Result<DeleteOutcome> {
        self.spy.note("delete")?;
        self.spy.refuse(options.if_match.is_some())?;
        self.inner.delete(key, options).await
    }

    async fn copy(&self, from: &ObjectKey, to: &ObjectKey, mut options: CopyOptions) -> Result<PutOutcome> {
        self.spy.note("copy")?;
        self.spy.refuse(any(&options.conditions) || (self.spy.is_poor() && options.version.is_some()))?;
        if self.spy.is_poor() {
            options.overwrite = None;
        }
        self.inner.copy(from, to, options).await
    }

    async fn list(&self, request: &ListRequest) -> Result<ListPage> {
        self.spy.note("list")?;
        self.spy.step().await;
        self.inner.list(request).await
    }

    async fn list_versions(&self, request: &VersionsRequest) -> Result<VersionsPage> {
        self.spy.note("list_versions")?;
        self.inner.list_versions(request).await
    }

    async fn set_tags(&self, key: &ObjectKey, version: Option<&VersionId>, tags: Tags) -> Result<()> {
        self.spy.note("set_tags")?;
        self.inner.set_tags(key, version, tags).await
    }

    async fn create_upload(&self, key: &ObjectKey, options: UploadOptions) -> Result<UploadId> {
        self.spy.note("create_upload")?;
        self.spy.step().await;
        let outcome = self.inner.create_upload(key, options).await;
        self.spy.step().await;
        outcome
    }

    async fn upload(&self, key: &ObjectKey, upload: &UploadId) -> Result<UploadMeta> {
        self.spy.note("upload")?;
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
        self.spy.note("upload_part")?;
        self.spy.step().await;
        let outcome = self.inner.upload_part(key, upload, number, body, options).await;
        self.spy.step().await;
        outcome
    }

    async fn list_parts(
        &self,
        key: &ObjectKey,
        upload: &UploadId,
        after: u16,
        limit: usize,
    ) -> Result<PartsPage> {
        self.spy.note("list_parts")?;
        self.inner.list_parts(key, upload, after, limit).await
    }

    async fn list_uploads(&self, request: &UploadsRequest) -> Result<UploadsPage> {
        self.spy.note("list_uploads")?;
        self.inner.list_uploads(request).await
    }

    async fn complete_upload(
        &self,
        key: &ObjectKey,
        upload: &UploadId,
        parts: &[CompletedPart],
        options: CompleteOptions,
    ) -> Result<PutOutcome> {
        self.spy.note("complete_upload")?;
        self.spy.refuse(any(&options.conditions))?;
        self.spy.step().await;
        let outcome = self.inner.complete_upload(key, upload, parts, options).await;
        self.spy.step().await;
        outcome
    }

    async fn abort_upload(&self, key: &ObjectKey, upload: &UploadId) -> Result<()> {
        self.spy.note("abort_upload")?;
        self.inner.abort_upload(key, upload).await
    }

    async fn usage(&self) -> Result<Usage> {
        self.spy.note("usage")?;
        self.inner.usage().await
    }

    async fn available(&self) -> Result<Option<u64>> {
        self.spy.note("available")?;
        self.inner.available().await
    }
}
