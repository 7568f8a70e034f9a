//! The ledger of what is stored all or none.

use std::time::Duration;

use portcullis_domain::{KeyId, ObjectKey, StorageId, Timestamp};
use portcullis_metadata::{Deliveries, DeliveryClaim, DeliveryFenced, DeliveryFile, NewDelivery, Reserved};

use crate::world::{World, at};

fn new(batch: &str, key: KeyId, digests: &[u8], now: i64) -> NewDelivery {
    NewDelivery {
        batch: batch.to_owned(),
        key,
        digests: digests.iter().map(|digest| [*digest; 32]).collect(),
        began: at(now),
        until: at(now + 10),
        most: (1000, at(0)),
    }
}

fn place(name: &str) -> (StorageId, ObjectKey) {
    (StorageId::from_u128(7), ObjectKey::parse(name).unwrap())
}

async fn reserve(ledger: &Deliveries, batch: &str, name: &str, until: i64) -> Reserved {
    let (storage, object) = place(name);
    ledger.reserve(batch, (storage, &object), at(until)).await.unwrap()
}

fn file(batch: &str, name: &str, upload: &str, version: &str) -> DeliveryFile {
    let (storage, object) = place(name);
    DeliveryFile {
        batch: batch.to_owned(),
        storage,
        object,
        upload: upload.to_owned(),
        version: version.to_owned(),
    }
}

pub(crate) async fn a_message_is_claimed_once(world: &World) {
    let (ledger, node) = (world.open().await.deliveries(), world.open().await.deliveries());
    let (key, other) = (KeyId::generate(), KeyId::generate());
    let digests = |all: &[u8]| all.iter().map(|digest| [*digest; 32]).collect::<Vec<_>>();
    let claimed = ledger.claim(&new("one", key, &[2, 1], 0)).await.unwrap();
    assert_eq!(claimed, DeliveryClaim::New(digests(&[1, 2])));
    // A part of it, more than it, and by another node: whoever is at it is waited for, and nothing is claimed.
    for wanted in [&[1][..], &[2, 3], &[3, 1]] {
        assert_eq!(node.claim(&new("two", key, wanted, 9)).await.unwrap(), DeliveryClaim::Busy);
    }
    let fresh = node.claim(&new("two", key, &[3], 9)).await.unwrap();
    assert_eq!(fresh, DeliveryClaim::New(digests(&[3])));
    assert_eq!(
        node.claim(&new("theirs", other, &[1], 9)).await.unwrap(),
        DeliveryClaim::New(digests(&[1])),
        "another key's message is another one"
    );
    // Signs of life, and their end.
    assert!(node.renew("one", at(20)).await.unwrap());
    assert_eq!(ledger.claim(&new("three", key, &[1], 19)).await.unwrap(), DeliveryClaim::Busy);
    let over = ledger.claim(&new("three", key, &[1], 20)).await.unwrap();
    assert_eq!(over, DeliveryClaim::Over("one".to_owned()));
    // Stored: known until it is forgotten; in folders where it is not, it is new.
    assert!(!ledger.commit("one", &[([1; 32], 2), ([9; 32], 1)], at(50)).await.unwrap());
    assert!(node.renew("one", at(20)).await.unwrap(), "what was not committed as a whole was not at all");
    assert!(ledger.commit("one", &[([1; 32], 2), ([2; 32], 3)], at(50)).await.unwrap());
    assert!(!ledger.commit("one", &[([1; 32], 2)], at(50)).await.unwrap());
    assert!(!ledger.renew("one", at(90)).await.unwrap());
    assert_eq!(node.claim(&new("four", key, &[1], 21)).await.unwrap(), DeliveryClaim::Done { files: 2 });
    assert_eq!(node.claim(&new("four", key, &[1, 2], 21)).await.unwrap(), DeliveryClaim::Done { files: 5 });
    let rest = node.claim(&new("four", key, &[2, 4], 21)).await.unwrap();
    assert_eq!(rest, DeliveryClaim::New(digests(&[4])));
    assert_eq!(ledger.purge(at(49)).await.unwrap(), 0);
    let late = node.claim(&new("five", key, &[1], 50)).await.unwrap();
    assert_eq!(late, DeliveryClaim::New(digests(&[1])), "known no longer, forgotten or not");
    assert_eq!(ledger.purge(at(50)).await.unwrap(), 1);
}

