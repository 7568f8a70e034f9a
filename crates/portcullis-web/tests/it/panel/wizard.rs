//! Making a connection.

use http::StatusCode;
use portcullis_domain::Role;
use serde_json::Value;

use super::visit::{Page, Visit};
use crate::world::World;

/// Fills in the first step and goes on.
pub(super) async fn named(visit: &mut Visit<'_>, fields: &[(&str, &str)]) -> Page {
    let page = visit.get("/connections/new").await;
    visit.submit(&page, "#wizard", &[fields, &[("next", "access")]].concat()).await
}

/// Fills in both steps; where that leads.
pub(super) async fn reviewed(
    visit: &mut Visit<'_>,
    storage: &[(&str, &str)],
    access: &[(&str, &str)],
) -> Page {
    let page = named(visit, storage).await;
    assert!(page.path.starts_with("/connections/new/access?"), "{page:?}");
    visit.submit(&page, "#wizard", &[access, &[("next", "review")]].concat()).await
}

/// Makes a connection with keys; the page that shows them.
pub(super) async fn connected(visit: &mut Visit<'_>, name: &str, permission: &str) -> Page {
    let access = [("external", "on"), ("permission", permission)];
    let page = reviewed(visit, &[("name", name)], &access).await;
    let page = visit.submit(&page, "#wizard", &[]).await;
    assert!(page.status == StatusCode::OK && page.has("#credentials"), "{page:?}");
    page
}

/// All there are.
pub(super) async fn storages(world: &World) -> Vec<Value> {
    world.get("/api/v1/storages").await["items"].as_array().unwrap().clone()
}

#[tokio::test]
async fn new_connection_has_no_external_access_by_default() {
    let world = World::new().await;
    let mut visit = Visit::admin(&world).await;
    let page = reviewed(&mut visit, &[("name", "Archive")], &[]).await;
    assert!(page.path.starts_with("/connections/new/review?"), "{}", page.path);
    assert!(page.text("#wizard").contains("No access from outside."), "{page:?}");
    assert!(storages(&world).await.is_empty(), "a look makes nothing");
    let answer = visit.send(&page, "#wizard", &[]).await;
    let made = &storages(&world).await[0];
    let home = format!("/connections/{}", made["id"].as_str().unwrap());
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    assert_eq!(answer.header("location"), format!("{home}?done=created"));
    assert_eq!(
        (&made["name"], &made["s3_active"], &made["s3_access"]),
        (&"Archive".into(), &false.into(), &false.into())
    );
    assert_eq!(world.get("/api/v1/keys").await["items"], Value::Array(Vec::new()));
    let page = visit.get(answer.header("location")).await;
    assert_eq!(page.toast(), "The connection is made; nobody can reach it from outside yet");
    // A key alone does not open it either, nor does what is left in the fields of a closed step.
    let left = [("permission", "read_write"), ("networks", "nonsense"), ("expires", "date")];
    let page = reviewed(&mut visit, &[("name", "Second")], &left).await;
    visit.send(&page, "#wizard", &[]).await;
    let made = &storages(&world).await[1];
    assert_eq!((&made["s3_access"], &made["networks"]), (&false.into(), &Value::Array(Vec::new())));
}

#[tokio::test]
async fn bucket_name_follows_pattern() {
    let world = World::new().await;
    let mut visit = Visit::admin(&world).await;
    let page = visit.get("/connections/new").await;
    assert!(!page.has("#preview code"));
    for (name, label, end) in [
        ("NAS Backup", "", "nas-backup"),
        ("NAS Backup", "nas-to-wsi-backup", "nas-to-wsi-backup"),
        ("العربية", "", "storage"),
        (&"ä".repeat(200), "", "storage"),
        (&"long name ".repeat(19), "", "long-name-long-name-long-name-long-name"),
    ] {
        let page = visit.submit(&page, "#wizard", &[("name", name), ("label", label)]).await;
        let preview = page.text("#preview code");
        let parts: Vec<_> = preview.splitn(5, '-').collect();
        assert!(
            matches!(parts[..], ["usr", user, "itm", item, rest]
            if user.len() == 5 && item.len() == 5 && format!("{user}{item}").bytes().all(|b| b.is_ascii_digit()) && rest == end),
            "{name}: {preview}"
        );
        assert!(preview.len() <= 63);
    }
    // What is shown before is what is made, and the same name again gets another number.
    let access = named(&mut visit, &[("name", "NAS Backup")]).await;
    let shown = visit.submit(&page, "#wizard", &[("name", "NAS Backup")]).await.text("#preview code");
    for _ in 0..2 {
        let review = visit.submit(&access, "#wizard", &[("next", "review")]).await;
        visit.send(&review, "#wizard", &[]).await;
        let review = reviewed(&mut visit, &[("name", "NAS Backup")], &[]).await;
        visit.send(&review, "#wizard", &[]).await;
    }
    let buckets: Vec<_> =
        storages(&world).await.iter().map(|made| made["bucket_name"].as_str().unwrap().to_owned()).collect();
    // The first run of the wizard was finished twice and counts once.
    assert_eq!(buckets.len(), 3);
    assert_eq!(buckets[0], shown);
    let numbers: std::collections::BTreeSet<_> = buckets.iter().map(|bucket| bucket.get(..19)).collect();
    assert!(
        numbers.len() == 3 && buckets.iter().all(|bucket| bucket.ends_with("-nas-backup")),
        "{buckets:?}"
    );
}

