//! The page of a plan.

use std::sync::Arc;

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use http::StatusCode;
use portcullis_control::{
    ActionView, CheckCode, Choice, ControlError, GuardView, OpWord, Page, PageRequest, PlanKind, PlanState,
    PlanView, Reason,
};
use portcullis_domain::Timestamp;

use super::super::super::error::PanelError;
use super::super::super::fields::{Faults, Fields};
use super::super::super::page::{Chrome, page, toast};
use super::super::super::words::{self, filters};
use super::super::places::SideLine;
use super::super::said::{self, StateChip};
use super::super::{job_path, plan_path, run_path};
use super::At;
use super::choices::{Rule, RuleFilled, own_choices, rules_of};
use super::figures::{Changes, Figure, figures};
use super::row::{Row, days};
use super::wanted::Wanted;
use crate::app::App;

/// As many files are on a page.
const ROWS: u32 = 50;

/// After so many minutes a plan is called old.
const OLD: u64 = 60;

/// What was wrong with a form that was sent.
#[derive(Debug, Default)]
pub(super) struct Trouble {
    /// Of the whole.
    pub(super) told: Option<String>,
    /// By field.
    pub(super) faults: Faults,
    /// The form for a rule, as it was filled in.
    pub(super) rule: Option<RuleFilled>,
    /// The form that applies the plan, as it was filled in.
    pub(super) apply: ApplyFilled,
}

impl Trouble {
    pub(super) fn of(told: &str) -> Self {
        Self { told: Some(super::super::super::fields::sentence(told)), ..Self::default() }
    }

    fn is_none(&self) -> bool {
        self.told.is_none() && self.faults.is_empty()
    }
}

/// The form that applies a plan, as it was filled in.
#[derive(Debug, Default)]
pub(super) struct ApplyFilled {
    pub(super) approve: Vec<String>,
    pub(super) in_flight: String,
    pub(super) rate: String,
}

/// What stands in a list of choices.
struct Choose {
    word: &'static str,
    name: &'static str,
    chosen: bool,
}

/// A line of the list of what is to be prepared.
struct Check {
    name: &'static str,
    ok: bool,
    what: String,
}

#[derive(Template)]
#[template(path = "sync/plan.html")]
struct PlanPage<'a> {
    chrome: &'a Chrome,
    toast: Option<&'static str>,
    trouble: &'a Trouble,
    plan: &'a PlanView,
    home: String,
    chip: StateChip,
    here: SideLine,
    bucket: SideLine,
    mode: &'static str,
    policy: &'static str,
    actor: String,
    run: Option<String>,
    restores: Option<String>,
    job: Option<String>,
    figures: Vec<Figure>,
    checks: Vec<Check>,
    /// Whether it was made long enough ago for much to have changed.
    old: bool,
    button: Option<String>,
    keep: String,
    wanted: &'a Wanted,
    ops: Vec<Choose>,
    reasons: Vec<Choose>,
    rule_reasons: Vec<Choose>,
    rule_choices: Vec<Choose>,
    rule: &'a RuleFilled,
    rules: Vec<Rule>,
    rows: Vec<Row>,
    paged: bool,
    first: Option<String>,
    next: Option<String>,
}

impl PlanPage<'_> {
    fn is(&self, state: PlanState) -> bool {
        self.plan.state == state
    }

    fn is_restore(&self) -> bool {
        self.plan.kind == PlanKind::Restore
    }

    /// Whether choices may be made.
    fn is_open(&self) -> bool {
        self.is(PlanState::Ready)
    }

    /// Whether there is a list of files.
    fn has_list(&self) -> bool {
        self.plan.totals.is_some()
    }

    fn can_choose(&self) -> bool {
        self.is_open() && self.rows.iter().any(|row| !row.choices.is_empty())
    }

    fn is_approved(&self, guard: &GuardView) -> bool {
        self.trouble.apply.approve.contains(&guard.code)
    }

    fn can_be_approved(&self) -> bool {
        self.plan.guards.iter().all(|guard| guard.approvable)
    }

    fn has_plan_again(&self) -> bool {
        !matches!(self.plan.state, PlanState::Planning | PlanState::Running)
    }
}

/// `GET /sync/plans/{id}?q=&op=&reason=&open=&after=&done=`
pub(super) async fn show(State(app): State<Arc<App>>, at: At, RawQuery(query): RawQuery) -> Response {
    let fields = Fields::parse(query.unwrap_or_default().as_bytes());
    let wanted = Wanted::of(&fields);
    let done = toast(&fields);
    let shown = try_show(&app, &at, &wanted, &Trouble::default(), done).await;
    shown.unwrap_or_else(|error| error.show(&at.person.chrome))
}

/// The page with what was wrong with a form.
pub(super) async fn shown(
    app: &App,
    at: &At,
    wanted: &Wanted,
    trouble: Trouble,
) -> Result<Response, PanelError> {
    try_show(app, at, wanted, &trouble, None).await
}

