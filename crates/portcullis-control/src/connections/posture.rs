//! How a site is as a whole: what is open, what is stored, which keys deserve a look.
//!
//! The sums go over every storage and key, so they are kept for a moment: until anything is changed, anything is measured
//! here, or two seconds have passed.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use portcullis_domain::{DisplayName, SiteId, StorageId, Timestamp};
use portcullis_metadata::{KeyReview, KeysToReview, OpenStorages, StoredTotals};

use super::s3::Openers;
use crate::{Control, Result};

/// A key that was not used for so long deserves a look.
const UNUSED: Duration = Duration::from_hours(90 * 24);
/// A key that ends within this time deserves a look.
const ENDING: Duration = Duration::from_hours(30 * 24);
/// How long the sums are kept, at most: another node may have measured, a key may have run out.
const KEPT: Duration = Duration::from_secs(2);
/// How long the keys to review are kept: days count there.
const REVIEW_KEPT: Duration = Duration::from_secs(10);
/// The sums of so many sites are kept at a time.
const SITES: usize = 256;

/// How a site's connections are as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posture {
    /// Active storages.
    pub storages: u64,
    /// Those open to the outside: S3 access is on, and a key works.
    pub open: u64,
    /// Those of the open ones that no key opens from any address.
    pub restricted: u64,
    /// Those of the open ones that a key opens from any address.
    pub anywhere: u64,
    /// The first of these by name.
    pub anywhere_example: Option<(StorageId, DisplayName)>,
    /// Bytes of all files, as last measured.
    pub used_bytes: u64,
    /// Bytes that count against quotas: previous versions and unfinished uploads included.
    pub stored_bytes: u64,
    /// The sum of all quotas; none unless there are storages and each has one.
    pub quota_bytes: Option<u64>,
    /// Storages that were never measured, so that the sums lack what they hold.
    pub not_measured: u64,
    /// Keys that work and deserve a look: unused for 90 days, ending within 30, or writing from any address.
    pub review: KeysToReview,
}

/// Postures that were read a moment ago.
#[derive(Debug, Default)]
pub(crate) struct Postures(Mutex<HashMap<SiteId, Kept>>);

#[derive(Clone, Debug)]
struct Kept {
    read: Moment,
    posture: Posture,
    reviewed: Timestamp,
}

/// What the sums were read after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Moment {
    /// The last change of the feed.
    change: i64,
    /// How often measurements were written here.
    measured: u64,
    at: Timestamp,
}

impl Moment {
    fn still_holds(self, now: Self) -> bool {
        self.change == now.change && self.measured == now.measured && is_within(self.at, now.at, KEPT)
    }
}

/// Whether no more than this span has passed; a clock that went back counts as more.
fn is_within(earlier: Timestamp, now: Timestamp, span: Duration) -> bool {
    earlier <= now && now.since(earlier) < span
}

impl Postures {
    fn get(&self, site: SiteId) -> Option<Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&site).cloned()
    }

    fn keep(&self, site: SiteId, kept: Kept) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= SITES && !all.contains_key(&site) {
            all.clear();
        }
        all.insert(site, kept);
    }
}

impl Control {
    /// How the site is, as of `now` or a moment before.
    pub(super) async fn posture(&self, site: SiteId, openers: &Openers, now: Timestamp) -> Result<Posture> {
        // Read before the sums: what changes in between makes them old.
        let change = self.metadata.latest_change().await?;
        let moment = Moment { change, measured: self.facts.written(), at: now };
        let before = self.postures.get(site);
        if let Some(kept) = &before
            && kept.read.still_holds(moment)
        {
            return Ok(kept.posture.clone());
        }
        let (all, anywhere) = (openers.by_admins(), openers.by_admins_from_anywhere());
        let reviewed =
            before.filter(|kept| kept.read.change == change && is_within(kept.reviewed, now, REVIEW_KEPT));
        let review = async {
            match reviewed {
                Some(kept) => Ok((kept.posture.review, kept.reviewed)),
                None => self.metadata.keys_to_review(&review_of(site, now)).await.map(|review| (review, now)),
            }
        };
        let (open, stored, (review, reviewed)) = tokio::try_join!(
            self.metadata.open_storages(site, now, all, anywhere),
            self.metadata.stored_totals(site),
            review,
        )?;
        let posture = Posture::of(open, stored, review);
        self.postures.keep(site, Kept { read: moment, posture: posture.clone(), reviewed });
        Ok(posture)
    }
}

fn review_of(site: SiteId, now: Timestamp) -> KeyReview {
    KeyReview { site, now, unused_since: now.before(UNUSED), ends_before: now.after(ENDING) }
}

impl Posture {
    fn of(open: OpenStorages, stored: StoredTotals, review: KeysToReview) -> Self {
        let bounded = open.total > 0 && stored.without_quota == 0;
        Self {
            storages: open.total,
            open: open.open,
            restricted: open.open.saturating_sub(open.open_to_anywhere),
            anywhere: open.open_to_anywhere,
            anywhere_example: open.example,
            used_bytes: stored.bytes,
            stored_bytes: stored.stored_bytes,
            quota_bytes: bounded.then_some(stored.quota_bytes),
            not_measured: stored.not_measured,
            review,
        }
    }
}
