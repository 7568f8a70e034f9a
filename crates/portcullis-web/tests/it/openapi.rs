//! The OpenAPI document and the routes are the same thing, seen from two sides.

use std::collections::BTreeSet;

use http::StatusCode;
use portcullis_web::{Needs, OPERATIONS};
use serde_json::{Value, json};

use crate::world::World;

fn document() -> Value {
    serde_json::from_str(portcullis_web::openapi()).unwrap()
}

#[tokio::test]
async fn it_is_served_and_says_who_it_is() {
    let world = World::new().await;
    let answer = world.ask("GET", "/api/v1/openapi.json").send().await;
    assert_eq!((answer.status, answer.header("content-type")), (StatusCode::OK, "application/json"));
    let document = document();
    assert_eq!(answer.json(), document);
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1."), "{}", document["openapi"]);
    assert_eq!(document["info"]["title"], "Portcullis REST API");
    assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
    let bearer = &document["components"]["securitySchemes"]["bearer"];
    assert_eq!((&bearer["type"], &bearer["scheme"]), (&json!("http"), &json!("bearer")));
}

#[test]
fn every_operation_has_a_row_and_every_row_an_operation() {
    let document = document();
    let mut described = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            described.insert((method.to_uppercase(), path.clone()));
            let open = operation["security"] == json!([{}]);
            let row = OPERATIONS.iter().find(|row| row.path == path && row.method == method.to_uppercase());
            let row = row.unwrap_or_else(|| panic!("{method} {path} has no row in OPERATIONS"));
            assert_eq!(open, row.needs == Needs::Nothing, "{method} {path}");
            assert!(
                open || operation.get("security").is_none(),
                "{method} {path}: {}",
                operation["security"]
            );
        }
    }
    let rows: BTreeSet<_> =
        OPERATIONS.iter().map(|row| (row.method.to_owned(), row.path.to_owned())).collect();
    assert_eq!(rows, described);
}

#[test]
fn every_operation_is_described() {
    let document = document();
    let mut ids = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let id = operation["operationId"].as_str().unwrap();
            assert!(ids.insert(id.to_owned()), "{id} is there twice");
            assert!(!operation["summary"].as_str().unwrap_or_default().is_empty(), "{method} {path}");
            assert!(operation["responses"].get("default").is_some(), "{method} {path} says how it refuses");
            let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
            let mut names = BTreeSet::new();
            for parameter in parameters {
                let name = format!("{} {}", parameter["in"], parameter["name"]);
                assert!(names.insert(name.clone()), "{method} {path}: {name} is there twice");
                assert!(
                    parameter["description"].as_str().is_some_and(|text| !text.is_empty()),
                    "{method} {path}: {name}"
                );
            }
            assert_eq!(path.contains("{id}"), names.contains("\"path\" \"id\""), "{method} {path}");
        }
    }
}

/// Every reference leads somewhere.
#[test]
fn no_reference_dangles() {
    fn walk(value: &Value, document: &Value) {
        match value {
            Value::Object(fields) => {
                if let Some(Value::String(to)) = fields.get("$ref") {
                    let pointer = to.strip_prefix('#').unwrap();
                    assert!(document.pointer(pointer).is_some(), "{to}");
                }
                fields.values().for_each(|value| walk(value, document));
            }
            Value::Array(items) => items.iter().for_each(|value| walk(value, document)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    let document = document();
    walk(&document, &document);
}

/// The documents that are answered have the fields that are described, and no others.
#[tokio::test]
async fn answers_are_as_described() {
    let world = World::new().await;
    let storage = world.storage("NAS").await;
    let scope = json!({"storage": storage["id"]});
    let made =
        world.key(&json!({"name": "k", "channel": "rest", "scope": scope, "permission": "read"})).await;
    world.ask("GET", "/api/v1/me").bearer(made["bearer"].as_str().unwrap()).send().await;
    world.flush().await;
    let events = world.get("/api/v1/audit-events").await;
    let session = world.get("/api/v1/sessions").await["items"][0].clone();
    let id = storage["id"].as_str().unwrap();
    world.admin("PUT", &format!("/api/v1/storages/{id}/file?key=a")).body("x").send().await;
    let files = world.get(&format!("/api/v1/storages/{id}/files")).await;
    let refused = world.ask("GET", "/api/v1/me").send().await.json();
    let me = world.get("/api/v1/me").await;
    let document = document();
    for (schema, answer) in [
        ("Storage", &storage),
        ("Key", &made["key"]),
        ("CreatedKey", &made),
        ("Session", &session),
        ("AuditEvent", &events["items"][0]),
        ("Files", &files),
        ("File", &files["items"][0]),
        ("Me", &me),
        ("Problem", &refused),
    ] {
        let described = document["components"]["schemas"][schema]["properties"].as_object();
        let described = described.unwrap_or_else(|| panic!("{schema} is not described"));
        let described: BTreeSet<_> = described
            .keys()
            .filter(|field| schema != "Problem" || !["errors", "location"].contains(&field.as_str()))
            .collect();
        let answered: BTreeSet<_> =
            answer.as_object().unwrap_or_else(|| panic!("{schema}: {answer}")).keys().collect();
        assert_eq!(answered, described, "{schema}");
    }
}

/// Every call that makes something takes a name, and every change of a record the state that it was read in.
#[test]
fn names_and_conditions_are_described() {
    // Nobody is known there yet.
    let strangers = ["/api/v1/sessions", "/api/v1/sessions/passkey"];
    let document = document();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
            let takes = |name: &str| {
                parameters.iter().any(|parameter| parameter["in"] == "header" && parameter["name"] == name)
            };
            let responses = &operation["responses"];
            let made = if responses["201"].is_null() { &responses["202"] } else { &responses["201"] };
            let makes = method == "post" && !made.is_null() && !strangers.contains(&path.as_str());
            assert_eq!(takes("Idempotency-Key"), makes, "{method} {path}");
            assert_eq!(makes, !made["headers"]["Idempotent-Replayed"].is_null(), "{method} {path}");
            let tagged = |status: &str| !operation["responses"][status]["headers"]["ETag"].is_null();
            if method == "patch" {
                let read = &item["get"]["responses"]["200"]["headers"]["ETag"];
                assert!(takes("If-Match") && tagged("200") && !read.is_null(), "{method} {path}");
            }
            assert!(!takes("If-Match") || path.contains("{id}"), "{method} {path}");
        }
    }
}

#[test]
fn the_kinds_of_problems_are_named() {
    let kind = &document()["components"]["schemas"]["Problem"]["properties"]["type"];
    let kinds = kind["enum"].as_array().unwrap();
    for kind in ["not-found", "changed", "already-made"] {
        assert!(kinds.contains(&json!(format!("urn:portcullis:problem:{kind}"))), "{kinds:?}");
    }
    assert!(kind["description"].as_str().unwrap().contains("If-Match"), "{kind}");
}