async fn try_show(
    app: &App,
    at: &At,
    wanted: &Wanted,
    trouble: &Trouble,
    done: Option<&'static str>,
) -> Result<Response, PanelError> {
    let plan = app.control.sync_plan(&at.admin, at.plan).await?;
    let found = if plan.totals.is_some() {
        let request = PageRequest { limit: ROWS, after: wanted.after.clone() };
        match app.control.sync_actions(&at.admin, at.plan, &wanted.query(), &request).await {
            Ok(found) => found,
            // A place that is no longer one: from the beginning.
            Err(ControlError::Invalid(_)) if wanted.after.is_some() => {
                return Ok(Redirect::to(&wanted.at(at.plan, None)).into_response());
            }
            Err(error) => return Err(error.into()),
        }
    } else {
        Page { items: Vec::new(), next: None }
    };
    let template = made(&at.person.chrome, &plan, wanted, trouble, &found, done);
    let status = if trouble.is_none() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    Ok(page(status, &template))
}

fn made<'a>(
    chrome: &'a Chrome,
    plan: &'a PlanView,
    wanted: &'a Wanted,
    trouble: &'a Trouble,
    found: &Page<ActionView>,
    done: Option<&'static str>,
) -> PlanPage<'a> {
    static NO_RULE: RuleFilled = RuleFilled { reason: None, prefix: String::new(), choice: None };
    let own = own_choices(plan);
    let row = |action: &ActionView| Row::new(action, plan.kind, own.get(action.key.as_str()).copied());
    let rule = trouble.rule.as_ref().unwrap_or(&NO_RULE);
    PlanPage {
        chrome,
        toast: done,
        trouble,
        home: plan_path(plan.id),
        chip: said::plan_state(plan.state),
        here: SideLine::of(&plan.sides.storage),
        bucket: SideLine::of(&plan.sides.bucket),
        mode: said::mode(plan.mode),
        policy: said::policy(plan.conflicts).0,
        actor: said::actor(&plan.actor),
        run: plan.run.map(run_path),
        restores: plan.restores.map(run_path),
        job: plan.job.map(job_path),
        figures: plan.totals.as_ref().map(|totals| figures(plan, totals)).unwrap_or_default(),
        checks: plan.preparation.iter().map(check).collect(),
        old: plan.planned.is_some_and(|planned| is_old(chrome.now, planned)),
        button: plan.totals.as_ref().and_then(|totals| Changes::of(totals).button()),
        keep: days(plan.keep_days),
        wanted,
        ops: ops(plan, wanted.op),
        reasons: reasons(plan, wanted.reason),
        rule_reasons: reasons(plan, rule.reason),
        rule_choices: Choice::ALL
            .iter()
            .map(|choice| Choose {
                word: choice.as_str(),
                name: said::choice(*choice),
                chosen: rule.choice == Some(*choice),
            })
            .collect(),
        rule,
        rules: rules_of(plan),
        rows: found.items.iter().map(row).collect(),
        paged: wanted.after.is_some() || found.next.is_some(),
        first: wanted.after.is_some().then(|| wanted.at(plan.id, None)),
        next: found.next.as_deref().map(|next| wanted.at(plan.id, Some(next))),
        plan,
    }
}

fn is_old(now: Timestamp, planned: Timestamp) -> bool {
    let micros = now.micros().saturating_sub(planned.micros());
    u64::try_from(micros).unwrap_or(0) / 60_000_000 >= OLD
}

fn check(view: &portcullis_control::CheckView) -> Check {
    let name = match view.code {
        CheckCode::Backup => words::text("sync.check.backup"),
        CheckCode::Inventory => words::text("sync.check.inventory"),
        CheckCode::Transfers => words::text("sync.check.transfers"),
        CheckCode::Ready => words::text("sync.check.ready"),
    };
    Check { name, ok: view.ok, what: view.what.clone() }
}

/// The actions that a plan of this kind can have.
fn ops(plan: &PlanView, chosen: Option<OpWord>) -> Vec<Choose> {
    let fits = |op: &&OpWord| match (plan.kind, op) {
        (_, OpWord::Leave | OpWord::DeleteInStorage | OpWord::DeleteInBucket) => true,
        (kind, OpWord::PutBackInStorage | OpWord::PutBackInBucket) => kind == PlanKind::Restore,
        (kind, _) => kind == PlanKind::Plan,
    };
    let choose =
        |op: &OpWord| Choose { word: op.as_str(), name: said::op(*op, false), chosen: chosen == Some(*op) };
    OpWord::ALL.iter().filter(fits).map(choose).collect()
}

/// The reasons that a plan of this kind can have.
fn reasons(plan: &PlanView, chosen: Option<Reason>) -> Vec<Choose> {
    const OF_RESTORE: [Reason; 4] =
        [Reason::UndoWrite, Reason::UndoLoss, Reason::ChangedSince, Reason::KeptGone];
    let fits = |reason: &&Reason| OF_RESTORE.contains(reason) == (plan.kind == PlanKind::Restore);
    let choose = |reason: &Reason| Choose {
        word: reason.as_str(),
        name: said::reason(*reason),
        chosen: chosen == Some(*reason),
    };
    Reason::ALL.iter().filter(fits).map(choose).collect()
}
