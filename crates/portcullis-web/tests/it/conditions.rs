//! `ETag` and `If-Match`: nobody writes over what they have not read.

use http::StatusCode;
use serde_json::{Value, json};

use crate::world::{Answer, World};

/// A record with a change of it that can always be made.
struct Record {
    path: String,
    change: Value,
}

async fn records(world: &World) -> Vec<Record> {
    let storage = world.storage("NAS").await;
    let scope = json!({"storage": storage["id"]});
    let key = world.key(&json!({"name": "k", "channel": "s3", "scope": scope, "permission": "read"})).await;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let make = async |path: &str, given: Value| {
        let answer = world.admin("POST", path).json(&given).send().await;
        assert_eq!(answer.status, StatusCode::CREATED, "{path}: {answer:?}");
        let made = answer.json();
        // What was made has the tag that it is read with.
        let read = world.admin("GET", answer.header("location")).send().await;
        assert_eq!(tag(&answer), tag(&read), "{path}");
        made
    };
    let site = make("/api/v1/sites", json!({"name": "below"})).await;
    let user = make("/api/v1/users", json!({"username": "guest", "role": "member"})).await;
    let group = make("/api/v1/groups", json!({"name": "people"})).await;
    let grant = json!({"storage": storage["id"], "group": group["id"], "permission": "read"});
    let grant = make("/api/v1/grants", grant).await;
    let link = json!({"storage": storage["id"], "folder": "", "name": "box", "permission": "read"});
    let link = make("/api/v1/share-links", link).await;
    let other = world.storage("other").await;
    let job = json!({"name": "nightly", "storage": storage["id"], "with": {"storage": other["id"]}, "mode": "copy"});
    let job = make("/api/v1/sync-jobs", job).await;
    let renamed = json!({"name": "renamed"});
    [
        ("storages", &storage["id"], renamed.clone()),
        ("keys", &key["key"]["id"], renamed.clone()),
        ("sites", &site["id"], renamed.clone()),
        ("users", &user["user"]["id"], json!({"role": "admin"})),
        ("groups", &group["id"], renamed.clone()),
        ("grants", &grant["id"], json!({"permission": "read_write"})),
        ("sync-jobs", &job["id"], renamed.clone()),
        ("share-links", &link["link"]["id"], renamed),
    ]
    .map(|(noun, id, change)| Record { path: format!("/api/v1/{noun}/{}", text(id)), change })
    .into()
}

fn tag(answer: &Answer) -> String {
    let tag = answer.header("etag").to_owned();
    let digits = tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"')).unwrap_or_default();
    assert!(digits.len() == 16 && digits.bytes().all(|digit| digit.is_ascii_hexdigit()), "{answer:?}");
    tag
}

#[tokio::test]
async fn a_change_is_made_to_what_was_read_and_to_nothing_else() {
    let world = World::new().await;
    for Record { path, change } in records(&world).await {
        let before = tag(&world.admin("GET", &path).send().await);
        assert_eq!(before, tag(&world.admin("GET", &path).send().await), "{path}");
        let try_it = async |condition: &str| {
            world.admin("PATCH", &path).header("if-match", condition).json(&change).send().await
        };
        for stale in ["\"0000000000000000\"", &format!("W/{before}"), before.trim_matches('"'), "", "\"*\""] {
            let answer = try_it(stale).await;
            assert_eq!(answer.status, StatusCode::PRECONDITION_FAILED, "{path} {stale}: {answer:?}");
            assert_eq!(answer.json()["type"], "urn:portcullis:problem:changed");
            assert!(answer.json()["detail"].as_str().unwrap().contains("read it again"), "{answer:?}");
        }
        assert_eq!(before, tag(&world.admin("GET", &path).send().await), "{path}: something was changed");

        let changed = try_it(&format!("\"other\", {before}")).await;
        assert_eq!(changed.status, StatusCode::OK, "{path}: {changed:?}");
        let after = tag(&changed);
        assert_ne!(before, after, "{path}");
        assert_eq!(after, tag(&world.admin("GET", &path).send().await), "{path}");
        // The one who read it before the change is told, and so is everybody who says nothing of conditions not hindered.
        assert_eq!(try_it(&before).await.status, StatusCode::PRECONDITION_FAILED, "{path}");
        assert_eq!(try_it("*").await.status, StatusCode::OK, "{path}");
        assert_eq!(world.admin("PATCH", &path).json(&change).send().await.status, StatusCode::OK, "{path}");
    }
}

