//! The link of an invitation, shown once.

use askama::Template;
use axum::response::Response;
use http::StatusCode;
use portcullis_control::NewInvitation;
use portcullis_domain::{Timestamp, User};
use zeroize::Zeroizing;

use super::super::page::{Chrome, page};
use super::super::words::filters;
use super::at::path;
use crate::app::App;

#[derive(Template)]
#[template(path = "invitation.html")]
struct InvitationPage<'a> {
    chrome: &'a Chrome,
    username: &'a str,
    url: Zeroizing<String>,
    expires: Timestamp,
    next: String,
}

#[derive(Template)]
#[template(path = "invitation_already.html")]
struct AlreadyPage<'a> {
    chrome: &'a Chrome,
    next: String,
}

/// The page that shows the link, and nothing else does. The secret is behind the `#`, which browsers keep to themselves.
pub(super) fn shown(app: &App, chrome: &Chrome, user: &User, invitation: &NewInvitation) -> Response {
    let url = format!("{}/join#{}", app.web_address.trim_end_matches('/'), invitation.token.reveal());
    let template = InvitationPage {
        chrome,
        username: user.username.as_str(),
        url: Zeroizing::new(url),
        expires: invitation.expires,
        next: path(user.id),
    };
    page(StatusCode::OK, &template)
}

/// The page for a form that was sent twice.
pub(super) fn already(chrome: &Chrome, next: String) -> Response {
    page(StatusCode::CONFLICT, &AlreadyPage { chrome, next })
}
