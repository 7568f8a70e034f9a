//! Advice from real use through the core, following it, and taking it back.

use std::time::Duration;

use portcullis_access::{
    Body, Delete, DeleteOptions, Get, GetOptions, List, Principal, Put, PutOptions, SiteAdmin,
};
use portcullis_control::{
    AdviceWhat, AdviceWindow, Confidence, ControlError, CreatedKey, KeyAdvice, KeyChange, NetworkDraft,
    PageRequest, RulesDraft, ScopeDraft, SiteChange, TakenAdvice, UsageBy, UsageQuery, UsageStep,
    WithheldBecause,
};
use portcullis_domain::{AdviceId, Clock as _, KeyId, KeyPrefix, Permission, Role, Storage};

use crate::sharing::object;
use crate::world::{PASSWORD, World, origin, problems};

const DAY: Duration = Duration::from_hours(24);
const MONTH: AdviceWindow = AdviceWindow::Month;

/// What a key does in a day: `read` or `write` of an object, or `list` of what is under a prefix.
type Deed = (&'static str, &'static str);

impl World {
    async fn worker(&self, storage: &Storage, name: &str) -> CreatedKey {
        self.key(|draft| {
            draft.name = name.to_owned();
            draft.scope = ScopeDraft::Storage(storage.id.to_string());
            draft.permission = "read_write".to_owned();
        })
        .await
    }

    async fn comes_from(&self, key: &CreatedKey, peer: &str) -> Principal {
        let token = format!("{}.{}", key.view.key.credential, crate::world::secret_of(key).reveal());
        self.access.authenticate_bearer(origin(peer), &token).await.unwrap()
    }

    /// Does each of these once a day, for so many days.
    async fn works(&self, key: &CreatedKey, storage: &Storage, peer: &str, days: u32, deeds: &[Deed]) {
        for _ in 0..days {
            let who = self.comes_from(key, peer).await;
            let at = self.access.storage_by_id(&who, storage.id).await.unwrap();
            for (what, place) in deeds {
                match *what {
                    "read" => drop(at.grant::<Get>(object(place)).unwrap().get(GetOptions::default()).await),
                    "write" => {
                        let body = Body::Full("four".into());
                        at.grant::<Put>(object(place))
                            .unwrap()
                            .put(body, PutOptions::default())
                            .await
                            .unwrap();
                    }
                    "delete" => {
                        let grant = at.grant::<Delete>(object(place)).unwrap();
                        drop(grant.delete(DeleteOptions::default()).await);
                    }
                    _ => {
                        let prefix = KeyPrefix::parse(place).unwrap();
                        at.grant::<List>(prefix).unwrap().page(None, None, 10).await.unwrap();
                    }
                }
            }
            self.clock.advance(DAY);
        }
        self.access.flush(&self.system).await.unwrap();
    }

    /// The admin, who has just signed in.
    async fn fresh_admin(&self) -> SiteAdmin {
        self.access.admin(&self.sign_in("admin", PASSWORD).await.unwrap()).unwrap()
    }

    async fn advice_on(&self, key: &CreatedKey) -> KeyAdvice {
        self.control.key_advice(&self.admin, key.view.key.id, MONTH).await.unwrap()
    }

    async fn take(&self, id: KeyId, what: AdviceWhat) -> Option<TakenAdvice> {
        let taken = self.control.take_advice(&self.admin, id, (what, MONTH), |_, _| true).await.unwrap();
        taken.map(portcullis_control::Done::into_value)
    }
}

fn what(found: &KeyAdvice) -> Vec<AdviceWhat> {
    found.advised.advice.iter().map(|advice| advice.what).collect()
}

