//! The list of what was done and refused.

use std::sync::Arc;

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use http::StatusCode;
use portcullis_control::{ControlError, PageRequest};

use super::super::error::PanelError;
use super::super::fields::Fields;
use super::super::page::{Chrome, page, toast};
use super::super::visitor::Admin;
use super::super::words::{self, filters};
use super::row::{Named, Row, key, storage};
use super::wanted::Wanted;
use crate::app::App;

/// As many are on a page.
const ROWS: u32 = 50;

/// What stands in a list of choices.
struct Choice {
    value: &'static str,
    name: &'static str,
    chosen: bool,
}

#[derive(Template)]
#[template(path = "activity.html")]
struct ListPage<'a> {
    chrome: &'a Chrome,
    toast: Option<&'static str>,
    wanted: &'a Wanted,
    /// The key or the storage that the list is about.
    about: Option<Named>,
    verdicts: [Choice; 2],
    rows: Vec<Row>,
    paged: bool,
    first: Option<String>,
    next: Option<String>,
}

/// `GET /activity?request_id=&key=&storage=&verdict=&after=&done=`
pub(super) async fn list(
    State(app): State<Arc<App>>,
    Admin { admin, person }: Admin,
    RawQuery(query): RawQuery,
) -> Response {
    let fields = Fields::parse(query.unwrap_or_default().as_bytes());
    let wanted = Wanted::of(&fields);
    let request = PageRequest { limit: ROWS, after: wanted.after.clone() };
    let found = match app.control.audit_events(&admin, wanted.query(), &request).await {
        Ok(found) => found,
        // A place that is no longer one: from the beginning.
        Err(ControlError::Invalid(_)) if wanted.after.is_some() => {
            return Redirect::to(&wanted.at(None)).into_response();
        }
        Err(error) => return PanelError::from(error).show(&person.chrome),
    };
    let names = match app.control.trail_names(&admin, &found.items).await {
        Ok(names) => names,
        Err(error) => return PanelError::from(error).show(&person.chrome),
    };
    let verdict = |value, name, allowed| Choice { value, name, chosen: wanted.verdict == Some(allowed) };
    let template = ListPage {
        chrome: &person.chrome,
        toast: toast(&fields),
        wanted: &wanted,
        about: wanted.key.map(|id| key(id, &names)).or_else(|| wanted.storage.map(|id| storage(id, &names))),
        verdicts: [
            verdict("denied", words::text("activity.denied"), false),
            verdict("allowed", words::text("activity.allowed"), true),
        ],
        rows: found.items.iter().map(|event| Row::of(event, &names)).collect(),
        paged: wanted.after.is_some() || found.next.is_some(),
        first: wanted.after.is_some().then(|| wanted.at(None)),
        next: found.next.as_deref().map(|next| wanted.at(Some(next))),
    };
    page(StatusCode::OK, &template)
}
