//! A run: how far it is, what became of every file, and the way back.

mod acts;
mod page;

use std::sync::Arc;

use axum::Router;
use axum::extract::FromRequestParts;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::get;
use http::request::Parts;
use portcullis_access::SiteAdmin;
use portcullis_domain::SyncRunId;

use super::super::error::PanelError;
use super::super::visitor::{Admin, Person};
use super::run_path;
use crate::app::App;

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/sync/runs/{id}", get(page::show))
        .route("/sync/runs/{id}/events", get(acts::events))
        .route("/sync/runs/{id}/pause", get(home).post(acts::pause))
        .route("/sync/runs/{id}/resume", get(home).post(acts::resume))
        .route("/sync/runs/{id}/cancel", get(home).post(acts::cancel))
        .route("/sync/runs/{id}/restore", get(home).post(acts::restore))
}

/// An admin at a run. Whether there is such a run is not looked at yet.
pub(super) struct At {
    pub(super) admin: SiteAdmin,
    pub(super) person: Person,
    pub(super) run: SyncRunId,
}

impl FromRequestParts<Arc<App>> for At {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Response> {
        let Admin { admin, person } = Admin::from_request_parts(parts, app).await?;
        match super::id(parts, app).await {
            Some(run) => Ok(Self { admin, person, run }),
            None => Err(PanelError::NotFound.show(&person.chrome)),
        }
    }
}

/// `GET` of a form's address.
async fn home(at: At) -> Response {
    Redirect::to(&run_path(at.run)).into_response()
}
