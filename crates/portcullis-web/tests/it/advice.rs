//! Advice and usage over the REST API.

use std::time::Duration;

use http::StatusCode;
use serde_json::{Value, json};

use crate::world::World;

const DAY: Duration = Duration::from_hours(24);

impl World {
    /// A key that reads one file a day for a week, from one address; its id and token, and the storage.
    pub(crate) async fn reader(&self, name: &str) -> (String, String, Value) {
        let storage = self.storage(&format!("storage of {name}")).await;
        let scope = json!({"storage": storage["id"]});
        let given = json!({"name": name, "channel": "rest", "scope": scope, "permission": "read_write"});
        let made = self.key(&given).await;
        let (id, bearer) = (&made["key"]["id"], made["bearer"].as_str().unwrap());
        let file = format!("/api/v1/storages/{}/file?key=backup/db/dump", storage["id"].as_str().unwrap());
        self.admin("PUT", &file).body("four").send().await;
        for _ in 0..7 {
            let answer = self.ask("GET", &file).bearer(bearer).from([203, 0, 113, 7]).send().await;
            assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
            self.clock.advance(DAY);
        }
        self.access.flush(&self.system).await.unwrap();
        (id.as_str().unwrap().to_owned(), bearer.to_owned(), storage)
    }

    /// Signs the admin in again.
    pub(crate) async fn renew(&mut self) {
        self.token = self.sign_in("admin", crate::world::PASSWORD).await;
    }
}

#[tokio::test]
async fn advice_is_read_followed_and_undone() {
    let mut world = World::new().await;
    let (key, bearer, _) = world.reader("nightly").await;
    world.renew().await;
    let listed = world.get("/api/v1/advice").await;
    assert_eq!((&listed["items"][0]["key"], &listed["next_cursor"]), (&json!(key), &Value::Null));
    let shown = world.get(&format!("/api/v1/keys/{key}/advice")).await;
    assert_eq!(shown, listed["items"][0]);
    assert_eq!((&shown["window_days"], &shown["withheld"]), (&json!(30), &json!([])));
    let advice = shown["advice"].as_array().unwrap();
    let told: Vec<_> =
        advice.iter().map(|advice| (advice["what"].as_str().unwrap(), &advice["requests"])).collect();
    assert_eq!(told, [("permission", &json!(7)), ("networks", &json!(7)), ("prefix", &json!(7))]);
    assert_eq!(advice[0]["after"]["permission"], "read");
    assert_eq!(advice[1]["after"]["networks"], json!([{"network": "203.0.113.7", "note": ""}]));
    assert_eq!(
        (&advice[2]["after"]["prefix"], &advice[2]["confidence"]),
        (&json!("backup/db/"), &json!("low"))
    );
    assert_eq!(advice[0]["would_refuse"], json!({"requests": 0, "at_most": false, "examples": []}));

    let path = format!("/api/v1/keys/{key}/advice/networks");
    let taken = world.admin("POST", &path).send().await;
    assert_eq!(taken.status, StatusCode::OK, "{taken:?}");
    let taken = taken.json();
    assert_eq!((&taken["can_be_undone"], &taken["undone_at"]), (&json!(true), &Value::Null));
    assert_eq!(world.ask("GET", "/api/v1/me").bearer(&bearer).send().await.status, StatusCode::FORBIDDEN);
    let again = world.admin("POST", &path).send().await;
    assert_eq!(again.fields(), ["what"], "it is as narrow already");
    assert_eq!(taken["receipt"]["transfers_cut"], 0);
    let listed = world.get("/api/v1/advice/taken").await;
    assert_eq!((&listed["items"][0]["id"], &listed["items"][0]["receipt"]), (&taken["id"], &Value::Null));
    let other = world.storage("other").await;
    let none = format!("/api/v1/advice/taken?key={}", other["id"].as_str().unwrap());
    assert_eq!(world.get(&none).await["items"], json!([]));

    let undo = format!("/api/v1/advice/{}/undo", taken["id"].as_str().unwrap());
    let undone = world.admin("POST", &undo).send().await;
    assert_eq!((undone.status, &undone.json()["can_be_undone"]), (StatusCode::OK, &json!(false)));
    assert_eq!(world.get(&format!("/api/v1/keys/{key}")).await["networks"], json!([]));
    assert_eq!(world.ask("GET", "/api/v1/me").bearer(&bearer).send().await.status, StatusCode::OK);
    assert_eq!(world.admin("POST", &undo).send().await.fields(), ["advice"]);
}

