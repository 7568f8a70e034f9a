//! What is filled in for a new connection: read, explained, refused, kept.

use http::StatusCode;
use serde_json::Value;

use super::visit::Visit;
use super::wizard::{connected, named, reviewed, storages};
use crate::world::World;

#[tokio::test]
async fn what_is_wrong_is_said_at_its_field_and_kept() {
    let world = World::new().await;
    let mut visit = Visit::admin(&world).await;
    let page = named(&mut visit, &[]).await;
    assert_eq!((page.status, page.faults().len()), (StatusCode::UNPROCESSABLE_ENTITY, 1));
    assert_eq!(page.attr("#f-name", "aria-invalid"), "true");
    let name = "x".repeat(201);
    let page = named(&mut visit, &[("name", &name), ("label", "Büro!"), ("quota", "1,5 TB")]).await;
    assert_eq!((page.status, page.faults().len()), (StatusCode::UNPROCESSABLE_ENTITY, 3), "{page:?}");
    for (field, typed, part) in
        [("name", name.as_str(), "200"), ("label", "Büro!", "lower-case"), ("quota", "1,5 TB", "1.5 TB")]
    {
        assert_eq!(page.attr(&format!("#f-{field}"), "value"), typed);
        assert!(page.text(&format!("#e-{field}")).contains(part), "{page:?}");
    }
    for typed in ["500", "0 GB", "lots", "10 GBit", "99999999999 PB"] {
        let page = named(&mut visit, &[("name", "N"), ("quota", typed)]).await;
        assert!(page.status == StatusCode::UNPROCESSABLE_ENTITY && page.has("#e-quota"), "{typed}");
    }
    // Nobody comes past a step by its address.
    for path in
        ["/connections/new/access", "/connections/new/review", "/connections/new/review?name=N&quota=lots"]
    {
        let page = visit.get(path).await;
        assert!(
            page.path.starts_with("/connections/new?") && page.status == StatusCode::UNPROCESSABLE_ENTITY,
            "{page:?}"
        );
    }
    let page = visit.get("/connections/new/review?name=N&external=on").await;
    assert!(page.path.starts_with("/connections/new/access?") && page.has("#e-permission"), "{page:?}");
    let page = visit.get("/connections/new?name=N&provider=dropbox&next=access").await;
    assert_eq!(page.faults().len(), 1);
    assert!(storages(&world).await.is_empty());
}

#[tokio::test]
async fn quotas_are_read_as_people_write_them() {
    let world = World::new().await;
    let mut visit = Visit::admin(&world).await;
    for (typed, shown, bytes) in [
        ("10 GB", "10 GB", 10_000_000_000_u64),
        ("1.5 TB", "1.5 TB", 1_500_000_000_000),
        ("2gib", "2.15 GB", 2 << 30),
    ] {
        let page = reviewed(&mut visit, &[("name", "N"), ("quota", typed)], &[]).await;
        assert!(page.texts("#wizard dd").contains(&shown.to_owned()), "{page:?}");
        visit.send(&page, "#wizard", &[]).await;
        assert_eq!(storages(&world).await.last().unwrap()["quota_bytes"], bytes);
    }
}

#[tokio::test]
async fn names_of_any_kind_are_harmless() {
    let world = World::new().await;
    let mut visit = Visit::admin(&world).await;
    for name in
        ["<script>alert(1)</script>\"'&", "שלום (عالم) 12", &"W".repeat(200), "{{ 7*7 }} %27 #x?y=&z", "🏰"]
    {
        let page = named(&mut visit, &[("name", name)]).await;
        assert_eq!(page.text("h1 + p"), name);
        let page = connected(&mut visit, name, "read_write").await;
        assert_eq!(page.texts(".facts dd")[0], name);
        assert!(!page.has("main script"));
        assert_eq!(storages(&world).await.last().unwrap()["name"], name);
    }
    for name in ["a\u{202e}b", "a\u{0}b", " ", "\u{200b}"] {
        let page = named(&mut visit, &[("name", name)]).await;
        assert!(page.status == StatusCode::UNPROCESSABLE_ENTITY && page.has("#e-name"), "{name:?}");
    }
}

#[tokio::test]
async fn networks_are_explained_while_they_are_typed() {
    let world = World::new().await;
    let mut visit = Visit::admin(&world).await;
    let page = named(&mut visit, &[("name", "N")]).await;
    assert!(page.text("#reading").contains("Any address"), "{page:?}");
    let given =
        [("external", "on"), ("permission", "write"), ("networks", "203.0.113.7/24 # office\n203.0.113")];
    let page = visit.submit(&page, "#wizard", &given).await;
    let told = page.texts("#reading li");
    assert!(page.status == StatusCode::OK && page.faults().is_empty(), "not asked for yet: {page:?}");
    assert!(
        told[0].contains("203.0.113.7/24 means 203.0.113.0/24") && told[0].contains("office"),
        "{told:?}"
    );
    assert!(told[1].contains("Use 203.0.113.0/24"), "{told:?}");
    let wrong = visit.submit(&page, "#wizard", &[("next", "review")]).await;
    assert!(
        wrong.status == StatusCode::UNPROCESSABLE_ENTITY && wrong.text("#e-networks").contains("203.0.113:"),
        "{wrong:?}"
    );
    let fixed = visit.submit(&wrong, "#wizard", &[("fix", "1")]).await;
    let mine = visit.submit(&fixed, "#wizard", &[("op", "mine")]).await;
    let text: String = mine.one("#f-networks").text().collect();
    assert_eq!(
        text.lines().collect::<Vec<_>>(),
        ["203.0.113.7/24  # office", "203.0.113.0/24", "192.0.2.1  # my address"]
    );
    let page = visit.submit(&mine, "#wizard", &[("next", "review")]).await;
    assert!(page.text("#wizard").contains("257 IPv4 addresses"), "{page:?}");
    visit.send(&page, "#wizard", &[]).await;
    let made = &storages(&world).await[0];
    assert_eq!(made["networks"].as_array().unwrap().len(), 2, "{made}");
    assert_eq!((&made["permission"], &made["networks"][0]["note"]), (&"write".into(), &"office".into()));
    let keys = world.get("/api/v1/keys").await;
    assert_eq!(
        (&keys["items"][0]["permission"], &keys["items"][0]["networks"]),
        (&"write".into(), &Value::Array(Vec::new()))
    );
    let long =
        visit.submit(&mine, "#wizard", &[("networks", &"10.0.0.1 ".repeat(300)), ("next", "review")]).await;
    assert!(long.text("#e-networks").contains("too long") && long.path.len() < 8_000, "{}", long.path.len());
}
