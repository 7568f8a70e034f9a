//! The step about what is in the bucket already; left out where there is nothing, or nobody has looked.

use std::sync::Arc;

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use http::StatusCode;
use portcullis_access::SiteAdmin;
use portcullis_control::{ControlError, JobSettings, Mode, PlanDraft, SideDraft, Step as Finding};
use portcullis_domain::{Storage, StorageId};

use super::super::error::PanelError;
use super::super::fields::{Faults, Fields};
use super::super::page::{Chrome, page};
use super::super::sync::{Place, places};
use super::super::visitor::{Admin, Person};
use super::super::words::{self, filters};
use super::draft::{Step, Wizard};
use super::provider::session;
use super::steps::{StepView, goes_on, onward, status, steps};
use crate::app::App;

/// What becomes of what is there: value of the field, name, what it means, the name of a symbol.
const WAYS: [(&str, &str, &str, &str); 3] = [
    ("show", "new.data.show", "new.data.show.detail", "eye"),
    ("merge", "new.data.merge", "new.data.merge.detail", "refresh-cw"),
    ("outside", "new.data.outside", "new.data.outside.detail", "external-link"),
];

#[derive(Template)]
#[template(path = "new_connection_existing.html")]
struct ExistingPage<'a> {
    chrome: &'a Chrome,
    steps: Vec<StepView>,
    wizard: &'a Wizard,
    carried: Vec<(&'static str, &'a str)>,
    /// What the test has found in the bucket; none if that is no longer known.
    found: Option<&'a str>,
    places: Vec<Place>,
    faults: &'a Faults,
}

impl ExistingPage<'_> {
    fn ways() -> Vec<(&'static str, &'static str, &'static str, &'static str)> {
        let said = |(value, name, detail, icon)| (value, words::text(name), words::text(detail), icon);
        WAYS.into_iter().map(said).collect()
    }
}

/// What is done with what a bucket holds already.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Existing {
    /// A word of [`WAYS`]; empty if there is nothing to decide.
    pub(super) way: String,
    /// The storage to bring it together with.
    pub(super) merge: String,
}

impl Existing {
    pub(super) fn of(fields: &Fields) -> Self {
        let way = WAYS.iter().find(|(way, ..)| *way == fields.get("existing"));
        Self {
            way: way.map(|(way, ..)| (*way).to_owned()).unwrap_or_default(),
            merge: fields.get("merge").trim().chars().take(40).collect(),
        }
    }

    /// Name and value of the fields that say something.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let pairs = [("existing", self.way.as_str()), ("merge", self.merge.as_str())];
        pairs.into_iter().filter(|(_, value)| !value.is_empty())
    }

    /// Whether there is something to decide.
    pub(super) const fn is_asked(&self) -> bool {
        !self.way.is_empty()
    }

    /// Takes up what a test has found.
    pub(super) fn note(&mut self, finding: Option<&Finding>) {
        match finding {
            None => *self = Self::default(),
            Some(_) if self.way.is_empty() => WAYS[0].0.clone_into(&mut self.way),
            Some(_) => {}
        }
    }

    /// What is wrong with it.
    pub(super) fn check(&self, faults: &mut Faults) {
        if self.way == "merge" && self.merge.parse::<StorageId>().is_err() {
            faults.add("merge", words::text("new.data.merge.missing"));
        }
    }

    /// The name of the way that was chosen, as the review shows it.
    pub(super) fn name(&self) -> Option<&'static str> {
        WAYS.iter().find(|(way, ..)| *way == self.way).map(|(_, name, ..)| words::text(name))
    }

    /// Begins the plan that brings what is there together with the storage that was chosen; where its page is.
    pub(super) async fn plan(
        &self,
        app: &App,
        admin: &SiteAdmin,
        made: &Storage,
    ) -> Result<Option<String>, ControlError> {
        let Some(other) = self.merge.parse::<StorageId>().ok().filter(|_| self.way == "merge") else {
            return Ok(None);
        };
        let whole = |storage: StorageId| SideDraft { storage, prefix: String::new() };
        let draft = PlanDraft {
            storage: whole(other),
            bucket: whole(made.id),
            mode: Mode::TwoWay.as_str().to_owned(),
            conflicts: None,
            settings: JobSettings::default(),
        };
        let plan = app.control.make_sync_plan(admin, &draft).await?;
        Ok(Some(format!("/sync/plans/{}", plan.id)))
    }
}

/// What a test says of files that are there already.
pub(super) fn held(steps: &[Finding]) -> Option<&Finding> {
    steps.iter().find(|step| step.name == "list" && step.ok && !step.advice.is_empty())
}

/// `GET /connections/new/existing`
pub(super) async fn existing(
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
    let session = session(person)?;
    let Some(part) = wizard.remote_part(app, admin, session).await? else {
        return Ok(onward(&wizard.url(Step::Access)));
    };
    if !part.faults.is_empty() {
        return Ok(onward(&wizard.url_with_faults(Step::Provider)));
    }
    if !wizard.existing.is_asked() {
        return Ok(onward(&wizard.url(Step::Access)));
    }
    let asked = goes_on(query, Step::Access);
    let mut faults = Faults::default();
    if asked {
        wizard.existing.check(&mut faults);
        if faults.is_empty() {
            return Ok(onward(&wizard.url(Step::Access)));
        }
    }
    let of = wizard.remote.fingerprint();
    let trial = app.kept.trial(session, &wizard.remote.secret, &of, app.access.now());
    let template = ExistingPage {
        chrome: &person.chrome,
        steps: steps(&wizard, Step::Existing),
        carried: wizard.storage_pairs().chain(wizard.remote_pairs()).chain(wizard.access_pairs()).collect(),
        found: trial.as_deref().and_then(held).map(|finding| finding.detail.as_str()),
        places: places(app, admin, &[&wizard.existing.merge]).await?,
        faults: &faults,
        wizard: &wizard,
    };
    let status: StatusCode = status(asked);
    Ok(page(status, &template))
}
