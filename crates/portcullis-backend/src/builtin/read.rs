//! Reading objects.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use portcullis_domain::ObjectKey;
use tokio::task::spawn_blocking;

use super::BuiltinBackend;
use super::error::{disk_error, task_error};
use super::index::{self, Name, Place, Row, Segment};
use super::stream::{Reader, extents};
use crate::range::part_range;
use crate::{
    BackendError, BackendErrorKind, Body, ByteRange, GetOptions, GetOutcome, Object, ObjectMeta, ReadVerdict,
    Result, VersionId,
};

impl BuiltinBackend {
    pub(super) async fn read_head(
        &self,
        key: &ObjectKey,
        options: &GetOptions,
    ) -> Result<GetOutcome<ObjectMeta>> {
        let row = self.row(key, options.version.as_ref()).await?;
        if let Some(told) = not_modified(&row.meta, options)? {
            return Ok(told);
        }
        if let Some(number) = options.part {
            part_range(&row.meta, number).map_err(refused)?;
        }
        Ok(GetOutcome::Found(row.meta.clone()))
    }

    pub(super) async fn read_object(
        &self,
        key: &ObjectKey,
        options: &GetOptions,
    ) -> Result<GetOutcome<Object>> {
        let row = self.row(key, options.version.as_ref()).await?;
        match self.open_object(&row, options).await {
            // Between the row and its file the object was replaced and the file collected.
            Err(Unreadable::Gone) => {
                let row = self.fresh_row(key, options.version.as_ref()).await?;
                self.open_object(&row, options).await.map_err(|unreadable| match unreadable {
                    Unreadable::Gone => {
                        tracing::error!(version = %row.meta.version.0, "an object's file is missing");
                        refused(BackendErrorKind::Corrupt)
                    }
                    Unreadable::Because(error) => error,
                })
            }
            Err(Unreadable::Because(error)) => Err(error),
            Ok(told) => Ok(told),
        }
    }

    async fn open_object(&self, row: &Row, options: &GetOptions) -> Result<GetOutcome<Object>, Unreadable> {
        let meta = &row.meta;
        if let Some(told) = not_modified(meta, options)? {
            return Ok(told);
        }
        let range = match (options.part, options.range) {
            (Some(number), _) => part_range(meta, number).map_err(refused)?,
            (None, Some(range)) if options.conditions.range_holds(meta) => {
                Some(range.resolve(meta.size).map_err(refused)?)
            }
            (None, _) => None,
        };
        let body = match &row.place {
            Place::Inline(bytes) => Body::Full(cut(bytes, range)?),
            Place::Files(segments) => self.open_files(segments, range).await?,
        };
        Ok(GetOutcome::Found(Object { meta: meta.clone(), range, body }))
    }

    /// Opens the first file and reads the first piece, in one visit to the blocking pool.
    async fn open_files(&self, segments: &[Segment], range: Option<ByteRange>) -> Result<Body, Unreadable> {
        let extents = extents(segments, range);
        if extents.iter().any(|extent| self.files.is_damaged(extent.segment.blob)) {
            return Err(refused(BackendErrorKind::Corrupt).into());
        }
        // One file stays readable because it is open; the others because the collector waits.
        let pinned = (extents.len() > 1).then(|| self.pins.pin(self.clock.now()));
        let reader = Reader::new(self.files.clone(), extents, pinned);
        let body = spawn_blocking(move || reader.start()).await.map_err(task_error("get"))?;
        body.map_err(|error| {
            let kind = error.kind();
            if kind == io::ErrorKind::NotFound {
                Unreadable::Gone
            } else if kind == io::ErrorKind::InvalidData {
                BackendError::with(BackendErrorKind::Corrupt, "get", error).into()
            } else {
                disk_error("get")(error).into()
            }
        })
    }

    /// The row of an object, from the cache if it is there.
    ///
    /// # Errors
    /// `NotFound`.
    pub(super) async fn row(&self, key: &ObjectKey, version: Option<&VersionId>) -> Result<Arc<Row>> {
        if version.is_none()
            && let Some(row) = self.cache.get(self.id, key)
        {
            return Ok(row);
        }
        self.fresh_row(key, version).await
    }

    /// The row of an object as SQLite has it now.
    ///
    /// # Errors
    /// `NotFound`.
    async fn fresh_row(&self, key: &ObjectKey, version: Option<&VersionId>) -> Result<Arc<Row>> {
        let not_found = || refused(BackendErrorKind::NotFound);
        let named = version.map(|version| Name::of_version(version).ok_or_else(not_found)).transpose()?;
        // Before the row is read: see the cache.
        let ticket = version.is_none().then(|| self.cache.ticket(self.id, key)).flatten();
        let sought = key.clone();
        let row = self.index.read("get", move |conn| index::find(conn, &sought, named)).await?;
        let row = Arc::new(row.ok_or_else(not_found)?);
        if let Some(ticket) = ticket {
            self.cache.insert(&ticket, self.id, key, Arc::clone(&row));
        }
        Ok(row)
    }
}

/// Why an object could not be opened.
enum Unreadable {
    /// A file of it is not there any more.
    Gone,
    /// Anything else.
    Because(BackendError),
}

impl From<BackendError> for Unreadable {
    fn from(error: BackendError) -> Self {
        Self::Because(error)
    }
}

const fn refused(kind: BackendErrorKind) -> BackendError {
    BackendError::new(kind, "get")
}

fn not_modified<T>(meta: &ObjectMeta, options: &GetOptions) -> Result<Option<GetOutcome<T>>> {
    match options.conditions.check(meta) {
        ReadVerdict::Proceed => Ok(None),
        ReadVerdict::NotModified => Ok(Some(GetOutcome::NotModified(Box::new(meta.clone())))),
        ReadVerdict::Failed => Err(refused(BackendErrorKind::PreconditionFailed)),
    }
}

fn cut(bytes: &Bytes, range: Option<ByteRange>) -> Result<Bytes> {
    let Some(range) = range else { return Ok(bytes.clone()) };
    let ends = usize::try_from(range.first).ok().zip(usize::try_from(range.last).ok());
    let part = ends.and_then(|(first, last)| bytes.get(first..=last));
    part.map(|part| bytes.slice_ref(part)).ok_or_else(|| refused(BackendErrorKind::Corrupt))
}
