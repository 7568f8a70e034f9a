//! Signing in and out.

use std::sync::Arc;

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use http::header::SET_COOKIE;
use http::{HeaderMap, HeaderValue, StatusCode};
use portcullis_access::AccessError;
use portcullis_control::ControlError;
use portcullis_domain::Secret;

use super::account::START;
use super::cookie::{csrf_of, end_session, set_session, set_visit, visit_of};
use super::error::PanelError;
use super::fields::Fields;
use super::page::page;
use super::posted::Posted;
use super::visitor::Person;
use super::words::{self, filters};
use crate::app::App;
use crate::extract::Stranger;

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage<'a> {
    csrf: String,
    plain_http: bool,
    username: &'a str,
    next: &'a str,
    fault: Option<String>,
}

/// The page after signing in: one of ours, whatever the address says; else where the person begins.
fn safe_next(next: &str) -> &str {
    let ours = next.starts_with('/') && !next.starts_with("//") && next.len() <= 1_000;
    let plain = next.bytes().all(|byte| (0x21..=0x7e).contains(&byte) && byte != b'\\');
    if ours && plain && !next.starts_with("/sign-") { next } else { START }
}

/// A visit that was just begun, unless there is one; its value and the cookie to set.
fn visit(app: &App, headers: &HeaderMap) -> Option<(String, Option<HeaderValue>)> {
    let secure = app.is_secure();
    if let Some(visit) = visit_of(headers, secure) {
        return Some((visit.to_owned(), None));
    }
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).ok()?;
    let value: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let cookie = set_visit(&value, secure);
    Some((value, cookie))
}

/// `GET /sign-in`
pub(super) async fn show(
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
    let template = SignInPage {
        csrf: csrf_of(&visit),
        plain_http: !app.is_secure(),
        username: "",
        next: query.get("next"),
        fault: None,
    };
    let mut response = page(StatusCode::OK, &template);
    if let Some(cookie) = cookie {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}

/// `POST /sign-in`
pub(super) async fn sign_in(
    State(app): State<Arc<App>>,
    stranger: Stranger,
    headers: HeaderMap,
    form: Posted,
) -> Response {
    let password = Secret::foreign(form.get("password").to_owned());
    let username = form.get("username").trim();
    let (status, fault) = match app.control.sign_in(stranger.origin(), username, &password).await {
        Ok(signed_in) => {
            let next = safe_next(form.get("next"));
            let mut response = super::account::after_sign_in(&app, &signed_in.principal, next).await;
            if let Some(cookie) = set_session(signed_in.token.reveal(), app.is_secure()) {
                response.headers_mut().append(SET_COOKIE, cookie);
            }
            return response;
        }
        Err(ControlError::Access(AccessError::Denied(_))) => {
            (StatusCode::UNPROCESSABLE_ENTITY, words::text("sign_in.wrong").to_owned())
        }
        Err(ControlError::Access(AccessError::Throttled { retry_after })) => {
            let seconds = retry_after.as_secs().max(1);
            (StatusCode::TOO_MANY_REQUESTS, words::count("sign_in.throttled", seconds))
        }
        Err(error) => return PanelError::from(error).into_response(),
    };
    let csrf = visit_of(&headers, app.is_secure()).map(csrf_of).unwrap_or_default();
    let plain_http = !app.is_secure();
    page(status, &SignInPage { csrf, plain_http, username, next: form.get("next"), fault: Some(fault) })
}

/// `POST /sign-out`
pub(super) async fn sign_out(State(app): State<Arc<App>>, person: Person, _form: Posted) -> Response {
    if let Err(error) = app.control.sign_out(&person.who).await {
        return PanelError::from(error).show(&person.chrome);
    }
    let mut response = Redirect::to("/sign-in").into_response();
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
