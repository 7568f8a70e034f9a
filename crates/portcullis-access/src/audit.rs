//! The audit trail: who was refused what, and what administrators did. Nothing waits for it, and it is bounded.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use portcullis_domain::{
    Action, BucketName, CredentialId, DenyReason, Key, KeyId, SiteId, StorageId, Timestamp, User,
};
use portcullis_metadata::{ActivityKind, AuditEvent, Noted};
use tokio::sync::Notify;

use crate::directory::{Generation, Part};
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

    /// False if there is no room: the event is dropped and counted.
    pub(crate) fn push(&self, event: AuditEvent) -> bool {
        let mut waiting = locked(&self.waiting);
        if waiting.len() >= self.capacity {
            self.dropped.fetch_add(1, Ordering::Relaxed);
            return false;
        }
        waiting.push_back(event);
        if waiting.len() == BATCH {
            self.batch_ready.notify_one();
        }
        true
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
    pub(crate) site: Option<SiteId>,
    pub(crate) key: Option<KeyId>,
    pub(crate) actor: String,
    /// Which of the key's credentials were shown, and whether their secret was.
    pub(crate) generation: Generation,
    pub(crate) proved: bool,
    /// As [`AuditEvent::detail`].
    pub(crate) detail: String,
}

impl Suspect {
    pub(crate) fn nobody() -> Self {
        Self {
            site: None,
            key: None,
            actor: "anonymous".to_owned(),
            generation: 0,
            proved: false,
            detail: String::new(),
        }
    }

    pub(crate) fn key(key: &Key) -> Self {
        Self {
            site: Some(key.site),
            key: Some(key.id),
            actor: format!("key:{}", key.id),
            generation: key.generation,
            ..Self::nobody()
        }
    }

    pub(crate) fn user(user: &User) -> Self {
        Self { site: Some(user.site), actor: format!("user:{}", user.username), ..Self::nobody() }
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
        // Only what has the form of an id is written down: people type secrets into the wrong field.
        let Ok(id) = presented.parse::<CredentialId>() else { return Suspect::nobody() };
        match self.inner().directory.by_credential(id) {
            Some(entry) => Suspect::key(&entry.key),
            None => Suspect { actor: format!("unknown:{id}"), ..Suspect::nobody() },
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
        let now = self.now();
        if let Some(key) = suspect.key {
            let (what, tool) = (found.as_str(), &origin.tool_text());
            let Suspect { generation, proved, .. } = suspect;
            let (storage, kind, peer) = (None, ActivityKind::Refused, origin.peer);
            let noted = Noted { key, storage, peer, tool, kind, what, generation, bytes: 0, proved };
            self.inner().activity.note(now, &noted);
        }
        self.inner().audit.push(AuditEvent {
            at: now,
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
            detail: suspect.detail,
        });
        AccessError::Denied(told)
    }

    /// Something that was done, and asks for no proof: a sign-in, or a key's temporary credentials of itself.
    pub(crate) fn note(&self, who: &Principal, action: &str, object: Option<String>) {
        self.inner().audit.push(AuditEvent { allowed: true, object, ..event_of(who, action, self.now()) });
    }

    /// A use of a file that the site wants written down: with no room to do so it does not happen. The verdict of what is tried out
    /// stands beside the real one.
    pub(crate) fn note_deed(
        &self,
        who: &Principal,
        action: Action,
        (storage, part): (StorageId, Part<'_>),
        tried: Option<DenyReason>,
    ) -> Result<(), AccessError> {
        let mut event = event_of(who, action.as_str(), self.now());
        event.storage = Some(storage);
        event.object = part.text().map(str::to_owned);
        event.allowed = true;
        event.detail = tried.map(|reason| format!("trial={reason}")).unwrap_or_default();
        if self.inner().audit.push(event) { Ok(()) } else { Err(AccessError::Unavailable) }
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
        self.count(who, place.map(|(storage, _)| storage), ActivityKind::Refused, denial.as_str());
        self.inner().audit.push(event);
        AccessError::Denied(denial)
    }

    /// A refusal of somebody who asked for a bucket that there is not, or not for them: its name goes to the audit trail.
    pub(crate) fn refuse_bucket(&self, who: &Principal, bucket: &BucketName, denial: Denial) {
        let mut event = event_of(who, "enter", self.now());
        denial.as_str().clone_into(&mut event.reason);
        event.detail = format!("bucket={bucket}");
        self.count(who, None, ActivityKind::Refused, denial.as_str());
        self.inner().audit.push(event);
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
        detail: String::new(),
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
            detail: String::new(),
        }
    }

    #[test]
    fn bounded_in_order_and_nothing_lost_by_a_failed_write() {
        let queue = AuditQueue::new(300);
        (0..310).for_each(|n| assert_eq!(queue.push(event(n)), n < 300));
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