pub(crate) async fn of_many_who_claim_a_message_one_has_it(world: &World) {
    let (ledger, node) = (world.open().await.deliveries(), world.open().await.deliveries());
    let key = KeyId::generate();
    let claims = (0..12).map(|n| {
        let ledger = if n % 2 == 0 { ledger.clone() } else { node.clone() };
        // In different orders.
        let digests = if n % 3 == 0 { [1, 2, 3] } else { [3, 1, 2] };
        async move { ledger.claim(&new(&format!("batch{n}"), key, &digests, 0)).await.unwrap() }
    });
    let claims = futures_util::future::join_all(claims).await;
    let won =
        claims.iter().filter(|claim| matches!(claim, DeliveryClaim::New(all) if all.len() == 3)).count();
    let busy = claims.iter().filter(|claim| **claim == DeliveryClaim::Busy).count();
    assert_eq!((won, busy), (1, 11), "{claims:?}");
}

pub(crate) async fn as_many_messages_as_a_key_may(world: &World) {
    let ledger = world.open().await.deliveries();
    let (key, other) = (KeyId::generate(), KeyId::generate());
    let few = |batch: &str, digests: &[u8], now, since| NewDelivery {
        most: (2, at(since)),
        ..new(batch, key, digests, now)
    };
    for (batch, digests, now) in [("one", [1, 2], 5), ("two", [3, 4], 6)] {
        assert!(matches!(ledger.claim(&few(batch, &digests, now, 0)).await.unwrap(), DeliveryClaim::New(_)));
        assert!(ledger.commit(batch, &digests.map(|digest| ([digest; 32], 1)), at(99)).await.unwrap());
    }
    assert_eq!(ledger.claim(&few("three", &[5], 7, 0)).await.unwrap(), DeliveryClaim::TooMany(at(5)));
    assert_eq!(ledger.claim(&few("three", &[1], 7, 0)).await.unwrap(), DeliveryClaim::Done { files: 1 });
    let theirs = NewDelivery { key: other, ..few("three", &[5], 7, 0) };
    assert!(matches!(ledger.claim(&theirs).await.unwrap(), DeliveryClaim::New(_)));
    assert_eq!(ledger.claim(&few("four", &[5], 8, 4)).await.unwrap(), DeliveryClaim::TooMany(at(5)));
    assert!(matches!(ledger.claim(&few("four", &[5], 8, 5)).await.unwrap(), DeliveryClaim::New(_)));
}

