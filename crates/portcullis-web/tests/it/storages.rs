//! Storages: make, list, look at, change, test.

use std::time::Duration;

use http::StatusCode;
use serde_json::{Value, json};

use crate::world::{S3_ADDRESS, World};

#[tokio::test]
async fn a_new_storage_has_exactly_these_fields() {
    let world = World::new().await;
    let given = json!({"name": "NAS Backup", "provider": "builtin", "quota_bytes": 1000});
    let answer = world.admin("POST", "/api/v1/storages").json(&given).send().await;
    assert_eq!(answer.status, StatusCode::CREATED);
    let storage = answer.json();
    assert_eq!(answer.header("location"), format!("/api/v1/storages/{}", storage["id"].as_str().unwrap()));
    let mut rest = storage.as_object().unwrap().clone();
    assert_eq!(rest.remove("id").unwrap().as_str().unwrap().len(), 36);
    assert_eq!(
        Value::Object(rest),
        json!({
            "number": 1, "name": "NAS Backup", "label": "nas-backup", "bucket_name": "usr-10001-itm-00001-nas-backup",
            "s3_address": S3_ADDRESS, "provider": "builtin", "region": "us-east-1", "endpoint": null, "bucket": null, "used_bytes": 0,
            "available_bytes": 1000, "files": 0, "folders": 0, "shared": false, "shared_people": 0, "shared_links": 0, "s3_active": false, "s3_access": true,
            "permission": "read_write", "networks": [], "trial": null, "quota_bytes": 1000, "health": "reachable",
            "state": "active", "detached_at": null, "paused_until": null, "created_at": "2027-01-31T18:00:00Z",
            "receipt": null,
        })
    );
    let path = format!("/api/v1/storages/{}", storage["id"].as_str().unwrap());
    assert_eq!(world.get(&path).await, storage);
    assert_eq!(world.get("/api/v1/storages").await, json!({"items": [storage], "next_cursor": null}));
}

#[tokio::test]
async fn everything_can_be_said_at_once() {
    let world = World::new().await;
    let given = json!({
        "name": "ארכיון 日本 <b>", "label": "archive", "provider": "builtin", "region": "eu-1", "permission": "read",
        "networks": ["203.0.113.9/24", {"network": "2001:db8::1", "note": "the office"}], "s3_access": false, "quota_bytes": null,
    });
    let answer = world.admin("POST", "/api/v1/storages").json(&given).send().await;
    let storage = answer.json();
    assert_eq!(storage["name"], "ארכיון 日本 <b>");
    assert_eq!(storage["bucket_name"], "usr-10001-itm-00001-archive");
    let networks =
        json!([{"network": "203.0.113.0/24", "note": ""}, {"network": "2001:db8::1", "note": "the office"}]);
    assert_eq!(storage["networks"], networks);
    assert_eq!((&storage["s3_access"], &storage["quota_bytes"]), (&json!(false), &json!(null)));
}

