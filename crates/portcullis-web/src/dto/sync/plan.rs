//! Plans.

use portcullis_control::{
    CheckView, ChoiceDraft, ChoiceView, GuardView, JobSettings, PlanDraft, PlanView, SideDraft,
};
use portcullis_domain::StorageId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::totals::{CostOut, TotalsOut};
use super::{SideIn, SideOut};

/// A plan to be made: what would have to be done so that two storages, or parts of them, hold the same.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewSyncPlan)]
pub(crate) struct PlanIn {
    /// The part of the storage that is meant, as the beginning of keys, byte by byte: `2027/` and not `2027` for a folder. All of it if left
    /// out.
    #[serde(default)]
    prefix: String,
    /// The other side.
    with: SideIn,
    /// `two_way`: changes of either side go to the other. `copy`: what is new or changed in the storage is written to the other, where
    /// nothing is deleted. `mirror`: the other becomes as the storage is.
    #[schema(pattern = "^(two_way|copy|mirror)$", example = "two_way")]
    mode: String,
    /// What becomes of files that differ when nothing says which is right: `keep_both`, `newest`, `storage`, `bucket` or `ask`. Left out:
    /// `keep_both` if two_way, `storage` otherwise.
    #[schema(pattern = "^(keep_both|newest|storage|bucket|ask)$", example = "keep_both")]
    conflicts: Option<String>,
    /// How many bytes may be read to find out whether files are the same; 1 GiB if left out.
    read_budget_bytes: Option<u64>,
    /// For how many days what is replaced or deleted is kept; 30 if left out.
    #[schema(minimum = 1)]
    keep_days: Option<u32>,
    /// More deletions than so many percent of what was agreed on need somebody's approval; 10 if left out.
    #[schema(maximum = 100)]
    max_delete_percent: Option<u8>,
    /// More deletions than so many do too; 1,000 if left out.
    max_delete_files: Option<u64>,
    /// More changes on one side than so many percent of what was agreed on do too; 30 if left out.
    #[schema(maximum = 100)]
    max_change_percent: Option<u8>,
}

impl PlanIn {
    /// The draft of a plan for this storage.
    pub(crate) fn draft(self, storage: StorageId) -> PlanDraft {
        let Self {
            prefix,
            with,
            mode,
            conflicts,
            read_budget_bytes,
            keep_days,
            max_delete_percent,
            max_delete_files,
            max_change_percent,
        } = self;
        let settings = JobSettings {
            read_budget_bytes,
            keep_days,
            max_delete_percent,
            max_delete_files,
            max_change_percent,
            ..JobSettings::default()
        };
        PlanDraft { storage: SideDraft { storage, prefix }, bucket: with.into(), mode, conflicts, settings }
    }
}

/// What was found that a person should look at before the plan is run.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SyncGuard)]
pub(crate) struct GuardOut {
    /// The word by which it is approved when the plan is run.
    #[schema(example = "mass_deletion")]
    code: String,
    /// What was found.
    what: String,
    /// What to do about it.
    press: String,
    /// Whether it can be approved at all.
    approvable: bool,
}

impl From<GuardView> for GuardOut {
    fn from(guard: GuardView) -> Self {
        let GuardView { code, what, press, approvable } = guard;
        Self { code, what, press, approvable }
    }
}

/// A line of the list of what is to be prepared.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SyncCheck)]
pub(crate) struct CheckOut {
    /// Which: `backup`, `inventory`, `transfers` or `ready`.
    code: &'static str,
    /// Whether it is done.
    ok: bool,
    /// How it is, in words.
    what: String,
}

impl From<CheckView> for CheckOut {
    fn from(check: CheckView) -> Self {
        Self { code: check.code.as_str(), ok: check.ok, what: check.what }
    }
}

