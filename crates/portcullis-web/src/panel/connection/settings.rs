//! Changing one setting of a connection.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use portcullis_control::{ControlError, KeyChange, StorageChange};
use portcullis_domain::Storage;

use super::super::error::PanelError;
use super::super::fields::Fields;
use super::super::page::page;
use super::super::posted::Posted;
use super::at::{At, path};
use super::forms::Outcome;
use super::page::ConnectionPage;
use super::subject::{Subject, seen};
use crate::app::App;

const WRONG: StatusCode = StatusCode::UNPROCESSABLE_ENTITY;

/// Changes a connection, unless what the form shows has changed since it was made.
pub(super) async fn change(
    app: &App,
    at: &At,
    change: &StorageChange,
    is_as_seen: impl Fn(&Storage) -> bool + Send + Sync,
) -> Result<Outcome, PanelError> {
    match app.control.update_storage_if(&at.admin, at.storage, change, is_as_seen).await {
        Ok(Some(changed)) => {
            at.person.chrome.note(changed.receipt);
            Ok(Outcome::Done)
        }
        Ok(None) => Ok(Outcome::Stale),
        Err(ControlError::Invalid(problems)) => Ok(Outcome::Invalid(problems)),
        Err(error) => Err(error.into()),
    }
}

/// `POST /connections/{id}/name`
pub(super) async fn rename(State(app): State<Arc<App>>, at: At, form: Posted) -> Response {
    try_rename(&app, &at, &form).await.unwrap_or_else(|error| error.show(&at.person.chrome))
}

async fn try_rename(app: &App, at: &At, form: &Fields) -> Result<Response, PanelError> {
    let named = StorageChange { name: Some(form.get("name").to_owned()), ..StorageChange::default() };
    let outcome = change(app, at, &named, |storage| seen(&storage.name).is_in(form, "seen")).await?;
    if let Outcome::Done = outcome {
        return Ok(at.person.chrome.on_to(&path(at.storage), "done.renamed"));
    }
    let subject = Subject::load(app, &at.admin, at.storage).await?;
    let mut shown = ConnectionPage::new(app, at, &subject);
    shown.name = shown.name.after(form, outcome);
    Ok(page(WRONG, &shown))
}

/// `POST /connections/{id}/permission`
pub(super) async fn permission(State(app): State<Arc<App>>, at: At, form: Posted) -> Response {
    try_permission(&app, &at, &form).await.unwrap_or_else(|error| error.show(&at.person.chrome))
}

async fn try_permission(app: &App, at: &At, form: &Fields) -> Result<Response, PanelError> {
    let before = Subject::load(app, &at.admin, at.storage).await?;
    let permission = Some(form.get("permission").to_owned());
    let permitted = StorageChange { permission: permission.clone(), ..StorageChange::default() };
    let followers_as_seen = before.seen_followers().is_in(form, "followers");
    let as_seen = |storage: &Storage| followers_as_seen && seen(&storage.permission).is_in(form, "seen");
    let outcome = change(app, at, &permitted, as_seen).await?;
    let Outcome::Done = outcome else {
        let subject = Subject::load(app, &at.admin, at.storage).await?;
        let mut shown = ConnectionPage::new(app, at, &subject);
        shown.rights = shown.rights.after(form, outcome);
        return Ok(page(WRONG, &shown));
    };
    // Credentials keep what they have when the connection is closed: opening it again gives them back exactly that.
    if form.has("also") && form.get("permission") != "none" {
        let follow = KeyChange { permission, ..KeyChange::default() };
        for view in before.followers() {
            let same = |key: &portcullis_domain::Key| key.permission == view.key.permission;
            // Whoever deleted or changed one in this moment has decided on it.
            match app.control.update_key_if(&at.admin, view.key.id, &follow, same).await {
                Ok(_) | Err(ControlError::NotFound) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(at.person.chrome.on_to(&path(at.storage), "done.permission"))
}

/// `POST /connections/{id}/s3-access`
pub(super) async fn s3_access(State(app): State<Arc<App>>, at: At, form: Posted) -> Response {
    try_s3_access(&app, &at, &form).await.unwrap_or_else(|error| error.show(&at.person.chrome))
}

async fn try_s3_access(app: &App, at: &At, form: &Fields) -> Result<Response, PanelError> {
    let on = match form.get("s3") {
        "on" => true,
        "off" => false,
        _ => return Err(PanelError::Malformed),
    };
    let switched = StorageChange { s3_access: Some(on), ..StorageChange::default() };
    match change(app, at, &switched, |storage| seen(&storage.s3_access).is_in(form, "seen")).await? {
        Outcome::Done => {
            Ok(at.person.chrome.on_to(&path(at.storage), if on { "done.s3_on" } else { "done.s3_off" }))
        }
        Outcome::Stale => {
            let subject = Subject::load(app, &at.admin, at.storage).await?;
            let mut shown = ConnectionPage::new(app, at, &subject);
            shown.note_s3_changed();
            Ok(page(WRONG, &shown))
        }
        Outcome::Invalid(_) => Err(PanelError::Malformed),
    }
}

/// Closes the S3 door, whoever changed what in the meantime, and goes back to the page.
pub(super) async fn close(app: &App, at: &At) -> Result<Response, PanelError> {
    let closed = StorageChange { s3_access: Some(false), ..StorageChange::default() };
    app.control.update_storage(&at.admin, at.storage, &closed).await?;
    Ok(at.person.chrome.on_to(&path(at.storage), "done.s3_off"))
}
