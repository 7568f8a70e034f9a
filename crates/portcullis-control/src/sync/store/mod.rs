//! A side of a plan or a run: a part of a storage, reached by grants alone.

use async_trait::async_trait;
use portcullis_access::{
    AccessError, BackendError, BackendErrorKind, Body, BodyFault, Capabilities, CompleteOptions,
    CompletedPart, CopyOptions, Delete, DeleteOptions, DeleteOutcome, Get, GetOptions, GetOutcome, Grant,
    List, ListPage, ListPosition, ListRequest, Object, ObjectMeta, Part, PartOptions, PartsPage, Permitted,
    Put, PutOptions, PutOutcome, StorageAccess, UploadId, UploadOptions,
};
use portcullis_domain::{KeyPrefix, ObjectKey, RESERVED_PREFIX};
use portcullis_sync::{Abilities, Store, StoreError, StoreFault};

/// A side. Its keys are those under its prefix, without it; those that begin with the reserved prefix are the storage's own, whatever the
/// side's prefix is, and are not listed with the others.
#[derive(Clone, Debug)]
pub(crate) struct GrantStore {
    at: StorageAccess,
    prefix: KeyPrefix,
}

impl GrantStore {
    /// The keys under `prefix` of a storage that whoever runs has entered.
    pub(crate) const fn new(at: StorageAccess, prefix: KeyPrefix) -> Self {
        Self { at, prefix }
    }

    /// What stands before keys that begin like this.
    fn before(&self, text: &str) -> &str {
        let reserved = self.at.storage().reserved_prefix();
        if reserved.is_some_and(|reserved| text.starts_with(reserved)) { "" } else { self.prefix.as_str() }
    }

    fn key(&self, key: &ObjectKey, operation: &'static str) -> Result<ObjectKey, StoreError> {
        let text = key.as_str();
        if text.starts_with(RESERVED_PREFIX) && self.at.storage().reserved_prefix().is_none() {
            let why = "a key that begins with .portcullis/ is not one to be synced";
            return Err(StoreError::with(StoreFault::Unsupported, operation, why));
        }
        ObjectKey::parse(&format!("{}{text}", self.before(text)))
            .map_err(|invalid| StoreError::with(StoreFault::Unsupported, operation, invalid))
    }

    fn grant<A: Permitted<Target = ObjectKey>>(
        &self,
        key: &ObjectKey,
        operation: &'static str,
    ) -> Result<Grant<A>, StoreError> {
        self.at.grant(self.key(key, operation)?).map_err(|error| fault(error, operation))
    }

    /// A page as the side calls what is on it. A key that is the prefix and nothing more has no name here.
    fn page(&self, before: &str, page: ListPage) -> ListPage {
        let reserved = self.at.storage().reserved_prefix().filter(|_| before.is_empty());
        let own = |text: &str| text.strip_prefix(before).map(str::to_owned);
        let shown = |text: &str| reserved.is_none_or(|reserved| !text.starts_with(reserved));
        let objects = page.objects.into_iter().filter_map(|mut object| {
            object.key = ObjectKey::parse(&own(object.key.as_str()).filter(|key| shown(key))?).ok()?;
            Some(object)
        });
        let next = page.next.and_then(|next| match next {
            ListPosition::AfterKey(key) if !shown(&key) => {
                Some(ListPosition::AfterPrefix(RESERVED_PREFIX.to_owned()))
            }
            ListPosition::AfterKey(key) => own(&key).map(ListPosition::AfterKey),
            ListPosition::AfterPrefix(prefix) => own(&prefix).map(ListPosition::AfterPrefix),
        });
        let prefixes = page.prefixes.iter().filter_map(|prefix| own(prefix).filter(|text| shown(text)));
        ListPage { objects: objects.collect(), prefixes: prefixes.collect(), next }
    }
}

/// What went wrong, as far as a run can act on it.
fn fault(error: AccessError, operation: &'static str) -> StoreError {
    let fault = match error {
        // A right was taken away; the run itself was not stopped.
        AccessError::Backend(BackendError { kind: BackendErrorKind::Body(BodyFault::Cut), .. }) => {
            StoreFault::Refused
        }
        AccessError::Backend(error) => return error.into(),
        AccessError::Denied(_) | AccessError::NotFound => StoreFault::Refused,
        AccessError::Throttled { .. } | AccessError::Metadata(_) | AccessError::Unavailable => {
            StoreFault::Unavailable
        }
    };
    StoreError::with(fault, operation, error)
}

fn found<T>(outcome: GetOutcome<T>, operation: &'static str) -> Result<T, StoreError> {
    match outcome {
        GetOutcome::Found(found) => Ok(found),
        GetOutcome::NotModified(_) => Err(StoreError::new(StoreFault::Changed, operation)),
    }
}

