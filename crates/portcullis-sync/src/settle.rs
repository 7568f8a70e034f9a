//! What both sides agree on after a run.

use std::cmp::Ordering;
use std::collections::{BTreeMap, btree_map};
use std::iter::Peekable;
use std::vec;

use portcullis_domain::ObjectKey;

use crate::plan::{BasePages, PageSink, Pager};
use crate::run::{ActionPages, Choose};
use crate::{Action, Agreed, Journal, Mark, Op, Sides, Step, StepState, StoreError, decode};

/// Effects out of the order of keys that are remembered: other names of conflicting objects. What is left out is found to be the same by
/// the next plan.
const MOST_APART: usize = 100_000;

/// What was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settled {
    /// Keys that both sides agree on.
    pub keys: u64,
    /// Pages of them.
    pub pages: u64,
}

/// What is agreed on at a key now, or that nothing is.
type Now = Option<Sides<Mark>>;

/// Writes what both sides agree on after a run, as pages of [`Agreed`]: what they agreed on before the plan (none if that did not count),
/// with what the plan found to be the same and what the run did. What the run did not do, or left halfway, stays as it was
/// agreed on, so that the next plan finds it again.
///
/// The plan and the journal are read twice. A run that was not carried to its end can be settled too.
///
/// # Errors
/// Those of the pages, the journal and the sink; [`StoreFault::Corrupt`](crate::StoreFault::Corrupt) if a page is none.
pub async fn settle(
    base: Option<&dyn BasePages>,
    actions: &dyn ActionPages,
    choose: &dyn Choose,
    journal: &dyn Journal,
    sink: &dyn PageSink,
) -> Result<Settled, StoreError> {
    let effects = || Effects { actions, choose, journal, no: 0, reached: None };
    let mut apart = BTreeMap::new();
    let mut first = effects();
    while let Some(page) = first.page().await? {
        for (key, now) in page.apart {
            if apart.len() < MOST_APART || apart.contains_key(&key) {
                apart.insert(key, now);
            }
        }
    }
    let mut next = Next {
        base: Base { pages: base, no: 0, page: Vec::new().into_iter(), head: None },
        apart: apart.into_iter().peekable(),
        pager: Pager::new(sink),
    };
    let mut second = effects();
    while let Some(page) = second.page().await? {
        for (key, now) in page.in_order {
            next.up_to(Some(&key)).await?;
            next.set(key, now).await?;
        }
    }
    next.up_to(None).await?;
    let (keys, pages) = next.pager.end().await?;
    Ok(Settled { keys, pages })
}

/// What the actions of a plan and the steps of its run do to what is agreed on.
struct Effects<'a> {
    actions: &'a dyn ActionPages,
    choose: &'a dyn Choose,
    journal: &'a dyn Journal,
    no: u64,
    /// The last key in order.
    reached: Option<ObjectKey>,
}

#[derive(Default)]
struct EffectPage {
    in_order: Vec<(ObjectKey, Now)>,
    apart: Vec<(ObjectKey, Now)>,
}

impl Effects<'_> {
    async fn page(&mut self) -> Result<Option<EffectPage>, StoreError> {
        let Some(bytes) = self.actions.page(self.no).await? else { return Ok(None) };
        self.no += 1;
        let actions: Vec<Action> = decode(&bytes)?;
        let mut page = EffectPage::default();
        let (Some(first), Some(last)) = (actions.first(), actions.last()) else { return Ok(Some(page)) };
        let mut steps = self.journal.steps(first.seq..=last.seq).await?.into_iter().peekable();
        for action in actions {
            while steps.next_if(|step| step.seq < action.seq).is_some() {}
            let step = steps.next_if(|step| step.seq == action.seq);
            let action = self.choose.choose(action);
            let done = step.filter(|step| step.state == StepState::Done);
            if let Some(copied) = done.as_ref().and_then(|step| step.copy.clone())
                && let (Some(storage), Some(bucket)) = (copied.wrote.storage, copied.wrote.bucket)
            {
                page.apart.push((copied.key, Some(Sides { storage, bucket })));
            }
            let in_order = self.reached.as_ref().is_none_or(|reached| *reached < action.key);
            if in_order {
                self.reached = Some(action.key.clone());
            }
            if let Some(now) = effect(&action, done) {
                let list = if in_order { &mut page.in_order } else { &mut page.apart };
                list.push((action.key, now));
            }
        }
        Ok(Some(page))
    }
}

/// What is agreed on after an action; outer none if that stays as it is.
fn effect(action: &Action, done: Option<Step>) -> Option<Now> {
    match &action.op {
        Op::Leave => None,
        Op::Forget => Some(None),
        Op::Agree => match (&action.seen.storage, &action.seen.bucket) {
            (Some(storage), Some(bucket)) => {
                Some(Some(Sides { storage: storage.mark.clone(), bucket: bucket.mark.clone() }))
            }
            (Some(_) | None, _) => None,
        },
        Op::Write { .. } | Op::Delete { .. } | Op::KeepBoth { .. } | Op::PutBack { .. } => {
            done.map(|step| step.agreed)
        }
    }
}

/// What was agreed on before, entry by entry.
struct Base<'a> {
    pages: Option<&'a dyn BasePages>,
    no: u64,
    page: vec::IntoIter<Agreed>,
    head: Option<Agreed>,
}

impl Base<'_> {
    async fn fill(&mut self) -> Result<(), StoreError> {
        while self.head.is_none() {
            self.head = self.page.next();
            if self.head.is_none() {
                let Some(pages) = self.pages else { return Ok(()) };
                let Some(bytes) = pages.page(self.no).await? else {
                    self.pages = None;
                    return Ok(());
                };
                self.no += 1;
                self.page = decode::<Agreed>(&bytes)?.into_iter();
            }
        }
        Ok(())
    }
}

/// What is agreed on now, in the making.
struct Next<'a> {
    base: Base<'a>,
    apart: Peekable<btree_map::IntoIter<ObjectKey, Now>>,
    pager: Pager<'a, Agreed>,
}

impl Next<'_> {
    /// Writes everything that stands before a key; everything at all without one.
    async fn up_to(&mut self, end: Option<&ObjectKey>) -> Result<(), StoreError> {
        loop {
            self.base.fill().await?;
            let before = |key: &ObjectKey| end.is_none_or(|end| key < end);
            let base = self.base.head.as_ref().map(|agreed| &agreed.key).filter(|key| before(key));
            let apart = self.apart.peek().map(|(key, _)| key).filter(|key| before(key));
            let order = match (base, apart) {
                (None, None) => return Ok(()),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(base), Some(apart)) => base.cmp(apart),
            };
            if order == Ordering::Less {
                if let Some(agreed) = self.base.head.take() {
                    self.pager.push(agreed).await?;
                }
                continue;
            }
            if order == Ordering::Equal {
                self.base.head = None;
            }
            if let Some((key, now)) = self.apart.next() {
                self.write(key, now).await?;
            }
        }
    }

    /// Writes what is agreed on at a key that everything before was written of.
    async fn set(&mut self, key: ObjectKey, now: Now) -> Result<(), StoreError> {
        self.base.fill().await?;
        if self.base.head.as_ref().is_some_and(|agreed| agreed.key == key) {
            self.base.head = None;
        }
        let apart = self.apart.next_if(|(other, _)| *other == key);
        let now = apart.map_or(now, |(_, now)| now);
        self.write(key, now).await
    }

    async fn write(&mut self, key: ObjectKey, now: Now) -> Result<(), StoreError> {
        match now {
            Some(marks) => self.pager.push(Agreed { key, marks }).await,
            None => Ok(()),
        }
    }
}
