//! Networks of a key before they hold: whom they would cut off, and lists that are tried out.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use portcullis_control::networks::{TrialChange, read_drafts};
use portcullis_control::{KeyChange, NetworkDraft};
use portcullis_domain::KeyId;

use super::super::error::PanelError;
use super::super::fields::Fields;
use super::super::networks_editor::{Banner, CutOff, cut_off, is_shown, warning};
use super::super::page::on_to;
use super::super::posted::Posted;
use super::at::{AtKey, path};
use crate::app::App;

/// How networks that are tried out on the key go.
pub(super) async fn banner(app: &App, at: &AtKey, key: KeyId) -> Result<Option<Banner>, PanelError> {
    let view = at.at.keeper.trial(&app.control, key).await?;
    Ok(view.map(|view| Banner::new(&view, at.at.person.chrome.now)))
}

/// Whom these networks would cut off; nobody if the form shows that it was seen, or if the networks are not to change.
pub(super) async fn cut_off_unseen(
    app: &App,
    at: &AtKey,
    networks: Option<&[NetworkDraft]>,
    form: &Fields,
) -> Result<Vec<CutOff>, PanelError> {
    let Some(drafts) = networks else { return Ok(Vec::new()) };
    let clients = at.at.keeper.clients(&app.control, at.view.key.id).await?;
    let out = cut_off(&clients, &read_drafts(drafts)?);
    Ok(if warning(&out).is_in(form, "warned") { Vec::new() } else { out })
}

/// `POST /api-keys/{id}/trial`
pub(super) async fn change(State(app): State<Arc<App>>, at: AtKey, form: Posted) -> Response {
    try_change(&app, &at, &form).await.unwrap_or_else(|error| error.show(&at.at.person.chrome))
}

async fn try_change(app: &App, at: &AtKey, form: &Fields) -> Result<Response, PanelError> {
    let (keeper, id) = (&at.at.keeper, at.view.key.id);
    let ends = form.get("op") == "end-trial";
    let view = keeper.trial(&app.control, id).await?;
    let seen = view.as_ref().filter(|view| is_shown(view, form)).map(|view| &view.trial);
    let (trial, word) = match (ends, seen) {
        (true, _) => (TrialChange::End, "done.trial_ended"),
        (false, Some(_)) => (TrialChange::Enforce, "done.networks"),
        (false, None) => return Ok(on_to(&path(id), "done.trial_moved")),
    };
    let wanted = KeyChange { trial: Some(trial), ..KeyChange::default() };
    let as_seen = |key: &portcullis_domain::Key| ends || key.trial.as_ref() == seen;
    let done = keeper.update_if(&app.control, id, &wanted, as_seen).await?;
    Ok(on_to(&path(id), if done.is_some() { word } else { "done.trial_moved" }))
}
