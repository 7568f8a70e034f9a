//! New credentials beside the old ones: who may, until when, who has moved, and what the trail says.

use std::time::Duration;

use portcullis_access::{AccessError, Denial};
use portcullis_control::{
    ControlError, CreatedKey, KeyView, Moved, NetworkDraft, Overlap, OverlapChange, OverlapView, Rotation,
    ScopeDraft,
};
use portcullis_domain::{Clock as _, KeyId, KeyPrefix, Timestamp};
use portcullis_metadata::StoredSecret;

use crate::world::{World, fields, origin, problems};

const DAY: u64 = 86_400;

fn for_days(days: u64) -> Rotation {
    Rotation { overlap_seconds: Some(days * DAY), ..Rotation::default() }
}

fn until(text: &impl ToString) -> OverlapChange {
    OverlapChange { until: Some(text.to_string()), seconds: None }
}

/// A REST key of a storage, since bearers need no signature here.
async fn key(world: &World) -> CreatedKey {
    let storage = world.storage("NAS").await;
    let made = world.key(|draft| {
        draft.name = "nightly".to_owned();
        draft.scope = ScopeDraft::Storage(storage.id.to_string());
        draft.permission = "read".to_owned();
    });
    made.await
}

async fn rotate(world: &World, id: KeyId, rotation: &Rotation) -> CreatedKey {
    world.control.rotate_key(&world.admin, id, rotation).await.unwrap().into_value()
}

async fn view(world: &World, id: KeyId) -> KeyView {
    world.control.key(&world.admin, id).await.unwrap()
}

async fn look(world: &World, id: KeyId) -> OverlapView {
    world.control.overlap(&world.admin, id).await.unwrap()
}

async fn end(world: &World, id: KeyId) -> Result<(), ControlError> {
    world.control.end_overlap_if(&world.admin, id, |_| true).await.map(|done| drop(done.unwrap()))
}

/// Lists the key's storage with these credentials, from this address with this tool.
async fn use_it(world: &World, made: &CreatedKey, peer: &str, tool: &'static str) -> Result<(), AccessError> {
    let token = format!("{}.{}", made.view.key.credential, crate::world::secret_of(made).reveal());
    let from = portcullis_access::Origin { tool, ..origin(peer) };
    let who = world.access.authenticate_bearer(from, &token).await?;
    let portcullis_domain::Scope::Storage(storage) = made.view.key.scope else { panic!("no storage") };
    let at = world.access.storage_by_id(&who, storage).await?;
    at.grant::<portcullis_access::List>(KeyPrefix::default()).map(drop)
}

#[tokio::test]
async fn both_pairs_work_and_the_key_says_so() {
    let world = World::new().await;
    let old = key(&world).await;
    let id = old.view.key.id;
    assert_eq!(old.view.overlap, None);
    let rotation = Rotation { reason: Some("routine".to_owned()), ..for_days(7) };
    let new = rotate(&world, id, &rotation).await;
    let now = world.clock.now();
    let overlap = new.view.overlap.clone().unwrap();
    let wanted = Overlap {
        key: id,
        generation: 0,
        credential: old.view.key.credential,
        since: now,
        until: now.after(Duration::from_secs(7 * DAY)),
    };
    assert_eq!(overlap, wanted);
    assert_eq!(view(&world, id).await.overlap.as_ref(), Some(&wanted));
    let page = portcullis_control::PageRequest::first(9);
    let listed = world.control.keys(&world.admin, <_>::default(), &page).await.unwrap();
    assert_eq!(listed.items[0].overlap.as_ref(), Some(&wanted));
    assert!(world.bearer(&old).await.is_ok() && world.bearer(&new).await.is_ok());
    let trail = world.trail().await;
    let deed = trail.iter().find(|event| event.action == "rotate_key").unwrap();
    let (before, after) = (old.view.key.credential, new.view.key.credential);
    let told = format!("nightly ({before} is now {after}; the old until {}; routine)", wanted.until);
    assert_eq!((deed.object.as_deref(), deed.allowed), (Some(&*told), true));

    world.clock.advance(Duration::from_secs(7 * DAY));
    assert!(world.bearer(&old).await.is_err() && world.bearer(&new).await.is_ok());
    assert_eq!(view(&world, id).await.overlap, None);
    assert!(matches!(world.control.overlap(&world.admin, id).await, Err(ControlError::NotFound)));
    assert!(matches!(end(&world, id).await, Err(ControlError::NotFound)));
}

