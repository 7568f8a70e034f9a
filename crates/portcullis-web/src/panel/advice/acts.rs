//! Following advice, and taking it back.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use portcullis_access::SiteAdmin;
use portcullis_control::{Advice, AdviceWhat, ControlError, FieldProblem};
use portcullis_domain::{AdviceId, Key, KeyId};

use super::super::error::PanelError;
use super::super::fields::Fields;
use super::super::page::{Chrome, on_to};
use super::super::posted::Posted;
use super::super::visitor::Admin;
use super::super::words;
use super::{HOME, list, row};
use crate::app::App;

/// `POST /advice/keys/{key}/{what}`
pub(super) async fn take(
    State(app): State<Arc<App>>,
    Admin { admin, person }: Admin,
    Path((key, what)): Path<(String, String)>,
    form: Posted,
) -> Response {
    let (Ok(key), Ok(what)) = (key.parse(), what.parse()) else {
        return PanelError::NotFound.show(&person.chrome);
    };
    let done = try_take(&app, &admin, &person.chrome, (key, what), &form).await;
    done.unwrap_or_else(|error| error.show(&person.chrome))
}

async fn try_take(
    app: &App,
    admin: &SiteAdmin,
    chrome: &Chrome,
    (key, what): (KeyId, AdviceWhat),
    form: &Fields,
) -> Result<Response, PanelError> {
    let as_seen = |key: &Key, advice: &Advice| row::seen(key, advice).is_in(form, "seen");
    match app.control.take_advice(admin, key, (what, list::window(form)), as_seen).await {
        Ok(Some(_)) => Ok(on_to(HOME, "done.advice_taken")),
        // The key was changed meanwhile, or used otherwise.
        Ok(None) | Err(ControlError::Stale) => {
            list::shown(app, admin, chrome, form, Some(words::text("advice.changed"))).await
        }
        Err(ControlError::Invalid(problems)) => {
            list::shown(app, admin, chrome, form, Some(&said(&problems))).await
        }
        Err(error) => Err(error.into()),
    }
}

/// `POST /advice/taken/{id}/undo`
pub(super) async fn undo(
    State(app): State<Arc<App>>,
    Admin { admin, person }: Admin,
    Path(id): Path<String>,
    form: Posted,
) -> Response {
    let Ok(id) = id.parse() else { return PanelError::NotFound.show(&person.chrome) };
    let done = try_undo(&app, &admin, &person.chrome, id, &form).await;
    done.unwrap_or_else(|error| error.show(&person.chrome))
}

async fn try_undo(
    app: &App,
    admin: &SiteAdmin,
    chrome: &Chrome,
    id: AdviceId,
    form: &Fields,
) -> Result<Response, PanelError> {
    match app.control.undo_advice(admin, id).await {
        Ok(_) => Ok(on_to(HOME, "done.advice_undone")),
        Err(ControlError::Stale) => {
            list::shown(app, admin, chrome, form, Some(words::text("advice.changed"))).await
        }
        Err(ControlError::Invalid(problems)) => {
            list::shown(app, admin, chrome, form, Some(&said(&problems))).await
        }
        Err(error) => Err(error.into()),
    }
}

fn said(problems: &[FieldProblem]) -> String {
    problems.iter().map(|problem| problem.message.as_str()).collect::<Vec<_>>().join("; ")
}
