//! The audit trail.

use portcullis_domain::{Channel, KeyId, SiteId, StorageId};
use portcullis_metadata::{AuditEvent, AuditFilter, Metadata, MetadataErrorKind, PageRequest};

use crate::world::{World, at};

pub(crate) fn event(seconds: i64, request: &str) -> AuditEvent {
    AuditEvent {
        at: at(seconds),
        request_id: request.to_owned(),
        site: None,
        actor: "anonymous".to_owned(),
        key: None,
        storage: None,
        channel: Channel::S3,
        peer: "203.0.113.7".to_owned(),
        tool: String::new(),
        action: "get".to_owned(),
        object: None,
        allowed: false,
        reason: "unknown_key".to_owned(),
        detail: String::new(),
    }
}

async fn all(metadata: &Metadata, filter: &AuditFilter) -> Vec<AuditEvent> {
    metadata.audit(filter, &PageRequest::first(1_000)).await.unwrap().items
}

pub(crate) async fn events_round_trip(world: &World) {
    let metadata = world.open().await;
    let bare = event(1, "r1");
    let full = AuditEvent {
        site: Some(SiteId::generate()),
        actor: "user:ada".to_owned(),
        key: Some(KeyId::generate()),
        storage: Some(StorageId::generate()),
        channel: Channel::Rest,
        tool: "rclone/v1.75".to_owned(),
        object: Some("a//b/ü".to_owned()),
        allowed: true,
        ..event(2, "r2")
    };
    metadata.append_audit(&[]).await.unwrap();
    metadata.append_audit(&[bare.clone(), full.clone()]).await.unwrap();
    assert_eq!(all(&metadata, &AuditFilter::default()).await, [full, bare]);

    // What comes from outside is cut to size and never makes the whole batch fail.
    let wild =
        AuditEvent { object: Some("x".repeat(5_000)), tool: "a\0b".to_owned(), ..event(3, &"r".repeat(500)) };
    metadata.append_audit(&[wild]).await.unwrap();
    let kept = &all(&metadata, &AuditFilter::default()).await[0];
    assert_eq!((kept.request_id.len(), kept.tool.as_str()), (64, "a\u{fffd}b"));
    assert_eq!(kept.object.as_ref().unwrap().len(), 1_024);
}

pub(crate) async fn filters(world: &World) {
    let metadata = world.open().await;
    let (site, key, storage) = (SiteId::generate(), KeyId::generate(), StorageId::generate());
    let of_site = AuditEvent { site: Some(site), ..event(1, "r1") };
    let of_key = AuditEvent { key: Some(key), ..event(2, "r2") };
    let of_storage = AuditEvent { storage: Some(storage), allowed: true, ..event(3, "r3") };
    metadata.append_audit(&[of_site.clone(), of_key.clone(), of_storage.clone()]).await.unwrap();
    let none = AuditFilter::default();
    let cases = [
        (AuditFilter { site: Some(site), ..none.clone() }, vec![&of_site]),
        (AuditFilter { key: Some(key), ..none.clone() }, vec![&of_key]),
        (AuditFilter { storage: Some(storage), ..none.clone() }, vec![&of_storage]),
        (AuditFilter { request_id: Some("r2".to_owned()), ..none.clone() }, vec![&of_key]),
        (AuditFilter { request_id: Some("%".to_owned()), ..none.clone() }, vec![]),
        (AuditFilter { verdict: Some(true), ..none.clone() }, vec![&of_storage]),
        (AuditFilter { verdict: Some(false), ..none.clone() }, vec![&of_key, &of_site]),
        (AuditFilter { site: Some(site), verdict: Some(true), ..none.clone() }, vec![]),
    ];
    for (filter, expected) in cases {
        assert_eq!(all(&metadata, &filter).await.iter().collect::<Vec<_>>(), expected, "{filter:?}");
    }
    let bad = PageRequest { limit: 1, after: Some("first".to_owned()) };
    assert_eq!(metadata.audit(&none, &bad).await.unwrap_err().kind, MetadataErrorKind::BadCursor);
}

pub(crate) async fn pages_of_2500_events(world: &World) {
    let metadata = world.open().await;
    let events: Vec<AuditEvent> = (0..2_500).map(|n| event(n, &format!("r{n}"))).collect();
    metadata.append_audit(&events).await.unwrap();
    let mut seen: Vec<AuditEvent> = Vec::new();
    let mut page = PageRequest::first(100);
    loop {
        let got = metadata.audit(&AuditFilter::default(), &page).await.unwrap();
        assert_eq!(got.items.len(), 100);
        seen.extend(got.items);
        // What comes meanwhile belongs before the first page.
        metadata.append_audit(&[event(9_999, "meanwhile")]).await.unwrap();
        let Some(next) = got.next else { break };
        page.after = Some(next);
    }
    seen.reverse();
    assert!(seen == events, "a page repeats or misses an event");
}
