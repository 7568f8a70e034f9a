//! What is done once.

use std::time::Duration;

use portcullis_control::new_once_token;
use portcullis_domain::Role;

use crate::world::{World, fields};

#[tokio::test]
async fn a_form_that_is_sent_twice_is_taken_once() {
    let world = World::new().await;
    let node = world.other_node().await;
    let (one, two) = (new_once_token().unwrap(), new_once_token().unwrap());
    assert!(world.control.claim_once(&world.admin, &one).await.unwrap());
    assert!(!world.control.claim_once(&world.admin, &one).await.unwrap());
    assert!(!node.claim_once(&world.admin, &one).await.unwrap());
    assert!(node.claim_once(&world.admin, &two).await.unwrap());
    // Nobody can use up the token of somebody else.
    let bob = world.user(world.admin.site(), "bob", Role::Admin).await;
    let bob = world.access.admin(&bob).unwrap();
    let eve = world.stranger().await;
    assert!(world.control.claim_once(&bob, &one).await.unwrap());
    assert!(world.control.claim_once(&eve, &one).await.unwrap());

    let day = Duration::from_secs(24 * 3600);
    world.clock.advance(day);
    world.control.tidy().await.unwrap();
    assert!(!world.control.claim_once(&world.admin, &one).await.unwrap(), "24 hours hold");
    world.clock.advance(Duration::from_secs(1));
    world.control.tidy().await.unwrap();
    assert!(world.control.claim_once(&world.admin, &one).await.unwrap());
}

#[tokio::test]
async fn a_token_is_long_and_plain() {
    let world = World::new().await;
    for wrong in
        ["", &"a".repeat(31), &"a".repeat(257), &"a b".repeat(20), &"ü".repeat(40), &"a\n".repeat(20)]
    {
        assert_eq!(fields(world.control.claim_once(&world.admin, wrong).await), ["token"], "{wrong:?}");
    }
    assert!(world.control.claim_once(&world.admin, &"a".repeat(256)).await.unwrap());
}
