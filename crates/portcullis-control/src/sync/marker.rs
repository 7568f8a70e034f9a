//! The mark that runs leave in buckets of others: by it a plan knows that a bucket is the one that it was, and that nothing newer is
//! known there than here.

use std::time::Duration;

use futures_util::StreamExt as _;
use portcullis_access::{Body, DeleteOptions, GetOptions, PutOptions};
use portcullis_domain::{ObjectKey, SyncPairId, SyncPlanId, Timestamp};
use portcullis_sync::{RESERVED, Store, StoreError, StoreFault};
use serde::{Deserialize, Serialize};

/// The most bytes of a marker that are read.
const MOST: usize = 4_096;

/// What is in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Marker {
    /// The pair.
    pub(super) pair: String,
    /// How many runs of it were settled.
    pub(super) epoch: u64,
    /// When it was written by our clock, in microseconds.
    pub(super) written: i64,
}

/// A marker that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// What it says; none if that is not one of ours.
    pub(super) marker: Option<Marker>,
    /// When it was written by the clock of its side.
    pub(super) modified: Timestamp,
}

impl Found {
    /// By how much the side's clock was ahead of ours when it was written, in microseconds.
    pub(super) fn ahead(&self) -> Option<i64> {
        let written = self.marker.as_ref()?.written;
        Some(beyond(self.modified.micros(), written, written))
    }
}

fn key_of(pair: SyncPairId) -> Result<ObjectKey, StoreError> {
    key(&format!("{RESERVED}pair-{pair}.json"))
}

fn key(text: &str) -> Result<ObjectKey, StoreError> {
    ObjectKey::parse(text).map_err(|_| StoreError::new(StoreFault::Unsupported, "name a marker"))
}

/// The marker of this pair on a side; none if there is none, or if it may not be looked at.
pub(super) async fn find(store: &dyn Store, pair: SyncPairId) -> Result<Option<Found>, StoreError> {
    let object = match store.get(&key_of(pair)?, GetOptions::default()).await {
        Ok(object) => object,
        Err(error) if matches!(error.fault, StoreFault::NotFound | StoreFault::Refused) => return Ok(None),
        Err(error) => return Err(error),
    };
    let bytes = whole(object.body).await?;
    let marker =
        serde_json::from_slice(&bytes).ok().filter(|marker: &Marker| marker.pair == pair.to_string());
    Ok(Some(Found { marker, modified: object.meta.modified }))
}

async fn whole(body: Body) -> Result<Vec<u8>, StoreError> {
    let mut stream = match body {
        Body::Full(bytes) => return Ok(bytes.iter().copied().take(MOST).collect()),
        Body::Stream(stream) => stream,
    };
    let mut all = Vec::new();
    while let Some(piece) = stream.next().await {
        let piece = piece.map_err(|_| StoreError::new(StoreFault::Unavailable, "read a marker"))?;
        all.extend(piece.iter().copied().take(MOST.saturating_sub(all.len())));
        if all.len() >= MOST {
            break;
        }
    }
    Ok(all)
}

/// Leaves the marker of this pair on a side.
pub(super) async fn leave(
    store: &dyn Store,
    pair: SyncPairId,
    epoch: u64,
    now: Timestamp,
) -> Result<(), StoreError> {
    let marker = Marker { pair: pair.to_string(), epoch, written: now.micros() };
    let text = serde_json::to_vec(&marker)
        .map_err(|error| StoreError::with(StoreFault::Corrupt, "write a marker", error))?;
    put(store, &key_of(pair)?, text).await
}

async fn put(store: &dyn Store, key: &ObjectKey, bytes: Vec<u8>) -> Result<(), StoreError> {
    let options = PutOptions { length: u64::try_from(bytes.len()).ok(), ..PutOptions::default() };
    store.put(key, Body::Full(bytes.into()), options).await.map(drop)
}

/// By how much a side's clock is ahead of ours, in microseconds, by a small object that is written there and removed again; none if
/// that may not be done.
pub(super) async fn clock_of(
    store: &dyn Store,
    plan: SyncPlanId,
    clock: impl Fn() -> Timestamp + Send + Sync,
) -> Option<i64> {
    let key = key(&format!("{RESERVED}clock-{plan}")).ok()?;
    let before = clock();
    put(store, &key, b"what time it is here".to_vec()).await.ok()?;
    let after = clock();
    let modified = store.head(&key, &GetOptions::default()).await.map(|meta| meta.modified);
    if let Err(error) = store.delete(&key, &DeleteOptions::default()).await {
        tracing::warn!(%error, %key, "an object of a few bytes could not be removed again");
    }
    Some(beyond(modified.ok()?.micros(), before.micros(), after.micros()))
}

/// How far a time lies outside of a span, in microseconds. Providers tell whole seconds, rounded down.
const fn beyond(time: i64, from: i64, until: i64) -> i64 {
    let early = from.saturating_sub(1_000_000);
    if time < early {
        time.saturating_sub(from)
    } else if time > until {
        time.saturating_sub(until)
    } else {
        0
    }
}

/// How far the clocks of two sides are off: from ours, or from each other if that is more.
pub(super) fn off(one: Option<i64>, other: Option<i64>) -> Option<Duration> {
    let (one, other) = (one?, other?);
    Some(Duration::from_micros(one.abs_diff(other).max(one.unsigned_abs()).max(other.unsigned_abs())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_in_whole_seconds_is_not_a_wrong_one() {
        let (from, until) = (10_900_000, 12_300_000);
        assert_eq!([10_000_000, 11_000_000, 12_000_000].map(|time| beyond(time, from, until)), [0; 3]);
        assert_eq!(beyond(9_000_000, from, until), -1_900_000);
        assert_eq!(beyond(15_000_000, from, until), 2_700_000);
    }

    #[test]
    fn clocks_are_compared_with_ours_and_with_each_other() {
        assert_eq!(off(Some(0), Some(-1_500_000)), Some(Duration::from_millis(1_500)));
        assert_eq!(off(Some(400_000_000), Some(400_000_000)), Some(Duration::from_secs(400)));
        assert_eq!(off(Some(2_000_000), Some(-1_000_000)), Some(Duration::from_secs(3)));
        assert_eq!(off(Some(0), None), None);
    }
}
