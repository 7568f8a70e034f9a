//! Groups: several people of a site under one name.

mod acts;
mod group;
mod list;

use std::sync::Arc;

use axum::Router;
use axum::extract::{FromRequestParts, Path};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::get;
use http::request::Parts;
use portcullis_access::SiteAdmin;
use portcullis_domain::GroupId;

use super::error::PanelError;
use super::visitor::{Admin, Person};
use crate::app::App;

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/groups", get(list::list).post(list::make))
        .route("/groups/{id}", get(group::show))
        .route("/groups/{id}/name", get(home).post(acts::rename))
        .route("/groups/{id}/members", get(home).post(acts::members))
        .route("/groups/{id}/delete", get(home).post(acts::delete))
}

/// An admin at the page of a group. Whether there is such a group is not looked at yet.
struct AtGroup {
    admin: SiteAdmin,
    person: Person,
    group: GroupId,
}

fn path(group: GroupId) -> String {
    format!("/groups/{group}")
}

impl FromRequestParts<Arc<App>> for AtGroup {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Response> {
        let Admin { admin, person } = Admin::from_request_parts(parts, app).await?;
        let named = Path::<String>::from_request_parts(parts, app).await.ok();
        // A text that can be no id is the id of nothing.
        match named.and_then(|Path(id)| id.parse().ok()) {
            Some(group) => Ok(Self { admin, person, group }),
            None => Err(PanelError::NotFound.show(&person.chrome)),
        }
    }
}

/// `GET` of a form's address.
async fn home(at: AtGroup) -> Response {
    Redirect::to(&path(at.group)).into_response()
}
