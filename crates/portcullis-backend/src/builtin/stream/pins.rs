//! What the collector waits for.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use portcullis_domain::Timestamp;

/// Since when bodies are being sent whose files are not all open. The collector takes nothing that was discarded later.
#[derive(Debug, Default)]
pub(in super::super) struct Pins(Mutex<BTreeMap<Timestamp, usize>>);

impl Pins {
    pub(in super::super) fn pin(self: &Arc<Self>, since: Timestamp) -> Pinned {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(since).or_default() += 1;
        Pinned { pins: Arc::clone(self), since }
    }

    /// The oldest moment that still counts.
    pub(in super::super) fn oldest(&self) -> Option<Timestamp> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).keys().next().copied()
    }
}

#[derive(Debug)]
pub(in super::super) struct Pinned {
    pins: Arc<Pins>,
    since: Timestamp,
}

impl Drop for Pinned {
    fn drop(&mut self) {
        let mut pins = self.pins.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = pins.get_mut(&self.since) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                pins.remove(&self.since);
            }
        }
    }
}
