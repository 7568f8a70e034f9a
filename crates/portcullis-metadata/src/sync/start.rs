//! Beginning to run a plan.

use portcullis_domain::{SiteId, SyncPlanId, SyncRunId, Timestamp};

use super::plans::missing_or_stale;
use super::runs::{RunRow, columns};
use super::{RunStart, SyncRunRow};
use crate::db::{Metadata, Write, within};
use crate::error::{During, Fault, Result};
use crate::row::{Both, row};

/// A run that is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSyncRun {
    /// Its id.
    pub id: SyncRunId,
    /// The site.
    pub site: SiteId,
    /// What it executes.
    pub plan: SyncPlanId,
    /// The guards that are approved, JSON.
    pub approved: String,
    /// How it is executed, JSON.
    pub settings: String,
    /// Who wants it.
    pub actor: String,
    /// Now.
    pub created: Timestamp,
}

row! {
    PlannedRow {
        base_generation: i64,
        current: i64,
        mode: String,
        storage_id: String,
        storage_prefix: String,
        bucket_id: String,
        bucket_prefix: String,
    }
}
row! {
    IdRow { id: String }
}
row! {
    PlacesRow {
        mode: String,
        storage_id: String,
        storage_prefix: String,
        bucket_id: String,
        bucket_prefix: String,
    }
}

/// A side that a run reads, and may write to.
struct Place<'a> {
    storage: &'a str,
    prefix: &'a str,
    written: bool,
}

impl PlacesRow {
    /// Only a run both ways writes to what it was named after; a copy and a mirror leave their source as it is.
    fn places(&self) -> [Place<'_>; 2] {
        let one_way = matches!(self.mode.as_str(), "copy" | "mirror");
        [
            Place { storage: &self.storage_id, prefix: &self.storage_prefix, written: !one_way },
            Place { storage: &self.bucket_id, prefix: &self.bucket_prefix, written: true },
        ]
    }

    fn is_in_the_way_of(&self, other: &Self) -> bool {
        self.places().iter().any(|mine| other.places().iter().any(|theirs| mine.is_in_the_way_of(theirs)))
    }
}

impl Place<'_> {
    fn is_in_the_way_of(&self, other: &Self) -> bool {
        let overlap = self.prefix.starts_with(other.prefix) || other.prefix.starts_with(self.prefix);
        self.storage == other.storage && overlap && (self.written || other.written)
    }
}

impl Metadata {
    /// Wants a plan that is ready to be run: it waits for a process that takes it. Two runs are never under way on the same pair, nor where one
    /// writes what the other reads or writes: the same storage, under prefixes of which one holds the other. A plan is run once.
    ///
    /// # Errors
    /// [`Stale`](crate::MetadataErrorKind::Stale) if the plan is not ready; [`NotFound`](crate::MetadataErrorKind::NotFound) if there is no such plan in the
    /// site; what any verb may give.
    pub async fn create_sync_run(&self, new: &NewSyncRun) -> Result<RunStart> {
        let work = async {
            let mut write = self.write().await?;
            let Some(planned) = write.planned(new).await? else {
                return Err(missing_or_stale(&mut write.tx, new.site, new.plan).await?);
            };
            let PlannedRow { base_generation, current, mode, .. } = planned;
            let places = PlacesRow {
                mode,
                storage_id: planned.storage_id,
                storage_prefix: planned.storage_prefix,
                bucket_id: planned.bucket_id,
                bucket_prefix: planned.bucket_prefix,
            };
            if let Some(busy) = write.in_the_way(&places).await? {
                return Ok(RunStart::Busy(Box::new(busy)));
            }
            if base_generation != current {
                return Ok(RunStart::Outdated);
            }
            let row = write.insert_sync_run(new).await?;
            self.commit(write).await?;
            Ok::<_, Fault>(RunStart::Started(Box::new(row)))
        };
        work.await.during("run a plan")
    }
}

impl Write {
    /// What is planned, if the plan is ready; from here on it is running, if the transaction is committed.
    async fn planned(&mut self, new: &NewSyncRun) -> Result<Option<PlannedRow>, Fault> {
        let (site, plan) = (new.site.to_string(), new.plan.to_string());
        let sql =
            "UPDATE sync_plans SET state = 'running' WHERE site_id = $1 AND id = $2 AND state = 'ready'";
        let rows = within!(self.tx, c => {
            sqlx::query(sql).bind(site).bind(&plan).execute(c).await.map(|done| done.rows_affected())
        })?;
        if rows == 0 {
            return Ok(None);
        }
        let sql = "SELECT l.base_generation, p.base_generation AS current, l.mode, p.storage_id, p.storage_prefix, \
                   p.bucket_id, p.bucket_prefix \
                   FROM sync_plans l JOIN sync_pairs p ON p.id = l.pair_id WHERE l.id = $1";
        Ok(Some(within!(self.tx, c => sqlx::query_as(sql).bind(plan).fetch_one(c).await)?))
    }

