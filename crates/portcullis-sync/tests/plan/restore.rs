//! The way back, planned on what is there now.

use std::collections::BTreeSet;
use std::sync::Arc;

use portcullis_sync::{
    Action, Copied, Journal, Kept, Mode, Op, Pick, Place, PlanResult, Policy, Reason, Side, Sides, Step,
    StepState, make_restore,
};
use tokio_util::sync::CancellationToken;

use crate::store::key;
use crate::world::{Pages, Steps, World};

async fn back(world: &World, steps: &[Step], pick: Pick) -> (PlanResult, Vec<Action>) {
    let (sink, journal) = (Pages::default(), Steps::default());
    journal.write(steps).await.unwrap();
    let last = steps.iter().map(|step| step.seq).max().unwrap_or(0);
    let terms = world.terms(Mode::TwoWay, Policy::KeepBoth);
    let (stores, journal, stop) = (world.stores(), Arc::new(journal), CancellationToken::new());
    let result =
        make_restore(&stores, journal, last, &pick, &sink, &terms, Arc::default(), &stop).await.unwrap();
    (result, sink.actions())
}

fn told(actions: &[Action]) -> Vec<String> {
    actions
        .iter()
        .map(|action| {
            let op = match &action.op {
                Op::PutBack { on, step } => format!("put back {} from {step}", on.as_str()),
                Op::Delete { on } => format!("delete {}", on.as_str()),
                Op::Leave => "leave".to_owned(),
                other => panic!("{other:?}"),
            };
            format!("{}: {op} {}", action.key, action.reason.as_str())
        })
        .collect()
}

/// A run that wrote to the bucket at four keys and deleted in the storage at one: the world after it, and its steps.
fn ran() -> (World, Vec<Step>) {
    let world = World::new();
    let mut steps = Vec::new();
    let mut seq = 0;
    let mut step = |at: &str| {
        seq += 1;
        Step {
            seq,
            key: key(at),
            state: StepState::Done,
            kept: Vec::new(),
            wrote: Sides::default(),
            copy: None,
            before: None,
            agreed: None,
            upload: None,
            moved: 0,
            told: String::new(),
        }
    };
    let kept = |at: &str, side: Side, content: &'static str| {
        let place = format!(".portcullis/kept/run/{at}");
        let mark = world.side(side).set(&place, content, 1000);
        Kept { side, key: key(at), place: Place::Reserved(key(&place)), mark }
    };
    let mut created = step("created");
    world.storage.set("created", "new", 1000);
    created.wrote.bucket = Some(Some(world.bucket.set("created", "new", 1000)));
    steps.push(created);

    let mut replaced = step("replaced");
    replaced.kept.push(kept("replaced", Side::Bucket, "old"));
    let before = world.bucket.set("replaced", "old", 1000);
    replaced.before = Some(Sides { storage: before.clone(), bucket: before });
    let now = world.storage.set("replaced", "new", 1000);
    replaced.wrote.bucket = Some(Some(world.bucket.set("replaced", "new", 1000)));
    replaced.agreed = Some(Sides { storage: now.clone(), bucket: now });
    steps.push(replaced);

    let mut deleted = step("deleted");
    deleted.kept.push(kept("deleted", Side::Storage, "gone"));
    deleted.wrote.storage = Some(None);
    steps.push(deleted);

    let mut conflict = step("conflict");
    conflict.kept.push(kept("conflict", Side::Storage, "ours"));
    conflict.wrote.storage = Some(Some(world.storage.set("conflict", "theirs", 1000)));
    world.bucket.set("conflict", "theirs", 1000);
    let copy = Sides {
        storage: Some(world.storage.set("conflict (copy)", "ours", 1000)),
        bucket: Some(world.bucket.set("conflict (copy)", "ours", 1000)),
    };
    conflict.copy = Some(Copied { key: key("conflict (copy)"), wrote: copy });
    steps.push(conflict);
    (world, steps)
}

