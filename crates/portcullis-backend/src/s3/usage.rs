//! What a remote bucket holds, and the quota against it.
//!
//! A provider does not say how much a bucket holds; it can only be counted. A small bucket is counted when it is asked for. A
//! large one is counted in the background, and what passes through moves the numbers until the next count. They err on the
//! side of too much: what is replaced counts on until it is counted again.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use portcullis_domain::{ObjectKey, Timestamp, Usage};
use tokio::time::sleep;

use super::backend::S3Backend;
use super::gate::unavailable;
use crate::{BackendError, BackendErrorKind, ListRequest, Result, UploadId, UploadsRequest, VersionsRequest};

/// The most that one page of a listing holds.
const PAGE: usize = 1000;

/// What a bucket held when it was counted, moved by what passed through since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inventory {
    /// What it holds.
    pub usage: Usage,
    /// When it was counted.
    pub counted_at: Timestamp,
}

#[derive(Debug, Default)]
struct Book {
    inventory: Option<Inventory>,
    /// Bytes that are being written.
    reserved: u64,
    /// All that was ever added here; tells a count what was written while it went on.
    added: Usage,
}

/// The inventory of one bucket.
#[derive(Clone, Debug, Default)]
pub(super) struct Ledger(Arc<Mutex<Book>>);

/// What a write replaces.
#[derive(Clone, Copy, Debug)]
pub(super) enum Target<'a> {
    Object(&'a ObjectKey),
    Part(&'a ObjectKey, &'a UploadId, u16),
}

/// Room for a write that is under way. Dropped, it is free again.
#[derive(Debug)]
pub(super) struct Place {
    ledger: Ledger,
    bytes: u64,
    /// What the write replaces, if that was looked at.
    replaced: Option<u64>,
}

impl Ledger {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn inventory(&self) -> Option<Inventory> {
        self.book().inventory
    }

    pub(super) fn set(&self, inventory: Inventory) {
        self.book().inventory = Some(inventory);
    }

    fn added(&self) -> Usage {
        self.book().added
    }

    /// Takes a count over. What was written while it went on may be in it or not: it is added, and may count twice until
    /// the next count.
    fn counted(&self, mut inventory: Inventory, added_before: Usage) -> Inventory {
        let mut book = self.book();
        let plus = |is: u64, now: u64, before: u64| is.saturating_add(now.saturating_sub(before));
        let usage = &mut inventory.usage;
        usage.bytes = plus(usage.bytes, book.added.bytes, added_before.bytes);
        usage.files = plus(usage.files, book.added.files, added_before.files);
        usage.upload_bytes = plus(usage.upload_bytes, book.added.upload_bytes, added_before.upload_bytes);
        book.inventory = Some(inventory);
        inventory
    }

    fn is_idle(&self) -> bool {
        self.book().reserved == 0
    }

    fn change(&self, change: impl FnOnce(&mut Usage)) {
        if let Some(inventory) = &mut self.book().inventory {
            change(&mut inventory.usage);
        }
    }

    /// Notes what was written, in place of what.
    fn add(&self, written: Usage, replaced: Usage) {
        let mut book = self.book();
        let sum = |is: &mut Usage| {
            is.bytes = is.bytes.saturating_add(written.bytes);
            is.files = is.files.saturating_add(written.files);
            is.upload_bytes = is.upload_bytes.saturating_add(written.upload_bytes);
        };
        sum(&mut book.added);
        if let Some(inventory) = &mut book.inventory {
            let usage = &mut inventory.usage;
            sum(usage);
            usage.bytes = usage.bytes.saturating_sub(replaced.bytes);
            usage.upload_bytes = usage.upload_bytes.saturating_sub(replaced.upload_bytes);
        }
    }

    /// An object is gone; with `kept`, it is a previous version now.
    pub(super) fn removed(&self, bytes: u64, kept: bool) {
        self.change(|usage| {
            usage.bytes = usage.bytes.saturating_sub(bytes);
            usage.files = usage.files.saturating_sub(1);
            if kept {
                usage.version_bytes = usage.version_bytes.saturating_add(bytes);
            }
        });
    }

    /// Parts have become an object.
    pub(super) fn completed(&self, bytes: u64) {
        let object = Usage { bytes, files: 1, ..Usage::default() };
        self.add(object, Usage { upload_bytes: bytes, ..Usage::default() });
    }
}

