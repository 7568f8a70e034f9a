//! The page on which a connection is deleted: who would notice, what else would do, what to think of, and its name to type.

use std::sync::Arc;

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use http::StatusCode;
use portcullis_control::{ControlError, IMPACT_DAYS, Impact};
use portcullis_domain::Provider;

use super::super::super::HOME;
use super::super::super::error::PanelError;
use super::super::super::fields::Fields;
use super::super::super::labels;
use super::super::super::page::{Chrome, page, toast};
use super::super::super::posted::Posted;
use super::super::super::seen::Seen;
use super::super::super::words;
use super::super::super::words::filters;
use super::super::at::{At, path};
use super::form::{DeleteForm, literal};
use super::pause::PauseForm;
use super::rows::{self, Row, SHOWN};
use crate::app::App;

/// The page.
#[derive(Template)]
#[template(path = "connection/delete.html")]
struct DeletePage<'a> {
    chrome: &'a Chrome,
    toast: Option<&'static str>,
    home: String,
    impact: &'a Impact,
    provider: &'static str,
    builtin: bool,
    s3_address: &'a str,
    /// Of the bucket at the provider, or of ours.
    place: (String, String),
    keys: Vec<Row>,
    unused: Vec<Row>,
    /// Keys that are not on the page.
    more: u64,
    ending: u64,
    clients: u64,
    transfers: u64,
    links: u64,
    days: u32,
    pause: PauseForm,
    form: DeleteForm,
    pattern: String,
    seen: Seen,
    /// It was changed since the page was made that the form came from.
    changed: bool,
    /// Whether one has to prove first who one is.
    unconfirmed: Option<String>,
}

fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

impl<'a> DeletePage<'a> {
    fn new(app: &'a App, at: &'a At, impact: &'a Impact, form: DeleteForm) -> Self {
        let storage = &impact.storage;
        let home = path(storage.id);
        let connection = &storage.connection;
        let builtin = connection.provider == Provider::Builtin;
        let place = (connection.endpoint.clone(), connection.bucket.clone());
        let place = (place.0.unwrap_or_default(), place.1.unwrap_or_default());
        let shown = impact.keys.len().min(SHOWN);
        let next: String = form_urlencoded::byte_serialize(at.person.chrome.path.as_bytes()).collect();
        let confirmed = app.control.require_confirmed(&at.person.who).is_ok();
        Self {
            chrome: &at.person.chrome,
            toast: None,
            provider: labels::provider(connection.provider),
            builtin,
            s3_address: &app.s3_address,
            place,
            keys: impact.keys.iter().take(SHOWN).map(Row::new).collect(),
            unused: impact.unused.iter().take(SHOWN - shown).map(Row::new).collect(),
            more: number((impact.keys.len() + impact.unused.len()).saturating_sub(SHOWN)),
            ending: number(impact.ending().count()),
            clients: number(impact.clients()),
            transfers: number(impact.transfers),
            links: number(impact.links.len()),
            days: IMPACT_DAYS,
            pause: PauseForm::new(&home, storage, at.person.chrome.now),
            form,
            pattern: literal(storage.name.as_str()),
            seen: rows::seen(impact),
            changed: false,
            unconfirmed: (!confirmed).then(|| format!("/confirm?next={next}")),
            home,
            impact,
        }
    }
}

/// `GET /connections/{id}/delete`
pub(super) async fn ask(State(app): State<Arc<App>>, at: At, RawQuery(query): RawQuery) -> Response {
    let query = Fields::parse(query.unwrap_or_default().as_bytes());
    match app.control.storage_impact(&at.admin, at.storage).await {
        Ok(impact) => {
            let mut shown = DeletePage::new(&app, &at, &impact, DeleteForm::of(None));
            shown.toast = toast(&query);
            page(StatusCode::OK, &shown)
        }
        Err(error) => PanelError::from(error).show(&at.person.chrome),
    }
}

/// `POST /connections/{id}/delete`
pub(super) async fn delete(State(app): State<Arc<App>>, at: At, form: Posted) -> Response {
    try_delete(&app, &at, &form).await.unwrap_or_else(|error| error.show(&at.person.chrome))
}

async fn try_delete(app: &App, at: &At, form: &Fields) -> Result<Response, PanelError> {
    let impact = app.control.storage_impact(&at.admin, at.storage).await?;
    let mut filled = DeleteForm::of(Some(form));
    filled.check();
    let changed = !rows::seen(&impact).is_in(form, "seen");
    if filled.faults.is_empty() && !changed {
        let same = |storage: &portcullis_domain::Storage| storage.name == impact.storage.name;
        let confirm = form.get("confirm");
        match app.control.delete_storage_if(&at.admin, at.storage, confirm, same).await {
            Ok(Some(done)) => {
                let builtin = impact.storage.connection.provider == Provider::Builtin;
                let said = if builtin { "done.connection_detached" } else { "done.connection_deleted" };
                at.person.chrome.note(done.receipt);
                return Ok(at.person.chrome.on_to(HOME, said));
            }
            Ok(None) => return Err(PanelError::Stale),
            Err(ControlError::Invalid(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    if form.get("confirm") != impact.storage.name.as_str() {
        filled.faults.add("confirm", words::fill("ending.confirm.wrong", &[&impact.storage.name]));
    }
    let mut shown = DeletePage::new(app, at, &impact, filled);
    shown.changed = changed;
    Ok(page(StatusCode::UNPROCESSABLE_ENTITY, &shown))
}
