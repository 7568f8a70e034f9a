//! Second factors, removed: asked once, with what follows from it.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;
use portcullis_control::ControlError;
use portcullis_domain::PasskeyId;

use super::super::error::PanelError;
use super::super::fields::Faults;
use super::super::page::{Chrome, on_to, page};
use super::super::posted::Posted;
use super::super::visitor::Person;
use super::super::words::filters;
use super::SECOND_FACTOR;
use crate::app::App;

#[derive(Template)]
#[template(path = "account_remove.html")]
struct RemovePage<'a> {
    chrome: &'a Chrome,
    action: String,
    /// The passkey; none for the app.
    name: Option<&'a str>,
    /// Whether nothing is left after it.
    last: bool,
    faults: Faults,
}

/// What is to go.
#[derive(Clone, Copy)]
enum Gone {
    App,
    Passkey(PasskeyId),
}

/// `GET /account/second-factor/app/remove`
pub(super) async fn ask_app(State(app): State<Arc<App>>, person: Person) -> Response {
    ask(&app, &person, Gone::App, Faults::default()).await
}

/// `GET /account/passkeys/{id}/remove`
pub(super) async fn ask_passkey(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    person: Person,
) -> Response {
    match id.parse() {
        Ok(id) => ask(&app, &person, Gone::Passkey(id), Faults::default()).await,
        Err(_) => PanelError::NotFound.show(&person.chrome),
    }
}

async fn ask(app: &App, person: &Person, gone: Gone, faults: Faults) -> Response {
    let factors = match app.control.second_factors(&person.who).await {
        Ok(factors) => factors,
        Err(error) => return PanelError::from(error).show(&person.chrome),
    };
    let passkey = |id| factors.passkeys.iter().find(|passkey| passkey.id == id);
    let (action, name, last) = match gone {
        Gone::App if factors.totp => {
            (format!("{SECOND_FACTOR}/app/remove"), None, factors.passkeys.is_empty())
        }
        Gone::Passkey(id) if passkey(id).is_some() => (
            format!("/account/passkeys/{id}/remove"),
            passkey(id).map(|passkey| passkey.name.as_str()),
            !factors.totp && factors.passkeys.len() == 1,
        ),
        Gone::App | Gone::Passkey(_) => return PanelError::NotFound.show(&person.chrome),
    };
    let status = if faults.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    page(status, &RemovePage { chrome: &person.chrome, action, name, last, faults })
}

/// `POST /account/second-factor/app/remove`
pub(super) async fn app(State(app): State<Arc<App>>, person: Person, _form: Posted) -> Response {
    let outcome = app.control.remove_totp(&person.who).await;
    finish(&app, &person, Gone::App, outcome).await
}

/// `POST /account/passkeys/{id}/remove`
pub(super) async fn passkey(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    person: Person,
    _form: Posted,
) -> Response {
    let Ok(id) = id.parse::<PasskeyId>() else { return PanelError::NotFound.show(&person.chrome) };
    let outcome = app.control.remove_passkey(&person.who, id).await;
    finish(&app, &person, Gone::Passkey(id), outcome).await
}

async fn finish(app: &App, person: &Person, gone: Gone, outcome: Result<(), ControlError>) -> Response {
    match outcome {
        Ok(()) => on_to(SECOND_FACTOR, "done.removed"),
        Err(ControlError::Invalid(problems)) => ask(app, person, gone, Faults::from(problems)).await,
        Err(error) => PanelError::from(error).show(&person.chrome),
    }
}