impl Place {
    /// An object was stored.
    pub(super) fn stored(self, bytes: u64) {
        let files = u64::from(self.replaced.is_none());
        let replaced = Usage { bytes: self.replaced.unwrap_or(0), ..Usage::default() };
        self.ledger.add(Usage { bytes, files, ..Usage::default() }, replaced);
    }

    /// A part was stored.
    pub(super) fn part_stored(self, bytes: u64) {
        let replaced = Usage { upload_bytes: self.replaced.unwrap_or(0), ..Usage::default() };
        self.ledger.add(Usage { upload_bytes: bytes, ..Usage::default() }, replaced);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut book = self.ledger.book();
        book.reserved = book.reserved.saturating_sub(self.bytes);
    }
}

impl S3Backend {
    /// Room for `bytes` more under a quota.
    pub(super) async fn reserve(&self, quota: Option<u64>, bytes: u64, target: Target<'_>) -> Result<Place> {
        let mut place = Place { ledger: self.ledger.clone(), bytes: 0, replaced: None };
        let Some(quota) = quota else { return Ok(place) };
        if bytes > quota {
            return Err(BackendError::new(BackendErrorKind::QuotaExceeded, "quota"));
        }
        place.replaced = self.replaced(target).await?;
        {
            // Those who come at once wait for one count.
            let _counting = self.counting.lock().await;
            if self.ledger.inventory().is_none() {
                self.count_small().await.map_err(not_counted)?;
            }
        }
        if self.take(&mut place, quota, bytes) {
            return Ok(place);
        }
        let passed = || BackendError::new(BackendErrorKind::QuotaExceeded, "quota");
        // What was removed behind our back may make room. A count besides writes that are under way would tell nothing.
        let _counting = self.counting.lock().await;
        if !self.ledger.is_idle() {
            return Err(passed());
        }
        match self.count_small().await {
            Ok(_) if self.take(&mut place, quota, bytes) => Ok(place),
            Ok(_) => Err(passed()),
            Err(error) if error.kind == BackendErrorKind::TooLarge => Err(passed()),
            Err(error) => Err(error),
        }
    }

    /// Bytes that make way for a write.
    async fn replaced(&self, target: Target<'_>) -> Result<Option<u64>> {
        match target {
            Target::Object(_) if self.capabilities_of_remote().versioning => Ok(None),
            Target::Object(key) => Ok(self.glance(key).await?.map(|meta| meta.size)),
            Target::Part(key, upload, number) => {
                let page = self.do_list_parts(key, upload, number.saturating_sub(1), 1).await?;
                Ok(page.parts.first().filter(|part| part.number == number).map(|part| part.size))
            }
        }
    }

    fn take(&self, place: &mut Place, quota: u64, bytes: u64) -> bool {
        let mut book = self.ledger.book();
        let held = book.inventory.map_or(0, |inventory| inventory.usage.stored_bytes());
        let after = held
            .saturating_sub(place.replaced.unwrap_or(0))
            .saturating_add(book.reserved)
            .saturating_add(bytes);
        if after > quota {
            return false;
        }
        book.reserved = book.reserved.saturating_add(bytes);
        place.bytes = bytes;
        true
    }

    /// Counts everything, with a pause after each page, and keeps the result. What is written meanwhile may be missed or
    /// counted; the next count finds it.
    ///
    /// # Errors
    /// Those of listings.
    pub async fn count(&self, pace: Duration) -> Result<Inventory> {
        self.count_pages(usize::MAX, pace).await
    }

    /// The inventory, if there was a count.
    #[must_use]
    pub fn inventory(&self) -> Option<Inventory> {
        self.ledger.inventory()
    }

    /// Goes on from an inventory that was kept elsewhere.
    pub fn set_inventory(&self, inventory: Inventory) {
        self.ledger.set(inventory);
    }

    /// Counts a bucket that is small.
    async fn count_small(&self) -> Result<Inventory> {
        self.count_pages(self.wire.limits.count_pages, Duration::ZERO).await
    }

