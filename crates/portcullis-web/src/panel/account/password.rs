//! Another password.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use portcullis_access::AccessError;
use portcullis_control::ControlError;
use portcullis_domain::Secret;

use super::super::error::PanelError;
use super::super::fields::{Faults, Fields};
use super::super::page::{Chrome, on_to, page};
use super::super::posted::Posted;
use super::super::visitor::Person;
use super::super::words::{self, filters};
use super::ACCOUNT;
use crate::app::App;

#[derive(Template)]
#[template(path = "account_password.html")]
struct PasswordPage<'a> {
    chrome: &'a Chrome,
    faults: Faults,
}

/// `GET /account/password`
pub(super) async fn show(person: Person) -> Response {
    page(StatusCode::OK, &PasswordPage { chrome: &person.chrome, faults: Faults::default() })
}

/// `POST /account/password`
pub(super) async fn change(State(app): State<Arc<App>>, person: Person, form: Posted) -> Response {
    match replace(&app, &person, &form).await {
        Ok(()) => on_to(ACCOUNT, "done.password"),
        Err(Refused::For(faults, status)) => page(status, &PasswordPage { chrome: &person.chrome, faults }),
        Err(Refused::Wholly(error)) => error.show(&person.chrome),
    }
}

/// Why the password is as it was.
pub(super) enum Refused {
    /// Something is wrong with the form.
    For(Faults, StatusCode),
    /// There is no use in showing the form again.
    Wholly(PanelError),
}

/// Replaces the password by what the form says: fields `current`, `new`, `repeat`.
pub(super) async fn replace(app: &App, person: &Person, form: &Fields) -> Result<(), Refused> {
    // What was mistyped would lock its owner out; nothing is asked of the core before that is sure.
    if form.get("new") != form.get("repeat") {
        let mut faults = Faults::default();
        faults.add("repeat", words::text("password.repeat.differs"));
        return Err(Refused::For(faults, StatusCode::UNPROCESSABLE_ENTITY));
    }
    let secret = |name| Secret::foreign(form.get(name).to_owned());
    let changed = app.control.change_own_password(&person.who, &secret("current"), &secret("new")).await;
    changed.map_err(|error| match error {
        ControlError::Invalid(problems) => {
            Refused::For(Faults::from(problems), StatusCode::UNPROCESSABLE_ENTITY)
        }
        ControlError::Access(AccessError::Throttled { retry_after }) => {
            let mut faults = Faults::default();
            faults.add("current", words::count("password.throttled", retry_after.as_secs().max(1)));
            Refused::For(faults, StatusCode::TOO_MANY_REQUESTS)
        }
        error @ (ControlError::NotFound
        | ControlError::Conflict { .. }
        | ControlError::InUse(_)
        | ControlError::Stale
        | ControlError::ConfirmationNeeded
        | ControlError::KeysByAdminsOnly
        | ControlError::OverlapRuns { .. }
        | ControlError::NotNow(_)
        | ControlError::Access(_)
        | ControlError::Metadata(_)) => Refused::Wholly(PanelError::from(error)),
    })
}
