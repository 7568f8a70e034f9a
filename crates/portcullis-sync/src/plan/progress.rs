//! How far the making of a plan is.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};

use crate::{Side, Sides};

/// How far the making of a plan is; looked at from outside while it is made.
#[derive(Debug, Default)]
pub struct PlanProgress {
    compared: AtomicU64,
    actions: AtomicU64,
    listed: Sides<AtomicU64>,
    lists: Sides<AtomicU64>,
    heads: Sides<AtomicU64>,
    read: Sides<AtomicU64>,
}

/// How far the making of a plan was at a moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Planned {
    /// Keys compared.
    pub compared: u64,
    /// Actions found.
    pub actions: u64,
    /// Keys that each side has listed.
    pub listed: Sides<u64>,
    /// Listings asked of each side.
    pub lists: Sides<u64>,
    /// Keys looked at on each side.
    pub heads: Sides<u64>,
    /// Bytes read on each side.
    pub read: Sides<u64>,
}

impl PlanProgress {
    /// How far it is.
    #[must_use]
    pub fn snapshot(&self) -> Planned {
        let both = |of: &Sides<AtomicU64>| Sides { storage: get(&of.storage), bucket: get(&of.bucket) };
        Planned {
            compared: get(&self.compared),
            actions: get(&self.actions),
            listed: both(&self.listed),
            lists: both(&self.lists),
            heads: both(&self.heads),
            read: both(&self.read),
        }
    }

    pub(crate) fn compared(&self, keys: u64, actions: u64) {
        self.compared.store(keys, Ordering::Relaxed);
        self.actions.store(actions, Ordering::Relaxed);
    }

    pub(crate) fn listed(&self, side: Side, keys: usize) {
        let keys = u64::try_from(keys).unwrap_or(u64::MAX);
        self.listed.of(side).fetch_add(keys, Ordering::Relaxed);
        self.lists.of(side).fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn looked(&self, side: Side) {
        self.heads.of(side).fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn read(&self, side: Side, bytes: u64) {
        self.read.of(side).fetch_add(bytes, Ordering::Relaxed);
    }
}

fn get(count: &AtomicU64) -> u64 {
    count.load(Ordering::Relaxed)
}
