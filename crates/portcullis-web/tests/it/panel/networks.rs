//! The editor of allowed networks.

use std::time::Duration;

use http::StatusCode;
use serde_json::{Value, json};

use super::connection::{now, path, s3_key};
use super::visit::{Page, Visit};
use crate::world::World;

const LISTED: (&str, &str) = ("mode", "listed");

async fn stored(world: &World, storage: &Value) -> Vec<String> {
    let storage = now(world, "storages", storage).await;
    storage["networks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["network"].as_str().unwrap().to_owned())
        .collect()
}

fn rows(page: &Page) -> Vec<String> {
    page.texts("#networks .ip-list code")
}

struct Scene {
    world: World,
    storage: Value,
}

impl Scene {
    async fn new() -> Self {
        let world = World::new().await;
        let storage = world.storage("NAS").await;
        Self { world, storage }
    }

    async fn visit(&self) -> (Visit<'_>, Page) {
        let mut visit = Visit::admin(&self.world).await;
        visit.peer = "192.0.2.61".parse().unwrap();
        let page = visit.get(&path(&self.storage)).await;
        (visit, page)
    }

    async fn stored(&self) -> Vec<String> {
        stored(&self.world, &self.storage).await
    }
}

#[tokio::test]
async fn ip_editor_rejects_bad_cidr_with_message() {
    let scene = Scene::new().await;
    let (mut visit, home) = scene.visit().await;
    for (typed, said, meant) in [
        ("203.0.113/24", "", Some("203.0.113.0/24")),
        ("203.0.113.0/255.255.255.0", "number of bits", Some("203.0.113.0/24")),
        ("203.0.113.0/33", "at most 32", None),
        ("http://203.0.113.7/x", "without http", Some("203.0.113.7")),
        ("nas.example.org", "Names can't be used", None),
        ("0.0.0.0/0", "any address", None),
    ] {
        for op in ["add", "save"] {
            let page = visit.submit(&home, "#networks", &[LISTED, ("add", typed), ("op", op)]).await;
            assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{typed}");
            let error = page.text("#e-add");
            assert!(error.contains(typed) && error.contains(said), "{typed}: {error}");
            assert_eq!(
                (page.attr("#f-add", "aria-invalid").as_str(), page.text("#f-add").as_str()),
                ("true", typed)
            );
            assert_eq!(page.has("#e-add button"), meant.is_some(), "{typed}");
            if let Some(meant) = meant {
                let page = visit.submit(&page, "#networks", &[("op", "take:0")]).await;
                assert_eq!((page.status, rows(&page)), (StatusCode::OK, vec![meant.to_owned()]), "{typed}");
            }
        }
    }
    assert_eq!(scene.stored().await, [""; 0]);
}

#[tokio::test]
async fn a_pasted_list_is_put_in_order_and_saved() {
    let scene = Scene::new().await;
    let (mut visit, home) = scene.visit().await;
    let pasted = "203.0.113.7/24 # office\n198.51.100.4, 2001:DB8::1\n203.0.113.9";
    let page = visit
        .submit(&home, "#networks", &[LISTED, ("add", pasted), ("add_note", "others"), ("op", "add")])
        .await;
    assert_eq!(rows(&page), ["203.0.113.0/24", "198.51.100.4", "2001:db8::1", "203.0.113.9"]);
    let said = page.text("#networks");
    for part in [
        "203.0.113.7/24 means 203.0.113.0/24.",
        "203.0.113.0/24 lets in all of 203.0.113.9 already.",
        "Not saved yet: only listed ones, 4 added",
        "will let in 257 IPv4 addresses and 1 IPv6 address",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    // Nothing holds before it is saved, and what is not saved is in the form alone.
    assert_eq!(scene.stored().await, [""; 0]);
    let page = visit.submit(&page, "#networks", &[("op", "remove:3")]).await;
    let page = visit.submit(&page, "#networks", &[("op", "save")]).await;
    assert!(page.toast().contains("allowed addresses are changed"), "{page:?}");
    assert_eq!(scene.stored().await, ["203.0.113.0/24", "198.51.100.4", "2001:db8::1"]);
    let notes: Vec<_> = page
        .all("#networks input[name=note]")
        .iter()
        .map(|note| note.attr("value").unwrap().to_owned())
        .collect();
    assert_eq!(notes, ["office", "others", "others"]);
    assert!(!page.has("#networks [value=discard]"));
    // The enter key in a note is not the first row's *Remove*.
    let first = page.all("#networks [type=submit]")[0];
    assert_eq!((first.attr("value"), first.attr("tabindex")), (Some("check"), Some("-1")));
    let page = visit.submit(&page, "#networks", &[("op", "check")]).await;
    assert_eq!((page.status, rows(&page).len()), (StatusCode::OK, 3));
    // Back to anywhere.
    let page = visit.submit(&page, "#networks", &[("mode", "any"), ("op", "save")]).await;
    assert_eq!((page.status, scene.stored().await), (StatusCode::OK, vec![]));
}

#[tokio::test]
async fn add_my_current_ip() {
    let scene = Scene::new().await;
    let (mut visit, home) = scene.visit().await;
    assert!(home.text("#networks .own").contains("Your address is 192.0.2.61. It is not on the list."));
    let page = visit.submit(&home, "#networks", &[("op", "mine")]).await;
    assert_eq!(rows(&page), ["192.0.2.61"]);
    assert!(
        page.text("#networks .own").contains("It is let in by 192.0.2.61.")
            && !page.has("#networks [value=mine]")
    );
    visit.submit(&page, "#networks", &[("op", "save")]).await;
    assert_eq!(scene.stored().await, ["192.0.2.61"]);
    // An address that came as IPv6 is the same address.
    visit.peer = "::ffff:192.0.2.61".parse().unwrap();
    assert!(
        visit.get(&path(&scene.storage)).await.text("#networks .own").contains("It is let in by 192.0.2.61.")
    );
}

#[tokio::test]
async fn a_list_that_lets_in_nobody_is_not_stored() {
    let scene = Scene::new().await;
    s3_key(&scene.world, &scene.storage, "nas", "read").await;
    let (mut visit, home) = scene.visit().await;
    let page = visit.submit(&home, "#networks", &[LISTED, ("op", "save")]).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.text("#nobody[role=alert]").contains("nobody could come in"));
    assert_eq!(scene.stored().await, [""; 0]);
    // What was meant is to close the door; that is offered.
    let page = visit.submit(&page, "#networks", &[("op", "close")]).await;
    assert_eq!(page.text("#door"), "S3 access off");
    assert_eq!(now(&scene.world, "storages", &scene.storage).await["s3_access"], false);
}

#[tokio::test]
async fn ip_editor_warns_before_cutting_off_active_client() {
    let scene = Scene::new().await;
    let Scene { world, storage } = &scene;
    let bearer = world.rest_key(storage, "read").await;
    let files = format!("/api/v1/storages/{}/files", storage["id"].as_str().unwrap());
    let from = |address: &str| {
        world.ask("GET", &files).bearer(&bearer).from(address.parse::<std::net::IpAddr>().unwrap()).send()
    };
    assert_eq!(from("203.0.113.31").await.status, StatusCode::OK);
    world.flush().await;
    world.clock.advance(Duration::from_secs(12 * 60));
    let (mut visit, home) = scene.visit().await;
    let given = [LISTED, ("add", "198.51.100.0/28"), ("op", "save")];
    let page = visit.submit(&home, "#networks", &given).await;
    assert_eq!((page.status, scene.stored().await), (StatusCode::UNPROCESSABLE_ENTITY, vec![]));
    let warning = page.text("#cut-off");
    for part in ["Saving would cut off", "test from", "203.0.113.31", "12 minutes ago"] {
        assert!(warning.contains(part), "{part}: {warning}");
    }
    assert_eq!(from("203.0.113.31").await.status, StatusCode::OK);
    // It can be let in with one press…
    let rescued = visit.submit(&page, "#networks", &[("op", "allow:203.0.113.31")]).await;
    assert_eq!(rows(&rescued), ["198.51.100.0/28", "203.0.113.31"]);
    assert!(!rescued.has("#cut-off"));
    // …or be cut off by whoever has seen that it would be.
    let page = visit.submit(&page, "#networks", &[("op", "save")]).await;
    assert_eq!((page.status, scene.stored().await), (StatusCode::OK, vec!["198.51.100.0/28".to_owned()]));
    assert_eq!(from("203.0.113.31").await.status, StatusCode::FORBIDDEN);
    // Once it is out there is nothing more to warn of.
    let page = visit.submit(&page, "#networks", &[("add", "10.0.0.1"), ("op", "save")]).await;
    assert_eq!(page.status, StatusCode::OK);
}

#[tokio::test]
async fn a_list_that_somebody_else_changed_is_not_overwritten() {
    let scene = Scene::new().await;
    let (mut visit, mine) = scene.visit().await;
    let (mut other, theirs) = scene.visit().await;
    other.submit(&theirs, "#networks", &[LISTED, ("add", "10.0.0.1 10.0.0.3"), ("op", "save")]).await;
    // Editing goes on; saving is refused, with what is different.
    let page = visit.submit(&mine, "#networks", &[LISTED, ("add", "10.0.0.1 10.0.0.2"), ("op", "add")]).await;
    let page = visit.submit(&page, "#networks", &[("op", "save")]).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    let said = page.text("#networks #faults");
    assert!(
        said.contains("not on yours: 10.0.0.3") && said.contains("not on the saved list: 10.0.0.2"),
        "{said}"
    );
    assert_eq!(scene.stored().await, ["10.0.0.1", "10.0.0.3"]);
    assert_eq!(rows(&page), ["10.0.0.1", "10.0.0.2"]);
    // Theirs again, or ours on purpose.
    assert_eq!(rows(&visit.submit(&page, "#networks", &[("op", "discard")]).await), ["10.0.0.1", "10.0.0.3"]);
    visit.submit(&page, "#networks", &[("op", "save")]).await;
    assert_eq!(scene.stored().await, ["10.0.0.1", "10.0.0.2"]);
}

#[tokio::test]
async fn a_note_is_changed_in_its_row() {
    let scene = Scene::new().await;
    let (mut visit, home) = scene.visit().await;
    let page = visit.submit(&home, "#networks", &[LISTED, ("add", "10.0.0.1"), ("op", "save")]).await;
    let note = "<b>Büro</b> # 2, \"x\"";
    let page = visit.submit(&page, "#networks", &[("note", note), ("op", "check")]).await;
    assert!(page.text("#networks footer").contains("1 note changed"));
    visit.submit(&page, "#networks", &[("op", "save")]).await;
    let storage = now(&scene.world, "storages", &scene.storage).await;
    assert_eq!(storage["networks"], json!([{"network": "10.0.0.1", "note": note}]));
}

#[tokio::test]
async fn five_hundred_entries_can_be_edited() {
    let scene = Scene::new().await;
    let (mut visit, home) = scene.visit().await;
    let many: Vec<_> =
        (0..=500).map(|n| format!("10.{}.{}.0/24 # note number {n}", n / 250, n % 250)).collect();
    let page = visit.submit(&home, "#networks", &[LISTED, ("add", &many.join("\n")), ("op", "add")]).await;
    assert_eq!((page.status, rows(&page).len()), (StatusCode::UNPROCESSABLE_ENTITY, 500));
    assert!(page.text("#e-add").contains("500"), "{}", page.text("#e-add"));
    let page = visit.submit(&page, "#networks", &[("add", ""), ("op", "save")]).await;
    assert_eq!((page.status, scene.stored().await.len()), (StatusCode::OK, 500));
}
