//! The page of a plan.

use http::StatusCode;

use super::super::visit::{SAME_ORIGIN, Visit};
use super::{figure, pair, planned};
use crate::sync::Pair;

#[tokio::test]
async fn sync_plan_lists_conflicts_before_apply() {
    let pair = pair().await;
    let mut visit = Visit::admin(&pair.world).await;
    let page = planned(&mut visit, &pair, &[]).await;
    for (id, count) in [
        ("visible", "1"),
        ("write", "1"),
        ("unchanged", "1"),
        ("conflicts", "1"),
        ("deletions", "0"),
        ("cannot", "0"),
    ] {
        assert_eq!(figure(&page, id), count, "{id}");
    }
    let list = page.text("#list");
    assert!(list.contains("other.txt") && list.contains("Conflict: both have it, and they differ"), "{list}");
    assert!(page.has("#list select[name='k.other.txt']"), "a conflict can be decided");
    assert!(page.text("#check").contains("Backup made") && page.all("#check li").len() == 4, "{page:?}");
    assert!(page.text("#apply button").starts_with("Apply "), "{page:?}");
    // Nothing has happened so far.
    assert_eq!(pair.get(&pair.storage, "there.txt").await, None);
    assert_eq!(pair.get(&pair.bucket, "other.txt").await.as_deref(), Some("theirs"));

    let only = visit.submit(&page, "#find", &[("reason", "conflict_new_new")]).await;
    assert_eq!(only.texts("#list tbody td:first-child"), ["other.txt"]);
    let none = visit.submit(&page, "#find", &[("q", "nothing like this")]).await;
    assert!(none.text("#list").contains("No file of this plan fits"), "{none:?}");
}

#[tokio::test]
async fn a_choice_for_one_file_changes_what_the_button_does() {
    let pair = pair().await;
    let mut visit = Visit::admin(&pair.world).await;
    let page = planned(&mut visit, &pair, &[]).await;
    let only = visit.submit(&page, "#find", &[("q", "other")]).await;
    let page = visit.submit(&only, "#list", &[("k.other.txt", "storage")]).await;
    assert_eq!((page.status, page.toast()), (StatusCode::OK, "The choices are saved".to_owned()));
    assert_eq!(page.attr("#q", "value"), "other", "one is where one was");
    assert_eq!(page.attr("#list option[selected]", "value"), "storage");
    assert!(page.text("#list").contains("Replace in the bucket"), "{page:?}");
    assert_eq!(page.text("#apply button"), "Apply 3 changes, overwrite 1");
    let page = visit.submit(&page, "#list", &[("k.other.txt", "skip")]).await;
    assert_eq!(page.text("#apply button"), "Apply 2 changes");
    let page = visit.submit(&page, "#list", &[("k.other.txt", "")]).await;
    assert!(!page.has("#list option[selected]"), "{page:?}");
}

#[tokio::test]
async fn a_rule_decides_for_many_and_can_be_removed() {
    let pair = pair().await;
    let mut visit = Visit::admin(&pair.world).await;
    let page = planned(&mut visit, &pair, &[]).await;
    let wrong = visit.submit(&page, "#new-rule", &[("choice", "bucket")]).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        wrong.has("#e-rule-reason") && wrong.attr("#f-choice option[selected]", "value") == "bucket",
        "{wrong:?}"
    );
    let page =
        visit.submit(&page, "#new-rule", &[("reason", "conflict_new_new"), ("choice", "bucket")]).await;
    assert_eq!(page.texts("#rules li b"), ["Keep bucket’s"]);
    assert!(page.text("#list").contains("Replace here"), "{page:?}");
    let page = visit.submit(&page, "#rules form:not(#new-rule)", &[("remove", "0")]).await;
    assert!(!page.has("#rules li"), "{page:?}");
    assert!(!page.text("#list").contains("Replace here"), "{page:?}");
}

#[tokio::test]
async fn who_decides_on_an_older_page_is_told() {
    let pair = pair().await;
    let mut visit = Visit::admin(&pair.world).await;
    let old = planned(&mut visit, &pair, &[]).await;
    visit.submit(&old, "#list", &[("k.other.txt", "skip")]).await;
    for (form, given) in [("#list", [("k.other.txt", "bucket")].as_slice()), ("#apply", &[])] {
        let page = visit.submit(&old, form, given).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{form}");
        assert!(page.text("#told").contains("meanwhile"), "{page:?}");
    }
    assert_eq!(pair.get(&pair.bucket, "other.txt").await.as_deref(), Some("theirs"));
}

