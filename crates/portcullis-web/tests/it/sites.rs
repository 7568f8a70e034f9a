//! Sites over REST, and acting in one below one's own.

use http::StatusCode;
use serde_json::{Value, json};

use crate::world::World;

const NEW: &str = "red kettle in the hall";

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}

#[tokio::test]
async fn a_tree_of_sites() {
    let world = World::new().await;
    let north = world.make("/api/v1/sites", &json!({"name": "north"})).await;
    let harbour = json!({"name": "harbour", "parent": north["id"], "rules": {"longest_key_days": 30}});
    let harbour = world.make("/api/v1/sites", &harbour).await;
    assert_eq!((&harbour["parent"], &harbour["home"]), (&north["id"], &json!(false)));
    let rules = json!({
        "members_make_keys": true, "longest_key_days": 30, "keys_need_networks": false, "idle_key_days": null,
        "second_factor": "optional", "data_events": "none",
    });
    assert_eq!(harbour["rules"], rules);
    let main = world.get("/api/v1/sites?limit=1").await;
    let cursor = text(&main["next_cursor"]);
    assert_eq!((&main["items"][0]["home"], &main["items"][0]["current"]), (&json!(true), &json!(true)));
    let rest = world.get(&format!("/api/v1/sites?cursor={cursor}")).await;
    assert_eq!(rest["items"].as_array().unwrap().len(), 2);
    let main_at = format!("/api/v1/sites/{}", text(&main["items"][0]["id"]));
    let changed = world.patch(&main_at, &json!({"rules": {"longest_key_days": 90}})).await;
    assert_eq!(
        (changed.status, changed.json()["rules"]["longest_key_days"].clone()),
        (StatusCode::OK, json!(90))
    );

    let at = format!("/api/v1/sites/{}", text(&north["id"]));
    let refused = world.patch(&at, &json!({"rules": {"longest_key_days": 365}})).await;
    assert_eq!(refused.fields(), ["rules.longest_key_days"]);
    assert!(text(&refused.json()["errors"][0]["message"]).contains("90 days"));
    assert_eq!(world.get(&at).await["effective_rules"]["longest_key_days"], 90);
    assert_eq!(world.get(&at).await["rules"]["longest_key_days"], json!(null));

    let refused = world.admin("DELETE", &at).send().await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    assert!(text(&refused.json()["detail"]).contains("sites below it"), "{refused:?}");
    let harbour_at = format!("/api/v1/sites/{}", text(&harbour["id"]));
    for at in [&harbour_at, &at] {
        assert_eq!(world.admin("DELETE", at).send().await.status, StatusCode::NO_CONTENT);
        assert_eq!(world.admin("DELETE", at).send().await.status, StatusCode::NOT_FOUND);
    }
}

#[tokio::test]
async fn acting_below_and_back() {
    let world = World::new().await;
    let north = world.make("/api/v1/sites", &json!({"name": "north"})).await;
    let main = world.get("/api/v1/me").await["site"].clone();
    let go = async |site: &Value| {
        world.admin("PUT", "/api/v1/sessions/current/site").json(&json!({"site": site})).send().await
    };
    let there = go(&north["id"]).await;
    assert_eq!(there.json(), json!({"id": north["id"], "name": "north"}));
    assert_eq!(world.get("/api/v1/me").await["site"]["name"], "north");
    // An agency's set-up: a storage and an admin of its own there.
    let storage = world.storage("theirs").await;
    world.make("/api/v1/users", &json!({"username": "eve", "role": "admin", "password": NEW})).await;
    assert_eq!(world.get("/api/v1/users").await["items"].as_array().unwrap().len(), 1);
    let events = world.get("/api/v1/audit-events").await;
    let actions: Vec<_> =
        events["items"].as_array().unwrap().iter().map(|event| text(&event["action"])).collect();
    assert_eq!(actions, ["create_user", "create_storage", "switch_site"]);
    assert_eq!(go(&main["id"]).await.status, StatusCode::OK);
    let path = format!("/api/v1/storages/{}", text(&storage["id"]));
    assert_eq!(world.admin("GET", &path).send().await.status, StatusCode::NOT_FOUND);
    let events = world.get("/api/v1/audit-events").await;
    let switched =
        events["items"].as_array().unwrap().iter().filter(|event| event["action"] == "switch_site");
    assert_eq!(switched.count(), 2);

    let eve = world.sign_in("eve", NEW).await;
    let sites = world.ask("GET", "/api/v1/sites").bearer(&eve).send().await.json();
    assert_eq!(sites["items"].as_array().unwrap().len(), 1);
    assert_eq!(sites["items"][0]["parent"], json!(null));
    let up =
        world.ask("PUT", "/api/v1/sessions/current/site").bearer(&eve).json(&json!({"site": main["id"]}));
    assert_eq!(up.send().await.fields(), ["site"]);
}

/// Two admins do not write over each other.
#[tokio::test]
async fn what_was_changed_meanwhile_is_not_changed_again() {
    let world = World::new().await;
    let site = world.make("/api/v1/sites", &json!({"name": "north"})).await;
    let user =
        world.make("/api/v1/users", &json!({"username": "ada", "role": "member"})).await["user"].clone();
    let group = world.make("/api/v1/groups", &json!({"name": "Editors"})).await;
    let storage = world.storage("NAS").await;
    let grant = json!({"storage": storage["id"], "group": group["id"], "permission": "read"});
    let grant = world.make("/api/v1/grants", &grant).await;
    for (noun, record, change) in [
        ("sites", &site, json!({"name": "changed"})),
        ("users", &user, json!({"role": "admin"})),
        ("groups", &group, json!({"name": "changed"})),
        ("grants", &grant, json!({"permission": "write"})),
    ] {
        let at = format!("/api/v1/{noun}/{}", text(&record["id"]));
        let seen = world.admin("GET", &at).send().await.header("etag").to_owned();
        assert_eq!(seen.len(), 18, "{noun}");
        let patch =
            async |tag: &str| world.admin("PATCH", &at).header("if-match", tag).json(&change).send().await;
        let first = patch(&seen).await;
        assert_eq!(first.status, StatusCode::OK, "{noun}: {first:?}");
        assert_ne!(first.header("etag"), seen);
        let late = patch(&seen).await;
        assert_eq!(late.status, StatusCode::PRECONDITION_FAILED, "{noun}: {late:?}");
        assert_eq!(patch(first.header("etag")).await.status, StatusCode::OK);
        let method = if noun == "users" { "POST" } else { "DELETE" };
        let gone = if noun == "users" { format!("{at}/reset") } else { at.clone() };
        let late = world.admin(method, &gone).header("if-match", &seen).send().await;
        assert_eq!(late.status, StatusCode::PRECONDITION_FAILED, "{noun}: {late:?}");
        assert_eq!(world.admin("GET", &at).send().await.header("etag"), first.header("etag"));
    }
}
