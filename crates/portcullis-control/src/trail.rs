//! The audit trail as a chain: what is signed about it, how a copy is made, and how what is too old is removed.

use std::time::Duration;

use portcullis_access::{SiteAdmin, System};
use portcullis_domain::trail::{ChainedEvent, Checkpoint, CheckpointKind, Head, chain_of};
use portcullis_domain::{SiteId, Timestamp};
use portcullis_metadata::AuditEvent;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::audit::Deed;
use crate::facts::Fault;
use crate::{Control, ControlError, Result};

/// How often chains are looked through.
const EVERY: Duration = Duration::from_secs(5 * 60);
/// How old the last checkpoint of a chain is at least when the next is made.
const APART: Duration = Duration::from_secs(60 * 60);
/// Rows that are read, or removed, at once.
const BATCH: u32 = 500;

/// A part of a copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TrailPart {
    /// An entry from before there was a chain.
    Before(AuditEvent),
    /// An entry.
    Entry(ChainedEvent),
    /// Something signed about the entries before it.
    Checkpoint(Checkpoint),
}

/// A copy of a chain as it was when the copy was begun, read a page at a time.
#[derive(Debug)]
pub struct TrailCopy {
    control: Control,
    admin: SiteAdmin,
    site: Option<SiteId>,
    head: Head,
    removed: Option<Checkpoint>,
    /// Something signed that knows of more than there is.
    beyond: Option<Checkpoint>,
    next: Next,
}

/// What of a copy comes next.
#[derive(Clone, Copy, Debug)]
enum Next {
    Before(i64),
    Chain(u64),
    Nothing,
}

impl Control {
    /// The background work: signs, once an hour, how far each chain came to which something was added, and removes what is older
    /// than `retention`, if there is one, and is where it was to be sent on. Returns after `stop`.
    pub async fn keep_trail(&self, system: &System, retention: Option<Duration>, stop: CancellationToken) {
        let mut fault = Fault::new("the audit trail cannot be signed or shortened");
        let mut tick = interval(EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! { () = stop.cancelled() => return, _ = tick.tick() => {} }
            tokio::select! {
                () = stop.cancelled() => return,
                outcome = self.look_after_trail(system, retention) => fault.note(outcome.err().as_ref()),
            }
        }
    }

    /// One round of [`Control::keep_trail`].
    ///
    /// # Errors
    /// [`ControlError::Metadata`]; what was not done stays for the next round.
    pub async fn look_after_trail(&self, system: &System, retention: Option<Duration>) -> Result<()> {
        self.sign_trails(system).await?;
        if let Some(retention) = retention {
            let before = self.access.now().before(retention);
            let until = self.spare_for_sinks(system, before, retention).await?;
            let removed = self.remove_old_trail(system, until).await?;
            if removed > 0 {
                tracing::info!(removed, "entries of the audit trail were removed: their time was over");
            }
        }
        Ok(())
    }

    /// One round of [`Control::keep_trail`]'s signing, and how many chains it signed.
    ///
    /// # Errors
    /// [`ControlError::Metadata`].
    pub async fn sign_trails(&self, system: &System) -> Result<u64> {
        let until = self.access.now().before(APART);
        let mut signed = 0;
        loop {
            let heads = self.metadata.heads_to_sign(until, BATCH).await?;
            let last = heads.len() < usize::try_from(BATCH).unwrap_or(usize::MAX);
            for head in heads {
                let checkpoint = self.access.sign_trail(system, CheckpointKind::Reached, head);
                self.metadata.add_checkpoint(&checkpoint).await?;
                signed += 1;
            }
            if last {
                return Ok(signed);
            }
        }
    }

    /// Removes the entries at the beginning of every chain that are from before this moment, up to the first that is not, and
    /// leaves a signed note of it; what is left can be verified at any moment. Gives how many they were.
    ///
    /// # Errors
    /// [`ControlError::Metadata`]; what was not removed stays for the next call.
    pub async fn remove_old_trail(&self, system: &System, before: Timestamp) -> Result<u64> {
        let mut removed = 0;
        let mut after: Option<String> = None;
        loop {
            let heads = self.metadata.audit_expired(before, after.as_deref(), BATCH).await?;
            let Some(last) = heads.last() else { break };
            after = Some(last.chain.clone());
            for head in heads {
                let note = self.access.sign_trail(system, CheckpointKind::Removed, head);
                removed += all(|| self.metadata.remove_audited(&note, BATCH)).await?;
            }
        }
        Ok(removed + all(|| self.metadata.purge_audit(before, BATCH)).await?)
    }

