//! Ending the connections of downloads, and what a node does that hears nothing.

use std::any::Any;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::StreamExt as _;
use portcullis_access::{
    AccessConfig, AccessError, Body, BodyFault, BodyStream, Change, Get, GetOptions, GetOutcome, Origin, Put,
    PutOptions,
};
use portcullis_domain::{Channel, Lease, Line, Permission};
use tokio::time::Instant;

use crate::world::{World, object, origin};

/// A connection as the test sees it.
#[derive(Default)]
struct Seen {
    held: Mutex<Vec<Box<dyn Any + Send>>>,
    lease: Mutex<Option<Lease>>,
}

impl std::fmt::Debug for Seen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seen")
    }
}

impl Line for Seen {
    fn end(&self, held: Box<dyn Any + Send>) {
        self.held.lock().unwrap().push(held);
    }

    fn bind(&self, lease: Lease) {
        self.lease.lock().unwrap().get_or_insert(lease);
    }
}

impl Seen {
    fn is_told(&self) -> bool {
        !self.held.lock().unwrap().is_empty()
    }

    /// As when the socket is gone.
    fn gone(&self) {
        self.held.lock().unwrap().clear();
    }
}

/// A download by a person's session over this connection; nobody reads it.
async fn download(world: &World, line: &Arc<dyn Line>) -> (BodyStream, portcullis_domain::SessionId) {
    let storage = world.storage(|new| new.permission = Permission::ReadWrite).await;
    let from = Origin { line: Some(line), ..origin(Channel::Rest) };
    let password = portcullis_domain::Secret::foreign(crate::world::PASSWORD.to_owned());
    let day = Duration::from_secs(86_400);
    let who = world.access.sign_in(from, "admin", &password, day).await.unwrap().principal;
    let at = world.access.storage_by_id(&who, storage.id).await.unwrap();
    let large = Body::Full(vec![7; 4 << 20].into());
    at.grant::<Put>(object("large")).unwrap().put(large, PutOptions::default()).await.unwrap();
    let found = at.grant::<Get>(object("large")).unwrap().get(GetOptions::default()).await.unwrap();
    let GetOutcome::Found(found) = found else { panic!("no condition was set") };
    let body = match found.body {
        Body::Stream(stream) => stream,
        Body::Full(_) => panic!("a large file comes piece by piece"),
    };
    (body, who.session_id().unwrap())
}

#[tokio::test]
async fn a_download_that_nobody_reads_loses_its_connection() {
    let world = World::on_disk().await;
    let seen = Arc::new(Seen::default());
    let line: Arc<dyn Line> = Arc::<Seen>::clone(&seen);
    let (body, session) = download(&world, &line).await;
    assert!(seen.lease.lock().unwrap().as_ref().unwrap()(), "what leaves is bound to the lease");
    world.metadata.delete_session(session).await.unwrap();
    let since = Instant::now();
    let end = async {
        // It waits for the connection, which is told to end, and is gone a moment later.
        while !seen.is_told() {
            tokio::task::yield_now().await;
        }
        assert_eq!(
            world.access.transfers(&world.admin).len(),
            1,
            "it is under way until its connection is gone"
        );
        drop(body);
        seen.gone();
    };
    let change = [Change::Session(session)];
    let (report, ()) = tokio::join!(world.access.applied_since(&change, since), end);
    let report = report.unwrap();
    assert_eq!((report.transfers_cut, report.unfinished), (1, 0));
    assert!(report.last_end.unwrap() >= since);
    assert!(world.access.transfers(&world.admin).is_empty());
    // Whoever hears of it again has cut nothing.
    let again = world.access.applied(Change::Session(session)).await.unwrap();
    assert_eq!((again.transfers_cut, again.last_end), (0, None));
    // And it is on one receipt only.
    assert_eq!(world.access.applied_since(&change, since).await.unwrap().transfers_cut, 0);
}

#[tokio::test]
async fn one_transfer_is_cut_by_its_id() {
    let world = World::on_disk().await;
    let seen = Arc::new(Seen::default());
    let line: Arc<dyn Line> = Arc::<Seen>::clone(&seen);
    let (mut body, _) = download(&world, &line).await;
    assert!(body.next().await.unwrap().is_ok());
    let id = world.access.transfers(&world.admin)[0].id;
    assert_eq!(id.to_string().parse(), Ok(id));
    world.metadata.cut_transfer(&id.to_string()).await.unwrap();
    let read_on = async {
        while !seen.is_told() {
            tokio::task::yield_now().await;
        }
        let next = body.next().await;
        seen.gone();
        next
    };
    let (cut, next) = tokio::join!(world.access.refresh(&world.system), read_on);
    assert_eq!((cut.unwrap().transfers_cut, next), (1, Some(Err(BodyFault::Cut))));
    let cut = world.events().await.into_iter().find(|event| event.action == "get_cut").unwrap();
    assert_eq!(cut.reason, "cut_off");
}

#[tokio::test]
async fn a_node_that_hears_nothing_ends_what_is_under_way() {
    let world = World::on_disk_with(AccessConfig::default()).await;
    world.access.refresh(&world.system).await.unwrap();
    let seen = Arc::new(Seen::default());
    let line: Arc<dyn Line> = Arc::<Seen>::clone(&seen);
    let (mut body, _) = download(&world, &line).await;
    world.access.refresh(&world.system).await.unwrap();
    assert!(body.next().await.unwrap().is_ok());
    tokio::time::pause();
    tokio::time::advance(world.access.lease() + Duration::from_millis(1)).await;
    assert!(!seen.lease.lock().unwrap().as_ref().unwrap()(), "nothing leaves any more");
    assert_eq!(body.next().await, Some(Err(BodyFault::Cut)), "and nothing is handed on");
    assert!(seen.is_told());
    assert!(matches!(world.access.ready(), Err(AccessError::Unavailable)));
}
