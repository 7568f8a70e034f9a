//! From the list to new credentials.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use portcullis_domain::StorageId;

use super::super::error::PanelError;
use super::super::visitor::Admin;
use crate::app::App;

/// `GET /connections/{id}/generate`: the list does not know a storage's keys. On to the page that makes a new pair for the only
/// key, or a first key; where there are several, to all of them.
pub(super) async fn lead(
    State(app): State<Arc<App>>,
    Admin { admin, person }: Admin,
    Path(id): Path<String>,
) -> Response {
    let Ok(storage) = id.parse::<StorageId>() else { return PanelError::NotFound.show(&person.chrome) };
    let keys = match app.control.keys_of_storage(&admin, storage).await {
        Ok(keys) => keys,
        Err(error) => return PanelError::from(error).show(&person.chrome),
    };
    let path = match keys.items.as_slice() {
        [] => format!("/connections/{storage}/keys/new"),
        [only] => format!("/connections/{storage}/keys/{}/generate", only.key.id),
        _ => format!("/connections/{storage}#credentials"),
    };
    Redirect::to(&path).into_response()
}
