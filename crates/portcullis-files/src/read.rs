//! Reading a file.

use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use futures_core::Stream;
use futures_util::{StreamExt as _, stream};
use portcullis_access::{
    AccessError, BackendErrorKind, Body, EtagCondition, Get, GetOptions, GetOutcome, ObjectMeta,
    RangeRequest, ReadConditions, StorageAccess,
};
use portcullis_domain::ObjectKey;

use crate::error::of_body;
use crate::window::Window;
use crate::{Entry, FileError, Result};

/// Bytes of a file as they come. A stream that ends without an error has all of them.
pub type ReadStream = Pin<Box<dyn Stream<Item = Result<Bytes, FileError>> + Send>>;

/// A file that was opened: the version that was there then, whatever becomes of the file. Each read is decided anew.
#[derive(Debug)]
pub struct FileReader {
    source: Source,
    entry: Entry,
    window: Window,
}

/// The object that is read.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    at: StorageAccess,
    key: ObjectKey,
    meta: Arc<ObjectMeta>,
}

impl FileReader {
    pub(crate) fn new(at: StorageAccess, key: ObjectKey, entry: Entry, meta: ObjectMeta) -> Self {
        let source = Source { at, key, meta: Arc::new(meta) };
        Self { source, entry, window: Window::default() }
    }

    /// What it is.
    #[must_use]
    pub fn entry(&self) -> &Entry {
        &self.entry
    }

    /// Everything that is known of it, for protocols that tell headers.
    #[must_use]
    pub fn meta(&self) -> &ObjectMeta {
        &self.source.meta
    }

    /// The bytes from `offset` on, `length` of them or all that there are; none at and past the end.
    ///
    /// # Errors
    /// [`FileError::Denied`], [`FileError::Changed`] if the version is gone, [`FileError::Archived`], [`FileError::Unavailable`].
    pub async fn stream(&self, offset: u64, length: Option<u64>) -> Result<ReadStream> {
        self.source.stream(offset, length).await
    }

    /// At most `length` bytes at `offset`; fewer only at the end, none past it. Made for reads one after the other: those go on with
    /// one request to the storage, with some read ahead (at most 4 MiB), and a jump begins a new one.
    ///
    /// # Errors
    /// As [`FileReader::stream`].
    pub async fn read_at(&mut self, offset: u64, length: usize) -> Result<Bytes> {
        self.source.still_may()?;
        let outcome = self.window.read(&self.source, offset, length).await;
        if outcome.is_err() {
            // Half of what was asked for is no place to go on from.
            self.window = Window::default();
        }
        outcome
    }
}

impl Source {
    pub(crate) fn size(&self) -> u64 {
        self.meta.size
    }

    /// What was read ahead is given to nobody who may no longer read.
    fn still_may(&self) -> Result<()> {
        if self.at.permits::<Get>(&self.key) {
            return Ok(());
        }
        Ok(self.at.grant::<Get>(self.key.clone()).map(drop)?)
    }

    pub(crate) async fn stream(&self, offset: u64, length: Option<u64>) -> Result<ReadStream> {
        let size = self.meta.size;
        let left = size.saturating_sub(offset);
        let wanted = length.map_or(left, |length| length.min(left));
        if wanted == 0 {
            self.still_may()?;
            return Ok(Box::pin(stream::empty()));
        }
        let range = match (offset, wanted == left) {
            (0, true) => None,
            (_, true) => Some(RangeRequest::From(offset)),
            (_, false) => Some(RangeRequest::FromTo(offset, offset.saturating_add(wanted - 1))),
        };
        let body = self.body(range).await?;
        Ok(checked(body, wanted))
    }

    /// The bytes of this very version; where it is gone, those of one that has the same entity tag.
    async fn body(&self, range: Option<RangeRequest>) -> Result<Body> {
        if self.at.capabilities().keeps_versions {
            let named =
                GetOptions { version: Some(self.meta.version.clone()), range, ..GetOptions::default() };
            match self.get(named).await {
                Err(AccessError::Backend(error)) if error.kind == BackendErrorKind::NotFound => {}
                other => return Ok(other?),
            }
        }
        let if_match = Some(EtagCondition::OneOf(vec![self.meta.etag.to_string()]));
        let conditions = ReadConditions { if_match, ..ReadConditions::default() };
        match self.get(GetOptions { range, conditions, ..GetOptions::default() }).await {
            Err(AccessError::Backend(error)) if error.kind == BackendErrorKind::NotFound => {
                Err(FileError::Changed)
            }
            other => Ok(other?),
        }
    }

    async fn get(&self, options: GetOptions) -> Result<Body, AccessError> {
        match self.at.grant::<Get>(self.key.clone())?.get(options).await? {
            GetOutcome::Found(object) => Ok(object.body),
            GetOutcome::NotModified(_) => Err(BackendErrorKind::PreconditionFailed.into()),
        }
    }
}

/// A body of which just so many bytes must come.
fn checked(body: Body, wanted: u64) -> ReadStream {
    let body = match body {
        Body::Full(bytes) => stream::iter([Ok(bytes)]).left_stream(),
        Body::Stream(body) => body.map(|piece| piece.map_err(of_source)).right_stream(),
    };
    Box::pin(stream::unfold(Some((body, wanted)), |state| async move {
        let (mut body, left) = state?;
        match body.next().await {
            Some(Ok(piece)) => match left.checked_sub(u64::try_from(piece.len()).unwrap_or(u64::MAX)) {
                Some(left) => Some((Ok(piece), Some((body, left)))),
                None => Some((Err(FileError::Unavailable), None)),
            },
            Some(Err(error)) => Some((Err(error), None)),
            None if left == 0 => None,
            None => Some((Err(FileError::Unavailable), None)),
        }
    }))
}

/// A body on its way out that fails is nobody's mistake but the storage's.
fn of_source(fault: portcullis_access::BodyFault) -> FileError {
    if matches!(of_body(fault), FileError::Denied) { FileError::Denied } else { FileError::Unavailable }
}
