//! Making a connection, step by step: what is stored where, how its provider is reached, who may come in from outside, a look at all of it.
//!
//! Each step is an address with everything that was filled in so far but a provider's secret, which stays here ([`KeptSecrets`]). Nothing is made before the last button is pressed, and nobody from
//! outside can reach what is made then unless the second step said so.

mod create;
mod draft;
mod existing;
mod kept;
mod provider;
mod providers;
pub(super) mod quota;
mod remote;
mod steps;

use std::sync::Arc;

use axum::Router;
use axum::routing::get;

use crate::app::App;

pub(crate) use kept::KeptSecrets;

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/connections/new", get(steps::storage).post(create::create))
        .route("/connections/new/provider", get(provider::provider).post(provider::send))
        .route("/connections/new/existing", get(existing::existing))
        .route("/connections/new/access", get(steps::access))
        .route("/connections/new/review", get(steps::review))
}
