//! Plans: made, read, decided, run, thrown away.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use portcullis_access::SiteAdmin;
use portcullis_control::{ChoiceDraft, PlanQuery, PlanState, PlanView};
use portcullis_domain::{StorageId, SyncPlanId};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{begun, planning, told, word};
use crate::app::App;
use crate::dto::{ChoicesIn, Items, PlanIn, PlanOut, RunIn, RunOut, page_of, request_of};
use crate::etag::IfMatch;
use crate::extract::{Admin, Id, Json, Limit, OptionalJson, Params, from_text};
use crate::handlers::ok;
use crate::problem::{Problem, Result};

/// Which plans to list.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PlansQuery {
    /// Only those of the storage with this id, on either side.
    #[serde(default, deserialize_with = "from_text")]
    #[param(value_type = Option<String>)]
    storage: Option<StorageId>,
    /// Only those in this state: `planning`, `ready`, `failed`, `running`, `done` or `discarded`.
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

/// The plans of the site, the latest first.
#[utoipa::path(
    get, path = "/api/v1/sync-plans", tag = "sync", operation_id = "listSyncPlans", params(PlansQuery),
    responses((status = 200, description = "A page of them.", body = Items<PlanOut>))
)]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    Admin(admin): Admin,
    Params(query): Params<PlansQuery>,
) -> Result<Response> {
    let PlansQuery { storage, state, limit, cursor } = query;
    let state = word("state", state.as_deref(), PlanState::ALL, PlanState::as_str)?;
    let found =
        app.control.sync_plans(&admin, PlanQuery { storage, state }, &request_of(limit, cursor)).await?;
    ok(&page_of(found, PlanOut::from))
}

/// Plan what would have to be done so that two storages, or parts of them, hold the same. Nothing is changed by that.
///
/// The answer comes at once, and the plan is made in the background: it is `planning` until it is `ready` or `failed`. A plan that
/// cannot be made says why in `told`: a side that does not answer, for instance, or whose list is not whole.
#[utoipa::path(
    post, path = "/api/v1/storages/{id}/sync-plans", tag = "sync", operation_id = "createSyncPlan",
    params(("id" = String, Path, description = "The storage that is named first; the source of a copy and of a mirror.")),
    request_body = PlanIn,
    responses((status = 202, description = "It is being made.", body = PlanOut))
)]
pub(crate) async fn create(
    State(app): State<Arc<App>>,
    Admin(admin): Admin,
    Id(id): Id<StorageId>,
    Json(given): Json<PlanIn>,
) -> Result<Response> {
    planning(app.control.make_sync_plan(&admin, &given.draft(id)).await?)
}

/// A plan: what would be done how often, what stands against it, what was chosen.
#[utoipa::path(
    get, path = "/api/v1/sync-plans/{id}", tag = "sync", operation_id = "getSyncPlan",
    params(("id" = String, Path, description = "The plan.")),
    responses((status = 200, description = "The plan, as it is now.", body = PlanOut))
)]
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    Admin(admin): Admin,
    Id(id): Id<SyncPlanId>,
) -> Result<Response> {
    told(app.control.sync_plan(&admin, id).await?)
}

/// Throw a plan away, with its list of files. One that is being made is stopped. One that was run cannot go.
#[utoipa::path(
    delete, path = "/api/v1/sync-plans/{id}", tag = "sync", operation_id = "discardSyncPlan",
    params(("id" = String, Path, description = "The plan.")),
    responses((status = 204, description = "Thrown away."))
)]
pub(crate) async fn discard(
    State(app): State<Arc<App>>,
    Admin(admin): Admin,
    Id(id): Id<SyncPlanId>,
    seen: IfMatch,
) -> Result<StatusCode> {
    as_seen(&app, &admin, id, &seen).await?;
    app.control.discard_sync_plan(&admin, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Say what is done with some files, whatever the plan's policy says. The plan is not made anew, and its totals follow.
#[utoipa::path(
    put, path = "/api/v1/sync-plans/{id}/choices", tag = "sync", operation_id = "chooseInSyncPlan",
    params(("id" = String, Path, description = "A plan that is ready.")), request_body = ChoicesIn,
    responses((status = 200, description = "The plan, as it is now.", body = PlanOut))
)]
pub(crate) async fn choose(
    State(app): State<Arc<App>>,
    Admin(admin): Admin,
    Id(id): Id<SyncPlanId>,
    seen: IfMatch,
    Json(given): Json<ChoicesIn>,
) -> Result<Response> {
    let plan = as_seen(&app, &admin, id, &seen).await?;
    // What was compared with the condition is what is changed.
    let version = (seen != IfMatch::Unsaid).then_some(plan.version);
    let choices: Vec<_> = given.choices.into_iter().map(ChoiceDraft::from).collect();
    told(app.control.choose(&admin, id, version, &choices).await?)
}

/// Run a plan. Whatever it replaces or deletes is kept first, and can be put back until its time is over.
///
/// Every guard of the plan has to be named in `approve`, by somebody who has looked at it. A file that was changed since the plan was made
/// is left alone. A plan is run once.
#[utoipa::path(
    post, path = "/api/v1/sync-plans/{id}/run", tag = "sync", operation_id = "runSyncPlan",
    params(("id" = String, Path, description = "A plan that is ready.")), request_body = Option<RunIn>,
    responses((status = 202, description = "It begins within seconds.", body = RunOut))
)]
pub(crate) async fn run(
    State(app): State<Arc<App>>,
    Admin(admin): Admin,
    Id(id): Id<SyncPlanId>,
    seen: IfMatch,
    OptionalJson(given): OptionalJson<RunIn>,
) -> Result<Response> {
    let plan = as_seen(&app, &admin, id, &seen).await?;
    let version = (seen != IfMatch::Unsaid).then_some(plan.version);
    let run = app.control.run_sync_plan(&admin, id, &given.draft(version)).await?;
    let at = format!("/api/v1/sync-runs/{}", run.id);
    begun(&at, &RunOut::from(run))
}

/// The plan, if it is as whoever asks has read it.
async fn as_seen(app: &App, admin: &SiteAdmin, id: SyncPlanId, seen: &IfMatch) -> Result<PlanView> {
    let plan = app.control.sync_plan(admin, id).await?;
    if seen.holds(&plan) { Ok(plan) } else { Err(Problem::changed()) }
}
