//! The steps as pages.

use std::sync::Arc;

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use http::StatusCode;
use portcullis_access::SiteAdmin;
use portcullis_control::{Preset, presets};

use super::super::credentials::{Done, ListText, Terms};
use super::super::error::PanelError;
use super::super::fields::{Faults, Fields};
use super::super::format;
use super::super::labels;
use super::super::page::{Chrome, page};
use super::super::visitor::{Admin, Person};
use super::super::words::filters;
use super::draft::{Plan, Step, StoragePart, Wizard};
use super::provider::session;
use super::providers::{PROVIDERS, ProviderCard};
use crate::app::App;

/// One step as the row of steps shows it.
pub(super) struct StepView {
    pub(super) number: usize,
    pub(super) title: &'static str,
    pub(super) is_current: bool,
    /// Its address, if it lies behind.
    pub(super) url: Option<String>,
}

pub(super) fn steps(wizard: &Wizard, current: Step) -> Vec<StepView> {
    let view = |(at, step): (usize, Step)| StepView {
        number: at + 1,
        title: step.title(),
        is_current: step == current,
        url: (step < current).then(|| wizard.url(step)),
    };
    let there = |step: &Step| match step {
        Step::Provider => wizard.is_remote(),
        Step::Existing => wizard.is_remote() && wizard.existing.is_asked(),
        Step::Storage | Step::Access | Step::Review => true,
    };
    Step::ALL.into_iter().filter(there).enumerate().map(view).collect()
}

#[derive(Template)]
#[template(path = "new_connection.html")]
struct StoragePage<'a> {
    chrome: &'a Chrome,
    steps: Vec<StepView>,
    wizard: &'a Wizard,
    providers: &'static [ProviderCard],
    /// What the next step had, to be carried on.
    carried: Vec<(&'static str, &'a str)>,
    part: &'a StoragePart,
    /// Those of the faults that are shown.
    faults: &'a Faults,
}

#[derive(Template)]
#[template(path = "new_connection_access.html")]
struct AccessPage<'a> {
    chrome: &'a Chrome,
    steps: Vec<StepView>,
    wizard: &'a Wizard,
    carried: Vec<(&'static str, &'a str)>,
    /// The address of the step before.
    before: &'static str,
    presets: &'static [Preset],
    terms: &'a Terms,
    list: ListText,
    changed: Option<Done>,
    of_key: bool,
    faults: &'a Faults,
}

#[derive(Template)]
#[template(path = "new_connection_review.html")]
struct ReviewPage<'a> {
    chrome: &'a Chrome,
    steps: Vec<StepView>,
    wizard: &'a Wizard,
    carried: Vec<(&'static str, &'a str)>,
    plan: &'a Plan,
    permission: &'static str,
    quota: Option<String>,
    list: ListText,
    edit_storage: String,
    edit_provider: String,
    edit_access: String,
    trouble: Option<&'static str>,
}

/// Whether somebody wants to go on from a step, and so wants to know what is wrong.
pub(super) fn goes_on(query: &Fields, to: Step) -> bool {
    query.get("next") == to.as_str()
}

pub(super) fn onward(path: &str) -> Response {
    Redirect::to(path).into_response()
}

/// `GET /connections/new`
pub(super) async fn storage(
    State(app): State<Arc<App>>,
    Admin { admin, person }: Admin,
    RawQuery(query): RawQuery,
) -> Response {
    let query = Fields::parse(query.unwrap_or_default().as_bytes());
    let shown = show_storage(&app, &admin, &person, &query).await;
    shown.unwrap_or_else(|error| error.show(&person.chrome))
}

async fn show_storage(
    app: &App,
    admin: &SiteAdmin,
    person: &Person,
    query: &Fields,
) -> Result<Response, PanelError> {
    let wizard = Wizard::of(query)?;
    let part = wizard.storage_part(app, admin).await?;
    let asked = goes_on(query, Step::Access);
    if asked && part.faults.is_empty() {
        let next = if wizard.is_remote() { Step::Provider } else { Step::Access };
        return Ok(onward(&wizard.url(next)));
    }
    let none = Faults::default();
    let template = StoragePage {
        chrome: &person.chrome,
        steps: steps(&wizard, Step::Storage),
        providers: PROVIDERS,
        carried: wizard.remote_pairs().chain(wizard.existing.pairs()).chain(wizard.access_pairs()).collect(),
        faults: if asked { &part.faults } else { &none },
        part: &part,
        wizard: &wizard,
    };
    Ok(page(status(asked), &template))
}

