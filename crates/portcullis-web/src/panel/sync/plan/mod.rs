//! A plan: what would be done with every file and why, what can be chosen otherwise, and the button that does it.

mod acts;
mod choices;
mod figures;
mod page;
mod row;
mod wanted;

use std::sync::Arc;

use axum::Router;
use axum::extract::FromRequestParts;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::get;
use http::request::Parts;
use portcullis_access::SiteAdmin;
use portcullis_domain::SyncPlanId;

use super::super::error::PanelError;
use super::super::visitor::{Admin, Person};
use super::plan_path;
use crate::app::App;

pub(super) use figures::Figure;

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/sync/plans/{id}", get(page::show))
        .route("/sync/plans/{id}/choices", get(home).post(choices::save))
        .route("/sync/plans/{id}/rules", get(home).post(choices::rules))
        .route("/sync/plans/{id}/run", get(home).post(acts::run))
        .route("/sync/plans/{id}/again", get(home).post(acts::again))
        .route("/sync/plans/{id}/discard", get(home).post(acts::discard))
        .route("/sync/plans/{id}/actions.csv", get(acts::csv))
}

/// An admin at a plan. Whether there is such a plan is not looked at yet.
pub(super) struct At {
    pub(super) admin: SiteAdmin,
    pub(super) person: Person,
    pub(super) plan: SyncPlanId,
}

impl FromRequestParts<Arc<App>> for At {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Response> {
        let Admin { admin, person } = Admin::from_request_parts(parts, app).await?;
        match super::id(parts, app).await {
            Some(plan) => Ok(Self { admin, person, plan }),
            None => Err(PanelError::NotFound.show(&person.chrome)),
        }
    }
}

/// `GET` of a form's address.
async fn home(at: At) -> Response {
    Redirect::to(&plan_path(at.plan)).into_response()
}
