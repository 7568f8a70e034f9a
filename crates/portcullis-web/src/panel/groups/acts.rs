//! What an admin does about a group.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use portcullis_control::{ControlError, GroupChange};
use portcullis_domain::Group;

use super::super::error::PanelError;
use super::super::fields::{Faults, Fields};
use super::super::page::on_to;
use super::super::people::user_named;
use super::super::posted::Posted;
use super::super::words;
use super::group::{Back, seen, shown};
use super::{AtGroup, list, path};
use crate::app::App;

fn fault(field: &str, message: impl Into<String>) -> Faults {
    let mut faults = Faults::default();
    faults.add(field, message);
    faults
}

/// `POST /groups/{id}/name`
pub(super) async fn rename(State(app): State<Arc<App>>, at: AtGroup, form: Posted) -> Response {
    try_rename(&app, &at, &form).await.unwrap_or_else(|error| error.show(&at.person.chrome))
}

async fn try_rename(app: &App, at: &AtGroup, form: &Fields) -> Result<Response, PanelError> {
    let typed = form.get("name");
    let change = GroupChange { name: Some(typed.to_owned()) };
    let as_seen = |group: &Group| seen(group).is_in(form, "seen");
    let faults = match app.control.update_group_if(&at.admin, at.group, &change, as_seen).await {
        Ok(Some(_)) => return Ok(on_to(&path(at.group), "done.renamed")),
        Ok(None) | Err(ControlError::Stale) => fault("name", words::text("group.stale")),
        Err(ControlError::Invalid(problems)) => Faults::from(problems),
        Err(ControlError::Conflict { .. }) => list::taken(),
        Err(error) => return Err(error.into()),
    };
    shown(app, at, None, Back { form: "name", faults, typed }).await
}

/// `POST /groups/{id}/members`: with `remove`, the id of whoever leaves; with `user`, the name of whoever comes.
pub(super) async fn members(State(app): State<Arc<App>>, at: AtGroup, form: Posted) -> Response {
    let done = if form.has("remove") {
        try_remove(&app, &at, form.get("remove")).await
    } else {
        try_add(&app, &at, form.get("user")).await
    };
    done.unwrap_or_else(|error| error.show(&at.person.chrome))
}

async fn try_remove(app: &App, at: &AtGroup, user: &str) -> Result<Response, PanelError> {
    let user = user.parse().map_err(|_| PanelError::Malformed)?;
    match app.control.remove_from_group(&at.admin, at.group, user).await {
        // Who is not in it any more was removed by somebody else.
        Ok(_) => Ok(on_to(&path(at.group), "done.member_removed")),
        Err(error) => Err(error.into()),
    }
}

async fn try_add(app: &App, at: &AtGroup, typed: &str) -> Result<Response, PanelError> {
    let faults = match user_named(app, &at.admin, typed).await? {
        None => fault("user", words::fill("people.unknown", &[&typed.trim()])),
        Some(user) => match app.control.add_to_group(&at.admin, at.group, user.id).await {
            Ok(_) => return Ok(on_to(&path(at.group), "done.member_added")),
            Err(ControlError::Invalid(problems)) => Faults::from(problems),
            Err(error) => return Err(error.into()),
        },
    };
    shown(app, at, None, Back { form: "member", faults, typed }).await
}

/// `POST /groups/{id}/delete`
pub(super) async fn delete(State(app): State<Arc<App>>, at: AtGroup, form: Posted) -> Response {
    try_delete(&app, &at, &form).await.unwrap_or_else(|error| error.show(&at.person.chrome))
}

async fn try_delete(app: &App, at: &AtGroup, form: &Fields) -> Result<Response, PanelError> {
    if form.get("understood") != "yes" {
        let faults = fault("understood", words::text("group.delete.tick"));
        return shown(app, at, None, Back { form: "delete", faults, typed: "" }).await;
    }
    app.control.delete_group(&at.admin, at.group).await?;
    Ok(on_to("/groups", "done.group_deleted"))
}
