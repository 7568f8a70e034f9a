//! The end of a connection, and what goes before it: what hangs on it, and to switch it off for a while.

mod detached;
mod form;
mod page;
mod pause;
mod rows;

use std::sync::Arc;

use axum::Router;
use axum::routing::get;

use super::at;
use crate::app::App;

pub(in super::super) use detached::DETACHED;
pub(super) use pause::PauseForm;

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route(DETACHED, get(detached::list))
        .route("/connections/{id}/attach", get(detached::home).post(detached::attach))
        .route("/connections/{id}/delete", get(page::ask).post(page::delete))
        .route("/connections/{id}/pause", get(at::home).post(pause::pause))
        .route("/connections/{id}/resume", get(at::home).post(pause::resume))
}