pub(super) fn status(is_refused: bool) -> StatusCode {
    if is_refused { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK }
}

/// `GET /connections/new/access`
pub(super) async fn access(
    State(app): State<Arc<App>>,
    Admin { admin, person }: Admin,
    RawQuery(query): RawQuery,
) -> Response {
    let query = Fields::parse(query.unwrap_or_default().as_bytes());
    let shown = show_access(&app, &admin, &person, &query).await;
    shown.unwrap_or_else(|error| error.show(&person.chrome))
}

async fn show_access(
    app: &App,
    admin: &SiteAdmin,
    person: &Person,
    query: &Fields,
) -> Result<Response, PanelError> {
    let mut wizard = Wizard::of(query)?;
    if !wizard.storage_part(app, admin).await?.faults.is_empty() {
        return Ok(onward(&wizard.url_with_faults(Step::Storage)));
    }
    let part = wizard.remote_part(app, admin, session(person)?).await?;
    if part.is_some_and(|part| !part.faults.is_empty()) {
        return Ok(onward(&wizard.url_with_faults(Step::Provider)));
    }
    let changed = wizard.terms.apply(query, person.peer);
    wizard.external |= changed.is_some();
    let asked = goes_on(query, Step::Review) && changed.is_none();
    let mut faults = Faults::default();
    if asked {
        wizard.agreed(app, admin, &mut faults).await?;
        if faults.is_empty() {
            return Ok(onward(&wizard.url(Step::Review)));
        }
    }
    let template = AccessPage {
        chrome: &person.chrome,
        steps: steps(&wizard, Step::Access),
        carried: wizard.storage_pairs().chain(wizard.remote_pairs()).chain(wizard.existing.pairs()).collect(),
        before: wizard.before_access().path(),
        presets: presets(),
        terms: &wizard.terms,
        list: wizard.terms.list(person.peer),
        changed,
        of_key: false,
        faults: &faults,
        wizard: &wizard,
    };
    Ok(page(status(asked), &template))
}

/// `GET /connections/new/review`
pub(super) async fn review(
    State(app): State<Arc<App>>,
    Admin { admin, person }: Admin,
    RawQuery(query): RawQuery,
) -> Response {
    let query = Fields::parse(query.unwrap_or_default().as_bytes());
    let shown = async {
        let wizard = Wizard::of(&query)?;
        Ok(match wizard.plan(&app, &admin, session(&person)?).await? {
            Ok(plan) => show_review(&person, &wizard, &plan, None),
            Err(step) => onward(&wizard.url_with_faults(step)),
        })
    };
    shown.await.unwrap_or_else(|error: PanelError| error.show(&person.chrome))
}

/// Every field that was filled in.
fn all_pairs(wizard: &Wizard) -> Vec<(&'static str, &str)> {
    let first = wizard.storage_pairs().chain(wizard.remote_pairs());
    first.chain(wizard.existing.pairs()).chain(wizard.access_pairs()).collect()
}

/// A look at everything; after an attempt that failed, with what went wrong.
pub(super) fn show_review(
    person: &Person,
    wizard: &Wizard,
    plan: &Plan,
    trouble: Option<&'static str>,
) -> Response {
    let template = ReviewPage {
        chrome: &person.chrome,
        steps: steps(wizard, Step::Review),
        carried: all_pairs(wizard),
        permission: plan.permission().map_or("", labels::permission),
        quota: plan.quota.map(format::size),
        list: wizard.terms.list(person.peer),
        edit_storage: wizard.url(Step::Storage),
        edit_provider: wizard.url(Step::Provider),
        edit_access: wizard.url(Step::Access),
        wizard,
        plan,
        trouble,
    };
    let status = if trouble.is_some() { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
    page(status, &template)
}
