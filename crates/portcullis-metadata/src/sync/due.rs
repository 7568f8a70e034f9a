//! Jobs whose time has come.

use portcullis_domain::{SyncJobId, Timestamp};

use super::jobs::{JobRow, columns};
use super::{JobState, NewSyncPlan, SyncJobRow, SyncPlanRow, stored};
use crate::db::{Metadata, reading, within, writing};
use crate::error::{During, Fault, Result};

impl Metadata {
    /// Up to `limit` (1 to 1,000) jobs that begin by themselves, wait, and should have begun by now; the one that waits longest first.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn due_sync_jobs(&self, now: Timestamp, limit: u32) -> Result<Vec<SyncJobRow>> {
        let sql = concat!(
            "SELECT ",
            columns!(),
            " FROM sync_jobs WHERE enabled = 1 AND state = 'waiting' AND next_us <= $1 ORDER BY next_us LIMIT $2"
        );
        let limit = i64::from(limit.clamp(1, 1_000));
        let rows = reading!(self, pool => {
            sqlx::query_as::<_, JobRow>(sql).bind(now.micros()).bind(limit).fetch_all(pool).await
        });
        rows.map_err(Fault::from)
            .and_then(|rows| rows.into_iter().map(JobRow::read).collect())
            .during("look for jobs whose time has come")
    }

    /// Begins a job with a plan, and says when it is to begin next. None if it is no longer as `before`: of several nodes that begin it at once, one
    /// does.
    ///
    /// # Errors
    /// [`NotFound`](crate::MetadataErrorKind::NotFound) if a storage has ended; what any verb may give.
    pub async fn begin_sync_job(
        &self,
        before: &SyncJobRow,
        plan: &NewSyncPlan,
        next: Option<Timestamp>,
    ) -> Result<Option<SyncPlanRow>> {
        let work = async {
            let mut write = self.write().await?;
            let sql = "UPDATE sync_jobs SET state = 'planning', told = '', last_plan = $2, next_us = $3 \
                       WHERE id = $1 AND version = $4 AND state = $5 AND COALESCE(next_us, 0) = $6 \
                       AND COALESCE(last_plan, '') = $7";
            let version = stored(before.version)?;
            let rows = within!(write.tx, c => {
                sqlx::query(sql)
                    .bind(before.id.to_string())
                    .bind(plan.id.to_string())
                    .bind(next.map(Timestamp::micros))
                    .bind(version)
                    .bind(before.state.as_str())
                    .bind(before.next.map_or(0, Timestamp::micros))
                    .bind(before.last_plan.map(|plan| plan.to_string()).unwrap_or_default())
                    .execute(c)
                    .await
                    .map(|done| done.rows_affected())
            })?;
            if rows == 0 {
                return Ok(None);
            }
            let row = write.insert_sync_plan(plan).await?;
            self.commit(write).await?;
            Ok::<_, Fault>(Some(row))
        };
        work.await.during("begin a job")
    }

    /// Notes what a job does at the moment, and why; false if there is none such, or it was switched off because a storage has ended.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn note_sync_job(&self, id: SyncJobId, state: JobState, told: &str) -> Result<bool> {
        let sql = "UPDATE sync_jobs SET state = $2, told = $3 WHERE id = $1 AND state <> 'off'";
        let rows = writing!(self, pool => {
            let query = sqlx::query(sql).bind(id.to_string()).bind(state.as_str()).bind(told);
            query.execute(pool).await.map(|done| done.rows_affected())
        });
        rows.map(|rows| rows > 0).during("note what a job does")
    }
}