#[tokio::test]
async fn the_access_key_may_stay() {
    let world = World::new().await;
    let old = key(&world).await;
    let id = old.view.key.id;
    let same = Rotation { keep_access_key: true, ..for_days(1) };
    let new = rotate(&world, id, &same).await;
    assert_eq!(new.view.key.credential, old.view.key.credential);
    assert!(new.secret != old.secret);
    assert!(world.bearer(&old).await.is_ok() && world.bearer(&new).await.is_ok());
    let at_once = Rotation { keep_access_key: true, ..Rotation::default() };
    let third = rotate(&world, id, &at_once).await;
    assert!(world.bearer(&old).await.is_err() && world.bearer(&new).await.is_err());
    assert!(world.bearer(&third).await.is_ok());
    assert_eq!(third.view.key.generation, 2);
}

#[tokio::test]
async fn one_overlap_at_a_time() {
    let world = World::new().await;
    let first = key(&world).await;
    let id = first.view.key.id;
    let second = rotate(&world, id, &for_days(2)).await;
    let end = second.view.overlap.as_ref().unwrap().until;
    let refused = world.control.rotate_key(&world.admin, id, &for_days(1)).await.unwrap_err();
    assert!(matches!(refused, ControlError::OverlapRuns { until } if until == end), "{refused:?}");
    assert!(refused.to_string().contains("end that, or wait"), "{refused}");
    assert!(world.bearer(&first).await.is_ok() && world.bearer(&second).await.is_ok(), "nothing was done");
    // A plain one ends it.
    let third = rotate(&world, id, &Rotation::default()).await;
    assert!(world.bearer(&first).await.is_err() && world.bearer(&second).await.is_err());
    assert_eq!(third.view.overlap, None);
    assert!(world.bearer(&third).await.is_ok());
    // Two admins at once: one comes first, the other is told.
    let nodes = (world.other_node().await, world.other_node().await);
    let (one, two) = (for_days(1), for_days(1));
    let (one, two) =
        tokio::join!(nodes.0.rotate_key(&world.admin, id, &one), nodes.1.rotate_key(&world.admin, id, &two));
    let refused = match (one, two) {
        (Ok(_), Err(refused)) | (Err(refused), Ok(_)) => refused,
        other => panic!("{other:?}"),
    };
    assert!(matches!(refused, ControlError::Stale | ControlError::OverlapRuns { .. }), "{refused:?}");
}

