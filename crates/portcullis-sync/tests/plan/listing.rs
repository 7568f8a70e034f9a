//! Listings: in ranges side by side and yet in order, and never believed where they cannot be.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use portcullis_sync::{Mode, PlanFault, Policy, Side, StoreFault};

use crate::store::{Fake, Tags16, Wrong};
use crate::world::World;

fn remote(page: usize) -> Fake {
    let mut fake = Fake { page, ..Fake::new(Tags16::Md5) };
    fake.abilities.remote = true;
    fake
}

/// Many keys on both sides that both agree on.
fn many(count: usize, page: usize) -> World {
    let mut world = World::of(Fake::new(Tags16::Md5), remote(page));
    for at in 0..count {
        let key = format!("folder/{:03}/file {at:06}.txt", at / 500);
        world.storage.set(&key, "the same", 1000);
        world.bucket.set(&key, "the same", 1000);
    }
    let keys: Vec<String> = world.storage.contents().into_keys().collect();
    world.agree(&keys.iter().map(String::as_str).collect::<Vec<_>>());
    world
}

#[tokio::test]
async fn where_nothing_happened_only_listings_are_asked_for() {
    for (count, page) in [(20_000, 1000), (20_000, 300), (999, 1000), (1, 1)] {
        let world = many(count, page);
        let made = world.plan(Mode::TwoWay, Policy::KeepBoth).await;
        let totals = &made.result.totals;
        assert_eq!((made.actions.len(), totals.unchanged, totals.base_keys), (0, count as u64, count as u64));
        assert_eq!((totals.seen.storage.files, totals.seen.bucket.bytes), (count as u64, 8 * count as u64));
        for side in Side::BOTH {
            assert_eq!(world.side(side).asked.heads.load(Ordering::Relaxed), 0);
            assert_eq!(world.side(side).asked.gets.load(Ordering::Relaxed), 0);
        }
        let lists = world.bucket.asked.lists.load(Ordering::Relaxed);
        let pages = count.div_ceil(page) as u64;
        assert!(lists <= pages + pages / 4 + 2, "{lists} listings for {pages} pages");
        assert_eq!(made.result.cost.list_requests.bucket, lists);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ranges_miss_nothing() {
    // Far more keys than the cuts say, none at all between some, and some after the last.
    let mut world = many(9000, 100);
    for at in 0..9000 {
        world.bucket.set(&format!("folder/007/x {at:05}"), "more", 2000);
    }
    for at in (1000..7000).chain(8990..9000) {
        world.bucket.remove(&format!("folder/{:03}/file {at:06}.txt", at / 500));
    }
    world.bucket.set("zzz", "the last", 2000);
    world.bucket.set("!", "the first", 2000);
    for known in [true, false] {
        if !known {
            world.base.clear();
        }
        let ranged = world.plan(Mode::Copy, Policy::Ask).await;
        let mut plain = world.terms(Mode::Copy, Policy::Ask);
        plain.abilities.bucket.remote = false;
        let plain = world.try_plan(&plain).await.unwrap();
        assert_eq!(ranged.actions, plain.actions);
        assert_eq!(ranged.result.totals, plain.result.totals);
        assert_eq!(ranged.result.totals.seen.bucket.files, 9000 - 6010 + 9000 + 2);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn folders_cut_what_nobody_knows_ahead() {
    for deep in [true, false] {
        let world = World::of(remote(100), remote(100));
        for at in 0..6000 {
            let key = if deep {
                format!("a/b/{:03}/c/{at:05}", at / 40)
            } else {
                format!("{:03}/{at:05}", at / 40)
            };
            world.bucket.set(&key, "x", 1000);
        }
        world.bucket.set("zzz", "x", 1000);
        let made = world.plan(Mode::Copy, Policy::Ask).await;
        assert_eq!(made.actions.len(), 6001);
        let lists = world.bucket.asked.lists.load(Ordering::Relaxed);
        assert!((61..400).contains(&lists), "{lists}");
    }
}

#[tokio::test]
async fn out_of_order_or_twice_is_no_plan() {
    for wrong in [Wrong::Order, Wrong::Twice] {
        for far in [false, true] {
            for known in [false, true] {
                let mut world = many(3000, 500);
                let mut bucket = Fake { wrong: wrong.clone(), page: 500, ..Fake::new(Tags16::Md5) };
                bucket.abilities.remote = far;
                for (at, bytes) in world.bucket.contents() {
                    bucket.set(&at, bytes, 1000);
                }
                world.bucket = Arc::new(bucket);
                if !known {
                    world.base.clear();
                }
                let fault = world.try_plan(&world.terms(Mode::TwoWay, Policy::KeepBoth)).await.unwrap_err();
                assert!(matches!(fault, PlanFault::Order { side: Side::Bucket, .. }), "{fault:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_side_that_fails_or_goes_in_circles_is_no_plan() {
    for (wrong, fault) in [
        (Wrong::Fails(0), StoreFault::Unavailable),
        (Wrong::Fails(3), StoreFault::Unavailable),
        (Wrong::Stuck, StoreFault::Corrupt),
    ] {
        for far in [false, true] {
            let mut world = many(3000, 500);
            let mut bucket = Fake { wrong: wrong.clone(), page: 500, ..Fake::new(Tags16::Md5) };
            bucket.abilities.remote = far;
            for (at, bytes) in world.bucket.contents() {
                bucket.set(&at, bytes, 1000);
            }
            world.bucket = Arc::new(bucket);
            match world.try_plan(&world.terms(Mode::Mirror, Policy::Storage)).await.unwrap_err() {
                PlanFault::Side { side: Side::Bucket, error } => assert_eq!(error.fault, fault),
                other => panic!("{other:?}"),
            }
        }
    }
}

#[tokio::test]
async fn an_agreement_out_of_order_is_no_plan() {
    let mut world = many(3, 10);
    world.storage.set("a", "x", 1000);
    world.bucket.set("a", "x", 1000);
    world.agree(&["a"]);
    let pages = crate::world::Pages::of(&world.base);
    let mut held: Vec<portcullis_sync::Agreed> =
        portcullis_sync::decode(&pages.0.lock().unwrap()[0].data).unwrap();
    held.swap(0, 1);
    pages.0.lock().unwrap()[0].data = portcullis_sync::encode(&held).unwrap();
    let (sink, stop) = (crate::world::Pages::default(), tokio_util::sync::CancellationToken::new());
    let terms = world.terms(Mode::TwoWay, Policy::KeepBoth);
    let (stores, base) = (world.stores(), Arc::new(pages));
    let fault =
        portcullis_sync::make_plan(&stores, base, &sink, &terms, Arc::default(), &stop).await.unwrap_err();
    assert!(matches!(fault, PlanFault::Base(error) if error.fault == StoreFault::Corrupt));
}

#[tokio::test]
async fn it_can_be_stopped() {
    let world = many(3000, 10);
    let stop = tokio_util::sync::CancellationToken::new();
    stop.cancel();
    let sink = crate::world::Pages::default();
    let base = Arc::new(crate::world::Pages::of(&world.base));
    let terms = world.terms(Mode::TwoWay, Policy::KeepBoth);
    let stores = world.stores();
    let made = portcullis_sync::make_plan(&stores, base, &sink, &terms, Arc::default(), &stop).await;
    assert!(matches!(made, Err(PlanFault::Stopped)));
}
