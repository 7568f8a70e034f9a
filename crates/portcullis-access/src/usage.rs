//! When and from where keys were last used, and which storages were touched, without a write per request.

use std::collections::HashMap;
use std::sync::Mutex;

use portcullis_domain::{Action, DataEvents, KeyId, Storage, StorageId, Timestamp, Usage};
use portcullis_metadata::{ActivityKind, KeyUse, Noted};

use crate::access::System;
use crate::authorize::Seat;
use crate::directory::Part;
use crate::lock::locked;
use crate::principal::{Principal, Who};
use crate::{Access, AccessError};

/// More keys or storages than this between two flushes are not noted; the next flush has them.
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

    /// Everything noted; it stays until it is [`LastUsed::written`].
    pub(crate) fn noted(&self) -> Vec<KeyUse> {
        locked(&self.0).values().cloned().collect()
    }

    /// Lets go of what is in the database, unless there is something newer.
    pub(crate) fn written(&self, uses: &[KeyUse]) {
        let mut noted = locked(&self.0);
        for used in uses {
            if noted.get(&used.key) == Some(used) {
                noted.remove(&used.key);
            }
        }
    }
}

fn noted<'a>(
    who: &'a Principal,
    storage: Option<StorageId>,
    kind: ActivityKind,
    what: &'static str,
) -> Option<Noted<'a>> {
    let Who::Key { id: key, generation, .. } = who.who() else { return None };
    let (peer, tool) = (who.peer(), who.tool());
    Some(Noted { key, storage, peer, tool, kind, what, generation, bytes: 0, proved: true })
}

/// The storages that were touched: whether what they hold may have changed, and when a key last did something there, if
/// one did and not only people who signed in.
pub type Touched = HashMap<StorageId, (bool, Option<Timestamp>)>;

/// Notes when it is dropped that the storage may have changed: done, failed or given up, the bytes may be there.
pub(crate) struct Changing(pub(crate) Seat);

impl Drop for Changing {
    fn drop(&mut self) {
        self.0.touch(true);
    }
}

impl Seat {
    /// The seat for an operation that changes the storage.
    pub(crate) fn changing(&self) -> Changing {
        Changing(self.clone())
    }

    pub(crate) fn touch(&self, changed: bool) {
        let used = self.who.key_id().map(|_| self.access.now());
        let mut all = locked(&self.access.inner().touched);
        if all.len() < MOST {
            let known = all.entry(self.storage).or_default();
            *known = (known.0 || changed, known.1.max(used));
        }
    }
}

impl Seat {
    /// Counts a deed that was admitted, and writes it down if the site keeps such events.
    pub(crate) fn admitted(
        &self,
        action: Action,
        part: Part<'_>,
        storage: &Storage,
    ) -> Result<(), AccessError> {
        let Self { access, who, .. } = self;
        let (inner, now) = (access.inner(), access.now());
        access.count(who, Some(storage.id), ActivityKind::Used, action.as_str());
        if let Some(key) = who.key_id() {
            inner.activity.note_place(now, key, storage.id, part.text().unwrap_or_default());
        }
        let tried = inner.directory.trial(who, now, Some(storage));
        if let Some(reason) = tried {
            access.count(who, Some(storage.id), ActivityKind::Tried, reason.as_str());
        }
        let kept = match inner.directory.data_events(storage.site) {
            DataEvents::None => false,
            DataEvents::Changes => matches!(action, Action::Put | Action::Delete),
            DataEvents::All => true,
        };
        if kept { access.note_deed(who, action, (storage.id, part), tried) } else { Ok(()) }
    }

    /// Counts the bytes of a body that has ended.
    pub(crate) fn moved(&self, action: Action, bytes: u64) {
        self.access.count_bytes(&self.who, self.storage, action, bytes);
    }
}

impl Access {
    /// Counts what a key did or was refused. People and links are in the audit trail alone.
    pub(crate) fn count(
        &self,
        who: &Principal,
        storage: Option<StorageId>,
        kind: ActivityKind,
        what: &'static str,
    ) {
        if let Some(noted) = noted(who, storage, kind, what) {
            self.inner().activity.note(self.now(), &noted);
        }
    }

    /// Counts the bytes of a body that has ended.
    pub(crate) fn count_bytes(&self, who: &Principal, storage: StorageId, action: Action, bytes: u64) {
        if let Some(noted) = noted(who, Some(storage), ActivityKind::Used, action.as_str())
            && bytes > 0
        {
            self.inner().activity.note_bytes(self.now(), &Noted { bytes, ..noted });
        }
    }

    /// Writes what keys were used for.
    pub(crate) async fn write_activity(&self) -> Result<(), AccessError> {
        let inner = self.inner();
        let (rows, folders) = inner.activity.take();
        let written = inner.metadata.record_activity(&rows, &folders).await;
        if written.is_err() {
            inner.activity.put_back(rows, folders);
        }
        Ok(written?)
    }

    /// The storages that were touched on this node since the last call.
    #[must_use]
    pub fn take_touched(&self, _: &System) -> Touched {
        std::mem::take(&mut *locked(&self.inner().touched))
    }

    /// What a storage holds, and how many more bytes fit as far as its driver can tell; for the work in the background.
    ///
    /// # Errors
    /// [`AccessError::NotFound`] if there is no such storage now; [`AccessError::Backend`].
    pub async fn measure(&self, _: &System, id: StorageId) -> Result<(Usage, Option<u64>), AccessError> {
        let storage = self.inner().directory.storage(id).ok_or(AccessError::NotFound)?;
        let credentials = self.provider_credentials(storage.id);
        let backend = self.inner().registry.backend(&storage, credentials).await?.whole;
        Ok((backend.usage().await?, backend.available().await?))
    }
}
