//! Jobs.

use http::StatusCode;

use super::super::visit::{Page, Visit};
use super::pair;
use crate::sync::Pair;

async fn made(visit: &mut Visit<'_>, pair: &Pair, given: &[(&str, &str)]) -> Page {
    let page = visit.get("/sync/jobs/new").await;
    let sides =
        [("storage", pair.storage.as_str()), ("with", pair.bucket.as_str()), ("name", "Nightly <b>copy</b>")];
    visit.submit(&page, "#new-job", &[sides.as_slice(), given].concat()).await
}

#[tokio::test]
async fn a_job_tells_when_it_runs() {
    let pair = pair().await;
    let mut visit = Visit::admin(&pair.world).await;
    let given = [("cron", "15 2 * * *"), ("zone", "Europe/Berlin"), ("mode", "copy"), ("keep", "7")];
    let page = made(&mut visit, &pair, &given).await;
    assert_eq!((page.status, page.toast().as_str()), (StatusCode::OK, "The job is made"), "{page:?}");
    assert_eq!((page.text("h1").as_str(), page.text("#state").as_str()), ("Nightly <b>copy</b>", "Waiting"));
    let next: Vec<_> = page.texts("#next time");
    assert_eq!(next, ["2027-02-01 01:15 UTC", "2027-02-02 01:15 UTC", "2027-02-03 01:15 UTC"]);
    assert_eq!(
        (page.attr("#f-cron", "value"), page.attr("#f-keep", "value")),
        ("15 2 * * *".into(), "7".into())
    );
    let home = visit.get("/sync").await;
    assert!(home.text("#jobs tbody").contains("Nightly <b>copy</b>"), "{home:?}");
    // Switched off it has no next time.
    let off = visit.submit(&page, "form[action$='/switch']", &[("on", "no")]).await;
    assert!(!off.has("#next") && off.text("#switch") == "Switch on", "{off:?}");
    let on = visit.submit(&off, "form[action$='/switch']", &[("on", "yes")]).await;
    assert!(on.has("#next"), "{on:?}");
}

#[tokio::test]
async fn a_schedule_that_cannot_be_read_stays_typed() {
    let pair = pair().await;
    let mut visit = Visit::admin(&pair.world).await;
    for (cron, zone, field) in [("every day", "", "cron"), ("15 2 * * *", "Mars/Olympus", "zone")] {
        let page = made(&mut visit, &pair, &[("cron", cron), ("zone", zone)]).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{cron}");
        assert!(page.has(&format!("#e-{field}")), "{page:?}");
        assert_eq!(
            (page.attr("#f-cron", "value").as_str(), page.attr("#f-zone", "value").as_str()),
            (cron, zone)
        );
    }
    let page = made(&mut visit, &pair, &[]).await;
    let wrong = visit.submit(&page, "#settings", &[("cron", "99 * * * *"), ("name", "Another")]).await;
    assert_eq!((wrong.status, wrong.has("#e-cron")), (StatusCode::UNPROCESSABLE_ENTITY, true));
    assert_eq!(wrong.attr("#f-name", "value"), "Another");
    let saved = visit.submit(&wrong, "#settings", &[("cron", "5 * * * *")]).await;
    assert_eq!((saved.toast().as_str(), saved.text("h1").as_str()), ("The job is saved", "Another"));
}

#[tokio::test]
async fn who_saves_an_older_page_is_told() {
    let pair = pair().await;
    let mut visit = Visit::admin(&pair.world).await;
    let old = made(&mut visit, &pair, &[]).await;
    visit.submit(&old, "#settings", &[("name", "First")]).await;
    let page = visit.submit(&old, "#settings", &[("name", "Second")]).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.text("#told").contains("Nothing was saved"), "{page:?}");
    assert_eq!((page.text("h1").as_str(), page.attr("#f-name", "value").as_str()), ("First", "Second"));
}

#[tokio::test]
async fn a_job_runs_by_hand_and_stops_itself() {
    let pair = pair().await;
    let mut visit = Visit::admin(&pair.world).await;
    let job = made(&mut visit, &pair, &[]).await;
    let home = job.path.split('?').next().unwrap().to_owned();
    let plan = visit.submit(&job, "form[action$='/run']", &[]).await;
    assert!(plan.path.starts_with("/sync/plans/"), "{plan:?}");
    for _ in 0..3 {
        pair.world.round().await;
    }
    assert_eq!(pair.get(&pair.storage, "there.txt").await.as_deref(), Some("from there"));
    let page = visit.get(&home).await;
    assert!(page.has("#run-now") && page.has("main a[href^='/sync/runs/']"), "{page:?}");
    // Everything is gone on one side: that is never taken for what was meant.
    for key in ["both.txt", "here.txt", "there.txt", "other.txt"] {
        let path = format!("/api/v1/storages/{}/file?key={key}", pair.storage);
        pair.world.admin("DELETE", &path).send().await;
    }
    let files: Vec<String> =
        pair.world.get(&format!("/api/v1/storages/{}/files", pair.storage)).await["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| item["key"].as_str().unwrap().to_owned())
            .collect();
    for key in files {
        let key: String = form_urlencoded::byte_serialize(key.as_bytes()).collect();
        let path = format!("/api/v1/storages/{}/file?key={key}", pair.storage);
        pair.world.admin("DELETE", &path).send().await;
    }
    visit.submit(&page, "form[action$='/run']", &[]).await;
    for _ in 0..3 {
        pair.world.round().await;
    }
    let page = visit.get(&home).await;
    assert_eq!(page.text("#state"), "Stopped", "{page:?}");
    assert!(page.text("#stopped").contains("empty"), "{page:?}");
    let plan = visit.get(&page.attr("#stopped a", "href")).await;
    assert!(plan.has("#apply [name=approve]"), "{plan:?}");
    assert!(pair.get(&pair.bucket, "both.txt").await.is_some());
}

#[tokio::test]
async fn a_job_ends_and_files_stay() {
    let pair = pair().await;
    let mut visit = Visit::admin(&pair.world).await;
    let job = made(&mut visit, &pair, &[]).await;
    let page = visit.submit(&job, "#delete", &[]).await;
    assert_eq!(
        (page.path.as_str(), page.toast().contains("Files stay")),
        ("/sync?done=sync_job_deleted", true)
    );
    let home = job.path.split('?').next().unwrap();
    assert_eq!(visit.get(home).await.status, StatusCode::NOT_FOUND);
    assert!(pair.get(&pair.storage, "here.txt").await.is_some());
}
