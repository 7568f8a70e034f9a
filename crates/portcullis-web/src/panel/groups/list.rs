//! The list of groups, and making one.

use std::sync::Arc;

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use http::StatusCode;
use portcullis_access::SiteAdmin;
use portcullis_control::{ControlError, GroupDraft, PageRequest};
use portcullis_domain::Timestamp;

use super::super::error::PanelError;
use super::super::fields::{Faults, Fields};
use super::super::page::{Chrome, on_to, page, toast};
use super::super::people::{address, after, search};
use super::super::posted::Posted;
use super::super::visitor::Admin;
use super::super::words;
use super::super::words::filters;
use super::path;
use crate::app::App;

const PATH: &str = "/groups";
/// As many are on a page.
const ROWS: u32 = 50;

struct Row {
    id: String,
    name: String,
    created: Timestamp,
    members: u64,
}

#[derive(Template)]
#[template(path = "groups.html")]
struct ListPage<'a> {
    chrome: &'a Chrome,
    toast: Option<&'static str>,
    search: String,
    searched: bool,
    rows: Vec<Row>,
    first: Option<String>,
    next: Option<String>,
    /// The name that was typed for a new one.
    name: &'a str,
    faults: Faults,
}

async fn shown<'a>(
    app: &App,
    admin: &SiteAdmin,
    chrome: &'a Chrome,
    query: &Fields,
    new: (&'a str, Faults),
) -> Result<Response, PanelError> {
    let (search, after) = (search(query), after(query));
    let wanted = Some(search.as_str()).filter(|search| !search.is_empty());
    let at = |after: Option<&str>| address(PATH, &search, &[("after", after)]);
    let request = PageRequest { limit: ROWS, after: after.clone() };
    let found = match app.control.groups(admin, wanted, &request).await {
        Ok(found) => found,
        // A place that is no longer one: from the beginning.
        Err(ControlError::Invalid(_)) if after.is_some() => {
            return Ok(Redirect::to(&at(None)).into_response());
        }
        Err(error) => return Err(error.into()),
    };
    let row = |row: &portcullis_control::GroupRow| Row {
        id: row.group.id.to_string(),
        name: row.group.name.to_string(),
        created: row.group.created,
        members: u64::from(row.members),
    };
    let (name, faults) = new;
    let status = if faults.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let template = ListPage {
        chrome,
        toast: toast(query),
        searched: !search.is_empty() || after.is_some(),
        rows: found.items.iter().map(row).collect(),
        first: after.is_some().then(|| at(None)),
        next: found.next.as_deref().map(|next| at(Some(next))),
        search,
        name,
        faults,
    };
    Ok(page(status, &template))
}

/// `GET /groups?q=&after=&done=`
pub(super) async fn list(
    State(app): State<Arc<App>>,
    Admin { admin, person }: Admin,
    RawQuery(query): RawQuery,
) -> Response {
    let query = Fields::parse(query.unwrap_or_default().as_bytes());
    let shown = shown(&app, &admin, &person.chrome, &query, ("", Faults::default())).await;
    shown.unwrap_or_else(|error| error.show(&person.chrome))
}

/// `POST /groups`
pub(super) async fn make(
    State(app): State<Arc<App>>,
    Admin { admin, person }: Admin,
    form: Posted,
) -> Response {
    let name = form.get("name");
    let faults = match app.control.create_group(&admin, &GroupDraft { name: name.to_owned() }).await {
        Ok(made) => return on_to(&path(made.group.id), "done.group_made"),
        Err(ControlError::Invalid(problems)) => Faults::from(problems),
        Err(ControlError::Conflict { .. }) => taken(),
        Err(error) => return PanelError::from(error).show(&person.chrome),
    };
    let shown = shown(&app, &admin, &person.chrome, &Fields::default(), (name, faults)).await;
    shown.unwrap_or_else(|error| error.show(&person.chrome))
}

/// Another group has the name.
pub(super) fn taken() -> Faults {
    let mut faults = Faults::default();
    faults.add("name", words::text("group.taken"));
    faults
}