/// What is done with some files, whatever the plan's policy says. One of `key`, `prefix` and `reason` has to be given; a prefix and a
/// reason go together. Of several that fit the last counts, and one for a key before all others.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SyncChoice)]
pub(crate) struct ChoiceBody {
    /// For this file.
    key: Option<String>,
    /// For all files whose keys begin so.
    prefix: Option<String>,
    /// For all files with this reason.
    #[schema(example = "conflict_new_new")]
    reason: Option<String>,
    /// `keep_both`, `newest`, `storage` (what it has, also if that is nothing), `bucket` (likewise) or `skip`.
    #[schema(pattern = "^(keep_both|newest|storage|bucket|skip)$", example = "bucket")]
    choice: String,
}

impl From<ChoiceBody> for ChoiceDraft {
    fn from(given: ChoiceBody) -> Self {
        let ChoiceBody { key, prefix, reason, choice } = given;
        Self { key, prefix, reason, choice }
    }
}

impl From<ChoiceView> for ChoiceBody {
    fn from(chosen: ChoiceView) -> Self {
        Self {
            key: chosen.key,
            prefix: chosen.prefix,
            reason: chosen.reason.map(|reason| reason.as_str().to_owned()),
            choice: chosen.choice.as_str().to_owned(),
        }
    }
}

/// All that is chosen in a plan.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SyncChoices)]
pub(crate) struct ChoicesIn {
    /// They take the place of those before; empty for none.
    pub(crate) choices: Vec<ChoiceBody>,
}

/// A plan: what would be done, how often, and what stands against it. The files are under `/actions`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SyncPlan)]
pub(crate) struct PlanOut {
    /// Identifies it.
    id: String,
    /// Identifies the two sides; all plans of the same two parts of storages have it.
    pair: String,
    /// `plan`, or `restore` if it takes a run back.
    kind: &'static str,
    /// The job that made it.
    job: Option<String>,
    /// The run that it takes back.
    restores: Option<String>,
    /// The side that was named first.
    storage: SideOut,
    /// The other side.
    bucket: SideOut,
    /// `two_way`, `copy` or `mirror`.
    mode: &'static str,
    /// What becomes of files that differ when nothing says which is right.
    conflicts: &'static str,
    /// For how many days what it replaces or deletes is kept.
    keep_days: u32,
    /// `planning`, `ready`, `failed`, `running`, `done` or `discarded`.
    state: &'static str,
    /// How many files were compared so far, while it is planned.
    compared: u64,
    /// What it comes to; null before it is ready.
    totals: Option<TotalsOut>,
    /// What a person should look at before it is run.
    guards: Vec<GuardOut>,
    /// What is less than perfect at these storages, in words.
    risks: Vec<String>,
    /// What it costs.
    cost: CostOut,
    /// What is to be prepared, and how it is with it.
    preparation: Vec<CheckOut>,
    /// What was chosen against the policy.
    choices: Vec<ChoiceBody>,
    /// Why it failed, or cannot be run any more; empty otherwise.
    told: String,
    /// Who made it.
    actor: String,
    /// When.
    #[schema(format = DateTime)]
    created_at: String,
    /// When it was ready.
    #[schema(format = DateTime)]
    planned_at: Option<String>,
    /// Its run.
    run: Option<String>,
}

impl From<PlanView> for PlanOut {
    fn from(plan: PlanView) -> Self {
        Self {
            id: plan.id.to_string(),
            pair: plan.pair.to_string(),
            kind: plan.kind.as_str(),
            job: plan.job.map(|id| id.to_string()),
            restores: plan.restores.map(|id| id.to_string()),
            storage: plan.sides.storage.into(),
            bucket: plan.sides.bucket.into(),
            mode: plan.mode.as_str(),
            conflicts: plan.conflicts.as_str(),
            keep_days: plan.keep_days,
            state: plan.state.as_str(),
            compared: plan.compared,
            totals: plan.totals.map(TotalsOut::from),
            guards: plan.guards.into_iter().map(GuardOut::from).collect(),
            risks: plan.risks,
            cost: plan.cost.into(),
            preparation: plan.preparation.into_iter().map(CheckOut::from).collect(),
            choices: plan.choices.into_iter().map(ChoiceBody::from).collect(),
            told: plan.told,
            actor: plan.actor,
            created_at: plan.created.to_string(),
            planned_at: plan.planned.map(|at| at.to_string()),
            run: plan.run.map(|id| id.to_string()),
        }
    }
}
