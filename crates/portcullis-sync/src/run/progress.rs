//! How far a run is, and when it will be done.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use portcullis_domain::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Step, StepState};

/// What a run is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// What only adds.
    #[default]
    Create,
    /// What replaces.
    Replace,
    /// Deletions.
    Delete,
}

impl Phase {
    /// All of them, in their order.
    pub const ALL: [Self; 3] = [Self::Create, Self::Replace, Self::Delete];

    /// Its number, from 0.
    pub(super) const fn number(self) -> u8 {
        match self {
            Self::Create => 0,
            Self::Replace => 1,
            Self::Delete => 2,
        }
    }

    /// The word for it in texts for programs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Replace => "replace",
            Self::Delete => "delete",
        }
    }
}

/// How far a run is. Counted by the run, read by whoever shows it.
#[derive(Debug, Default)]
pub struct RunProgress {
    files_total: u64,
    bytes_total: u64,
    files_done: AtomicU64,
    bytes: Arc<Bytes>,
    /// Files that were done by this process, for the rate.
    worked: AtomicU64,
    changed: AtomicU64,
    failed: AtomicU64,
    skipped: AtomicU64,
    kept_files: AtomicU64,
    kept_bytes: AtomicU64,
    phase: AtomicU8,
    rate: Mutex<Rate>,
}

/// Bytes that go between the sides; shared with the bodies that are under way.
#[derive(Debug, Default)]
pub(super) struct Bytes {
    done: AtomicU64,
    /// By this process, also what went for nothing: for the rate.
    moved: AtomicU64,
}

