//! What cannot be done is known before anything runs.

use portcullis_sync::{Mode, Op, Policy, Reason, Side};

use crate::store::{Fake, Tags16};
use crate::table::ABILITIES;
use crate::world::World;

fn with(change: impl Fn(&mut portcullis_sync::Abilities)) -> World {
    let mut bucket = Fake::new(Tags16::Md5);
    change(&mut bucket.abilities);
    World::of(Fake::new(Tags16::Md5), bucket)
}

async fn told(world: &World) -> Vec<String> {
    world.plan(Mode::TwoWay, Policy::KeepBoth).await.told()
}

#[tokio::test]
async fn keys_that_are_too_long_for_the_other_side() {
    let world = with(|bucket| bucket.longest_key = 20);
    let (fits, long) = ("k".repeat(20), "k".repeat(21));
    world.storage.set(&fits, "x", 1);
    world.storage.set(&long, "x", 1);
    assert_eq!(
        told(&world).await,
        [format!("{fits}: write bucket new_storage"), format!("{long}: leave key_refused")]
    );
}

#[tokio::test]
async fn other_names_that_are_too_long() {
    let world = with(|bucket| bucket.longest_key = 100);
    let folder = format!("{}/f", "d".repeat(60));
    for side in Side::BOTH {
        world.side(side).set(&folder, side.as_str(), 1);
    }
    assert_eq!(told(&world).await, [format!("{folder}: leave key_refused")]);
}

#[tokio::test]
async fn objects_that_are_too_large_or_far_away() {
    let mut world = with(|bucket| {
        bucket.largest_object = 3;
        bucket.keeps_versions = false;
    });
    for at in ["deleted", "edited"] {
        world.storage.set(at, "old", 1);
        world.bucket.set(at, "old", 1);
        world.agree(&[at]);
    }
    world.storage.set("a", "1234", 1);
    world.storage.set("b", "123", 1);
    world.bucket.set("c", "more than that", 1);
    world.storage.set("both", "1234", 1);
    world.bucket.set("both", "12", 1);
    world.storage.remove("deleted");
    world.storage.set("edited", "new", 1);
    for at in ["deleted", "edited"] {
        world.bucket.change(at, |held| held.archived = true);
    }
    let expected = [
        "a: leave too_large",
        "b: write bucket new_storage",
        "both: leave too_large",
        "c: write storage new_bucket",
        "deleted: leave archived",
        "edited: leave archived",
    ];
    assert_eq!(
        told(&world).await,
        expected,
        "what lies in an archive cannot be copied before it is replaced"
    );
}

#[tokio::test]
async fn what_stays_as_a_version_may_lie_in_an_archive() {
    let mut world = World::new();
    world.storage.set("k", "old", 1);
    world.bucket.set("k", "old", 1);
    world.agree(&["k"]);
    world.storage.remove("k");
    world.bucket.change("k", |held| held.archived = true);
    assert_eq!(told(&world).await, ["k: delete bucket del_storage"]);
}

#[tokio::test]
async fn a_quota_is_filled_and_not_passed() {
    let world = World::new();
    for (at, size) in [("a", 4usize), ("b", 8), ("c", 5), ("d", 1)] {
        world.storage.set(at, "x".repeat(size), 1);
    }
    let mut terms = world.terms(Mode::TwoWay, Policy::KeepBoth);
    terms.quota_left.bucket = Some(10);
    let made = world.try_plan(&terms).await.unwrap();
    let expected = [
        "a: write bucket new_storage",
        "b: leave over_quota",
        "c: write bucket new_storage",
        "d: write bucket new_storage",
    ];
    assert_eq!(made.told(), expected);
    assert_eq!(made.result.guards.iter().map(|hit| hit.guard.as_str()).collect::<Vec<_>>(), ["quota"]);
}

