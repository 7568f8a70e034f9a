//! Deleting a connection, setting a storage aside and taking it back, and switching one off for a while.

use std::time::Duration;

use bytes::Bytes;
use portcullis_access::{
    AccessError, Body, Denial, Get, GetOptions, GetOutcome, Principal, Put, PutOptions, SiteAdmin,
};
use portcullis_control::{
    ConnectionsQuery, ControlError, CreatedKey, Done, EndedStorage, PageRequest, ScopeDraft, StorageQuery,
};
use portcullis_domain::{Clock as _, DenyReason, Storage, StorageId, StorageState};
use tokio::sync::mpsc;

use crate::cut_off::{Slow, is_cut};
use crate::links::draft;
use crate::sharing::{object, with_user};
use crate::world::{World, fields};

impl World {
    async fn own_key(&self, storage: &Storage) -> CreatedKey {
        let id = storage.id.to_string();
        self.key(|key| (key.scope, key.permission) = (ScopeDraft::Storage(id), "read_write".into())).await
    }

    async fn put_at(&self, who: &Principal, storage: StorageId, key: &str, text: &'static str) {
        let at = self.access.storage_by_id(who, storage).await.unwrap();
        let body = Body::Full(Bytes::from_static(text.as_bytes()));
        at.grant::<Put>(object(key)).unwrap().put(body, PutOptions::default()).await.unwrap();
    }

