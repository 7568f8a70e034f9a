//! What holds for every plan, whatever the sides hold.

use std::collections::BTreeSet;

use bytes::Bytes;
use portcullis_sync::{Choice, ChoiceRule, Mode, Op, Policy, Reason, Side, decide_choice, is_conflict_name};
use proptest::prelude::*;

use crate::store::{Fake, Tags16, key};
use crate::world::{Made, World};

/// Names in which something is odd.
const KEYS: [&str; 12] = [
    "a",
    "a/",
    "a/b",
    "A",
    "caf\u{e9}",
    "cafe\u{301}",
    "..",
    "a//b",
    ".portcullis/kept/1/1",
    "b (conflict storage 20261121-014950Z 1a2b3c4d).txt",
    "b.txt",
    "z",
];

/// What one key holds: in the storage, agreed on, in the bucket, and whose is the younger.
type State = (Option<u8>, Option<u8>, Option<u8>, bool);

fn content(one: u8) -> Bytes {
    Bytes::from(format!("content {one}"))
}

fn world(states: &[(usize, State)], tags: (Tags16, Tags16), page: usize) -> World {
    let side = |tags| Fake { page, ..Fake::new(tags) };
    let mut world = World::of(side(tags.0), side(tags.1));
    for (at, (storage, agreed, bucket, younger)) in states {
        let at = KEYS[*at];
        if let Some(agreed) = agreed {
            world.storage.set(at, content(*agreed), 1000);
            world.bucket.set(at, content(*agreed), 1000);
            world.agree(&[at]);
        }
        for (side, now, seconds) in
            [(Side::Storage, storage, 2000), (Side::Bucket, bucket, if *younger { 3000 } else { 1500 })]
        {
            match now {
                None => world.side(side).remove(at),
                Some(now) if Some(*now) != *agreed => drop(world.side(side).set(at, content(*now), seconds)),
                Some(_) => {}
            }
        }
    }
    world
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(work)
}

fn made(world: &World, mode: Mode, policy: Policy) -> Made {
    let mut terms = world.terms(mode, policy);
    terms.read_budget = 1 << 20;
    block_on(world.try_plan(&terms)).unwrap()
}

fn states() -> impl Strategy<Value = Vec<(usize, State)>> {
    let content = || prop::option::weighted(0.7, 0..3u8);
    let state = (content(), prop::option::weighted(0.5, 0..3u8), content(), any::<bool>());
    prop::collection::btree_map(0..KEYS.len(), state, 0..KEYS.len()).prop_map(|map| map.into_iter().collect())
}

fn tags() -> impl Strategy<Value = (Tags16, Tags16)> {
    let one = || prop::sample::select(vec![Tags16::Md5, Tags16::Opaque, Tags16::Encrypted, Tags16::Parts(4)]);
    (one(), one())
}

fn mode() -> impl Strategy<Value = Mode> {
    prop::sample::select(Mode::ALL)
}

fn policy() -> impl Strategy<Value = Policy> {
    prop::sample::select(Policy::ALL)
}

fn everything(world: &World) -> BTreeSet<Bytes> {
    world.storage.contents().into_values().chain(world.bucket.contents().into_values()).collect()
}

