//! Accounts of another system over REST.

use http::StatusCode;
use serde_json::{Value, json};

use crate::world::{PASSWORD, World};

const PATH: &str = "/api/v1/imports/accounts";

fn family() -> Value {
    json!([
        {"id": "7", "name": "Northwind", "created": "2021-03-31", "networks": ["192.0.2.0/24"]},
        {"id": "8", "name": "Harbour", "created": "2020-02-02T10:00:00Z", "parent": "7"},
    ])
}

#[tokio::test]
async fn a_dry_run_then_the_import_then_the_same_again() {
    let world = World::new().await;
    let post = async |body: &Value| world.admin("POST", PATH).json(body).send().await;
    let sites = async || world.get("/api/v1/sites").await["items"].as_array().unwrap().len();
    let before = sites().await;
    let told = post(&json!({"dry_run": true, "accounts": family()})).await;
    assert_eq!((told.status, told.header("cache-control")), (StatusCode::OK, "no-store"));
    let told = told.json();
    assert_eq!((&told["dry_run"], &told["new"], &told["unchanged"]), (&json!(true), &json!(2), &json!(0)));
    let north = &told["accounts"][0];
    assert_eq!(
        (&north["kind"], &north["state"], &north["site"]),
        (&json!("master"), &json!("new"), &Value::Null)
    );
    let channels: Vec<_> =
        north["keys"].as_array().unwrap().iter().map(|key| key["channel"].clone()).collect();
    assert_eq!(channels, ["ftp", "http", "email", "web-service"]);
    assert_eq!(told["accounts"][1]["keys"], json!([]));
    assert_eq!(sites().await, before);

    let refused = post(&json!({"accounts": family()})).await;
    assert_eq!(
        (refused.status, refused.fields()),
        (StatusCode::UNPROCESSABLE_ENTITY, vec!["ticket".to_owned()])
    );
    let body = json!({"accounts": family(), "ticket": told["ticket"]});
    let made = post(&body).await.json();
    assert_eq!((&made["import"], &made["ticket"]), (&told["import"], &Value::Null));
    let north = &made["accounts"][0];
    assert!(
        north["keys"].as_array().unwrap().iter().all(|key| key["secret"].is_null() && key["id"].is_string())
    );
    assert_eq!(sites().await, before + 2);
    let again = post(&body).await.json();
    assert_eq!((&again["new"], &again["unchanged"]), (&json!(0), &json!(2)));
    assert_eq!(again["accounts"][0]["site"], north["site"]);

    // The secret that was told opens the door for which it was told.
    let http = &told["accounts"][0]["keys"][1];
    let (name, secret) = (http["access_key"].as_str().unwrap(), http["secret"].as_str().unwrap());
    let at = format!("/files/{}/a.txt", north["bucket"].as_str().unwrap());
    let open = async |path: &str, name: &str, peer: [u8; 4]| {
        world.ask("GET", path).bearer(&format!("{name}.{secret}")).from(peer).send().await.status
    };
    assert_eq!(
        open(&at, name, [192, 0, 2, 9]).await,
        StatusCode::NOT_FOUND,
        "there is no such file, and it may be known"
    );
    assert_ne!(open(&at, name, [198, 51, 100, 9]).await, StatusCode::NOT_FOUND, "its networks hold");
    let ftp = told["accounts"][0]["keys"][0]["access_key"].as_str().unwrap();
    assert_eq!(open(&at, ftp, [192, 0, 2, 9]).await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn faults_name_the_account_and_the_field() {
    let world = World::new().await;
    let post = async |body: &Value| world.admin("POST", PATH).json(body).send().await;
    let accounts = json!([
        {"name": "x"},
        {"id": "1", "name": "Northwind", "created": "2021-01-01", "credentials": {"user_name": "a b", "secret": "short"}},
        {"id": "1", "name": "Southwind", "created": "2021-01-01"},
    ]);
    let refused = post(&json!({"dry_run": true, "accounts": accounts})).await;
    let wanted = ["[0].id", "[0].created", "[1].credentials.user_name", "[1].credentials.secret"];
    assert_eq!(refused.fields(), wanted.map(|place| format!("accounts{place}")));
    assert!(!String::from_utf8_lossy(&refused.body).contains("short\""));
    for (body, field) in [
        (json!({"accounts": []}), "accounts"),
        (json!({}), "accounts"),
        (json!({"accounts": [{"id": "1", "nmae": "x"}]}), "accounts[0].nmae"),
        (json!({"accounts": [{"id": "1", "channels": {"s3": {}}}]}), "accounts[0].channels.s3"),
        (json!({"accounts": family(), "ticket": "x"}), "ticket"),
    ] {
        let refused = post(&body).await;
        assert_eq!(
            (refused.status, refused.fields()),
            (StatusCode::UNPROCESSABLE_ENTITY, vec![field.to_owned()])
        );
    }
}

#[tokio::test]
async fn large_bodies_are_for_admins_and_have_a_bound() {
    let world = World::new().await;
    let accounts: Vec<_> = (0..10_000)
        .map(|n| json!({"id": n.to_string(), "name": format!("A name that is long enough, {n}"), "created": "2024-01-01"}))
        .collect();
    let body = json!({"dry_run": true, "accounts": accounts});
    assert!(body.to_string().len() > 1 << 19);
    let told = world.admin("POST", PATH).json(&body).send().await;
    assert_eq!((told.status, &told.json()["new"]), (StatusCode::OK, &json!(10_000)));
    let huge = format!("{{\"accounts\": [], \"ticket\": \"{}\"}}", "x".repeat(8 << 20));
    let post = |body: String| world.admin("POST", PATH).header("content-type", "application/json").body(body);
    assert_eq!(post(huge.clone()).send().await.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(
        post(huge.replace(&"x".repeat(1 << 20), "")).send().await.status,
        StatusCode::UNPROCESSABLE_ENTITY
    );
    let stranger = world.ask("POST", PATH).header("content-type", "application/json").body(huge).send().await;
    assert_eq!(stranger.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn what_was_imported_is_nothing_to_the_site_beside_it() {
    let world = World::new().await;
    let body = json!({"dry_run": true, "accounts": family()});
    let told = world.admin("POST", PATH).json(&body).send().await.json();
    let with = json!({"accounts": family(), "ticket": told["ticket"]});
    assert_eq!(world.admin("POST", PATH).json(&with).send().await.status, StatusCode::OK);
    let stranger = world.other_site().await;
    let seen = world.ask("POST", PATH).bearer(&stranger).json(&body).send().await.json();
    assert_eq!((&seen["new"], &seen["unchanged"]), (&json!(2), &json!(0)));
    // Nor is a ticket of another admin any good.
    let refused = world.ask("POST", PATH).bearer(&stranger).json(&with).send().await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    let key =
        world.key(&json!({"name": "k", "channel": "rest", "scope": "site", "permission": "full"})).await;
    let bearer = key["bearer"].as_str().unwrap();
    let refused = world.ask("POST", PATH).bearer(bearer).json(&body).send().await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(!world.sign_in("admin", PASSWORD).await.is_empty());
}
