//! The one thread that writes: group commit.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;

use portcullis_domain::{Clock, StorageId};
use rusqlite::Connection;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};

use super::super::StoreError;
use super::super::blob::NewBlob;
use super::super::cache::Cache;
use super::super::error::{index_error, is_full, is_io_fault};
use super::batch::{Batch, Totals};
use super::{Fault, Home};
use crate::{BackendError, BackendErrorKind, Result};

/// The most changes in one transaction.
const MAX_BATCH: usize = 512;

/// The most changes that wait. More means that the disk does not keep up, and waiting longer would not help.
const QUEUE: usize = 2048;

/// A write-ahead log of so many bytes is more than the checkpoints after commits leave: readers that follow each other without
/// a gap keep it from beginning anew. Then the writer waits for such a gap.
const LONG_LOG: u64 = 64 << 20;

/// After so many batches the log's length is looked at.
const LOOK_AFTER: u32 = 64;

/// A change that waits, runs and is answered.
trait Job: Send {
    /// Makes the change in the batch. An error is one of the index and fails the batch; a refusal is kept for the answer.
    fn run(&mut self, batch: &mut Batch<'_>) -> rusqlite::Result<()>;

    /// Answers: what the change gave, or why the batch could not be committed.
    fn settle(self: Box<Self>, committed: Result<(), &Failure>);
}

/// Why a whole batch was not committed.
#[derive(Debug)]
struct Failure {
    kind: BackendErrorKind,
    reason: Arc<str>,
}

struct Change<F, T> {
    operation: &'static str,
    change: Option<F>,
    outcome: Option<Result<T, BackendErrorKind>>,
    reply: oneshot::Sender<Result<T>>,
}

impl<F, T> Job for Change<F, T>
where
    F: FnOnce(&mut Batch<'_>) -> Result<T, Fault> + Send,
    T: Send,
{
    fn run(&mut self, batch: &mut Batch<'_>) -> rusqlite::Result<()> {
        let Some(change) = self.change.take() else { return Ok(()) };
        let before = batch.changes();
        self.outcome = Some(match change(batch) {
            Ok(value) => Ok(value),
            // What decides after it changed cannot be taken back alone.
            Err(Fault::Refused(kind)) if batch.changes() == before => Err(kind),
            Err(Fault::Refused(_)) => return Err(rusqlite::Error::ExecuteReturnedResults),
            Err(Fault::Index(error)) => return Err(error),
        });
        Ok(())
    }

    fn settle(self: Box<Self>, committed: Result<(), &Failure>) {
        let operation = self.operation;
        let answer = match (committed, self.outcome) {
            // A refusal holds whatever became of the others.
            (_, Some(Err(kind))) => Err(BackendError::new(kind, operation)),
            (Ok(()), Some(Ok(value))) => Ok(value),
            (Ok(()), None) => Err(BackendError::new(BackendErrorKind::Unavailable, operation)),
            (Err(failure), _) => Err(BackendError::with(failure.kind, operation, failure.reason.as_ref())),
        };
        // Nobody waits any more if the client went away.
        drop(self.reply.send(answer));
    }
}

/// What the thread tells everybody.
#[derive(Debug, Default)]
struct Shared {
    stored: AtomicU64,
    stopped: AtomicBool,
}

/// The queue of the writing thread.
pub(super) struct Writer {
    queue: mpsc::Sender<Box<dyn Job>>,
    shared: Arc<Shared>,
    thread: JoinHandle<()>,
}

impl Writer {
    /// Starts the thread. It ends when the last sender is gone and the queue is empty.
    ///
    /// # Errors
    /// The counters cannot be read, or there are too many threads.
    pub(super) fn start(
        conn: Connection,
        home: &Home,
        cache: Arc<Cache>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StoreError> {
        let totals = Totals::read(&conn).map_err(StoreError::sqlite(&home.directory.join("index.db")))?;
        let shared = Arc::new(Shared::default());
        shared.stored.store(totals.usage.stored_bytes(), Ordering::Release);
        let (queue, jobs) = mpsc::channel(QUEUE);
        let home = home.clone();
        let thread = Thread {
            conn,
            storage: home.storage,
            directory: home.directory,
            cache,
            clock,
            shared: Arc::clone(&shared),
        };
        let directory = thread.directory.clone();
        let thread = std::thread::Builder::new()
            .name("portcullis-index".to_owned())
            .spawn(move || thread.run(jobs))
            .map_err(StoreError::io("start a thread for", &directory))?;
        Ok(Self { queue, shared, thread })
    }

    pub(super) async fn submit<T: Send + 'static>(
        &self,
        operation: &'static str,
        change: impl FnOnce(&mut Batch<'_>) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T> {
        const CLOSED: &str = "the index is closed";
        let unavailable =
            |why: &'static str| BackendError::with(BackendErrorKind::Unavailable, operation, why);
        let (reply, answer) = oneshot::channel();
        let job = Box::new(Change { operation, change: Some(change), outcome: None, reply });
        self.queue.try_send(job).map_err(|error| match error {
            TrySendError::Full(_) => unavailable("too many changes are waiting for the disk"),
            TrySendError::Closed(_) => unavailable(CLOSED),
        })?;
        answer.await.unwrap_or_else(|_| Err(unavailable(CLOSED)))
    }

    pub(super) fn stored_bytes(&self) -> u64 {
        self.shared.stored.load(Ordering::Acquire)
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.shared.stopped.load(Ordering::Acquire)
    }

    /// Waits until everything queued is committed and the file is closed.
    pub(super) fn close(self) {
        drop(self.queue);
        if self.thread.join().is_err() {
            tracing::error!("the thread of an index panicked");
        }
    }
}

struct Thread {
    conn: Connection,
    storage: StorageId,
    directory: PathBuf,
    cache: Arc<Cache>,
    clock: Arc<dyn Clock>,
    shared: Arc<Shared>,
}

impl Thread {
    fn run(self, mut queue: mpsc::Receiver<Box<dyn Job>>) {
        let mut jobs = Vec::with_capacity(MAX_BATCH);
        let mut batches = 0u32;
        while queue.blocking_recv_many(&mut jobs, MAX_BATCH) > 0 {
            let committed = self.commit(&mut jobs);
            for job in jobs.drain(..) {
                job.settle(committed.as_ref().copied());
            }
            batches = batches.wrapping_add(1);
            if batches.is_multiple_of(LOOK_AFTER) {
                self.shorten_log();
            }
        }
    }

    /// Keeps the write-ahead log from growing without end.
    fn shorten_log(&self) {
        let length = fs::metadata(self.directory.join("index.db-wal")).map_or(0, |log| log.len());
        if length < LONG_LOG {
            return;
        }
        let busy = self.conn.query_row("PRAGMA wal_checkpoint(RESTART)", [], |row| row.get::<_, bool>(0));
        if !matches!(busy, Ok(false)) {
            tracing::warn!(length, ?busy, directory = %self.directory.display(), "the log of an index stays long");
        }
    }

    /// Runs the jobs in one transaction and commits it. After a failure nothing of any job remains.
    fn commit(&self, jobs: &mut [Box<dyn Job>]) -> Result<(), Failure> {
        if self.shared.stopped.load(Ordering::Acquire) {
            let reason =
                "the index had a disk error and takes no changes until the server is started again".into();
            return Err(Failure { kind: BackendErrorKind::Unavailable, reason });
        }
        match self.transact(jobs) {
            Ok(totals) => {
                self.shared.stored.store(totals.usage.stored_bytes(), Ordering::Release);
                Ok(())
            }
            Err(error) => {
                if !self.conn.is_autocommit()
                    && let Err(error) = self.conn.execute_batch("ROLLBACK")
                {
                    tracing::error!(%error, "a transaction cannot be taken back");
                    self.shared.stopped.store(true, Ordering::Release);
                }
                Err(self.classify(error))
            }
        }
    }

    fn transact(&self, jobs: &mut [Box<dyn Job>]) -> rusqlite::Result<Totals> {
        self.conn.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        let mut batch = Batch::begin(&self.conn, self.clock.now())?;
        for job in jobs {
            job.run(&mut batch)?;
        }
        let mut finished = batch.finish()?;
        if !finished.changed {
            self.conn.prepare_cached("ROLLBACK")?.execute([])?;
            return Ok(finished.totals);
        }
        finished.adopted.iter_mut().for_each(NewBlob::keep);
        let bar = self.cache.bar(self.storage, finished.touched.iter());
        self.conn.prepare_cached("COMMIT")?.execute([])?;
        drop(bar);
        Ok(finished.totals)
    }

    /// What a failed transaction means for this batch and for those to come.
    fn classify(&self, error: rusqlite::Error) -> Failure {
        let reason: Arc<str> = error.to_string().into();
        if !is_io_fault(&error) {
            let kind = index_error("commit")(error).kind;
            tracing::error!(reason = %reason, ?kind, "a batch of changes was not committed");
            return Failure { kind, reason };
        }
        // A disk quota that is used up looks like any other fault of a write.
        if self.probe().is_err_and(|error| is_full(&error)) {
            return Failure { kind: BackendErrorKind::Full, reason };
        }
        self.shared.stopped.store(true, Ordering::Release);
        tracing::error!(
            reason = %reason, directory = %self.directory.display(),
            "disk error in an index: it takes no changes until the server is started again; check the disk first"
        );
        Failure { kind: BackendErrorKind::Unavailable, reason }
    }

    /// Tries to write a little beside the index.
    fn probe(&self) -> std::io::Result<()> {
        let path = self.directory.join("probe");
        let written = File::create(&path).and_then(|mut file| {
            file.write_all(&[0; 64 * 1024])?;
            file.sync_data()
        });
        drop(fs::remove_file(path));
        written
    }
}
