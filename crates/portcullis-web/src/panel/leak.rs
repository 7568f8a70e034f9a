//! What a key's page says of its secret being found, and what is to happen then.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::get;
use portcullis_control::KeyChange;
use portcullis_domain::{Key, OnLeak, Permission};

use super::error::PanelError;
use super::page::on_to;
use super::posted::Posted;
use super::prove::{AtKeyOfAny, home_of};
use super::{format, words};
use crate::app::App;

/// The part of a key's page about this.
pub(super) struct LeakCard {
    /// Where its forms go.
    pub(super) path: String,
    /// Whether a report only raises an alarm.
    pub(super) alarms: bool,
    /// When it was found and what was done.
    pub(super) found: Option<String>,
}

impl LeakCard {
    pub(super) fn of(key: &Key) -> Self {
        let found = key.leaked.map(|at| {
            let off = key.permission == Permission::None;
            words::fill(if off { "leaked.disabled" } else { "leaked.alarm" }, &[&format::moment(at)])
        });
        Self { path: format!("/keys/{}", key.id), alarms: key.on_leak == OnLeak::Alarm, found }
    }
}

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new().route("/keys/{id}/on-leak", get(home).post(choose))
}

/// `GET` of the form's address.
async fn home(at: AtKeyOfAny) -> Response {
    Redirect::to(&home_of(&at.view.key)).into_response()
}

/// `POST /keys/{id}/on-leak`
async fn choose(State(app): State<Arc<App>>, at: AtKeyOfAny, form: Posted) -> Response {
    let change = KeyChange { on_leak: Some(form.get("on_leak").to_owned()), ..KeyChange::default() };
    match at.keeper.update_if(&app.control, at.view.key.id, &change, |_| true).await {
        Ok(_) => on_to(&home_of(&at.view.key), "done.on_leak"),
        Err(error) => PanelError::from(error).show(&at.person.chrome),
    }
}
