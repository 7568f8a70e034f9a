//! People and their passwords.

use std::time::Duration;

use portcullis_access::{AccessError, Denial};
use portcullis_control::ControlError;
use portcullis_domain::{Role, Secret, User, UserState};

use crate::world::{PASSWORD, World, fields, is_not_for_keys, origin, problems, secret};

const NEW: &str = "red kettle in the hall";

#[tokio::test]
async fn a_person_changes_their_password() {
    let world = World::new().await;
    let who = world.admin.principal().clone();
    let elsewhere = world.sign_in("admin", PASSWORD).await.unwrap();
    let bob = world.user(world.admin.site(), "bob", Role::Member).await;
    world.control.change_own_password(&who, &secret(PASSWORD), &secret(NEW)).await.unwrap();
    assert!(world.access.admin(&who).is_ok(), "the own session goes on");
    assert!(world.access.admin(&elsewhere).is_err(), "the others have ended");
    assert_eq!(world.control.own_sessions(&bob).await.unwrap().len(), 1, "other people's have not");
    let refused = world.sign_in("admin", PASSWORD).await.unwrap_err();
    assert!(matches!(refused, ControlError::Access(AccessError::Denied(Denial::BadSecret))), "{refused:?}");
    assert!(world.sign_in("admin", NEW).await.is_ok());
    let trail = world.trail().await;
    let deed = trail.iter().find(|event| event.action == "change_own_password").unwrap();
    assert_eq!((deed.actor.as_str(), deed.allowed, deed.object.as_deref()), ("user:admin", true, None));
    assert!(!format!("{trail:?}").contains(NEW));
    // Somebody who is no admin may do it too.
    world.control.change_own_password(&bob, &secret(PASSWORD), &secret(NEW)).await.unwrap();
    assert!(world.sign_in("bob", NEW).await.is_ok());
}

#[tokio::test]
async fn every_wrong_field_is_named_and_nothing_changes() {
    let world = World::new().await;
    let who = world.admin.principal();
    let change = async |current: &str, new: &str| {
        world.control.change_own_password(who, &secret(current), &secret(new)).await
    };
    assert_eq!(fields(change("wrong", NEW).await), ["current"]);
    assert_eq!(fields(change("wrong", "short").await), ["current", "new"]);
    assert_eq!(fields(change(&"x".repeat(100_000), &"x".repeat(1025)).await), ["current", "new"]);
    for (new, told) in [
        ("elevenbytes", "at least 12"),
        ("Password1234", "tried first"),
        (PASSWORD, "another than the present one"),
        ("", "at least 12"),
    ] {
        let problems = problems(change(PASSWORD, new).await);
        assert!(problems[0].0 == "new" && problems[0].1.contains(told), "{new}: {problems:?}");
    }
    assert!(world.sign_in("admin", PASSWORD).await.is_ok());
    assert!(world.trail().await.iter().all(|event| event.action != "change_own_password"));
    let guessed = world.trail().await.into_iter().find(|event| event.reason == "bad_secret").unwrap();
    assert_eq!((guessed.actor.as_str(), guessed.site), ("user:admin", Some(world.admin.site())));
}

/// Whoever found a session open must not find the password with it.
#[tokio::test]
async fn guessing_the_present_password_is_slowed_down() {
    let world = World::new().await;
    let who = world.admin.principal();
    for _ in 0..5 {
        assert_eq!(
            fields(world.control.change_own_password(who, &secret("guess"), &secret(NEW)).await),
            ["current"]
        );
        assert_eq!(fields(world.control.confirm_password(who, &secret("guess")).await), ["password"]);
    }
    let throttled = |outcome: Result<(), ControlError>| {
        matches!(outcome.unwrap_err(), ControlError::Access(AccessError::Throttled { .. }))
    };
    assert!(throttled(world.control.change_own_password(who, &secret(PASSWORD), &secret(NEW)).await));
    assert!(throttled(world.control.confirm_password(who, &secret(PASSWORD)).await));
    let from_there = world.control.sign_in(origin("192.0.2.1"), "admin", &secret(PASSWORD)).await;
    assert!(from_there.is_err(), "one count for both");
    let from_elsewhere = world.control.sign_in(origin("198.51.100.1"), "admin", &secret(PASSWORD)).await;
    assert!(from_elsewhere.is_ok());
    world.clock.advance(Duration::from_secs(1));
    world.control.confirm_password(who, &secret(PASSWORD)).await.unwrap();
}

#[tokio::test]
async fn a_password_is_asked_for_once_more() {
    let world = World::new().await;
    let bob = world.user(world.admin.site(), "bob", Role::Member).await;
    world.control.confirm_password(&bob, &secret(PASSWORD)).await.unwrap();
    assert_eq!(fields(world.control.confirm_password(&bob, &secret("guess")).await), ["password"]);
    assert_eq!(
        fields(world.control.confirm_password(&bob, &Secret::foreign(String::new())).await),
        ["password"]
    );
    let user = world.metadata.user(bob.user_id().unwrap()).await.unwrap().unwrap();
    let disabled = User { state: UserState::Disabled, ..user.clone() };
    world.metadata.update_user(&user, &disabled).await.unwrap();
    assert_eq!(fields(world.control.confirm_password(&bob, &secret(PASSWORD)).await), ["password"]);

    // A key is not the person, whatever its rights.
    let key = world.key(|_| {}).await;
    let key = world.bearer(&key).await.unwrap();
    assert!(is_not_for_keys(world.control.confirm_password(&key, &secret(PASSWORD)).await));
    assert!(is_not_for_keys(world.control.change_own_password(&key, &secret(PASSWORD), &secret(NEW)).await));
    assert!(is_not_for_keys(world.control.keep_printed_password(&key).await));
    assert!(!world.control.first_run(&key).await.unwrap());
}

#[tokio::test]
async fn the_printed_password_is_kept_or_changed() {
    let world = World::new().await;
    let who = world.admin.principal();
    let bob = world.user(world.admin.site(), "bob", Role::Admin).await;
    let first_run = async || world.control.first_run(who).await.unwrap();
    assert!(!first_run().await, "a password from the environment was not printed");
    world.control.keep_printed_password(who).await.unwrap();
    let print = async || world.metadata.set_password_printed(who.user_id().unwrap(), true).await.unwrap();
    print().await;
    assert!(first_run().await);
    assert!(!world.control.first_run(&bob).await.unwrap(), "it is not everybody's");
    world.control.keep_printed_password(&bob).await.unwrap();
    assert!(first_run().await);
    world.control.keep_printed_password(who).await.unwrap();
    assert!(!first_run().await);
    let kept =
        world.trail().await.into_iter().filter(|event| event.action == "keep_printed_password").count();
    assert_eq!(kept, 1, "only what was there to keep");
    print().await;
    world.control.change_own_password(who, &secret(PASSWORD), &secret(NEW)).await.unwrap();
    assert!(!first_run().await);
}
