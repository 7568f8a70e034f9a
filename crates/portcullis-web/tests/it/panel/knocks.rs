//! The page of who still knocks, and what a key's page says of it.

use http::StatusCode;
use portcullis_domain::Role;
use serde_json::json;

use super::visit::Visit;
use crate::world::{PASSWORD, World};

#[tokio::test]
async fn who_knocks_is_shown_with_how_often_and_leads_on() {
    let world = World::new().await;
    let mut visit = Visit::admin(&world).await;
    let empty = visit.get("/knocks").await;
    assert_eq!(
        (empty.text("h1").as_str(), empty.text("#list h2").as_str()),
        ("Who still knocks", "Nobody knocks")
    );
    let storage = world.storage("NAS").await;
    let (key, id) = world.refused_from_afar().await;
    let scope = json!({"storage": storage["id"]});
    let gone = json!({"name": "<old> one", "channel": "rest", "scope": scope, "permission": "read"});
    let gone = world.key(&gone).await;
    let path = format!("/api/v1/keys/{}", gone["key"]["id"].as_str().unwrap());
    world.admin("DELETE", &path).send().await;
    let bearer = gone["bearer"].as_str().unwrap();
    world.ask("GET", "/api/v1/me").bearer(bearer).send().await;
    let page = visit.get("/knocks").await;
    let rows = page.texts("#list tbody tr");
    assert_eq!((rows.len(), page.text("#count").as_str()), (2, "2 kinds of attempts on this page"));
    let old = rows.iter().find(|row| row.contains("<old> one")).unwrap();
    for part in [
        "NAS, deleted 2027-01-31 18:00 UTC",
        "True old secret",
        "Has the secret the key had",
        "1 in 24 hours",
    ] {
        assert!(old.contains(part), "{part}: {old}");
    }
    assert_eq!(page.all("#list svg[role=img] rect").len(), 2, "a bar for each on the day of it");
    assert!(page.has(&format!("#list a[href='/api-keys/{key}']")), "the living key has a page");
    // The last refusal explained, one click away.
    let latest = page.all("#list a[href^='/knocks/latest?']");
    let latest =
        latest.iter().map(|link| link.attr("href").unwrap()).find(|path| path.contains("key_network"));
    let explained = visit.get(latest.unwrap()).await;
    assert_eq!(explained.path, format!("/activity/{id}"));
    let unknown = visit.get(&format!("/knocks/latest?key={key}&word=key_expired&network=192.0.2.1")).await;
    assert_eq!(
        (unknown.status, unknown.path),
        (StatusCode::OK, format!("/activity?key={key}&verdict=denied"))
    );
    assert_eq!(visit.get("/knocks/latest?key=x").await.status, StatusCode::NOT_FOUND);
    // Searched and filtered.
    let found = visit.submit(&page, "form#find", &[("reason", "network")]).await;
    assert_eq!(found.texts("#list tbody tr").len(), 1);
    let found = visit.submit(&page, "form#find", &[("q", "OLD"), ("reason", "old_secret")]).await;
    assert_eq!(found.texts("#list tbody tr").len(), 1);
    let found = visit.submit(&page, "form#find", &[("reason", "expired")]).await;
    assert_eq!(found.text("#list h2"), "No attempt was refused for this");
    for strange in ["?after=zz", "?reason=king&q=%00"] {
        assert_eq!(visit.get(&format!("/knocks{strange}")).await.status, StatusCode::OK, "{strange}");
    }
    // On the key's own page.
    let own = visit.get(&format!("/api-keys/{key}")).await;
    assert!(own.text("#knocks").contains("203.0.113.7"), "{own:?}");
    assert!(visit.get(&own.attr("#knocks header a", "href")).await.text("#list tbody").contains("nightly"));
}

#[tokio::test]
async fn a_member_sees_it_of_their_own_key_and_nothing_else() {
    let world = World::new().await;
    let user = world.user(world.main_site().await, "bob", Role::Member).await;
    let key = json!({
        "name": "mine", "channel": "rest", "scope": {"user": user}, "permission": "read", "networks": ["198.51.100.0/24"],
    });
    let made = world.key(&key).await;
    let id = made["key"]["id"].as_str().unwrap();
    world.ask("GET", "/api/v1/me").bearer(made["bearer"].as_str().unwrap()).send().await;
    let mut bob = Visit::with(&world, "bob", PASSWORD).await;
    let page = bob.get(&format!("/api-keys/{id}")).await;
    assert!(page.text("#knocks").contains("Wrong network"), "{page:?}");
    assert!(!page.has("#knocks a"), "the list and the trail are for admins");
    assert_eq!(bob.get("/knocks").await.status, StatusCode::FORBIDDEN);
}
