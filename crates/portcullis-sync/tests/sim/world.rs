//! Both sides, the journals, everybody who acts on them, and the ledger of what must never be lost.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use portcullis_backend::ContentHeaders;
use portcullis_domain::{ObjectKey, Timestamp};
use portcullis_sync::{
    Action, Agreed, Mark, Mode, Op, Place, RESERVED, Side, Sides, Step, StepState, is_conflict_name,
};
use tokio::sync::Notify;

use crate::bugs::Bug;
use crate::fault::{Fault, Kind};
use crate::rng::{Rng, Yield};
use crate::shelf::{By, Draft, Profile, Shelf};

/// What a run wrote down.
#[derive(Clone, Debug, Default)]
pub(crate) struct Book {
    pub(crate) fence: u64,
    pub(crate) steps: BTreeMap<u64, Step>,
}

/// The run under way.
#[derive(Clone, Debug)]
pub(crate) struct Running {
    pub(crate) name: String,
    /// What the plan saw of every key that it may touch.
    pub(crate) planned: BTreeMap<(Side, String), Vec<Option<Mark>>>,
    /// At which event it began.
    pub(crate) begun: u64,
    /// Whether it takes another run back.
    pub(crate) back: bool,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) events: u64,
    pub(crate) outside: u64,
    pub(crate) steps: u64,
    pub(crate) faults: BTreeMap<Fault, u64>,
    pub(crate) runs: u64,
    pub(crate) restores: u64,
    /// What came in between a look and a write on sides that decide no conditions.
    pub(crate) windows: u64,
    pub(crate) kept: u64,
    pub(crate) conflicts: u64,
}

/// How wild it is.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Wild {
    /// Faults of a thousand events.
    pub(crate) faults: u64,
    /// Outside deeds of a thousand events.
    pub(crate) outside: u64,
}

pub(crate) struct State {
    pub(crate) rng: Rng,
    pub(crate) wild: Wild,
    /// Faults at certain events, besides.
    pub(crate) script: Vec<(u64, Fault)>,
    /// How many of them were such as can happen there.
    pub(crate) struck: usize,
    pub(crate) sides: Sides<Shelf>,
    pub(crate) books: BTreeMap<String, Book>,
    pub(crate) running: Option<Running>,
    pub(crate) pool: Vec<String>,
    pub(crate) counts: Counts,
    pub(crate) trace: u64,
    pub(crate) violations: Vec<String>,
    pub(crate) bug: Option<Bug>,
    pub(crate) micros: i64,
    /// At which event a run last looked at a key.
    pub(crate) looked: BTreeMap<(Side, String), u64>,
    /// Every content that was ever current, by what marks it.
    pub(crate) ever: BTreeMap<(Side, String, String), Bytes>,
    /// Kept places that were purged.
    pub(crate) purged: Vec<(Side, String, Place)>,
    /// What was listed some time ago.
    pub(crate) stale: Sides<Vec<portcullis_backend::ListedObject>>,
    /// Whether the trace is printed.
    pub(crate) aloud: bool,
    next: u64,
}

pub(crate) struct World {
    state: Mutex<State>,
    pub(crate) crash: Notify,
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("World")
    }
}

pub(crate) fn name(mark: &Mark) -> String {
    format!("{}/{}", mark.etag, mark.size)
}

