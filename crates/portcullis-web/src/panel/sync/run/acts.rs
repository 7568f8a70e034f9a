//! Pausing a run, ending it, taking it back, following it.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse as _, Redirect, Response};
use portcullis_control::{ControlError, RunView};

use super::super::super::error::PanelError;
use super::super::super::fields::Fields;
use super::super::super::page::on_to;
use super::super::super::posted::Posted;
use super::super::{plan_path, run_path};
use super::At;
use super::page::shown;
use crate::app::App;
use crate::handlers::sync::events::told;

/// Back to the page of the run, which says what was done or why not.
async fn done(app: &App, at: &At, done: Result<RunView, ControlError>, said: &'static str) -> Response {
    match done {
        Ok(_) => on_to(&run_path(at.run), said),
        Err(ControlError::NotNow(why)) => {
            let refused = shown(app, at, &Fields::default(), Some(&why)).await;
            refused.unwrap_or_else(|error| error.show(&at.person.chrome))
        }
        Err(error) => PanelError::from(error).show(&at.person.chrome),
    }
}

/// `POST /sync/runs/{id}/pause`
pub(super) async fn pause(State(app): State<Arc<App>>, at: At, _form: Posted) -> Response {
    let paused = app.control.pause_sync(&at.admin, at.run).await;
    done(&app, &at, paused, "done.sync_paused").await
}

/// `POST /sync/runs/{id}/resume`
pub(super) async fn resume(State(app): State<Arc<App>>, at: At, _form: Posted) -> Response {
    let resumed = app.control.resume_sync(&at.admin, at.run).await;
    done(&app, &at, resumed, "done.sync_resumed").await
}

/// `POST /sync/runs/{id}/cancel`
pub(super) async fn cancel(State(app): State<Arc<App>>, at: At, _form: Posted) -> Response {
    let cancelled = app.control.cancel_sync(&at.admin, at.run).await;
    done(&app, &at, cancelled, "done.sync_cancelled").await
}

/// `POST /sync/runs/{id}/restore`: on to the plan that takes the run back.
pub(super) async fn restore(State(app): State<Arc<App>>, at: At, _form: Posted) -> Response {
    match app.control.restore_sync_run(&at.admin, at.run, None).await {
        Ok(plan) => Redirect::to(&plan_path(plan.id)).into_response(),
        Err(ControlError::NotNow(why)) => {
            let refused = shown(&app, &at, &Fields::default(), Some(&why)).await;
            refused.unwrap_or_else(|error| error.show(&at.person.chrome))
        }
        Err(error) => PanelError::from(error).show(&at.person.chrome),
    }
}

/// `GET /sync/runs/{id}/events`: the events of the REST API, for a page of the panel.
pub(super) async fn events(State(app): State<Arc<App>>, at: At) -> Response {
    if let Err(error) = app.control.sync_run(&at.admin, at.run).await {
        return PanelError::from(error).show(&at.person.chrome);
    }
    let events = told(Arc::clone(&app), at.admin, at.run).await;
    events.unwrap_or_else(|_| PanelError::Unavailable.show(&at.person.chrome))
}