    async fn in_the_way(&mut self, places: &PlacesRow) -> Result<Option<SyncRunRow>, Fault> {
        let sql = "SELECT r.id, l.mode, p.storage_id, p.storage_prefix, p.bucket_id, p.bucket_prefix \
                   FROM sync_runs r JOIN sync_pairs p ON p.id = r.pair_id JOIN sync_plans l ON l.id = r.plan_id \
                   WHERE r.ended_us IS NULL AND (p.storage_id IN ($1, $2) OR p.bucket_id IN ($1, $2)) ORDER BY r.id";
        let rows: Vec<Both<IdRow, PlacesRow>> = within!(self.tx, c => {
            let query = sqlx::query_as(sql).bind(&places.storage_id).bind(&places.bucket_id);
            query.fetch_all(c).await
        })?;
        let found = rows.into_iter().find(|Both(_, other)| places.is_in_the_way_of(other));
        let Some(Both(IdRow { id }, _)) = found else { return Ok(None) };
        let sql = concat!("SELECT ", columns!(), " FROM sync_runs WHERE id = $1");
        let row: RunRow = within!(self.tx, c => sqlx::query_as(sql).bind(id).fetch_one(c).await)?;
        row.read().map(Some)
    }

    async fn insert_sync_run(&mut self, new: &NewSyncRun) -> Result<SyncRunRow, Fault> {
        let sql = concat!(
            "INSERT INTO sync_runs (id, site_id, pair_id, plan_id, job_id, restores_run, state, approved, settings, actor, created_us) \
             SELECT $1, l.site_id, l.pair_id, l.id, l.job_id, l.restores_run, 'waiting', $3, $4, $5, $6 \
             FROM sync_plans l WHERE l.id = $2 RETURNING ",
            columns!()
        );
        let row: RunRow = within!(self.tx, c => {
            sqlx::query_as(sql)
                .bind(new.id.to_string())
                .bind(new.plan.to_string())
                .bind(&new.approved)
                .bind(&new.settings)
                .bind(&new.actor)
                .bind(new.created.micros())
                .fetch_one(c)
                .await
        })?;
        if let Some(job) = &row.job_id {
            let sql = "UPDATE sync_jobs SET state = 'running', told = '', last_run = $2 WHERE id = $1 AND state <> 'off'";
            let id = new.id.to_string();
            within!(self.tx, c => sqlx::query(sql).bind(job).bind(id).execute(c).await.map(drop))?;
        }
        row.read()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(mode: &str, storage: (&str, &str), bucket: (&str, &str)) -> PlacesRow {
        let own = |text: &str| text.to_owned();
        PlacesRow {
            mode: own(mode),
            storage_id: own(storage.0),
            storage_prefix: own(storage.1),
            bucket_id: own(bucket.0),
            bucket_prefix: own(bucket.1),
        }
    }

    #[test]
    fn who_is_in_whose_way() {
        let both_ways = |a, b| places("two_way", a, b);
        let copy = |a, b| places("copy", a, b);
        let cases = [
            (both_ways(("a", ""), ("b", "")), both_ways(("b", ""), ("a", "")), true),
            (both_ways(("a", "x/"), ("b", "")), both_ways(("a", "y/"), ("c", "")), false),
            (both_ways(("a", "x/"), ("b", "")), both_ways(("a", "x/y/"), ("c", "")), true),
            (both_ways(("a", "x/y/"), ("b", "")), both_ways(("c", ""), ("a", "x/")), true),
            // Two that read the same.
            (copy(("a", ""), ("b", "")), copy(("a", ""), ("c", "")), false),
            (copy(("a", ""), ("b", "")), places("mirror", ("a", "x/"), ("c", "")), false),
            (copy(("a", ""), ("b", "x/")), copy(("a", ""), ("b", "y/")), false),
            // One that reads what the other writes.
            (copy(("a", ""), ("b", "")), copy(("b", ""), ("c", "")), true),
            (copy(("a", ""), ("b", "")), both_ways(("a", ""), ("c", "")), true),
            (copy(("a", ""), ("b", "")), copy(("c", ""), ("b", "x")), true),
        ];
        for (one, other, expected) in cases {
            assert_eq!(one.is_in_the_way_of(&other), expected);
            assert_eq!(other.is_in_the_way_of(&one), expected);
        }
    }
}