#[tokio::test]
async fn it_is_ended_and_moved() {
    let world = World::new().await;
    let old = key(&world).await;
    let id = old.view.key.id;
    rotate(&world, id, &Rotation { overlap_seconds: Some(100), ..Rotation::default() }).await;
    let start = world.clock.now();
    let latest = start.after(Duration::from_secs(30 * DAY));
    assert_eq!(look(&world, id).await.latest_end, latest);
    let change = async |change: OverlapChange| {
        world.control.move_overlap_if(&world.admin, id, &change, |_| true).await.map(Option::unwrap)
    };
    for (wrong, field) in [
        (until(&latest.after(Duration::from_secs(1))), "until"),
        (until(&start), "until"),
        (until(&"tomorrow"), "until"),
        (OverlapChange::default(), "until"),
        (OverlapChange { seconds: Some(0), until: None }, "seconds"),
        (OverlapChange { seconds: Some(30 * DAY + 1), until: None }, "seconds"),
        (OverlapChange { seconds: Some(u64::MAX), until: None }, "seconds"),
        (OverlapChange { seconds: Some(1), ..until(&latest) }, "seconds"),
    ] {
        assert_eq!(fields(change(wrong.clone()).await), [field], "{wrong:?}");
    }
    world.clock.advance(Duration::from_secs(99));
    let longer = change(OverlapChange { seconds: Some(100), until: None }).await.unwrap();
    assert_eq!(longer.overlap.until, world.clock.now().after(Duration::from_secs(100)));
    world.clock.advance(Duration::from_secs(2));
    assert!(world.bearer(&old).await.is_ok(), "it goes on");
    assert_eq!(change(until(&latest)).await.unwrap().overlap.until, latest);
    // Whoever decides on another end than the one there is does nothing.
    let seen = world.control.end_overlap_if(&world.admin, id, |now| now.until == longer.overlap.until).await;
    assert!(seen.unwrap().is_none() && world.bearer(&old).await.is_ok());
    end(&world, id).await.unwrap();
    assert!(world.bearer(&old).await.is_err());
    assert!(matches!(change(until(&latest)).await, Err(ControlError::NotFound)), "not taken up again");
    let trail = world.trail().await;
    let deeds: Vec<_> = trail.iter().filter(|event| event.action.ends_with("_overlap")).collect();
    let told: Vec<_> = deeds.iter().map(|event| (event.action.as_str(), event.key)).collect();
    assert_eq!(
        told,
        [("end_overlap", Some(id)), ("move_overlap", Some(id)), ("move_overlap", Some(id))],
        "what was refused is not among them"
    );
    assert!(deeds.iter().all(|event| event.allowed && event.actor == "user:admin"));
    assert!(deeds[1].object.as_deref().unwrap().contains(&format!("→ {latest}")), "{deeds:?}");
}

#[tokio::test]
async fn it_ends_by_itself_and_is_noted_once() {
    let world = World::new().await;
    let old = key(&world).await;
    let id = old.view.key.id;
    rotate(&world, id, &for_days(1)).await;
    assert_eq!(world.control.settle_overlaps(&world.system).await.unwrap(), 0);
    world.clock.advance(Duration::from_secs(DAY));
    assert_eq!(world.control.settle_overlaps(&world.system).await.unwrap(), 1);
    assert_eq!(world.control.settle_overlaps(&world.system).await.unwrap(), 0);
    let trail = world.trail().await;
    let noted: Vec<_> = trail.iter().filter(|event| event.action == "overlap_ended").collect();
    let credential = old.view.key.credential;
    assert_eq!(noted.len(), 1);
    assert_eq!((noted[0].actor.as_str(), noted[0].key), ("system", Some(id)));
    assert_eq!(noted[0].object.as_deref(), Some(&*format!("nightly ({credential})")));
    // Afterwards what is kept of the secret goes: who knocks with it is told from nobody else.
    assert!(world.bearer(&old).await.is_err());
    let kept = Duration::from_secs(90 * DAY);
    world.clock.advance(kept);
    assert_eq!(world.control.forget_old_secrets(&world.system, kept).await.unwrap(), 0, "to the moment");
    world.clock.advance(Duration::from_micros(1));
    assert_eq!(world.control.forget_old_secrets(&world.system, kept).await.unwrap(), 1);
    let old_ones = world.metadata.retired_secrets(id).await.unwrap();
    assert_eq!(old_ones[0].stored, StoredSecret::None);
    world.access.refresh(&world.system).await.unwrap();
    assert!(world.bearer(&old).await.is_err());
    let reasons: Vec<_> = world.trail().await.into_iter().map(|event| event.reason).collect();
    assert_eq!(reasons[0], "credentials_replaced", "no longer told apart");
    assert!(reasons.contains(&"old_secret".to_owned()));
}

