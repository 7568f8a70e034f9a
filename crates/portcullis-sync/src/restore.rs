//! The way back: what a run did is taken back by a plan made of its journal.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures_util::stream::{self, StreamExt};
use portcullis_backend::GetOptions;
use portcullis_domain::ObjectKey;
use tokio_util::sync::CancellationToken;

use crate::plan::{PageSink, Pager, PlanFault, PlanProgress, PlanResult, PlanTerms, Totals};
use crate::{
    Action, Evidence, Journal, Kept, Mark, Op, PAGE, Place, Reason, Seen, Side, Sides, Step, StepState,
    Store, StoreError, StoreFault,
};

/// What of a run is taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pick {
    /// All of it.
    All,
    /// These keys.
    Keys(BTreeSet<ObjectKey>),
    /// What one step kept on one side is put back there, whatever is there now, and nothing else. What is agreed on is what that step left, so
    /// that the next plan finds the side changed.
    Kept {
        /// The number of the step.
        seq: u64,
        /// Where.
        side: Side,
    },
}

/// Makes the plan that takes a run back: `steps` is that run's journal, with steps up to `last`. Every key is looked at on both sides, so
/// that the plan acts on what is there now: what was changed since is left as it is. The actions stand in the order of the steps; what
/// a step had put under another name stands right after its key.
///
/// `agreed` of an action is what is to be agreed on afterwards, which is what was agreed on before the run.
///
/// # Errors
/// As for [`make_plan`](crate::make_plan); a journal that cannot be read is a [`PlanFault::Base`].
#[expect(clippy::too_many_arguments, reason = "as many as there are sides to it")]
pub async fn make_restore(
    stores: &Sides<Arc<dyn Store>>,
    steps: Arc<dyn Journal>,
    last: u64,
    pick: &Pick,
    sink: &dyn PageSink,
    terms: &PlanTerms,
    progress: Arc<PlanProgress>,
    stop: &CancellationToken,
) -> Result<PlanResult, PlanFault> {
    let back = Back { stores, pick, terms, progress: &progress };
    let totals = tokio::select! {
        totals = back.all(&*steps, last, sink) => totals?,
        () = stop.cancelled() => return Err(PlanFault::Stopped),
    };
    // Somebody asked for this very thing: nothing here is a surprise.
    Ok(PlanResult { guards: Vec::new(), ..PlanResult::of(totals, terms, &progress) })
}

struct Back<'a> {
    stores: &'a Sides<Arc<dyn Store>>,
    pick: &'a Pick,
    terms: &'a PlanTerms,
    progress: &'a PlanProgress,
}

/// What a key holds on both sides.
type There = Sides<Option<Seen>>;

