//! The list of connections: finding, ordering, paging, and where it leads.

use std::time::Duration;

use http::StatusCode;
use serde_json::{Value, json};

use super::visit::{Page, Visit, selector, text_of};
use crate::world::{PASSWORD, World};

/// A storage with these settings.
pub(super) async fn storage(world: &World, name: &str, given: &Value) -> Value {
    let mut body = json!({"name": name, "provider": "builtin"});
    body.as_object_mut().unwrap().extend(given.as_object().unwrap().clone());
    let answer = world.admin("POST", "/api/v1/storages").json(&body).send().await;
    assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
    answer.json()
}

/// An S3 key of a storage with these settings.
pub(super) async fn key(world: &World, storage: &Value, given: &Value) -> Value {
    let mut body = json!({"name": "a key", "channel": "s3", "scope": {"storage": storage["id"]}, "permission": "read_write"});
    body.as_object_mut().unwrap().extend(given.as_object().unwrap().clone());
    world.key(&body).await
}

pub(super) async fn put(world: &World, storage: &Value, path: &str, bytes: usize) {
    let path = format!("/api/v1/storages/{}/file?key={path}", storage["id"].as_str().unwrap());
    let answer = world.admin("PUT", &path).body(vec![b'x'; bytes]).send().await;
    assert!(answer.status.is_success(), "{answer:?}");
}

/// The page after everything was measured.
pub(super) async fn shown(world: &World, path: &str) -> Page {
    world.control.refresh_facts(&world.system).await.unwrap();
    let page = Visit::admin(world).await.get(path).await;
    assert_eq!(page.status, StatusCode::OK, "{page:?}");
    page
}

pub(super) fn names(page: &Page) -> Vec<String> {
    page.texts("#list tbody td:first-child a")
}

/// The cells of the row with this name.
pub(super) fn cells(page: &Page, name: &str) -> Vec<String> {
    let row = page
        .all("#list tbody tr")
        .into_iter()
        .find(|row| row.select(&selector("td:first-child a")).any(|link| text_of(link) == name));
    let row = row.unwrap_or_else(|| panic!("no row {name}: {page:?}"));
    row.select(&selector("td")).map(text_of).collect()
}

#[tokio::test]
async fn search_filters_and_order_stand_in_the_address() {
    let world = World::new().await;
    for (name, files) in [("alpha", 1), ("Beta", 3), ("gamma", 2)] {
        let made = storage(&world, name, &json!({})).await;
        for file in 0..files {
            put(&world, &made, &format!("f{file}"), 10).await;
        }
        if name == "gamma" {
            key(&world, &made, &json!({})).await;
        }
    }
    let page = shown(&world, "/connections").await;
    assert_eq!(names(&page), ["alpha", "Beta", "gamma"]);
    assert_eq!(page.attr("#list th[aria-sort]", "aria-sort"), "ascending");
    let mut visit = Visit::admin(&world).await;
    let found = visit.submit(&page, "#find", &[("q", "ET")]).await;
    assert_eq!(names(&found), ["Beta"]);
    assert_eq!((found.attr("#q", "value"), found.text("#count")), ("ET".to_owned(), "1 of 3".to_owned()));
    let active = visit.submit(&page, "#find", &[("s3", "active")]).await;
    assert_eq!(
        (names(&active), active.text("[name=s3] [selected]")),
        (vec!["gamma".to_owned()], "Active".to_owned())
    );
    // The orders of the select and of the heads are the same addresses.
    let most = visit.submit(&page, "#find", &[("sort", "-files")]).await;
    assert_eq!(names(&most), ["Beta", "gamma", "alpha"]);
    let head = |page: &Page, word: &str| {
        let links = page.all("#list th a").into_iter().map(|link| link.attr("href").unwrap().to_owned());
        links.into_iter().find(|href| href.contains(word)).unwrap_or_default()
    };
    let by_head = visit.get(&head(&page, "files")).await;
    assert_eq!(names(&by_head), names(&most));
    assert_eq!(by_head.attr("#list th[aria-sort]", "aria-sort"), "descending");
    assert_eq!(by_head.text("#sort [selected]"), "Most files first");
    let turned = visit.get(&head(&by_head, "files")).await;
    assert_eq!(names(&turned), ["alpha", "gamma", "Beta"]);
    assert_eq!(turned.attr("#list th[aria-sort]", "aria-sort"), "ascending");
    // A search keeps to the order.
    let both = visit.submit(&most, "#find", &[("q", "a")]).await;
    assert_eq!(names(&both), ["Beta", "gamma", "alpha"]);
    for word in ["", "nonsense", "-", "%00"] {
        let page =
            visit.get(&format!("/connections?sort={word}&s3={word}&provider={word}&page={word}")).await;
        assert_eq!(names(&page), ["alpha", "Beta", "gamma"], "{word}");
    }
}

