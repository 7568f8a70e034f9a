//! Signing in and out.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use portcullis_access::{AccessError, Denial, SignedIn};
use portcullis_control::SignInStep;
use portcullis_domain::{Secret, SessionId};

use super::passkeys::no_passkeys;
use super::{json, ok};
use crate::app::App;
use crate::dto::{
    ConfirmationIn, Items, PasskeyAnswerIn, PasskeyOptionsOut, SessionOut, SignInIn, SignedInOut,
};
use crate::extract::{Caller, Id, Json, Stranger};
use crate::problem::{Problem, Result};

/// Sign in. The token is in this answer and in no other. Who set a second factor up sends `otp` too.
#[utoipa::path(
    post, path = "/api/v1/sessions", tag = "sessions", operation_id = "signIn", security(()),
    request_body = SignInIn,
    responses((status = 201, description = "Signed in.", body = SignedInOut))
)]
pub(crate) async fn create(
    State(app): State<Arc<App>>,
    stranger: Stranger,
    Json(given): Json<SignInIn>,
) -> Result<Response> {
    let password = Secret::foreign(given.password);
    let otp = given.otp.as_deref();
    let step = app.control.sign_in_by_password(stranger.origin(), &given.username, &password, otp).await?;
    match step {
        SignInStep::In(signed_in) => signed_in_out(&signed_in),
        SignInStep::CodeNeeded { .. } => Err(AccessError::Denied(Denial::SecondFactorMissing).into()),
    }
}

fn signed_in_out(signed_in: &SignedIn) -> Result<Response> {
    let expires_at = signed_in.session.expires.to_string();
    json(StatusCode::CREATED, &SignedInOut { token: signed_in.token.reveal().to_owned(), expires_at })
}

/// Ask for a passkey: what a browser is given so that somebody signs in, or confirms, by one of theirs.
#[utoipa::path(
    post, path = "/api/v1/sessions/passkey/options", tag = "sessions", operation_id = "askForPasskey", security(()),
    responses((status = 200, description = "The question, good for five minutes.", body = PasskeyOptionsOut))
)]
pub(crate) async fn passkey_options(State(app): State<Arc<App>>, headers: HeaderMap) -> Result<Response> {
    let party = app.relying_party(&headers).ok_or_else(no_passkeys)?;
    ok(&PasskeyOptionsOut::from(app.control.ask_for_passkey(&party)?))
}

/// Sign in by a passkey, which is both factors at once. The token is in this answer and in no other.
#[utoipa::path(
    post, path = "/api/v1/sessions/passkey", tag = "sessions", operation_id = "signInByPasskey", security(()),
    request_body = PasskeyAnswerIn,
    responses((status = 201, description = "Signed in.", body = SignedInOut))
)]
pub(crate) async fn create_by_passkey(
    State(app): State<Arc<App>>,
    stranger: Stranger,
    headers: HeaderMap,
    Json(given): Json<PasskeyAnswerIn>,
) -> Result<Response> {
    let party = app.relying_party(&headers).ok_or_else(no_passkeys)?;
    let answer = given.read("")?;
    signed_in_out(&app.control.sign_in_by_passkey(stranger.origin(), &party, &answer).await?)
}

/// Prove once more who one is: what is worth asking again may be done for ten minutes.
#[utoipa::path(
    post, path = "/api/v1/sessions/current/confirm", tag = "sessions", operation_id = "confirmSession",
    request_body = ConfirmationIn, responses((status = 204, description = "Confirmed."))
)]
pub(crate) async fn confirm(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    headers: HeaderMap,
    Json(given): Json<ConfirmationIn>,
) -> Result<StatusCode> {
    let ConfirmationIn { password, otp, passkey } = given;
    match (password, passkey) {
        (Some(password), None) => {
            app.control.confirm(&who, &Secret::foreign(password), otp.as_deref()).await?
        }
        (None, Some(answer)) => {
            let party = app.relying_party(&headers).ok_or_else(no_passkeys)?;
            app.control.confirm_by_passkey(&who, &party, &answer.read("passkey.")?).await?;
        }
        (None, None) | (Some(_), Some(_)) => {
            return Err(Problem::invalid_field("password", "either this, or passkey"));
        }
    }
    Ok(StatusCode::NO_CONTENT)
}

/// The sign-ins of the person who asks.
#[utoipa::path(
    get, path = "/api/v1/sessions", tag = "sessions", operation_id = "listSessions",
    responses((status = 200, description = "Those that have not run out, the newest first.", body = Items<SessionOut>))
)]
pub(crate) async fn list(State(app): State<Arc<App>>, Caller(who): Caller) -> Result<Response> {
    let sessions = app.control.own_sessions(&who).await?;
    let items = sessions.into_iter().map(|session| SessionOut::new(session, &who)).collect();
    ok(&Items { items, next_cursor: None })
}

/// Sign out.
#[utoipa::path(
    delete, path = "/api/v1/sessions/current", tag = "sessions", operation_id = "signOut",
    responses((status = 204, description = "Signed out; the token no longer holds."))
)]
pub(crate) async fn end_current(State(app): State<Arc<App>>, Caller(who): Caller) -> Result<StatusCode> {
    app.control.sign_out(&who).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// End one of one's own sign-ins.
#[utoipa::path(
    delete, path = "/api/v1/sessions/{id}", tag = "sessions", operation_id = "endSession",
    params(("id" = String, Path, description = "The sign-in.")),
    responses((status = 204, description = "Ended; its token no longer holds."))
)]
pub(crate) async fn end(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    Id(id): Id<SessionId>,
) -> Result<StatusCode> {
    app.control.end_own_session(&who, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
