//! The page of a group.

use std::sync::Arc;

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use http::StatusCode;
use portcullis_control::{GroupRow, PageRequest, UserQuery};
use portcullis_domain::{Group, User};

use super::super::error::PanelError;
use super::super::fields::{Faults, Fields};
use super::super::page::{Chrome, page, toast};
use super::super::people::{GrantLine, StateChip, grants_of_group};
use super::super::seen::Seen;
use super::super::words::filters;
use super::{AtGroup, path};
use crate::app::App;

/// As many users are offered while somebody types.
const OFFERED: u32 = 50;

struct Member {
    id: String,
    name: String,
    state: StateChip,
}

/// What a form of the page comes back with.
#[derive(Default)]
pub(super) struct Back<'a> {
    /// Which form it was: `member`, `name` or `delete`.
    pub(super) form: &'static str,
    pub(super) faults: Faults,
    /// What was typed as the user to add, or as the new name.
    pub(super) typed: &'a str,
}

#[derive(Template)]
#[template(path = "group.html")]
struct GroupPage<'a> {
    chrome: &'a Chrome,
    toast: Option<&'static str>,
    home: String,
    group: &'a Group,
    in_all: u64,
    members: Vec<Member>,
    more: bool,
    people: Vec<String>,
    grants: Vec<GrantLine>,
    name: String,
    typed: &'a str,
    seen: Seen,
    form: &'static str,
    faults: Faults,
}

/// What a form shows of a group that others may change too.
pub(super) fn seen(group: &Group) -> Seen {
    let mut seen = Seen::default();
    seen.add(&group.name);
    seen
}

/// The page, with what a form came back with.
pub(super) async fn shown(
    app: &App,
    at: &AtGroup,
    toast: Option<&'static str>,
    back: Back<'_>,
) -> Result<Response, PanelError> {
    let GroupRow { group, members: in_all } = app.control.group(&at.admin, at.group).await?;
    let members =
        app.control.members_of_group(&at.admin, at.group, &PageRequest::first(PageRequest::MAX)).await?;
    let people = app.control.users(&at.admin, UserQuery::default(), &PageRequest::first(OFFERED)).await?;
    let (grants, _) = grants_of_group(app, &at.admin, at.group).await?;
    let is_member = |id| members.items.iter().any(|member| member.id == id);
    let others = people.items.iter().filter(|row| !is_member(row.user.id));
    let status = if back.form.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let member = |user: &User| Member {
        id: user.id.to_string(),
        name: user.username.to_string(),
        state: StateChip::of(user.state),
    };
    let template = GroupPage {
        chrome: &at.person.chrome,
        toast,
        home: path(group.id),
        in_all: u64::from(in_all),
        members: members.items.iter().map(member).collect(),
        more: members.next.is_some(),
        people: others.map(|row| row.user.username.to_string()).collect(),
        grants: grants.iter().map(|grant| GrantLine::of(grant, None)).collect(),
        name: if back.form == "name" { back.typed.to_owned() } else { group.name.to_string() },
        typed: if back.form == "member" { back.typed } else { "" },
        seen: seen(&group),
        group: &group,
        form: back.form,
        faults: back.faults,
    };
    Ok(page(status, &template))
}

/// `GET /groups/{id}`
pub(super) async fn show(State(app): State<Arc<App>>, at: AtGroup, RawQuery(query): RawQuery) -> Response {
    let query = Fields::parse(query.unwrap_or_default().as_bytes());
    let shown = shown(&app, &at, toast(&query), Back::default()).await;
    shown.unwrap_or_else(|error| error.show(&at.person.chrome))
}
