//! The audit trail: who was refused what, and what administrators did. Nothing waits for it, and it is bounded.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use portcullis_domain::{CredentialId, DenyReason, Key, KeyId, SiteId, StorageId, Timestamp, User};
use portcullis_metadata::AuditEvent;
use tokio::sync::Notify;

use crate::directory::Part;
use crate::principal::{Origin, Principal, Who};
use crate::throttle::locked;
use crate::watch::Transfer;
use crate::{Access, AccessError, Denial, Proof};

/// As many events as are written at once; so many waiting wake the writer.
pub(crate) const BATCH: usize = 256;

/// Something that somebody with a proof did, or tried.
#[derive(Clone, Copy, Debug)]
pub struct AuditEntry<'a> {
    /// The deed, such as `create_key`.
    pub action: &'a str,
    /// The key it concerned.
    pub key: Option<KeyId>,
    /// The storage it concerned.
    pub storage: Option<StorageId>,
    /// The object it concerned, or the name of something else.
    pub object: Option<&'a str>,
    /// Whether it was done.
    pub allowed: bool,
    /// Why not, or an empty text.
    pub reason: &'a str,
}

/// Events on their way to the database.
#[derive(Debug)]
pub(crate) struct AuditQueue {
    waiting: Mutex<VecDeque<AuditEvent>>,
    capacity: usize,
    dropped: AtomicU64,
    pub(crate) batch_ready: Notify,
}

impl AuditQueue {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            waiting: Mutex::new(VecDeque::new()),
            capacity,
            dropped: AtomicU64::new(0),
            batch_ready: Notify::new(),
        }
    }

    pub(crate) fn push(&self, event: AuditEvent) {
        let mut waiting = locked(&self.waiting);
        if waiting.len() >= self.capacity {
            self.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        waiting.push_back(event);
        if waiting.len() == BATCH {
            self.batch_ready.notify_one();
        }
    }

    /// The oldest events, at most a batch; they wait on until they are [`AuditQueue::written`], so that none is lost if the
    /// write fails or whoever waits for it goes; one may come twice if that happens while it is committed. Says in the log, once, how many had to be dropped since it was last asked.
    pub(crate) fn oldest(&self) -> Vec<AuditEvent> {
        let dropped = self.dropped.swap(0, Ordering::Relaxed);
        if dropped > 0 {
            tracing::warn!(dropped, "audit events were dropped: more came than the database takes");
        }
        locked(&self.waiting).iter().take(BATCH).cloned().collect()
    }

    /// Lets go of so many of the oldest events, which are in the database.
    pub(crate) fn written(&self, batch: usize) {
        let mut waiting = locked(&self.waiting);
        let batch = batch.min(waiting.len());
        drop(waiting.drain(..batch));
    }
}

/// Who an unauthenticated caller claims to be.
pub(crate) struct Suspect {
    site: Option<SiteId>,
    key: Option<KeyId>,
    actor: String,
}

impl Suspect {
    pub(crate) fn nobody() -> Self {
        Self { site: None, key: None, actor: "anonymous".to_owned() }
    }

    pub(crate) fn key(key: &Key) -> Self {
        Self { site: Some(key.site), key: Some(key.id), actor: format!("key:{}", key.id) }
    }

    pub(crate) fn user(user: &User) -> Self {
        Self { site: Some(user.site), key: None, actor: format!("user:{}", user.username) }
    }
}

impl Access {
    /// Puts what somebody with a proof did in the audit trail.
    pub fn audit(&self, proof: &impl Proof, entry: AuditEntry<'_>) {
        let mut event = event_of(proof.principal(), entry.action, self.now());
        proof.actor().clone_into(&mut event.actor);
        event.key = entry.key.or(event.key);
        event.storage = entry.storage;
        event.object = entry.object.map(str::to_owned);
        event.allowed = entry.allowed;
        entry.reason.clone_into(&mut event.reason);
        self.inner().audit.push(event);
    }

    /// Puts a refusal that a protocol itself found (nothing presented, a header not signed) in the audit trail, and gives the
    /// error to answer with. `presented` is the credential id of the request, if it had one.
    #[must_use]
    pub fn refuse(&self, origin: Origin<'_>, presented: Option<&str>, denial: Denial) -> AccessError {
        let suspect = presented.map_or_else(Suspect::nobody, |id| self.suspect(id));
        self.refuse_stranger(&origin, suspect, denial, denial)
    }

