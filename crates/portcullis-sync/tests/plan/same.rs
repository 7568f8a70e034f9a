//! Whether two objects are the same: what decides, what it costs, and what is not believed.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use portcullis_backend::{Checksum, ChecksumKind, Digest, DigestAlgorithm, Etag};
use portcullis_sync::{Evidence, Mode, Op, Policy, Reason};

use crate::store::{Fake, Tags16, digest, full};
use crate::world::World;

const MIB: usize = 1 << 20;

/// What comes out, how it is known, and what it took: keys looked at and bytes read, on both sides.
type Told = (&'static str, Evidence, (u64, u64), (u64, u64));

/// Plans one key with these bytes.
async fn told(
    storage: Fake,
    bucket: Fake,
    bytes: (Bytes, Bytes),
    budget: u64,
    tell: impl Fn(&World),
) -> Told {
    let world = World::of(storage, bucket);
    world.storage.set("k", bytes.0, 1000);
    world.bucket.set("k", bytes.1, 2000);
    tell(&world);
    let mut terms = world.terms(Mode::TwoWay, Policy::Ask);
    terms.read_budget = budget;
    let made = world.try_plan(&terms).await.unwrap();
    let action = made.of("k");
    let word = match (&action.op, action.reason) {
        (Op::Agree, Reason::Same) => "same",
        (Op::Leave, Reason::ConflictNewNew) => "different",
        (Op::Leave, reason) => reason.as_str(),
        _ => panic!("{action:?}"),
    };
    let asked = |of: &Fake| (of.asked.heads.load(Ordering::Relaxed), of.asked.bytes.load(Ordering::Relaxed));
    let (storage, bucket) = (asked(&world.storage), asked(&world.bucket));
    let read = storage.1 + bucket.1;
    assert!(read <= budget, "{read} bytes of {budget}");
    assert_eq!(made.result.cost.bytes_read.storage + made.result.cost.bytes_read.bucket, read);
    (word, action.evidence, (storage.0, bucket.0), (storage.1, bucket.1))
}

fn filled(size: usize, seed: u8) -> Bytes {
    (0..size).map(|at| (at as u8).wrapping_mul(31).wrapping_add(seed)).collect::<Vec<u8>>().into()
}

fn pair(size: usize) -> (Bytes, Bytes) {
    (filled(size, 1), filled(size, 1))
}

/// Two that differ in one byte in a place that no sample sees.
fn near(size: usize) -> (Bytes, Bytes) {
    let mut other = filled(size, 1).to_vec();
    other[size / 3] ^= 1;
    (filled(size, 1), other.into())
}

fn remote(tags: Tags16) -> Fake {
    let mut fake = Fake::new(tags);
    fake.abilities.remote = true;
    fake
}

const LOTS: u64 = 1 << 30;

#[tokio::test]
async fn listings_decide_without_a_question() {
    let md5 = || Fake::new(Tags16::Md5);
    let none = |_: &World| ();
    let free = |word, evidence| (word, evidence, (0, 0), (0, 0));
    let sizes = (filled(10, 1), filled(11, 1));
    assert_eq!(told(md5(), remote(Tags16::Opaque), sizes, 0, none).await, free("different", Evidence::Size));
    let empty = (Bytes::new(), Bytes::new());
    assert_eq!(told(md5(), remote(Tags16::Opaque), empty, 0, none).await, free("same", Evidence::Empty));
    assert_eq!(told(md5(), remote(Tags16::Md5), pair(10), 0, none).await, free("same", Evidence::Etag));
    assert_eq!(told(md5(), remote(Tags16::Md5), near(10), 0, none).await, free("different", Evidence::Etag));
    let parts = || remote(Tags16::Parts(4));
    assert_eq!(told(parts(), parts(), pair(10), 0, none).await, free("same", Evidence::Etag));
    let one_part = remote(Tags16::Parts(64));
    assert_eq!(told(md5(), one_part, pair(10), 0, none).await, free("same", Evidence::Parts));
}

#[tokio::test]
async fn a_look_decides_where_there_are_checksums() {
    for (algorithm, strong) in [
        (DigestAlgorithm::Sha256, true),
        (DigestAlgorithm::Sha1, true),
        (DigestAlgorithm::Crc64Nvme, true),
        (DigestAlgorithm::Crc32, false),
        (DigestAlgorithm::Crc32c, false),
    ] {
        let both = |world: &World| {
            for side in [&world.storage, &world.bucket] {
                side.change("k", |held| held.checksum = full(algorithm, &held.bytes));
            }
        };
        let opaque = || remote(Tags16::Opaque);
        let same = told(opaque(), opaque(), pair(10), 0, both).await;
        let different = told(opaque(), opaque(), near(10), 0, both).await;
        assert_eq!(different, ("different", Evidence::Checksum, (1, 1), (0, 0)), "{algorithm:?}");
        let expected = if strong { ("same", Evidence::Checksum) } else { ("unverified", Evidence::None) };
        assert_eq!((same.0, same.1), expected, "{algorithm:?}");
    }
    // A checksum over the checksums of parts: the same parts are the same bytes.
    let composite = |world: &World| {
        for side in [&world.storage, &world.bucket] {
            let value = digest(DigestAlgorithm::Sha256, &side.bytes_of("k").unwrap());
            let digest = Digest { algorithm: DigestAlgorithm::Sha256, value };
            side.change("k", |held| {
                held.checksum = Some(Checksum { digest, kind: ChecksumKind::Composite(3) })
            });
        }
    };
    let opaque = || remote(Tags16::Opaque);
    assert_eq!(told(opaque(), opaque(), pair(10), 0, composite).await.0, "same");
    assert_eq!(
        told(opaque(), opaque(), near(10), 0, composite).await.0,
        "unverified",
        "parts may be cut elsewhere"
    );
}

#[tokio::test]
async fn one_side_is_read_where_the_other_can_be_computed() {
    let size = 3 * MIB;
    let home = |world: &World| {
        world.bucket.change("k", |held| held.checksum = full(DigestAlgorithm::Crc64Nvme, &held.bytes))
    };
    let samples = 3 * (64 << 10);
    let read = |storage, bucket| (storage as u64, bucket as u64);
    let got = told(Fake::new(Tags16::Md5), remote(Tags16::Opaque), pair(size), LOTS, home).await;
    assert_eq!(
        got,
        ("same", Evidence::Checksum, (1, 1), read(size + samples, samples)),
        "nothing big leaves the bucket"
    );
    let got = told(Fake::new(Tags16::Md5), remote(Tags16::Opaque), near(size), LOTS, home).await;
    assert_eq!(got, ("different", Evidence::Checksum, (1, 1), read(size + samples, samples)));
    // The tag of parts of a usual size.
    let size = 12 * MIB;
    let parts = || remote(Tags16::Parts(5 * MIB));
    let got = told(Fake::new(Tags16::Opaque), parts(), pair(size), LOTS, |_| ()).await;
    assert_eq!(got, ("same", Evidence::Parts, (1, 1), read(size + samples, samples)));
    // A store of our own says where its parts are, whatever their sizes.
    let uneven = || Fake::new(Tags16::Uneven(1000, MIB));
    let got =
        told(remote(Tags16::Opaque), uneven(), pair(size), LOTS, |world| world.bucket.tell_parts("k")).await;
    assert_eq!((got.0, got.1), ("same", Evidence::Parts));
    let got =
        told(remote(Tags16::Opaque), uneven(), near(size), LOTS, |world| world.bucket.tell_parts("k")).await;
    assert_eq!((got.0, got.1), ("different", Evidence::Parts));
    // A size that nobody uses is asked for.
    let got =
        told(Fake::new(Tags16::Opaque), remote(Tags16::Parts(1_234_567)), pair(size), LOTS, |_| ()).await;
    assert_eq!((got.0, got.1, got.3), ("same", Evidence::Parts, read(size + samples, samples)));
}

#[tokio::test]
async fn both_are_read_where_nothing_else_decides() {
    let opaque = || remote(Tags16::Opaque);
    let (small, size) = (1000, 3 * MIB);
    let both = |of: usize| (of as u64, of as u64);
    let samples = 3 * (64 << 10);
    assert_eq!(
        told(opaque(), opaque(), pair(small), LOTS, |_| ()).await,
        ("same", Evidence::Bytes, (1, 1), both(small))
    );
    assert_eq!(
        told(opaque(), opaque(), near(small), LOTS, |_| ()).await,
        ("different", Evidence::Bytes, (1, 1), both(small))
    );
    let got = told(opaque(), opaque(), near(size), LOTS, |_| ()).await;
    assert_eq!(got, ("different", Evidence::Bytes, (1, 1), both(size + samples)));
    let other = (filled(size, 1), filled(size, 2));
    let got = told(opaque(), opaque(), other, LOTS, |_| ()).await;
    assert_eq!(got, ("different", Evidence::Sample, (1, 1), both(64 << 10)), "the beginning is enough");
    // Parts of uneven sizes that nobody tells: the tag proves nothing either way.
    let uneven = || remote(Tags16::Uneven(1000, 700_000));
    let got = told(Fake::new(Tags16::Opaque), uneven(), pair(size), LOTS, |_| ()).await;
    assert_eq!((got.0, got.1), ("same", Evidence::Bytes));
}

#[tokio::test]
async fn without_a_budget_nothing_is_read_and_nothing_is_claimed() {
    for tags in [Tags16::Opaque, Tags16::Encrypted, Tags16::Parts(400)] {
        for bytes in [pair(1000), near(1000)] {
            for budget in [0, 999] {
                let got = told(Fake::new(Tags16::Md5), remote(tags), bytes.clone(), budget, |_| ()).await;
                assert_eq!((got.0, got.3), ("unverified", (0, 0)), "{tags:?}");
            }
        }
    }
}

#[tokio::test]
async fn lies_are_not_believed() {
    // Both sides have the same tag for other bytes, and neither is known to tell the truth.
    let same_tag = |world: &World| {
        for side in [&world.storage, &world.bucket] {
            side.change("k", |held| held.etag = Etag::Md5 { digest: [7; 16], parts: None });
        }
    };
    let liar = || remote(Tags16::Encrypted);
    assert_eq!(told(liar(), liar(), near(1000), 0, same_tag).await.0, "unverified");
    assert_eq!(told(liar(), liar(), near(1000), LOTS, same_tag).await.0, "different");
    // The same opaque tag means nothing across sides.
    let opaque = |world: &World| {
        for side in [&world.storage, &world.bucket] {
            side.change("k", |held| held.etag = Etag::Opaque("v1".into()));
        }
    };
    assert_eq!(
        told(remote(Tags16::Opaque), remote(Tags16::Opaque), near(1000), LOTS, opaque).await.0,
        "different"
    );
    // A tag of parts that was made of something else: the bytes are read.
    let wrong_parts = |world: &World| {
        world.bucket.change("k", |held| held.etag = Etag::Md5 { digest: [9; 16], parts: Some(2) });
    };
    let got =
        told(Fake::new(Tags16::Md5), remote(Tags16::Parts(5 * MIB)), pair(6 * MIB), LOTS, wrong_parts).await;
    assert_eq!((got.0, got.1), ("same", Evidence::Bytes));
    // Neither the same time nor the same size says anything.
    let times = |world: &World| {
        world.bucket.change("k", |held| {
            held.modified = world.storage.held.lock().unwrap().values().next().unwrap().modified
        });
    };
    assert_eq!(told(Fake::new(Tags16::Md5), remote(Tags16::Md5), near(1000), 0, times).await.0, "different");
}

#[tokio::test]
async fn what_changes_meanwhile_is_left_to_the_next_plan() {
    let mut bucket = Fake::new(Tags16::Opaque);
    bucket.set("gone", "same size", 1000);
    bucket.set("other", "same size", 1000);
    // What is listed is older than what is there.
    bucket.wrong = crate::store::Wrong::Nothing;
    let world = World::of(Fake::new(Tags16::Opaque), bucket);
    for at in ["gone", "other"] {
        world.storage.set(at, "same size", 1000);
    }
    let stale = Arc::new(crate::stale::Stale::of(&world.bucket));
    world.bucket.remove("gone");
    world.bucket.set("other", "size same", 2000);
    let mut terms = world.terms(Mode::TwoWay, Policy::Storage);
    terms.read_budget = LOTS;
    let made = crate::world::plan_of(&world, stale, &terms).await.unwrap();
    assert_eq!(made.told(), ["gone: leave unverified", "other: leave unverified"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_budget_goes_to_the_first_keys_whichever_answer_is_first() {
    let world = World::of(remote(Tags16::Opaque), remote(Tags16::Opaque));
    for at in 0..40 {
        // Every third is seen to differ at its beginning, which leaves budget for more.
        let seed = if at % 3 == 0 { 2 } else { 1 };
        world.storage.set(&format!("k{at:02}"), filled(2 * MIB, 1), 1000);
        world.bucket.set(&format!("k{at:02}"), filled(2 * MIB, seed), 1000);
    }
    let mut terms = world.terms(Mode::TwoWay, Policy::Ask);
    terms.read_budget = 50 * MIB as u64;
    let first = world.try_plan(&terms).await.unwrap();
    let verified = first.actions.iter().take_while(|action| action.reason != Reason::Unverified).count();
    assert!(verified > 12, "{verified}: what is not used is used for others");
    for _ in 0..5 {
        assert_eq!(world.try_plan(&terms).await.unwrap().actions, first.actions);
    }
}
