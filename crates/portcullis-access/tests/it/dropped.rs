//! What happens if more comes than the audit trail takes.

use portcullis_access::{AccessConfig, AccessError, Denial, Origin};
use portcullis_domain::{Channel, DataEvents, Site};

use crate::world::{World, config, denial, object, origin, put};

const ROOM: usize = 4;

async fn world() -> World {
    World::with(AccessConfig { audit_queue: ROOM, ..config() }).await
}

fn refused(world: &World, times: usize) {
    for _ in 0..times {
        let refused: Result<(), AccessError> =
            Err(world.access.refuse(origin(Channel::S3), None, Denial::NoCredentials));
        assert_eq!(denial(refused), Denial::NoCredentials, "the answer is the same, with room or without");
    }
}

#[tokio::test]
async fn refusals_without_room_are_counted_in_the_trail_itself() {
    let world = world().await;
    let before = world.events().await.len();
    refused(&world, ROOM + 7);
    let events = world.events().await;
    assert_eq!(events.len() - before, ROOM + 1);
    let told = &events[0];
    assert_eq!((told.action.as_str(), told.detail.as_str()), ("events_dropped", "count=7"));
    assert_eq!((told.site, told.allowed, told.reason.as_str()), (None, false, "queue_full"));
    // Once: there is room again, and nothing is missing since.
    refused(&world, 1);
    assert_eq!(world.events().await.len() - events.len(), 1);
}

#[tokio::test]
async fn each_site_is_told_what_it_misses() {
    let world = world().await;
    let storage = world.storage(|_| {}).await;
    let holder = world.key(&storage, |key| key.channel = Channel::Rest).await;
    refused(&world, ROOM + 1);
    let from = Origin { tool: "test/1", ..origin(Channel::Rest) };
    drop(world.access.refuse(from, Some(holder.key.credential.as_str()), Denial::BadSecret));
    let events = world.events().await;
    let told: Vec<_> = events.iter().filter(|event| event.action == "events_dropped").collect();
    let of = |site| told.iter().find(|event| event.site == site).map(|event| event.detail.as_str());
    assert_eq!((told.len(), of(None), of(Some(storage.site))), (2, Some("count=1"), Some("count=1")));
}

#[tokio::test]
async fn a_use_of_a_file_that_cannot_be_written_down_does_not_happen() {
    let world = world().await;
    let storage = world.storage(|_| {}).await;
    let before = world.metadata.site(storage.site).await.unwrap().unwrap();
    let mut after: Site = before.clone();
    after.rules.data_events = DataEvents::All;
    world.metadata.update_site(&before, &after).await.unwrap();
    world.access.applied(portcullis_access::Change::Site(before.id)).await.unwrap();
    let holder = world.key(&storage, |_| {}).await;
    let at = world.at(&holder, &storage).await;
    put(&at, "a", "text").await;
    world.events().await;
    refused(&world, ROOM);
    let asked = at.grant::<portcullis_access::Get>(object("a"));
    assert!(matches!(asked, Err(AccessError::Unavailable)));
    let events = world.events().await;
    assert!(
        events.iter().all(|event| event.action != "get" && event.action != "events_dropped"),
        "{events:?}"
    );
    assert!(at.grant::<portcullis_access::Get>(object("a")).is_ok(), "there is room again");
}
