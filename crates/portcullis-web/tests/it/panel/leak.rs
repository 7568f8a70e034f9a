//! What the panel shows of secrets that were found, and of keys that are proved.

use http::StatusCode;
use portcullis_control::LeakReport;
use serde_json::{Value, json};

use super::visit::Visit;
use crate::world::World;

async fn reported(world: &World, key: &Value) {
    let report =
        LeakReport::read(key["secret"].as_str().unwrap().as_bytes(), "198.51.100.1".parse().unwrap(), "R");
    world.control.look_at_leak_report(&world.system, &report).await.unwrap();
}

#[tokio::test]
async fn a_secret_that_was_found_is_marked_everywhere() {
    let world = World::new().await;
    let storage = world.storage("NAS").await;
    let given =
        json!({"name": "camera", "channel": "s3", "scope": {"storage": storage["id"]}, "permission": "read"});
    let key = world.key(&given).await;
    let path = format!(
        "/connections/{}/keys/{}",
        storage["id"].as_str().unwrap(),
        key["key"]["id"].as_str().unwrap()
    );
    let mut admin = Visit::admin(&world).await;
    let page = admin.get(&path).await;
    assert!(!page.has("#leaked"));
    let page = admin.submit(&page, "#on-leak", &[("on_leak", "alarm")]).await;
    assert_eq!((page.path.starts_with(&path), page.toast().is_empty()), (true, false), "{page:?}");
    reported(&world, &key).await;
    let page = admin.get(&path).await;
    assert_eq!(page.text("#status"), "Secret found");
    assert!(page.text("#leaked").contains("still works"), "{page:?}");
    let list = admin.get("/connections").await;
    assert!(list.text("#posture").contains("its secret was found"), "{list:?}");
    let storage_page = admin.get(&format!("/connections/{}", storage["id"].as_str().unwrap())).await;
    assert!(storage_page.text("#credentials").contains("Secret found"));
    let page = admin.submit(&page, "#on-leak", &[("on_leak", "disable")]).await;
    reported(&world, &key).await;
    let page = admin.get(&page.path.replace("?done=on_leak", "")).await;
    assert_eq!(page.text("#status"), "Secret found, off");
    assert!(page.text("#leaked").contains("switched off at once"));
}

#[tokio::test]
async fn a_key_is_proved_on_a_page() {
    let world = World::new().await;
    let given = json!({"name": "CI <b>", "channel": "rest", "scope": "site", "permission": "read"});
    let key = world.key(&given).await;
    world.storage("NAS").await;
    let id = key["key"]["id"].as_str().unwrap();
    let mut admin = Visit::admin(&world).await;
    let page = admin.get(&format!("/api-keys/{id}")).await;
    let link = page.all("#on-leak a")[0].attr("href").unwrap().to_owned();
    assert_eq!(link, format!("/keys/{id}/prove"));
    let asked = admin.get(&link).await;
    assert!(asked.text("h1").contains("CI <b>") && !asked.has("#result"));
    let found = admin.submit(&asked, "#prove", &[]).await;
    assert_eq!(found.status, StatusCode::OK, "{found:?}");
    assert_eq!(found.all("#result li.y").len(), 5, "{found:?}");
    assert!(found.text("#result").contains("not tested"), "{found:?}");
    let wrong = admin.submit(&asked, "#prove", &[("from", "here"), ("storage", "")]).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(wrong.has("#e-from"));
    let none = admin.get("/keys/0198c7a0-0000-7000-8000-000000000000/prove").await;
    assert_eq!(none.status, StatusCode::NOT_FOUND);
    let shown = admin.get("/api-keys/new").await;
    let given = [("name", "another"), ("permission", "read"), ("alarm", "on")];
    let shown = admin.submit(&shown, "#new-key", &given).await;
    let keys = world.get("/api/v1/keys?search=another").await;
    assert_eq!(keys["items"][0]["on_leak"], "alarm");
    let link = shown.all("a[target=_blank]")[0].attr("href").unwrap().to_owned();
    assert!(link.ends_with("/prove") && !link.contains("pcs"), "{shown:?}");
}
