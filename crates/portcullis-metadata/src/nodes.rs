//! The processes that share the database: which of them live, how far each has followed the feed, and what each cut off.
//!
//! A node counts as living by its beat, a number that grows with every sign of life, and for as long as whoever looks has seen it
//! grow lately. So it takes no two clocks that agree. A database in a file has one process, and none of this is done.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use portcullis_domain::Timestamp;
use uuid::Uuid;

use crate::changes::ChangeKind;
use crate::db::{Db, Metadata, reading, within, writing};
use crate::error::{During, Fault, Result};
use crate::row::row;

/// The row of a process that has given no sign of life goes after so long.
const KEPT: Duration = Duration::from_secs(86_400);
/// What was cut is kept for receipts, which are written within seconds.
const CUTS_KEPT: Duration = Duration::from_secs(3_600);

/// The setting that marks when somebody last looked at what is under way.
const LOOKED: &str = "transfers_looked_at";

/// This process among those on the database.
pub(crate) struct Own {
    id: String,
    name: String,
    /// Beat of each other node, and when it was first seen.
    seen: Mutex<HashMap<String, (i64, Instant)>>,
}

/// What a change cut off on the node that tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeCut {
    /// The change's number in the feed.
    pub seq: i64,
    /// Transfers that it cut.
    pub transfers: u32,
    /// How long after the node had heard of the change the last byte could come or go by them.
    pub last_byte: Option<Duration>,
}

/// Another node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeSeen {
    /// The process.
    pub id: String,
    /// The machine's name.
    pub name: String,
    /// The last change that it has put in force.
    pub seen_seq: i64,
    /// Since when no sign of life was seen, on the clock of this process.
    pub quiet: Duration,
}

/// What another node cut off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CutElsewhere {
    /// The process.
    pub node: String,
    /// Transfers that it cut.
    pub transfers: u32,
}

/// The transfers that a node shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownTransfers {
    /// The process.
    pub node: String,
    /// The machine's name.
    pub name: String,
    /// As that node wrote it.
    pub json: String,
}

row! {
    NodeRow { id: String, name: String, beat: i64, seen_seq: i64 }
}
row! {
    CutRow { node_id: String, transfers: i64 }
}
row! {
    ShownRow { id: String, name: String, transfers: String }
}

const BEAT: &str = "INSERT INTO nodes (id, name, started_us, heard_us, beat, seen_seq) VALUES ($1, $2, $3, $3, 1, $4) \
     ON CONFLICT (id) DO UPDATE SET beat = nodes.beat + 1, heard_us = excluded.heard_us, seen_seq = excluded.seen_seq";
const CUT: &str = "INSERT INTO node_cuts (node_id, seq, after_seq, transfers, last_byte_us, at_us) VALUES ($1, $2, $3, $4, $5, $6) \
     ON CONFLICT (node_id, seq) DO UPDATE SET transfers = node_cuts.transfers + excluded.transfers";

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

impl Metadata {
    /// The same database, of which this process is a node of that name; on a database in a file it is the only one.
    #[must_use]
    pub fn as_node(mut self, name: &str) -> Self {
        if let Db::Pg(_) = self.db {
            let (id, name) = (Uuid::now_v7().to_string(), name.to_owned());
            self.node = Some(Arc::new(Own { id, name, seen: Mutex::default() }));
        }
        self
    }

    /// This process among those on the database: id and name. None if it is alone.
    #[must_use]
    pub fn node(&self) -> Option<(&str, &str)> {
        self.node.as_deref().map(|own| (own.id.as_str(), own.name.as_str()))
    }

