//! Other credentials for a key, in place of those it has.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use portcullis_control::{CreatedKeys, KeyUse, Rotation, new_once_token};

use super::super::error::PanelError;
use super::super::page::{Chrome, page};
use super::super::posted::Posted;
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
    once: String,
    trouble: Option<&'static str>,
}

/// `GET /api-keys/{id}/generate`
pub(super) async fn ask(at: AtKey) -> Response {
    asked(&at, None).unwrap_or_else(|error| error.show(&at.at.person.chrome))
}

fn asked(at: &AtKey, trouble: Option<&'static str>) -> Result<Response, PanelError> {
    let key = &at.view.key;
    let template = GeneratePage {
        chrome: &at.at.person.chrome,
        own: path(key.id),
        name: key.name.as_str(),
        access_key: key.credential.as_str(),
        last_used: at.view.last_used.as_ref(),
        once: new_once_token()?,
        trouble,
    };
    let status = if trouble.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    Ok(page(status, &template))
}

/// `POST /api-keys/{id}/generate`: makes the new credentials and shows them.
pub(super) async fn make(State(app): State<Arc<App>>, at: AtKey, form: Posted) -> Response {
    let made = async {
        let key = &at.view.key;
        if !at.at.keeper.claim_once(&app.control, form.get("once")).await? {
            return Ok(shown::already(&at.at.person.chrome));
        }
        // Whoever decides to stop a pair has seen this pair: one that somebody else made since is not to be stopped unseen.
        let pair = form.get("pair");
        let is_seen = |now: &portcullis_domain::Key| now.credential.as_str() == pair;
        let rotated = at.at.keeper.rotate_if(&app.control, key.id, &Rotation::default(), is_seen).await?;
        match rotated {
            Some(made) => Ok(shown::show(&app, &at.at.person.chrome, &CreatedKeys { key: made, s3: None })),
            None => asked(&at, Some(words::text("generate.changed"))),
        }
    };
    made.await.unwrap_or_else(|error: PanelError| error.show(&at.at.person.chrome))
}
