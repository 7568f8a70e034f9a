//! The page of usage.

use http::StatusCode;

use super::visit::Visit;
use crate::world::World;

#[tokio::test]
async fn use_is_drawn_and_told() {
    let world = World::new().await;
    let mut visit = Visit::admin(&world).await;
    let page = visit.get("/usage").await;
    assert!(page.text("main").contains("Nothing was used") && !page.has("svg[role=img]"), "{page:?}");
    let (key, _, storage) = world.reader("nightly").await;
    let mut visit = Visit::admin(&world).await;
    let page = visit.get("/usage").await;
    assert_eq!(page.all("#requests rect").len(), 7, "a bar for each day with use");
    assert_eq!(page.all("#bytes rect").len(), 7);
    assert_eq!(page.all("#refused rect").len(), 0);
    let titles = page.texts("#requests rect title");
    assert_eq!(titles[0], "2027-01-31: 1 request", "{titles:?}");
    assert_eq!(page.attr("#requests", "aria-label"), "Requests over time: 7 requests in all");
    assert_eq!(page.attr("#bytes", "aria-label"), "Bytes over time: 28 B in all");
    let lines = page.texts("#numbers tbody tr");
    assert_eq!((lines.len(), lines[6].as_str()), (7, "2027-01-3114 B0"), "the latest first: {lines:?}");
    assert!(page.text("#by-key").contains("nightly") && page.text("#by-network").contains("203.0.113.7"));
    assert!(page.text("#by-storage").contains(storage["name"].as_str().unwrap()));
    assert!(page.text("#by-tool").contains("test"));

    // By the hour, of one key, and of everything again.
    let week = visit.get(&format!("/usage?days=7&key={key}")).await;
    assert_eq!(week.text("#only"), "Only nightly");
    assert!(week.texts("#requests rect title")[0].ends_with("18:00 UTC: 1 request"), "{week:?}");
    assert_eq!(week.attr("#find a", "href"), "/usage?days=7");
    let none = visit.get("/usage?q=nobody").await;
    assert_eq!((none.status, none.has("#requests")), (StatusCode::OK, false));
    let found = visit.submit(&none, "#find", &[("q", "NIGHT")]).await;
    assert_eq!(found.path, "/usage?q=NIGHT&days=30");
    assert!(found.has("#requests rect"));
    for strange in ["/usage?days=100000&key=x&storage=%00", "/usage?network=%3Cb%3E"] {
        assert_eq!(visit.get(strange).await.all("#requests rect").len(), 7, "{strange}");
    }
}