#[tokio::test]
async fn real_use_becomes_advice_that_admits_it() {
    let world = World::new().await;
    let storage = world.storage("files").await;
    let key = world.worker(&storage, "nightly").await;
    let deeds = [("list", "backup/db/"), ("read", "backup/db/dump"), ("read", "backup/db/log")];
    world.works(&key, &storage, "203.0.113.7", 20, &deeds).await;
    let found = world.advice_on(&key).await;
    assert_eq!(what(&found), [AdviceWhat::Permission, AdviceWhat::Networks, AdviceWhat::Prefix]);
    assert_eq!(found.advised.withheld, []);
    for advice in &found.advised.advice {
        assert_eq!((advice.requests, advice.days_used), (60, 20), "{advice:?}");
        assert_eq!((advice.confidence, advice.would_refuse.requests), (Confidence::Medium, 0), "{advice:?}");
    }
    for advised in [AdviceWhat::Permission, AdviceWhat::Networks, AdviceWhat::Prefix] {
        world.take(key.view.key.id, advised).await.unwrap();
    }
    let now = world.control.key(&world.admin, key.view.key.id).await.unwrap().key;
    assert_eq!((now.permission, now.prefix.as_str()), (Permission::Read, "backup/db/"));
    assert_eq!(now.networks.entries()[0].network.to_string(), "203.0.113.7");
    // It does the same as before, and nothing else.
    world.works(&key, &storage, "203.0.113.7", 1, &deeds).await;
    let at =
        world.access.storage_by_id(&world.comes_from(&key, "203.0.113.7").await, storage.id).await.unwrap();
    assert!(at.grant::<Put>(object("backup/db/dump")).is_err() && at.grant::<Get>(object("other")).is_err());
    let token = format!("{}.{}", key.view.key.credential, crate::world::secret_of(&key).reveal());
    assert!(world.access.authenticate_bearer(origin("203.0.113.8"), &token).await.is_err());
    assert_eq!(what(&world.advice_on(&key).await), []);
    let trail = world.trail().await;
    let taken: Vec<_> = trail.iter().filter(|event| event.action == "take_advice").collect();
    assert_eq!(taken.len(), 3);
    assert_eq!(taken[0].object.as_deref(), Some("nightly (prefix)"));
    assert_eq!((taken[0].key, taken[0].storage), (Some(now.id), Some(storage.id)));
}

#[tokio::test]
async fn what_needs_a_right_without_a_deed_of_its_own_counts() {
    let world = World::new().await;
    let storage = world.storage("files").await;
    let key = world.worker(&storage, "uploads").await;
    world.works(&key, &storage, "203.0.113.7", 4, &[("write", "in/a")]).await;
    let found = world.advice_on(&key).await;
    assert_eq!(found.advised.advice[0].after.permission, Permission::Write);
    // A condition on what is there needs the right to read.
    let at =
        world.access.storage_by_id(&world.comes_from(&key, "203.0.113.7").await, storage.id).await.unwrap();
    let mut options = PutOptions::default();
    options.conditions.if_absent = true;
    let body = Body::Full("four".into());
    at.grant::<Put>(object("in/b")).unwrap().put(body, options).await.unwrap();
    world.access.flush(&world.system).await.unwrap();
    let found = world.advice_on(&key).await;
    assert!(!what(&found).contains(&AdviceWhat::Permission), "{found:?}");
    assert!(found.advised.withheld.iter().any(|one| one.because == WithheldBecause::AllNeeded));
}

#[tokio::test]
async fn undoing_gives_back_what_was_taken_and_nothing_else() {
    let world = World::new().await;
    let storage = world.storage("files").await;
    let key = world.worker(&storage, "nightly").await;
    let id = key.view.key.id;
    world.works(&key, &storage, "203.0.113.7", 5, &[("read", "a/b")]).await;
    let network = world.take(id, AdviceWhat::Networks).await.unwrap();
    let permission = world.take(id, AdviceWhat::Permission).await.unwrap();
    assert!(network.can_be_undone() && permission.can_be_undone());
    // Of several in any order.
    let undone = world.control.undo_advice(&world.admin, network.taken.id).await.unwrap();
    assert!(undone.taken.undone.is_some() && !undone.can_be_undone());
    let now = world.control.key(&world.admin, id).await.unwrap().key;
    assert_eq!((now.permission, now.networks.is_anywhere()), (Permission::Read, true));
    let again = problems(world.control.undo_advice(&world.admin, network.taken.id).await);
    assert_eq!(again[0].0, "advice");
    assert!(again[0].1.contains("before"), "{again:?}");

    let change = KeyChange { permission: Some("write".to_owned()), ..KeyChange::default() };
    world.control.update_key(&world.admin, id, &change).await.unwrap();
    let changed = problems(world.control.undo_advice(&world.admin, permission.taken.id).await);
    assert!(changed[0].1.contains("changed since"), "{changed:?}");
    let list =
        world.control.taken_advice(&world.admin, Some(id), &PageRequest::first(10)).await.unwrap().items;
    let told: Vec<_> = list.iter().map(|one| (one.taken.what.as_str(), one.can_be_undone())).collect();
    assert_eq!(told, [("permission", false), ("networks", false)]);
    assert_eq!(
        world.trail().await.iter().filter(|event| event.action == "undo_advice" && event.allowed).count(),
        1
    );

    // A deleted key is not brought back, and neither is what no one did.
    let networks = vec![NetworkDraft { network: "203.0.113.0/24".to_owned(), note: "rack".to_owned() }];
    let change = KeyChange { networks: Some(networks), ..KeyChange::default() };
    world.control.update_key(&world.admin, id, &change).await.unwrap();
    let last = world.take(id, AdviceWhat::Networks).await.unwrap();
    world.control.delete_key(&world.fresh_admin().await, id).await.unwrap();
    for id in [last.taken.id, AdviceId::generate()] {
        let outcome = world.control.undo_advice(&world.admin, id).await;
        assert!(matches!(outcome, Err(ControlError::NotFound)), "{outcome:?}");
    }
    let list = world.control.taken_advice(&world.admin, None, &PageRequest::first(10)).await.unwrap().items;
    assert!(list[0].key.is_none() && !list[0].can_be_undone());
}

