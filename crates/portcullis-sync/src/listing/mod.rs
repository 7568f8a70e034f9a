//! A side's keys in their order, faster than page by page.
//!
//! A remote side gives a thousand keys for a round trip, so that one cursor is bound by the distance. Where keys are known ahead (from what
//! was agreed on, or from the other side's listing, which runs ahead) they cut the listing into many small ranges that are
//! fetched side by side, in a window that slides, and are handed over in their order. Where no cut is known yet the listing goes
//! on page by page: it never waits for one. Every page is checked: a key out of order or twice ends the plan, since in such a
//! listing a key that is missing may well be there.

mod probe;
mod window;

use std::sync::Arc;

use portcullis_backend::{ListPosition, ListRequest, ListedObject};
use portcullis_domain::{KeyPrefix, ObjectKey};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use window::Window;

use crate::plan::{PlanFault, PlanProgress};
use crate::{Seen, Side, Store, StoreError, StoreFault};

/// Keys of a page.
const PAGE_KEYS: usize = 1000;

/// A cut after so many keys: a range of four pages, of which on average half a page is fetched for nothing.
pub(crate) const CUT_KEYS: usize = 4 * PAGE_KEYS;

/// Pages that a listing page by page is ahead.
const AHEAD: usize = 4;

/// Pages that a listing is ahead which gives the cuts for the other one.
const LEAD_AHEAD: usize = 96;

/// A key and what a listing says of its object.
pub(crate) type Listed = (ObjectKey, Seen);

/// Pages, as they come.
pub(crate) type Pages<T> = mpsc::Receiver<Result<Vec<T>, PlanFault>>;

/// Where a listing is cut.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cuts {
    to: Vec<mpsc::Sender<ObjectKey>>,
    since: usize,
}

/// Cuts for one listing, from whatever knows its keys ahead.
pub(crate) fn cuts_for(parallel: usize) -> (mpsc::Sender<ObjectKey>, mpsc::Receiver<ObjectKey>) {
    mpsc::channel(parallel.saturating_mul(4).max(16))
}

impl Cuts {
    pub(crate) const fn new(to: Vec<mpsc::Sender<ObjectKey>>) -> Self {
        Self { to, since: 0 }
    }

    const fn leads(&self) -> bool {
        !self.to.is_empty()
    }

    /// One more key. A cut that nobody takes is left out: ranges become longer, nothing waits.
    pub(crate) fn pass(&mut self, key: &ObjectKey) {
        self.since += 1;
        if self.since >= CUT_KEYS {
            self.since = 0;
            for to in &self.to {
                drop(to.try_send(key.clone()));
            }
        }
    }
}

/// One side, to be listed.
#[derive(Clone, Debug)]
pub(crate) struct Lister {
    store: Arc<dyn Store>,
    side: Side,
    progress: Arc<PlanProgress>,
}

/// What one request brought.
struct Page {
    entries: Vec<Listed>,
    /// Where it goes on; none at the end.
    next: Option<ObjectKey>,
}

impl Lister {
    pub(crate) const fn new(store: Arc<dyn Store>, side: Side, progress: Arc<PlanProgress>) -> Self {
        Self { store, side, progress }
    }

    fn fault(&self, error: StoreError) -> PlanFault {
        PlanFault::Side { side: self.side, error }
    }

    async fn page(&self, after: Option<&ObjectKey>) -> Result<Page, PlanFault> {
        let request = ListRequest {
            prefix: KeyPrefix::default(),
            delimiter: None,
            after: after.map(|key| ListPosition::AfterKey(key.as_str().to_owned())),
            limit: PAGE_KEYS,
            user_times: false,
        };
        let page = self.store.list(&request).await.map_err(|error| self.fault(error))?;
        self.progress.listed(self.side, page.objects.len());
        let entries = self.in_order(page.objects, after)?;
        let reached = entries.last().map(|(key, _)| key).or(after);
        let next = match page.next {
            None => None,
            Some(position) => Some(self.goes_on(&position, reached, after)?),
        };
        Ok(Page { entries, next })
    }

    fn in_order(
        &self,
        objects: Vec<ListedObject>,
        after: Option<&ObjectKey>,
    ) -> Result<Vec<Listed>, PlanFault> {
        let mut entries: Vec<Listed> = Vec::with_capacity(objects.len());
        for object in objects {
            let last = entries.last().map(|(key, _)| key).or(after);
            if let Some(last) = last.filter(|last| **last >= object.key) {
                return Err(PlanFault::Order { side: self.side, after: last.clone() });
            }
            let seen = Seen::from(&object);
            entries.push((object.key, seen));
        }
        Ok(entries)
    }

    /// Where the next page begins: not before what was listed, and further than this one, also if nothing of it is shown.
    fn goes_on(
        &self,
        position: &ListPosition,
        reached: Option<&ObjectKey>,
        after: Option<&ObjectKey>,
    ) -> Result<ObjectKey, PlanFault> {
        let (ListPosition::AfterKey(text) | ListPosition::AfterPrefix(text)) = position;
        let wrong = || self.fault(StoreError::new(StoreFault::Corrupt, "list"));
        let key = ObjectKey::parse(text).map_err(|_| wrong())?;
        let key = reached.filter(|reached| **reached > key).cloned().unwrap_or(key);
        if after.is_some_and(|after| key <= *after) { Err(wrong()) } else { Ok(key) }
    }

    /// Lists page by page.
    pub(crate) fn follow(self, tasks: &mut JoinSet<()>, mut cuts: Cuts) -> Pages<Listed> {
        let (out, pages) = mpsc::channel(if cuts.leads() { LEAD_AHEAD } else { AHEAD });
        tasks.spawn(async move {
            let mut after = None;
            loop {
                let page = match self.page(after.as_ref()).await {
                    Ok(page) => page,
                    Err(fault) => {
                        drop(out.send(Err(fault)).await);
                        return;
                    }
                };
                for (key, _) in &page.entries {
                    cuts.pass(key);
                }
                if out.send(Ok(page.entries)).await.is_err() || page.next.is_none() {
                    return;
                }
                after = page.next;
            }
        });
        pages
    }

    /// Lists in ranges between cuts, at most `parallel` at a time.
    pub(crate) fn ranged(
        self,
        tasks: &mut JoinSet<()>,
        cuts: mpsc::Receiver<ObjectKey>,
        parallel: usize,
    ) -> Pages<Listed> {
        let (out, pages) = mpsc::channel(AHEAD);
        tasks.spawn(async move {
            Window::new(self, cuts, out).slide(parallel.max(1)).await;
        });
        pages
    }
}
