//! Steps, written down many at a time.
//!
//! While one batch is being written the next one gathers. A step that says what is kept is waited for before anything is
//! done; a step that is done is not, since whoever finds it undone finds the key as wanted.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, oneshot};

use super::progress::RunProgress;
use crate::{Journal, Step, StepState, StoreError, StoreFault};

/// The most steps of one batch.
const BATCH: usize = 512;

/// The most steps that wait to be written before those who add one wait too.
const WAITING: usize = 4096;

/// How often a journal that does not answer is asked again.
const TRIES: u32 = 6;

/// The way to the journal.
#[derive(Debug)]
pub(super) struct Commits<'a> {
    journal: &'a dyn Journal,
    progress: &'a RunProgress,
    queue: Mutex<Queue>,
    /// Something was added, or nothing will be any more.
    added: Notify,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<(Step, Option<oneshot::Sender<()>>)>,
    closed: bool,
}

impl<'a> Commits<'a> {
    pub(super) fn new(journal: &'a dyn Journal, progress: &'a RunProgress) -> Self {
        Self { journal, progress, queue: Mutex::default(), added: Notify::new() }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a step; it is durable when this returns.
    pub(super) async fn durable(&self, step: Step) -> Result<(), StoreError> {
        let (told, heard) = oneshot::channel();
        self.queue().waiting.push_back((step, Some(told)));
        self.added.notify_one();
        heard.await.map_err(|_| StoreError::new(StoreFault::Stopped, "write steps"))
    }

    /// Adds a step that ended; it will be durable before the run returns.
    pub(super) async fn later(&self, step: Step) -> Result<(), StoreError> {
        if self.queue().waiting.len() >= WAITING {
            return self.durable(step).await;
        }
        self.queue().waiting.push_back((step, None));
        self.added.notify_one();
        Ok(())
    }

    /// Nothing will be added any more.
    pub(super) fn close(&self) {
        self.queue().closed = true;
        self.added.notify_one();
    }

    /// Writes what is added, until it is closed and all is written.
    pub(super) async fn pump(&self) -> Result<(), StoreError> {
        loop {
            let (batch, closed) = {
                let mut queue = self.queue();
                let most = queue.waiting.len().min(BATCH);
                (queue.waiting.drain(..most).collect::<Vec<_>>(), queue.closed)
            };
            if batch.is_empty() {
                if closed {
                    return Ok(());
                }
                self.added.notified().await;
                continue;
            }
            let (steps, waiting): (Vec<_>, Vec<_>) = batch.into_iter().unzip();
            self.write(&steps).await?;
            for step in steps.iter().filter(|step| step.state != StepState::Kept) {
                self.progress.ended(step, true);
            }
            for told in waiting.into_iter().flatten() {
                // Whether anybody still waits makes no difference.
                let _still_there = told.send(());
            }
        }
    }

    async fn write(&self, steps: &[Step]) -> Result<(), StoreError> {
        let mut tries = 0;
        loop {
            match self.journal.write(steps).await {
                Err(error) if error.fault == StoreFault::Unavailable && tries < TRIES => {
                    tries += 1;
                    tokio::time::sleep(Duration::from_millis(50 << tries)).await;
                }
                other => return other,
            }
        }
    }
}
