//! Passkeys, by the REST API.

use std::time::Duration;

use http::StatusCode;
use portcullis_domain::Role;
use serde_json::{Value, json};

use crate::authenticator::Authenticator;
use crate::world::{Answer, PASSWORD, World};

async fn add(world: &World, token: &str, authenticator: &mut Authenticator) -> Answer {
    let question = world.ask("POST", "/api/v1/me/passkeys/options").bearer(token).send().await.json();
    let mut given = authenticator.create(&question);
    given["name"] = json!("Telephone");
    world.ask("POST", "/api/v1/me/passkeys").bearer(token).json(&given).send().await
}

async fn question(world: &World) -> Value {
    world.ask("POST", "/api/v1/sessions/passkey/options").send().await.json()
}

async fn sign_in(world: &World, answer: &Value) -> Answer {
    world.ask("POST", "/api/v1/sessions/passkey").json(answer).send().await
}

#[tokio::test]
async fn a_passkey_signs_in_by_itself() {
    let world = World::new().await;
    let mut telephone = Authenticator::new("telephone");
    let added = add(&world, &world.token, &mut telephone).await;
    assert_eq!(added.status, StatusCode::OK, "{added:?}");
    assert_eq!(added.json()["recovery_codes"].as_array().unwrap().len(), 10, "it is the first factor");
    assert_eq!(world.get("/api/v1/me").await["second_factor"], true, "this sign-in has shown it");

    let signed_in = sign_in(&world, &telephone.get(&question(&world).await)).await;
    assert_eq!(signed_in.status, StatusCode::CREATED, "{signed_in:?}");
    let token = signed_in.json()["token"].as_str().unwrap().to_owned();
    let me = world.ask("GET", "/api/v1/me").bearer(&token).send().await.json();
    assert_eq!((&me["user"]["username"], &me["second_factor"]), (&json!("admin"), &json!(true)));
    // The password alone is no longer enough.
    let given = json!({"username": "admin", "password": PASSWORD});
    let password = world.ask("POST", "/api/v1/sessions").json(&given).send().await;
    assert_eq!(password.status, StatusCode::UNAUTHORIZED);

    let list = world.get("/api/v1/me/passkeys").await;
    assert_eq!(
        (&list["items"][0]["name"], list["items"][0]["last_used_at"].is_string()),
        (&json!("Telephone"), true)
    );
    // The second gives no codes: there are some.
    let second = add(&world, &world.token, &mut Authenticator::new("stick")).await;
    assert_eq!(second.json()["recovery_codes"], json!([]));
    let path = format!("/api/v1/me/passkeys/{}", list["items"][0]["id"].as_str().unwrap());
    assert_eq!(world.admin("DELETE", &path).send().await.status, StatusCode::NO_CONTENT);
    assert_eq!(world.admin("DELETE", &path).send().await.status, StatusCode::NOT_FOUND);
    let gone = sign_in(&world, &telephone.get(&question(&world).await)).await;
    assert_eq!(gone.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn an_answer_is_good_once_here_and_now() {
    let world = World::new().await;
    let mut telephone = Authenticator::new("telephone");
    add(&world, &world.token, &mut telephone).await;
    let answer = telephone.get(&question(&world).await);
    assert_eq!(sign_in(&world, &answer).await.status, StatusCode::CREATED);
    // The count of uses stands in its way first.
    assert_eq!(sign_in(&world, &answer).await.status, StatusCode::UNAUTHORIZED, "a second time");

    let asked = question(&world).await;
    world.clock.advance(Duration::from_secs(5 * 60));
    assert_eq!(sign_in(&world, &telephone.get(&asked)).await.fields(), ["state"], "too late");

    let (asked, other) = (question(&world).await, question(&world).await);
    let mut swapped = telephone.get(&asked);
    swapped["state"] = other["state"].clone();
    assert_eq!(sign_in(&world, &swapped).await.status, StatusCode::UNAUTHORIZED, "another question");

    telephone.origin = "https://gate.example.org.evil.example".to_owned();
    let phished = telephone.get(&question(&world).await);
    assert_eq!(sign_in(&world, &phished).await.status, StatusCode::UNAUTHORIZED, "at another address");

    let mut damaged = telephone.get(&question(&world).await);
    damaged["signature"] = json!("%%%");
    assert_eq!(sign_in(&world, &damaged).await.fields(), ["signature"]);
    damaged["signature"] = json!("AAAA");
    assert_eq!(sign_in(&world, &damaged).await.status, StatusCode::UNAUTHORIZED);
    let stranger = Authenticator::new("stranger").get(&question(&world).await);
    assert_eq!(sign_in(&world, &stranger).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_passkey_without_a_count_is_good_once_for_each_question() {
    let world = World::new().await;
    let mut telephone = Authenticator::without_count("telephone");
    add(&world, &world.token, &mut telephone).await;
    let answer = telephone.get(&question(&world).await);
    assert_eq!(sign_in(&world, &answer).await.status, StatusCode::CREATED);
    assert_eq!(sign_in(&world, &answer).await.fields(), ["state"], "a second time");
    assert_eq!(sign_in(&world, &telephone.get(&question(&world).await)).await.status, StatusCode::CREATED);
}

#[tokio::test]
async fn a_passkey_is_one_persons() {
    let world = World::new().await;
    world.user(world.main_site().await, "bob", Role::Member).await;
    let bob = world.sign_in("bob", PASSWORD).await;
    let (mut telephone, mut stick) = (Authenticator::new("telephone"), Authenticator::new("stick"));
    add(&world, &world.token, &mut telephone).await;
    let again = add(&world, &bob, &mut telephone).await;
    assert_eq!(again.status, StatusCode::CONFLICT, "{again:?}");
    add(&world, &bob, &mut stick).await;
    // A question for one person is not answered by another.
    let question_for_bob = world.ask("POST", "/api/v1/me/passkeys/options").bearer(&bob).send().await.json();
    let mut given = Authenticator::new("third").create(&question_for_bob);
    given["name"] = json!("Third");
    assert_eq!(world.admin("POST", "/api/v1/me/passkeys").json(&given).send().await.fields(), ["state"]);
    given["name"] = json!("");
    let unnamed = world.ask("POST", "/api/v1/me/passkeys").bearer(&bob).json(&given).send().await;
    assert_eq!(unnamed.fields(), ["name"]);

    world.clock.advance(Duration::from_secs(10 * 60));
    let confirm = async |token: &str, answer: &Value| {
        let given = json!({"passkey": answer});
        world.ask("POST", "/api/v1/sessions/current/confirm").bearer(token).json(&given).send().await
    };
    let path = format!(
        "/api/v1/me/passkeys/{}",
        world.get("/api/v1/me/passkeys").await["items"][0]["id"].as_str().unwrap()
    );
    assert_eq!(world.ask("DELETE", &path).bearer(&bob).send().await.status, StatusCode::NOT_FOUND);
    assert_eq!(world.admin("DELETE", &path).send().await.status, StatusCode::FORBIDDEN);
    let stick_answer = stick.get(&question(&world).await);
    assert_eq!(confirm(&world.token, &stick_answer).await.fields(), ["passkey"], "not theirs");
    let own = stick.get(&question(&world).await);
    assert_eq!(confirm(&bob, &own).await.status, StatusCode::NO_CONTENT);
}
