//! Second factors, confirmations and the end of sessions, by the REST API.

use std::time::Duration;

use http::StatusCode;
use portcullis_domain::{Clock as _, Role};
use serde_json::{Value, json};

use crate::authenticator::code;
use crate::world::{Answer, PASSWORD, World};

const STEP: Duration = Duration::from_secs(30);

/// Sets an app up for whoever has this token: its key, and the recovery codes.
async fn set_up(world: &World, token: &str) -> (String, Vec<String>) {
    let begun = world.ask("POST", "/api/v1/me/totp").bearer(token).send().await;
    assert_eq!(begun.status, StatusCode::OK, "{begun:?}");
    let (begun, key) = (begun.json(), begun.json()["secret"].as_str().unwrap().to_owned());
    assert!(
        begun["uri"]
            .as_str()
            .unwrap()
            .contains(&format!("secret={key}&issuer=Portcullis%20gate.example.org"))
    );
    let given = json!({"state": begun["state"], "code": code(&key, world.clock.now())});
    let done = world.ask("POST", "/api/v1/me/totp/confirm").bearer(token).json(&given).send().await;
    assert_eq!((done.status, done.header("cache-control")), (StatusCode::OK, "no-store"), "{done:?}");
    let codes = done.json()["recovery_codes"].as_array().unwrap().clone();
    (key, codes.iter().map(|code| code.as_str().unwrap().to_owned()).collect())
}

async fn sign_in(world: &World, peer: u8, otp: Option<&str>) -> Answer {
    let mut given = json!({"username": "admin", "password": PASSWORD});
    if let Some(otp) = otp {
        given["otp"] = json!(otp);
    }
    world.ask("POST", "/api/v1/sessions").from([198, 51, 100, peer]).json(&given).send().await
}