#[tokio::test]
async fn every_wrong_field_is_named() {
    let world = World::new().await;
    let long = "n".repeat(201);
    let ok = json!({"name": "a", "provider": "builtin"});
    for (given, fields) in [
        (json!({"name": " ", "provider": "floppy", "label": "A"}), vec!["name", "label", "provider"]),
        (json!({"name": long, "provider": "builtin"}), vec!["name"]),
        (json!({"name": "a\u{202e}b", "provider": "builtin"}), vec!["name"]),
        (json!({"name": "a", "provider": "aws"}), vec!["bucket", "access_key_id", "secret_access_key"]),
        (
            json!({"name": "a", "provider": "cloudflare-r2", "bucket": "b", "access_key_id": "i", "secret_access_key": "s"}),
            vec!["account"],
        ),
        (json!({"name": "a", "provider": "s3", "preset": "aws"}), vec!["preset"]),
        (json!({"name": "a", "provider": "builtin", "endpoint": "http://169.254.169.254"}), vec!["endpoint"]),
        (json!({"name": "a", "provider": "builtin", "permission": "full"}), vec!["permission"]),
        (
            json!({"name": "a", "provider": "builtin", "networks": ["10.0.0.0/8", "10.0.0.0/33"]}),
            vec!["networks[1]"],
        ),
        (json!({"name": "a", "provider": "builtin", "quota_bytes": 0}), vec!["quota_bytes"]),
        (json!({"name": "a", "provider": "builtin", "quota_bytes": u64::MAX}), vec!["quota_bytes"]),
        (json!({"name": "a", "provider": "builtin", "region": "US EAST"}), vec!["region"]),
        // Of the wrong type, unknown or missing: the first is named.
        (json!({"name": "a", "provider": "builtin", "quota_bytes": -1}), vec!["quota_bytes"]),
        (json!({"name": "a", "provider": "builtin", "s3_access": "yes"}), vec!["s3_access"]),
        (json!({"name": "a", "provider": "builtin", "networks": "10.0.0.1"}), vec!["networks"]),
        (json!({"name": "a", "provider": "builtin", "networks": [1]}), vec!["networks[0]"]),
        (json!({"name": "a", "provider": "builtin", "colour": "red"}), vec!["colour"]),
        (json!({"name": 7, "provider": "builtin"}), vec!["name"]),
        (json!({"name": "a"}), vec!["provider"]),
        (json!([ok]), vec!["(body)"]),
    ] {
        let answer = world.admin("POST", "/api/v1/storages").json(&given).send().await;
        assert_eq!(answer.fields(), fields, "{given}");
    }
    assert_eq!(world.get("/api/v1/storages").await["items"], json!([]), "nothing was made");
}

