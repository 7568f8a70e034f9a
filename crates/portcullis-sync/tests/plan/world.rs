//! Two sides with what they agreed on: planned, and as they would be after the plan.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use portcullis_domain::ObjectKey;
use portcullis_sync::{
    Action, ActionPages, Agreed, BasePages, BaseUse, Journal, Mark, Mode, NewPage, Op, PAGE, PageSink,
    PlanFault, PlanProgress, PlanResult, PlanTerms, Policy, Side, Sides, Step, Store, StoreError, actions_of,
    encode, make_plan,
};
use tokio_util::sync::CancellationToken;

use crate::store::{Fake, Tags16};
use crate::table::terms;

/// Pages in memory.
#[derive(Debug, Default)]
pub(crate) struct Pages(pub(crate) Mutex<Vec<NewPage>>);

impl Pages {
    pub(crate) fn of(base: &BTreeMap<ObjectKey, Sides<Mark>>) -> Self {
        let entries: Vec<Agreed> =
            base.iter().map(|(key, marks)| Agreed { key: key.clone(), marks: marks.clone() }).collect();
        let pages = entries.chunks(PAGE).enumerate().map(|(no, entries)| NewPage {
            no: no as u64,
            first_seq: (no * PAGE) as u64,
            first_key: entries[0].key.clone(),
            entries: entries.len(),
            data: encode(entries).unwrap(),
        });
        Self(Mutex::new(pages.collect()))
    }

    pub(crate) fn actions(&self) -> Vec<Action> {
        self.0.lock().unwrap().iter().flat_map(|page| actions_of(&page.data).unwrap()).collect()
    }

    fn at(&self, no: u64) -> Option<Vec<u8>> {
        self.0.lock().unwrap().get(no as usize).map(|page| page.data.clone())
    }
}

#[async_trait]
impl BasePages for Pages {
    async fn page(&self, no: u64) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.at(no))
    }
}

#[async_trait]
impl ActionPages for Pages {
    async fn page(&self, no: u64) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.at(no))
    }
}

#[async_trait]
impl PageSink for Pages {
    async fn page(&self, page: NewPage) -> Result<(), StoreError> {
        let mut pages = self.0.lock().unwrap();
        assert_eq!(page.no, pages.len() as u64, "pages come in order");
        let seqs: u64 = pages.iter().map(|page| page.entries as u64).sum();
        assert_eq!(page.first_seq, seqs, "and without gaps");
        pages.push(page);
        Ok(())
    }
}

/// A journal in memory.
#[derive(Debug, Default)]
pub(crate) struct Steps(pub(crate) Mutex<BTreeMap<u64, Step>>);

#[async_trait]
impl Journal for Steps {
    async fn steps(&self, of: RangeInclusive<u64>) -> Result<Vec<Step>, StoreError> {
        Ok(self.0.lock().unwrap().range(of).map(|(_, step)| step.clone()).collect())
    }

    async fn write(&self, steps: &[Step]) -> Result<(), StoreError> {
        self.0.lock().unwrap().extend(steps.iter().map(|step| (step.seq, step.clone())));
        Ok(())
    }
}

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) storage: Arc<Fake>,
    pub(crate) bucket: Arc<Fake>,
    pub(crate) base: BTreeMap<ObjectKey, Sides<Mark>>,
    /// What was replaced or deleted.
    pub(crate) kept: Vec<Bytes>,
}

#[derive(Debug)]
pub(crate) struct Made {
    pub(crate) result: PlanResult,
    pub(crate) actions: Vec<Action>,
}

impl Made {
    pub(crate) fn of(&self, key: &str) -> &Action {
        self.actions.iter().find(|action| action.key.as_str() == key).unwrap()
    }

    /// What is done, by key, in words.
    pub(crate) fn told(&self) -> Vec<String> {
        let told = |action: &Action| {
            let op = match &action.op {
                Op::Agree => "agree".to_owned(),
                Op::Forget => "forget".to_owned(),
                Op::Write { to } => format!("write {}", to.as_str()),
                Op::Delete { on } => format!("delete {}", on.as_str()),
                Op::KeepBoth { from, .. } => format!("rename {}", from.as_str()),
                Op::PutBack { on, .. } => format!("put back {}", on.as_str()),
                Op::Leave => "leave".to_owned(),
            };
            format!("{}: {op} {}", action.key, action.reason.as_str())
        };
        self.actions.iter().map(told).collect()
    }

