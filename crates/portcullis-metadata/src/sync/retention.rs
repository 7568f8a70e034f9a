//! Deleting what nobody reads again, a few rows at a time: each verb is called until it gives 0.

use portcullis_domain::Timestamp;

use crate::db::{Metadata, Tx, within, writing};
use crate::error::{During, Fault, Result};
use crate::row::row;

/// The most owners of pages that one call looks at.
const OWNERS: u32 = 100;
/// The most pages that one call deletes: each is tens of kilobytes, and whoever wants to write waits meanwhile.
const PAGES: u32 = 128;

row! {
    OwnerRow { owner: String, generation: i64 }
}
row! {
    RunToEmpty { id: String, plan_id: String, fence: i64 }
}
row! {
    RetiredRow { id: String, fence: i64 }
}

/// Has these pages deleted a few at a time. Nobody may write more of them afterwards.
pub(crate) async fn drop_pages(tx: &mut Tx, owner: &str, generation: i64) -> Result<(), Fault> {
    let sql = "INSERT INTO sync_dropped (owner, generation) VALUES ($1, $2) ON CONFLICT (owner, generation) DO NOTHING";
    within!(*tx, c => sqlx::query(sql).bind(owner).bind(generation).execute(c).await.map(drop))?;
    Ok(())
}

