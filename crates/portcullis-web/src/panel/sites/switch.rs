//! Acting in another site.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse as _, Redirect, Response};
use portcullis_control::ControlError;

use super::super::HOME;
use super::super::error::PanelError;
use super::super::posted::Posted;
use super::super::visitor::Person;
use super::SITES;
use crate::app::App;

/// `GET` of the form's address.
pub(super) async fn home() -> Response {
    Redirect::to(SITES).into_response()
}

/// `POST /sites/switch`: on to where one begins, since what was on the page belongs to the other site.
pub(super) async fn switch(State(app): State<Arc<App>>, person: Person, form: Posted) -> Response {
    match app.control.switch_site(&person.who, form.get("site")).await {
        Ok(_) => Redirect::to(HOME).into_response(),
        // A site that is gone, or never was one to act in.
        Err(ControlError::Invalid(_)) => PanelError::NotFound.show(&person.chrome),
        Err(error) => PanelError::from(error).show(&person.chrome),
    }
}
