//! What a storage's end would take from whom, by what was really done there.

use std::time::Duration;

use bytes::Bytes;
use portcullis_access::{Body, Get, GetOptions, Origin, Principal, Put, PutOptions};
use portcullis_control::{AffectedKey, CreatedKey, LinkDraft, ScopeDraft};
use portcullis_domain::{Channel, Storage};

use crate::links::draft;
use crate::sharing::{object, with_user};
use crate::world::World;

impl World {
    async fn holder(&self, key: &CreatedKey, peer: &str, tool: &str) -> Principal {
        let token = format!("{}.{}", key.view.key.credential, crate::world::secret_of(key).reveal());
        let origin = Origin {
            channel: Channel::Rest,
            peer: peer.parse().unwrap(),
            request_id: "REQ",
            tool,
            line: None,
        };
        self.access.authenticate_bearer(origin, &token).await.unwrap()
    }

    async fn named(&self, name: &str, scope: ScopeDraft) -> CreatedKey {
        let site = matches!(scope, ScopeDraft::Site);
        self.key(|key| {
            key.name = name.to_owned();
            key.scope = scope;
            key.permission = if site { "full" } else { "read_write" }.to_owned();
        })
        .await
    }

    async fn work(&self, who: &Principal, storage: &Storage, bytes: usize) {
        let at = self.access.storage_by_id(who, storage.id).await.unwrap();
        let body = Body::Full(Bytes::from(vec![7; bytes]));
        at.grant::<Put>(object("file")).unwrap().put(body, PutOptions::default()).await.unwrap();
        drop(at.grant::<Get>(object("file")).unwrap().get(GetOptions::default()).await.unwrap());
    }
}

fn found<'a>(keys: &'a [AffectedKey], name: &str) -> &'a AffectedKey {
    keys.iter().find(|affected| affected.key.name.as_str() == name).unwrap()
}

#[tokio::test]
async fn every_key_that_opened_it_is_named_with_tool_and_address() {
    let world = World::new().await;
    let (storage, other) = (world.storage("NAS").await, world.storage("other").await);
    let own = || ScopeDraft::Storage(storage.id.to_string());
    let (ada, ada_id) = world.member("ada").await;
    world.share(&storage, with_user(ada_id), "", "read_write").await;
    let nightly = world.named("nightly", own()).await;
    let never = world.named("never", own()).await;
    let of_ada = world.named("ada's", ScopeDraft::User(ada_id.to_string())).await;
    let site = world.named("site", ScopeDraft::Site).await;
    let elsewhere = world.named("elsewhere", ScopeDraft::Site).await;
    let gone = world.named("gone", own()).await;
    let link = LinkDraft { name: "For Eve".to_owned(), ..draft(&storage) };
    world.control.create_link(&world.admin, &link).await.unwrap();
    let dead = world.control.create_link(&world.admin, &link).await.unwrap().view.link.id;
    world.control.end_link(&world.admin, dead).await.unwrap();

    let day = Duration::from_secs(86_400);
    world.work(&world.holder(&nightly, "203.0.113.9", "old/1").await, &storage, 5).await;
    world.clock.advance(31 * day);
    world.work(&world.holder(&nightly, "203.0.113.9", "rclone/v1.69").await, &storage, 10).await;
    world.clock.advance(day);
    world.work(&world.holder(&nightly, "2001:db8::7", "aws-cli/2").await, &storage, 20).await;
    world.work(&world.holder(&of_ada, "198.51.100.7", "Boto3/1.40").await, &storage, 1).await;
    world.work(&world.holder(&gone, "198.51.100.8", "x/1").await, &storage, 1).await;
    world.work(&world.holder(&elsewhere, "198.51.100.9", "y/1").await, &other, 1).await;
    world.clock.advance(day);
    world.work(&world.holder(&site, "198.51.100.1", "z/1").await, &storage, 1).await;
    let admin = world.sign_in("admin", crate::world::PASSWORD).await.unwrap();
    let admin = world.access.admin(&admin).unwrap();
    world.control.delete_key(&admin, gone.view.key.id).await.unwrap();
    drop(ada);

    let impact = world.control.storage_impact(&admin, storage.id).await.unwrap();
    let names: Vec<_> = impact.keys.iter().map(|affected| affected.key.name.as_str()).collect();
    assert_eq!(names[0], "site");
    assert_eq!(names.len(), 3, "{names:?}");
    let first = found(&impact.keys, "nightly");
    assert!(first.own && first.owner.is_none());
    let clients: Vec<_> =
        first.clients.iter().map(|c| (c.tool.as_str(), c.network.as_str(), c.requests, c.bytes)).collect();
    assert_eq!(clients, [("aws-cli", "2001:db8::7", 2, 40), ("rclone", "203.0.113.9", 2, 20)]);
    assert_eq!((first.requests, first.bytes, first.more_clients), (4, 60, 0));
    let hers = found(&impact.keys, "ada's");
    assert_eq!((hers.owner.as_deref(), hers.own), (Some("ada"), false));
    assert_eq!(impact.clients(), 4);
    let unused: Vec<_> = impact.unused.iter().map(|affected| affected.key.id).collect();
    assert_eq!(unused, [never.view.key.id]);
    assert_eq!(impact.unused[0].last, None);
    assert_eq!(impact.ending().count(), 2);
    assert_eq!((impact.links.len(), impact.links[0].name.as_str()), (1, "For Eve"));
    assert_eq!((impact.grants.len(), impact.people, impact.has_more), (1, 1, false));
    assert_eq!((impact.transfers, impact.knocks.len()), (0, 0));

    let stranger = world.stranger().await;
    assert!(world.control.storage_impact(&stranger, storage.id).await.is_err());
}

#[tokio::test]
async fn what_is_under_way_is_counted() {
    let world = World::on_disk().await;
    let storage = world.storage("NAS").await;
    let key = world.named("k", ScopeDraft::Storage(storage.id.to_string())).await;
    let who = world.bearer(&key).await.unwrap();
    let down = world.download(&who, &storage, "large").await;
    assert_eq!(world.control.storage_impact(&world.admin, storage.id).await.unwrap().transfers, 1);
    drop(down);
    assert_eq!(world.control.storage_impact(&world.admin, storage.id).await.unwrap().transfers, 0);
}
