//! `Idempotency-Key`: what is sent twice is made once.

use std::time::Duration;

use http::StatusCode;
use serde_json::{Value, json};

use crate::world::{Answer, World};

async fn make(world: &World, path: &str, name: &str, given: &Value) -> Answer {
    world.admin("POST", path).header("idempotency-key", name).json(given).send().await
}

fn nas(name: &str) -> Value {
    json!({"name": name, "provider": "builtin"})
}

async fn storages(world: &World) -> usize {
    world.get("/api/v1/storages").await["items"].as_array().unwrap().len()
}

#[tokio::test]
async fn the_second_call_gets_what_the_first_one_made() {
    let world = World::new().await;
    let first = make(&world, "/api/v1/storages", "one", &nas("NAS")).await;
    assert_eq!((first.status, first.header("idempotent-replayed")), (StatusCode::CREATED, ""), "{first:?}");
    let at = first.header("location").to_owned();
    world.admin("PATCH", &at).json(&json!({"name": "renamed"})).send().await;

    let again = make(&world, "/api/v1/storages", "one", &nas("NAS")).await;
    assert_eq!(
        (again.status, again.header("idempotent-replayed")),
        (StatusCode::CREATED, "true"),
        "{again:?}"
    );
    assert_eq!(again.header("location"), at);
    assert_eq!((&again.json()["id"], &again.json()["name"]), (&first.json()["id"], &json!("renamed")));
    assert_eq!(again.header("etag"), world.admin("GET", &at).send().await.header("etag"));
    assert_eq!(storages(&world).await, 1);

    // Without a name, or under another, it is another call.
    assert_eq!(
        world.admin("POST", "/api/v1/storages").json(&nas("NAS")).send().await.status,
        StatusCode::CREATED
    );
    assert_eq!(make(&world, "/api/v1/storages", "two", &nas("NAS")).await.header("idempotent-replayed"), "");
    assert_eq!(storages(&world).await, 3);
}

#[tokio::test]
async fn another_body_under_the_same_name_is_refused() {
    let world = World::new().await;
    make(&world, "/api/v1/storages", "one", &nas("NAS")).await;
    let other = make(&world, "/api/v1/storages", "one", &nas("other")).await;
    assert_eq!(other.fields(), ["Idempotency-Key"]);
    assert_eq!(storages(&world).await, 1);
}

#[tokio::test]
async fn a_name_is_of_one_caller_and_one_address() {
    let world = World::new().await;
    make(&world, "/api/v1/storages", "one", &nas("NAS")).await;
    let site = json!({"name": "site", "channel": "rest", "scope": "site", "permission": "full"});
    let bearer = world.key(&site).await["bearer"].as_str().unwrap().to_owned();
    let by_key = world.ask("POST", "/api/v1/storages").bearer(&bearer).header("idempotency-key", "one");
    assert_eq!(by_key.json(&nas("NAS")).send().await.header("idempotent-replayed"), "");
    let elsewhere = make(&world, "/api/v1/keys", "one", &site).await;
    assert_eq!(elsewhere.status, StatusCode::CREATED, "{elsewhere:?}");
    // The same person in another session is the same caller.
    let token = world.sign_in("admin", crate::world::PASSWORD).await;
    let again = world.ask("POST", "/api/v1/storages").bearer(&token).header("idempotency-key", "one");
    assert_eq!(again.json(&nas("NAS")).send().await.header("idempotent-replayed"), "true");
    assert_eq!(storages(&world).await, 2);
}

