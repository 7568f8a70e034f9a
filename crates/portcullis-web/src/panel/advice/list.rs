//! The list of advice.

use std::sync::Arc;

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use http::StatusCode;
use portcullis_access::SiteAdmin;
use portcullis_control::{AdviceWindow, ControlError, PageRequest};

use super::super::error::PanelError;
use super::super::fields::Fields;
use super::super::page::{Chrome, page, toast};
use super::super::people::{address, after};
use super::super::visitor::Admin;
use super::super::words::{self, filters};
use super::HOME;
use super::row::{self, Row, TakenRow};
use crate::app::App;

/// As many keys are on a page, and as much advice that was followed.
const ROWS: u32 = 50;

/// How far back somebody looks, to choose from.
struct Choice {
    path: String,
    name: String,
    chosen: bool,
}

#[derive(Template)]
#[template(path = "advice.html")]
struct ListPage<'a> {
    chrome: &'a Chrome,
    toast: Option<&'static str>,
    /// What was wrong with the form that was sent.
    fault: Option<&'a str>,
    window: u32,
    windows: Vec<Choice>,
    rows: Vec<Row>,
    taken: Vec<TakenRow>,
    paged: bool,
    first: Option<String>,
    next: Option<String>,
}

/// How far back an address or a form asks to look.
pub(super) fn window(fields: &Fields) -> AdviceWindow {
    fields.get("window").parse().unwrap_or_default()
}

fn at(window: AdviceWindow, after: Option<&str>) -> String {
    let days = window.days().to_string();
    let days = (window != AdviceWindow::default()).then_some(days.as_str());
    address(HOME, "", &[("window", days), ("after", after)])
}

/// `GET /advice?window=&after=&done=`
pub(super) async fn list(
    State(app): State<Arc<App>>,
    Admin { admin, person }: Admin,
    RawQuery(query): RawQuery,
) -> Response {
    let fields = Fields::parse(query.unwrap_or_default().as_bytes());
    match shown(&app, &admin, &person.chrome, &fields, None).await {
        Ok(response) => response,
        Err(error) => error.show(&person.chrome),
    }
}

/// The page, with what was wrong with a form.
pub(super) async fn shown(
    app: &App,
    admin: &SiteAdmin,
    chrome: &Chrome,
    fields: &Fields,
    fault: Option<&str>,
) -> Result<Response, PanelError> {
    let (window, begin) = (window(fields), after(fields));
    let request = PageRequest { limit: ROWS, after: begin.clone() };
    let found = match app.control.advice(admin, window, &request).await {
        Ok(found) => found,
        // A place that is no longer one: from the beginning.
        Err(ControlError::Invalid(_)) if begin.is_some() => {
            return Ok(Redirect::to(&at(window, None)).into_response());
        }
        Err(error) => return Err(error.into()),
    };
    let taken = app.control.taken_advice(admin, None, &PageRequest::first(ROWS)).await?;
    let choice = |one: AdviceWindow| Choice {
        path: at(one, None),
        name: words::count("advice.window", u64::from(one.days())),
        chosen: one == window,
    };
    let template = ListPage {
        chrome,
        toast: toast(fields),
        fault,
        window: window.days(),
        windows: [AdviceWindow::Month, AdviceWindow::Quarter].map(choice).into(),
        rows: found.items.iter().flat_map(row::rows).collect(),
        taken: taken.items.iter().map(TakenRow::of).collect(),
        paged: begin.is_some() || found.next.is_some(),
        first: begin.is_some().then(|| at(window, None)),
        next: found.next.as_deref().map(|next| at(window, Some(next))),
    };
    let status = if fault.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    Ok(page(status, &template))
}
