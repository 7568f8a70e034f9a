//! After the first sign-in: the password that the server made up stands in a terminal, perhaps in a log. Somebody has to decide what
//! becomes of it.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse as _, Redirect, Response};
use http::StatusCode;

use super::super::error::PanelError;
use super::super::fields::Faults;
use super::super::page::{Chrome, on_to, page};
use super::super::posted::Posted;
use super::super::visitor::Person;
use super::super::words::filters;
use super::password::{Refused, replace};
use crate::app::App;

#[derive(Template)]
#[template(path = "first_run.html")]
struct FirstRunPage<'a> {
    chrome: &'a Chrome,
    faults: Faults,
}

/// `GET /first-run`
pub(super) async fn show(State(app): State<Arc<App>>, person: Person) -> Response {
    match app.control.first_run(&person.who).await {
        Ok(true) => page(StatusCode::OK, &FirstRunPage { chrome: &person.chrome, faults: Faults::default() }),
        Ok(false) => Redirect::to(person.chrome.home()).into_response(),
        Err(error) => PanelError::from(error).show(&person.chrome),
    }
}

/// `POST /first-run`: a password of one's own.
pub(super) async fn change(State(app): State<Arc<App>>, person: Person, form: Posted) -> Response {
    match replace(&app, &person, &form).await {
        Ok(()) => on_to(person.chrome.home(), "done.password"),
        Err(Refused::For(faults, status)) => page(status, &FirstRunPage { chrome: &person.chrome, faults }),
        Err(Refused::Wholly(error)) => error.show(&person.chrome),
    }
}

/// `POST /first-run/keep`: the printed one is stored.
pub(super) async fn keep(State(app): State<Arc<App>>, person: Person, _form: Posted) -> Response {
    match app.control.keep_printed_password(&person.who).await {
        Ok(()) => on_to(person.chrome.home(), "done.kept"),
        Err(error) => PanelError::from(error).show(&person.chrome),
    }
}
