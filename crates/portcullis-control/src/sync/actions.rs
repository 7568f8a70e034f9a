//! The keys of a plan, a page at a time.

use portcullis_access::SiteAdmin;
use portcullis_domain::{ObjectKey, SyncPlanId};
use portcullis_metadata::{Page, PageRequest, PagesOf, SyncPageRow};
use portcullis_sync::{
    Action, Agreed, Evidence, Op, PlanTerms, Reason, Seen, Side, Sides, StoreError, choice_for,
    decide_choice, decode,
};

use super::stored::{ReadPlan, foreign};
use super::{ActionQuery, ActionView, OpWord, SeenView};
use crate::check::Check;
use crate::{Control, ControlError, Result};

/// Pages of actions that one request looks through; whoever searches goes on with the cursor.
const SCANNED: usize = 64;

/// What of the actions is wanted.
struct Wanted {
    op: Option<OpWord>,
    reason: Option<Reason>,
    search: Option<String>,
    only_open: bool,
}

impl Wanted {
    fn of(query: &ActionQuery) -> Result<Self> {
        let mut check = Check::default();
        let op = query.op.as_deref().map(|word| OpWord::parse(word).ok_or(word));
        if matches!(op, Some(Err(_))) {
            let all: Vec<_> = OpWord::ALL.iter().map(|op| op.as_str()).collect();
            check.problem("op", format!("one of {}", all.join(", ")));
        }
        let reason = query.reason.as_deref().map(|word| Reason::parse(word).ok_or(word));
        if matches!(reason, Some(Err(_))) {
            let all: Vec<_> = Reason::ALL.iter().map(|reason| reason.as_str()).collect();
            check.problem("reason", format!("one of {}", all.join(", ")));
        }
        let search = query.search.as_deref().map(str::trim).filter(|text| !text.is_empty());
        check.require(search.is_none_or(|text| text.len() <= 1_024), "search", "at most 1,024 bytes");
        check.finish(Some(()))?;
        Ok(Self {
            op: op.and_then(std::result::Result::ok),
            reason: reason.and_then(std::result::Result::ok),
            search: search.map(str::to_lowercase),
            only_open: query.only_open,
        })
    }

    fn names(&self, key: &ObjectKey) -> bool {
        self.search.as_deref().is_none_or(|text| key.as_str().to_lowercase().contains(text))
    }

    fn takes(&self, view: &ActionView) -> bool {
        self.op.is_none_or(|op| op == view.op)
            && self.reason.is_none_or(|reason| view.reason == Some(reason))
            && (!self.only_open || is_waiting(view))
    }
}

/// Whether somebody has to say what is to be done.
fn is_waiting(view: &ActionView) -> bool {
    view.op == OpWord::Leave && view.chosen.is_none() && view.reason.is_some_and(Reason::is_conflict)
}

/// A page that is not one.
pub(super) fn damaged(_: StoreError) -> ControlError {
    foreign()
}

impl Control {
    /// One page of a plan's keys in their order, with what was chosen. One request looks through a bounded part of the plan: a page may
    /// hold fewer than were asked for, and even none, though another follows.
    ///
    /// # Errors
    /// [`ControlError::NotFound`]; [`ControlError::Invalid`] for a word that is none of `op` or `reason`, or a cursor that no list
    /// gave; [`ControlError::Metadata`].
    pub async fn sync_actions(
        &self,
        admin: &SiteAdmin,
        plan: SyncPlanId,
        query: &ActionQuery,
        page: &PageRequest,
    ) -> Result<Page<ActionView>> {
        let wanted = Wanted::of(query)?;
        let plan = self.find_plan(admin, plan).await?;
        let from = match page.after.as_deref().map(str::parse) {
            None => 0,
            Some(Ok(from)) => from,
            Some(Err(_)) => {
                return Err(ControlError::invalid(
                    "cursor",
                    "not a cursor of this list; begin again without one",
                ));
            }
        };
        let limit = usize::try_from(page.limit.clamp(1, PageRequest::MAX)).unwrap_or(1);
        if wanted.op == Some(OpWord::Unchanged) {
            return self.unchanged(&plan, &wanted, from, limit).await;
        }
        let (of, mut items, mut next) = (plan.row.pages(), Vec::new(), from);
        let Some(first) = self.metadata.sync_page_with_seq(&of, from).await? else {
            return Ok(Page { items, next: None });
        };
        let (mut no, mut current) = (first.no, Some(first));
        for _ in 0..SCANNED {
            let Some(row) = current.take() else { return Ok(Page { items, next: None }) };
            for action in decode::<Action>(&row.data).map_err(damaged)? {
                if action.seq < from {
                    continue;
                }
                if items.len() >= limit {
                    return Ok(Page { items, next: Some(action.seq.to_string()) });
                }
                next = action.seq.saturating_add(1);
                if wanted.names(&action.key) {
                    items.extend(view_action(&plan, &action).filter(|view| wanted.takes(view)));
                }
            }
            no += 1;
            current = self.metadata.sync_page(&of, no).await?;
        }
        Ok(Page { items, next: current.map(|_| next.to_string()) })
    }

