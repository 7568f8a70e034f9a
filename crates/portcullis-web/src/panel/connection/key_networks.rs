//! Editing the networks of credentials.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse as _, Redirect, Response};
use portcullis_control::KeyChange;

use super::super::error::PanelError;
use super::super::fields::Fields;
use super::super::networks_editor::{Edit, Op};
use super::super::page::page;
use super::super::posted::Posted;
use super::at::{AtKey, key_path};
use super::forms::Outcome;
use super::key_page::{KeyPage, frame};
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
        Op::Check | Op::Add | Op::Remove(_) | Op::Mine | Op::Take(_) | Op::Allow(_) | Op::Save => {}
    }
    loop {
        let subject = load(app, at).await?;
        let stored = &subject.view.key.networks;
        let edit = Edit::new(form, op, stored, at.at.person.peer);
        let cut_off = edit.list().map(|list| subject.cut_off_by(list, app)).unwrap_or_default();
        let mut problem = None;
        if let Some(networks) = edit.to_store(&cut_off) {
            let saved = KeyChange { networks: Some(networks), ..KeyChange::default() };
            match change(app, at, &saved, |key| key.networks == *stored).await? {
                Outcome::Done => return Ok(done(at, "done.networks")),
                // Changed since the look a moment ago: another look sees that, and stores nothing.
                Outcome::Stale => continue,
                Outcome::Invalid(problems) => problem = problems.into_iter().next(),
            }
        }
        let mut shown = KeyPage::new(app, at, &subject);
        let status;
        (status, shown.editor) = edit.show(frame(at, &subject.storage), cut_off, problem);
        return Ok(page(status, &shown));
    }
}
