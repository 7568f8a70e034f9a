//! People: signing in, being signed in, signing out.

use std::time::Duration;

use portcullis_access::{AccessError, Change, Denial, Get, GetOptions, Origin, SignedIn};
use portcullis_domain::{Channel, DenyReason, Secret};

use crate::world::{PASSWORD, World, denial, ip, object, origin, put};

const HOUR: Duration = Duration::from_secs(3600);

async fn sign_in(world: &World, from: &str, name: &str, password: &str) -> Result<SignedIn, AccessError> {
    let origin = Origin { peer: ip(from), ..origin(Channel::Rest) };
    world.access.sign_in(origin, name, &Secret::foreign(password.to_owned()), HOUR).await
}

#[tokio::test]
async fn a_session_from_beginning_to_end() {
    let world = World::new().await;
    let storage = world.storage(|_| {}).await;
    let session = sign_in(&world, "203.0.113.7", " Admin ", PASSWORD).await.unwrap();
    let token = session.token.reveal();
    let bearer = || world.access.authenticate_bearer(origin(Channel::Rest), token);
    let who = bearer().await.unwrap();
    assert_eq!(who.session_id(), Some(session.session.id));
    let at = world.access.storage(&who, &storage.bucket).await.unwrap();
    put(&at, "a", "bytes").await;
    put(&at, "a", "over").await;
    let in_hand = at.grant::<Get>(object("a")).unwrap();
    world.access.sign_out(&who).await.unwrap();
    let over = Denial::Policy(DenyReason::SessionExpired);
    assert_eq!(denial(in_hand.get(GetOptions::default()).await), over);
    assert_eq!(denial(bearer().await), Denial::BadSecret);
    assert!(world.access.admin(&world.admin.principal().clone()).is_ok(), "the other session goes on");
}

#[tokio::test]
async fn a_session_ends_by_itself() {
    let world = World::new().await;
    let session = sign_in(&world, "203.0.113.7", "admin", PASSWORD).await.unwrap();
    world.clock.advance(HOUR - Duration::from_micros(1));
    let bearer = || world.access.authenticate_bearer(origin(Channel::Rest), session.token.reveal());
    assert!(bearer().await.is_ok());
    world.clock.advance(Duration::from_micros(1));
    assert_eq!(denial(bearer().await), Denial::Policy(DenyReason::SessionExpired));
    assert_eq!(denial(world.access.admin(&session.principal)), Denial::Policy(DenyReason::SessionExpired));
}

#[tokio::test]
async fn unknown_user_and_wrong_password_look_alike() {
    let world = World::new().await;
    assert_eq!(denial(sign_in(&world, "203.0.113.7", "admin", "wrong").await), Denial::BadSecret);
    assert_eq!(denial(sign_in(&world, "203.0.113.7", "nobody", PASSWORD).await), Denial::BadSecret);
    assert_eq!(denial(sign_in(&world, "203.0.113.7", "no body", PASSWORD).await), Denial::BadSecret);
    let long = "x".repeat(100_000);
    assert_eq!(denial(sign_in(&world, "203.0.113.7", "admin", &long).await), Denial::BadSecret);
    let reasons = world.reasons().await;
    assert_eq!(reasons[..4], ["unknown_user", "unknown_user", "unknown_user", "bad_secret"]);
}

#[tokio::test]
async fn a_disabled_user_is_out_at_once() {
    let world = World::new().await;
    let session = sign_in(&world, "203.0.113.7", "admin", PASSWORD).await.unwrap();
    let user = world.admin.user().unwrap();
    world.disable(user).await;
    world.access.applied(Change::User(user)).await.unwrap();
    let disabled = Denial::Policy(DenyReason::UserDisabled);
    assert_eq!(denial(sign_in(&world, "203.0.113.7", "admin", PASSWORD).await), disabled);
    assert_eq!(denial(sign_in(&world, "203.0.113.7", "admin", "wrong").await), Denial::BadSecret);
    assert_eq!(denial(world.access.admin(&session.principal)), disabled);
    let bearer = world.access.authenticate_bearer(origin(Channel::Rest), session.token.reveal()).await;
    assert_eq!(denial(bearer), disabled);
}

#[tokio::test]
async fn ending_all_sessions_of_a_user() {
    let world = World::new().await;
    let user = world.admin.user().unwrap();
    assert!(world.access.admin(world.admin.principal()).is_ok());
    world.metadata.delete_sessions_of(user).await.unwrap();
    world.access.applied(Change::User(user)).await.unwrap();
    let over = Denial::Policy(DenyReason::SessionExpired);
    assert_eq!(denial(world.access.admin(world.admin.principal())), over);
}

#[tokio::test]
async fn guessing_passwords() {
    let world = World::new().await;
    for _ in 0..10 {
        assert_eq!(denial(sign_in(&world, "203.0.113.7", "admin", "guess").await), Denial::BadSecret);
    }
    let refused = sign_in(&world, "203.0.113.7", "admin", PASSWORD).await.unwrap_err();
    assert!(
        matches!(refused, AccessError::Throttled { retry_after } if retry_after == Duration::from_secs(1))
    );
    assert!(sign_in(&world, "198.51.100.9", "admin", PASSWORD).await.is_ok(), "not from elsewhere");
    world.clock.advance(Duration::from_secs(1));
    assert!(sign_in(&world, "203.0.113.7", "admin", PASSWORD).await.is_ok());
}

#[tokio::test]
async fn a_session_is_for_the_panel_and_a_key_has_none() {
    let world = World::new().await;
    let storage = world.storage(|_| {}).await;
    let session = sign_in(&world, "203.0.113.7", "admin", PASSWORD).await.unwrap();
    let bearer = world.access.authenticate_bearer(origin(Channel::Http), session.token.reveal()).await;
    assert_eq!(denial(bearer), Denial::BadSecret, "there is no such thing as a session for files");
    let holder = world.key(&storage, |_| {}).await;
    assert_eq!(denial(world.access.sign_out(&world.who(&holder)).await), Denial::WrongCredentialKind);
}
