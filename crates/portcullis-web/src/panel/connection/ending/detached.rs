//! Storages that were set aside with their files.

use std::sync::Arc;

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use http::StatusCode;
use portcullis_control::{DetachedStorage, PageRequest};
use portcullis_domain::Timestamp;

use super::super::super::error::PanelError;
use super::super::super::fields::Fields;
use super::super::super::format;
use super::super::super::page::{Chrome, on_to, page, toast};
use super::super::super::posted::Posted;
use super::super::super::visitor::Admin;
use super::super::super::words::filters;
use super::super::at::{At, path};
use crate::app::App;

/// The page of detached storages.
pub(in super::super::super) const DETACHED: &str = "/connections/detached";

/// As many are on the page.
const SHOWN: u32 = 100;

struct Row {
    name: String,
    bucket: String,
    since: Option<Timestamp>,
    /// What it holds, if that is known.
    size: Option<String>,
    files: Option<u64>,
    attach: String,
}

#[derive(Template)]
#[template(path = "connection/detached.html")]
struct DetachedPage<'a> {
    chrome: &'a Chrome,
    toast: Option<&'static str>,
    rows: Vec<Row>,
    more: Option<String>,
}

fn row(detached: &DetachedStorage) -> Row {
    let storage = &detached.storage;
    Row {
        name: storage.name.to_string(),
        bucket: storage.bucket.to_string(),
        since: detached.since,
        size: detached.bytes.map(format::size),
        files: detached.files,
        attach: format!("{}/attach", path(storage.id)),
    }
}

/// `GET /connections/detached?after=`
pub(super) async fn list(
    State(app): State<Arc<App>>,
    Admin { admin, person }: Admin,
    RawQuery(query): RawQuery,
) -> Response {
    let fields = Fields::parse(query.unwrap_or_default().as_bytes());
    let wanted = PageRequest { limit: SHOWN, after: fields.filled("after").map(str::to_owned) };
    match app.control.detached_storages(&admin, None, &wanted).await {
        Ok(found) => {
            let more = found.next.as_ref().map(|next| format!("{DETACHED}?after={next}"));
            let rows = found.items.iter().map(row).collect();
            let chrome = &person.chrome;
            page(StatusCode::OK, &DetachedPage { chrome, toast: toast(&fields), rows, more })
        }
        Err(error) => PanelError::from(error).show(&person.chrome),
    }
}

/// `GET /connections/{id}/attach`
pub(super) async fn home(_at: At) -> Response {
    Redirect::to(DETACHED).into_response()
}

/// `POST /connections/{id}/attach`
pub(super) async fn attach(State(app): State<Arc<App>>, at: At, _form: Posted) -> Response {
    match app.control.attach_storage(&at.admin, at.storage).await {
        Ok(_) => on_to(&path(at.storage), "done.attached"),
        Err(error) => PanelError::from(error).show(&at.person.chrome),
    }
}
