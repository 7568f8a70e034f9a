//! Plans that are made and run again and again, as people set them up.

use portcullis_domain::{SiteId, StorageId, SyncJobId, SyncPairId, SyncPlanId, SyncRunId, Timestamp};
use sqlx::QueryBuilder;

use super::pairs::with_storage;
use super::{JobState, stored};
use crate::db::{Metadata, reading, within};
use crate::error::{During, Fault, MetadataErrorKind, Result};
use crate::page::{Page, PageRequest};
use crate::row::{number, read, read_optional, row};

/// A plan that is made and run again and again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncJobRow {
    /// Its id.
    pub id: SyncJobId,
    /// The site.
    pub site: SiteId,
    /// The two sides.
    pub pair: SyncPairId,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub mode: String,
    /// What happens with conflicts.
    pub policy: String,
    /// When, as people wrote it; empty for on demand only.
    pub schedule: String,
    /// The time zone of that.
    pub zone: String,
    /// Everything else that was set, JSON.
    pub settings: String,
    /// Whether it begins by itself.
    pub enabled: bool,
    /// What it does at the moment.
    pub state: JobState,
    /// Why it stopped, or how its last run ended, in words.
    pub told: String,
    /// When it is to begin next.
    pub next: Option<Timestamp>,
    /// The last plan that it wanted, even if that is gone.
    pub last_plan: Option<SyncPlanId>,
    /// The last run of it, even if that is gone.
    pub last_run: Option<SyncRunId>,
    /// Who made it.
    pub actor: String,
    /// When.
    pub created: Timestamp,
    /// When somebody last changed it.
    pub changed: Timestamp,
    /// How often people changed it, and it was switched off.
    pub version: u64,
}

macro_rules! columns {
    () => {
        "id, site_id, pair_id, name, mode, policy, schedule, zone, settings, enabled, state, told, next_us, last_plan, last_run, \
         actor, created_us, changed_us, version"
    };
}
pub(crate) use columns;

row! {
    JobRow {
        id: String,
        site_id: String,
        pair_id: String,
        name: String,
        mode: String,
        policy: String,
        schedule: String,
        zone: String,
        settings: String,
        enabled: i64,
        state: String,
        told: String,
        next_us: Option<i64>,
        last_plan: Option<String>,
        last_run: Option<String>,
        actor: String,
        created_us: i64,
        changed_us: i64,
        version: i64,
    }
}

impl JobRow {
    pub(crate) fn read(self) -> Result<SyncJobRow, Fault> {
        Ok(SyncJobRow {
            id: read("id", &self.id)?,
            site: read("site_id", &self.site_id)?,
            pair: read("pair_id", &self.pair_id)?,
            name: self.name,
            mode: self.mode,
            policy: self.policy,
            schedule: self.schedule,
            zone: self.zone,
            settings: self.settings,
            enabled: self.enabled != 0,
            state: read("state", &self.state)?,
            told: self.told,
            next: self.next_us.map(Timestamp::from_micros),
            last_plan: read_optional("last_plan", self.last_plan.as_deref())?,
            last_run: read_optional("last_run", self.last_run.as_deref())?,
            actor: self.actor,
            created: Timestamp::from_micros(self.created_us),
            changed: Timestamp::from_micros(self.changed_us),
            version: number("version", self.version)?,
        })
    }
}

impl Metadata {
    /// Makes a job.
    ///
    /// # Errors
    /// [`NotFound`](MetadataErrorKind::NotFound) if there is no such pair in the site, or one of its storages has ended;
    /// [`Conflict("id")`](MetadataErrorKind::Conflict); what any verb may give.
    pub async fn create_sync_job(&self, job: &SyncJobRow) -> Result<()> {
        let work = async {
            let mut write = self.write().await?;
            let sql = concat!(
                "INSERT INTO sync_jobs (",
                columns!(),
                ") SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19 \
                 FROM sync_pairs p JOIN storages a ON a.id = p.storage_id JOIN storages b ON b.id = p.bucket_id \
                 WHERE p.site_id = $2 AND p.id = $3 AND a.state = 'active' AND b.state = 'active'"
            );
            let version = stored(job.version)?;
            let rows = within!(write.tx, c => {
                sqlx::query(sql)
                    .bind(job.id.to_string())
                    .bind(job.site.to_string())
                    .bind(job.pair.to_string())
                    .bind(&job.name)
                    .bind(&job.mode)
                    .bind(&job.policy)
                    .bind(&job.schedule)
                    .bind(&job.zone)
                    .bind(&job.settings)
                    .bind(i64::from(job.enabled))
                    .bind(job.state.as_str())
                    .bind(&job.told)
                    .bind(job.next.map(Timestamp::micros))
                    .bind(job.last_plan.map(|plan| plan.to_string()))
                    .bind(job.last_run.map(|run| run.to_string()))
                    .bind(&job.actor)
                    .bind(job.created.micros())
                    .bind(job.changed.micros())
                    .bind(version)
                    .execute(c)
                    .await
                    .map(|done| done.rows_affected())
            })?;
            if rows == 0 {
                return Err(MetadataErrorKind::NotFound.into());
            }
            self.commit(write).await
        };
        work.await.during("create a job")
    }