#[tokio::test]
async fn spellings_on_a_side_that_folds_them() {
    let world = || with(|bucket| bucket.folds_unicode = true);
    let (composed, apart) = ("caf\u{e9}", "cafe\u{301}");
    // Both in the storage: the first goes, the second is left.
    let two = world();
    two.storage.set(composed, "x", 1);
    two.storage.set(apart, "y", 1);
    assert_eq!(
        told(&two).await,
        [format!("{apart}: leave clash_unicode"), format!("{composed}: leave clash_unicode")]
    );
    // A single one is no clash, however it is spelled, also on both sides.
    for text in [composed, apart, "\u{212a}elvin"] {
        let one = world();
        one.storage.set(text, "x", 1);
        assert_eq!(told(&one).await, [format!("{text}: write bucket new_storage")]);
        one.bucket.set(text, "x", 1);
        assert_eq!(told(&one).await, [format!("{text}: agree same")]);
    }
    // A sign that is folded into a plain letter, which stands before it.
    let kelvin = world();
    kelvin.storage.set("Kelvin", "x", 1);
    kelvin.storage.set("\u{212a}elvin", "y", 1);
    assert_eq!(
        told(&kelvin).await,
        ["Kelvin: write bucket new_storage", "\u{212a}elvin: leave clash_unicode"]
    );
    // The bucket spells anew what both agreed on: nothing is deleted for that.
    let mut anew = world();
    anew.storage.set(composed, "x", 1);
    anew.bucket.set(composed, "x", 1);
    anew.agree(&[composed]);
    anew.bucket.remove(composed);
    anew.bucket.set(apart, "x", 1);
    assert_eq!(
        told(&anew).await,
        [format!("{apart}: leave clash_unicode"), format!("{composed}: leave clash_unicode")]
    );
    // Of what is unchanged nothing is asked, and a new twin of it is seen.
    let mut twin = world();
    twin.storage.set(apart, "x", 1);
    twin.bucket.set(apart, "x", 1);
    twin.agree(&[apart]);
    twin.storage.set(composed, "y", 1);
    assert_eq!(told(&twin).await, [format!("{composed}: leave clash_unicode")]);
    assert_eq!(twin.bucket.asked.heads.load(std::sync::atomic::Ordering::Relaxed), 0);
}

#[tokio::test]
async fn upper_and_lower_case_only_matter_where_they_are_folded() {
    let plain = World::new();
    let folding = with(|bucket| bucket.folds_case = true);
    for world in [&plain, &folding] {
        world.storage.set("README", "x", 1);
        world.storage.set("readme", "y", 1);
    }
    assert_eq!(told(&plain).await.len(), 2);
    assert!(told(&plain).await.iter().all(|line| line.ends_with("write bucket new_storage")));
    assert_eq!(told(&folding).await, ["README: leave clash_case", "readme: leave clash_case"]);
}

#[tokio::test]
async fn files_where_folders_are_only_matter_where_both_cannot_be() {
    let plain = World::new();
    let world = with(|bucket| bucket.file_beside_folder = false);
    for world in [&plain, &world] {
        for at in ["a", "a/b", "b", "b-c", "b-d/e", "b/f", "c", "c-", "d/e", "e/", "e/f"] {
            world.storage.set(at, "x", 1);
        }
    }
    assert!(told(&plain).await.iter().all(|line| line.ends_with("write bucket new_storage")));
    let clash = [
        "a: leave clash_file_folder",
        "a/b: leave clash_file_folder",
        "b: leave clash_file_folder",
        "b-c: write bucket new_storage",
        "b-d/e: write bucket new_storage",
        "b/f: leave clash_file_folder",
        "c: write bucket new_storage",
        "c-: write bucket new_storage",
        "d/e: write bucket new_storage",
        "e/: write bucket new_storage",
        "e/f: write bucket new_storage",
    ];
    assert_eq!(told(&world).await, clash);
}

#[tokio::test]
async fn keys_of_our_own_are_left() {
    let world = World::new();
    world.storage.set(".portcullis/kept/1/1", "x", 1);
    world.bucket.set(".portcullis/pair-1.json", "x", 1);
    world.storage.set(".portcullis/both", "x", 1);
    world.bucket.set(".portcullis/both", "y", 1);
    world.storage.set(".portcullis", "x", 1);
    let made = world.plan(Mode::Mirror, Policy::Storage).await;
    let left =
        made.actions.iter().filter(|action| (&action.op, action.reason) == (&Op::Leave, Reason::KeyRefused));
    assert_eq!((left.count(), made.actions.len()), (3, 4));
    assert_eq!(world.bucket.asked.heads.load(std::sync::atomic::Ordering::Relaxed), 0, "not even looked at");
    assert_eq!(ABILITIES.longest_key, 1024);
}
