//! The page of advice.

use http::StatusCode;
use serde_json::json;

use super::visit::{SAME_ORIGIN, Visit};
use crate::world::World;

#[tokio::test]
async fn advice_is_followed_and_undone_with_one_click_each() {
    let mut world = World::new().await;
    let mut visit = Visit::admin(&world).await;
    let page = visit.get("/advice").await;
    assert_eq!((page.text("h1").as_str(), page.has("#list table")), ("Advice", false));
    let (key, ..) = world.reader("night & day").await;
    world.renew().await;
    let mut visit = Visit::admin(&world).await;
    let page = visit.get("/advice").await;
    assert_eq!(page.all("#list tbody tr").len(), 3);
    let rows = page.texts("#list tbody tr");
    assert!(rows[0].contains("night & day") && rows[0].contains("Permission: Read"), "{rows:?}");
    assert!(rows[0].contains("7 requests on 7 days") && rows[0].contains("Nothing in 90 days"), "{rows:?}");
    assert!(rows[1].contains("203.0.113.7") && rows[1].contains("now: from anywhere"), "{rows:?}");
    assert!(rows[2].contains("backup/db/") && rows[2].contains("now: the whole storage"), "{rows:?}");
    assert!(!page.has("#taken"));

    let form = format!("form[action='/advice/keys/{key}/networks']");
    let taken = visit.submit(&page, &form, &[]).await;
    assert_eq!((taken.status, taken.path.as_str()), (StatusCode::OK, "/advice?done=advice_taken"));
    assert_eq!(taken.toast(), "The key is narrower; it holds from now on");
    assert_eq!(taken.all("#list tbody tr").len(), 2);
    let networks = world.get(&format!("/api/v1/keys/{key}")).await["networks"].clone();
    assert_eq!(networks[0]["network"], "203.0.113.7");
    // The same form again, as from another window.
    let late = visit.submit(&page, &form, &[]).await;
    assert_eq!(late.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(late.text("#faults").contains("has changed meanwhile"), "{late:?}");

    let undone = visit.submit(&taken, "#taken form", &[]).await;
    assert_eq!(undone.toast(), "The key is as wide as before");
    assert!(undone.text("#taken tbody").contains("undone just now"), "{undone:?}");
    assert_eq!(world.get(&format!("/api/v1/keys/{key}")).await["networks"], json!([]));
    let late = visit.submit(&taken, "#taken form", &[]).await;
    assert_eq!(late.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(late.text("#faults").contains("before"), "{late:?}");
}

#[tokio::test]
async fn what_was_changed_since_is_not_undone() {
    let world = World::new().await;
    let (key, ..) = world.reader("nightly").await;
    let mut visit = Visit::admin(&world).await;
    let page = visit.get("/advice?window=90").await;
    let taken = visit.submit(&page, &format!("form[action='/advice/keys/{key}/permission']"), &[]).await;
    let token = world.sign_in("admin", crate::world::PASSWORD).await;
    let change = json!({"permission": "write"});
    let changed =
        world.ask("PATCH", &format!("/api/v1/keys/{key}")).bearer(&token).json(&change).send().await;
    assert_eq!(changed.status, StatusCode::OK);
    let refused = visit.submit(&taken, "#taken form", &[]).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.text("#faults").contains("changed since"), "{refused:?}");
    assert!(refused.text("#taken tbody").contains("Changed since") && !refused.has("#taken form"));
}

#[tokio::test]
async fn strange_addresses_lead_nowhere() {
    let world = World::new().await;
    let (key, ..) = world.reader("nightly").await;
    let mut visit = Visit::admin(&world).await;
    for path in ["/advice?window=5&after=%00", "/advice?after=zzz", &format!("/advice/keys/{key}/networks")] {
        let page = visit.get(path).await;
        assert_eq!((page.status, page.text("h1").as_str()), (StatusCode::OK, "Advice"), "{path}");
    }
    let token = visit.csrf().await;
    for path in
        ["/advice/keys/nothing/networks", &format!("/advice/keys/{key}/colour"), "/advice/taken/x/undo"]
    {
        let answer = visit.post(path, &[("_csrf", &token)], &[SAME_ORIGIN]).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
    }
    // Without what the page showed, nothing is followed.
    let path = format!("/advice/keys/{key}/networks");
    let answer = visit.post(&path, &[("_csrf", &token)], &[SAME_ORIGIN]).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    let mut bob = Visit::nobody(&world);
    assert_eq!(bob.look("/advice").await.header("location"), "/sign-in?next=%2Fadvice");
}
