//! The end of storages by REST: what hangs on them, a pause, the end, and the way back.

use std::time::Duration;

use http::StatusCode;
use serde_json::{Value, json};

use crate::world::World;

fn path(storage: &Value, rest: &str) -> String {
    format!("/api/v1/storages/{}{rest}", storage["id"].as_str().unwrap())
}

async fn put(world: &World, storage: &Value, token: &str) -> StatusCode {
    let path = path(storage, "/file?key=a");
    world.ask("PUT", &path).bearer(token).body("kept").send().await.status
}

#[tokio::test]
async fn the_impact_names_keys_tools_and_addresses() {
    let world = World::new().await;
    let storage = world.storage("NAS").await;
    let used = world.rest_key(&storage, "read_write").await;
    world.rest_key(&storage, "read").await;
    assert_eq!(put(&world, &storage, &used).await, StatusCode::OK);
    let impact = world.get(&path(&storage, "/impact")).await;
    assert_eq!((&impact["becomes"], &impact["clients"]), (&json!("detached"), &json!(1)));
    assert_eq!(impact["bucket_name"], storage["bucket_name"]);
    assert_eq!((&impact["s3_address"], &impact["endpoint"]), (&storage["s3_address"], &json!(null)));
    let [key] = &impact["keys"].as_array().unwrap()[..] else { panic!("{impact}") };
    let (access_key, _) = used.split_once('.').unwrap();
    assert_eq!(
        (&key["access_key"], &key["ends"], &key["channel"]),
        (&json!(access_key), &json!(true), &json!("rest"))
    );
    assert_eq!((&key["requests"], &key["bytes"], &key["more_clients"]), (&json!(1), &json!(4), &json!(0)));
    let client = json!({"tool": "test", "network": "192.0.2.1", "requests": 1, "bytes": 4, "last_used_at": "2027-01-31T18:00:00Z"});
    assert_eq!(key["clients"], json!([client]));
    assert_eq!(impact["unused_keys"].as_array().unwrap().len(), 1);
    assert_eq!(impact["unused_keys"][0]["last_used_at"], json!(null));
    for empty in ["links", "grants", "knocked_while_paused"] {
        assert_eq!(impact[empty], json!([]), "{empty}");
    }
}

#[tokio::test]
async fn a_storage_is_deleted_by_its_name_and_attached_again() {
    let world = World::new().await;
    let storage = world.storage("NAS").await;
    let key = world.rest_key(&storage, "read_write").await;
    assert_eq!(put(&world, &storage, &key).await, StatusCode::OK);
    let delete = async |body: Value| world.admin("DELETE", &path(&storage, "")).json(&body).send().await;
    for (body, field) in [
        (json!({"confirm": "nas"}), "confirm"),
        (json!({"confirm": ""}), "confirm"),
        (json!({}), "confirm"),
        (json!({"confirm": "NAS", "force": true}), "force"),
    ] {
        let answer = delete(body.clone()).await;
        assert_eq!(
            (answer.status, answer.fields()),
            (StatusCode::UNPROCESSABLE_ENTITY, vec![field.to_owned()]),
            "{body}"
        );
    }
    let tag = world.admin("GET", &path(&storage, "")).send().await.header("etag").to_owned();
    let renamed = world.admin("PATCH", &path(&storage, "")).json(&json!({"s3_access": false})).send().await;
    assert_eq!(renamed.status, StatusCode::OK);
    let stale = world.admin("DELETE", &path(&storage, "")).header("if-match", &tag);
    assert_eq!(stale.json(&json!({"confirm": "NAS"})).send().await.status, StatusCode::PRECONDITION_FAILED);
    assert_eq!(put(&world, &storage, &key).await, StatusCode::OK);

    let tag = renamed.header("etag").to_owned();
    let fresh = world.admin("DELETE", &path(&storage, "")).header("if-match", &tag);
    let answer = fresh.json(&json!({"confirm": "NAS"})).send().await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    let ended = answer.json();
    assert_eq!((&ended["state"], &ended["keys_deleted"]), (&json!("detached"), &json!(1)));
    assert_eq!((&ended["links_ended"], &ended["grants_removed"]), (&json!(0), &json!(0)));
    assert_eq!(ended["receipt"]["transfers_cut"], json!(0));
    assert_eq!(put(&world, &storage, &key).await, StatusCode::UNAUTHORIZED);
    assert_eq!(delete(json!({"confirm": "NAS"})).await.status, StatusCode::NOT_FOUND);
    assert_eq!(world.admin("GET", &path(&storage, "")).send().await.status, StatusCode::NOT_FOUND);
    assert_eq!(world.get("/api/v1/storages").await["items"], json!([]));

    let detached = world.get("/api/v1/storages?state=detached").await;
    let [found] = &detached["items"].as_array().unwrap()[..] else { panic!("{detached}") };
    assert_eq!((&found["id"], &found["bucket_name"]), (&storage["id"], &storage["bucket_name"]));
    assert_eq!(
        (&found["state"], &found["detached_at"]),
        (&json!("detached"), &json!("2027-01-31T18:00:00Z"))
    );
    assert_eq!(
        (&found["used_bytes"], &found["files"], &found["s3_active"]),
        (&json!(4), &json!(1), &json!(false))
    );
    assert_eq!(world.get("/api/v1/storages?state=detached&search=x").await["items"], json!([]));
    assert_eq!(world.admin("GET", "/api/v1/storages?state=deleted").send().await.fields(), ["state"]);

    let back = world.admin("POST", &path(&storage, "/attach")).send().await;
    assert_eq!((back.status, &back.json()["state"]), (StatusCode::OK, &json!("active")));
    assert_eq!((&back.json()["files"], &back.json()["detached_at"]), (&json!(1), &json!(null)));
    assert_eq!(world.admin("POST", &path(&storage, "/attach")).send().await.status, StatusCode::NOT_FOUND);
    let file = world.admin("GET", &path(&storage, "/file?key=a")).send().await;
    assert_eq!((file.status, &file.body[..]), (StatusCode::OK, &b"kept"[..]));
    assert_eq!(world.get("/api/v1/keys").await["items"], json!([]));
}

