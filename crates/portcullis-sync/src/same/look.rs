//! Asks the sides.

use std::sync::Arc;

use portcullis_backend::{ByteRange, Etag, GetOptions, ObjectMeta};
use portcullis_domain::ObjectKey;

use super::facts::{Facts, Known, Reading, after_looking};
use super::parts::usual_sizes;
use super::read::{Reader, compare};
use crate::plan::{Equal, PlanFault, PlanProgress, Row, Verdict};
use crate::{Abilities, Mark, Seen, Side, Sides, Store, StoreError, StoreFault};

/// Finds out whether both sides hold the same.
#[derive(Clone, Debug)]
pub(crate) struct Resolver {
    stores: Sides<Arc<dyn Store>>,
    abilities: Sides<Abilities>,
    progress: Arc<PlanProgress>,
}

/// What looking at a key brought.
#[derive(Debug)]
pub(crate) enum First {
    /// It is known.
    Answer(Equal),
    /// These bytes would have to be read.
    Wants(Box<Reading>),
}

/// Why something is not known, or why there is no plan at all.
fn verdict(side: Side, error: StoreError) -> Result<Equal, PlanFault> {
    match error.fault {
        // It is another one now, or gone: the next plan sees to it.
        StoreFault::NotFound | StoreFault::Changed => Ok(Equal::UNVERIFIED),
        StoreFault::Archived => Ok(Equal::unknown(Verdict::Archived)),
        StoreFault::Refused
        | StoreFault::Full
        | StoreFault::TooLarge
        | StoreFault::Unsupported
        | StoreFault::Corrupt => Ok(Equal::unknown(Verdict::Unreadable)),
        StoreFault::Unavailable => Err(PlanFault::Side { side, error }),
        StoreFault::Stopped => Err(PlanFault::Stopped),
    }
}

impl Resolver {
    pub(crate) const fn new(
        stores: Sides<Arc<dyn Store>>,
        abilities: Sides<Abilities>,
        progress: Arc<PlanProgress>,
    ) -> Self {
        Self { stores, abilities, progress }
    }

    /// Which side's entity tags are known to be MD5s.
    pub(crate) const fn true_tags(&self) -> Sides<bool> {
        Sides { storage: self.abilities.storage.etag_is_md5, bucket: self.abilities.bucket.etag_is_md5 }
    }

    /// Looks at the object of a side.
    pub(crate) async fn head(&self, side: Side, key: &ObjectKey) -> Result<ObjectMeta, StoreError> {
        self.progress.looked(side);
        self.stores.of(side).head(key, &GetOptions::default()).await
    }

    /// Whether there is anything at a key.
    pub(crate) async fn exists(&self, side: Side, key: &ObjectKey) -> Result<bool, PlanFault> {
        match self.head(side, key).await {
            Ok(_) => Ok(true),
            Err(error) if error.fault == StoreFault::NotFound => Ok(false),
            // What cannot be looked at may well be there.
            Err(error) => verdict(side, error).map(|_| true),
        }
    }

    /// What both sides' metadata say of a row that both have.
    pub(crate) async fn look(&self, row: &Row) -> Result<First, PlanFault> {
        let (Some(storage), Some(bucket)) = (&row.seen.storage, &row.seen.bucket) else {
            return Ok(First::Answer(Equal::UNVERIFIED));
        };
        let both = futures_util::join!(
            self.facts(Side::Storage, &row.key, storage),
            self.facts(Side::Bucket, &row.key, bucket)
        );
        let facts = match both {
            (Ok(storage), Ok(bucket)) => Sides { storage, bucket },
            (Err((side, error)), _) | (_, Err((side, error))) => {
                return verdict(side, error).map(First::Answer);
            }
        };
        Ok(match after_looking(&facts) {
            Known::Answer(equal) => First::Answer(equal),
            Known::Read(reading) => First::Wants(Box::new(reading)),
        })
    }

    async fn facts(&self, side: Side, key: &ObjectKey, seen: &Seen) -> Result<Facts, (Side, StoreError)> {
        let abilities = self.abilities.of(side);
        let meta = self.head(side, key).await.map_err(|error| (side, error))?;
        if meta.etag != seen.mark.etag || meta.size != seen.mark.size {
            return Err((side, StoreError::new(StoreFault::Changed, "compare")));
        }
        let parts: Vec<u64> = meta.parts.iter().map(|part| part.size).collect();
        let first_part = if parts.is_empty() { self.first_part(side, key, &seen.mark).await } else { None };
        Ok(Facts {
            mark: seen.mark.clone(),
            checksum: meta.checksum,
            parts,
            first_part,
            true_tag: abilities.etag_is_md5,
            remote: abilities.remote,
            archived: seen.archived,
        })
    }

    /// The size of the first part of an object whose parts have none of the usual sizes. None if the side does not tell, or if they cannot all
    /// have it.
    async fn first_part(&self, side: Side, key: &ObjectKey, mark: &Mark) -> Option<u64> {
        let Etag::Md5 { parts: Some(count @ 2..), .. } = &mark.etag else { return None };
        if !usual_sizes(mark.size, *count).is_empty() {
            return None;
        }
        let options = GetOptions { part: Some(1), ..GetOptions::default() };
        self.progress.looked(side);
        let object = self.stores.of(side).get(key, options).await.ok()?;
        let first = object.range.as_ref().map(ByteRange::length)?;
        (mark.size.div_ceil(first) == u64::from(*count)).then_some(first)
    }

    /// Reads the bytes that decide; and how many that took.
    pub(crate) async fn read(&self, row: &Row, reading: &Reading) -> Result<(Equal, u64), PlanFault> {
        let (Some(storage), Some(bucket)) = (&row.seen.storage, &row.seen.bucket) else {
            return Ok((Equal::UNVERIFIED, 0));
        };
        let reader = |side: Side, seen| self.reader(side, &row.key, seen);
        let readers = Sides { storage: reader(Side::Storage, storage), bucket: reader(Side::Bucket, bucket) };
        match compare(&readers, reading).await {
            Ok(found) => Ok(found),
            Err((side, error)) => verdict(side, error).map(|equal| (equal, reading.most())),
        }
    }

    fn reader<'a>(&'a self, side: Side, key: &'a ObjectKey, seen: &'a Seen) -> Reader<'a> {
        Reader { store: &**self.stores.of(side), side, key, mark: &seen.mark, progress: &self.progress }
    }
}
