//! When and from where keys were last used, without a write per request.

use std::collections::HashMap;
use std::sync::Mutex;

use portcullis_domain::{KeyId, Timestamp};
use portcullis_metadata::KeyUse;

use crate::principal::Principal;
use crate::throttle::locked;

/// More keys than this between two flushes are not noted; the next flush has them.
const MOST: usize = 65_536;

/// The last use of each key since the last flush.
#[derive(Debug, Default)]
pub(crate) struct LastUsed(Mutex<HashMap<KeyId, KeyUse>>);

impl LastUsed {
    /// Notes that a key was used, successfully. Sessions have no last use of their own.
    pub(crate) fn note(&self, who: &Principal, now: Timestamp) {
        let Some(key) = who.key_id() else { return };
        let mut uses = locked(&self.0);
        if let Some(known) = uses.get_mut(&key) {
            known.at = known.at.max(now);
            known.peer = who.peer();
            if known.tool != who.tool() {
                who.tool().clone_into(&mut known.tool);
            }
        } else if uses.len() < MOST {
            uses.insert(key, KeyUse { key, at: now, peer: who.peer(), tool: who.tool().to_owned() });
        }
    }

    /// Everything noted; what could not be written comes back by [`LastUsed::put_back`].
    pub(crate) fn take(&self) -> Vec<KeyUse> {
        locked(&self.0).drain().map(|(_, used)| used).collect()
    }

    /// Keeps what could not be written, unless there is something newer.
    pub(crate) fn put_back(&self, unwritten: Vec<KeyUse>) {
        let mut uses = locked(&self.0);
        for used in unwritten {
            if uses.len() < MOST {
                uses.entry(used.key).or_insert(used);
            }
        }
    }
}
