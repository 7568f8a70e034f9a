//! What is under way at this moment, with a button to cut it off. The page brings itself up to date while it is looked at.

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use axum::routing::{get, post};
use http::StatusCode;
use portcullis_control::{ControlError, KeyChange, TransferView};
use portcullis_domain::Timestamp;

use super::error::PanelError;
use super::fields::Fields;
use super::format::size;
use super::page::{Chrome, page, toast};
use super::posted::Posted;
use super::visitor::Admin;
use super::words;
use super::words::filters;
use crate::app::App;

const HOME: &str = "/transfers";

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new().route(HOME, get(show)).route("/transfers/{id}/cut", post(cut).get(home))
}

/// One line of the list.
struct Row {
    id: String,
    upload: bool,
    object: String,
    storage: String,
    who: String,
    key: Option<String>,
    address: String,
    tool: String,
    started: Timestamp,
    bytes: String,
    rate: String,
    node: String,
}

impl From<TransferView> for Row {
    fn from(view: TransferView) -> Self {
        let by_name = [&view.key_name, &view.user_name, &view.key].into_iter().flatten().next();
        Self {
            who: by_name.cloned().unwrap_or_else(|| words::text("transfers.by_link").to_owned()),
            started: view.started(),
            bytes: size(view.bytes),
            rate: words::fill("transfers.per_second", &[&size(view.rate)]),
            storage: view.storage_name.unwrap_or(view.storage),
            id: view.id,
            upload: view.upload,
            object: view.object,
            key: view.key,
            address: view.address,
            tool: view.tool,
            node: view.node_name,
        }
    }
}

#[derive(Template)]
#[template(path = "transfers.html")]
struct TransfersPage<'a> {
    chrome: &'a Chrome,
    toast: Option<&'static str>,
    rows: Vec<Row>,
    /// Whether there is more than one node to tell apart.
    nodes: bool,
}

/// `GET /transfers`
async fn show(
    State(app): State<Arc<App>>,
    Admin { admin, person }: Admin,
    RawQuery(query): RawQuery,
) -> Response {
    let query = Fields::parse(query.unwrap_or_default().as_bytes());
    let chrome = &person.chrome;
    match app.control.transfers(&admin).await {
        Ok(found) => {
            let nodes = found.iter().any(|transfer| !transfer.own_node);
            let rows = found.into_iter().map(Row::from).collect();
            page(StatusCode::OK, &TransfersPage { chrome, toast: toast(&query), rows, nodes })
        }
        Err(error) => PanelError::from(error).show(chrome),
    }
}

/// `GET /transfers/{id}/cut`: who comes by hand is led to the list.
async fn home() -> axum::response::Redirect {
    axum::response::Redirect::to(HOME)
}

/// `POST /transfers/{id}/cut`
async fn cut(
    State(app): State<Arc<App>>,
    Admin { admin, person }: Admin,
    Path(id): Path<String>,
    form: Posted,
) -> Response {
    let chrome = &person.chrome;
    let done = match app.control.cut_transfer(&admin, &id).await {
        Ok(done) => done,
        // It ended, or the node it ran on did.
        Err(ControlError::NotFound) => return chrome.on_to(HOME, "done.transfer_gone"),
        Err(error) => return PanelError::from(error).show(chrome),
    };
    let key = done.key_id().filter(|_| form.get("key") == "disable");
    let Some(key) = key else {
        chrome.note(done.receipt);
        return chrome.on_to(HOME, "done.transfer_cut");
    };
    let off = KeyChange { permission: Some("none".to_owned()), ..KeyChange::default() };
    match app.control.update_key(&admin, key, &off).await {
        Ok(disabled) => {
            chrome.note(done.receipt.and(disabled.receipt));
            chrome.on_to(HOME, "done.transfer_key_off")
        }
        Err(error) => PanelError::from(error).show(chrome),
    }
}
