//! How far the audit trail was sent on to places outside. The trail is the queue: a sink is a number in it.

use portcullis_domain::trail::ChainedEvent;
use portcullis_domain::{SiteId, Timestamp};
use sqlx::QueryBuilder;

use crate::audit::{EventRow, columns};
use crate::db::{Metadata, reading, writing};
use crate::error::{During, Fault, Result};
use crate::row::{Both, clip, hash, number, row};

/// What is known of a place to which the trail is sent on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SinkRow {
    /// Its name in the configuration.
    pub name: String,
    /// The number of the last entry that it has.
    pub sent: i64,
    /// Since when it takes nothing; none if all is well.
    pub failing_since: Option<Timestamp>,
    /// Why, in words; empty if all is well.
    pub problem: String,
}

/// Entries for a sink.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SinkBatch {
    /// The entries in their order, each with the number that it has among those of all sites.
    pub entries: Vec<(i64, ChainedEvent)>,
    /// The number up to which this is everything.
    pub reached: i64,
}

/// What a sink has not had.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SinkBacklog {
    /// How many entries.
    pub entries: u64,
    /// When the first of them was written.
    pub oldest: Option<Timestamp>,
}

row! {
    StateRow { name: String, sent_id: i64, failing_since_us: Option<i64>, problem: String }
}
row! {
    NumberRow { id: i64, seq: i64, hash: Vec<u8> }
}
row! {
    BacklogRow { entries: i64, oldest: Option<i64> }
}

impl StateRow {
    fn read(self) -> SinkRow {
        SinkRow {
            name: self.name,
            sent: self.sent_id,
            failing_since: self.failing_since_us.map(Timestamp::from_micros),
            problem: self.problem,
        }
    }
}

/// Narrows a query to the entries of these sites; none for all.
macro_rules! of_sites {
    ($query:expr, $sites:expr) => {
        if let Some(sites) = $sites {
            $query.push(" AND site_id IN (''");
            for site in sites {
                $query.push(", ").push_bind(site.to_string());
            }
            $query.push(")");
        }
    };
}

impl Metadata {
    /// Gets to know a sink: it has what is written from now on. One that is known goes on where it was.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn begin_sink(&self, name: &str) -> Result<()> {
        let sql = "INSERT INTO audit_sinks (name, sent_id) SELECT $1, COALESCE(MAX(id), 0) FROM audit \
                   WHERE 1 = 1 ON CONFLICT (name) DO NOTHING";
        let done = writing!(self, pool => sqlx::query(sql).bind(name).execute(pool).await.map(drop));
        done.during("get to know a place for the audit trail")
    }

    /// Takes a sink for `holder` until a moment, unless another holds it now; gives the number of the last entry that it has. Who holds it
    /// may take it again.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn hold_sink(
        &self,
        name: &str,
        holder: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<i64>> {
        let sql = "UPDATE audit_sinks SET held_by = $2, held_until_us = $4 \
                   WHERE name = $1 AND (held_by = $2 OR held_until_us <= $3) RETURNING sent_id";
        let sent = writing!(self, pool => {
            let query = sqlx::query_scalar(sql).bind(name).bind(holder);
            query.bind(now.micros()).bind(until.micros()).fetch_optional(pool).await
        });
        sent.during("hold a place for the audit trail")
    }

    /// Up to `limit` entries after this number, of these sites or of all.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn sink_batch(&self, after: i64, sites: Option<&[SiteId]>, limit: u32) -> Result<SinkBatch> {
        let work = async {
            // First: what is written meanwhile is not among what was looked through.
            let sql = "SELECT COALESCE(MAX(id), 0) FROM audit";
            let last: i64 = reading!(self, pool => sqlx::query_scalar(sql).fetch_one(pool).await)?;
            let rows = reading!(self, pool => {
                let mut query =
                    QueryBuilder::new(concat!("SELECT id, seq, hash, ", columns!(), " FROM audit WHERE seq > 0 AND id > "));
                query.push_bind(after).push(" AND id <= ").push_bind(last);
                of_sites!(query, sites);
                query.push(" ORDER BY id LIMIT ").push_bind(i64::from(limit));
                query.build_query_as::<Both<NumberRow, EventRow>>().fetch_all(pool).await
            })?;
            let read = |Both(row, event): Both<NumberRow, EventRow>| {
                let (seq, hash) = (number("seq", row.seq)?, hash("hash", &row.hash)?);
                Ok((row.id, ChainedEvent { event: event.read()?, seq, hash }))
            };
            let entries: Vec<_> = rows.into_iter().map(read).collect::<Result<_, Fault>>()?;
            let full = u32::try_from(entries.len()).is_ok_and(|count| count >= limit);
            let reached = entries.last().filter(|_| full).map_or(last.max(after), |(id, _)| *id);
            Ok::<_, Fault>(SinkBatch { entries, reached })
        };
        work.await.during("read the audit trail for a place outside")
    }

    /// Notes that a sink has everything up to this number, if `holder` still holds it; false if not.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn sink_has(&self, name: &str, holder: &str, sent: i64) -> Result<bool> {
        let sql = "UPDATE audit_sinks SET sent_id = CASE WHEN sent_id > $3 THEN sent_id ELSE $3 END, \
                   failing_since_us = NULL, problem = '' WHERE name = $1 AND held_by = $2";
        let rows = writing!(self, pool => {
            let query = sqlx::query(sql).bind(name).bind(holder).bind(sent);
            query.execute(pool).await.map(|done| done.rows_affected())
        });
        rows.map(|rows| rows > 0).during("note what a place for the audit trail has")
    }

    /// Notes why a sink takes nothing; at most 500 bytes are kept. The time of the first failure in a row stays.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn sink_failed(&self, name: &str, now: Timestamp, problem: &str) -> Result<()> {
        let sql = "UPDATE audit_sinks SET failing_since_us = COALESCE(failing_since_us, $2), problem = $3 \
                   WHERE name = $1";
        let done = writing!(self, pool => {
            let query = sqlx::query(sql).bind(name).bind(now.micros()).bind(clip(problem, 500));
            query.execute(pool).await.map(drop)
        });
        done.during("note what ails a place for the audit trail")
    }

    /// What is known of every sink, by name.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn sinks(&self) -> Result<Vec<SinkRow>> {
        let sql = "SELECT name, sent_id, failing_since_us, problem FROM audit_sinks ORDER BY name";
        let rows = reading!(self, pool => sqlx::query_as::<_, StateRow>(sql).fetch_all(pool).await);
        rows.map(|rows| rows.into_iter().map(StateRow::read).collect())
            .during("list the places for the audit trail")
    }

    /// What a sink that has everything up to this number has not had, of these sites or of all.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn sink_backlog(&self, sent: i64, sites: Option<&[SiteId]>) -> Result<SinkBacklog> {
        let work = async {
            let row = reading!(self, pool => {
                let mut query = QueryBuilder::new(
                    "SELECT COUNT(*) AS entries, MIN(at_us) AS oldest FROM audit WHERE seq > 0 AND id > ",
                );
                query.push_bind(sent);
                of_sites!(query, sites);
                query.build_query_as::<BacklogRow>().fetch_one(pool).await
            })?;
            let entries = number("entries", row.entries)?;
            Ok::<_, Fault>(SinkBacklog { entries, oldest: row.oldest.map(Timestamp::from_micros) })
        };
        work.await.during("count what a place for the audit trail has not had")
    }
}
