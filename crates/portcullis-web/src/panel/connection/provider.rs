//! The provider of a connection: testing the way there, and replacing the credentials.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use portcullis_control::{ControlError, ProbeOptions, RemoteState};
use portcullis_domain::{Secret, Storage};

use super::super::error::PanelError;
use super::super::fields::{Faults, Fields};
use super::super::page::{Chrome, on_to, page};
use super::super::posted::Posted;
use super::super::words::{self, filters};
use super::at::{At, path};
use super::page::ConnectionPage;
use super::subject::Subject;
use crate::app::App;

#[derive(Template)]
#[template(path = "connection_provider_credentials.html")]
struct CredentialsForm<'a> {
    chrome: &'a Chrome,
    storage: &'a Storage,
    home: String,
    /// The access key that is used now.
    in_use: Option<&'a str>,
    typed: &'a str,
    faults: Faults,
}

/// How the way to the provider is, in a word or two.
pub(in super::super) fn word(state: &RemoteState) -> &'static str {
    match state.state {
        "reachable" => words::text("remote.health.reachable"),
        "degraded" => words::text("remote.health.degraded"),
        "credentials rejected" => words::text("remote.health.credentials"),
        "bucket gone" => words::text("remote.health.bucket"),
        _ => words::text("remote.health.unreachable"),
    }
}

/// What to do about it; none if all is well.
pub(in super::super) fn advice(state: &RemoteState) -> Option<&'static str> {
    match state.state {
        "reachable" => None,
        "degraded" => Some(words::text("remote.advice.degraded")),
        "credentials rejected" => Some(words::text("remote.advice.credentials")),
        "bucket gone" => Some(words::text("remote.advice.bucket")),
        _ => Some(words::text("remote.advice.unreachable")),
    }
}

/// `POST /connections/{id}/provider/test`
pub(super) async fn test(State(app): State<Arc<App>>, at: At, form: Posted) -> Response {
    try_test(&app, &at, &form).await.unwrap_or_else(|error| error.show(&at.person.chrome))
}

async fn try_test(app: &App, at: &At, form: &Fields) -> Result<Response, PanelError> {
    load(app, at).await?;
    let options = ProbeOptions { write: form.has("write") };
    let steps = app.control.test_storage(&at.admin, at.storage, options).await?;
    // Only now: the test may have changed what is known of the connection.
    let subject = load(app, at).await?;
    let mut shown = ConnectionPage::new(app, at, &subject);
    shown.probe = Some(steps);
    shown.write = options.write;
    Ok(page(StatusCode::OK, &shown))
}

/// The connection, if it has a provider of its own.
async fn load(app: &App, at: &At) -> Result<Subject, PanelError> {
    let subject = Subject::load(app, &at.admin, at.storage).await?;
    if subject.remote.is_some() { Ok(subject) } else { Err(PanelError::NotFound) }
}

/// `GET /connections/{id}/provider/credentials`
pub(super) async fn ask(State(app): State<Arc<App>>, at: At) -> Response {
    match load(&app, &at).await {
        Ok(subject) => show(&at, &subject, "", Faults::default()),
        Err(error) => error.show(&at.person.chrome),
    }
}

/// `POST /connections/{id}/provider/credentials`
pub(super) async fn replace(State(app): State<Arc<App>>, at: At, form: Posted) -> Response {
    try_replace(&app, &at, &form).await.unwrap_or_else(|error| error.show(&at.person.chrome))
}

async fn try_replace(app: &App, at: &At, form: &Fields) -> Result<Response, PanelError> {
    let subject = load(app, at).await?;
    let (id, secret) = (form.get("access_key_id").trim(), form.get("secret_access_key").trim());
    let secret = Secret::foreign(secret.to_owned());
    match app.control.replace_provider_credentials(&at.admin, at.storage, id, &secret).await {
        Ok(()) => Ok(on_to(&path(at.storage), "done.provider_credentials")),
        Err(ControlError::Invalid(problems)) => {
            let mut faults = Faults::default();
            for problem in problems {
                let of_secret = problem.field == "secret_access_key";
                // What the provider says of address and bucket is about this key here: nothing else was typed.
                faults.add(if of_secret { "secret_access_key" } else { "access_key_id" }, problem.message);
            }
            let typed: String = id.chars().take(1_100).collect();
            Ok(show(at, &subject, &typed, faults))
        }
        Err(error) => Err(error.into()),
    }
}

fn show(at: &At, subject: &Subject, typed: &str, faults: Faults) -> Response {
    let status = if faults.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let in_use = subject.remote.as_ref().and_then(|remote| remote.access_key_id.as_deref());
    let storage = &subject.view.storage;
    let home = path(storage.id);
    page(status, &CredentialsForm { chrome: &at.person.chrome, storage, home, in_use, typed, faults })
}