#[tokio::test]
async fn a_starting_point_fills_the_form_in() {
    let world = World::new().await;
    let mut visit = Visit::admin(&world).await;
    let page = named(&mut visit, &[("name", "Inbox")]).await;
    let page = visit.submit(&page, "#wizard", &[("networks", "10.0.0.1"), ("use", "drop-box")]).await;
    assert!(page.text("#preset").contains("Drop box"), "{page:?}");
    assert!(
        page.has("[name=external][value=on][checked]") && page.has("[name=permission][value=write][checked]")
    );
    assert!(page.has("[name=create_only][checked]") && page.has("option[value='30'][selected]"));
    assert_eq!(page.text("#f-networks"), "10.0.0.1", "what was typed stays");
    // Everything of it can be changed.
    let page = visit
        .submit(&page, "#wizard", &[("expires", "date"), ("expires_on", "2027-03-31"), ("next", "review")])
        .await;
    assert!(page.text("#wizard").contains("2027-04-01 00:00 UTC"), "{page:?}");
    let page = visit.submit(&page, "#wizard", &[]).await;
    assert!(page.text(".notes").contains("until 2027-04-01 00:00 UTC"), "{page:?}");
    let key = &world.get("/api/v1/keys").await["items"][0];
    assert_eq!(
        (&key["overwrite"], &key["expires_at"]),
        (&"create_only".into(), &"2027-04-01T00:00:00Z".into())
    );
}