    /// Makes this process known to the others: whoever commits a change from now on waits for it.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn join(&self, now: Timestamp) -> Result<()> {
        self.beat(0, &[], now).await
    }

    /// A sign of life: this process has put in force every change up to `seen`, and cut off this. Looks at the others, too.
    ///
    /// # Errors
    /// What any verb may give; then the others may not know.
    pub async fn beat(&self, seen: i64, cuts: &[NodeCut], now: Timestamp) -> Result<()> {
        let Some(own) = &self.node else { return Ok(()) };
        let work = async {
            let mut tx = self.begin().await?;
            for cut in cuts {
                let (transfers, last) = (i64::from(cut.transfers), cut.last_byte.map(micros));
                within!(tx, c => {
                    let cut = sqlx::query(CUT).bind(&own.id).bind(cut.seq).bind(cut.seq - 1).bind(transfers);
                    cut.bind(last).bind(now.micros()).execute(c).await.map(drop)
                })?;
            }
            within!(tx, c => {
                let beat = sqlx::query(BEAT).bind(&own.id).bind(&own.name).bind(now.micros()).bind(seen);
                beat.execute(c).await.map(drop)
            })?;
            tx.commit().await?;
            self.look(own).await.map(drop)
        };
        work.await.during("give a sign of life")
    }

    /// The other nodes that have a row, living or not.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn other_nodes(&self) -> Result<Vec<NodeSeen>> {
        match &self.node {
            Some(own) => self.look(own).await.during("look at the other nodes"),
            None => Ok(Vec::new()),
        }
    }

    /// The other nodes as they were when this process last looked, for when the database does not answer.
    #[must_use]
    pub fn nodes_known(&self) -> Vec<NodeSeen> {
        let Some(own) = &self.node else { return Vec::new() };
        let seen = own.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let known = seen.iter().map(|(id, (_, at))| NodeSeen {
            id: id.clone(),
            name: String::new(),
            seen_seq: 0,
            quiet: at.elapsed(),
        });
        known.collect()
    }

    async fn look(&self, own: &Own) -> Result<Vec<NodeSeen>, Fault> {
        let sql = "SELECT id, name, beat, seen_seq FROM nodes WHERE id <> $1 ORDER BY id";
        let rows =
            reading!(self, pool => sqlx::query_as::<_, NodeRow>(sql).bind(&own.id).fetch_all(pool).await)?;
        let mut seen = own.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.retain(|id, _| rows.iter().any(|row| row.id == *id));
        let looked = rows.into_iter().map(|NodeRow { id, name, beat, seen_seq }| {
            let known = seen.entry(id.clone()).or_insert_with(|| (beat, Instant::now()));
            if known.0 != beat {
                *known = (beat, Instant::now());
            }
            NodeSeen { id, name, seen_seq, quiet: known.1.elapsed() }
        });
        Ok(looked.collect())
    }

    /// What the other nodes cut off for changes of these records after the change with this number.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn cuts_elsewhere(
        &self,
        after: i64,
        changes: &[(ChangeKind, String)],
    ) -> Result<Vec<CutElsewhere>> {
        let Some(own) = &self.node else { return Ok(Vec::new()) };
        let work = async {
            let sql = "SELECT c.node_id AS node_id, c.transfers AS transfers FROM node_cuts c \
                       JOIN change_log l ON l.seq = c.seq \
                       WHERE c.seq > $1 AND c.node_id <> $2 AND l.kind = $3 AND l.ref_id = $4";
            let mut cuts = Vec::new();
            for (kind, id) in changes {
                let rows = reading!(self, pool => {
                    let found = sqlx::query_as::<_, CutRow>(sql).bind(after).bind(&own.id).bind(kind.as_str());
                    found.bind(id).fetch_all(pool).await
                })?;
                let cut = rows.into_iter().map(|row| CutElsewhere {
                    node: row.node_id,
                    transfers: u32::try_from(row.transfers).unwrap_or(0),
                });
                cuts.extend(cut);
            }
            Ok::<_, Fault>(cuts)
        };
        work.await.during("read what other nodes cut off")
    }

    /// Has a transfer cut off, on whichever node it is under way.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn cut_transfer(&self, id: &str) -> Result<()> {
        let work = async {
            let mut write = self.write().await?;
            write.note(ChangeKind::Transfer, &id);
            self.commit(write).await
        };
        work.await.during("cut a transfer off")
    }

    /// Notes that somebody looks at what is under way, so that the nodes show it.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn note_look(&self, now: Timestamp) -> Result<()> {
        let sql = "INSERT INTO settings (name, value) VALUES ($1, $2) \
                   ON CONFLICT (name) DO UPDATE SET value = excluded.value";
        let mark = now.micros().to_be_bytes().to_vec();
        writing!(self, pool => sqlx::query(sql).bind(LOOKED).bind(mark).execute(pool).await.map(drop))
            .during("note that somebody looks")
    }

    /// The mark of the last look; another one after each.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn last_look(&self) -> Result<Option<i64>> {
        let mark = self.setting(LOOKED).await?;
        Ok(mark.and_then(|mark| Some(i64::from_be_bytes(mark.try_into().ok()?))))
    }

    /// Shows the others what is under way on this node.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn show_transfers(&self, json: &str, now: Timestamp) -> Result<()> {
        let Some(own) = &self.node else { return Ok(()) };
        let sql = "UPDATE nodes SET transfers = $2, transfers_us = $3 WHERE id = $1";
        let shown = writing!(self, pool => {
            sqlx::query(sql).bind(&own.id).bind(json).bind(now.micros()).execute(pool).await.map(drop)
        });
        shown.during("show transfers")
    }

    /// What the other living nodes show, as of the last time they wrote it. `lively` is how long ago the last sign of life of one that
    /// lives may have been.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn shown_transfers(&self, lively: Duration) -> Result<Vec<ShownTransfers>> {
        let Some(own) = &self.node else { return Ok(Vec::new()) };
        let work = async {
            let quiet = self.look(own).await?;
            let sql = "SELECT id, name, transfers FROM nodes WHERE id <> $1 ORDER BY id";
            let mut rows = reading!(self, pool => sqlx::query_as::<_, ShownRow>(sql).bind(&own.id).fetch_all(pool).await)?;
            rows.retain(|row| quiet.iter().any(|node| node.id == row.id && node.quiet <= lively));
            let shown = |row: ShownRow| ShownTransfers { node: row.id, name: row.name, json: row.transfers };
            Ok::<_, Fault>(rows.into_iter().map(shown).collect())
        };
        work.await.during("read what other nodes show")
    }

    /// This process ends: nobody waits for it any more.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn leave(&self) -> Result<()> {
        let Some(own) = &self.node else { return Ok(()) };
        let sql = "DELETE FROM nodes WHERE id = $1";
        writing!(self, pool => sqlx::query(sql).bind(&own.id).execute(pool).await.map(drop)).during("leave")
    }

    /// Removes processes that have given no sign of life for a day, and what was cut more than an hour ago.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn purge_nodes(&self, now: Timestamp) -> Result<()> {
        let work = async {
            let quiet = "DELETE FROM nodes WHERE heard_us < $1";
            let before = now.before(KEPT).micros();
            writing!(self, pool => sqlx::query(quiet).bind(before).execute(pool).await.map(drop))?;
            let cuts = "DELETE FROM node_cuts WHERE at_us < $1";
            let before = now.before(CUTS_KEPT).micros();
            writing!(self, pool => sqlx::query(cuts).bind(before).execute(pool).await.map(drop))?;
            Ok::<_, Fault>(())
        };
        work.await.during("remove what nodes left")
    }
}
