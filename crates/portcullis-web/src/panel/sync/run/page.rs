//! The page of a run.

use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use http::StatusCode;
use portcullis_control::{
    Amount, ControlError, PageRequest, PlanKind, RunState, RunView, RunWish, StepState, StepView,
};
use portcullis_domain::Timestamp;

use super::super::super::error::PanelError;
use super::super::super::fields::{Fields, sentence};
use super::super::super::page::{Chrome, page, toast};
use super::super::super::people::{address, after};
use super::super::super::words::filters;
use super::super::super::{format, words};
use super::super::places::SideLine;
use super::super::plan::Figure;
use super::super::said::{self, StateChip};
use super::super::{KEPT, job_path, plan_path, run_path};
use super::At;
use crate::app::App;

/// As many files are on a page.
const ROWS: u32 = 50;

/// The outcomes that can be looked at alone.
const STATES: [StepState; 4] = [StepState::Done, StepState::Changed, StepState::Failed, StepState::Skipped];

/// The word for an outcome in addresses.
const fn word(state: StepState) -> &'static str {
    match state {
        StepState::Kept => "kept",
        StepState::Done => "done",
        StepState::Changed => "changed",
        StepState::Failed => "failed",
        StepState::Skipped => "skipped",
    }
}

/// One file, in words.
struct Row {
    key: String,
    state: StateChip,
    moved: String,
    copy: Option<String>,
    told: String,
}

/// Outcomes to choose from.
struct Tab {
    path: String,
    name: &'static str,
    chosen: bool,
}

#[derive(Template)]
#[template(path = "sync/run.html")]
struct RunPage<'a> {
    chrome: &'a Chrome,
    toast: Option<&'static str>,
    trouble: Option<String>,
    run: &'a RunView,
    home: String,
    chip: StateChip,
    phase: &'static str,
    actor: String,
    here: SideLine,
    bucket: SideLine,
    plan: String,
    restores: Option<String>,
    job: Option<String>,
    percent: u8,
    left: String,
    figures: Vec<Figure>,
    kept: Option<String>,
    /// How long it can still be taken back.
    restorable: Option<Timestamp>,
    tabs: Vec<Tab>,
    rows: Vec<Row>,
    paged: bool,
    first: Option<String>,
    next: Option<String>,
}

impl RunPage<'_> {
    const fn is_over(&self) -> bool {
        self.run.state.has_ended()
    }

    fn is_restore(&self) -> bool {
        self.run.kind == PlanKind::Restore
    }

    fn can_pause(&self) -> bool {
        matches!(self.run.state, RunState::Waiting | RunState::Running) && self.run.wish == RunWish::Go
    }

    fn can_resume(&self) -> bool {
        !self.is_over() && self.run.wish == RunWish::Pause
    }

    fn can_cancel(&self) -> bool {
        !self.is_over() && self.run.state != RunState::Settling && self.run.wish != RunWish::Cancel
    }
}

impl Row {
    fn of(step: &StepView) -> Self {
        Self {
            key: step.key.clone(),
            state: said::step_state(step.state),
            moved: if step.moved == 0 { String::new() } else { format::size(step.moved) },
            copy: step.copy.clone(),
            told: sentence_of(&step.told),
        }
    }
}

fn sentence_of(told: &str) -> String {
    if told.is_empty() { String::new() } else { sentence(told) }
}

/// The address of a run's page with these steps.
fn at_steps(run: &RunView, state: Option<StepState>, after: Option<&str>) -> String {
    address(&run_path(run.id), "", &[("state", state.map(word)), ("after", after)])
}

/// How long it may still take: `3 minutes`.
fn left(left: Option<Duration>) -> String {
    match left.map(|left| left.as_secs()) {
        None => words::text("sync.run.left.unknown").to_owned(),
        Some(seconds @ 0..60) => words::count("sync.seconds", seconds.max(1)),
        Some(seconds @ 60..3_600) => words::count("time.minutes", seconds.div_ceil(60)),
        Some(seconds) => words::count("time.hours", seconds.div_ceil(3_600)),
    }
}

/// `GET /sync/runs/{id}?state=&after=&done=`
pub(super) async fn show(State(app): State<Arc<App>>, at: At, RawQuery(query): RawQuery) -> Response {
    let fields = Fields::parse(query.unwrap_or_default().as_bytes());
    let shown = shown(&app, &at, &fields, None).await;
    shown.unwrap_or_else(|error| error.show(&at.person.chrome))
}

