//! The backend under test, with the calls that cases make most.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt as _, stream};
use portcullis_domain::{KeyPrefix, ObjectKey, Usage};

use crate::{
    Backend, BackendError, BackendErrorKind, Body, BodyFault, ByteRange, CompleteOptions, CompletedPart,
    DeleteOptions, DeleteOutcome, Digest, DigestAlgorithm, Digester, GetOptions, GetOutcome, ListPage,
    ListPosition, ListRequest, Object, ObjectMeta, Part, PartOptions, PutOptions, PutOutcome, Result,
    UploadId, UploadOptions, VersionId,
};

/// Least bytes of a part that is not the last.
pub(super) const MIN_PART: usize = 5 << 20;

/// A backend that nothing else uses, empty when the case begins.
#[derive(Clone)]
pub(super) struct Store(Arc<dyn Backend>);

/// What a read gave, with its body read to the end.
pub(super) struct Got {
    pub(super) meta: ObjectMeta,
    pub(super) range: Option<ByteRange>,
    pub(super) bytes: Bytes,
}

/// A key of the suite.
pub(super) fn key(text: &str) -> Result<ObjectKey> {
    ObjectKey::parse(text).map_err(|error| broken_fixture(text, error))
}

/// A prefix of the suite.
pub(super) fn prefix(text: &str) -> Result<KeyPrefix> {
    KeyPrefix::parse(text).map_err(|error| broken_fixture(text, error))
}

fn broken_fixture(text: &str, error: portcullis_domain::InvalidObjectKey) -> BackendError {
    BackendError::with(BackendErrorKind::Unsupported, "suite", format!("{text:?} is no key: {error}"))
}

/// Bytes that look like chance but are always the same for a seed.
pub(super) fn data(length: usize, seed: u64) -> Bytes {
    let mut random = super::random::Random::new(seed);
    let mut bytes = BytesMut::with_capacity(length + 8);
    while bytes.len() < length {
        bytes.extend_from_slice(&random.next().to_le_bytes());
    }
    bytes.truncate(length);
    bytes.freeze()
}

/// A body that comes in these pieces.
pub(super) fn pieces(pieces: Vec<Result<Bytes, BodyFault>>) -> Body {
    Body::Stream(stream::iter(pieces).boxed())
}

/// The digest of these bytes.
pub(super) fn digest(algorithm: DigestAlgorithm, bytes: &[u8]) -> Digest {
    let mut digester = Digester::new(&[algorithm]);
    digester.update(bytes);
    digester.finish().pop().unwrap_or(Digest { algorithm, value: Vec::new() })
}

/// The entity tag of bytes that were stored in one piece.
pub(super) fn md5_hex(bytes: &[u8]) -> String {
    hex::encode(digest(DigestAlgorithm::Md5, bytes).value)
}

/// Names a part as a client would that was given this answer.
pub(super) fn name(part: &Part) -> CompletedPart {
    CompletedPart { number: part.number, etag: part.etag.to_string(), checksum: None }
}

/// A version to read.
pub(super) fn at_version(version: &VersionId) -> GetOptions {
    GetOptions { version: Some(version.clone()), ..GetOptions::default() }
}

/// Reads a body to its end.
pub(super) async fn collect(body: Body) -> Result<Bytes> {
    match body {
        Body::Full(bytes) => Ok(bytes),
        Body::Stream(mut stream) => {
            let mut all = BytesMut::new();
            while let Some(piece) = stream.next().await {
                all.extend_from_slice(&piece?);
            }
            Ok(all.freeze())
        }
    }
}

impl Store {
    pub(super) fn new(backend: Arc<dyn Backend>) -> Self {
        Self(backend)
    }

    pub(super) fn backend(&self) -> &dyn Backend {
        &*self.0
    }

    /// Stores bytes with nothing special about them.
    pub(super) async fn put(&self, at: &str, bytes: impl Into<Bytes>) -> Result<PutOutcome> {
        self.put_with(at, bytes, PutOptions::default()).await
    }

