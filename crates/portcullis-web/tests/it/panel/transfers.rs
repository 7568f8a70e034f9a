//! The page of what is under way.

use http::StatusCode;

use super::visit::Visit;
use crate::world::World;

#[tokio::test]
async fn the_page_brings_itself_up_to_date() {
    let world = World::new().await;
    let mut visit = Visit::admin(&world).await;
    let page = visit.get("/transfers").await;
    assert_eq!((page.status, page.text("h1")), (StatusCode::OK, "Transfers".to_owned()));
    assert_eq!(page.attr("#transfers", "data-poll"), "2000");
    assert_eq!(page.text("#transfers h2"), "Nothing is under way");
    assert_eq!(page.attr(".nav a[aria-current]", "href"), "/transfers");
}

#[tokio::test]
async fn what_a_deed_ended_is_said_in_numbers_of_ours_only() {
    let world = World::new().await;
    let mut visit = Visit::admin(&world).await;
    let page = visit.get("/transfers?done=transfer_cut&cut=12.1.38.3.3").await;
    let said =
        "12 transfers cut, the last byte at most 38 ms after, 1 multipart upload given up; 3 of 3 nodes";
    assert_eq!(page.text("#receipt"), said);
    let page = visit.get("/transfers?cut=1.0.5.2.3").await;
    assert!(
        page.text("#receipt")
            .starts_with("1 transfer cut, the last byte at most 5 ms after; 2 of 3 nodes. A node")
    );
    for forged in ["", "1", "1.2.3.4", "1.2.3.4.5.6", "a.b.c.d.e", "%3Cb%3E.1.1.1.1", "-1.0.0.0.0"] {
        let page = visit.get(&format!("/transfers?cut={forged}")).await;
        assert!(!page.has("#receipt"), "{forged}");
    }
}
