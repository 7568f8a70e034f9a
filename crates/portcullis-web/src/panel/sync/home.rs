//! What there is: jobs, the latest plans, the latest runs.

use std::sync::Arc;

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use http::StatusCode;
use portcullis_access::SiteAdmin;
use portcullis_control::{
    ControlError, JobQuery, JobView, PageRequest, PlanKind, PlanQuery, PlanView, RunQuery, RunView,
};
use portcullis_domain::Timestamp;

use super::super::error::PanelError;
use super::super::fields::Fields;
use super::super::page::{Chrome, page, toast};
use super::super::people::{address, after};
use super::super::visitor::Admin;
use super::super::words::{self, filters};
use super::places::between;
use super::said::{self, StateChip};
use super::{HOME, job_path, plan_path, run_path};
use crate::app::App;

/// As many of each are on the page at first, and of one of them on a page that shows nothing else.
const FEW: u32 = 10;
const MANY: u32 = 50;

/// One line of a list.
struct Row {
    path: String,
    sides: String,
    /// What people call it.
    name: Option<String>,
    what: String,
    state: StateChip,
    /// Who made it; none for a job's own.
    actor: Option<String>,
    at: Timestamp,
    /// The next time of a job.
    next: Option<Timestamp>,
}

/// One of the lists, and where there is more of it.
#[derive(Default)]
struct List {
    rows: Vec<Row>,
    more: Option<String>,
}

#[derive(Template)]
#[template(path = "sync/home.html")]
struct HomePage<'a> {
    chrome: &'a Chrome,
    toast: Option<&'static str>,
    jobs: List,
    plans: List,
    runs: List,
    /// Which list alone is shown; empty for all of them.
    only: &'a str,
}

fn of_plan(plan: &PlanView) -> Row {
    Row {
        path: plan_path(plan.id),
        sides: between(&plan.sides),
        name: None,
        what: what(plan.kind, plan.mode).to_owned(),
        state: said::plan_state(plan.state),
        actor: plan.job.is_none().then(|| said::actor(&plan.actor)),
        at: plan.created,
        next: None,
    }
}

fn of_run(run: &RunView) -> Row {
    Row {
        path: run_path(run.id),
        sides: between(&run.sides),
        name: None,
        what: of_files(run),
        state: said::run_state(run.state, run.wish),
        actor: run.job.is_none().then(|| said::actor(&run.actor)),
        at: run.created,
        next: None,
    }
}

fn of_job(job: &JobView) -> Row {
    Row {
        path: job_path(job.id),
        sides: between(&job.sides),
        name: Some(job.name.clone()),
        what: said::mode(job.mode).to_owned(),
        state: said::job_state(job.state),
        actor: Some(said::actor(&job.actor)),
        at: job.created,
        next: job.schedule.as_ref().and_then(|schedule| schedule.next),
    }
}

/// How much a run has done.
fn of_files(run: &RunView) -> String {
    let (done, total) = (words::thousands(run.files_done), words::thousands(run.files_total));
    match run.kind {
        PlanKind::Plan => words::fill("sync.run.done", &[&done, &total]),
        PlanKind::Restore => words::fill("sync.run.undone", &[&done, &total]),
    }
}

fn what(kind: PlanKind, mode: portcullis_control::Mode) -> &'static str {
    match kind {
        PlanKind::Plan => said::mode(mode),
        PlanKind::Restore => words::text("sync.restores"),
    }
}

/// What an address asks for: one list and where it begins, or the first of each.
struct Wanted<'a> {
    only: &'a str,
    after: Option<String>,
}

impl Wanted<'_> {
    fn request(&self, list: &str) -> Option<PageRequest> {
        match self.only {
            "" => Some(PageRequest::first(FEW)),
            only if only == list => Some(PageRequest { limit: MANY, after: self.after.clone() }),
            _ => None,
        }
    }

    /// The address of more of a list: its next page, or the list by itself.
    fn more(&self, list: &str, next: Option<&str>) -> Option<String> {
        let next = next?;
        let after = (self.only == list).then_some(next);
        Some(address(HOME, "", &[("list", Some(list)), ("after", after)]))
    }
}

/// `GET /sync?list=&after=&done=`
pub(super) async fn show(
    State(app): State<Arc<App>>,
    Admin { admin, person }: Admin,
    RawQuery(query): RawQuery,
) -> Response {
    let fields = Fields::parse(query.unwrap_or_default().as_bytes());
    let only = ["jobs", "plans", "runs"].into_iter().find(|list| *list == fields.get("list"));
    let wanted = Wanted { only: only.unwrap_or_default(), after: after(&fields).filter(|_| only.is_some()) };
    match shown(&app, &admin, &person.chrome, &fields, &wanted).await {
        Ok(response) => response,
        // A place that is no longer one: from the beginning.
        Err(ControlError::Invalid(_)) if wanted.after.is_some() => Redirect::to(HOME).into_response(),
        Err(error) => PanelError::from(error).show(&person.chrome),
    }
}

async fn shown(
    app: &App,
    admin: &SiteAdmin,
    chrome: &Chrome,
    fields: &Fields,
    wanted: &Wanted<'_>,
) -> Result<Response, ControlError> {
    let (mut jobs, mut plans, mut runs) = (List::default(), List::default(), List::default());
    if let Some(request) = wanted.request("jobs") {
        let found = app.control.sync_jobs(admin, JobQuery::default(), &request).await?;
        jobs.rows = found.items.iter().map(of_job).collect();
        jobs.more = wanted.more("jobs", found.next.as_deref());
    }
    if let Some(request) = wanted.request("plans") {
        let found = app.control.sync_plans(admin, PlanQuery::default(), &request).await?;
        plans.rows = found.items.iter().map(of_plan).collect();
        plans.more = wanted.more("plans", found.next.as_deref());
    }
    if let Some(request) = wanted.request("runs") {
        let found = app.control.sync_runs(admin, RunQuery::default(), &request).await?;
        runs.rows = found.items.iter().map(of_run).collect();
        runs.more = wanted.more("runs", found.next.as_deref());
    }
    let template = HomePage { chrome, toast: toast(fields), jobs, plans, runs, only: wanted.only };
    Ok(page(StatusCode::OK, &template))
}
