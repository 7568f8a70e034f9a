//! Whether the process lives, and whether it can serve.

use std::sync::Arc;

use axum::extract::State;

use crate::app::App;
use crate::problem::{Problem, Result};

/// Whether the process is alive.
#[utoipa::path(
    get, path = "/healthz", tag = "health", operation_id = "getHealth", security(()),
    responses((status = 200, description = "It is.", body = String, content_type = "text/plain", example = "ok"))
)]
pub(crate) async fn live() -> &'static str {
    "ok"
}

/// Whether requests can be served: the database answers, and revocations are heard of.
#[utoipa::path(
    get, path = "/readyz", tag = "health", operation_id = "getReadiness", security(()),
    responses(
        (status = 200, description = "They can.", body = String, content_type = "text/plain", example = "ready"),
        (status = 503, description = "Not at the moment.", body = crate::problem::ProblemBody<'static>, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn ready(State(app): State<Arc<App>>) -> Result<&'static str> {
    app.control.ready().await.map_err(|error| Problem::unavailable(format!("not ready: {error}")))?;
    Ok("ready")
}