    async fn text_at(&self, who: &Principal, storage: StorageId, key: &str) -> String {
        let at = self.access.storage_by_id(who, storage).await.unwrap();
        let found = at.grant::<Get>(object(key)).unwrap().get(GetOptions::default()).await.unwrap();
        let GetOutcome::Found(found) = found else { panic!("no condition was set") };
        let Body::Full(bytes) = found.body else { panic!("a small file comes whole") };
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    async fn refusal(&self, who: &Principal, storage: StorageId) -> DenyReason {
        match self.access.storage_by_id(who, storage).await {
            Err(AccessError::Denied(Denial::Policy(reason))) => reason,
            Err(other) => panic!("refused otherwise: {other:?}"),
            Ok(_) => panic!("let in"),
        }
    }

    async fn delete(&self, storage: &Storage) -> Result<Option<Done<EndedStorage>>, ControlError> {
        self.control.delete_storage_if(&self.admin, storage.id, storage.name.as_str(), |_| true).await
    }

    /// An admin whose last proof of who they are was long ago.
    async fn unconfirmed(&self) -> SiteAdmin {
        let who = self.sign_in("admin", crate::world::PASSWORD).await.unwrap();
        self.clock.advance(Duration::from_secs(11 * 60));
        self.access.admin(&who).unwrap()
    }
}

#[tokio::test]
async fn a_storage_that_is_detached_is_reached_by_nobody_and_comes_back_whole() {
    let world = World::on_disk().await;
    let storage = world.storage("Photos").await;
    let key = world.own_key(&storage).await;
    let by_key = world.bearer(&key).await.unwrap();
    world.put_at(&by_key, storage.id, "a/b.txt", "kept").await;
    let bob = world.member("bob").await;
    world.share(&storage, with_user(bob.1), "", "read").await;
    let link = draft(&storage);
    let link = world.control.create_link(&world.admin, &link).await.unwrap().view.link.id;
    let down = world.download(&by_key, &storage, "large").await;
    let (sender, receiver) = mpsc::unbounded_channel();
    sender.send(Bytes::from_static(b"some")).unwrap();
    let upload = async {
        let at = world.access.storage_by_id(&by_key, storage.id).await.unwrap();
        let body = Body::Stream(Box::pin(Slow(receiver)));
        at.grant::<Put>(object("half")).unwrap().put(body, PutOptions::default()).await
    };
    let end = async {
        let done = world.delete(&storage).await.unwrap().unwrap();
        assert!(sender.send(Bytes::from_static(b"more")).is_err(), "nobody reads any more");
        done
    };
    let (uploaded, done) = tokio::join!(upload, end);
    assert!(matches!(uploaded, Err(AccessError::Denied(_))), "{uploaded:?}");
    assert!(is_cut(down).await);
    assert_eq!(done.receipt.transfers_cut, 2);
    assert_eq!((done.value.keys.len(), done.value.links.len(), done.value.grants), (1, 1, 1));
    assert_eq!(done.value.storage.state, StorageState::Detached);

    // Nobody comes in: not the key, not a person, not an admin; and no list has it.
    assert!(world.bearer(&key).await.is_err());
    assert!(world.access.storage_by_id(&bob.0, storage.id).await.is_err());
    assert_eq!(world.refusal(world.admin.principal(), storage.id).await, DenyReason::StorageDetached);
    assert!(matches!(world.control.storage(&world.admin, storage.id).await, Err(ControlError::NotFound)));
    assert!(matches!(world.delete(&storage).await, Err(ControlError::NotFound)));
    let connections = world.control.connections(&world.admin, &ConnectionsQuery::default()).await.unwrap();
    assert_eq!((connections.rows.len(), connections.total), (0, 0));
    let page = PageRequest::first(9);
    let listed = world.control.storages(&world.admin, StorageQuery::default(), &page).await.unwrap();
    assert!(listed.items.is_empty());
    assert_eq!(world.control.link(&world.admin, link).await.unwrap().link.state.as_str(), "ended");
    world.control.refresh_facts(&world.system).await.unwrap();
    assert_eq!(world.metadata.storage_facts(storage.id).await.unwrap(), None);

    let detached = world.control.detached_storages(&world.admin, None, &page).await.unwrap().items;
    assert_eq!(detached[0].storage.bucket, storage.bucket);
    assert_eq!((detached[0].bytes, detached[0].files), (Some(8 * 1024 * 1024 + 4), Some(2)));

    let stranger = world.stranger().await;
    let refused = world.control.attach_storage(&stranger, storage.id).await;
    assert!(matches!(refused, Err(ControlError::NotFound)));
    let back = world.control.attach_storage(&world.admin, storage.id).await.unwrap();
    assert_eq!((&back.storage.bucket, back.storage.state), (&storage.bucket, StorageState::Active));
    assert_eq!((back.s3_active, back.usage.unwrap().files), (false, 2));
    assert!(world.bearer(&key).await.is_err());
    assert!(world.access.storage_by_id(&bob.0, storage.id).await.is_err());
    let fresh = world.own_key(&storage).await;
    let fresh = world.bearer(&fresh).await.unwrap();
    assert_eq!(world.text_at(&fresh, storage.id, "a/b.txt").await, "kept");
    let again = world.control.attach_storage(&world.admin, storage.id).await;
    assert!(matches!(again, Err(ControlError::NotFound)));

    let trail = world.trail().await;
    for action in ["detach_storage", "attach_storage"] {
        let event = trail.iter().find(|event| event.action == action).unwrap();
        assert_eq!(
            (event.storage, event.object.as_deref(), event.allowed),
            (Some(storage.id), Some("Photos"), true)
        );
    }
}

#[tokio::test]
async fn deleting_takes_the_name_a_proof_and_what_was_seen() {
    let world = World::new().await;
    let storage = world.storage("Photos").await;
    let delete = |admin, confirm, same: bool| {
        world.control.delete_storage_if(admin, storage.id, confirm, move |_| same)
    };
    for wrong in ["", "photos", "Photos ", "Photo"] {
        assert_eq!(fields(delete(&world.admin, wrong, true).await), ["confirm"], "{wrong:?}");
    }
    assert!(delete(&world.admin, "Photos", false).await.unwrap().is_none());
    let stranger = world.stranger().await;
    assert!(matches!(delete(&stranger, "Photos", true).await, Err(ControlError::NotFound)));
    let key = world.key(|_| ()).await;
    let late = world.unconfirmed().await;
    assert!(matches!(delete(&late, "Photos", true).await, Err(ControlError::ConfirmationNeeded)));
    assert!(world.control.storage(&world.admin, storage.id).await.is_ok());
    assert!(!world.trail().await.iter().any(|event| event.action == "detach_storage"));
    // A program's key proves itself with every call.
    let program = world.access.admin(&world.bearer(&key).await.unwrap()).unwrap();
    assert!(delete(&program, "Photos", true).await.unwrap().is_some());
}

#[tokio::test]
async fn a_pause_ends_by_itself_and_tells_who_knocked() {
    let world = World::on_disk().await;
    let storage = world.storage("Photos").await;
    let key = world.own_key(&storage).await;
    let by_key = world.bearer(&key).await.unwrap();
    let down = world.download(&by_key, &storage, "large").await;
    for minutes in [0, 1441, u32::MAX] {
        assert_eq!(fields(world.control.pause_storage(&world.admin, storage.id, minutes).await), ["minutes"]);
    }
    let paused = world.control.pause_storage(&world.admin, storage.id, 30).await.unwrap();
    assert_eq!(paused.receipt.transfers_cut, 1);
    assert!(is_cut(down).await);
    let end = world.clock.now().after(Duration::from_secs(30 * 60));
    assert_eq!(paused.value.storage.paused_until, Some(end));

    for _ in 0..3 {
        assert_eq!(world.refusal(&by_key, storage.id).await, DenyReason::StoragePaused);
    }
    // The people who run the site look at it as always.
    assert_eq!(world.text_of_admin(&storage).await, "large");
    let knocks = world.control.storage_impact(&world.admin, storage.id).await.unwrap().knocks;
    assert_eq!(knocks.len(), 1);
    assert_eq!((knocks[0].key.as_str(), knocks[0].requests, knocks[0].tool.as_str()), ("a key", 3, "test"));
    assert_eq!(knocks[0].network, "192.0.2.1");

    world.clock.advance(Duration::from_secs(30 * 60 - 1));
    assert_eq!(world.refusal(&by_key, storage.id).await, DenyReason::StoragePaused);
    world.clock.advance(Duration::from_secs(1));
    world.put_at(&by_key, storage.id, "b", "back").await;
    // What was learned is told for some days.
    let impact = world.control.storage_impact(&world.admin, storage.id).await.unwrap();
    assert_eq!(impact.knocks.iter().map(|knock| knock.requests).sum::<u64>(), 4);
    let admin = world.sign_in("admin", crate::world::PASSWORD).await.unwrap();
    let admin = world.access.admin(&admin).unwrap();

    // Another pause, ended early; one that is over is not ended again.
    world.control.pause_storage(&admin, storage.id, 1440).await.unwrap();
    assert_eq!(world.refusal(&by_key, storage.id).await, DenyReason::StoragePaused);
    let resumed = world.control.resume_storage(&admin, storage.id).await.unwrap();
    assert_eq!(resumed.value.storage.paused_until, Some(world.clock.now()));
    world.put_at(&by_key, storage.id, "c", "again").await;
    world.control.resume_storage(&admin, storage.id).await.unwrap();
    let actions: Vec<_> = world.trail().await.into_iter().map(|event| event.action).collect();
    let count = |name: &str| actions.iter().filter(|action| *action == name).count();
    assert_eq!((count("pause_storage"), count("resume_storage")), (2, 1));
    world.clock.advance(Duration::from_secs(8 * 86_400));
    let admin = world.sign_in("admin", crate::world::PASSWORD).await.unwrap();
    let admin = world.access.admin(&admin).unwrap();
    assert_eq!(world.control.storage_impact(&admin, storage.id).await.unwrap().knocks, []);
}

impl World {
    /// The name of a file that the admin can still look at.
    async fn text_of_admin(&self, storage: &Storage) -> &'static str {
        let at = self.access.storage_by_id(self.admin.principal(), storage.id).await.unwrap();
        let found = at.grant::<Get>(object("large")).unwrap().get(GetOptions::default()).await;
        if found.is_ok() { "large" } else { "nothing" }
    }
}
