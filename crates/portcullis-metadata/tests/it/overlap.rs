//! Credentials that work for a while beside those that replaced them.

use std::collections::BTreeMap;

use portcullis_domain::{Key, KeyId};
use portcullis_metadata::{
    ActivityCount, ActivityKind, ActivityOf, Metadata, MetadataErrorKind, NewSecret, Overlap,
};

use crate::rotation::{credential, key_in, pair, sealed};
use crate::world::{World, at};

fn overlap(key: &Key, since: i64, until: i64) -> Overlap {
    let (generation, credential) = (key.generation, key.credential);
    Overlap { key: key.id, generation, credential, since: at(since), until: at(until) }
}

async fn running(metadata: &Metadata, key: &Key, now: i64) -> Vec<Overlap> {
    metadata.overlaps(&[key.id, KeyId::generate()], at(now)).await.unwrap()
}

pub(crate) async fn an_overlap_runs_and_ends_by_itself(world: &World) {
    let (metadata, key) = key_in(world).await;
    assert!(metadata.overlaps(&[], at(0)).await.unwrap().is_empty());
    assert!(running(&metadata, &key, 5).await.is_empty());
    metadata.rotate_key(key.id, 0, &pair(2), at(100), at(5)).await.unwrap();
    assert_eq!(running(&metadata, &key, 99).await, [overlap(&key, 5, 100)]);
    let old = metadata.retired_secrets(key.id).await.unwrap().remove(0);
    assert!(old.works(at(99)) && !old.works(at(100)) && !old.ended);
    assert!(running(&metadata, &key, 100).await.is_empty(), "not one moment longer");

    // It is noted once, and then no clock revives it.
    assert!(metadata.overlaps_due(at(99), 10).await.unwrap().is_empty());
    let due = overlap(&key, 5, 100);
    assert!(!metadata.settle_overlap(&due, at(99)).await.unwrap(), "it runs");
    assert_eq!(metadata.overlaps_due(at(100), 10).await.unwrap(), std::slice::from_ref(&due));
    let second = world.open().await;
    let (one, two) =
        tokio::join!(metadata.settle_overlap(&due, at(100)), second.settle_overlap(&due, at(100)));
    assert_ne!(one.unwrap(), two.unwrap(), "by one node");
    assert!(metadata.overlaps_due(at(100), 10).await.unwrap().is_empty());
    let old = metadata.retired_secrets(key.id).await.unwrap().remove(0);
    assert!(old.ended && !old.works(at(50)));
    assert_eq!((old.until, &old.stored), (at(100), &sealed(1)), "the rest of it stays");
    assert!(running(&metadata, &key, 50).await.is_empty());
    second.close().await;
}

pub(crate) async fn one_overlap_at_a_time(world: &World) {
    let (metadata, key) = key_in(world).await;
    metadata.rotate_key(key.id, 0, &pair(2), at(100), at(5)).await.unwrap();
    let refused = metadata.rotate_key(key.id, 1, &pair(3), at(200), at(6)).await.unwrap_err();
    assert_eq!(refused.kind, MetadataErrorKind::Conflict("overlap"));
    let (now, secret) = metadata.key_with_secret(key.id).await.unwrap().unwrap();
    assert_eq!((now.generation, secret), (1, sealed(2)), "what was refused changed nothing");
    // A plain one ends it, and what was before it.
    metadata.rotate_key(key.id, 1, &pair(3), at(7), at(7)).await.unwrap();
    let old = metadata.retired_secrets(key.id).await.unwrap();
    assert!(old.iter().all(|old| old.ended && old.until == at(7)), "{old:?}");
    // After one that is over there may be another, though nobody has noted the end of the first.
    metadata.rotate_key(key.id, 2, &pair(4), at(20), at(8)).await.unwrap();
    metadata.rotate_key(key.id, 3, &pair(5), at(40), at(20)).await.unwrap();
    let third = Overlap { generation: 3, credential: credential(4), ..overlap(&key, 20, 40) };
    assert_eq!(running(&metadata, &key, 10).await, [third], "the earlier is over, on every clock");
    // A deleted key has none.
    metadata.delete_key(key.id, at(30)).await.unwrap();
    assert!(running(&metadata, &key, 30).await.is_empty());
}

