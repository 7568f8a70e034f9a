//! Journals in memory, durable at the moment of an event.

use std::ops::RangeInclusive;
use std::sync::Arc;

use async_trait::async_trait;
use portcullis_sync::{Journal, Mark, Side, Sides, Step, StepState, StoreError, StoreFault};

use crate::bugs::Bug;
use crate::fault::{Fault, Kind};
use crate::world::World;

/// A process's way to the journal of a run. An older fence is refused.
#[derive(Clone, Debug)]
pub(crate) struct SimJournal {
    pub(crate) world: Arc<World>,
    pub(crate) run: String,
    pub(crate) fence: u64,
}

impl SimJournal {
    /// A process takes the run over.
    pub(crate) fn take(world: &Arc<World>, run: &str) -> Self {
        let mut state = world.state();
        let book = state.books.entry(run.to_owned()).or_default();
        book.fence += 1;
        Self { world: Arc::clone(world), run: run.to_owned(), fence: book.fence }
    }
}

const fn fail<T>(fault: StoreFault) -> Result<T, StoreError> {
    Err(StoreError::new(fault, "journal"))
}

#[async_trait]
impl Journal for SimJournal {
    async fn steps(&self, of: RangeInclusive<u64>) -> Result<Vec<Step>, StoreError> {
        match self.world.turn("journal read", None, &self.run, Kind::JournalRead).await {
            Some(_) => fail(StoreFault::Unavailable),
            None => {
                let state = self.world.state();
                let book = state.books.get(&self.run);
                Ok(book
                    .map(|book| book.steps.range(of).map(|(_, step)| step.clone()).collect())
                    .unwrap_or_default())
            }
        }
    }

    async fn write(&self, steps: &[Step]) -> Result<(), StoreError> {
        let fault = self.world.turn("journal write", None, &self.run, Kind::JournalWrite).await;
        match fault {
            Some(Fault::Busy) => return fail(StoreFault::Unavailable),
            Some(Fault::Stolen) => return fail(StoreFault::Stopped),
            _ => {}
        }
        {
            let mut state = self.world.state();
            let state = &mut *state;
            let bug = state.bug;
            let book = state.books.entry(self.run.clone()).or_default();
            if book.fence != self.fence && bug != Some(Bug::FenceUnchecked) {
                return fail(StoreFault::Stopped);
            }
            let mut written = Vec::new();
            for step in steps {
                if let Some(step) = distorted(step, bug) {
                    let before = book.steps.insert(step.seq, step.clone());
                    written.push((before, step));
                }
            }
            for (before, step) in &written {
                state.rewritten(before.as_ref(), step);
                state.mark(&format!("{} {:?}", step.seq, step.state));
                state.durable(step);
            }
        }
        match fault {
            Some(Fault::CrashAfter) => {
                self.world.die().await;
                fail(StoreFault::Stopped)
            }
            Some(Fault::Lost) => fail(StoreFault::Unavailable),
            _ => Ok(()),
        }
    }
}

/// What is written of a step, by a journal with this bug.
fn distorted(step: &Step, bug: Option<Bug>) -> Option<Step> {
    match (bug, step.state) {
        (Some(Bug::KeptNotDurable), StepState::Kept) => None,
        (Some(Bug::AgreedBeforeEffect), StepState::Kept) if !step.kept.is_empty() => {
            let mark: Mark = step.kept[0].mark.clone();
            let agreed = Some(Sides { storage: mark.clone(), bucket: mark });
            Some(Step { state: StepState::Done, agreed, ..step.clone() })
        }
        (Some(Bug::ForgetsKept), StepState::Done) => Some(Step { kept: Vec::new(), ..step.clone() }),
        _ => Some(step.clone()),
    }
}

/// Both sides, for what is said of each.
pub(crate) fn on_both<T>(of: impl Fn(Side) -> T) -> Sides<T> {
    Sides { storage: of(Side::Storage), bucket: of(Side::Bucket) }
}
