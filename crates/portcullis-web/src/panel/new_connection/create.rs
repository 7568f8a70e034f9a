//! The last button: makes the connection, and its keys if there are to be any.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse as _, Redirect, Response};
use http::StatusCode;
use portcullis_access::SiteAdmin;
use portcullis_control::{ControlError, new_once_token};
use portcullis_domain::Storage;

use super::super::HOME;
use super::super::credentials::{Occasion, already, show_then};
use super::super::error::PanelError;
use super::super::fields::Fields;
use super::super::page::{Chrome, on_to, page};
use super::super::posted::Posted;
use super::super::visitor::{Admin, Person};
use super::super::words::{self, filters};
use super::draft::{Wizard, key_draft};
use super::provider::{refuse, session};
use super::steps::show_review;
use crate::app::App;

/// The connection is there, its keys are not.
#[derive(Template)]
#[template(path = "new_connection_half.html")]
struct HalfPage<'a> {
    chrome: &'a Chrome,
    storage: &'a Storage,
    /// Where to make the keys.
    again: String,
}

/// `POST /connections/new`
pub(super) async fn create(
    State(app): State<Arc<App>>,
    Admin { admin, person }: Admin,
    form: Posted,
) -> Response {
    // On the heap: it is far larger than what the other pages wait with.
    let made = Box::pin(try_create(&app, &admin, &person, &form)).await;
    made.unwrap_or_else(|error| error.show(&person.chrome))
}

async fn try_create(
    app: &App,
    admin: &SiteAdmin,
    person: &Person,
    form: &Fields,
) -> Result<Response, PanelError> {
    let mut wizard = Wizard::of(form)?;
    let session = session(person)?;
    let plan = match wizard.plan(app, admin, session).await? {
        Ok(plan) => plan,
        Err(step) => return Ok(Redirect::to(&wizard.url_with_faults(step)).into_response()),
    };
    if !app.control.claim_once(admin, &wizard.once).await? {
        return Ok(already(&person.chrome, HOME));
    }
    let storage = match app.control.create_storage(admin, &wizard.storage_draft(&plan)).await {
        Ok(view) => view.storage,
        Err(ControlError::Invalid(problems)) if plan.remote.is_some() => {
            wizard.once = new_once_token()?;
            return refuse(app, admin, person, &wizard, problems).await;
        }
        Err(error @ ControlError::Invalid(_)) => return Err(error.into()),
        Err(error) => {
            tracing::error!(%error, "a connection could not be made");
            wizard.once = new_once_token()?;
            return Ok(show_review(person, &wizard, &plan, Some(words::text("new.trouble"))));
        }
    };
    app.kept.forget(session, &wizard.remote.secret);
    let merge = if wizard.is_remote() {
        wizard.existing.plan(app, admin, &storage).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "the plan for what a new connection holds could not be begun");
            None
        })
    } else {
        None
    };
    let Some(agreed) = plan.agreed else {
        if let Some(plan) = merge {
            return Ok(on_to(&plan, "done.created"));
        }
        return Ok(on_to(&format!("/connections/{}", storage.id), "done.created"));
    };
    match app.control.create_key(admin, &key_draft(&storage, &agreed)).await {
        Ok(made) => Ok(show_then(app, &person.chrome, &storage, &made, Occasion::Connected, merge)),
        Err(error) => {
            tracing::error!(%error, "a connection was made without its credentials");
            Ok(half(person, &wizard, &storage))
        }
    }
}

/// Nothing is lost: the storage keeps its settings, without a key nobody can come in, and the form for keys is filled in already.
fn half(person: &Person, wizard: &Wizard, storage: &Storage) -> Response {
    let terms = wizard.terms.pairs().filter(|(name, _)| *name != "networks");
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("name", storage.name.as_str())
        .extend_pairs(terms)
        .finish();
    let again = format!("/connections/{}/keys/new?{query}", storage.id);
    let template = HalfPage { chrome: &person.chrome, storage, again };
    page(StatusCode::SERVICE_UNAVAILABLE, &template)
}
