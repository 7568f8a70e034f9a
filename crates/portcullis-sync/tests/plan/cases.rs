//! The situations in which tools of this kind lose data, one by one.

use std::time::Duration;

use bytes::Bytes;
use portcullis_sync::{BaseUse, Guard, Mode, Op, Policy, Reason, Side};

use crate::store::{Fake, Tags16, Wrong};
use crate::world::World;

/// A world with one key, and what is at it: on the storage, agreed on, in the bucket.
fn one(storage: Option<&str>, agreed: Option<&str>, bucket: Option<&str>) -> World {
    let mut world = World::new();
    if let Some(agreed) = agreed {
        world.storage.set("k.txt", Bytes::copy_from_slice(agreed.as_bytes()), 1000);
        world.bucket.set("k.txt", Bytes::copy_from_slice(agreed.as_bytes()), 1000);
        world.agree(&["k.txt"]);
        world.storage.remove("k.txt");
        world.bucket.remove("k.txt");
    }
    // The bucket's is the younger one.
    for (side, content, seconds) in [(Side::Storage, storage, 2000), (Side::Bucket, bucket, 2500)] {
        if let Some(content) = content {
            world.side(side).set("k.txt", Bytes::copy_from_slice(content.as_bytes()), seconds);
        }
    }
    world
}

const POLICIES: [Policy; 4] = [Policy::KeepBoth, Policy::Newest, Policy::Storage, Policy::Bucket];

/// What both sides hold after the plan, for keep_both, newest, storage and bucket; `+` marks the other name.
async fn results(storage: Option<&str>, agreed: Option<&str>, bucket: Option<&str>) -> (Vec<String>, Reason) {
    let mut all = Vec::new();
    let mut reason = Reason::Same;
    for policy in POLICIES {
        let mut world = one(storage, agreed, bucket);
        let made = world.plan(Mode::TwoWay, policy).await;
        reason = made.actions.first().map_or(Reason::Same, |action| action.reason);
        world.apply(&made.actions, Mode::TwoWay);
        assert_eq!(world.storage.contents(), world.bucket.contents(), "{policy:?}");
        let words = world.storage.contents().into_iter().map(|(key, bytes)| {
            let content = String::from_utf8(bytes.to_vec()).unwrap();
            if key == "k.txt" { content } else { format!("+{content}") }
        });
        let mut words: Vec<String> = words.collect();
        words.sort();
        words.reverse();
        all.push(words.join(""));
        assert!(world.plan(Mode::TwoWay, policy).await.is_idle(), "once is enough: {policy:?}");
    }
    (all, reason)
}

macro_rules! cases {
    ($($name:ident: $storage:expr, $agreed:expr, $bucket:expr => $told:expr, $reason:expr;)*) => { $(
        #[tokio::test]
        async fn $name() {
            let (told, reason) = results($storage, $agreed, $bucket).await;
            assert_eq!(told, $told);
            assert_eq!(reason, $reason);
        }
    )* };
}

const X: Option<&str> = Some("x");
const Y: Option<&str> = Some("y");
const Z: Option<&str> = Some("z");

cases! {
    case_01_only_in_the_bucket: None, None, Y => ["y", "y", "y", "y"], Reason::NewBucket;
    case_02_only_in_the_storage: X, None, None => ["x", "x", "x", "x"], Reason::NewStorage;
    case_03_the_same_on_both: X, None, X => ["x", "x", "x", "x"], Reason::Same;
    case_04_both_have_another: X, None, Y => ["y+x", "y", "x", "y"], Reason::ConflictNewNew;
    case_08_nothing_happened: X, X, X => ["x", "x", "x", "x"], Reason::Same;
    case_09_edited_in_the_bucket: X, X, Y => ["y", "y", "y", "y"], Reason::EditBucket;
    case_10_edited_in_the_storage: Y, X, X => ["y", "y", "y", "y"], Reason::EditStorage;
    case_11_edited_alike: Y, X, Y => ["y", "y", "y", "y"], Reason::Converged;
    case_12_edited_differently: Y, X, Z => ["z+y", "z", "y", "z"], Reason::ConflictEditEdit;
    case_13_deleted_in_the_bucket: X, X, None => ["", "", "", ""], Reason::DelBucket;
    case_14_deleted_in_the_storage: None, X, X => ["", "", "", ""], Reason::DelStorage;
    case_15_deleted_here_edited_there: None, X, Y => ["y", "y", "", "y"], Reason::ConflictDelEdit;
    case_16_edited_here_deleted_there: Y, X, None => ["y", "y", "y", ""], Reason::ConflictEditDel;
    case_17_deleted_on_both: None, X, None => ["", "", "", ""], Reason::DelBoth;
}

