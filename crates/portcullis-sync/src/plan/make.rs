//! Makes a plan.

use std::sync::Arc;

use portcullis_backend::ListRequest;
use portcullis_domain::{KeyPrefix, ObjectKey};
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::clash::{Clashes, Suspicion};
use super::feed::read_base;
use super::line::{Answer, Answered, Asking, Line};
use super::merge::{Feed, Merge};
use super::row::{Equal, Row};
use super::tally::{Tally, is_reserved};
use super::{
    BasePages, Cost, GuardHit, PageSink, PlanFault, PlanProgress, PlanTerms, Risk, Totals, guards, risks,
};
use crate::listing::{Cuts, Lister, cuts_for};
use crate::same::{First, Resolver, at_once};
use crate::{Reason, Side, Sides, Store};

/// What a plan comes to, besides its actions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PlanResult {
    /// What it comes to.
    pub totals: Totals,
    /// What stops it until somebody says that it is right.
    pub guards: Vec<GuardHit>,
    /// What it costs.
    pub cost: Cost,
    /// What to know before it is run.
    pub risks: Vec<Risk>,
}

impl PlanResult {
    pub(crate) fn of(totals: Totals, terms: &PlanTerms, progress: &PlanProgress) -> Self {
        Self {
            guards: guards(&totals, terms),
            cost: Cost::of(&totals, &progress.snapshot(), terms),
            risks: risks(&totals, terms),
            totals,
        }
    }
}

/// Makes a plan: what has to be done with every key that is not as both sides agreed on, in pages of [`Action`](crate::Action)
/// that go to `sink` as they fill. Memory does not grow with the number of keys. Nothing is written to a side.
///
/// `base` only counts if `terms` say that it is known. Where it is and nothing was changed, only listings are asked for.
///
/// # Errors
/// [`PlanFault`]: then the pages that were handed over are of no use.
pub async fn make_plan(
    stores: &Sides<Arc<dyn Store>>,
    base: Arc<dyn BasePages>,
    sink: &dyn PageSink,
    terms: &PlanTerms,
    progress: Arc<PlanProgress>,
    stop: &CancellationToken,
) -> Result<PlanResult, PlanFault> {
    // These tasks only read. They end with the plan that waits for them, whichever way it ends.
    let mut tasks = JoinSet::new();
    let merge = streams(&mut tasks, stores, base, terms, &progress);
    let resolver = Resolver::new(stores.clone(), terms.abilities, Arc::clone(&progress));
    let mut planner = Planner {
        merge,
        line: line(&resolver, terms),
        clashes: Clashes::new(&terms.abilities),
        tally: Tally::new(terms, sink),
        stores: stores.clone(),
        resolver,
        progress: Arc::clone(&progress),
    };
    tokio::select! {
        done = planner.go() => done?,
        () = stop.cancelled() => return Err(PlanFault::Stopped),
    }
    let totals = planner.tally.end().await?;
    Ok(PlanResult::of(totals, terms, &progress))
}

fn line(resolver: &Resolver, terms: &PlanTerms) -> Line {
    let resolver = resolver.clone();
    Line::new(terms.parallel, terms.read_budget, move |row, reading| {
        let (resolver, row, reading) = (resolver.clone(), row.clone(), reading.clone());
        Box::pin(async move {
            let (equal, spent) = resolver.read(&row, &reading).await?;
            Ok(Answer::Read(equal, spent))
        })
    })
}

/// The three streams. What knows keys ahead cuts the listings of remote sides: what was agreed on if there is something, else the side that
/// is not remote, else their own folders.
fn streams(
    tasks: &mut JoinSet<()>,
    stores: &Sides<Arc<dyn Store>>,
    base: Arc<dyn BasePages>,
    terms: &PlanTerms,
    progress: &Arc<PlanProgress>,
) -> Merge {
    let lister = |side: Side| Lister::new(Arc::clone(stores.of(side)), side, Arc::clone(progress));
    let remote = |side: Side| terms.abilities.of(side).remote;
    let known = terms.base.is_known();
    let mut cut = Vec::new();
    let mut follow = Sides::<Cuts>::default();
    let mut ranged = Sides { storage: None, bucket: None };
    for side in Side::BOTH.into_iter().filter(|side| remote(*side)) {
        let (to, cuts) = cuts_for(terms.parallel);
        *ranged.of_mut(side) = Some(cuts);
        if known {
            cut.push(to);
        } else if !remote(side.other()) {
            *follow.of_mut(side.other()) = Cuts::new(vec![to]);
        }
    }
    let base = if known { Feed::new(read_base(tasks, base, Cuts::new(cut))) } else { Feed::empty() };
    let mut list = |side: Side| {
        let pages = match ranged.of_mut(side).take() {
            Some(cuts) => lister(side).ranged(tasks, cuts, terms.parallel),
            None => lister(side).follow(tasks, std::mem::take(follow.of_mut(side))),
        };
        Feed::new(pages)
    };
    let sides = Sides { storage: list(Side::Storage), bucket: list(Side::Bucket) };
    Merge::new(sides, base)
}