#[tokio::test]
async fn the_tag_is_of_settings_not_of_use() {
    let world = World::new().await;
    let storage = world.storage("NAS").await;
    let id = storage["id"].as_str().unwrap();
    let bearer = world.rest_key(&storage, "read_write").await;
    let (storage, key) = (
        format!("/api/v1/storages/{id}"),
        format!("/api/v1/keys/{}", world.get("/api/v1/keys").await["items"][0]["id"].as_str().unwrap()),
    );
    let both = async || (world.admin("GET", &storage).send().await, world.admin("GET", &key).send().await);
    let before = both().await;
    let put = world.ask("PUT", &format!("{storage}/file?key=a")).bearer(&bearer).body("bytes").send().await;
    assert_eq!(put.status, StatusCode::OK, "{put:?}");
    world.flush().await;
    let after = both().await;
    assert_eq!(after.0.json()["used_bytes"], 5);
    assert!(!after.1.json()["last_used"].is_null(), "{after:?}");
    assert_eq!((tag(&before.0), tag(&before.1)), (tag(&after.0), tag(&after.1)));
}

#[tokio::test]
async fn new_credentials_and_the_end_of_a_key_wait_for_what_was_read() {
    let world = World::new().await;
    let records = records(&world).await;
    let Record { path, change } = records.iter().find(|record| record.path.contains("/keys/")).unwrap();
    let before = tag(&world.admin("GET", path).send().await);
    let current = tag(&world.admin("PATCH", path).json(change).send().await);
    for (method, path) in [("POST", format!("{path}/rotate")), ("DELETE", path.clone())] {
        let answer = world.admin(method, &path).header("if-match", &before).send().await;
        assert_eq!(answer.status, StatusCode::PRECONDITION_FAILED, "{method} {path}: {answer:?}");
    }
    let rotated = world.admin("POST", &format!("{path}/rotate")).header("if-match", &current).send().await;
    assert_eq!(rotated.status, StatusCode::OK, "{rotated:?}");
    // Other credentials are another state of the key.
    let answer = world.admin("DELETE", path).header("if-match", &current).send().await;
    assert_eq!(answer.status, StatusCode::PRECONDITION_FAILED, "{answer:?}");
    let current = tag(&world.admin("GET", path).send().await);
    let answer = world.admin("DELETE", path).header("if-match", &current).send().await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    // What is not there has no state that could match.
    let answer = world.admin("DELETE", path).header("if-match", "*").send().await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND, "{answer:?}");
}

#[tokio::test]
async fn nothing_that_changed_is_deleted_unread() {
    let world = World::new().await;
    // Grants go before the groups that they are for.
    for Record { path, change } in records(&world).await.into_iter().rev() {
        if path.contains("/storages/") || path.contains("/users/") {
            continue;
        }
        let before = tag(&world.admin("GET", &path).send().await);
        let current = tag(&world.admin("PATCH", &path).json(&change).send().await);
        let delete = async |tag: &str| world.admin("DELETE", &path).header("if-match", tag).send().await;
        assert_eq!(delete(&before).await.status, StatusCode::PRECONDITION_FAILED, "{path}");
        assert_eq!(world.admin("GET", &path).send().await.status, StatusCode::OK, "{path}");
        let deleted = delete(&current).await;
        assert!(deleted.status.is_success(), "{path}: {deleted:?}");
    }
}

#[tokio::test]
async fn an_invitation_anew_waits_for_what_was_read() {
    let world = World::new().await;
    let records = records(&world).await;
    let Record { path, change } = records.iter().find(|record| record.path.contains("/users/")).unwrap();
    let before = tag(&world.admin("GET", path).send().await);
    let current = tag(&world.admin("PATCH", path).json(change).send().await);
    let reset = async |tag: &str| {
        let ask = world.admin("POST", &format!("{path}/reset")).header("if-match", tag);
        ask.json(&json!({})).send().await.status
    };
    assert_eq!(reset(&before).await, StatusCode::PRECONDITION_FAILED);
    assert_eq!(reset(&current).await, StatusCode::OK);
}
