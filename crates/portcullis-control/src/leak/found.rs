//! What is done about a secret that somebody found.

use std::net::IpAddr;
use std::time::Duration;

use portcullis_access::{Change, FoundSecret, SecretOwner, System};
use portcullis_domain::{Channel, Key, KeyState, OnLeak, Permission, canonical_address};
use portcullis_metadata::AuditEvent;
use tokio_util::sync::CancellationToken;

use super::queue::LeakReport;
use crate::authority::storage_of;
use crate::{ATTEMPTS, Control, ControlError, Result};

/// Keys that are looked at without a pause.
const SLICE: usize = 2_000;
/// How often a report is looked at again that could not be followed, and how long apart.
const TRIES: u32 = 60;
const PAUSE: Duration = Duration::from_secs(10);
/// Who acts, in the audit trail.
const ACTOR: &str = "system";
const ACTION: &str = "leak_reported";

impl Control {
    /// The background work: looks at what was reported, one report after the other. Returns after `stop`, when it has looked at
    /// those that waited once more.
    pub async fn follow_leak_reports(&self, system: &System, stop: CancellationToken) {
        let mut reports = self.leaks.receiver.lock().await;
        loop {
            let report = tokio::select! {
                () = stop.cancelled() => break,
                report = reports.recv() => report,
            };
            let Some(report) = report else { return };
            for _ in 0..TRIES {
                if self.follow_one(system, &report).await || stop.is_cancelled() {
                    break;
                }
                tokio::select! { () = stop.cancelled() => {} () = tokio::time::sleep(PAUSE) => {} }
            }
        }
        while let Ok(report) = reports.try_recv() {
            self.follow_one(system, &report).await;
        }
    }

    /// Whether a report was looked at.
    async fn follow_one(&self, system: &System, report: &LeakReport) -> bool {
        let outcome = self.look_at_leak_report(system, report).await;
        if let Err(error) = &outcome {
            tracing::error!(%error, "a report of a secret that was found could not be followed");
        }
        outcome.is_ok()
    }

    /// Looks at one report: finds whose the secrets are, and does what the keys' owners chose.
    ///
    /// # Errors
    /// [`ControlError::Metadata`], [`ControlError::Access`]: then it has to be looked at again.
    pub async fn look_at_leak_report(&self, system: &System, report: &LeakReport) -> Result<()> {
        let LeakReport { secrets, from, request_id } = report;
        if secrets.is_empty() {
            return Ok(());
        }
        let mut search = self.access.search_secrets(system, secrets.clone())?;
        loop {
            let step = tokio::task::spawn_blocking(move || {
                let more = search.step(SLICE);
                (search, more)
            });
            let Ok((after, more)) = step.await else { return Err(unavailable()) };
            search = after;
            if !more {
                break;
            }
        }
        let owners = search.found().to_vec();
        drop(search);
        for owner in &owners {
            self.secret_was_found(*owner, *from, request_id).await?;
        }
        let is_known = |index: usize| owners.iter().any(|owner| owner.secret == index);
        let unknown = (0..secrets.len()).filter(|index| !is_known(*index)).count();
        if unknown > 0 {
            let detail = format!("done=nothing unknown={unknown}");
            self.metadata.append_audit(&[self.leak_event(None, *from, request_id, detail)]).await?;
        }
        Ok(())
    }

    async fn secret_was_found(&self, owner: SecretOwner, from: IpAddr, request_id: &str) -> Result<()> {
        let alone = self.changing.lock().await;
        for _ in 0..ATTEMPTS {
            let Some(before) = self.metadata.key(owner.key).await? else { return Ok(()) };
            let event = |done: &str| {
                let detail = format!("done={done} generation={}", owner.generation);
                self.leak_event(Some(&before), from, request_id, detail)
            };
            match deed(&before, owner) {
                Deed::Nothing => return Ok(()),
                Deed::WriteDown => return Ok(self.metadata.append_audit(&[event("nothing")]).await?),
                Deed::EndOverlap => {
                    let now = self.access.now();
                    let runs = self.metadata.overlaps(&[before.id], now).await?;
                    let Some(overlap) = runs.iter().find(|runs| runs.generation == owner.generation) else {
                        return Ok(self.metadata.append_audit(&[event("nothing")]).await?);
                    };
                    let ended = self.metadata.set_overlap(overlap, now, now);
                    self.metadata.recording(vec![event("old_secret_ended")], ended).await?;
                }
                Deed::Mark(permission, done) => {
                    let key = Key { permission, leaked: Some(self.access.now()), ..before.clone() };
                    let marked = self.metadata.update_key_if_same(&before, &key);
                    match self.metadata.recording(vec![event(done)], marked).await.map_err(ControlError::from)
                    {
                        // Somebody came first: what they made of the key has to be looked at.
                        Err(ControlError::Stale) => continue,
                        other => other?,
                    }
                }
            }
            self.in_force_everywhere(self.cutting_lately(), &[Change::Key(before.id)]).await?;
            drop(alone);
            tracing::warn!(key = %before.id, "the secret of this key was found by somebody and reported");
            return Ok(());
        }
        Err(ControlError::Stale)
    }

    fn leak_event(&self, key: Option<&Key>, from: IpAddr, request_id: &str, detail: String) -> AuditEvent {
        AuditEvent {
            at: self.access.now(),
            request_id: request_id.to_owned(),
            site: key.map(|key| key.site),
            actor: ACTOR.to_owned(),
            key: key.map(|key| key.id),
            storage: key.and_then(storage_of),
            channel: key.map_or(Channel::Rest, |key| key.channel),
            peer: canonical_address(from).to_string(),
            tool: String::new(),
            action: ACTION.to_owned(),
            object: key.map(|key| key.name.to_string()),
            allowed: true,
            reason: String::new(),
            detail,
        }
    }
}

/// What to do.
enum Deed {
    /// It was done before.
    Nothing,
    WriteDown,
    EndOverlap,
    /// The permission that is left, and the word for it.
    Mark(Permission, &'static str),
}

fn deed(key: &Key, owner: SecretOwner) -> Deed {
    let is_present = key.state == KeyState::Active && key.generation == owner.generation;
    match (owner.state, key.on_leak) {
        (FoundSecret::Present, OnLeak::Disable) if is_present => match (key.leaked, key.permission) {
            (Some(_), Permission::None) => Deed::Nothing,
            (_, _) => Deed::Mark(Permission::None, "disabled"),
        },
        // The old secret alone is what is out there: the present one goes on.
        (FoundSecret::Overlapping, OnLeak::Disable) if key.state == KeyState::Active => Deed::EndOverlap,
        (FoundSecret::Overlapping, OnLeak::Alarm) if key.state == KeyState::Active => alarm(key),
        (FoundSecret::Present, OnLeak::Alarm) if is_present => alarm(key),
        (FoundSecret::Present | FoundSecret::Overlapping | FoundSecret::Old, _) => Deed::WriteDown,
    }
}

fn alarm(key: &Key) -> Deed {
    if key.leaked.is_some() { Deed::Nothing } else { Deed::Mark(key.permission, "alarm") }
}

fn unavailable() -> ControlError {
    ControlError::Access(portcullis_access::AccessError::Unavailable)
}
