//! What is noted in memory reaches the database.

use std::collections::BTreeSet;
use std::time::Duration;

use portcullis_access::{AuditEntry, Change, Get, List};
use portcullis_domain::{KeyPrefix, Permission};
use tokio_util::sync::CancellationToken;

use crate::world::{World, denial, ip, object, put};

#[tokio::test]
async fn last_use_is_written_once_for_many_requests() {
    let world = World::new().await;
    let storage = world.storage(|_| {}).await;
    let (used, unused) = (world.key(&storage, |_| {}).await, world.key(&storage, |_| {}).await);
    for _ in 0..5 {
        put(&world.at(&used, &storage).await, "a", "bytes").await;
        world.clock.advance(Duration::from_secs(1));
    }
    let last = world.now().before(Duration::from_secs(1));
    drop(world.signed_as(unused.key.credential.as_str(), "wrong", ip("203.0.113.7")));
    assert!(world.metadata.last_use(&[used.key.id]).await.unwrap().is_empty(), "nothing before the flush");
    world.access.flush(&world.system).await.unwrap();
    let uses = world.metadata.last_use(&[used.key.id, unused.key.id]).await.unwrap();
    assert_eq!(uses.len(), 1, "a wrong signature is no use");
    assert_eq!((uses[0].at, uses[0].peer, uses[0].tool.as_str()), (last, ip("203.0.113.7"), "test/1"));
}

#[tokio::test]
async fn refusals_and_administration_are_in_the_audit_trail() {
    let world = World::new().await;
    let storage = world.storage(|_| {}).await;
    let holder = world.key(&storage, |key| key.permission = Permission::Write).await;
    let at = world.at(&holder, &storage).await;
    denial(at.grant::<Get>(object("secret.txt")));
    denial(at.grant::<List>(KeyPrefix::parse("dir/").unwrap()));
    assert!(!at.permits::<Get>(&object("quiet")), "asking without wanting leaves no trace");
    let entry = AuditEntry {
        action: "create_key",
        key: Some(holder.key.id),
        storage: Some(storage.id),
        object: None,
        allowed: true,
        reason: "",
    };
    world.access.audit(&world.admin, entry);
    let events = world.events().await;
    assert_eq!((events[0].actor.as_str(), events[0].action.as_str()), ("user:admin", "create_key"));
    assert!(events[0].allowed);
    assert_eq!((events[1].action.as_str(), events[1].object.as_deref()), ("list", Some("dir/")));
    assert_eq!((events[2].action.as_str(), events[2].object.as_deref()), ("get", Some("secret.txt")));
    assert_eq!((events[2].reason.as_str(), events[2].storage), ("key_permission", Some(storage.id)));
    assert_eq!((events[2].site, events[2].request_id.as_str()), (Some(world.admin.site()), "REQ1"));
    assert!(events.iter().all(|event| event.object.as_deref() != Some("quiet")));
}

#[tokio::test]
async fn who_reads_sees_what_was_noted_before() {
    let world = World::new().await;
    let storage = world.storage(|_| {}).await;
    let holder = world.key(&storage, |_| {}).await;
    let at = world.at(&holder, &storage).await;
    let knock = |from: u32| {
        let peer = std::net::Ipv4Addr::from(0xcb00_7100 + from).into();
        denial(world.signed_as(holder.key.credential.as_str(), "wrong", peer));
    };
    knock(0);
    put(&at, "a", "bytes").await;
    let filter = portcullis_metadata::AuditFilter::default();
    let page = portcullis_metadata::PageRequest::first(1000);
    // The addresses from which somebody knocked.
    let trail = async || {
        let events = world.metadata.audit(&filter, &page).await.unwrap().items;
        let knocks = events.into_iter().filter(|event| event.reason == "bad_signature");
        knocks.map(|event| event.peer).collect::<BTreeSet<_>>().len()
    };
    let last = async || world.metadata.last_use(&[holder.key.id]).await.unwrap().pop().map(|used| used.at);
    assert_eq!((trail().await, last().await), (0, None), "nothing is written by itself here");
    let first = world.now();
    world.access.written(&world.admin).await;
    assert_eq!((trail().await, last().await), (1, Some(first)));
    world.clock.advance(Duration::from_secs(1));
    put(&world.at(&holder, &storage).await, "b", "bytes").await;
    // Whoever waits may go at any moment: nothing is lost.
    for polls in 1..=40 {
        knock(polls);
        let mut writing = Box::pin(world.access.written(&world.admin));
        for _ in 0..polls {
            if futures_util::poll!(&mut writing).is_ready() {
                break;
            }
            tokio::task::yield_now().await;
        }
        drop(writing);
    }
    world.access.written(&world.admin).await;
    assert_eq!(trail().await, 41);
    assert_eq!(last().await, Some(first.after(Duration::from_secs(1))));
}

#[tokio::test]
async fn the_background_work_follows_writes_and_ends() {
    let world = World::new().await;
    let storage = world.storage(|_| {}).await;
    let holder = world.key(&storage, |_| {}).await;
    let at = world.at(&holder, &storage).await;
    let shutdown = CancellationToken::new();
    let work = async {
        // Not told by `applied`: the hint of the commit is enough.
        assert!(world.metadata.delete_key(holder.key.id, world.now()).await.unwrap());
        while at.permits::<Get>(&object("a")) {
            tokio::task::yield_now().await;
        }
        denial(at.grant::<Get>(object("a")));
        shutdown.cancel();
    };
    tokio::join!(world.access.run(&world.system, shutdown.clone()), work);
    let filter = portcullis_metadata::AuditFilter { key: Some(holder.key.id), ..Default::default() };
    let page = portcullis_metadata::PageRequest::first(10);
    let events = world.metadata.audit(&filter, &page).await.unwrap().items;
    assert_eq!(events[0].reason, "key_deleted", "written before it returned");
    assert_eq!(world.metadata.last_use(&[holder.key.id]).await.unwrap().len(), 1);
    world.access.applied(Change::Key(holder.key.id)).await.unwrap();
}
