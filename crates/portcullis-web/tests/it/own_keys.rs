//! Keys that people make themselves, the two keys of one call, and temporary credentials, over REST.

use http::StatusCode;
use portcullis_domain::Role;
use serde_json::{Value, json};

use crate::world::{Answer, PASSWORD, World};

struct Member<'a> {
    world: &'a World,
    id: String,
    token: String,
}

impl<'a> Member<'a> {
    async fn new(world: &'a World, name: &str) -> Self {
        let id = world.user(world.main_site().await, name, Role::Member).await;
        Self { world, id, token: world.sign_in(name, PASSWORD).await }
    }

    async fn ask(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        let ask = self.world.ask(method, path).bearer(&self.token);
        match body {
            Some(body) => ask.json(&body),
            None => ask,
        }
        .send()
        .await
    }

    fn draft(&self) -> Value {
        json!({"name": "laptop", "channel": "rest", "scope": {"user": self.id}, "permission": "read_write"})
    }
}

async fn members_may(world: &World) {
    let path = format!("/api/v1/sites/{}", world.main_site().await);
    let rules = json!({"rules": {"members_make_keys": true}});
    let answer = world.admin("PATCH", &path).json(&rules).send().await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
}

#[tokio::test]
async fn members_make_and_see_their_own_keys() {
    let world = World::new().await;
    let (bob, ann) = (Member::new(&world, "bob").await, Member::new(&world, "ann").await);
    let refused = bob.ask("POST", "/api/v1/keys", Some(bob.draft())).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(refused.json()["type"].as_str().unwrap().ends_with("keys-by-admins-only"), "{refused:?}");
    members_may(&world).await;
    let storage = world.storage("NAS").await;
    let theirs = world.key(&json!({"name": "nas", "channel": "s3", "scope": {"storage": storage["id"]}, "permission": "read"})).await;

    let mut both = bob.draft();
    both["s3"] = json!(true);
    let made = bob.ask("POST", "/api/v1/keys", Some(both)).await;
    assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
    let told = made.json();
    assert_eq!((&told["key"]["channel"], &told["s3"]["key"]["channel"]), (&json!("rest"), &json!("s3")));
    assert_eq!(told["s3"]["key"]["scope"], json!({"user": bob.id}));
    assert!(told["s3"]["setup"]["rclone"].as_str().unwrap().contains(told["s3"]["secret"].as_str().unwrap()));
    assert_ne!(told["secret"], told["s3"]["secret"]);
    let own = world.ask("GET", "/api/v1/me").bearer(told["bearer"].as_str().unwrap()).send().await;
    assert_eq!(own.status, StatusCode::OK);

    let list = async |who: &Member<'_>| {
        let items = who.ask("GET", "/api/v1/keys", None).await.json()["items"].clone();
        items.as_array().unwrap().len()
    };
    assert_eq!((list(&bob).await, list(&ann).await), (2, 0));
    for path in [
        made.header("location").to_owned(),
        format!("/api/v1/keys/{}", theirs["key"]["id"].as_str().unwrap()),
    ] {
        for (method, path) in [
            ("GET", path.clone()),
            ("PATCH", path.clone()),
            ("DELETE", path.clone()),
            ("POST", format!("{path}/rotate")),
            ("POST", format!("{path}/temporary-credentials")),
        ] {
            let body = (method != "GET" && method != "DELETE").then(|| json!({}));
            let answer = ann.ask(method, &path, body).await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{method} {path}: {answer:?}");
        }
    }
    let at = made.header("location");
    let off = bob.ask("PATCH", at, Some(json!({"permission": "none"}))).await;
    assert_eq!((off.status, &off.json()["state"]), (StatusCode::OK, &json!("disabled")));
    assert_eq!(bob.ask("DELETE", at, None).await.status, StatusCode::OK);
    assert_eq!(list(&bob).await, 1, "the other lives on");
}

#[tokio::test]
async fn what_is_not_theirs_to_make() {
    let world = World::new().await;
    members_may(&world).await;
    let (bob, ann) = (Member::new(&world, "bob").await, Member::new(&world, "ann").await);
    let storage = world.storage("NAS").await;
    for scope in [json!("site"), json!({"user": ann.id}), json!({"storage": storage["id"]})] {
        let mut draft = bob.draft();
        draft["scope"] = scope;
        assert_eq!(bob.ask("POST", "/api/v1/keys", Some(draft)).await.fields(), ["scope"]);
    }
    let mut full = bob.draft();
    full["permission"] = json!("full");
    assert_eq!(bob.ask("POST", "/api/v1/keys", Some(full)).await.fields(), ["permission"]);
    let site = json!({"name": "x", "channel": "rest", "scope": "site", "permission": "read", "s3": true});
    let refused = world.admin("POST", "/api/v1/keys").json(&site).send().await;
    assert_eq!(refused.fields(), ["s3"]);
    assert!(refused.json()["errors"][0]["message"].as_str().unwrap().contains("whole site"), "{refused:?}");
}

#[tokio::test]
async fn temporary_credentials() {
    let world = World::new().await;
    let storage = world.storage("NAS").await;
    let scope = json!({"storage": storage["id"]});
    let key =
        world.key(&json!({"name": "nas", "channel": "s3", "scope": scope, "permission": "read_write"})).await;
    let path = format!("/api/v1/keys/{}/temporary-credentials", key["key"]["id"].as_str().unwrap());
    let given = json!({"permission": "read", "prefix": "in/", "duration_seconds": 900});
    let made = world.admin("POST", &path).json(&given).send().await;
    assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
    assert_eq!(made.header("cache-control"), "no-store");
    let told = made.json();
    assert_eq!(told["expires_at"], "2027-01-31T18:15:00Z");
    assert_eq!((&told["permission"], &told["prefix"]), (&json!("read"), &json!("in/")));
    assert_eq!(told["bucket_name"], storage["bucket_name"]);
    assert_ne!(told["access_key"], key["key"]["access_key"]);
    for tool in ["env", "aws", "boto3"] {
        let text = told["setup"][tool].as_str().unwrap();
        for part in ["access_key", "secret", "session_token"] {
            assert!(text.contains(told[part].as_str().unwrap()), "{tool}: {part}");
        }
    }
    // Nothing has to be said at all.
    let plain = world.admin("POST", &path).send().await;
    assert_eq!(
        (plain.status, &plain.json()["expires_at"]),
        (StatusCode::CREATED, &json!("2027-01-31T19:00:00Z"))
    );
    for (given, field) in [
        (json!({"permission": "full"}), "permission"),
        (json!({"permission": "none"}), "permission"),
        (json!({"duration_seconds": 59}), "duration_seconds"),
        (json!({"duration_seconds": 43_201}), "duration_seconds"),
        (json!({"storage": "elsewhere"}), "storage"),
        (json!({"networks": ["10.0.0.0/99"]}), "networks[0]"),
    ] {
        let refused = world.admin("POST", &path).json(&given).send().await;
        assert_eq!(refused.fields(), [field], "{given}");
    }
    let unknown = world.admin("POST", &path).json(&json!({"duration": 60})).send().await;
    assert_eq!(unknown.status, StatusCode::UNPROCESSABLE_ENTITY);
    let rest =
        world.key(&json!({"name": "api", "channel": "rest", "scope": "site", "permission": "full"})).await;
    let path = format!("/api/v1/keys/{}/temporary-credentials", rest["key"]["id"].as_str().unwrap());
    assert_eq!(world.admin("POST", &path).send().await.fields(), ["id"]);
}
