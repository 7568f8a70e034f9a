//! Temporary credentials: never wider than their key, and never longer.

use std::time::Duration;

use portcullis_access::{AccessError, Denial, SignedPrincipal, Temporary};
use portcullis_domain::{
    DenyReason, KeyPrefix, Narrowing, NetworkEntry, Networks, Permission, Role, Scope, Timestamp,
};

use crate::world::{Holder, World, denial, ip, put, read};

fn all_until(end: Timestamp) -> Narrowing {
    Narrowing {
        storage: None,
        permission: Permission::ReadWrite,
        prefix: KeyPrefix::default(),
        networks: Networks::anywhere(),
        expires: end,
    }
}

fn hour(world: &World) -> Narrowing {
    all_until(world.now().after(Duration::from_secs(3600)))
}

async fn mint(world: &World, holder: &Holder, narrowing: &Narrowing) -> Temporary {
    world.access.mint_temporary(&world.who(holder), holder.key.id, narrowing).await.unwrap()
}

fn show(world: &World, temporary: &Temporary, token: Option<&str>) -> Result<SignedPrincipal, AccessError> {
    let shown = (temporary.access_key.as_str(), temporary.secret.reveal(), token);
    world.signed_with(shown, ip("203.0.113.7"), world.now().seconds())
}

fn shown(world: &World, temporary: &Temporary) -> Result<SignedPrincipal, AccessError> {
    show(world, temporary, Some(temporary.session_token.reveal()))
}

#[tokio::test]
async fn they_do_what_is_left_of_the_key() {
    let world = World::new().await;
    let storage = world.storage(|_| {}).await;
    let holder = world.key(&storage, |_| {}).await;
    put(&world.at(&holder, &storage).await, "in/there", "text").await;
    let prefix = KeyPrefix::parse("in/").unwrap();
    let temporary =
        mint(&world, &holder, &Narrowing { prefix, permission: Permission::Read, ..hour(&world) }).await;
    let who = shown(&world, &temporary).unwrap().principal;
    assert!(who.is_temporary());
    assert_eq!(who.key_id(), Some(holder.key.id), "the trail names the key they come from");
    let at = world.access.storage(&who, &storage.bucket).await.unwrap();
    assert_eq!(read(&at, "in/there").await.unwrap(), "text");
    let refused = |reason| Denial::Policy(reason);
    assert_eq!(denial(read(&at, "out").await), refused(DenyReason::OutsidePrefix));
    let key = crate::world::object("in/new");
    assert_eq!(denial(at.grant::<portcullis_access::Put>(key)), refused(DenyReason::KeyPermission));
    assert_eq!(
        denial(world.access.mint_temporary(&who, holder.key.id, &hour(&world)).await),
        Denial::WrongCredentialKind,
        "they make no others"
    );
}

#[tokio::test]
async fn they_end_in_time_and_with_their_key() {
    let world = World::new().await;
    let storage = world.storage(|_| {}).await;
    let holder = world.key(&storage, |_| {}).await;
    let temporary = mint(&world, &holder, &hour(&world)).await;
    world.clock.advance(Duration::from_secs(3599));
    assert!(shown(&world, &temporary).is_ok());
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(denial(shown(&world, &temporary)), Denial::Policy(DenyReason::CredentialsExpired));
    let long = mint(&world, &holder, &all_until(world.now().after(Duration::from_secs(1_000_000)))).await;
    assert_eq!(long.expires, world.now().after(Duration::from_secs(12 * 3600)));
    let soon = world.now().after(Duration::from_secs(60));
    world.change(&holder, |key| key.expires = Some(soon)).await;
    assert_eq!(mint(&world, &holder, &hour(&world)).await.expires, soon);
    world.change(&holder, |key| key.permission = Permission::Read).await;
    let who = shown(&world, &long).unwrap().principal;
    let at = world.access.storage(&who, &storage.bucket).await.unwrap();
    let key = crate::world::object("new");
    assert_eq!(
        denial(at.grant::<portcullis_access::Put>(key)),
        Denial::Policy(DenyReason::KeyPermission),
        "the key as it is now bounds them"
    );
    world.delete(&holder).await;
    assert_eq!(denial(shown(&world, &long)), Denial::UnknownKey);
    assert!(at.grant::<portcullis_access::Get>(crate::world::object("x")).is_err());
}

#[tokio::test]
async fn without_their_token_they_are_nothing() {
    let world = World::new().await;
    let storage = world.storage(|_| {}).await;
    let (holder, other) = (world.key(&storage, |_| {}).await, world.key(&storage, |_| {}).await);
    let (temporary, twin) =
        (mint(&world, &holder, &hour(&world)).await, mint(&world, &other, &hour(&world)).await);
    assert_eq!(denial(show(&world, &temporary, None)), Denial::UnknownKey);
    let mut bent = temporary.session_token.reveal().to_owned();
    let last = if bent.pop() == Some('A') { 'Q' } else { 'A' };
    bent.push(last);
    for wrong in ["", "x", &bent, twin.session_token.reveal()] {
        assert_eq!(denial(show(&world, &temporary, Some(wrong))), Denial::BadSessionToken);
    }
    let token = Some(temporary.session_token.reveal());
    let at = world.now().seconds();
    let mixed = (temporary.access_key.as_str(), twin.secret.reveal(), token);
    assert_eq!(denial(world.signed_with(mixed, ip("203.0.113.7"), at)), Denial::BadSignature);
    let key_itself = (holder.key.credential.as_str(), holder.secret.reveal(), token);
    assert_eq!(denial(world.signed_with(key_itself, ip("203.0.113.7"), at)), Denial::BadSessionToken);
}

#[tokio::test]
async fn networks_of_both_hold() {
    let world = World::new().await;
    let storage = world.storage(|_| {}).await;
    let holder = world.key(&storage, |_| {}).await;
    let elsewhere = Networks::new(vec![NetworkEntry::parse("198.51.100.0/24", "").unwrap()]).unwrap();
    let temporary = mint(&world, &holder, &Narrowing { networks: elsewhere, ..hour(&world) }).await;
    assert_eq!(denial(shown(&world, &temporary)), Denial::Policy(DenyReason::KeyNetwork));
}

#[tokio::test]
async fn who_may_make_them() {
    let world = World::new().await;
    let storage = world.storage(|_| {}).await;
    let (holder, other) = (world.key(&storage, |_| {}).await, world.key(&storage, |_| {}).await);
    let narrowing = hour(&world);
    let of = async |who: &portcullis_access::Principal, holder: &Holder| {
        world.access.mint_temporary(who, holder.key.id, &narrowing).await
    };
    assert!(of(&world.who(&holder), &holder).await.is_ok());
    assert!(matches!(of(&world.who(&holder), &other).await, Err(AccessError::NotFound)));
    assert!(of(world.admin.principal(), &holder).await.is_ok());
    let member = world.person(world.admin.site(), "mia", Role::Member).await;
    let session = world.sign_in("mia").await;
    assert!(matches!(of(&session, &holder).await, Err(AccessError::NotFound)));
    let own = world.key(&storage, |key| key.scope = Scope::User(member.id)).await;
    assert!(of(&session, &own).await.is_ok());
    let rest = world.key(&storage, |key| key.channel = portcullis_domain::Channel::Rest).await;
    assert_eq!(denial(of(world.admin.principal(), &rest).await), Denial::WrongCredentialKind);
    let site = world.site(world.admin.site(), "child").await;
    world.person(site.id, "ida", Role::Admin).await;
    assert!(matches!(of(&world.sign_in("ida").await, &holder).await, Err(AccessError::NotFound)));
}