#[tokio::test]
async fn case_05_same_size_same_time_other_bytes() {
    let mut world = World::new();
    world.storage.set("k.txt", "one", 1000);
    world.bucket.set("k.txt", "two", 1000);
    let made = world.plan(Mode::TwoWay, Policy::Newest).await;
    assert!(matches!(made.of("k.txt").op, Op::KeepBoth { from: Side::Storage, .. }), "a tie keeps both");
    world.apply(&made.actions, Mode::TwoWay);
    assert_eq!(world.bucket.bytes_of("k.txt").unwrap(), "two");
    assert_eq!(world.bucket.contents().len(), 2);
}

#[tokio::test]
async fn case_06_the_same_under_another_kind_of_tag() {
    for tags in [Tags16::Parts(5 << 20), Tags16::Encrypted, Tags16::Opaque] {
        let bytes = Bytes::from(vec![7u8; 6 << 20]);
        let world = World::of(Fake::new(Tags16::Md5), Fake::new(tags));
        world.storage.set("k.bin", bytes.clone(), 1000);
        world.bucket.set("k.bin", bytes, 2000);
        let mut terms = world.terms(Mode::TwoWay, Policy::KeepBoth);
        terms.read_budget = 64 << 20;
        let made = world.try_plan(&terms).await.unwrap();
        assert_eq!(made.told(), ["k.bin: agree same"], "{tags:?}");
        terms.read_budget = 0;
        let made = world.try_plan(&terms).await.unwrap();
        assert_eq!(made.told(), ["k.bin: leave unverified"], "{tags:?}");
        assert_eq!(made.result.cost.unverified.bytes, 6 << 20);
    }
}

#[tokio::test]
async fn case_07_what_cannot_be_read_is_left() {
    for policy in Policy::ALL {
        let world = World::of(Fake::new(Tags16::Md5), Fake::new(Tags16::Opaque));
        for at in ["archived", "refused"] {
            world.storage.set(at, "same size", 1000);
            world.bucket.set(at, "size same", 2000);
        }
        world.bucket.set("only archived", "far away", 1000);
        world.bucket.change("archived", |held| held.archived = true);
        world.bucket.change("only archived", |held| held.archived = true);
        world.bucket.change("refused", |held| held.unreadable = true);
        let mut terms = world.terms(Mode::TwoWay, *policy);
        terms.read_budget = 1 << 30;
        let made = world.try_plan(&terms).await.unwrap();
        let told = ["archived: leave archived", "only archived: leave archived", "refused: leave unreadable"];
        assert_eq!(made.told(), told);
    }
}

/// A hundred keys that both agree on.
fn hundred() -> World {
    let mut world = World::new();
    for at in 0..100 {
        let key = format!("k{at:03}");
        world.storage.set(&key, key.clone(), 1000);
        world.bucket.set(&key, key.clone(), 1000);
        world.agree(&[&key]);
    }
    world
}

#[tokio::test]
async fn case_18_an_empty_bucket_is_not_a_hundred_deletions() {
    let world = hundred();
    world.bucket.held.lock().unwrap().clear();
    let made = world.plan(Mode::TwoWay, Policy::KeepBoth).await;
    let guards: Vec<_> = made.result.guards.iter().map(|hit| (hit.guard, hit.side, hit.count)).collect();
    assert!(guards.contains(&(Guard::Emptied, Some(Side::Bucket), 100)));
    assert!(guards.contains(&(Guard::MassDeletion, Some(Side::Storage), 100)));
}

#[tokio::test]
async fn case_19_a_listing_that_is_cut_is_only_believed_where_each_key_is_asked_for() {
    let mut world = hundred();
    let mut bucket = Fake::new(Tags16::Md5);
    bucket.wrong = Wrong::Cut(60);
    for (at, bytes) in world.bucket.contents() {
        bucket.set(&at, bytes, 1000);
    }
    world.bucket = bucket.into();
    let made = world.plan(Mode::TwoWay, Policy::KeepBoth).await;
    assert_eq!(made.result.guards[0].guard, Guard::MassDeletion, "nothing runs by itself");
    // What a run needs to find out that they are still there.
    for action in &made.actions {
        assert_eq!(action.op, Op::Delete { on: Side::Storage });
        assert!(action.agreed.is_some() && action.seen.bucket.is_none());
        assert!(world.bucket.mark_of(action.key.as_str()).is_some());
    }
}

#[tokio::test]
async fn case_20_twenty_of_a_hundred_deleted_wait_for_somebody() {
    let world = hundred();
    for at in 0..20 {
        world.bucket.remove(&format!("k{at:03}"));
    }
    let made = world.plan(Mode::TwoWay, Policy::KeepBoth).await;
    let told: Vec<_> =
        made.result.guards.iter().map(|hit| (hit.guard, hit.side, hit.count, hit.of)).collect();
    assert_eq!(told, [(Guard::MassDeletion, Some(Side::Storage), 20, 100)]);
    for at in 5..20 {
        world.bucket.set(&format!("k{at:03}"), format!("k{at:03}"), 1000);
    }
    let made = world.plan(Mode::TwoWay, Policy::KeepBoth).await;
    assert_eq!((made.result.guards.len(), made.actions.len()), (0, 5), "five do not");
}

