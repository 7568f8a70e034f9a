//! The page of a connection whose bytes are with a provider.

use http::StatusCode;
use portcullis_control::RemoteState;
use portcullis_domain::{Clock as _, Health, Role};

use super::outside::{SECRET, connected, step, was_told, world};
use super::visit::{SAME_ORIGIN, Visit};

fn home(path: &str) -> String {
    path.split('?').next().unwrap().to_owned()
}

#[tokio::test]
async fn the_way_to_the_provider_is_told() {
    let (world, outside) = world().await;
    let mut visit = Visit::admin(&world).await;
    let page = connected(&mut visit, "Media").await;
    let home = home(&page.path);
    let told = page.text("#provider");
    for part in ["Other S3", "eu-1", "https://minio.example.net:9000", "media/raw", "AKPROVIDER"] {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert_eq!((page.text("#health").as_str(), page.text("#counted").as_str()), ("Not used yet", "Not yet"));
    let now = world.clock.now();
    *outside.counted.lock().unwrap() = Some(now.before(std::time::Duration::from_secs(7_200)));
    for (state, health, word, advice) in [
        ("reachable", Health::Reachable, "Reachable", ""),
        ("degraded", Health::Degraded, "Slow or failing", "status page"),
        ("unreachable", Health::Unreachable, "No answer", "tried again by itself"),
        ("credentials rejected", Health::Unreachable, "Credentials refused", "replace it here"),
        ("bucket gone", Health::Unreachable, "Bucket gone", "Nothing was deleted"),
    ] {
        let since = now.before(std::time::Duration::from_secs(3_600));
        let last_error = Some("a <i>word</i>".to_owned());
        *outside.state.lock().unwrap() = Some(RemoteState { health, state, since, last_error });
        let page = visit.get(&home).await;
        assert!(page.text("#health").starts_with(word), "{page:?}");
        assert_eq!(page.all("#provider .callout").len(), usize::from(!advice.is_empty()), "{page:?}");
        if !advice.is_empty() {
            let text = page.text("#provider .callout");
            assert!(text.contains(advice) && text.contains("a <i>word</i>"), "{text}");
        }
        assert!(page.has("#health time") && page.text("#counted").contains('2'), "{page:?}");
    }
    assert!(!was_told(&world, SECRET));
}

#[tokio::test]
async fn a_connection_is_tested_again() {
    let (world, outside) = world().await;
    let mut visit = Visit::admin(&world).await;
    let page = connected(&mut visit, "Media").await;
    let before = outside.tests();
    let page = visit.submit(&page, "#test", &[]).await;
    assert_eq!(page.texts("#probe-steps b"), ["Name", "Files", "Contents"]);
    assert_eq!(outside.tested.lock().unwrap().last().unwrap().2, SECRET);
    outside.answers(vec![step("tcp", false, "no answer", "check the port")]);
    let page = visit.submit(&page, "#test", &[("write", "on")]).await;
    assert_eq!(
        (page.status, page.texts("#probe-steps li.n b")),
        (StatusCode::OK, vec!["Network".to_owned()])
    );
    assert!(page.text("#probe-steps").contains("Check the port."));
    let writes: Vec<_> = outside.tested.lock().unwrap().iter().skip(before).map(|test| test.3).collect();
    assert_eq!(writes, [false, true]);
    assert!(!was_told(&world, SECRET));
}

#[tokio::test]
async fn credentials_of_the_provider_are_replaced_when_they_work() {
    let (world, outside) = world().await;
    let mut visit = Visit::admin(&world).await;
    let page = connected(&mut visit, "Media").await;
    let path = format!("{}/provider/credentials", home(&page.path));
    assert!(page.has(&format!("a[href='{path}']")));
    let form = visit.get(&path).await;
    assert!(form.text("#replace").contains("AKPROVIDER"), "{form:?}");
    let page = visit.submit(&form, "#replace", &[]).await;
    assert_eq!((page.status, page.faults().len()), (StatusCode::UNPROCESSABLE_ENTITY, 2), "{page:?}");
    let new = [("access_key_id", "AKNEW"), ("secret_access_key", "another-secret")];
    outside.answers(vec![step("bucket", false, "may not list", "give it the right")]);
    let page = visit.submit(&form, "#replace", &new).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.text("#e-access_key_id").contains("give it the right"), "{page:?}");
    assert_eq!(page.attr("#f-access_key_id", "value"), "AKNEW");
    assert!(
        visit
            .get(&home(&path).replace("/provider/credentials", ""))
            .await
            .text("#provider")
            .contains("AKPROVIDER")
    );
    outside.answers(Vec::new());
    let page = visit.submit(&form, "#replace", &new).await;
    assert_eq!(page.toast(), "The provider’s credentials are replaced");
    assert!(page.text("#provider").contains("AKNEW") && !page.html.contains("AKPROVIDER"), "{page:?}");
    visit.submit(&page, "#test", &[]).await;
    assert_eq!(outside.tested.lock().unwrap().last().unwrap().2, "another-secret");
    assert!(!was_told(&world, SECRET) && !was_told(&world, "another-secret"));
}

#[tokio::test]
async fn it_is_for_the_admins_of_the_site_and_for_providers() {
    let (world, outside) = world().await;
    world.user(world.main_site().await, "bob", Role::Member).await;
    world.other_site().await;
    let mut visit = Visit::admin(&world).await;
    let remote = home(&connected(&mut visit, "Media").await.path);
    let builtin = format!("/connections/{}", world.storage("Here").await["id"].as_str().unwrap());
    assert!(!visit.get(&builtin).await.has("#provider"));
    let tests = outside.tests();
    let ask = |home: &str| format!("{home}/provider/credentials");
    let test = |home: &str| format!("{home}/provider/test");
    for (who, path, status) in [
        ("admin", &builtin, StatusCode::NOT_FOUND),
        ("eve", &remote, StatusCode::NOT_FOUND),
        ("bob", &remote, StatusCode::FORBIDDEN),
    ] {
        let mut visit = Visit::of(&world, who).await;
        let token = visit.csrf().await;
        assert_eq!(visit.look(&ask(path)).await.status, status, "{who}");
        for path in [ask(path), test(path)] {
            let fields = [("_csrf", token.as_str()), ("access_key_id", "a"), ("secret_access_key", "b")];
            assert_eq!(visit.post(&path, &fields, &[SAME_ORIGIN]).await.status, status, "{who} {path}");
            let forged = visit.post(&path, &fields[1..], &[SAME_ORIGIN]).await;
            assert_eq!(forged.status, StatusCode::FORBIDDEN, "{who} {path}");
        }
    }
    assert_eq!(outside.tests(), tests, "nothing was asked of the provider");
    let mut nobody = Visit::nobody(&world);
    assert_eq!(nobody.look(&ask(&remote)).await.status, StatusCode::SEE_OTHER);
    // Whoever comes to a form's address by hand is led to the page.
    assert_eq!(visit.get(&test(&remote)).await.path, remote);
}
