//! What an admin does about a user.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use portcullis_control::{ControlError, FieldProblem, UserChange};

use super::super::error::PanelError;
use super::super::fields::{Faults, Fields};
use super::super::page::on_to;
use super::super::posted::Posted;
use super::super::words;
use super::at::{AtUser, path};
use super::invitation;
use super::user::{Back, Subject, seen};
use crate::app::App;

/// What became of a form.
enum Outcome {
    Done,
    Not(Faults),
}

fn stale(field: &str) -> Outcome {
    Outcome::Not(Faults::from(vec![FieldProblem::new(field, words::text("user.stale"))]))
}

/// Changes a user, unless they are no longer as the form shows them.
async fn change(
    app: &App,
    at: &AtUser,
    form: &Fields,
    field: &str,
    change: &UserChange,
) -> Result<Outcome, PanelError> {
    let as_seen = |user: &portcullis_domain::User| seen(user).is_in(form, "seen");
    match app.control.update_user_if(&at.admin, at.user, change, as_seen).await {
        Ok(Some(_)) => Ok(Outcome::Done),
        Ok(None) | Err(ControlError::Stale) => Ok(stale(field)),
        Err(ControlError::Invalid(problems)) => Ok(Outcome::Not(Faults::from(problems))),
        Err(error) => Err(error.into()),
    }
}

/// On with a confirmation, or the page again with what is wrong.
async fn answer(
    app: &App,
    at: &AtUser,
    outcome: Outcome,
    done: &'static str,
    back: Back<'_>,
) -> Result<Response, PanelError> {
    match outcome {
        Outcome::Done => Ok(on_to(&path(at.user), done)),
        Outcome::Not(faults) => Ok(Subject::load(app, at).await?.page(at, None, Back { faults, ..back })),
    }
}

/// `POST /users/{id}/role`
pub(super) async fn role(State(app): State<Arc<App>>, at: AtUser, form: Posted) -> Response {
    try_role(&app, &at, &form).await.unwrap_or_else(|error| error.show(&at.person.chrome))
}

async fn try_role(app: &App, at: &AtUser, form: &Fields) -> Result<Response, PanelError> {
    let wanted = UserChange { role: Some(form.get("role").to_owned()), ..UserChange::default() };
    let outcome = change(app, at, form, "role", &wanted).await?;
    let back = Back { form: "role", role: Some(form.get("role")), ..Back::default() };
    answer(app, at, outcome, "done.role", back).await
}

/// `POST /users/{id}/state`
pub(super) async fn state(State(app): State<Arc<App>>, at: AtUser, form: Posted) -> Response {
    try_state(&app, &at, &form).await.unwrap_or_else(|error| error.show(&at.person.chrome))
}

async fn try_state(app: &App, at: &AtUser, form: &Fields) -> Result<Response, PanelError> {
    let done = match form.get("state") {
        "active" => "done.enabled",
        "disabled" => "done.disabled",
        _ => return Err(PanelError::Malformed),
    };
    let wanted = UserChange { state: Some(form.get("state").to_owned()), ..UserChange::default() };
    let outcome = change(app, at, form, "state", &wanted).await?;
    answer(app, at, outcome, done, Back { form: "state", ..Back::default() }).await
}

/// `POST /users/{id}/reset`: the answer shows the new link.
pub(super) async fn reset(State(app): State<Arc<App>>, at: AtUser, form: Posted) -> Response {
    try_reset(&app, &at, &form).await.unwrap_or_else(|error| error.show(&at.person.chrome))
}

async fn try_reset(app: &App, at: &AtUser, form: &Fields) -> Result<Response, PanelError> {
    let chrome = &at.person.chrome;
    if !app.control.claim_once(&at.admin, form.get("once")).await? {
        return Ok(invitation::already(chrome, path(at.user)));
    }
    let row = app.control.user(&at.admin, at.user).await?;
    let faults = match app.control.reset_user(&at.admin, at.user, form.get("second_factor") == "yes").await {
        Ok(reset) => return Ok(invitation::shown(app, chrome, &row.user, &reset.invitation)),
        Err(ControlError::Invalid(problems)) => Faults::from(problems),
        Err(error) => return Err(error.into()),
    };
    answer(app, at, Outcome::Not(faults), "", Back { form: "reset", ..Back::default() }).await
}

/// `POST /users/{id}/sessions/end`
pub(super) async fn end_sessions(State(app): State<Arc<App>>, at: AtUser, _form: Posted) -> Response {
    match app.control.end_sessions_of_user(&at.admin, at.user).await {
        Ok(_) => on_to(&path(at.user), "done.sessions_ended"),
        Err(error) => PanelError::from(error).show(&at.person.chrome),
    }
}