    /// What both sides had agreed on, and still have. The cursor counts what was agreed on.
    async fn unchanged(
        &self,
        plan: &ReadPlan,
        wanted: &Wanted,
        from: u64,
        limit: usize,
    ) -> Result<Page<ActionView>> {
        let generation = plan.row.base_generation;
        let counts = plan.made.as_ref().is_some_and(|made| made.terms.base.is_known());
        if generation == 0 || !counts || wanted.reason.is_some() || wanted.only_open {
            return Ok(Page { items: Vec::new(), next: None });
        }
        let base = PagesOf::Base { pair: plan.row.pair, generation };
        let (mut items, mut planned) = (Vec::new(), PlannedKeys::new(self, plan.row.pages()));
        let Some(first) = self.metadata.sync_page_with_seq(&base, from).await? else {
            return Ok(Page { items, next: None });
        };
        let (mut next, mut no, mut current) = (from, first.no, Some(first));
        for _ in 0..SCANNED {
            let Some(row) = current.take() else { return Ok(Page { items, next: None }) };
            for (number, agreed) in (row.first_seq..).zip(decode::<Agreed>(&row.data).map_err(damaged)?) {
                if number < from {
                    continue;
                }
                if items.len() >= limit {
                    return Ok(Page { items, next: Some(number.to_string()) });
                }
                next = number.saturating_add(1);
                if wanted.names(&agreed.key) && !planned.has(&agreed.key).await? {
                    items.push(view_agreed(number, &agreed));
                }
            }
            no += 1;
            current = self.metadata.sync_page(&base, no).await?;
        }
        Ok(Page { items, next: current.map(|_| next.to_string()) })
    }

    /// The action of a plan for this key.
    pub(super) async fn action_for(&self, plan: &ReadPlan, key: &ObjectKey) -> Result<Option<Action>> {
        let Some(row) = self.metadata.sync_page_with_key(&plan.row.pages(), key.as_str()).await? else {
            return Ok(None);
        };
        Ok(decode::<Action>(&row.data).map_err(damaged)?.into_iter().find(|action| action.key == *key))
    }
}

/// The keys of a plan, asked for in their order.
struct PlannedKeys<'a> {
    control: &'a Control,
    of: PagesOf,
    page: Vec<ObjectKey>,
    /// The first key of the page after that; none if there is no such page.
    after: Option<String>,
    begun: bool,
}

impl<'a> PlannedKeys<'a> {
    const fn new(control: &'a Control, of: PagesOf) -> Self {
        Self { control, of, page: Vec::new(), after: None, begun: false }
    }

    async fn has(&mut self, key: &ObjectKey) -> Result<bool> {
        let passed = self.after.as_deref().is_some_and(|after| after <= key.as_str());
        if passed || !self.begun {
            self.begun = true;
            let metadata = &self.control.metadata;
            let Some(row) = metadata.sync_page_with_key(&self.of, key.as_str()).await? else {
                return Ok(false);
            };
            let actions = decode::<Action>(&row.data).map_err(damaged)?;
            self.page = actions.into_iter().map(|action| action.key).collect();
            self.after =
                metadata.sync_page(&self.of, row.no + 1).await?.map(|row: SyncPageRow| row.first_key);
        }
        Ok(self.page.binary_search(key).is_ok())
    }
}

fn view_action(plan: &ReadPlan, action: &Action) -> Option<ActionView> {
    let terms: &PlanTerms = &plan.made.as_ref()?.terms;
    let chosen = choice_for(action, &plan.choices);
    let action = decide_choice(action, &plan.choices, terms);
    let (op, copy, copy_of) = word(&action.op);
    Some(ActionView {
        seq: action.seq,
        key: action.key.as_str().to_owned(),
        op,
        copy,
        copy_of,
        reason: Some(action.reason),
        evidence: action.evidence,
        chosen,
        seen: Sides {
            storage: action.seen.storage.as_ref().map(view_seen),
            bucket: action.seen.bucket.as_ref().map(view_seen),
        },
    })
}

fn view_seen(seen: &Seen) -> SeenView {
    SeenView {
        size: seen.mark.size,
        etag: seen.mark.etag.to_string(),
        modified: Some(seen.modified),
        archived: seen.archived,
    }
}

fn view_agreed(number: u64, agreed: &Agreed) -> ActionView {
    let seen = |side: Side| {
        let mark = agreed.marks.of(side);
        Some(SeenView { size: mark.size, etag: mark.etag.to_string(), modified: None, archived: false })
    };
    ActionView {
        seq: number,
        op: OpWord::Unchanged,
        copy: None,
        copy_of: None,
        reason: None,
        evidence: Evidence::Agreement,
        chosen: None,
        seen: Sides { storage: seen(Side::Storage), bucket: seen(Side::Bucket) },
        key: agreed.key.as_str().to_owned(),
    }
}

/// The word for what is done, and the other name if both stay.
fn word(op: &Op) -> (OpWord, Option<String>, Option<Side>) {
    let word = match op {
        Op::KeepBoth { from, copy } => {
            return (OpWord::KeepBoth, Some(copy.as_str().to_owned()), Some(*from));
        }
        Op::Agree => OpWord::Agree,
        Op::Forget => OpWord::Forget,
        Op::Write { to: Side::Storage } => OpWord::WriteToStorage,
        Op::Write { to: Side::Bucket } => OpWord::WriteToBucket,
        Op::Delete { on: Side::Storage } => OpWord::DeleteInStorage,
        Op::Delete { on: Side::Bucket } => OpWord::DeleteInBucket,
        Op::PutBack { on: Side::Storage, .. } => OpWord::PutBackInStorage,
        Op::PutBack { on: Side::Bucket, .. } => OpWord::PutBackInBucket,
        Op::Leave => OpWord::Leave,
    };
    (word, None, None)
}