impl Bytes {
    /// Bytes that go right now.
    pub(super) fn moved(&self, bytes: u64) {
        self.moved.fetch_add(bytes, Ordering::Relaxed);
        self.done.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Bytes that went for nothing: they will go once more.
    pub(super) fn in_vain(&self, bytes: u64) {
        // Never below zero: only what was counted is taken back.
        self.done.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// How far a run is at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Snapshot {
    /// What it is at.
    pub phase: Phase,
    /// Files that are dealt with, in whatever way.
    pub files_done: u64,
    /// Files of the plan with something to do, as it was told to the run.
    pub files_total: u64,
    /// Bytes that were moved between the sides.
    pub bytes_done: u64,
    /// Bytes to be moved, as it was told to the run.
    pub bytes_total: u64,
    /// Files that somebody had changed since the plan.
    pub changed: u64,
    /// Files at which something failed.
    pub failed: u64,
    /// Files that were left alone, by choice or because the plan says so.
    pub skipped: u64,
    /// Files that were kept before they were replaced or deleted.
    pub kept_files: u64,
    /// Their bytes.
    pub kept_bytes: u64,
    /// Bytes a second, lately.
    pub bytes_per_second: u64,
    /// Files a second in thousandths, lately.
    pub milli_files_per_second: u64,
    /// Seconds left at this rate, if there is one.
    pub seconds_left: Option<u64>,
}

/// Lately is about this long, in milliseconds.
const WINDOW: u64 = 10_000;

/// The least time between two looks that says something of the rate, in milliseconds.
const LEAST: u64 = 200;

/// How fast it goes, weighted towards what was last.
#[derive(Debug, Default)]
struct Rate {
    /// When it was last looked at, and what was done by then: bytes and thousandths of files.
    last: Option<(Timestamp, u64, u64)>,
    bytes: u64,
    milli_files: u64,
    known: bool,
}

impl Rate {
    fn look(&mut self, now: Timestamp, moved: u64, milli_files: u64) {
        let Some((then, moved_then, files_then)) = self.last else {
            self.last = Some((now, moved, milli_files));
            return;
        };
        let span = u64::try_from(now.since(then).as_millis()).unwrap_or(u64::MAX);
        if span < LEAST {
            return;
        }
        let of = |amount: u64| amount.saturating_mul(1000) / span;
        let (bytes, files) =
            (of(moved.saturating_sub(moved_then)), of(milli_files.saturating_sub(files_then)));
        if self.known {
            self.bytes = blend(self.bytes, bytes, span);
            self.milli_files = blend(self.milli_files, files, span);
        } else {
            (self.bytes, self.milli_files, self.known) = (bytes, files, true);
        }
        self.last = Some((now, moved, milli_files));
    }
}

/// The longer ago the last look was, the more the new value weighs.
fn blend(old: u64, new: u64, span: u64) -> u64 {
    let all = u128::from(span.saturating_add(WINDOW));
    let sum = u128::from(old) * u128::from(WINDOW) + u128::from(new) * u128::from(span);
    u64::try_from(sum / all.max(1)).unwrap_or(u64::MAX)
}

impl RunProgress {
    /// Nothing done of so many files and so many bytes.
    #[must_use]
    pub fn of(files_total: u64, bytes_total: u64) -> Self {
        Self { files_total, bytes_total, ..Self::default() }
    }

    /// How far it is now. Calls of this, some time apart, are what the rate is made of.
    #[must_use]
    pub fn snapshot(&self, now: Timestamp) -> Snapshot {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let mut rate = self.rate.lock().unwrap_or_else(PoisonError::into_inner);
        rate.look(now, of(&self.bytes.moved), of(&self.worked).saturating_mul(1000));
        let phase = usize::from(self.phase.load(Ordering::Relaxed));
        let mut told = Snapshot {
            phase: Phase::ALL.get(phase).copied().unwrap_or_default(),
            files_done: of(&self.files_done),
            files_total: self.files_total,
            bytes_done: of(&self.bytes.done),
            bytes_total: self.bytes_total,
            changed: of(&self.changed),
            failed: of(&self.failed),
            skipped: of(&self.skipped),
            kept_files: of(&self.kept_files),
            kept_bytes: of(&self.kept_bytes),
            bytes_per_second: rate.bytes,
            milli_files_per_second: rate.milli_files,
            seconds_left: None,
        };
        told.seconds_left = told.left();
        told
    }

    pub(super) fn enter(&self, phase: Phase) {
        self.phase.store(phase.number(), Ordering::Relaxed);
    }

    /// Where the bytes under way are counted.
    pub(super) fn bytes(&self) -> Arc<Bytes> {
        Arc::clone(&self.bytes)
    }

    /// A step that came to its end, now or in an earlier process.
    pub(super) fn ended(&self, step: &Step, now: bool) {
        self.files_done.fetch_add(1, Ordering::Relaxed);
        if now {
            self.worked.fetch_add(1, Ordering::Relaxed);
        } else {
            self.bytes.done.fetch_add(step.moved, Ordering::Relaxed);
        }
        match step.state {
            StepState::Changed => self.changed.fetch_add(1, Ordering::Relaxed),
            StepState::Failed => self.failed.fetch_add(1, Ordering::Relaxed),
            StepState::Skipped => self.skipped.fetch_add(1, Ordering::Relaxed),
            StepState::Kept | StepState::Done => 0,
        };
        let kept = step.kept.iter().map(|kept| kept.mark.size).sum();
        self.kept_files.fetch_add(u64::try_from(step.kept.len()).unwrap_or(0), Ordering::Relaxed);
        self.kept_bytes.fetch_add(kept, Ordering::Relaxed);
    }

    pub(super) fn left_alone(&self) {
        self.skipped.fetch_add(1, Ordering::Relaxed);
    }

    /// Changed and failed.
    pub(super) fn undone(&self) -> (u64, u64) {
        (self.changed.load(Ordering::Relaxed), self.failed.load(Ordering::Relaxed))
    }
}

impl Snapshot {
    /// The longer of what is left in bytes and in files.
    fn left(&self) -> Option<u64> {
        let bytes = self.bytes_total.saturating_sub(self.bytes_done);
        let files = self.files_total.saturating_sub(self.files_done);
        let of_files = files.saturating_mul(1000).checked_div(self.milli_files_per_second);
        let of_bytes = bytes.checked_div(self.bytes_per_second);
        if files == 0 && bytes == 0 {
            return Some(0);
        }
        match (of_bytes, of_files) {
            (Some(one), Some(other)) if bytes > 0 => Some(one.max(other)),
            (_, Some(files)) => Some(files),
            (Some(bytes), None) => Some(bytes),
            (None, None) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_rate_follows_what_was_last_and_says_how_long_it_takes() {
        let progress = RunProgress::of(100, 100_000);
        let at = |millis: u64| Timestamp::from_seconds(1000).after(Duration::from_millis(millis));
        assert_eq!(progress.snapshot(at(0)).seconds_left, None);
        progress.bytes.moved(10_000);
        let told = progress.snapshot(at(1000));
        assert_eq!((told.bytes_per_second, told.seconds_left), (10_000, Some(9)));
        // Too soon to say anything new.
        progress.bytes.moved(10_000);
        assert_eq!(progress.snapshot(at(1100)).bytes_per_second, 10_000);
        // It got slower: slowly it is believed.
        let told = progress.snapshot(at(11_000));
        assert!((5000..6000).contains(&told.bytes_per_second), "{told:?}");
        progress.bytes.in_vain(20_000);
        assert_eq!(progress.snapshot(at(11_100)).bytes_done, 0);
    }

    #[test]
    fn a_clock_that_goes_back_harms_nothing() {
        let progress = RunProgress::of(2, 0);
        let now = Timestamp::from_seconds(1000);
        assert_eq!(progress.snapshot(now).files_total, 2);
        assert_eq!(progress.snapshot(now.before(Duration::from_secs(60))).seconds_left, None);
    }
}
