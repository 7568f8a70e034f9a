//! A key proved: a page that says what would happen, and what was seen.

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::{FromRequestParts, Path, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use http::StatusCode;
use http::request::Parts;
use portcullis_control::{Act, ControlError, KeyProof, KeyView, ProofDraft, ProofStep, SeenOfProof};
use portcullis_domain::{Key, Scope};

use super::error::PanelError;
use super::fields::{Faults, Fields};
use super::page::{Chrome, page};
use super::posted::Posted;
use super::visitor::Person;
use super::words::{self, filters};
use crate::app::App;
use crate::extract::Keeper;

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new().route("/keys/{id}/prove", get(ask).post(run))
}

/// The page of the key itself.
pub(super) fn home_of(key: &Key) -> String {
    match key.scope {
        Scope::Storage(storage) => format!("/connections/{storage}/keys/{}", key.id),
        Scope::User(_) | Scope::Site => format!("/api-keys/{}", key.id),
    }
}

#[derive(Template)]
#[template(path = "prove.html")]
struct ProvePage<'a> {
    chrome: &'a Chrome,
    key: &'a Key,
    home: String,
    from: String,
    storage: &'a str,
    /// Whether a storage can be named.
    for_several: bool,
    faults: Faults,
    found: Option<&'a KeyProof>,
}

impl ProvePage<'_> {
    fn expected(step: &ProofStep) -> &'static str {
        match step.expected {
            Some(true) => words::text("prove.allowed"),
            Some(false) => words::text("prove.refused"),
            None => "",
        }
    }

    fn seen(step: &ProofStep) -> &'static str {
        match step.seen {
            SeenOfProof::Allowed => words::text("prove.allowed"),
            SeenOfProof::Refused => words::text("prove.refused"),
            SeenOfProof::Unclear => words::text("prove.unclear"),
        }
    }

    fn name(step: &ProofStep) -> &'static str {
        match step.act {
            Act::List => words::text("prove.step.list"),
            Act::Read => words::text("prove.step.read"),
            Act::Write => words::text("prove.step.write"),
            Act::Delete => words::text("prove.step.delete"),
            Act::OtherBucket => words::text("prove.step.other_bucket"),
            Act::OutsidePrefix => words::text("prove.step.outside_prefix"),
        }
    }
}

/// Somebody at a key that they look after, whatever it is for.
pub(super) struct AtKeyOfAny {
    pub(super) keeper: Keeper,
    pub(super) person: Person,
    pub(super) view: KeyView,
}

impl FromRequestParts<Arc<App>> for AtKeyOfAny {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Response> {
        let person = Person::from_request_parts(parts, app).await?;
        let named = Path::<String>::from_request_parts(parts, app).await.ok();
        let shown = |error: ControlError| PanelError::from(error).show(&person.chrome);
        let keeper = if person.chrome.admin {
            app.access.admin(&person.who).map(Keeper::Admin)
        } else {
            app.access.oneself(&person.who).map(Keeper::Own)
        };
        let keeper = keeper.map_err(|error| shown(error.into()))?;
        let Some(id) = named.and_then(|Path(id)| id.parse().ok()) else {
            return Err(PanelError::NotFound.show(&person.chrome));
        };
        let view = keeper.key(&app.control, id).await.map_err(shown)?;
        Ok(Self { keeper, person, view })
    }
}

impl AtKeyOfAny {
    fn page(&self, form: &Fields, faults: Faults, found: Option<&KeyProof>) -> Response {
        let key = &self.view.key;
        let from = Some(form.get("from")).filter(|from| !from.is_empty());
        let status = if faults.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
        let template = ProvePage {
            chrome: &self.person.chrome,
            key,
            home: home_of(key),
            from: from.map_or_else(|| self.person.peer.to_canonical().to_string(), str::to_owned),
            storage: form.get("storage"),
            for_several: !matches!(key.scope, Scope::Storage(_)),
            faults,
            found,
        };
        page(status, &template)
    }
}

/// `GET /keys/{id}/prove`
async fn ask(at: AtKeyOfAny) -> Response {
    at.page(&Fields::default(), Faults::default(), None)
}

/// `POST /keys/{id}/prove`
async fn run(State(app): State<Arc<App>>, at: AtKeyOfAny, form: Posted) -> Response {
    let given = |name| Some(form.get(name).trim().to_owned()).filter(|text| !text.is_empty());
    let draft = ProofDraft { from: given("from"), storage: given("storage") };
    match at.keeper.prove(&app.control, at.view.key.id, &draft).await {
        Ok(found) => at.page(&form, Faults::default(), Some(&found)),
        Err(ControlError::Invalid(problems)) => {
            let mut faults = Faults::default();
            for problem in problems {
                faults.add(&problem.field, problem.message);
            }
            at.page(&form, faults, None)
        }
        Err(error) => PanelError::from(error).show(&at.person.chrome).into_response(),
    }
}
