//! Keys that nobody uses any more are switched off, where a site wants that.

use std::time::Duration;

use portcullis_access::{Change, System};
use portcullis_domain::{Key, KeyId, Permission, Timestamp};
use portcullis_metadata::{AuditEvent, AuditFilter, PageRequest};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::rules::days_of;
use crate::audit::system_entry;
use crate::facts::Fault;
use crate::{Control, ControlError, Result};

/// How often keys are looked through.
const EVERY: Duration = Duration::from_secs(60 * 60);
/// Keys of a site that are looked at in one round.
const MOST: u32 = 1_000;
const ACTION: &str = "disable_idle_key";

impl Control {
    /// The background work: once an hour, switches keys off that were not used for as long as their site allows. Returns after
    /// `stop`.
    pub async fn keep_idle_keys_off(&self, system: &System, stop: CancellationToken) {
        let mut fault = Fault::new("keys that are not used cannot be switched off");
        let mut tick = interval(EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! { () = stop.cancelled() => return, _ = tick.tick() => {} }
            tokio::select! {
                () = stop.cancelled() => return,
                outcome = self.switch_idle_keys_off(system) => fault.note(outcome.err().as_ref()),
            }
        }
    }

    /// One round of [`Control::keep_idle_keys_off`], and how many keys it switched off. A key that somebody changed or gave new
    /// credentials counts as used then: who has just switched it on again has time to use it.
    ///
    /// # Errors
    /// [`ControlError::Metadata`]; [`ControlError::Access`] if a key is off and that could not be put in force here.
    pub async fn switch_idle_keys_off(&self, _system: &System) -> Result<u64> {
        let now = self.access.now();
        let mut off = 0;
        for site in self.metadata.sites().await? {
            // Sites of which another node has just deleted one that lies above.
            let rules = match self.effective_rules(site.id).await {
                Err(ControlError::NotFound) => continue,
                other => other?,
            };
            let Some(days) = rules.idle_key_days else { continue };
            let since = now.before(days_of(days));
            for key in self.metadata.idle_keys(site.id, since, MOST).await? {
                if !self.was_touched(key.id, since).await? && self.switch_off(key, days).await? {
                    off += 1;
                }
            }
        }
        Ok(off)
    }

    /// Whether somebody changed the key after that moment.
    async fn was_touched(&self, key: KeyId, since: Timestamp) -> Result<bool> {
        let filter = AuditFilter { key: Some(key), verdict: Some(true), ..AuditFilter::default() };
        let newest = self.metadata.audit(&filter, &PageRequest::first(20)).await?;
        let is_touch =
            |event: &AuditEvent| event.at > since && matches!(&*event.action, "update_key" | "rotate_key");
        Ok(newest.items.iter().any(is_touch))
    }

    async fn switch_off(&self, before: Key, days: u16) -> Result<bool> {
        let alone = self.changing.lock().await;
        let key = Key { permission: Permission::None, ..before.clone() };
        let event =
            system_entry(&key, self.access.now(), ACTION, format!("{} (not used for {days} days)", key.name));
        let off = self.metadata.recording(vec![event], self.metadata.update_key_if_same(&before, &key)).await;
        match off.map_err(ControlError::from) {
            // Somebody came first: the key is looked at again in an hour.
            Err(ControlError::Stale | ControlError::NotFound) => return Ok(false),
            other => other?,
        }
        self.in_force_everywhere(self.cutting_lately(), &[Change::Key(key.id)]).await?;
        drop(alone);
        tracing::info!(key = %key.id, days, "a key that nobody used was switched off");
        Ok(true)
    }
}