#[tokio::test]
async fn a_secret_is_not_told_again() {
    let world = World::new().await;
    let given = json!({"name": "site", "channel": "rest", "scope": "site", "permission": "full"});
    let first = make(&world, "/api/v1/keys", "one", &given).await;
    let again = make(&world, "/api/v1/keys", "one", &given).await;
    assert_eq!(again.status, StatusCode::CONFLICT, "{again:?}");
    let problem = again.json();
    assert_eq!(problem["type"], "urn:portcullis:problem:already-made");
    assert_eq!(problem["location"], first.header("location"));
    assert!(!problem.to_string().contains(first.json()["secret"].as_str().unwrap()));
    assert_eq!(world.get("/api/v1/keys").await["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_user_with_a_password_is_told_again_and_an_invitation_is_not() {
    let world = World::new().await;
    let given = json!({"username": "guest", "role": "member", "password": "nine lamps over a quiet harbour"});
    let first = make(&world, "/api/v1/users", "one", &given).await;
    let again = make(&world, "/api/v1/users", "one", &given).await;
    assert_eq!(
        (again.status, again.header("idempotent-replayed")),
        (StatusCode::CREATED, "true"),
        "{again:?}"
    );
    assert_eq!(again.json(), first.json());
    let given = json!({"username": "other", "role": "member"});
    make(&world, "/api/v1/users", "two", &given).await;
    let again = make(&world, "/api/v1/users", "two", &given).await;
    assert_eq!(again.json()["type"], "urn:portcullis:problem:already-made");
}

#[tokio::test]
async fn what_failed_may_be_tried_again() {
    let world = World::new().await;
    let wrong = make(&world, "/api/v1/storages", "one", &json!({"name": "NAS", "provider": "nowhere"})).await;
    assert_eq!(wrong.fields(), ["provider"]);
    let right = make(&world, "/api/v1/storages", "one", &nas("NAS")).await;
    assert_eq!((right.status, right.header("idempotent-replayed")), (StatusCode::CREATED, ""), "{right:?}");
}

#[tokio::test]
async fn what_was_deleted_since_is_said_to_be_gone() {
    let world = World::new().await;
    let storage = world.storage("NAS").await;
    let link = json!({"storage": storage["id"], "folder": "", "name": "box", "permission": "read"});
    let group = json!({"name": "people"});
    for (path, given) in [("/api/v1/groups", group), ("/api/v1/share-links", link)] {
        let made = make(&world, path, "one", &given).await;
        assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
        world.admin("DELETE", made.header("location")).send().await;
        let again = make(&world, path, "one", &given).await;
        assert_eq!(again.status, StatusCode::CONFLICT, "{again:?}");
        assert_eq!(again.json()["location"], made.header("location"));
    }
}

#[tokio::test]
async fn of_many_at_the_same_time_one_is_made() {
    let world = World::new().await;
    let given = nas("NAS");
    let calls = (0..8).map(|_| make(&world, "/api/v1/storages", "one", &given));
    let answers = futures_util::future::join_all(calls).await;
    assert_eq!(storages(&world).await, 1, "{answers:?}");
    for answer in &answers {
        match answer.status {
            StatusCode::CREATED => {}
            StatusCode::CONFLICT => {
                assert_eq!(answer.json()["type"], "urn:portcullis:problem:under-way");
                assert!(!answer.header("retry-after").is_empty(), "{answer:?}");
            }
            other => panic!("{other}: {answer:?}"),
        }
    }
}

#[tokio::test]
async fn names_that_are_none() {
    let world = World::new().await;
    for name in ["", "with blank", "with\ttab", &"x".repeat(256)] {
        let answer = make(&world, "/api/v1/storages", name, &nas("NAS")).await;
        assert_eq!(answer.fields(), ["Idempotency-Key"], "{name}");
    }
    let twice =
        world.admin("POST", "/api/v1/storages").header("idempotency-key", "a").header("idempotency-key", "a");
    assert_eq!(twice.json(&nas("NAS")).send().await.fields(), ["Idempotency-Key"]);
    let longest = make(&world, "/api/v1/storages", &"x".repeat(255), &nas("NAS")).await;
    assert_eq!(longest.status, StatusCode::CREATED, "{longest:?}");
    assert_eq!(storages(&world).await, 1);
    // Without credentials a name is nobody's.
    let nobody =
        world.ask("POST", "/api/v1/storages").header("idempotency-key", "a").json(&nas("NAS")).send().await;
    assert_eq!(nobody.status, StatusCode::UNAUTHORIZED, "{nobody:?}");
}

#[tokio::test]
async fn after_a_day_a_name_is_free_again() {
    let world = World::new().await;
    make(&world, "/api/v1/storages", "one", &nas("NAS")).await;
    world.clock.advance(Duration::from_secs(23 * 3600));
    world.control.tidy().await.unwrap();
    let token = world.sign_in("admin", crate::world::PASSWORD).await;
    let again = async || {
        let call = world.ask("POST", "/api/v1/storages").bearer(&token).header("idempotency-key", "one");
        call.json(&nas("NAS")).send().await.header("idempotent-replayed").to_owned()
    };
    assert_eq!(again().await, "true");
    world.clock.advance(Duration::from_secs(3600 + 1));
    world.control.tidy().await.unwrap();
    assert_eq!(again().await, "");
}
