//! One's own account: who one is, how one signs in and where one has, what one reaches, and the first start.

mod factors;
mod first_run;
mod passkeys;
mod password;
mod qr;
mod remove;
mod sessions;
mod totp;

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::{get, post};
use http::{HeaderMap, StatusCode};
use portcullis_access::{Principal, SessionRecord};
use portcullis_control::{OwnStorage, PageRequest};

use super::error::PanelError;
use super::fields::Fields;
use super::page::{Chrome, page, toast};
use super::visitor::Person;
use super::words::filters;
use crate::app::App;
use factors::Factors;

pub(super) use factors::SECOND_FACTOR;

/// The address that leads everybody to where they begin.
pub(super) const START: &str = "/";
/// One's own page, where somebody begins who administers nothing.
pub(super) const ACCOUNT: &str = "/account";
/// The page after the first sign-in with the printed password.
const FIRST_RUN: &str = "/first-run";
const PASSWORD: &str = "/account/password";
/// The most storages that the page names.
const STORAGES: u32 = 100;

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route(ACCOUNT, get(show))
        .route(PASSWORD, get(password::show).post(password::change))
        .route(FIRST_RUN, get(first_run::show).post(first_run::change))
        .route("/first-run/keep", post(first_run::keep))
        .route(SECOND_FACTOR, get(factors::show))
        .route("/account/second-factor/app", get(to_factors).post(totp::begin))
        .route("/account/second-factor/app/confirm", get(to_factors).post(totp::confirm))
        .route("/account/second-factor/app/remove", get(remove::ask_app).post(remove::app))
        .route("/account/second-factor/codes", get(to_factors).post(totp::new_codes))
        .route("/account/passkeys", get(to_factors).post(passkeys::add))
        .route("/account/passkeys/{id}/remove", get(remove::ask_passkey).post(remove::passkey))
        .route("/account/sessions/end", get(to_account).post(sessions::end_others))
        .route("/account/sessions/{id}/end", get(to_account).post(sessions::end))
}

/// Addresses to which forms are sent, asked for as pages: after a confirmation for one.
async fn to_factors() -> Redirect {
    Redirect::to(SECOND_FACTOR)
}

async fn to_account() -> Redirect {
    Redirect::to(ACCOUNT)
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

/// Whether somebody may see this page who has yet to set up the second factor that their site asks for.
pub(super) fn is_open_without_factor(path: &str) -> bool {
    path.starts_with(SECOND_FACTOR)
        || path.starts_with("/sign-in/oidc")
        || path.starts_with("/account/passkeys")
        || [
            PASSWORD,
            FIRST_RUN,
            "/first-run/keep",
            "/confirm",
            "/confirm/passkey",
            "/sign-in",
            "/sign-out",
            "/sites/switch",
        ]
        .contains(&path)
}

#[derive(Template)]
#[template(path = "account.html")]
struct AccountPage<'a> {
    chrome: &'a Chrome,
    toast: Option<&'static str>,
    factors: Factors,
    /// By whom people may sign in besides, and whether this person may.
    provider: Option<&'a str>,
    linked: bool,
    sessions: Vec<SessionRecord>,
    /// The sign-in of this page.
    own: String,
    storages: Vec<OwnStorage>,
    more_storages: bool,
}

/// `GET /account`
async fn show(
    State(app): State<Arc<App>>,
    person: Person,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    let fields = Fields::parse(query.unwrap_or_default().as_bytes());
    match filled(&app, &person, &headers, toast(&fields)).await {
        Ok(template) => page(StatusCode::OK, &template),
        Err(error) => error.show(&person.chrome),
    }
}

async fn filled<'a>(
    app: &'a App,
    person: &'a Person,
    headers: &HeaderMap,
    toast: Option<&'static str>,
) -> Result<AccountPage<'a>, PanelError> {
    let (who, chrome) = (&person.who, &person.chrome);
    let reached = if chrome.admin {
        None
    } else {
        Some(app.control.own_reach(who, None, &PageRequest::first(STORAGES)).await?)
    };
    Ok(AccountPage {
        chrome,
        toast,
        factors: Factors::of(app, who, headers).await?,
        provider: app.control.identity_provider(),
        linked: app.control.own_identity(who).await?.is_some(),
        sessions: app.control.own_sessions(who).await?,
        own: who.session_id().map(|id| id.to_string()).unwrap_or_default(),
        more_storages: reached.as_ref().is_some_and(|page| page.next.is_some()),
        storages: reached.map(|page| page.items).unwrap_or_default(),
    })
}
