//! A secret is told once.

use serde_json::json;

use crate::world::{PASSWORD, World};

#[tokio::test]
async fn a_secret_is_in_one_answer_and_in_no_other() {
    let world = World::new().await;
    let storage = world.storage("NAS").await;
    let scope = json!({"storage": storage["id"]});
    let mut secrets = vec![world.token.clone()];
    let mut keys = Vec::new();
    for channel in ["s3", "rest"] {
        let made =
            world.key(&json!({"name": "k", "channel": channel, "scope": scope, "permission": "read"})).await;
        secrets.push(made["secret"].as_str().unwrap().to_owned());
        keys.push(made);
    }
    for made in &mut keys {
        let path = format!("/api/v1/keys/{}/rotate", made["key"]["id"].as_str().unwrap());
        *made = world.admin("POST", &path).send().await.json();
        secrets.push(made["secret"].as_str().unwrap().to_owned());
    }
    let bearer = keys[1]["bearer"].as_str().unwrap();
    world
        .ask("GET", &format!("/api/v1/storages/{}/files", storage["id"].as_str().unwrap()))
        .bearer(bearer)
        .send()
        .await;
    world
        .ask("PUT", &format!("/api/v1/storages/{}/file?key=x", storage["id"].as_str().unwrap()))
        .bearer(bearer)
        .send()
        .await;
    world.flush().await;
    for made in &keys {
        let path = format!("/api/v1/keys/{}", made["key"]["id"].as_str().unwrap());
        world.get(&path).await;
        world.admin("PATCH", &path).json(&json!({"permission": "none"})).send().await;
        world.admin("PATCH", &path).json(&json!({"permission": "read", "secret": "x"})).send().await;
    }
    for path in ["/api/v1/keys", "/api/v1/storages", "/api/v1/audit-events", "/api/v1/sessions", "/api/v1/me"]
    {
        world.get(path).await;
    }
    world.admin("DELETE", &format!("/api/v1/keys/{}", keys[0]["key"]["id"].as_str().unwrap())).send().await;
    world.get("/api/v1/audit-events").await;

    let told = world.told.lock().unwrap();
    for secret in &secrets {
        let answers = told.iter().filter(|answer| answer.contains(secret)).count();
        assert_eq!(answers, 1, "a secret is in {answers} answers");
    }
    assert!(told.iter().all(|answer| !answer.contains(PASSWORD)));
}