#[tokio::test]
async fn pages_searches_and_orders() {
    let world = World::new().await;
    let names = ["100% Kaffee", "a_b", "axb", "Büro", "zebra", "100 Tee"];
    for name in names {
        world.clock.advance(Duration::from_secs(1));
        world.storage(name).await;
    }
    let named = |page: &Value| {
        let items = page["items"].as_array().unwrap();
        items.iter().map(|item| item["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    for (search, wanted) in [
        ("%25", vec!["100% Kaffee"]),
        ("100%25", vec!["100% Kaffee"]),
        ("_", vec!["a_b"]),
        ("b%C3%BCRO", vec!["Büro"]),
        ("itm-00005", vec!["zebra"]),
        ("'%20OR%201=1", vec![]),
        ("", names.to_vec()),
    ] {
        let page = world.get(&format!("/api/v1/storages?search={search}")).await;
        assert_eq!(named(&page), wanted, "{search}");
    }
    for (sort, wanted) in [
        ("created_at", names.to_vec()),
        ("name", vec!["100 Tee", "100% Kaffee", "a_b", "axb", "Büro", "zebra"]),
    ] {
        for limit in [1, 2, 4, 6, 1000] {
            let (mut seen, mut cursor) = (Vec::new(), String::new());
            loop {
                let page = world.get(&format!("/api/v1/storages?sort={sort}&limit={limit}{cursor}")).await;
                let items = named(&page);
                assert!(!items.is_empty() && items.len() <= limit, "{sort} {limit}");
                seen.extend(items);
                let Some(next) = page["next_cursor"].as_str() else { break };
                cursor = format!("&cursor={next}");
            }
            assert_eq!(seen, wanted, "{sort} by {limit}");
        }
    }
    for (query, field) in [
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=x", "limit"),
        ("cursor=x", "cursor"),
        ("sort=name&cursor=x", "cursor"),
        ("sort=size", "sort"),
        ("order=name", "order"),
        ("search=a&search=b", "search"),
    ] {
        let answer = world.admin("GET", &format!("/api/v1/storages?{query}")).send().await;
        assert_eq!(answer.fields(), [field], "{query}");
    }
}

#[tokio::test]
async fn changes_hold_and_what_is_left_out_stays() {
    let world = World::new().await;
    let storage = world.storage("before").await;
    let path = format!("/api/v1/storages/{}", storage["id"].as_str().unwrap());
    let patch = async |given: Value| world.admin("PATCH", &path).json(&given).send().await;
    let answer = patch(json!({"name": "after", "networks": ["10.0.0.0/8"], "quota_bytes": 5})).await;
    let mut wanted = storage.clone();
    for (field, value) in [
        ("name", json!("after")),
        ("networks", json!([{"network": "10.0.0.0/8", "note": ""}])),
        ("quota_bytes", json!(5)),
        ("available_bytes", json!(5)),
    ] {
        wanted[field] = value;
    }
    let mut told = answer.json();
    assert_eq!(told["receipt"].take()["transfers_cut"], 0);
    assert_eq!(told, wanted, "the bucket name stays");
    let mut answer = patch(json!({"permission": "none", "networks": [], "quota_bytes": null})).await.json();
    assert_eq!(
        (&answer["name"], &answer["permission"], &answer["quota_bytes"]),
        (&json!("after"), &json!("none"), &json!(null))
    );
    assert!(answer["receipt"].take().is_object(), "what was changed has a receipt");
    let mut same = patch(json!({})).await.json();
    assert_eq!(same["receipt"].take()["transfers_cut"], 0);
    assert_eq!(same, answer);
    for (given, fields) in [
        (json!({"name": "", "permission": "all"}), vec!["name", "permission"]),
        (json!({"label": "new"}), vec!["label"]),
        (json!({"bucket_name": "new"}), vec!["bucket_name"]),
        (json!({"provider": "aws"}), vec!["provider"]),
    ] {
        assert_eq!(patch(given.clone()).await.fields(), fields, "{given}");
    }
    assert_eq!(world.get(&path).await, answer);
}

/// Narrowing binds what comes next, at once: here a key's download.
#[tokio::test]
async fn a_narrowed_storage_is_narrow_at_once() {
    let world = World::new().await;
    let storage = world.storage("NAS").await;
    let key = world.rest_key(&storage, "read_write").await;
    let id = storage["id"].as_str().unwrap();
    let file = format!("/api/v1/storages/{id}/file?key=a");
    let put = async || world.ask("PUT", &file).bearer(&key).body("x").send().await.status;
    assert_eq!(put().await, StatusCode::OK);
    for (given, wanted) in [
        (json!({"permission": "read"}), StatusCode::FORBIDDEN),
        (json!({"permission": "read_write"}), StatusCode::OK),
        (json!({"networks": ["198.51.100.0/24"]}), StatusCode::FORBIDDEN),
        (json!({"networks": ["192.0.2.0/24"]}), StatusCode::OK),
        (json!({"quota_bytes": 1}), StatusCode::OK),
    ] {
        let answer = world.admin("PATCH", &format!("/api/v1/storages/{id}")).json(&given).send().await;
        assert_eq!(answer.status, StatusCode::OK, "{given}");
        assert_eq!(put().await, wanted, "{given}");
    }
    let over = world.ask("PUT", &file).bearer(&key).body("xy").send().await;
    assert_eq!(
        (over.status, over.json()["type"].clone()),
        (StatusCode::PAYLOAD_TOO_LARGE, json!("urn:portcullis:problem:quota-exceeded"))
    );
}

#[tokio::test]
async fn s3_is_active_when_a_key_works() {
    let world = World::new().await;
    let storage = world.storage("NAS").await;
    let path = format!("/api/v1/storages/{}", storage["id"].as_str().unwrap());
    let active = async || world.get(&path).await["s3_active"].as_bool().unwrap();
    world.rest_key(&storage, "read").await;
    assert!(!active().await, "a REST key is no S3 key");
    let scope = json!({"storage": storage["id"]});
    let given = json!({"name": "k", "channel": "s3", "scope": scope, "permission": "read", "expires_at": "2027-02-01T00:00:00Z"});
    let key = world.key(&given).await;
    assert!(active().await);
    let key = format!("/api/v1/keys/{}", key["key"]["id"].as_str().unwrap());
    world.admin("PATCH", &key).json(&json!({"permission": "none"})).send().await;
    assert!(!active().await);
    world.admin("PATCH", &key).json(&json!({"permission": "read"})).send().await;
    assert!(active().await);
    world.admin("PATCH", &path).json(&json!({"s3_access": false})).send().await;
    assert!(!active().await);
    world.admin("PATCH", &path).json(&json!({"s3_access": true})).send().await;
    world.clock.advance(Duration::from_secs(6 * 3600));
    assert!(!active().await, "expired");
}

#[tokio::test]
async fn a_test_says_what_each_step_found() {
    let world = World::new().await;
    let storage = world.storage("NAS").await;
    let path = format!("/api/v1/storages/{}/test", storage["id"].as_str().unwrap());
    let steps = |answer: &Value| -> Vec<(String, bool)> {
        let steps = answer["steps"].as_array().unwrap();
        steps
            .iter()
            .map(|step| (step["name"].as_str().unwrap().to_owned(), step["ok"].as_bool().unwrap()))
            .collect()
    };
    let all = ["connect", "index", "space", "write", "read", "delete"];
    let probe = json!({"write_probe": true});
    let answer = world.admin("POST", &path).json(&probe).send().await;
    assert_eq!(steps(&answer.json()), all.map(|name| (name.to_owned(), true)));
    let answer = world.admin("POST", &path).send().await;
    assert_eq!(steps(&answer.json()).len(), 3, "only who asks writes");
    assert_eq!(world.admin("POST", &path).json(&json!({"write": false})).send().await.fields(), ["write"]);
    let files = world.get(&format!("/api/v1/storages/{}/files", storage["id"].as_str().unwrap())).await;
    assert_eq!(files["items"], json!([]), "the probe leaves nothing");

    world.admin("PATCH", path.trim_end_matches("/test")).json(&json!({"quota_bytes": 1})).send().await;
    let answer = world.admin("POST", &path).json(&probe).send().await.json();
    assert_eq!(steps(&answer).last(), Some(&("write".to_owned(), false)), "{answer}");
    assert_eq!(answer["steps"][3]["advice"], "raise the quota or delete files");
}

#[tokio::test]
async fn another_site_sees_nothing_of_it() {
    let world = World::new().await;
    let storage = world.storage("NAS").await;
    let eve = world.other_site().await;
    let path = format!("/api/v1/storages/{}", storage["id"].as_str().unwrap());
    let nowhere = "/api/v1/storages/01924f5c-0000-7000-8000-000000000000";
    for path in [path.as_str(), nowhere, "/api/v1/storages/x", "/api/v1/storages/%ff"] {
        for (method, below) in
            [("GET", ""), ("PATCH", ""), ("POST", "/test"), ("GET", "/files"), ("GET", "/file?key=a")]
        {
            let ask = world.ask(method, &format!("{path}{below}")).bearer(&eve);
            let answer =
                if method == "PATCH" { ask.json(&json!({"name": "mine"})) } else { ask }.send().await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{method} {path}{below}");
        }
    }
    let list = world.ask("GET", "/api/v1/storages").bearer(&eve).send().await.json();
    assert_eq!(list["items"], json!([]));
    assert_eq!(world.get(&path).await, storage);
}

/// A change is read, applied and written as one: a new name does not bring back networks that were just narrowed.
#[tokio::test]
async fn changes_at_the_same_time_do_not_undo_each_other() {
    let world = World::new().await;
    let storage = world.storage("NAS").await;
    let path = format!("/api/v1/storages/{}", storage["id"].as_str().unwrap());
    let patch = async |given: Value| world.admin("PATCH", &path).json(&given).send().await.status;
    for round in 0..8 {
        let network = format!("10.0.0.{round}");
        let told = tokio::join!(
            patch(json!({"name": format!("name {round}")})),
            patch(json!({"networks": [network]})),
            patch(json!({"quota_bytes": 100 + round})),
            patch(json!({"permission": if round % 2 == 0 { "read" } else { "write" }})),
        );
        assert_eq!(told, (StatusCode::OK, StatusCode::OK, StatusCode::OK, StatusCode::OK));
        let now = world.get(&path).await;
        assert_eq!(now["name"], format!("name {round}"));
        assert_eq!(now["networks"], json!([{"network": network, "note": ""}]));
        assert_eq!(now["quota_bytes"], 100 + round);
        assert_eq!(now["permission"], if round % 2 == 0 { "read" } else { "write" });
    }
}