    /// Whether nothing is to be done.
    pub(crate) fn is_idle(&self) -> bool {
        self.actions.iter().all(|action| action.op == Op::Leave)
    }
}

impl World {
    pub(crate) fn new() -> Self {
        Self::of(Fake::new(Tags16::Md5), Fake::new(Tags16::Md5))
    }

    pub(crate) fn of(storage: Fake, bucket: Fake) -> Self {
        Self { storage: Arc::new(storage), bucket: Arc::new(bucket), base: BTreeMap::new(), kept: Vec::new() }
    }

    pub(crate) fn side(&self, side: Side) -> &Arc<Fake> {
        match side {
            Side::Storage => &self.storage,
            Side::Bucket => &self.bucket,
        }
    }

    pub(crate) fn stores(&self) -> Sides<Arc<dyn Store>> {
        Sides {
            storage: Arc::clone(&self.storage) as Arc<dyn Store>,
            bucket: Arc::clone(&self.bucket) as Arc<dyn Store>,
        }
    }

    /// Both agree on what is at these keys now.
    pub(crate) fn agree(&mut self, keys: &[&str]) {
        for at in keys {
            let marks = Sides {
                storage: self.storage.mark_of(at).unwrap(),
                bucket: self.bucket.mark_of(at).unwrap(),
            };
            self.base.insert(ObjectKey::parse(at).unwrap(), marks);
        }
    }

    pub(crate) fn terms(&self, mode: Mode, policy: Policy) -> PlanTerms {
        let base = if self.base.is_empty() { BaseUse::None } else { BaseUse::Known };
        let abilities = Sides { storage: self.storage.abilities, bucket: self.bucket.abilities };
        PlanTerms { abilities, ..terms(mode, policy, base) }
    }

    pub(crate) async fn try_plan(&self, terms: &PlanTerms) -> Result<Made, PlanFault> {
        plan_between(self, &self.stores(), terms).await
    }

    pub(crate) async fn plan(&self, mode: Mode, policy: Policy) -> Made {
        self.try_plan(&self.terms(mode, policy)).await.unwrap()
    }

    /// Does what the actions say, as a run without any trouble does.
    pub(crate) fn apply(&mut self, actions: &[Action], mode: Mode) {
        for action in actions {
            let at = action.key.as_str();
            match &action.op {
                Op::Leave | Op::PutBack { .. } => {}
                Op::Agree => self.agree(&[at]),
                Op::Forget => drop(self.base.remove(&action.key)),
                Op::Write { to } => self.write(at, at, *to),
                Op::Delete { on } => {
                    self.kept.extend(self.side(*on).bytes_of(at));
                    self.side(*on).remove(at);
                    self.base.remove(&action.key);
                }
                Op::KeepBoth { from, copy } => {
                    let bytes = self.side(*from).bytes_of(at).unwrap();
                    self.side(*from).set(copy.as_str(), bytes, 3000);
                    if mode == Mode::TwoWay {
                        self.write(copy.as_str(), copy.as_str(), from.other());
                    }
                    self.write(at, at, *from);
                }
            }
        }
    }

    fn write(&mut self, from: &str, at: &str, to: Side) {
        let bytes = self.side(to.other()).bytes_of(from).unwrap();
        self.kept.extend(self.side(to).bytes_of(at));
        self.side(to).set(at, bytes, 3000);
        self.agree(&[at]);
    }
}

/// A plan with another bucket than the world's.
pub(crate) async fn plan_of(
    world: &World,
    bucket: Arc<dyn Store>,
    terms: &PlanTerms,
) -> Result<Made, PlanFault> {
    plan_between(world, &Sides { bucket, ..world.stores() }, terms).await
}

async fn plan_between(
    world: &World,
    stores: &Sides<Arc<dyn Store>>,
    terms: &PlanTerms,
) -> Result<Made, PlanFault> {
    let sink = Pages::default();
    let base: Arc<dyn BasePages> = Arc::new(Pages::of(&world.base));
    let progress = Arc::new(PlanProgress::default());
    let result = make_plan(stores, base, &sink, terms, progress, &CancellationToken::new()).await?;
    let actions = sink.actions();
    for (at, action) in actions.iter().enumerate() {
        assert_eq!(action.seq, at as u64);
    }
    assert!(actions.is_sorted_by(|one, other| one.key < other.key), "in the order of keys");
    assert_eq!(result.totals.actions, actions.len() as u64);
    Ok(Made { result, actions })
}