    /// Who a presented credential id says they are.
    pub(crate) fn suspect(&self, presented: &str) -> Suspect {
        match (self.inner().directory.by_credential(presented), presented.parse::<CredentialId>()) {
            (Some(entry), _) => Suspect::key(&entry.key),
            // Only what has the form of an id is written down: people type secrets into the wrong field.
            (None, Ok(id)) => Suspect { actor: format!("unknown:{id}"), ..Suspect::nobody() },
            (None, Err(_)) => Suspect::nobody(),
        }
    }

    /// A refusal of somebody who did not authenticate. `told` is what the caller learns, `found` what the audit trail does.
    pub(crate) fn refuse_stranger(
        &self,
        origin: &Origin<'_>,
        suspect: Suspect,
        found: Denial,
        told: Denial,
    ) -> AccessError {
        self.inner().audit.push(AuditEvent {
            at: self.now(),
            request_id: origin.request_id_text(),
            site: suspect.site,
            actor: suspect.actor,
            key: suspect.key,
            storage: None,
            channel: origin.channel,
            peer: origin.peer.to_canonical().to_string(),
            tool: origin.tool_text(),
            action: "authenticate".to_owned(),
            object: None,
            allowed: false,
            reason: found.as_str().to_owned(),
        });
        AccessError::Denied(told)
    }

    /// Something that was done, and asks for no proof: a sign-in, or a key's temporary credentials of itself.
    pub(crate) fn note(&self, who: &Principal, action: &str, object: Option<String>) {
        self.inner().audit.push(AuditEvent { allowed: true, object, ..event_of(who, action, self.now()) });
    }

    /// A refusal of somebody who did.
    pub(crate) fn refuse_principal(
        &self,
        who: &Principal,
        action: &str,
        place: Option<(StorageId, Part<'_>)>,
        denial: Denial,
    ) -> AccessError {
        let mut event = event_of(who, action, self.now());
        if let Some((storage, part)) = place {
            event.storage = Some(storage);
            event.object = part.text().map(str::to_owned);
        }
        denial.as_str().clone_into(&mut event.reason);
        self.inner().audit.push(event);
        AccessError::Denied(denial)
    }

    /// A transfer that was cut off.
    pub(crate) fn note_cut(&self, transfer: &Transfer, reason: DenyReason) {
        let place = Some((transfer.storage, Part::Object(&transfer.object)));
        let action = format!("{}_cut", transfer.action);
        drop(self.refuse_principal(&transfer.who, &action, place, Denial::Policy(reason)));
    }

    /// Writes everything that waits.
    pub(crate) async fn write_audit(&self) -> Result<(), AccessError> {
        let inner = self.inner();
        let _alone = inner.writing.lock().await;
        loop {
            let batch = inner.audit.oldest();
            if batch.is_empty() {
                return Ok(());
            }
            inner.metadata.append_audit(&batch).await?;
            inner.audit.written(batch.len());
        }
    }
}

fn event_of(who: &Principal, action: &str, at: Timestamp) -> AuditEvent {
    AuditEvent {
        at,
        request_id: who.request_id().to_owned(),
        site: Some(who.site()),
        actor: match who.who() {
            Who::Key { id, .. } => format!("key:{id}"),
            Who::Session { user, .. } => format!("user:{user}"),
            Who::Link(id) => format!("link:{id}"),
        },
        key: who.key_id(),
        storage: None,
        channel: who.channel(),
        peer: who.peer().to_canonical().to_string(),
        tool: who.tool().to_owned(),
        action: action.to_owned(),
        object: None,
        allowed: false,
        reason: String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(reason: usize) -> AuditEvent {
        AuditEvent {
            at: Timestamp::default(),
            request_id: String::new(),
            site: None,
            actor: "anonymous".to_owned(),
            key: None,
            storage: None,
            channel: portcullis_domain::Channel::S3,
            peer: String::new(),
            tool: String::new(),
            action: String::new(),
            object: None,
            allowed: false,
            reason: reason.to_string(),
        }
    }

    #[test]
    fn bounded_in_order_and_nothing_lost_by_a_failed_write() {
        let queue = AuditQueue::new(300);
        (0..310).for_each(|n| queue.push(event(n)));
        assert_eq!(queue.dropped.load(Ordering::Relaxed), 10);
        let first = queue.oldest();
        assert_eq!(first.len(), BATCH);
        assert_eq!(queue.oldest(), first, "what was not written comes again");
        queue.written(first.len());
        let order: Vec<_> = first.into_iter().chain(queue.oldest()).map(|e| e.reason).collect();
        assert_eq!(order, (0..300).map(|n| n.to_string()).collect::<Vec<_>>());
        queue.written(BATCH);
        assert!(queue.oldest().is_empty());
    }
}
