//! Bringing two storages together, as a browser without scripts does it.

mod jobs;
mod new;
mod plan;
mod run;
mod stranger;

use super::visit::{Page, Visit};
use crate::sync::Pair;

/// Two storages with a file that is the same, one on each side only, and one that differs.
async fn pair() -> Pair {
    Pair::with(
        &[("both.txt", "alike"), ("here.txt", "from here"), ("other.txt", "mine, longer")],
        &[("both.txt", "alike"), ("there.txt", "from there"), ("other.txt", "theirs")],
    )
    .await
}

/// The page of a plan that was asked for by the form, when it is made.
async fn planned(visit: &mut Visit<'_>, pair: &Pair, given: &[(&str, &str)]) -> Page {
    let page = visit.get(&format!("/sync/new?storage={}", pair.storage)).await;
    let fields = [&[("with", pair.bucket.as_str())], given].concat();
    let page = visit.submit(&page, "#new-plan", &fields).await;
    assert!(page.path.starts_with("/sync/plans/"), "{page:?}");
    assert_eq!(page.text("#state"), "Comparing");
    pair.world.round().await;
    let page = visit.get(&page.path).await;
    assert_eq!(page.text("#state"), "Ready", "{page:?}");
    page
}

/// The page of the run of a plan, when it is over.
async fn applied(visit: &mut Visit<'_>, pair: &Pair, plan: &Page) -> Page {
    let page = visit.submit(plan, "#apply", &[]).await;
    assert!(page.path.starts_with("/sync/runs/"), "{page:?}");
    pair.world.round().await;
    visit.get(&page.path).await
}

/// The number that a figure of a page shows.
fn figure(page: &Page, id: &str) -> String {
    page.text(&format!("#n-{id} strong")).split_whitespace().next().unwrap().to_owned()
}
