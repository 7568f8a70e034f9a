//! Deleting credentials: a page that says what it means, and the deed.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;

use super::super::error::PanelError;
use super::super::fields::Faults;
use super::super::page::{Chrome, on_to, page};
use super::super::posted::Posted;
use super::super::words;
use super::super::words::filters;
use super::at::{AtKey, key_path, path};
use super::key_page::KeySubject;
use super::key_row::KeyRow;
use super::key_settings::load;
use crate::app::App;

/// The page that asks.
#[derive(Template)]
#[template(path = "connection_key_delete.html")]
struct DeletePage<'a> {
    chrome: &'a Chrome,
    home: String,
    own: String,
    storage: &'a str,
    key: KeyRow,
    faults: Faults,
}

fn asked(at: &AtKey, subject: &KeySubject, faults: Faults) -> Response {
    let status = if faults.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let chrome = &at.at.person.chrome;
    let template = DeletePage {
        chrome,
        home: path(at.at.storage),
        own: key_path(at.at.storage, at.key),
        storage: subject.storage.name.as_str(),
        key: KeyRow::new(&subject.storage, &subject.view, 0, chrome.now),
        faults,
    };
    page(status, &template)
}

/// `GET /connections/{id}/keys/{key}/delete`
pub(super) async fn ask(State(app): State<Arc<App>>, at: AtKey) -> Response {
    match load(&app, &at).await {
        Ok(subject) => asked(&at, &subject, Faults::default()),
        Err(error) => error.show(&at.at.person.chrome),
    }
}

/// `POST /connections/{id}/keys/{key}/delete`
pub(super) async fn delete(State(app): State<Arc<App>>, at: AtKey, form: Posted) -> Response {
    try_delete(&app, &at, &form).await.unwrap_or_else(|error| error.show(&at.at.person.chrome))
}

async fn try_delete(app: &App, at: &AtKey, form: &Posted) -> Result<Response, PanelError> {
    let subject = load(app, at).await?;
    if form.get("understood") != "yes" {
        let mut faults = Faults::default();
        faults.add("understood", words::text("key.delete.tick"));
        return Ok(asked(at, &subject, faults));
    }
    app.control.delete_key(&at.at.admin, at.key).await?;
    Ok(on_to(&path(at.at.storage), "done.key_deleted"))
}
