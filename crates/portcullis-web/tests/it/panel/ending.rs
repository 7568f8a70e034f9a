//! Deleting a connection in the panel: what its page shows, what it asks for, and what is left.

use std::time::Duration;

use http::StatusCode;
use portcullis_domain::Role;
use serde_json::{Value, json};

use super::connection::{now, path, s3_key};
use super::outside::{SECRET, connected, was_told, world as outside_world};
use super::visit::{Page, SAME_ORIGIN, Visit};
use crate::world::World;

const BOXES: [&str; 6] = ["backup", "told", "switched", "considered", "noted", "final"];

/// The form with these boxes ticked and this name.
async fn submit(visit: &mut Visit<'_>, page: &Page, without: &str, name: &str) -> Page {
    let mut given: Vec<_> =
        BOXES.into_iter().filter(|tick| *tick != without).map(|tick| (tick, "yes")).collect();
    given.push(("confirm", name));
    visit.submit(page, "form#delete", &given).await
}

async fn put(world: &World, storage: &Value, token: &str) -> StatusCode {
    let path = format!("/api/v1/storages/{}/file?key=a", storage["id"].as_str().unwrap());
    world.ask("PUT", &path).bearer(token).body("kept").send().await.status
}

async fn listed(visit: &mut Visit<'_>) -> Vec<String> {
    visit.get("/connections").await.texts("#list tbody td:first-child a")
}

