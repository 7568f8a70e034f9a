//! The pools, the seam between the engines, and transactions.

use std::fmt;
use std::sync::Arc;

use sqlx::{PgPool, Postgres, QueryBuilder, Sqlite, SqlitePool, Transaction};
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use crate::changes::ChangeKind;
use crate::error::{During, Fault, MetadataErrorKind, Result};
use crate::{listen, migrate, open, recording};

/// How many rows one statement takes: within the parameters that both engines allow.
pub(crate) const BATCH: usize = 500;

/// The database. Clones share the connections.
#[derive(Clone)]
pub struct Metadata {
    pub(crate) db: Db,
    /// The number of the last change that this process knows to be committed.
    pub(crate) hint: watch::Sender<i64>,
    /// What this process is among those on the database.
    pub(crate) node: Option<Arc<crate::nodes::Own>>,
    tasks: TaskTracker,
    stop: CancellationToken,
    _stop_with_the_last_clone: Arc<DropGuard>,
}

/// The two engines, each with its native pool.
#[derive(Clone)]
pub(crate) enum Db {
    /// Many readers, and one writer, so that no transaction finds the file locked by another of this process.
    Lite {
        rd: SqlitePool,
        wr: SqlitePool,
    },
    Pg(PgPool),
}

/// Runs the same expression with the native pool that reads.
macro_rules! reading {
    ($metadata:expr, $pool:ident => $body:expr) => {
        match &$metadata.db {
            $crate::db::Db::Lite { rd: $pool, .. } => $body,
            $crate::db::Db::Pg($pool) => $body,
        }
    };
}
/// Runs the same expression with the native pool that writes; for single statements.
macro_rules! writing {
    ($metadata:expr, $pool:ident => $body:expr) => {
        match &$metadata.db {
            $crate::db::Db::Lite { wr: $pool, .. } => $body,
            $crate::db::Db::Pg($pool) => $body,
        }
    };
}
/// Runs the same expression with the native connection of a transaction.
macro_rules! within {
    ($tx:expr, $connection:ident => $body:expr) => {
        match &mut $tx {
            $crate::db::Tx::Lite(tx) => {
                let $connection = &mut **tx;
                $body
            }
            $crate::db::Tx::Pg(tx) => {
                let $connection = &mut **tx;
                $body
            }
        }
    };
}
pub(crate) use {reading, within, writing};

