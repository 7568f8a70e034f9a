//! Secrets that somebody found and reported.

use portcullis_access::{Access, AccessError, System};
use portcullis_control::{AuditEvent, CreatedKey, LeakReport, NotTaken, PageRequest, Rotation};
use portcullis_domain::{KeyId, OnLeak, Permission, Secret};

use crate::world::World;

const FINDER: &str = "198.51.100.9";

impl World {
    async fn reported(&self, text: &str) {
        let report = LeakReport::read(text.as_bytes(), FINDER.parse().unwrap(), "FOUND1");
        self.control.look_at_leak_report(&self.system, &report).await.unwrap();
    }

    async fn leak_entries(&self) -> Vec<AuditEvent> {
        let filter = portcullis_metadata::AuditFilter::default();
        let mut found = self.metadata.audit(&filter, &PageRequest::first(1000)).await.unwrap().items;
        found.retain(|event| event.action == "leak_reported");
        found
    }

    async fn key_now(&self, id: KeyId) -> portcullis_domain::Key {
        self.metadata.key(id).await.unwrap().unwrap()
    }
}

fn secret_of(key: &CreatedKey) -> String {
    crate::world::secret_of(key).reveal().to_owned()
}

async fn s3_key(world: &World, on_leak: &str) -> CreatedKey {
    let storage = world.storage("files").await;
    world
        .key(|draft| {
            draft.channel = "s3".to_owned();
            draft.scope = portcullis_control::ScopeDraft::Storage(storage.id.to_string());
            draft.permission = "read_write".to_owned();
            draft.on_leak = Some(on_leak.to_owned());
        })
        .await
}

#[tokio::test]
async fn a_key_whose_secret_was_found_is_switched_off() {
    let world = World::new().await;
    for (key, channel) in [(world.key(|_| ()).await, "rest"), (s3_key(&world, "disable").await, "s3")] {
        let id = key.view.key.id;
        assert_eq!(world.key_now(id).await.on_leak, OnLeak::Disable, "{channel}");
        world.reported(&format!("found this: {}", secret_of(&key))).await;
        let now = world.key_now(id).await;
        assert_eq!((now.permission, now.leaked.is_some()), (Permission::None, true), "{channel}");
        let entries = world.leak_entries().await;
        let entry = &entries[0];
        assert_eq!((entry.key, entry.actor.as_str(), entry.allowed), (Some(id), "system", true));
        assert_eq!((entry.peer.as_str(), entry.request_id.as_str()), (FINDER, "FOUND1"));
        assert_eq!(entry.detail, "done=disabled generation=0");
        assert!(!format!("{entry:?}").contains(secret_of(&key).get(3..20).unwrap()));
        world.reported(&secret_of(&key)).await;
        assert_eq!(world.leak_entries().await.len(), entries.len(), "once is enough");
    }
}

#[tokio::test]
async fn it_holds_at_once() {
    let world = World::new().await;
    let key = world.key(|_| ()).await;
    world.bearer(&key).await.unwrap();
    world.reported(&secret_of(&key)).await;
    assert!(matches!(world.bearer(&key).await, Err(AccessError::Denied(_))));
}

#[tokio::test]
async fn an_alarm_leaves_the_key_working_and_marks_it() {
    let world = World::new().await;
    let key = world.key(|draft| draft.on_leak = Some("alarm".to_owned())).await;
    let id = key.view.key.id;
    world.reported(&secret_of(&key)).await;
    let now = world.key_now(id).await;
    assert_eq!((now.permission, now.leaked.is_some()), (Permission::Full, true));
    world.bearer(&key).await.unwrap();
    assert_eq!(world.leak_entries().await[0].detail, "done=alarm generation=0");
    // The list of connections counts it among the keys to look at, before any other reason.
    let query = portcullis_control::ConnectionsQuery::default();
    let review = world.control.connections(&world.admin, &query).await.unwrap().posture.review;
    assert_eq!((review.secret_found, review.any), (1, 1));
    assert_eq!(review.example.unwrap().reason, portcullis_control::ReviewReason::SecretFound);
    world.control.rotate_key(&world.admin, id, &Rotation::default()).await.unwrap();
    assert_eq!(world.key_now(id).await.leaked, None);
}

#[tokio::test]
async fn an_old_secret_is_written_down_and_no_more() {
    let world = World::new().await;
    let key = world.key(|_| ()).await;
    let id = key.view.key.id;
    world.control.rotate_key(&world.admin, id, &Rotation::default()).await.unwrap();
    world.reported(&secret_of(&key)).await;
    let now = world.key_now(id).await;
    assert_eq!((now.permission, now.leaked), (Permission::Full, None));
    let entries = world.leak_entries().await;
    assert_eq!(
        (entries.len(), entries[0].key, entries[0].detail.as_str()),
        (1, Some(id), "done=nothing generation=0")
    );
}

