//! New keys in place of old ones.

use http::StatusCode;
use serde_json::{Value, json};

use super::visit::Visit;
use crate::world::World;

async fn storage_with_key(world: &World, channel: &str) -> (String, Value) {
    let storage = world.storage("NAS").await;
    let scope = json!({"storage": storage["id"]});
    let made = world
        .key(&json!({"name": "nas", "channel": channel, "scope": scope, "permission": "read_write"}))
        .await;
    (storage["id"].as_str().unwrap().to_owned(), made)
}

fn path(storage: &str, made: &Value) -> String {
    format!("/connections/{storage}/keys/{}/generate", made["key"]["id"].as_str().unwrap())
}

#[tokio::test]
async fn the_new_pair_takes_the_place_of_the_old() {
    let world = World::new().await;
    let (storage, made) = storage_with_key(&world, "s3").await;
    let mut visit = Visit::admin(&world).await;
    let page = visit.get(&path(&storage, &made)).await;
    assert!(page.text("#generate").contains("has to be given the new pair"), "{page:?}");
    assert_eq!(page.text("#last-use dd"), "Never");
    let other = visit.get(&path(&storage, &made)).await;
    let shown = visit.submit(&page, "#generate", &[]).await;
    assert_eq!(shown.status, StatusCode::OK);
    assert_ne!(shown.text("#v-ak"), made["key"]["access_key"].as_str().unwrap());
    assert_ne!(shown.text("#v-sk"), made["secret"].as_str().unwrap());
    assert!(!shown.html.contains(made["secret"].as_str().unwrap()));
    let after = world.get(&format!("/api/v1/keys/{}", made["key"]["id"].as_str().unwrap())).await;
    assert_eq!((&after["access_key"], &after["name"]), (&shown.text("#v-ak").into(), &"nas".into()));
    // Sent again it does nothing, and neither does a page that somebody else had open: that one shows the pair there is now.
    let again = visit.submit(&page, "#generate", &[]).await;
    assert_eq!(again.status, StatusCode::CONFLICT);
    let late = visit.submit(&other, "#generate", &[]).await;
    assert_eq!(late.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(!late.has("#credentials") && late.text("#generate").contains(&shown.text("#v-ak")), "{late:?}");
    let still = world.get(&format!("/api/v1/keys/{}", made["key"]["id"].as_str().unwrap())).await;
    assert_eq!(still["access_key"], after["access_key"]);
}

#[tokio::test]
async fn a_pair_that_is_off_stays_off_and_the_page_says_so() {
    let world = World::new().await;
    let (storage, made) = storage_with_key(&world, "s3").await;
    let key = format!("/api/v1/keys/{}", made["key"]["id"].as_str().unwrap());
    world.admin("PATCH", &key).json(&json!({"permission": "none"})).send().await;
    let mut visit = Visit::admin(&world).await;
    let page = visit.get(&path(&storage, &made)).await;
    assert!(page.text("#generate").contains("switched off"), "{page:?}");
    let shown = visit.submit(&page, "#generate", &[]).await;
    assert_eq!(shown.texts(".facts dd")[1], "None");
    assert_eq!(world.get(&key).await["permission"], "none");
}

#[tokio::test]
async fn only_pairs_of_this_connection() {
    let world = World::new().await;
    let (storage, made) = storage_with_key(&world, "s3").await;
    let (other, rest) = storage_with_key(&world, "rest").await;
    let mut visit = Visit::admin(&world).await;
    for wrong in [
        path(&other, &made),
        path(&storage, &rest),
        // A bearer key has no page here: what it shows once is another thing.
        path(&other, &rest),
        format!("/connections/{storage}/keys/none/generate"),
    ] {
        assert_eq!(visit.get(&wrong).await.status, StatusCode::NOT_FOUND, "{wrong}");
    }
    world.admin("DELETE", &format!("/api/v1/keys/{}", made["key"]["id"].as_str().unwrap())).send().await;
    assert_eq!(visit.get(&path(&storage, &made)).await.status, StatusCode::NOT_FOUND);
}

/// A form that no page of ours made has no token that counts once: it is refused.
#[tokio::test]
async fn without_a_token_nothing_is_replaced() {
    let world = World::new().await;
    let (storage, made) = storage_with_key(&world, "s3").await;
    let mut visit = Visit::admin(&world).await;
    let csrf = visit.csrf().await;
    let pair = made["key"]["access_key"].as_str().unwrap();
    let answer = visit
        .post(
            &path(&storage, &made),
            &[("_csrf", &csrf), ("once", "short"), ("pair", pair)],
            &[super::visit::SAME_ORIGIN],
        )
        .await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    let key = format!("/api/v1/keys/{}", made["key"]["id"].as_str().unwrap());
    assert_eq!(world.get(&key).await["access_key"], made["key"]["access_key"]);
}
