//! Refusals explained and fixed over REST, and who still knocks.

use std::time::Duration;

use http::StatusCode;
use serde_json::{Value, json};

use crate::world::World;

impl World {
    /// A REST key from an office, used from somewhere else: its id, and the id of the request that was refused.
    pub(crate) async fn refused_from_afar(&self) -> (String, String) {
        let key = json!({
            "name": "nightly", "channel": "rest", "scope": "site", "permission": "read", "networks": ["198.51.100.0/24"],
        });
        let made = self.key(&key).await;
        let answer = self
            .ask("GET", "/api/v1/storages")
            .from([203, 0, 113, 7])
            .bearer(made["bearer"].as_str().unwrap())
            .send()
            .await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN);
        self.flush().await;
        (made["key"]["id"].as_str().unwrap().to_owned(), answer.header("x-request-id").to_owned())
    }

    async fn explanation(&self, request_id: &str) -> Value {
        self.get(&format!("/api/v1/audit-events/{request_id}/explanation")).await
    }
}

#[tokio::test]
async fn a_refusal_is_explained_and_fixed() {
    let world = World::new().await;
    let (key, id) = world.refused_from_afar().await;
    let told = world.explanation(&id).await;
    assert_eq!(told["event"]["reason"], "key_network");
    assert_eq!(
        told["now"],
        json!({
            "verdict": "refused", "reason": "key_network", "explanation": "the key may not be used from this address",
        })
    );
    assert_eq!(told["seen"]["address"], "203.0.113.7");
    assert_eq!(told["seen"]["networks"], json!(["198.51.100.0/24"]));
    assert_eq!(
        (&told["seen"]["key"]["name"], &told["seen"]["key"]["deleted"]),
        (&json!("nightly"), &json!(false))
    );
    assert_eq!(told["fix"], json!({"fix": "allow_address", "on": "key", "value": "203.0.113.7"}));
    let path = format!("/api/v1/audit-events/{id}/fix");
    let wrong = json!({"fix": "allow_address", "value": "0.0.0.0/0"});
    let answer = world.admin("POST", &path).json(&wrong).send().await;
    assert_eq!(answer.status, StatusCode::PRECONDITION_FAILED);
    assert!(answer.json()["type"].as_str().unwrap().ends_with("changed"), "{answer:?}");
    let answer = world.admin("POST", &path).json(&told["fix"]).send().await;
    assert_eq!(answer.fields(), ["on"], "only what is described is taken");
    let answer = world.admin("POST", &path).json(&json!({"fix": "allow_address"})).send().await;
    assert_eq!((answer.status, &answer.json()["now"]["verdict"]), (StatusCode::OK, &json!("allowed")));
    assert_eq!(answer.json()["fix"], Value::Null);
    let networks = &world.get(&format!("/api/v1/keys/{key}")).await["networks"];
    assert_eq!(networks[1]["network"], "203.0.113.7");
    let answer = world.admin("POST", &path).json(&json!({"fix": "allow_address"})).send().await;
    assert_eq!(answer.status, StatusCode::PRECONDITION_FAILED, "{answer:?}");
    for nothing in ["NOTHING", "%2F..%2F..", "%00"] {
        let path = format!("/api/v1/audit-events/{nothing}/explanation");
        assert_eq!(world.admin("GET", &path).send().await.status, StatusCode::NOT_FOUND, "{nothing}");
    }
    // The admin of another site learns nothing of it.
    let eve = world.other_site().await;
    let path = format!("/api/v1/audit-events/{id}/explanation");
    assert_eq!(world.ask("GET", &path).bearer(&eve).send().await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn who_knocks_is_listed_also_with_a_deleted_key() {
    let world = World::new().await;
    let (key, _) = world.refused_from_afar().await;
    let gone =
        world.key(&json!({"name": "gone", "channel": "rest", "scope": "site", "permission": "read"})).await;
    let gone_id = gone["key"]["id"].as_str().unwrap();
    world.admin("DELETE", &format!("/api/v1/keys/{gone_id}")).send().await;
    world.clock.advance(Duration::from_secs(60));
    let bearer = gone["bearer"].as_str().unwrap();
    for _ in 0..2 {
        let answer = world.ask("GET", "/api/v1/me").bearer(bearer).send().await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    }
    world.flush().await;
    let all = world.get("/api/v1/dead-keys").await;
    let items = all["items"].as_array().unwrap();
    let words: Vec<_> = items.iter().map(|item| item["word"].as_str().unwrap()).collect();
    assert_eq!(words, ["old_secret", "key_network"], "the latest first");
    let (first, second) = (&items[0], &items[1]);
    assert_eq!(
        (&first["proof"], &first["last_day"], &first["last_month"]),
        (&json!("old_secret"), &json!(2), &json!(2))
    );
    assert_eq!((&first["key"]["name"], &first["key"]["state"]), (&json!("gone"), &json!("deleted")));
    assert_eq!(first["key"]["deleted_at"], "2027-01-31T18:00:00Z");
    assert_eq!((&second["proof"], &second["key"]["state"]), (&json!("secret"), &json!("active")));
    assert_eq!((&second["network"], &second["tool"]), (&json!("203.0.113.7"), &json!("test")));
    assert_eq!(second["days"].as_array().unwrap().len(), 30);
    for (query, count) in [
        ("?reason=old_secret", 1),
        ("?reason=expired", 0),
        ("?search=NIGHT", 1),
        ("?search=203.0.113", 1),
        ("?search=nobody", 0),
    ] {
        let found = world.get(&format!("/api/v1/dead-keys{query}")).await;
        assert_eq!(found["items"].as_array().unwrap().len(), count, "{query}");
    }
    let page = world.get("/api/v1/dead-keys?limit=1").await;
    let next = page["next_cursor"].as_str().unwrap();
    let rest = world.get(&format!("/api/v1/dead-keys?limit=1&cursor={next}")).await;
    assert_eq!((&rest["items"][0], &rest["next_cursor"]), (second, &Value::Null));
    for (query, field) in [("?reason=key_deleted", "reason"), ("?cursor=zz", "cursor"), ("?limit=0", "limit")]
    {
        let answer = world.admin("GET", &format!("/api/v1/dead-keys{query}")).send().await;
        assert_eq!(answer.fields(), [field], "{query}");
    }
    for (id, count) in [(gone_id, 1), (key.as_str(), 1)] {
        let found = world.get(&format!("/api/v1/keys/{id}/knocks")).await;
        assert_eq!(found["items"].as_array().unwrap().len(), count);
    }
    let eve = world.other_site().await;
    let theirs = world.ask("GET", "/api/v1/dead-keys").bearer(&eve).send().await;
    assert_eq!(theirs.json()["items"], json!([]));
    let answer = world.ask("GET", &format!("/api/v1/keys/{gone_id}/knocks")).bearer(&eve).send().await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_trail_by_its_verdict() {
    let world = World::new().await;
    world.refused_from_afar().await;
    for (allowed, count) in [("false", 1), ("true", 2)] {
        let found = world.get(&format!("/api/v1/audit-events?allowed={allowed}")).await;
        let items = found["items"].as_array().unwrap();
        assert!(items.iter().all(|item| item["allowed"] == (allowed == "true")), "{items:?}");
        assert!(items.len() >= count, "{allowed}: {}", items.len());
    }
    let answer = world.admin("GET", "/api/v1/audit-events?allowed=perhaps").send().await;
    assert_eq!(answer.fields(), ["allowed"]);
    let file = world.admin("GET", "/api/v1/audit-events/export?format=csv&allowed=false").send().await;
    let text = String::from_utf8(file.body.to_vec()).unwrap();
    assert_eq!(text.lines().filter(|line| line.contains("key_network")).count(), 1);
    assert_eq!(text.lines().count(), 2, "{text}");
}

#[tokio::test]
async fn a_key_that_does_not_open_answers_as_one_that_never_was() {
    let world = World::new().await;
    let made = async |channel: &str| {
        let storage = world.storage("NAS").await;
        let scope = json!({"storage": storage["id"]});
        world.key(&json!({"name": "k", "channel": channel, "scope": scope, "permission": "read"})).await
    };
    let words = |key: &Value, secret: &Value| {
        format!("{}.{}", key["key"]["access_key"].as_str().unwrap(), secret.as_str().unwrap())
    };
    let (deleted, rotated, s3, other) =
        (made("rest").await, made("rest").await, made("s3").await, made("rest").await);
    let path = |key: &Value| format!("/api/v1/keys/{}", key["key"]["id"].as_str().unwrap());
    world.admin("DELETE", &path(&deleted)).send().await;
    world.admin("POST", &format!("{}/rotate", path(&rotated))).send().await;
    let ask = async |bearer: &str| {
        let answer = world.ask("GET", "/api/v1/me").bearer(bearer).send().await;
        let mut headers = answer.headers.clone();
        headers.remove("x-request-id");
        let text = String::from_utf8(answer.body.to_vec()).unwrap();
        (answer.status, headers, text.replace(answer.header("x-request-id"), "…"))
    };
    let unknown = ask(&format!("PC000000000000000000.{}", deleted["secret"].as_str().unwrap())).await;
    assert_eq!(unknown.0, StatusCode::UNAUTHORIZED);
    for (of, bearer) in [
        ("deleted, with its secret", words(&deleted, &deleted["secret"])),
        ("deleted, with another", words(&deleted, &other["secret"])),
        ("replaced, with its secret", words(&rotated, &rotated["secret"])),
        ("replaced, with another", words(&rotated, &other["secret"])),
        ("of another channel", words(&s3, &s3["secret"])),
        ("alive, with a wrong secret", words(&other, &s3["secret"])),
    ] {
        assert_eq!(ask(&bearer).await, unknown, "{of}");
    }
}