fn kind(answer: &Answer) -> String {
    answer.json()["type"].as_str().unwrap().rsplit(':').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_code_is_asked_for_and_taken_once() {
    let world = World::new().await;
    assert_eq!(world.get("/api/v1/me").await["second_factor"], false);
    let (key, codes) = set_up(&world, &world.token).await;
    assert_eq!(codes.len(), 10);
    let me = world.get("/api/v1/me").await;
    assert_eq!((&me["second_factor"], &me["second_factor_needed"]), (&json!(true), &json!(false)));

    let missing = sign_in(&world, 1, None).await;
    assert_eq!((missing.status, kind(&missing).as_str()), (StatusCode::UNAUTHORIZED, "second-factor-needed"));
    let now = code(&key, world.clock.now());
    assert_eq!(sign_in(&world, 2, Some(&now)).await.status, StatusCode::UNAUTHORIZED, "it set the app up");
    for wrong in ["000000", "", "12345", "1234567", "not a code", "recovery"] {
        assert_eq!(sign_in(&world, 3, Some(wrong)).await.status, StatusCode::UNAUTHORIZED, "{wrong}");
        world.clock.advance(Duration::from_secs(600));
    }
    let now = code(&key, world.clock.now());
    assert_eq!(sign_in(&world, 4, Some(&now)).await.status, StatusCode::CREATED);
    assert_eq!(sign_in(&world, 5, Some(&now)).await.status, StatusCode::UNAUTHORIZED, "a second time");
    // The one before it is as good as used, although nobody used it.
    let before = code(&key, world.clock.now().before(STEP));
    assert_eq!(sign_in(&world, 6, Some(&before)).await.status, StatusCode::UNAUTHORIZED);
    world.clock.advance(STEP);
    let late = code(&key, world.clock.now());
    world.clock.advance(STEP);
    assert_eq!(sign_in(&world, 7, Some(&late)).await.status, StatusCode::CREATED, "one step late");

    let told = world.told.lock().unwrap();
    assert_eq!(told.iter().filter(|answer| answer.contains(&key)).count(), 1, "the key is told once");
    assert_eq!(told.iter().filter(|answer| answer.contains(&codes[0])).count(), 1, "so are the codes");
}

#[tokio::test]
async fn a_recovery_code_stands_in_once() {
    let world = World::new().await;
    let (_, codes) = set_up(&world, &world.token).await;
    let typed = codes[3].to_uppercase().replace('-', " ");
    assert_eq!(sign_in(&world, 1, Some(&typed)).await.status, StatusCode::CREATED);
    assert_eq!(sign_in(&world, 2, Some(&codes[3])).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(
        world.get("/api/v1/me/totp").await,
        json!({"totp": true, "passkeys": 0, "recovery_codes": 9, "asked": false})
    );
    let fresh = world.admin("POST", "/api/v1/me/recovery-codes").send().await.json();
    assert_eq!(fresh["recovery_codes"].as_array().unwrap().len(), 10);
    assert_eq!(sign_in(&world, 3, Some(&codes[4])).await.status, StatusCode::UNAUTHORIZED, "an old one");
    let code = fresh["recovery_codes"][0].as_str().unwrap();
    assert_eq!(sign_in(&world, 4, Some(code)).await.status, StatusCode::CREATED);
}

#[tokio::test]
async fn guessing_codes_is_slowed_down_and_locks_nobody_out() {
    let world = World::new().await;
    let (key, _) = set_up(&world, &world.token).await;
    world.clock.advance(STEP);
    let mut last = StatusCode::CREATED;
    for guess in 0..30 {
        last = sign_in(&world, 1, Some(&format!("{guess:06}"))).await.status;
        if last == StatusCode::TOO_MANY_REQUESTS {
            break;
        }
        assert_eq!(last, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(last, StatusCode::TOO_MANY_REQUESTS);
    let now = code(&key, world.clock.now());
    assert_eq!(
        sign_in(&world, 1, Some(&now)).await.status,
        StatusCode::TOO_MANY_REQUESTS,
        "not even the right one"
    );
    assert_eq!(sign_in(&world, 2, Some(&now)).await.status, StatusCode::CREATED, "the owner, from elsewhere");
}

#[tokio::test]
async fn a_set_up_is_ones_own_and_soon_over() {
    let world = World::new().await;
    world.user(world.main_site().await, "bob", Role::Member).await;
    let bob = world.sign_in("bob", PASSWORD).await;
    let begun = world.admin("POST", "/api/v1/me/totp").send().await.json();
    let key = begun["secret"].as_str().unwrap();
    let confirm = async |token: &str, state: &Value| {
        let given = json!({"state": state, "code": code(key, world.clock.now())});
        world.ask("POST", "/api/v1/me/totp/confirm").bearer(token).json(&given).send().await.fields()
    };
    assert_eq!(confirm(&bob, &begun["state"]).await, ["state"]);
    assert_eq!(confirm(&world.token, &json!("made up")).await, ["state"]);
    let given = json!({"state": begun["state"], "code": "000000"});
    assert_eq!(world.admin("POST", "/api/v1/me/totp/confirm").json(&given).send().await.fields(), ["code"]);
    assert_eq!(world.get("/api/v1/me/totp").await["totp"], false, "nothing was kept");
    world.clock.advance(Duration::from_secs(15 * 60));
    world.admin("POST", "/api/v1/sessions/current/confirm").json(&json!({"password": PASSWORD})).send().await;
    assert_eq!(confirm(&world.token, &begun["state"]).await, ["state"]);
}

#[tokio::test]
async fn what_weakens_an_account_is_asked_twice() {
    let world = World::new().await;
    set_up(&world, &world.token).await;
    world.clock.advance(Duration::from_secs(10 * 60));
    assert_eq!(world.get("/api/v1/me").await["confirmed"], false);
    for (method, path) in [
        ("DELETE", "/api/v1/me/totp"),
        ("POST", "/api/v1/me/totp"),
        ("POST", "/api/v1/me/recovery-codes"),
        ("POST", "/api/v1/me/passkeys/options"),
    ] {
        let answer = world.admin(method, path).send().await;
        assert_eq!(
            (answer.status, kind(&answer).as_str()),
            (StatusCode::FORBIDDEN, "confirmation-needed"),
            "{path}"
        );
    }
    let confirm = async |given: Value| {
        world.admin("POST", "/api/v1/sessions/current/confirm").json(&given).send().await
    };
    assert_eq!(confirm(json!({"password": "wrong"})).await.fields(), ["password"]);
    assert_eq!(confirm(json!({"password": PASSWORD, "otp": "000000"})).await.fields(), ["otp"]);
    assert_eq!(confirm(json!({})).await.fields(), ["password"]);
    assert_eq!(confirm(json!({"password": PASSWORD, "more": 1})).await.fields(), ["more"]);
    assert_eq!(world.admin("DELETE", "/api/v1/me/totp").send().await.status, StatusCode::FORBIDDEN);
    assert_eq!(confirm(json!({"password": PASSWORD})).await.status, StatusCode::NO_CONTENT);
    assert_eq!(world.get("/api/v1/me").await["confirmed"], true);
    assert_eq!(world.admin("DELETE", "/api/v1/me/totp").send().await.status, StatusCode::NO_CONTENT);
    assert_eq!(world.admin("DELETE", "/api/v1/me/totp").send().await.status, StatusCode::NOT_FOUND);
    assert_eq!(world.get("/api/v1/me/totp").await["recovery_codes"], 0, "they stood in for nothing else");
    assert_eq!(world.admin("POST", "/api/v1/me/recovery-codes").send().await.fields(), ["second_factor"]);
    assert_eq!(sign_in(&world, 9, None).await.status, StatusCode::CREATED);
    let trail = world.get("/api/v1/audit-events?limit=200").await;
    let actions: Vec<_> =
        trail["items"].as_array().unwrap().iter().map(|event| event["action"].as_str().unwrap()).collect();
    assert!(actions.contains(&"set_up_totp") && actions.contains(&"remove_totp"), "{actions:?}");
}

#[tokio::test]
async fn who_is_asked_for_a_second_factor_may_do_nothing_else_first() {
    let world = World::new().await;
    let path = format!("/api/v1/sites/{}", world.main_site().await);
    let rule = json!({"rules": {"second_factor": "everybody"}});
    assert_eq!(world.admin("PATCH", &path).json(&rule).send().await.status, StatusCode::OK);
    let refused = world.admin("GET", "/api/v1/storages").send().await;
    assert_eq!((refused.status, kind(&refused).as_str()), (StatusCode::FORBIDDEN, "second-factor-required"));
    let me = world.get("/api/v1/me").await;
    assert_eq!((&me["second_factor"], &me["second_factor_needed"]), (&json!(false), &json!(true)));
    set_up(&world, &world.token).await;
    assert_eq!(world.admin("GET", "/api/v1/storages").send().await.status, StatusCode::OK);
    assert_eq!(
        world.admin("DELETE", "/api/v1/me/totp").send().await.fields(),
        ["second_factor"],
        "the last one"
    );
}

#[tokio::test]
async fn sessions_are_ended_by_who_has_them() {
    let world = World::new().await;
    world.user(world.main_site().await, "bob", Role::Member).await;
    let (bob, other) = (world.sign_in("bob", PASSWORD).await, world.sign_in("admin", PASSWORD).await);
    let sessions = world.get("/api/v1/sessions").await["items"].clone();
    assert_eq!(sessions.as_array().unwrap().len(), 2);
    let id = |current: bool| {
        let session =
            sessions.as_array().unwrap().iter().find(|session| session["current"] == current).unwrap();
        session["id"].as_str().unwrap().to_owned()
    };
    let end = async |token: &str, id: &str| {
        world.ask("DELETE", &format!("/api/v1/sessions/{id}")).bearer(token).send().await.status
    };
    assert_eq!(end(&bob, &id(false)).await, StatusCode::NOT_FOUND, "of somebody else");
    assert_eq!(end(&world.token, "none").await, StatusCode::NOT_FOUND);
    assert_eq!(end(&world.token, &id(false)).await, StatusCode::NO_CONTENT);
    assert_eq!(end(&world.token, &id(false)).await, StatusCode::NOT_FOUND, "it has ended");
    let me = async |token: &str| world.ask("GET", "/api/v1/me").bearer(token).send().await.status;
    assert_eq!((me(&other).await, me(&world.token).await), (StatusCode::UNAUTHORIZED, StatusCode::OK));
    assert_eq!(end(&world.token, &id(true)).await, StatusCode::NO_CONTENT);
    assert_eq!((me(&world.token).await, me(&bob).await), (StatusCode::UNAUTHORIZED, StatusCode::OK));
}
