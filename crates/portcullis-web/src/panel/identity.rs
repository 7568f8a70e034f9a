//! Signing in, confirming and linking by the identity provider: the way there and the way back.
//!
//! The browser comes back from another site, so the session's cookie, which is `SameSite=Strict`, is not sent along, and one that is
//! set would not be sent with a redirect either. So the way is known by a cookie of its own, `SameSite=Lax`, which holds nothing but
//! sealed text and is good once; and the answer is a page of ours that moves on by itself.

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::{get, post};
use http::header::{LOCATION, SET_COOKIE};
use http::{HeaderMap, HeaderValue, StatusCode};
use portcullis_control::{Arrived, ControlError, IdentityError, Purpose};
use portcullis_signin::oidc::OidcErrorKind;

use super::account::{ACCOUNT, START};
use super::cookie::{end_flow, flow_of, set_flow};
use super::error::PanelError;
use super::fields::Fields;
use super::page::{on_to, page};
use super::posted::Posted;
use super::sign_in::{go_on, safe_next};
use super::visitor::Person;
use super::words::{self, filters};
use crate::app::App;
use crate::extract::Stranger;

const AWAY: &str = "/sign-in/oidc/away";
const CALLBACK: &str = "/sign-in/oidc/callback";
/// The longest answer of a provider that is looked at.
const LONGEST: usize = 4_000;

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/sign-in/oidc", get(go))
        .route(AWAY, get(go_away))
        .route(CALLBACK, get(come_back))
        .route("/account/identity", post(link).get(to_account))
        .route("/account/identity/unlink", post(unlink).get(to_account))
}

/// A page that moves on by itself.
#[derive(Template)]
#[template(path = "identity_moving.html")]
struct MovingPage<'a> {
    title: &'static str,
    to: &'a str,
}

fn moving(title: &'static str, to: &str) -> Response {
    page(StatusCode::OK, &MovingPage { title: words::text(title), to })
}

/// What a redirect of ours would do, cookies included.
fn moving_instead_of(redirect: &Response, title: &'static str) -> Response {
    let to = redirect.headers().get(LOCATION).and_then(|to| to.to_str().ok()).unwrap_or(START);
    let mut response = moving(title, to);
    for cookie in redirect.headers().get_all(SET_COOKIE) {
        response.headers_mut().append(SET_COOKIE, cookie.clone());
    }
    response
}

#[derive(Template)]
#[template(path = "identity_refused.html")]
struct RefusedPage {
    title: &'static str,
    detail: String,
    back: &'static str,
}

