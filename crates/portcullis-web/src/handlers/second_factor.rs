//! The authenticator app and the recovery codes of the person who asks.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;

use super::{ok, told_once};
use crate::app::App;
use crate::dto::{FirstCodeIn, RecoveryCodesOut, SecondFactorsOut, TotpSetUpOut};
use crate::extract::{Caller, Json};
use crate::problem::Result;

/// One's own second factors.
#[utoipa::path(
    get, path = "/api/v1/me/totp", tag = "sessions", operation_id = "getOwnSecondFactors",
    responses((status = 200, description = "What is set up.", body = SecondFactorsOut))
)]
pub(crate) async fn show(State(app): State<Arc<App>>, Caller(who): Caller) -> Result<Response> {
    ok(&SecondFactorsOut::from(app.control.second_factors(&who).await?))
}

/// Begin to set an authenticator app up. Nothing is kept before it is confirmed.
#[utoipa::path(
    post, path = "/api/v1/me/totp", tag = "sessions", operation_id = "beginTotp",
    responses((status = 200, description = "What the app needs; in this answer and no other.", body = TotpSetUpOut))
)]
pub(crate) async fn begin(State(app): State<Arc<App>>, Caller(who): Caller) -> Result<Response> {
    let set_up = app.control.begin_totp(&who, &app.issuer()).await?;
    Ok(told_once(ok(&TotpSetUpOut::from(set_up))?))
}

/// Set the app up, with the first code that it shows. An app that was set up before no longer holds, nor do earlier recovery codes.
#[utoipa::path(
    post, path = "/api/v1/me/totp/confirm", tag = "sessions", operation_id = "confirmTotp", request_body = FirstCodeIn,
    responses((status = 200, description = "Set up; the recovery codes are in this answer and no other.", body = RecoveryCodesOut))
)]
pub(crate) async fn confirm(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    Json(given): Json<FirstCodeIn>,
) -> Result<Response> {
    let codes = app.control.confirm_totp(&who, &given.state, &given.code).await?;
    Ok(told_once(ok(&RecoveryCodesOut::from(codes))?))
}

/// Remove the authenticator app.
#[utoipa::path(
    delete, path = "/api/v1/me/totp", tag = "sessions", operation_id = "removeTotp",
    responses((status = 204, description = "Removed."))
)]
pub(crate) async fn remove(State(app): State<Arc<App>>, Caller(who): Caller) -> Result<StatusCode> {
    app.control.remove_totp(&who).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// New recovery codes in place of all others.
#[utoipa::path(
    post, path = "/api/v1/me/recovery-codes", tag = "sessions", operation_id = "newRecoveryCodes",
    responses((status = 200, description = "Ten codes; in this answer and no other.", body = RecoveryCodesOut))
)]
pub(crate) async fn new_codes(State(app): State<Arc<App>>, Caller(who): Caller) -> Result<Response> {
    let codes = app.control.new_recovery_codes(&who).await?;
    Ok(told_once(ok(&RecoveryCodesOut::from(codes))?))
}
