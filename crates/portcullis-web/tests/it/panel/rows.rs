//! The list of connections: what its rows and the strip above them say.

use std::time::Duration;

use portcullis_domain::{
    Clock as _, DisplayName, Health, Label, Networks, Permission, Provider, StorageId, Usage,
};
use portcullis_metadata::{Measurement, NewStorage};
use serde_json::json;

use super::list::{cells, key, names, put, shown, storage};
use super::visit::Visit;
use crate::world::World;

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
        ("no key", json!({}), None, "Not activeNo S3 key"),
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
async fn a_storage_that_does_not_answer_keeps_its_row_and_tells_its_figures_age() {
    let world = World::new().await;
    for (name, health) in
        [("gone", Health::Unreachable), ("slow", Health::Degraded), ("fine", Health::Reachable)]
    {
        let made = storage(&world, name, &json!({"quota_bytes": 10_000})).await;
        key(&world, &made, &json!({})).await;
        put(&world, &made, "x", 1_000).await;
        world.control.refresh_facts(&world.system).await.unwrap();
        let at = world.clock.now().after(Duration::from_secs(60));
        let seen = Measurement {
            storage: made["id"].as_str().unwrap().parse().unwrap(),
            site: world.main_site().await,
            at,
            usage: None,
            health,
            due: at.after(Duration::from_hours(24)),
        };
        world.metadata.record_measurements(&[seen]).await.unwrap();
    }
    world.clock.advance(Duration::from_hours(2));
    let mut visit = Visit::admin(&world).await;
    let page = visit.get("/connections").await;
    let row = cells(&page, "gone");
    assert_eq!(row[1], "Built-inNo answer");
    assert_eq!(row[3], "1 kB of 10 kBas of 2 hours ago");
    assert_eq!(row[4], "1 file0 folders");
    assert_eq!(row[6], "Unreachablesince 1 hour ago");
    assert_eq!(page.attr("#list .chip.bad + small time", "datetime"), "2027-01-31T18:01:00Z");
    assert_eq!(cells(&page, "slow")[1], "Built-inSlow or failing");
    assert_eq!(cells(&page, "slow")[6], "ActiveRead & Write · any IP");
    assert_eq!(cells(&page, "fine")[3], "1 kB of 10 kB", "the built-in store tells every change");
    for (query, name) in
        [("health=unreachable", "gone"), ("health=degraded", "slow"), ("s3=unreachable", "gone")]
    {
        assert_eq!(names(&visit.get(&format!("/connections?{query}")).await), [name], "{query}");
    }
}

/// A bucket elsewhere, as it is in the database before anybody has looked at it.
async fn elsewhere(world: &World, name: &str, provider: Provider) -> StorageId {
    let site = world.main_site().await;
    let name = DisplayName::parse(name).unwrap();
    let new = NewStorage {
        id: StorageId::generate(),
        site,
        owner: world.metadata.users(site).await.unwrap()[0].id,
        label: Label::suggested_by(&name),
        name,
        provider,
        region: "eu-central-1".to_owned(),
        endpoint: Some("https://s3.example.org".to_owned()),
        bucket: Some("media".to_owned()),
        path_style: true,
        provider_credentials: None,
        permission: Permission::ReadWrite,
        networks: Networks::default(),
        s3_access: true,
        quota_bytes: None,
        created: world.clock.now(),
    };
    world.metadata.create_storage(new).await.unwrap().id
}

#[tokio::test]
async fn a_bucket_elsewhere_is_shown_as_it_was_last_seen() {
    let world = World::new().await;
    let bucket = elsewhere(&world, "Website media", Provider::CloudflareR2).await;
    elsewhere(&world, "Archive", Provider::Aws).await;
    let mut visit = Visit::admin(&world).await;
    let page = visit.get("/connections").await;
    let row = cells(&page, "Website media");
    assert_eq!(row[1..4], ["Cloudflare R2Not looked at yet", "eu-central-1", "Not measured yet"]);
    assert_eq!(cells(&page, "Archive")[1], "AWS S3Not looked at yet");
    assert!(page.texts("#posture > div")[2].ends_with("2 storages are not measured yet"));
    let at = world.clock.now();
    let usage = Usage { bytes: 21_700_000_000, files: 6_340, folders: 88, ..Usage::default() };
    let seen = Measurement {
        storage: bucket,
        site: world.main_site().await,
        at,
        usage: Some((usage, None)),
        health: Health::Reachable,
        due: at.after(Duration::from_hours(24)),
    };
    world.metadata.record_measurements(&[seen]).await.unwrap();
    let row = cells(&visit.get("/connections?provider=cloudflare-r2").await, "Website media");
    assert_eq!(row[1..5], ["Cloudflare R2Reachable", "eu-central-1", "21.7 GB", "6,340 files88 folders"]);
    // Others may have written there since.
    world.clock.advance(Duration::from_mins(90));
    let row = cells(&visit.get("/connections").await, "Website media");
    assert_eq!(row[3], "21.7 GBas of 1 hour ago");
}

#[tokio::test]
async fn old_versions_show_where_they_fill_a_quota() {
    let world = World::new().await;
    let made = storage(&world, "NAS", &json!({"quota_bytes": 10_000})).await;
    put(&world, &made, "x", 100).await;
    world.control.refresh_facts(&world.system).await.unwrap();
    let at = world.clock.now();
    let usage = Usage { bytes: 100, files: 1, folders: 0, version_bytes: 8_000, upload_bytes: 500 };
    let seen = Measurement {
        storage: made["id"].as_str().unwrap().parse().unwrap(),
        site: world.main_site().await,
        at,
        usage: Some((usage, Some(1_400))),
        health: Health::Reachable,
        due: at.after(Duration::from_hours(1)),
    };
    world.metadata.record_measurements(&[seen]).await.unwrap();
    let page = Visit::admin(&world).await.get("/connections").await;
    assert_eq!(cells(&page, "NAS")[3], "100 B of 10 kBand 8.5 kB of old versions");
    assert_eq!(page.attr("#list .bar.high", "aria-valuenow"), "86", "the bar is what the quota counts");
}
