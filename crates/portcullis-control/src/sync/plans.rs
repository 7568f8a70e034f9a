//! Plans: asked for, looked at, thrown away.

use portcullis_access::SiteAdmin;
use portcullis_domain::{SiteId, SyncPlanId, SyncRunId};
use portcullis_metadata::{NewSyncPlan, Page, PageRequest, PlanState, SyncPlanFilter, SyncPlanRow};
use portcullis_sync::{Count, Sides, Totals};

use super::check::{Wanted, check_settings, wanted};
use super::sides::{Pair, Pairs};
use super::stored::{Asked, ReadPlan, json};
use super::{
    Amount, ChoiceView, PlanCost, PlanDraft, PlanKind, PlanQuery, PlanTotals, PlanView, SideView, said,
};
use crate::audit::Deed;
use crate::check::Check;
use crate::{Control, ControlError, Result};

/// Plans of a site that are made at the same time or wait for it.
const MOST_PLANNING: u32 = 8;
/// Plans of a site that were made and neither run nor discarded.
const MOST_READY: u32 = 200;

/// A plan that is about to be asked for.
#[derive(Clone, Debug)]
pub(super) struct NewPlan {
    pub(super) wanted: Wanted,
    pub(super) asked: Asked,
    pub(super) restores: Option<SyncRunId>,
    pub(super) action: &'static str,
}

impl Control {
    /// Asks for a plan. It is made in the background: look at it again until it is no longer [`PlanState::Planning`].
    ///
    /// # Errors
    /// [`ControlError::NotFound`] if the storage that is named first is none of the site; [`ControlError::Invalid`] naming every
    /// field that is wrong: `prefix`, `with.storage`, `with.prefix`, `mode`, `conflicts`, and those of the settings;
    /// [`ControlError::NotNow`] if too many plans are open; [`ControlError::Metadata`].
    pub async fn make_sync_plan(&self, admin: &SiteAdmin, draft: &PlanDraft) -> Result<PlanView> {
        let mut check = Check::default();
        let ends = self.check_ends(admin, &mut check, None, (&draft.storage, &draft.bucket)).await?;
        let wanted = wanted(&mut check, &draft.mode, draft.conflicts.as_deref());
        check_settings(&mut check, &draft.settings);
        let (ends, wanted) = check.finish(ends.zip(wanted))?;
        let pair = self.pair_for(admin, ends).await?;
        let asked = Asked { settings: draft.settings.clone(), undo: None };
        let new = NewPlan { wanted, asked, restores: None, action: "plan_sync" };
        Box::pin(self.ask_for_plan(admin, &pair, new)).await
    }

    /// Writes down that a plan is wanted, and wakes whoever makes it.
    pub(super) async fn ask_for_plan(
        &self,
        admin: &SiteAdmin,
        pair: &Pair,
        new: NewPlan,
    ) -> Result<PlanView> {
        self.check_room(admin.site()).await?;
        let NewPlan { wanted, asked, restores, action } = new;
        let row = NewSyncPlan {
            id: SyncPlanId::generate(),
            site: admin.site(),
            pair: pair.row.id,
            job: None,
            restores,
            mode: wanted.mode.as_str().to_owned(),
            policy: wanted.policy.as_str().to_owned(),
            terms: json(&asked)?,
            keep_days: Some(asked.settings.keep_days.unwrap_or(super::check::KEEP_DAYS)),
            actor: admin.actor().to_owned(),
            created: self.access.now(),
        };
        let object = format!("{}: {}", wanted.mode.as_str(), pair.named());
        let deed = Deed { action, storage: Some(pair.row.storage), object: Some(&object), ..Deed::default() };
        let row = self.carry_out(admin, deed, self.metadata.create_sync_plan(&row)).await?;
        self.sync.wake();
        self.view_plan(admin, ReadPlan::of(row)?, pair, Detail::List).await
    }

