//! Runs played through in a world made for it: two sides in memory that behave like different providers, a journal in memory, people who write
//! to both sides at any moment, and everything that can go wrong at any request and any line of the journal. A ledger watches
//! that nothing is ever lost.

mod bugs;
mod journal;
mod play;
mod plans;
mod rng;
mod shelf;
mod store;
mod world;

use portcullis_sync::{Mode, Policy, Sides};

use play::{Game, play};
use shelf::{AWS, KMS, MOTO, NAIVE, Profile, R2, VERSIONED};
use world::Wild;

const PROFILES: [Profile; 6] = [VERSIONED, AWS, R2, MOTO, KMS, NAIVE];
const POLICIES: [Policy; 5] =
    [Policy::KeepBoth, Policy::Newest, Policy::Storage, Policy::Bucket, Policy::Ask];
const MODES: [Mode; 3] = [Mode::TwoWay, Mode::Copy, Mode::Mirror];

/// The game with this number: every pair of profiles, every mode and policy, calm and wild.
fn game(seed: u64) -> Game {
    let mut rng = rng::Rng::new(seed ^ 0x5eed);
    let profiles = Sides { storage: *rng.one(&PROFILES), bucket: *rng.one(&PROFILES) };
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
        aloud: std::env::var("SIM_ALOUD").is_ok(),
    }
}

#[test]
fn one() {
    let first: u64 = std::env::var("SIM_SEED").ok().map_or(0, |s| s.parse().unwrap());
    let count: u64 = std::env::var("SIM_COUNT").ok().map_or(20, |s| s.parse().unwrap());
    let mut bad = 0;
    let (mut events, mut windows) = (0, 0);
    for seed in first..first + count {
        let game = game(seed);
        let outcome = play(game);
        events += outcome.counts.events;
        windows += outcome.counts.windows;
        if !outcome.violations.is_empty() {
            bad += 1;
            println!("{seed}: {} {} {:?} {:?} {:?}\n  {:#?}", game.profiles.storage.name, game.profiles.bucket.name, game.mode, game.policy, game.wild, outcome.violations);
        }
    }
    println!("{events} events {windows} windows");
    assert_eq!(bad, 0);
}
