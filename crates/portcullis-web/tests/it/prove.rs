//! Keys proved over REST.

use http::StatusCode;
use portcullis_domain::Role;
use serde_json::{Value, json};

use crate::world::World;

fn steps(found: &Value) -> Vec<(String, String, bool)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let steps = found["steps"].as_array().unwrap();
    steps.iter().map(|step| (text(&step["name"]), text(&step["seen"]), step["ok"] == true)).collect()
}

#[tokio::test]
async fn a_rest_key_is_put_to_the_policy() {
    let world = World::new().await;
    let storage = world.storage("NAS").await;
    let given = json!({
        "name": "reader", "channel": "rest", "scope": {"storage": storage["id"]}, "permission": "read",
        "networks": [{"network": "192.0.2.0/24"}],
    });
    let key = world.key(&given).await;
    let path = format!("/api/v1/keys/{}/prove", key["key"]["id"].as_str().unwrap());
    let answer = world.admin("POST", &path).send().await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    let found = answer.json();
    let row = |name: &str, seen: &str| (name.to_owned(), seen.to_owned(), true);
    let expected = [
        row("list", "allowed"),
        row("read", "allowed"),
        row("write", "refused"),
        row("delete", "refused"),
        row("other_bucket", "refused"),
    ];
    assert_eq!(steps(&found), expected);
    assert_eq!((&found["as_promised"], &found["secret_tested"]), (&json!(true), &json!(false)));
    assert_eq!((&found["from"], &found["closed"]), (&json!("192.0.2.1"), &Value::Null));
    assert_eq!(found["steps"][2]["code"], "key_permission");
    let elsewhere = world.admin("POST", &path).json(&json!({"from": "198.51.100.1"})).send().await.json();
    assert!(steps(&elsewhere).iter().all(|(_, seen, ok)| seen == "refused" && *ok), "{elsewhere}");
    assert_eq!(elsewhere["closed"], "the key may not be used from this address");
    let wrong = world.admin("POST", &path).json(&json!({"from": "somewhere"})).send().await;
    assert_eq!(wrong.fields(), ["from"]);
    let stranger = world.other_site().await;
    let foreign = world.ask("POST", &path).bearer(&stranger).send().await;
    assert_eq!(foreign.status, StatusCode::NOT_FOUND);
    assert!(!world.get("/api/v1/audit-events?limit=100").await.to_string().contains("\"old_secret\""));
}

#[tokio::test]
async fn members_prove_their_own() {
    let world = World::new().await;
    let site = world.main_site().await;
    let bob = world.user(site, "bob", Role::Member).await;
    let storage = world.storage("NAS").await;
    let grant = json!({"storage": storage["id"], "user": bob, "permission": "read"});
    assert_eq!(world.admin("POST", "/api/v1/grants").json(&grant).send().await.status, StatusCode::CREATED);
    let key = world
        .key(&json!({"name": "own", "channel": "rest", "scope": {"user": bob}, "permission": "read_write"}))
        .await;
    let session = world.sign_in("bob", crate::world::PASSWORD).await;
    let path = format!("/api/v1/keys/{}/prove", key["key"]["id"].as_str().unwrap());
    let found = world.ask("POST", &path).bearer(&session).send().await;
    assert_eq!(found.status, StatusCode::OK, "{found:?}");
    let seen: Vec<_> = steps(&found.json()).into_iter().map(|(_, seen, ok)| (seen, ok)).collect();
    let word = |seen: &str| (seen.to_owned(), true);
    assert_eq!(seen, [word("allowed"), word("allowed"), word("refused"), word("refused"), word("refused")]);
    let admins =
        world.key(&json!({"name": "a", "channel": "rest", "scope": "site", "permission": "full"})).await;
    let path = format!("/api/v1/keys/{}/prove", admins["key"]["id"].as_str().unwrap());
    assert_eq!(world.ask("POST", &path).bearer(&session).send().await.status, StatusCode::NOT_FOUND);
}
