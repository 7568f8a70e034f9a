//! Uses of files in the audit trail, as the site chooses.

use portcullis_domain::{DataEvents, Permission};

use crate::client::path;
use crate::world::World;

/// What every tool does: write, read, list, copy, remove; and what of it stands in the trail.
async fn written_down(rule: DataEvents) -> Vec<String> {
    let world = World::start().await;
    world.set_data_events(rule).await;
    let storage = world.storage("files").await;
    let credentials = world.key(&storage, Permission::Full).await;
    let client = world.client(&credentials);
    let bucket = storage.bucket.as_str();
    client.put(&path(bucket, "in/a"), "text").header("user-agent", "rclone/v1.75").send().await.ok();
    client.get(&path(bucket, "in/a")).send().await.ok();
    client.request("HEAD", &path(bucket, "in/a")).send().await.ok();
    client.get(&format!("/{bucket}?list-type=2&prefix=in/")).send().await.ok();
    client.request("DELETE", &path(bucket, "in/a")).send().await.ok();
    client.get(&path(bucket, "in/a")).send().await.fails(404, "NoSuchKey");
    let mut events = world.events(credentials.key.id).await;
    events.reverse();
    for event in &events {
        assert_eq!(
            (event.storage, event.peer.as_str(), event.allowed),
            (Some(storage.id), "127.0.0.1", true)
        );
        assert_eq!(event.actor, format!("key:{}", credentials.key.id));
        assert!(!event.request_id.is_empty());
    }
    let told = |event: &portcullis_metadata::AuditEvent| {
        let object = event.object.clone().unwrap_or_default();
        format!("{} {object} {}", event.action, event.tool).trim_end().to_owned()
    };
    events.iter().map(told).collect()
}

#[tokio::test]
async fn a_site_without_the_rule_keeps_none() {
    assert_eq!(written_down(DataEvents::None).await, [""; 0]);
}

#[tokio::test]
async fn changes_alone() {
    assert_eq!(written_down(DataEvents::Changes).await, ["put in/a rclone/v1.75", "delete in/a"]);
}

#[tokio::test]
async fn every_use() {
    let all = ["put in/a rclone/v1.75", "get in/a", "get in/a", "list in/", "delete in/a", "get in/a"];
    assert_eq!(written_down(DataEvents::All).await, all);
}
