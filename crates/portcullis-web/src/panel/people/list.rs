//! The list of users.

use std::sync::Arc;

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use http::StatusCode;
use portcullis_control::{ControlError, PageRequest, UserRow};
use portcullis_domain::{Role, Timestamp, UserState};

use super::super::error::PanelError;
use super::super::fields::Fields;
use super::super::page::{Chrome, page, toast};
use super::super::visitor::Admin;
use super::super::words::filters;
use super::wanted::Wanted;
use super::{StateChip, role_name, second_factor, state_name};
use crate::app::App;

/// As many are on a page.
const ROWS: u32 = 50;

/// One user, in words.
struct Row {
    id: String,
    name: String,
    role: &'static str,
    state: StateChip,
    groups: Vec<String>,
    keys: u32,
    last_sign_in: Option<Timestamp>,
    second_factor: String,
}

impl Row {
    fn of(row: &UserRow) -> Self {
        Self {
            id: row.user.id.to_string(),
            name: row.user.username.to_string(),
            role: role_name(row.user.role),
            state: StateChip::of(row.user.state),
            groups: row.groups.iter().map(|(_, name)| name.to_string()).collect(),
            keys: row.keys,
            last_sign_in: row.last_sign_in,
            second_factor: second_factor(row),
        }
    }

    fn first_group(&self) -> &str {
        self.groups.first().map_or("", String::as_str)
    }

    fn more_groups(&self) -> u64 {
        super::number(self.groups.len().saturating_sub(1))
    }
}

/// What stands in a list of choices.
struct Choice {
    value: &'static str,
    name: &'static str,
    chosen: bool,
}

#[derive(Template)]
#[template(path = "users.html")]
struct ListPage<'a> {
    chrome: &'a Chrome,
    toast: Option<&'static str>,
    wanted: &'a Wanted,
    roles: Vec<Choice>,
    states: Vec<Choice>,
    rows: Vec<Row>,
    paged: bool,
    first: Option<String>,
    next: Option<String>,
}

/// `GET /users?q=&role=&state=&after=&done=`
pub(super) async fn list(
    State(app): State<Arc<App>>,
    Admin { admin, person }: Admin,
    RawQuery(query): RawQuery,
) -> Response {
    let fields = Fields::parse(query.unwrap_or_default().as_bytes());
    let wanted = Wanted::of(&fields);
    let request = PageRequest { limit: ROWS, after: wanted.after.clone() };
    let found = match app.control.users(&admin, wanted.query(), &request).await {
        Ok(found) => found,
        // A place that is no longer one: from the beginning.
        Err(ControlError::Invalid(_)) if wanted.after.is_some() => {
            return Redirect::to(&wanted.at(None)).into_response();
        }
        Err(error) => return PanelError::from(error).show(&person.chrome),
    };
    let role = |role: &Role| Choice {
        value: role.as_str(),
        name: role_name(*role),
        chosen: wanted.role == Some(*role),
    };
    let state = |state: &UserState| Choice {
        value: state.as_str(),
        name: state_name(*state),
        chosen: wanted.state == Some(*state),
    };
    let template = ListPage {
        chrome: &person.chrome,
        toast: toast(&fields),
        wanted: &wanted,
        roles: Role::ALL.iter().map(role).collect(),
        states: UserState::ALL.iter().map(state).collect(),
        rows: found.items.iter().map(Row::of).collect(),
        paged: wanted.after.is_some() || found.next.is_some(),
        first: wanted.after.is_some().then(|| wanted.at(None)),
        next: found.next.as_deref().map(|next| wanted.at(Some(next))),
    };
    page(StatusCode::OK, &template)
}
