//! One game: outside deeds, plans, runs that crash and go on, restores, and quiet at the end, when both sides must be the same.

use std::collections::BTreeMap;
use std::sync::Arc;

use portcullis_domain::ObjectKey;
use portcullis_sync::{
    Action, Agreed, AsPlanned, Journal, Mode, Op, Pace, Policy, RunEnd, RunProgress, RunTerms, Side, Sides,
    StoreFault, Transfer, Wish, run,
};
use tokio::sync::watch;

use crate::bugs::Bug;
use crate::fault::Fault;
use crate::journal::{SimJournal, on_both};
use crate::plans::{Pages, plan, plan_back, settled, stores, terms};
use crate::shelf::Profile;
use crate::world::{Counts, Wild, World};

/// What a game is about.
#[derive(Clone, Debug)]
pub(crate) struct Game {
    pub(crate) seed: u64,
    pub(crate) profiles: Sides<Profile>,
    pub(crate) mode: Mode,
    pub(crate) policy: Policy,
    pub(crate) wild: Wild,
    pub(crate) rounds: u64,
    pub(crate) keys: usize,
    pub(crate) bug: Option<Bug>,
    /// Faults at certain events, besides.
    pub(crate) script: Vec<(u64, Fault)>,
    /// Whether processes that lost the run go on for a while beside those that took it over.
    pub(crate) zombies: bool,
    /// Whether all that happens is printed.
    pub(crate) aloud: bool,
}

/// How it went.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    pub(crate) counts: Counts,
    pub(crate) trace: u64,
    pub(crate) violations: Vec<String>,
    /// How many faults of the script there were.
    pub(crate) struck: usize,
}

/// Small enough that small objects go in parts.
pub(crate) const TRANSFER: Transfer = Transfer { single: 40, buffered: 24, part: 16, proof: 1000 };

struct Table {
    world: Arc<World>,
    game: Game,
    base: Pages,
    runs: u64,
    /// Nothing is taken back any more.
    calm: bool,
}

/// Plays a game in a runtime of its own, whose time only goes on when nobody has anything to do.
pub(crate) fn play(game: Game) -> Outcome {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let rounds = game.rounds;
        let mut table = Table::set(game);
        for _ in 0..rounds {
            table.deeds();
            table.round().await;
        }
        table.quiet().await;
        table.end()
    })
}

fn pool(keys: usize) -> Vec<String> {
    let odd = ["a", "a/", "a/b", "caf\u{e9}", "cafe\u{301}", " x", "x//y", "dir/../z", "report.xlsx"];
    let more = (0..keys).map(|number| format!("k/{number:03}.txt"));
    odd.into_iter().map(str::to_owned).chain(more).take(keys).collect()
}

impl Table {
    fn set(game: Game) -> Self {
        let world = World::new(game.seed, game.profiles, pool(game.keys));
        {
            let mut state = world.state();
            state.bug = game.bug;
            state.aloud = game.aloud;
            state.script.clone_from(&game.script);
            for key in pool(game.keys) {
                let (one, other) = (state.content(), state.content());
                match state.rng.below(6) {
                    0..=1 => {
                        state.outside_put(Side::Storage, &key, one.clone());
                        state.outside_put(Side::Bucket, &key, one);
                    }
                    2 => {
                        state.outside_put(Side::Storage, &key, one);
                        state.outside_put(Side::Bucket, &key, other);
                    }
                    3 => state.outside_put(Side::Storage, &key, one),
                    4 => state.outside_put(Side::Bucket, &key, one),
                    _ => {}
                }
            }
        }
        Self { world, game, base: Pages::default(), runs: 0, calm: false }
    }

    /// What people do between two runs.
    fn deeds(&self) {
        let mut state = self.world.state();
        let stale = on_both(|side| listed(&state, side));
        state.stale = stale;
        for _ in 0..self.game.keys / 4 {
            state.somebody();
        }
        state.wild = self.game.wild;
    }

