//! Every fault at every event of a small game, and a second crash on the way back.

use portcullis_sync::{Mode, Policy, Sides};

use crate::fault::Fault;
use crate::play::{Game, play};
use crate::shelf::{AWS, KMS, MOTO, NAIVE, Profile, R2, VERSIONED};
use crate::world::Wild;

const FAULTS: [Fault; 9] = [
    Fault::CrashBefore,
    Fault::CrashAfter,
    Fault::Busy,
    Fault::Lost,
    Fault::Clash,
    Fault::Refused,
    Fault::Full,
    Fault::Torn,
    Fault::Stolen,
];

fn small(seed: u64, storage: Profile, bucket: Profile) -> Game {
    Game {
        seed,
        profiles: Sides { storage, bucket },
        mode: Mode::TwoWay,
        policy: Policy::KeepBoth,
        wild: Wild::default(),
        rounds: 1,
        keys: 7,
        bug: None,
        script: Vec::new(),
        zombies: false,
        aloud: false,
    }
}

fn check(game: &Game) -> usize {
    let outcome = play(game.clone());
    let (storage, bucket) = (game.profiles.storage.name, game.profiles.bucket.name);
    assert!(
        outcome.violations.is_empty(),
        "seed {} {storage} {bucket} {:?}: {:#?}",
        game.seed,
        game.script,
        outcome.violations
    );
    outcome.struck
}

#[test]
fn every_fault_at_every_event() {
    let (mut games, mut struck) = (0, 0);
    for (seed, storage, bucket) in
        [(1, VERSIONED, AWS), (2, AWS, R2), (3, MOTO, KMS), (4, NAIVE, VERSIONED), (5, KMS, NAIVE)]
    {
        let calm = small(seed, storage, bucket);
        let events = play(calm.clone()).counts.events;
        for at in 1..=events {
            for fault in FAULTS {
                struck += check(&Game { script: vec![(at, fault)], ..calm.clone() });
                games += 1;
            }
        }
    }
    println!("{games} games, {struck} faults");
    assert!(struck > 1000, "{struck} faults");
}

#[test]
fn a_crash_at_every_event_and_another_one_on_the_way_back() {
    let calm = small(6, AWS, VERSIONED);
    let events = play(calm.clone()).counts.events;
    let mut struck = 0;
    for at in 1..=events {
        for later in [1, 2, 3, 5, 8, 13, 21, 34] {
            for second in [Fault::CrashBefore, Fault::CrashAfter, Fault::Lost] {
                let script = vec![(at, Fault::CrashAfter), (at + later, second)];
                struck += check(&Game { script, ..calm.clone() });
            }
        }
    }
    assert!(struck > 500, "{struck} faults");
}
