//! The page that explains a refusal, and the button that changes what stands against the request.

use std::sync::Arc;

use askama::Template;
use axum::extract::{FromRequestParts, Path, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use http::StatusCode;
use http::request::Parts;
use portcullis_control::{ControlError, Explanation, FieldProblem, Fix, FixDraft, FixOn, Now, explanation};
use portcullis_domain::Permission;

use super::super::error::PanelError;
use super::super::fields::{Faults, Fields, sentence};
use super::super::page::{Chrome, on_to, page, toast};
use super::super::posted::Posted;
use super::super::visitor::Admin;
use super::super::words::{self, filters};
use super::super::{format, labels};
use super::facts::{Fact, of_request, of_rule};
use super::{explained_at, row};
use crate::app::App;

/// An admin at the explanation of a request.
pub(super) struct At {
    admin: Admin,
    request_id: String,
    done: Fields,
}

impl FromRequestParts<Arc<App>> for At {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Response> {
        let admin = Admin::from_request_parts(parts, app).await?;
        let done = Fields::parse(parts.uri.query().unwrap_or_default().as_bytes());
        match Path::<String>::from_request_parts(parts, app).await {
            Ok(Path(request_id)) => Ok(Self { admin, request_id, done }),
            Err(_) => Err(PanelError::NotFound.show(&admin.person.chrome)),
        }
    }
}

/// One permission with which a key is switched on.
struct Choice {
    value: Permission,
    name: &'static str,
    chosen: bool,
}

/// The change that is offered, as a form.
struct FixForm {
    word: &'static str,
    value: String,
    /// What it does, in words.
    text: String,
    /// With what to switch a key on.
    choices: Vec<Choice>,
}

/// Whether the request would be admitted now.
struct Verdict {
    class: &'static str,
    icon: &'static str,
    text: String,
}

#[derive(Template)]
#[template(path = "refusal.html")]
struct RefusalPage<'a> {
    chrome: &'a Chrome,
    toast: Option<&'static str>,
    own: String,
    reason: String,
    rule: &'static str,
    advice: &'static str,
    verdict: Verdict,
    fix: Option<FixForm>,
    others: u64,
    saw: Vec<Fact>,
    request: Vec<Fact>,
    faults: Faults,
}

/// `GET /activity/{request_id}?done=`
pub(super) async fn show(State(app): State<Arc<App>>, at: At) -> Response {
    let explained = app.control.explain_refusal(&at.admin.admin, &at.request_id).await;
    shown(&app, &at, explained, Faults::default()).await
}

async fn shown(app: &App, at: &At, explained: Result<Explanation, ControlError>, faults: Faults) -> Response {
    let chrome = &at.admin.person.chrome;
    let named = async {
        let explained = explained?;
        let names = app.control.trail_names(&at.admin.admin, std::slice::from_ref(&explained.event)).await?;
        Ok::<_, ControlError>((row::who(&explained.event.actor, &names).text, explained))
    };
    let (who, explained) = match named.await {
        Ok(named) => named,
        Err(error) => return PanelError::from(error).show(chrome),
    };
    let word = &explained.event.reason;
    let status = if faults.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let template = RefusalPage {
        chrome,
        toast: toast(&at.done),
        own: explained_at(&at.request_id),
        reason: sentence(explanation(word).unwrap_or(word)),
        rule: explained.rule,
        advice: explained.advice,
        verdict: Verdict::of(&explained),
        fix: explained.fix.as_ref().map(FixForm::of),
        others: explained.others,
        saw: of_rule(&explained.seen, chrome.now),
        request: of_request(&explained, &who),
        faults,
    };
    page(status, &template)
}

impl Verdict {
    fn of(explained: &Explanation) -> Self {
        match explained.now {
            Now::Allowed => Self {
                class: "ok",
                icon: "circle-check",
                text: words::text("refusal.now.allowed").to_owned(),
            },
            Now::Refused(reason) if reason.as_str() == explained.event.reason => {
                Self { class: "warn", icon: "ban", text: words::text("refusal.now.same").to_owned() }
            }
            Now::Refused(reason) => Self {
                class: "warn",
                icon: "ban",
                text: words::fill("refusal.now.other", &[&reason.explanation()]),
            },
            Now::Unknown => {
                Self { class: "", icon: "info", text: words::text("refusal.now.unknown").to_owned() }
            }
        }
    }
}

impl FixForm {
    fn of(fix: &Fix) -> Self {
        let choices = match fix {
            Fix::TurnOn { permission } => [Permission::Read, Permission::Write, Permission::ReadWrite]
                .map(|value| Choice { value, name: labels::permission(value), chosen: value == *permission })
                .into(),
            Fix::AllowAddress { .. }
            | Fix::Extend { .. }
            | Fix::Permit { .. }
            | Fix::WidenPrefix { .. }
            | Fix::SwitchS3On
            | Fix::EndPause => Vec::new(),
        };
        Self { word: fix.as_str(), value: fix.value(), text: in_words(fix), choices }
    }
}

/// What a fix does.
fn in_words(fix: &Fix) -> String {
    match fix {
        Fix::AllowAddress { on, address } => {
            let name = match on {
                FixOn::Key => "fix.address.key",
                FixOn::Storage => "fix.address.storage",
                FixOn::Link => "fix.address.link",
            };
            words::fill(name, &[address])
        }
        Fix::Extend { on, until } => {
            let name = if *on == FixOn::Link { "fix.extend.link" } else { "fix.extend.key" };
            words::fill(name, &[&format::moment(*until)])
        }
        Fix::TurnOn { .. } => words::text("fix.turn_on").to_owned(),
        Fix::Permit { on, permission } => {
            let name = if *on == FixOn::Storage { "fix.permit.storage" } else { "fix.permit.key" };
            words::fill(name, &[&labels::permission(*permission)])
        }
        Fix::WidenPrefix { prefix } if prefix.is_empty() => words::text("fix.widen.all").to_owned(),
        Fix::WidenPrefix { prefix } => words::fill("fix.widen", &[prefix]),
        Fix::SwitchS3On => words::text("fix.s3_on").to_owned(),
        Fix::EndPause => words::text("fix.end_pause").to_owned(),
    }
}

/// `GET /activity/{request_id}/fix`
pub(super) async fn home(at: At) -> Response {
    Redirect::to(&explained_at(&at.request_id)).into_response()
}

/// `POST /activity/{request_id}/fix`
pub(super) async fn fix(State(app): State<Arc<App>>, at: At, form: Posted) -> Response {
    let draft = FixDraft { fix: form.get("fix").to_owned(), value: Some(form.get("value").to_owned()) };
    let made = app.control.fix_refusal(&at.admin.admin, &at.request_id, &draft).await;
    let problems = match made {
        Ok(_) => return on_to(&explained_at(&at.request_id), "done.refusal_fixed"),
        Err(ControlError::Invalid(problems)) => problems,
        // Something is no longer as the page showed it: the page as it is now, and a word that says so.
        Err(ControlError::Stale) => vec![FieldProblem::new("fix", words::text("refusal.stale"))],
        Err(error) => return PanelError::from(error).show(&at.admin.person.chrome),
    };
    let all: Vec<_> = problems.into_iter().map(|problem| FieldProblem::new("fix", problem.message)).collect();
    let explained = app.control.explain_refusal(&at.admin.admin, &at.request_id).await;
    shown(&app, &at, explained, Faults::from(all)).await
}
