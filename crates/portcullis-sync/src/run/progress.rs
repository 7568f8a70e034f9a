//! How far a run is, and when it will be done.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use portcullis_domain::Timestamp;
use serde::{Deserialize, Serialize};

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
    bytes_done: AtomicU64,
    /// Bytes that were moved by this process, for the rate.
    moved: AtomicU64,
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