    pub(super) async fn put_with(
        &self,
        at: &str,
        bytes: impl Into<Bytes>,
        options: PutOptions,
    ) -> Result<PutOutcome> {
        self.0.put(&key(at)?, Body::Full(bytes.into()), options).await
    }

    pub(super) async fn get(&self, at: &str, options: &GetOptions) -> Result<GetOutcome<Got>> {
        match self.0.get(&key(at)?, options).await? {
            GetOutcome::NotModified(meta) => Ok(GetOutcome::NotModified(meta)),
            GetOutcome::Found(Object { meta, range, body }) => {
                let bytes = collect(body).await?;
                Ok(GetOutcome::Found(Got { meta, range, bytes }))
            }
        }
    }

    /// Reads what has to be answered with bytes.
    pub(super) async fn read_with(&self, at: &str, options: &GetOptions) -> Result<Got> {
        match self.get(at, options).await? {
            GetOutcome::Found(got) => Ok(got),
            GetOutcome::NotModified(_) => {
                Err(BackendError::with(BackendErrorKind::Unsupported, "get", "answered as not modified"))
            }
        }
    }

    pub(super) async fn read(&self, at: &str) -> Result<Got> {
        self.read_with(at, &GetOptions::default()).await
    }

    pub(super) async fn head(&self, at: &str) -> Result<ObjectMeta> {
        match self.0.head(&key(at)?, &GetOptions::default()).await? {
            GetOutcome::Found(meta) => Ok(meta),
            GetOutcome::NotModified(_) => {
                Err(BackendError::with(BackendErrorKind::Unsupported, "head", "answered as not modified"))
            }
        }
    }

    pub(super) async fn delete(&self, at: &str) -> Result<DeleteOutcome> {
        self.0.delete(&key(at)?, &DeleteOptions::default()).await
    }

    pub(super) async fn usage(&self) -> Result<Usage> {
        self.0.usage().await
    }

    pub(super) async fn list(
        &self,
        under: &str,
        delimiter: Option<&str>,
        after: Option<ListPosition>,
        limit: usize,
    ) -> Result<ListPage> {
        let delimiter = delimiter.map(str::to_owned);
        self.0.list(&ListRequest { prefix: prefix(under)?, delimiter, after, limit, user_times: false }).await
    }

    /// Every key, as far as one page goes.
    pub(super) async fn keys(&self) -> Result<Vec<String>> {
        let page = self.list("", None, None, 1000).await?;
        Ok(page.objects.iter().map(|object| object.key.as_str().to_owned()).collect())
    }

    pub(super) async fn begin(&self, at: &str) -> Result<UploadId> {
        self.0.create_upload(&key(at)?, UploadOptions::default()).await
    }

    pub(super) async fn part(
        &self,
        at: &str,
        upload: &UploadId,
        number: u16,
        bytes: impl Into<Bytes>,
    ) -> Result<Part> {
        let body = Body::Full(bytes.into());
        self.0.upload_part(&key(at)?, upload, number, body, PartOptions::default()).await
    }

    pub(super) async fn complete(
        &self,
        at: &str,
        upload: &UploadId,
        parts: &[CompletedPart],
    ) -> Result<PutOutcome> {
        self.0.complete_upload(&key(at)?, upload, parts, CompleteOptions::default()).await
    }

    /// Uploads these parts under consecutive numbers and completes them.
    pub(super) async fn put_in_parts(
        &self,
        at: &str,
        options: UploadOptions,
        parts: &[Bytes],
    ) -> Result<PutOutcome> {
        let upload = self.0.create_upload(&key(at)?, options).await?;
        let mut named = Vec::new();
        for (number, bytes) in (1u16..).zip(parts) {
            named.push(name(&self.part(at, &upload, number, bytes.clone()).await?));
        }
        self.complete(at, &upload, &named).await
    }
}
