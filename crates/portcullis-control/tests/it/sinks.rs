//! Places to which the audit trail is sent on, and what retention owes them.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use portcullis_control::{AuditSink, ControlError, SinkSetting, SinkState};
use portcullis_domain::trail::ChainedEvent;

use crate::world::World;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A place in memory that takes some entries at a time, or none.
#[derive(Debug, Default)]
struct Place {
    got: Mutex<Vec<(i64, String)>>,
    away: Mutex<bool>,
}

#[async_trait]
impl AuditSink for Place {
    fn kind(&self) -> &'static str {
        "memory"
    }

    fn target(&self) -> String {
        "here".to_owned()
    }

    async fn send(&self, entries: &[(i64, ChainedEvent)]) -> Result<usize, String> {
        if *self.away.lock().unwrap() {
            return Err("nobody is there".to_owned());
        }
        let some = entries.iter().take(2);
        self.got.lock().unwrap().extend(some.map(|(number, entry)| (*number, entry.event.action.clone())));
        Ok(entries.len().min(2))
    }
}

impl Place {
    fn actions(&self) -> Vec<String> {
        self.got.lock().unwrap().iter().map(|(_, action)| action.clone()).collect()
    }
}

/// The world with this place, after everything was sent on to it that it takes.
async fn run(world: &World, place: &Arc<Place>, sites: &[&str]) -> portcullis_control::Control {
    let named = sites.iter().map(|site| (*site).to_owned()).collect();
    let setting = SinkSetting { name: "place".to_owned(), sites: named, sink: Arc::<Place>::clone(place) };
    let control = world.control.clone().with_sinks(vec![setting], "this process");
    let away = *place.away.lock().unwrap() || sites == ["nowhere"];
    assert_eq!(control.send_trail_on(&world.system).await.unwrap(), !away);
    control
}

#[tokio::test]
async fn a_place_gets_everything_in_order_though_it_takes_little_at_a_time() {
    let world = World::new().await;
    let place = Arc::new(Place::default());
    let control = run(&world, &place, &[]).await;
    assert_eq!(place.actions(), [""; 0], "what was there before is not for it");
    for _ in 0..5 {
        control.record_export(&world.admin).await.unwrap();
    }
    run(&world, &place, &[]).await;
    assert_eq!(place.actions(), ["export_audit_trail"; 5]);
    assert!(place.got.lock().unwrap().is_sorted());
}

#[tokio::test]
async fn only_some_sites_and_only_for_the_topmost() {
    let world = World::new().await;
    let below = world.site(world.admin.site(), "below").await;
    let place = Arc::new(Place::default());
    run(&world, &place, &["below"]).await;
    let admin = world.admin_in(below).await;
    world.control.record_export(&world.admin).await.unwrap();
    world.control.record_export(&admin).await.unwrap();
    let control = run(&world, &place, &["below"]).await;
    let seen = place.actions();
    assert_eq!(seen.iter().filter(|action| *action == "export_audit_trail").count(), 1, "{seen:?}");
    assert!(matches!(control.audit_sinks(&admin).await, Err(ControlError::NotFound)));
    let control = run(&world, &place, &["nowhere"]).await;
    let status = control.audit_sinks(&world.admin).await.unwrap().remove(0);
    assert_eq!((status.state, status.problem.as_str()), (SinkState::Failing, "there is no site \"nowhere\""));
}

#[tokio::test]
async fn what_a_place_has_not_had_is_kept_as_long_as_it_may_come_back() {
    let world = World::new().await;
    let place = Arc::new(Place::default());
    run(&world, &place, &[]).await;
    *place.away.lock().unwrap() = true;
    for _ in 0..3 {
        world.control.record_export(&world.admin).await.unwrap();
    }
    let entries = world.trail().await.len();
    let control = run(&world, &place, &[]).await;
    // Four days later it is away for less than the five that entries are kept: nothing of it goes, old as it is.
    world.clock.advance(DAY * 4);
    control.look_after_trail(&world.system, Some(DAY * 5)).await.unwrap();
    assert_eq!(world.trail().await.len(), entries);
    // It comes back in time and has all of it; then it goes.
    *place.away.lock().unwrap() = false;
    let control = run(&world, &place, &[]).await;
    assert_eq!(place.actions(), ["export_audit_trail"; 3]);
    world.clock.advance(DAY * 2);
    control.look_after_trail(&world.system, Some(DAY * 5)).await.unwrap();
    assert_eq!(world.trail().await.len(), 0);
}

#[tokio::test]
async fn a_place_that_is_away_for_longer_misses_entries_and_the_trail_says_so() {
    let world = World::new().await;
    let place = Arc::new(Place::default());
    run(&world, &place, &[]).await;
    *place.away.lock().unwrap() = true;
    world.control.record_export(&world.admin).await.unwrap();
    let control = run(&world, &place, &[]).await;
    world.clock.advance(DAY * 6);
    control.look_after_trail(&world.system, Some(DAY * 5)).await.unwrap();
    let everything = portcullis_metadata::AuditFilter::default();
    let left =
        world.metadata.audit(&everything, &portcullis_metadata::PageRequest::first(9)).await.unwrap().items;
    assert_eq!(
        left.iter().map(|event| event.action.as_str()).collect::<Vec<_>>(),
        ["audit_sink_misses_entries"]
    );
    assert_eq!((left[0].object.as_deref(), left[0].site), (Some("place"), None));
    *place.away.lock().unwrap() = false;
    run(&world, &place, &[]).await;
    assert_eq!(place.actions(), ["audit_sink_misses_entries"]);
}
