//! Keys: make, list, look at, change, delete.

use std::time::Duration;

use http::StatusCode;
use portcullis_domain::Role;
use serde_json::{Value, json};

use crate::world::{PASSWORD, S3_ADDRESS, World};

fn s3_key(storage: &Value, permission: &str) -> Value {
    json!({"name": "rclone", "channel": "s3", "scope": {"storage": storage["id"]}, "permission": permission, "networks": []})
}

#[tokio::test]
async fn a_new_key_has_exactly_these_fields() {
    let world = World::new().await;
    let storage = world.storage("NAS").await;
    let answer = world.admin("POST", "/api/v1/keys").json(&s3_key(&storage, "write")).send().await;
    assert_eq!((answer.status, answer.header("cache-control")), (StatusCode::CREATED, "no-store"));
    let mut made = answer.json();
    let secret = made["secret"].as_str().unwrap().to_owned();
    assert!(secret.starts_with("pcs") && secret.len() == 40);
    let access_key = made["key"]["access_key"].as_str().unwrap().to_owned();
    assert!(access_key.starts_with("PC") && access_key.len() == 20);
    assert_eq!((&made["bearer"], &made["s3_address"]), (&json!(null), &json!(S3_ADDRESS)));
    assert_eq!(made["bucket_name"], storage["bucket_name"]);
    let tools: Vec<_> = made["setup"].as_object().unwrap().keys().cloned().collect();
    assert_eq!(
        tools,
        [
            "aws",
            "boto3",
            "curl",
            "cyberduck",
            "filezilla",
            "go",
            "java",
            "javascript",
            "rclone",
            "restic",
            "s3cmd",
            "s3fs",
            "terraform"
        ]
    );
    let rclone = made["setup"]["rclone"].as_str().unwrap();
    assert!(
        rclone.contains(&secret) && rclone.contains(&access_key) && rclone.contains("no_head = true"),
        "{rclone}"
    );
    let key = made["key"].take();
    let path = format!("/api/v1/keys/{}", key["id"].as_str().unwrap());
    assert_eq!(answer.header("location"), path);
    let mut rest = key.as_object().unwrap().clone();
    rest.remove("id");
    rest.remove("access_key");
    assert_eq!(
        Value::Object(rest),
        json!({
            "name": "rclone", "channel": "s3", "scope": {"storage": storage["id"]}, "permission": "write",
            "mail": null, "overwrite": "keep_previous", "networks": [], "trial": null, "prefix": "", "expires_at": null, "state": "active",
            "last_used": null, "created_at": "2027-01-31T18:00:00Z", "generation": 0, "overlap": null,
            "on_leak": "disable", "leaked_at": null, "receipt": null, "login": null, "public_keys": [],
        })
    );
    assert_eq!(world.get(&path).await, key);
    assert_eq!(world.get("/api/v1/keys").await, json!({"items": [key], "next_cursor": null}));
}

#[tokio::test]
async fn a_rest_key_opens_the_api_and_its_use_is_noted() {
    let world = World::new().await;
    let made =
        world.key(&json!({"name": "ci", "channel": "rest", "scope": "site", "permission": "full"})).await;
    let bearer = made["bearer"].as_str().unwrap();
    assert_eq!(
        bearer,
        format!("{}.{}", made["key"]["access_key"].as_str().unwrap(), made["secret"].as_str().unwrap())
    );
    assert_eq!((&made["bucket_name"], &made["key"]["scope"]), (&json!(null), &json!("site")));
    assert!(made["setup"]["portcullis"].as_str().unwrap().contains(bearer));
    let answer = world
        .ask("POST", "/api/v1/storages")
        .bearer(bearer)
        .json(&json!({"name": "by key", "provider": "builtin"}));
    assert_eq!(answer.send().await.json()["bucket_name"], "usr-10001-itm-00001-by-key");
    world.flush().await;
    let key = world.get(&format!("/api/v1/keys/{}", made["key"]["id"].as_str().unwrap())).await;
    assert_eq!(
        key["last_used"],
        json!({"at": "2027-01-31T18:00:00Z", "address": "192.0.2.1", "tool": "test/1"})
    );
}

