//! Revocation beats everything: nothing is admitted after it, and what is under way ends.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_core::Stream;
use portcullis_access::{
    AccessError, Body, BodyFault, Change, Denial, Get, GetOptions, Put, PutOptions, PutOutcome, StorageAccess,
};
use portcullis_domain::{DenyReason, Key, NetworkEntry, Networks, Permission};
use portcullis_metadata::NewSecret;
use tokio::sync::mpsc;

use crate::world::{Holder, World, denial, ip, object, put, read};

/// A body that comes when the test says so; it ends when the sender is dropped.
struct Slow(mpsc::UnboundedReceiver<Bytes>);

impl Stream for Slow {
    type Item = Result<Bytes, BodyFault>;
    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(context).map(|bytes| bytes.map(Ok))
    }
}

fn slow() -> (mpsc::UnboundedSender<Bytes>, Body) {
    let (sender, receiver) = mpsc::unbounded_channel();
    (sender, Body::Stream(Box::pin(Slow(receiver))))
}

async fn upload(at: &StorageAccess, body: Body) -> Result<PutOutcome, AccessError> {
    at.grant::<Put>(object("slow")).unwrap().put(body, PutOptions::default()).await
}

#[tokio::test]
async fn deleting_a_key_wakes_and_ends_its_upload() {
    let world = World::new().await;
    let storage = world.storage(|_| {}).await;
    let holder = world.key(&storage, |_| {}).await;
    let keeper = world.key(&storage, |_| {}).await;
    let (at, other) = (world.at(&holder, &storage).await, world.at(&keeper, &storage).await);
    let (sender, body) = slow();
    let (kept, kept_body) = slow();
    sender.send(Bytes::from_static(b"some")).unwrap();
    let revoke = async {
        let under_way = world.access.transfers(&world.admin);
        assert_eq!(under_way.len(), 2);
        assert_eq!((under_way[0].key, under_way[0].bytes), (Some(holder.key.id), 4));
        let cut = world.delete(&holder).await;
        assert!(sender.send(Bytes::from_static(b"more")).is_err(), "nobody reads any more");
        drop(kept);
        cut
    };
    let (outcome, kept, cut) = tokio::join!(upload(&at, body), upload(&other, kept_body), revoke);
    assert_eq!(denial(outcome), Denial::Policy(DenyReason::KeyDeleted));
    assert_eq!(cut, 1);
    kept.unwrap();
    assert!(world.access.transfers(&world.admin).is_empty());
    assert_eq!(read(&other, "slow").await.unwrap(), "", "what is there came from the other key");
    let events = world.events().await;
    assert_eq!((events[0].action.as_str(), events[0].reason.as_str()), ("put_cut", "key_deleted"));
    assert_eq!(events[0].object.as_deref(), Some("slow"));
}

/// The key stays, and is somebody else afterwards: whoever came with its old credentials is nobody.
#[tokio::test]
async fn rotating_a_key_ends_what_its_old_credentials_began() {
    let world = World::new().await;
    let storage = world.storage(|_| {}).await;
    let holder = world.key(&storage, |_| {}).await;
    let at = world.at(&holder, &storage).await;
    put(&at, "kept", "bytes").await;
    let in_hand = at.grant::<Get>(object("kept")).unwrap();
    let (sender, body) = slow();
    sender.send(Bytes::from_static(b"some")).unwrap();
    let rotate = async {
        let minted = world.access.mint(&world.admin, holder.key.id, holder.key.channel).unwrap();
        let (id, now) = (holder.key.id, world.now());
        let new = NewSecret { credential: minted.credential, login: None, stored: minted.stored };
        world.metadata.rotate_key(id, 0, &new, now, now).await.unwrap();
        let report = world.access.applied(Change::Key(id)).await.unwrap();
        assert!(sender.send(Bytes::from_static(b"more")).is_err(), "nobody reads any more");
        let key = Key { credential: minted.credential, ..holder.key.clone() };
        (Holder { key, secret: minted.secret }, report.transfers_cut)
    };
    let (outcome, (rotated, cut)) = tokio::join!(upload(&at, body), rotate);
    let over = Denial::Policy(DenyReason::CredentialsReplaced);
    assert_eq!((denial(outcome), cut), (over, 1));
    assert_eq!(denial(in_hand.get(GetOptions::default()).await), over, "not even with a grant in hand");
    assert_eq!(denial(at.grant::<Get>(object("kept"))), over);
    assert_eq!(denial(world.signed(&holder)), Denial::UnknownKey, "what was signed before counts no more");
    let mixed = world.signed_as(rotated.key.credential.as_str(), holder.secret.reveal(), ip("203.0.113.7"));
    assert_eq!(denial(mixed), Denial::BadSignature, "nor does the old secret with the new id");
    let at = world.at(&rotated, &storage).await;
    assert_eq!(read(&at, "kept").await.unwrap(), "bytes");
    assert_eq!(world.who(&rotated).key_id(), Some(holder.key.id), "the record is the same");
    // Who still knocks is known: whose the old id was, and that the secret was the true one.
    let mut events = world.events().await.into_iter();
    let knocked = events.find(|event| event.reason == "old_secret").unwrap();
    assert_eq!((knocked.key, knocked.site), (Some(holder.key.id), Some(world.admin.site())));
    // Another node learns the same from the feed, in whatever state it was.
    world.access.refresh(&world.system).await.unwrap();
    assert_eq!(denial(world.signed(&holder)), Denial::UnknownKey);
    assert!(world.signed(&rotated).is_ok());
}

