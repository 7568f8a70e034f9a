//! Changing a job, switching it, starting it, ending it.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse as _, Redirect, Response};
use portcullis_control::{ControlError, JobChange};

use super::super::super::error::PanelError;
use super::super::super::fields::{Faults, Fields};
use super::super::super::page::on_to;
use super::super::super::posted::Posted;
use super::super::super::words;
use super::super::form::faults_of;
use super::super::{HOME, job_path, plan_path};
use super::At;
use super::form::JobFilled;
use super::page::{Told, shown};
use crate::app::App;

/// What the form was made from.
fn version(form: &Fields) -> Result<u64, PanelError> {
    form.get("version").parse().map_err(|_| PanelError::Malformed)
}

/// `POST /sync/jobs/{id}/settings`
pub(super) async fn save(State(app): State<Arc<App>>, at: At, form: Posted) -> Response {
    try_save(&app, &at, &form).await.unwrap_or_else(|error| error.show(&at.person.chrome))
}

async fn try_save(app: &App, at: &At, form: &Fields) -> Result<Response, PanelError> {
    let version = version(form)?;
    let job = app.control.sync_job(&at.admin, at.job).await?;
    let filled = JobFilled::of(form);
    let mut faults = Faults::default();
    let change = filled.change(&job, &mut faults);
    if !faults.is_empty() {
        return Ok(shown(app, at, &job, &filled, &faults, Told::default()).await);
    }
    let none = Faults::default();
    match app.control.change_sync_job(&at.admin, at.job, Some(version), &change).await {
        Ok(_) => Ok(on_to(&job_path(at.job), "done.sync_job_saved")),
        Err(ControlError::Invalid(problems)) => {
            Ok(shown(app, at, &job, &filled, &faults_of(problems), Told::default()).await)
        }
        Err(ControlError::Stale) => {
            let stale = words::text("sync.job.stale");
            Ok(shown(app, at, &job, &filled, &none, trouble(stale)).await)
        }
        Err(ControlError::NotNow(why)) => Ok(shown(app, at, &job, &filled, &none, trouble(&why)).await),
        Err(error) => Err(error.into()),
    }
}

fn trouble(why: &str) -> Told<'_> {
    Told { trouble: Some(why), done: None }
}

/// The page as it is, with why something was not done.
async fn refused(app: &App, at: &At, why: &str) -> Result<Response, PanelError> {
    let job = app.control.sync_job(&at.admin, at.job).await?;
    let filled = JobFilled::of_job(&job);
    Ok(shown(app, at, &job, &filled, &Faults::default(), trouble(why)).await)
}

/// What could not be done and why, on the page of the job where that helps.
async fn not_done(app: &App, at: &At, error: ControlError) -> Result<Response, PanelError> {
    match error {
        ControlError::NotNow(why) => refused(app, at, &why).await,
        ControlError::Invalid(problems) => {
            let told = problems.into_iter().map(|problem| problem.message).collect::<Vec<_>>().join("; ");
            refused(app, at, &told).await
        }
        ControlError::Stale => refused(app, at, words::text("sync.job.stale")).await,
        error @ (ControlError::NotFound
        | ControlError::Conflict { .. }
        | ControlError::InUse(_)
        | ControlError::OverlapRuns { .. }
        | ControlError::ConfirmationNeeded
        | ControlError::KeysByAdminsOnly
        | ControlError::Access(_)
        | ControlError::Metadata(_)) => Err(error.into()),
    }
}

/// `POST /sync/jobs/{id}/switch`
pub(super) async fn switch(State(app): State<Arc<App>>, at: At, form: Posted) -> Response {
    let switched = async {
        let on = form.get("on") == "yes";
        let change = JobChange { enabled: Some(on), ..JobChange::default() };
        let said = if on { "done.sync_job_on" } else { "done.sync_job_off" };
        match app.control.change_sync_job(&at.admin, at.job, Some(version(&form)?), &change).await {
            Ok(_) => Ok(on_to(&job_path(at.job), said)),
            Err(error) => not_done(&app, &at, error).await,
        }
    };
    switched.await.unwrap_or_else(|error| error.show(&at.person.chrome))
}

/// `POST /sync/jobs/{id}/run`: on to the plan that it makes.
pub(super) async fn run(State(app): State<Arc<App>>, at: At, _form: Posted) -> Response {
    let begun = match app.control.run_sync_job(&at.admin, at.job).await {
        Ok(plan) => Ok(Redirect::to(&plan_path(plan.id)).into_response()),
        Err(error) => not_done(&app, &at, error).await,
    };
    begun.unwrap_or_else(|error| error.show(&at.person.chrome))
}

/// `POST /sync/jobs/{id}/delete`
pub(super) async fn delete(State(app): State<Arc<App>>, at: At, form: Posted) -> Response {
    let deleted = async {
        match app.control.delete_sync_job(&at.admin, at.job, Some(version(&form)?)).await {
            Ok(()) => Ok(on_to(HOME, "done.sync_job_deleted")),
            Err(error) => not_done(&app, &at, error).await,
        }
    };
    deleted.await.unwrap_or_else(|error| error.show(&at.person.chrome))
}
