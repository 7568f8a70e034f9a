//! Runs as processes execute them.

use portcullis_domain::{SyncRunId, Timestamp};

use super::runs::{RunRow, columns};
use super::{Fenced, RunState, RunWish, SyncRunRow, retention, stored};
use crate::db::{Db, Metadata, Tx, within, writing};
use crate::error::{During, Fault, MetadataErrorKind, Result};
use crate::row::{read, row};

const DAY_MICROS: i64 = 86_400_000_000;

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncRunEnd {
    /// One that has ended.
    pub state: RunState,
    /// Why, in words; empty if all is well.
    pub told: String,
    /// How far it came, JSON.
    pub progress: String,
    /// Now.
    pub now: Timestamp,
}

row! {
    /// What is known of a run whose row is kept for whoever holds it.
    HeldRun { site_id: String, pair_id: String, plan_id: String, job_id: Option<String>, generation: i64, settled: i64 }
}

/// The run, if whoever has this fence holds it and it has not ended. The row stays as it is until the transaction ends.
pub(crate) async fn hold_run(tx: &mut Tx, id: SyncRunId, fence: i64) -> Result<Option<HeldRun>, Fault> {
    // An update, because SQLite has no other way to say that the row is to be kept for us.
    let sql = "UPDATE sync_runs SET fence = fence WHERE id = $1 AND fence = $2 AND ended_us IS NULL \
               RETURNING site_id, pair_id, plan_id, job_id, generation, settled";
    Ok(within!(*tx, c => sqlx::query_as(sql).bind(id.to_string()).bind(fence).fetch_optional(c).await)?)
}

impl Metadata {
    /// Takes the oldest run that is to be worked on and that nobody holds, for `holder` until a moment. Whoever held it before is fenced off.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn take_sync_run(
        &self,
        holder: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<SyncRunRow>> {
        let work = async {
            let sql = concat!(
                "UPDATE sync_runs SET held_by = $1, held_until_us = $3, fence = fence + 1, \
                 started_us = COALESCE(started_us, $2), \
                 state = CASE WHEN state = 'settling' THEN state ELSE 'running' END \
                 WHERE ended_us IS NULL AND held_until_us <= $2 AND id = (SELECT q.id FROM sync_runs q \
                 WHERE q.ended_us IS NULL AND q.held_until_us <= $2 \
                 AND NOT (q.wish = 'pause' AND q.state IN ('waiting', 'paused')) ORDER BY q.created_us, q.id LIMIT 1) RETURNING ",
                columns!()
            );
            let row: Option<RunRow> = writing!(self, pool => {
                let query = sqlx::query_as(sql).bind(holder);
                query.bind(now.micros()).bind(until.micros()).fetch_optional(pool).await
            })?;
            row.map(RunRow::read).transpose()
        };
        work.await.during("take a run")
    }