/// A transaction. Dropped without a commit, it is rolled back.
pub(crate) enum Tx {
    Lite(Transaction<'static, Sqlite>),
    Pg(Transaction<'static, Postgres>),
}

impl Tx {
    pub(crate) async fn commit(self) -> Result<(), Fault> {
        match self {
            Self::Lite(tx) => tx.commit().await?,
            Self::Pg(tx) => tx.commit().await?,
        }
        Ok(())
    }
}

/// A transaction that holds the change clock: no other such transaction is under way on any node.
pub(crate) struct Write {
    pub(crate) tx: Tx,
    seq: i64,
    changes: Vec<(ChangeKind, String)>,
}

impl Write {
    /// Puts a change in the feed, if the transaction is committed.
    pub(crate) fn note(&mut self, kind: ChangeKind, id: &impl ToString) {
        self.changes.push((kind, id.to_string()));
    }
}

impl Metadata {
    /// Opens `sqlite:///directory/portcullis.db` or `postgres://user:password@host/database`, and migrates it forward.
    ///
    /// A SQLite path is taken as it stands, without parameters or percent-encoding. A file that is not there is made,
    /// readable by its owner only; the directory must exist. Several processes may open the same database at once.
    ///
    /// # Errors
    /// [`MetadataErrorKind::BadUrl`], [`MetadataErrorKind::NewerSchema`], [`MetadataErrorKind::Corrupt`],
    /// [`MetadataErrorKind::Refused`] for an engine that is too old or a database that is not UTF-8, and what any verb may give.
    pub async fn open(url: &str) -> Result<Self> {
        Self::open_at(url).await.during("open the metadata database")
    }

    async fn open_at(url: &str) -> Result<Self, Fault> {
        let db = if let Some(path) = url.strip_prefix("sqlite:") {
            open::sqlite(path.strip_prefix("//").unwrap_or(path)).await?
        } else if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            open::postgres(url).await?
        } else {
            return Err(MetadataErrorKind::BadUrl.into());
        };
        if let Err(fault) = migrate::run(&db, migrate::MIGRATIONS).await {
            db.close().await;
            return Err(fault);
        }
        let stop = CancellationToken::new();
        let metadata = Self {
            db,
            hint: watch::Sender::new(0),
            node: None,
            tasks: TaskTracker::new(),
            _stop_with_the_last_clone: Arc::new(stop.clone().drop_guard()),
            stop,
        };
        metadata.hint.send_replace(metadata.clock().await?.seq);
        if let Db::Pg(pool) = &metadata.db {
            let listener = listen::follow(pool.clone(), metadata.hint.clone(), metadata.stop.clone());
            metadata.tasks.spawn(listener);
        }
        metadata.tasks.close();
        Ok(metadata)
    }

    /// Asks the engine for a sign of life.
    ///
    /// # Errors
    /// [`MetadataErrorKind::Unavailable`] if there is none.
    pub async fn ping(&self) -> Result<()> {
        reading!(self, pool => sqlx::query("SELECT 1").execute(pool).await.map(drop))
            .during("reach the database")
    }

    /// Ends the connections of all clones, when the verbs under way are through. SQLite folds its write-ahead log
    /// back into the file.
    pub async fn close(&self) {
        self.stop.cancel();
        self.tasks.wait().await;
        self.db.close().await;
    }

    pub(crate) async fn begin(&self) -> Result<Tx, Fault> {
        self.db.begin().await
    }

    /// Begins a change to what people may do. The clock comes first: whoever waits, waits there, so that neither a
    /// deadlock nor a number out of order is possible.
    pub(crate) async fn write(&self) -> Result<Write, Fault> {
        let mut tx = self.begin().await?;
        let sql = "UPDATE change_clock SET seq = seq WHERE one = 1 RETURNING seq";
        let seq = within!(tx, c => sqlx::query_scalar::<_, i64>(sql).fetch_one(c).await)?;
        Ok(Write { tx, seq, changes: Vec::new() })
    }

    /// Commits the change with its entries in the feed and in the audit trail, and tells whoever waits for one.
    pub(crate) async fn commit(&self, write: Write) -> Result<(), Fault> {
        let Write { mut tx, mut seq, changes } = write;
        for batch in changes.chunks(BATCH) {
            within!(tx, c => {
                let mut query = QueryBuilder::new("INSERT INTO change_log (seq, kind, ref_id) ");
                query.push_values(batch, |mut row, (kind, id)| {
                    seq += 1;
                    row.push_bind(seq).push_bind(kind.as_str()).push_bind(id);
                });
                query.build().persistent(batch.len() == 1).execute(c).await.map(drop)
            })?;
        }
        if !changes.is_empty() {
            let sql = "UPDATE change_clock SET seq = $1 WHERE one = 1";
            within!(tx, c => sqlx::query(sql).bind(seq).execute(c).await.map(drop))?;
            if let Tx::Pg(tx) = &mut tx {
                let sql = "SELECT pg_notify($1, $2)";
                sqlx::query(sql).bind(listen::CHANNEL).bind(seq.to_string()).execute(&mut **tx).await?;
            }
        }
        recording::write_down(&mut tx).await?;
        tx.commit().await?;
        listen::raise(&self.hint, seq);
        Ok(())
    }
}

impl fmt::Debug for Metadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let engine = match self.db {
            Db::Lite { .. } => "SQLite",
            Db::Pg(_) => "PostgreSQL",
        };
        f.debug_struct("Metadata").field("engine", &engine).finish_non_exhaustive()
    }
}

impl Db {
    async fn close(&self) {
        match self {
            Self::Lite { rd, wr } => {
                rd.close().await;
                wr.close().await;
            }
            Self::Pg(pool) => pool.close().await,
        }
    }

    pub(crate) async fn begin(&self) -> Result<Tx, Fault> {
        Ok(match self {
            Self::Lite { wr, .. } => Tx::Lite(wr.begin_with("BEGIN IMMEDIATE").await?),
            Self::Pg(pool) => Tx::Pg(pool.begin().await?),
        })
    }
}
