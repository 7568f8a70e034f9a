//! Networks that are tried out before they hold, in the editor of allowed networks.

use std::net::IpAddr;

use http::StatusCode;
use serde_json::{Value, json};

use super::connection::{now, path};
use super::visit::{Page, Visit};
use crate::world::World;

const LISTED: (&str, &str) = ("mode", "listed");

struct Scene {
    world: World,
    storage: Value,
    bearer: String,
    /// The pages with an editor: of the connection, and of its credentials.
    pages: [String; 2],
}

impl Scene {
    async fn new() -> Self {
        let world = World::new().await;
        let storage = world.storage("NAS").await;
        let scope = json!({"storage": storage["id"]});
        let made =
            world.key(&json!({"name": "nas", "channel": "rest", "scope": scope, "permission": "read"})).await;
        let home = path(&storage);
        let of_key = format!("{home}/keys/{}", made["key"]["id"].as_str().unwrap());
        let bearer = made["bearer"].as_str().unwrap().to_owned();
        Self { world, storage, bearer, pages: [home, of_key] }
    }

    async fn come_from(&self, peer: &str) -> StatusCode {
        let files = format!("/api/v1/storages/{}/files", self.storage["id"].as_str().unwrap());
        let peer: IpAddr = peer.parse().unwrap();
        self.world.ask("GET", &files).bearer(&self.bearer).from(peer).send().await.status
    }
}

async fn press(visit: &mut Visit<'_>, page: &Page, op: &str) -> Page {
    visit.submit(page, "#networks", &[("op", op)]).await
}

#[tokio::test]
async fn a_list_is_tried_out_and_then_put_in_force() {
    let scene = Scene::new().await;
    let mut visit = Visit::admin(&scene.world).await;
    for home in &scene.pages {
        assert_eq!(scene.come_from("203.0.113.7").await, StatusCode::OK);
        let page = visit.get(home).await;
        assert!(!page.has("#trial"));
        scene.world.clock.advance(std::time::Duration::from_secs(1));
        // It would cut off somebody; trying it cuts off nobody, so that it needs no second press.
        let page =
            visit.submit(&page, "#networks", &[LISTED, ("add", "198.51.100.0/24"), ("op", "try")]).await;
        assert!(page.toast().contains("tried out"), "{page:?}");
        assert!(page.text("#trial").contains("198.51.100.0/24"), "{}", page.text("#trial"));
        assert!(page.text("#trial").contains("refused nobody so far"), "{}", page.text("#trial"));
        assert!(!page.has("#networks .ip-list li"), "what is in force stays");
        assert_eq!(scene.come_from("203.0.113.7").await, StatusCode::OK);
        assert_eq!(scene.come_from("198.51.100.4").await, StatusCode::OK);
        // Whom it would cut off was not seen yet by this page.
        let page = press(&mut visit, &page, "enforce").await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(scene.come_from("203.0.113.7").await, StatusCode::OK);
        let said = page.text("#trial[role=alert]");
        for part in
            ["Nothing was put in force", "203.0.113.7", "would have refused", "They let in 1 who came in"]
        {
            assert!(said.contains(part), "{part}: {said}");
        }
        let page = press(&mut visit, &page, "enforce").await;
        assert_eq!((page.status, page.has("#trial")), (StatusCode::OK, false), "{page:?}");
        assert_eq!(page.texts("#networks .ip-list code"), ["198.51.100.0/24"]);
        assert_eq!(scene.come_from("203.0.113.7").await, StatusCode::FORBIDDEN);
        assert_eq!(scene.come_from("198.51.100.4").await, StatusCode::OK);
        let page = visit.submit(&page, "#networks", &[("mode", "any"), ("op", "save")]).await;
        assert_eq!(page.status, StatusCode::OK);
        scene.world.clock.advance(std::time::Duration::from_secs(3600));
    }
}

#[tokio::test]
async fn a_trial_is_ended_and_nothing_else_is() {
    let scene = Scene::new().await;
    let mut visit = Visit::admin(&scene.world).await;
    for home in &scene.pages {
        let page = visit.get(home).await;
        let page =
            visit.submit(&page, "#networks", &[LISTED, ("add", "198.51.100.0/24"), ("op", "try")]).await;
        let page = press(&mut visit, &page, "end-trial").await;
        assert!(page.toast().contains("The trial is ended"));
        assert!(!page.has("#trial"));
    }
    assert_eq!(now(&scene.world, "storages", &scene.storage).await["trial"], Value::Null);
    assert_eq!(scene.come_from("203.0.113.7").await, StatusCode::OK);
}

