//! How this door says no, and what stands in every answer.

use std::time::Duration;

use http::StatusCode;
use serde_json::{Value, json};

use crate::world::World;

fn check(problem: &Value, status: u16, kind: &str) {
    assert_eq!(problem["status"], status, "{problem}");
    assert_eq!(problem["type"], format!("urn:portcullis:problem:{kind}"), "{problem}");
    for field in ["title", "detail", "request_id"] {
        assert!(problem[field].as_str().is_some_and(|text| !text.is_empty()), "{field}: {problem}");
    }
}

#[tokio::test]
async fn addresses_and_methods_that_are_not_there() {
    let world = World::new().await;
    for path in [
        "/api",
        "/api/v1",
        "/api/v1/",
        "/api/v1/nothing",
        "/api/v1/storages/",
        "/api/v1//storages",
        "/file/x",
        "/%ff",
    ] {
        let answer = world.admin("GET", path).send().await;
        check(&answer.json(), 404, "not-found");
        assert_eq!(answer.json()["request_id"], answer.header("x-request-id"));
    }
    for (method, path, allow) in [
        ("PUT", "/api/v1/keys", "GET,HEAD,POST"),
        ("DELETE", "/api/v1/storages", "GET,HEAD,POST"),
        ("POST", "/healthz", "GET,HEAD"),
        ("PATCH", "/api/v1/me", "GET,HEAD"),
        ("TRACE", "/api/v1/me", "GET,HEAD"),
    ] {
        let answer = world.admin(method, path).send().await;
        check(&answer.json(), 405, "method-not-allowed");
        let mut allowed: Vec<_> = answer.header("allow").split(',').map(str::trim).collect();
        allowed.sort_unstable();
        assert_eq!(allowed.join(","), allow, "{method} {path}");
    }
}

#[tokio::test]
async fn bodies_that_cannot_be_read() {
    let world = World::new().await;
    let send = async |kind: &str, body: String| {
        let ask = world.admin("POST", "/api/v1/storages").header("content-type", kind).body(body);
        ask.send().await.json()
    };
    for body in
        ["", "{", "name=NAS", "{\"name\": \"a\", \"provider\": \"builtin\"} {}", "{\"name\": \"\u{0}\"}"]
    {
        check(&send("application/json", body.to_owned()).await, 400, "malformed");
    }
    let good = json!({"name": "NAS", "provider": "builtin"}).to_string();
    for kind in ["text/plain", "application/x-www-form-urlencoded", "application/json-patch+json", ""] {
        check(&send(kind, good.clone()).await, 415, "media-type");
    }
    let answer = world.admin("POST", "/api/v1/storages").body(good.clone()).send().await;
    check(&answer.json(), 415, "media-type");
    let padded = |size: usize| format!("{good}{}", " ".repeat(size - good.len()));
    check(&send("application/json", padded((1 << 20) + 1)).await, 413, "too-large");
    assert_eq!(send("application/json; charset=utf-8", padded(1 << 20)).await["name"], "NAS");
}

#[tokio::test]
async fn credentials_that_are_none() {
    let world = World::new().await;
    for (number, value) in
        ["", "Basic YWRtaW46eA==", "Bearer", "Bearer  ", "Bearer x", "bearer pcs", "Token x", "\u{7f}"]
            .into_iter()
            .enumerate()
    {
        let ask = world.ask("GET", "/api/v1/me").from([203, 0, 113, u8::try_from(number).unwrap()]);
        let request = if value == "\u{7f}" {
            ask.header("authorization", "Bearer \u{ff}")
        } else {
            ask.header("authorization", value)
        };
        let answer = request.send().await;
        check(&answer.json(), 401, "invalid-credentials");
        assert!(answer.header("www-authenticate").starts_with("Bearer"), "{value}");
    }
    let answer = world.ask("GET", "/api/v1/me").send().await;
    check(&answer.json(), 401, "unauthenticated");
    assert_eq!(answer.header("www-authenticate"), "Bearer");
    let twice = world.admin("GET", "/api/v1/me").header("authorization", "Bearer x").send().await;
    check(&twice.json(), 401, "invalid-credentials");
    // Credentials stand in the header alone; a cookie is nothing.
    let cookie =
        world.ask("GET", "/api/v1/me").header("cookie", &format!("session={}", world.token)).send().await;
    check(&cookie.json(), 401, "unauthenticated");
    let query = world.ask("GET", &format!("/api/v1/keys?access_token={}", world.token)).send().await;
    check(&query.json(), 401, "unauthenticated");
}

