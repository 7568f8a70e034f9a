//! Who looks at the page of which key.

use std::sync::Arc;

use axum::extract::{FromRequestParts, Path};
use axum::response::{IntoResponse as _, Redirect, Response};
use http::request::Parts;
use portcullis_control::{ControlError, KeyView};
use portcullis_domain::{KeyId, Scope};

use super::super::error::PanelError;
use super::super::visitor::Person;
use super::HOME;
use crate::app::App;
use crate::extract::Keeper;

/// Somebody who looks after keys.
pub(super) struct At {
    pub(super) keeper: Keeper,
    pub(super) person: Person,
}

/// Somebody at the page of a key that they look after.
pub(super) struct AtKey {
    pub(super) at: At,
    pub(super) view: KeyView,
    /// For whom the key is.
    pub(super) whose: String,
}

/// The page of a key.
pub(super) fn path(key: KeyId) -> String {
    format!("{HOME}/{key}")
}

impl FromRequestParts<Arc<App>> for At {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Response> {
        let person = Person::from_request_parts(parts, app).await?;
        let keeper = if person.chrome.admin {
            app.access.admin(&person.who).map(Keeper::Admin)
        } else {
            app.access.oneself(&person.who).map(Keeper::Own)
        };
        match keeper {
            Ok(keeper) => Ok(Self { keeper, person }),
            Err(error) => Err(PanelError::from(ControlError::from(error)).show(&person.chrome)),
        }
    }
}

impl FromRequestParts<Arc<App>> for AtKey {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Response> {
        let at = At::from_request_parts(parts, app).await?;
        let named = Path::<String>::from_request_parts(parts, app).await.ok();
        // A text that can be no id is the id of nothing.
        let found = match named.and_then(|Path(id)| id.parse().ok()) {
            Some(id) => load(app, &at, id).await,
            None => Err(PanelError::NotFound),
        };
        match found {
            Ok((view, whose)) => Ok(Self { at, view, whose }),
            Err(error) => Err(error.show(&at.person.chrome)),
        }
    }
}

/// The key as it is now. Those of storages have pages of their own.
pub(super) async fn load(app: &App, at: &At, id: KeyId) -> Result<(KeyView, String), PanelError> {
    let view = at.keeper.key(&app.control, id).await?;
    if matches!(view.key.scope, Scope::Storage(_)) {
        return Err(PanelError::NotFound);
    }
    let whose = super::whose(app, &at.keeper, &at.person.chrome.user, view.key.scope).await?;
    Ok((view, whose))
}

/// `GET` of a form's address.
pub(super) async fn home(at: AtKey) -> Response {
    Redirect::to(&path(at.view.key.id)).into_response()
}
