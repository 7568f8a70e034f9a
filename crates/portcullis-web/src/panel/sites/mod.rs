//! Sites: the tree of them, a page for each, and acting in another.

mod new;
mod site;
mod switch;
mod tree;

use std::sync::Arc;

use axum::Router;
use axum::extract::{FromRequestParts, Path};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::get;
use http::request::Parts;
use portcullis_access::SiteAdmin;
use portcullis_domain::SiteId;

use super::error::PanelError;
use super::visitor::{Admin, Person};
use crate::app::App;

const SITES: &str = "/sites";

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route(SITES, get(tree::show))
        .route("/sites/new", get(new::show).post(new::make))
        .route("/sites/switch", get(switch::home).post(switch::switch))
        .route("/sites/{id}", get(site::show))
        .route("/sites/{id}/name", get(home).post(site::rename))
        .route("/sites/{id}/delete", get(home).post(site::delete))
}

/// An admin at the page of a site. Whether there is such a site is not looked at yet.
struct AtSite {
    admin: SiteAdmin,
    person: Person,
    site: SiteId,
}

fn path(site: SiteId) -> String {
    format!("{SITES}/{site}")
}

impl FromRequestParts<Arc<App>> for AtSite {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Response> {
        let Admin { admin, person } = Admin::from_request_parts(parts, app).await?;
        let named = Path::<String>::from_request_parts(parts, app).await.ok();
        // A text that can be no id is the id of nothing.
        match named.and_then(|Path(id)| id.parse().ok()) {
            Some(site) => Ok(Self { admin, person, site }),
            None => Err(PanelError::NotFound.show(&person.chrome)),
        }
    }
}

/// `GET` of a form's address.
async fn home(at: AtSite) -> Response {
    Redirect::to(&path(at.site)).into_response()
}
