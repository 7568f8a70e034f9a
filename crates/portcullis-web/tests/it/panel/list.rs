//! The list of connections.

use std::time::Duration;

use http::StatusCode;
use serde_json::{Value, json};

use super::visit::{Page, Visit, text_of};
use crate::world::World;

/// A storage with these settings.
async fn storage(world: &World, name: &str, given: &Value) -> Value {
    let mut body = json!({"name": name, "provider": "builtin"});
    body.as_object_mut().unwrap().extend(given.as_object().unwrap().clone());
    let answer = world.admin("POST", "/api/v1/storages").json(&body).send().await;
    assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
    answer.json()
}

/// An S3 key of a storage with these settings.
async fn key(world: &World, storage: &Value, given: &Value) -> Value {
    let mut body = json!({"name": "a key", "channel": "s3", "scope": {"storage": storage["id"]}, "permission": "read_write"});
    body.as_object_mut().unwrap().extend(given.as_object().unwrap().clone());
    world.key(&body).await
}

async fn put(world: &World, storage: &Value, path: &str, bytes: usize) {
    let path = format!("/api/v1/storages/{}/file?key={path}", storage["id"].as_str().unwrap());
    let answer = world.admin("PUT", &path).body(vec![b'x'; bytes]).send().await;
    assert!(answer.status.is_success(), "{answer:?}");
}

/// The page after everything was measured.
async fn shown(world: &World, path: &str) -> Page {
    world.control.refresh_facts(&world.system).await.unwrap();
    let page = Visit::admin(world).await.get(path).await;
    assert_eq!(page.status, StatusCode::OK, "{page:?}");
    page
}

fn names(page: &Page) -> Vec<String> {
    page.texts("#list tbody td:first-child a")
}

/// The cells of the row with this name.
fn cells(page: &Page, name: &str) -> Vec<String> {
    let row = page.all("#list tbody tr").into_iter().find(|row| {
        row.select(&super::visit::selector("td:first-child a")).any(|link| text_of(link) == name)
    });
    let row = row.unwrap_or_else(|| panic!("no row {name}: {page:?}"));
    row.select(&super::visit::selector("td")).map(text_of).collect()
}

#[tokio::test]
async fn list_shows_the_seven_metadata_columns() {
    let world = World::new().await;
    let made = storage(&world, "Company documents", &json!({"quota_bytes": 10_000})).await;
    put(&world, &made, "a/b.txt", 1_000).await;
    put(&world, &made, "c.txt", 250).await;
    key(&world, &made, &json!({"networks": [{"network": "203.0.113.0/24"}, {"network": "2001:db8::/32"}]}))
        .await;
    let page = shown(&world, "/connections").await;
    assert_eq!(
        page.texts("#list thead th"),
        [
            "Name",
            "Storage Provider",
            "Region",
            "Storage Space",
            "Files & Folders",
            "Share Status",
            "S3 Connection",
            "Actions"
        ]
    );
    let row = cells(&page, "Company documents");
    let bucket = made["bucket_name"].as_str().unwrap();
    assert!(row[0].ends_with(bucket) && bucket.ends_with("-company-documents"), "{row:?}");
    assert_eq!(row[1], "Built-inReachable");
    assert_eq!(row[2], made["region"].as_str().unwrap());
    assert_eq!(row[3], "1.25 kB of 10 kB");
    assert_eq!(page.attr("#list [role=meter]", "aria-valuenow"), "12");
    assert_eq!(page.attr("#list [role=meter] rect", "width"), "12%");
    assert_eq!(row[4], "2 files1 folder");
    assert_eq!(row[5], "PrivateAdmins only");
    assert_eq!(row[6], "ActiveRead & Write · 2 networks");
    assert_eq!(
        page.attr("#list td:first-child a", "href"),
        format!("/connections/{}", made["id"].as_str().unwrap())
    );
}

#[tokio::test]
async fn what_s3_tools_can_do_is_told_in_two_lines() {
    let world = World::new().await;
    let open = json!({"networks": []});
    let soon = json!({"expires_at": "2027-02-10T17:00:00Z"});
    let cases = [
        ("no key", json!({}), None, "Not activeNo credentials"),
        ("any", json!({}), Some(&open), "ActiveRead & Write · any IP"),
        ("off", json!({"s3_access": false}), Some(&open), "OffS3 is switched off"),
        ("none", json!({"permission": "none"}), Some(&open), "OffPermission is none"),
        ("narrow", json!({"permission": "read"}), Some(&open), "ActiveRead Only · any IP"),
        ("ends", json!({}), Some(&soon), "Ends in 10 daysRead & Write · any IP"),
    ];
    for (name, settings, given, _) in &cases {
        let made = storage(&world, name, settings).await;
        if let Some(given) = given {
            key(&world, &made, given).await;
        }
    }
    let page = shown(&world, "/connections").await;
    for (name, _, _, text) in &cases {
        assert_eq!(cells(&page, name)[6], *text, "{name}");
    }
    assert_eq!(page.all("#list .chip.ok").len(), 2);
    assert_eq!(page.all("#list .chip.warn").len(), 1);
}

#[tokio::test]
async fn the_strip_on_top_tells_how_the_site_is() {
    let world = World::new().await;
    let listed = json!({"networks": [{"network": "203.0.113.7"}]});
    for (name, given) in [("Finance", Some(&listed)), ("NAS", Some(&json!({}))), ("Archive", None)] {
        let made = storage(&world, name, &json!({"quota_bytes": 1_000_000})).await;
        put(&world, &made, "x", 500_000).await;
        if let Some(given) = given {
            key(&world, &made, given).await;
        }
    }
    let page = shown(&world, "/connections").await;
    let strip = page.texts("#posture > div");
    assert_eq!(strip[0], "External access2 of 3 storages1 closed to the outside");
    assert_eq!(strip[1], "Restricted by IP1 of 2 open storages NAS accepts any IP");
    assert!(page.attr("#posture .warn a[href$='#networks']", "href").starts_with("/connections/"));
    assert_eq!(strip[2], "Storage used1.5 MB of 3 MB");
    assert_eq!(page.attr("#posture [role=meter]", "aria-valuenow"), "50");
    assert!(strip[3].starts_with("Credentials to review1a key · writes from any IP"), "{}", strip[3]);
}

#[tokio::test]
async fn a_bar_warns_before_a_storage_is_full() {
    let world = World::new().await;
    for (name, bytes) in [("half", 790), ("high", 800), ("full", 950)] {
        let made = storage(&world, name, &json!({"quota_bytes": 1_000})).await;
        put(&world, &made, "x", bytes).await;
    }
    let page = shown(&world, "/connections").await;
    let bars: Vec<_> =
        page.all("#list .bar").iter().map(|bar| bar.attr("class").unwrap().to_owned()).collect();
    assert_eq!(bars, ["bar full", "bar ", "bar high"], "{:?}", names(&page));
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
