//! Reading objects.

use bytes::Bytes;
use portcullis_domain::ObjectKey;

use super::state::{State, Stored};
use crate::range::part_range;
use crate::{BackendErrorKind, Body, ByteRange, GetOptions, GetOutcome, Object, ObjectMeta, ReadVerdict};

impl State {
    /// What is known of an object.
    pub(super) fn head(
        &self,
        key: &ObjectKey,
        options: &GetOptions,
    ) -> Result<GetOutcome<ObjectMeta>, BackendErrorKind> {
        let stored = self.find(key, options.version.as_ref()).ok_or(BackendErrorKind::NotFound)?;
        if let Some(told) = not_modified(stored, options)? {
            return Ok(told);
        }
        if let Some(number) = options.part {
            part_range(&stored.meta, number)?;
        }
        Ok(GetOutcome::Found(stored.meta.clone()))
    }

    /// An object's bytes.
    pub(super) fn get(
        &self,
        key: &ObjectKey,
        options: &GetOptions,
    ) -> Result<GetOutcome<Object>, BackendErrorKind> {
        let stored = self.find(key, options.version.as_ref()).ok_or(BackendErrorKind::NotFound)?;
        if let Some(told) = not_modified(stored, options)? {
            return Ok(told);
        }
        let range = match (options.part, options.range) {
            (Some(number), _) => part_range(&stored.meta, number)?,
            (None, Some(range)) if options.conditions.range_holds(&stored.meta) => {
                Some(range.resolve(stored.meta.size)?)
            }
            (None, _) => None,
        };
        let bytes = range.map_or_else(|| Some(stored.bytes.clone()), |range| cut(&stored.bytes, range));
        let body = Body::Full(bytes.ok_or(BackendErrorKind::Corrupt)?);
        Ok(GetOutcome::Found(Object { meta: stored.meta.clone(), range, body }))
    }
}

fn not_modified<T>(stored: &Stored, options: &GetOptions) -> Result<Option<GetOutcome<T>>, BackendErrorKind> {
    match options.conditions.check(&stored.meta) {
        ReadVerdict::Proceed => Ok(None),
        ReadVerdict::NotModified => Ok(Some(GetOutcome::NotModified(Box::new(stored.meta.clone())))),
        ReadVerdict::Failed => Err(BackendErrorKind::PreconditionFailed),
    }
}

fn cut(bytes: &Bytes, range: ByteRange) -> Option<Bytes> {
    let (first, last) = (usize::try_from(range.first).ok()?, usize::try_from(range.last).ok()?);
    bytes.get(first..=last).map(|part| bytes.slice_ref(part))
}
