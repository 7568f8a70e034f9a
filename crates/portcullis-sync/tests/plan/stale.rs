//! A side whose listing is behind what it gives.

use std::sync::Arc;

use async_trait::async_trait;
use portcullis_backend::{
    Body, CompleteOptions, CompletedPart, CopyOptions, DeleteOptions, DeleteOutcome, GetOptions, ListPage,
    ListRequest, Object, ObjectMeta, Part, PartOptions, PartsPage, PutOptions, PutOutcome, UploadId,
    UploadOptions,
};
use portcullis_domain::ObjectKey;
use portcullis_sync::{Abilities, Store, StoreError};

use crate::store::Fake;

/// Lists what was there, and gives what is there.
#[derive(Debug)]
pub(crate) struct Stale {
    was: Fake,
    is: Arc<Fake>,
}

impl Stale {
    pub(crate) fn of(is: &Arc<Fake>) -> Self {
        Self { was: is.as_it_was(), is: Arc::clone(is) }
    }
}

#[async_trait]
impl Store for Stale {
    fn abilities(&self) -> Abilities {
        self.is.abilities
    }

    async fn list(&self, request: &ListRequest) -> Result<ListPage, StoreError> {
        self.was.list(request).await
    }

    async fn head(&self, key: &ObjectKey, options: &GetOptions) -> Result<ObjectMeta, StoreError> {
        self.is.head(key, options).await
    }

    async fn get(&self, key: &ObjectKey, options: GetOptions) -> Result<Object, StoreError> {
        self.is.get(key, options).await
    }

    async fn put(&self, key: &ObjectKey, body: Body, options: PutOptions) -> Result<PutOutcome, StoreError> {
        self.is.put(key, body, options).await
    }

    async fn copy(
        &self,
        from: &ObjectKey,
        to: &ObjectKey,
        options: CopyOptions,
    ) -> Result<PutOutcome, StoreError> {
        self.is.copy(from, to, options).await
    }

    async fn delete(&self, key: &ObjectKey, options: &DeleteOptions) -> Result<DeleteOutcome, StoreError> {
        self.is.delete(key, options).await
    }

    async fn create_upload(&self, key: &ObjectKey, options: UploadOptions) -> Result<UploadId, StoreError> {
        self.is.create_upload(key, options).await
    }

    async fn upload_part(
        &self,
        key: &ObjectKey,
        upload: &UploadId,
        number: u16,
        body: Body,
        options: PartOptions,
    ) -> Result<Part, StoreError> {
        self.is.upload_part(key, upload, number, body, options).await
    }

    async fn list_parts(
        &self,
        key: &ObjectKey,
        upload: &UploadId,
        after: u16,
        limit: usize,
    ) -> Result<PartsPage, StoreError> {
        self.is.list_parts(key, upload, after, limit).await
    }

    async fn complete_upload(
        &self,
        key: &ObjectKey,
        upload: &UploadId,
        parts: &[CompletedPart],
        options: CompleteOptions,
    ) -> Result<PutOutcome, StoreError> {
        self.is.complete_upload(key, upload, parts, options).await
    }

    async fn abort_upload(&self, key: &ObjectKey, upload: &UploadId) -> Result<(), StoreError> {
        self.is.abort_upload(key, upload).await
    }
}
