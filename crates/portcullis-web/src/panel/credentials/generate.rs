//! New credentials in place of others, which stop at once unless they are let work for a while.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;
use portcullis_access::SiteAdmin;
use portcullis_control::{ControlError, KeyStatus, KeyView, new_once_token};
use portcullis_domain::{Channel, Key, KeyId, Scope, Storage};

use super::super::error::PanelError;
use super::super::labels;
use super::super::page::{Chrome, page};
use super::super::posted::Posted;
use super::super::rotation::RotationForm;
use super::super::visitor::{Admin, Person};
use super::super::words::{self, filters};
use super::new_key::find;
use super::{Occasion, already, show};
use crate::app::App;
use crate::extract::Keeper;

#[derive(Template)]
#[template(path = "generate.html")]
struct GeneratePage<'a> {
    chrome: &'a Chrome,
    storage: &'a Storage,
    view: &'a KeyView,
    user: &'a str,
    permission: &'static str,
    /// Why the new pair will not work either, if so.
    off: Option<&'static str>,
    rotation: RotationForm,
    once: String,
    action: String,
    back: String,
    trouble: Option<&'static str>,
}

/// Why nothing was done.
#[derive(Clone, Copy, Debug)]
enum Trouble {
    /// It is not the pair any more that the page showed.
    Changed,
    /// The server could not.
    Failed,
}

impl Trouble {
    fn text(self) -> &'static str {
        match self {
            Self::Changed => words::text("generate.changed"),
            Self::Failed => words::text("generate.trouble"),
        }
    }

    const fn status(self) -> StatusCode {
        match self {
            Self::Changed => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Failed => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

/// The S3 key for this storage that an address names.
async fn find_key(app: &App, admin: &SiteAdmin, storage: &Storage, id: &str) -> Result<KeyView, PanelError> {
    let id: KeyId = id.parse().map_err(|_| PanelError::NotFound)?;
    let view = app.control.key(admin, id).await?;
    let renews = view.key.channel == Channel::S3 || view.key.channel.takes_chosen();
    let of_this = view.key.scope == Scope::Storage(storage.id) && renews;
    of_this.then_some(view).ok_or(PanelError::NotFound)
}

/// `GET /connections/{id}/keys/{key}/generate`
pub(super) async fn ask(
    State(app): State<Arc<App>>,
    Admin { admin, person }: Admin,
    Path((id, key)): Path<(String, String)>,
) -> Response {
    let asked = async {
        let storage = find(&app, &admin, &id).await?;
        let view = find_key(&app, &admin, &storage, &key).await?;
        let form = RotationForm::load(&app, &Keeper::Admin(admin), &view).await?;
        confirm(&person, &storage, &view, form, None)
    };
    asked.await.unwrap_or_else(|error| error.show(&person.chrome))
}

fn confirm(
    person: &Person,
    storage: &Storage,
    view: &KeyView,
    rotation: RotationForm,
    trouble: Option<Trouble>,
) -> Result<Response, PanelError> {
    let back = format!("/connections/{}", storage.id);
    let template = GeneratePage {
        chrome: &person.chrome,
        storage,
        view,
        user: view.key.user_name(),
        permission: labels::permission(view.key.permission),
        off: match view.status {
            KeyStatus::Active if view.key.channel == Channel::S3 && !storage.s3_access => {
                Some(words::text("generate.off.access"))
            }
            KeyStatus::Active => None,
            KeyStatus::Expired => Some(words::text("generate.off.expired")),
            KeyStatus::Disabled => Some(words::text("generate.off.disabled")),
        },
        once: new_once_token()?,
        action: format!("{back}/keys/{}/generate", view.key.id),
        back,
        trouble: trouble.map(Trouble::text),
        rotation,
    };
    let status = match trouble {
        None if template.rotation.faults.is_empty() => StatusCode::OK,
        None => StatusCode::UNPROCESSABLE_ENTITY,
        Some(trouble) => trouble.status(),
    };
    Ok(page(status, &template))
}

/// `POST /connections/{id}/keys/{key}/generate`: makes the new pair and shows its secret.
pub(super) async fn make(
    State(app): State<Arc<App>>,
    Admin { admin, person }: Admin,
    Path((id, key)): Path<(String, String)>,
    form: Posted,
) -> Response {
    let made = async {
        let storage = find(&app, &admin, &id).await?;
        let view = find_key(&app, &admin, &storage, &key).await?;
        let keeper = Keeper::Admin(admin);
        let rotation = match RotationForm::read(&form, &view.key) {
            Ok(rotation) => rotation,
            Err(faults) => {
                let again = RotationForm::after(&app, &keeper, &view, &form, faults).await?;
                return confirm(&person, &storage, &view, again, None);
            }
        };
        if !keeper.claim_once(&app.control, form.get("once")).await? {
            return Ok(already(&person.chrome, &format!("/connections/{}", storage.id)));
        }
        let is_seen = |now: &Key| RotationForm::is_of(&form, now);
        match keeper.rotate_if(&app.control, view.key.id, &rotation, is_seen).await {
            Ok(Some(made)) => {
                let storage = made.storage.as_ref().unwrap_or(&storage);
                Ok(show(&app, &person.chrome, storage, &made, Occasion::Replaced))
            }
            Ok(None) => {
                let again = RotationForm::load(&app, &keeper, &view).await?;
                confirm(&person, &storage, &view, again, Some(Trouble::Changed))
            }
            Err(error @ (ControlError::NotFound | ControlError::ConfirmationNeeded)) => Err(error.into()),
            Err(error) => {
                let trouble = match RotationForm::faults_of(error) {
                    Ok(faults) => {
                        let again = RotationForm::after(&app, &keeper, &view, &form, faults).await?;
                        return confirm(&person, &storage, &view, again, None);
                    }
                    Err(ControlError::Stale) => Trouble::Changed,
                    Err(error) => {
                        tracing::error!(%error, "credentials could not be replaced");
                        Trouble::Failed
                    }
                };
                let again = RotationForm::load(&app, &keeper, &view).await?;
                confirm(&person, &storage, &view, again, Some(trouble))
            }
        }
    };
    Box::pin(made).await.unwrap_or_else(|error: PanelError| error.show(&person.chrome))
}
