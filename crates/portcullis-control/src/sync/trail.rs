//! What the server itself does between storages, in the audit trail.

use portcullis_domain::{Channel, SiteId, StorageId, Timestamp};
use portcullis_metadata::AuditEvent;

use crate::Control;

/// Something that the server did.
#[derive(Clone, Copy, Debug)]
pub(super) struct Did<'a> {
    pub(super) site: SiteId,
    pub(super) storage: StorageId,
    /// Who did it: a run or a job, with its id.
    pub(super) actor: &'a str,
    pub(super) action: &'a str,
    pub(super) object: &'a str,
    /// Empty if it came about.
    pub(super) reason: &'a str,
}

/// Its entry.
pub(super) fn entry(at: Timestamp, did: Did<'_>) -> AuditEvent {
    AuditEvent {
        at,
        request_id: String::new(),
        site: Some(did.site),
        actor: did.actor.to_owned(),
        key: None,
        storage: Some(did.storage),
        channel: Channel::Rest,
        peer: String::new(),
        tool: String::new(),
        action: did.action.to_owned(),
        object: Some(did.object.to_owned()),
        allowed: did.reason.is_empty(),
        reason: did.reason.to_owned(),
        detail: String::new(),
    }
}

impl Control {
    /// Writes down what has happened. It has, so what cannot be written is said in the log.
    pub(super) async fn note_did(&self, did: Did<'_>) {
        let event = entry(self.access.now(), did);
        if let Err(error) = self.metadata.append_audit(&[event]).await {
            tracing::error!(%error, action = did.action, actor = did.actor, object = did.object, "not in the audit trail");
        }
    }
}