/// A denial says nothing of its reason; the audit trail does, under the same id.
#[tokio::test]
async fn the_reason_of_a_denial_is_in_the_audit_trail() {
    let world = World::new().await;
    let storage = world.storage("NAS").await;
    let key = world.rest_key(&storage, "read").await;
    let id = storage["id"].as_str().unwrap();
    let path = format!("/api/v1/storages/{id}/file?key=secret-plans.txt");
    let denied = world.ask("PUT", &path).bearer(&key).body("x").send().await.json();
    check(&denied, 403, "access-denied");
    let stranger = world.ask("GET", "/api/v1/me").bearer("PCAAAAAAAAAAAAAAAAAA.pcs").send().await.json();
    world.flush().await;
    let find = async |id: &Value| {
        world.get(&format!("/api/v1/audit-events?request_id={}", id.as_str().unwrap())).await
    };
    let found = find(&denied["request_id"]).await;
    let event = &found["items"][0];
    assert_eq!(
        (&event["action"], &event["allowed"], &event["reason"]),
        (&json!("put"), &json!(false), &json!("key_permission"))
    );
    assert_eq!(event["explanation"], "the key's permission does not include this action");
    assert_eq!(
        (&event["object"], &event["storage"], &event["peer"]),
        (&json!("secret-plans.txt"), &storage["id"], &json!("192.0.2.1"))
    );
    let found = find(&stranger["request_id"]).await;
    assert_eq!(found["items"][0]["actor"], "unknown:PCAAAAAAAAAAAAAAAAAA");
    // Who strangers were is for those who run the installation.
    let eve = world.other_site().await;
    let path = format!("/api/v1/audit-events?request_id={}", stranger["request_id"].as_str().unwrap());
    assert_eq!(world.ask("GET", &path).bearer(&eve).send().await.json()["items"], json!([]));
}

/// What an admin does is in the trail when the call returns, without a flush.
#[tokio::test]
async fn administration_is_recorded_before_it_returns() {
    let world = World::new().await;
    let storage = world.storage("NAS").await;
    let id = storage["id"].as_str().unwrap();
    world.rest_key(&storage, "read").await;
    world.admin("PATCH", &format!("/api/v1/storages/{id}")).json(&json!({"name": "new"})).send().await;
    let trail = world.get(&format!("/api/v1/audit-events?storage={id}")).await;
    let events: Vec<_> = trail["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| (e["action"].clone(), e["actor"].clone()))
        .collect();
    let wanted =
        ["update_storage", "create_key", "create_storage"].map(|action| (json!(action), json!("user:admin")));
    assert_eq!(events, wanted);
    let (first, second) =
        (world.get("/api/v1/audit-events?limit=1").await, world.get("/api/v1/audit-events?limit=2").await);
    assert_eq!(first["items"][0], second["items"][0]);
    let next = world
        .get(&format!("/api/v1/audit-events?limit=1&cursor={}", first["next_cursor"].as_str().unwrap()))
        .await;
    assert_eq!(next["items"][0], second["items"][1]);
    for (query, field) in [("cursor=x", "cursor"), ("key=x", "key"), ("verdict=denied", "verdict")] {
        assert_eq!(
            world.admin("GET", &format!("/api/v1/audit-events?{query}")).send().await.fields(),
            [field],
            "{query}"
        );
    }
}

#[tokio::test]
async fn health() {
    let world = World::new().await;
    for (path, text) in [("/healthz", "ok"), ("/readyz", "ready")] {
        let answer = world.ask("GET", path).send().await;
        assert_eq!((answer.status, &answer.body[..]), (StatusCode::OK, text.as_bytes()));
    }
    world.metadata.close().await;
    assert_eq!(world.ask("GET", "/healthz").send().await.status, StatusCode::OK);
    let answer = world.ask("GET", "/readyz").send().await;
    check(&answer.json(), 503, "unavailable");
    assert_eq!(answer.header("retry-after"), "1");
    // What cannot be recorded is not done.
    let given = json!({"name": "NAS", "provider": "builtin"});
    let answer = world.admin("POST", "/api/v1/storages").json(&given).send().await;
    check(&answer.json(), 503, "unavailable");
}

#[tokio::test]
async fn a_node_that_hears_nothing_admits_nobody() {
    let world = World::with(Duration::ZERO).await;
    assert_eq!(world.ask("GET", "/healthz").send().await.status, StatusCode::OK);
    check(&world.ask("GET", "/readyz").send().await.json(), 503, "unavailable");
    check(&world.ask("GET", "/api/v1/me").bearer("pcs").send().await.json(), 503, "unavailable");
}