    async fn check_room(&self, site: SiteId) -> Result<()> {
        for (state, most, help) in [
            (PlanState::Planning, MOST_PLANNING, "wait until one is ready"),
            (PlanState::Ready, MOST_READY, "run or discard some"),
        ] {
            let filter = SyncPlanFilter { state: Some(state), ..SyncPlanFilter::of(site) };
            let found = self.metadata.sync_plans(&filter, &PageRequest::first(most)).await?;
            if found.items.len() >= usize::try_from(most).unwrap_or(usize::MAX) {
                return Err(ControlError::NotNow(format!(
                    "{most} plans of this site are {}; {help}",
                    state.as_str()
                )));
            }
        }
        Ok(())
    }

    /// A plan of the admin's site, with how it is with what is to be prepared.
    ///
    /// # Errors
    /// [`ControlError::NotFound`], [`ControlError::Metadata`].
    pub async fn sync_plan(&self, admin: &SiteAdmin, id: SyncPlanId) -> Result<PlanView> {
        let plan = self.find_plan(admin, id).await?;
        let pair = self.pair_of(admin.site(), plan.row.pair).await?;
        self.view_plan(admin, plan, &pair, Detail::Whole).await
    }

    /// One page of the plans of the admin's site, the latest first; without what is to be prepared.
    ///
    /// # Errors
    /// [`ControlError::Invalid`] for a cursor that no list gave, [`ControlError::Metadata`].
    pub async fn sync_plans(
        &self,
        admin: &SiteAdmin,
        query: PlanQuery,
        page: &PageRequest,
    ) -> Result<Page<PlanView>> {
        let filter =
            SyncPlanFilter { storage: query.storage, state: query.state, ..SyncPlanFilter::of(admin.site()) };
        let found = self.metadata.sync_plans(&filter, page).await?;
        let (mut pairs, mut items) = (Pairs::new(self, admin.site()), Vec::with_capacity(found.items.len()));
        for row in found.items {
            let pair = pairs.of(row.pair).await?;
            // What another version wrote cannot be shown; the rest of the list can.
            let Ok(plan) = ReadPlan::of(row) else { continue };
            items.push(self.view_plan(admin, plan, pair, Detail::List).await?);
        }
        Ok(Page { items, next: found.next })
    }

    /// Throws a plan away that is being made, ready, or failed. Nothing else changes.
    ///
    /// # Errors
    /// [`ControlError::NotFound`]; [`ControlError::NotNow`] if it is or was run; [`ControlError::Metadata`].
    pub async fn discard_sync_plan(&self, admin: &SiteAdmin, id: SyncPlanId) -> Result<()> {
        let plan = self.find_plan(admin, id).await?;
        if plan.row.state == PlanState::Discarded {
            return Ok(());
        }
        let pair = self.pair_of(admin.site(), plan.row.pair).await?;
        let object = pair.named();
        let deed = Deed {
            action: "discard_sync_plan",
            storage: Some(pair.row.storage),
            object: Some(&object),
            ..Deed::default()
        };
        let discarded =
            self.carry_out(admin, deed, self.metadata.discard_sync_plan(admin.site(), id)).await?;
        if discarded {
            return self.release_job(&plan.row, "its plan was discarded").await;
        }
        let now = self.find_plan(admin, id).await?.row.state;
        if now == PlanState::Discarded {
            return Ok(());
        }
        Err(ControlError::NotNow("the plan is or was run; cancel the run, or take it back".to_owned()))
    }

    pub(super) async fn find_plan(&self, admin: &SiteAdmin, id: SyncPlanId) -> Result<ReadPlan> {
        let row = self.metadata.sync_plan(admin.site(), id).await?.ok_or(ControlError::NotFound)?;
        ReadPlan::of(row)
    }

