//! Who asks.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use portcullis_domain::Secret;

use super::ok;
use crate::app::App;
use crate::dto::{MeOut, NewPasswordIn};
use crate::extract::{Caller, Json};
use crate::problem::Result;

/// Who the credentials of this request belong to, and what they are for.
#[utoipa::path(
    get, path = "/api/v1/me", tag = "sessions", operation_id = "getMe",
    responses((status = 200, description = "Who asks.", body = MeOut))
)]
pub(crate) async fn show(State(app): State<Arc<App>>, Caller(who): Caller) -> Result<Response> {
    ok(&MeOut::from(app.control.me(&who).await?))
}

/// Change one's own password. The other sign-ins of the person end; the one that asks goes on.
#[utoipa::path(
    put, path = "/api/v1/me/password", tag = "sessions", operation_id = "changeOwnPassword", request_body = NewPasswordIn,
    responses((status = 204, description = "Changed."))
)]
pub(crate) async fn change_password(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    Json(given): Json<NewPasswordIn>,
) -> Result<StatusCode> {
    let NewPasswordIn { current, new } = given;
    app.control.change_own_password(&who, &Secret::foreign(current), &Secret::foreign(new)).await?;
    Ok(StatusCode::NO_CONTENT)
}
