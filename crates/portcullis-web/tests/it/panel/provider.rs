//! The step of the wizard that is about a provider.

use std::time::Duration;

use http::StatusCode;
use portcullis_domain::Role;
use serde_json::Value;

use super::outside::{FIELDS, SECRET, asked, connected, filled, step, was_told, world};
use super::visit::{SAME_ORIGIN, Visit};
use crate::world::World;

const WRONG: StatusCode = StatusCode::UNPROCESSABLE_ENTITY;

async fn storages(world: &World) -> Vec<Value> {
    world.get("/api/v1/storages").await["items"].as_array().unwrap().clone()
}

#[tokio::test]
async fn each_provider_asks_for_what_it_needs() {
    let (world, _) = world().await;
    let mut visit = Visit::admin(&world).await;
    let page = visit.get("/connections/new").await;
    let cards: Vec<_> = page.all("#f-provider input").iter().filter_map(|card| card.attr("value")).collect();
    assert_eq!(cards, ["builtin", "aws", "cloudflare-r2", "s3"]);
    let page = asked(&mut visit, "Here", "builtin").await;
    assert!(page.path.starts_with("/connections/new/access?"), "{page:?}");
    assert_eq!(page.all(".steps li").len(), 3);

    let page = asked(&mut visit, "There", "aws").await;
    assert!(page.path.starts_with("/connections/new/provider?"), "{page:?}");
    assert_eq!((page.text("h2"), page.all(".steps li").len()), ("AWS S3".to_owned(), 4));
    assert!(!page.has("#f-kind") && !page.has("#f-account") && page.has("#more #f-endpoint"));
    assert!(page.all("#regions option").len() > 10);
    assert!(page.text("#h-region").contains("https://s3.us-east-1.amazonaws.com"), "{page:?}");

    let page = asked(&mut visit, "There", "cloudflare-r2").await;
    assert!(page.has("#f-account") && !page.has("#f-kind"));

    let page = asked(&mut visit, "There", "s3").await;
    assert!(page.all("#f-kind button").len() >= 10 && !page.has("#more #f-endpoint"));
    assert_eq!(page.text("#f-kind [aria-pressed]"), "Another S3 provider");
    // Another kind brings its own fields, and keeps the secret that was typed.
    let fields = [FIELDS.as_slice(), &[("use", "wasabi")]].concat();
    let page = visit.submit(&page, "#wizard", &fields).await;
    assert_eq!((page.status, page.text("#f-kind [aria-pressed]").as_str()), (StatusCode::OK, "Wasabi"));
    assert_eq!(
        (page.attr("#f-region", "value"), page.attr("#f-bucket", "value")),
        (String::new(), "media/raw".to_owned())
    );
    assert!(page.text("#h-secret_access_key").contains("15 minutes"), "{page:?}");
    assert!(!was_told(&world, SECRET));
}

#[tokio::test]
async fn what_is_missing_or_wrong_is_said_at_its_field() {
    let (world, outside) = world().await;
    let mut visit = Visit::admin(&world).await;
    for (provider, fields) in [
        ("s3", vec!["endpoint", "bucket", "access_key_id", "secret_access_key"]),
        ("aws", vec!["bucket", "access_key_id", "secret_access_key"]),
        ("cloudflare-r2", vec!["account", "bucket", "access_key_id", "secret_access_key"]),
    ] {
        for op in ["next", "test"] {
            let page = asked(&mut visit, "There", provider).await;
            let page = visit.submit(&page, "#wizard", &[("op", op)]).await;
            assert_eq!((page.status, page.faults().len()), (WRONG, fields.len()), "{page:?}");
            for field in &fields {
                assert_eq!(page.attr(&format!("#f-{field}"), "aria-invalid"), "true", "{provider} {field}");
                assert!(page.has(&format!("#e-{field}")));
            }
        }
    }
    let page = asked(&mut visit, "There", "aws").await;
    let wrong =
        [("region", "evil.example/"), ("bucket", "b"), ("access_key_id", "a"), ("secret_access_key", "s")];
    let page = visit.submit(&page, "#wizard", &[wrong.as_slice(), &[("op", "next")]].concat()).await;
    assert!(page.status == WRONG && page.has("#e-region"), "{page:?}");
    assert_eq!(page.attr("#f-region", "value"), "evil.example/");
    let page = asked(&mut visit, "There", "s3").await;
    let page = visit
        .submit(&page, "#wizard", &[&FIELDS[1..], &[("endpoint", "ftp://x"), ("op", "next")]].concat())
        .await;
    assert!(page.status == WRONG && page.has("#e-endpoint"), "{page:?}");
    assert_eq!(outside.tests(), 0, "nothing is asked before the form is whole");
}

