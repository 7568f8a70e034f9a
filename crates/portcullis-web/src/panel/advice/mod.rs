//! Advice: keys that are wider than their use, and narrowing them.

mod acts;
mod list;
mod row;

use std::sync::Arc;

use axum::Router;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::get;

use super::visitor::Admin;
use crate::app::App;

pub(super) const HOME: &str = "/advice";

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route(HOME, get(list::list))
        .route("/advice/keys/{key}/{what}", get(home).post(acts::take))
        .route("/advice/taken/{id}/undo", get(home).post(acts::undo))
}

/// `GET` of a form's address.
async fn home(_: Admin) -> Response {
    Redirect::to(HOME).into_response()
}
