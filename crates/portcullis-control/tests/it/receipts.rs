//! What a change ended is on its receipt and in the trail, whoever was first to hear of it.

use bytes::Bytes;
use futures_util::stream;
use portcullis_access::{Body, BodyFault, Put, PutOptions, UploadOptions};
use portcullis_control::{ControlError, CreatedKey, KeyChange, NetworkDraft, ScopeDraft};
use portcullis_domain::Storage;

use crate::sharing::object;
use crate::world::World;

impl World {
    async fn key_to(&self, storage: &Storage) -> CreatedKey {
        let scope = ScopeDraft::Storage(storage.id.to_string());
        self.key(|draft| (draft.permission, draft.scope) = ("read_write".to_owned(), scope)).await
    }

    /// Begins two uploads with the key, of one piece each, and lets `meanwhile` go on when they are under way.
    async fn with_uploads<T>(
        &self,
        key: &portcullis_access::Principal,
        storage: &Storage,
        meanwhile: impl Future<Output = T>,
    ) -> T {
        let upload = |name: &'static str| async move {
            let at = self.access.storage_by_id(key, storage.id).await.unwrap();
            let pieces = stream::iter([Ok::<_, BodyFault>(Bytes::from_static(b"some"))]);
            let body = Body::Stream(Box::pin(stream::StreamExt::chain(pieces, stream::pending())));
            at.grant::<Put>(object(name)).unwrap().put(body, PutOptions::default()).await.unwrap_err()
        };
        let begun = async {
            while self.access.transfers(&self.admin).iter().filter(|transfer| transfer.bytes > 0).count() < 2
            {
                tokio::task::yield_now().await;
            }
            meanwhile.await
        };
        tokio::join!(upload("a"), upload("b"), begun).2
    }
}

fn off() -> KeyChange {
    KeyChange { permission: Some("none".to_owned()), ..KeyChange::default() }
}

#[tokio::test]
async fn the_receipt_of_a_key_that_is_switched_off() {
    let world = World::on_disk().await;
    let storage = world.storage("files").await;
    let key = world.key_to(&storage).await;
    let id = key.view.key.id;
    let who = world.bearer(&key).await.unwrap();
    let cut = async { world.control.update_key(&world.admin, id, &off()).await.unwrap().receipt };
    let receipt = Box::pin(world.with_uploads(&who, &storage, cut)).await;
    assert_eq!((receipt.transfers_cut, receipt.unfinished, receipt.answered()), (2, 0, (1, 1)));
    assert!(receipt.last_byte.is_some());
    let millis = receipt.last_byte.unwrap().as_micros().div_ceil(1_000);
    let said = format!("2 transfers cut, the last byte at most {millis} ms after; 1 of 1 nodes");
    assert_eq!(receipt.sentence(), said);
    let trail = world.trail().await;
    let cut_off = trail.iter().find(|event| event.action == "cut_off").unwrap();
    assert_eq!(cut_off.key, Some(id));
    assert!(cut_off.detail.starts_with("transfers=2 uploads=0 last_byte_us="), "{}", cut_off.detail);
    assert!(cut_off.detail.ends_with(" unfinished=0 nodes=1/1"), "{}", cut_off.detail);
    // Nothing was under way: nothing is said.
    let again = world.control.update_key(&world.admin, id, &off()).await.unwrap().receipt;
    assert_eq!((again.transfers_cut, again.last_byte, again.sentence().as_str()), (0, None, ""));
}

#[tokio::test]
async fn what_the_feed_cut_first_is_on_the_receipt_too() {
    let world = World::on_disk().await;
    let storage = world.storage("files").await;
    let key = world.key_to(&storage).await;
    let who = world.bearer(&key).await.unwrap();
    let id = key.view.key.id;
    let cut = async {
        let delete = async { world.control.delete_key(&world.admin, id).await.unwrap().receipt };
        let follow = async {
            for _ in 0..50 {
                world.access.refresh(&world.system).await.unwrap();
            }
        };
        tokio::join!(delete, follow).0
    };
    assert_eq!(Box::pin(world.with_uploads(&who, &storage, cut)).await.transfers_cut, 2);
}

#[tokio::test]
async fn uploads_in_parts_end_with_the_right_to_finish_them() {
    let world = World::on_disk().await;
    let storage = world.storage("files").await;
    let key = world.key_to(&storage).await;
    let id = key.view.key.id;
    let who = world.bearer(&key).await.unwrap();
    let at = world.access.storage_by_id(&who, storage.id).await.unwrap();
    for name in ["kept/a", "gone/b"] {
        at.grant::<Put>(object(name)).unwrap().create_upload(UploadOptions::default()).await.unwrap();
    }
    let change = async |change: KeyChange| {
        world.control.update_key(&world.admin, id, &change).await.unwrap().receipt.uploads_aborted
    };
    // Where it may be used from says nothing of what it may finish.
    let elsewhere = vec![NetworkDraft { network: "198.51.100.0/24".to_owned(), note: String::new() }];
    assert_eq!(change(KeyChange { networks: Some(elsewhere), ..KeyChange::default() }).await, 0);
    assert_eq!(change(KeyChange { prefix: Some("kept/".to_owned()), ..KeyChange::default() }).await, 1);
    assert_eq!(change(KeyChange { permission: Some("read".to_owned()), ..KeyChange::default() }).await, 1);
    assert_eq!(change(off()).await, 0);
}

#[tokio::test]
async fn a_transfer_that_is_not_there_cannot_be_cut() {
    let world = World::on_disk().await;
    for id in ["", "7", "0123456789abcdef0123456789abcdef"] {
        let outcome = world.control.cut_transfer(&world.admin, id).await;
        assert!(matches!(outcome, Err(ControlError::NotFound)), "{id}");
    }
}
