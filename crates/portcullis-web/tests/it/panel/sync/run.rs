//! The page of a run, and what it kept.

use http::StatusCode;

use super::super::visit::Visit;
use super::{applied, figure, pair, planned};

#[tokio::test]
async fn a_run_is_followed_and_taken_back() {
    let pair = pair().await;
    let mut visit = Visit::admin(&pair.world).await;
    let plan = planned(&mut visit, &pair, &[("conflicts", "storage")]).await;
    assert_eq!(plan.text("#apply button"), "Apply 3 changes, overwrite 1");
    let waiting = visit.submit(&plan, "#apply", &[]).await;
    assert_eq!(waiting.text("#state"), "Waiting");
    assert!(waiting.has("#progress svg[role=meter]") && waiting.has("#pause") && waiting.has("#cancel"));
    assert!(waiting.has("#progress a[href]"), "without a script one looks again by a link");
    assert!(!waiting.html.contains("http-equiv"), "no page loads itself anew");
    pair.world.round().await;
    let run = visit.get(&waiting.path).await;
    assert_eq!(run.text("#state"), "Done", "{run:?}");
    assert_eq!((figure(&run, "failed"), figure(&run, "kept")), ("0".to_owned(), "1".to_owned()));
    assert!(!run.has("#progress") && !run.has("[data-events]"), "{run:?}");
    assert_eq!(pair.get(&pair.bucket, "other.txt").await.as_deref(), Some("mine, longer"));
    let done = visit.get(&format!("{}?state=done", run.path)).await;
    assert!(done.text("#steps tbody").contains("here.txt"), "{done:?}");
    let failed = visit.get(&format!("{}?state=failed", run.path)).await;
    assert!(failed.text("#steps").contains("No file here"), "{failed:?}");

    let back = visit.submit(&run, "#back form", &[]).await;
    assert!(back.path.starts_with("/sync/plans/"), "{back:?}");
    pair.world.round().await;
    let back = visit.get(&back.path).await;
    assert_eq!(back.text("h1"), "Plan to take a run back");
    assert_eq!(figure(&back, "back"), "1");
    let undone = applied(&mut visit, &pair, &back).await;
    assert_eq!((undone.text("#state"), undone.has("#back")), ("Done".to_owned(), false));
    assert_eq!(pair.get(&pair.bucket, "other.txt").await.as_deref(), Some("theirs"));
    assert_eq!(pair.get(&pair.storage, "there.txt").await, None);
}

#[tokio::test]
async fn what_was_kept_is_found_and_put_back() {
    let pair = pair().await;
    let mut visit = Visit::admin(&pair.world).await;
    let empty = visit.get("/sync/kept").await;
    assert!(empty.text("#list").contains("Nothing is kept"), "{empty:?}");
    let plan = planned(&mut visit, &pair, &[("conflicts", "bucket")]).await;
    let run = applied(&mut visit, &pair, &plan).await;
    let kept = visit.get(&run.attr("#result a[href^='/sync/kept']", "href")).await;
    assert!(kept.has("#about") && kept.text("#list tbody").contains("other.txt"), "{kept:?}");
    assert!(kept.text("#list tbody").contains("days left"), "{kept:?}");
    let none = visit.submit(&kept, "#find", &[("q", "nothing")]).await;
    assert!(none.text("#list").contains("Nothing that is kept fits"), "{none:?}");
    let plan = visit.submit(&kept, "#list form", &[]).await;
    assert!(plan.path.starts_with("/sync/plans/"), "{plan:?}");
    pair.world.round().await;
    let plan = visit.get(&plan.path).await;
    applied(&mut visit, &pair, &plan).await;
    assert_eq!(pair.get(&pair.storage, "other.txt").await.as_deref(), Some("mine, longer"));
}

#[tokio::test]
async fn a_run_pauses_goes_on_and_ends() {
    let pair = pair().await;
    let mut visit = Visit::admin(&pair.world).await;
    let plan = planned(&mut visit, &pair, &[]).await;
    let run = visit.submit(&plan, "#apply", &[]).await;
    let paused = visit.submit(&run, "form[action$='/pause']", &[]).await;
    assert_eq!((paused.text("#state"), paused.has("#pause")), ("Paused".to_owned(), false));
    let on = visit.submit(&paused, "form[action$='/resume']", &[]).await;
    assert!(on.has("#pause") && !on.has("#resume"), "{on:?}");
    visit.submit(&on, "form[action$='/cancel']", &[]).await;
    pair.world.round().await;
    let over = visit.get(&run.path).await;
    assert_eq!(over.text("#state"), "Cancelled", "{over:?}");
    assert_eq!(pair.get(&pair.storage, "there.txt").await, None);
    // What is over is not paused any more: it says so.
    let late = visit.submit(&run, "form[action$='/pause']", &[]).await;
    assert_ne!(late.status, StatusCode::OK, "{late:?}");
}

#[tokio::test]
async fn what_changed_since_the_plan_is_left_and_told() {
    let pair = pair().await;
    let mut visit = Visit::admin(&pair.world).await;
    let plan = planned(&mut visit, &pair, &[("conflicts", "storage")]).await;
    pair.put(&pair.bucket, "other.txt", "written in between").await;
    let run = applied(&mut visit, &pair, &plan).await;
    assert_eq!((run.text("#state"), figure(&run, "changed")), ("Done in part".to_owned(), "1".to_owned()));
    assert_eq!(pair.get(&pair.bucket, "other.txt").await.as_deref(), Some("written in between"));
    let changed = visit.get(&format!("{}?state=changed", run.path)).await;
    assert_eq!(changed.texts("#steps tbody td:first-child"), ["other.txt"]);
}

#[tokio::test]
async fn a_run_tells_how_it_goes_to_a_page_of_ours() {
    let pair = pair().await;
    let mut visit = Visit::admin(&pair.world).await;
    let plan = planned(&mut visit, &pair, &[]).await;
    let run = visit.submit(&plan, "#apply", &[]).await;
    let events = run.attr("#run", "data-events");
    pair.world.round().await;
    let told = visit.look(&events).await;
    assert_eq!(told.header("content-type"), "text/event-stream");
    let text = String::from_utf8_lossy(&told.body).into_owned();
    assert!(text.starts_with("event: progress\ndata: {") && text.contains("\"state\":\"done\""), "{text}");
    assert!(text.ends_with("event: end\ndata: {\"because\":\"run\"}\n\n"), "{text}");
}