    /// Begins a copy of the trail of the admin's site, or, for the admins of the topmost site, of the entries of no site.
    /// It is recorded that it was made.
    ///
    /// # Errors
    /// [`ControlError::Invalid`] for entries of no site asked for in a site below another, [`ControlError::Metadata`].
    pub async fn copy_trail(&self, admin: &SiteAdmin, of_no_site: bool) -> Result<TrailCopy> {
        if of_no_site && !self.is_topmost(admin).await? {
            return Err(ControlError::invalid(
                "unassigned",
                "entries that belong to no site are for the admins of the topmost site",
            ));
        }
        self.record_export(admin).await?;
        self.access.written(admin).await;
        let site = (!of_no_site).then(|| admin.site());
        let chain = chain_of(site);
        // Before the head: what is signed meanwhile may be about more than the copy holds.
        let reached = self.metadata.last_checkpoint(&chain, CheckpointKind::Reached).await?;
        let removed = self.metadata.last_checkpoint(&chain, CheckpointKind::Removed).await?;
        let head = self.metadata.audit_head(&chain).await?.unwrap_or_else(|| Head::empty(chain));
        let beyond = reached.filter(|reached| reached.head.seq > head.seq);
        let (control, admin) = (self.clone(), admin.clone());
        Ok(TrailCopy { control, admin, site, head, removed, beyond, next: Next::Before(0) })
    }

    /// Writes to the trail that somebody takes a copy of it, or an extract.
    ///
    /// # Errors
    /// [`ControlError::Metadata`].
    pub async fn record_export(&self, admin: &SiteAdmin) -> Result<()> {
        self.record(admin, Deed { action: "export_audit_trail", ..Deed::default() }).await
    }

    /// What others check the signatures of this installation's audit trail with.
    #[must_use]
    pub fn trail_key(&self) -> [u8; 32] {
        self.access.trail_key()
    }
}

/// Calls again until less than a batch was removed; gives how many there were.
async fn all<F: Future<Output = portcullis_metadata::Result<u64>>>(remove: impl Fn() -> F) -> Result<u64> {
    let mut sum = 0;
    loop {
        let done = remove().await?;
        sum += done;
        if done < u64::from(BATCH) {
            return Ok(sum);
        }
    }
}

impl TrailCopy {
    /// The chain's name.
    #[must_use]
    pub fn chain(&self) -> &str {
        &self.head.chain
    }

    /// The number of the first entry that was not removed because its time was over.
    #[must_use]
    pub fn first(&self) -> u64 {
        self.removed.as_ref().map_or(0, |removed| removed.head.seq).saturating_add(1)
    }

    /// What comes next, in the order in which it is verified; nothing when all has come but the end.
    ///
    /// # Errors
    /// [`ControlError::Access`] if who copies is no admin any more; [`ControlError::Stale`] if the beginning was removed while it
    /// was read: begin anew; [`ControlError::Metadata`].
    pub async fn next(&mut self) -> Result<Vec<TrailPart>> {
        self.admin = self.control.access.admin(self.admin.principal())?;
        match self.next {
            Next::Before(after) => self.before(after).await,
            Next::Chain(after) => self.chained(after).await,
            Next::Nothing => Ok(Vec::new()),
        }
    }

    /// The signed end of the copy; `digest` is the SHA-256 of all that stands before it.
    #[must_use]
    pub fn end(&self, digest: [u8; 32]) -> Checkpoint {
        self.control.access.sign_copy(&self.admin, self.head.clone(), digest)
    }

    async fn before(&mut self, after: i64) -> Result<Vec<TrailPart>> {
        let found = self.control.metadata.audit_before_chain(self.site, after, BATCH).await?;
        if let Some((last, _)) = found.last() {
            self.next = Next::Before(*last);
            return Ok(found.into_iter().map(|(_, event)| TrailPart::Before(event)).collect());
        }
        let from = self.first().saturating_sub(1);
        self.next = Next::Chain(from);
        match self.removed.clone() {
            Some(removed) => Ok(vec![TrailPart::Checkpoint(removed)]),
            None => self.chained(from).await,
        }
    }

    async fn chained(&mut self, after: u64) -> Result<Vec<TrailPart>> {
        let (metadata, chain) = (&self.control.metadata, &self.head.chain);
        let mut entries = metadata.audit_chain(chain, after, BATCH).await?;
        entries.retain(|entry| entry.seq <= self.head.seq);
        let Some(last) = entries.last().map(|entry| entry.seq) else {
            let removed = metadata.last_checkpoint(chain, CheckpointKind::Removed).await?;
            if removed.map(|removed| removed.head.seq) != self.removed.as_ref().map(|own| own.head.seq) {
                return Err(ControlError::Stale);
            }
            self.next = Next::Nothing;
            return Ok(self.beyond.take().map(TrailPart::Checkpoint).into_iter().collect());
        };
        self.next = Next::Chain(last);
        let from = after.saturating_add(1);
        let signed = metadata.checkpoints(chain, CheckpointKind::Reached, from, BATCH).await?;
        let mut signed = signed.into_iter().filter(|one| one.head.seq <= last).peekable();
        let mut parts = Vec::new();
        for entry in entries {
            let seq = entry.seq;
            parts.push(TrailPart::Entry(entry));
            while let Some(one) = signed.next_if(|one| one.head.seq <= seq) {
                parts.push(TrailPart::Checkpoint(one));
            }
        }
        Ok(parts)
    }
}