#[tokio::test]
async fn a_bucket_outside_is_connected() {
    let (world, outside) = world().await;
    let mut visit = Visit::admin(&world).await;
    let page = filled(&mut visit, "Media", "test").await;
    assert!(page.path.starts_with("/connections/new/provider?"), "{page:?}");
    assert_eq!(page.texts("#probe-steps b"), ["Name", "Files"]);
    assert!(page.text("#probe .callout").contains("works"), "{page:?}");
    let page = visit.submit(&page, "#wizard", &[("op", "next")]).await;
    assert!(page.path.starts_with("/connections/new/access?"), "{page:?}");
    assert_eq!(outside.tests(), 1, "what was tested is not tested again");
    // Back and forth nothing is lost.
    let back = visit.submit(&page, "#wizard", &[("back", "storage")]).await;
    assert_eq!(
        (back.attr("#f-bucket", "value").as_str(), back.attr("#f-region", "value").as_str()),
        ("media/raw", "eu-1")
    );
    let first = visit.submit(&back, "#wizard", &[("back", "storage")]).await;
    assert_eq!(first.attr("#f-name", "value"), "Media");
    let again = visit.submit(&first, "#wizard", &[("next", "access")]).await;
    assert!(again.has("#probe-steps"), "{again:?}");
    let page = visit.submit(&again, "#wizard", &[("op", "next")]).await;
    let review = visit.submit(&page, "#wizard", &[("next", "review")]).await;
    let text = review.text("#wizard");
    for part in ["https://minio.example.net:9000", "media/raw", "AKPROVIDER", "Other S3", "eu-1"] {
        assert!(text.contains(part), "{part}: {review:?}");
    }
    let done = visit.submit(&review, "#wizard", &[]).await;
    assert!(done.path.ends_with("?done=created"), "{done:?}");
    let made = &storages(&world).await[0];
    assert_eq!(
        (&made["provider"], &made["endpoint"]),
        (&"s3".into(), &"https://minio.example.net:9000".into())
    );
    let tested = outside.tested.lock().unwrap().clone();
    let wanted = ("https://minio.example.net:9000/media/raw", "AKPROVIDER", SECRET, false);
    assert!(
        tested
            .iter()
            .all(|(at, id, secret, write)| (at.as_str(), id.as_str(), secret.as_str(), *write) == wanted)
    );
    assert!(!was_told(&world, SECRET));
    // The secret is not kept any longer than it is needed.
    let page = visit.get(&review.path).await;
    assert!(page.path.starts_with("/connections/new/provider?") && page.status == WRONG, "{page:?}");
    assert!(page.text("#e-secret_access_key").contains("gone"), "{page:?}");
}

#[tokio::test]
async fn files_that_are_there_are_told_before_it_goes_on() {
    let (world, outside) = world().await;
    outside.answers(vec![step("list", true, "3 files are there already", "nothing of it is changed")]);
    let mut visit = Visit::admin(&world).await;
    let page = filled(&mut visit, "Media", "next").await;
    assert!(page.path.starts_with("/connections/new/existing?"), "{page:?}");
    assert_eq!(page.texts(".steps li").len(), 5);
    assert!(page.text("#found").contains("3 files are there already."), "{page:?}");
    // Nothing is written unless somebody chooses so, and a fresh start says why it cannot be.
    assert_eq!(page.attr("[name=existing][checked]", "value"), "show");
    assert!(page.has("[name=existing][value=fresh][disabled]"), "{page:?}");
    assert!(page.text("#h-fresh").contains("not empty"), "{page:?}");
    assert_eq!(page.all("#preparation li").len(), 4);
    let page = visit.submit(&page, "#wizard", &[("next", "access")]).await;
    assert!(page.path.starts_with("/connections/new/access?"), "{page:?}");
    assert_eq!(outside.tests(), 1);
    // Back leads through it, and of another bucket it is told again.
    let back = visit.submit(&page, "#wizard", &[("back", "storage")]).await;
    assert!(back.path.starts_with("/connections/new/existing?"), "{back:?}");
    let back = visit.submit(&back, "#wizard", &[("back", "storage")]).await;
    let page = visit.submit(&back, "#wizard", &[("bucket", "other"), ("op", "next")]).await;
    assert!(page.path.starts_with("/connections/new/existing?") && page.has("#found"), "{page:?}");
    assert_eq!(outside.tests(), 2);
    // Where nothing is, nothing is asked.
    outside.answers(vec![step("list", true, "there are none", "")]);
    let back = visit.submit(&page, "#wizard", &[("back", "storage")]).await;
    let page = visit.submit(&back, "#wizard", &[("bucket", "empty"), ("op", "next")]).await;
    assert!(page.path.starts_with("/connections/new/access?"), "{page:?}");
    assert_eq!(page.texts(".steps li").len(), 4);
}