impl Back<'_> {
    async fn all(&self, steps: &dyn Journal, last: u64, sink: &dyn PageSink) -> Result<Totals, PlanFault> {
        let (mut totals, mut pager, mut compared) = (Totals::default(), Pager::new(sink), 0u64);
        let page = u64::try_from(PAGE).unwrap_or(u64::MAX);
        let (first, last) = match self.pick {
            Pick::Kept { seq, .. } => (*seq, *seq),
            Pick::All | Pick::Keys(_) => (0, last),
        };
        let mut from = first;
        loop {
            let to = from.saturating_add(page - 1).min(last);
            let held = steps.steps(from..=to).await.map_err(PlanFault::Base)?;
            let picked = held.into_iter().filter(|step| match self.pick {
                Pick::All | Pick::Kept { .. } => true,
                Pick::Keys(keys) => keys.contains(&step.key),
            });
            let mut found =
                stream::iter(picked).map(|step| self.step(step)).buffered(self.terms.parallel.max(1));
            while let Some(actions) = found.next().await {
                compared += 1;
                for action in actions? {
                    let action = Action { seq: pager.next_seq(), ..action };
                    totals.add(&action, self.terms.mode);
                    pager.push(action).await.map_err(PlanFault::Sink)?;
                }
                self.progress.compared(compared, pager.next_seq());
            }
            if to >= last {
                break;
            }
            from = to.saturating_add(1);
        }
        pager.end().await.map_err(PlanFault::Sink)?;
        Ok(totals)
    }

    /// What takes one step back.
    async fn step(&self, step: Step) -> Result<Vec<Action>, PlanFault> {
        if let Pick::Kept { side, .. } = self.pick {
            return self.put_back(&step, *side).await;
        }
        let touched = step.state == StepState::Done || !step.kept.is_empty();
        if !touched {
            return Ok(Vec::new());
        }
        let mut actions = Vec::new();
        let there = self.there(&step.key).await?;
        for side in Side::BOTH {
            let kept = kept_of(&step, side);
            let found = match (step.state, step.wrote.of(side)) {
                (StepState::Done, Some(wrote)) => {
                    self.undo(&step, side, kept, wrote.as_ref(), mark_of(&there, side)).await?
                }
                (StepState::Done, None) => None,
                // Whether it acted is not known, only whether what it kept is still there.
                (StepState::Kept | StepState::Changed | StepState::Failed | StepState::Skipped, _) => {
                    let moved = kept.is_some_and(|kept| mark_of(&there, side) != Some(&kept.mark));
                    moved.then_some((Op::Leave, Reason::ChangedSince))
                }
            };
            actions.extend(found.map(|found| action(&step.key, found, &there, step.before.clone())));
        }
        if let Some(copied) = step.copy.as_ref().filter(|_| step.state == StepState::Done) {
            let there = self.there(&copied.key).await?;
            for side in Side::BOTH {
                let (wrote, now) = (copied.wrote.of(side).as_ref(), mark_of(&there, side));
                let found = match (wrote, now) {
                    (None, _) | (Some(_), None) => None,
                    (Some(wrote), Some(now)) if wrote == now => {
                        Some((Op::Delete { on: side }, Reason::UndoWrite))
                    }
                    (Some(_), Some(_)) => Some((Op::Leave, Reason::ChangedSince)),
                };
                actions.extend(found.map(|found| action(&copied.key, found, &there, None)));
            }
        }
        Ok(actions)
    }

    /// What takes back what a step wrote to a side's key. None if it is as it was before already.
    async fn undo(
        &self,
        step: &Step,
        side: Side,
        kept: Option<&Kept>,
        wrote: Option<&Mark>,
        now: Option<&Mark>,
    ) -> Result<Option<(Op, Reason)>, PlanFault> {
        let before = kept.map(|kept| &kept.mark);
        if now == before {
            return Ok(None);
        }
        if now != wrote {
            return Ok(Some((Op::Leave, Reason::ChangedSince)));
        }
        Ok(Some(match kept {
            None => (Op::Delete { on: side }, Reason::UndoWrite),
            Some(kept) if self.is_kept(kept).await? => {
                (Op::PutBack { on: side, step: step.seq }, Reason::UndoLoss)
            }
            Some(_) => (Op::Leave, Reason::KeptGone),
        }))
    }

    /// What one step kept on a side comes back.
    async fn put_back(&self, step: &Step, side: Side) -> Result<Vec<Action>, PlanFault> {
        let Some(kept) = kept_of(step, side) else { return Ok(Vec::new()) };
        let there = self.there(&step.key).await?;
        if mark_of(&there, side) == Some(&kept.mark) {
            return Ok(Vec::new());
        }
        let found = if self.is_kept(kept).await? {
            (Op::PutBack { on: side, step: step.seq }, Reason::UndoLoss)
        } else {
            (Op::Leave, Reason::KeptGone)
        };
        Ok(vec![action(&step.key, found, &there, step.agreed.clone())])
    }

    async fn is_kept(&self, kept: &Kept) -> Result<bool, PlanFault> {
        let (key, version) = match &kept.place {
            Place::Version(_) => (&kept.key, kept.place.version()),
            Place::Reserved(copy) => (copy, None),
        };
        let options = GetOptions { version, ..GetOptions::default() };
        self.head(kept.side, key, &options).await.map(|found| found.is_some())
    }

    async fn there(&self, key: &ObjectKey) -> Result<There, PlanFault> {
        let options = GetOptions::default();
        let (storage, bucket) = futures_util::try_join!(
            self.head(Side::Storage, key, &options),
            self.head(Side::Bucket, key, &options)
        )?;
        Ok(Sides { storage, bucket })
    }

    async fn head(
        &self,
        side: Side,
        key: &ObjectKey,
        options: &GetOptions,
    ) -> Result<Option<Seen>, PlanFault> {
        self.progress.looked(side);
        match self.stores.of(side).head(key, options).await {
            Ok(meta) => Ok(Some(Seen {
                mark: Mark { etag: meta.etag, size: meta.size },
                modified: meta.modified,
                archived: false,
            })),
            Err(StoreError { fault: StoreFault::NotFound, .. }) => Ok(None),
            Err(error) => Err(PlanFault::Side { side, error }),
        }
    }
}

fn kept_of(step: &Step, side: Side) -> Option<&Kept> {
    step.kept.iter().find(|kept| kept.side == side && kept.key == step.key)
}

fn mark_of(there: &There, side: Side) -> Option<&Mark> {
    there.of(side).as_ref().map(|seen| &seen.mark)
}

fn action(key: &ObjectKey, (op, reason): (Op, Reason), there: &There, agreed: Option<Sides<Mark>>) -> Action {
    Action { seq: 0, key: key.clone(), op, reason, evidence: Evidence::None, seen: there.clone(), agreed }
}
