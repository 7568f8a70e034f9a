//! People: what was shared with them, the site they act in, and how they prove who they are.

use std::time::Duration;

use portcullis_access::{AccessError, Change, Denial, Get, Principal, Proof as _, Put};
use portcullis_domain::{
    Channel, DenyReason, Permission, Role, Scope, SecondFactorRule, Secret, SiteRules, UserState,
};
use portcullis_signin::totp;

use crate::world::{PASSWORD, World, denial, object, origin, put, read};

fn policy(reason: DenyReason) -> Denial {
    Denial::Policy(reason)
}

#[tokio::test]
async fn rights_follow_what_is_shared() {
    let world = World::new().await;
    let storage = world.storage(|_| {}).await;
    let hidden = world.storage(|_| {}).await;
    let member = world.person(world.admin.site(), "mia", Role::Member).await;
    let session = world.sign_in("mia").await;
    let key = world.key(&storage, |key| key.scope = Scope::User(member.id)).await;
    for who in [&session, &world.who(&key)] {
        assert!(matches!(world.access.storage(who, &storage.bucket).await, Err(AccessError::NotFound)));
        assert!(world.access.visible_storages(who).unwrap().is_empty());
    }
    let grant = world.share(&storage, &member, "in/", Permission::ReadWrite).await;
    for who in [&session, &world.who(&key)] {
        let at = world.access.storage(who, &storage.bucket).await.unwrap();
        put(&at, "in/file", "text").await;
        assert_eq!(read(&at, "in/file").await.unwrap(), "text");
        assert_eq!(denial(read(&at, "out").await), policy(DenyReason::OutsidePrefix));
        let seen = world.access.visible_storages(who).unwrap();
        assert_eq!(seen.iter().map(|storage| storage.id).collect::<Vec<_>>(), [storage.id]);
        assert!(matches!(world.access.storage(who, &hidden.bucket).await, Err(AccessError::NotFound)));
        assert!(world.access.admin(who).is_err());
    }
    let at = world.access.storage(&session, &storage.bucket).await.unwrap();
    world.metadata.delete_grant(grant.id).await.unwrap();
    world.access.applied(Change::User(member.id)).await.unwrap();
    assert_eq!(denial(at.grant::<Get>(object("in/file"))), policy(DenyReason::NotGranted));
}

#[tokio::test]
async fn who_may_not_delete_keeps_what_they_overwrite() {
    let world = World::new().await;
    let storage = world.storage(|_| {}).await;
    let member = world.person(world.admin.site(), "mia", Role::Member).await;
    world.share(&storage, &member, "", Permission::Write).await;
    let owner = world.key(&storage, |_| {}).await;
    let whole = world.at(&owner, &storage).await;
    put(&whole, "file", "before").await;
    let session = world.sign_in("mia").await;
    put(&world.access.storage(&session, &storage.bucket).await.unwrap(), "file", "after").await;
    assert_eq!(read(&whole, "file").await.unwrap(), "after");
    assert_eq!(whole.usage().await.unwrap().version_bytes, 6, "what was there is a previous version");
}

#[tokio::test]
async fn admins_act_in_sites_below_their_own_and_nowhere_else() {
    let world = World::new().await;
    let main = world.admin.site();
    let child = world.site(main, "child").await;
    let grandchild = world.site(child.id, "grandchild").await;
    let other = world.site(main, "other").await;
    world.person(child.id, "ida", Role::Admin).await;
    world.person(child.id, "max", Role::Member).await;
    let (ida, max) = (world.sign_in("ida").await, world.sign_in("max").await);
    for (who, site) in [(&ida, main), (&ida, other.id), (&max, grandchild.id)] {
        assert!(matches!(world.access.switch_site(who, site).await, Err(AccessError::NotFound)));
    }
    world.access.switch_site(&ida, grandchild.id).await.unwrap();
    assert!(world.access.admin(&ida).is_err(), "who asked before the switch asked for another site");
    assert_eq!(world.access.home_site(&ida), Some(child.id));

    let storage = world.storage(|new| new.site = grandchild.id).await;
    let token = session_token(&world, "admin").await;
    let admin = authenticated(&world, &token).await;
    assert!(matches!(world.access.storage(&admin, &storage.bucket).await, Err(AccessError::NotFound)));
    world.access.switch_site(&admin, grandchild.id).await.unwrap();
    let below = authenticated(&world, &token).await;
    assert_eq!(below.site(), grandchild.id);
    assert!(world.access.admin(&below).is_ok());
    put(&world.access.storage(&below, &storage.bucket).await.unwrap(), "a", "text").await;
    world.access.switch_site(&below, main).await.unwrap();
    assert_eq!(authenticated(&world, &token).await.site(), main);
    let key = world.key(&storage, |key| key.site = grandchild.id).await;
    assert!(world.access.admin(&world.who(&key)).is_err());
}

async fn session_token(world: &World, name: &str) -> Secret {
    let password = Secret::foreign(PASSWORD.to_owned());
    let day = Duration::from_secs(24 * 3600);
    world.access.sign_in(origin(Channel::Rest), name, &password, day).await.unwrap().token
}

async fn authenticated(world: &World, token: &Secret) -> Principal {
    world.access.authenticate_bearer(origin(Channel::Rest), token.reveal()).await.unwrap()
}

