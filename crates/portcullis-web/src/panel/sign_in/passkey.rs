//! Signing in by a passkey, which is both steps at once.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, StatusCode};
use portcullis_control::ControlError;

use super::super::error::PanelError;
use super::super::posted::Posted;
use super::super::words;
use super::{again, answer_in, come_in, fault};
use crate::app::App;
use crate::extract::Stranger;

/// `POST /sign-in/passkey`
pub(super) async fn sign_in(
    State(app): State<Arc<App>>,
    stranger: Stranger,
    headers: HeaderMap,
    form: Posted,
) -> Response {
    let next = form.get("next");
    let late = || (StatusCode::UNPROCESSABLE_ENTITY, words::text("passkey.late").to_owned());
    let Some(party) = app.relying_party(&headers) else { return again(&app, &headers, ("", next), late()) };
    match app.control.sign_in_by_passkey(stranger.origin(), &party, &answer_in(&form)).await {
        Ok(signed_in) => come_in(&app, &signed_in, next).await,
        Err(ControlError::Invalid(_)) => again(&app, &headers, ("", next), late()),
        Err(error) => match fault(&error, "passkey.unknown") {
            Some(fault) => again(&app, &headers, ("", next), fault),
            None => PanelError::from(error).into_response(),
        },
    }
}