/// The same with the sides the other way round, in a word for each key.
fn swapped(made: &Made, swap: bool) -> Vec<String> {
    let side = |side: Side| if swap { side.other() } else { side };
    let told = |action: &portcullis_sync::Action| match &action.op {
        Op::Agree => "agree".to_owned(),
        Op::Forget => "forget".to_owned(),
        Op::Write { to } => format!("write {}", side(*to).as_str()),
        Op::Delete { on } => format!("delete {}", side(*on).as_str()),
        // The storage's gets the other name, whichever it is.
        Op::KeepBoth { .. } => "both".to_owned(),
        Op::PutBack { .. } => "put back".to_owned(),
        Op::Leave => "leave".to_owned(),
    };
    made.actions.iter().map(|action| format!("{} {}", action.key, told(action))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn the_same_world_gives_the_same_plan(states in states(), tags in tags(), mode in mode(), policy in policy()) {
        let world = world(&states, tags, 1000);
        let (one, other) = (made(&world, mode, policy), made(&world, mode, policy));
        prop_assert_eq!(one.actions, other.actions);
        prop_assert_eq!(one.result.totals, other.result.totals);
    }

    #[test]
    fn a_plan_that_was_carried_out_leaves_nothing_to_do(states in states(), tags in tags(), mode in mode(), policy in policy()) {
        let mut world = world(&states, tags, 1000);
        let first = made(&world, mode, policy);
        world.apply(&first.actions, mode);
        let second = made(&world, mode, policy);
        prop_assert!(second.is_idle(), "{:?} then {:?}", first.told(), second.told());
    }

    #[test]
    fn nothing_is_lost(states in states(), tags in tags(), mode in mode(), policy in policy()) {
        let mut world = world(&states, tags, 1000);
        let before = everything(&world);
        let made = made(&world, mode, policy);
        world.apply(&made.actions, mode);
        let mut after = everything(&world);
        after.extend(world.kept.iter().cloned());
        prop_assert!(before.is_subset(&after), "{:?}", made.told());
    }

    #[test]
    fn both_sides_become_one(states in states(), tags in tags(), policy in policy()) {
        let mut world = world(&states, tags, 1000);
        let made = made(&world, Mode::TwoWay, policy);
        world.apply(&made.actions, Mode::TwoWay);
        let (mut storage, mut bucket) = (world.storage.contents(), world.bucket.contents());
        for action in made.actions.iter().filter(|action| action.op == Op::Leave) {
            storage.remove(action.key.as_str());
            bucket.remove(action.key.as_str());
        }
        prop_assert_eq!(storage, bucket);
    }

    #[test]
    fn a_deletion_takes_an_agreement(states in states(), tags in tags(), mode in mode(), policy in policy()) {
        let made = made(&world(&states, tags, 1000), mode, policy);
        for action in made.actions.iter().filter(|action| matches!(action.op, Op::Delete { .. })) {
            let extra = mode == Mode::Mirror && action.reason == Reason::Extra;
            prop_assert!(action.agreed.is_some() || extra, "{action:?}");
        }
    }

    #[test]
    fn the_source_is_never_written(states in states(), tags in tags(), policy in policy(), mirror: bool, choice in prop::sample::select(Choice::ALL)) {
        let mode = if mirror { Mode::Mirror } else { Mode::Copy };
        let world = world(&states, tags, 1000);
        let made = made(&world, mode, policy);
        let rules = [ChoiceRule { key: None, prefix: None, reason: None, choice }];
        let chosen = made.actions.iter().map(|action| decide_choice(action, &rules, &world.terms(mode, policy)));
        for action in made.actions.iter().cloned().chain(chosen) {
            let writes = match &action.op {
                Op::Write { to } => Some(*to),
                Op::Delete { on } | Op::PutBack { on, .. } => Some(*on),
                Op::KeepBoth { from, .. } => Some(*from),
                Op::Agree | Op::Forget | Op::Leave => None,
            };
            prop_assert_ne!(writes, Some(Side::Storage), "{:?}", action);
        }
    }

    #[test]
    fn the_other_way_round_is_the_same(states in states(), tags in tags(), policy in policy()) {
        let turned: Vec<_> = states.iter().map(|(at, (storage, agreed, bucket, _))| (*at, (*bucket, *agreed, *storage, true))).collect();
        let upright: Vec<_> = states.iter().map(|(at, (storage, agreed, bucket, _))| (*at, (*storage, *agreed, *bucket, false))).collect();
        let other = match policy { Policy::Storage => Policy::Bucket, Policy::Bucket => Policy::Storage, policy => policy };
        let (one, two) = (world(&upright, tags, 1000), world(&turned, (tags.1, tags.0), 1000));
        prop_assert_eq!(
            swapped(&made(&one, Mode::TwoWay, policy), false),
            swapped(&made(&two, Mode::TwoWay, other), true)
        );
    }

    #[test]
    fn pages_and_ranges_make_no_difference(states in states(), mode in mode(), policy in policy(), page in 1..4usize, remote in any::<(bool, bool)>()) {
        let tags = (Tags16::Md5, Tags16::Opaque);
        let whole = made(&world(&states, tags, 1000), mode, policy);
        let mut cut = world(&states, tags, page);
        std::sync::Arc::get_mut(&mut cut.storage).unwrap().abilities.remote = remote.0;
        std::sync::Arc::get_mut(&mut cut.bucket).unwrap().abilities.remote = remote.1;
        prop_assert_eq!(whole.told(), made(&cut, mode, policy).told());
    }

    #[test]
    fn what_is_agreed_on_is_the_same(states in states(), tags in tags(), mode in mode(), policy in policy()) {
        let mut world = world(&states, tags, 1000);
        let plan = made(&world, mode, policy);
        let agreed: Vec<_> = plan.actions.iter().filter(|action| action.op == Op::Agree).cloned().collect();
        for action in &agreed {
            let at = action.key.as_str();
            prop_assert_eq!(world.storage.bytes_of(at), world.bucket.bytes_of(at));
        }
        world.apply(&plan.actions, mode);
        for (at, marks) in &world.base {
            let now = (world.storage.mark_of(at.as_str()), world.bucket.mark_of(at.as_str()));
            if now == (Some(marks.storage.clone()), Some(marks.bucket.clone())) {
                prop_assert_eq!(world.storage.bytes_of(at.as_str()), world.bucket.bytes_of(at.as_str()));
            }
        }
    }

    #[test]
    fn other_names_are_other_names(states in states(), tags in tags(), mode in mode()) {
        let made = made(&world(&states, tags, 1000), mode, Policy::KeepBoth);
        for action in &made.actions {
            if let Op::KeepBoth { copy, .. } = &action.op {
                prop_assert!(is_conflict_name(copy));
                prop_assert_ne!(copy, &action.key);
                prop_assert_ne!(copy, &key("b (conflict storage 20261121-014950Z 1a2b3c4d).txt"));
            }
        }
    }

    #[test]
    fn reserved_keys_are_never_touched(states in states(), tags in tags(), mode in mode(), policy in policy()) {
        let made = made(&world(&states, tags, 1000), mode, policy);
        for action in made.actions.iter().filter(|action| action.key.as_str().starts_with(".portcullis/")) {
            prop_assert!(matches!(action.op, Op::Leave | Op::Forget), "{action:?}");
        }
    }
}
