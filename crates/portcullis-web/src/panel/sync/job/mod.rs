//! Jobs: two storages that are brought together again and again.

mod acts;
mod form;
mod new;
mod page;

use std::sync::Arc;

use axum::Router;
use axum::extract::FromRequestParts;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::get;
use http::request::Parts;
use portcullis_access::SiteAdmin;
use portcullis_domain::SyncJobId;

use super::super::error::PanelError;
use super::super::visitor::{Admin, Person};
use super::job_path;
use crate::app::App;

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/sync/jobs/new", get(new::ask).post(new::make))
        .route("/sync/jobs/{id}", get(page::show))
        .route("/sync/jobs/{id}/settings", get(home).post(acts::save))
        .route("/sync/jobs/{id}/switch", get(home).post(acts::switch))
        .route("/sync/jobs/{id}/run", get(home).post(acts::run))
        .route("/sync/jobs/{id}/delete", get(home).post(acts::delete))
}

/// An admin at a job. Whether there is such a job is not looked at yet.
pub(super) struct At {
    pub(super) admin: SiteAdmin,
    pub(super) person: Person,
    pub(super) job: SyncJobId,
}

impl FromRequestParts<Arc<App>> for At {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Response> {
        let Admin { admin, person } = Admin::from_request_parts(parts, app).await?;
        match super::id(parts, app).await {
            Some(job) => Ok(Self { admin, person, job }),
            None => Err(PanelError::NotFound.show(&person.chrome)),
        }
    }
}

/// `GET` of a form's address.
async fn home(at: At) -> Response {
    Redirect::to(&job_path(at.job)).into_response()
}