#[tokio::test]
async fn who_moved_and_who_has_not() {
    let world = World::new().await;
    let old = key(&world).await;
    let id = old.view.key.id;
    let (step, home) = (Duration::from_secs(60), "192.0.2.7");
    for (peer, tool) in [(home, "rclone/1.60"), (home, "restic/0.16"), ("192.0.2.8", "aws-cli/2")] {
        use_it(&world, &old, peer, tool).await.unwrap();
    }
    let users = world.control.users_of_pair(&world.admin, id).await.unwrap();
    assert_eq!(users.len(), 3, "{users:?}");
    world.clock.advance(step);
    let new = rotate(&world, id, &for_days(7)).await;
    assert_eq!(world.control.users_of_pair(&world.admin, id).await.unwrap(), []);
    let none = look(&world, id).await;
    assert_eq!((none.count(Moved::No), none.count(Moved::Yes), none.more), (3, 0, false));
    world.clock.advance(step);
    use_it(&world, &new, home, "rclone/1.65").await.unwrap();
    use_it(&world, &new, "192.0.2.8", "aws-cli/2").await.unwrap();
    use_it(&world, &new, "198.51.100.1", "curl/8").await.unwrap();
    world.clock.advance(step);
    use_it(&world, &old, "192.0.2.8", "aws-cli/2").await.unwrap();
    let now = look(&world, id).await;
    let told: Vec<_> = now
        .clients
        .iter()
        .map(|(moved, client)| (*moved, client.tool.as_str(), client.network.as_str()))
        .collect();
    let wanted =
        [(Moved::No, "restic", home), (Moved::Partly, "aws-cli", "192.0.2.8"), (Moved::Yes, "rclone", home)];
    assert_eq!(told, wanted, "the newcomer moved from nowhere");
    let aws = &now.clients[1].1;
    assert_eq!((aws.last_old, aws.old_requests, aws.new_requests), (world.clock.now(), 2, 1));
    assert_eq!(aws.last_new, Some(world.clock.now().before(step)));
}

#[tokio::test]
async fn a_leaked_secret_stops_at_once() {
    let world = World::new().await;
    let old = key(&world).await;
    world.execute("UPDATE keys SET leaked_us = 1800000000000000").await;
    let refused = problems(world.control.rotate_key(&world.admin, old.view.key.id, &for_days(1)).await);
    assert_eq!(refused[0].0, "overlap_seconds");
    rotate(&world, old.view.key.id, &Rotation::default()).await;
    assert!(world.bearer(&old).await.is_err());
    assert_eq!(view(&world, old.view.key.id).await.key.leaked, None);
}

/// The rights are those of a rotation.
#[tokio::test]
async fn whose_overlap_it_is() {
    let world = World::new().await;
    let old = key(&world).await;
    let id = old.view.key.id;
    rotate(&world, id, &for_days(1)).await;
    let end: Timestamp = world.clock.now().after(Duration::from_secs(2 * DAY));
    let stranger = world.stranger().await;
    let none = |error: ControlError| assert!(matches!(error, ControlError::NotFound), "{error:?}");
    none(world.control.overlap(&stranger, id).await.unwrap_err());
    none(world.control.users_of_pair(&stranger, id).await.unwrap_err());
    none(world.control.end_overlap_if(&stranger, id, |_| true).await.unwrap_err());
    none(world.control.move_overlap_if(&stranger, id, &until(&end), |_| true).await.unwrap_err());
    // A key for one network may not keep the old pair of one for any alive; it may end it.
    let network = NetworkDraft { network: "192.0.2.0/24".to_owned(), note: String::new() };
    let narrow = world.key(|draft| draft.networks = vec![network]).await;
    let by_key = world.access.admin(&world.bearer(&narrow).await.unwrap()).unwrap();
    let refused = world.control.move_overlap_if(&by_key, id, &until(&end), |_| true).await;
    assert_eq!(fields(refused), ["networks"]);
    assert!(world.control.end_overlap_if(&by_key, id, |_| true).await.unwrap().is_some());
    let denied = world.bearer(&old).await.unwrap_err();
    assert!(matches!(denied, AccessError::Denied(Denial::BadSecret)), "{denied:?}");
}