#[tokio::test]
async fn one_that_still_works_beside_the_new_one_ends() {
    let world = World::new().await;
    let key = world.key(|_| ()).await;
    let id = key.view.key.id;
    let overlap = Rotation { overlap_seconds: Some(3600), ..Rotation::default() };
    let new = world.control.rotate_key(&world.admin, id, &overlap).await.unwrap().value;
    world.bearer(&key).await.unwrap();
    world.reported(&secret_of(&key)).await;
    assert!(world.bearer(&key).await.is_err());
    world.bearer(&new).await.unwrap();
    let now = world.key_now(id).await;
    assert_eq!((now.permission, now.leaked), (Permission::Full, None), "the new secret was not found");
    assert_eq!(world.leak_entries().await[0].detail, "done=old_secret_ended generation=0");
}

#[tokio::test]
async fn several_at_once_and_one_that_is_nobodys() {
    let world = World::new().await;
    let (one, two, three) = (world.key(|_| ()).await, world.key(|_| ()).await, world.key(|_| ()).await);
    let nobodys = Secret::from_entropy(&[9; 32]);
    let text = format!("{}\n{}\n{}", secret_of(&one), nobodys.reveal(), secret_of(&three));
    world.reported(&text).await;
    for (key, off) in [(&one, true), (&two, false), (&three, true)] {
        let now = world.key_now(key.view.key.id).await;
        assert_eq!(now.permission == Permission::None, off);
    }
    let entries = world.leak_entries().await;
    assert_eq!(entries.len(), 3);
    let unknown: Vec<_> = entries.iter().filter(|entry| entry.key.is_none()).collect();
    assert_eq!((unknown.len(), unknown[0].detail.as_str()), (1, "done=nothing unknown=1"));
    assert!(!format!("{unknown:?}").contains(nobodys.reveal().get(3..12).unwrap()));
}

#[tokio::test]
async fn a_key_that_was_deleted_is_remembered() {
    let world = World::new().await;
    let key = world.key(|_| ()).await;
    world.control.delete_key(&world.admin, key.view.key.id).await.unwrap();
    world.reported(&secret_of(&key)).await;
    let entries = world.leak_entries().await;
    assert_eq!((entries.len(), entries[0].detail.as_str()), (1, "done=nothing generation=0"));
}

#[tokio::test]
async fn so_many_may_wait_and_so_many_may_come() {
    let world = World::new().await;
    let report = || LeakReport::read(b"", FINDER.parse().unwrap(), "R");
    let taken = (0..1000).take_while(|_| world.control.report_leak(report()).is_ok()).count();
    assert_eq!(taken, 64);
    assert_eq!(world.control.report_leak(report()), Err(NotTaken::Busy));
    let admitted =
        (0..100).take_while(|_| world.control.admit_leak_report(FINDER.parse().unwrap()).is_ok()).count();
    assert_eq!(admitted, 10);
    world.control.admit_leak_report("198.51.100.10".parse().unwrap()).unwrap();
}

/// A hundred thousand keys are looked through in steps.
#[tokio::test]
async fn a_search_goes_in_steps() {
    let world = World::new().await;
    for _ in 0..7 {
        world.key(|_| ()).await;
    }
    let key = world.key(|_| ()).await;
    let (access, system): (&Access, &System) = (&world.access, &world.system);
    let mut search = access.search_secrets(system, vec![crate::world::secret_of(&key).clone()]).unwrap();
    let mut steps = 1;
    while search.step(3) {
        steps += 1;
    }
    assert_eq!(steps, 3);
    assert_eq!(search.found().iter().map(|owner| owner.key).collect::<Vec<_>>(), [key.view.key.id]);
}

#[tokio::test]
async fn transfers_under_way_end() {
    let world = World::on_disk().await;
    let storage = world.storage("files").await;
    let key = world.key(|draft| draft.permission = "read_write".to_owned()).await;
    let who = world.bearer(&key).await.unwrap();
    let download = world.download(&who, &storage, "large").await;
    world.reported(&secret_of(&key)).await;
    assert!(crate::cut_off::is_cut(download).await);
}

#[tokio::test]
async fn the_work_in_the_background_takes_them_one_after_the_other() {
    let world = World::new().await;
    let (one, two) = (world.key(|_| ()).await, world.key(|_| ()).await);
    let stop = tokio_util::sync::CancellationToken::new();
    for key in [&one, &two] {
        let report = LeakReport::read(secret_of(key).as_bytes(), FINDER.parse().unwrap(), "R");
        world.control.report_leak(report).unwrap();
    }
    let look = async {
        while world.leak_entries().await.len() < 2 {
            tokio::task::yield_now().await;
        }
        stop.cancel();
    };
    tokio::join!(world.control.follow_leak_reports(&world.system, stop.clone()), look);
    for key in [&one, &two] {
        assert_eq!(world.key_now(key.view.key.id).await.permission, Permission::None);
    }
    // What waits when the server stops is not lost.
    let last = world.key(|_| ()).await;
    let report = LeakReport::read(secret_of(&last).as_bytes(), FINDER.parse().unwrap(), "R");
    world.control.report_leak(report).unwrap();
    world.control.follow_leak_reports(&world.system, stop).await;
    assert_eq!(world.key_now(last.view.key.id).await.permission, Permission::None);
}