#[tokio::test]
async fn every_wrong_field_is_named() {
    let world = World::new().await;
    let storage = world.storage("NAS").await;
    world.other_site().await;
    let bob = world.user(world.main_site().await, "bob", Role::Member).await;
    let foreign = {
        let token = world.sign_in("eve", PASSWORD).await;
        let given = json!({"name": "theirs", "provider": "builtin"});
        world.ask("POST", "/api/v1/storages").bearer(&token).json(&given).send().await.json()
    };
    let with = |fields: Value| {
        let mut given = s3_key(&storage, "read");
        for (name, value) in fields.as_object().unwrap() {
            given[name] = value.clone();
        }
        given
    };
    for (given, fields) in [
        (
            with(json!({"name": "", "permission": "all", "prefix": "\u{0}"})),
            vec!["name", "permission", "prefix"],
        ),
        (with(json!({"name": "x".repeat(201)})), vec!["name"]),
        (with(json!({"channel": "gopher"})), vec!["channel"]),
        (with(json!({"channel": "gopher"})), vec!["channel"]),
        (with(json!({"scope": "site"})), vec!["scope"]),
        (with(json!({"scope": "everything"})), vec!["scope"]),
        (with(json!({"scope": {"storage": "x"}})), vec!["scope.storage"]),
        (with(json!({"scope": {"storage": foreign["id"]}})), vec!["scope.storage"]),
        (with(json!({"scope": {"user": storage["id"]}})), vec!["scope.user"]),
        (with(json!({"permission": "full"})), vec!["permission"]),
        (with(json!({"channel": "rest", "scope": {"user": bob}, "permission": "full"})), vec!["permission"]),
        (with(json!({"channel": "rest", "scope": {"user": bob}, "prefix": "a/"})), vec!["prefix"]),
        (with(json!({"permission": "read_write", "overwrite": "create_only"})), vec!["overwrite"]),
        (with(json!({"overwrite": "sometimes"})), vec!["overwrite"]),
        (with(json!({"networks": ["fe80::1%eth0"]})), vec!["networks[0]"]),
        (with(json!({"networks": [{"network": "10.0.0.1", "note": "x".repeat(201)}]})), vec!["networks[0]"]),
        (with(json!({"networks": vec!["10.0.0.1"; 1001]})), vec!["networks"]),
        (with(json!({"expires_at": "2027-01-31T18:00:00Z"})), vec!["expires_at"]),
        (with(json!({"expires_at": "1999-01-01T00:00:00Z"})), vec!["expires_at"]),
        (with(json!({"expires_at": "next week"})), vec!["expires_at"]),
        (with(json!({"prefix": "p".repeat(1025)})), vec!["prefix"]),
        (with(json!({"s3": true})), vec!["s3"]),
        (with(json!({"credentials": {"id": "me", "secret": "hunter2"}})), vec!["credentials.id"]),
        (with(json!({"secret": "hunter2"})), vec!["secret"]),
        (json!({"name": "a"}), vec!["channel"]),
    ] {
        let answer = world.admin("POST", "/api/v1/keys").json(&given).send().await;
        assert_eq!(answer.fields(), fields, "{given}");
        assert!(!String::from_utf8_lossy(&answer.body).contains("hunter2"), "{answer:?}");
    }
    assert_eq!(world.get("/api/v1/keys").await["items"], json!([]), "nothing was made");
}

