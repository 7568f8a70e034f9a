//! Two pairs of one key at once: both work, the old one stops in time and for good.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_core::Stream;
use portcullis_access::{
    Access, AccessError, Body, BodyFault, Change, Denial, Put, PutOptions, StorageAccess,
};
use portcullis_backend::memory::MemoryDrivers;
use portcullis_domain::{Channel, DenyReason, Key, KeyPrefix, ManualClock, Narrowing, Networks, Permission};
use portcullis_metadata::{ActivityKind, NewSecret, Overlap};
use tokio::sync::mpsc;

use crate::world::{Holder, World, config, denial, ip, master, object, put, read};

const HOUR: Duration = Duration::from_secs(3600);

/// Gives a key another pair, or another secret if `same`; the old one works for an hour.
async fn rotate(world: &World, holder: &Holder, same: bool) -> Holder {
    let minted = world.access.mint(&world.admin, holder.key.id, holder.key.channel).unwrap();
    let credential = if same { holder.key.credential } else { minted.credential };
    let (id, now, generation) = (holder.key.id, world.now(), holder.key.generation);
    let new = NewSecret { credential, login: None, stored: minted.stored };
    world.metadata.rotate_key(id, generation, &new, now.after(HOUR), now).await.unwrap();
    let report = world.access.applied(Change::Key(id)).await.unwrap();
    assert_eq!(report.transfers_cut, 0, "nothing that may go on is cut");
    let key = Key { credential, generation: generation + 1, ..holder.key.clone() };
    Holder { key, secret: minted.secret }
}

async fn overlap(world: &World, holder: &Holder) -> Overlap {
    world.metadata.overlaps(&[holder.key.id], world.now()).await.unwrap().remove(0)
}

fn bearer(holder: &Holder) -> String {
    format!("{}.{}", holder.key.credential, holder.secret.reveal())
}

/// The same database, seen by a process that has just begun, with a clock of its own.
async fn node(world: &World, clock: &Arc<ManualClock>) -> World {
    let metadata = crate::world::open_database(world.folder.path()).await;
    let drivers = Arc::new(MemoryDrivers::new(Arc::<ManualClock>::clone(clock)));
    let as_clock = Arc::<ManualClock>::clone(clock);
    let (access, system) =
        Access::open(config(), metadata.clone(), drivers, &master(), as_clock).await.unwrap();
    let (clock, admin) = (Arc::clone(clock), world.admin.clone());
    World { access, system, metadata, clock, admin, folder: tempfile::tempdir().unwrap() }
}

#[tokio::test]
async fn both_pairs_work_until_the_moment_has_come() {
    for same in [false, true] {
        let world = World::new().await;
        let storage = world.storage(|_| {}).await;
        let old = world.key(&storage, |_| {}).await;
        let new = rotate(&world, &old, same).await;
        assert_eq!(old.key.credential == new.key.credential, same);
        put(&world.at(&old, &storage).await, "a", "by the old").await;
        put(&world.at(&new, &storage).await, "b", "by the new").await;
        // What a stranger could send is refused as ever, whichever half it has.
        let wrong = world.key(&storage, |_| {}).await;
        let mixed = [(&old, &wrong), (&new, &wrong), (&wrong, &old)];
        for (id, secret) in mixed {
            let peer = ip("203.0.113.7");
            let outcome = world.signed_as(id.key.credential.as_str(), secret.secret.reveal(), peer);
            assert_eq!(denial(outcome), Denial::BadSignature);
        }
        world.clock.advance(HOUR - Duration::from_micros(1));
        assert!(world.signed(&old).is_ok(), "to the last moment");
        let at = world.at(&old, &storage).await;
        world.clock.advance(Duration::from_micros(1));
        // An access key that still names a pair is told of a wrong signature, one that names none of an unknown key.
        let told = if same { Denial::BadSignature } else { Denial::UnknownKey };
        assert_eq!(denial(world.signed(&old)), told, "{same}");
        assert!(world.signed(&new).is_ok(), "{same}");
        let over = Denial::Policy(DenyReason::CredentialsReplaced);
        assert_eq!(denial(at.grant::<Put>(object("c"))), over, "who came in before it stays no longer");
        assert_eq!(read(&world.at(&new, &storage).await, "a").await.unwrap(), "by the old");
        let knocked = world.events().await.into_iter().find(|event| event.reason == "old_secret");
        assert_eq!(knocked.unwrap().key, Some(old.key.id));
    }
}

