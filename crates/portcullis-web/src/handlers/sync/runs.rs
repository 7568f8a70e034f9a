//! Runs: read, paused, resumed, cancelled, taken back.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use portcullis_control::{RunQuery, RunState};
use portcullis_domain::{StorageId, SyncRunId};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{planning, word};
use crate::app::App;
use crate::dto::{Items, PlanOut, RestoreIn, RunOut, SyncStepOut, page_of, request_of, step_state};
use crate::extract::{Admin, Id, Limit, OptionalJson, Params, from_text};
use crate::handlers::ok;
use crate::problem::{Problem, Result};

/// Which runs to list.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct RunsQuery {
    /// Only those of the storage with this id, on either side.
    #[serde(default, deserialize_with = "from_text")]
    #[param(value_type = Option<String>)]
    storage: Option<StorageId>,
    /// Only those in this state: `waiting`, `running`, `paused`, `settling`, `done`, `partial`, `cancelled` or `failed`.
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

/// Which steps of a run to list.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct StepsQuery {
    /// Only those in this state: `kept`, `done`, `changed`, `failed` or `skipped`.
    #[serde(default, deserialize_with = "from_text")]
    state: Option<String>,
    /// The most items on the page.
    #[serde(default)]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000, default = 100)]
    limit: Limit,
    /// `next_cursor` of the page before, of a list with the same filter.
    #[serde(default, deserialize_with = "from_text")]
    cursor: Option<String>,
}

/// The runs of the site, the latest first.
#[utoipa::path(
    get, path = "/api/v1/sync-runs", tag = "sync", operation_id = "listSyncRuns", params(RunsQuery),
    responses((status = 200, description = "A page of them.", body = Items<RunOut>))
)]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    Admin(admin): Admin,
    Params(query): Params<RunsQuery>,
) -> Result<Response> {
    let RunsQuery { storage, state, limit, cursor } = query;
    let state = word("state", state.as_deref(), RunState::ALL, RunState::as_str)?;
    let found =
        app.control.sync_runs(&admin, RunQuery { storage, state }, &request_of(limit, cursor)).await?;
    ok(&page_of(found, RunOut::from))
}

/// A run: how far it is, how fast it goes, and what became of it.
#[utoipa::path(
    get, path = "/api/v1/sync-runs/{id}", tag = "sync", operation_id = "getSyncRun",
    params(("id" = String, Path, description = "The run.")),
    responses((status = 200, description = "The run, as it is now.", body = RunOut))
)]
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    Admin(admin): Admin,
    Id(id): Id<SyncRunId>,
) -> Result<Response> {
    ok(&RunOut::from(app.control.sync_run(&admin, id).await?))
}

/// What became of the files of a run so far, in the order of their keys. What both sides hold alike has no step.
#[utoipa::path(
    get, path = "/api/v1/sync-runs/{id}/steps", tag = "sync", operation_id = "listSyncSteps",
    params(("id" = String, Path, description = "The run."), StepsQuery),
    responses((status = 200, description = "A page of them.", body = Items<SyncStepOut>))
)]
pub(crate) async fn steps(
    State(app): State<Arc<App>>,
    Admin(admin): Admin,
    Id(id): Id<SyncRunId>,
    Params(query): Params<StepsQuery>,
) -> Result<Response> {
    let StepsQuery { state, limit, cursor } = query;
    let wrong = || Problem::invalid_field("state", "one of: kept, done, changed, failed, skipped");
    let state = state.map(|state| step_state(&state).ok_or_else(wrong)).transpose()?;
    let found = app.control.sync_steps(&admin, id, state, &request_of(limit, cursor)).await?;
    ok(&page_of(found, SyncStepOut::from))
}

/// Let a run wait. What is under way is brought to its end, which may take a few seconds; then it is `paused` until it is resumed.
#[utoipa::path(
    post, path = "/api/v1/sync-runs/{id}/pause", tag = "sync", operation_id = "pauseSyncRun",
    params(("id" = String, Path, description = "A run that is not over.")),
    responses((status = 200, description = "The run, as it is now.", body = RunOut))
)]
pub(crate) async fn pause(
    State(app): State<Arc<App>>,
    Admin(admin): Admin,
    Id(id): Id<SyncRunId>,
) -> Result<Response> {
    ok(&RunOut::from(app.control.pause_sync(&admin, id).await?))
}

/// Let a paused run go on where it was.
#[utoipa::path(
    post, path = "/api/v1/sync-runs/{id}/resume", tag = "sync", operation_id = "resumeSyncRun",
    params(("id" = String, Path, description = "A run that is not over.")),
    responses((status = 200, description = "The run, as it is now.", body = RunOut))
)]
pub(crate) async fn resume(
    State(app): State<Arc<App>>,
    Admin(admin): Admin,
    Id(id): Id<SyncRunId>,
) -> Result<Response> {
    ok(&RunOut::from(app.control.resume_sync(&admin, id).await?))
}

/// End a run where it is. What it did stays, and can be taken back; a new plan sees to the rest.
#[utoipa::path(
    post, path = "/api/v1/sync-runs/{id}/cancel", tag = "sync", operation_id = "cancelSyncRun",
    params(("id" = String, Path, description = "A run that is not over.")),
    responses((status = 200, description = "The run, as it is now.", body = RunOut))
)]
pub(crate) async fn cancel(
    State(app): State<Arc<App>>,
    Admin(admin): Admin,
    Id(id): Id<SyncRunId>,
) -> Result<Response> {
    ok(&RunOut::from(app.control.cancel_sync(&admin, id).await?))
}

/// Plan to take a run back, whole or for some files. It is a plan like any other: it is looked at, and run.
#[utoipa::path(
    post, path = "/api/v1/sync-runs/{id}/restore", tag = "sync", operation_id = "restoreSyncRun",
    params(("id" = String, Path, description = "A run that is over.")), request_body = Option<RestoreIn>,
    responses((status = 202, description = "The plan is being made.", body = PlanOut))
)]
pub(crate) async fn restore(
    State(app): State<Arc<App>>,
    Admin(admin): Admin,
    Id(id): Id<SyncRunId>,
    OptionalJson(given): OptionalJson<RestoreIn>,
) -> Result<Response> {
    planning(app.control.restore_sync_run(&admin, id, given.keys.as_deref()).await?)
}