#[tokio::test]
async fn off_and_on_and_gone() {
    let world = World::new().await;
    let storage = world.storage("NAS").await;
    let scope = json!({"storage": storage["id"]});
    let made =
        world.key(&json!({"name": "k", "channel": "rest", "scope": scope, "permission": "read"})).await;
    let (path, bearer) =
        (format!("/api/v1/keys/{}", made["key"]["id"].as_str().unwrap()), made["bearer"].as_str().unwrap());
    let list = format!("/api/v1/storages/{}/files", storage["id"].as_str().unwrap());
    let works = async || world.ask("GET", &list).bearer(bearer).send().await.status.as_u16();
    let patch = async |given: Value| world.admin("PATCH", &path).json(&given).send().await;
    assert_eq!(works().await, 200);
    let off = patch(json!({"permission": "none"})).await.json();
    assert_eq!((&off["state"], &off["permission"]), (&json!("disabled"), &json!("none")));
    assert_eq!(works().await, 403);
    assert_eq!(patch(json!({"permission": "read"})).await.json()["state"], "active");
    assert_eq!(works().await, 200);
    patch(json!({"networks": ["198.51.100.1"]})).await;
    assert_eq!(works().await, 403);
    patch(json!({"networks": [], "expires_at": "2027-01-31T18:00:10Z"})).await;
    assert_eq!(works().await, 200);
    world.clock.advance(Duration::from_secs(10));
    assert_eq!(works().await, 401);
    assert_eq!(world.get(&path).await["state"], "expired");
    assert_eq!(patch(json!({"expires_at": null, "prefix": "in/"})).await.json()["state"], "active");
    assert_eq!(works().await, 403, "a list of everything is beyond the prefix");
    assert_eq!(
        world.ask("GET", &format!("{list}?prefix=in/")).bearer(bearer).send().await.status,
        StatusCode::OK
    );
    for (given, fields) in [
        (json!({"scope": "site"}), vec!["scope"]),
        (json!({"channel": "s3"}), vec!["channel"]),
        (json!({"expires_at": "2027-01-31T18:00:10Z"}), vec!["expires_at"]),
        (json!({"permission": "full"}), vec!["permission"]),
    ] {
        assert_eq!(patch(given.clone()).await.fields(), fields, "{given}");
    }
    assert_eq!(world.admin("DELETE", &path).send().await.status, StatusCode::OK);
    assert_eq!(works().await, 401);
    for (method, body) in [("GET", None), ("DELETE", None), ("PATCH", Some(json!({"permission": "read"})))] {
        let ask = world.admin(method, &path);
        let answer = match &body {
            Some(body) => ask.json(body),
            None => ask,
        };
        assert_eq!(answer.send().await.status, StatusCode::NOT_FOUND, "{method}");
    }
    assert_eq!(world.get("/api/v1/keys").await["items"], json!([]));
}

