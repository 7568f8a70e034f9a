//! Other credentials for a key, in place of those it has or beside them for a while.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use portcullis_control::{ControlError, CreatedKeys, KeyUse, new_once_token};
use portcullis_domain::Key;

use super::super::error::PanelError;
use super::super::fields::Fields;
use super::super::page::{Chrome, page};
use super::super::posted::Posted;
use super::super::rotation::RotationForm;
use super::super::words::{self, filters};
use super::at::{AtKey, path};
use super::shown;
use crate::app::App;

#[derive(Template)]
#[template(path = "api_key_generate.html")]
struct GeneratePage<'a> {
    chrome: &'a Chrome,
    own: String,
    name: &'a str,
    access_key: &'a str,
    last_used: Option<&'a KeyUse>,
    rotation: RotationForm,
    once: String,
    trouble: Option<&'static str>,
}

/// `GET /api-keys/{id}/generate`
pub(super) async fn ask(State(app): State<Arc<App>>, at: AtKey) -> Response {
    let asked = async { asked(&at, fresh(&app, &at).await?, None) };
    asked.await.unwrap_or_else(|error: PanelError| error.show(&at.at.person.chrome))
}

async fn fresh(app: &App, at: &AtKey) -> Result<RotationForm, PanelError> {
    Ok(RotationForm::load(app, &at.at.keeper, &at.view).await?)
}

fn asked(at: &AtKey, rotation: RotationForm, trouble: Option<&'static str>) -> Result<Response, PanelError> {
    let key = &at.view.key;
    let fine = trouble.is_none() && rotation.faults.is_empty();
    let template = GeneratePage {
        chrome: &at.at.person.chrome,
        own: path(key.id),
        name: key.name.as_str(),
        access_key: key.user_name(),
        last_used: at.view.last_used.as_ref(),
        rotation,
        once: new_once_token()?,
        trouble,
    };
    Ok(page(if fine { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY }, &template))
}

/// `POST /api-keys/{id}/generate`: makes the new credentials and shows them.
pub(super) async fn make(State(app): State<Arc<App>>, at: AtKey, form: Posted) -> Response {
    Box::pin(try_make(&app, &at, &form)).await.unwrap_or_else(|error| error.show(&at.at.person.chrome))
}

async fn try_make(app: &App, at: &AtKey, form: &Fields) -> Result<Response, PanelError> {
    let again = async |faults| {
        let form = RotationForm::after(app, &at.at.keeper, &at.view, form, faults).await?;
        asked(at, form, None)
    };
    let rotation = match RotationForm::read(form, &at.view.key) {
        Ok(rotation) => rotation,
        Err(faults) => return again(faults).await,
    };
    if !at.at.keeper.claim_once(&app.control, form.get("once")).await? {
        return Ok(shown::already(&at.at.person.chrome));
    }
    let is_seen = |now: &Key| RotationForm::is_of(form, now);
    match at.at.keeper.rotate_if(&app.control, at.view.key.id, &rotation, is_seen).await {
        Ok(Some(made)) => {
            let made = CreatedKeys { key: made.into_value(), s3: None };
            Ok(shown::show(app, &at.at.person.chrome, &made))
        }
        Ok(None) | Err(ControlError::Stale) => {
            asked(at, fresh(app, at).await?, Some(words::text("generate.changed")))
        }
        Err(error) => again(RotationForm::faults_of(error)?).await,
    }
}
