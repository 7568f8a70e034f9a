//! The people of a site: the list of them, inviting somebody, and a page for each.

mod acts;
mod at;
mod invitation;
mod invite;
mod list;
mod reach;
mod user;
mod wanted;

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use portcullis_access::SiteAdmin;
use portcullis_control::{PageRequest, UserQuery, UserRow};
use portcullis_domain::{Role, User, UserState, Username};

use super::error::PanelError;
use super::words;
use crate::app::App;

pub(super) use reach::{GrantLine, of_group as grants_of_group};
pub(super) use wanted::{address, after, search};

pub(super) fn routes() -> Router<Arc<App>> {
    // Whoever comes to a form's address by hand, or back from the page that asks who they are, is led to the page that has the form.
    Router::new()
        .route("/users", get(list::list))
        .route("/users/invite", get(invite::show).post(invite::invite))
        .route("/users/{id}", get(user::show))
        .route("/users/{id}/role", get(at::home).post(acts::role))
        .route("/users/{id}/state", get(at::home).post(acts::state))
        .route("/users/{id}/reset", get(at::home).post(acts::reset))
        .route("/users/{id}/sessions/end", get(at::home).post(acts::end_sessions))
}

/// How many there are, for a text that counts.
pub(super) fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

/// What can be chosen, with what it means.
pub(super) struct Choice {
    pub(super) value: &'static str,
    pub(super) name: &'static str,
    pub(super) detail: &'static str,
    pub(super) chosen: bool,
}

/// Whether somebody may come in, in a word, with the class of its chip.
#[derive(Clone, Copy)]
pub(super) struct StateChip {
    pub(super) class: &'static str,
    pub(super) text: &'static str,
}

impl StateChip {
    pub(super) fn of(state: UserState) -> Self {
        let class = match state {
            UserState::Active => " ok",
            UserState::Disabled => "",
            UserState::Invited => " info",
        };
        Self { class, text: state_name(state) }
    }
}

fn state_name(state: UserState) -> &'static str {
    match state {
        UserState::Active => words::text("users.state.active"),
        UserState::Disabled => words::text("users.state.disabled"),
        UserState::Invited => words::text("users.state.invited"),
    }
}

fn role_name(role: Role) -> &'static str {
    match role {
        Role::Admin => words::text("users.role.admin"),
        Role::Member => words::text("users.role.member"),
    }
}

/// The roles that somebody may have, this one chosen; what is not a role chooses none.
fn roles(chosen: &str) -> Vec<Choice> {
    let choice = |role: &Role| Choice {
        value: role.as_str(),
        name: role_name(*role),
        detail: match role {
            Role::Admin => words::text("users.role.admin.detail"),
            Role::Member => words::text("users.role.member.detail"),
        },
        chosen: role.as_str() == chosen,
    };
    // What gives less comes first.
    Role::ALL.iter().rev().map(choice).collect()
}

/// What somebody shows at sign-in besides the password.
fn second_factor(row: &UserRow) -> String {
    let passkeys = || words::count("users.second.passkeys", u64::from(row.passkeys));
    match (row.totp, row.passkeys) {
        (false, 0) => words::text("users.second.none").to_owned(),
        (true, 0) => words::text("users.second.codes").to_owned(),
        (false, _) => passkeys(),
        (true, _) => words::fill("users.second.both", &[&passkeys()]),
    }
}

/// The user of the site with exactly this name, however it was typed.
pub(super) async fn user_named(
    app: &App,
    admin: &SiteAdmin,
    typed: &str,
) -> Result<Option<User>, PanelError> {
    let Ok(name) = typed.parse::<Username>() else { return Ok(None) };
    let mut page = PageRequest::first(PageRequest::MAX);
    loop {
        let query = UserQuery { search: Some(name.to_string()), ..UserQuery::default() };
        let found = app.control.users(admin, query, &page).await?;
        if let Some(row) = found.items.into_iter().find(|row| row.user.username == name) {
            return Ok(Some(row.user));
        }
        match found.next {
            Some(next) => page.after = Some(next),
            None => return Ok(None),
        }
    }
}
