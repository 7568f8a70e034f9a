//! Changing one setting of credentials.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use portcullis_control::{ControlError, FieldProblem, KeyChange};
use portcullis_domain::{Key, Permission, Timestamp};

use super::super::channel_key::{Changed, MailChanged, change_mail, change_public_keys};
use super::super::error::PanelError;
use super::super::fields::Fields;
use super::super::page::page;
use super::super::posted::Posted;
use super::super::rotation;
use super::super::words;
use super::at::{AtKey, key_path};
use super::forms::Outcome;
use super::key_page::{KeyPage, KeySubject, minute, seen_end};
use super::subject::seen;
use crate::app::App;
use crate::extract::Keeper;

const WRONG: StatusCode = StatusCode::UNPROCESSABLE_ENTITY;

/// Changes credentials, unless what the form shows has changed since it was made.
pub(super) async fn change(
    app: &App,
    at: &AtKey,
    change: &KeyChange,
    is_as_seen: impl Fn(&Key) -> bool + Send + Sync,
) -> Result<Outcome, PanelError> {
    match app.control.update_key_if(&at.at.admin, at.key, change, is_as_seen).await {
        Ok(Some(changed)) => {
            at.at.person.chrome.note(changed.receipt);
            Ok(Outcome::Done)
        }
        Ok(None) => Ok(Outcome::Stale),
        Err(ControlError::Invalid(problems)) => Ok(Outcome::Invalid(problems)),
        Err(error) => Err(error.into()),
    }
}

/// The credentials that the address names.
pub(super) async fn load(app: &App, at: &AtKey) -> Result<KeySubject, PanelError> {
    KeySubject::load(app, at).await
}

/// Back to the page of the credentials, which says what was done.
pub(super) fn done(at: &AtKey, done: &'static str) -> Response {
    at.at.person.chrome.on_to(&key_path(at.at.storage, at.key), done)
}

/// `POST /connections/{id}/keys/{key}/overlap/stop`
pub(super) async fn stop_old(State(app): State<Arc<App>>, at: AtKey, form: Posted) -> Response {
    overlap(&app, &at, &form, false).await.unwrap_or_else(|error| error.show(&at.at.person.chrome))
}

/// `POST /connections/{id}/keys/{key}/overlap/extend`
pub(super) async fn extend_old(State(app): State<Arc<App>>, at: AtKey, form: Posted) -> Response {
    overlap(&app, &at, &form, true).await.unwrap_or_else(|error| error.show(&at.at.person.chrome))
}

async fn overlap(app: &App, at: &AtKey, form: &Posted, longer: bool) -> Result<Response, PanelError> {
    // Credentials of another connection are not found below this one.
    let key = load(app, at).await?.view.key.id;
    let keeper = Keeper::Admin(at.at.admin.clone());
    let told = if longer {
        rotation::extend(app, &keeper, key, form).await?
    } else {
        rotation::stop(app, &keeper, key, form).await?
    };
    Ok(done(at, told))
}

/// `POST /connections/{id}/keys/{key}/name`
pub(super) async fn rename(State(app): State<Arc<App>>, at: AtKey, form: Posted) -> Response {
    try_rename(&app, &at, &form).await.unwrap_or_else(|error| error.show(&at.at.person.chrome))
}

async fn try_rename(app: &App, at: &AtKey, form: &Fields) -> Result<Response, PanelError> {
    load(app, at).await?;
    let named = KeyChange { name: Some(form.get("name").to_owned()), ..KeyChange::default() };
    let outcome = change(app, at, &named, |key| seen(&key.name).is_in(form, "seen")).await?;
    if let Outcome::Done = outcome {
        return Ok(done(at, "done.renamed"));
    }
    let subject = load(app, at).await?;
    let mut shown = KeyPage::new(app, at, &subject);
    shown.name = shown.name.after(form, outcome);
    Ok(page(WRONG, &shown))
}

/// `POST /connections/{id}/keys/{key}/permission`
pub(super) async fn permission(State(app): State<Arc<App>>, at: AtKey, form: Posted) -> Response {
    try_permission(&app, &at, &form).await.unwrap_or_else(|error| error.show(&at.at.person.chrome))
}

