//! Ranges that are fetched side by side and handed over in their order.

use std::collections::VecDeque;

use portcullis_domain::ObjectKey;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use super::probe::folders;
use super::{Listed, Lister};
use crate::plan::PlanFault;

/// Pages that a range has before the rest of it is fetched in turn: where a side has far more keys than the cuts say.
const RANGE_PAGES: usize = 6;

/// Pages one by one, with no cut to come, after which folders are looked for.
const LONELY: usize = 4;

/// How often folders are looked for.
const PROBES: usize = 16;

/// What the requests of a range brought.
struct Range {
    entries: Vec<Listed>,
    /// Where the range goes on, if it has more pages than a range may have.
    rest: Option<ObjectKey>,
    /// Whether the side has nothing after it.
    last: bool,
}

/// Ranges under way, in their order.
pub(super) struct Window {
    lister: Lister,
    cuts: mpsc::Receiver<ObjectKey>,
    out: mpsc::Sender<Result<Vec<Listed>, PlanFault>>,
    /// Up to here everything was asked for.
    at: Option<ObjectKey>,
    ranges: VecDeque<(ObjectKey, oneshot::Receiver<Result<Range, PlanFault>>)>,
    tasks: JoinSet<()>,
    /// Cuts that were found here.
    folders: VecDeque<ObjectKey>,
    lonely: usize,
    probes: usize,
}

impl Window {
    pub(super) fn new(
        lister: Lister,
        cuts: mpsc::Receiver<ObjectKey>,
        out: mpsc::Sender<Result<Vec<Listed>, PlanFault>>,
    ) -> Self {
        Self {
            lister,
            cuts,
            out,
            at: None,
            ranges: VecDeque::new(),
            tasks: JoinSet::new(),
            folders: VecDeque::new(),
            lonely: 0,
            probes: 0,
        }
    }

    pub(super) async fn slide(mut self, parallel: usize) {
        loop {
            self.open(parallel);
            if self.lonely >= LONELY && self.probes < PROBES {
                self.lonely = 0;
                self.probes += 1;
                self.folders = folders(&self.lister, self.at.as_ref()).await.into();
                self.open(parallel);
            }
            let more = match self.ranges.pop_front() {
                Some((end, range)) => self.hand_over(&end, range).await,
                None => self.one_page().await,
            };
            match more {
                Ok(true) => {}
                Ok(false) => return,
                Err(fault) => {
                    drop(self.out.send(Err(fault)).await);
                    return;
                }
            }
        }
    }

    /// As many ranges as may be under way, as far as cuts are known.
    fn open(&mut self, parallel: usize) {
        while self.tasks.try_join_next().is_some() {}
        // What was fetched and not yet taken counts too: that is what bounds memory.
        while self.ranges.len() < parallel {
            let cut = self.cuts.try_recv().ok().or_else(|| self.folders.pop_front());
            let Some(cut) = cut else { return };
            if self.at.as_ref().is_some_and(|at| *at >= cut) {
                continue;
            }
            let (to, range) = oneshot::channel();
            let (lister, from, end) = (self.lister.clone(), self.at.replace(cut.clone()), cut.clone());
            self.tasks.spawn(async move {
                drop(to.send(lister.range(from, &end).await));
            });
            self.ranges.push_back((cut, range));
        }
    }

    async fn one_page(&mut self) -> Result<bool, PlanFault> {
        if self.cuts.is_closed() {
            self.lonely += 1;
        }
        let page = self.lister.page(self.at.as_ref()).await?;
        let taken = self.out.send(Ok(page.entries)).await.is_ok();
        let more = page.next.is_some();
        self.at = page.next;
        Ok(taken && more)
    }

    async fn hand_over(
        &mut self,
        end: &ObjectKey,
        range: oneshot::Receiver<Result<Range, PlanFault>>,
    ) -> Result<bool, PlanFault> {
        // A task that is gone was stopped with everything else.
        let mut range = range.await.map_err(|_| PlanFault::Stopped)??;
        loop {
            if self.out.send(Ok(range.entries)).await.is_err() || range.last {
                return Ok(false);
            }
            match range.rest {
                None => return Ok(true),
                Some(from) => range = self.lister.range(Some(from), end).await?,
            }
        }
    }
}

impl Lister {
    /// What lies after `from`, up to and with `end`.
    async fn range(&self, from: Option<ObjectKey>, end: &ObjectKey) -> Result<Range, PlanFault> {
        let mut entries = Vec::new();
        let mut after = from;
        for _ in 0..RANGE_PAGES {
            let page = self.page(after.as_ref()).await?;
            let beyond = page.entries.partition_point(|(key, _)| key <= end);
            let whole = beyond == page.entries.len();
            entries.extend(page.entries.into_iter().take(beyond));
            let reached = page.next.as_ref().is_some_and(|next| next >= end);
            let last = page.next.is_none();
            if last || reached || !whole {
                return Ok(Range { entries, rest: None, last: last && whole });
            }
            after = page.next;
        }
        Ok(Range { entries, rest: after, last: false })
    }
}