#[tokio::test]
async fn advice_that_is_no_longer_so_is_not_followed() {
    let world = World::new().await;
    let storage = world.storage("files").await;
    let key = world.worker(&storage, "nightly").await;
    let id = key.view.key.id;
    world.works(&key, &storage, "203.0.113.7", 5, &[("read", "a/b")]).await;
    let shown = world.advice_on(&key).await.advised.advice;
    world.works(&key, &storage, "203.0.113.99", 1, &[("write", "c")]).await;
    assert!(world.take(id, AdviceWhat::Permission).await.is_none());
    assert!(world.take(id, AdviceWhat::Disable).await.is_none());
    // To another network than was seen on the page: only if whoever asks agrees.
    let as_shown = |_: &_, advice: &portcullis_control::Advice| shown.contains(advice);
    let wanted = (AdviceWhat::Networks, MONTH);
    assert!(world.control.take_advice(&world.admin, id, wanted, as_shown).await.unwrap().is_none());
    let taken = world.take(id, AdviceWhat::Networks).await.unwrap();
    assert_eq!(taken.taken.after.networks.entries()[0].network.to_string(), "203.0.113.0/24");
    assert_eq!(world.trail().await.iter().filter(|event| event.action == "take_advice").count(), 1);
}

#[tokio::test]
async fn unused_keys_are_listed_and_switched_off() {
    let world = World::new().await;
    let storage = world.storage("files").await;
    let mut keys = Vec::new();
    for n in 0..5 {
        keys.push(world.worker(&storage, &format!("key {n}")).await);
    }
    world.clock.advance(DAY * 31);
    world.works(&keys[1], &storage, "203.0.113.7", 1, &[("read", "a")]).await;
    let (mut names, mut page) = (Vec::new(), PageRequest::first(2));
    loop {
        let found = world.control.advice(&world.admin, MONTH, &page).await.unwrap();
        names.extend(found.items.iter().map(|found| found.key.name.to_string()));
        page.after = found.next;
        if page.after.is_none() {
            break;
        }
    }
    assert_eq!(names, ["key 0", "key 2", "key 3", "key 4"], "one of them is in use, for too short a time");
    world.take(keys[0].view.key.id, AdviceWhat::Disable).await.unwrap();
    assert!(world.bearer(&keys[0]).await.is_err());
    let left = world.control.advice(&world.admin, MONTH, &PageRequest::first(10)).await.unwrap();
    assert_eq!(left.items.len(), 3);
    let quarter =
        world.control.advice(&world.admin, AdviceWindow::Quarter, &PageRequest::first(10)).await.unwrap();
    assert_eq!(quarter.items.len(), 0, "not unused for 90 days yet");
}

