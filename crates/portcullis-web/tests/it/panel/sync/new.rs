//! The form for a plan.

use http::StatusCode;

use super::super::visit::Visit;
use super::pair;
use crate::sync::Pair;
use crate::world::World;

#[tokio::test]
async fn without_two_storages_there_is_nothing_to_plan() {
    let world = World::new().await;
    let mut visit = Visit::admin(&world).await;
    let page = visit.get("/sync").await;
    assert_eq!((page.status, page.text("h1").as_str()), (StatusCode::OK, "Sync"));
    assert!(page.text("main").contains("Nothing was brought together yet"), "{page:?}");
    world.storage("NAS").await;
    for path in ["/sync/new", "/sync/jobs/new"] {
        let page = visit.get(path).await;
        assert!(!page.has("main form") && page.has("main a[href='/connections/new']"), "{page:?}");
    }
}

#[tokio::test]
async fn what_is_wrong_is_told_at_its_field_and_stays_typed() {
    let pair = pair().await;
    let mut visit = Visit::admin(&pair.world).await;
    let page = visit.get(&format!("/sync/new?storage={}", pair.storage)).await;
    assert_eq!(page.attr("#f-storage option[selected]", "value"), pair.storage);
    assert_eq!(
        page.attr("[name=mode][checked]", "value"),
        "two_way",
        "what deletes nothing unasked comes first"
    );
    let given =
        [("prefix", "photos/"), ("mode", "mirror"), ("budget", "lots"), ("percent", "300"), ("keep", "x")];
    let page = visit.submit(&page, "#new-plan", &given).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    for field in ["with", "budget", "percent", "keep"] {
        assert!(
            page.has(&format!("#e-{field}")) && page.has(&format!("#f-{field}[aria-invalid]")),
            "{field}"
        );
    }
    assert_eq!(
        (page.attr("#f-prefix", "value"), page.attr("#f-budget", "value")),
        ("photos/".into(), "lots".into())
    );
    assert_eq!(page.attr("[name=mode][checked]", "value"), "mirror");
    assert!(page.has("details[open] #f-budget"), "what is wrong is not folded away");
}

#[tokio::test]
async fn a_storage_is_not_brought_together_with_itself() {
    let pair = pair().await;
    let mut visit = Visit::admin(&pair.world).await;
    let page = visit.get("/sync/new").await;
    let both = [("storage", pair.storage.as_str()), ("with", pair.storage.as_str())];
    let page = visit.submit(&page, "#new-plan", &both).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(page.faults().len(), 1, "{page:?}");
    assert_eq!(page.attr("#f-with option[selected]", "value"), pair.storage);
}

#[tokio::test]
async fn a_connection_leads_to_its_plan() {
    let pair = Pair::with(&[], &[]).await;
    let mut visit = Visit::admin(&pair.world).await;
    let page = visit.get(&format!("/connections/{}", pair.storage)).await;
    let path = page.attr("#elsewhere a", "href");
    let form = visit.get(&path).await;
    assert_eq!(form.attr("#f-storage option[selected]", "value"), pair.storage);
    let page = visit.get(&format!("/connections/{}/delete", pair.storage)).await;
    let moves = page.attr("main a[href*='mode=copy']", "href");
    let form = visit.get(&moves).await;
    assert_eq!(form.attr("[name=mode][checked]", "value"), "copy");
    assert_eq!(form.attr("#f-storage option[selected]", "value"), pair.storage);
}
