//! Signing in and out.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use portcullis_domain::Secret;

use super::{json, ok};
use crate::app::App;
use crate::dto::{Items, SessionOut, SignInIn, SignedInOut};
use crate::extract::{Caller, Json, Stranger};
use crate::problem::{Problem, Result};

/// Sign in. The token is in this answer and in no other.
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
    if given.otp.is_some() {
        return Err(Problem::invalid_field("otp", "not available in this version; leave it out"));
    }
    let password = Secret::foreign(given.password);
    let signed_in = app.control.sign_in(stranger.origin(), &given.username, &password).await?;
    let expires_at = signed_in.session.expires.to_string();
    json(StatusCode::CREATED, &SignedInOut { token: signed_in.token.reveal().to_owned(), expires_at })
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
