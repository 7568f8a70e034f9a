//! Jobs: plans that are made and run again and again.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use portcullis_access::SiteAdmin;
use portcullis_control::{ControlError, JobDraft, JobQuery, JobState, JobView};
use portcullis_domain::{StorageId, SyncJobId};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{planning, word};
use crate::app::App;
use crate::dto::{Items, JobIn, JobOut, JobPatch, PlanOut, page_of, request_of};
use crate::etag::{self, IfMatch, tagged};
use crate::extract::{Admin, Id, Json, Limit, Params, from_text};
use crate::handlers::{created, ok};
use crate::problem::{Problem, Result};

/// How often a change without a condition is tried again that another one overtook.
const TRIES: u32 = 3;

/// Which jobs to list.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct JobsQuery {
    /// Only those of the storage with this id, on either side.
    #[serde(default, deserialize_with = "from_text")]
    #[param(value_type = Option<String>)]
    storage: Option<StorageId>,
    /// Only those in this state: `waiting`, `planning`, `running`, `stopped` or `off`.
    #[serde(default, deserialize_with = "from_text")]
    state: Option<String>,
    /// The most items on the page.
    #[serde(default)]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000, default = 100)]
    limit: Limit,
    /// `next_cursor` of the page before, of a list with the same filters.
    #[serde(default, deserialize_with = "from_text")]
    cursor: Option<String>,
}

/// The jobs of the site, the oldest first.
#[utoipa::path(
    get, path = "/api/v1/sync-jobs", tag = "sync", operation_id = "listSyncJobs", params(JobsQuery),
    responses((status = 200, description = "A page of them.", body = Items<JobOut>))
)]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    Admin(admin): Admin,
    Params(query): Params<JobsQuery>,
) -> Result<Response> {
    let JobsQuery { storage, state, limit, cursor } = query;
    let state = word("state", state.as_deref(), JobState::ALL, JobState::as_str)?;
    let found =
        app.control.sync_jobs(&admin, JobQuery { storage, state }, &request_of(limit, cursor)).await?;
    ok(&page_of(found, JobOut::from))
}

/// Make a job. When it is due it makes a plan, and runs it if no guard stands against it; otherwise it is stopped, and says why.
#[utoipa::path(
    post, path = "/api/v1/sync-jobs", tag = "sync", operation_id = "createSyncJob", request_body = JobIn,
    responses((status = 201, description = "Made.", body = JobOut))
)]
pub(crate) async fn create(
    State(app): State<Arc<App>>,
    Admin(admin): Admin,
    Json(given): Json<JobIn>,
) -> Result<Response> {
    let job = app.control.create_sync_job(&admin, &JobDraft::from(given)).await?;
    let (at, tag) = (format!("/api/v1/sync-jobs/{}", job.id), etag::of(&job));
    Ok(tagged(created(&at, &JobOut::from(job))?, &tag))
}

/// A job: when it runs, how it is, and why it was stopped.
#[utoipa::path(
    get, path = "/api/v1/sync-jobs/{id}", tag = "sync", operation_id = "getSyncJob",
    params(("id" = String, Path, description = "The job.")),
    responses((status = 200, description = "The job, as it is now.", body = JobOut))
)]
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    Admin(admin): Admin,
    Id(id): Id<SyncJobId>,
) -> Result<Response> {
    told(app.control.sync_job(&admin, id).await?)
}

/// Change a job. A run of it that is under way goes on as it began.
#[utoipa::path(
    patch, path = "/api/v1/sync-jobs/{id}", tag = "sync", operation_id = "updateSyncJob",
    params(("id" = String, Path, description = "The job.")), request_body = JobPatch,
    responses((status = 200, description = "The job, as it is now.", body = JobOut))
)]
pub(crate) async fn update(
    State(app): State<Arc<App>>,
    Admin(admin): Admin,
    Id(id): Id<SyncJobId>,
    seen: IfMatch,
    Json(given): Json<JobPatch>,
) -> Result<Response> {
    let mut tries = 0;
    loop {
        let job = as_seen(&app, &admin, id, &seen).await?;
        // The settings that are left out are those that were just read: nobody may have changed them meanwhile.
        let change = given.change(&job.settings);
        match app.control.change_sync_job(&admin, id, Some(job.version), &change).await {
            Err(ControlError::Stale) if seen == IfMatch::Unsaid && tries < TRIES => tries += 1,
            changed => return told(changed?),
        }
    }
}

/// Delete a job. Its plans and runs stay, and a run of it that is under way goes on.
#[utoipa::path(
    delete, path = "/api/v1/sync-jobs/{id}", tag = "sync", operation_id = "deleteSyncJob",
    params(("id" = String, Path, description = "The job.")),
    responses((status = 204, description = "Deleted."))
)]
pub(crate) async fn delete(
    State(app): State<Arc<App>>,
    Admin(admin): Admin,
    Id(id): Id<SyncJobId>,
    seen: IfMatch,
) -> Result<StatusCode> {
    let job = as_seen(&app, &admin, id, &seen).await?;
    let version = (seen != IfMatch::Unsaid).then_some(job.version);
    app.control.delete_sync_job(&admin, id, version).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Run a job now, whatever its schedule says. The plan is made and, if no guard stands against it, run.
#[utoipa::path(
    post, path = "/api/v1/sync-jobs/{id}/run", tag = "sync", operation_id = "runSyncJob",
    params(("id" = String, Path, description = "The job.")),
    responses((status = 202, description = "The plan is being made.", body = PlanOut))
)]
pub(crate) async fn run(
    State(app): State<Arc<App>>,
    Admin(admin): Admin,
    Id(id): Id<SyncJobId>,
    seen: IfMatch,
) -> Result<Response> {
    as_seen(&app, &admin, id, &seen).await?;
    planning(app.control.run_sync_job(&admin, id).await?)
}

/// The job, if it is as whoever asks has read it.
async fn as_seen(app: &App, admin: &SiteAdmin, id: SyncJobId, seen: &IfMatch) -> Result<JobView> {
    let job = app.control.sync_job(admin, id).await?;
    if seen.holds(&job) { Ok(job) } else { Err(Problem::changed()) }
}

fn told(job: JobView) -> Result<Response> {
    let tag = etag::of(&job);
    Ok(tagged(ok(&JobOut::from(job))?, &tag))
}