#[tokio::test]
async fn going_back_keeps_everything() {
    let world = World::new().await;
    let mut visit = Visit::admin(&world).await;
    let storage = [("name", "Name & more"), ("label", "own-label"), ("quota", "5 GB")];
    let access =
        [("external", "on"), ("permission", "read"), ("networks", "10.0.0.1 # a=b&c"), ("expires", "90")];
    let page = reviewed(&mut visit, &storage, &access).await;
    let access_url = page.attr("#wizard footer a", "href");
    let page = visit.get(&access_url).await;
    assert_eq!(page.text("#f-networks"), "10.0.0.1 # a=b&c");
    let page = visit.submit(&page, "#wizard", &[("permission", "write"), ("back", "storage")]).await;
    assert!(page.path.starts_with("/connections/new?"), "{}", page.path);
    assert_eq!(
        (page.attr("#f-name", "value"), page.attr("#f-label", "value")),
        ("Name & more".to_owned(), "own-label".to_owned())
    );
    let page = visit.submit(&page, "#wizard", &[("quota", "6 GB"), ("next", "access")]).await;
    let page = visit.submit(&page, "#wizard", &[("next", "review")]).await;
    let text = page.text("#wizard");
    for part in ["Name & more", "own-label", "6 GB", "Write Only", "10.0.0.1", "UTC"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let done = page.texts(".steps a");
    assert_eq!(done, ["Storage", "Access"]);
}

#[tokio::test]
async fn one_run_makes_one_connection() {
    let world = World::new().await;
    let mut visit = Visit::admin(&world).await;
    let review =
        reviewed(&mut visit, &[("name", "Once")], &[("external", "on"), ("permission", "read")]).await;
    // The same page in another tab, and the page as Back shows it: asked for again.
    let tab = visit.get(&review.path).await;
    let first = visit.submit(&review, "#wizard", &[]).await;
    assert!(first.has("#credentials"));
    for again in [&review, &tab] {
        let page = visit.submit(again, "#wizard", &[]).await;
        assert_eq!(
            (page.status, page.text("h1")),
            (StatusCode::CONFLICT, "These keys were already shown".to_owned())
        );
        assert!(!page.has("#credentials"));
    }
    let back = visit.get(&review.path).await;
    assert_eq!(visit.submit(&back, "#wizard", &[]).await.status, StatusCode::CONFLICT);
    assert_eq!(storages(&world).await.len(), 1);
    assert_eq!(world.get("/api/v1/keys").await["items"].as_array().unwrap().len(), 1);
    // A new run is a new connection.
    connected(&mut visit, "Once", "read").await;
    assert_eq!(storages(&world).await.len(), 2);
}

#[tokio::test]
async fn a_connection_whose_keys_cannot_be_made_stays_closed() {
    let world = World::new().await;
    let mut visit = Visit::admin(&world).await;
    let access = [("external", "on"), ("permission", "write"), ("networks", "10.0.0.1"), ("expires", "30")];
    let review = reviewed(&mut visit, &[("name", "Half")], &access).await;
    let database = rusqlite::Connection::open(world.database()).unwrap();
    database
        .execute_batch("CREATE TRIGGER broken BEFORE INSERT ON keys BEGIN SELECT RAISE(ABORT, 'broken'); END")
        .unwrap();
    let half = visit.submit(&review, "#wizard", &[]).await;
    assert_eq!(
        (half.status, half.text("h1").as_str()),
        (StatusCode::SERVICE_UNAVAILABLE, "The connection is there, its keys are not")
    );
    assert!(!half.html.contains("broken"), "nothing of the fault is told");
    assert_eq!(storages(&world).await[0]["s3_active"], false);
    // Trying again while it is still broken says so and keeps what was filled in.
    let form = visit.get(&half.attr("#again", "href")).await;
    let page = visit.submit(&form, "#new-key", &[("next", "review")]).await;
    let failed = visit.submit(&page, "#new-key", &[]).await;
    assert_eq!(failed.status, StatusCode::SERVICE_UNAVAILABLE, "{failed:?}");
    database.execute_batch("DROP TRIGGER broken").unwrap();
    // The page that said so can be sent at once: the failed attempt does not count.
    let page = visit.submit(&failed, "#new-key", &[]).await;
    assert!(page.has("#credentials"), "{page:?}");
    assert_eq!(page.texts(".facts dd"), ["Half", "Write Only", "10.0.0.1"]);
    let key = &world.get("/api/v1/keys").await["items"][0];
    assert_eq!((&key["name"], &key["expires_at"]), (&"Half".into(), &"2027-03-02T18:00:00Z".into()));
}

#[tokio::test]
async fn an_attempt_that_failed_does_not_count() {
    let world = World::new().await;
    let mut visit = Visit::admin(&world).await;
    let review = reviewed(&mut visit, &[("name", "Again")], &[]).await;
    let database = rusqlite::Connection::open(world.database()).unwrap();
    let broken = "CREATE TRIGGER broken BEFORE INSERT ON storages BEGIN SELECT RAISE(ABORT, 'broken'); END";
    database.execute_batch(broken).unwrap();
    let failed = visit.submit(&review, "#wizard", &[]).await;
    assert_eq!(failed.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(failed.text("main [role=alert]").contains("could not finish") && !failed.html.contains("broken"));
    database.execute_batch("DROP TRIGGER broken").unwrap();
    let done = visit.submit(&failed, "#wizard", &[]).await;
    assert!(done.status == StatusCode::OK && done.path.contains("?done=created"), "{done:?}");
    assert_eq!(storages(&world).await.len(), 1);
}

#[tokio::test]
async fn only_admins_make_connections() {
    let world = World::new().await;
    world.user(world.main_site().await, "bob", Role::Member).await;
    let mut member = Visit::nobody(&world);
    member.cookies.insert("__Host-portcullis".to_owned(), world.sign_in("bob", crate::world::PASSWORD).await);
    let mut nobody = Visit::nobody(&world);
    for path in ["/connections/new", "/connections/new/access?name=N", "/connections/new/review?name=N"] {
        assert_eq!(member.get(path).await.status, StatusCode::FORBIDDEN, "{path}");
        assert!(nobody.get(path).await.path.starts_with("/sign-in?next="), "{path}");
    }
    let same = [super::visit::SAME_ORIGIN];
    assert_eq!(member.post("/connections/new", &[("name", "N")], &same).await.status, StatusCode::FORBIDDEN);
    let mut admin = Visit::admin(&world).await;
    assert_eq!(admin.post("/connections/new", &[("name", "N")], &same).await.status, StatusCode::FORBIDDEN);
    assert!(storages(&world).await.is_empty());
}
