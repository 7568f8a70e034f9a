//! Plans as people make, read, change and discard them.

use portcullis_domain::{SiteId, StorageId, SyncJobId, SyncPairId, SyncPlanId, SyncRunId, Timestamp};
use sqlx::QueryBuilder;

use super::pairs::with_storage;
use super::{PagesOf, PlanState, retention, stored};
use crate::db::{Metadata, Tx, Write, reading, within};
use crate::error::{During, Fault, MetadataErrorKind, Result};
use crate::page::{Page, PageRequest};
use crate::row::{number, read, read_optional, row};

/// What is to be done between two sides. What is said to be JSON is the caller's to write and to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncPlanRow {
    /// Its id.
    pub id: SyncPlanId,
    /// The site.
    pub site: SiteId,
    /// The two sides.
    pub pair: SyncPairId,
    /// The job that wanted it, even if that is gone.
    pub job: Option<SyncJobId>,
    /// The run that it takes back.
    pub restores: Option<SyncRunId>,
    /// What it is for.
    pub mode: String,
    /// What happens with conflicts.
    pub policy: String,
    /// How far it is.
    pub state: PlanState,
    /// What it is made with, JSON.
    pub terms: String,
    /// How far the process is that makes it, JSON.
    pub progress: String,
    /// What there is to do in numbers, JSON.
    pub totals: String,
    /// What stands against running it, JSON.
    pub guards: String,
    /// What comparing took and running will take, JSON.
    pub cost: String,
    /// What cannot be ruled out, JSON.
    pub risks: String,
    /// What people decided for keys, JSON.
    pub choices: String,
    /// Why it failed or was discarded, in words; empty if neither.
    pub told: String,
    /// Which of the pair's pages it was made against.
    pub base_generation: u64,
    /// Who wanted it.
    pub actor: String,
    /// When.
    pub created: Timestamp,
    /// When it was ready, or had failed.
    pub planned: Option<Timestamp>,
    /// How often its choices were changed.
    pub version: u64,
    /// How many processes have begun to make it.
    pub fence: u64,
    /// The process that makes it.
    pub held_by: String,
    /// Until when nobody else does.
    pub held_until: Timestamp,
}

impl SyncPlanRow {
    /// The pages of its actions.
    #[must_use]
    pub const fn pages(&self) -> PagesOf {
        PagesOf::Plan { plan: self.id, fence: self.fence }
    }
}

/// A plan that is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSyncPlan {
    /// Its id.
    pub id: SyncPlanId,
    /// The site.
    pub site: SiteId,
    /// The two sides.
    pub pair: SyncPairId,
    /// The job that wants it.
    pub job: Option<SyncJobId>,
    /// The run that it takes back.
    pub restores: Option<SyncRunId>,
    /// What it is for.
    pub mode: String,
    /// What happens with conflicts.
    pub policy: String,
    /// What it is made with, JSON.
    pub terms: String,
    /// For how many days runs of the pair keep what they replace and delete, from now on; none leaves that as it is.
    pub keep_days: Option<u32>,
    /// Who wants it.
    pub actor: String,
    /// Now.
    pub created: Timestamp,
}

/// Which plans a list holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncPlanFilter {
    /// Those of this site.
    pub site: SiteId,
    /// Those with this storage on either side.
    pub storage: Option<StorageId>,
    /// Those of these two sides.
    pub pair: Option<SyncPairId>,
    /// Those that this job wanted.
    pub job: Option<SyncJobId>,
    /// Those that are so far.
    pub state: Option<PlanState>,
}

impl SyncPlanFilter {
    /// All of a site.
    #[must_use]
    pub const fn of(site: SiteId) -> Self {
        Self { site, storage: None, pair: None, job: None, state: None }
    }
}

macro_rules! columns {
    () => {
        "id, site_id, pair_id, job_id, restores_run, mode, policy, state, terms, progress, totals, guards, cost, risks, \
         choices, told, base_generation, actor, created_us, planned_us, version, fence, held_by, held_until_us"
    };
}
pub(crate) use columns;

row! {
    PlanRow {
        id: String,
        site_id: String,
        pair_id: String,
        job_id: Option<String>,
        restores_run: Option<String>,
        mode: String,
        policy: String,
        state: String,
        terms: String,
        progress: String,
        totals: String,
        guards: String,
        cost: String,
        risks: String,
        choices: String,
        told: String,
        base_generation: i64,
        actor: String,
        created_us: i64,
        planned_us: Option<i64>,
        version: i64,
        fence: i64,
        held_by: String,
        held_until_us: i64,
    }
}
row! {
    DiscardedRow { fence: i64, job_id: Option<String> }
}

