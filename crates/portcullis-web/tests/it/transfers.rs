//! What is under way, by REST, and what a change ended.

use http::StatusCode;
use serde_json::json;

use crate::world::World;

#[tokio::test]
async fn nothing_is_under_way_and_nothing_can_be_cut() {
    let world = World::new().await;
    assert_eq!(world.get("/api/v1/transfers").await, json!({"items": [], "next_cursor": null}));
    for (id, status) in [
        ("0123456789abcdef0123456789abcdef", StatusCode::NOT_FOUND),
        ("0123456789ABCDEF0123456789ABCDEF", StatusCode::NOT_FOUND),
        ("7", StatusCode::NOT_FOUND),
    ] {
        let answer = world.admin("DELETE", &format!("/api/v1/transfers/{id}")).send().await;
        assert_eq!(answer.status, status, "{id}");
    }
}

#[tokio::test]
async fn changes_answer_with_a_receipt_and_records_do_not() {
    let world = World::new().await;
    let storage = world.storage("NAS").await;
    let token = world.rest_key(&storage, "read_write").await;
    let (access_key, _) = token.split_once('.').unwrap();
    let keys = world.get("/api/v1/keys").await;
    let key = keys["items"].as_array().unwrap().iter().find(|key| key["access_key"] == access_key).unwrap();
    let path = format!("/api/v1/keys/{}", key["id"].as_str().unwrap());
    assert_eq!((&key["receipt"], &world.get(&path).await["receipt"]), (&json!(null), &json!(null)));
    let off = json!({"permission": "none"});
    let receipt = world.admin("PATCH", &path).json(&off).send().await.json()["receipt"].clone();
    let node = json!({
        "id": "this", "name": "this node", "own": true, "answered": true, "transfers_cut": 0,
        "last_byte_us": null, "refuses_by": null,
    });
    let nothing = json!({
        "transfers_cut": 0, "uploads_aborted": 0, "last_byte_us": null, "unfinished": 0, "nodes": [node], "summary": "",
    });
    assert_eq!(receipt, nothing);
    let at = format!("/api/v1/storages/{}", storage["id"].as_str().unwrap());
    let off = json!({"s3_access": false});
    assert_eq!(world.admin("PATCH", &at).json(&off).send().await.json()["receipt"], nothing);
    let deleted = world.admin("DELETE", &path).send().await;
    assert_eq!((deleted.status, deleted.json()), (StatusCode::OK, json!({"receipt": nothing})));
}
