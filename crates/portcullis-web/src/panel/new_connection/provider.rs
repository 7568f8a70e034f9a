//! The step about the provider: where the bucket is, who opens it, and whether that works.
//!
//! The form is a POST, because of the secret, and is answered with a redirect: no page with it in its request stays in the history.

use std::sync::Arc;

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use http::StatusCode;
use portcullis_access::SiteAdmin;
use portcullis_control::{EndpointForm, FieldProblem, ProviderPreset, Step as Finding, provider_presets};
use portcullis_domain::{Provider, SessionId};

use super::super::error::PanelError;
use super::super::fields::{Faults, Fields};
use super::super::page::{Chrome, page};
use super::super::posted::Posted;
use super::super::probe;
use super::super::visitor::{Admin, Person};
use super::super::words::{self, filters};
use super::draft::{Step, Wizard};
use super::existing::held;
use super::kept::Trial;
use super::remote::{RemotePart, field};
use super::steps::{StepView, goes_on, onward, status, steps};
use crate::app::App;

#[derive(Template)]
#[template(path = "new_connection_provider.html")]
struct ProviderPage<'a> {
    chrome: &'a Chrome,
    steps: Vec<StepView>,
    wizard: &'a Wizard,
    /// What the other steps had, to be carried on.
    carried: Vec<(&'static str, &'a str)>,
    preset: &'static ProviderPreset,
    /// Kinds to choose from; none if there is only one.
    kinds: Vec<&'static ProviderPreset>,
    /// The address that follows from what was filled in.
    address: Option<String>,
    is_kept: bool,
    is_shared: bool,
    probe: Option<Vec<Finding>>,
    faults: &'a Faults,
}

impl ProviderPage<'_> {
    fn wants_account(&self) -> bool {
        matches!(self.preset.endpoint, EndpointForm::FromAccount(_))
    }

    /// What an address looks like, if one has to be typed.
    fn example(&self) -> Option<&'static str> {
        match self.preset.endpoint {
            EndpointForm::Given(example) => Some(example),
            EndpointForm::None | EndpointForm::FromRegion(_) | EndpointForm::FromAccount(_) => None,
        }
    }

    fn is_fine(&self) -> bool {
        self.probe.as_ref().is_some_and(|steps| probe::is_fine(steps))
    }

    /// Whether what is seldom needed is open.
    fn is_open(&self) -> bool {
        let remote = &self.wizard.remote;
        let has_endpoint = !remote.endpoint.is_empty() || self.faults.at("endpoint").is_some();
        (has_endpoint && self.example().is_none())
            || !remote.style.is_empty()
            || self.faults.at("style").is_some()
    }
}

/// The session that a secret is kept for.
pub(super) fn session(person: &Person) -> Result<SessionId, PanelError> {
    person.who.session_id().ok_or(PanelError::Denied)
}

/// `GET /connections/new/provider`
pub(super) async fn provider(
    State(app): State<Arc<App>>,
    Admin { admin, person }: Admin,
    RawQuery(query): RawQuery,
) -> Response {
    let query = Fields::parse(query.unwrap_or_default().as_bytes());
    let shown = show(&app, &admin, &person, &query).await;
    shown.unwrap_or_else(|error| error.show(&person.chrome))
}

async fn show(app: &App, admin: &SiteAdmin, person: &Person, query: &Fields) -> Result<Response, PanelError> {
    let wizard = Wizard::of(query)?;
    if !wizard.storage_part(app, admin).await?.faults.is_empty() {
        return Ok(onward(&wizard.url_with_faults(Step::Storage)));
    }
    let Some(part) = wizard.remote_part(app, admin, session(person)?).await? else {
        return Ok(onward(&wizard.url(Step::Access)));
    };
    let asked = goes_on(query, Step::Access) && !part.faults.is_empty();
    let none = Faults::default();
    let faults = if asked { &part.faults } else { &none };
    shown(app, person, &wizard, &part, faults, status(asked))
}

fn shown(
    app: &App,
    person: &Person,
    wizard: &Wizard,
    part: &RemotePart,
    faults: &Faults,
    status: StatusCode,
) -> Result<Response, PanelError> {
    let (remote, preset) = (&wizard.remote, part.preset);
    let fits = |kind: &&ProviderPreset| kind.provider == Provider::S3 && preset.provider == Provider::S3;
    let account = Some(remote.account.as_str()).filter(|account| !account.is_empty());
    let shared = part.reading.as_ref().is_some_and(|reading| reading.shared_with.is_some());
    let of = remote.fingerprint();
    let template = ProviderPage {
        chrome: &person.chrome,
        steps: steps(wizard, Step::Provider),
        carried: wizard.storage_pairs().chain(wizard.existing.pairs()).chain(wizard.access_pairs()).collect(),
        kinds: provider_presets().iter().filter(fits).collect(),
        address: preset.endpoint(&remote.region, account).filter(|_| remote.endpoint.is_empty()),
        is_kept: part.secret.is_some(),
        is_shared: shared || remote.share,
        probe: app.kept.trial(session(person)?, &remote.secret, &of, app.access.now()),
        wizard,
        preset,
        faults,
    };
    Ok(page(status, &template))
}