    pub(super) async fn do_usage(&self) -> Result<Usage> {
        // One that is known to be large would be listed in vain.
        let small = u64::try_from(self.wire.limits.count_pages.saturating_mul(PAGE)).unwrap_or(u64::MAX);
        if let Some(inventory) = self.ledger.inventory().filter(|inventory| inventory.usage.files > small) {
            return Ok(inventory.usage);
        }
        match self.count_small().await {
            Ok(inventory) => Ok(inventory.usage),
            Err(error) if error.kind == BackendErrorKind::TooLarge => {
                self.ledger.inventory().map(|inventory| inventory.usage).ok_or_else(|| not_counted(error))
            }
            Err(error) => Err(error),
        }
    }

    async fn count_pages(&self, most: usize, pace: Duration) -> Result<Inventory> {
        let (counted_at, added) = (self.wire.clock.now(), self.ledger.added());
        let mut count = Count { left: most, pace, usage: Usage::default(), last: String::new() };
        if self.capabilities_of_remote().versioning {
            self.count_versions(&mut count).await?;
        } else {
            self.count_objects(&mut count).await?;
        }
        self.count_uploads(&mut count).await?;
        Ok(self.ledger.counted(Inventory { usage: count.usage, counted_at }, added))
    }

    async fn count_objects(&self, count: &mut Count) -> Result<()> {
        let mut request = ListRequest { limit: PAGE, ..ListRequest::default() };
        loop {
            let page = self.do_list(&request).await?;
            for object in &page.objects {
                count.object(&object.key, object.size);
            }
            request.after = page.next;
            if request.after.is_none() {
                return Ok(());
            }
            count.turn().await?;
        }
    }

    async fn count_versions(&self, count: &mut Count) -> Result<()> {
        let mut request = VersionsRequest { limit: PAGE, ..VersionsRequest::default() };
        loop {
            let page = self.do_list_versions(&request).await?;
            for version in &page.versions {
                let object = &version.object;
                if version.current {
                    count.object(&object.key, object.size);
                } else {
                    count.usage.version_bytes = count.usage.version_bytes.saturating_add(object.size);
                }
            }
            let Some((after, version)) = page.next else { return Ok(()) };
            (request.after, request.after_version) = (Some(after), version);
            count.turn().await?;
        }
    }

    async fn count_uploads(&self, count: &mut Count) -> Result<()> {
        let mut request = UploadsRequest { limit: PAGE, ..UploadsRequest::default() };
        loop {
            let page = self.do_list_uploads(&request).await?;
            for upload in &page.uploads {
                let mut after = 0;
                loop {
                    let told = self.do_list_parts(&upload.key, &upload.upload, after, PAGE).await;
                    let parts = match told {
                        Ok(parts) => parts,
                        Err(error) if error.kind == BackendErrorKind::NoSuchUpload => break,
                        Err(error) => return Err(error),
                    };
                    let bytes = parts.parts.iter().fold(0u64, |sum, part| sum.saturating_add(part.size));
                    count.usage.upload_bytes = count.usage.upload_bytes.saturating_add(bytes);
                    after = parts.parts.last().map_or(0, |part| part.number);
                    count.turn().await?;
                    if !parts.more {
                        break;
                    }
                }
            }
            request.after = page.next;
            if request.after.is_none() {
                return Ok(());
            }
            count.turn().await?;
        }
    }
}

/// A bucket that is too large to be counted at once can be asked about later.
fn not_counted(error: BackendError) -> BackendError {
    if error.kind == BackendErrorKind::TooLarge {
        return unavailable(error.operation, "the bucket has not been counted yet");
    }
    error
}

/// A count under way.
struct Count {
    left: usize,
    pace: Duration,
    usage: Usage,
    last: String,
}

impl Count {
    fn object(&mut self, key: &ObjectKey, bytes: u64) {
        self.usage.bytes = self.usage.bytes.saturating_add(bytes);
        self.usage.files = self.usage.files.saturating_add(1);
        // Keys come in order: a folder is new if the key before was not in it.
        let new = key.folders().filter(|folder| !self.last.starts_with(folder)).count();
        self.usage.folders = self.usage.folders.saturating_add(u64::try_from(new).unwrap_or(0));
        key.as_str().clone_into(&mut self.last);
    }

    /// One more page.
    async fn turn(&mut self) -> Result<()> {
        self.left = self.left.checked_sub(1).ok_or_else(|| {
            BackendError::with(
                BackendErrorKind::TooLarge,
                "count",
                "the bucket is too large to count at once",
            )
        })?;
        if !self.pace.is_zero() {
            sleep(self.pace).await;
        }
        Ok(())
    }
}
