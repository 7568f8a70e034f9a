//! The page of a user.

use std::sync::Arc;

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use http::StatusCode;
use portcullis_access::SessionRecord;
use portcullis_control::{UserRow, new_once_token};
use portcullis_domain::{Role, Timestamp, UserState};

use super::super::error::PanelError;
use super::super::fields::{Faults, Fields};
use super::super::page::{Chrome, page, toast};
use super::super::seen::Seen;
use super::super::words::filters;
use super::at::{AtUser, path};
use super::reach::{self, GrantLine, KeyLine};
use super::{Choice, StateChip, role_name, roles, second_factor};
use crate::app::App;

/// A user with what they have.
pub(super) struct Subject {
    row: UserRow,
    sessions: Vec<SessionRecord>,
    grants: Vec<GrantLine>,
    more_grants: bool,
    keys: Vec<KeyLine>,
}

/// What a form of the page comes back with.
#[derive(Default)]
pub(super) struct Back<'a> {
    /// Which form it was: `role`, `reset` or `state`.
    pub(super) form: &'static str,
    pub(super) faults: Faults,
    /// The role that was chosen.
    pub(super) role: Option<&'a str>,
}

#[derive(Template)]
#[template(path = "user.html")]
struct UserPage<'a> {
    chrome: &'a Chrome,
    toast: Option<&'static str>,
    home: String,
    name: String,
    state: StateChip,
    role: &'static str,
    second: String,
    row: &'a UserRow,
    key_count: u64,
    groups: Vec<(String, String)>,
    last_sign_in: Option<Timestamp>,
    created: Timestamp,
    is_me: bool,
    roles: Vec<Choice>,
    sessions: &'a [SessionRecord],
    grants: &'a [GrantLine],
    more_grants: bool,
    keys: &'a [KeyLine],
    seen: Seen,
    once: String,
    form: &'static str,
    faults: Faults,
}

impl UserPage<'_> {
    fn is_admin(&self) -> bool {
        self.row.user.role == Role::Admin
    }

    fn is_invited(&self) -> bool {
        self.row.user.state == UserState::Invited
    }

    fn is_disabled(&self) -> bool {
        self.row.user.state == UserState::Disabled
    }

    fn has_second_factor(&self) -> bool {
        self.row.totp || self.row.passkeys > 0
    }
}

/// What a form shows of a user that others may change too.
pub(super) fn seen(user: &portcullis_domain::User) -> Seen {
    let mut seen = Seen::default();
    seen.add(&user.role);
    seen.add(&user.state);
    seen
}

impl Subject {
    pub(super) async fn load(app: &App, at: &AtUser) -> Result<Self, PanelError> {
        let row = app.control.user(&at.admin, at.user).await?;
        let sessions = app.control.sessions_of_user(&at.admin, at.user).await?;
        let (grants, more_grants) = reach::grants(app, &at.admin, &row).await?;
        let keys = reach::keys(app, &at.admin, at.user).await?;
        Ok(Self { row, sessions, grants, more_grants, keys })
    }

    /// The page, with what a form came back with.
    pub(super) fn page(&self, at: &AtUser, toast: Option<&'static str>, back: Back<'_>) -> Response {
        let chrome = &at.person.chrome;
        let Ok(once) = new_once_token() else { return PanelError::Unavailable.show(chrome) };
        let (row, user) = (&self.row, &self.row.user);
        let status = if back.form.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
        let template = UserPage {
            chrome,
            toast,
            home: path(user.id),
            name: user.username.to_string(),
            state: StateChip::of(user.state),
            role: role_name(user.role),
            second: second_factor(row),
            row,
            key_count: u64::from(row.keys),
            groups: row.groups.iter().map(|(id, name)| (id.to_string(), name.to_string())).collect(),
            last_sign_in: row.last_sign_in,
            created: user.created,
            is_me: at.is_me(),
            roles: roles(back.role.unwrap_or(user.role.as_str())),
            sessions: &self.sessions,
            grants: &self.grants,
            more_grants: self.more_grants,
            keys: &self.keys,
            seen: seen(user),
            once,
            form: back.form,
            faults: back.faults,
        };
        page(status, &template)
    }
}

/// `GET /users/{id}`
pub(super) async fn show(State(app): State<Arc<App>>, at: AtUser, RawQuery(query): RawQuery) -> Response {
    let query = Fields::parse(query.unwrap_or_default().as_bytes());
    match Subject::load(&app, &at).await {
        Ok(subject) => subject.page(&at, toast(&query), Back::default()),
        Err(error) => error.show(&at.person.chrome),
    }
}
