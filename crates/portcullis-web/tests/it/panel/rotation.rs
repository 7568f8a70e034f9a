//! Old pairs that work for a while beside the new.

use std::time::Duration;

use http::StatusCode;
use serde_json::{Value, json};

use super::visit::{Page, Visit};
use crate::world::World;

/// An admin at the page of a key.
struct Scene<'a> {
    visit: Visit<'a>,
    page: String,
    key: String,
}

impl<'a> Scene<'a> {
    /// With one key or the other.
    async fn of(world: &'a World, site: bool) -> Self {
        if site { Self::of_site(world).await } else { Self::of_connection(world).await }
    }

    /// With the key of a connection.
    async fn of_connection(world: &'a World) -> Self {
        let storage = world.storage("NAS").await;
        let scope = json!({"storage": storage["id"]});
        let made =
            world.key(&json!({"name": "nas", "channel": "s3", "scope": scope, "permission": "read"})).await;
        let id = made["key"]["id"].as_str().unwrap();
        let page = format!("/connections/{}/keys/{id}", storage["id"].as_str().unwrap());
        Self { visit: Visit::admin(world).await, page, key: format!("/api/v1/keys/{id}") }
    }

    /// With the key of the site.
    async fn of_site(world: &'a World) -> Self {
        let made = world
            .key(&json!({"name": "ci", "channel": "rest", "scope": "site", "permission": "read_write"}))
            .await;
        let id = made["key"]["id"].as_str().unwrap();
        Self {
            visit: Visit::admin(world).await,
            page: format!("/api-keys/{id}"),
            key: format!("/api/v1/keys/{id}"),
        }
    }

    async fn generate(&mut self, given: &[(&str, &str)]) -> Page {
        let page = self.visit.get(&format!("{}/generate", self.page)).await;
        self.visit.submit(&page, "#generate", given).await
    }

    async fn record(&self) -> Value {
        self.visit.world.get(&self.key).await
    }

    async fn show(&mut self) -> Page {
        let page = self.page.clone();
        self.visit.get(&page).await
    }
}

fn chosen(page: &Page, name: &str) -> Vec<String> {
    let checked = page.all(&format!("input[name={name}][checked]"));
    checked.iter().map(|input| input.value().attr("value").unwrap().to_owned()).collect()
}

#[tokio::test]
async fn rotation_stops_old_pair_immediately_by_default() {
    for site in [false, true] {
        let world = World::new().await;
        let mut scene = Scene::of(&world, site).await;
        let before = scene.record().await;
        let page = scene.visit.get(&format!("{}/generate", scene.page)).await;
        assert_eq!(chosen(&page, "overlap"), ["0"]);
        assert_eq!(
            (chosen(&page, "access"), chosen(&page, "reason")),
            (vec!["new".into()], vec!["routine".into()])
        );
        let values: Vec<_> = page
            .all("input[name=overlap]")
            .iter()
            .map(|input| input.value().attr("value").unwrap())
            .collect();
        assert_eq!(values, ["0", "3600", "86400", "604800", "2592000"]);
        let shown = scene.visit.submit(&page, "#generate", &[]).await;
        assert_eq!(shown.status, StatusCode::OK, "{shown:?}");
        let after = scene.record().await;
        assert_ne!(after["access_key"], before["access_key"]);
        assert_eq!(after["overlap"], Value::Null);
        let page = scene.show().await;
        assert!(!page.has("#overlap") && !page.has("#old-pair"));
    }
}

#[tokio::test]
async fn rotation_grace_period_expires() {
    for site in [false, true] {
        let world = World::new().await;
        let mut scene = Scene::of(&world, site).await;
        let before = scene.record().await;
        let shown = scene.generate(&[("overlap", "3600"), ("reason", "lost"), ("access", "same")]).await;
        assert_eq!(shown.status, StatusCode::OK, "{shown:?}");
        let after = scene.record().await;
        assert_eq!(after["access_key"], before["access_key"], "only the secret is another");
        assert_eq!(after["overlap"]["access_key"], before["access_key"]);
        let page = scene.show().await;
        assert_eq!(page.text("#old-pair"), "Old pair stops in 1 hour");
        assert!(page.text("#overlap").contains("Nobody has used the old pair"), "{}", page.text("#overlap"));
        world.clock.advance(Duration::from_secs(1800));
        assert_eq!(scene.show().await.text("#old-pair"), "Old pair stops in 30 minutes");
        world.clock.advance(Duration::from_secs(1800));
        let page = scene.show().await;
        assert!(!page.has("#overlap") && !page.has("#old-pair"), "{page:?}");
    }
}

