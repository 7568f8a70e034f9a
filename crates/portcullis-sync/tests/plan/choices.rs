//! What somebody decides against the plan.

use portcullis_sync::{
    Choice, ChoiceRule, Mode, Op, Policy, Reason, Side, decide_choice, guards, is_open, totals_with,
};

use crate::store::{Fake, Tags16};
use crate::world::{Pages, World};

fn rule(key: Option<&str>, prefix: Option<&str>, reason: Option<Reason>, choice: Choice) -> ChoiceRule {
    ChoiceRule { key: key.map(str::to_owned), prefix: prefix.map(str::to_owned), reason, choice }
}

/// One key of every kind.
fn world() -> World {
    let mut world = World::new();
    for at in ["d/deleted", "d/edited", "gone"] {
        world.storage.set(at, "x", 1000);
        world.bucket.set(at, "x", 1000);
        world.agree(&[at]);
    }
    world.storage.remove("d/deleted");
    world.bucket.set("d/edited", "y", 2000);
    world.storage.remove("gone");
    world.bucket.remove("gone");
    world.storage.set("conflict", "x", 5000);
    world.bucket.set("conflict", "y", 1000);
    world.bucket.set("new", "y", 1000);
    world.storage.set("same", "x", 1000);
    world.bucket.set("same", "x", 1000);
    world
}

#[tokio::test]
async fn the_side_that_is_right_is_right_also_if_it_has_nothing() {
    let world = world();
    let terms = world.terms(Mode::TwoWay, Policy::Ask);
    let made = world.plan(Mode::TwoWay, Policy::Ask).await;
    let op =
        |key: &str, choice| decide_choice(made.of(key), &[rule(Some(key), None, None, choice)], &terms).op;
    let (storage, bucket) = (Side::Storage, Side::Bucket);
    assert_eq!(op("conflict", Choice::Storage), Op::Write { to: bucket });
    assert_eq!(op("conflict", Choice::Bucket), Op::Write { to: storage });
    assert_eq!(op("conflict", Choice::Newest), Op::Write { to: bucket });
    assert!(matches!(op("conflict", Choice::KeepBoth), Op::KeepBoth { from: Side::Storage, .. }));
    assert_eq!(op("new", Choice::Storage), Op::Delete { on: bucket });
    assert_eq!(op("new", Choice::KeepBoth), Op::Write { to: storage });
    assert_eq!(op("d/deleted", Choice::Bucket), Op::Write { to: storage });
    assert_eq!(op("d/edited", Choice::Storage), Op::Write { to: bucket });
    for key in ["conflict", "new", "d/deleted", "d/edited"] {
        assert_eq!(op(key, Choice::Skip), Op::Leave);
        assert!(is_open(made.of(key)));
    }
    for key in ["same", "gone"] {
        assert_eq!(op(key, Choice::Storage), made.of(key).op, "there is nothing to choose");
    }
    // In a mirror the bucket's being right means that it stays as it is.
    let mirror = world.terms(Mode::Mirror, Policy::Storage);
    let made = world.plan(Mode::Mirror, Policy::Storage).await;
    let rules = [rule(None, None, None, Choice::Bucket)];
    assert!(
        made.actions
            .iter()
            .filter(|one| is_open(one))
            .all(|one| decide_choice(one, &rules, &mirror).op == Op::Leave)
    );
}

#[tokio::test]
async fn the_last_rule_counts_and_one_for_the_key_before_all() {
    let world = world();
    let terms = world.terms(Mode::TwoWay, Policy::Ask);
    let made = world.plan(Mode::TwoWay, Policy::Ask).await;
    let rules = [
        rule(Some("d/edited"), None, None, Choice::Storage),
        rule(None, Some("d/"), None, Choice::Skip),
        rule(None, None, Some(Reason::ConflictNewNew), Choice::Storage),
        rule(None, None, Some(Reason::ConflictNewNew), Choice::Bucket),
        rule(None, Some("x"), Some(Reason::NewBucket), Choice::Storage),
    ];
    let ops: Vec<_> = made.actions.iter().map(|action| decide_choice(action, &rules, &terms).op).collect();
    let expected = [
        Op::Write { to: Side::Storage },
        Op::Leave,
        Op::Write { to: Side::Bucket },
        Op::Forget,
        Op::Write { to: Side::Storage },
        Op::Agree,
    ];
    assert_eq!(ops, expected);
    assert!(rules.iter().all(|rule| rule.check().is_ok()));
    assert!(rule(Some("a"), Some("a"), None, Choice::Skip).check().is_err());
    assert!(rule(Some(""), None, None, Choice::Skip).check().is_err());
}

#[tokio::test]
async fn what_cannot_be_done_cannot_be_chosen() {
    let mut bucket = Fake::new(Tags16::Opaque);
    bucket.abilities.largest_object = 3;
    let world = World::of(Fake::new(Tags16::Opaque), bucket);
    world.storage.set("long", "1234", 1000);
    world.bucket.set("long", "4321", 1000);
    let terms = world.terms(Mode::TwoWay, Policy::Ask);
    let made = world.plan(Mode::TwoWay, Policy::Ask).await;
    assert_eq!(made.told(), ["long: leave unverified"]);
    let with = |choice| decide_choice(made.of("long"), &[rule(None, None, None, choice)], &terms);
    assert_eq!(with(Choice::Bucket).op, Op::Write { to: Side::Storage }, "what is not known may be decided");
    assert_eq!((with(Choice::Storage).op, with(Choice::Storage).reason), (Op::Leave, Reason::TooLarge));
    let refused = with(Choice::Storage);
    assert_eq!(decide_choice(&refused, &[rule(None, None, None, Choice::Bucket)], &terms), refused);
}

#[tokio::test]
async fn totals_and_guards_follow_the_choices() {
    let world = World::new();
    for at in 0..20 {
        world.bucket.set(&format!("k{at:02}"), "four", 1000);
    }
    let terms = world.terms(Mode::TwoWay, Policy::KeepBoth);
    let made = world.plan(Mode::TwoWay, Policy::KeepBoth).await;
    let planned = &made.result.totals;
    assert_eq!((planned.write.storage.files, planned.moved.storage), (20, 80));
    let sink = Pages::default();
    sink.0.lock().unwrap().push(portcullis_sync::NewPage {
        no: 0,
        first_seq: 0,
        first_key: made.actions[0].key.clone(),
        entries: made.actions.len(),
        data: portcullis_sync::encode(&made.actions).unwrap(),
    });
    assert_eq!(totals_with(&sink, planned, &[], &terms).await.unwrap(), *planned);
    let rules = [rule(None, None, None, Choice::Storage), rule(Some("k00"), None, None, Choice::Skip)];
    let chosen = totals_with(&sink, planned, &rules, &terms).await.unwrap();
    assert_eq!((chosen.delete.bucket.files, chosen.write.storage.files, chosen.moved.storage), (19, 0, 0));
    assert_eq!(chosen.left[&Reason::NewBucket].files, 1);
    assert_eq!(guards(&chosen, &terms)[0].count, 19, "what was chosen is guarded too");
}