    async fn planned(&mut self) -> Option<Vec<Action>> {
        let terms = terms(&self.world, self.game.mode, self.game.policy, self.runs > 0);
        plan(&self.world, &self.base, &terms).await
    }

    async fn round(&mut self) {
        let Some(actions) = self.planned().await else { return };
        self.runs += 1;
        let name = format!("run-{}", self.runs);
        let before = self.held();
        self.carry_out(&name, &actions, None).await;
        self.settle(&name, &actions).await;
        let back = {
            let mut state = self.world.state();
            state.running = None;
            state.audit();
            !self.calm && state.rng.chance(250)
        };
        if back {
            self.restore(&name).await;
            let disturbed =
                self.game.wild.faults + self.game.wild.outside > 0 || !self.game.script.is_empty();
            if !disturbed && self.held() != before {
                self.world.state().wrong(format!("{name} was taken back, and both sides are not as before"));
            }
        }
    }

    /// Runs a plan to its end, as often as it takes.
    async fn carry_out(&self, name: &str, actions: &[Action], restores: Option<Arc<dyn Journal>>) {
        self.world.state().begin(name, actions, self.game.mode, restores.is_some());
        let pages = Pages::of(actions);
        let terms = RunTerms {
            run: name.to_owned(),
            mode: self.game.mode,
            choose: Arc::new(AsPlanned),
            pace: Pace { in_flight: 5, bytes_per_second: None },
            transfer: TRANSFER,
            restores,
        };
        for attempt in 0..200 {
            if attempt == 60 {
                // Enough of it: with so many faults at so many events it might never end.
                self.world.state().wild = Wild::default();
            }
            if self.process(&pages, &terms).await {
                return;
            }
        }
        self.world.state().wrong("a run never ended".to_owned());
    }

    /// One process that carries a run out, or two if the first does not know that it has lost it; whether the run ended.
    async fn process(&self, pages: &Pages, terms: &RunTerms) -> bool {
        let stores = stores(&self.world);
        let first = SimJournal::take(&self.world, &terms.run);
        let (wish, heard) = watch::channel(Wish::Go);
        let progress = RunProgress::of(0, 0);
        let mut go = Box::pin(run(&stores, pages, &first, terms, heard.clone(), &progress));
        let (pauses, taken) = {
            let mut state = self.world.state();
            (state.rng.chance(100), self.game.zombies && state.rng.chance(700))
        };
        let interrupted = async {
            let turns = self.world.state().rng.below(200);
            if pauses || taken {
                crate::rng::Yield(turns).await;
            } else {
                std::future::pending::<()>().await;
            }
        };
        let end = tokio::select! {
            biased;
            end = &mut go => Some(end),
            () = self.world.crash.notified() => None,
            () = interrupted => {
                if taken {
                    let second = SimJournal::take(&self.world, &terms.run);
                    let mut other = Box::pin(run(&stores, pages, &second, terms, heard, &progress));
                    tokio::select! {
                        biased;
                        end = async { tokio::join!(&mut go, &mut other).1 } => Some(end),
                        () = self.world.crash.notified() => None,
                    }
                } else {
                    wish.send_replace(Wish::Pause);
                    tokio::select! {
                        biased;
                        end = &mut go => Some(end),
                        () = self.world.crash.notified() => None,
                    }
                }
            }
        };
        let mut state = self.world.state();
        state.audit();
        match end {
            None | Some(Ok(RunEnd::Paused)) => state.mark("again"),
            Some(Ok(RunEnd::Done | RunEnd::Partial { .. })) => return true,
            Some(Ok(RunEnd::Cancelled)) => state.wrong("cancelled by nobody".to_owned()),
            Some(Err(error)) => {
                state.mark("error");
                let known = matches!(
                    error.fault,
                    StoreFault::Stopped | StoreFault::Refused | StoreFault::Unavailable
                );
                if !known {
                    state.wrong(format!("a run ended with {error}"));
                }
            }
        }
        false
    }

