//! Inviting somebody.

use std::sync::Arc;

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use http::StatusCode;
use portcullis_control::{ControlError, UserDraft, new_once_token};

use super::super::error::{PanelError, confirm};
use super::super::fields::{Faults, Fields};
use super::super::page::{Chrome, page};
use super::super::posted::Posted;
use super::super::visitor::Admin;
use super::super::words;
use super::super::words::filters;
use super::{Choice, invitation, roles};
use crate::app::App;

#[derive(Template)]
#[template(path = "user_invite.html")]
struct InvitePage<'a> {
    chrome: &'a Chrome,
    username: &'a str,
    roles: Vec<Choice>,
    once: String,
    faults: Faults,
}

fn asked(chrome: &Chrome, fields: &Fields, faults: Faults) -> Response {
    let Ok(once) = new_once_token() else { return PanelError::Unavailable.show(chrome) };
    let status = if faults.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let role = fields.filled("role").unwrap_or("member");
    let template = InvitePage { chrome, username: fields.get("username"), roles: roles(role), once, faults };
    page(status, &template)
}

/// `GET /users/invite?username=&role=`: what was filled in comes back with whoever had to prove who they are.
pub(super) async fn show(person: Admin, RawQuery(query): RawQuery) -> Response {
    let fields = Fields::parse(query.unwrap_or_default().as_bytes());
    asked(&person.person.chrome, &fields, Faults::default())
}

/// `POST /users/invite`
pub(super) async fn invite(
    State(app): State<Arc<App>>,
    Admin { admin, person }: Admin,
    form: Posted,
) -> Response {
    let chrome = &person.chrome;
    match app.control.claim_once(&admin, form.get("once")).await {
        Ok(true) => {}
        Ok(false) => return invitation::already(chrome, "/users".to_owned()),
        Err(error) => return PanelError::from(error).show(chrome),
    }
    let (username, role) = (form.get("username").trim().to_owned(), form.get("role").to_owned());
    let draft = UserDraft { username: username.clone(), role: role.clone(), password: None };
    let problems = match app.control.create_user(&admin, &draft).await {
        Ok(created) => {
            return match &created.invitation {
                Some(invitation) => invitation::shown(&app, chrome, &created.row.user, invitation),
                None => PanelError::Failed.show(chrome),
            };
        }
        Err(ControlError::Invalid(problems)) => Faults::from(problems),
        Err(ControlError::Conflict { .. }) => {
            let mut faults = Faults::default();
            faults.add("username", words::text("invite.taken"));
            faults
        }
        Err(ControlError::ConfirmationNeeded) => {
            let mut filled = form_urlencoded::Serializer::new(String::new());
            filled.append_pair("username", &username).append_pair("role", &role);
            return confirm(&format!("/users/invite?{}", filled.finish()));
        }
        Err(error) => return PanelError::from(error).show(chrome),
    };
    asked(chrome, &form, problems)
}
