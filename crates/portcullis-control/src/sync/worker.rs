//! The work in the background: makes plans, carries runs out, begins jobs, removes what is over.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use portcullis_access::System;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::facts::Fault;
use crate::{Control, Result};

/// How often it is looked for something to do, if nobody calls.
const EVERY: Duration = Duration::from_secs(1);
/// How often what is over is removed.
const RETIRE: Duration = Duration::from_secs(60);
/// Plans that one process makes at the same time.
const PLANS: usize = 2;
/// Runs that one process carries out at the same time.
const RUNS: usize = 4;
/// How long what is under way may take to stop.
const LAST: Duration = Duration::from_secs(20);

/// Places for what is done at the same time.
#[derive(Debug, Default)]
struct Places(Arc<AtomicUsize>);

impl Places {
    fn taken(&self) -> usize {
        self.0.load(Ordering::Acquire)
    }

    fn take(&self) -> Place {
        self.0.fetch_add(1, Ordering::AcqRel);
        Place(Arc::clone(&self.0))
    }
}

/// One of them, until it is dropped.
#[derive(Debug)]
struct Place(Arc<AtomicUsize>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// What is under way in this process.
#[derive(Debug, Default)]
struct Underway {
    tasks: TaskTracker,
    plans: Places,
    runs: Places,
}

impl Control {
    /// The background work: makes plans, carries runs out, begins jobs and removes what is over. After `stop` runs under way stop at
    /// their next step, and go on when a process starts again.
    pub async fn keep_synced(&self, system: Arc<System>, stop: CancellationToken) {
        if let Err(error) = self.metadata.free_sync_holds().await {
            tracing::warn!(%error, "plans and runs of an earlier process go on some seconds later");
        }
        let underway = Underway::default();
        let mut fault = Fault::new("plans and runs between storages are not looked after");
        let (mut tick, mut retired) = (interval(EVERY), None::<Instant>);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !stop.is_cancelled() {
            tokio::select! {
                () = stop.cancelled() => break,
                _ = tick.tick() => {}
                () = self.sync.woken() => {}
            }
            let looked = self.start_due(&system, &underway, &stop).await;
            fault.note(looked.err().as_ref());
            if retired.is_none_or(|at| at.elapsed() >= RETIRE) {
                retired = Some(Instant::now());
                let (control, system) = (self.clone(), Arc::clone(&system));
                underway.tasks.spawn(async move {
                    if let Err(error) = control.mend_jobs().await {
                        tracing::warn!(%error, "jobs that a process left in the middle are seen to later");
                    }
                    if let Err(error) = control.retire(&system).await {
                        tracing::warn!(%error, "what runs had kept for long enough is removed later");
                    }
                });
            }
        }
        underway.tasks.close();
        if timeout(LAST, underway.tasks.wait()).await.is_err() {
            tracing::warn!("a run did not stop in time; it goes on after the next start");
        }
    }

    /// Starts what there is to do, as far as there is room.
    async fn start_due(
        &self,
        system: &Arc<System>,
        underway: &Underway,
        stop: &CancellationToken,
    ) -> Result<()> {
        self.begin_due_jobs().await?;
        while underway.plans.taken() < PLANS {
            let Some(row) = self.take_plan().await? else { break };
            let (control, system, stop) = (self.clone(), Arc::clone(system), stop.clone());
            let place = underway.plans.take();
            underway.tasks.spawn(async move {
                control.make_taken(&system, row, &stop).await;
                drop(place);
                control.sync.wake();
            });
        }
        while underway.runs.taken() < RUNS {
            let Some(row) = self.take_run().await? else { break };
            let (control, system, stop) = (self.clone(), Arc::clone(system), stop.clone());
            let place = underway.runs.take();
            underway.tasks.spawn(async move {
                control.carry_taken(&system, row, &stop).await;
                drop(place);
                control.sync.wake();
            });
        }
        Ok(())
    }

    /// One round of [`Control::keep_synced`], whole: begins jobs, makes plans and carries runs out until nothing is left to do, and
    /// removes what is over.
    ///
    /// # Errors
    /// [`ControlError::Metadata`](crate::ControlError::Metadata).
    pub async fn sync_round(&self, system: &System, stop: &CancellationToken) -> Result<()> {
        self.begin_due_jobs().await?;
        loop {
            if let Some(row) = self.take_plan().await? {
                Box::pin(self.make_taken(system, row, stop)).await;
            } else if let Some(row) = self.take_run().await? {
                Box::pin(self.carry_taken(system, row, stop)).await;
            } else {
                break;
            }
            if stop.is_cancelled() {
                return Ok(());
            }
        }
        Box::pin(self.retire(system)).await
    }
}