    /// What both sides agree on after a run.
    async fn settle(&mut self, name: &str, actions: &[Action]) {
        // Settling only reads the journal, and is begun again if it does not come to its end: nothing goes wrong here.
        let (wild, script) = {
            let mut state = self.world.state();
            (std::mem::take(&mut state.wild), std::mem::take(&mut state.script))
        };
        let journal = SimJournal::take(&self.world, name);
        self.base = settled(&self.base, &Pages::of(actions), &journal).await;
        let mut state = self.world.state();
        (state.wild, state.script) = (wild, script);
        let agreed: Vec<Agreed> = self.base.entries();
        if !agreed.is_sorted_by(|one, other| one.key < other.key) {
            state.wrong("agreements out of order".to_owned());
        }
        for agreed in &agreed {
            state.agreed(agreed);
        }
    }

    /// Takes the last run back.
    async fn restore(&mut self, taken_back: &str) {
        let terms = terms(&self.world, self.game.mode, self.game.policy, true);
        let steps: Arc<dyn Journal> = Arc::new(SimJournal::take(&self.world, taken_back));
        let Some(actions) = plan_back(&self.world, Arc::clone(&steps), 10_000, &terms).await else { return };
        let name = format!("{taken_back}-back");
        self.world.state().counts.restores += 1;
        self.carry_out(&name, &actions, Some(steps)).await;
        self.settle(&name, &actions).await;
        let mut state = self.world.state();
        state.running = None;
        state.audit();
    }

    /// What both sides hold.
    fn held(&self) -> Sides<BTreeMap<String, bytes::Bytes>> {
        let state = self.world.state();
        on_both(|side| {
            state.sides.of(side).keys().map(|(key, stored)| (key.clone(), stored.bytes.clone())).collect()
        })
    }

    /// Nobody does anything any more: after a few runs nothing is left to be done.
    async fn quiet(&mut self) {
        {
            let mut state = self.world.state();
            state.wild = Wild::default();
            state.script.clear();
        }
        self.calm = true;
        for _ in 0..4 {
            self.round().await;
        }
        let Some(actions) = self.planned().await else {
            return self.world.state().wrong("no plan when all is quiet".to_owned());
        };
        let mut state = self.world.state();
        for action in &actions {
            if action.op != Op::Leave {
                state.wrong(format!("{}: still to be done when all is quiet: {:?}", action.key, action.op));
            }
        }
        if self.game.mode == Mode::TwoWay && self.game.policy != Policy::Ask {
            let left: Vec<&str> = actions.iter().map(|action| action.key.as_str()).collect();
            let held = |side: Side| -> BTreeMap<String, bytes::Bytes> {
                let keys = state.sides.of(side).keys();
                keys.filter(|(key, _)| !left.contains(&key.as_str()))
                    .map(|(key, stored)| (key.clone(), stored.bytes.clone()))
                    .collect()
            };
            if held(Side::Storage) != held(Side::Bucket) {
                state.wrong("both sides differ when all is quiet".to_owned());
            }
        }
    }

    fn end(self) -> Outcome {
        let mut state = self.world.state();
        state.audit();
        Outcome {
            counts: state.counts.clone(),
            trace: state.trace,
            violations: state.violations.clone(),
            struck: state.struck,
        }
    }
}

fn listed(state: &crate::world::State, side: Side) -> Vec<portcullis_backend::ListedObject> {
    let keys = state.sides.of(side).keys();
    keys.map(|(key, stored)| portcullis_backend::ListedObject {
        key: ObjectKey::parse(key).unwrap(),
        size: stored.meta.size,
        modified: stored.meta.modified,
        etag: stored.meta.etag.clone(),
        checksum: None,
        archived: false,
        user_modified: None,
    })
    .collect()
}