#[tokio::test]
async fn new_credentials_for_the_same_key() {
    let world = World::new().await;
    let storage = world.storage("NAS").await;
    let mut given = s3_key(&storage, "write");
    given["networks"] = json!(["203.0.113.0/24"]);
    given["prefix"] = json!("in/");
    let made = world.key(&given).await;
    let path = format!("/api/v1/keys/{}", made["key"]["id"].as_str().unwrap());
    let rotate = async |body: Option<Value>| {
        let ask = world.admin("POST", &format!("{path}/rotate"));
        match &body {
            Some(body) => ask.json(body),
            None => ask,
        }
        .send()
        .await
    };
    let mut old = made["key"].clone();
    for body in
        [None, Some(json!({})), Some(json!({"overlap_seconds": 0})), Some(json!({"overlap_seconds": null}))]
    {
        let answer = rotate(body).await;
        assert_eq!((answer.status, answer.header("cache-control")), (StatusCode::OK, "no-store"));
        let fresh = answer.json();
        let fields = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        assert_eq!(fields(&fresh), fields(&made), "the same answer as for a new key");
        assert!(fresh["receipt"].is_object() && made["receipt"].is_null(), "and what it ended");
        assert_ne!(fresh["key"]["access_key"], old["access_key"]);
        assert_ne!(fresh["secret"], made["secret"]);
        let rclone = fresh["setup"]["rclone"].as_str().unwrap();
        assert!(rclone.contains(fresh["secret"].as_str().unwrap()), "{rclone}");
        old["access_key"] = fresh["key"]["access_key"].clone();
        old["generation"] = json!(old["generation"].as_u64().unwrap() + 1);
        assert_eq!(fresh["key"], old, "nothing else has changed");
        assert_eq!(world.get(&path).await, old);
    }
    for (wrong, field) in [
        (json!({"overlap_seconds": 2_592_001}), "overlap_seconds"),
        (json!({"reason": "because"}), "reason"),
        (json!({"keep_access_key": "yes"}), "keep_access_key"),
        (json!({"overlap_seconds": -1}), "overlap_seconds"),
        (json!({"overlap": 0}), "overlap"),
    ] {
        assert_eq!(rotate(Some(wrong.clone())).await.fields(), [field], "{wrong}");
    }
    assert_eq!(world.get(&path).await, old, "what is refused rotates nothing");
    let eve = world.other_site().await;
    let theirs = world.ask("POST", &format!("{path}/rotate")).bearer(&eve).send().await;
    assert_eq!(theirs.status, StatusCode::NOT_FOUND);
    let events = world.get("/api/v1/audit-events?limit=1000").await;
    let rotations =
        events["items"].as_array().unwrap().iter().filter(|event| event["action"] == "rotate_key");
    assert_eq!(rotations.count(), 4, "to be seen at once");
    world.admin("DELETE", &path).send().await;
    assert_eq!(rotate(None).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_rotated_rest_key_opens_nothing_any_more() {
    let world = World::new().await;
    let storage = world.storage("NAS").await;
    let old = world.rest_key(&storage, "read").await;
    let list = format!("/api/v1/storages/{}/files", storage["id"].as_str().unwrap());
    let works = async |bearer: &str| world.ask("GET", &list).bearer(bearer).send().await.status.as_u16();
    assert_eq!(works(&old).await, 200);
    let key = world.get("/api/v1/keys").await["items"][0].clone();
    assert_eq!(key["last_used"]["address"], "192.0.2.1", "a use shows at once");
    let path = format!("/api/v1/keys/{}/rotate", key["id"].as_str().unwrap());
    let fresh = world.admin("POST", &path).send().await.json();
    assert_eq!((works(&old).await, works(fresh["bearer"].as_str().unwrap()).await), (401, 200));
    // Neither half of the old pair is of use with a half of the new.
    let (old_id, old_secret) = old.split_once('.').unwrap();
    let (id, secret) = fresh["bearer"].as_str().unwrap().split_once('.').unwrap();
    assert_eq!(
        (works(&format!("{id}.{old_secret}")).await, works(&format!("{old_id}.{secret}")).await),
        (401, 401)
    );
}

#[tokio::test]
async fn filters_and_pages() {
    let world = World::new().await;
    let (first, second) = (world.storage("first").await, world.storage("second").await);
    for (storage, names) in [(&first, ["a", "b", "100%"]), (&second, ["c", "d", "x_y"])] {
        for name in names {
            let mut given = s3_key(storage, "read");
            given["name"] = json!(name);
            world.key(&given).await;
        }
    }
    world.key(&json!({"name": "ci", "channel": "rest", "scope": "site", "permission": "full"})).await;
    let me = world.get("/api/v1/me").await["user"]["id"].as_str().unwrap().to_owned();
    world
        .key(&json!({"name": "mine", "channel": "s3", "scope": {"user": me}, "permission": "read_write"}))
        .await;
    let names = async |query: &str| {
        let page = world.get(&format!("/api/v1/keys?{query}")).await;
        let items = page["items"].as_array().unwrap().clone();
        items.iter().map(|item| item["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(&format!("storage={}", second["id"].as_str().unwrap())).await, ["c", "d", "x_y"]);
    assert_eq!(names("channel=rest").await, ["ci"]);
    assert_eq!(names(&format!("user={me}")).await, ["mine"]);
    assert_eq!(names("search=%25").await, ["100%"]);
    assert_eq!(names("search=_").await, ["x_y"]);
    assert_eq!(names("limit=3").await, ["a", "b", "100%"]);
    let page = world.get("/api/v1/keys?limit=3").await;
    let next = page["next_cursor"].as_str().unwrap();
    assert_eq!(names(&format!("limit=3&cursor={next}")).await, ["c", "d", "x_y"]);
    for (query, field) in
        [("storage=x", "storage"), ("channel=gopher", "channel"), ("cursor=1", "cursor"), ("q=a", "q")]
    {
        assert_eq!(
            world.admin("GET", &format!("/api/v1/keys?{query}")).send().await.fields(),
            [field],
            "{query}"
        );
    }
    // An admin's own S3 key opens every storage.
    assert_eq!(
        world.get(&format!("/api/v1/storages/{}", first["id"].as_str().unwrap())).await["s3_active"],
        json!(true)
    );
}

/// What a key makes or changes is never wider than itself.
#[tokio::test]
async fn authority_never_grows() {
    let world = World::new().await;
    let storage = world.storage("NAS").await;
    let made = world
        .key(&json!({
            "name": "narrow", "channel": "rest", "scope": "site", "permission": "full",
            "networks": ["192.0.2.0/24"], "expires_at": "2027-03-01T00:00:00Z",
        }))
        .await;
    let bearer = made["bearer"].as_str().unwrap();
    let own = format!("/api/v1/keys/{}", made["key"]["id"].as_str().unwrap());
    let create = async |networks: Value, expires: Value| {
        let mut given = s3_key(&storage, "read");
        given["networks"] = networks;
        given["expires_at"] = expires;
        world.ask("POST", "/api/v1/keys").bearer(bearer).json(&given).send().await
    };
    let inside = create(json!(["192.0.2.7"]), json!("2027-02-01T00:00:00Z")).await;
    assert_eq!(inside.status, StatusCode::CREATED);
    assert_eq!(create(json!([]), json!("2027-02-01T00:00:00Z")).await.fields(), ["networks"]);
    assert_eq!(create(json!(["192.0.2.0/23"]), json!("2027-02-01T00:00:00Z")).await.fields(), ["networks"]);
    assert_eq!(create(json!(["192.0.2.7"]), json!(null)).await.fields(), ["expires_at"]);
    assert_eq!(create(json!(["192.0.2.7"]), json!("2027-03-01T00:00:01Z")).await.fields(), ["expires_at"]);

    let patch =
        async |path: &str, given: Value| world.ask("PATCH", path).bearer(bearer).json(&given).send().await;
    assert_eq!(patch(&own, json!({"networks": []})).await.fields(), ["networks"], "not its own either");
    assert_eq!(patch(&own, json!({"expires_at": null})).await.fields(), ["expires_at"]);
    // A key that is wider already may be renamed and narrowed by a narrower one, not widened.
    let wide = world.key(&s3_key(&storage, "read")).await;
    let wide = format!("/api/v1/keys/{}", wide["key"]["id"].as_str().unwrap());
    assert_eq!(patch(&wide, json!({"name": "renamed"})).await.status, StatusCode::OK);
    assert_eq!(patch(&wide, json!({"permission": "read_write"})).await.fields(), ["networks", "expires_at"]);
    assert_eq!(patch(&wide, json!({"permission": "none"})).await.status, StatusCode::OK);
    world.flush().await;
    let audit = world.get("/api/v1/audit-events?limit=1000").await.to_string();
    assert!(audit.contains("wider_than_own"), "{audit}");

    // An admin's own key makes no key that outlives the admin's account.
    let me = world.get("/api/v1/me").await["user"]["id"].clone();
    let mine = world
        .key(&json!({"name": "mine", "channel": "rest", "scope": {"user": me}, "permission": "full"}))
        .await;
    let site = json!({"name": "site", "channel": "rest", "scope": "site", "permission": "full"});
    let answer =
        world.ask("POST", "/api/v1/keys").bearer(mine["bearer"].as_str().unwrap()).json(&site).send().await;
    assert_eq!(answer.fields(), ["scope"]);
}

#[tokio::test]
async fn another_site_sees_nothing_of_it() {
    let world = World::new().await;
    let storage = world.storage("NAS").await;
    let made = world.key(&s3_key(&storage, "read")).await;
    let eve = world.other_site().await;
    let path = format!("/api/v1/keys/{}", made["key"]["id"].as_str().unwrap());
    for method in ["GET", "PATCH", "DELETE"] {
        let ask = world.ask(method, &path).bearer(&eve);
        let answer =
            if method == "PATCH" { ask.json(&json!({"permission": "none"})) } else { ask }.send().await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{method}");
    }
    for path in
        ["/api/v1/keys".to_owned(), format!("/api/v1/keys?storage={}", storage["id"].as_str().unwrap())]
    {
        assert_eq!(world.ask("GET", &path).bearer(&eve).send().await.json()["items"], json!([]), "{path}");
    }
    let audit = world.ask("GET", "/api/v1/audit-events").bearer(&eve).send().await.json().to_string();
    assert!(!audit.contains(made["key"]["id"].as_str().unwrap()), "{audit}");
    assert_eq!(world.get(&path).await, made["key"]);
}
