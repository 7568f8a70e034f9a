//! Usage: requests, bytes and refusals over time, and by key, storage, network and program.

mod chart;
mod show;
mod wanted;

use std::sync::Arc;

use axum::Router;
use axum::routing::get;

use crate::app::App;

pub(super) const HOME: &str = "/usage";

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new().route(HOME, get(show::show))
}
