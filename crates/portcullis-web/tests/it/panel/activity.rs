//! The pages of what was done and refused: the list, an explanation, and the button that changes what stands against the request.

use http::StatusCode;
use serde_json::json;

use super::visit::{SAME_ORIGIN, Visit};
use crate::world::World;

#[tokio::test]
async fn what_was_done_and_refused_is_listed_and_found_by_its_id() {
    let world = World::new().await;
    let storage = world.storage("NAS").await;
    let (key, id) = world.refused_from_afar().await;
    let mut visit = Visit::admin(&world).await;
    let page = visit.get("/activity").await;
    assert_eq!((page.status, page.text("h1").as_str()), (StatusCode::OK, "Activity"));
    let rows = page.texts("#list tbody tr");
    assert!(rows[0].contains("admin") && rows[0].contains("sign in"), "the latest first: {rows:?}");
    assert!(rows.iter().any(|row| row.contains("create storage") && row.contains("NAS")), "{rows:?}");
    let refused = rows.iter().find(|row| row.contains("Refused")).unwrap();
    for part in ["Key “nightly”", "203.0.113.7", "the key may not be used from this address", &id] {
        assert!(refused.contains(part), "{part}: {refused}");
    }
    assert_eq!(page.text("#count"), format!("{} entries on this page", rows.len()));
    assert!(page.has(&format!("a[href='/api-keys/{key}']")), "the key leads to its page");
    // By its id, as somebody was told it.
    let page = visit.submit(&page, "form#find", &[("request_id", &format!(" {id} "))]).await;
    assert_eq!(page.texts("#list tbody tr").len(), 1);
    assert_eq!(page.attr("#list tbody a[href^='/activity/']", "href"), format!("/activity/{id}"));
    let page = visit.submit(&page, "form#find", &[("request_id", "SOMETHING"), ("verdict", "denied")]).await;
    assert_eq!(page.text("#list h2"), "No entry matches");
    // The filters of the address stay when the form asks for something else.
    let page = visit.get(&format!("/activity?key={key}&verdict=denied")).await;
    assert_eq!(page.texts("#list tbody tr").len(), 1);
    assert!(page.text("#about").contains("nightly"), "{page:?}");
    let page = visit.submit(&page, "form#find", &[("verdict", "allowed")]).await;
    assert_eq!(page.texts("#list tbody tr").len(), 1, "it was made");
    let of_storage = visit.get(&format!("/activity?storage={}", storage["id"].as_str().unwrap())).await;
    assert_eq!(of_storage.texts("#list tbody tr").len(), 1);
    for strange in ["?key=x&storage=y&verdict=z", "?after=0000", "?after=zz"] {
        assert_eq!(visit.get(&format!("/activity{strange}")).await.status, StatusCode::OK, "{strange}");
    }
}

#[tokio::test]
async fn the_trail_is_taken_away_as_a_file() {
    let world = World::new().await;
    world.refused_from_afar().await;
    let mut visit = Visit::admin(&world).await;
    let page = visit.get("/activity?verdict=denied").await;
    let files: Vec<_> =
        page.all("a[download]").into_iter().map(|link| link.attr("href").unwrap().to_owned()).collect();
    assert_eq!(files.len(), 2);
    let answer = visit.look(&files[0]).await;
    assert!(answer.header("content-type").starts_with("text/csv"), "{answer:?}");
    assert!(answer.header("content-disposition").starts_with("attachment"));
    assert_eq!(String::from_utf8(answer.body.to_vec()).unwrap().lines().count(), 2);
    let whole = visit.get("/activity").await;
    let path = whole.all("a[download]")[1].attr("href").unwrap().to_owned();
    let answer = visit.look(&path).await;
    assert_eq!(answer.header("content-type"), "application/jsonl");
    let verified = portcullis_web::audit_file::verify(&*answer.body, None).unwrap();
    assert!(verified.summary.entries > 0);
    assert_eq!(visit.get("/activity/export?format=exe").await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_refusal_is_explained_and_one_button_lets_it_in() {
    let world = World::new().await;
    let (key, id) = world.refused_from_afar().await;
    let mut visit = Visit::admin(&world).await;
    let path = format!("/activity/{id}");
    let page = visit.get(&path).await;
    assert_eq!(page.text("h1"), "Why this was refused");
    assert_eq!(page.text("#reason"), "The key may not be used from this address.");
    assert!(page.text("#rule").contains("list of networks"), "{page:?}");
    let saw = page.text("#saw");
    assert!(saw.contains("203.0.113.7") && saw.contains("198.51.100.0/24"), "{saw}");
    assert_eq!(page.text("#now"), "The same request would be refused again.");
    assert!(page.text("#request").contains("nightly"));
    assert_eq!(page.text("#f-fix"), "Add 203.0.113.7 to the networks of the key.");
    // Somebody else was faster, with another change.
    let other = json!({"permission": "none"});
    world.admin("PATCH", &format!("/api/v1/keys/{key}")).json(&other).send().await;
    let stale = visit.submit(&page, "form#fix", &[]).await;
    assert_eq!(stale.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(stale.faults(), ["Something was changed meanwhile: this is how it is now. Nothing was done."]);
    assert!(stale.text("#now").contains("the key is switched off"), "{stale:?}");
    let on = visit.submit(&stale, "form#fix", &[("value", "read_write")]).await;
    assert_eq!((on.status, on.toast().as_str()), (StatusCode::OK, "It is changed."));
    let done = visit.submit(&on, "form#fix", &[]).await;
    assert_eq!(done.text("#now"), "The same request would be allowed now.");
    assert!(!done.has("form#fix"));
    let made = world.get(&format!("/api/v1/keys/{key}")).await;
    assert_eq!(
        (&made["permission"], &made["networks"][1]["network"]),
        (&json!("read_write"), &json!("203.0.113.7"))
    );
    let home = visit.get(&format!("{path}/fix")).await;
    assert_eq!((home.status, home.path.as_str()), (StatusCode::OK, path.as_str()));
    assert_eq!(visit.get("/activity/NOTHING").await.status, StatusCode::NOT_FOUND);
    let token = visit.csrf().await;
    let answer =
        visit.post("/activity/NOTHING/fix", &[("_csrf", &token), ("fix", "turn_on")], &[SAME_ORIGIN]).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn what_a_fix_may_not_do_is_said() {
    let world = World::new().await;
    let (_, id) = world.refused_from_afar().await;
    let mut visit = Visit::admin(&world).await;
    let page = visit.get(&format!("/activity/{id}")).await;
    // With as many networks as a list may have there is no room for another.
    let key = page.attr("#request a[href^='/api-keys/']", "href").rsplit('/').next().unwrap().to_owned();
    let networks: Vec<_> = (0..500).map(|n| format!("198.51.{}.{}", n / 250, n % 250)).collect();
    let path = format!("/api/v1/keys/{key}");
    let changed = world.admin("PATCH", &path).json(&json!({"networks": networks})).send().await;
    assert_eq!(changed.status, StatusCode::OK, "{changed:?}");
    let page = visit.submit(&page, "form#fix", &[]).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(page.faults(), ["At most 500 networks."]);
}