#[tokio::test]
async fn somebody_who_signed_in_long_ago_proves_who_they_are() {
    let world = World::new().await;
    let storage = world.storage("NAS").await;
    let token = world.sign_in("admin", crate::world::PASSWORD).await;
    world.clock.advance(Duration::from_secs(11 * 60));
    let call = world.ask("DELETE", &path(&storage, "")).bearer(&token).json(&json!({"confirm": "NAS"}));
    let answer = call.send().await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert!(answer.json()["type"].as_str().unwrap().ends_with("confirmation-needed"), "{answer:?}");
    assert_eq!(world.get(&path(&storage, "")).await["state"], json!("active"));
}

#[tokio::test]
async fn a_pause_is_told_and_ends() {
    let world = World::new().await;
    let storage = world.storage("NAS").await;
    let key = world.rest_key(&storage, "read_write").await;
    let pause = async |body: Value| world.admin("POST", &path(&storage, "/pause")).json(&body).send().await;
    for minutes in [json!(0), json!(1441), json!(-1), json!("30"), json!(1.5)] {
        assert_eq!(pause(json!({"minutes": minutes})).await.fields(), ["minutes"], "{minutes}");
    }
    assert_eq!(pause(json!({})).await.fields(), ["minutes"]);
    let paused = pause(json!({"minutes": 30})).await;
    assert_eq!(
        (paused.status, &paused.json()["paused_until"]),
        (StatusCode::OK, &json!("2027-01-31T18:30:00Z"))
    );
    assert_eq!(paused.json()["receipt"]["transfers_cut"], json!(0));
    assert_eq!(world.get(&path(&storage, "")).await["paused_until"], json!("2027-01-31T18:30:00Z"));
    assert_eq!(put(&world, &storage, &key).await, StatusCode::FORBIDDEN);
    let knocked = world.get(&path(&storage, "/impact")).await["knocked_while_paused"].clone();
    assert_eq!((&knocked[0]["tool"], &knocked[0]["requests"]), (&json!("test"), &json!(1)));
    world.clock.advance(Duration::from_secs(30 * 60));
    assert_eq!(put(&world, &storage, &key).await, StatusCode::OK);
    let session = world.sign_in("admin", crate::world::PASSWORD).await;
    let told = world.ask("GET", &path(&storage, "")).bearer(&session).send().await.json();
    assert_eq!(told["paused_until"], json!(null));
    let ask = |method: &str| world.ask(method, &path(&storage, "/pause")).bearer(&session);
    assert_eq!(ask("POST").json(&json!({"minutes": 1440})).send().await.status, StatusCode::OK);
    assert_eq!(put(&world, &storage, &key).await, StatusCode::FORBIDDEN);
    let resumed = ask("DELETE").send().await;
    assert_eq!((resumed.status, &resumed.json()["paused_until"]), (StatusCode::OK, &json!(null)));
    assert_eq!(put(&world, &storage, &key).await, StatusCode::OK);
}
