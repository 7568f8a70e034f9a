//! Links: what their address opens, and what it tells to whom it opens nothing.

use std::time::Duration;

use portcullis_access::{AccessError, Change, Denial, Get, List, Origin, Put, StorageAccess};
use portcullis_domain::{
    Channel, DenyReason, DisplayName, KeyPrefix, Link, LinkId, LinkState, LinkTarget, NetworkEntry, Networks,
    Permission, Secret, Storage,
};

use crate::world::{World, denial, ip, object, origin, put, read};

fn at_a_link() -> Origin<'static> {
    origin(Channel::Http)
}

/// A link with its address.
async fn link(
    world: &World,
    storage: &Storage,
    password: Option<&str>,
    change: impl FnOnce(&mut Link),
) -> (Link, Secret) {
    let mut link = Link {
        id: LinkId::generate(),
        site: storage.site,
        storage: storage.id,
        name: DisplayName::parse("For the printer").unwrap(),
        target: LinkTarget::Folder(KeyPrefix::parse("in/").unwrap()),
        permission: Permission::Read,
        networks: Networks::anywhere(),
        expires: None,
        has_password: password.is_some(),
        max_downloads: None,
        downloads: 0,
        state: LinkState::Active,
        created: world.now(),
    };
    change(&mut link);
    let (token, hash) = world.access.mint_token().unwrap();
    let phc = match password {
        Some(password) => {
            Some(world.access.hash_password(&Secret::foreign(password.to_owned())).await.unwrap())
        }
        None => None,
    };
    world.metadata.create_link(&link, &hash, phc.as_deref()).await.unwrap();
    world.access.applied(Change::Link(link.id)).await.unwrap();
    (link, token)
}

async fn enter(world: &World, storage: &Storage, token: &Secret) -> StorageAccess {
    let visit = world.access.authenticate_link(at_a_link(), token.reveal(), None).await.unwrap();
    assert_eq!(visit.principal.link_id(), Some(visit.link.id));
    world.access.storage(&visit.principal, &storage.bucket).await.unwrap()
}

#[tokio::test]
async fn an_address_opens_its_folder_only() {
    let world = World::new().await;
    let (storage, other) = (world.storage(|_| {}).await, world.storage(|_| {}).await);
    let holder = world.key(&storage, |_| {}).await;
    put(&world.at(&holder, &storage).await, "in/there", "text").await;
    let (made, token) = link(&world, &storage, None, |_| {}).await;
    let at = enter(&world, &storage, &token).await;
    assert_eq!(read(&at, "in/there").await.unwrap(), "text");
    assert!(at.permits::<List>(&KeyPrefix::parse("in/").unwrap()));
    for wrong in ["out", "in", "in"] {
        assert_eq!(denial(read(&at, wrong).await), Denial::Policy(DenyReason::OutsidePrefix));
    }
    assert!(!at.permits::<List>(&KeyPrefix::default()));
    assert!(!at.permits::<Put>(&object("in/new")));
    let visit = world.access.authenticate_link(at_a_link(), token.reveal(), None).await.unwrap();
    assert!(matches!(
        world.access.storage(&visit.principal, &other.bucket).await,
        Err(AccessError::NotFound)
    ));
    assert!(world.access.admin(&visit.principal).is_err());
    assert!(world.access.oneself(&visit.principal).is_err());

    let found = world.metadata.end_link(made.id).await.unwrap();
    assert!(found);
    world.access.applied(Change::Link(made.id)).await.unwrap();
    assert_eq!(denial(at.grant::<Get>(object("in/there"))), Denial::Policy(DenyReason::LinkEnded));
    assert!(matches!(
        world.access.authenticate_link(at_a_link(), token.reveal(), None).await,
        Err(AccessError::NotFound)
    ));
}