#[tokio::test]
async fn narrowing_cuts_and_widening_does_not() {
    let world = World::new().await;
    let storage = world.storage(|_| {}).await;
    let holder = world.key(&storage, |key| key.permission = Permission::Write).await;
    let at = world.at(&holder, &storage).await;
    let (sender, body) = slow();
    let widen = async {
        let cut = world.change(&holder, |key| key.permission = Permission::ReadWrite).await;
        drop(sender);
        cut
    };
    let (outcome, cut) = tokio::join!(upload(&at, body), widen);
    outcome.unwrap();
    assert_eq!(cut, 0);

    let elsewhere = Networks::new(vec![NetworkEntry::parse("198.51.100.0/24", "").unwrap()]).unwrap();
    for (narrow, reason) in [(None, DenyReason::KeyPermission), (Some(elsewhere), DenyReason::KeyNetwork)] {
        world.change(&holder, |_| {}).await;
        let (_sender, body) = slow();
        let narrow = world.change(&holder, |key| match narrow {
            None => key.permission = Permission::Read,
            Some(networks) => key.networks = networks,
        });
        let (outcome, cut) = tokio::join!(upload(&at, body), narrow);
        assert_eq!(denial(outcome), Denial::Policy(reason));
        assert_eq!(cut, 1);
    }
}

#[tokio::test]
async fn a_cut_upload_leaves_what_was_there() {
    let world = World::new().await;
    let storage = world.storage(|_| {}).await;
    let (holder, reader) = (world.key(&storage, |_| {}).await, world.key(&storage, |_| {}).await);
    let (at, reader) = (world.at(&holder, &storage).await, world.at(&reader, &storage).await);
    put(&at, "slow", "before").await;
    let (sender, body) = slow();
    sender.send(Bytes::from_static(b"after")).unwrap();
    let (outcome, _) = tokio::join!(upload(&at, body), world.delete(&holder));
    assert!(outcome.is_err());
    assert_eq!(read(&reader, "slow").await.unwrap(), "before");
}

/// A right that runs out needs nobody to revoke it: the last question comes when all bytes have come.
#[tokio::test]
async fn an_upload_that_outlives_its_key_is_not_stored() {
    let world = World::new().await;
    let storage = world.storage(|_| {}).await;
    let expires = world.now().after(Duration::from_secs(60));
    let holder = world.key(&storage, |key| key.expires = Some(expires)).await;
    let at = world.at(&holder, &storage).await;
    let (sender, body) = slow();
    let later = async {
        sender.send(Bytes::from_static(b"all of it")).unwrap();
        world.clock.advance(Duration::from_secs(60));
        drop(sender);
    };
    let (outcome, ()) = tokio::join!(upload(&at, body), later);
    assert_eq!(denial(outcome), Denial::Policy(DenyReason::KeyExpired));
}

#[tokio::test]
async fn following_the_feed_cuts_what_ran_out() {
    let world = World::new().await;
    let storage = world.storage(|_| {}).await;
    let expires = world.now().after(Duration::from_secs(60));
    let holder = world.key(&storage, |key| key.expires = Some(expires)).await;
    let at = world.at(&holder, &storage).await;
    let (_sender, body) = slow();
    let later = async {
        world.clock.advance(Duration::from_secs(60));
        world.access.refresh(&world.system).await.unwrap()
    };
    let (outcome, report) = tokio::join!(upload(&at, body), later);
    assert_eq!(denial(outcome), Denial::Policy(DenyReason::KeyExpired));
    assert_eq!(report.transfers_cut, 1);
}