/// The page, with what was wrong with a form.
pub(super) async fn shown(
    app: &App,
    at: &At,
    fields: &Fields,
    trouble: Option<&str>,
) -> Result<Response, PanelError> {
    let run = app.control.sync_run(&at.admin, at.run).await?;
    let (state, begin) = (step_state(fields), after(fields));
    let request = PageRequest { limit: ROWS, after: begin.clone() };
    let found = match app.control.sync_steps(&at.admin, at.run, state, &request).await {
        Ok(found) => found,
        // A place that is no longer one: from the beginning.
        Err(ControlError::Invalid(_)) if begin.is_some() => {
            return Ok(Redirect::to(&at_steps(&run, state, None)).into_response());
        }
        Err(error) => return Err(error.into()),
    };
    let now = at.person.chrome.now;
    let template = RunPage {
        chrome: &at.person.chrome,
        toast: toast(fields),
        trouble: trouble.map(sentence),
        home: run_path(run.id),
        chip: said::run_state(run.state, run.wish),
        phase: said::phase(run.state, run.phase),
        actor: said::actor(&run.actor),
        here: SideLine::of(&run.sides.storage),
        bucket: SideLine::of(&run.sides.bucket),
        plan: plan_path(run.plan),
        restores: run.restores.map(run_path),
        job: run.job.map(job_path),
        percent: progress(&run),
        left: left(run.time_left),
        figures: figures(&run),
        kept: (run.kept.files > 0).then(|| format!("{KEPT}?run={}", run.id)),
        restorable: run.restorable_until.filter(|until| *until > now),
        tabs: tabs(&run, state),
        rows: found.items.iter().map(Row::of).collect(),
        paged: begin.is_some() || found.next.is_some(),
        first: begin.is_some().then(|| at_steps(&run, state, None)),
        next: found.next.as_deref().map(|next| at_steps(&run, state, Some(next))),
        run: &run,
    };
    let status = if trouble.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    Ok(page(status, &template))
}

fn step_state(fields: &Fields) -> Option<StepState> {
    STATES.into_iter().find(|state| word(*state) == fields.get("state"))
}

/// How far it is, in hundredths: by bytes, where there are any to move.
fn progress(run: &RunView) -> u8 {
    if run.bytes_total > 0 {
        format::percent(run.bytes_done, run.bytes_total)
    } else {
        format::percent(run.files_done, run.files_total)
    }
}

fn figures(run: &RunView) -> Vec<Figure> {
    let files = |files: u64| Amount { files, bytes: 0 };
    let t = words::text;
    let others = run.changed.saturating_add(run.failed).saturating_add(run.skipped);
    let done = Amount { files: run.files_done.saturating_sub(others), bytes: run.bytes_done };
    let changed =
        Figure::new("changed", t("sync.result.changed"), files(run.changed), t("sync.result.changed.detail"));
    let failed =
        Figure::new("failed", t("sync.result.failed"), files(run.failed), t("sync.result.failed.detail"));
    vec![
        Figure::new("done", t("sync.result.done"), done, t("sync.result.done.detail")),
        changed.hot(run.changed > 0),
        failed.hot(run.failed > 0),
        Figure::new("skipped", t("sync.result.skipped"), files(run.skipped), t("sync.result.skipped.detail")),
        Figure::new("kept", t("sync.result.kept"), run.kept, t("sync.result.kept.detail")),
    ]
}

fn tabs(run: &RunView, chosen: Option<StepState>) -> Vec<Tab> {
    let tab = |state: Option<StepState>| Tab {
        path: at_steps(run, state, None),
        name: state.map_or_else(|| words::text("sync.steps.all"), |state| said::step_state(state).text),
        chosen: state == chosen,
    };
    [None].into_iter().chain(STATES.map(Some)).map(tab).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_told_roughly() {
        let told = |seconds: Option<u64>| left(seconds.map(Duration::from_secs));
        assert_eq!(told(None), "not known yet");
        assert_eq!(told(Some(0)), "1 second");
        assert_eq!(told(Some(59)), "59 seconds");
        assert_eq!(told(Some(61)), "2 minutes");
        assert_eq!(told(Some(7_200)), "2 hours");
    }
}
