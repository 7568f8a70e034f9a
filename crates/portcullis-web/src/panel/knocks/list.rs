//! The list of who still knocks.

use std::sync::Arc;

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use http::StatusCode;
use portcullis_control::{AttemptReason, ControlError, PageRequest};
use portcullis_domain::KeyId;

use super::super::activity::{explained_at, refused_to};
use super::super::error::PanelError;
use super::super::fields::Fields;
use super::super::page::{Chrome, page};
use super::super::visitor::Admin;
use super::super::words::filters;
use super::row::{Row, name};
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
#[template(path = "knocks.html")]
struct ListPage<'a> {
    chrome: &'a Chrome,
    wanted: &'a Wanted,
    reasons: Vec<Choice>,
    rows: Vec<Row>,
    paged: bool,
    first: Option<String>,
    next: Option<String>,
}

/// `GET /knocks?q=&reason=&after=`
pub(super) async fn list(
    State(app): State<Arc<App>>,
    Admin { admin, person }: Admin,
    RawQuery(query): RawQuery,
) -> Response {
    let wanted = Wanted::of(&Fields::parse(query.unwrap_or_default().as_bytes()));
    let request = PageRequest { limit: ROWS, after: wanted.after.clone() };
    let found = match app.control.attempts(&admin, &wanted.query(), &request).await {
        Ok(found) => found,
        // A place that is no longer one: from the beginning.
        Err(ControlError::Invalid(_)) if wanted.after.is_some() => {
            return Redirect::to(&wanted.at(None)).into_response();
        }
        Err(error) => return PanelError::from(error).show(&person.chrome),
    };
    let reason = |reason: &AttemptReason| Choice {
        value: reason.as_str(),
        name: name(*reason),
        chosen: wanted.reason == Some(*reason),
    };
    let template = ListPage {
        chrome: &person.chrome,
        wanted: &wanted,
        reasons: AttemptReason::ALL.iter().map(reason).collect(),
        rows: found.items.iter().map(|attempts| Row::of(attempts, true)).collect(),
        paged: wanted.after.is_some() || found.next.is_some(),
        first: wanted.after.is_some().then(|| wanted.at(None)),
        next: found.next.as_deref().map(|next| wanted.at(Some(next))),
    };
    page(StatusCode::OK, &template)
}

/// `GET /knocks/latest?key=&word=&network=`: on to the explanation of the latest of these attempts or, if the audit trail does not reach
/// back to it, to what was refused to the key.
pub(super) async fn latest(
    State(app): State<Arc<App>>,
    Admin { admin, person }: Admin,
    RawQuery(query): RawQuery,
) -> Response {
    let fields = Fields::parse(query.unwrap_or_default().as_bytes());
    let Ok(key) = fields.get("key").parse::<KeyId>() else {
        return PanelError::NotFound.show(&person.chrome);
    };
    match app.control.latest_attempt(&admin, key, fields.get("word"), fields.get("network")).await {
        Ok(Some(request_id)) => Redirect::to(&explained_at(&request_id)).into_response(),
        Ok(None) => Redirect::to(&refused_to(key)).into_response(),
        Err(error) => PanelError::from(error).show(&person.chrome),
    }
}