#[tokio::test]
async fn a_test_that_fails_holds_up_until_somebody_insists() {
    let (world, outside) = world().await;
    let failed =
        vec![step("name", true, "found", ""), step("tcp", false, "<b>no</b> answer", "check the port")];
    outside.answers(failed);
    let mut visit = Visit::admin(&world).await;
    let page = asked(&mut visit, "Media", "s3").await;
    assert!(!page.has("[name=unchecked]"), "nobody insists before they know");
    let fields = [FIELDS.as_slice(), &[("write", "on"), ("op", "next")]].concat();
    let page = visit.submit(&page, "#wizard", &fields).await;
    assert!(page.path.starts_with("/connections/new/provider?"), "{page:?}");
    assert_eq!(page.texts("#probe-steps li.n b"), ["Network"]);
    assert!(page.text("#probe-steps").contains("<b>no</b> answer. Check the port."), "{page:?}");
    assert!(outside.tested.lock().unwrap()[0].3, "the box for the write probe was ticked");
    let again = visit.submit(&page, "#wizard", &[("op", "next")]).await;
    assert!(again.path.starts_with("/connections/new/provider?") && outside.tests() == 2, "{again:?}");
    let page = visit.submit(&again, "#wizard", &[("unchecked", "on"), ("op", "next")]).await;
    assert!(page.path.starts_with("/connections/new/access?"), "{page:?}");
    let page = visit.submit(&page, "#wizard", &[("next", "review")]).await;
    assert!(page.text("#wizard").contains("without a test"), "{page:?}");
    let page = visit.submit(&page, "#wizard", &[]).await;
    assert!(page.path.ends_with("?done=created"), "{page:?}");
    assert_eq!((outside.tests(), *outside.detected.lock().unwrap()), (2, 0));
}

#[tokio::test]
async fn what_fails_at_the_end_comes_back_to_its_field() {
    let (world, outside) = world().await;
    let mut visit = Visit::admin(&world).await;
    let page = filled(&mut visit, "Media", "next").await;
    let review = visit.submit(&page, "#wizard", &[("next", "review")]).await;
    outside.answers(vec![step("credentials", false, "refused", "copy it again")]);
    let page = visit.submit(&review, "#wizard", &[]).await;
    assert_eq!((page.status, page.text("h2").as_str()), (WRONG, "Another S3 provider"));
    assert!(page.text("#e-secret_access_key").contains("copy it again"), "{page:?}");
    assert!(storages(&world).await.is_empty() && !was_told(&world, SECRET));
    // With the provider back it goes on from there.
    outside.answers(Vec::new());
    let page = visit.submit(&page, "#wizard", &[("op", "next")]).await;
    let page = visit.submit(&page, "#wizard", &[("next", "review")]).await;
    let page = visit.submit(&page, "#wizard", &[]).await;
    assert!(page.path.ends_with("?done=created"), "{page:?}");
}

