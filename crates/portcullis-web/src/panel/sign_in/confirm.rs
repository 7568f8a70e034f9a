//! Proving once more who one is, before what cannot be taken back.

use std::sync::Arc;

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, StatusCode};
use portcullis_access::AccessError;
use portcullis_control::{ControlError, PasskeyAnswer};
use portcullis_domain::Secret;

use super::super::error::PanelError;
use super::super::fields::{Faults, Fields};
use super::super::page::{Chrome, page};
use super::super::posted::Posted;
use super::super::visitor::Person;
use super::super::words::{self, filters};
use super::safe_next;
use crate::app::App;

#[derive(Template)]
#[template(path = "confirm.html")]
struct ConfirmPage<'a> {
    chrome: &'a Chrome,
    next: &'a str,
    passkeys: bool,
    provider: Option<&'a str>,
    faults: Faults,
}

/// The provider by which this person can prove who they are, if they can.
async fn linked_provider<'a>(app: &'a App, person: &Person) -> Option<&'a str> {
    let provider = app.control.identity_provider()?;
    app.control.own_identity(&person.who).await.ok().flatten().map(|_| provider)
}

/// `GET /confirm?next=`
pub(super) async fn show(
    State(app): State<Arc<App>>,
    person: Person,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    let query = Fields::parse(query.unwrap_or_default().as_bytes());
    let next = safe_next(query.get("next"));
    let passkeys = app.relying_party(&headers).is_some();
    let provider = linked_provider(&app, &person).await;
    let template =
        ConfirmPage { chrome: &person.chrome, next, passkeys, provider, faults: Faults::default() };
    page(StatusCode::OK, &template)
}

/// `GET /confirm/passkey`
pub(super) async fn back() -> Redirect {
    Redirect::to("/confirm")
}

/// `POST /confirm`
pub(super) async fn by_password(
    State(app): State<Arc<App>>,
    person: Person,
    headers: HeaderMap,
    form: Posted,
) -> Response {
    let password = Secret::foreign(form.get("password").to_owned());
    let outcome = app.control.confirm(&person.who, &password, None).await;
    finish(&app, &person, &headers, &form, outcome).await
}

/// `POST /confirm/passkey`
pub(super) async fn by_passkey(
    State(app): State<Arc<App>>,
    person: Person,
    headers: HeaderMap,
    form: Posted,
) -> Response {
    let Some(party) = app.relying_party(&headers) else { return Redirect::to("/confirm").into_response() };
    let outcome = app.control.confirm_by_passkey(&person.who, &party, &answer_in(&form)).await;
    finish(&app, &person, &headers, &form, outcome).await
}

async fn finish(
    app: &App,
    person: &Person,
    headers: &HeaderMap,
    form: &Fields,
    outcome: Result<(), ControlError>,
) -> Response {
    let next = safe_next(form.get("next"));
    let (status, faults) = match outcome {
        Ok(()) => return Redirect::to(next).into_response(),
        Err(ControlError::Invalid(problems)) => {
            let mut faults = Faults::default();
            for problem in problems {
                match problem.field.as_str() {
                    "password" => faults.add("password", words::text("confirm.wrong")),
                    "state" => faults.add("password", words::text("passkey.late")),
                    _ => faults.add("password", words::text("passkey.unknown")),
                }
            }
            (StatusCode::UNPROCESSABLE_ENTITY, faults)
        }
        Err(ControlError::Access(AccessError::Throttled { retry_after })) => {
            let mut faults = Faults::default();
            faults.add("password", words::count("password.throttled", retry_after.as_secs().max(1)));
            (StatusCode::TOO_MANY_REQUESTS, faults)
        }
        Err(error) => return PanelError::from(error).show(&person.chrome),
    };
    let passkeys = app.relying_party(headers).is_some();
    let provider = linked_provider(app, person).await;
    page(status, &ConfirmPage { chrome: &person.chrome, next, passkeys, provider, faults })
}

/// What a script of ours put into a form after a passkey answered. What is missing or damaged is empty, which no passkey answers.
pub(super) fn answer_in(form: &Fields) -> PasskeyAnswer {
    PasskeyAnswer {
        state: form.get("state").to_owned(),
        credential_id: bytes_in(form, "credential_id"),
        client_data: bytes_in(form, "client_data"),
        authenticator_data: bytes_in(form, "authenticator_data"),
        signature: bytes_in(form, "signature"),
        user_handle: form.filled("user_handle").map(|_| bytes_in(form, "user_handle")),
    }
}

/// The bytes that a field holds as base64url; none if it does not.
pub(in super::super) fn bytes_in(form: &Fields, field: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(form.get(field)).unwrap_or_default()
}