fn with_cookie(mut response: Response, cookie: Option<HeaderValue>) -> Response {
    if let Some(cookie) = cookie {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}

/// `GET /sign-in/oidc`: to the provider, to sign in or, `for=confirm`, to confirm who one is.
async fn go(
    State(app): State<Arc<App>>,
    person: Result<Person, Response>,
    RawQuery(query): RawQuery,
) -> Response {
    let query = Fields::parse(query.unwrap_or_default().as_bytes());
    let next = safe_next(query.get("next"));
    let person = person.ok();
    let purpose = match (query.get("for"), &person) {
        ("confirm", _) => Purpose::Confirm,
        (_, Some(_)) => return Redirect::to(next).into_response(),
        (_, None) => Purpose::SignIn,
    };
    let who = person.as_ref().map(|person| &person.who);
    match app.control.begin_identity(purpose, who, next) {
        Ok(state) => away(&app, &state, purpose).await,
        Err(error) => refused(&app, error, purpose),
    }
}

/// To the provider, with the cookie that knows the way back.
async fn away(app: &App, state: &str, purpose: Purpose) -> Response {
    match app.control.identity_address(state).await {
        Ok(address) => with_cookie(Redirect::to(&address).into_response(), set_flow(state, app.is_secure())),
        Err(error) => refused(app, error, purpose),
    }
}

/// `POST /account/identity`: to the provider, to be known here as who one is there. By a page of ours in between: a form leads nowhere else.
async fn link(State(app): State<Arc<App>>, person: Person, _form: Posted) -> Response {
    match app.control.begin_identity(Purpose::Link, Some(&person.who), ACCOUNT) {
        Ok(state) => with_cookie(moving("identity.moving.wait", AWAY), set_flow(&state, app.is_secure())),
        Err(IdentityError::Control(error)) => PanelError::from(error).show(&person.chrome),
        Err(error) => refused(&app, error, Purpose::Link),
    }
}

/// `GET /sign-in/oidc/away`: on to the provider, for a way that was begun.
async fn go_away(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    let state = flow_of(&headers, app.is_secure());
    let known = state.and_then(|state| Some((state, app.control.pending_identity(state)?)));
    match known {
        Some((state, pending)) => away(&app, state, pending.purpose).await,
        None => refused(&app, IdentityError::Late, Purpose::SignIn),
    }
}

/// `POST /account/identity/unlink`
async fn unlink(State(app): State<Arc<App>>, person: Person, _form: Posted) -> Response {
    match app.control.unlink_identity(&person.who).await {
        Ok(()) => on_to(ACCOUNT, "done.identity_unlinked"),
        Err(ControlError::Invalid(_)) => {
            let name = app.control.identity_provider().unwrap_or_default();
            let detail = words::fill("identity.needed", &[&name]);
            let title = words::text("identity.refused.not_done");
            page(StatusCode::UNPROCESSABLE_ENTITY, &RefusedPage { title, detail, back: ACCOUNT })
        }
        Err(error) => PanelError::from(error).show(&person.chrome),
    }
}

/// The page of the two forms above, for who comes back from confirming.
async fn to_account() -> Response {
    Redirect::to(ACCOUNT).into_response()
}

/// `GET /sign-in/oidc/callback`: back from the provider.
async fn come_back(
    State(app): State<Arc<App>>,
    stranger: Stranger,
    person: Result<Person, Response>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    let (secure, query) = (app.is_secure(), query.unwrap_or_default());
    let state = flow_of(&headers, secure).filter(|_| query.len() <= LONGEST);
    let known = state.and_then(|state| Some((state, app.control.pending_identity(state)?)));
    let Some((state, pending)) = known else { return refused(&app, IdentityError::Late, Purpose::SignIn) };
    let person = person.ok();
    if pending.purpose != Purpose::SignIn && person.is_none() && !Fields::parse(query.as_bytes()).has("again")
    {
        // From a page of ours the session's cookie is sent.
        return moving("identity.moving.wait", &format!("{CALLBACK}?{query}&again=1"));
    }
    let response = match app.control.take_identity(&stranger.origin(), state, &query).await {
        Ok(arrived) => arrive(&app, &stranger, person.as_ref(), &headers, pending.purpose, &arrived).await,
        Err(error) => Err(error),
    };
    let response = response.unwrap_or_else(|error| refused(&app, error, pending.purpose));
    with_cookie(response, end_flow(secure))
}

async fn arrive(
    app: &App,
    stranger: &Stranger,
    person: Option<&Person>,
    headers: &HeaderMap,
    purpose: Purpose,
    arrived: &Arrived,
) -> Result<Response, IdentityError> {
    let next = safe_next(&arrived.next);
    let person = person.map(|person| &person.who).ok_or(IdentityError::SignInFirst);
    match purpose {
        Purpose::Confirm => {
            app.control.confirm_by_identity(person?, arrived).await?;
            Ok(moving("identity.moving.confirmed", next))
        }
        Purpose::Link => {
            app.control.link_identity(person?, arrived).await?;
            let on = on_to(ACCOUNT, "done.identity_linked");
            Ok(moving_instead_of(&on, "identity.moving.linked"))
        }
        Purpose::SignIn => {
            let step = app.control.sign_in_by_identity(stranger.origin(), arrived).await?;
            let on = go_on(app, headers, step, next).await;
            Ok(if on.status().is_redirection() { moving_instead_of(&on, "identity.moving.in") } else { on })
        }
    }
}

/// The page that says why not, and a line in the log where whoever runs the server should know.
fn refused(app: &App, error: IdentityError, purpose: Purpose) -> Response {
    let provider = app.control.identity_provider().unwrap_or_default();
    let say = |name: &'static str| words::fill(name, &[&provider]);
    let (status, detail) = match error {
        IdentityError::NotConfigured => (StatusCode::NOT_FOUND, say("identity.none")),
        IdentityError::Provider(error) => {
            tracing::warn!(%error, "somebody could not be signed in by the identity provider");
            of_provider(error.kind, say)
        }
        IdentityError::Late => (StatusCode::BAD_REQUEST, say("identity.late")),
        IdentityError::NotAdmitted => (StatusCode::FORBIDDEN, say("identity.not_admitted")),
        IdentityError::UsernameTaken(name) => {
            (StatusCode::FORBIDDEN, words::fill("identity.username_taken", &[&name]))
        }
        IdentityError::UnusableUsername => (StatusCode::FORBIDDEN, say("identity.unusable_username")),
        IdentityError::Disabled => (StatusCode::FORBIDDEN, say("identity.disabled")),
        IdentityError::Taken => (StatusCode::CONFLICT, say("identity.taken")),
        IdentityError::SomebodyElse => (StatusCode::FORBIDDEN, say("identity.somebody_else")),
        IdentityError::SignInFirst => (StatusCode::FORBIDDEN, say("identity.sign_in_first")),
        IdentityError::Control(error) => return PanelError::from(error).into_response(),
    };
    let (title, back) = match purpose {
        Purpose::SignIn => ("identity.refused", "/sign-in"),
        Purpose::Confirm | Purpose::Link => ("identity.refused.not_done", ACCOUNT),
    };
    page(status, &RefusedPage { title: words::text(title), detail, back })
}

fn of_provider(kind: OidcErrorKind, say: impl Fn(&'static str) -> String) -> (StatusCode, String) {
    match kind {
        OidcErrorKind::Unreachable => (StatusCode::BAD_GATEWAY, say("identity.unreachable")),
        OidcErrorKind::Misconfigured => (StatusCode::BAD_GATEWAY, say("identity.misconfigured")),
        OidcErrorKind::Refused => (StatusCode::FORBIDDEN, say("identity.provider_refused")),
        OidcErrorKind::Expired => (StatusCode::BAD_REQUEST, say("identity.late")),
        OidcErrorKind::Untrusted => (StatusCode::FORBIDDEN, say("identity.untrusted")),
        OidcErrorKind::Busy => (StatusCode::SERVICE_UNAVAILABLE, say("identity.busy")),
    }
}
