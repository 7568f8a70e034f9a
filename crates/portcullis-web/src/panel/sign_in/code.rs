//! The second step of signing in: a code. What was proved in the first stands sealed in a hidden field, for five minutes.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::header::SET_COOKIE;
use http::{HeaderMap, StatusCode};
use portcullis_access::{AccessError, Denial};
use portcullis_control::ControlError;

use super::super::cookie::csrf_of;
use super::super::error::PanelError;
use super::super::page::page;
use super::super::posted::Posted;
use super::super::words::{self, filters};
use super::{again, come_in, fault, visit};
use crate::app::App;
use crate::extract::Stranger;

#[derive(Template)]
#[template(path = "sign_in_code.html")]
struct CodePage<'a> {
    csrf: String,
    ticket: &'a str,
    next: &'a str,
    fault: Option<String>,
    passkeys: bool,
}

/// The page that asks for a code.
pub(super) fn ask(
    app: &App,
    headers: &HeaderMap,
    ticket: &str,
    next: &str,
    fault: Option<(StatusCode, String)>,
) -> Response {
    let (status, fault) = fault.map_or((StatusCode::OK, None), |(status, fault)| (status, Some(fault)));
    // Who comes back from an identity provider brings no cookie of ours along.
    let Some((visit, cookie)) = visit(app, headers) else { return PanelError::Failed.into_response() };
    let passkeys = app.relying_party(headers).is_some();
    let mut response = page(status, &CodePage { csrf: csrf_of(&visit), ticket, next, fault, passkeys });
    if let Some(cookie) = cookie {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}

/// `POST /sign-in/code`
pub(super) async fn sign_in(
    State(app): State<Arc<App>>,
    stranger: Stranger,
    headers: HeaderMap,
    form: Posted,
) -> Response {
    let (ticket, next) = (form.get("ticket"), form.get("next"));
    match app.control.sign_in_by_code(stranger.origin(), ticket, form.get("code")).await {
        Ok(signed_in) => come_in(&app, &signed_in, next).await,
        Err(ControlError::Access(AccessError::Denied(Denial::BadCode))) => {
            let wrong = words::text("sign_in.code.wrong").to_owned();
            ask(&app, &headers, ticket, next, Some((StatusCode::UNPROCESSABLE_ENTITY, wrong)))
        }
        Err(error @ ControlError::Access(AccessError::Throttled { .. })) => {
            ask(&app, &headers, ticket, next, fault(&error, "sign_in.code.wrong"))
        }
        // The ticket is too old, or the password was changed meanwhile.
        Err(error) => match fault(&error, "sign_in.code.late") {
            Some(fault) => again(&app, &headers, ("", next), fault),
            None => PanelError::from(error).into_response(),
        },
    }
}
