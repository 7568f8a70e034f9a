//! Deleting a key: a page that says what it means, and the deed.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use portcullis_control::KeyUse;

use super::super::error::PanelError;
use super::super::fields::Faults;
use super::super::page::{Chrome, page};
use super::super::posted::Posted;
use super::super::words::{self, filters};
use super::HOME;
use super::at::{AtKey, path};
use crate::app::App;

#[derive(Template)]
#[template(path = "api_key_delete.html")]
struct DeletePage<'a> {
    chrome: &'a Chrome,
    own: String,
    name: &'a str,
    access_key: &'a str,
    last_used: Option<&'a KeyUse>,
    faults: Faults,
}

fn asked(at: &AtKey, faults: Faults) -> Response {
    let status = if faults.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let key = &at.view.key;
    let template = DeletePage {
        chrome: &at.at.person.chrome,
        own: path(key.id),
        name: key.name.as_str(),
        access_key: key.user_name(),
        last_used: at.view.last_used.as_ref(),
        faults,
    };
    page(status, &template)
}

/// `GET /api-keys/{id}/delete`
pub(super) async fn ask(at: AtKey) -> Response {
    asked(&at, Faults::default())
}

/// `POST /api-keys/{id}/delete`
pub(super) async fn delete(State(app): State<Arc<App>>, at: AtKey, form: Posted) -> Response {
    if form.get("understood") != "yes" {
        let mut faults = Faults::default();
        faults.add("understood", words::text("key.delete.tick"));
        return asked(&at, faults);
    }
    match at.at.keeper.delete_if(&app.control, at.view.key.id, |_| true).await {
        Ok(deleted) => {
            let chrome = &at.at.person.chrome;
            deleted.into_iter().for_each(|deleted| chrome.note(deleted.receipt));
            chrome.on_to(HOME, "done.key_deleted")
        }
        Err(error) => PanelError::from(error).show(&at.at.person.chrome),
    }
}
