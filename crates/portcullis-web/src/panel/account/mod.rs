//! One's own account: who one is, the password, and the first start.

mod first_run;
mod password;

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::RawQuery;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::{get, post};
use http::StatusCode;
use portcullis_access::Principal;

use super::fields::Fields;
use super::page::{Chrome, page, toast};
use super::visitor::Person;
use super::words::filters;
use crate::app::App;

/// The address that leads everybody to where they begin.
pub(super) const START: &str = "/";
/// One's own page, where somebody begins who administers nothing.
pub(super) const ACCOUNT: &str = "/account";
/// The page after the first sign-in with the printed password.
const FIRST_RUN: &str = "/first-run";
const PASSWORD: &str = "/account/password";

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route(ACCOUNT, get(show))
        .route(PASSWORD, get(password::show).post(password::change))
        .route(FIRST_RUN, get(first_run::show).post(first_run::change))
        .route("/first-run/keep", post(first_run::keep))
}

/// `GET /`
pub(super) async fn start(person: Person) -> Response {
    Redirect::to(person.chrome.home()).into_response()
}

/// On after signing in: to the page that was wanted, or first to the choice of a password.
pub(super) async fn after_sign_in(app: &App, who: &Principal, next: &str) -> Response {
    let first = app.control.first_run(who).await.unwrap_or_else(|error| {
        tracing::warn!(%error, "whether this is the first start cannot be told");
        false
    });
    Redirect::to(if first { FIRST_RUN } else { next }).into_response()
}

#[derive(Template)]
#[template(path = "account.html")]
struct AccountPage<'a> {
    chrome: &'a Chrome,
    toast: Option<&'static str>,
}

/// `GET /account`
async fn show(person: Person, RawQuery(query): RawQuery) -> Response {
    let fields = Fields::parse(query.unwrap_or_default().as_bytes());
    page(StatusCode::OK, &AccountPage { chrome: &person.chrome, toast: toast(&fields) })
}