pub(crate) async fn an_overlap_is_moved_and_ended(world: &World) {
    let (metadata, key) = key_in(world).await;
    let same = NewSecret { credential: key.credential, login: None, stored: sealed(2) };
    metadata.rotate_key(key.id, 0, &same, at(100), at(5)).await.unwrap();
    let first = overlap(&key, 5, 100);
    let seen = metadata.latest_change().await.unwrap();
    metadata.set_overlap(&first, at(300), at(50)).await.unwrap();
    assert!(metadata.latest_change().await.unwrap() > seen);
    let moved = overlap(&key, 5, 300);
    assert_eq!(running(&metadata, &key, 299).await, std::slice::from_ref(&moved));
    // Who decided on another end is told so: an end that was set meanwhile is not undone.
    let stale = metadata.set_overlap(&first, at(400), at(51)).await.unwrap_err();
    assert_eq!(stale.kind, MetadataErrorKind::Stale);
    metadata.set_overlap(&moved, at(60), at(60)).await.unwrap();
    assert!(running(&metadata, &key, 20).await.is_empty());
    for (until, now) in [(400, 61), (400, 30), (61, 61)] {
        let over = metadata.set_overlap(&overlap(&key, 5, 60), at(until), at(now)).await.unwrap_err();
        assert_eq!(over.kind, MetadataErrorKind::NotFound, "what has ended is not taken up again");
    }
}

pub(crate) async fn who_moved_and_who_has_not(world: &World) {
    let (metadata, key) = key_in(world).await;
    metadata.rotate_key(key.id, 0, &pair(2), at(100_000), at(50_000)).await.unwrap();
    let mut rows = BTreeMap::new();
    let mut note = |tool: &str, network: &str, what, generation, from: i64, to: i64, requests| {
        let of = ActivityOf {
            key: key.id,
            hour: at(from).seconds().div_euclid(3600),
            storage: None,
            network: network.to_owned(),
            tool: tool.to_owned(),
            kind: ActivityKind::Used,
            what,
            generation,
        };
        rows.insert(of, ActivityCount { requests, bytes: 0, first: at(from), last: at(to) });
    };
    note("rclone", "192.0.2.1", "get", 0, 10, 20, 3);
    note("rclone", "192.0.2.1", "enter", 0, 10, 21, 3);
    note("rclone", "192.0.2.1", "put", 0, 40_000, 40_005, 4);
    note("rclone", "192.0.2.1", "get", 1, 60_000, 60_100, 5);
    note("restic", "192.0.2.1", "get", 0, 45_000, 45_000, 1);
    note("restic", "198.51.100.0/24", "enter", 1, 60_000, 60_000, 1);
    note("old", "192.0.2.9", "get", 0, -800_000, -800_000, 1);
    metadata.record_activity(&rows, &BTreeMap::new()).await.unwrap();
    let found = metadata.movers(key.id, 0, at(0), 10).await.unwrap();
    let told: Vec<_> = found
        .iter()
        .map(|m| (m.tool.as_str(), m.last_old, m.old_requests, m.first_new, m.last_new, m.new_requests))
        .collect();
    assert_eq!(
        told,
        [
            ("restic", at(45_000), 1, None, None, 0),
            ("rclone", at(40_005), 7, Some(at(60_000)), Some(at(60_100)), 5),
        ],
        "who came with the new alone moved nowhere, and what is long ago is left out"
    );
    assert_eq!(metadata.movers(key.id, 0, at(0), 1).await.unwrap().len(), 1);
    assert_eq!(metadata.movers(key.id, 0, at(-900_000), 10).await.unwrap().len(), 3);
    assert!(metadata.movers(KeyId::generate(), 0, at(0), 10).await.unwrap().is_empty());
}
