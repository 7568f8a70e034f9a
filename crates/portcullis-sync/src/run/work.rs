//! One step, from its action to what is written down of it.

use portcullis_backend::{Digest, UploadId};
use portcullis_domain::ObjectKey;

use super::context::Context;
use super::pace::wait_before;
use super::terms::Wish;
use super::{back, both, delete, write};
use crate::{Action, Mark, Op, Side, Sides, Step, StepState, StoreError, StoreFault};

/// How often a side that does not answer is asked again, for one key.
const UNANSWERED: u32 = 8;

/// How often a key is looked at anew because it was just changed.
const CHANGES: u32 = 3;

/// How often bytes are sent anew because others arrived.
const DAMAGED: u32 = 4;

/// How a step ended.
#[derive(Debug)]
pub(super) enum End {
    /// As the plan said.
    Done,
    /// A side is not as it was planned on.
    Changed(&'static str),
    /// It cannot be done.
    Failed(&'static str),
}

/// How often something went wrong.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tries {
    pub(super) unanswered: u32,
    pub(super) changes: u32,
    pub(super) damaged: u32,
}

/// A step under way.
#[derive(Debug)]
pub(super) struct Work<'a> {
    pub(super) cx: &'a Context<'a>,
    pub(super) action: Action,
    pub(super) step: Step,
    pub(super) tries: Tries,
    /// Whether an earlier process may have begun with it.
    pub(super) resumed: bool,
    /// What this step wrote somewhere and found to be wrong.
    pub(super) spoilt: Option<(Side, ObjectKey, Mark)>,
    /// Whether tags are left out: the side keeps none.
    pub(super) untagged: bool,
    /// The MD5 of what was last read from the source and passed on, whole.
    pub(super) passed: Option<Digest>,
}

/// Carries an action out, or goes on with it. Nothing is written down if the run is to stop in the middle of it.
///
/// # Errors
/// Those that end the run.
pub(super) async fn carry_out(
    cx: &Context<'_>,
    action: Action,
    earlier: Option<Step>,
) -> Result<(), StoreError> {
    let resumed = earlier.is_some();
    let step = earlier.unwrap_or_else(|| fresh(&action));
    let mut work = Work {
        cx,
        action,
        step,
        tries: Tries::default(),
        resumed,
        spoilt: None,
        untagged: false,
        passed: None,
    };
    let end = loop {
        match work.attempt().await {
            Ok(end) => break end,
            Err(error) => match work.again(error).await {
                Err(error) if error.fault == StoreFault::Stopped && cx.stopping() => {
                    return work.interrupted().await;
                }
                Err(error) => return Err(error),
                Ok(Some(end)) => break end,
                Ok(None) => {}
            },
        }
    };
    work.close(end).await
}

/// A step of which nothing is known yet.
fn fresh(action: &Action) -> Step {
    Step {
        seq: action.seq,
        key: action.key.clone(),
        state: StepState::Kept,
        kept: Vec::new(),
        wrote: Sides::default(),
        copy: None,
        before: action.agreed.clone(),
        agreed: action.agreed.clone(),
        upload: None,
        moved: 0,
        told: String::new(),
    }
}