pub(crate) async fn names_are_reserved_and_let_go(world: &World) {
    let (ledger, node) = (world.open().await.deliveries(), world.open().await.deliveries());
    let key = KeyId::generate();
    assert_eq!(reserve(&ledger, "one", "a", 10).await, Reserved::Over, "nobody claimed it");
    for (batch, digest) in [("one", 1), ("two", 2)] {
        ledger.claim(&new(batch, key, &[digest], 0)).await.unwrap();
    }
    assert_eq!(reserve(&ledger, "one", "a\u{fc}/b (2).x", 10).await, Reserved::Yes);
    assert_eq!(reserve(&node, "two", "a\u{fc}/b (2).x", 10).await, Reserved::Taken);
    assert_eq!(reserve(&node, "one", "a\u{fc}/b (2).x", 10).await, Reserved::Taken);
    assert_eq!(reserve(&node, "two", "b", 10).await, Reserved::Yes);
    let (storage, object) = place("a\u{fc}/b (2).x");
    ledger.note_upload("two", (storage, &object), "not theirs").await.unwrap();
    ledger.note_upload("one", (storage, &object), "mpu").await.unwrap();
    assert!(ledger.stored("one", (storage, &object), "v1", at(30)).await.unwrap());
    assert_eq!(ledger.claim(&new("x", key, &[1], 29)).await.unwrap(), DeliveryClaim::Busy, "a sign of life");
    // Undone: whoever stored goes no further.
    let fenced = node.fence("one", None, at(40)).await.unwrap();
    assert_eq!(fenced, DeliveryFenced::Undo(vec![file("one", "a\u{fc}/b (2).x", "mpu", "v1")]));
    assert!(!ledger.stored("one", (storage, &object), "v1", at(99)).await.unwrap());
    assert_eq!(reserve(&ledger, "one", "c", 99).await, Reserved::Over);
    assert!(!ledger.renew("one", at(99)).await.unwrap());
    assert!(!ledger.commit("one", &[([1; 32], 1)], at(99)).await.unwrap());
    assert_eq!(ledger.claim(&new("x", key, &[1], 39)).await.unwrap(), DeliveryClaim::Busy);
    assert_eq!(ledger.claim(&new("x", key, &[1], 40)).await.unwrap(), DeliveryClaim::Over("one".to_owned()));
    // A name that is looked at once more is nobody's until then.
    let left = file("one", "a\u{fc}/b (2).x", "mpu", "v1");
    ledger.let_go(&left, Some(at(50))).await.unwrap();
    ledger.drop_batch("one").await.unwrap();
    assert!(matches!(ledger.claim(&new("x", key, &[1], 41)).await.unwrap(), DeliveryClaim::New(_)));
    assert_eq!(reserve(&ledger, "x", "a\u{fc}/b (2).x", 60).await, Reserved::Taken);
    assert_eq!(node.to_look_at(at(49), 9).await.unwrap(), []);
    assert_eq!(node.to_look_at(at(50), 9).await.unwrap(), std::slice::from_ref(&left));
    node.let_go(&left, None).await.unwrap();
    assert_eq!(reserve(&ledger, "x", "a\u{fc}/b (2).x", 60).await, Reserved::Yes);
    node.let_go(&left, None).await.unwrap();
    assert_eq!(reserve(&ledger, "two", "a\u{fc}/b (2).x", 60).await, Reserved::Taken, "it was another's");
    node.let_go(&left, Some(at(70))).await.unwrap();
    assert_eq!(node.to_look_at(at(70), 9).await.unwrap(), [], "nor is it taken from them");
    let late = file("one", "late", "u", "v");
    node.let_go(&late, Some(at(70))).await.unwrap();
    assert_eq!(reserve(&ledger, "two", "late", 60).await, Reserved::Taken);
    assert_eq!(node.to_look_at(at(70), 9).await.unwrap(), [late]);
    // What is stored holds no names.
    assert!(ledger.commit("x", &[([1; 32], 1)], at(99)).await.unwrap());
    assert_eq!(reserve(&ledger, "two", "a\u{fc}/b (2).x", 60).await, Reserved::Yes);
    assert_eq!(ledger.fence("x", None, at(99)).await.unwrap(), DeliveryFenced::Done);
    ledger.drop_batch("x").await.unwrap();
    assert_eq!(ledger.claim(&new("y", key, &[1], 60)).await.unwrap(), DeliveryClaim::Done { files: 1 });
    assert_eq!(ledger.fence("none", None, at(99)).await.unwrap(), DeliveryFenced::Nothing);
}

pub(crate) async fn what_was_left(world: &World) {
    let metadata = world.open().await;
    let ledger = metadata.deliveries();
    let key = KeyId::generate();
    for (batch, digest, now) in [("old", 1, 0), ("new", 2, 20), ("done", 3, 0)] {
        ledger.claim(&new(batch, key, &[digest], now)).await.unwrap();
    }
    assert!(ledger.commit("done", &[([3; 32], 0)], at(5)).await.unwrap());
    let never = Timestamp::default();
    assert_eq!(ledger.left(at(9), never, 9).await.unwrap(), Vec::<String>::new());
    assert_eq!(ledger.left(at(10), never, 9).await.unwrap(), ["old"]);
    assert_eq!(ledger.left(at(10), at(20), 9).await.unwrap(), ["old"]);
    assert_eq!(ledger.left(at(10), at(21), 9).await.unwrap(), ["new", "old"]);
    assert_eq!(ledger.left(at(10), at(21), 1).await.unwrap(), ["new"]);
    // Between two looks somebody gave a sign of life.
    let over = Some((at(10), never));
    assert!(ledger.renew("old", at(12)).await.unwrap());
    assert_eq!(ledger.fence("old", over, at(30)).await.unwrap(), DeliveryFenced::Nothing);
    assert!(ledger.renew("old", at(12)).await.unwrap(), "it goes on");
    let began = Some((at(10), at(1)));
    assert_eq!(ledger.fence("old", began, at(30)).await.unwrap(), DeliveryFenced::Undo(Vec::new()));
    assert_eq!(ledger.left(at(29), never, 9).await.unwrap(), Vec::<String>::new(), "somebody is at it");
    assert_eq!(ledger.left(at(30), never, 9).await.unwrap(), ["new", "old"]);
    // Alone on its database, a process knows what cannot be anybody else's.
    let started = at(7).after(Duration::from_secs(1));
    assert_eq!(ledger.alone_since(started), started);
    let one_of_many = metadata.as_node("n").deliveries();
    let is_alone = one_of_many.alone_since(started) == started;
    assert!(is_alone || one_of_many.alone_since(started) == never);
}