#[tokio::test]
async fn a_secret_is_asked_for_again_and_all_else_is_kept() {
    let (world, _) = world().await;
    let mut visit = Visit::admin(&world).await;
    let page = filled(&mut visit, "Media", "next").await;
    // Another session of the same admin does not have it, whatever its address says.
    let mut other = Visit::admin(&world).await;
    let theirs = other.get(&page.path).await;
    assert!(theirs.path.starts_with("/connections/new/provider?") && theirs.status == WRONG, "{theirs:?}");
    world.clock.advance(Duration::from_secs(14 * 60));
    assert!(visit.get(&page.path).await.path.starts_with("/connections/new/access?"));
    world.clock.advance(Duration::from_secs(2 * 60));
    let page = visit.get(&page.path).await;
    assert_eq!((page.status, page.faults().len()), (WRONG, 1), "{page:?}");
    assert!(page.text("#e-secret_access_key").contains("Type it again"), "{page:?}");
    for (field, value) in FIELDS.iter().filter(|(field, _)| *field != "secret_access_key") {
        assert_eq!(page.attr(&format!("#f-{field}"), "value"), *value);
    }
    let page = visit.submit(&page, "#wizard", &[("secret_access_key", SECRET), ("op", "next")]).await;
    assert!(page.path.starts_with("/connections/new/access?"), "{page:?}");
    assert!(!was_told(&world, SECRET));
}

#[tokio::test]
async fn a_password_in_an_address_goes_no_further() {
    let (world, outside) = world().await;
    let mut visit = Visit::admin(&world).await;
    let page = asked(&mut visit, "Media", "s3").await;
    let endpoint = [("endpoint", "https://ada:opensesame@minio.example.net"), ("op", "next")];
    let page = visit.submit(&page, "#wizard", &[&FIELDS[1..], &endpoint].concat()).await;
    assert!(page.status == WRONG && page.text("#e-endpoint").contains("left out"), "{page:?}");
    assert_eq!(page.attr("#f-endpoint", "value"), "https://minio.example.net");
    assert!(!was_told(&world, "opensesame") && !was_told(&world, SECRET) && outside.tests() == 0);
}

#[tokio::test]
async fn one_place_is_not_connected_twice_by_accident() {
    let (world, _) = world().await;
    let mut visit = Visit::admin(&world).await;
    connected(&mut visit, "First <b>one</b>").await;
    let page = filled(&mut visit, "Second", "next").await;
    assert!(page.status == WRONG && page.text("#e-bucket").contains("First <b>one</b>"), "{page:?}");
    let page = visit.submit(&page, "#wizard", &[("share", "on"), ("op", "next")]).await;
    assert!(page.path.starts_with("/connections/new/access?"), "{page:?}");
    let page = visit.submit(&page, "#wizard", &[("next", "review")]).await;
    visit.submit(&page, "#wizard", &[]).await;
    assert_eq!(storages(&world).await.len(), 2);
}

#[tokio::test]
async fn the_step_is_for_admins() {
    let (world, outside) = world().await;
    world.user(world.main_site().await, "bob", Role::Member).await;
    let path = "/connections/new/provider";
    assert_eq!(Visit::of(&world, "bob").await.look(path).await.status, StatusCode::FORBIDDEN);
    assert_eq!(Visit::nobody(&world).look(path).await.status, StatusCode::SEE_OTHER);
    let mut visit = Visit::admin(&world).await;
    let token = visit.csrf().await;
    let fields = [FIELDS.as_slice(), &[("name", "N"), ("provider", "s3"), ("op", "test")]].concat();
    assert_eq!(visit.post(path, &fields, &[SAME_ORIGIN]).await.status, StatusCode::FORBIDDEN);
    let fields = [fields.as_slice(), &[("_csrf", token.as_str())]].concat();
    let foreign = ("sec-fetch-site", "cross-site");
    assert_eq!(visit.post(path, &fields, &[foreign]).await.status, StatusCode::FORBIDDEN);
    let mut bob = Visit::of(&world, "bob").await;
    let theirs = bob.csrf().await;
    let by_bob = [&fields[..fields.len() - 1], &[("_csrf", theirs.as_str())]].concat();
    assert_eq!(bob.post(path, &by_bob, &[SAME_ORIGIN]).await.status, StatusCode::FORBIDDEN);
    assert_eq!(outside.tests(), 0);
    assert_eq!(visit.post(path, &fields, &[SAME_ORIGIN]).await.status, StatusCode::SEE_OTHER);
    assert_eq!(outside.tests(), 1);
    // Nobody comes to it without a name, or with the embedded store.
    assert!(visit.get(path).await.path.starts_with("/connections/new?"));
    let page = visit.get("/connections/new/provider?name=N&provider=builtin").await;
    assert!(page.path.starts_with("/connections/new/access?"), "{page:?}");
}
