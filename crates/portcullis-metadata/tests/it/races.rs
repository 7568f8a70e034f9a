//! Many at once, from more than one process as far as the database can tell.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::join_all;
use portcullis_metadata::{Metadata, StoredSecret};
use tokio::time::timeout;

use crate::world::{World, at, key_for, new_storage, new_user, site};

const SOON: Duration = Duration::from_secs(120);

pub(crate) async fn storages_made_at_once_get_numbers_of_their_own(world: &World) {
    let (metadata, _, admin) = world.home().await;
    let nodes = [metadata, world.open().await];
    let made = (0..64).map(|n| nodes[n % 2].create_storage(new_storage(&admin, "same name")));
    let made: Vec<_> = join_all(made).await.into_iter().map(Result::unwrap).collect();
    let numbers: BTreeSet<u32> = made.iter().map(|storage| storage.number).collect();
    assert_eq!(numbers, (1..=64).collect());
    let buckets: BTreeSet<&str> = made.iter().map(|storage| storage.bucket.as_str()).collect();
    assert_eq!(buckets.len(), 64);
    assert_eq!(nodes[0].all_storages().await.unwrap().len(), 64);
}

pub(crate) async fn two_first_starts_make_one_admin(world: &World) {
    // The migrations race as well.
    let nodes = join_all((0..4).map(|_| world.open())).await;
    let started = nodes.iter().map(|node| async {
        let site = site("main");
        node.create_site_with_admin(&site, new_user(site.id, "admin")).await.unwrap()
    });
    let admins: Vec<_> = join_all(started).await.into_iter().flatten().collect();
    assert_eq!(admins.len(), 1);
    for node in &nodes {
        assert_eq!(node.sites().await.unwrap().len(), 1);
        assert_eq!(node.all_users().await.unwrap(), admins);
    }
}

pub(crate) async fn a_follower_misses_nothing(world: &World) {
    const WRITERS: i64 = 8;
    const WRITES: i64 = 25;
    let (metadata, site, admin) = world.home().await;
    let other = world.open().await;
    let follower = world.open().await;
    let start = follower.latest_change().await.unwrap();
    let (mut hint, mut hint_of_other) = (metadata.watch(), other.watch());
    let writer = |node: Metadata, n: i64| {
        let admin = admin.clone();
        async move {
            for m in 0..WRITES {
                if m % 5 == 4 {
                    // Rolled back: it must leave no gap.
                    assert!(node.create_user(new_user(site.id, "admin")).await.is_err());
                }
                node.create_storage(new_storage(&admin, &format!("w{n} {m}"))).await.unwrap();
            }
        }
    };
    let writers =
        (0..WRITERS).map(|n| tokio_task(writer(if n % 2 == 0 { &metadata } else { &other }.clone(), n)));
    let follow = async {
        let mut last = start;
        while last < start + WRITERS * WRITES {
            // Each change must be there when it is its turn: a follower never looks back.
            let changes = follower.changes_after(last, 7).await.unwrap();
            if changes.is_empty() {
                tokio::select! {
                    changed = hint.changed() => changed.unwrap(),
                    changed = hint_of_other.changed() => changed.unwrap(),
                }
            }
            for change in changes {
                assert_eq!(change.seq, last + 1);
                let id = change.id.parse().unwrap();
                assert!(follower.storage(id).await.unwrap().is_some(), "in the feed, and not to be read");
                last = change.seq;
            }
        }
    };
    let (_, written) = timeout(SOON, async { tokio::join!(follow, join_all(writers)) }).await.unwrap();
    written.into_iter().for_each(Result::unwrap);
    assert_eq!(follower.latest_change().await.unwrap(), start + WRITERS * WRITES);
}

#[expect(clippy::disallowed_methods, reason = "the test waits for it")]
fn tokio_task(work: impl Future<Output = ()> + Send + 'static) -> tokio::task::JoinHandle<()> {
    tokio::spawn(work)
}

pub(crate) async fn one_key_is_deleted_once(world: &World) {
    let (metadata, _, admin) = world.home().await;
    let storage = metadata.create_storage(new_storage(&admin, "files")).await.unwrap();
    let key = key_for(&storage, "key");
    metadata.create_key(&key, &StoredSecret::Sealed(vec![1])).await.unwrap();
    let before = metadata.latest_change().await.unwrap();
    let nodes = [metadata, world.open().await];
    let deleted = join_all((0..16).map(|n| nodes[n % 2].delete_key(key.id, at(5)))).await;
    assert_eq!(deleted.into_iter().filter(|done| *done.as_ref().unwrap()).count(), 1);
    assert_eq!(nodes[1].changes_after(before, 100).await.unwrap().len(), 1);
}