#[tokio::test]
async fn an_accident_needs_a_box_for_each_of_its_signs() {
    let files: Vec<_> = (0..40).map(|n| (format!("{n}.txt"), format!("file {n}"))).collect();
    let files: Vec<_> = files.iter().map(|(key, text)| (key.as_str(), text.as_str())).collect();
    let pair = Pair::with(&files, &[]).await;
    let mut visit = Visit::admin(&pair.world).await;
    let page = planned(&mut visit, &pair, &[]).await;
    super::applied(&mut visit, &pair, &page).await;
    for (key, _) in &files {
        let path = format!("/api/v1/storages/{}/file?key={key}", pair.storage);
        pair.world.admin("DELETE", &path).send().await;
    }
    let page = planned(&mut visit, &pair, &[]).await;
    assert_eq!((figure(&page, "deletions"), page.all("#apply [name=approve]").len()), ("40".to_owned(), 2));
    assert!(page.text("#apply").contains("is empty, and 40 files were agreed on"), "{page:?}");
    assert_eq!(page.text("#apply footer button"), "Apply 40 changes, delete 40");
    let refused = visit.submit(&page, "#apply", &[("approve", "emptied")]).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.has("#e-approve") && refused.has("[value=emptied][checked]"), "{refused:?}");
    assert!(pair.get(&pair.bucket, "0.txt").await.is_some());
    let page =
        visit.submit(&refused, "#apply", &[("approve", "emptied"), ("approve", "mass_deletion")]).await;
    assert!(page.path.starts_with("/sync/runs/"), "{page:?}");
}

#[tokio::test]
async fn keys_are_text() {
    let hostile = "<script>alert(1)</script>\"' onclick='x & {{ 7 * 7 }}.txt";
    let folder = "line\u{202e}/{1} %00 ${x}/";
    let long = format!("{folder}{}", "x".repeat(700));
    let pair = Pair::with(&[(hostile, "mine, longer"), (&long, "1")], &[(hostile, "theirs")]).await;
    let mut visit = Visit::admin(&pair.world).await;
    let page = planned(&mut visit, &pair, &[]).await;
    assert!(!page.html.contains("<script>alert"), "{page:?}");
    assert!(page.texts("#list tbody td:first-child").contains(&hostile.to_owned()), "{page:?}");
    let field = page.attr("#list tbody tr:first-child select", "name");
    let page = visit.submit(&page, "#list", &[(&field, "storage")]).await;
    assert_eq!(page.text("#apply button"), "Apply 2 changes, overwrite 1");
    let run = super::applied(&mut visit, &pair, &page).await;
    assert!(run.texts("#steps tbody td:first-child").contains(&hostile.to_owned()), "{run:?}");
    assert_eq!(pair.get(&pair.bucket, hostile).await.as_deref(), Some("mine, longer"));
}

#[tokio::test]
async fn a_plan_is_a_file_too_and_can_be_made_anew_or_thrown_away() {
    let pair = pair().await;
    let mut visit = Visit::admin(&pair.world).await;
    let page = planned(&mut visit, &pair, &[("mode", "copy"), ("keep", "7")]).await;
    let file = visit.look(&page.attr("a[download]", "href")).await;
    assert_eq!(file.header("content-type"), "text/csv; charset=utf-8; header=present");
    assert!(String::from_utf8_lossy(&file.body).contains("other.txt"), "{file:?}");
    let again = visit.submit(&page, "form[action$='/again']", &[]).await;
    assert!(again.path.starts_with("/sync/plans/") && again.path != page.path, "{again:?}");
    pair.world.round().await;
    let again = visit.get(&again.path).await;
    assert!(
        again.text(".page-head").contains("Copy") && again.text("#apply").contains("7 days"),
        "{again:?}"
    );
    let home = visit.submit(&again, "#discard", &[]).await;
    assert_eq!(
        (home.path.as_str(), home.toast().contains("Nothing was done")),
        ("/sync?done=sync_discarded", true)
    );
    let gone = visit.get(&again.path).await;
    assert_eq!((gone.text("#state"), gone.has("#apply button")), ("Discarded".to_owned(), false));
}

#[tokio::test]
async fn a_plan_that_got_old_says_so() {
    let pair = pair().await;
    let mut visit = Visit::admin(&pair.world).await;
    let page = planned(&mut visit, &pair, &[]).await;
    assert!(!page.has("#old"));
    pair.world.clock.advance(std::time::Duration::from_secs(2 * 60 * 60));
    assert!(visit.get(&page.path).await.text("#old").contains("2 hours ago"));
}

#[tokio::test]
async fn nothing_is_applied_by_another_site() {
    let pair = pair().await;
    let mut visit = Visit::admin(&pair.world).await;
    let page = planned(&mut visit, &pair, &[]).await;
    for deed in ["run", "choices", "rules", "again", "discard"] {
        let path = format!("{}/{deed}", page.path);
        assert_eq!(visit.post(&path, &[("_csrf", "")], &[SAME_ORIGIN]).await.status, StatusCode::FORBIDDEN);
        let token = page.attr("#apply [name=_csrf]", "value");
        let foreign = [("sec-fetch-site", "cross-site")];
        let answer = visit.post(&path, &[("_csrf", &token)], &foreign).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{deed}");
        assert_eq!(visit.get(&path).await.path, page.path, "a form's address leads to its page");
    }
}
