//! Runs as people see them and what they wish of them.

use portcullis_domain::{SiteId, StorageId, SyncJobId, SyncPairId, SyncPlanId, SyncRunId, Timestamp};
use sqlx::QueryBuilder;

use super::pairs::with_storage;
use super::{RunState, RunWish};
use crate::db::{Metadata, reading, within};
use crate::error::{During, Fault, Result};
use crate::page::{Page, PageRequest};
use crate::row::{number, read, read_optional, row};

/// The execution of a plan. What is said to be JSON is the caller's to write and to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncRunRow {
    /// Its id.
    pub id: SyncRunId,
    /// The site.
    pub site: SiteId,
    /// The two sides.
    pub pair: SyncPairId,
    /// What it executes.
    pub plan: SyncPlanId,
    /// The job that wanted the plan, even if that is gone.
    pub job: Option<SyncJobId>,
    /// The run that it takes back.
    pub restores: Option<SyncRunId>,
    /// How far it is.
    pub state: RunState,
    /// What people want of it.
    pub wish: RunWish,
    /// The guards that were approved, JSON.
    pub approved: String,
    /// How it is executed, JSON.
    pub settings: String,
    /// How far it is in numbers, JSON.
    pub progress: String,
    /// Why it ended as it did, in words.
    pub told: String,
    /// Who wanted it.
    pub actor: String,
    /// When.
    pub created: Timestamp,
    /// When a process first took it.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// Until when it can be taken back; none while it has not ended.
    pub keep_until: Option<Timestamp>,
    /// Whether what both sides agree on after it is in force.
    pub settled: bool,
    /// How often it was taken and left.
    pub fence: u64,
    /// The process that executes it.
    pub held_by: String,
    /// Until when nobody else does.
    pub held_until: Timestamp,
}

/// Which runs a list holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncRunFilter {
    /// Those of this site.
    pub site: SiteId,
    /// Those with this storage on either side.
    pub storage: Option<StorageId>,
    /// Those of these two sides.
    pub pair: Option<SyncPairId>,
    /// Those that this job wanted.
    pub job: Option<SyncJobId>,
    /// Those that have not ended, or those that have.
    pub live: Option<bool>,
}

impl SyncRunFilter {
    /// All of a site.
    #[must_use]
    pub const fn of(site: SiteId) -> Self {
        Self { site, storage: None, pair: None, job: None, live: None }
    }
}

macro_rules! columns {
    () => {
        "id, site_id, pair_id, plan_id, job_id, restores_run, state, wish, approved, settings, progress, told, actor, \
         created_us, started_us, ended_us, keep_until_us, settled, fence, held_by, held_until_us"
    };
}
pub(crate) use columns;

row! {
    RunRow {
        id: String,
        site_id: String,
        pair_id: String,
        plan_id: String,
        job_id: Option<String>,
        restores_run: Option<String>,
        state: String,
        wish: String,
        approved: String,
        settings: String,
        progress: String,
        told: String,
        actor: String,
        created_us: i64,
        started_us: Option<i64>,
        ended_us: Option<i64>,
        keep_until_us: Option<i64>,
        settled: i64,
        fence: i64,
        held_by: String,
        held_until_us: i64,
    }
}

impl RunRow {
    pub(crate) fn read(self) -> Result<SyncRunRow, Fault> {
        Ok(SyncRunRow {
            id: read("id", &self.id)?,
            site: read("site_id", &self.site_id)?,
            pair: read("pair_id", &self.pair_id)?,
            plan: read("plan_id", &self.plan_id)?,
            job: read_optional("job_id", self.job_id.as_deref())?,
            restores: read_optional("restores_run", self.restores_run.as_deref())?,
            state: read("state", &self.state)?,
            wish: read("wish", &self.wish)?,
            approved: self.approved,
            settings: self.settings,
            progress: self.progress,
            told: self.told,
            actor: self.actor,
            created: Timestamp::from_micros(self.created_us),
            started: self.started_us.map(Timestamp::from_micros),
            ended: self.ended_us.map(Timestamp::from_micros),
            keep_until: self.keep_until_us.map(Timestamp::from_micros),
            settled: self.settled != 0,
            fence: number("fence", self.fence)?,
            held_by: self.held_by,
            held_until: Timestamp::from_micros(self.held_until_us),
        })
    }
}

impl Metadata {
    /// A run of a site.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn sync_run(&self, site: SiteId, id: SyncRunId) -> Result<Option<SyncRunRow>> {
        let sql = concat!("SELECT ", columns!(), " FROM sync_runs WHERE site_id = $1 AND id = $2");
        self.one_run(sql, site, id.to_string()).await.during("read a run")
    }

    /// The run of a plan.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn sync_run_of_plan(&self, site: SiteId, plan: SyncPlanId) -> Result<Option<SyncRunRow>> {
        let sql = concat!("SELECT ", columns!(), " FROM sync_runs WHERE site_id = $1 AND plan_id = $2");
        self.one_run(sql, site, plan.to_string()).await.during("read the run of a plan")
    }

    async fn one_run(
        &self,
        sql: &'static str,
        site: SiteId,
        id: String,
    ) -> Result<Option<SyncRunRow>, Fault> {
        let row: Option<RunRow> = reading!(self, pool => {
            sqlx::query_as(sql).bind(site.to_string()).bind(id).fetch_optional(pool).await
        })?;
        row.map(RunRow::read).transpose()
    }

    /// A page of runs, newest first.
    ///
    /// # Errors
    /// [`BadCursor`](crate::MetadataErrorKind::BadCursor); what any verb may give.
    pub async fn sync_runs(&self, filter: &SyncRunFilter, page: &PageRequest) -> Result<Page<SyncRunRow>> {
        let work = async {
            let before = page.before_id()?;
            let rows = reading!(self, pool => {
                let mut query =
                    QueryBuilder::new(concat!("SELECT ", columns!(), " FROM sync_runs WHERE site_id = "));
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
                match filter.live {
                    Some(true) => drop(query.push(" AND ended_us IS NULL")),
                    Some(false) => drop(query.push(" AND ended_us IS NOT NULL")),
                    None => {}
                }
                query.push(" ORDER BY id DESC LIMIT ").push_bind(page.rows());
                query.build_query_as::<RunRow>().fetch_all(pool).await
            })?;
            Page::of(rows, page, |row| row.id.clone(), RunRow::read)
        };
        work.await.during("list runs")
    }

    /// Notes what people want of a run; false if it has ended or is to be cancelled, or that is what they want already. One that no process
    /// works on is paused and resumed at once; otherwise the process that holds it is told when it holds it further.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn wish_for_sync_run(&self, site: SiteId, id: SyncRunId, wish: RunWish) -> Result<bool> {
        let work = async {
            let mut write = self.write().await?;
            let sql = "UPDATE sync_runs SET wish = $3, state = CASE WHEN state = 'waiting' AND $3 = 'pause' THEN 'paused' \
                       WHEN state = 'paused' AND $3 = 'go' THEN 'waiting' ELSE state END \
                       WHERE site_id = $1 AND id = $2 AND ended_us IS NULL AND wish <> $3 AND wish <> 'cancel'";
            let rows = within!(write.tx, c => {
                let query = sqlx::query(sql).bind(site.to_string()).bind(id.to_string()).bind(wish.as_str());
                query.execute(c).await.map(|done| done.rows_affected())
            })?;
            if rows == 0 {
                return Ok(false);
            }
            self.commit(write).await?;
            Ok::<_, Fault>(true)
        };
        work.await.during("tell a run what to do")
    }
}