#[tokio::test]
async fn bearers_overlap_too() {
    for same in [false, true] {
        let world = World::new().await;
        let storage = world.storage(|_| {}).await;
        let old = world.key(&storage, |key| key.channel = Channel::Rest).await;
        let new = rotate(&world, &old, same).await;
        let try_it = async |holder: &Holder| {
            let origin = crate::world::origin(Channel::Rest);
            world.access.authenticate_bearer(origin, &bearer(holder)).await
        };
        assert!(try_it(&old).await.is_ok() && try_it(&new).await.is_ok());
        world.clock.advance(HOUR);
        assert_eq!(denial(try_it(&old).await), Denial::BadSecret);
        assert!(try_it(&new).await.is_ok());
    }
}

#[tokio::test]
async fn the_end_holds_after_a_restart_and_when_the_clock_goes_back() {
    let world = World::new().await;
    let storage = world.storage(|_| {}).await;
    let old = world.key(&storage, |_| {}).await;
    let new = rotate(&world, &old, false).await;
    let again = node(&world, &world.clock).await;
    assert!(again.signed(&old).is_ok() && again.signed(&new).is_ok(), "the overlap survives a restart");
    let earlier = Arc::new(ManualClock::at(world.now()));
    world.clock.advance(HOUR);
    assert!(again.signed(&old).is_err() && node(&world, &world.clock).await.signed(&old).is_err());
    // The end is noted; from then on it does not matter what time it is.
    let due = world.metadata.overlaps_due(world.now(), 10).await.unwrap().remove(0);
    assert!(world.metadata.settle_overlap(&due, world.now()).await.unwrap());
    world.access.refresh(&world.system).await.unwrap();
    let back = node(&world, &earlier).await;
    assert_eq!(denial(back.signed(&old)), Denial::UnknownKey, "no clock revives it");
    assert!(back.signed(&new).is_ok());
}

#[tokio::test]
async fn ending_it_holds_on_every_node_whatever_their_clocks_say() {
    let world = World::new().await;
    let storage = world.storage(|_| {}).await;
    let old = world.key(&storage, |_| {}).await;
    let new = rotate(&world, &old, true).await;
    let seen = overlap(&world, &old).await;
    // A node whose clock is behind hears of the end, too.
    let behind = Arc::new(ManualClock::at(world.now().before(Duration::from_secs(60))));
    let other = node(&world, &behind).await;
    assert!(other.signed(&old).is_ok());
    world.metadata.set_overlap(&seen, world.now(), world.now()).await.unwrap();
    world.access.applied(Change::Key(old.key.id)).await.unwrap();
    assert_eq!(denial(world.signed(&old)), Denial::BadSignature);
    other.access.refresh(&other.system).await.unwrap();
    assert_eq!(denial(other.signed(&old)), Denial::BadSignature);
    assert!(world.signed(&new).is_ok() && other.signed(&new).is_ok());
}

/// A body that comes when the test says so.
struct Slow(mpsc::UnboundedReceiver<Bytes>);

impl Stream for Slow {
    type Item = Result<Bytes, BodyFault>;
    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(context).map(|bytes| bytes.map(Ok))
    }
}

