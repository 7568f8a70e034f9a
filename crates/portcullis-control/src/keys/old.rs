//! Old credentials: the end of their overlap is noted, and what is kept of their secrets goes after a while.

use std::time::Duration;

use portcullis_access::{Change, System};
use portcullis_domain::KeyState;
use portcullis_metadata::{AuditEvent, Overlap};
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::audit::system_entry;
use crate::facts::Fault;
use crate::{Control, Result};

/// How often ends of overlaps are noted.
const EVERY: Duration = Duration::from_secs(5);
/// How often old secrets are erased.
const ERASING: Duration = Duration::from_secs(60 * 60);
/// As many are looked at or erased at a time.
const BATCH: u32 = 500;
const ACTION: &str = "overlap_ended";

impl Control {
    /// The background work: every five seconds notes which overlaps have ended, so that a clock that is set back revives no
    /// credentials, and once an hour erases the secrets of credentials that stopped longer ago than `kept`. Returns after `stop`.
    ///
    /// That credentials stop in time does not wait for this: every request asks the clock.
    pub async fn look_after_old_credentials(&self, system: &System, kept: Duration, stop: CancellationToken) {
        let mut fault = Fault::new("the ends of old credentials cannot be noted");
        let mut tick = interval(EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut erase_at = Instant::now();
        loop {
            tokio::select! { () = stop.cancelled() => return, _ = tick.tick() => {} }
            let erase = erase_at <= Instant::now();
            let round = async {
                self.settle_overlaps(system).await?;
                if erase { self.forget_old_secrets(system, kept).await.map(drop) } else { Ok(()) }
            };
            tokio::select! {
                () = stop.cancelled() => return,
                outcome = round => {
                    if erase && outcome.is_ok() {
                        erase_at = Instant::now() + ERASING;
                    }
                    fault.note(outcome.err().as_ref());
                }
            }
        }
    }

    /// Notes of every overlap whose time is over that it has ended, in the audit trail too, and says how many there were.
    ///
    /// # Errors
    /// [`ControlError::Metadata`](crate::ControlError::Metadata); [`ControlError::Access`](crate::ControlError::Access) if it is noted
    /// and could not be put in force here.
    pub async fn settle_overlaps(&self, _system: &System) -> Result<u64> {
        let mut settled = 0;
        loop {
            let now = self.access.now();
            let due = self.metadata.overlaps_due(now, BATCH).await?;
            let last = due.len() < usize::try_from(BATCH).unwrap_or(usize::MAX);
            for overlap in due {
                let event = self.overlap_entry(&overlap).await?;
                let events = event.into_iter().collect();
                if self.metadata.recording(events, self.metadata.settle_overlap(&overlap, now)).await? {
                    self.access.applied(Change::Key(overlap.key)).await?;
                    settled += 1;
                }
            }
            if last {
                return Ok(settled);
            }
        }
    }

    /// Erases what is kept of the secrets of credentials that stopped longer ago than this, and says how many they were. From then on
    /// who knocks with them is told from nobody who knows only the access key.
    ///
    /// # Errors
    /// [`ControlError::Metadata`](crate::ControlError::Metadata); what was not erased stays for the next call.
    pub async fn forget_old_secrets(&self, _system: &System, kept: Duration) -> Result<u64> {
        let before = self.access.now().before(kept);
        let mut erased = 0;
        loop {
            let round = self.metadata.forget_secrets(before, BATCH).await?;
            erased += round;
            if round < u64::from(BATCH) {
                break;
            }
        }
        if erased > 0 {
            tracing::info!(erased, "old secrets were erased: their time was over");
        }
        Ok(erased)
    }

    /// The entry for the end of an overlap; none for a key that was deleted.
    async fn overlap_entry(&self, overlap: &Overlap) -> Result<Option<AuditEvent>> {
        let key = self.metadata.key(overlap.key).await?.filter(|key| key.state == KeyState::Active);
        Ok(key.map(|key| {
            system_entry(&key, self.access.now(), ACTION, format!("{} ({})", key.name, overlap.credential))
        }))
    }
}