#[tokio::test]
async fn fifty_rows_are_a_page_and_light() {
    let world = World::new().await;
    for number in 0..101 {
        let made = storage(
            &world,
            &format!("Department documents {number:03}"),
            &json!({"quota_bytes": 2_000_000_000_000_u64}),
        )
        .await;
        if number % 2 == 0 {
            key(&world, &made, &json!({"networks": [{"network": "203.0.113.0/24"}]})).await;
        }
    }
    let page = shown(&world, "/connections").await;
    println!("list of 50 rows: {} bytes of HTML", page.html.len());
    assert!(page.html.len() <= 60 * 1024, "{} bytes", page.html.len());
    let mut visit = Visit::admin(&world).await;
    let (mut seen, mut page, mut pages) = (Vec::new(), page, Vec::new());
    loop {
        seen.extend(names(&page));
        pages.push(page.text(".pages span"));
        let Some(next) = page.all("a[rel=next]").first().and_then(|link| link.attr("href")) else { break };
        let next = next.to_owned();
        page = visit.get(&next).await;
    }
    assert_eq!(pages, ["1 to 50", "51 to 100", "101 to 101"]);
    assert!(seen.is_sorted() && seen.len() == 101, "{seen:?}");
    seen.dedup();
    assert_eq!(seen.len(), 101, "no row twice, none missed");
    assert_eq!(page.attr("a[rel=prev]", "href"), "/connections?page=2");
    // Past the end is the end.
    assert_eq!(names(&visit.get("/connections?page=4000000000").await), ["Department documents 100"]);
    // A filter begins at the first page.
    let found = visit.submit(&page, "#find", &[("q", "Department")]).await;
    assert_eq!(found.text(".pages span"), "1 to 50");
}

#[tokio::test]
async fn nothing_there_and_nothing_found_say_what_to_do() {
    let world = World::new().await;
    let page = shown(&world, "/connections").await;
    assert_eq!(page.text(".empty h2"), "No storage yet");
    assert_eq!(page.attr(".empty a", "href"), "/connections/new");
    assert!(!page.has("#posture") && !page.has("#find"), "{page:?}");
    storage(&world, "NAS", &json!({})).await;
    let mut visit = Visit::admin(&world).await;
    let page = visit.get("/connections?q=%22%3E%3Cb%3E&sort=-used").await;
    assert_eq!(page.text(".empty h2"), "Nothing matches “\"><b>”");
    assert_eq!(page.attr(".empty a", "href"), "/connections?sort=-used");
    let page = visit.get("/connections?health=unreachable").await;
    assert_eq!(page.text(".empty h2"), "Nothing matches these filters");
}

#[tokio::test]
async fn another_site_has_its_own_list() {
    let world = World::new().await;
    storage(&world, "NAS", &json!({})).await;
    world.other_site().await;
    let page = Visit::of(&world, "eve").await.get("/connections").await;
    assert!(page.has(".empty") && !page.html.contains("NAS"), "{page:?}");
}

