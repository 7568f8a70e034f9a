//! Which user an address names.

use std::sync::Arc;

use axum::extract::{FromRequestParts, Path};
use axum::response::{IntoResponse as _, Redirect, Response};
use http::request::Parts;
use portcullis_access::SiteAdmin;
use portcullis_domain::UserId;

use super::super::error::PanelError;
use super::super::visitor::{Admin, Person};
use crate::app::App;

/// An admin at the page of a user. Whether there is such a user is not looked at yet.
pub(super) struct AtUser {
    pub(super) admin: SiteAdmin,
    pub(super) person: Person,
    pub(super) user: UserId,
}

/// The page of a user.
pub(super) fn path(user: UserId) -> String {
    format!("/users/{user}")
}

impl AtUser {
    /// Whether it is one's own page.
    pub(super) fn is_me(&self) -> bool {
        self.person.who.user_id() == Some(self.user)
    }
}

impl FromRequestParts<Arc<App>> for AtUser {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Response> {
        let Admin { admin, person } = Admin::from_request_parts(parts, app).await?;
        let named = Path::<String>::from_request_parts(parts, app).await.ok();
        // A text that can be no id is the id of nobody.
        match named.and_then(|Path(id)| id.parse().ok()) {
            Some(user) => Ok(Self { admin, person, user }),
            None => Err(PanelError::NotFound.show(&person.chrome)),
        }
    }
}

/// `GET` of a form's address.
pub(super) async fn home(at: AtUser) -> Response {
    Redirect::to(&path(at.user)).into_response()
}
