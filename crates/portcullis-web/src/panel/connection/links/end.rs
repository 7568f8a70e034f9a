//! Ending a link: a page that says what it means, and the deed.

use std::collections::HashMap;
use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;
use portcullis_domain::LinkId;

use super::super::super::error::PanelError;
use super::super::super::page::{Chrome, on_to, page};
use super::super::super::posted::Posted;
use super::super::super::words::filters;
use super::super::at::{At, path};
use super::LinkRow;
use crate::app::App;

/// The page that asks.
#[derive(Template)]
#[template(path = "connection/link_end.html")]
struct EndPage<'a> {
    chrome: &'a Chrome,
    home: String,
    storage: &'a str,
    link: LinkRow,
}

/// The link that the address names, if it leads to this connection.
async fn find(app: &App, at: &At, ids: &HashMap<String, String>) -> Result<(LinkId, LinkRow), PanelError> {
    let id = ids.get("link").and_then(|id| id.parse().ok()).ok_or(PanelError::NotFound)?;
    let view = app.control.link(&at.admin, id).await?;
    if view.link.storage != at.storage {
        return Err(PanelError::NotFound);
    }
    Ok((id, LinkRow::new(&view, at.person.chrome.now)))
}

/// `GET /connections/{id}/links/{link}/end`
pub(super) async fn ask(
    State(app): State<Arc<App>>,
    at: At,
    Path(ids): Path<HashMap<String, String>>,
) -> Response {
    try_ask(&app, &at, &ids).await.unwrap_or_else(|error| error.show(&at.person.chrome))
}

async fn try_ask(app: &App, at: &At, ids: &HashMap<String, String>) -> Result<Response, PanelError> {
    let (_, link) = find(app, at, ids).await?;
    let storage = app.control.storage(&at.admin, at.storage).await?.storage;
    let home = path(at.storage);
    let template = EndPage { chrome: &at.person.chrome, home, storage: storage.name.as_str(), link };
    Ok(page(StatusCode::OK, &template))
}

/// `POST /connections/{id}/links/{link}/end`
pub(super) async fn end(
    State(app): State<Arc<App>>,
    at: At,
    Path(ids): Path<HashMap<String, String>>,
    _form: Posted,
) -> Response {
    try_end(&app, &at, &ids).await.unwrap_or_else(|error| error.show(&at.person.chrome))
}

async fn try_end(app: &App, at: &At, ids: &HashMap<String, String>) -> Result<Response, PanelError> {
    let (id, _) = find(app, at, ids).await?;
    app.control.end_link(&at.admin, id).await?;
    Ok(on_to(&path(at.storage), "done.link_ended"))
}