#[tokio::test]
async fn everything_goes_back_that_is_as_it_was_left() {
    let (world, steps) = ran();
    let (result, actions) = back(&world, &steps, Pick::All).await;
    let expected = [
        "created: delete bucket undo_write",
        "replaced: put back bucket from 2 undo_loss",
        "deleted: put back storage from 3 undo_loss",
        "conflict: put back storage from 4 undo_loss",
        "conflict (copy): delete storage undo_write",
        "conflict (copy): delete bucket undo_write",
    ];
    assert_eq!(told(&actions), expected);
    assert_eq!(actions[1].agreed, steps[1].before, "what is agreed on is what was");
    assert_eq!(actions[1].seen.bucket.as_ref().unwrap().mark, world.bucket.mark_of("replaced").unwrap());
    assert_eq!((actions[0].seq, actions[5].seq, result.totals.actions), (0, 5, 6));
    assert_eq!((result.totals.put_back.storage.files, result.totals.delete.bucket.files), (2, 2));
    assert!(result.guards.is_empty());
}

#[tokio::test]
async fn what_was_changed_since_is_left_and_what_is_back_is_back() {
    let (world, steps) = ran();
    world.bucket.set("created", "newer", 2000);
    world.bucket.set("replaced", "old", 2000);
    world.storage.set("deleted", "another", 2000);
    world.storage.remove("conflict (copy)");
    world.bucket.set("conflict (copy)", "edited", 2000);
    let (_, actions) = back(&world, &steps, Pick::All).await;
    let expected = [
        "created: leave changed_since",
        "deleted: leave changed_since",
        "conflict: put back storage from 4 undo_loss",
        "conflict (copy): leave changed_since",
    ];
    assert_eq!(told(&actions), expected);
}

#[tokio::test]
async fn what_is_no_longer_kept_cannot_come_back() {
    let (world, steps) = ran();
    world.bucket.remove(".portcullis/kept/run/replaced");
    let keys = BTreeSet::from([key("replaced"), key("nothing")]);
    let (_, actions) = back(&world, &steps, Pick::Keys(keys)).await;
    assert_eq!(told(&actions), ["replaced: leave kept_gone"]);
}

#[tokio::test]
async fn one_file_comes_back_whatever_is_there_now() {
    let (world, steps) = ran();
    world.bucket.set("replaced", "newer still", 2000);
    let (_, actions) = back(&world, &steps, Pick::Kept { seq: 2, side: Side::Bucket }).await;
    assert_eq!(told(&actions), ["replaced: put back bucket from 2 undo_loss"]);
    let (_, actions) = back(&world, &steps, Pick::Kept { seq: 2, side: Side::Storage }).await;
    assert!(actions.is_empty(), "nothing was kept there");
    world.bucket.set("replaced", "old", 3000);
    let (_, actions) = back(&world, &steps, Pick::Kept { seq: 2, side: Side::Bucket }).await;
    assert!(actions.is_empty(), "it is there already");
}

#[tokio::test]
async fn a_step_that_stopped_halfway_is_looked_at() {
    let (world, mut steps) = ran();
    for step in &mut steps {
        step.state = StepState::Kept;
        step.wrote = Sides::default();
    }
    let (_, actions) = back(&world, &steps, Pick::All).await;
    let expected =
        ["replaced: leave changed_since", "deleted: leave changed_since", "conflict: leave changed_since"];
    assert_eq!(told(&actions), expected, "it is shown and can be put back one by one");
    world.bucket.set("replaced", "old", 3000);
    world.storage.set("deleted", "gone", 3000);
    world.storage.set("conflict", "ours", 3000);
    let (_, actions) = back(&world, &steps, Pick::All).await;
    assert!(
        actions.iter().all(|action| action.reason == Reason::ChangedSince && action.key == key("none")),
        "{actions:?}"
    );
}

#[tokio::test]
async fn many_steps_come_in_pages() {
    let world = World::new();
    let (_, template) = ran();
    let steps: Vec<Step> = (0..1500)
        .map(|seq| {
            let at = format!("k{seq:04}");
            let wrote = Sides { storage: None, bucket: Some(Some(world.bucket.set(&at, "x", 1000))) };
            Step { seq: seq * 3, key: key(&at), wrote, ..template[0].clone() }
        })
        .collect();
    let (result, actions) = back(&world, &steps, Pick::All).await;
    assert_eq!((actions.len(), result.totals.delete.bucket.files), (1500, 1500));
    assert!(actions.is_sorted_by_key(|action| action.key.clone()));
}
