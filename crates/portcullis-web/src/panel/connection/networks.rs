//! Editing the networks of a connection.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse as _, Redirect, Response};
use portcullis_control::StorageChange;

use super::super::error::PanelError;
use super::super::fields::Fields;
use super::super::networks_editor::{Edit, Op};
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
        Op::Check | Op::Add | Op::Remove(_) | Op::Mine | Op::Take(_) | Op::Allow(_) | Op::Save => {}
    }
    loop {
        let subject = Subject::load(app, &at.admin, at.storage).await?;
        let stored = &subject.view.storage.networks;
        let edit = Edit::new(form, op, stored, at.person.peer);
        let cut_off = edit.list().map(|list| subject.cut_off_by(list, app)).unwrap_or_default();
        let mut problem = None;
        if let Some(networks) = edit.to_store(&cut_off) {
            let saved = StorageChange { networks: Some(networks), ..StorageChange::default() };
            match change(app, at, &saved, |storage| storage.networks == *stored).await? {
                Outcome::Done => return Ok(on_to(&path(at.storage), "done.networks")),
                // Changed since the look a moment ago: another look sees that, and stores nothing.
                Outcome::Stale => continue,
                Outcome::Invalid(problems) => problem = problems.into_iter().next(),
            }
        }
        let mut shown = ConnectionPage::new(app, at, &subject);
        let status;
        (status, shown.editor) = edit.show(frame(at), cut_off, problem);
        return Ok(page(status, &shown));
    }
}