impl World {
    pub(crate) fn new(seed: u64, profiles: Sides<Profile>, pool: Vec<String>) -> Arc<Self> {
        let shelf = |profile| Shelf::new(profile);
        let state = State {
            rng: Rng::new(seed),
            wild: Wild::default(),
            script: Vec::new(),
            struck: 0,
            sides: Sides { storage: shelf(profiles.storage), bucket: shelf(profiles.bucket) },
            books: BTreeMap::new(),
            running: None,
            pool,
            counts: Counts::default(),
            trace: 0xcbf2_9ce4_8422_2325,
            violations: Vec::new(),
            bug: None,
            micros: 1_000_000_000_000_000,
            looked: BTreeMap::new(),
            ever: BTreeMap::new(),
            purged: Vec::new(),
            stale: Sides::default(),
            aloud: false,
            next: 0,
        };
        Arc::new(Self { state: Mutex::new(state), crash: Notify::new() })
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// The moment at which a request happens: others may come first, somebody outside may act, and something may go wrong.
    pub(crate) async fn turn(&self, what: &str, side: Option<Side>, key: &str, kind: Kind) -> Option<Fault> {
        let first = self.state().rng.below(4);
        Yield(first).await;
        let fault = {
            let mut state = self.state();
            state.counts.events += 1;
            state.micros += 1000;
            state.mark(&format!("{what} {} {key}", side.map_or("-", Side::as_str)));
            let outside = state.wild.outside;
            if state.rng.chance(outside) {
                state.somebody();
            }
            state.fault(kind)
        };
        if fault == Some(Fault::CrashBefore) {
            self.die().await;
        }
        fault
    }

    /// The process is gone.
    pub(crate) async fn die(&self) {
        self.crash.notify_one();
        std::future::pending::<()>().await;
    }
}

impl State {
    /// Adds to the trace.
    pub(crate) fn mark(&mut self, what: &str) {
        if self.aloud {
            println!("  {} {what}", self.counts.events);
        }
        for byte in what.bytes().chain([0]) {
            self.trace = (self.trace ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    fn fault(&mut self, kind: Kind) -> Option<Fault> {
        let wild = self.wild.faults;
        let mut fault = self.rng.chance(wild).then(|| *self.rng.one(kind.faults()));
        let scripted = self.script.iter().find(|(at, _)| *at == self.counts.events);
        if let Some((_, scripted)) = scripted.filter(|(_, fault)| kind.faults().contains(fault)) {
            self.struck += 1;
            fault = Some(*scripted);
        }
        let fault = fault?;
        *self.counts.faults.entry(fault).or_default() += 1;
        self.mark(&format!("{fault:?}"));
        Some(fault)
    }

    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.micros)
    }

    /// Content that was never seen before.
    pub(crate) fn content(&mut self) -> Bytes {
        self.next += 1;
        let length = *self.rng.one(&[0usize, 6, 10, 20, 33, 47, 61, 90]);
        if length == 0 && self.rng.chance(700) {
            return Bytes::from(format!("{:05}", self.next));
        }
        let mut text = format!("{:05}", self.next);
        while text.len() < length {
            text.push(char::from(b'a' + u8::try_from(self.rng.below(26)).unwrap()));
        }
        // Nothing at all is a content too.
        if length == 0 { Bytes::new() } else { Bytes::from(text) }
    }

    pub(crate) fn headers(&mut self) -> ContentHeaders {
        let user =
            if self.rng.chance(300) { vec![("note".to_owned(), self.next.to_string())] } else { Vec::new() };
        ContentHeaders { content_type: Some("text/x-sim".to_owned()), user, ..ContentHeaders::default() }
    }

    /// Somebody outside stores something.
    pub(crate) fn outside_put(&mut self, side: Side, key: &str, bytes: Bytes) {
        let content = self.headers();
        let draft = Draft { bytes, content, tags: Vec::new(), parts: Vec::new(), by: By::Outside };
        let (now, event) = (self.now(), self.counts.events);
        self.counts.outside += 1;
        self.sides.of_mut(side).commit(key, draft, now, event);
        self.current(side, key);
    }

    /// Somebody outside deletes something.
    pub(crate) fn outside_delete(&mut self, side: Side, key: &str) {
        self.counts.outside += 1;
        self.sides.of_mut(side).leave(key);
    }

    /// Somebody outside does something.
    pub(crate) fn somebody(&mut self) {
        let side = *self.rng.one(&Side::BOTH);
        let at = usize::try_from(self.rng.below(u64::try_from(self.pool.len()).unwrap())).unwrap();
        let mut key = self.pool[at].clone();
        if self.rng.chance(150) {
            // Also names that nobody but a run would make.
            let found: Vec<_> = self.sides.of(side).keys().map(|(key, _)| key.clone()).collect();
            if !found.is_empty() {
                key.clone_from(self.rng.one(&found));
            }
        }
        self.micros += 3_000_000;
        self.mark(&format!("outside {} {key}", side.as_str()));
        match self.rng.below(10) {
            0..=5 => {
                let content = self.content();
                self.outside_put(side, &key, content);
            }
            6..=7 => self.outside_delete(side, &key),
            8 => {
                let other = self.sides.of(side.other()).current(&key).map(|stored| stored.bytes.clone());
                if let Some(bytes) = other {
                    self.outside_put(side, &key, bytes);
                }
            }
            _ => {
                // The same on both sides.
                let content = self.content();
                self.outside_put(side, &key, content.clone());
                self.outside_put(side.other(), &key, content);
            }
        }
    }

    /// Remembers what is current.
    pub(crate) fn current(&mut self, side: Side, key: &str) {
        if let Some(stored) = self.sides.of(side).current(key) {
            let entry = (side, key.to_owned(), name(&stored.mark()));
            let bytes = stored.bytes.clone();
            self.ever.insert(entry, bytes);
        }
    }

    pub(crate) fn wrong(&mut self, what: impl std::fmt::Display) {
        let event = self.counts.events;
        if self.aloud {
            println!("  {event} WRONG {what}");
        }
        self.violations.push(format!("event {event}: {what}"));
    }

    /// What the plan that is about to be run saw.
    pub(crate) fn begin(&mut self, run: &str, actions: &[Action], mode: Mode, back: bool) {
        let mut planned = BTreeMap::<_, Vec<_>>::new();
        for action in actions {
            let mut may = |side: Side, key: &str, seen: Option<Mark>| {
                planned.entry((side, key.to_owned())).or_default().push(seen);
            };
            let seen = |side: Side| action.seen.of(side).as_ref().map(|seen| seen.mark.clone());
            let key = action.key.as_str();
            match &action.op {
                Op::Write { to } => may(*to, key, seen(*to)),
                Op::Delete { on } | Op::PutBack { on, .. } => may(*on, key, seen(*on)),
                Op::KeepBoth { from, copy } => {
                    may(*from, key, seen(*from));
                    may(*from, copy.as_str(), None);
                    if mode == Mode::TwoWay {
                        may(from.other(), copy.as_str(), None);
                    }
                    self.counts.conflicts += 1;
                }
                Op::Agree | Op::Forget | Op::Leave => {}
            }
        }
        self.counts.runs += 1;
        self.looked.clear();
        self.running = Some(Running { name: run.to_owned(), planned, begun: self.counts.events, back });
    }

    /// The ledger, before a run replaces or deletes what is at a key: it must be what was planned on, and it must be kept.
    pub(crate) fn before_effect(&mut self, side: Side, key: &str, decided: bool) {
        if key.starts_with(RESERVED) {
            return;
        }
        let Some(running) = self.running.clone() else {
            return self.wrong(format!("{key}: written when nothing runs"));
        };
        let entry = (side, key.to_owned());
        let copy = vec![None];
        let is_copy = ObjectKey::parse(key).is_ok_and(|key| is_conflict_name(&key));
        let Some(planned) = running.planned.get(&entry).or(is_copy.then_some(&copy)) else {
            return self.wrong(format!("{key}: written on {} without a plan", side.as_str()));
        };
        let Some(current) = self.sides.of(side).current(key).cloned() else { return };
        // What this run wrote itself, and found to be wrong.
        if current.by == By::Run && current.born >= running.begun {
            return;
        }
        if !planned.contains(&Some(current.mark())) {
            let window = self.looked.get(&entry).is_some_and(|looked| current.born > *looked);
            if window && !decided {
                self.counts.windows += 1;
            } else {
                self.wrong(format!("{key}: what nobody planned on was replaced on {}", side.as_str()));
            }
            return;
        }
        let book = self.books.get(&running.name);
        let kept = book.into_iter().flat_map(|book| book.steps.values()).flat_map(|step| &step.kept);
        let mut kept = kept.filter(|kept| kept.side == side && kept.key.as_str() == key);
        if !kept.any(|kept| self.at(side, key, &kept.place) == Some(&current.bytes)) {
            self.wrong(format!("{key}: replaced or deleted on {} and not kept", side.as_str()));
        }
    }

    /// The ledger, before a run deletes a key because it is gone on the other side: it must be gone there.
    pub(crate) fn before_delete(&mut self, side: Side, key: &str) {
        let Some(running) = &self.running else { return };
        let other = (side.other(), key.to_owned());
        let looked = self.looked.get(&other);
        let there = self.sides.of(side.other()).current(key);
        let was_there = there.is_some_and(|there| looked.is_none_or(|looked| there.born <= *looked));
        if was_there && !running.back {
            self.wrong(format!("{key}: deleted on {} and there on the other side", side.as_str()));
        }
    }

    /// The ledger, when a step is written once more: what was done stays done, and what was kept stays known.
    pub(crate) fn rewritten(&mut self, before: Option<&Step>, step: &Step) {
        let Some(before) = before else { return };
        if before.state != StepState::Kept && before != step {
            self.wrong(format!("{}: {:?} became {:?}", step.key, before.state, step.state));
        }
        if before.kept.iter().any(|kept| !step.kept.contains(kept)) {
            self.wrong(format!("{}: what was kept is forgotten", step.key));
        }
    }

    /// The bytes at a place.
    pub(crate) fn at(&self, side: Side, key: &str, place: &Place) -> Option<&Bytes> {
        let shelf = self.sides.of(side);
        match place {
            Place::Version(id) => shelf.slots.get(key)?.versions.get(id).map(|stored| &stored.bytes),
            Place::Reserved(copy) => shelf.current(copy.as_str()).map(|stored| &stored.bytes),
        }
    }

    /// The ledger, when a step has become durable: what it says must be true.
    pub(crate) fn durable(&mut self, step: &Step) {
        let mut wrong = Vec::new();
        let was = |side: Side, key: &str, mark: &Mark| self.ever.get(&(side, key.to_owned(), name(mark)));
        for kept in &step.kept {
            let held = self.at(kept.side, kept.key.as_str(), &kept.place);
            if held.is_none() || held != was(kept.side, kept.key.as_str(), &kept.mark) {
                wrong.push(format!("{}: said to be kept and is not", step.key));
            }
        }
        if step.state == StepState::Done {
            let same = |key: &str, marks: Sides<&Mark>| {
                let storage = was(Side::Storage, key, marks.storage);
                storage.is_some() && storage == was(Side::Bucket, key, marks.bucket)
            };
            if let Some(marks) = &step.agreed
                && !same(step.key.as_str(), Sides { storage: &marks.storage, bucket: &marks.bucket })
            {
                wrong.push(format!("{}: an agreement that never was", step.key));
            }
            if let Some(copy) = &step.copy
                && let (Some(storage), Some(bucket)) = (&copy.wrote.storage, &copy.wrote.bucket)
                && !same(copy.key.as_str(), Sides { storage, bucket })
            {
                wrong.push(format!("{}: a copy that never was", step.key));
            }
            self.counts.steps += 1;
        }
        wrong.into_iter().for_each(|what| self.wrong(what));
    }

    /// The ledger, when something was settled: both sides had the same there, at some time.
    pub(crate) fn agreed(&mut self, agreed: &Agreed) {
        let was = |side: Side| {
            let mark = name(agreed.marks.of(side));
            self.ever.get(&(side, agreed.key.as_str().to_owned(), mark))
        };
        let storage = was(Side::Storage);
        if storage.is_none() || storage != was(Side::Bucket) {
            self.wrong(format!("{}: settled on what never was", agreed.key));
        }
    }

    /// The ledger, at any time: what was kept and not purged can be read.
    pub(crate) fn audit(&mut self) {
        let mut wrong = Vec::new();
        let mut count = 0;
        for (run, book) in &self.books {
            for kept in book.steps.values().flat_map(|step| &step.kept) {
                count += 1;
                let key = kept.key.as_str();
                if self.purged.contains(&(kept.side, key.to_owned(), kept.place.clone())) {
                    continue;
                }
                let meant = self.ever.get(&(kept.side, key.to_owned(), name(&kept.mark)));
                if self.at(kept.side, key, &kept.place).is_none_or(|held| Some(held) != meant) {
                    wrong.push(format!("{key}: what {run} kept is gone"));
                }
            }
        }
        self.counts.kept = count;
        wrong.into_iter().for_each(|what| self.wrong(what));
    }
}