#[tokio::test]
async fn who_moved_is_on_the_page() {
    let world = World::new().await;
    let storage = world.storage("NAS").await;
    let old = world.rest_key(&storage, "read").await;
    let key = world.get("/api/v1/keys").await["items"][0]["id"].as_str().unwrap().to_owned();
    let files = format!("/api/v1/storages/{}/files", storage["id"].as_str().unwrap());
    let come = async |bearer: &str, tool: &str| {
        let ask = world.ask("GET", &files).bearer(bearer).tool(tool);
        assert_eq!(ask.send().await.status, StatusCode::OK);
        world.clock.advance(Duration::from_secs(61));
    };
    for tool in ["rclone/1.60", "restic/0.16", "<b>tool/1"] {
        come(&old, tool).await;
    }
    let rotate = format!("/api/v1/keys/{key}/rotate");
    let made = world.admin("POST", &rotate).json(&json!({"overlap_seconds": 86_400})).send().await.json();
    come(made["bearer"].as_str().unwrap(), "rclone/1.65").await;
    let mut visit = Visit::admin(&world).await;
    let page = visit.get(&format!("/connections/{}/keys/{key}", storage["id"].as_str().unwrap())).await;
    assert_eq!(
        page.text("#moved"),
        "2 of 3 that used the old pair have not moved yet. Stopping it now breaks them."
    );
    let moved = page.texts("#overlap tbody td:last-child");
    assert_eq!(moved, ["Not yet", "Not yet", "Yes"]);
    let tools = page.texts("#overlap tbody td:first-child");
    assert_eq!((tools[1].as_str(), tools[2].as_str()), ("restic", "rclone"));
    assert!(!page.html.contains("<b>tool"), "a tool's name is no markup");
    assert_eq!(page.texts("#overlap tbody td:nth-child(2)"), ["192.0.2.1"; 3]);
    assert_eq!(page.texts("#overlap tbody td:nth-child(4)"), ["Never", "Never", "1 minute ago"]);
}

#[tokio::test]
async fn it_is_extended_and_stopped() {
    for site in [false, true] {
        let world = World::new().await;
        let mut scene = Scene::of(&world, site).await;
        scene.generate(&[("overlap", "604800")]).await;
        let until = async |scene: &Scene<'_>| scene.record().await["overlap"]["until"].clone();
        assert_eq!(until(&scene).await, "2027-02-07T18:00:00Z");
        let page = scene.show().await;
        let extended = scene.visit.submit(&page, "#extend", &[("longer", "86400")]).await;
        assert_eq!(extended.toast(), "The old pair has another end");
        assert_eq!(until(&scene).await, "2027-02-08T18:00:00Z");
        // A page from before that decides nothing any more.
        for form in ["#extend", "#stop"] {
            let late = scene.visit.submit(&page, form, &[]).await;
            assert_eq!(late.status, StatusCode::CONFLICT, "{form}: {late:?}");
        }
        let page = scene.show().await;
        scene.visit.submit(&page, "#extend", &[("longer", "longest")]).await;
        assert_eq!(until(&scene).await, "2027-03-02T18:00:00Z");
        let page = scene.show().await;
        assert!(!page.has("#extend"), "30 days are the most");
        // Another overlap beside this one there is not.
        let asked = scene.visit.get(&format!("{}/generate", scene.page)).await;
        assert_eq!(asked.all("input[name=overlap]").len(), 1);
        assert!(asked.text("#f-overlap").contains("2027-03-02 18:00 UTC"), "{asked:?}");
        let stopped = scene.visit.submit(&page, "#stop", &[]).await;
        assert_eq!(stopped.toast(), "The old pair has stopped");
        assert_eq!(scene.record().await["overlap"], Value::Null);
        let again = scene.visit.submit(&page, "#stop", &[]).await;
        assert_eq!(again.toast(), "The old pair had stopped already");
    }
}

#[tokio::test]
async fn what_cannot_be_is_said_and_nothing_is_made() {
    for site in [false, true] {
        let world = World::new().await;
        let mut scene = Scene::of(&world, site).await;
        let before = scene.record().await;
        let late = scene.visit.get(&format!("{}/generate", scene.page)).await;
        let given = [("overlap", "86400"), ("reason", "security_incident"), ("access", "same")];
        let page = scene.generate(&given).await;
        assert_eq!((page.status, page.faults().len()), (StatusCode::UNPROCESSABLE_ENTITY, 1), "{page:?}");
        assert!(page.has("#e-overlap") && !page.has("#credentials"));
        assert_eq!(chosen(&page, "access"), ["same"], "what was filled in is kept");
        assert_eq!(scene.record().await, before);
        scene.generate(&[("overlap", "86400")]).await;
        let now = scene.record().await;
        let late = scene.visit.submit(&late, "#generate", &[("overlap", "3600")]).await;
        assert_eq!(late.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(scene.record().await, now, "the page showed another pair");
    }
}

/// Members look after the old pairs of their own keys.
#[tokio::test]
async fn it_is_for_whose_key_it_is() {
    let world = World::new().await;
    let scene = Scene::of_connection(&world).await;
    let other = Scene::of_site(&world).await;
    // A key of the site is none of a connection's, and the other way round.
    let (home, id) = scene.page.rsplit_once('/').unwrap();
    let foreign = other.page.rsplit_once('/').unwrap().1;
    let mut visit = scene.visit;
    let csrf = visit.csrf().await;
    for path in [format!("{home}/{foreign}"), format!("/api-keys/{id}")] {
        for verb in ["stop", "extend"] {
            let path = format!("{path}/overlap/{verb}");
            let fields = [("_csrf", csrf.as_str()), ("seen", "0:0"), ("longer", "3600")];
            let answer = visit.post(&path, &fields, &[super::visit::SAME_ORIGIN]).await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        }
    }
}
