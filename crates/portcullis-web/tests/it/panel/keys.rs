//! The page of one pair of credentials.

use std::time::Duration;

use http::StatusCode;
use serde_json::Value;

use super::connection::{now, path, s3_key};
use super::visit::{Page, SAME_ORIGIN, Visit};
use crate::world::World;

async fn setting(world: &World, key: &Value, name: &str) -> Value {
    now(world, "keys", key).await[name].clone()
}

fn key_path(storage: &Value, key: &Value) -> String {
    format!("{}/keys/{}", path(storage), key["id"].as_str().unwrap())
}

struct Scene {
    world: World,
    storage: Value,
    key: Value,
}

impl Scene {
    async fn new(permission: &str) -> Self {
        let world = World::new().await;
        let storage = world.storage("NAS").await;
        let made = s3_key(&world, &storage, "rclone", permission).await;
        Self { key: made["key"].clone(), world, storage }
    }

    async fn visit(&self) -> (Visit<'_>, Page) {
        let mut visit = Visit::admin(&self.world).await;
        let page = visit.get(&key_path(&self.storage, &self.key)).await;
        assert_eq!((page.status, page.text("h1")), (StatusCode::OK, "rclone".to_owned()));
        (visit, page)
    }

    async fn now(&self, name: &str) -> Value {
        setting(&self.world, &self.key, name).await
    }
}

#[tokio::test]
async fn disabled_key_can_be_reactivated() {
    let scene = Scene::new("write").await;
    let (mut visit, page) = scene.visit().await;
    let page = visit.submit(&page, "#permissions", &[("permission", "none")]).await;
    assert_eq!(
        (page.text("#status").as_str(), scene.now("state").await),
        ("Switched off", "disabled".into())
    );
    assert!(page.toast().contains("switched off"));
    assert_eq!(visit.get(&path(&scene.storage)).await.text("#door"), "No S3 key");
    let page = visit.submit(&page, "#permissions", &[("permission", "write")]).await;
    assert_eq!((page.text("#status").as_str(), scene.now("state").await), ("Active", "active".into()));
    assert!(page.toast().contains("work again"));
    assert_eq!(scene.now("access_key").await, scene.key["access_key"]);
}

#[tokio::test]
async fn credentials_are_renamed() {
    let scene = Scene::new("read").await;
    let (mut visit, home) = scene.visit().await;
    let page = visit.submit(&home, "#rename", &[("name", "<i>גיבוי</i>")]).await;
    assert_eq!((page.text("h1").as_str(), scene.now("name").await), ("<i>גיבוי</i>", "<i>גיבוי</i>".into()));
    let page = visit.submit(&page, "#rename", &[("name", " ")]).await;
    assert_eq!((page.status, page.faults().len()), (StatusCode::UNPROCESSABLE_ENTITY, 1));
    // The page from before knows the old name.
    let page = visit.submit(&home, "#rename", &[("name", "other")]).await;
    assert!(page.faults()[0].contains("<i>גיבוי</i>"), "{:?}", page.faults());
}

#[tokio::test]
async fn credentials_end_when_they_are_told_to() {
    let scene = Scene::new("read").await;
    let (mut visit, page) = scene.visit().await;
    for (typed, message) in
        [("", "Fill in when"), ("2027-01-31T17:59", "in the future"), ("tomorrow", "no time")]
    {
        let page = visit.submit(&page, "#expiry", &[("ends", "at"), ("expires_at", typed)]).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{typed}");
        assert!(page.faults()[0].contains(message), "{typed}: {:?}", page.faults());
        assert_eq!(
            (page.attr("#f-expires_at", "value").as_str(), page.has("[value=at][checked]")),
            (typed, true)
        );
    }
    let page = visit.submit(&page, "#expiry", &[("ends", "at"), ("expires_at", "2027-01-31 20:00")]).await;
    assert_eq!(
        (page.text("#status").as_str(), scene.now("expires_at").await),
        ("Ends in 2 hours", "2027-01-31T20:00:00Z".into())
    );
    scene.world.clock.advance(Duration::from_secs(2 * 60 * 60));
    let (mut visit, page) = scene.visit().await;
    assert_eq!(page.text("#status"), "Expired");
    let page = visit.submit(&page, "#expiry", &[("ends", "never")]).await;
    assert_eq!((page.text("#status").as_str(), scene.now("expires_at").await), ("Active", Value::Null));
}

#[tokio::test]
async fn credentials_have_their_own_list() {
    let scene = Scene::new("read").await;
    let (mut visit, page) = scene.visit().await;
    assert!(page.text("#networks").contains("As the connection"));
    let page =
        visit.submit(&page, "#networks", &[("mode", "listed"), ("add", "10.0.0.7/24"), ("op", "save")]).await;
    assert_eq!(page.texts("#networks .ip-list code"), ["10.0.0.0/24"]);
    assert_eq!(scene.now("networks").await[0]["network"], "10.0.0.0/24");
    assert!(visit.get(&path(&scene.storage)).await.text("#credentials li").contains("10.0.0.0/24"));
    let page = visit.submit(&page, "#networks", &[("op", "remove:0")]).await;
    let page = visit.submit(&page, "#networks", &[("op", "save")]).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    let page = visit.submit(&page, "#networks", &[("op", "close")]).await;
    assert_eq!(
        (page.text("#status").as_str(), scene.now("permission").await),
        ("Switched off", "none".into())
    );
    // The list is as it was stored.
    assert_eq!(scene.now("networks").await[0]["network"], "10.0.0.0/24");
}

#[tokio::test]
async fn deleting_credentials_needs_to_be_meant() {
    let scene = Scene::new("read").await;
    let (mut visit, page) = scene.visit().await;
    let delete = page.attr("a[href$='/delete']", "href");
    let page = visit.get(&delete).await;
    assert!(
        page.text("main").contains(scene.key["access_key"].as_str().unwrap())
            && page.text("main").contains("never used")
    );
    let asked = visit.submit(&page, "main form", &[]).await;
    assert_eq!((asked.status, asked.faults().len()), (StatusCode::UNPROCESSABLE_ENTITY, 1));
    assert_eq!(scene.now("state").await, "active");
    // Without the token of the page it is nothing at all.
    let forged = visit.post(&delete, &[("understood", "yes")], &[SAME_ORIGIN]).await;
    assert_eq!(forged.status, StatusCode::FORBIDDEN);
    let gone = visit.submit(&page, "main form", &[("understood", "yes")]).await;
    assert_eq!(
        (gone.path.split('?').next().unwrap(), gone.toast().as_str()),
        (path(&scene.storage).as_str(), "The credentials are deleted")
    );
    let api = format!("/api/v1/keys/{}", scene.key["id"].as_str().unwrap());
    assert_eq!(scene.world.admin("GET", &api).send().await.status, StatusCode::NOT_FOUND);
    // A second press of the button finds nothing, and says so on a page.
    assert_eq!(
        visit.submit(&page, "main form", &[("understood", "yes")]).await.status,
        StatusCode::NOT_FOUND
    );
}
