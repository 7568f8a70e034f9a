//! Which connection, and which of its credentials, an address names.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{FromRequestParts, Path};
use axum::response::{IntoResponse as _, Redirect, Response};
use http::request::Parts;
use portcullis_access::SiteAdmin;
use portcullis_domain::{KeyId, StorageId};

use super::super::error::PanelError;
use super::super::visitor::{Admin, Person};
use crate::app::App;

/// An admin at the page of a connection. Whether there is such a connection is not looked at yet.
pub(super) struct At {
    pub(super) admin: SiteAdmin,
    pub(super) person: Person,
    pub(super) storage: StorageId,
}

/// An admin at the page of one of a connection's credentials.
pub(super) struct AtKey {
    pub(super) at: At,
    pub(super) key: KeyId,
}

/// The page of a connection.
pub(super) fn path(storage: StorageId) -> String {
    format!("/connections/{storage}")
}

/// The page of credentials.
pub(in super::super) fn key_path(storage: StorageId, key: KeyId) -> String {
    format!("/connections/{storage}/keys/{key}")
}

impl FromRequestParts<Arc<App>> for At {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Response> {
        let Admin { admin, person } = Admin::from_request_parts(parts, app).await?;
        match id(parts, app, "id").await {
            Some(storage) => Ok(Self { admin, person, storage }),
            None => Err(PanelError::NotFound.show(&person.chrome)),
        }
    }
}

impl FromRequestParts<Arc<App>> for AtKey {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Response> {
        let at = At::from_request_parts(parts, app).await?;
        match id(parts, app, "key").await {
            Some(key) => Ok(Self { at, key }),
            None => Err(PanelError::NotFound.show(&at.person.chrome)),
        }
    }
}

/// A text that can be no id is the id of nothing.
async fn id<T: std::str::FromStr>(parts: &mut Parts, app: &Arc<App>, name: &str) -> Option<T> {
    let Path(ids) = Path::<HashMap<String, String>>::from_request_parts(parts, app).await.ok()?;
    ids.get(name)?.parse().ok()
}

/// `GET` of a form's address.
pub(super) async fn home(at: At) -> Response {
    Redirect::to(&path(at.storage)).into_response()
}

/// `GET` of the address of a form for credentials.
pub(super) async fn key_home(AtKey { at, key }: AtKey) -> Response {
    Redirect::to(&key_path(at.storage, key)).into_response()
}
