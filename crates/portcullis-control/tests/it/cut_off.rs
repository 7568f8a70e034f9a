//! What is under way when it is no longer shared, or its person is kept out: it ends before the call returns.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use portcullis_access::{
    AccessError, Body, BodyFault, BodyStream, Get, GetOptions, GetOutcome, Principal, Put, PutOptions,
};
use portcullis_control::{Ended, GrantChange, ScopeDraft, UserChange};
use portcullis_domain::Storage;
use tokio::sync::mpsc;

use crate::sharing::{object, with_group, with_user};
use crate::world::World;

/// A body that comes when the test says so; it ends when the sender is dropped.
pub(crate) struct Slow(pub(crate) mpsc::UnboundedReceiver<Bytes>);

impl Stream for Slow {
    type Item = Result<Bytes, BodyFault>;
    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(context).map(|bytes| bytes.map(Ok))
    }
}

/// More than the store sends in one piece.
const LARGE: usize = 8 * 1024 * 1024;

impl World {
    /// A download of a large file that has begun.
    pub(crate) async fn download(&self, who: &Principal, storage: &Storage, key: &str) -> BodyStream {
        let at = self.access.storage_by_id(self.admin.principal(), storage.id).await.unwrap();
        let body = Body::Full(Bytes::from(vec![7; LARGE]));
        at.grant::<Put>(object(key)).unwrap().put(body, PutOptions::default()).await.unwrap();
        let at = self.access.storage_by_id(who, storage.id).await.unwrap();
        let found = at.grant::<Get>(object(key)).unwrap().get(GetOptions::default()).await.unwrap();
        let GetOutcome::Found(found) = found else { panic!("no condition was set") };
        let Body::Stream(mut stream) = found.body else { panic!("a large file comes piece by piece") };
        assert!(stream.next().await.unwrap().is_ok());
        stream
    }
}

/// What came after the cut was already read: nothing more is.
pub(crate) async fn is_cut(mut stream: BodyStream) -> bool {
    matches!(stream.next().await, Some(Err(BodyFault::Cut)))
}

async fn goes_on(stream: &mut BodyStream) -> bool {
    stream.next().await.unwrap().is_ok()
}

#[tokio::test]
async fn who_loses_a_grant_loses_the_download_under_way() {
    let world = World::on_disk().await;
    let storage = world.storage("files").await;
    let ((bob, bob_id), (ada, ada_id)) = (world.member("bob").await, world.member("ada").await);
    let grant = world.share(&storage, with_user(bob_id), "a/", "read").await.grant.id;
    let group = world.group("Editors").await;
    world.share(&storage, with_group(group), "", "read").await;
    world.control.add_to_group(&world.admin, group, ada_id).await.unwrap();
    let key = world
        .key(|draft| {
            draft.scope = ScopeDraft::User(bob_id.to_string());
            draft.permission = "read".to_owned();
        })
        .await;
    let key = world.bearer(&key).await.unwrap();
    let own = world.download(&bob, &storage, "a/1").await;
    let by_key = world.download(&key, &storage, "a/2").await;
    let mut of_ada = world.download(&ada, &storage, "a/3").await;
    // Another reason to reach it keeps a download going.
    let mut both = world.download(&bob, &storage, "a/4").await;
    world.control.add_to_group(&world.admin, group, bob_id).await.unwrap();
    assert_eq!(world.control.delete_grant(&world.admin, grant).await.unwrap(), 0);
    assert!(goes_on(&mut both).await && goes_on(&mut of_ada).await);
    assert_eq!(world.control.remove_from_group(&world.admin, group, bob_id).await.unwrap(), 3);
    assert!(is_cut(own).await && is_cut(by_key).await && is_cut(both).await);
    assert!(goes_on(&mut of_ada).await);
    assert_eq!(world.control.delete_group(&world.admin, group).await.unwrap(), 1);
    assert!(is_cut(of_ada).await);
}

#[tokio::test]
async fn narrowing_a_grant_cuts_what_it_no_longer_allows() {
    let world = World::on_disk().await;
    let storage = world.storage("files").await;
    let (bob, id) = world.member("bob").await;
    let grant = world.share(&storage, with_user(id), "", "read").await.grant.id;
    let (inside, outside) =
        (world.download(&bob, &storage, "a/1").await, world.download(&bob, &storage, "b").await);
    let mut inside = inside;
    let narrower = GrantChange { prefix: Some("a/".to_owned()), permission: None };
    assert_eq!(world.control.update_grant(&world.admin, grant, &narrower).await.unwrap().cut, 1);
    assert!(goes_on(&mut inside).await && is_cut(outside).await);
    let write = GrantChange { prefix: None, permission: Some("write".to_owned()) };
    assert_eq!(world.control.update_grant(&world.admin, grant, &write).await.unwrap().cut, 1);
    assert!(is_cut(inside).await);
}

#[tokio::test]
async fn who_is_kept_out_loses_what_is_under_way() {
    let world = World::on_disk().await;
    let storage = world.storage("files").await;
    let (bob, id) = world.member("bob").await;
    world.share(&storage, with_user(id), "", "read_write").await;
    let key = world
        .key(|draft| {
            draft.scope = ScopeDraft::User(id.to_string());
            draft.permission = "read_write".to_owned();
        })
        .await;
    let key = world.bearer(&key).await.unwrap();
    let down = world.download(&key, &storage, "a").await;
    let (sender, receiver) = mpsc::unbounded_channel();
    sender.send(Bytes::from_static(b"some")).unwrap();
    let upload = async {
        let at = world.access.storage_by_id(&bob, storage.id).await.unwrap();
        let body = Body::Stream(Box::pin(Slow(receiver)));
        at.grant::<Put>(object("b")).unwrap().put(body, PutOptions::default()).await
    };
    let disable = async {
        let off = UserChange { role: None, state: Some("disabled".to_owned()) };
        let changed = world.control.update_user(&world.admin, id, &off).await.unwrap();
        assert!(sender.send(Bytes::from_static(b"more")).is_err(), "nobody reads any more");
        changed.ended
    };
    let (outcome, ended) = tokio::join!(upload, disable);
    assert!(matches!(outcome, Err(AccessError::Denied(_))), "{outcome:?}");
    assert_eq!(ended, Ended { sessions: 1, transfers: 2 });
    assert!(is_cut(down).await);
    assert!(world.access.transfers(&world.admin).is_empty());
}