#[tokio::test]
async fn what_opens_nothing_is_not_found_whatever_the_reason() {
    let world = World::new().await;
    let storage = world.storage(|_| {}).await;
    let soon = world.now().after(Duration::from_secs(60));
    let elsewhere = Networks::new(vec![NetworkEntry::parse("198.51.100.0/24", "").unwrap()]).unwrap();
    let (_, bound) = link(&world, &storage, None, |link| link.networks = elsewhere).await;
    let (_, short) = link(&world, &storage, None, |link| link.expires = Some(soon)).await;
    assert!(world.access.authenticate_link(at_a_link(), short.reveal(), None).await.is_ok());
    let from_there = Origin { peer: ip("198.51.100.7"), ..at_a_link() };
    assert!(world.access.authenticate_link(from_there, bound.reveal(), None).await.is_ok());
    world.clock.advance(Duration::from_secs(60));
    let (unknown, _) = world.access.mint_token().unwrap();
    for token in [bound.reveal(), short.reveal(), unknown.reveal(), "", "../x"] {
        let refused = world.access.authenticate_link(at_a_link(), token, None).await;
        assert!(matches!(refused, Err(AccessError::NotFound)), "{refused:?}");
    }
    let by_rest = world.access.authenticate_link(origin(Channel::Rest), bound.reveal(), None).await;
    assert!(matches!(by_rest, Err(AccessError::NotFound)));
}

#[tokio::test]
async fn a_password_opens_it_until_it_is_another() {
    let world = World::new().await;
    let storage = world.storage(|_| {}).await;
    let (made, token) = link(&world, &storage, Some("open sesame"), |_| {}).await;
    let (other, other_token) = link(&world, &storage, Some("open sesame"), |_| {}).await;
    let (from, token) = (at_a_link(), token.reveal());
    assert_eq!(denial(world.access.authenticate_link(from, token, None).await), Denial::LinkLocked);
    let wrong = Secret::foreign("open barley".to_owned());
    assert_eq!(denial(world.access.unlock_link(&from, token, &wrong).await), Denial::BadSecret);
    let right = Secret::foreign("open sesame".to_owned());
    let ticket = world.access.unlock_link(&from, token, &right).await.unwrap();
    assert!(world.access.authenticate_link(from, token, Some(&ticket)).await.is_ok());
    let elsewhere = world.access.authenticate_link(from, other_token.reveal(), Some(&ticket)).await;
    assert_eq!(denial(elsewhere), Denial::LinkLocked, "of {} only, not of {}", made.id, other.id);
    let phc = world.access.hash_password(&wrong).await.unwrap();
    world.metadata.update_link(&made, &made, Some(Some(&phc))).await.unwrap();
    world.access.applied(Change::Link(made.id)).await.unwrap();
    let again = world.access.authenticate_link(from, token, Some(&ticket)).await;
    assert_eq!(denial(again), Denial::LinkLocked);
    for _ in 0..10 {
        drop(world.access.unlock_link(&from, token, &right).await);
    }
    assert!(matches!(
        world.access.unlock_link(&from, token, &wrong).await,
        Err(AccessError::Throttled { .. })
    ));
    let owner = Origin { peer: ip("198.51.100.7"), ..from };
    assert!(
        world.access.unlock_link(&owner, token, &wrong).await.is_ok(),
        "nobody is locked out from elsewhere"
    );
}

#[tokio::test]
async fn a_drop_box_takes_in_and_tells_nothing() {
    let world = World::new().await;
    let storage = world.storage(|_| {}).await;
    let holder = world.key(&storage, |_| {}).await;
    let whole = world.at(&holder, &storage).await;
    put(&whole, "in/there", "before").await;
    let (_, token) = link(&world, &storage, None, |link| link.permission = Permission::Write).await;
    let at = enter(&world, &storage, &token).await;
    put(&at, "in/there", "after").await;
    put(&at, "in/new", "new").await;
    assert_eq!(read(&whole, "in/there").await.unwrap(), "before", "what is there stays");
    assert_eq!(read(&whole, "in/new").await.unwrap(), "new");
    assert_eq!(denial(read(&at, "in/new").await), Denial::Policy(DenyReason::LinkPermission));
    assert!(!at.permits::<List>(&KeyPrefix::parse("in/").unwrap()));
}
