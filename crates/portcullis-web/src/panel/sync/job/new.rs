//! A new job: the form, and making it.

use std::sync::Arc;

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use http::StatusCode;
use portcullis_access::SiteAdmin;
use portcullis_control::ControlError;

use super::super::super::error::PanelError;
use super::super::super::fields::{Faults, Fields};
use super::super::super::page::{Chrome, on_to, page};
use super::super::super::posted::Posted;
use super::super::super::visitor::Admin;
use super::super::super::words::filters;
use super::super::form::{Filled, ModeCard, PolicyChoice, faults_of, modes, policies};
use super::super::job_path;
use super::super::places::{Place, places};
use super::form::{JobFilled, examples};
use crate::app::App;

#[derive(Template)]
#[template(path = "sync/job_new.html")]
struct NewPage<'a> {
    chrome: &'a Chrome,
    job: &'a JobFilled,
    filled: &'a Filled,
    places: Vec<Place>,
    modes: Vec<ModeCard>,
    policies: Vec<PolicyChoice>,
    examples: [(&'static str, &'static str); 4],
    faults: &'a Faults,
}

/// `GET /sync/jobs/new?name=&storage=&with=…`
pub(super) async fn ask(
    State(app): State<Arc<App>>,
    Admin { admin, person }: Admin,
    RawQuery(query): RawQuery,
) -> Response {
    let filled = JobFilled::of(&Fields::parse(query.unwrap_or_default().as_bytes()));
    let shown = form(&app, &admin, &person.chrome, &filled, &Faults::default()).await;
    shown.unwrap_or_else(|error| error.show(&person.chrome))
}

async fn form(
    app: &App,
    admin: &SiteAdmin,
    chrome: &Chrome,
    job: &JobFilled,
    faults: &Faults,
) -> Result<Response, PanelError> {
    let template = NewPage {
        chrome,
        job,
        filled: &job.plan,
        places: places(app, admin, &[&job.plan.storage, &job.plan.with]).await?,
        modes: modes(),
        policies: policies(),
        examples: examples(),
        faults,
    };
    let status = if faults.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    Ok(page(status, &template))
}

/// `POST /sync/jobs/new`
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
    let filled = JobFilled::of(fields);
    let mut faults = Faults::default();
    let Some(draft) = filled.draft(&mut faults) else {
        return form(app, admin, chrome, &filled, &faults).await;
    };
    match app.control.create_sync_job(admin, &draft).await {
        Ok(job) => Ok(on_to(&job_path(job.id), "done.sync_job_made")),
        Err(ControlError::Invalid(problems)) => form(app, admin, chrome, &filled, &faults_of(problems)).await,
        Err(error) => Err(error.into()),
    }
}
