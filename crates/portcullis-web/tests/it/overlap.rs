//! Old credentials beside the new, as the API tells of them.

use std::time::Duration;

use http::StatusCode;
use serde_json::{Value, json};

use crate::world::{Answer, PASSWORD, World};

struct Scene {
    world: World,
    /// The address of the key.
    key: String,
    files: String,
    old: String,
}

impl Scene {
    /// A REST key that reads a storage.
    async fn new() -> Self {
        let world = World::new().await;
        let storage = world.storage("NAS").await;
        let old = world.rest_key(&storage, "read").await;
        let id = world.get("/api/v1/keys").await["items"][0]["id"].as_str().unwrap().to_owned();
        let files = format!("/api/v1/storages/{}/files", storage["id"].as_str().unwrap());
        Self { key: format!("/api/v1/keys/{id}"), files, old, world }
    }

    async fn rotate(&self, body: &Value) -> Answer {
        self.world.admin("POST", &format!("{}/rotate", self.key)).json(body).send().await
    }

    /// The status of a request with these words.
    async fn works(&self, bearer: &str, tool: &str) -> u16 {
        let ask = self.world.ask("GET", &self.files).bearer(bearer).tool(tool);
        ask.send().await.status.as_u16()
    }

    async fn ask(&self, method: &str, body: Option<Value>, condition: Option<&str>) -> Answer {
        let mut ask = self.world.admin(method, &format!("{}/overlap", self.key));
        if let Some(condition) = condition {
            ask = ask.header("if-match", condition);
        }
        match &body {
            Some(body) => ask.json(body),
            None => ask,
        }
        .send()
        .await
    }
}

