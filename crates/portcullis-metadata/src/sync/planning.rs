//! Plans as processes make them.

use portcullis_domain::{SyncPlanId, Timestamp};

use super::plans::{PlanRow, columns};
use super::{Fenced, PlanFinish, PlanState, SyncPlanRow, retention, stored};
use crate::db::{Metadata, Tx, within, writing};
use crate::error::{During, Fault, Result};
use crate::row::row;

/// What came of planning. What is said to be JSON is as in [`SyncPlanRow`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncPlanEnd {
    /// [`PlanState::Ready`], or [`PlanState::Failed`].
    pub state: PlanState,
    /// What there is to do in numbers, JSON.
    pub totals: String,
    /// What stands against running it, JSON.
    pub guards: String,
    /// What comparing took and running will take, JSON.
    pub cost: String,
    /// What cannot be ruled out, JSON.
    pub risks: String,
    /// Why it failed, in words.
    pub told: String,
    /// Now.
    pub planned: Timestamp,
}

row! {
    BaseRow { base_generation: i64, current: i64 }
}

impl Metadata {
    /// Takes the oldest plan that is to be made and that nobody holds, for `holder` until a moment. It is made from the beginning: against what
    /// both sides agree on now, and with pages of its own; those of an earlier attempt are dropped.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn take_sync_plan(
        &self,
        holder: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<SyncPlanRow>> {
        let work = async {
            let mut tx = self.begin().await?;
            let sql = concat!(
                "UPDATE sync_plans SET held_by = $1, held_until_us = $3, fence = fence + 1, progress = '{}', \
                 base_generation = (SELECT p.base_generation FROM sync_pairs p WHERE p.id = sync_plans.pair_id) \
                 WHERE state = 'planning' AND held_until_us <= $2 AND id = (SELECT q.id FROM sync_plans q \
                 WHERE q.state = 'planning' AND q.held_until_us <= $2 ORDER BY q.id LIMIT 1) RETURNING ",
                columns!()
            );
            let row = within!(tx, c => {
                let query = sqlx::query_as::<_, PlanRow>(sql).bind(holder);
                query.bind(now.micros()).bind(until.micros()).fetch_optional(c).await
            })?;
            let Some(row) = row else { return Ok(None) };
            if row.fence > 1 {
                retention::drop_pages(&mut tx, &row.id, row.fence - 1).await?;
            }
            tx.commit().await?;
            row.read().map(Some)
        };
        work.await.during("take a plan to make it")
    }

    /// Holds a plan further while it is made, and notes how far that is, if given.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn renew_sync_plan(
        &self,
        id: SyncPlanId,
        fence: u64,
        until: Timestamp,
        progress: Option<&str>,
    ) -> Result<Fenced<()>> {
        let work = async {
            let sql = "UPDATE sync_plans SET held_until_us = $3, progress = COALESCE($4, progress) \
                       WHERE id = $1 AND fence = $2 AND state = 'planning'";
            let fence = stored(fence)?;
            let rows = writing!(self, pool => {
                let query = sqlx::query(sql).bind(id.to_string()).bind(fence).bind(until.micros());
                query.bind(progress).execute(pool).await.map(|done| done.rows_affected())
            })?;
            Ok::<_, Fault>(if rows == 0 { Fenced::Lost } else { Fenced::Held(()) })
        };
        work.await.during("hold a plan")
    }

    /// Says what came of planning, unless what both sides agree on has changed meanwhile: then the plan waits to be made anew.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn finish_sync_plan(
        &self,
        id: SyncPlanId,
        fence: u64,
        end: &SyncPlanEnd,
    ) -> Result<PlanFinish> {
        let work = async {
            let mut tx = self.begin().await?;
            if !holds_plan(&mut tx, id, stored(fence)?).await? {
                return Ok(PlanFinish::Lost);
            }
            let sql = "SELECT l.base_generation, p.base_generation AS current FROM sync_plans l \
                       JOIN sync_pairs p ON p.id = l.pair_id WHERE l.id = $1";
            let row: BaseRow = within!(tx, c => sqlx::query_as(sql).bind(id.to_string()).fetch_one(c).await)?;
            // Also if it failed: what it was compared with may have gone while it was read.
            if row.base_generation != row.current {
                let sql = "UPDATE sync_plans SET held_by = '', held_until_us = 0 WHERE id = $1";
                within!(tx, c => sqlx::query(sql).bind(id.to_string()).execute(c).await.map(drop))?;
                tx.commit().await?;
                return Ok(PlanFinish::BaseMoved);
            }
            let sql = "UPDATE sync_plans SET state = $2, totals = $3, guards = $4, cost = $5, risks = $6, told = $7, \
                       planned_us = $8, held_by = '', held_until_us = 0 WHERE id = $1";
            within!(tx, c => {
                sqlx::query(sql)
                    .bind(id.to_string())
                    .bind(end.state.as_str())
                    .bind(&end.totals)
                    .bind(&end.guards)
                    .bind(&end.cost)
                    .bind(&end.risks)
                    .bind(&end.told)
                    .bind(end.planned.micros())
                    .execute(c)
                    .await
                    .map(drop)
            })?;
            if end.state != PlanState::Ready {
                retention::drop_pages(&mut tx, &id.to_string(), stored(fence)?).await?;
            }
            tx.commit().await?;
            Ok::<_, Fault>(PlanFinish::Finished)
        };
        work.await.during("finish a plan")
    }
}

/// Whether whoever has this fence makes the plan. The row stays as it is until the transaction ends.
pub(crate) async fn holds_plan(tx: &mut Tx, id: SyncPlanId, fence: i64) -> Result<bool, Fault> {
    // An update, because SQLite has no other way to say that the row is to be kept for us.
    let sql = "UPDATE sync_plans SET fence = fence WHERE id = $1 AND fence = $2 AND state = 'planning'";
    let rows = within!(*tx, c => {
        sqlx::query(sql).bind(id.to_string()).bind(fence).execute(c).await.map(|done| done.rows_affected())
    })?;
    Ok(rows > 0)
}
