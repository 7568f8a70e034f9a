//! An authenticator app, set up: a picture to scan, then the first code, then recovery codes.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse as _, Redirect, Response};
use http::StatusCode;
use portcullis_control::{ControlError, TotpSetUp};
use portcullis_domain::Secret;

use super::super::error::PanelError;
use super::super::fields::Faults;
use super::super::page::{Chrome, page};
use super::super::posted::Posted;
use super::super::visitor::Person;
use super::super::words::{self, filters};
use super::SECOND_FACTOR;
use super::qr::Picture;
use crate::app::App;

#[derive(Template)]
#[template(path = "account_totp.html")]
struct TotpPage<'a> {
    chrome: &'a Chrome,
    set_up: &'a TotpSetUp,
    /// The seed in groups of four, as it is read and typed.
    seed: String,
    picture: Option<Picture>,
    faults: Faults,
}

impl<'a> TotpPage<'a> {
    fn new(chrome: &'a Chrome, set_up: &'a TotpSetUp, faults: Faults) -> Self {
        let letters: Vec<char> = set_up.seed.reveal().chars().collect();
        let groups: Vec<String> = letters.chunks(4).map(|group| group.iter().collect()).collect();
        Self { chrome, set_up, seed: groups.join(" "), picture: Picture::of(set_up.uri.reveal()), faults }
    }
}

#[derive(Template)]
#[template(path = "account_codes.html")]
struct CodesPage<'a> {
    chrome: &'a Chrome,
    codes: &'a [Secret],
    done: &'static str,
}

/// The recovery codes, on this page and no other; `done` says what has just been done.
pub(super) fn codes_page(chrome: &Chrome, codes: &[Secret], done: &'static str) -> Response {
    page(StatusCode::OK, &CodesPage { chrome, codes, done })
}

/// `POST /account/second-factor/app`
pub(super) async fn begin(State(app): State<Arc<App>>, person: Person, _form: Posted) -> Response {
    match app.control.begin_totp(&person.who, &app.issuer()).await {
        Ok(set_up) => page(StatusCode::OK, &TotpPage::new(&person.chrome, &set_up, Faults::default())),
        Err(error) => PanelError::from(error).show(&person.chrome),
    }
}

/// `POST /account/second-factor/app/confirm`
pub(super) async fn confirm(State(app): State<Arc<App>>, person: Person, form: Posted) -> Response {
    let (state, code) = (form.get("state"), form.get("code"));
    match app.control.confirm_totp(&person.who, state, code).await {
        Ok(codes) => codes_page(&person.chrome, &codes, words::text("codes.done.app")),
        Err(ControlError::Invalid(problems)) => {
            match app.control.resume_totp(&person.who, &app.issuer(), state).await {
                Ok(Some(set_up)) => page(
                    StatusCode::UNPROCESSABLE_ENTITY,
                    &TotpPage::new(&person.chrome, &set_up, Faults::from(problems)),
                ),
                Ok(None) => Redirect::to(SECOND_FACTOR).into_response(),
                Err(error) => PanelError::from(error).show(&person.chrome),
            }
        }
        Err(error) => PanelError::from(error).show(&person.chrome),
    }
}

/// `POST /account/second-factor/codes`
pub(super) async fn new_codes(State(app): State<Arc<App>>, person: Person, _form: Posted) -> Response {
    match app.control.new_recovery_codes(&person.who).await {
        Ok(codes) => codes_page(&person.chrome, &codes, words::text("codes.done.new")),
        Err(ControlError::Invalid(_)) => Redirect::to(SECOND_FACTOR).into_response(),
        Err(error) => PanelError::from(error).show(&person.chrome),
    }
}
