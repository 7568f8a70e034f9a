//! What is remembered of uploads that this process began or met. It saves questions; it is never the truth.

use std::num::NonZeroUsize;
use std::sync::{Mutex, MutexGuard, PoisonError};

use lru::LruCache;
use portcullis_domain::ObjectKey;

use crate::{CompletedPart, PutOutcome, UploadMeta};

const OPEN: NonZeroUsize = NonZeroUsize::new(4096).unwrap();
const COMPLETED: NonZeroUsize = NonZeroUsize::new(512).unwrap();

type Name = (ObjectKey, Box<str>);
/// Numbers and tags of the parts, as they were named.
type Parts = Vec<(u16, String)>;

#[derive(Debug)]
struct Kept {
    open: LruCache<Name, UploadMeta>,
    completed: LruCache<Name, (Parts, PutOutcome)>,
}

/// Uploads by key and by the provider's name.
#[derive(Debug)]
pub(super) struct Book(Mutex<Kept>);

fn name(key: &ObjectKey, provider: &str) -> Name {
    (key.clone(), provider.into())
}

fn parts_of(parts: &[CompletedPart]) -> Parts {
    parts.iter().map(|part| (part.number, part.etag.clone())).collect()
}

impl Book {
    pub(super) fn new() -> Self {
        Self(Mutex::new(Kept { open: LruCache::new(OPEN), completed: LruCache::new(COMPLETED) }))
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn put(&self, key: &ObjectKey, provider: &str, meta: &UploadMeta) {
        self.kept().open.put(name(key, provider), meta.clone());
    }

    pub(super) fn get(&self, key: &ObjectKey, provider: &str) -> Option<UploadMeta> {
        self.kept().open.get(&name(key, provider)).cloned()
    }

    pub(super) fn forget(&self, key: &ObjectKey, provider: &str) {
        self.kept().open.pop(&name(key, provider));
    }

    pub(super) fn complete(
        &self,
        key: &ObjectKey,
        provider: &str,
        parts: &[CompletedPart],
        told: &PutOutcome,
    ) {
        let mut kept = self.kept();
        kept.open.pop(&name(key, provider));
        kept.completed.put(name(key, provider), (parts_of(parts), told.clone()));
    }

    /// What completing an upload was answered with, and whether it was with these parts; none if it was not completed.
    pub(super) fn completed(
        &self,
        key: &ObjectKey,
        provider: &str,
        parts: &[CompletedPart],
    ) -> Option<(PutOutcome, bool)> {
        let mut kept = self.kept();
        let (named, told) = kept.completed.get(&name(key, provider))?;
        Some((told.clone(), *named == parts_of(parts)))
    }
}
