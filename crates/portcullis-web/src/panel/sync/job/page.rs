//! The page of a job.

use std::sync::Arc;

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use http::StatusCode;
use portcullis_control::{JobState, JobView, ScheduleDraft};
use portcullis_domain::Timestamp;

use super::super::super::error::PanelError;
use super::super::super::fields::{Faults, Fields, sentence};
use super::super::super::page::{Chrome, page, toast};
use super::super::super::words::filters;
use super::super::form::{Filled, ModeCard, PolicyChoice, modes, policies};
use super::super::places::SideLine;
use super::super::said::{self, StateChip};
use super::super::{job_path, plan_path, run_path};
use super::At;
use super::form::{JobFilled, examples};
use crate::app::App;

/// As many of the next times are told.
const TIMES: usize = 3;

#[derive(Template)]
#[template(path = "sync/job.html")]
struct JobPage<'a> {
    chrome: &'a Chrome,
    toast: Option<&'static str>,
    trouble: Option<String>,
    view: &'a JobView,
    home: String,
    chip: StateChip,
    mode: &'static str,
    actor: String,
    here: SideLine,
    bucket: SideLine,
    plan: Option<String>,
    run: Option<String>,
    next: Vec<Timestamp>,
    job: &'a JobFilled,
    filled: &'a Filled,
    modes: Vec<ModeCard>,
    policies: Vec<PolicyChoice>,
    examples: [(&'static str, &'static str); 4],
    faults: &'a Faults,
}

impl JobPage<'_> {
    fn is_stopped(&self) -> bool {
        self.view.state == JobState::Stopped
    }
}

/// `GET /sync/jobs/{id}?done=`
pub(super) async fn show(State(app): State<Arc<App>>, at: At, RawQuery(query): RawQuery) -> Response {
    let fields = Fields::parse(query.unwrap_or_default().as_bytes());
    match app.control.sync_job(&at.admin, at.job).await {
        Ok(job) => {
            let filled = JobFilled::of_job(&job);
            let told = Told { trouble: None, done: toast(&fields) };
            shown(&app, &at, &job, &filled, &Faults::default(), told).await
        }
        Err(error) => PanelError::from(error).show(&at.person.chrome),
    }
}

/// What the page tells of what was asked for last.
#[derive(Clone, Copy, Default)]
pub(super) struct Told<'a> {
    /// Why it was not done.
    pub(super) trouble: Option<&'a str>,
    /// That it was done.
    pub(super) done: Option<&'static str>,
}

/// The page with what was filled in, and what was wrong with it.
pub(super) async fn shown(
    app: &App,
    at: &At,
    job: &JobView,
    filled: &JobFilled,
    faults: &Faults,
    told: Told<'_>,
) -> Response {
    let Told { trouble, done } = told;
    let template = JobPage {
        chrome: &at.person.chrome,
        toast: done,
        trouble: trouble.map(sentence),
        home: job_path(job.id),
        chip: said::job_state(job.state),
        mode: said::mode(job.mode),
        actor: said::actor(&job.actor),
        here: SideLine::of(&job.sides.storage),
        bucket: SideLine::of(&job.sides.bucket),
        plan: job.last_plan.map(plan_path),
        run: job.last_run.map(run_path),
        next: next_times(app, job),
        job: filled,
        filled: &filled.plan,
        modes: modes(),
        policies: policies(),
        examples: examples(),
        faults,
        view: job,
    };
    let wrong = trouble.is_some() || !faults.is_empty();
    page(if wrong { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK }, &template)
}

/// When it runs by itself next.
fn next_times(app: &App, job: &JobView) -> Vec<Timestamp> {
    let Some(schedule) = job.schedule.as_ref().filter(|schedule| schedule.next.is_some()) else {
        return Vec::new();
    };
    let draft = ScheduleDraft { cron: schedule.cron.clone(), zone: Some(schedule.zone.clone()) };
    // What was stored can be read, unless the zone is no longer one.
    app.control.next_times(&draft, TIMES).unwrap_or_default()
}