#[tokio::test]
async fn what_is_no_advice_is_refused() {
    let mut world = World::new().await;
    let (key, ..) = world.reader("nightly").await;
    world.renew().await;
    for (method, path, status) in [
        ("POST", format!("/api/v1/keys/{key}/advice/levitate"), 404),
        ("POST", format!("/api/v1/keys/{key}/advice/disable"), 422),
        ("POST", format!("/api/v1/keys/{key}/advice/networks?window=31"), 422),
        ("GET", format!("/api/v1/keys/{key}/advice?window=-30"), 422),
        ("GET", "/api/v1/keys/nothing/advice".to_owned(), 404),
        ("GET", "/api/v1/advice?cursor=x".to_owned(), 422),
        ("GET", "/api/v1/advice?page=2".to_owned(), 422),
        ("POST", "/api/v1/advice/nothing/undo".to_owned(), 404),
        ("GET", "/api/v1/usage?by=colour".to_owned(), 422),
        ("GET", "/api/v1/usage?from=2027-02-01T00:00:00Z&to=2027-01-01T00:00:00Z".to_owned(), 422),
        ("GET", "/api/v1/usage?step=minute".to_owned(), 422),
        ("GET", "/api/v1/usage?by=key&limit=101".to_owned(), 422),
        ("GET", "/api/v1/usage?from=2000-01-01T00:00:00Z".to_owned(), 422),
    ] {
        let answer = world.admin(method, &path).send().await;
        assert_eq!(answer.status.as_u16(), status, "{path}: {answer:?}");
    }
    // Another site's admin sees nothing of it.
    let eve = world.other_site().await;
    let listed = world.ask("GET", "/api/v1/advice").bearer(&eve).send().await.json();
    assert_eq!(listed["items"], json!([]));
    let taken = world.ask("POST", &format!("/api/v1/keys/{key}/advice/networks")).bearer(&eve).send().await;
    assert_eq!(taken.status, StatusCode::NOT_FOUND);
    let usage = world.ask("GET", "/api/v1/usage").bearer(&eve).send().await.json();
    assert_eq!(usage["total"]["requests"], 0);
}

#[tokio::test]
async fn usage_over_time_and_the_largest() {
    let mut world = World::new().await;
    let (key, bearer, storage) = world.reader("nightly").await;
    world.renew().await;
    let over = world.get("/api/v1/usage").await;
    assert_eq!(over["total"], json!({"requests": 7, "bytes": 28, "refused": 0}));
    let points = over["points"].as_array().unwrap();
    assert_eq!((&over["step"], points.len()), (&json!("day"), 31));
    let sum = |points: &[Value]| points.iter().map(|point| point["requests"].as_u64().unwrap()).sum::<u64>();
    assert_eq!(sum(points), 7);
    let file = format!("/api/v1/storages/{}/file?key=x", storage["id"].as_str().unwrap());
    let missing = file.replace(storage["id"].as_str().unwrap(), &key);
    assert_eq!(world.ask("GET", &missing).bearer(&bearer).send().await.status, StatusCode::NOT_FOUND);
    // What is of this very moment is within its hour a little later.
    world.clock.advance(Duration::from_secs(60));
    let hours = world.get("/api/v1/usage?from=2027-02-07T00:00:00Z&step=hour").await;
    assert_eq!((&hours["step"], &hours["total"]["refused"]), (&json!("hour"), &json!(1)));
    for (by, id, name) in [
        ("key", json!(key), json!("nightly")),
        ("storage", storage["id"].clone(), storage["name"].clone()),
        ("network", json!("203.0.113.7"), Value::Null),
        ("tool", json!("test"), Value::Null),
    ] {
        let found = world.get(&format!("/api/v1/usage?by={by}&limit=1")).await;
        let item = &found["items"][0];
        assert_eq!((&item["id"], &item["name"], &item["requests"]), (&id, &name, &json!(7)), "{by}");
        assert_eq!((&found["step"], &found["points"]), (&Value::Null, &json!([])));
    }
    for (filter, requests) in [
        (format!("key={key}"), 7),
        (format!("storage={}", storage["id"].as_str().unwrap()), 7),
        ("network=203.0.113.8".to_owned(), 0),
        ("search=NIGHT".to_owned(), 7),
        ("search=nobody".to_owned(), 0),
    ] {
        let found = world.get(&format!("/api/v1/usage?{filter}")).await;
        assert_eq!(found["total"]["requests"], requests, "{filter}");
    }
}
