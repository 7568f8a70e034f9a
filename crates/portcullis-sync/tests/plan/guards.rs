//! What stops a plan until somebody says that it is right.

use portcullis_sync::{Guard, GuardHit, Mode, Policy, Risk, Side};

use crate::store::{Fake, Tags16};
use crate::world::World;

/// So many keys that both agree on, each with bytes of its own.
fn agreed(count: usize, tags: Tags16) -> World {
    let mut world = World::of(Fake::new(tags), Fake::new(tags));
    for at in 0..count {
        let key = format!("k{at:04}");
        world.storage.set(&key, key.clone(), 1000);
        world.bucket.set(&key, key.clone(), 1000);
        world.agree(&[&key]);
    }
    world
}

async fn hits(world: &World, mode: Mode) -> Vec<(Guard, Option<Side>, u64, u64)> {
    let made = world.plan(mode, Policy::Storage).await;
    made.result
        .guards
        .iter()
        .map(|GuardHit { guard, side, count, of }| (*guard, *side, *count, *of))
        .collect()
}

#[tokio::test]
async fn deletions_count_in_percent_and_in_files_and_few_never_do() {
    for (count, deleted, files, stopped) in [
        (100, 10, 1000, false),
        (100, 11, 1000, true),
        (20, 9, 1000, false),
        (20, 10, 1000, true),
        (400, 30, 29, true),
        (400, 30, 30, false),
    ] {
        let world = agreed(count, Tags16::Opaque);
        for at in 0..deleted {
            world.storage.remove(&format!("k{at:04}"));
        }
        let mut terms = world.terms(Mode::TwoWay, Policy::KeepBoth);
        terms.limits.max_delete_files = files;
        let made = world.try_plan(&terms).await.unwrap();
        let hit = made.result.guards.iter().any(|hit| hit.guard == Guard::MassDeletion);
        assert_eq!(hit, stopped, "{deleted} of {count}, at most {files}");
    }
}

#[tokio::test]
async fn a_folder_that_was_renamed_was_not_deleted() {
    for (tags, renamed) in [(Tags16::Md5, 50), (Tags16::Opaque, 0)] {
        let world = agreed(100, tags);
        for at in 0..50 {
            let key = format!("k{at:04}");
            let bytes = world.storage.bytes_of(&key).unwrap();
            world.storage.remove(&key);
            world.storage.set(&format!("{}/{key}", if at % 2 == 0 { "a" } else { "z" }), bytes, 2000);
        }
        let made = world.plan(Mode::TwoWay, Policy::KeepBoth).await;
        assert_eq!(made.result.totals.renamed.bucket, renamed, "what cannot be proven counts as deleted");
        assert_eq!(made.result.guards.is_empty(), renamed == 50);
        assert_eq!(made.result.totals.delete.bucket.files, 50);
    }
}

#[tokio::test]
async fn many_changes_at_once() {
    let world = agreed(100, Tags16::Opaque);
    for at in 0..31 {
        world.bucket.set(&format!("k{at:04}"), "changed", 2000);
    }
    let hit = (Guard::MassChange, Some(Side::Bucket), 31, 100);
    assert_eq!(hits(&world, Mode::TwoWay).await, [hit]);
    assert_eq!(hits(&world, Mode::Mirror).await, [hit], "they would all be put back");
    assert_eq!(hits(&world, Mode::Copy).await, [], "they are left as they are");
    world.bucket.set("k0000", "k0000", 1000);
    world
        .bucket
        .change("k0000", |held| held.etag = world.base[&crate::store::key("k0000")].bucket.etag.clone());
    assert_eq!(hits(&world, Mode::TwoWay).await, []);
}

#[tokio::test]
async fn a_mirror_that_would_empty_its_target() {
    let world = World::new();
    for at in 0..2000 {
        world.bucket.set(&format!("k{at:04}"), "x", 1000);
    }
    assert_eq!(hits(&world, Mode::Mirror).await, [(Guard::MassDeletion, Some(Side::Bucket), 2000, 2000)]);
    assert_eq!(hits(&world, Mode::Copy).await, []);
}

#[tokio::test]
async fn risks_are_named_where_they_are() {
    let mut bucket = Fake::new(Tags16::Md5);
    bucket.abilities.conditional_writes = false;
    bucket.abilities.conditional_deletes = false;
    bucket.abilities.keeps_versions = false;
    let mut world = World::of(Fake::new(Tags16::Md5), bucket);
    for at in ["edited", "deleted"] {
        world.storage.set(at, "x", 1000);
        world.bucket.set(at, "x", 1000);
        world.agree(&[at]);
    }
    assert_eq!(world.plan(Mode::TwoWay, Policy::KeepBoth).await.result.risks, []);
    world.storage.set("edited", "y", 2000);
    world.storage.remove("deleted");
    let risks = world.plan(Mode::TwoWay, Policy::KeepBoth).await.result.risks;
    let side = Side::Bucket;
    assert_eq!(risks, [Risk::WritesUnguarded(side), Risk::DeletesUnguarded(side), Risk::KeptByCopy(side)]);
    world.storage.set("both", "x", 1000);
    world.bucket.set("both", "y", 1000);
    let mut terms = world.terms(Mode::TwoWay, Policy::Newest);
    terms.skew = None;
    assert!(world.try_plan(&terms).await.unwrap().result.risks.contains(&Risk::ClocksUnknown));
}

#[tokio::test]
async fn what_a_plan_comes_to_can_be_kept_as_text() {
    let world = agreed(20, Tags16::Md5);
    world.storage.held.lock().unwrap().clear();
    world.bucket.set("new", "x", 2000);
    let result = world.plan(Mode::TwoWay, Policy::KeepBoth).await.result;
    let text = serde_json::to_string(&result).unwrap();
    assert_eq!(serde_json::from_str::<portcullis_sync::PlanResult>(&text).unwrap(), result);
    assert!(text.contains(r#""guard":"emptied""#), "{text}");
}