#[tokio::test]
async fn delete_needs_all_six_boxes_and_exact_name() {
    let world = World::new().await;
    let storage = world.storage("NAS (old) – 1.5").await;
    let mut visit = Visit::admin(&world).await;
    let page = visit.get(&path(&storage)).await;
    let to = page.attr("#ending a", "href");
    let page = visit.get(&to).await;
    assert_eq!(
        (page.status, page.text("h1")),
        (StatusCode::OK, "Delete connection: NAS (old) – 1.5".to_owned())
    );
    assert_eq!(page.all("#delete input[type=checkbox][required]").len(), 6);
    assert!(page.has("#f-confirm[required]") && page.has("#delete button.arm"));
    assert_eq!(page.attr("#f-confirm", "pattern"), "NAS \\(old\\) – 1\\.5");
    for missing in BOXES {
        let page = submit(&mut visit, &page, missing, "NAS (old) – 1.5").await;
        assert_eq!((page.status, page.faults().len()), (StatusCode::UNPROCESSABLE_ENTITY, 1), "{missing}");
        assert!(page.has(&format!("#f-{missing}[aria-invalid]")));
        // What was ticked stays so.
        assert_eq!(page.all("#delete input[checked]").len(), 5);
        assert_eq!(page.attr("#f-confirm", "value"), "NAS (old) – 1.5");
    }
    for wrong in ["", "NAS", "nas (old) – 1.5", "NAS (old) – 1.5 "] {
        let page = submit(&mut visit, &page, "", wrong).await;
        assert_eq!((page.status, page.faults().len()), (StatusCode::UNPROCESSABLE_ENTITY, 1), "{wrong:?}");
        assert!(page.text("#e-confirm").contains("as it is written"));
    }
    assert_eq!(listed(&mut visit).await, ["NAS (old) – 1.5"]);
    let done = submit(&mut visit, &page, "", "NAS (old) – 1.5").await;
    assert_eq!((done.status, done.path.split('?').next()), (StatusCode::OK, Some("/connections")));
    assert!(done.toast().contains("kept, under Detached"));
    assert!(listed(&mut visit).await.is_empty());
    assert_eq!(visit.get(&to).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_page_names_who_would_notice() {
    let world = World::new().await;
    let storage = world.storage("NAS").await;
    let used = world.rest_key(&storage, "read_write").await;
    s3_key(&world, &storage, "<b>never</b>", "read").await;
    assert_eq!(put(&world, &storage, &used).await, StatusCode::OK);
    let link = json!({"storage": storage["id"], "folder": "", "name": "For Eve", "permission": "read"});
    assert_eq!(
        world.admin("POST", "/api/v1/share-links").json(&link).send().await.status,
        StatusCode::CREATED
    );
    let mut visit = Visit::admin(&world).await;
    let page = visit.get(&format!("{}/delete", path(&storage))).await;
    let figures = page.texts("#impact .posture strong");
    assert_eq!(figures, ["2", "1", "0", "1"]);
    let rows = page.texts("#affected > li");
    for part in ["test", "192.0.2.1", "1 request", "Is deleted", "for this connection only"] {
        assert!(rows[0].contains(part), "{part}: {}", rows[0]);
    }
    assert!(rows[1].contains("<b>never</b>") && rows[1].contains("Never used"), "{}", rows[1]);
    assert!(page.text("#links").contains("For Eve"));
    assert_eq!(page.text("#d-bucket"), storage["bucket_name"].as_str().unwrap());
    assert_eq!(page.all("#delete button[data-copy]").len(), 2);
    let home = path(&storage);
    for instead in ["/generate", "#permissions", "#rename"] {
        assert!(page.has(&format!(".alt a[href='{home}{instead}']")), "{instead}");
    }
    // A key that is made while the page is open is looked at first.
    s3_key(&world, &storage, "late", "read").await;
    let again = submit(&mut visit, &page, "", "NAS").await;
    assert_eq!(again.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        again.html.contains("Nothing was deleted") && again.text("#affected").contains("late"),
        "{again:?}"
    );
    let done = submit(&mut visit, &again, "", "NAS").await;
    assert!(done.toast().contains("deleted"), "{done:?}");
}

#[tokio::test]
async fn deleted_connection_answers_403_at_once() {
    let world = World::new().await;
    let storage = world.storage("NAS").await;
    let key = world.rest_key(&storage, "read_write").await;
    let mut visit = Visit::admin(&world).await;
    let page = visit.get(&format!("{}/delete", path(&storage))).await;
    assert_eq!(put(&world, &storage, &key).await, StatusCode::OK);
    let page = visit.get(&page.path).await;
    let done = submit(&mut visit, &page, "", "NAS").await;
    assert!(done.toast().contains("deleted"));
    // By REST a key that is none is 401; an S3 tool is told 403 InvalidAccessKeyId, which the whole system's tests look at.
    assert_eq!(put(&world, &storage, &key).await, StatusCode::UNAUTHORIZED);
    let trail = world.get("/api/v1/audit-events").await;
    let entry = trail["items"].as_array().unwrap().iter().find(|event| event["action"] == "detach_storage");
    assert_eq!(entry.unwrap()["object"], json!("NAS"));
}

#[tokio::test]
async fn delete_keeps_provider_data() {
    let (world, outside) = outside_world().await;
    let mut visit = Visit::admin(&world).await;
    let page = connected(&mut visit, "Media").await;
    let home = page.path.split('?').next().unwrap().to_owned();
    let asked = outside.tests();
    let page = visit.get(&format!("{home}/delete")).await;
    assert_eq!(page.text("#d-place"), "media/raw");
    assert_eq!(page.text("#d-endpoint"), "https://minio.example.net:9000");
    assert_eq!(page.all("#delete button[data-copy]").len(), 4);
    assert!(page.text("#impact").contains("The bucket at Other S3 and every file in it"));
    let done = submit(&mut visit, &page, "", "Media").await;
    assert_eq!(done.toast(), "The connection is deleted. Nothing at the provider was touched.");
    assert_eq!(outside.tests(), asked, "nothing was asked of the provider");
    assert!(!was_told(&world, SECRET));
    // It is not set aside: it is gone, and the same bucket can be connected again under the same name.
    assert!(visit.get("/connections/detached").await.text("#list").contains("Nothing is detached"));
    let again = connected(&mut visit, "Media").await;
    assert_ne!(again.path.split('?').next(), Some(home.as_str()));
}

#[tokio::test]
async fn a_detached_storage_is_attached_from_its_list() {
    let world = World::new().await;
    let storage = world.storage("Photos").await;
    let key = world.rest_key(&storage, "read_write").await;
    assert_eq!(put(&world, &storage, &key).await, StatusCode::OK);
    world.storage("Other").await;
    let mut visit = Visit::admin(&world).await;
    assert!(!visit.get("/connections").await.has("nav.tabs a[href='/connections/detached']"));
    let page = visit.get(&format!("{}/delete", path(&storage))).await;
    let list = submit(&mut visit, &page, "", "Photos").await;
    assert_eq!(list.text("nav.tabs a[href='/connections/detached']"), "Detached 1");
    let page = visit.get("/connections/detached").await;
    let row = page.text("#list tbody tr");
    for part in ["Photos", storage["bucket_name"].as_str().unwrap(), "4 B", "1", "just now"] {
        assert!(row.contains(part), "{part}: {row}");
    }
    let page = visit.submit(&page, "#list form", &[]).await;
    assert_eq!(
        (page.path.split('?').next(), page.text("h1")),
        (Some(path(&storage).as_str()), "Photos".to_owned())
    );
    assert!(page.toast().contains("new credentials"));
    assert_eq!(
        (page.text("#door").as_str(), now(&world, "storages", &storage).await["files"].clone()),
        ("No S3 key", json!(1))
    );
}

#[tokio::test]
async fn a_pause_has_a_banner_and_names_who_knocked() {
    let world = World::new().await;
    let storage = world.storage("NAS").await;
    let key = world.rest_key(&storage, "read_write").await;
    let mut visit = Visit::admin(&world).await;
    let page = visit.get(&path(&storage)).await;
    assert!(!page.has("#paused"));
    let page = visit.submit(&page, "form#pause", &[("minutes", "60")]).await;
    assert!(page.toast().contains("by itself") && page.text("#paused").contains("1 hour"), "{page:?}");
    assert!(page.text("#paused").contains("2027-01-31 19:00 UTC"));
    let list = super::list::shown(&world, "/connections").await;
    assert!(
        super::list::cells(&list, "NAS")
            .iter()
            .any(|cell| cell.starts_with("Paused") && cell.ends_with("back in 1 hour")),
        "{list:?}"
    );
    assert_eq!(put(&world, &storage, &key).await, StatusCode::FORBIDDEN);
    let delete = format!("{}/delete", path(&storage));
    let page = visit.get(&delete).await;
    let knocks = page.text("#knocks");
    assert!(
        knocks.contains("test") && knocks.contains("192.0.2.1") && knocks.contains("1 request"),
        "{knocks}"
    );
    let page = visit.submit(&page, "form#paused", &[]).await;
    assert_eq!((page.path.split('?').next(), page.has("#paused")), (Some(delete.as_str()), false));
    assert_eq!(put(&world, &storage, &key).await, StatusCode::OK);
    assert!(page.has("#knocks"), "who knocked is told after it too");
    let token = visit.csrf().await;
    for minutes in ["0", "1441", "x", ""] {
        let fields = [("_csrf", token.as_str()), ("minutes", minutes)];
        let answer = visit.post(&format!("{}/pause", path(&storage)), &fields, &[SAME_ORIGIN]).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{minutes}");
    }
}

#[tokio::test]
async fn it_is_for_the_admins_of_the_site_and_asks_who_they_are() {
    let world = World::new().await;
    let storage = world.storage("NAS").await;
    world.user(world.main_site().await, "bob", Role::Member).await;
    world.other_site().await;
    let home = path(&storage);
    for (who, status) in [("eve", StatusCode::NOT_FOUND), ("bob", StatusCode::FORBIDDEN)] {
        let mut visit = Visit::of(&world, who).await;
        assert_eq!(visit.look(&format!("{home}/delete")).await.status, status, "{who}");
        let token = visit.csrf().await;
        for act in ["delete", "pause", "resume", "attach"] {
            let mut fields: Vec<_> = BOXES.into_iter().map(|tick| (tick, "yes")).collect();
            fields.extend([("_csrf", token.as_str()), ("confirm", "NAS"), ("minutes", "30")]);
            let answer = visit.post(&format!("{home}/{act}"), &fields, &[SAME_ORIGIN]).await;
            assert_eq!(answer.status, status, "{who} {act}");
        }
    }
    let mut visit = Visit::admin(&world).await;
    world.clock.advance(Duration::from_secs(11 * 60));
    let page = visit.get(&format!("{home}/delete")).await;
    assert!(page.has("#delete .callout a[href^='/confirm?next=']"));
    let asked = submit(&mut visit, &page, "", "NAS").await;
    assert!(asked.path.starts_with("/confirm"), "{asked:?}");
    assert_eq!(now(&world, "storages", &storage).await["state"], json!("active"));
    let page = visit.submit(&asked, "form#confirm", &[("password", crate::world::PASSWORD)]).await;
    assert_eq!(page.path, format!("{home}/delete"));
    assert!(submit(&mut visit, &page, "", "NAS").await.toast().contains("deleted"));
}