async fn try_permission(app: &App, at: &AtKey, form: &Fields) -> Result<Response, PanelError> {
    let before = load(app, at).await?.view.key.permission;
    let permitted = KeyChange { permission: Some(form.get("permission").to_owned()), ..KeyChange::default() };
    let outcome = change(app, at, &permitted, |key| seen(&key.permission).is_in(form, "seen")).await?;
    if let Outcome::Done = outcome {
        return Ok(done(
            at,
            match (form.get("permission"), before) {
                ("none", _) => "done.key_off",
                (_, Permission::None) => "done.key_on",
                (_, Permission::Read | Permission::Write | Permission::ReadWrite | Permission::Full) => {
                    "done.permission"
                }
            },
        ));
    }
    let subject = load(app, at).await?;
    let mut shown = KeyPage::new(app, at, &subject);
    shown.rights = shown.rights.after(form, outcome);
    Ok(page(WRONG, &shown))
}

/// `POST /connections/{id}/keys/{key}/expiry`
pub(super) async fn expiry(State(app): State<Arc<App>>, at: AtKey, form: Posted) -> Response {
    try_expiry(&app, &at, &form).await.unwrap_or_else(|error| error.show(&at.at.person.chrome))
}

async fn try_expiry(app: &App, at: &AtKey, form: &Fields) -> Result<Response, PanelError> {
    let before = load(app, at).await?;
    let outcome = match read_end(form, &before) {
        Ok(end) => {
            let ends = KeyChange { expires_at: Some(end), ..KeyChange::default() };
            change(app, at, &ends, |key| seen_end(key.expires).is_in(form, "seen")).await?
        }
        Err(message) => Outcome::Invalid(vec![FieldProblem::new("expires_at", message)]),
    };
    if let Outcome::Done = outcome {
        return Ok(done(at, "done.expiry"));
    }
    let subject = load(app, at).await?;
    let mut shown = KeyPage::new(app, at, &subject);
    shown.expiry = shown.expiry.after(form, outcome);
    Ok(page(WRONG, &shown))
}

/// The end that was filled in, as the verb takes it. The field knows no seconds: an end that was not touched stays exact.
fn read_end(form: &Fields, subject: &KeySubject) -> Result<Option<String>, &'static str> {
    if form.get("ends") != "at" {
        return Ok(None);
    }
    let typed = form.filled("expires_at").ok_or_else(|| words::text("expiry.missing"))?;
    let stored = subject.view.key.expires.map(|end| end.to_string());
    if let Some(stored) = stored.filter(|stored| minute(stored) == typed) {
        return Ok(Some(stored));
    }
    // Browsers without the field for dates take any text; one with a blank in the middle is understood, too.
    let end = format!("{}:00Z", minute(&typed.replacen(' ', "T", 1)));
    match end.parse::<Timestamp>() {
        Ok(_) => Ok(Some(end)),
        Err(_) => Err(words::text("expiry.wrong")),
    }
}

/// `POST /connections/{id}/keys/{key}/public-keys`
pub(super) async fn public_keys(State(app): State<Arc<App>>, at: AtKey, form: Posted) -> Response {
    try_public_keys(&app, &at, &form).await.unwrap_or_else(|error| error.show(&at.at.person.chrome))
}

async fn try_public_keys(app: &App, at: &AtKey, form: &Fields) -> Result<Response, PanelError> {
    // Credentials of another connection are not found below this one.
    let key = load(app, at).await?.view.key;
    let keeper = Keeper::Admin(at.at.admin.clone());
    match change_public_keys(app, &keeper, &at.at.person.chrome, &key, form).await? {
        Changed::Done(told) => Ok(done(at, told)),
        Changed::Again(draft, faults) => {
            let subject = load(app, at).await?;
            let mut shown = KeyPage::new(app, at, &subject);
            shown.ssh = shown.ssh.map(|ssh| ssh.after(draft, faults));
            Ok(page(WRONG, &shown))
        }
    }
}

/// `POST /connections/{id}/keys/{key}/mail`
pub(super) async fn mail(State(app): State<Arc<App>>, at: AtKey, form: Posted) -> Response {
    try_mail(&app, &at, &form).await.unwrap_or_else(|error| error.show(&at.at.person.chrome))
}

async fn try_mail(app: &App, at: &AtKey, form: &Fields) -> Result<Response, PanelError> {
    // Credentials of another connection are not found below this one.
    let key = load(app, at).await?.view.key;
    let keeper = Keeper::Admin(at.at.admin.clone());
    match change_mail(app, &keeper, &at.at.person.chrome, &key, form).await? {
        MailChanged::Done => Ok(done(at, "done.mail")),
        MailChanged::Again(filled, faults) => {
            let subject = load(app, at).await?;
            let mut shown = KeyPage::new(app, at, &subject);
            shown.rules = shown.rules.map(|rules| rules.after(filled, faults));
            Ok(page(WRONG, &shown))
        }
    }
}
