//! Keys that nobody uses are switched off where the site wants that.

use std::time::Duration;

use portcullis_access::SiteAdmin;
use portcullis_control::{CreatedKey, KeyChange, KeyDraft, KeyStatus, RulesDraft, ScopeDraft, SiteChange};
use portcullis_domain::SiteId;

use crate::world::{PASSWORD, World};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

async fn switch_off_after(world: &World, site: SiteId, days: u64) {
    let rules = RulesDraft { idle_key_days: Some(Some(days)), ..RulesDraft::default() };
    let change = SiteChange { name: None, rules };
    world.control.update_site(&world.admin, site, &change).await.unwrap();
}

/// The admin, signed in anew after days.
async fn admin(world: &World) -> SiteAdmin {
    world.access.admin(&world.sign_in("admin", PASSWORD).await.unwrap()).unwrap()
}

async fn round(world: &World) -> u64 {
    world.access.flush(&world.system).await.unwrap();
    world.control.switch_idle_keys_off(&world.system).await.unwrap()
}

async fn status(world: &World, key: &CreatedKey) -> KeyStatus {
    let found = world.metadata.key(key.view.key.id).await.unwrap().unwrap();
    KeyStatus::of(&found, world.access.now())
}

async fn is_used(world: &World, key: &CreatedKey) {
    world.access.admin(&world.bearer(key).await.unwrap()).unwrap();
}

#[tokio::test]
async fn a_key_that_nobody_uses_is_off_after_so_many_days_and_not_before() {
    let world = World::new().await;
    let (used, idle) = (world.key(|_| ()).await, world.key(|_| ()).await);
    switch_off_after(&world, world.admin.site(), 30).await;
    world.clock.advance(29 * DAY);
    is_used(&world, &used).await;
    assert_eq!(round(&world).await, 0);
    world.clock.advance(2 * DAY);
    assert_eq!(round(&world).await, 1);
    assert_eq!(status(&world, &idle).await, KeyStatus::Disabled);
    assert_eq!(status(&world, &used).await, KeyStatus::Active);
    assert!(world.bearer(&idle).await.is_err(), "in force when the round is over");
    assert_eq!(round(&world).await, 0);
    let deed = world.trail().await.into_iter().find(|event| event.action == "disable_idle_key").unwrap();
    assert_eq!((deed.actor.as_str(), deed.key, deed.allowed), ("system", Some(idle.view.key.id), true));
    assert!(deed.object.unwrap().contains("30 days"));
}

#[tokio::test]
async fn a_site_that_does_not_ask_for_it_keeps_its_keys() {
    let world = World::new().await;
    let key = world.key(|_| ()).await;
    world.clock.advance(1_000 * DAY);
    assert_eq!(round(&world).await, 0);
    assert_eq!(status(&world, &key).await, KeyStatus::Active);
}

#[tokio::test]
async fn who_switches_it_on_again_has_time_to_use_it() {
    let world = World::new().await;
    let key = world.key(|draft| draft.permission = "read".to_owned()).await;
    switch_off_after(&world, world.admin.site(), 30).await;
    world.clock.advance(31 * DAY);
    assert_eq!(round(&world).await, 1);
    let on = KeyChange { permission: Some("read".to_owned()), ..KeyChange::default() };
    world.control.update_key(&admin(&world).await, key.view.key.id, &on).await.unwrap();
    assert_eq!(round(&world).await, 0);
    world.clock.advance(29 * DAY);
    assert_eq!(round(&world).await, 0);
    assert_eq!(status(&world, &key).await, KeyStatus::Active);
    world.clock.advance(2 * DAY);
    assert_eq!(round(&world).await, 1);
}

#[tokio::test]
async fn the_rule_comes_down_from_the_sites_above() {
    let world = World::new().await;
    let (main, below) = (world.admin.site(), world.site(world.admin.site(), "below").await);
    let there = world.admin_in(below).await;
    let draft = KeyDraft {
        name: "below".to_owned(),
        channel: "rest".to_owned(),
        scope: ScopeDraft::Site,
        permission: "read".to_owned(),
        overwrite: None,
        networks: Vec::new(),
        prefix: None,
        expires_at: None,
        on_leak: None,
        login: None,
        secret: None,
        public_keys: Vec::new(),
        mail: portcullis_control::MailDraft::default(),
    };
    let key = world.control.create_key(&there, &draft).await.unwrap();
    switch_off_after(&world, main, 60).await;
    switch_off_after(&world, below, 30).await;
    world.clock.advance(31 * DAY);
    assert_eq!(round(&world).await, 1, "its own, stricter rule");
    assert_eq!(status(&world, &key).await, KeyStatus::Disabled);
}
