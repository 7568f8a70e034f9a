//! Editing the networks of a connection.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse as _, Redirect, Response};
use http::StatusCode;
use portcullis_control::networks::TrialChange;
use portcullis_control::{FieldProblem, StorageChange};

use super::super::error::PanelError;
use super::super::fields::Fields;
use super::super::networks_editor::{Edit, Op, is_shown};
use super::super::page::{on_to, page};
use super::super::posted::Posted;
use super::at::{At, path};
use super::forms::Outcome;
use super::page::{ConnectionPage, frame};
use super::settings::{change, close};
use super::subject::Subject;
use crate::app::App;

/// `POST /connections/{id}/networks`
pub(super) async fn edit(State(app): State<Arc<App>>, at: At, form: Posted) -> Response {
    try_edit(&app, &at, &form).await.unwrap_or_else(|error| error.show(&at.person.chrome))
}

async fn try_edit(app: &App, at: &At, form: &Fields) -> Result<Response, PanelError> {
    let op = Op::parse(form.get("op"));
    match op {
        Op::Discard => return Ok(Redirect::to(&path(at.storage)).into_response()),
        Op::Close => return close(app, at).await,
        Op::Enforce | Op::EndTrial => return trial(app, at, form, op).await,
        Op::Check | Op::Add | Op::Remove(_) | Op::Mine | Op::Take(_) | Op::Allow(_) | Op::Save | Op::Try => {}
    }
    loop {
        let subject = Subject::load(app, &at.admin, at.storage).await?;
        let stored = &subject.view.storage.networks;
        let edit = Edit::new(form, op, stored, &subject.clients, at.person.peer);
        let frame = frame(at, &subject);
        let (wanted, word) = if let Some(networks) = edit.to_store() {
            (Some(StorageChange { networks: Some(networks), ..StorageChange::default() }), "done.networks")
        } else {
            let begin = edit.to_try().map(TrialChange::Begin);
            (
                begin.map(|begin| StorageChange { trial: Some(begin), ..StorageChange::default() }),
                "done.trial",
            )
        };
        let mut problem = None;
        if let Some(wanted) = wanted {
            match change(app, at, &wanted, |storage| storage.networks == *stored).await? {
                Outcome::Done => return Ok(on_to(&path(at.storage), word)),
                // Changed since the look a moment ago: another look sees that, and stores nothing.
                Outcome::Stale => continue,
                Outcome::Invalid(problems) => problem = problems.into_iter().next(),
            }
        }
        let mut shown = ConnectionPage::new(app, at, &subject);
        let status;
        (status, shown.editor) = edit.show(frame, problem);
        return Ok(page(status, &shown));
    }
}

/// Ends what is tried out, or puts it in force if whom it would refuse was seen.
async fn trial(app: &App, at: &At, form: &Fields, op: Op) -> Result<Response, PanelError> {
    let subject = Subject::load(app, &at.admin, at.storage).await?;
    let tried = subject.view.storage.trial.as_ref();
    let seen = subject.trial.as_ref().is_some_and(|trial| is_shown(trial, form));
    let (trial, word) = match (op == Op::EndTrial, seen) {
        (true, _) => (TrialChange::End, "done.trial_ended"),
        (false, true) => (TrialChange::Enforce, "done.networks"),
        (false, false) => return Ok(again(app, at, &subject, None)),
    };
    let wanted = StorageChange { trial: Some(trial), ..StorageChange::default() };
    match change(app, at, &wanted, |storage| op == Op::EndTrial || storage.trial.as_ref() == tried).await? {
        Outcome::Done => Ok(on_to(&path(at.storage), word)),
        Outcome::Stale => {
            let now = Subject::load(app, &at.admin, at.storage).await?;
            Ok(again(app, at, &now, None))
        }
        Outcome::Invalid(problems) => Ok(again(app, at, &subject, problems.into_iter().next())),
    }
}

/// The page with how the trial is now, and why it was not put in force.
fn again(app: &App, at: &At, subject: &Subject, problem: Option<FieldProblem>) -> Response {
    let mut shown = ConnectionPage::new(app, at, subject);
    shown.editor.not_enforced(problem);
    page(StatusCode::UNPROCESSABLE_ENTITY, &shown)
}