fn bearer(answer: &Answer) -> String {
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    answer.json()["bearer"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn both_work_and_who_moved_is_told() {
    let scene = Scene::new().await;
    assert_eq!(scene.works(&scene.old, "rclone/1.60").await, 200);
    assert_eq!(scene.works(&scene.old, "restic/0.16").await, 200);
    assert_eq!(scene.ask("GET", None, None).await.status, StatusCode::NOT_FOUND);
    let rotated = scene.rotate(&json!({"overlap_seconds": 604_800, "reason": "routine"})).await;
    let new = bearer(&rotated);
    let key = rotated.json()["key"].clone();
    let old_id = scene.old.split_once('.').unwrap().0;
    let (since, until) = ("2027-01-31T18:00:00Z", "2027-02-07T18:00:00Z");
    assert_eq!(key["overlap"], json!({"access_key": old_id, "since": since, "until": until}));
    assert_eq!((&key["generation"], &scene.world.get(&scene.key).await), (&json!(1), &key));
    assert_eq!(scene.world.get("/api/v1/keys").await["items"][0]["overlap"], key["overlap"]);
    assert_eq!(
        (scene.works(&scene.old, "restic/0.16").await, scene.works(&new, "rclone/1.65").await),
        (200, 200)
    );

    let told = scene.ask("GET", None, None).await.json();
    assert_eq!((&told["access_key"], &told["until"]), (&json!(old_id), &json!(until)));
    assert_eq!(told["latest_until"], "2027-03-02T18:00:00Z");
    // All of it happened in one moment: who came with both cannot be said to have moved.
    assert_eq!(
        (&told["moved"], &told["partly_moved"], &told["not_moved"]),
        (&json!(0), &json!(1), &json!(1))
    );
    let first = &told["clients"][0];
    assert_eq!(
        *first,
        json!({
            "tool": "restic", "address": "192.0.2.1", "moved": "no", "last_with_old": since, "requests_with_old": 2,
            "last_with_new": null, "requests_with_new": 0,
        })
    );
    assert_eq!((&told["clients"][1]["tool"], &told["more"]), (&json!("rclone"), &json!(false)));

    scene.world.clock.advance(Duration::from_secs(604_800));
    assert_eq!(
        (scene.works(&scene.old, "restic/0.16").await, scene.works(&new, "rclone/1.65").await),
        (401, 200)
    );
    let admin = scene.world.sign_in("admin", PASSWORD).await;
    let now = scene.world.ask("GET", &scene.key).bearer(&admin).send().await.json();
    assert_eq!(now["overlap"], Value::Null);
}

#[tokio::test]
async fn another_overlap_waits_and_none_ends_it() {
    let scene = Scene::new().await;
    let second = bearer(&scene.rotate(&json!({"overlap_seconds": 3600, "keep_access_key": true})).await);
    assert_eq!(second.split_once('.').unwrap().0, scene.old.split_once('.').unwrap().0);
    let refused = scene.rotate(&json!({"overlap_seconds": 60})).await;
    assert_eq!(refused.status, StatusCode::CONFLICT, "{refused:?}");
    let problem = refused.json();
    assert_eq!(problem["type"], "urn:portcullis:problem:overlap-runs");
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("2027-01-31T19:00:00Z") && detail.contains("DELETE"), "{detail}");
    assert_eq!((scene.works(&scene.old, "t").await, scene.works(&second, "t").await), (200, 200));
    let third = bearer(&scene.rotate(&json!({})).await);
    let works =
        (scene.works(&scene.old, "t").await, scene.works(&second, "t").await, scene.works(&third, "t").await);
    assert_eq!(works, (401, 401, 200));
}

#[tokio::test]
async fn it_is_moved_and_ended_by_who_has_read_it() {
    let scene = Scene::new().await;
    let new = bearer(&scene.rotate(&json!({"overlap_seconds": 3600})).await);
    let tag = |answer: &Answer| answer.header("etag").to_owned();
    let before = tag(&scene.ask("GET", None, None).await);
    let longer = json!({"seconds": 7200});
    let moved = scene.ask("PATCH", Some(longer.clone()), Some(&before)).await;
    assert_eq!((moved.status, &moved.json()["until"]), (StatusCode::OK, &json!("2027-01-31T20:00:00Z")));
    let after = tag(&moved);
    assert_ne!(before, after);
    assert_eq!(after, tag(&scene.ask("GET", None, None).await));
    for (method, body) in [("PATCH", Some(longer.clone())), ("DELETE", None)] {
        let stale = scene.ask(method, body, Some(&before)).await;
        assert_eq!(stale.status, StatusCode::PRECONDITION_FAILED, "{method}: {stale:?}");
    }
    for (wrong, field) in [
        (json!({}), "until"),
        (json!({"until": "2027-01-31T18:00:00Z"}), "until"),
        (json!({"until": "2027-03-02T18:00:01Z"}), "until"),
        (json!({"until": "soon"}), "until"),
        (json!({"seconds": 0}), "seconds"),
        (json!({"seconds": 2_592_001}), "seconds"),
        (json!({"seconds": 5, "until": "2027-02-01T00:00:00Z"}), "seconds"),
        (json!({"for": 5}), "for"),
    ] {
        assert_eq!(scene.ask("PATCH", Some(wrong.clone()), None).await.fields(), [field], "{wrong}");
    }
    assert_eq!(scene.works(&scene.old, "t").await, 200);
    let ended = scene.ask("DELETE", None, Some(&after)).await;
    assert_eq!((ended.status, &ended.json()["overlap"]), (StatusCode::OK, &Value::Null), "{ended:?}");
    assert_eq!((scene.works(&scene.old, "t").await, scene.works(&new, "t").await), (401, 200));
    for (method, body) in [("GET", None), ("PATCH", Some(longer)), ("DELETE", None)] {
        assert_eq!(scene.ask(method, body, None).await.status, StatusCode::NOT_FOUND, "{method}");
    }
}

/// As for new credentials, people say once more who they are.
#[tokio::test]
async fn it_is_confirmed_by_people() {
    let scene = Scene::new().await;
    bearer(&scene.rotate(&json!({"overlap_seconds": 86_400})).await);
    scene.world.clock.advance(Duration::from_secs(601));
    for (method, body) in [("PATCH", Some(json!({"seconds": 60}))), ("DELETE", None)] {
        let asked = scene.ask(method, body, None).await;
        assert_eq!(asked.status, StatusCode::FORBIDDEN, "{asked:?}");
        assert_eq!(asked.json()["type"], "urn:portcullis:problem:confirmation-needed");
    }
    assert_eq!(scene.ask("GET", None, None).await.status, StatusCode::OK);
    assert_eq!(scene.works(&scene.old, "t").await, 200);
}