/// `POST /connections/new/provider`
pub(super) async fn send(
    State(app): State<Arc<App>>,
    Admin { admin, person }: Admin,
    form: Posted,
) -> Response {
    let sent = try_send(&app, &admin, &person, &form).await;
    sent.unwrap_or_else(|error| error.show(&person.chrome))
}

async fn try_send(
    app: &App,
    admin: &SiteAdmin,
    person: &Person,
    form: &Fields,
) -> Result<Response, PanelError> {
    let mut wizard = Wizard::of(form)?;
    let session = session(person)?;
    if let Some(secret) = form.filled("secret_access_key") {
        wizard.remote.secret = app.kept.keep(session, &wizard.remote.secret, secret, app.access.now())?;
    }
    // A password in an address must not get into that of a page.
    if let Some(plain) = without_user(&wizard.remote.endpoint) {
        wizard.remote.endpoint = plain;
        let problem = FieldProblem::new("endpoint", words::text("provider.endpoint.user"));
        return refuse(app, admin, person, &wizard, vec![problem]).await;
    }
    let other = provider_presets().iter().find(|kind| kind.id == form.get("use"));
    if let Some(kind) = other.filter(|kind| kind.provider.as_str() == wizard.provider) {
        wizard.remote.change_to(kind);
        return Ok(go(&wizard.url(Step::Provider)));
    }
    if form.has("back") {
        return Ok(go(&wizard.url(Step::Storage)));
    }
    let Some(part) = wizard.remote_part(app, admin, session).await? else {
        return Ok(go(&wizard.url(Step::Access)));
    };
    if !part.faults.is_empty() {
        return Ok(go(&wizard.url_with_faults(Step::Provider)));
    }
    let goes_on = try_out(app, admin, session, &wizard, &part, form).await?;
    let of = wizard.remote.fingerprint();
    let trial = app.kept.trial(session, &wizard.remote.secret, &of, app.access.now());
    wizard.existing.note(trial.as_deref().and_then(held));
    let to = if goes_on {
        wizard.url(if wizard.existing.is_asked() { Step::Existing } else { Step::Access })
    } else {
        format!("{}#probe", wizard.url(Step::Provider))
    };
    Ok(go(&to))
}

/// Tests the connection, unless that was done or is not wanted; whether to go on to the next step.
async fn try_out(
    app: &App,
    admin: &SiteAdmin,
    session: SessionId,
    wizard: &Wizard,
    part: &RemotePart,
    form: &Fields,
) -> Result<bool, PanelError> {
    let (remote, of) = (&wizard.remote, wizard.remote.fingerprint());
    let goes_on = form.get("op") != "test";
    let before = || app.kept.trial(session, &remote.secret, &of, app.access.now());
    if goes_on && (remote.unchecked || before().is_some_and(|steps| probe::is_fine(&steps))) {
        return Ok(true);
    }
    let draft = remote.draft(part.preset, part.secret.clone());
    let steps = app.control.test_connection(admin, &draft, remote.write).await?;
    // What the bucket holds has a step of its own.
    let others: Vec<Finding> = steps.iter().filter(|step| step.name != "list").cloned().collect();
    let (fine, remark) = (probe::is_fine(&steps), probe::has_remark(&others));
    app.kept.note(session, &remote.secret, Trial { of, steps });
    Ok(goes_on && fine && !remark)
}

fn go(path: &str) -> Response {
    Redirect::to(path).into_response()
}

/// An address without the user and password in it; none if it has none.
fn without_user(endpoint: &str) -> Option<String> {
    let (_, host) = endpoint.rsplit_once('@')?;
    let scheme = endpoint.split_once("://").map_or("", |(scheme, _)| scheme);
    Some(if scheme.is_empty() { host.to_owned() } else { format!("{scheme}://{host}") })
}

/// The page with what is wrong with the connection, as an answer to a form.
pub(super) async fn refuse(
    app: &App,
    admin: &SiteAdmin,
    person: &Person,
    wizard: &Wizard,
    problems: Vec<FieldProblem>,
) -> Result<Response, PanelError> {
    let Some(part) = wizard.remote_part(app, admin, session(person)?).await? else {
        return Err(PanelError::Malformed);
    };
    let mut faults = Faults::default();
    for problem in problems {
        faults.add(field(&problem.field), problem.message);
    }
    shown(app, person, wizard, &part, &faults, StatusCode::UNPROCESSABLE_ENTITY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_in_an_address_is_left_out() {
        for (typed, left) in [
            ("https://user:hush@s3.example.com", Some("https://s3.example.com")),
            ("user:hush@s3.example.com:9000", Some("s3.example.com:9000")),
            ("https://a@b:hush@s3.example.com/x", Some("https://s3.example.com/x")),
            ("https://s3.example.com", None),
            ("", None),
        ] {
            assert_eq!(without_user(typed).as_deref(), left, "{typed}");
        }
    }
}
