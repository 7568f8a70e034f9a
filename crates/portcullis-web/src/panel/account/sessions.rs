//! One's sign-ins, ended.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use portcullis_control::ControlError;
use portcullis_domain::SessionId;

use super::super::error::PanelError;
use super::super::page::on_to;
use super::super::posted::Posted;
use super::super::visitor::Person;
use super::ACCOUNT;
use crate::app::App;

/// `POST /account/sessions/{id}/end`
pub(super) async fn end(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    person: Person,
    _form: Posted,
) -> Response {
    let Ok(id) = id.parse::<SessionId>() else { return PanelError::NotFound.show(&person.chrome) };
    match app.control.end_own_session(&person.who, id).await {
        Ok(()) if person.who.session_id() == Some(id) => Redirect::to("/sign-in").into_response(),
        // It may have ended by itself meanwhile, which is as well.
        Ok(()) | Err(ControlError::NotFound) => on_to(ACCOUNT, "done.session"),
        Err(error) => PanelError::from(error).show(&person.chrome),
    }
}

/// `POST /account/sessions/end`
pub(super) async fn end_others(State(app): State<Arc<App>>, person: Person, _form: Posted) -> Response {
    match app.control.end_other_sessions(&person.who).await {
        Ok(_) => on_to(ACCOUNT, "done.sessions"),
        Err(error) => PanelError::from(error).show(&person.chrome),
    }
}
