//! What one has besides the password.

use std::sync::Arc;

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use portcullis_access::Principal;
use portcullis_control::SecondFactors;

use super::super::error::PanelError;
use super::super::fields::{Faults, Fields};
use super::super::page::{Chrome, page, toast};
use super::super::visitor::Person;
use super::super::words::filters;
use crate::app::App;

/// The page to which everybody is led whose site asks for a second factor that they did not show.
pub(in super::super) const SECOND_FACTOR: &str = "/account/second-factor";

/// The second factors of a person, as the pages show them.
pub(super) struct Factors {
    pub(super) all: SecondFactors,
    /// Whether browsers have passkeys here.
    pub(super) passkeys: bool,
    /// What to call a new passkey unless something else is typed.
    pub(super) new_name: String,
    pub(super) faults: Faults,
}

impl Factors {
    pub(super) async fn of(app: &App, who: &Principal, headers: &HeaderMap) -> Result<Self, PanelError> {
        let all = app.control.second_factors(who).await?;
        Ok(Self {
            passkeys: app.relying_party(headers).is_some(),
            new_name: format!("Passkey {}", all.passkeys.len() + 1),
            all,
            faults: Faults::default(),
        })
    }
}

#[derive(Template)]
#[template(path = "account_second_factor.html")]
struct FactorsPage<'a> {
    chrome: &'a Chrome,
    toast: Option<&'static str>,
    factors: Factors,
    /// Whether nothing else may be done before one is set up.
    needed: bool,
}

/// `GET /account/second-factor`
pub(super) async fn show(
    State(app): State<Arc<App>>,
    person: Person,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    let query = Fields::parse(query.unwrap_or_default().as_bytes());
    again(&app, &person, &headers, toast(&query), Faults::default()).await
}

/// The page, with what is wrong if something is.
pub(super) async fn again(
    app: &App,
    person: &Person,
    headers: &HeaderMap,
    toast: Option<&'static str>,
    faults: Faults,
) -> Response {
    let status = if faults.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    match Factors::of(app, &person.who, headers).await {
        Ok(factors) => {
            let factors = Factors { faults, ..factors };
            let needed = person.second_factor_needed;
            page(status, &FactorsPage { chrome: &person.chrome, toast, factors, needed })
        }
        Err(error) => error.show(&person.chrome),
    }
}
