//! What the other forms on the page of a key do: addresses, public keys, mail rules, and credentials that still work.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse as _, Redirect, Response};

use super::super::channel_key::{Changed, MailChanged, change_mail, change_public_keys};
use super::super::error::PanelError;
use super::super::fields::Fields;
use super::super::key_networks::Edited;
use super::super::page::on_to;
use super::super::posted::Posted;
use super::super::rotation;
use super::at::{AtKey, load, path};
use super::key::{Shown, shown, whitelist};
use crate::app::App;

/// `POST /api-keys/{id}/networks`
pub(super) async fn networks(State(app): State<Arc<App>>, at: AtKey, form: Posted) -> Response {
    try_networks(&app, &at, &form).await.unwrap_or_else(|error| error.show(&at.at.person.chrome))
}

async fn try_networks(app: &App, at: &AtKey, form: &Fields) -> Result<Response, PanelError> {
    let own = path(at.view.key.id);
    match whitelist(app, at).edit(form).await? {
        Edited::Discarded => Ok(Redirect::to(&own).into_response()),
        Edited::Done(word) => Ok(at.at.person.chrome.on_to(&own, word)),
        Edited::Again(status, editor) => {
            let (view, _) = load(app, &at.at, at.view.key.id).await?;
            shown(app, at, &view, Shown { editor: Some((status, *editor)), ..Shown::default() }).await
        }
    }
}

/// `POST /api-keys/{id}/public-keys`
pub(super) async fn public_keys(State(app): State<Arc<App>>, at: AtKey, form: Posted) -> Response {
    try_public_keys(&app, &at, &form).await.unwrap_or_else(|error| error.show(&at.at.person.chrome))
}

async fn try_public_keys(app: &App, at: &AtKey, form: &Fields) -> Result<Response, PanelError> {
    let key = &at.view.key;
    match change_public_keys(app, &at.at.keeper, &at.at.person.chrome, key, form).await? {
        Changed::Done(done) => Ok(at.at.person.chrome.on_to(&path(key.id), done)),
        Changed::Again(draft, faults) => {
            let (view, _) = load(app, &at.at, key.id).await?;
            shown(app, at, &view, Shown { ssh: Some((draft, faults)), ..Shown::default() }).await
        }
    }
}

/// `POST /api-keys/{id}/mail`
pub(super) async fn mail(State(app): State<Arc<App>>, at: AtKey, form: Posted) -> Response {
    try_mail(&app, &at, &form).await.unwrap_or_else(|error| error.show(&at.at.person.chrome))
}

async fn try_mail(app: &App, at: &AtKey, form: &Fields) -> Result<Response, PanelError> {
    let key = &at.view.key;
    match change_mail(app, &at.at.keeper, &at.at.person.chrome, key, form).await? {
        MailChanged::Done => Ok(at.at.person.chrome.on_to(&path(key.id), "done.mail")),
        MailChanged::Again(filled, faults) => {
            let (view, _) = load(app, &at.at, key.id).await?;
            shown(app, at, &view, Shown { mail: Some((filled, faults)), ..Shown::default() }).await
        }
    }
}

/// `POST /api-keys/{id}/overlap/stop`
pub(super) async fn stop_old(State(app): State<Arc<App>>, at: AtKey, form: Posted) -> Response {
    back(&at, rotation::stop(&app, &at.at.keeper, at.view.key.id, &form).await)
}

/// `POST /api-keys/{id}/overlap/extend`
pub(super) async fn extend_old(State(app): State<Arc<App>>, at: AtKey, form: Posted) -> Response {
    back(&at, rotation::extend(&app, &at.at.keeper, at.view.key.id, &form).await)
}

fn back(at: &AtKey, done: Result<&'static str, PanelError>) -> Response {
    match done {
        Ok(done) => on_to(&path(at.view.key.id), done),
        Err(error) => error.show(&at.at.person.chrome),
    }
}
