//! Pages in memory, and the way from a world to a plan and from a run to the next agreement.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use portcullis_domain::Timestamp;
use portcullis_sync::{
    Abilities, Action, ActionPages, AsPlanned, BasePages, BaseUse, GuardLimits, Journal, Mode, NewPage,
    PageSink, Pick, PlanProgress, PlanTerms, Policy, Side, Sides, Store, StoreError, decode, make_plan,
    make_restore, settle,
};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

use crate::journal::on_both;
use crate::store::SimStore;
use crate::world::World;

/// Pages in memory.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pages(pub(crate) Arc<Mutex<BTreeMap<u64, Vec<u8>>>>);

impl Pages {
    pub(crate) fn entries<T: serde::de::DeserializeOwned>(&self) -> Vec<T> {
        let pages = self.0.lock().unwrap();
        pages.values().flat_map(|page| decode::<T>(page).unwrap()).collect()
    }

    pub(crate) fn of<T: serde::Serialize>(entries: &[T]) -> Self {
        let pages = entries.chunks(7).map(|chunk| portcullis_sync::encode(chunk).unwrap());
        Self(Arc::new(Mutex::new((0..).zip(pages).collect())))
    }

    fn get(&self, no: u64) -> Option<Vec<u8>> {
        self.0.lock().unwrap().get(&no).cloned()
    }
}

#[async_trait]
impl ActionPages for Pages {
    async fn page(&self, no: u64) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.get(no))
    }
}

#[async_trait]
impl BasePages for Pages {
    async fn page(&self, no: u64) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.get(no))
    }
}

#[async_trait]
impl PageSink for Pages {
    async fn page(&self, page: NewPage) -> Result<(), StoreError> {
        self.0.lock().unwrap().insert(page.no, page.data);
        Ok(())
    }
}

pub(crate) fn stores(world: &Arc<World>) -> Sides<Arc<dyn Store>> {
    on_both(|side: Side| -> Arc<dyn Store> { Arc::new(SimStore { world: Arc::clone(world), side }) })
}

pub(crate) fn terms(world: &Arc<World>, mode: Mode, policy: Policy, known: bool) -> PlanTerms {
    let state = world.state();
    let abilities: Sides<Abilities> = on_both(|side| state.sides.of(side).profile.abilities());
    PlanTerms {
        mode,
        policy,
        abilities,
        skew: Some(Duration::ZERO),
        read_budget: 1 << 30,
        base: if known { BaseUse::Known } else { BaseUse::None },
        now: Timestamp::from_micros(state.micros),
        limits: GuardLimits::default(),
        quota_left: Sides::default(),
        parallel: 2,
    }
}

/// The plan that takes a run back; none if a side did not answer.
pub(crate) async fn plan_back(
    world: &Arc<World>,
    steps: Arc<dyn Journal>,
    last: u64,
    terms: &PlanTerms,
) -> Option<Vec<Action>> {
    let sink = Pages::default();
    let progress = Arc::new(PlanProgress::default());
    let (stop, stores) = (CancellationToken::new(), stores(world));
    let plan = make_restore(&stores, steps, last, &Pick::All, &sink, terms, progress, &stop);
    tokio::select! {
        biased;
        done = plan => drop(done.ok()?),
        () = world.crash.notified() => return None,
    };
    Some(sink.entries())
}

/// What is agreed on after a run.
pub(crate) async fn settled(base: &Pages, actions: &Pages, journal: &dyn Journal) -> Pages {
    let sink = Pages::default();
    settle(Some(base), actions, &AsPlanned, journal, &sink).await.unwrap();
    sink
}

/// A plan; none if a side did not answer.
pub(crate) async fn plan(world: &Arc<World>, base: &Pages, terms: &PlanTerms) -> Option<Vec<Action>> {
    let sink = Pages::default();
    let progress = Arc::new(PlanProgress::default());
    let stop = CancellationToken::new();
    let stores = stores(world);
    let plan = make_plan(&stores, Arc::new(base.clone()), &sink, terms, progress, &stop);
    let done = tokio::select! {
        biased;
        done = plan => done.ok()?,
        () = world.crash.notified() => return None,
    };
    let _guards_are_for_people = done;
    Some(sink.entries())
}
