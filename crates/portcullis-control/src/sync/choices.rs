//! What people decide for keys of a plan.

use portcullis_access::SiteAdmin;
use portcullis_domain::{ObjectKey, SyncPlanId};
use portcullis_metadata::PlanState;
use portcullis_sync::{Choice, ChoiceRule, Reason, is_open, totals_with};

use super::actions::damaged;
use super::pages::Pages;
use super::plans::Detail;
use super::stored::{ReadPlan, foreign, json};
use super::{ChoiceDraft, PlanView};
use crate::audit::Deed;
use crate::check::Check;
use crate::{Control, ControlError, Result};

/// The most choices of a plan; for more keys there are rules.
const MOST: usize = 1_000;

impl Control {
    /// Replaces what was decided for keys of a plan; its totals and guards follow. The last choice that is for a key counts, one for the
    /// key itself before all others. With a version the plan must still have it.
    ///
    /// # Errors
    /// [`ControlError::NotFound`]; [`ControlError::Invalid`] naming `choices[n].choice`, `.key`, `.prefix` or `.reason`;
    /// [`ControlError::NotNow`] if the plan is not ready; [`ControlError::Stale`]; [`ControlError::Metadata`].
    pub async fn choose(
        &self,
        admin: &SiteAdmin,
        plan: SyncPlanId,
        version: Option<u64>,
        choices: &[ChoiceDraft],
    ) -> Result<PlanView> {
        let plan = self.find_plan(admin, plan).await?;
        if version.is_some_and(|version| version != plan.row.version) {
            return Err(ControlError::Stale);
        }
        if plan.row.state != PlanState::Ready {
            let state = plan.row.state.as_str();
            return Err(ControlError::NotNow(format!(
                "the plan is {state}; choices are made in one that is ready"
            )));
        }
        let (Some(made), Some(totals)) = (&plan.made, &plan.totals) else { return Err(foreign()) };
        let rules = self.check_choices(&plan, choices).await?;
        let pages = Pages { metadata: self.metadata.clone(), of: plan.row.pages() };
        let totals = totals_with(&pages, totals, &rules, &made.terms).await.map_err(damaged)?;
        let (id, before) = (plan.row.id, plan.row.version);
        let (rules, totals) = (json(&rules)?, json(&totals)?);
        let pair = self.pair_of(admin.site(), plan.row.pair).await?;
        let object = format!("{} choices: {}", choices.len(), pair.named());
        let deed = Deed {
            action: "choose_in_sync_plan",
            storage: Some(pair.row.storage),
            object: Some(&object),
            ..Deed::default()
        };
        let commit =
            self.metadata.choose_in_sync_plan(admin.site(), id, before, &rules, Some(totals.as_str()));
        Box::pin(self.carry_out(admin, deed, commit)).await?;
        let plan = self.find_plan(admin, id).await?;
        self.view_plan(admin, plan, &pair, Detail::Whole).await
    }

    async fn check_choices(&self, plan: &ReadPlan, choices: &[ChoiceDraft]) -> Result<Vec<ChoiceRule>> {
        let mut check = Check::default();
        if choices.len() > MOST {
            check.problem(
                "choices",
                format!("at most {MOST}; choose for a prefix or a reason instead of key by key"),
            );
            return check.finish(None);
        }
        let mut rules = Vec::with_capacity(choices.len());
        for (at, draft) in choices.iter().enumerate() {
            let rule = read_choice(&mut check, at, draft);
            if let Some(ChoiceRule { key: Some(key), .. }) = &rule {
                self.check_key(&mut check, at, plan, key).await?;
            }
            rules.extend(rule);
        }
        check.finish(Some(rules))
    }

    /// A choice for a key that the plan does not have, or can do nothing about, is a mistake.
    async fn check_key(&self, check: &mut Check, at: usize, plan: &ReadPlan, key: &str) -> Result<()> {
        let field = format!("choices[{at}].key");
        let Ok(key) = ObjectKey::parse(key) else { return Ok(()) };
        match self.action_for(plan, &key).await? {
            None => check.problem(field, "the plan has nothing to do with this key"),
            Some(action) if !is_open(&action) => {
                check.problem(field, format!("there is nothing to choose: {}", action.reason.as_str()))
            }
            Some(_) => {}
        }
        Ok(())
    }
}

fn read_choice(check: &mut Check, at: usize, draft: &ChoiceDraft) -> Option<ChoiceRule> {
    let field = |name: &str| format!("choices[{at}].{name}");
    let choice = Choice::parse(&draft.choice);
    if choice.is_none() {
        check.problem(field("choice"), "keep_both, newest, storage, bucket or skip");
    }
    let reason = match draft.reason.as_deref() {
        None => Some(None),
        Some(word) => {
            let reason = Reason::parse(word);
            if reason.is_none() {
                let all: Vec<_> = Reason::ALL.iter().map(|reason| reason.as_str()).collect();
                check.problem(field("reason"), format!("one of {}", all.join(", ")));
            }
            reason.map(Some)
        }
    };
    if draft.key.is_none() && draft.prefix.is_none() && draft.reason.is_none() {
        check.problem(field("key"), "say what it is for: a key, a prefix (empty for all), or a reason");
        return None;
    }
    let rule =
        ChoiceRule { key: draft.key.clone(), prefix: draft.prefix.clone(), reason: reason?, choice: choice? };
    if let Err(invalid) = rule.check() {
        check.problem(field(if rule.key.is_some() { "key" } else { "prefix" }), invalid.to_string());
        return None;
    }
    Some(rule)
}
