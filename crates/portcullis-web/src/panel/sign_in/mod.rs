//! Signing in, in steps, and out; and proving once more who one is.

mod code;
mod confirm;
mod passkey;

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::{get, post};
use http::header::SET_COOKIE;
use http::{HeaderMap, HeaderValue, StatusCode};
use portcullis_access::{AccessError, SignedIn};
use portcullis_control::{ControlError, SignInStep};
use portcullis_domain::Secret;

use super::account::START;
use super::cookie::{csrf_of, end_session, form_of, set_session, set_visit};
use super::error::PanelError;
use super::fields::Fields;
use super::page::{page, toast};
use super::posted::Posted;
use super::visitor::Person;
use super::words::{self, filters};
use crate::app::App;
use crate::extract::Stranger;

use confirm::answer_in;
pub(super) use confirm::bytes_in;

/// The page on which people sign in.
const SIGN_IN: &str = "/sign-in";

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route(SIGN_IN, get(show).post(sign_in))
        .route("/sign-in/code", get(back).post(code::sign_in))
        .route("/sign-in/passkey", get(back).post(passkey::sign_in))
        .route("/confirm", get(confirm::show).post(confirm::by_password))
        .route("/confirm/passkey", get(confirm::back).post(confirm::by_passkey))
        .route("/sign-out", post(sign_out))
}

/// An address to which a form is sent, asked for as a page.
async fn back() -> Redirect {
    Redirect::to(SIGN_IN)
}

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage<'a> {
    csrf: String,
    plain_http: bool,
    username: &'a str,
    next: &'a str,
    fault: Option<String>,
    done: Option<&'static str>,
    /// Whether browsers have passkeys here.
    passkeys: bool,
    /// By whom people may sign in besides.
    provider: Option<&'a str>,
}

impl<'a> SignInPage<'a> {
    fn new(app: &'a App, headers: &HeaderMap, csrf: String, next: &'a str) -> Self {
        Self {
            csrf,
            plain_http: !app.is_secure(),
            username: "",
            next,
            fault: None,
            done: None,
            passkeys: app.relying_party(headers).is_some(),
            provider: app.control.identity_provider(),
        }
    }
}

/// The sign-in page once more, with what was wrong.
fn again(
    app: &App,
    headers: &HeaderMap,
    (username, next): (&str, &str),
    (status, fault): (StatusCode, String),
) -> Response {
    let csrf = form_of(headers, app.is_secure()).map(csrf_of).unwrap_or_default();
    page(status, &SignInPage { username, fault: Some(fault), ..SignInPage::new(app, headers, csrf, next) })
}

/// On from a first proof: into the panel, or to the page that asks for a code.
pub(super) async fn go_on(app: &App, headers: &HeaderMap, step: SignInStep, next: &str) -> Response {
    match step {
        SignInStep::In(signed_in) => come_in(app, &signed_in, next).await,
        SignInStep::CodeNeeded { ticket } => code::ask(app, headers, ticket.reveal(), next, None),
    }
}

/// Into the panel.
pub(super) async fn come_in(app: &App, signed_in: &SignedIn, next: &str) -> Response {
    let mut response = super::account::after_sign_in(app, &signed_in.principal, safe_next(next)).await;
    if let Some(cookie) = set_session(signed_in.token.reveal(), app.is_secure()) {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}

/// The page after signing in: one of ours, whatever the address says; else where the person begins.
pub(super) fn safe_next(next: &str) -> &str {
    let ours = next.starts_with('/') && !next.starts_with("//") && next.len() <= 1_000;
    let plain = next.bytes().all(|byte| (0x21..=0x7e).contains(&byte) && byte != b'\\');
    if ours && plain && !next.starts_with("/sign-") { next } else { START }
}

/// A visit that was just begun, unless there is one; its value and the cookie to set.
pub(super) fn visit(app: &App, headers: &HeaderMap) -> Option<(String, Option<HeaderValue>)> {
    let secure = app.is_secure();
    // Whose session ended elsewhere still has its cookie.
    if let Some(visit) = form_of(headers, secure) {
        return Some((visit.to_owned(), None));
    }
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).ok()?;
    let value: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let cookie = set_visit(&value, secure);
    Some((value, cookie))
}

/// `GET /sign-in`
async fn show(
    State(app): State<Arc<App>>,
    person: Result<Person, Response>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    let query = Fields::parse(query.unwrap_or_default().as_bytes());
    if person.is_ok() {
        return Redirect::to(safe_next(query.get("next"))).into_response();
    }
    let Some((visit, cookie)) = visit(&app, &headers) else { return PanelError::Failed.into_response() };
    let template = SignInPage::new(&app, &headers, csrf_of(&visit), query.get("next"));
    let mut response = page(StatusCode::OK, &SignInPage { done: toast(&query), ..template });
    if let Some(cookie) = cookie {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}

/// `POST /sign-in`
async fn sign_in(
    State(app): State<Arc<App>>,
    stranger: Stranger,
    headers: HeaderMap,
    form: Posted,
) -> Response {
    let password = Secret::foreign(form.get("password").to_owned());
    let (username, next) = (form.get("username").trim(), form.get("next"));
    match app.control.sign_in_by_password(stranger.origin(), username, &password, None).await {
        Ok(step) => go_on(&app, &headers, step, next).await,
        Err(error) => match fault(&error, "sign_in.wrong") {
            Some(fault) => again(&app, &headers, (username, next), fault),
            None => PanelError::from(error).into_response(),
        },
    }
}

/// What is said to somebody who did not get in; none if there is no use in trying again.
fn fault(error: &ControlError, wrong: &'static str) -> Option<(StatusCode, String)> {
    match error {
        ControlError::Access(AccessError::Denied(_) | AccessError::NotFound) => {
            Some((StatusCode::UNPROCESSABLE_ENTITY, words::text(wrong).to_owned()))
        }
        ControlError::Access(AccessError::Throttled { retry_after }) => {
            let seconds = retry_after.as_secs().max(1);
            Some((StatusCode::TOO_MANY_REQUESTS, words::count("sign_in.throttled", seconds)))
        }
        ControlError::Access(
            AccessError::Backend(_) | AccessError::Metadata(_) | AccessError::Unavailable,
        )
        | ControlError::Invalid(_)
        | ControlError::NotFound
        | ControlError::Conflict { .. }
        | ControlError::InUse(_)
        | ControlError::Stale
        | ControlError::ConfirmationNeeded
        | ControlError::KeysByAdminsOnly
        | ControlError::OverlapRuns { .. }
        | ControlError::NotNow(_)
        | ControlError::Metadata(_) => None,
    }
}

/// `POST /sign-out`
async fn sign_out(State(app): State<Arc<App>>, person: Person, _form: Posted) -> Response {
    if let Err(error) = app.control.sign_out(&person.who).await {
        return PanelError::from(error).show(&person.chrome);
    }
    let mut response = Redirect::to(SIGN_IN).into_response();
    if let Some(cookie) = end_session(app.is_secure()) {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signing_in_leads_nowhere_else() {
        assert_eq!(safe_next("/connections?q=a%20b"), "/connections?q=a%20b");
        for foreign in [
            "",
            "//evil.example",
            "https://evil.example",
            "/\\evil.example",
            "/a\r\nSet-Cookie: x",
            "/sign-out",
            "connections",
        ] {
            assert_eq!(safe_next(foreign), START, "{foreign}");
        }
    }
}