#[tokio::test]
async fn transfers_under_the_old_pair_end_with_it_and_those_under_the_new_go_on() {
    let world = World::new().await;
    let storage = world.storage(|_| {}).await;
    let old = world.key(&storage, |_| {}).await;
    let new = rotate(&world, &old, true).await;
    let (at_old, at_new) = (world.at(&old, &storage).await, world.at(&new, &storage).await);
    let upload = async |at: &StorageAccess, name: &str, body: Body| -> Result<(), AccessError> {
        at.grant::<Put>(object(name)).unwrap().put(body, PutOptions::default()).await.map(drop)
    };
    let slow = || {
        let (sender, receiver) = mpsc::unbounded_channel();
        (sender, Body::Stream(Box::pin(Slow(receiver))))
    };
    let ((_held, body), (kept, kept_body)) = (slow(), slow());
    let later = async {
        assert_eq!(world.access.transfers(&world.admin).len(), 2);
        world.clock.advance(HOUR);
        let report = world.access.refresh(&world.system).await.unwrap();
        drop(kept);
        report.transfers_cut
    };
    let (cut, goes_on, count) =
        tokio::join!(upload(&at_old, "old", body), upload(&at_new, "new", kept_body), later);
    assert_eq!(denial(cut), Denial::Policy(DenyReason::CredentialsReplaced));
    goes_on.unwrap();
    assert_eq!(count, 1);
}

#[tokio::test]
async fn temporary_credentials_end_with_the_pair_that_made_them() {
    for same in [false, true] {
        let world = World::new().await;
        let storage = world.storage(|_| {}).await;
        let old = world.key(&storage, |_| {}).await;
        let narrowing = Narrowing {
            storage: None,
            permission: Permission::Read,
            prefix: KeyPrefix::default(),
            networks: Networks::anywhere(),
            expires: world.now().after(3 * HOUR),
        };
        let make = async |holder: &Holder| {
            let who = world.who(holder);
            world.access.mint_temporary(&who, holder.key.id, &narrowing).await.unwrap()
        };
        let before = make(&old).await;
        let new = rotate(&world, &old, same).await;
        let (beside, after) = (make(&old).await, make(&new).await);
        let try_it = |made: &portcullis_access::Temporary| {
            let (id, secret) = (made.access_key.as_str(), made.secret.reveal());
            let signed = (id, secret, Some(made.session_token.reveal()));
            world.signed_with(signed, ip("203.0.113.7"), world.now().seconds())
        };
        for made in [&before, &beside, &after] {
            assert!(try_it(made).is_ok(), "{same}");
        }
        world.clock.advance(HOUR);
        assert!(try_it(&before).is_err() && try_it(&beside).is_err(), "{same}");
        assert!(try_it(&after).is_ok(), "{same}");
    }
}

/// With which pair somebody came is counted: so one sees who has moved.
#[tokio::test]
async fn what_is_used_is_counted_by_pair() {
    let world = World::new().await;
    let storage = world.storage(|_| {}).await;
    let old = world.key(&storage, |_| {}).await;
    put(&world.at(&old, &storage).await, "a", "before").await;
    let new = rotate(&world, &old, true).await;
    put(&world.at(&new, &storage).await, "a", "after").await;
    put(&world.at(&new, &storage).await, "a", "after").await;
    world.clock.advance(HOUR);
    assert!(world.signed(&old).is_err());
    world.access.flush(&world.system).await.unwrap();
    let movers = world.metadata.movers(old.key.id, 0, world.now().before(2 * HOUR), 10).await.unwrap();
    let counts: Vec<_> = movers.iter().map(|mover| (mover.old_requests, mover.new_requests)).collect();
    assert_eq!(counts, [(1, 2)]);
    let since = world.now().before(2 * HOUR);
    let refused = world.metadata.activity_of_key(old.key.id, Some(ActivityKind::Refused), since, 10).await;
    let refused = refused.unwrap();
    assert_eq!((refused[0].what.as_str(), refused[0].generation), ("old_secret", 0));
}