#[tokio::test]
async fn sites_and_people_are_kept_apart() {
    let world = World::new().await;
    let storage = world.storage("files").await;
    let key = world.worker(&storage, "nightly").await;
    let id = key.view.key.id;
    world.works(&key, &storage, "203.0.113.7", 5, &[("read", "a/b")]).await;
    let eve = world.stranger().await;
    let page = PageRequest::first(10);
    assert_eq!(world.control.advice(&eve, MONTH, &page).await.unwrap().items.len(), 0);
    let outcome = world.control.key_advice(&eve, id, MONTH).await;
    assert!(matches!(outcome, Err(ControlError::NotFound)));
    let outcome = world.control.take_advice(&eve, id, (AdviceWhat::Networks, MONTH), |_, _| true).await;
    assert!(matches!(outcome, Err(ControlError::NotFound)));
    let taken = world.take(id, AdviceWhat::Networks).await.unwrap().taken.id;
    assert!(matches!(world.control.undo_advice(&eve, taken).await, Err(ControlError::NotFound)));
    assert_eq!(world.control.taken_advice(&eve, None, &page).await.unwrap().items.len(), 0);
    let usage = world.control.usage_by(&eve, &UsageQuery::default(), UsageBy::Key, 10).await.unwrap();
    assert_eq!(usage, []);

    // A member follows advice on their own key; to widen it again is for the site to allow.
    let bob = world.user(world.admin.site(), "bob", Role::Member).await;
    let me = world.access.oneself(&bob).unwrap();
    let own = world
        .key(|draft| {
            draft.scope = ScopeDraft::User(me.user().to_string());
            draft.permission = "read_write".to_owned();
        })
        .await;
    world.clock.advance(DAY * 31);
    let me = world.access.oneself(&world.sign_in("bob", PASSWORD).await.unwrap()).unwrap();
    let own = own.view.key.id;
    assert!(matches!(world.control.own_key_advice(&me, id, MONTH).await, Err(ControlError::NotFound)));
    let wanted = (AdviceWhat::Disable, MONTH);
    let taken = world.control.take_own_advice(&me, own, wanted, |_, _| true).await.unwrap().unwrap();
    let rules = RulesDraft { members_make_keys: Some(false), ..RulesDraft::default() };
    let change = SiteChange { rules, ..SiteChange::default() };
    world.control.update_site(&world.fresh_admin().await, world.admin.site(), &change).await.unwrap();
    let outcome = world.control.undo_own_advice(&me, taken.taken.id).await;
    assert!(matches!(outcome, Err(ControlError::KeysByAdminsOnly)), "{outcome:?}");
    assert!(world.control.undo_advice(&world.admin, taken.taken.id).await.is_ok());
}

#[tokio::test]
async fn a_key_does_not_lock_itself_out() {
    let world = World::new().await;
    let robot = world.key(|_| ()).await;
    for _ in 0..5 {
        let who = world.comes_from(&robot, "203.0.113.7").await;
        world.access.admin(&who).unwrap();
        world.clock.advance(DAY);
    }
    world.access.flush(&world.system).await.unwrap();
    let elsewhere = world.access.admin(&world.comes_from(&robot, "198.51.100.1").await).unwrap();
    let wanted = (AdviceWhat::Networks, MONTH);
    // What it asks with has just become use of its own.
    world.access.flush(&world.system).await.unwrap();
    let outcome =
        world.control.take_advice(&elsewhere, robot.view.key.id, wanted, |_, _| true).await.unwrap();
    assert!(outcome.is_none());
    assert!(what(&world.advice_on(&robot).await).is_empty(), "it administers, and from two networks");
}

#[tokio::test]
async fn use_over_time() {
    let world = World::new().await;
    let storage = world.storage("files").await;
    let key = world.worker(&storage, "nightly").await;
    world.works(&key, &storage, "203.0.113.7", 3, &[("write", "a"), ("read", "a")]).await;
    let query = UsageQuery::default();
    let over = world.control.usage_over_time(&world.admin, &query, None).await.unwrap();
    assert_eq!((over.step, over.points.len()), (UsageStep::Day, 31), "from the beginning of the first day");
    assert_eq!((over.total.requests, over.total.bytes, over.total.refused), (6, 24, 0));
    let busy = over.points.iter().filter(|point| point.sum.requests > 0).count();
    assert_eq!(busy, 3);
    assert!(over.points.is_sorted_by_key(|point| point.start));
    let now = world.clock.now();
    let query = UsageQuery { from: Some(now.before(DAY * 2)), ..UsageQuery::default() };
    let hours = world.control.usage_over_time(&world.admin, &query, None).await.unwrap();
    assert_eq!((hours.step, hours.points.len(), hours.total.requests), (UsageStep::Hour, 48, 4));
    let shares = world.control.usage_by(&world.admin, &query, UsageBy::Key, 10).await.unwrap();
    assert_eq!((shares.len(), shares[0].name.as_deref()), (1, Some("nightly")));
    let shares = world.control.usage_by(&world.admin, &query, UsageBy::Storage, 10).await.unwrap();
    assert_eq!(shares[0].name.as_deref(), Some("files"));
    let long = UsageQuery { from: Some(now.before(DAY * 401)), ..UsageQuery::default() };
    let outcome = world.control.usage_over_time(&world.admin, &long, None).await;
    assert_eq!(problems(outcome)[0].0, "from");
    let late = UsageQuery { from: Some(now), until: Some(now), ..UsageQuery::default() };
    assert_eq!(problems(world.control.usage_by(&world.admin, &late, UsageBy::Tool, 5).await)[0].0, "from");
    let query = UsageQuery { from: Some(now.before(DAY * 32)), ..UsageQuery::default() };
    let outcome = world.control.usage_over_time(&world.admin, &query, Some(UsageStep::Hour)).await;
    assert_eq!(problems(outcome)[0].0, "step");
}