    /// Holds a run further, and says what people want of it.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn renew_sync_run(
        &self,
        id: SyncRunId,
        fence: u64,
        until: Timestamp,
    ) -> Result<Fenced<RunWish>> {
        let sql = "UPDATE sync_runs SET held_until_us = $3 WHERE id = $1 AND fence = $2 AND ended_us IS NULL RETURNING wish";
        let work = async {
            let fence = stored(fence)?;
            let wish: Option<String> = writing!(self, pool => {
                let query = sqlx::query_scalar(sql).bind(id.to_string()).bind(fence);
                query.bind(until.micros()).fetch_optional(pool).await
            })?;
            wished(wish.as_deref())
        };
        work.await.during("hold a run")
    }

    /// Notes how far a run is, JSON, and says what people want of it.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn save_sync_progress(
        &self,
        id: SyncRunId,
        fence: u64,
        progress: &str,
    ) -> Result<Fenced<RunWish>> {
        let sql = "UPDATE sync_runs SET progress = $3 WHERE id = $1 AND fence = $2 AND ended_us IS NULL RETURNING wish";
        let work = async {
            let fence = stored(fence)?;
            let wish: Option<String> = writing!(self, pool => {
                let query = sqlx::query_scalar(sql).bind(id.to_string()).bind(fence);
                query.bind(progress).fetch_optional(pool).await
            })?;
            wished(wish.as_deref())
        };
        work.await.during("note how far a run is")
    }

    /// Notes that a run works or settles.
    ///
    /// # Errors
    /// [`Refused`](MetadataErrorKind::Refused) for a state in which it has ended; what any verb may give.
    pub async fn set_sync_run_state(&self, id: SyncRunId, fence: u64, state: RunState) -> Result<Fenced<()>> {
        let sql = "UPDATE sync_runs SET state = $3 WHERE id = $1 AND fence = $2 AND ended_us IS NULL";
        let work = async {
            let (fence, state) = (stored(fence)?, live(state)?);
            let rows = writing!(self, pool => {
                let query = sqlx::query(sql).bind(id.to_string()).bind(fence).bind(state.as_str());
                query.execute(pool).await.map(|done| done.rows_affected())
            })?;
            Ok::<_, Fault>(if rows == 0 { Fenced::Lost } else { Fenced::Held(()) })
        };
        work.await.during("note the state of a run")
    }

    /// Lets a run go so that another process may take it: in [`RunState::Paused`] when somebody wants to go on, in the others at once. What
    /// is written with this fence afterwards is refused.
    ///
    /// # Errors
    /// [`Refused`](MetadataErrorKind::Refused) for a state in which it has ended; what any verb may give.
    pub async fn leave_sync_run(
        &self,
        id: SyncRunId,
        fence: u64,
        state: RunState,
        progress: &str,
    ) -> Result<Fenced<()>> {
        let sql = "UPDATE sync_runs SET state = CASE WHEN $3 = 'waiting' AND wish = 'pause' THEN 'paused' ELSE $3 END, \
                   progress = $4, fence = fence + 1, held_by = '', held_until_us = 0 \
                   WHERE id = $1 AND fence = $2 AND ended_us IS NULL";
        let work = async {
            let (fence, state) = (stored(fence)?, live(state)?);
            let rows = writing!(self, pool => {
                let query = sqlx::query(sql).bind(id.to_string()).bind(fence).bind(state.as_str());
                query.bind(progress).execute(pool).await.map(|done| done.rows_affected())
            })?;
            Ok::<_, Fault>(if rows == 0 { Fenced::Lost } else { Fenced::Held(()) })
        };
        work.await.during("let a run go")
    }

    /// Ends a run, and with it its plan. It can be taken back for as many days as its pair keeps things. A job that waited for it waits for its
    /// time again.
    ///
    /// # Errors
    /// [`Refused`](MetadataErrorKind::Refused) for a state in which it has not ended; what any verb may give.
    pub async fn end_sync_run(&self, id: SyncRunId, fence: u64, end: &SyncRunEnd) -> Result<Fenced<()>> {
        let work = async {
            if !end.state.has_ended() {
                return Err(Fault::new(MetadataErrorKind::Refused, "a run does not end in this state"));
            }
            let mut tx = self.begin().await?;
            let Some(held) = hold_run(&mut tx, id, stored(fence)?).await? else { return Ok(Fenced::Lost) };
            let sql = "UPDATE sync_runs SET state = $2, told = CASE WHEN $3 = '' THEN told ELSE $3 END, progress = $4, \
                       ended_us = $5, held_by = '', held_until_us = 0, \
                       keep_until_us = $5 + $6 * (SELECT p.keep_days FROM sync_pairs p WHERE p.id = sync_runs.pair_id) \
                       WHERE id = $1";
            within!(tx, c => {
                sqlx::query(sql)
                    .bind(id.to_string())
                    .bind(end.state.as_str())
                    .bind(&end.told)
                    .bind(&end.progress)
                    .bind(end.now.micros())
                    .bind(DAY_MICROS)
                    .execute(c)
                    .await
                    .map(drop)
            })?;
            let sql = "UPDATE sync_plans SET state = 'done' WHERE id = $1 AND state = 'running'";
            within!(tx, c => sqlx::query(sql).bind(&held.plan_id).execute(c).await.map(drop))?;
            if let Some(job) = &held.job_id {
                let sql =
                    "UPDATE sync_jobs SET state = 'waiting', told = $2 WHERE id = $1 AND state = 'running'";
                within!(tx, c => sqlx::query(sql).bind(job).bind(&end.told).execute(c).await.map(drop))?;
            }
            if held.generation > 0 && held.settled == 0 {
                retention::drop_pages(&mut tx, &held.pair_id, held.generation).await?;
            }
            tx.commit().await?;
            Ok::<_, Fault>(Fenced::Held(()))
        };
        work.await.during("end a run")
    }

    /// Frees what an earlier process held, so that a process that starts goes on at once. A database in a file has one process; on one that several
    /// nodes share nothing is freed, and what they hold runs out. Gives how many plans and runs there were.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn free_sync_holds(&self) -> Result<u64> {
        let work = async {
            let Db::Lite { wr, .. } = &self.db else { return Ok(0) };
            let runs = "UPDATE sync_runs SET held_until_us = 0 WHERE ended_us IS NULL AND held_until_us > 0";
            let plans =
                "UPDATE sync_plans SET held_until_us = 0 WHERE state = 'planning' AND held_until_us > 0";
            let runs = sqlx::query(runs).execute(wr).await?.rows_affected();
            let plans = sqlx::query(plans).execute(wr).await?.rows_affected();
            Ok::<_, Fault>(runs + plans)
        };
        work.await.during("free what an earlier process held")
    }
}

fn live(state: RunState) -> Result<RunState, Fault> {
    if state.has_ended() {
        return Err(Fault::new(MetadataErrorKind::Refused, "a run does not go on in this state"));
    }
    Ok(state)
}

fn wished(wish: Option<&str>) -> Result<Fenced<RunWish>, Fault> {
    Ok(match wish {
        Some(wish) => Fenced::Held(read("wish", wish)?),
        None => Fenced::Lost,
    })
}
