//! The audit trail: who was refused what, and what administrators did. Nothing waits for it, and it is bounded.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Mutex;

use portcullis_domain::{
    Action, BucketName, Channel, CredentialId, DenyReason, Key, KeyId, SiteId, StorageId, Timestamp, User,
};
use portcullis_metadata::{ActivityKind, AuditEvent, Noted};
use tokio::sync::Notify;

use crate::directory::{Generation, Part};
use crate::lock::locked;
use crate::principal::{Origin, Principal};
use crate::watch::{Transfer, Why};
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

/// Counts of events that are in no trail, by site.
type Dropped = BTreeMap<Option<SiteId>, u64>;

/// Events on their way to the database.
#[derive(Debug)]
pub(crate) struct AuditQueue {
    waiting: Mutex<VecDeque<AuditEvent>>,
    capacity: usize,
    /// How many of each site found no room and are not written down yet.
    dropped: Mutex<Dropped>,
    pub(crate) batch_ready: Notify,
}

impl AuditQueue {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            waiting: Mutex::new(VecDeque::new()),
            capacity,
            dropped: Mutex::new(Dropped::new()),
            batch_ready: Notify::new(),
        }
    }

    /// Without room the event is dropped and counted.
    pub(crate) fn push(&self, event: AuditEvent) {
        let site = event.site;
        if !self.offer(event) {
            let mut dropped = locked(&self.dropped);
            let count = dropped.entry(site).or_default();
            *count = count.saturating_add(1);
        }
    }

    /// False if there is no room: then what the event tells of must not happen.
    pub(crate) fn offer(&self, event: AuditEvent) -> bool {
        let mut waiting = locked(&self.waiting);
        if waiting.len() >= self.capacity {
            return false;
        }
        waiting.push_back(event);
        if waiting.len() == BATCH {
            self.batch_ready.notify_one();
        }
        true
    }

    /// The oldest events, at most a batch; they wait on until they are [`AuditQueue::written`], so that none is lost if the
    /// write fails or whoever waits for it goes; one may come twice if that happens while it is committed. With them, how many were
    /// dropped.
    pub(crate) fn oldest(&self) -> (Vec<AuditEvent>, Dropped) {
        (locked(&self.waiting).iter().take(BATCH).cloned().collect(), locked(&self.dropped).clone())
    }

    /// Lets go of so many of the oldest events, and of these counts, which are in the database.
    pub(crate) fn written(&self, batch: usize, told: &Dropped) {
        let mut waiting = locked(&self.waiting);
        let batch = batch.min(waiting.len());
        drop(waiting.drain(..batch));
        let mut dropped = locked(&self.dropped);
        for (site, count) in told {
            if let Some(left) = dropped.get_mut(site) {
                *left = left.saturating_sub(*count);
            }
        }
        dropped.retain(|_, left| *left > 0);
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

    /// The entry of something that was done and asks for no proof: a sign-in, or a key's temporary credentials of itself. Whoever does it
    /// writes it down with it, or before.
    pub(crate) fn done(&self, who: &Principal, action: &str, object: Option<String>) -> Vec<AuditEvent> {
        vec![AuditEvent { allowed: true, object, ..event_of(who, action, self.now()) }]
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
        if let Some(reason) = tried {
            detailed(&mut event, &format!("trial={reason}"));
        }
        if self.inner().audit.offer(event) { Ok(()) } else { Err(AccessError::Unavailable) }
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
        detailed(&mut event, &format!("bucket={bucket}"));
        self.count(who, None, ActivityKind::Refused, denial.as_str());
        self.inner().audit.push(event);
    }

    /// A transfer that was cut off. It was admitted, and counted as that: nobody knocked.
    pub(crate) fn note_cut(&self, transfer: &Transfer, why: Why) {
        let mut event = event_of(&transfer.who, &format!("{}_cut", transfer.action), self.now());
        event.storage = Some(transfer.storage);
        event.object = Some(transfer.object.as_str().to_owned());
        why.as_str().clone_into(&mut event.reason);
        self.inner().audit.push(event);
    }

    /// Writes everything that waits.
    pub(crate) async fn write_audit(&self) -> Result<(), AccessError> {
        let inner = self.inner();
        let _alone = inner.writing.lock().await;
        loop {
            let (mut events, dropped) = inner.audit.oldest();
            let batch = events.len();
            if batch == 0 && dropped.is_empty() {
                return Ok(());
            }
            events.extend(dropped.iter().map(|(site, count)| {
                let event = of_system(*site, "events_dropped", self.now());
                AuditEvent { reason: "queue_full".to_owned(), detail: format!("count={count}"), ..event }
            }));
            inner.metadata.append_audit(&events).await?;
            inner.audit.written(batch, &dropped);
            if !dropped.is_empty() {
                let dropped: u64 = dropped.values().sum();
                tracing::warn!(
                    dropped,
                    "refusals are not in the audit trail: more came than the database takes"
                );
            }
        }
    }
}

/// What this process did by itself.
pub(crate) fn of_system(site: Option<SiteId>, action: &str, at: Timestamp) -> AuditEvent {
    AuditEvent {
        at,
        request_id: String::new(),
        site,
        actor: "system".to_owned(),
        key: None,
        storage: None,
        channel: Channel::Rest,
        peer: String::new(),
        tool: String::new(),
        action: action.to_owned(),
        object: None,
        allowed: false,
        reason: String::new(),
        detail: String::new(),
    }
}

fn event_of(who: &Principal, action: &str, at: Timestamp) -> AuditEvent {
    AuditEvent {
        at,
        request_id: who.request_id().to_owned(),
        site: Some(who.site()),
        actor: who.actor(),
        key: who.key_id(),
        storage: None,
        channel: who.channel(),
        peer: who.peer().to_canonical().to_string(),
        tool: who.tool().to_owned(),
        action: action.to_owned(),
        object: None,
        allowed: false,
        reason: String::new(),
        detail: who.narrowing().map(|part| format!("temporary={}", part.expires)).unwrap_or_default(),
    }
}

/// Adds a word to what else is known.
fn detailed(event: &mut AuditEvent, word: &str) {
    let space = if event.detail.is_empty() { "" } else { " " };
    event.detail = format!("{}{space}{word}", event.detail);
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
            channel: Channel::S3,
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
        (0..310).for_each(|n| queue.push(event(n)));
        assert!(!queue.offer(event(310)), "what must not happen unwritten is told so");
        let (first, dropped) = queue.oldest();
        assert_eq!(dropped, Dropped::from([(None, 10)]), "and is not counted: it did not happen");
        assert_eq!(first.len(), BATCH);
        assert_eq!(queue.oldest().0, first, "what was not written comes again");
        // One more finds no room before the first ones are written.
        queue.push(AuditEvent { site: Some(SiteId::from_u128(1)), ..event(311) });
        queue.push(event(312));
        queue.written(first.len(), &dropped);
        let (rest, dropped) = queue.oldest();
        assert_eq!(dropped, Dropped::from([(None, 1), (Some(SiteId::from_u128(1)), 1)]));
        let order: Vec<_> = first.into_iter().chain(rest).map(|e| e.reason).collect();
        assert_eq!(order, (0..300).map(|n| n.to_string()).collect::<Vec<_>>());
        queue.written(BATCH, &dropped);
        assert_eq!(queue.oldest(), (Vec::new(), Dropped::new()));
    }
}
