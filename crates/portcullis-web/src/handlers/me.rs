//! Who asks.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;

use super::ok;
use crate::app::App;
use crate::dto::MeOut;
use crate::extract::Caller;
use crate::problem::Result;

/// Who the credentials of this request belong to, and what they are for.
#[utoipa::path(
    get, path = "/api/v1/me", tag = "sessions", operation_id = "getMe",
    responses((status = 200, description = "Who asks.", body = MeOut))
)]
pub(crate) async fn show(State(app): State<Arc<App>>, Caller(who): Caller) -> Result<Response> {
    ok(&MeOut::from(app.control.me(&who).await?))
}