impl Metadata {
    /// Deletes up to `limit` pages that were dropped, and 128, and says how many there were, those who had them counted too.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn drop_sync_pages(&self, limit: u32) -> Result<u64> {
        let work = async {
            let (mut left, mut gone) = (u64::from(limit.min(PAGES)), 0);
            let mut tx = self.begin().await?;
            for _ in 0..OWNERS {
                let sql = "SELECT owner, generation FROM sync_dropped ORDER BY owner, generation LIMIT 1";
                let next: Option<OwnerRow> = within!(tx, c => sqlx::query_as(sql).fetch_optional(c).await)?;
                let Some(OwnerRow { owner, generation }) = next.filter(|_| left > 0) else { break };
                let sql = "DELETE FROM sync_pages WHERE owner = $1 AND generation = $2 AND no IN \
                           (SELECT q.no FROM sync_pages q WHERE q.owner = $1 AND q.generation = $2 ORDER BY q.no LIMIT $3)";
                let most = super::stored(left)?;
                let rows = within!(tx, c => {
                    let query = sqlx::query(sql).bind(&owner).bind(generation).bind(most);
                    query.execute(c).await.map(|done| done.rows_affected())
                })?;
                (left, gone) = (left.saturating_sub(rows), gone + rows);
                if left == 0 {
                    break;
                }
                let sql = "DELETE FROM sync_dropped WHERE owner = $1 AND generation = $2";
                gone += within!(tx, c => {
                    let query = sqlx::query(sql).bind(owner).bind(generation);
                    query.execute(c).await.map(|done| done.rows_affected())
                })?;
            }
            tx.commit().await?;
            Ok::<_, Fault>(gone)
        };
        work.await.during("delete pages")
    }

    /// Deletes up to `limit` steps of a run that cannot be taken back any more, and at the end drops the pages of its plan. A run stays whole while
    /// a plan that takes it back is made or run. Gives how many there were, the run counted too.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn drop_sync_steps(&self, now: Timestamp, limit: u32) -> Result<u64> {
        let work = async {
            let mut tx = self.begin().await?;
            let sql = "SELECT r.id, r.plan_id, l.fence FROM sync_runs r JOIN sync_plans l ON l.id = r.plan_id \
                       WHERE r.emptied = 0 AND r.keep_until_us <= $1 AND NOT EXISTS (SELECT 1 FROM sync_plans q \
                       WHERE q.restores_run = r.id AND q.state IN ('planning', 'ready', 'running')) \
                       ORDER BY r.keep_until_us LIMIT 1";
            let run: Option<RunToEmpty> =
                within!(tx, c => sqlx::query_as(sql).bind(now.micros()).fetch_optional(c).await)?;
            let Some(RunToEmpty { id, plan_id, fence }) = run else { return Ok(0) };
            let sql = "DELETE FROM sync_steps WHERE run_id = $1 AND seq IN \
                       (SELECT q.seq FROM sync_steps q WHERE q.run_id = $1 ORDER BY q.seq LIMIT $2)";
            let mut gone = within!(tx, c => {
                let query = sqlx::query(sql).bind(&id).bind(i64::from(limit));
                query.execute(c).await.map(|done| done.rows_affected())
            })?;
            if gone < u64::from(limit) {
                let sql = "UPDATE sync_runs SET emptied = 1 WHERE id = $1 AND emptied = 0";
                gone += within!(tx, c => {
                    sqlx::query(sql).bind(&id).execute(c).await.map(|done| done.rows_affected())
                })?;
                drop_pages(&mut tx, &plan_id, fence).await?;
            }
            tx.commit().await?;
            Ok::<_, Fault>(gone)
        };
        work.await.during("delete the steps of a run")
    }

    /// Discards up to `limit` plans that were ready before this moment and that nobody has run, with this reason; gives how many there were.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn retire_sync_plans(&self, before: Timestamp, told: &str, limit: u32) -> Result<u64> {
        let work = async {
            let mut tx = self.begin().await?;
            let sql = "UPDATE sync_plans SET state = 'discarded', told = $2 WHERE state = 'ready' AND id IN \
                       (SELECT q.id FROM sync_plans q WHERE q.state = 'ready' AND q.planned_us < $1 \
                       ORDER BY q.planned_us LIMIT $3) RETURNING id, fence";
            let retired: Vec<RetiredRow> = within!(tx, c => {
                let query = sqlx::query_as(sql).bind(before.micros()).bind(told).bind(i64::from(limit));
                query.fetch_all(c).await
            })?;
            for RetiredRow { id, fence } in &retired {
                drop_pages(&mut tx, id, *fence).await?;
            }
            tx.commit().await?;
            u64::try_from(retired.len()).map_err(|_| Fault::corrupt("more plans than can be counted"))
        };
        work.await.during("discard old plans")
    }

    /// Forgets up to `limit` of what was kept in storages that were deleted since: nobody reaches it any more. Gives how many there were.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn forget_kept_of_deleted(&self, limit: u32) -> Result<u64> {
        let sql = "DELETE FROM sync_kept WHERE id IN (SELECT k.id FROM storages s JOIN sync_kept k ON k.storage_id = s.id \
                   WHERE s.state = 'deleted' LIMIT $1)";
        let rows = writing!(self, pool => {
            sqlx::query(sql).bind(i64::from(limit)).execute(pool).await.map(|done| done.rows_affected())
        });
        rows.during("forget what was kept in deleted storages")
    }

    /// Deletes up to `limit` runs that ended before this moment, of which nothing is left to take back, and as many plans that were made
    /// before it and have no run; gives how many there were.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn purge_sync_history(&self, before: Timestamp, limit: u32) -> Result<u64> {
        let work = async {
            let mut gone = 0;
            let mut tx = self.begin().await?;
            let runs = "DELETE FROM sync_runs WHERE id IN (SELECT r.id FROM sync_runs r \
                        WHERE r.emptied = 1 AND r.ended_us < $1 \
                        AND NOT EXISTS (SELECT 1 FROM sync_kept k WHERE k.run_id = r.id) \
                        AND NOT EXISTS (SELECT 1 FROM sync_steps t WHERE t.run_id = r.id) LIMIT $2)";
            let plans = "DELETE FROM sync_plans WHERE state IN ('failed', 'done', 'discarded') AND id IN \
                         (SELECT l.id FROM sync_plans l WHERE l.created_us < $1 AND l.state IN ('failed', 'done', 'discarded') \
                         AND NOT EXISTS (SELECT 1 FROM sync_runs r WHERE r.plan_id = l.id) LIMIT $2)";
            for sql in [runs, plans] {
                gone += within!(tx, c => {
                    let query = sqlx::query(sql).bind(before.micros()).bind(i64::from(limit));
                    query.execute(c).await.map(|done| done.rows_affected())
                })?;
            }
            tx.commit().await?;
            Ok::<_, Fault>(gone)
        };
        work.await.during("purge the history of runs")
    }
}
