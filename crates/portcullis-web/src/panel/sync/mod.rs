//! Two storages brought together: plans, runs, what runs kept, and jobs.

mod form;
mod home;
mod job;
mod kept;
mod new;
mod places;
mod plan;
mod run;
mod said;

use std::collections::HashMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::{FromRequestParts as _, Path};
use axum::routing::get;
use http::request::Parts;
use portcullis_domain::{SyncJobId, SyncPlanId, SyncRunId};

use crate::app::App;

pub(super) use places::{Place, places};

pub(super) const HOME: &str = "/sync";

/// The page of what runs kept.
pub(super) const KEPT: &str = "/sync/kept";

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route(HOME, get(home::show))
        .route("/sync/new", get(new::ask).post(new::make))
        .route(KEPT, get(kept::show))
        .route("/sync/kept/{id}/restore", get(kept::home).post(kept::restore))
        .merge(plan::routes())
        .merge(run::routes())
        .merge(job::routes())
}

/// The page of a plan.
fn plan_path(id: SyncPlanId) -> String {
    format!("/sync/plans/{id}")
}

/// The page of a run.
fn run_path(id: SyncRunId) -> String {
    format!("/sync/runs/{id}")
}

/// The page of a job.
fn job_path(id: SyncJobId) -> String {
    format!("/sync/jobs/{id}")
}

/// What an address names; a text that can be no id is the id of nothing.
async fn id<T: std::str::FromStr>(parts: &mut Parts, app: &Arc<App>) -> Option<T> {
    let Path(ids) = Path::<HashMap<String, String>>::from_request_parts(parts, app).await.ok()?;
    ids.get("id")?.parse().ok()
}
