//! Every REST call without a credential, with a wrong one, and with one that is too narrow. The calls come from the OpenAPI
//! document that the server gives, so a new one is in here from its first day.

use serde_json::{Value, json};

use crate::world::World;

/// Calls that need no credential.
const OPEN: &[(&str, &str)] = &[
    ("POST", "/api/v1/sessions"),
    ("POST", "/api/v1/sessions/passkey/options"),
    ("POST", "/api/v1/sessions/passkey"),
    ("POST", "/api/v1/invitations/accept"),
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/api/v1/openapi.json"),
];

/// Every call of the document: method and path.
fn calls(world: &World) -> Vec<(String, String)> {
    let document = world.rest("GET", "/openapi.json", None, None);
    assert_eq!(document.0, 200);
    let mut calls = Vec::new();
    for (path, methods) in document.1["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys().filter(|method| *method != "parameters") {
            calls.push((method.to_uppercase(), path.clone()));
        }
    }
    assert!(calls.len() >= 15, "{calls:?}");
    calls
}

fn refusals(world: &World, bearer: Option<&str>, expected: &[u16]) {
    let (storage, _) = world.storage("Rows");
    let key = world.key(&storage, "read");
    for (method, path) in calls(world) {
        if OPEN.contains(&(method.as_str(), path.as_str())) {
            continue;
        }
        let id = if path.contains("/keys/") { &key.key_id } else { &storage };
        let path = path.replace("{id}", id).replace("{request_id}", "OF-NOTHING");
        let path = path.strip_prefix("/api/v1").unwrap_or(&path);
        let query = if path.ends_with("/file") { "?key=a" } else { "" };
        let body = (method == "POST" || method == "PATCH").then(|| json!({}));
        let (status, answer) = world.rest(&method, &format!("{path}{query}"), bearer, body.as_ref());
        assert!(expected.contains(&status), "{method} {path}: {status} {answer}");
        if method != "HEAD" {
            for field in ["type", "title", "status", "request_id"] {
                assert!(!answer[field].is_null(), "{method} {path}: no {field} in {answer}");
            }
        }
    }
}

#[test]
fn without_a_credential() {
    refusals(&World::start(), None, &[401]);
}

#[test]
fn with_credentials_that_are_not_for_rest() {
    let world = World::start();
    let (storage, _) = world.storage("S3");
    let s3 = world.key(&storage, "read_write");
    for wrong in
        ["nonsense", "PC00000000000000NONE.pcs0", &format!("{}.{}", s3.access_key, s3.secret), &s3.secret]
    {
        refusals(&world, Some(wrong), &[401, 429]);
    }
}

#[test]
fn with_a_key_that_was_ended_or_is_elsewhere() {
    let world = World::start();
    let make = |more: Value| {
        let mut body = json!({"name": "rest", "channel": "rest", "scope": "site", "permission": "full"});
        for (name, value) in more.as_object().unwrap() {
            body[name] = value.clone();
        }
        let made = world.admin("POST", "/keys", Some(&body));
        (made["key"]["id"].as_str().unwrap().to_owned(), made["bearer"].as_str().unwrap().to_owned())
    };
    let (disabled, disabled_bearer) = make(json!({}));
    assert_eq!(world.rest("GET", "/storages", Some(&disabled_bearer), None).0, 200);
    world.admin("PATCH", &format!("/keys/{disabled}"), Some(&json!({"permission": "none"})));
    refusals(&world, Some(&disabled_bearer), &[401, 403]);
    let (deleted, deleted_bearer) = make(json!({}));
    world.admin("DELETE", &format!("/keys/{deleted}"), None);
    refusals(&world, Some(&deleted_bearer), &[401, 429]);
    let (_, elsewhere) = make(json!({"networks": ["203.0.113.0/24"]}));
    refusals(&world, Some(&elsewhere), &[401, 403]);
}

#[test]
fn a_reading_key_does_not_administer() {
    let world = World::start();
    let made = world.admin(
        "POST",
        "/keys",
        Some(&json!({"name": "r", "channel": "rest", "scope": "site", "permission": "read"})),
    );
    let bearer = made["bearer"].as_str().unwrap();
    let (storage, _) = world.storage("Files");
    for (method, path, body) in [
        ("POST", "/storages".to_owned(), Some(json!({"name": "x", "provider": "builtin"}))),
        ("PATCH", format!("/storages/{storage}"), Some(json!({"name": "y"}))),
        (
            "POST",
            "/keys".to_owned(),
            Some(json!({"name": "x", "channel": "s3", "scope": {"storage": storage}, "permission": "read"})),
        ),
        ("PUT", format!("/storages/{storage}/file?key=a"), Some(json!({}))),
        ("DELETE", format!("/storages/{storage}/file?key=a"), None),
    ] {
        let (status, answer) = world.rest(method, &path, Some(bearer), body.as_ref());
        assert_eq!(status, 403, "{method} {path}: {answer}");
    }
    assert_eq!(world.rest("GET", &format!("/storages/{storage}/files"), Some(bearer), None).0, 200);
}
