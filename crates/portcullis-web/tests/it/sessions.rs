//! Signing in and out, and who one is.

use std::time::Duration;

use http::StatusCode;
use portcullis_domain::Role;
use serde_json::json;

use crate::world::{PASSWORD, World};

#[tokio::test]
async fn in_and_out_again() {
    let world = World::new().await;
    let me = world.get("/api/v1/me").await;
    assert_eq!(
        (&me["kind"], &me["admin"], &me["user"]["username"]),
        (&json!("session"), &json!(true), &json!("admin"))
    );
    assert_eq!(me["site"]["name"], "main");
    assert_eq!(me["key"], json!(null));

    world.clock.advance(Duration::from_secs(60));
    let second = world.sign_in("  Admin", PASSWORD).await;
    let sessions = world.get("/api/v1/sessions").await;
    let current: Vec<_> =
        sessions["items"].as_array().unwrap().iter().map(|item| item["current"].clone()).collect();
    assert_eq!(current, [json!(false), json!(true)], "the newest first");
    assert_eq!(sessions["items"][0]["address"], "192.0.2.1");
    assert_eq!(sessions["items"][0]["tool"], "test/1");

    let answer = world.ask("DELETE", "/api/v1/sessions/current").bearer(&second).send().await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    let answer = world.ask("GET", "/api/v1/me").bearer(&second).send().await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert_eq!(world.get("/api/v1/sessions").await["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_session_runs_out() {
    let world = World::new().await;
    let given = json!({"username": "admin", "password": PASSWORD});
    let answer = world.ask("POST", "/api/v1/sessions").json(&given).send().await;
    assert_eq!(answer.json()["expires_at"], "2027-02-01T06:00:00Z");
    assert_eq!(answer.header("cache-control"), "no-store");
    let token = answer.json()["token"].as_str().unwrap().to_owned();
    world.clock.advance(Duration::from_secs(12 * 3600 - 1));
    assert_eq!(world.ask("GET", "/api/v1/me").bearer(&token).send().await.status, StatusCode::OK);
    world.clock.advance(Duration::from_secs(1));
    let answer = world.ask("GET", "/api/v1/me").bearer(&token).send().await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert_eq!(answer.header("www-authenticate"), "Bearer error=\"invalid_token\"");
}

#[tokio::test]
async fn wrong_names_and_passwords_look_alike_and_are_slowed_down() {
    let world = World::new().await;
    let attempt = async |username: &str, password: &str| {
        let given = json!({"username": username, "password": password});
        world.ask("POST", "/api/v1/sessions").from([198, 51, 100, 7]).json(&given).send().await
    };
    let mut documents = Vec::new();
    for (username, password) in [("admin", "wrong"), ("nobody", PASSWORD), ("", ""), ("admin\u{0}", PASSWORD)]
    {
        let answer = attempt(username, password).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{username}");
        let mut document = answer.json();
        document["request_id"] = json!("");
        documents.push(document);
    }
    documents.dedup();
    assert_eq!(documents.len(), 1, "{documents:?}");
    let mut statuses = Vec::new();
    for _ in 0..12 {
        let answer = attempt("admin", "wrong").await;
        statuses.push(answer.status.as_u16());
        if answer.status == StatusCode::TOO_MANY_REQUESTS {
            assert!(answer.header("retry-after").parse::<u64>().unwrap() >= 1);
            break;
        }
    }
    assert_eq!(statuses.last(), Some(&429), "{statuses:?}");
    // The owner, from elsewhere, is not locked out.
    world.sign_in("admin", PASSWORD).await;
}

#[tokio::test]
async fn a_code_of_nothing_is_not_silently_ignored() {
    let world = World::new().await;
    let given = json!({"username": "admin", "password": PASSWORD, "otp": "123456"});
    assert_eq!(world.ask("POST", "/api/v1/sessions").json(&given).send().await.fields(), ["otp"]);
}

#[tokio::test]
async fn a_key_has_no_sessions_and_knows_itself() {
    let world = World::new().await;
    let storage = world.storage("NAS").await;
    let key = world.rest_key(&storage, "write").await;
    for (method, path) in [("GET", "/api/v1/sessions"), ("DELETE", "/api/v1/sessions/current")] {
        assert_eq!(
            world.ask(method, path).bearer(&key).send().await.status,
            StatusCode::FORBIDDEN,
            "{method}"
        );
    }
    let me = world.ask("GET", "/api/v1/me").bearer(&key).send().await.json();
    assert_eq!((&me["kind"], &me["admin"], &me["user"]), (&json!("key"), &json!(false), &json!(null)));
    assert_eq!(me["key"]["scope"], json!({"storage": storage["id"]}));
    assert_eq!(me["key"].get("networks"), None);
}

#[tokio::test]
async fn a_member_is_no_admin() {
    let world = World::new().await;
    world.user(world.main_site().await, "bob", Role::Member).await;
    let token = world.sign_in("bob", PASSWORD).await;
    let me = world.ask("GET", "/api/v1/me").bearer(&token).send().await.json();
    assert_eq!((&me["admin"], &me["user"]["role"]), (&json!(false), &json!("member")));
    let answer = world.ask("GET", "/api/v1/sessions").bearer(&token).send().await;
    assert_eq!(answer.json()["items"].as_array().unwrap().len(), 1, "only their own");
}

#[tokio::test]
async fn a_person_changes_their_password() {
    const NEW: &str = "blue cup on a shelf";
    let world = World::new().await;
    let second = world.sign_in("admin", PASSWORD).await;
    let change = async |token: &str, given: serde_json::Value| {
        world.ask("PUT", "/api/v1/me/password").bearer(token).json(&given).send().await
    };
    for (given, fields) in [
        (json!({"current": "wrong", "new": NEW}), vec!["current"]),
        (json!({"current": "wrong", "new": "short"}), vec!["current", "new"]),
        (json!({"current": PASSWORD, "new": PASSWORD}), vec!["new"]),
        (json!({"current": PASSWORD, "new": "Administrator"}), vec!["new"]),
        (json!({"current": PASSWORD}), vec!["new"]),
        (json!({"current": PASSWORD, "new": NEW, "repeat": NEW}), vec!["repeat"]),
    ] {
        assert_eq!(change(&second, given.clone()).await.fields(), fields, "{given}");
    }
    let answer = change(&second, json!({"current": PASSWORD, "new": NEW})).await;
    assert_eq!((answer.status, answer.body.len()), (StatusCode::NO_CONTENT, 0));
    let me = async |token: &str| world.ask("GET", "/api/v1/me").bearer(token).send().await.status;
    assert_eq!((me(&second).await, me(&world.token).await), (StatusCode::OK, StatusCode::UNAUTHORIZED));
    let sign_in = async |password: &str| {
        let given = json!({"username": "admin", "password": password});
        world.ask("POST", "/api/v1/sessions").json(&given).send().await.status
    };
    assert_eq!(
        (sign_in(PASSWORD).await, sign_in(NEW).await),
        (StatusCode::UNAUTHORIZED, StatusCode::CREATED)
    );
    let told = world.told.lock().unwrap();
    assert!(told.iter().all(|answer| !answer.contains(PASSWORD) && !answer.contains(NEW)));
}
