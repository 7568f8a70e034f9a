//! Choosing otherwise: for single files, and by rules.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use portcullis_control::{Choice, ChoiceDraft, ChoiceView, ControlError, PlanView, Reason};

use super::super::super::error::PanelError;
use super::super::super::fields::{Faults, Fields};
use super::super::super::page::on_to;
use super::super::super::posted::Posted;
use super::super::super::words;
use super::super::said;
use super::At;
use super::page::{Trouble, shown};
use super::row::key_of;
use super::wanted::Wanted;
use crate::app::App;

/// A rule as the page shows it.
pub(super) struct Rule {
    /// Its place among all choices.
    pub(super) at: usize,
    pub(super) reason: &'static str,
    /// Below which folder; empty for everywhere.
    pub(super) prefix: String,
    pub(super) choice: &'static str,
    pub(super) said: String,
}

/// The rules among the choices of a plan.
pub(super) fn rules_of(plan: &PlanView) -> Vec<Rule> {
    let rules = plan.choices.iter().enumerate().filter(|(_, choice)| choice.key.is_none());
    let rule = |(at, view): (usize, &ChoiceView)| {
        let reason = view.reason.map_or_else(|| words::text("sync.rule.any"), said::reason);
        let choice = said::choice(view.choice);
        let prefix = view.prefix.clone().unwrap_or_default();
        let place = if prefix.is_empty() { words::text("sync.rule.everywhere") } else { &prefix };
        let what = words::fill("sync.rule.said", &[&place, &reason]);
        Rule { at, reason, choice, said: words::fill("sync.rule.said", &[&what, &choice]), prefix }
    };
    rules.map(rule).collect()
}

/// What was chosen for single files.
pub(super) fn own_choices(plan: &PlanView) -> BTreeMap<&str, Choice> {
    plan.choices.iter().filter_map(|view| Some((view.key.as_deref()?, view.choice))).collect()
}

fn draft(view: &ChoiceView) -> ChoiceDraft {
    ChoiceDraft {
        key: view.key.clone(),
        prefix: view.prefix.clone(),
        reason: view.reason.map(|reason| reason.as_str().to_owned()),
        choice: view.choice.as_str().to_owned(),
    }
}

/// `POST /sync/plans/{id}/choices`: what was chosen for the files of one page; those of other pages stay.
pub(super) async fn save(State(app): State<Arc<App>>, at: At, form: Posted) -> Response {
    let saved = try_save(&app, &at, &form).await;
    saved.unwrap_or_else(|error| error.show(&at.person.chrome))
}

async fn try_save(app: &App, at: &At, form: &Fields) -> Result<Response, PanelError> {
    let plan = app.control.sync_plan(&at.admin, at.plan).await?;
    let mut choices: Vec<ChoiceDraft> = plan.choices.iter().map(draft).collect();
    for (field, choice) in form.pairs() {
        let Some(key) = key_of(field) else { continue };
        choices.retain(|draft| draft.key.as_deref() != Some(key.as_str()));
        if !choice.is_empty() {
            choices.push(ChoiceDraft { key: Some(key), choice: choice.to_owned(), ..ChoiceDraft::default() });
        }
    }
    put(app, at, form, &choices, Faults::default()).await
}

/// `POST /sync/plans/{id}/rules`: one more rule, or one less.
pub(super) async fn rules(State(app): State<Arc<App>>, at: At, form: Posted) -> Response {
    let saved = try_rules(&app, &at, &form).await;
    saved.unwrap_or_else(|error| error.show(&at.person.chrome))
}

async fn try_rules(app: &App, at: &At, form: &Fields) -> Result<Response, PanelError> {
    let plan = app.control.sync_plan(&at.admin, at.plan).await?;
    let mut choices: Vec<ChoiceDraft> = plan.choices.iter().map(draft).collect();
    let mut faults = Faults::default();
    if let Some(remove) = form.filled("remove") {
        let place = remove.parse::<usize>().ok().filter(|place| *place < choices.len());
        choices.remove(place.ok_or(PanelError::Malformed)?);
    } else {
        let filled = |name: &str| Some(form.get(name).to_owned()).filter(|text| !text.is_empty());
        if Choice::parse(form.get("choice")).is_none() {
            faults.add("choice", words::text("sync.rule.empty"));
        }
        let (prefix, reason) = (filled("prefix"), filled("reason"));
        if prefix.is_none() && reason.is_none() {
            faults.add("rule-reason", words::text("sync.rule.all"));
        }
        let choice = form.get("choice").to_owned();
        choices.push(ChoiceDraft { key: None, prefix, reason, choice });
    }
    put(app, at, form, &choices, faults).await
}

async fn put(
    app: &App,
    at: &At,
    form: &Fields,
    choices: &[ChoiceDraft],
    mut faults: Faults,
) -> Result<Response, PanelError> {
    let wanted = Wanted::of_back(form);
    if faults.is_empty() {
        let Ok(version) = form.get("version").parse() else { return Err(PanelError::Malformed) };
        match app.control.choose(&at.admin, at.plan, Some(version), choices).await {
            Ok(_) => {
                let back = wanted.at(at.plan, wanted.after.as_deref());
                return Ok(on_to(&back, "done.sync_saved").into_response());
            }
            Err(ControlError::Stale) => {
                let stale = Trouble::of(words::text("sync.apply.changed"));
                return shown(app, at, &wanted, stale).await;
            }
            Err(ControlError::NotNow(why)) => return shown(app, at, &wanted, Trouble::of(&why)).await,
            Err(ControlError::Invalid(problems)) => {
                problems
                    .into_iter()
                    .for_each(|problem| faults.add(field_of(&problem.field), problem.message));
            }
            Err(error) => return Err(error.into()),
        }
    }
    let trouble = Trouble { faults, rule: Some(RuleFilled::of(form)), ..Trouble::default() };
    shown(app, at, &wanted, trouble).await
}

/// The form for a rule as it was filled in.
#[derive(Debug, Default)]
pub(super) struct RuleFilled {
    pub(super) reason: Option<Reason>,
    pub(super) prefix: String,
    pub(super) choice: Option<Choice>,
}

impl RuleFilled {
    fn of(form: &Fields) -> Self {
        Self {
            reason: Reason::parse(form.get("reason")),
            prefix: form.get("prefix").chars().take(1_100).collect(),
            choice: Choice::parse(form.get("choice")),
        }
    }
}

/// The field of the form for one of a draft: `choices[3].prefix`.
fn field_of(name: &str) -> &'static str {
    match name.rsplit('.').next() {
        Some("prefix") => "rule-prefix",
        Some("choice") => "choice",
        _ => "rule-reason",
    }
}