impl PlanRow {
    pub(crate) fn read(self) -> Result<SyncPlanRow, Fault> {
        Ok(SyncPlanRow {
            id: read("id", &self.id)?,
            site: read("site_id", &self.site_id)?,
            pair: read("pair_id", &self.pair_id)?,
            job: read_optional("job_id", self.job_id.as_deref())?,
            restores: read_optional("restores_run", self.restores_run.as_deref())?,
            mode: self.mode,
            policy: self.policy,
            state: read("state", &self.state)?,
            terms: self.terms,
            progress: self.progress,
            totals: self.totals,
            guards: self.guards,
            cost: self.cost,
            risks: self.risks,
            choices: self.choices,
            told: self.told,
            base_generation: number("base_generation", self.base_generation)?,
            actor: self.actor,
            created: Timestamp::from_micros(self.created_us),
            planned: self.planned_us.map(Timestamp::from_micros),
            version: number("version", self.version)?,
            fence: number("fence", self.fence)?,
            held_by: self.held_by,
            held_until: Timestamp::from_micros(self.held_until_us),
        })
    }
}

impl Metadata {
    /// Wants a plan: it waits for a process that makes it.
    ///
    /// # Errors
    /// [`NotFound`](MetadataErrorKind::NotFound) if there is no such pair in the site, or one of its storages has ended; what any verb
    /// may give.
    pub async fn create_sync_plan(&self, new: &NewSyncPlan) -> Result<SyncPlanRow> {
        let work = async {
            let mut write = self.write().await?;
            let row = write.insert_sync_plan(new).await?;
            self.commit(write).await?;
            Ok::<_, Fault>(row)
        };
        work.await.during("plan")
    }

    /// A plan of a site.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn sync_plan(&self, site: SiteId, id: SyncPlanId) -> Result<Option<SyncPlanRow>> {
        let sql = concat!("SELECT ", columns!(), " FROM sync_plans WHERE site_id = $1 AND id = $2");
        let row = reading!(self, pool => {
            let query = sqlx::query_as::<_, PlanRow>(sql).bind(site.to_string()).bind(id.to_string());
            query.fetch_optional(pool).await
        });
        row.map_err(Fault::from).and_then(|row| row.map(PlanRow::read).transpose()).during("read a plan")
    }

    /// A page of plans, newest first.
    ///
    /// # Errors
    /// [`BadCursor`](MetadataErrorKind::BadCursor); what any verb may give.
    pub async fn sync_plans(&self, filter: &SyncPlanFilter, page: &PageRequest) -> Result<Page<SyncPlanRow>> {
        let work = async {
            let before = page.before_id()?;
            let rows = reading!(self, pool => {
                let mut query =
                    QueryBuilder::new(concat!("SELECT ", columns!(), " FROM sync_plans WHERE site_id = "));
                query.push_bind(filter.site.to_string()).push(" AND id < ").push_bind(before);
                if let Some(storage) = filter.storage {
                    with_storage!(query, "pair_id", storage);
                }
                if let Some(pair) = filter.pair {
                    query.push(" AND pair_id = ").push_bind(pair.to_string());
                }
                if let Some(job) = filter.job {
                    query.push(" AND job_id = ").push_bind(job.to_string());
                }
                if let Some(state) = filter.state {
                    query.push(" AND state = ").push_bind(state.as_str());
                }
                query.push(" ORDER BY id DESC LIMIT ").push_bind(page.rows());
                query.build_query_as::<PlanRow>().fetch_all(pool).await
            })?;
            Page::of(rows, page, |row| row.id.clone(), PlanRow::read)
        };
        work.await.during("list plans")
    }

    /// Keeps what people decided for keys of a plan that is ready, and the numbers that come of it, if given. Gives the plan's new version.
    ///
    /// # Errors
    /// [`Stale`](MetadataErrorKind::Stale) if the plan is of another version or not ready any more;
    /// [`NotFound`](MetadataErrorKind::NotFound) if there is no such plan in the site; what any verb may give.
    pub async fn choose_in_sync_plan(
        &self,
        site: SiteId,
        id: SyncPlanId,
        version: u64,
        choices: &str,
        totals: Option<&str>,
    ) -> Result<u64> {
        let work = async {
            let mut write = self.write().await?;
            let sql = "UPDATE sync_plans SET choices = $4, totals = COALESCE($5, totals), version = version + 1 \
                       WHERE site_id = $1 AND id = $2 AND version = $3 AND state = 'ready' RETURNING version";
            let version = stored(version)?;
            let new: Option<i64> = within!(write.tx, c => {
                let query = sqlx::query_scalar(sql).bind(site.to_string()).bind(id.to_string());
                query.bind(version).bind(choices).bind(totals).fetch_optional(c).await
            })?;
            let Some(new) = new else {
                return Err(missing_or_stale(&mut write.tx, site, id).await?);
            };
            self.commit(write).await?;
            number("version", new)
        };
        work.await.during("choose in a plan")
    }

    /// Discards a plan that is being made, is ready or has failed; false if it is none of these. A job that was stopped over it waits for its time
    /// again. Its actions are deleted a few at a time by
    /// [`Metadata::drop_sync_pages`].
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn discard_sync_plan(&self, site: SiteId, id: SyncPlanId) -> Result<bool> {
        let work = async {
            let mut write = self.write().await?;
            let sql = "UPDATE sync_plans SET state = 'discarded', held_by = '', held_until_us = 0 \
                       WHERE site_id = $1 AND id = $2 AND state IN ('planning', 'ready', 'failed') RETURNING fence, job_id";
            let found: Option<DiscardedRow> = within!(write.tx, c => {
                let query = sqlx::query_as(sql).bind(site.to_string()).bind(id.to_string());
                query.fetch_optional(c).await
            })?;
            let Some(DiscardedRow { fence, job_id }) = found else { return Ok(false) };
            retention::drop_pages(&mut write.tx, &id.to_string(), fence).await?;
            if let Some(job) = job_id {
                let sql = "UPDATE sync_jobs SET state = 'waiting', told = '' \
                           WHERE id = $1 AND last_plan = $2 AND state IN ('planning', 'stopped')";
                let plan = id.to_string();
                within!(write.tx, c => sqlx::query(sql).bind(job).bind(plan).execute(c).await.map(drop))?;
            }
            self.commit(write).await?;
            Ok::<_, Fault>(true)
        };
        work.await.during("discard a plan")
    }
}

