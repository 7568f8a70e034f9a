//! Editing the networks of credentials.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse as _, Redirect, Response};
use http::StatusCode;
use portcullis_control::networks::TrialChange;
use portcullis_control::{FieldProblem, KeyChange};

use super::super::error::PanelError;
use super::super::fields::Fields;
use super::super::networks_editor::{Edit, Op, is_shown};
use super::super::page::page;
use super::super::posted::Posted;
use super::at::{AtKey, key_path};
use super::forms::Outcome;
use super::key_page::{KeyPage, KeySubject, frame};
use super::key_settings::{change, done, load};
use crate::app::App;

/// `POST /connections/{id}/keys/{key}/networks`
pub(super) async fn edit(State(app): State<Arc<App>>, at: AtKey, form: Posted) -> Response {
    try_edit(&app, &at, &form).await.unwrap_or_else(|error| error.show(&at.at.person.chrome))
}

async fn try_edit(app: &App, at: &AtKey, form: &Fields) -> Result<Response, PanelError> {
    load(app, at).await?;
    let op = Op::parse(form.get("op"));
    match op {
        Op::Discard => return Ok(Redirect::to(&key_path(at.at.storage, at.key)).into_response()),
        Op::Close => {
            let change = KeyChange { permission: Some("none".to_owned()), ..KeyChange::default() };
            app.control.update_key(&at.at.admin, at.key, &change).await?;
            return Ok(done(at, "done.key_off"));
        }
        Op::Enforce | Op::EndTrial => return trial(app, at, form, op).await,
        Op::Check | Op::Add | Op::Remove(_) | Op::Mine | Op::Take(_) | Op::Allow(_) | Op::Save | Op::Try => {}
    }
    loop {
        let subject = load(app, at).await?;
        let stored = &subject.view.key.networks;
        let edit = Edit::new(form, op, stored, &subject.clients, at.at.person.peer);
        let frame = frame(at, &subject);
        let (wanted, word) = if let Some(networks) = edit.to_store() {
            (Some(KeyChange { networks: Some(networks), ..KeyChange::default() }), "done.networks")
        } else {
            let begin = edit.to_try().map(TrialChange::Begin);
            (begin.map(|begin| KeyChange { trial: Some(begin), ..KeyChange::default() }), "done.trial")
        };
        let mut problem = None;
        if let Some(wanted) = wanted {
            match change(app, at, &wanted, |key| key.networks == *stored).await? {
                Outcome::Done => return Ok(done(at, word)),
                // Changed since the look a moment ago: another look sees that, and stores nothing.
                Outcome::Stale => continue,
                Outcome::Invalid(problems) => problem = problems.into_iter().next(),
            }
        }
        let mut shown = KeyPage::new(app, at, &subject);
        let status;
        (status, shown.editor) = edit.show(frame, problem);
        return Ok(page(status, &shown));
    }
}

/// Ends what is tried out, or puts it in force if whom it would refuse was seen.
async fn trial(app: &App, at: &AtKey, form: &Fields, op: Op) -> Result<Response, PanelError> {
    let subject = load(app, at).await?;
    let tried = subject.view.key.trial.as_ref();
    let seen = subject.trial.as_ref().is_some_and(|trial| is_shown(trial, form));
    let (trial, word) = match (op == Op::EndTrial, seen) {
        (true, _) => (TrialChange::End, "done.trial_ended"),
        (false, true) => (TrialChange::Enforce, "done.networks"),
        (false, false) => return Ok(again(app, at, &subject, None)),
    };
    let wanted = KeyChange { trial: Some(trial), ..KeyChange::default() };
    match change(app, at, &wanted, |key| op == Op::EndTrial || key.trial.as_ref() == tried).await? {
        Outcome::Done => Ok(done(at, word)),
        Outcome::Stale => Ok(again(app, at, &load(app, at).await?, None)),
        Outcome::Invalid(problems) => Ok(again(app, at, &subject, problems.into_iter().next())),
    }
}

/// The page with how the trial is now, and why it was not put in force.
fn again(app: &App, at: &AtKey, subject: &KeySubject, problem: Option<FieldProblem>) -> Response {
    let mut shown = KeyPage::new(app, at, subject);
    shown.editor.not_enforced(problem);
    page(StatusCode::UNPROCESSABLE_ENTITY, &shown)
}