impl Work<'_> {
    /// Whether this is the very first try, so that what was planned on may still be there.
    pub(super) const fn is_first(&self) -> bool {
        !self.resumed && self.tries.unanswered == 0 && self.tries.changes == 0 && self.tries.damaged == 0
    }

    /// The key.
    pub(super) fn key(&self) -> ObjectKey {
        self.action.key.clone()
    }

    /// What the plan saw of a side.
    pub(super) fn seen(&self, side: Side) -> Option<&Mark> {
        self.action.seen.of(side).as_ref().map(|seen| &seen.mark)
    }

    /// Writes down what is known so far; it is durable when this returns.
    pub(super) async fn note(&mut self) -> Result<(), StoreError> {
        self.step.state = StepState::Kept;
        self.cx.commits.durable(self.step.clone()).await
    }

    async fn attempt(&mut self) -> Result<End, StoreError> {
        match self.action.op.clone() {
            Op::Write { to } => Box::pin(write::write(self, to)).await,
            Op::Delete { on } => Box::pin(delete::delete(self, on)).await,
            Op::KeepBoth { from, copy } => Box::pin(both::keep_both(self, from, &copy)).await,
            Op::PutBack { on, step } => Box::pin(back::put_back(self, on, step)).await,
            Op::Agree | Op::Forget | Op::Leave => Ok(End::Done),
        }
    }

    /// Whether to try again: none if so.
    async fn again(&mut self, error: StoreError) -> Result<Option<End>, StoreError> {
        let tries = match error.fault {
            StoreFault::Stopped | StoreFault::Refused => return Err(error),
            StoreFault::Full => {
                return Ok(Some(End::Failed("The storage or its disk is full, or its quota.")));
            }
            StoreFault::TooLarge => {
                return Ok(Some(End::Failed("The object is larger than this side takes.")));
            }
            StoreFault::Archived => {
                return Ok(Some(End::Failed("The object lies in an archive; fetch it from there first.")));
            }
            StoreFault::Unsupported => {
                return Ok(Some(End::Failed(
                    "This side does not take the key or what is stored with the object.",
                )));
            }
            StoreFault::Unavailable => {
                self.tries.unanswered += 1;
                if self.tries.unanswered > UNANSWERED {
                    // Whether it is a side or just this key: then the others should not wait for it.
                    self.cx.alive().await?;
                    return Ok(Some(End::Failed(
                        "The side did not do this, however often it was asked; a test of its connection may say why.",
                    )));
                }
                self.tries.unanswered
            }
            StoreFault::NotFound | StoreFault::Changed => {
                self.tries.changes += 1;
                if self.tries.changes > CHANGES {
                    return Ok(Some(End::Changed("It is being changed right now.")));
                }
                return Ok(None);
            }
            StoreFault::Corrupt => {
                self.tries.damaged += 1;
                if self.tries.damaged > DAMAGED {
                    return Ok(Some(End::Failed("Other bytes arrived than were sent, each time.")));
                }
                self.tries.damaged
            }
        };
        tracing::debug!(
            seq = self.step.seq,
            error = %error,
            "a step is tried again"
        );
        let mut wish = self.cx.wish.clone();
        tokio::select! {
            biased;
            () = tokio::time::sleep(wait_before(tries, self.step.seq)) => {}
            Ok(_) = wish.wait_for(|wish| *wish != Wish::Go) => {}
        }
        if self.cx.stopping() {
            return Err(StoreError::new(StoreFault::Stopped, "wait for a side"));
        }
        Ok(None)
    }

    /// Writes down how it ended.
    async fn close(mut self, end: End) -> Result<(), StoreError> {
        let (state, told) = match end {
            End::Done => (StepState::Done, ""),
            End::Changed(told) => (StepState::Changed, told),
            End::Failed(told) => (StepState::Failed, told),
        };
        if state != StepState::Done {
            self.step.agreed.clone_from(&self.step.before);
        }
        self.give_up().await?;
        self.step.state = state;
        told.clone_into(&mut self.step.told);
        if state == StepState::Done && self.untagged {
            "Without its tags: this side keeps none.".clone_into(&mut self.step.told);
        }
        self.cx.commits.later(self.step).await
    }

    /// The run is to stop in the middle of this step. If for good, what was begun is given up.
    async fn interrupted(mut self) -> Result<(), StoreError> {
        if *self.cx.wish.borrow() == Wish::Cancel && self.step.upload.is_some() {
            self.give_up().await?;
            self.note().await?;
        }
        Ok(())
    }

    /// Gives an upload up that was begun and not completed.
    pub(super) async fn give_up(&mut self) -> Result<(), StoreError> {
        let Some(upload) = self.step.upload.take() else { return Ok(()) };
        let id = UploadId(upload.upload);
        let store = self.cx.store(upload.side);
        match self.cx.ask(store.abort_upload(&upload.key, &id)).await {
            Err(error) if matches!(error.fault, StoreFault::Stopped | StoreFault::Refused) => Err(error),
            // Whether it was there or not: it holds nothing that is needed, and providers drop old ones.
            Ok(()) | Err(_) => Ok(()),
        }
    }
}
