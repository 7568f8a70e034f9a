//! What a run is told, and what it tells at its end.

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;

use crate::{Action, Journal, Mode, StoreError};

/// The pages of a plan's actions, as [`encode`](crate::encode) made them: page 0 first, none after the last.
#[async_trait]
pub trait ActionPages: Send + Sync {
    /// The page with this number.
    async fn page(&self, no: u64) -> Result<Option<Vec<u8>>, StoreError>;
}

/// What somebody decided against the plan, applied to its actions as they are read.
pub trait Choose: Send + Sync + Debug {
    /// The action as it is to be carried out: the same number and the same key.
    fn choose(&self, action: Action) -> Action;
}

/// Nobody decided anything.
#[derive(Clone, Copy, Debug, Default)]
pub struct AsPlanned;

impl Choose for AsPlanned {
    fn choose(&self, action: Action) -> Action {
        action
    }
}

/// How fast a run goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// The most keys at a time, at least 1. Fewer while a side says that it is too much.
    pub in_flight: usize,
    /// The most bytes a second between the sides; none for as fast as it goes. What a side copies within itself does not count.
    pub bytes_per_second: Option<u64>,
}

impl Default for Pace {
    fn default() -> Self {
        Self { in_flight: 16, bytes_per_second: None }
    }
}

/// How objects travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// The largest object that is sent in one request, in bytes.
    pub single: u64,
    /// The largest object that is held in memory, in bytes: to a side that decides no conditions it goes in one request, right after a look.
    pub buffered: u64,
    /// Bytes of a part, at least 5 MiB for real sides. More where an object would have over 10,000 parts.
    pub part: u64,
    /// The largest objects, in bytes, that are read on both sides to find out whether an answer that was lost had been a yes.
    pub proof: u64,
}

impl Default for Transfer {
    fn default() -> Self {
        Self { single: 64 << 20, buffered: 8 << 20, part: 16 << 20, proof: 64 << 20 }
    }
}

/// What a run is to do, and how.
#[derive(Clone, Debug)]
pub struct RunTerms {
    /// The run's name, for the keys under which it keeps what it replaces: letters, digits and `-`.
    pub run: String,
    /// What the plan is for.
    pub mode: Mode,
    /// What was decided against the plan.
    pub choose: Arc<dyn Choose>,
    /// How fast.
    pub pace: Pace,
    /// How objects travel.
    pub transfer: Transfer,
    /// What the run wrote down that is taken back, if one is.
    pub restores: Option<Arc<dyn Journal>>,
}

/// What people want of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Wish {
    /// That it goes on.
    #[default]
    Go,
    /// That it stops and can go on later.
    Pause,
    /// That it stops for good.
    Cancel,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunEnd {
    /// All of it is done.
    Done,
    /// All of it was tried.
    Partial {
        /// Keys that somebody had changed since the plan.
        changed: u64,
        /// Keys at which something failed.
        failed: u64,
    },
    /// It was stopped and can go on: run it again with the same journal.
    Paused,
    /// It was stopped for good.
    Cancelled,
}