struct Planner<'a> {
    merge: Merge,
    line: Line,
    clashes: Clashes,
    tally: Tally<'a>,
    stores: Sides<Arc<dyn Store>>,
    resolver: Resolver,
    progress: Arc<PlanProgress>,
}

impl Planner<'_> {
    async fn go(&mut self) -> Result<(), PlanFault> {
        loop {
            while let Some(answered) = self.line.pop() {
                self.tally.take(answered).await?;
            }
            let row = if self.line.is_empty() {
                self.merge.next().await?
            } else if self.line.has_room() {
                tokio::select! {
                    biased;
                    heard = self.line.hear() => {
                        heard?;
                        continue;
                    }
                    row = self.merge.next() => row?,
                }
            } else {
                self.line.hear().await?;
                continue;
            };
            match row {
                Some(row) => self.see(row).await?,
                None => return self.rest().await,
            }
        }
    }

    /// The rows that still wait when there are no more.
    async fn rest(&mut self) -> Result<(), PlanFault> {
        loop {
            while let Some(answered) = self.line.pop() {
                self.tally.take(answered).await?;
            }
            if self.line.is_empty() {
                let (compared, actions) = self.tally.so_far();
                self.progress.compared(compared, actions);
                return Ok(());
            }
            self.line.hear().await?;
        }
    }

    async fn see(&mut self, row: Row) -> Result<(), PlanFault> {
        self.tally.count(&row);
        let (compared, actions) = self.tally.so_far();
        if compared.is_multiple_of(256) {
            self.progress.compared(compared, actions);
        }
        let next = if self.clashes.looks_ahead() { self.merge.peek().await? } else { None };
        let suspicion = self.clashes.see(&row, next);
        if row.is_unchanged() {
            return Ok(());
        }
        let ready = |row, equal, clash| Answered { row, equal, clash };
        let answered = match suspicion {
            _ if is_reserved(&row.key) => ready(row, None, None),
            Suspicion::Clash(reason) => ready(row, None, Some(reason)),
            Suspicion::Look(at, reason) => {
                let asking = self.look_at(at, reason);
                self.line.push(row, asking);
                return Ok(());
            }
            Suspicion::LookUnder(prefix) => {
                let asking = self.look_under(prefix);
                self.line.push(row, asking);
                return Ok(());
            }
            Suspicion::None => match self.compare(&row) {
                Comparison::Not => ready(row, None, None),
                Comparison::Known(equal) => ready(row, equal, None),
                Comparison::Asked(asking) => {
                    self.line.push(row, asking);
                    return Ok(());
                }
            },
        };
        if self.line.is_empty() {
            return self.tally.take(answered).await;
        }
        self.line.push_ready(answered);
        Ok(())
    }

    fn compare(&self, row: &Row) -> Comparison {
        let (Some(storage), Some(bucket)) = (&row.seen.storage, &row.seen.bucket) else {
            return Comparison::Not;
        };
        let told = at_once(storage, bucket, &self.resolver.true_tags());
        if told.is_some() || !row.asks() {
            return Comparison::Known(told);
        }
        let (resolver, row) = (self.resolver.clone(), row.clone());
        Comparison::Asked(Box::pin(async move {
            Ok(match resolver.look(&row).await? {
                First::Answer(equal) => Answer::Equal(equal),
                First::Wants(reading) => Answer::Wants(reading),
            })
        }))
    }

    fn look_at(&self, at: Vec<(Side, ObjectKey)>, reason: Reason) -> Asking {
        let resolver = self.resolver.clone();
        Box::pin(async move {
            for (side, key) in at {
                if resolver.exists(side, &key).await? {
                    return Ok(Answer::Clash(Some(reason)));
                }
            }
            Ok(Answer::Clash(None))
        })
    }

    fn look_under(&self, prefix: String) -> Asking {
        let (stores, progress) = (self.stores.clone(), Arc::clone(&self.progress));
        Box::pin(async move {
            let clash = Answer::Clash(Some(Reason::ClashFileFolder));
            // A key so long that nothing can stand below it.
            let Ok(prefix) = KeyPrefix::parse(&prefix) else { return Ok(Answer::Clash(None)) };
            for side in Side::BOTH {
                let request = ListRequest { prefix: prefix.clone(), limit: 1, ..ListRequest::default() };
                let page = stores.of(side).list(&request).await;
                progress.listed(side, 0);
                if !page.map_err(|error| PlanFault::Side { side, error })?.objects.is_empty() {
                    return Ok(clash);
                }
            }
            Ok(Answer::Clash(None))
        })
    }
}

enum Comparison {
    /// Nothing is to be compared.
    Not,
    /// As far as the listings tell.
    Known(Option<Equal>),
    /// The sides have to be asked.
    Asked(Asking),
}
