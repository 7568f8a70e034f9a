//! Credentials: on which terms they are made, how they are replaced, and the one page that shows their secret.
//!
//! A secret is in exactly one answer: the one to the POST that made it. That POST carries a token that counts once
//! ([`Control::claim_once`](portcullis_control::Control::claim_once)), so that sending it again, by a reload or a second click, makes
//! nothing and shows nothing.

mod generate;
mod list_text;
mod new_key;
mod shown;
mod terms;

use std::sync::Arc;

use axum::Router;
use axum::routing::get;

use crate::app::App;

pub(super) use list_text::{ListText, sentence};
pub(super) use shown::{Occasion, SHOWN, already, show, show_then};
pub(super) use terms::{Agreed, Done, Terms};

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/connections/{id}/keys/new", get(new_key::ask).post(new_key::make))
        .route("/connections/{id}/keys/{key}/generate", get(generate::ask).post(generate::make))
}