    /// A job of a site.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn sync_job(&self, site: SiteId, id: SyncJobId) -> Result<Option<SyncJobRow>> {
        let sql = concat!("SELECT ", columns!(), " FROM sync_jobs WHERE site_id = $1 AND id = $2");
        let row = reading!(self, pool => {
            let query = sqlx::query_as::<_, JobRow>(sql).bind(site.to_string()).bind(id.to_string());
            query.fetch_optional(pool).await
        });
        row.map_err(Fault::from).and_then(|row| row.map(JobRow::read).transpose()).during("read a job")
    }

    /// A page of the jobs of a site, or of those with this storage on either side; oldest first.
    ///
    /// # Errors
    /// [`BadCursor`](MetadataErrorKind::BadCursor); what any verb may give.
    pub async fn sync_jobs(
        &self,
        site: SiteId,
        storage: Option<StorageId>,
        page: &PageRequest,
    ) -> Result<Page<SyncJobRow>> {
        let work = async {
            let after = page.after_id()?;
            let rows = reading!(self, pool => {
                let mut query =
                    QueryBuilder::new(concat!("SELECT ", columns!(), " FROM sync_jobs WHERE site_id = "));
                query.push_bind(site.to_string()).push(" AND id > ").push_bind(after);
                if let Some(storage) = storage {
                    with_storage!(query, "pair_id", storage);
                }
                query.push(" ORDER BY id LIMIT ").push_bind(page.rows());
                query.build_query_as::<JobRow>().fetch_all(pool).await
            })?;
            Page::of(rows, page, |row| row.id.clone(), JobRow::read)
        };
        work.await.during("list jobs")
    }

    /// Keeps what people may change of a job: its name, what it is for, when, its settings, whether it begins by itself, and
    /// when it begins next. Its state and why it is so are kept only if it is not at work: what it does at the moment it goes on with. Gives its
    /// new version.
    ///
    /// # Errors
    /// [`Stale`](MetadataErrorKind::Stale) if it is of another version; [`NotFound`](MetadataErrorKind::NotFound) if there is no such job in
    /// the site; what any verb may give.
    pub async fn update_sync_job(&self, version: u64, job: &SyncJobRow) -> Result<u64> {
        let work = async {
            let mut write = self.write().await?;
            let sql = "UPDATE sync_jobs SET name = $4, mode = $5, policy = $6, schedule = $7, zone = $8, settings = $9, \
                       enabled = $10, next_us = $13, changed_us = $14, version = version + 1, \
                       told = CASE WHEN state IN ('planning', 'running') THEN told ELSE $12 END, \
                       state = CASE WHEN state IN ('planning', 'running') THEN state ELSE $11 END \
                       WHERE site_id = $1 AND id = $2 AND version = $3 RETURNING version";
            let version = stored(version)?;
            let new: Option<i64> = within!(write.tx, c => {
                sqlx::query_scalar(sql)
                    .bind(job.site.to_string())
                    .bind(job.id.to_string())
                    .bind(version)
                    .bind(&job.name)
                    .bind(&job.mode)
                    .bind(&job.policy)
                    .bind(&job.schedule)
                    .bind(&job.zone)
                    .bind(&job.settings)
                    .bind(i64::from(job.enabled))
                    .bind(job.state.as_str())
                    .bind(&job.told)
                    .bind(job.next.map(Timestamp::micros))
                    .bind(job.changed.micros())
                    .fetch_optional(c)
                    .await
            })?;
            let Some(new) = new else {
                let sql = "SELECT COUNT(*) FROM sync_jobs WHERE site_id = $1 AND id = $2";
                let (site, id) = (job.site.to_string(), job.id.to_string());
                let found: i64 =
                    within!(write.tx, c => sqlx::query_scalar(sql).bind(site).bind(id).fetch_one(c).await)?;
                let kind = if found == 0 { MetadataErrorKind::NotFound } else { MetadataErrorKind::Stale };
                return Err(kind.into());
            };
            self.commit(write).await?;
            number("version", new)
        };
        work.await.during("change a job")
    }

    /// Deletes a job; false if there is none such. Its plans and runs stay.
    ///
    /// # Errors
    /// What any verb may give.
    pub async fn delete_sync_job(&self, site: SiteId, id: SyncJobId) -> Result<bool> {
        let work = async {
            let mut write = self.write().await?;
            let sql = "DELETE FROM sync_jobs WHERE site_id = $1 AND id = $2";
            let rows = within!(write.tx, c => {
                let query = sqlx::query(sql).bind(site.to_string()).bind(id.to_string());
                query.execute(c).await.map(|done| done.rows_affected())
            })?;
            if rows == 0 {
                return Ok(false);
            }
            self.commit(write).await?;
            Ok::<_, Fault>(true)
        };
        work.await.during("delete a job")
    }
}
