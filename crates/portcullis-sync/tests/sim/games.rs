//! Games with everything in them: the ledger must hold in each.

use portcullis_sync::{Mode, Policy, Sides};

use crate::bugs::Bug;
use crate::play::{Game, Outcome, play};
use crate::rng::Rng;
use crate::shelf::{AWS, KMS, MOTO, NAIVE, Profile, R2, VERSIONED};
use crate::world::Wild;

const PROFILES: [Profile; 6] = [VERSIONED, AWS, R2, MOTO, KMS, NAIVE];
/// Those that decide all that a run asks them to.
const DECIDING: [Profile; 3] = [VERSIONED, AWS, KMS];
const POLICIES: [Policy; 5] =
    [Policy::KeepBoth, Policy::Newest, Policy::Storage, Policy::Bucket, Policy::Ask];
const MODES: [Mode; 3] = [Mode::TwoWay, Mode::Copy, Mode::Mirror];

/// Where the games begin, if nobody says otherwise.
const SEED: u64 = 1;

/// The least events, if nobody says otherwise: requests and lines of the journal, at each of which something may go wrong.
const EVENTS: u64 = 250_000;

/// The game with this number: any pair of profiles, any mode and policy, calm or wild.
pub(crate) fn game(seed: u64) -> Game {
    let mut rng = Rng::new(seed ^ 0x5eed);
    let zombies = rng.chance(200);
    let among: &[Profile] = if zombies { &DECIDING } else { &PROFILES };
    let profiles = Sides { storage: *rng.one(among), bucket: *rng.one(among) };
    let mode = if rng.chance(600) { Mode::TwoWay } else { *rng.one(&MODES) };
    let wild = Wild { faults: *rng.one(&[0, 5, 20, 60, 150]), outside: *rng.one(&[0, 5, 20, 60]) };
    Game {
        seed,
        profiles,
        mode,
        policy: *rng.one(&POLICIES),
        wild,
        rounds: 4,
        keys: 24,
        bug: None,
        script: Vec::new(),
        zombies,
        aloud: false,
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the seed of a longer test is told to the test, not to the product"
)]
fn told(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

fn say(game: &Game, outcome: &Outcome) -> String {
    let Game { seed, mode, policy, wild, zombies, .. } = game;
    let (storage, bucket) = (game.profiles.storage.name, game.profiles.bucket.name);
    format!(
        "seed {seed}: {storage} and {bucket}, {mode:?}, {policy:?}, {wild:?}, zombies {zombies}\n{:#?}",
        outcome.violations
    )
}

/// Many games, one seed after the other. `PORTCULLIS_SIM_SEED` and `PORTCULLIS_SIM_EVENTS` say from where and how many;
/// `PORTCULLIS_SIM_ALOUD` prints what happens.
#[test]
fn nothing_is_ever_lost() {
    let first = told("PORTCULLIS_SIM_SEED").unwrap_or(SEED);
    let least = told("PORTCULLIS_SIM_EVENTS").unwrap_or(EVENTS);
    let aloud = told("PORTCULLIS_SIM_ALOUD").is_some();
    println!("from seed {first}, at least {least} events");
    let (mut events, mut steps, mut kept, mut outside, mut restores) = (0, 0, 0, 0, 0);
    let (mut windows, mut bad, mut seed) = (0, Vec::new(), first);
    while events < least {
        let game = Game { aloud, ..game(seed) };
        let outcome = play(game.clone());
        let counts = &outcome.counts;
        events += counts.events;
        steps += counts.steps;
        kept += counts.kept;
        outside += counts.outside;
        restores += counts.restores;
        windows += counts.windows;
        let open =
            [game.profiles.storage, game.profiles.bucket].iter().any(|side| !side.puts || !side.deletes);
        assert!(open || counts.windows == 0, "seed {seed}: a window on sides that decide all conditions");
        if !outcome.violations.is_empty() {
            bad.push(say(&game, &outcome));
        }
        seed += 1;
    }
    println!(
        "seeds {first} to {}: {events} events, {steps} steps done, {kept} objects kept, {outside} outside deeds, \
         {restores} runs taken back, {windows} writes lost in the windows of sides that decide no conditions",
        seed - 1
    );
    assert!(bad.is_empty(), "{} games: {}", bad.len(), bad.join("\n"));
    // Each needs a deed of somebody else in the very moment between a look and a write, on a side that does not decide.
    assert!(windows * 10_000 < events, "{windows} windows of {events} events");
}

#[test]
fn the_same_seed_gives_the_same_game() {
    for seed in [3, 14, 15, 92, 65] {
        let game = Game { wild: Wild { faults: 60, outside: 60 }, ..game(seed) };
        let (one, other) = (play(game.clone()), play(game));
        assert_eq!((one.trace, one.counts.events), (other.trace, other.counts.events), "seed {seed}");
    }
    assert_ne!(play(game(3)).trace, play(game(4)).trace);
}

#[test]
fn on_sides_that_decide_nothing_only_the_window_is_lost_and_it_is_counted() {
    let (mut windows, mut events) = (0, 0);
    for seed in 0..40 {
        let naive = Sides { storage: NAIVE, bucket: NAIVE };
        let wild = Wild { faults: 5, outside: 150 };
        let game = Game { profiles: naive, wild, zombies: false, ..game(seed) };
        let outcome = play(game.clone());
        assert!(outcome.violations.is_empty(), "{}", say(&game, &outcome));
        windows += outcome.counts.windows;
        events += outcome.counts.events;
    }
    println!("{windows} windows of {events} events with 15 outside deeds of 100 events");
    assert!(windows > 0, "the window is there, so that it has to be told of");
    assert!(windows * 500 < events, "{windows} of {events}");
}

#[test]
fn every_bug_that_is_put_in_is_found() {
    for bug in Bug::ALL {
        let found = (0..400).find_map(|seed| {
            let storage = if bug == Bug::BackupUnchecked { AWS } else { VERSIONED };
            let profiles = Sides { storage, bucket: AWS };
            let faults = if bug == Bug::BlindRetry { 150 } else { 60 };
            let wild = Wild { faults, outside: 150 };
            let zombies = bug == Bug::FenceUnchecked;
            let game = Game { profiles, wild, zombies, bug: Some(bug), mode: Mode::TwoWay, ..game(seed) };
            let outcome = play(game);
            outcome.violations.first().map(|what| format!("seed {seed}, {what}"))
        });
        println!("{bug:?}: {found:?}");
        assert!(found.is_some(), "{bug:?} was not found");
    }
}
