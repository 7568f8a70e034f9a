//! Who may not.

use http::StatusCode;
use portcullis_domain::Role;

use super::super::visit::Visit;
use super::{applied, pair, planned};

#[tokio::test]
async fn members_are_refused_and_other_sites_find_nothing() {
    let pair = pair().await;
    let mut visit = Visit::admin(&pair.world).await;
    let plan = planned(&mut visit, &pair, &[("conflicts", "storage")]).await;
    let run = applied(&mut visit, &pair, &plan).await;
    let page = visit.get("/sync/jobs/new").await;
    let sides = [("storage", pair.storage.as_str()), ("with", pair.bucket.as_str()), ("name", "Nightly")];
    let job = visit.submit(&page, "#new-job", &sides).await;
    let job = job.path.split('?').next().unwrap().to_owned();
    let kept = visit.get("/sync/kept").await;
    let restore = kept.attr("#list form", "action");

    pair.world.user(pair.world.main_site().await, "bob", Role::Member).await;
    pair.world.other_site().await;
    let (mut bob, mut eve) = (Visit::of(&pair.world, "bob").await, Visit::of(&pair.world, "eve").await);
    let (of_bob, of_eve) = (bob.csrf().await, eve.csrf().await);
    for path in ["/sync", "/sync/new", "/sync/kept", "/sync/jobs/new"] {
        assert_eq!(bob.look(path).await.status, StatusCode::FORBIDDEN, "{path}");
        let foreign = eve.get(path).await;
        assert_eq!(foreign.status, StatusCode::OK, "{path}");
        assert!(!foreign.html.contains(&pair.storage) && !foreign.html.contains("other.txt"), "{foreign:?}");
    }
    let csv = format!("{}/actions.csv", plan.path);
    let events = format!("{}/events", run.path);
    for path in [&plan.path, &csv, &run.path, &events, &job] {
        assert_eq!(bob.look(path).await.status, StatusCode::FORBIDDEN, "{path}");
        assert_eq!(eve.look(path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    let deeds = [
        format!("{}/run", plan.path),
        format!("{}/choices", plan.path),
        format!("{}/rules", plan.path),
        format!("{}/again", plan.path),
        format!("{}/discard", plan.path),
        format!("{}/pause", run.path),
        format!("{}/resume", run.path),
        format!("{}/cancel", run.path),
        format!("{}/restore", run.path),
        format!("{job}/settings"),
        format!("{job}/switch"),
        format!("{job}/run"),
        format!("{job}/delete"),
        restore,
    ];
    let fields = |token: &str| {
        [
            ("_csrf", token.to_owned()),
            ("version", "0".into()),
            ("choice", "skip".into()),
            ("reason", "extra".into()),
            ("on", "no".into()),
        ]
    };
    for path in &deeds {
        for (who, token, status) in
            [(&mut bob, &of_bob, StatusCode::FORBIDDEN), (&mut eve, &of_eve, StatusCode::NOT_FOUND)]
        {
            let given = fields(token);
            let given: Vec<_> = given.iter().map(|(name, value)| (*name, value.as_str())).collect();
            let answer = who.post(path, &given, &[super::super::visit::SAME_ORIGIN]).await;
            assert_eq!(answer.status, status, "{path}: {answer:?}");
        }
    }
    // Nor may a plan be made of what is another's.
    let page = eve.get("/sync/new").await;
    assert!(!page.has("#new-plan"), "{page:?}");
    let given = [("_csrf", of_eve.as_str()), ("storage", &pair.storage), ("with", &pair.bucket)];
    let answer = eve.post("/sync/new", &given, &[super::super::visit::SAME_ORIGIN]).await;
    assert!(
        answer.status == StatusCode::UNPROCESSABLE_ENTITY || answer.status == StatusCode::NOT_FOUND,
        "{answer:?}"
    );
    assert_eq!(visit.get("/sync").await.all("#plans tbody tr").len(), 1, "nobody made another plan");
}
