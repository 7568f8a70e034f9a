//! A new plan: the form, and making it.

use std::sync::Arc;

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use http::StatusCode;
use portcullis_access::SiteAdmin;
use portcullis_control::ControlError;

use super::super::error::PanelError;
use super::super::fields::{Faults, Fields};
use super::super::page::{Chrome, page};
use super::super::posted::Posted;
use super::super::visitor::Admin;
use super::super::words::filters;
use super::form::{Filled, ModeCard, PolicyChoice, faults_of, modes, policies};
use super::places::{Place, places};
use super::plan_path;
use crate::app::App;

#[derive(Template)]
#[template(path = "sync/new.html")]
struct NewPage<'a> {
    chrome: &'a Chrome,
    filled: &'a Filled,
    places: Vec<Place>,
    modes: Vec<ModeCard>,
    policies: Vec<PolicyChoice>,
    faults: &'a Faults,
}

/// `GET /sync/new?storage=&prefix=&with=&with_prefix=&mode=&conflicts=`
pub(super) async fn ask(
    State(app): State<Arc<App>>,
    Admin { admin, person }: Admin,
    RawQuery(query): RawQuery,
) -> Response {
    let filled = Filled::of(&Fields::parse(query.unwrap_or_default().as_bytes()));
    let shown = form(&app, &admin, &person.chrome, &filled, &Faults::default()).await;
    shown.unwrap_or_else(|error| error.show(&person.chrome))
}

async fn form(
    app: &App,
    admin: &SiteAdmin,
    chrome: &Chrome,
    filled: &Filled,
    faults: &Faults,
) -> Result<Response, PanelError> {
    let template = NewPage {
        chrome,
        filled,
        places: places(app, admin, &[&filled.storage, &filled.with]).await?,
        modes: modes(),
        policies: policies(),
        faults,
    };
    let status = if faults.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    Ok(page(status, &template))
}

/// `POST /sync/new`
pub(super) async fn make(
    State(app): State<Arc<App>>,
    Admin { admin, person }: Admin,
    fields: Posted,
) -> Response {
    let made = try_make(&app, &admin, &person.chrome, &fields).await;
    made.unwrap_or_else(|error| error.show(&person.chrome))
}

async fn try_make(
    app: &App,
    admin: &SiteAdmin,
    chrome: &Chrome,
    fields: &Fields,
) -> Result<Response, PanelError> {
    let filled = Filled::of(fields);
    let mut faults = Faults::default();
    let Some(draft) = filled.draft(&mut faults) else {
        return form(app, admin, chrome, &filled, &faults).await;
    };
    match app.control.make_sync_plan(admin, &draft).await {
        Ok(plan) => Ok(Redirect::to(&plan_path(plan.id)).into_response()),
        Err(ControlError::Invalid(problems)) => form(app, admin, chrome, &filled, &faults_of(problems)).await,
        Err(error) => Err(error.into()),
    }
}
