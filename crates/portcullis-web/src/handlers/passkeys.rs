//! Passkeys of the person who asks.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use portcullis_domain::PasskeyId;

use super::{ok, told_once};
use crate::app::App;
use crate::dto::{AddedPasskeyOut, Items, NewPasskeyIn, PasskeyOptionsOut, PasskeyOut};
use crate::extract::{Caller, Id, Json};
use crate::problem::{Problem, Result};

/// One's own passkeys.
#[utoipa::path(
    get, path = "/api/v1/me/passkeys", tag = "sessions", operation_id = "listOwnPasskeys",
    responses((status = 200, description = "All of them, the oldest first.", body = Items<PasskeyOut>))
)]
pub(crate) async fn list(State(app): State<Arc<App>>, Caller(who): Caller) -> Result<Response> {
    let passkeys = app.control.own_passkeys(&who).await?;
    ok(&Items { items: passkeys.into_iter().map(PasskeyOut::from).collect::<Vec<_>>(), next_cursor: None })
}

/// Ask for a new passkey: what a browser is given to make one.
#[utoipa::path(
    post, path = "/api/v1/me/passkeys/options", tag = "sessions", operation_id = "askForNewPasskey",
    responses((status = 200, description = "The question, good for five minutes.", body = PasskeyOptionsOut))
)]
pub(crate) async fn options(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    headers: HeaderMap,
) -> Result<Response> {
    let party = app.relying_party(&headers).ok_or_else(no_passkeys)?;
    ok(&PasskeyOptionsOut::from(app.control.ask_for_new_passkey(&who, &party).await?))
}

/// Add the passkey that a browser made.
#[utoipa::path(
    post, path = "/api/v1/me/passkeys", tag = "sessions", operation_id = "addPasskey", request_body = NewPasskeyIn,
    responses((status = 200, description = "Added.", body = AddedPasskeyOut))
)]
pub(crate) async fn add(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    headers: HeaderMap,
    Json(given): Json<NewPasskeyIn>,
) -> Result<Response> {
    let party = app.relying_party(&headers).ok_or_else(no_passkeys)?;
    let added = app.control.add_passkey(&who, &party, &given.read()?).await?;
    Ok(told_once(ok(&AddedPasskeyOut::from(added))?))
}

/// Remove a passkey.
#[utoipa::path(
    delete, path = "/api/v1/me/passkeys/{id}", tag = "sessions", operation_id = "removePasskey",
    params(("id" = String, Path, description = "The passkey.")),
    responses((status = 204, description = "Removed."))
)]
pub(crate) async fn remove(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    Id(id): Id<PasskeyId>,
) -> Result<StatusCode> {
    app.control.remove_passkey(&who, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Browsers have no passkeys without https, or at an address that is a number.
pub(super) fn no_passkeys() -> Problem {
    let detail = "Passkeys need the panel at a name over https; whoever runs the server sets it as web_url.";
    Problem::new(StatusCode::CONFLICT, "no-passkeys-here", "No passkeys here", detail)
}