    pub(super) async fn view_plan(
        &self,
        admin: &SiteAdmin,
        plan: ReadPlan,
        pair: &Pair,
        detail: Detail,
    ) -> Result<PlanView> {
        let sides = pair.views();
        let preparation = match detail {
            Detail::List => Vec::new(),
            Detail::Whole => Box::pin(self.preparation(admin, &plan, pair, &sides)).await?,
        };
        let run = match plan.row.state {
            PlanState::Running | PlanState::Done => {
                self.metadata.sync_run_of_plan(admin.site(), plan.row.id).await?.map(|run| run.id)
            }
            PlanState::Planning | PlanState::Ready | PlanState::Failed | PlanState::Discarded => None,
        };
        Ok(plan_view(plan, sides, preparation, run))
    }
}

/// How much of a plan is looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Detail {
    /// What is in the record.
    List,
    /// How it is with what is to be prepared too.
    Whole,
}

fn plan_view(
    plan: ReadPlan,
    sides: Sides<SideView>,
    preparation: Vec<super::CheckView>,
    run: Option<SyncRunId>,
) -> PlanView {
    let guards = plan.guards().iter().map(|hit| said::guard(hit, &sides)).collect();
    let ReadPlan { row, mode, policy, asked, made, totals, choices } = plan;
    let mut risks = match (&made, &totals) {
        (Some(made), Some(totals)) => portcullis_sync::risks(totals, &made.terms),
        (_, _) => Vec::new(),
    }
    .into_iter()
    .map(|risk| said::risk(risk, &sides))
    .collect::<Vec<_>>();
    risks.extend(said::open_prefix(&sides));
    let cost = made.as_ref().map_or_else(PlanCost::default, |made| cost_view(&made.cost, totals.as_ref()));
    PlanView {
        id: row.id,
        pair: row.pair,
        kind: if row.restores.is_some() { PlanKind::Restore } else { PlanKind::Plan },
        job: row.job,
        restores: row.restores,
        sides,
        mode,
        conflicts: policy,
        keep_days: asked.settings.keep_days.unwrap_or(super::check::KEEP_DAYS),
        settings: asked.settings,
        state: row.state,
        compared: compared(&row),
        totals: totals.as_ref().map(totals_view),
        guards,
        risks,
        cost,
        preparation,
        choices: choices.into_iter().map(choice_view).collect(),
        version: row.version,
        told: row.told,
        actor: row.actor,
        created: row.created,
        planned: row.planned,
        run,
    }
}

/// Keys compared so far.
fn compared(row: &SyncPlanRow) -> u64 {
    serde_json::from_str::<portcullis_sync::Planned>(&row.progress).unwrap_or_default().compared
}

fn choice_view(rule: portcullis_sync::ChoiceRule) -> ChoiceView {
    ChoiceView { key: rule.key, prefix: rule.prefix, reason: rule.reason, choice: rule.choice }
}

fn cost_view(cost: &portcullis_sync::Cost, totals: Option<&Totals>) -> PlanCost {
    let sum = |both: &Sides<u64>| both.storage.saturating_add(both.bucket);
    PlanCost {
        list_requests: sum(&cost.list_requests),
        head_requests: sum(&cost.head_requests),
        bytes_to_read: sum(&cost.bytes_read),
        bytes_to_move: totals.map_or_else(|| sum(&cost.bytes_to_move), |totals| sum(&totals.moved)),
    }
}

const fn amount(count: Count) -> Amount {
    Amount { files: count.files, bytes: count.bytes }
}

fn amounts(both: &Sides<Count>) -> Sides<Amount> {
    Sides { storage: amount(both.storage), bucket: amount(both.bucket) }
}

pub(super) fn totals_view(totals: &Totals) -> PlanTotals {
    PlanTotals {
        unchanged: totals.unchanged,
        agree: amount(totals.agree),
        forget: totals.forget,
        write: amounts(&totals.write),
        overwrite: amounts(&totals.overwrite),
        delete: amounts(&totals.delete),
        keep_both: amount(totals.keep_both),
        put_back: amounts(&totals.put_back),
        conflicts: totals.conflicts,
        left: totals.left.iter().map(|(reason, count)| (*reason, count.files)).collect(),
        seen: amounts(&totals.seen),
        base_keys: totals.base_keys,
    }
}
