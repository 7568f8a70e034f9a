//! The audit trail: how administration writes it, and how admins read it.

use portcullis_access::{AuditEntry, Denial, Principal, Proof, SiteAdmin};
use portcullis_domain::{DenyReason, Key, KeyId, SiteId, StorageId, Timestamp};
use portcullis_metadata::{AuditEvent, AuditFilter, Page, PageRequest};

use crate::authority::storage_of;
use crate::{Control, ControlError, Result};

/// Which entries of the audit trail to list, newest first.
#[derive(Clone, Debug, Default)]
pub struct AuditQuery {
    /// Only those of the request with this id.
    pub request_id: Option<String>,
    /// Only those that concern this key.
    pub key: Option<KeyId>,
    /// Only those that concern this storage.
    pub storage: Option<StorageId>,
    /// Only what was allowed, or only what was not.
    pub verdict: Option<bool>,
}

/// A deed about to be done.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Deed<'a> {
    pub(crate) action: &'a str,
    pub(crate) key: Option<KeyId>,
    pub(crate) storage: Option<StorageId>,
    /// What it is about, in words; never a secret.
    pub(crate) object: Option<&'a str>,
}

/// The entry of what the server itself did to a key, in the background.
pub(crate) fn system_entry(key: &Key, at: Timestamp, action: &str, object: String) -> AuditEvent {
    AuditEvent {
        at,
        request_id: String::new(),
        site: Some(key.site),
        actor: "system".to_owned(),
        key: Some(key.id),
        storage: storage_of(key),
        channel: key.channel,
        peer: String::new(),
        tool: String::new(),
        action: action.to_owned(),
        object: Some(object),
        allowed: true,
        reason: String::new(),
        detail: String::new(),
    }
}

impl Control {
    /// Writes a deed that changes nothing here to the audit trail and waits for it: what cannot be recorded is not done. What changes
    /// something is [`Control::carry_out`].
    pub(crate) async fn record(&self, proof: &impl Proof, deed: Deed<'_>) -> Result<()> {
        let event = self.event_in(proof.site(), proof.principal(), proof.actor(), deed);
        Ok(self.metadata.append_audit(&[event]).await?)
    }

    /// Does a deed, whose entry in the trail is committed with the change, or neither is. If it does not come about the trail says so
    /// too; if there was nothing to change it says nothing.
    pub(crate) async fn carry_out<T, E: Into<ControlError>>(
        &self,
        proof: &impl Proof,
        deed: Deed<'_>,
        commit: impl Future<Output = Result<T, E>> + Send,
    ) -> Result<T> {
        self.carry_out_in(&[proof.site()], proof, deed, commit).await
    }

    /// The same in the trails of these sites, which the deed concerns: so that the admins of each find it.
    pub(crate) async fn carry_out_in<T, E: Into<ControlError>>(
        &self,
        sites: &[SiteId],
        proof: &impl Proof,
        deed: Deed<'_>,
        commit: impl Future<Output = Result<T, E>> + Send,
    ) -> Result<T> {
        let event = |site: &SiteId| self.event_in(*site, proof.principal(), proof.actor(), deed);
        let done = self.metadata.recording(sites.iter().map(event).collect(), commit).await;
        done.map_err(Into::into).inspect_err(|error| self.note_failure(proof, deed, error))
    }

    /// The same for what people do to what is their own, admins or not.
    pub(crate) async fn carry_out_by<T, E: Into<ControlError>>(
        &self,
        (sites, who, actor): (&[SiteId], &Principal, &str),
        deed: Deed<'_>,
        commit: impl Future<Output = Result<T, E>> + Send,
    ) -> Result<T> {
        let event = |site: &SiteId| self.event_in(*site, who, actor, deed);
        let done = self.metadata.recording(sites.iter().map(event).collect(), commit).await;
        match done.map_err(Into::into) {
            Ok(done) => Ok(done),
            Err(error) => {
                self.note_failure_by(who, actor, deed, &error).await;
                Err(error)
            }
        }
    }

    pub(crate) fn event_in(&self, site: SiteId, who: &Principal, actor: &str, deed: Deed<'_>) -> AuditEvent {
        AuditEvent { site: Some(site), ..self.event(who, actor, deed) }
    }

    pub(crate) fn event(&self, who: &Principal, actor: &str, deed: Deed<'_>) -> AuditEvent {
        AuditEvent {
            at: self.access.now(),
            request_id: who.request_id().to_owned(),
            site: Some(who.site()),
            actor: actor.to_owned(),
            key: deed.key.or_else(|| who.key_id()),
            storage: deed.storage,
            channel: who.channel(),
            peer: who.peer().to_canonical().to_string(),
            tool: who.tool().to_owned(),
            action: deed.action.to_owned(),
            object: deed.object.map(str::to_owned),
            allowed: true,
            reason: String::new(),
            detail: String::new(),
        }
    }

