//! What was done and refused in the site: the list of it, and a page that explains a refusal and offers what changes it.

mod explain;
mod export;
mod facts;
mod list;
mod row;
mod wanted;

use std::sync::Arc;

use axum::Router;
use axum::routing::get;

use crate::app::App;

pub(super) const HOME: &str = "/activity";

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route(HOME, get(list::list))
        .route("/activity/export", get(export::export))
        .route("/activity/{request_id}", get(explain::show))
        .route("/activity/{request_id}/fix", get(explain::home).post(explain::fix))
}

/// The page that explains why this request was refused.
pub(super) fn explained_at(request_id: &str) -> String {
    let id: String = form_urlencoded::byte_serialize(request_id.as_bytes()).collect();
    format!("{HOME}/{}", id.replace('+', "%20"))
}

/// The list of what was refused to a key.
pub(super) fn refused_to(key: portcullis_domain::KeyId) -> String {
    format!("{HOME}?key={key}&verdict=denied")
}