#[tokio::test]
async fn a_site_may_ask_for_a_second_factor_at_any_moment() {
    let world = World::new().await;
    let storage = world.storage(|_| {}).await;
    let token = session_token(&world, "admin").await;
    let admin = authenticated(&world, &token).await;
    let at = world.access.storage(&admin, &storage.bucket).await.unwrap();
    let before = world.metadata.site(admin.site()).await.unwrap().unwrap();
    let rules = SiteRules { second_factor: SecondFactorRule::Admins, ..before.rules };
    let after = portcullis_domain::Site { rules, ..before.clone() };
    world.metadata.update_site(&before, &after).await.unwrap();
    world.access.applied(Change::Site(after.id)).await.unwrap();
    assert_eq!(denial(at.grant::<Get>(object("a"))), policy(DenyReason::SecondFactorNeeded));
    assert_eq!(denial(world.access.admin(&admin)), policy(DenyReason::SecondFactorNeeded));
    let me = world.access.oneself(&admin).unwrap();
    assert_eq!((Some(me.user()), me.actor()), (admin.user_id(), "user:admin"));

    let minted = world.access.mint(&me, portcullis_domain::KeyId::generate(), Channel::S3);
    assert_eq!(denial(minted), policy(DenyReason::SecondFactorNeeded), "nor is a key a way around it");
    let seed = [7u8; 20];
    let sealed = world.access.seal_totp(&me, &seed).unwrap();
    world.metadata.set_totp(me.user(), Some(sealed)).await.unwrap();
    let (from, password) = (origin(Channel::Rest), Secret::foreign(PASSWORD.to_owned()));
    let proved = world.access.prove_password(&from, "admin", &password).await.unwrap();
    assert!(world.access.needs_second_factor(&proved));
    let day = Duration::from_secs(24 * 3600);
    assert_eq!(denial(world.access.begin_session(from, &proved, day).await), Denial::SecondFactorMissing);
    let ticket = world.access.ticket(&proved).unwrap();
    let proved = world.access.proved(ticket.reveal()).await.unwrap();
    assert!(world.access.needs_second_factor(&proved));
    assert_eq!(denial(world.access.prove_code(&from, &proved, "000000").await), Denial::BadCode);
    let code = totp::code_now(&seed, world.now()).unwrap();
    let both = world.access.prove_code(&from, &proved, &code).await.unwrap();
    assert_eq!(denial(world.access.prove_code(&from, &proved, &code).await), Denial::BadCode, "once");
    let signed_in = world.access.begin_session(from, &both, day).await.unwrap();
    assert!(world.access.admin(&signed_in.principal).is_ok());
    assert!(
        world
            .access
            .storage(&signed_in.principal, &storage.bucket)
            .await
            .unwrap()
            .permits::<Put>(&object("a"))
    );
    world.clock.advance(Duration::from_secs(301));
    assert_eq!(denial(world.access.proved(ticket.reveal()).await), Denial::Malformed);
    assert_eq!(denial(world.access.proved("x").await), Denial::Malformed);
}

#[tokio::test]
async fn confirmations_last_ten_minutes_and_are_ones_own() {
    let world = World::new().await;
    world.person(world.admin.site(), "mia", Role::Member).await;
    let (admin, from) = (world.admin.principal().clone(), origin(Channel::Rest));
    assert!(world.access.is_confirmed(&admin));
    world.clock.advance(Duration::from_secs(600));
    assert!(!world.access.is_confirmed(&admin));
    let password = Secret::foreign(PASSWORD.to_owned());
    let other = world.access.prove_password(&from, "mia", &password).await.unwrap();
    assert_eq!(denial(world.access.confirm(&admin, &other).await), Denial::BadSecret);
    assert!(!world.access.is_confirmed(&admin));
    let own = world.access.prove_password(&from, "admin", &password).await.unwrap();
    world.access.confirm(&admin, &own).await.unwrap();
    assert!(world.access.is_confirmed(&admin));
}

#[tokio::test]
async fn a_password_that_was_changed_meanwhile_opens_nothing() {
    let world = World::new().await;
    let member = world.person(world.admin.site(), "mia", Role::Member).await;
    let (from, password) = (origin(Channel::Rest), Secret::foreign(PASSWORD.to_owned()));
    let proved = world.access.prove_password(&from, "mia", &password).await.unwrap();
    let other = world.access.hash_password(&Secret::foreign("another password".to_owned())).await.unwrap();
    world.metadata.set_password(member.id, &other).await.unwrap();
    let late = world.access.begin_session(from, &proved, Duration::from_secs(60)).await;
    assert_eq!(denial(late), Denial::BadSecret);
    assert!(world.metadata.sessions_of(member.id).await.unwrap().is_empty());
}

#[tokio::test]
async fn who_is_invited_has_no_password_and_no_key() {
    let world = World::new().await;
    let member = world.person(world.admin.site(), "mia", Role::Member).await;
    let after = portcullis_domain::User { state: UserState::Invited, ..member.clone() };
    world.metadata.update_user(&member, &after).await.unwrap();
    world.access.applied(Change::User(member.id)).await.unwrap();
    let (from, password) = (origin(Channel::Rest), Secret::foreign(PASSWORD.to_owned()));
    let refused = world.access.sign_in(from, "mia", &password, Duration::from_secs(60)).await;
    assert_eq!(denial(refused), policy(DenyReason::UserDisabled));
}