/// What a driver can do, of keys under a prefix of so many bytes.
fn abilities(of: Capabilities, prefix: usize) -> Abilities {
    Abilities {
        conditional_writes: of.conditional_puts,
        conditional_copies: of.conditional_copies,
        conditional_deletes: of.conditional_deletes,
        keeps_versions: of.keeps_versions,
        remote: of.remote,
        longest_key: of.longest_key.saturating_sub(prefix),
        largest_object: of.largest_object,
        largest_copy: of.largest_copy,
        folds_unicode: of.folds_unicode,
        folds_case: of.folds_case,
        file_beside_folder: of.file_beside_folder,
        etag_is_md5: of.etag_is_md5,
    }
}

#[async_trait]
impl Store for GrantStore {
    fn abilities(&self) -> Abilities {
        abilities(self.at.capabilities(), self.prefix.as_str().len())
    }

    async fn list(&self, request: &ListRequest) -> Result<ListPage, StoreError> {
        let (operation, before) = ("list", self.before(request.prefix.as_str()));
        let invalid = |invalid| StoreError::with(StoreFault::Unsupported, operation, invalid);
        let prefix = KeyPrefix::parse(&format!("{before}{}", request.prefix)).map_err(invalid)?;
        let inside = !before.is_empty() || request.prefix.as_str().starts_with(RESERVED_PREFIX);
        let grant = self.at.grant::<List>(prefix).map_err(|error| fault(error, operation))?;
        let mut after = request.after.clone();
        loop {
            let position = after.map(|after| match after {
                ListPosition::AfterKey(key) => ListPosition::AfterKey(format!("{before}{key}")),
                ListPosition::AfterPrefix(prefix) => ListPosition::AfterPrefix(format!("{before}{prefix}")),
            });
            let page = grant.page(request.delimiter.clone(), position, request.limit).await;
            let page = page.map_err(|error| fault(error, operation))?;
            let page = if inside && before.is_empty() { page } else { self.page(before, page) };
            if page.next.is_none() || !page.objects.is_empty() || !page.prefixes.is_empty() {
                return Ok(page);
            }
            after = page.next;
        }
    }

    async fn head(&self, key: &ObjectKey, options: &GetOptions) -> Result<ObjectMeta, StoreError> {
        let grant = self.grant::<Get>(key, "head")?;
        found(grant.head(options).await.map_err(|error| fault(error, "head"))?, "head")
    }

    async fn get(&self, key: &ObjectKey, options: GetOptions) -> Result<Object, StoreError> {
        let grant = self.grant::<Get>(key, "get")?;
        found(grant.get(options).await.map_err(|error| fault(error, "get"))?, "get")
    }

    async fn put(&self, key: &ObjectKey, body: Body, options: PutOptions) -> Result<PutOutcome, StoreError> {
        let grant = self.grant::<Put>(key, "put")?;
        grant.put(body, options).await.map_err(|error| fault(error, "put"))
    }

    async fn copy(
        &self,
        from: &ObjectKey,
        to: &ObjectKey,
        options: CopyOptions,
    ) -> Result<PutOutcome, StoreError> {
        let (from, to) = (self.grant::<Get>(from, "copy")?, self.grant::<Put>(to, "copy")?);
        from.copy_to(to, options).await.map_err(|error| fault(error, "copy"))
    }

    async fn delete(&self, key: &ObjectKey, options: &DeleteOptions) -> Result<DeleteOutcome, StoreError> {
        let grant = self.grant::<Delete>(key, "delete")?;
        grant.delete(options.clone()).await.map_err(|error| fault(error, "delete"))
    }

    async fn create_upload(&self, key: &ObjectKey, options: UploadOptions) -> Result<UploadId, StoreError> {
        let grant = self.grant::<Put>(key, "create upload")?;
        grant.create_upload(options).await.map_err(|error| fault(error, "create upload"))
    }

    async fn upload_part(
        &self,
        key: &ObjectKey,
        upload: &UploadId,
        number: u16,
        body: Body,
        options: PartOptions,
    ) -> Result<Part, StoreError> {
        let grant = self.grant::<Put>(key, "upload part")?;
        grant.upload_part(upload, number, body, options).await.map_err(|error| fault(error, "upload part"))
    }

    async fn list_parts(
        &self,
        key: &ObjectKey,
        upload: &UploadId,
        after: u16,
        limit: usize,
    ) -> Result<PartsPage, StoreError> {
        let grant = self.grant::<Put>(key, "list parts")?;
        grant.list_parts(upload, after, limit).await.map_err(|error| fault(error, "list parts"))
    }

    async fn complete_upload(
        &self,
        key: &ObjectKey,
        upload: &UploadId,
        parts: &[CompletedPart],
        options: CompleteOptions,
    ) -> Result<PutOutcome, StoreError> {
        let grant = self.grant::<Put>(key, "complete upload")?;
        let completed = grant.complete_upload(upload, parts, options).await;
        completed.map_err(|error| fault(error, "complete upload"))
    }

    async fn abort_upload(&self, key: &ObjectKey, upload: &UploadId) -> Result<(), StoreError> {
        let grant = self.grant::<Put>(key, "abort upload")?;
        grant.abort_upload(upload).await.map_err(|error| fault(error, "abort upload"))
    }
}

#[cfg(test)]
mod tests;