#[tokio::test]
async fn case_21_22_what_changed_since_is_planned_anew() {
    let mut world = one(Y, X, X);
    let first = world.plan(Mode::TwoWay, Policy::KeepBoth).await;
    assert_eq!(first.told(), ["k.txt: write bucket edit_storage"]);
    // Somebody else was faster: the condition on the write fails, and the next plan knows what to do.
    world.bucket.set("k.txt", "z", 4000);
    assert_ne!(first.of("k.txt").seen.bucket.as_ref().unwrap().mark, world.bucket.mark_of("k.txt").unwrap());
    assert_eq!(world.plan(Mode::TwoWay, Policy::KeepBoth).await.of("k.txt").reason, Reason::ConflictEditEdit);
    world = one(None, X, X);
    assert_eq!(world.plan(Mode::TwoWay, Policy::KeepBoth).await.told(), ["k.txt: delete bucket del_storage"]);
    world.bucket.set("k.txt", "z", 4000);
    assert_eq!(
        world.plan(Mode::TwoWay, Policy::KeepBoth).await.told(),
        ["k.txt: write storage conflict_del_edit"]
    );
}

#[tokio::test]
async fn case_23_what_was_done_and_not_written_down_is_found_to_be_done() {
    let world = one(X, None, X);
    assert_eq!(world.plan(Mode::TwoWay, Policy::KeepBoth).await.told(), ["k.txt: agree same"]);
    // The same after an edit: written, and the base is still the old one.
    let world = one(Y, X, Y);
    assert_eq!(world.plan(Mode::TwoWay, Policy::KeepBoth).await.told(), ["k.txt: agree converged"]);
}

#[tokio::test]
async fn case_24_two_spellings_of_one_name() {
    let (composed, apart) = ("caf\u{e9}", "cafe\u{301}");
    let mut world = World::new();
    world.storage.set(composed, "x", 1000);
    world.bucket.set(apart, "y", 1000);
    let made = world.plan(Mode::TwoWay, Policy::KeepBoth).await;
    assert_eq!(made.actions.len(), 2, "two names where both sides can hold two");
    world.apply(&made.actions, Mode::TwoWay);
    assert_eq!(world.bucket.contents().len(), 2);

    let mut bucket = Fake::new(Tags16::Md5);
    bucket.abilities.folds_unicode = true;
    bucket.set(apart, "y", 1000);
    let world = World::of(Fake::new(Tags16::Md5), bucket);
    world.storage.set(composed, "x", 1000);
    let made = world.plan(Mode::TwoWay, Policy::KeepBoth).await;
    assert_eq!(
        made.told(),
        [format!("{apart}: leave clash_unicode"), format!("{composed}: leave clash_unicode")]
    );
}

#[tokio::test]
async fn case_25_records_from_an_older_backup_delete_and_overwrite_nothing() {
    for base in [BaseUse::OlderState, BaseUse::OtherBucket] {
        for mode in Mode::ALL {
            for policy in Policy::ALL {
                let mut world = hundred();
                for at in 0..30 {
                    world.storage.remove(&format!("k{at:03}"));
                    world.bucket.remove(&format!("k{:03}", at + 30));
                    world.bucket.set(&format!("k{:03}", at + 60), "other", 9000);
                }
                let mut terms = world.terms(*mode, *policy);
                terms.base = base;
                let made = world.try_plan(&terms).await.unwrap();
                let code = if base == BaseUse::OlderState { Guard::OlderState } else { Guard::OtherBucket };
                assert!(made.result.guards.iter().any(|hit| hit.guard == code));
                let (storage, bucket) = (world.storage.contents(), world.bucket.contents());
                assert!(!made.actions.iter().any(|action| matches!(action.op, Op::Delete { .. })));
                world.apply(&made.actions, *mode);
                let now: Vec<_> = world
                    .storage
                    .contents()
                    .into_values()
                    .chain(world.bucket.contents().into_values())
                    .collect();
                assert!(storage.values().chain(bucket.values()).all(|bytes| now.contains(bytes)));
            }
        }
    }
}

#[tokio::test]
async fn clocks_that_do_not_agree_say_nothing() {
    let world = one(X, None, Y);
    let mut terms = world.terms(Mode::TwoWay, Policy::Newest);
    for skew in [None, Some(Duration::from_secs(2)), Some(Duration::from_secs(400))] {
        terms.skew = skew;
        let made = world.try_plan(&terms).await.unwrap();
        assert!(matches!(made.of("k.txt").op, Op::KeepBoth { .. }));
        let alarm = made.result.guards.iter().any(|hit| hit.guard == Guard::ClockSkew);
        assert_eq!(alarm, skew == Some(Duration::from_secs(400)));
    }
}