    /// Says in the audit trail that a deed that was recorded did not come about.
    pub(crate) fn note_failure(&self, proof: &impl Proof, deed: Deed<'_>, error: &ControlError) {
        let reason = failure(error);
        let Deed { action, key, storage, object } = deed;
        self.access.audit(proof, AuditEntry { action, key, storage, object, allowed: false, reason });
    }

    /// The same for what people do to what is their own, as far as a database that has just failed takes it.
    pub(crate) async fn note_failure_by(
        &self,
        who: &Principal,
        actor: &str,
        deed: Deed<'_>,
        error: &ControlError,
    ) {
        let reason = failure(error).to_owned();
        let event = AuditEvent { allowed: false, reason, ..self.event(who, actor, deed) };
        drop(self.metadata.append_audit(&[event]).await);
    }

    /// What was done and refused in the admin's site, newest first. Of other nodes an entry may show a second later.
    ///
    /// A refusal of credentials that belong to no site (an access key that nobody has) is found by the id of its request, by
    /// the admins of the topmost site: whoever runs the installation.
    ///
    /// # Errors
    /// [`ControlError::Invalid`] for a cursor that no list gave, [`ControlError::Metadata`].
    pub async fn audit_events(
        &self,
        admin: &SiteAdmin,
        query: AuditQuery,
        page: &PageRequest,
    ) -> Result<Page<AuditEvent>> {
        let own = admin.site();
        let strangers = query.request_id.is_some() && self.is_topmost(admin).await?;
        let filter = AuditFilter {
            site: (!strangers).then_some(own),
            request_id: query.request_id,
            key: query.key,
            storage: query.storage,
            verdict: query.verdict,
        };
        self.access.written(admin).await;
        let mut found = self.metadata.audit(&filter, page).await?;
        found.items.retain(|event| event.site.is_none_or(|site| site == own));
        Ok(found)
    }

    pub(crate) async fn is_topmost(&self, admin: &SiteAdmin) -> Result<bool> {
        Ok(self.metadata.site(admin.site()).await?.is_some_and(|site| site.parent.is_none()))
    }
}

/// The word for why a deed did not come about.
const fn failure(error: &ControlError) -> &'static str {
    match error {
        ControlError::Invalid(_) => "failed: invalid",
        ControlError::NotFound => "failed: not_found",
        ControlError::Conflict { .. } => "failed: conflict",
        ControlError::InUse(_) => "failed: in_use",
        ControlError::OverlapRuns { .. } => "failed: overlap_runs",
        ControlError::NotNow(_) => "failed: not_now",
        ControlError::Stale => "failed: changed_meanwhile",
        ControlError::ConfirmationNeeded => "failed: not_confirmed",
        ControlError::KeysByAdminsOnly => "failed: keys_by_admins_only",
        ControlError::Access(_) | ControlError::Metadata(_) => "failed: unavailable",
    }
}

/// Every refusal but those of the policy; the moments in them say nothing.
pub(crate) const DENIALS: [Denial; 20] = [
    Denial::OldSecret,
    Denial::NoCredentials,
    Denial::Malformed,
    Denial::UnknownKey,
    Denial::BadSignature,
    Denial::BadSecret,
    Denial::WrongCredentialKind,
    Denial::TimeSkew { server: Timestamp::from_seconds(0) },
    Denial::RequestExpired { at: Timestamp::from_seconds(0) },
    Denial::HeadersNotSigned,
    Denial::ConditionalWrite,
    Denial::GrantMismatch,
    Denial::UnknownUser,
    Denial::NotYetValid,
    Denial::BadSessionToken,
    Denial::SecondFactorMissing,
    Denial::BadCode,
    Denial::LinkLocked,
    Denial::CutOff,
    Denial::Replayed,
];

/// The reason of a refusal in words, for the person who looks it up; none for a reason that is not a word of ours.
#[must_use]
pub fn explanation(reason: &str) -> Option<&'static str> {
    if let Ok(policy) = reason.parse::<DenyReason>() {
        return Some(policy.explanation());
    }
    match reason {
        "wider_than_own" => return Some("a key cannot give more than it has"),
        "sink_failing" => return Some("the place took no entries for longer than they are kept here"),
        "queue_full" => {
            return Some("more refusals came at once than the database took; so many have no entry");
        }
        _ => {}
    }
    let denial = DENIALS.iter().find(|denial| denial.as_str() == reason).map(|denial| denial.explanation());
    denial.or_else(|| crate::identity::explanation(reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_words() {
        for reason in DenyReason::ALL {
            assert_eq!(explanation(reason.as_str()), Some(reason.explanation()));
        }
        assert_eq!(explanation("bad_signature"), Some(Denial::BadSignature.explanation()));
        assert_eq!(explanation("bad_code"), Some(Denial::BadCode.explanation()));
        assert_eq!(explanation("something else"), None);
    }
}