#[tokio::test]
async fn after_applied_returned_nothing_is_admitted() {
    let world = World::new().await;
    let storage = world.storage(|_| {}).await;
    let holder = world.key(&storage, |_| {}).await;
    let at = world.at(&holder, &storage).await;
    put(&at, "a", "bytes").await;
    let (get, to) = (at.grant::<Get>(object("a")).unwrap(), at.grant::<Put>(object("b")).unwrap());
    let who = world.who(&holder);
    world.delete(&holder).await;
    let deleted = Denial::Policy(DenyReason::KeyDeleted);
    assert_eq!(denial(get.copy_to(to, portcullis_access::CopyOptions::default()).await), deleted);
    assert_eq!(denial(at.grant::<Get>(object("a"))), deleted);
    assert_eq!(denial(world.access.storage(&who, &storage.bucket).await), deleted);
    assert_eq!(denial(world.access.visible_storages(&who)), deleted);
    assert_eq!(denial(world.signed(&holder)), Denial::UnknownKey);
}

/// What a node cannot read it does not guess at.
#[tokio::test]
async fn a_change_that_cannot_be_read_is_taken_for_a_revocation() {
    let world = World::new().await;
    let storage = world.storage(|_| {}).await;
    let holder = world.key(&storage, |_| {}).await;
    let at = world.at(&holder, &storage).await;
    world.metadata.close().await;
    let outcome = world.access.applied(Change::Key(holder.key.id)).await;
    assert!(matches!(outcome, Err(AccessError::Metadata(_))));
    assert_eq!(denial(at.grant::<Get>(object("a"))), Denial::Policy(DenyReason::KeyDeleted));
}

#[tokio::test]
async fn changes_of_other_nodes_arrive_by_the_feed() {
    let world = World::new().await;
    let storage = world.storage(|_| {}).await;
    let holder = world.key(&storage, |_| {}).await;
    let elsewhere = crate::world::open_database(world.folder.path()).await;
    elsewhere.delete_key(holder.key.id, world.now()).await.unwrap();
    assert!(world.signed(&holder).is_ok(), "not heard yet");
    world.access.refresh(&world.system).await.unwrap();
    assert_eq!(denial(world.signed(&holder)), Denial::UnknownKey);
    let session = elsewhere.sessions_of(world.admin.user().unwrap()).await.unwrap().remove(0);
    elsewhere.delete_session(session.id).await.unwrap();
    world.access.refresh(&world.system).await.unwrap();
    assert_eq!(
        denial(world.access.admin(world.admin.principal())),
        Denial::Policy(DenyReason::SessionExpired)
    );
}

#[tokio::test]
async fn a_feed_that_was_purged_past_this_node_is_read_anew() {
    let world = World::new().await;
    let storage = world.storage(|_| {}).await;
    let holder = world.key(&storage, |_| {}).await;
    let elsewhere = crate::world::open_database(world.folder.path()).await;
    elsewhere.delete_key(holder.key.id, world.now()).await.unwrap();
    elsewhere.purge_changes(elsewhere.latest_change().await.unwrap() + 1).await.unwrap();
    world.access.refresh(&world.system).await.unwrap();
    assert_eq!(denial(world.signed(&holder)), Denial::UnknownKey);
}

#[tokio::test]
async fn a_node_that_hears_nothing_admits_nothing() {
    let world = World::with(portcullis_access::AccessConfig::default()).await;
    let storage = world.storage(|_| {}).await;
    let holder = world.key(&storage, |_| {}).await;
    world.access.refresh(&world.system).await.unwrap();
    let at = world.at(&holder, &storage).await;
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(6)).await;
    assert!(matches!(world.access.ready(), Err(AccessError::Unavailable)));
    assert!(matches!(world.signed(&holder), Err(AccessError::Unavailable)));
    assert!(matches!(at.grant::<Get>(object("a")), Err(AccessError::Unavailable)));
    tokio::time::resume();
    world.access.refresh(&world.system).await.unwrap();
    assert!(at.grant::<Get>(object("a")).is_ok());
    drop(Arc::new(world));
}
