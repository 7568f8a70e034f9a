//! Applying a plan, making it anew, throwing it away, and all of it as a file.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use portcullis_control::{ControlError, PlanDraft, PlanView, RunDraft, SideDraft, SideView};

use super::super::super::error::PanelError;
use super::super::super::fields::{Faults, Fields};
use super::super::super::new_connection::quota;
use super::super::super::page::on_to;
use super::super::super::posted::Posted;
use super::super::super::words;
use super::super::{HOME, plan_path, run_path};
use super::At;
use super::page::{ApplyFilled, Trouble, shown};
use super::wanted::Wanted;
use crate::app::App;
use crate::handlers::sync::actions::written;

/// The most guards that a form names.
const MOST: usize = 32;

/// `POST /sync/plans/{id}/run`
pub(super) async fn run(State(app): State<Arc<App>>, at: At, form: Posted) -> Response {
    try_run(&app, &at, &form).await.unwrap_or_else(|error| error.show(&at.person.chrome))
}

async fn try_run(app: &App, at: &At, form: &Fields) -> Result<Response, PanelError> {
    let filled = ApplyFilled {
        approve: form.all("approve").take(MOST).map(str::to_owned).collect(),
        in_flight: form.get("in_flight").trim().chars().take(20).collect(),
        rate: form.get("rate").trim().chars().take(40).collect(),
    };
    let plan = app.control.sync_plan(&at.admin, at.plan).await?;
    // What the button said would be another number now.
    if form.get("version") != plan.version.to_string() {
        let stale = Trouble { apply: filled, ..Trouble::of(words::text("sync.apply.changed")) };
        return shown(app, at, &Wanted::default(), stale).await;
    }
    let mut faults = Faults::default();
    let draft = draft(&filled, &mut faults);
    if faults.is_empty() {
        match app.control.run_sync_plan(&at.admin, at.plan, &draft).await {
            Ok(run) => return Ok(Redirect::to(&run_path(run.id)).into_response()),
            Err(ControlError::Invalid(problems)) => {
                // The guards stand in the form with all that there is to say of them: one message is for all of them.
                let (guards, others): (Vec<_>, Vec<_>) =
                    problems.into_iter().partition(|problem| field_of(&problem.field) == "approve");
                if !guards.is_empty() {
                    faults.add("approve", words::text("sync.guards.missing"));
                }
                for problem in others {
                    faults.add(field_of(&problem.field), problem.message);
                }
            }
            Err(ControlError::NotNow(why)) => {
                let refused = Trouble { apply: filled, ..Trouble::of(&why) };
                return shown(app, at, &Wanted::default(), refused).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
    shown(app, at, &Wanted::default(), Trouble { faults, apply: filled, ..Trouble::default() }).await
}

fn draft(filled: &ApplyFilled, faults: &mut Faults) -> RunDraft {
    let mut draft = RunDraft { approve: filled.approve.clone(), ..RunDraft::default() };
    if !filled.in_flight.is_empty() {
        draft.in_flight = filled.in_flight.parse().ok();
        if draft.in_flight.is_none() {
            faults.add("in_flight", words::fill("sync.new.number", &[&16]));
        }
    }
    if !filled.rate.is_empty() {
        match quota::parse(&filled.rate) {
            Ok(bytes) => draft.bytes_per_second = Some(bytes),
            Err(message) => faults.add("rate", message),
        }
    }
    draft
}

/// The field of the form for one of the draft.
fn field_of(name: &str) -> &'static str {
    match name {
        "in_flight" => "in_flight",
        "bytes_per_second" => "rate",
        _ => "approve",
    }
}

/// `POST /sync/plans/{id}/again`: the same, compared anew.
pub(super) async fn again(State(app): State<Arc<App>>, at: At, _form: Posted) -> Response {
    try_again(&app, &at).await.unwrap_or_else(|error| error.show(&at.person.chrome))
}

async fn try_again(app: &App, at: &At) -> Result<Response, PanelError> {
    let plan = app.control.sync_plan(&at.admin, at.plan).await?;
    let made = match (plan.restores, plan.job) {
        (Some(run), _) => app.control.restore_sync_run(&at.admin, run, None).await,
        (None, Some(job)) => match app.control.run_sync_job(&at.admin, job).await {
            // The job is gone; its plan can be made all the same.
            Err(ControlError::NotFound) => app.control.make_sync_plan(&at.admin, &the_same(&plan)).await,
            made => made,
        },
        (None, None) => app.control.make_sync_plan(&at.admin, &the_same(&plan)).await,
    };
    match made {
        Ok(plan) => Ok(Redirect::to(&plan_path(plan.id)).into_response()),
        Err(ControlError::NotNow(why)) => shown(app, at, &Wanted::default(), Trouble::of(&why)).await,
        Err(ControlError::Invalid(problems)) => {
            let told = problems.into_iter().map(|problem| problem.message).collect::<Vec<_>>().join("; ");
            shown(app, at, &Wanted::default(), Trouble::of(&told)).await
        }
        Err(error) => Err(error.into()),
    }
}

fn the_same(plan: &PlanView) -> PlanDraft {
    let side = |side: &SideView| SideDraft { storage: side.id, prefix: side.prefix.as_str().to_owned() };
    PlanDraft {
        storage: side(&plan.sides.storage),
        bucket: side(&plan.sides.bucket),
        mode: plan.mode.as_str().to_owned(),
        conflicts: Some(plan.conflicts.as_str().to_owned()),
        settings: plan.settings.clone(),
    }
}

/// `POST /sync/plans/{id}/discard`
pub(super) async fn discard(State(app): State<Arc<App>>, at: At, _form: Posted) -> Response {
    match app.control.discard_sync_plan(&at.admin, at.plan).await {
        Ok(()) => on_to(HOME, "done.sync_discarded"),
        Err(ControlError::NotNow(why)) => {
            let refused = shown(&app, &at, &Wanted::default(), Trouble::of(&why)).await;
            refused.unwrap_or_else(|error| error.show(&at.person.chrome))
        }
        Err(error) => PanelError::from(error).show(&at.person.chrome),
    }
}

/// `GET /sync/plans/{id}/actions.csv?q=&op=&reason=&open=`: all files that the list would show.
pub(super) async fn csv(State(app): State<Arc<App>>, at: At, RawQuery(query): RawQuery) -> Response {
    let wanted = Wanted::of(&Fields::parse(query.unwrap_or_default().as_bytes()));
    // What cannot be read or found is told as a page.
    if let Err(error) = app.control.sync_plan(&at.admin, at.plan).await {
        return PanelError::from(error).show(&at.person.chrome);
    }
    let made = written(&app, at.admin, at.plan, wanted.query()).await;
    made.unwrap_or_else(|_| PanelError::Unavailable.show(&at.person.chrome))
}
