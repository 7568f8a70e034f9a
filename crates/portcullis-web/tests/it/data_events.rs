//! Uses of files over REST in the audit trail, as the site chooses.

use serde_json::{Value, json};

use crate::world::World;

async fn written_down(rule: &str) -> Vec<String> {
    let world = World::new().await;
    let storage = world.storage("files").await;
    let at = format!("/api/v1/sites/{}", world.main_site().await);
    let changed = world.admin("PATCH", &at).json(&json!({"rules": {"data_events": rule}})).send().await;
    assert_eq!(changed.json()["effective_rules"]["data_events"], rule);
    let key = world.rest_key(&storage, "read_write").await;
    let id = storage["id"].as_str().unwrap();
    let file = format!("/api/v1/storages/{id}/file?key=in%2Fa");
    let listing = format!("/api/v1/storages/{id}/files?prefix=in%2F");
    for (method, path, body) in
        [("PUT", &file, "text"), ("GET", &file, ""), ("GET", &listing, ""), ("DELETE", &file, "")]
    {
        let answer = world.ask(method, path).bearer(&key).body(body).from([198, 51, 100, 7]).send().await;
        assert!(answer.status.is_success(), "{method} {path}: {answer:?}");
    }
    let events = world.get(&format!("/api/v1/audit-events?storage={id}")).await;
    let of_files =
        |event: &&Value| ["put", "get", "list", "delete"].contains(&event["action"].as_str().unwrap());
    let mut told: Vec<String> = events["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(of_files)
        .map(|event| {
            assert_eq!(
                (&event["peer"], &event["tool"]),
                (&json!("198.51.100.7"), &json!("test/1")),
                "{event}"
            );
            assert_eq!((&event["channel"], &event["allowed"]), (&json!("rest"), &json!(true)), "{event}");
            format!("{} {}", event["action"].as_str().unwrap(), event["object"].as_str().unwrap_or_default())
        })
        .collect();
    told.reverse();
    told
}

#[tokio::test]
async fn uses_over_rest() {
    assert_eq!(written_down("none").await, [""; 0]);
    assert_eq!(written_down("changes").await, ["put in/a", "delete in/a"]);
    assert_eq!(written_down("all").await, ["put in/a", "get in/a", "list in/", "delete in/a"]);
}