#[tokio::test]
async fn new_credentials_are_a_step_away() {
    let world = World::new().await;
    let made = storage(&world, "NAS", &json!({})).await;
    let path = format!("/connections/{}/generate", made["id"].as_str().unwrap());
    let mut visit = Visit::admin(&world).await;
    let to = async |visit: &mut Visit<'_>| {
        let answer = visit.look(&path).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{answer:?}");
        answer.header("location").to_owned()
    };
    let home = path.strip_suffix("/generate").unwrap().to_owned();
    assert_eq!(to(&mut visit).await, format!("{home}/keys/new"));
    let first = key(&world, &made, &json!({})).await;
    assert_eq!(
        to(&mut visit).await,
        format!("{home}/keys/{}/generate", first["key"]["id"].as_str().unwrap())
    );
    key(&world, &made, &json!({})).await;
    assert_eq!(to(&mut visit).await, format!("{home}#credentials"));
    for foreign in
        ["/connections/nonsense/generate", "/connections/018f0000-0000-7000-8000-000000000000/generate"]
    {
        assert_eq!(visit.look(foreign).await.status, StatusCode::NOT_FOUND, "{foreign}");
    }
    world.other_site().await;
    assert_eq!(Visit::of(&world, "eve").await.look(&path).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn keys_that_deserve_a_look_lead_to_their_page() {
    let world = World::new().await;
    let made = storage(&world, "NAS", &json!({})).await;
    let listed = json!({"networks": [{"network": "203.0.113.7"}], "name": "old tool"});
    let key = key(&world, &made, &listed).await;
    let page = shown(&world, "/connections").await;
    assert!(
        page.texts("#posture > div")[3].ends_with("0Nothing stands out"),
        "{:?}",
        page.texts("#posture > div")
    );
    world.clock.advance(Duration::from_secs(91 * 86_400));
    let page = shown(&world, "/connections").await;
    assert_eq!(page.texts("#posture > div")[3], "Credentials to review1old tool · unused for 90 days");
    let (storage, key) = (made["id"].as_str().unwrap(), key["key"]["id"].as_str().unwrap());
    assert!(page.has(&format!("#posture a[href='/connections/{storage}/keys/{key}']")));
}

/// What the menu of a row offers has its place; without a script the row's link leads to the same page.
#[tokio::test]
async fn the_menu_of_a_row_leads_to_places_that_are_there() {
    let world = World::new().await;
    let made = storage(&world, "NAS", &json!({})).await;
    key(&world, &made, &json!({})).await;
    let page = shown(&world, "/connections").await;
    let home = page.attr("#list a[data-menu]", "href");
    assert_eq!(page.attr("#list a[data-menu]", "aria-label"), "Actions for NAS");
    let offered: Vec<&str> =
        page.html.split("data-to=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    assert_eq!(offered, ["", "#permissions", "#networks", "/generate", "#rename", "/delete"]);
    let mut visit = Visit::admin(&world).await;
    for to in offered {
        let target = visit.get(&format!("{home}{to}")).await;
        assert_eq!(target.status, StatusCode::OK, "{to}");
        if let Some(id) = to.strip_prefix('#') {
            assert!(target.has(&format!("main [id='{id}']")), "{to}");
        }
    }
    for key in ["/", "n", "?"] {
        assert_eq!(page.all(&format!("[data-key='{key}']")).len(), 1, "{key}");
        assert!(page.texts("#help kbd").contains(&key.to_owned()), "{key} is explained");
    }
}

#[tokio::test]
async fn works_without_javascript() {
    let world = World::new().await;
    for name in ["NAS backup", "Archive", "Finance"] {
        let made = storage(&world, name, &json!({})).await;
        key(&world, &made, &json!({})).await;
    }
    world.control.refresh_facts(&world.system).await.unwrap();
    // In, and to the list; find, and sort; open, and change; look again; out.
    let mut visit = Visit::nobody(&world);
    let page = visit.get("/").await;
    let page = visit.submit(&page, "form", &[("username", "admin"), ("password", PASSWORD)]).await;
    let page = visit.submit(&page, "#find", &[("q", "a"), ("sort", "-name")]).await;
    assert_eq!(names(&page), ["NAS backup", "Finance", "Archive"]);
    let page = visit.submit(&page, "#find", &[("q", "nas")]).await;
    let page = visit.get(&page.attr("#list a[data-menu]", "href")).await;
    assert_eq!(page.text("h1"), "NAS backup");
    let page = visit.submit(&page, "#rename", &[("name", "Night backup")]).await;
    assert_eq!((page.status, page.text("h1").as_str()), (StatusCode::OK, "Night backup"));
    assert!(!page.toast().is_empty(), "what was done is said");
    let page = visit.get("/connections").await;
    assert_eq!(names(&page), ["Archive", "Finance", "Night backup"]);
    // A button that only a script needs is hidden without one, and the other way round.
    assert!(
        page.has("#find button.without-script[type=submit]") && page.has("button.with-script[data-key='?']")
    );
    let page = visit.submit(&page, "#account form", &[]).await;
    assert_eq!(page.path, "/sign-in");
}