/// Why a plan could not be changed.
pub(crate) async fn missing_or_stale(tx: &mut Tx, site: SiteId, id: SyncPlanId) -> Result<Fault, Fault> {
    let sql = "SELECT COUNT(*) FROM sync_plans WHERE site_id = $1 AND id = $2";
    let found: i64 = within!(*tx, c => {
        sqlx::query_scalar(sql).bind(site.to_string()).bind(id.to_string()).fetch_one(c).await
    })?;
    Ok(if found == 0 { MetadataErrorKind::NotFound.into() } else { MetadataErrorKind::Stale.into() })
}

impl Write {
    /// Adds a plan, if both storages of its pair are in use.
    pub(crate) async fn insert_sync_plan(&mut self, new: &NewSyncPlan) -> Result<SyncPlanRow, Fault> {
        let usable = "SELECT COUNT(*) FROM sync_pairs p JOIN storages a ON a.id = p.storage_id \
                      JOIN storages b ON b.id = p.bucket_id \
                      WHERE p.site_id = $1 AND p.id = $2 AND a.state = 'active' AND b.state = 'active'";
        let (site, pair) = (new.site.to_string(), new.pair.to_string());
        let found: i64 =
            within!(self.tx, c => sqlx::query_scalar(usable).bind(&site).bind(&pair).fetch_one(c).await)?;
        if found == 0 {
            return Err(MetadataErrorKind::NotFound.into());
        }
        if let Some(days) = new.keep_days {
            let sql = "UPDATE sync_pairs SET keep_days = $2 WHERE id = $1";
            within!(self.tx, c => sqlx::query(sql).bind(&pair).bind(i64::from(days)).execute(c).await.map(drop))?;
        }
        let sql = concat!(
            "INSERT INTO sync_plans (id, site_id, pair_id, job_id, restores_run, mode, policy, state, terms, actor, created_us) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, 'planning', $8, $9, $10) RETURNING ",
            columns!()
        );
        let row = within!(self.tx, c => {
            sqlx::query_as::<_, PlanRow>(sql)
                .bind(new.id.to_string())
                .bind(site)
                .bind(pair)
                .bind(new.job.map(|job| job.to_string()))
                .bind(new.restores.map(|run| run.to_string()))
                .bind(&new.mode)
                .bind(&new.policy)
                .bind(&new.terms)
                .bind(&new.actor)
                .bind(new.created.micros())
                .fetch_one(c)
                .await
        })?;
        row.read()
    }
}
