//! A run's journal in the database.

use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

use async_trait::async_trait;
use portcullis_access::Access;
use portcullis_domain::{KeptId, KeyPrefix, ObjectKey, StorageId, SyncRunId};
use portcullis_metadata::{Fenced, Metadata, MetadataError, NewKept, SyncStepRow};
use portcullis_sync::{Journal, Kept, Place, Sides, Step, StepState, StoreError, StoreFault, decode, encode};

/// The most numbers of steps that are read at once.
const AT_ONCE: u64 = 4_096;
/// How a version's place is written.
const VERSION: &str = "version:";
/// How the place of a copy under the reserved prefix is written.
const RESERVED: &str = "reserved:";

/// The word for how far a step is.
pub(super) const fn word(state: StepState) -> &'static str {
    match state {
        StepState::Kept => "kept",
        StepState::Done => "done",
        StepState::Changed => "changed",
        StepState::Failed => "failed",
        StepState::Skipped => "skipped",
    }
}

/// A database error as a run understands it.
pub(super) fn fault(operation: &'static str) -> impl Fn(MetadataError) -> StoreError {
    move |error| StoreError::with(StoreFault::Unavailable, operation, error)
}

/// Where kept bytes are, as text.
pub(super) fn place_text(place: &Place) -> String {
    match place {
        Place::Version(id) => format!("{VERSION}{id}"),
        Place::Reserved(key) => format!("{RESERVED}{key}"),
    }
}

/// The place that [`place_text`] wrote.
pub(super) fn place_of(text: &str) -> Option<Place> {
    if let Some(id) = text.strip_prefix(VERSION) {
        return Some(Place::Version(id.into()));
    }
    text.strip_prefix(RESERVED).and_then(|key| ObjectKey::parse(key).ok()).map(Place::Reserved)
}

/// The step in a row.
pub(super) fn step_of(row: &SyncStepRow) -> Result<Step, StoreError> {
    let step = decode::<Step>(&row.data)?.pop();
    step.ok_or_else(|| StoreError::new(StoreFault::Corrupt, "read a step"))
}

/// The journal of a run. Without a fence it is only read.
pub(super) struct RunJournal {
    pub(super) access: Access,
    pub(super) metadata: Metadata,
    pub(super) run: SyncRunId,
    pub(super) fence: Option<u64>,
    pub(super) sides: Sides<(StorageId, KeyPrefix)>,
    /// For how long what is kept is kept.
    pub(super) keep: Duration,
}

impl fmt::Debug for RunJournal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunJournal")
            .field("run", &self.run)
            .field("fence", &self.fence)
            .finish_non_exhaustive()
    }
}

impl RunJournal {
    fn kept(&self, step: &Step, kept: &Kept) -> NewKept {
        let (storage, prefix) = self.sides.of(kept.side);
        let now = self.access.now();
        NewKept {
            id: KeptId::generate(),
            seq: step.seq,
            storage: *storage,
            key: format!("{prefix}{}", kept.key),
            place: place_text(&kept.place),
            size: kept.mark.size,
            kept: now,
            expires: now.after(self.keep),
        }
    }
}

#[async_trait]
impl Journal for RunJournal {
    async fn steps(&self, of: RangeInclusive<u64>) -> Result<Vec<Step>, StoreError> {
        let (mut from, last) = of.into_inner();
        let mut all = Vec::new();
        while from <= last {
            let until = last.min(from.saturating_add(AT_ONCE - 1));
            let rows = self.metadata.sync_steps(self.run, from..=until).await;
            for row in rows.map_err(fault("read the journal"))? {
                all.push(step_of(&row)?);
            }
            let Some(next) = until.checked_add(1) else { break };
            from = next;
        }
        Ok(all)
    }

    async fn write(&self, steps: &[Step]) -> Result<(), StoreError> {
        const OPERATION: &str = "write the journal";
        let Some(fence) = self.fence else { return Err(StoreError::new(StoreFault::Stopped, OPERATION)) };
        let mut rows = Vec::with_capacity(steps.len());
        let mut kept = Vec::new();
        for step in steps {
            kept.extend(step.kept.iter().map(|one| self.kept(step, one)));
            rows.push(SyncStepRow {
                seq: step.seq,
                state: word(step.state).to_owned(),
                key: step.key.as_str().to_owned(),
                told: step.told.clone(),
                data: encode(std::slice::from_ref(step))?,
            });
        }
        let written = self.metadata.write_sync_steps(self.run, fence, &rows, &kept).await;
        match written.map_err(fault(OPERATION))? {
            Fenced::Held(()) => Ok(()),
            Fenced::Lost => Err(StoreError::new(StoreFault::Stopped, OPERATION)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_as_it_was_written() {
        let reserved = ObjectKey::parse(".portcullis/kept/run/version:7").unwrap();
        for place in
            [Place::Version("reserved:1".into()), Place::Version("".into()), Place::Reserved(reserved)]
        {
            assert_eq!(place_of(&place_text(&place)), Some(place));
        }
        assert_eq!(place_of("elsewhere"), None);
    }
}
