//! Editing the networks of credentials.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse as _, Redirect, Response};

use super::super::error::PanelError;
use super::super::fields::Fields;
use super::super::key_networks::Edited;
use super::super::page::page;
use super::super::posted::Posted;
use super::at::{AtKey, key_path};
use super::key_page::{KeyPage, whitelist};
use super::key_settings::{done, load};
use crate::app::App;
use crate::extract::Keeper;

/// `POST /connections/{id}/keys/{key}/networks`
pub(super) async fn edit(State(app): State<Arc<App>>, at: AtKey, form: Posted) -> Response {
    try_edit(&app, &at, &form).await.unwrap_or_else(|error| error.show(&at.at.person.chrome))
}

async fn try_edit(app: &App, at: &AtKey, form: &Fields) -> Result<Response, PanelError> {
    // Credentials of another connection are not found below this one.
    let subject = load(app, at).await?;
    let keeper = Keeper::Admin(at.at.admin.clone());
    match whitelist(app, &keeper, at, &subject.storage).edit(form).await? {
        Edited::Discarded => Ok(Redirect::to(&key_path(at.at.storage, at.key)).into_response()),
        Edited::Done(word) => Ok(done(at, word)),
        Edited::Again(status, editor) => {
            let mut subject = load(app, at).await?;
            subject.editor = *editor;
            Ok(page(status, &KeyPage::new(app, at, &subject)))
        }
    }
}