#[tokio::test]
async fn what_cannot_be_tried_out_is_said() {
    let scene = Scene::new().await;
    let mut visit = Visit::admin(&scene.world).await;
    let home = visit.get(&scene.pages[0]).await;
    for (given, said) in [
        (vec![("mode", "any"), ("op", "try")], "nothing to try out"),
        (vec![LISTED, ("add", "203.0.113/24"), ("op", "try")], "203.0.113/24"),
    ] {
        let page = visit.submit(&home, "#networks", &given).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{given:?}");
        assert!(page.text("#networks").contains(said), "{}", page.text("#networks"));
    }
    let empty = visit.submit(&home, "#networks", &[LISTED, ("op", "try")]).await;
    assert!(empty.has("#nobody[role=alert]"));
    assert_eq!(now(&scene.world, "storages", &scene.storage).await["trial"], Value::Null);
}

#[tokio::test]
async fn rows_say_when_somebody_was_last_seen_there() {
    let scene = Scene::new().await;
    assert_eq!(scene.come_from("203.0.113.7").await, StatusCode::OK);
    scene.world.clock.advance(std::time::Duration::from_secs(12 * 60));
    let mut visit = Visit::admin(&scene.world).await;
    for home in &scene.pages {
        let page = visit.get(home).await;
        let given = [LISTED, ("add", "203.0.113.0/24 198.51.100.0/24"), ("op", "add")];
        let page = visit.submit(&page, "#networks", &given).await;
        let rows = page.texts("#networks .ip-list li");
        assert!(rows[0].contains("Last seen 12 minutes ago"), "{rows:?}");
        assert!(rows[1].contains("Not seen in the last 30 days"), "{rows:?}");
    }
}

#[tokio::test]
async fn a_key_of_the_site_is_looked_after_in_the_same_way() {
    let world = World::new().await;
    let made =
        world.key(&json!({"name": "ci", "channel": "rest", "scope": "site", "permission": "full"})).await;
    let bearer = made["bearer"].as_str().unwrap();
    let come_from = async |peer: &str| {
        let peer: IpAddr = peer.parse().unwrap();
        world.ask("GET", "/api/v1/storages").bearer(bearer).from(peer).send().await.status
    };
    assert_eq!(come_from("203.0.113.7").await, StatusCode::OK);
    world.clock.advance(std::time::Duration::from_secs(1));
    let mut visit = Visit::admin(&world).await;
    let home = visit.get(&format!("/api-keys/{}", made["key"]["id"].as_str().unwrap())).await;
    // Whom it would cut off is said, and it is saved by whoever has seen that.
    let given = [LISTED, ("add", "198.51.100.0/24")];
    let warned = visit.submit(&home, "#networks", &[given[0], given[1], ("op", "save")]).await;
    assert_eq!(warned.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(warned.text("#cut-off").contains("203.0.113.7"), "{warned:?}");
    assert_eq!(come_from("203.0.113.7").await, StatusCode::OK);
    // Or it is tried out.
    world.clock.advance(std::time::Duration::from_secs(1));
    let page = visit.submit(&home, "#networks", &[given[0], given[1], ("op", "try")]).await;
    assert!(
        page.toast().contains("tried out") && page.text("#trial").contains("198.51.100.0/24"),
        "{page:?}"
    );
    assert_eq!(come_from("203.0.113.7").await, StatusCode::OK);
    let moved = press(&mut visit, &page, "enforce").await;
    assert!(moved.text("#trial[role=alert]").contains("Nothing was put in force"), "{moved:?}");
    assert!(moved.text("#trial").contains("203.0.113.7"), "{moved:?}");
    assert_eq!(come_from("203.0.113.7").await, StatusCode::OK);
    let page = press(&mut visit, &moved, "enforce").await;
    assert!(!page.has("#trial"), "{page:?}");
    assert_eq!(page.texts("#networks .ip-list code"), ["198.51.100.0/24"]);
    assert_eq!(come_from("203.0.113.7").await, StatusCode::FORBIDDEN);
    assert_eq!(come_from("198.51.100.4").await, StatusCode::OK);
    world.clock.advance(std::time::Duration::from_secs(1));
    let empty = visit.submit(&page, "#networks", &[("op", "remove:0")]).await;
    let warned = visit.submit(&empty, "#networks", &[("add", "10.0.0.0/8"), ("op", "add")]).await;
    assert!(warned.text("#cut-off").contains("198.51.100.4"), "{warned:?}");
    let done = press(&mut visit, &warned, "save").await;
    assert!(
        done.status == StatusCode::OK && come_from("198.51.100.4").await == StatusCode::FORBIDDEN,
        "{done:?}"
    );
}
